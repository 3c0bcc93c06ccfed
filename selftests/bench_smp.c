// SPDX-License-Identifier: GPL-2.0
/*
 * New flows from two processors at once against one, beside masquerade; and where
 * they wait for locks.
 *
 * With two processors there is no virtual time: what is measured depends on
 * whatever else the machine does. So rounds are short and many, the kinds take
 * turns in each, and medians are told; only ratios in one boot mean anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "lab/race.h"

#define ROUNDS 40
#define CPUS 2
#define ROWS 10			/* shown */
#define GROUP "new flows, new mappings, of one processor and two"

static struct {
	pthread_barrier_t start[CPUS];	/* for so many senders, less one */
	struct timespec begin[CPUS], end[CPUS];
} *shared;

static double seconds(struct timespec t)
{
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void share(void)
{
	pthread_barrierattr_t attr;
	unsigned int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	for (i = 0; i < CPUS; i++)
		pthread_barrier_init(&shared->start[i], &attr, i + 1);
}

/* A host each, ports that no other wants. */
static pid_t start_sender(enum nat nat, unsigned int cpu, unsigned int senders)
{
	struct train train;
	pid_t pid = fork();

	if (pid)
		return pid;
	race_pin(cpu);
	train = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
	train.src = net_nth(train.src, 1 + cpu);
	train.next[nat] = cpu * TRIAL_MAX;
	train_ready(nat, &train, TRIAL_MAX);
	pthread_barrier_wait(&shared->start[senders - 1]);
	clock_gettime(CLOCK_MONOTONIC, &shared->begin[cpu]);
	train_leave();
	clock_gettime(CLOCK_MONOTONIC, &shared->end[cpu]);
	_exit(0);
}

/* Flows a second. */
static double rate(enum nat nat, unsigned int senders)
{
	unsigned long before = net_arrived(nat, AT_SERVER), got;
	double begin, end;
	pid_t pid[CPUS];
	unsigned int i;
	int status;

	for (i = 0; i < senders; i++)
		pid[i] = start_sender(nat, i, senders);
	for (i = 0; i < senders; i++)
		if (waitpid(pid[i], &status, 0) != pid[i] || status)
			ktap_bail("a sender failed");
	usleep(20000);
	got = net_arrived(nat, AT_SERVER) - before;
	if (got != senders * TRIAL_MAX)
		ktap_bail("NAT %d: %lu of %u packets arrived", nat, got,
			  senders * TRIAL_MAX);
	begin = seconds(shared->begin[0]);
	end = seconds(shared->end[0]);
	for (i = 1; i < senders; i++) {
		if (seconds(shared->begin[i]) < begin)
			begin = seconds(shared->begin[i]);
		if (seconds(shared->end[i]) > end)
			end = seconds(shared->end[i]);
	}
	net_forget(nat);
	return got / (end - begin);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *value, unsigned int n)
{
	qsort(value, n, sizeof(*value), ascending);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

static void bench_ratio(void)
{
	static const char *const name[NATS] = { "no NAT", "masquerade",
						"natpunch" };
	static double value[NATS][CPUS][ROUNDS], ratio[NATS][ROUNDS];
	unsigned int nat, i, n;
	double m[NATS];
	char row[64];

	for (i = 0; i < ROUNDS; i++) {
		for (nat = 0; nat < NATS; nat++) {
			for (n = 0; n < CPUS; n++)
				value[nat][n][i] = rate(nat, n + 1);
			ratio[nat][i] = value[nat][1][i] / value[nat][0][i];
		}
	}
	for (nat = 0; nat < NATS; nat++) {
		for (n = 0; n < CPUS; n++) {
			snprintf(row, sizeof(row), "%s, %s", name[nat],
				 n ? "two processors" : "one");
			report_rate(GROUP, row, median(value[nat][n], ROUNDS));
		}
		m[nat] = median(ratio[nat], ROUNDS);
	}
	report_ratio(GROUP, "two to one", m[NATPUNCH], m[MASQUERADE]);
	report_ratio(GROUP, "two to one, no NAT", m[NO_NAT], 0);
}

/*
 * Contention: who comes too late for a spinlock, and for a read or write lock, and
 * has to wait. The kernel's slow paths are probed, and their callers counted. Bit
 * locks, such as those of rhashtable's buckets, have none.
 */

#define TRACING "/sys/kernel/tracing/"
#define SPOTS_MAX 256

static const char *const slow[] = {
	"native_queued_spin_lock_slowpath", "queued_read_lock_slowpath",
	"queued_write_lock_slowpath",
};

struct spot {
	char name[96];
	unsigned long times;
};

static struct spot spots[SPOTS_MAX];
static unsigned int n_spots;

/* Not by fopen(), which seeks the end: these files have none. */
static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ktap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

static void probe(bool on)
{
	char path[128], text[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(slow); i++) {
		snprintf(path, sizeof(path),
			 TRACING "events/kprobes/bench_%s/trigger", slow[i]);
		snprintf(text, sizeof(text), "p:bench_%s %s", slow[i], slow[i]);
		if (on)
			write_to(TRACING "kprobe_events", text);
		write_to(path, on ? "hist:keys=stacktrace:size=4096" :
				    "!hist:keys=stacktrace:size=4096");
		snprintf(text, sizeof(text), "-:bench_%s", slow[i]);
		if (!on)
			write_to(TRACING "kprobe_events", text);
	}
}

static void count_spot(const char *name, unsigned long times)
{
	unsigned int i;

	for (i = 0; i < n_spots; i++)
		if (!strcmp(spots[i].name, name))
			break;
	if (i == SPOTS_MAX)
		return;
	if (i == n_spots) {
		snprintf(spots[i].name, sizeof(spots[i].name), "%s", name);
		spots[n_spots++].times = 0;
	}
	spots[i].times += times;
}

/* Stacks, the innermost first. The spot is behind the function that locks. */
static void read_stacks(const char *path)
{
	char line[512], spot[96] = "", function[80];
	bool locking = false;
	unsigned long times;
	FILE *f = fopen(path, "r");

	if (!f)
		ktap_bail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "stacktrace:") == line + 2) {
			spot[0] = '\0';
			locking = false;
		} else if (sscanf(line, "} hitcount: %lu", &times) == 1) {
			count_spot(*spot ? spot : "(unknown)", times);
		} else if (sscanf(line, " %79[^+]", function) == 1 && !*spot) {
			if (!strncmp(function, "_raw_", 5))
				locking = true;
			else if (locking)
				snprintf(spot, sizeof(spot), "%s%s", function,
					 strstr(line, "[natpunch]") ?
					 " [natpunch]" : "");
		}
	}
	fclose(f);
}

static int most_first(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	return (x->times < y->times) - (x->times > y->times);
}

static void report_spots(const char *nat)
{
	unsigned int i, ours = 0, best = 0;

	qsort(spots, n_spots, sizeof(*spots), most_first);
	printf("\nwhere two processors wait for locks, %s, in %d flows\n", nat,
	       ROUNDS * CPUS * TRIAL_MAX);
	for (i = 0; i < n_spots; i++) {
		if (i < ROWS)
			printf("  %2u %-48s %8lu\n", i + 1, spots[i].name,
			       spots[i].times);
		if (!strstr(spots[i].name, "[natpunch]"))
			continue;
		ours += i < 3;
		if (!best)
			best = i + 1;
	}
	printf("  first of natpunch's: %u of %u\n", best, n_spots);
	report_value("locks that two processors wait for", nat, ours,
		     "of the first 3");
}

/* As the sources spell them; the lock of a mapping is &m->lock. */
static bool is_ours(const char *lock)
{
	static const char *const names[] = {
		"&m->lock", "&npn->lock", "&holds->lock", "&cn->lock",
		"&addr->upstreams[i].lock",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(lock, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * In a kernel with lock statistics, those: each class of locks has a row that
 * ends its name with ':', and then numbers, how many have waited the second.
 */
static void read_lock_stat(void)
{
	double bounces, contentions;
	char line[1024], *name, *colon, spot[96];
	FILE *f = fopen("/proc/lock_stat", "r");

	if (!f)
		ktap_bail("/proc/lock_stat: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		colon = strrchr(line, ':');
		if (!colon || sscanf(colon + 1, "%lf %lf", &bounces,
				     &contentions) != 2 || !contentions)
			continue;
		*colon = '\0';
		name = line + strspn(line, " ");
		snprintf(spot, sizeof(spot), "%.60s%s", name,
			 is_ours(name) ? " [natpunch]" : "");
		count_spot(spot, contentions);
	}
	fclose(f);
}

static void bench_lock_stat(enum nat nat, const char *name)
{
	unsigned int i;

	n_spots = 0;
	write_to("/proc/lock_stat", "0");
	write_to("/proc/sys/kernel/lock_stat", "1");
	for (i = 0; i < ROUNDS; i++)
		rate(nat, CPUS);
	write_to("/proc/sys/kernel/lock_stat", "0");
	read_lock_stat();
	report_spots(name);
}

static void bench_locks(enum nat nat, const char *name)
{
	char path[128];
	unsigned int i;

	n_spots = 0;
	probe(true);
	for (i = 0; i < ROUNDS; i++)
		rate(nat, CPUS);
	for (i = 0; i < ARRAY_SIZE(slow); i++) {
		snprintf(path, sizeof(path),
			 TRACING "events/kprobes/bench_%s/hist", slow[i]);
		read_stacks(path);
	}
	probe(false);
	report_spots(name);
}

void bench_smp(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < CPUS)
		ktap_bail("one processor");
	share();
	if (!access("/proc/lock_stat", R_OK)) {
		bench_lock_stat(MASQUERADE, "masquerade");
		bench_lock_stat(NATPUNCH, "natpunch");
		return;
	}
	bench_ratio();
	bench_locks(MASQUERADE, "masquerade");
	bench_locks(NATPUNCH, "natpunch");
}
