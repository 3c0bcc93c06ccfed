// SPDX-License-Identifier: GPL-2.0
/*
 * Counting by single steps; see instructions.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instructions.h"

static void nothing(void)
{
}

static void run_child(void (*function)(void))
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(1);
	raise(SIGSTOP);
	function();
	raise(SIGUSR1);
	_exit(0);
}

/* Steps from the first stop to SIGUSR1. */
static long count_steps(pid_t pid)
{
	long steps = 0;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return -1;
		if (WSTOPSIG(status) == SIGUSR1)
			return steps;
		steps++;
	}
}

static long count(void (*function)(void))
{
	pid_t pid = fork();
	long steps;

	if (pid < 0)
		return -1;
	if (!pid)
		run_child(function);
	steps = count_steps(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (steps < 0)
		errno = EPERM;
	return steps;
}

double instructions(void (*function)(void))
{
	static long empty = -1;
	long steps;

	if (empty < 0)
		empty = count(nothing);
	steps = empty < 0 ? -1 : count(function);
	return steps < 0 ? -1 : (double)(steps - empty);
}
