// SPDX-License-Identifier: GPL-2.0
/*
 * Two processors see the first two packets of one internal endpoint at once: they
 * get one mapping.
 * needs: smp=2 noicount kernel=6.1 timeout=900
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/behave.h"

#define ROUNDS 400
#define FIRST_PORT 10000

static pthread_barrier_t *start_line;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* One of two senders: its own destination, the same source port each round. */
static pid_t start_racer(int cpu)
{
	int socks[ROUNDS], i;
	pid_t pid;

	for (i = 0; i < ROUNDS; i++)
		socks[i] = udp_open(A, host(A, FIRST_PORT + i));
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin(cpu);
	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(start_line);
		udp_send(socks[i], server(1 + cpu, 3478));
	}
	_exit(0);
}

static void make_start_line(void)
{
	pthread_barrierattr_t attr;

	start_line = mmap(NULL, sizeof(*start_line), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(start_line, &attr, 2);
}

/* How many rounds had two external endpoints, or lost a packet. */
static struct seen race(const struct row *row)
{
	unsigned int i, split = 0, lost = 0, port[2][ROUNDS] = { 0 };
	int wire = sniff_open(NET, "ga");
	struct ep to[2] = { server(1, 3478), server(2, 3478) };
	struct packet p;
	pid_t pid[2];

	(void)row;
	/* Not for the neighbour tables to drop. */
	external(IPPROTO_ICMP, A, 1, server(1, 0));
	external(IPPROTO_ICMP, A2, 1, server(2, 0));
	/* A2 has every port, so that each mapping needs a search. */
	for (i = 0; i < ROUNDS; i++)
		udp_send(udp_open(A2, host(A2, FIRST_PORT + i)),
			 server(1, 9));
	make_start_line();
	pid[0] = start_racer(0);
	pid[1] = start_racer(1);
	waitpid(pid[0], NULL, 0);
	waitpid(pid[1], NULL, 0);
	sleep_ms(500);
	while (sniff_next(wire, &p, 0)) {
		unsigned int number, which = ep_eq(p.dst, to[1]);

		if (!ep_eq(p.dst, to[which]) ||
		    sscanf((char *)p.data + p.payload, "packet %u",
			   &number) != 1)
			continue;
		/* Both racers count alike, from where they were forked. */
		port[which][number % ROUNDS] = ep_port(p.src);
	}
	for (i = 0; i < ROUNDS; i++) {
		bool both = port[0][i] && port[1][i];

		if (both && port[0][i] == port[1][i])
			continue;
		ktap_diag("race %u: ports %u and %u", i, port[0][i],
			  port[1][i]);
		lost += !both;
		split += both;
	}
	return seen(!split && !lost, "%d races: %u with two mappings, %u lost",
		    ROUNDS, split, lost);
}

static const struct row rows[] = {
	{ .name = "two processors, one mapping", .measure = race },
	{ .name = "two processors, one mapping, watched flows",
	  .measure = race, .options = "--inbound-refresh off" },
};

int main(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		ktap_skip_all("one processor");
	return rows_main(rows, ARRAY_SIZE(rows));
}
