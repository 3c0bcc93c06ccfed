// SPDX-License-Identifier: GPL-2.0
/*
 * Events. The program runs beside us, a process for each event, and is not waited
 * for; what it gets from peers are names of ours alone.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "control.h"
#include "event_log.h"
#include "log.h"
#include "session.h"

#define MAX_ENV		12
#define ENV_SIZE	256

struct environment {
	char text[MAX_ENV][ENV_SIZE];
	char *word[MAX_ENV + 1];
	int n;
};

static void set(struct environment *env, const char *name, const char *value)
{
	snprintf(env->text[env->n], ENV_SIZE, "%s=%s", name, value);
	env->word[env->n] = env->text[env->n];
	env->n++;
}

/* It inherits no signal of ours; children are reaped by the kernel. */
static void run(const char *program, struct environment *env)
{
	char *const argv[] = { (char *)program, NULL };
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int err;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn(&pid, program, NULL, &attr, argv, env->word);
	posix_spawnattr_destroy(&attr);
	if (err)
		log_warning("notify: %s: %s", program, strerror(err));
}

void event_session(const struct session *s)
{
	bool asks = s->role == SESSION_ASKS;
	const struct conf *conf = s->daemon->conf;
	struct environment env = { .n = 0 };
	char ep[ENDPOINT_SIZE];

	control_event(s->daemon, "connection", session_show(s));
	if (!conf || !conf->notify || !s->peer)
		return;
	set(&env, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
	set(&env, "NATPUNCH_EVENT", "connection");
	set(&env, "NATPUNCH_STATE", session_state_name(s->state));
	set(&env, "NATPUNCH_PEER", s->peer->name);
	set(&env, "NATPUNCH_SERVICE", s->service);
	set(&env, "NATPUNCH_ROLE", asks ? "asks" : "serves");
	set(&env, "NATPUNCH_ENDPOINT",
	    endpoint_str(ep, asks ? &s->listen : &s->to));
	set(&env, "NATPUNCH_REASON", s->reason);
	run(conf->notify, &env);
}
