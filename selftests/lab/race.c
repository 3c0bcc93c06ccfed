// SPDX-License-Identifier: GPL-2.0
/*
 * Races. Owns a page that the racers share. They wait for each other in a loop: to
 * be woken takes longer than what is to happen at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"
#include "race.h"

#define SPINS_BEFORE_YIELD	20000
#define SKEWS			16
#define SKEW_SPINS		400

static struct shared {
	atomic_uint at[2];	/* the round that a racer has come to */
	atomic_long calls;	/* of who is kept going */
} *shared;

bool race_possible(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

bool race_pin_other(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(pid, sizeof(set), &set);
}

void race_pin(int cpu)
{
	if (!race_pin_other(0, cpu))
		ktap_bail("processor %d: %s", cpu, strerror(errno));
}

static void share(void)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ktap_bail("memory: %s", strerror(errno));
	atomic_store(&shared->at[0], 0);
	atomic_store(&shared->at[1], 0);
	atomic_store(&shared->calls, 0);
}

static void wait_for_other(int me, unsigned int round)
{
	unsigned int spins = 0;

	atomic_store(&shared->at[me], round + 1);
	while (atomic_load(&shared->at[!me]) <= round)
		if (++spins > SPINS_BEFORE_YIELD)
			sched_yield();
}

static void be_late(unsigned int skew)
{
	volatile unsigned int i;

	for (i = 0; i < skew * SKEW_SPINS; i++)
		;
}

static pid_t start_racer(int me, unsigned int rounds, race_fn *fn)
{
	unsigned int i;
	pid_t pid = lab_fork();

	if (pid)
		return pid;
	race_pin(me);
	for (i = 0; i < rounds; i++) {
		wait_for_other(me, i);
		be_late(me ? i % SKEWS : SKEWS - 1 - i % SKEWS);
		fn(i);
	}
	_exit(0);
}

void race(unsigned int rounds, race_fn *first, race_fn *second)
{
	pid_t pid[2];
	int status;

	share();
	pid[0] = start_racer(0, rounds, first);
	pid[1] = start_racer(1, rounds, second);
	waitpid(pid[0], &status, 0);
	waitpid(pid[1], &status, 0);
}

pid_t race_keep(int cpu, race_fn *fn)
{
	unsigned int i;
	pid_t pid;

	share();
	pid = lab_fork();
	if (pid) {
		/* On a busy system it may take long to begin. */
		while (!atomic_load(&shared->calls) &&
		       !waitpid(pid, NULL, WNOHANG))
			sleep_ms(1);
		return pid;
	}
	race_pin(cpu);
	for (i = 0;; i++) {
		fn(i);
		atomic_fetch_add(&shared->calls, 1);
	}
}

long race_end(pid_t pid)
{
	bool died = waitpid(pid, NULL, WNOHANG);

	if (!died) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return died ? -1 : atomic_load(&shared->calls);
}
