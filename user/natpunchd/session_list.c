// SPDX-License-Identifier: GPL-2.0
/* Sessions: made by wish, found, shown, and kept over a restart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hand.h"
#include "log.h"
#include "saved.h"
#include "service.h"
#include "session_private.h"

const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

bool proto_parse(uint8_t *proto, const char *s)
{
	*proto = strcmp(s, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	return !strcmp(s, "udp") || !strcmp(s, "tcp");
}

struct session *session_by_id(const struct daemon *d, const char *id)
{
	struct session *s;

	for (s = d->sessions; s; s = s->next)
		if (s->state != SESSION_CLOSED && !strcmp(s->id, id))
			return s;
	return NULL;
}

static bool is_taken(const struct daemon *d, const struct wish *wish)
{
	const struct session *s;

	for (s = d->sessions; s; s = s->next)
		if (s->role == SESSION_ASKS && s->state != SESSION_CLOSED &&
		    s->proto == wish->proto &&
		    endpoint_equal(&s->listen, &wish->listen))
			return true;
	return false;
}

struct session *session_connect(struct daemon *d, const struct wish *wish)
{
	const struct session *i;
	struct session *s;
	unsigned int n = 0;

	for (i = d->sessions; i; i = i->next)
		n++;
	errno = is_taken(d, wish) ? EEXIST : n >= MAX_SESSIONS ? ENOSPC : 0;
	if (errno)
		return NULL;
	s = session_new(d, SESSION_ASKS, wish->peer, wish->service);
	if (!s) {
		errno = ENOMEM;
		return NULL;
	}
	s->proto = wish->proto;
	s->listen = wish->listen;
	s->configured = wish->configured;
	s->by_hand = wish->by_hand;
	if (!s->by_hand)
		session_arm(s, 0);
	saved_write(d);
	return s;
}

struct session *session_by_hand(const struct daemon *d,
				const struct wish *wish)
{
	struct session *s;

	for (s = d->sessions; s; s = s->next)
		if (s->by_hand && s->role == SESSION_ASKS &&
		    s->state != SESSION_CLOSED && s->peer == wish->peer &&
		    s->proto == wish->proto &&
		    !strcmp(s->service, wish->service) &&
		    endpoint_equal(&s->listen, &wish->listen))
			return s;
	return NULL;
}

static json_t *describe(const struct session *s)
{
	bool asks = s->role == SESSION_ASKS;
	char ep[ENDPOINT_SIZE];

	return json_pack("{ss, ss, ss, ss, ss, ss, ss, sb, sb}", "id", s->id,
			 "role", asks ? "asks" : "serves", "peer",
			 s->peer ? s->peer->name : "", "service", s->service,
			 "proto", proto_name(s->proto), asks ? "listen" : "to",
			 endpoint_str(ep, asks ? &s->listen : &s->to),
			 "state", session_state_name(s->state), "configured",
			 s->configured, "by_hand", s->by_hand);
}

json_t *session_show(const struct session *s)
{
	json_t *json = describe(s);
	uint64_t now = clock_ms();

	json_object_set_new(json, "age",
			    json_real((double)(now - s->since_ms) / 1000));
	json_object_set_new(json, "attempt", json_integer(s->attempt));
	json_object_set_new(json, "reason", json_string(s->reason));
	if (s->one_way_ms)
		json_object_set_new(json, "one_way_ms",
				    json_integer(s->one_way_ms));
	if (s->has_path && s->daemon->path->show)
		s->daemon->path->show(s, json);
	return json;
}

/* --- over a restart ------------------------------------------------------- */

static bool is_open(const struct session *s)
{
	return s->state == SESSION_DIRECT || s->state == SESSION_RELAYED;
}

static json_t *path_saved(const struct session *s)
{
	json_t *path = NULL;

	if (is_open(s) && s->has_path && s->daemon->path->save)
		path = s->daemon->path->save(s);
	return path;
}

/* Wishes by the control socket, and whatever is open and can be adopted. */
json_t *session_saved(const struct daemon *d)
{
	json_t *list = json_array(), *json, *path;
	const struct session *s;
	bool wish;

	for (s = d->sessions; s; s = s->next) {
		wish = s->role == SESSION_ASKS && !s->configured &&
		       (!s->by_hand || hand_has(d, s->peer));
		path = s->state == SESSION_CLOSED ? NULL : path_saved(s);
		if (s->state == SESSION_CLOSED || (!wish && !path))
			continue;
		json = describe(s);
		if (path)
			json_object_set_new(json, "path", path);
		json_array_append_new(list, json);
	}
	return list;
}

/* Our candidates may be others now: the peer hears nothing until it breaks. */
static void adopt(struct session *s, const char *state, const json_t *path)
{
	s->has_path = true;
	s->state = strcmp(state, "relayed") ? SESSION_DIRECT : SESSION_RELAYED;
	if (!s->daemon->path->adopt(s, path)) {
		log_info("%s/%s: adopted", s->peer->name, s->service);
		return;
	}
	session_lost(s, "its path could not be adopted after the restart");
}

static struct session *restore_asker(struct daemon *d, struct peer *peer,
				     const char *service, const json_t *from)
{
	const char *listen = json_string_value(json_object_get(from, "listen"));
	const char *proto = json_string_value(json_object_get(from, "proto"));
	struct wish wish = { .peer = peer, .service = service };

	wish.configured = json_is_true(json_object_get(from, "configured"));
	wish.by_hand = json_is_true(json_object_get(from, "by_hand"));
	if (!listen || !endpoint_parse(&wish.listen, listen) || !proto ||
	    !proto_parse(&wish.proto, proto))
		return NULL;
	return session_connect(d, &wish);
}

/* What it serves must still be offered, to this peer, at the same place. */
static struct session *restore_server(struct daemon *d, struct peer *peer,
				      const char *name, const json_t *from)
{
	const char *to = json_string_value(json_object_get(from, "to"));
	const struct service *service = service_by_name(d, name);
	union endpoint ep;
	struct session *s;

	if (!service || !service_allows(service, peer) || !to ||
	    !endpoint_parse(&ep, to) || !endpoint_equal(&ep, &service->to))
		return NULL;
	s = session_new(d, SESSION_SERVES, peer, name);
	if (s) {
		s->to = service->to;
		s->proto = service->proto;
	}
	return s;
}

static void restore(struct daemon *d, const json_t *from)
{
	const char *id, *role, *peer_name, *service, *state;
	json_t *path = json_object_get(from, "path");
	struct session *s = NULL;
	struct peer *peer;

	if (json_unpack((json_t *)from, "{ss, ss, ss, ss, ss}", "id", &id,
			"role", &role, "peer", &peer_name, "service", &service,
			"state", &state) || strlen(id) >= SESSION_ID_SIZE)
		return;
	peer = peer_by_name(d, peer_name);
	if (!peer || !may_name(service))
		return;
	if (!strcmp(role, "asks"))
		s = restore_asker(d, peer, service, from);
	else if (path)
		s = restore_server(d, peer, service, from);
	if (!s)
		return;
	strcpy(s->id, id);
	if (path && d->path->adopt)
		adopt(s, state, path);
}

/* Before session_start(), which closes what the file has no more. */
void session_restore(struct daemon *d, const json_t *saved)
{
	const json_t *item;
	size_t i;

	json_array_foreach(saved, i, item)
		restore(d, item);
}
