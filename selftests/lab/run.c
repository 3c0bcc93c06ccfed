// SPDX-License-Identifier: GPL-2.0
/*
 * Programs inside a node. A child dies with us (PDEATHSIG), so nothing is left
 * behind even when the test is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

static char output[256 * 1024];

const char *run_output(void)
{
	return output;
}

pid_t lab_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		ktap_bail("fork: %s", strerror(errno));
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Start `sh -c command`; its output goes to a file in memory. */
static pid_t start(enum node node, const char *command, int in, int out)
{
	pid_t pid = lab_fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	lab_enter(node);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static const char *read_all(int fd)
{
	ssize_t n = pread(fd, output, sizeof(output) - 1, 0);

	output[n > 0 ? n : 0] = '\0';
	return output;
}

static int memory_file(const char *content)
{
	int fd = memfd_create("lab", MFD_CLOEXEC);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		ktap_bail("memfd: %s", strerror(errno));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static int run_command(enum node node, const char *input, const char *command)
{
	int in = memory_file(input), out = memory_file("");
	pid_t pid = start(node, command, in, out);
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	read_all(out);
	close(in);
	close(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int run_with(enum node node, const char *input, const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return run_command(node, input, command);
}

int run(enum node node, const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return run_command(node, "", command);
}

void must(enum node node, const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (run_command(node, "", command))
		ktap_bail("%s: %s", command, output);
}

void nft(enum node node, const char *ruleset, ...)
{
	char text[8192];
	va_list args;

	va_start(args, ruleset);
	vsnprintf(text, sizeof(text), ruleset, args);
	va_end(args);
	if (run_command(node, text, "nft -f -"))
		ktap_bail("nft: %s\n%s", output, text);
}

struct job job_start(enum node node, const char *fmt, ...)
{
	char command[4096];
	struct job job;
	va_list args;
	int in;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	in = memory_file("");
	job.out = memory_file("");
	job.pid = start(node, command, in, job.out);
	close(in);
	return job;
}

const char *job_output(struct job *job)
{
	return read_all(job->out);
}

bool job_running(struct job *job)
{
	return waitpid(job->pid, NULL, WNOHANG) == 0;
}

bool job_wait_for(struct job *job, const char *text, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms;

	while (!strstr(job_output(job), text)) {
		if (now_ms() > end)
			return false;
		sleep_ms(20);
	}
	return true;
}

int job_stop(struct job *job)
{
	unsigned long end = now_ms() + 5000;
	int status = 0;

	/* The group: sh may have forked. */
	kill(-job->pid, SIGTERM);
	while (!waitpid(job->pid, &status, WNOHANG)) {
		if (now_ms() > end)
			kill(-job->pid, SIGKILL);
		sleep_ms(20);
	}
	return status;
}
