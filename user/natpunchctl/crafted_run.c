// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl crafted run: flows that are registered as long as a command runs.
 *
 * The registrations, and the watching of devices, are bound to our netlink
 * socket: whatever ends us, nothing stays.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "natpunchctl.h"

#define LEASE	60

static const struct opt options[] = {
	{ "lease", "TIME", "how long at a time it is registered (60)",
	  OPT_LEASE },
	{ .name = NULL }
};

struct session {
	struct ctl *ctl;
	char **command;
	uint32_t lease;
	struct natpunch_crafted *flow;	/* what is to be held */
	size_t n;
	uint32_t last_id;		/* of the flows that were there before */
	uint64_t rsts;			/* dropped before */
};

static void parse(struct ctl *ctl, int argc, char **argv, struct session *s)
{
	const char *local, *remote;
	struct natpunch_crafted *f;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		;
	s->command = argv + i + 1;
	s->lease = LEASE;
	while (next_option(ctl, i, argv) == OPT_LEASE)
		s->lease = parse_seconds("--lease", optarg);
	if (i >= argc - 1)
		usage("the command is missing: natpunchctl crafted run %s",
		      crafted_run.args);
	while (optind < i) {
		local = needed_argument(ctl, i, argv, "the local endpoint");
		remote = needed_argument(ctl, i, argv, "the remote endpoint");
		s->flow = more(s->flow, s->n, sizeof(*s->flow));
		f = &s->flow[s->n++];
		parse_crafted(f, local, remote);
		f->lease = s->lease;
		f->bound = 1;
		f->fields |= NATPUNCH_HAS(CRAFTED_LEASE) |
			     NATPUNCH_HAS(CRAFTED_BOUND);
	}
}

/* The command runs where the flows are. */
static void enter_netns(struct ctl *ctl)
{
	char path[PATH_MAX];
	int fd;

	if (!ctl->netns)
		return;
	snprintf(path, sizeof(path), "%s%s",
		 strchr(ctl->netns, '/') ? "" : "/run/netns/", ctl->netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fail("there is no network namespace '%s': 'ip netns' lists them",
		     ctl->netns);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		fail("cannot enter network namespace '%s': %s", ctl->netns,
		     strerror(errno));
	close(fd);
	ctl->netns = NULL;
}

/* Register, or renew. What was registered replaces what was asked for. */
static int hold_flows(struct session *s)
{
	struct natpunch_crafted made;
	size_t i;
	int err;

	for (i = 0; i < s->n; i++) {
		s->flow[i].lease = s->lease;
		err = natpunch_crafted_add(s->ctl->np, &s->flow[i], &made);
		if (err)
			return err;
		s->flow[i].id = made.id;
	}
	return 0;
}

/* Until our socket is closed. */
static void watch_all(struct session *s)
{
	struct if_nameindex *all = if_nameindex(), *i;
	int err;

	for (i = all; i && i->if_name; i++) {
		err = natpunch_crafted_dev_set(s->ctl->np, i->if_name, 1, 1);
		if (err && err != -ENODEV)	/* gone meanwhile */
			fail_kernel(s->ctl, err);
	}
	if_freenameindex(all);
}

static uint64_t count_rsts(struct ctl *ctl)
{
	struct natpunch_stats stats;

	return natpunch_stats_get(ctl->np, &stats) ? 0 : stats.crafted_rsts;
}

static void begin(struct session *s)
{
	struct crafted_list flows;
	size_t i;
	int err;

	err = read_crafted(s->ctl, &flows);
	for (i = 0; !err && i < flows.n; i++)
		if (flows.flow[i].id > s->last_id)
			s->last_id = flows.flow[i].id;
	free(flows.flow);
	if (err)
		fail_kernel(s->ctl, err);
	s->rsts = count_rsts(s->ctl);
	err = hold_flows(s);
	if (err)
		refuse_crafted(s->ctl, &s->flow[0], err);
	if (!s->n)
		watch_all(s);
}

static void print_flow(const struct natpunch_crafted *flow)
{
	char local[CRAFTED_SIZE], remote[CRAFTED_SIZE];

	fprintf(stderr, "held: %s -> %s%s\n", format_local(local, flow),
		format_remote(remote, flow), flow->automatic ? " (auto)" : "");
}

/* What was held, to stderr as the command's own output has stdout. */
static void end(struct session *s)
{
	json_t *list = json_array(), *object;
	struct crafted_list flows;
	struct natpunch_crafted *f;
	uint64_t rsts = count_rsts(s->ctl) - s->rsts;
	size_t i;

	if (read_crafted(s->ctl, &flows))
		flows.n = 0;
	for (i = 0; i < flows.n; i++) {
		f = &flows.flow[i];
		if (f->id <= s->last_id || (s->n ? !f->bound : !f->automatic))
			continue;
		json_array_append_new(list, json_crafted(f));
		if (!s->ctl->json)
			print_flow(f);
	}
	if (s->ctl->json) {
		object = json_object();
		json_add(object, "held", list);
		json_add(object, "rsts", json_integer((json_int_t)rsts));
		json_dumpf(object, stderr, s->ctl->pretty ? JSON_INDENT(2) :
							    JSON_COMPACT);
		fputc('\n', stderr);
		json_decref(object);
	} else {
		json_decref(list);
		fprintf(stderr, "RSTs dropped meanwhile: %llu\n",
			(unsigned long long)rsts);
	}
	free(flows.flow);
}

static void exec_command(char **command, const sigset_t *before)
{
	int err;

	sigprocmask(SIG_SETMASK, before, NULL);
	execvp(command[0], command);
	err = errno;
	warn("cannot run '%s': %s", command[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

/* The terminal sends its signals to the command itself. */
static void pass_signal(pid_t pid, int sig)
{
	if (sig == SIGTERM || sig == SIGHUP)
		kill(pid, sig);
}

/* Renew at half time; returns what waitpid() tells of the command. */
static int attend(struct session *s, pid_t pid, const sigset_t *signals)
{
	const struct timespec half = {
		.tv_sec = s->lease / 2,
		.tv_nsec = s->lease % 2 * 500000000L,
	};
	int sig, status = 0, err;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		sig = sigtimedwait(signals, NULL, &half);
		if (sig > 0) {
			pass_signal(pid, sig);
			continue;
		}
		err = errno == EAGAIN ? hold_flows(s) : 0;
		if (err)
			warn("cannot renew: %s",
			     natpunch_strerror(s->ctl->np, err));
	}
	return status;
}

static int run_command(struct session *s)
{
	static const int caught[] = {
		SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP
	};
	sigset_t signals, before;
	int status;
	size_t i;
	pid_t pid;

	sigemptyset(&signals);
	for (i = 0; i < ARRAY_SIZE(caught); i++)
		sigaddset(&signals, caught[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	begin(s);
	fflush(stdout);
	pid = fork();
	if (!pid)
		exec_command(s->command, &before);
	status = pid < 0 ? -1 : attend(s, pid, &signals);
	if (pid < 0)
		warn("cannot fork: %s", strerror(errno));
	end(s);
	if (pid < 0)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct session s = { .ctl = ctl };
	int status;

	parse(ctl, argc, argv, &s);
	enter_netns(ctl);
	open_natpunch(ctl);
	status = run_command(&s);
	free(s.flow);
	return status;
}

const struct verb crafted_run = {
	.name = "run",
	.args = "[LOCAL[:PORT[-PORT]] REMOTE[/LEN][:PORT]]... [OPTION]... -- COMMAND [ARGUMENT]...",
	.summary = "register flows as long as a command runs",
	.notes =
"Without endpoints every device is watched, as by 'crafted auto', until the\n"
"command ends. What was held is printed on stderr; the exit status is that of the\n"
"command, 127 if there is none. With -n the command runs in that network\n"
"namespace. Examples:\n"
"  natpunchctl crafted run -- python3 handshake.py\n"
"  natpunchctl crafted run 192.0.2.1:4000 198.51.100.7:80 -- ./handshake\n",
	.options = options,
	.run = run,
};
