// SPDX-License-Identifier: GPL-2.0
/*
 * The system has no memory left: a hog has it, the kernel ends one program after
 * the other, and a flood takes what that frees. New flows may be lost, those that
 * there are go on, and when the hog has gone all is well.
 * A cgroup's limit on the gateway's programs does not reach what packets need.
 *
 * What the kernel ends, and when, depends on what else has memory; the flood may
 * find nothing left that it could end. So this runs only if FLOOD=N is given: 2000
 * is right.
 *
 * needs: kernel=6.1 timeout=1200
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/flood.h"

#define FLOOD 2000
#define HOG "/run/hog"
#define CGROUP "/sys/fs/cgroup/natpunch_test"
/* Programs that the kernel may end. */
#define VICTIMS 96
#define VICTIM_BYTES (512 << 10)

static pid_t victims[VICTIMS];

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ktap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

/* We are to see what happens, and the VM is to go on. */
static void spare(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	write_to(path, "-1000");
}

static pid_t victim(void)
{
	pid_t pid = fork();
	void *taken;

	if (pid < 0)
		ktap_bail("fork: %s", strerror(errno));
	if (pid)
		return pid;
	write_to("/proc/self/oom_score_adj", "1000");
	taken = mmap(NULL, VICTIM_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (taken == MAP_FAILED)
		_exit(1);
	for (;;)
		pause();
}

/* How many the kernel has ended so far. */
static unsigned int ended(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < VICTIMS; i++) {
		if (victims[i] && waitpid(victims[i], NULL, WNOHANG) > 0)
			victims[i] = 0;
		n += !victims[i];
	}
	return n;
}

/* Take memory until there is none. */
static void hog(void)
{
	static char block[64 << 10];
	unsigned int i;
	int fd;

	must(HOME, "mkdir -p " HOG " && mount -t tmpfs -o size=100%% hog " HOG);
	spare(1);
	spare(getppid());
	spare(getpid());
	for (i = 0; i < VICTIMS; i++)
		victims[i] = victim();
	sleep_ms(100);
	memset(block, 1, sizeof(block));
	if (mlockall(MCL_CURRENT))
		ktap_bail("mlockall: %s", strerror(errno));
	fd = open(HOG "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (!ended())
		if (write(fd, block, sizeof(block)) < 0)
			ktap_bail(HOG ": %s", strerror(errno));
	close(fd);
}

static void hog_gone(void)
{
	unsigned int i;

	munlockall();
	for (i = 0; i < VICTIMS; i++) {
		if (!victims[i])
			continue;
		kill(victims[i], SIGKILL);
		waitpid(victims[i], NULL, 0);
	}
	must(HOME, "umount " HOG);
}

static struct seen no_memory(const struct row *row)
{
	unsigned int i, total = flood_size(FLOOD), n;
	struct flow t, u, after;
	struct packet p;
	long out;
	int raw;

	(void)row;
	flood_sink();
	conntrack_size(0);
	t = flow_open(IPPROTO_TCP, A2, 4000, server(1, 80));
	u = flow_open(IPPROTO_UDP, A2, 4001, server(1, 3478));
	raw = flood_open(A);
	out = stat_of("flows_out");
	hog();
	for (i = 0; i < total && ended() < VICTIMS; i++) {
		p = packet_udp(host(A, 5000), flood_stranger(i, 9), "");
		flood_send(raw, &p);
		if (i % (total / 4) == total / 8 &&
		    (!flow_push(&t) || !flow_push(&u)))
			break;
	}
	n = ended();
	hog_gone();
	out = stat_of("flows_out") - out;
	if (i < total)
		return seen(false, "after %u flows A2's stop; %u ended", i, n);
	after = flow_open(IPPROTO_UDP, A, 6000, server(1, 80));
	return seen(after.answered && flow_push(&t) && flow_push(&u),
		    "%u programs were ended; %ld of %u flows left, no memory for %ld; A then %s",
		    n, out, total, stat_of("no_memory"),
		    after.answered ? "goes on" : "is stuck");
}

/* The gateway's programs may have next to nothing. */
static struct seen cgroup(const struct row *row)
{
	unsigned int i, total = flood_size(FLOOD);
	int raw = flood_open(A), status;
	long before = stat_of("flows_out"), n;
	struct packet p;

	(void)row;
	flood_sink();
	conntrack_size(0);
	must(HOME, "mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup /sys/fs/cgroup");
	must(HOME, "echo +memory >/sys/fs/cgroup/cgroup.subtree_control");
	must(HOME, "mkdir -p " CGROUP);
	write_to(CGROUP "/memory.max", "4096");
	status = run(HOME, "sh -c 'echo $$ >" CGROUP "/cgroup.procs; exec natpunchctl -n GA wan show'");
	for (i = 0; i < total; i++) {
		p = packet_udp(host(A, 5000), flood_stranger(i, 9), "");
		flood_send(raw, &p);
	}
	sleep_ms(100);
	n = stat_of("flows_out") - before;
	must(HOME, "rmdir " CGROUP);
	return seen(n == total && status, "%ld of %u flows; natpunchctl: %d",
		    n, total, status);
}

static const struct row rows[] = {
	{ .name = "a cgroup's limit does not reach packets",
	  .measure = cgroup },
	{ .name = "there is no memory, and then there is",
	  .measure = no_memory },
};

int main(void)
{
	if (!getenv("FLOOD"))
		ktap_skip_all("FLOOD=2000 runs it");
	return rows_main(rows, ARRAY_SIZE(rows));
}
