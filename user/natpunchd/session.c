// SPDX-License-Identifier: GPL-2.0
/*
 * The states of sessions and their timers. Owns struct daemon's sessions. A
 * session is freed by its own timer alone, so whoever holds a pointer may go on
 * using it until the loop is back.
 */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "event_log.h"
#include "hand.h"
#include "log.h"
#include "saved.h"
#include "service.h"
#include "session_private.h"

#define RETRY_MIN_MS	5000
#define RETRY_MAX_MS	600000
#define REPEAT_MS	2000

static const char * const state_names[] = {
	[SESSION_IDLE] = "idle",
	[SESSION_OFFERED] = "offered",
	[SESSION_ANSWERED] = "answered",
	[SESSION_CHECKING] = "checking",
	[SESSION_DIRECT] = "direct",
	[SESSION_RELAYED] = "relayed",
	[SESSION_CLOSED] = "closed",
};

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

bool session_may(enum session_role role, enum session_state from,
		 enum session_state to)
{
	if (from == SESSION_CLOSED)
		return false;
	switch (to) {
	case SESSION_IDLE:
		return role == SESSION_ASKS;
	case SESSION_OFFERED:
		return role == SESSION_ASKS && from == SESSION_IDLE;
	case SESSION_ANSWERED:
		return from == (role == SESSION_ASKS ? SESSION_OFFERED :
						       SESSION_IDLE);
	case SESSION_CHECKING:
		return from == SESSION_ANSWERED;
	case SESSION_DIRECT:
		return from == SESSION_CHECKING || from == SESSION_RELAYED;
	case SESSION_RELAYED:
		return from == SESSION_CHECKING || from == SESSION_DIRECT;
	case SESSION_CLOSED:
		return true;
	}
	return false;
}

static bool is_open(const struct session *s)
{
	return s->state == SESSION_DIRECT || s->state == SESSION_RELAYED;
}

bool session_set_state(struct session *s, enum session_state state)
{
	bool was_open = is_open(s);

	if (!session_may(s->role, s->state, state)) {
		log_error("session %s: it can not become %s from %s", s->id,
			  state_names[state], state_names[s->state]);
		return false;
	}
	s->state = state;
	s->since_ms = clock_ms();
	event_session(s);
	if (was_open || is_open(s) || state == SESSION_CLOSED)
		saved_write(s->daemon);
	return true;
}

bool session_doomed(const struct session *s)
{
	return s->doom != SESSION_SOUND || s->state == SESSION_CLOSED;
}

void session_arm(struct session *s, uint64_t ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(s->timer, &t);
}

static void disarm(struct session *s)
{
	event_del(s->timer);
}

static void explain(struct session *s, const char *why, va_list ap)
{
	vsnprintf(s->reason, sizeof(s->reason), why, ap);
}

void session_explain(struct session *s, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	explain(s, why, ap);
	va_end(ap);
}

/* --- the end of an attempt ------------------------------------------------ */

static void drop_path(struct session *s)
{
	if (s->has_path)
		s->daemon->path->close(s);
	s->has_path = false;
	json_decref(s->local);
	json_decref(s->remote);
	s->local = NULL;
	s->remote = NULL;
}

static void unlink_session(struct session *s)
{
	struct session **link = &s->daemon->sessions;

	while (*link && *link != s)
		link = &(*link)->next;
	if (*link)
		*link = s->next;
}

static void free_session(struct session *s)
{
	unlink_session(s);
	json_decref(s->local);
	json_decref(s->remote);
	event_free(s->timer);
	free(s);
}

void session_bury(struct session *s)
{
	if (s->state == SESSION_CLOSED)
		return;
	session_set_state(s, SESSION_CLOSED);
	drop_path(s);
	if (s->by_hand)
		hand_release(s);
	s->peer = NULL;
	session_arm(s, 0);
}

void session_close(struct session *s, const char *why, ...)
{
	va_list ap;

	if (s->state == SESSION_CLOSED)
		return;
	va_start(ap, why);
	explain(s, why, ap);
	va_end(ap);
	log_info("%s/%s: closed: %s", s->role == SESSION_ASKS ? s->peer->name :
				      "our service", s->service, s->reason);
	session_send_close(s);
	session_bury(s);
}

/* The asker waits twice as long each time, the one who serves for the asker. */
static uint64_t retry_ms(const struct session *s)
{
	uint64_t ms = RETRY_MAX_MS;

	if (s->doom == SESSION_LOSING)
		return 0;
	if (s->attempt < 8)
		ms = RETRY_MIN_MS << (s->attempt - 1);
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	return ms / 2 + randombytes_uniform((uint32_t)ms / 2 + 1);
}

static void end_attempt(struct session *s)
{
	bool lost = s->doom == SESSION_LOSING;
	uint64_t wait;

	log_warning("%s%s%s: %s", s->role == SESSION_ASKS ? s->peer->name :
			s->service, s->role == SESSION_ASKS ? "/" : " for ",
		    s->role == SESSION_ASKS ? s->service : s->peer->name,
		    s->reason);
	if (s->role == SESSION_SERVES) {
		session_send_close(s);
		session_bury(s);
		return;
	}
	s->attempt = lost ? 0 : s->attempt + 1;
	wait = retry_ms(s);
	s->doom = SESSION_SOUND;
	s->repeat = false;
	drop_path(s);
	memcpy(s->instead, s->id, sizeof(s->instead));
	session_set_state(s, SESSION_IDLE);
	session_arm(s, wait);
}

static void doom(struct session *s, int how, const char *why, va_list ap)
{
	if (session_doomed(s))
		return;
	explain(s, why, ap);
	s->doom = how;
	session_arm(s, 0);
}

void session_fail(struct session *s, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	doom(s, SESSION_FAILING, why, ap);
	va_end(ap);
}

void session_lost(struct session *s, const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	doom(s, SESSION_LOSING, why, ap);
	va_end(ap);
}

/* --- an attempt ----------------------------------------------------------- */

static void make_id(struct session *s)
{
	uint8_t id[(SESSION_ID_SIZE - 1) / 2];

	randombytes_buf(id, sizeof(id));
	sodium_bin2hex(s->id, sizeof(s->id), id, sizeof(id));
}

/* path_ops refuse: with a reason of their own, or with that of the errno. */
static void path_refuses(struct session *s, int err)
{
	if (!*s->reason)
		session_explain(s, "%s", strerror(-err));
	s->doom = SESSION_FAILING;
	session_arm(s, 0);
}

void session_gather(struct session *s)
{
	int err;

	if (s->role == SESSION_ASKS)
		make_id(s);
	*s->reason = '\0';
	s->has_path = true;
	session_arm(s, SESSION_GATHER_MS);
	err = s->daemon->path->gather(s);
	if (err)
		path_refuses(s, err);
}

void session_gathered(struct session *s, json_t *candidates)
{
	if (session_doomed(s) || s->state != SESSION_IDLE || s->local) {
		json_decref(candidates);
		return;
	}
	s->local = candidates;
	if (s->role == SESSION_ASKS)
		session_send_offer(s);
	else
		session_send_answer(s);
}

void session_check(struct session *s, unsigned int delay_ms)
{
	int err;

	if (!session_set_state(s, SESSION_CHECKING))
		return;
	session_arm(s, SESSION_CHECK_MS + delay_ms);
	err = s->daemon->path->check(s, delay_ms);
	if (err)
		path_refuses(s, err);
}

void session_open(struct session *s, enum session_state how)
{
	if (session_doomed(s) || !session_set_state(s, how))
		return;
	disarm(s);
	s->attempt = 0;
	*s->reason = '\0';
	log_info("%s/%s: %s", s->peer->name, s->service, state_names[how]);
}

static void deadline(struct session *s)
{
	switch (s->state) {
	case SESSION_IDLE:
		if (!s->has_path)
			session_gather(s);
		else
			session_fail(s, "our candidates could not be gathered in time");
		break;
	case SESSION_OFFERED:
		if (s->repeat) {
			s->repeat = false;
			session_send_offer(s);
			break;
		}
		session_fail(s, s->peer->online ?
			     "%s does not answer" :
			     "%s is offline, and the offer has expired",
			     s->peer->name);
		break;
	case SESSION_ANSWERED:
	case SESSION_CHECKING:
		session_fail(s, "no path to %s was found in time",
			     s->peer->name);
		break;
	case SESSION_DIRECT:
	case SESSION_RELAYED:
	case SESSION_CLOSED:
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SESSION_CLOSED)
		free_session(s);
	else if (s->doom != SESSION_SOUND)
		end_attempt(s);
	else
		deadline(s);
}

struct session *session_new(struct daemon *d, enum session_role role,
			    struct peer *peer, const char *service)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->timer = evtimer_new(d->base, on_timer, s);
	if (!s->timer) {
		free(s);
		return NULL;
	}
	s->daemon = d;
	s->role = role;
	s->peer = peer;
	snprintf(s->service, sizeof(s->service), "%s", service);
	s->created_ms = clock_ms();
	s->since_ms = s->created_ms;
	s->next = d->sessions;
	d->sessions = s;
	return s;
}

/* --- what happens around them --------------------------------------------- */

void session_peer_gone(struct daemon *d, const struct peer *peer)
{
	struct session *s, *next;

	for (s = d->sessions; s; s = next) {
		next = s->next;
		if (s->peer == peer)
			session_close(s, "%s is no longer among the peers",
				      peer->name);
	}
}

void session_service_gone(struct daemon *d, const char *service)
{
	struct session *s, *next;

	for (s = d->sessions; s; s = next) {
		next = s->next;
		if (s->role == SESSION_SERVES && !strcmp(s->service, service))
			session_close(s, "the service is no longer offered");
	}
}

/* The offer waits at the broker, which may have forgotten it, though. */
static void repeat_offer(struct session *s)
{
	s->repeat = true;
	session_arm(s, REPEAT_MS);
}

/* Those which wait to try again do it now. */
void session_peer_online(struct daemon *d, const struct peer *peer)
{
	struct session *s;

	for (s = d->sessions; s; s = s->next) {
		if (s->role != SESSION_ASKS || session_doomed(s) ||
		    (peer && s->peer != peer))
			continue;
		if (s->state == SESSION_IDLE && !s->has_path)
			session_arm(s, 0);
		else if (s->state == SESSION_OFFERED && peer)
			repeat_offer(s);
	}
}

/* What is allowed no more is closed. */
static void check_permissions(struct daemon *d)
{
	const struct service *service;
	struct session *s, *next;

	for (s = d->sessions; s; s = next) {
		next = s->next;
		if (s->role != SESSION_SERVES || s->state == SESSION_CLOSED)
			continue;
		service = service_by_name(d, s->service);
		if (!service || !service_allows(service, s->peer))
			session_close(s, "%s may no longer use the service",
				      s->peer->name);
	}
}

static bool is_wanted(const struct conf *conf, const struct session *s)
{
	const struct conf_connect *c = conf->connect.item;
	char service[2 * NAME_SIZE];
	size_t i;

	snprintf(service, sizeof(service), "%s/%s", s->peer->name, s->service);
	for (i = 0; i < conf->connect.n; i++)
		if (!strcmp(c[i].service, service) &&
		    c[i].proto == s->proto &&
		    endpoint_equal(&c[i].listen, &s->listen))
			return true;
	return false;
}

/* One which is there already stays as it is. */
static void want(struct daemon *d, const struct conf_connect *c)
{
	struct wish wish = {
		.service = strchr(c->service, '/') + 1,
		.proto = (uint8_t)c->proto, .listen = c->listen,
		.configured = true,
	};
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%.*s",
		 (int)strcspn(c->service, "/"), c->service);
	wish.peer = peer_by_name(d, name);
	if (!wish.peer || session_connect(d, &wish) || errno == EEXIST)
		return;
	log_error("%s: %s", c->service, strerror(errno));
}

int session_reload(struct daemon *d)
{
	struct session *s, *next;
	size_t i;

	check_permissions(d);
	for (s = d->sessions; s; s = next) {
		next = s->next;
		if (s->role == SESSION_ASKS && s->configured &&
		    s->state != SESSION_CLOSED && !is_wanted(d->conf, s))
			session_close(s, "it is no longer in the configuration");
	}
	for (i = 0; i < d->conf->connect.n; i++)
		want(d, &d->conf->connect.item[i]);
	return 0;
}

int session_start(struct daemon *d)
{
	session_listen();
	hand_start();
	return session_reload(d);
}

void session_stop(struct daemon *d)
{
	struct session *s;

	while (d->sessions) {
		s = d->sessions;
		if (s->has_path)
			d->path->forget(s);
		s->has_path = false;
		free_session(s);
	}
}
