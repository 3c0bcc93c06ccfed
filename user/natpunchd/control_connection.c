// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about connections: connect, connection-show, connection-del, monitor,
 * and offer and accept, which do by copy and paste what a broker does else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "hand.h"
#include "session_private.h"

/* A peer's name from "peer/service"; tells if there is none. */
static struct peer *find_peer(struct daemon *d, struct client *c,
			      const char *words, const char **service)
{
	const char *slash = strchr(words, '/');
	char name[NAME_SIZE] = "";
	struct peer *peer;

	if (slash && slash - words < NAME_SIZE)
		memcpy(name, words, (size_t)(slash - words));
	if (!may_name(name) || !may_name(slash + 1)) {
		control_error(c, EINVAL, "'%.80s' is no service of a site: as siteA/ssh",
			      words);
		return NULL;
	}
	peer = peer_by_name(d, name);
	if (!peer)
		control_error(c, ENOENT, "'%s' is not among the peers: 'natpunchctl peer show' lists them",
			      name);
	*service = slash + 1;
	return peer;
}

static struct session *make(struct daemon *d, struct client *c,
			    const json_t *request, bool by_hand)
{
	const char *words, *listen, *proto = "tcp";
	struct wish wish = { .by_hand = by_hand };
	struct session *s;

	if (json_unpack((json_t *)request, "{ss, ss, s?s}", "service", &words,
			"listen", &listen, "proto", &proto) ||
	    !proto_parse(&wish.proto, proto) ||
	    !endpoint_parse(&wish.listen, listen)) {
		control_error(c, EINVAL, "it needs service (site/service), listen (an endpoint) and proto (tcp or udp)");
		return NULL;
	}
	wish.peer = find_peer(d, c, words, &wish.service);
	if (!wish.peer)
		return NULL;
	s = by_hand ? session_by_hand(d, &wish) : NULL;
	if (!s)
		s = session_connect(d, &wish);
	if (!s && errno == EEXIST)
		control_error(c, EEXIST, "a connection listens at %s already",
			      listen);
	else if (!s)
		control_error(c, errno, "%s", strerror(errno));
	return s;
}

static void do_connect(struct daemon *d, struct client *c,
		       const json_t *request)
{
	const struct session *s = make(d, c, request, false);

	if (s)
		control_ok(c, session_show(s));
}

static void show(struct daemon *d, struct client *c, const json_t *request)
{
	json_t *list = json_array();
	const struct session *s;

	(void)request;
	for (s = d->sessions; s; s = s->next)
		if (s->state != SESSION_CLOSED)
			json_array_append_new(list, session_show(s));
	control_ok(c, list);
}

/* By its id, by "site/service" or by the endpoint where it listens. */
static bool is_named(const struct session *s, const char *word)
{
	size_t len = strlen(s->peer->name);
	union endpoint ep;

	if (!strcmp(s->id, word))
		return true;
	if (!strncmp(word, s->peer->name, len) && word[len] == '/' &&
	    !strcmp(word + len + 1, s->service))
		return true;
	return s->role == SESSION_ASKS && endpoint_parse(&ep, word) &&
	       endpoint_equal(&ep, &s->listen);
}

static struct session *find_one(struct daemon *d, const char *word,
				unsigned int *n)
{
	struct session *s, *found = NULL;

	*n = 0;
	for (s = d->sessions; s; s = s->next) {
		if (s->state == SESSION_CLOSED || !is_named(s, word))
			continue;
		found = s;
		++*n;
	}
	return found;
}

static void del(struct daemon *d, struct client *c, const json_t *request)
{
	const char *word = json_string_value(json_object_get(request,
							     "connection"));
	struct session *s;
	unsigned int n;

	if (!word) {
		control_error(c, EINVAL, "connection-del needs a connection");
		return;
	}
	s = find_one(d, word, &n);
	if (!n) {
		control_error(c, ENOENT, "there is no connection '%.80s': 'natpunchctl connection show' lists them",
			      word);
	} else if (n > 1) {
		control_error(c, EINVAL, "'%.80s' are %u connections: name one by its id or by the endpoint where it listens",
			      word, n);
	} else if (s->configured) {
		control_error(c, EPERM, "'%.80s' is in the configuration file: delete it there",
			      word);
	} else {
		session_close(s, "deleted by the administrator");
		control_ok(c, NULL);
	}
}

static void monitor(struct daemon *d, struct client *c, const json_t *request)
{
	(void)d;
	(void)request;
	control_ok(c, NULL);
	control_watch(c);
}

/* --- by hand -------------------------------------------------------------- */

/* Who waits for what becomes of a line; freed when that is known. */
struct waiter {
	struct client *client;	/* NULL: he has gone */
};

static void on_line(void *data, const char *line, const char *why,
		    const struct session *s)
{
	struct waiter *w = data;
	struct client *c = w->client;
	json_t *result = json_object();

	if (line)
		json_object_set_new(result, "line", json_string(line));
	if (s)
		json_object_set_new(result, "connection", session_show(s));
	if (c && why)
		control_error(c, EIO, "%s", why);
	else if (c)
		control_ok(c, json_incref(result));
	json_decref(result);
	free(w);
}

static struct waiter *wait_for_line(struct client *c)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w)
		control_later(c, &w->client);
	else
		control_error(c, ENOMEM, "out of memory");
	return w;
}

static void offer(struct daemon *d, struct client *c, const json_t *request)
{
	struct session *s = make(d, c, request, true);
	struct waiter *w = s ? wait_for_line(c) : NULL;
	int err = w ? hand_offer(s, on_line, w) : 0;

	if (!err)
		return;
	control_error(c, -err, "%s", err == -ENOSPC ?
		      "there are too many lines that wait" : strerror(-err));
	free(w);
	if (s->state == SESSION_IDLE)
		session_close(s, "no line could be made for it");
}

/* The answer is a line to bring back, or that the sites have found each other. */
static void accept_line(struct daemon *d, struct client *c,
			const json_t *request)
{
	const char *line = json_string_value(json_object_get(request, "line"));
	struct waiter *w;
	const char *why;

	if (!line) {
		control_error(c, EINVAL, "accept needs a line");
		return;
	}
	w = wait_for_line(c);
	why = w ? hand_accept(d, line, on_line, w) : NULL;
	if (!why)
		return;
	control_error(c, EBADMSG, "the line can not be accepted: %s", why);
	free(w);
}

const struct verb connection_verbs[] = {
	{ "connect", do_connect },
	{ "connection-show", show },
	{ "connection-del", del },
	{ "monitor", monitor },
	{ "offer", offer },
	{ "accept", accept_line },
	{ .name = NULL }
};
