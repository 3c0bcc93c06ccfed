// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's life. Owns struct daemon, and the order in which its parts start,
 * take a new configuration and end.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "control.h"
#include "daemon.h"
#include "hand.h"
#include "log.h"
#include "peer.h"
#include "queue.h"
#include "rendezvous.h"
#include "saved.h"
#include "service.h"
#include "session.h"
#include "supervisor.h"

#define SIGNALS	4

struct life {
	struct daemon daemon;
	const char *conf_path;
	struct event *signal[SIGNALS];
	struct event *watchdog;
};

static void set_log(const struct conf *conf)
{
	static const char * const words[] = {
		"error", "warning", "info", "debug"
	};
	static const int levels[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
				      LOG_DEBUG };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(conf->log_level, words[i]))
			log_start(!strcmp(conf->log_to, "syslog"), levels[i]);
}

/* --- reload --------------------------------------------------------------- */

/* What is wrong goes to the log, line by line. */
static struct conf *read_conf(const char *path)
{
	char *text = NULL, *line, *rest;
	struct conf *conf;
	size_t size;
	FILE *errors = open_memstream(&text, &size);

	if (!errors)
		return NULL;
	conf = conf_read(path, errors);
	fclose(errors);
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		log_error("%s", line);
	free(text);
	return conf;
}

static void warn_fixed(const char *what, const char *old, const char *new)
{
	if (strcmp(old ? old : "", new ? new : ""))
		log_warning("%s has changed: that needs a restart", what);
}

/* Peers first: what their sessions have to say still goes to the old brokers. */
static void take_conf(struct daemon *d, struct conf *conf)
{
	struct conf *old = d->conf;
	int err;

	warn_fixed("key", old->key, conf->key);
	warn_fixed("user", old->user, conf->user);
	warn_fixed("socket", old->socket, conf->socket);
	warn_fixed("state", old->state, conf->state);
	set_log(conf);
	d->conf = conf;
	err = peer_reload(d);
	if (!err)
		err = service_reload(d);
	if (!err)
		err = session_reload(d);
	if (!err)
		err = rendezvous_reload(d);
	if (!err && d->path->reload)
		err = d->path->reload(d);
	if (err)
		log_error("reload: %s", strerror(-err));
	saved_write(d);
	conf_free(old);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct life *life = arg;
	struct conf *conf;
	char text[64];

	(void)number;
	(void)what;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)clock_ms() * 1000);
	supervisor_tell(text);
	conf = read_conf(life->conf_path);
	if (conf) {
		take_conf(&life->daemon, conf);
		log_info("reloaded %s", life->conf_path);
	} else {
		log_error("%s is not taken over: all stays as it was",
			  life->conf_path);
	}
	supervisor_tell("READY=1");
}

/* --- signals and the watchdog --------------------------------------------- */

static void on_end(evutil_socket_t number, short what, void *arg)
{
	struct life *life = arg;

	(void)number;
	(void)what;
	event_base_loopbreak(life->daemon.base);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	supervisor_tell("WATCHDOG=1");
}

static int start_watchdog(struct life *life)
{
	uint64_t usec = supervisor_watchdog_us();
	struct timeval t;

	if (!usec)
		return 0;
	t.tv_sec = (time_t)(usec / 2 / 1000000);
	t.tv_usec = (suseconds_t)(usec / 2 % 1000000);
	life->watchdog = event_new(life->daemon.base, -1, EV_PERSIST,
				   on_watchdog, NULL);
	return life->watchdog && !event_add(life->watchdog, &t) ? 0 : -ENOMEM;
}

static int start_signals(struct life *life)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} handlers[] = {
		{ SIGTERM, on_end }, { SIGINT, on_end }, { SIGHUP, on_reload },
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN,
				    .sa_flags = SA_NOCLDWAIT };
	size_t i;

	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGCHLD, &ignore, NULL);	/* the notify program */
	for (i = 0; i < ARRAY_SIZE(handlers); i++) {
		life->signal[i] = evsignal_new(life->daemon.base,
					       handlers[i].number,
					       handlers[i].fn, life);
		if (!life->signal[i] || event_add(life->signal[i], NULL))
			return -ENOMEM;
	}
	return 0;
}

/* --- start ---------------------------------------------------------------- */

static struct site_key *read_key(const char *path)
{
	char words[SITE_KEY_STR_SIZE];
	struct site_key *key;
	int err = site_key_make(path);

	if (err && err != -EEXIST) {
		log_error("%s: %s", path, strerror(-err));
		return NULL;
	}
	key = site_key_read(path);
	if (key)
		log_info("%sour key is %s", err ? "" : "made a site key; ",
			 site_public_str(words, site_key_public(key)));
	else if (errno == EPERM)
		log_error("%s: everybody may read it: chmod o= it", path);
	else if (errno == EBADMSG)
		log_error("%s: it is no site key", path);
	else
		log_error("%s: %s", path, strerror(errno));
	return key;
}

static int start_parts(struct life *life)
{
	struct daemon *d = &life->daemon;
	int err;

	err = control_start(d);
	if (err) {
		log_error("%s: %s", d->conf->socket, strerror(-err));
		return err;
	}
	err = start_signals(life);
	if (!err)
		err = start_watchdog(life);
	if (!err)
		err = peer_reload(d);
	if (!err)
		err = service_reload(d);
	if (!err && d->path->start)
		err = d->path->start(d);
	if (err)
		return err;
	saved_read(d);
	err = rendezvous_start(d);
	return err ? err : session_start(d);
}

static int start(struct life *life)
{
	struct daemon *d = &life->daemon;
	int err;

	d->path = &path_ops;
	d->conf = read_conf(life->conf_path);
	if (!d->conf)
		return -EINVAL;
	set_log(d->conf);
	err = privileges_prepare(d->conf);
	if (err)
		return err;
	d->key = read_key(d->conf->key);
	if (!d->key)
		return -ENOKEY;
	d->queues = queues_open();
	err = privileges_drop(d->conf);
	if (err)
		return err;
	d->base = event_base_new();
	return d->base ? start_parts(life) : -ENOMEM;
}

/* --- end ------------------------------------------------------------------ */

static void stop(struct life *life)
{
	struct daemon *d = &life->daemon;
	size_t i;

	supervisor_tell("STOPPING=1");
	if (d->running)
		saved_flush(d);
	d->running = false;
	/* The loop runs once more, for what the path has to take back. */
	for (i = 0; i < SIGNALS; i++)
		if (life->signal[i])
			event_free(life->signal[i]);
	control_stop(d);
	session_stop(d);
	hand_stop(d);
	rendezvous_stop(d);
	if (d->path->stop && d->base)
		d->path->stop(d);
	service_free_all(d);
	peer_free_all(d);
	if (life->watchdog)
		event_free(life->watchdog);
	if (d->base)
		event_base_free(d->base);
	if (d->queues >= 0)
		close(d->queues);
	site_key_free(d->key);
	conf_free(d->conf);
}

int daemon_run(const char *conf_path)
{
	struct life life = { .conf_path = conf_path, .daemon.queues = -1 };
	int err;

	/* Threads only wait; they need no heaps of their own. */
	mallopt(M_ARENA_MAX, 1);
	err = start(&life);
	if (!err) {
		life.daemon.running = true;
		log_info("natpunchd %s: ready", NATPUNCH_VERSION);
		supervisor_tell("READY=1");
		event_base_dispatch(life.daemon.base);
		log_info("ending");
	}
	stop(&life);
	libevent_global_shutdown();
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
