// SPDX-License-Identifier: GPL-2.0
/*
 * A mapping's time is over, but nobody had a moment to end it yet, when the internal
 * endpoint sends to somebody new. If the flow can be recorded the mapping goes on;
 * if not it ends, once. (That the kernel does not complain is for whoever runs this
 * to see.)
 *
 * needs: kernel=6.1
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/flood.h"

#define PORT	5000
/* By how much a timer of two minutes may be late. */
#define LATE_MS	4000
/* The time that newer kernels keep for others, of each second. */
#define FAIR	"/sys/kernel/debug/sched/fair_server/cpu0/runtime"

/* What the last of A's mappings has left, in seconds. */
static long left(void)
{
	must(GA, "natpunchctl -j mapping show --internal 10.1.0.2 |"
		 "sed -n 's/.*\"expires\": *\\([0-9]*\\).*/\\1/p' |"
		 "sort -n | tail -n 1");
	if (!*run_output())
		ktap_bail("A has no mapping");
	return atol(run_output());
}

/* From here on no other process runs, and no worker; interrupts do. */
static void alone(bool yes)
{
	struct sched_param param = { .sched_priority = yes };

	must(HOME, "sysctl -qw kernel.sched_rt_runtime_us=%d;"
		   "test ! -w " FAIR " || echo %d >" FAIR,
	     yes ? -1 : 950000, yes ? 0 : 50000000);
	if (sched_setscheduler(0, yes ? SCHED_FIFO : SCHED_OTHER, &param))
		ktap_bail("no such priority");
}

/* Somebody who would like to run. */
static volatile unsigned long *start_other(pid_t *pid)
{
	volatile unsigned long *turns;

	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turns == MAP_FAILED)
		ktap_bail("no memory");
	*pid = lab_fork();
	while (!*pid)
		++*turns;
	return turns;
}

/* So that A has a port that it would not get again, and nothing else has it. */
static struct flow open_at_another_port(unsigned int port)
{
	struct flow f;

	external(IPPROTO_UDP, A2, port, server(1, 3478));
	f = flow_open(IPPROTO_UDP, A, port, server(1, 3478));
	must(GA, "natpunchctl mapping flush --internal 10.1.0.3");
	return f;
}

/* Returns whether nobody else ran until then. */
static bool send_when_due(struct flow *recorded, struct flow *refused)
{
	volatile unsigned long *turns;
	volatile unsigned int i;
	unsigned long before, end;
	bool starved;
	pid_t pid;

	while (left() > 1)
		sleep_s(1);
	turns = start_other(&pid);
	sleep_ms(100);
	alone(true);
	before = *turns;
	/* To ask for the time is dear in a VM. */
	for (end = now_ms() + LATE_MS; now_ms() < end;)
		for (i = 0; i < 1000000; i++)
			;
	starved = *turns == before;
	udp_send(recorded->in, server(2, 3478));
	max_flows_set(1);
	udp_send(refused->in, server(2, 3478));
	max_flows_set(0);
	alone(false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return starved;
}

static struct seen comes_just_then(const struct row *row)
{
	struct flow recorded = open_at_another_port(PORT);
	struct flow refused = open_at_another_port(PORT + 1);
	struct ep was = recorded.external;
	bool starved;

	(void)row;
	if (ep_eq(was, wan(GA, PORT)) ||
	    ep_eq(refused.external, wan(GA, PORT + 1)))
		return seen(false, "A has the ports that it asked for");
	starved = send_when_due(&recorded, &refused);

	sleep_s(5);
	flow_ask(&recorded);
	flow_ask(&refused);
	/* Whatever is left of it has its time. */
	sleep_s(60);
	return seen(starved && ep_eq(recorded.external, was) &&
		    ep_eq(refused.external, wan(GA, PORT + 1)),
		    "recorded: %u, then %u; refused: then %u%s", ep_port(was),
		    ep_port(recorded.external), ep_port(refused.external),
		    starved ? "" : "; others ran");
}

static const struct row rows[] = {
	{ .name = "a packet just then", .measure = comes_just_then,
	  .options = "--udp-timeout 120" },
};

ROWS_MAIN(rows)
