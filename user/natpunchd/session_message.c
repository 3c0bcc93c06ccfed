// SPDX-License-Identifier: GPL-2.0
/*
 * The messages of sessions, as Documentation/rendezvous.rst has them. What a
 * peer sends is checked here, but for candidates, which are path_ops' affair.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "service.h"
#include "session_private.h"

#define ANSWER_LIFE_S	60
#define MAX_WAY_MS	10000	/* a longer way is the clock's or a liar's */

/* --- sending -------------------------------------------------------------- */

int session_send(struct session *s, const char *type, json_t *body,
		 unsigned int life_s)
{
	int err;

	json_object_set_new(body, "session", json_string(s->id));
	err = rendezvous_send(s->daemon, s->peer, type, body, life_s);
	json_decref(body);
	return err;
}

static const char *send_error(const struct session *s, int err)
{
	if (err == -ENOTCONN && s->by_hand)
		return "the way by hand is lost, and no broker is connected";
	if (err == -ENOTCONN)
		return "no broker is connected";
	if (err == -EMSGSIZE)
		return "our candidates are too many for a message";
	return strerror(-err);
}

void session_send_offer(struct session *s)
{
	unsigned int life_s = (unsigned int)s->daemon->conf->offer_life;
	json_t *body;
	int err;

	body = json_pack("{ss, ss, si, sO}", "service", s->service, "proto",
			 proto_name(s->proto), "rtt",
			 (int)rendezvous_rtt_ms(s->daemon, s->peer),
			 "candidates", s->local);
	if (*s->instead)
		json_object_set_new(body, "instead", json_string(s->instead));
	s->sent_ms = clock_ms();
	err = session_send(s, "offer", body, life_s);
	if (err) {
		session_fail(s, "%s", send_error(s, err));
		return;
	}
	if (s->state == SESSION_IDLE)
		session_set_state(s, SESSION_OFFERED);
	session_arm(s, s->peer->online ? SESSION_ANSWER_MS :
					 (uint64_t)life_s * 1000);
}

/* A message's way to the peer, by what both know of their brokers. */
static unsigned int estimate_way(const struct session *s)
{
	unsigned int ms = rendezvous_rtt_ms(s->daemon, s->peer);

	return (ms + s->peer_rtt_ms) / 2;
}

/* We begin when the answer will be there. */
void session_send_answer(struct session *s)
{
	json_t *body;
	int err;

	s->one_way_ms = estimate_way(s);
	body = json_pack("{si, so, sO}", "held",
			 (int)(clock_ms() - s->created_ms), "rtt",
			 json_integer(rendezvous_rtt_ms(s->daemon, s->peer)),
			 "candidates", s->local);
	err = session_send(s, "answer", body, ANSWER_LIFE_S);
	if (err) {
		session_fail(s, "%s", send_error(s, err));
		return;
	}
	session_set_state(s, SESSION_ANSWERED);
	session_check(s, s->one_way_ms);
}

void session_send_close(struct session *s)
{
	if (s->state == SESSION_IDLE && s->role == SESSION_ASKS)
		return;		/* the peer has not heard of it */
	session_send(s, "close", json_pack("{ss}", "reason", s->reason),
		     ANSWER_LIFE_S);
}

int session_signal(struct session *s, const json_t *body)
{
	return session_send(s, "signal", json_pack("{sO}", "body", body),
			    ANSWER_LIFE_S);
}

int session_update(struct session *s, json_t *candidates)
{
	json_decref(s->local);
	s->local = candidates;
	return session_send(s, "update", json_pack("{sO}", "candidates",
						   candidates), ANSWER_LIFE_S);
}

static void refuse(struct daemon *d, const struct message *m, const char *id,
		   const char *why)
{
	json_t *body = json_pack("{ss, ss}", "session", id, "reason", why);

	log_warning("%s's offer is refused: %s", m->peer->name, why);
	rendezvous_send(d, m->peer, "close", body, ANSWER_LIFE_S);
	json_decref(body);
}

/* --- receiving ------------------------------------------------------------ */

static bool is_id(const char *id)
{
	return strlen(id) == SESSION_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == SESSION_ID_SIZE - 1;
}

/* The session which the message is about, if it is with its sender. */
static struct session *session_of(struct daemon *d, const struct message *m)
{
	const char *id = json_string_value(json_object_get(m->body, "session"));
	struct session *s = id && is_id(id) ? session_by_id(d, id) : NULL;

	if (!s || s->peer != m->peer || session_doomed(s)) {
		log_debug("%s: %s of an unknown session", m->peer->name,
			  m->type);
		return NULL;
	}
	return s;
}

static unsigned int count_sessions(const struct daemon *d,
				   const struct peer *peer)
{
	const struct session *s;
	unsigned int n = 0;

	for (s = d->sessions; s; s = s->next)
		n += !peer || s->peer == peer;
	return n;
}

/* The asker tries again: what it had before is of no use to it. */
static void drop_former(struct daemon *d, const struct message *m,
			const char *id)
{
	struct session *s = id && is_id(id) ? session_by_id(d, id) : NULL;

	if (s && s->peer == m->peer && s->role == SESSION_SERVES) {
		session_explain(s, "%s tries anew", m->peer->name);
		s->replaced = true;
		session_bury(s);
	}
}

const char *session_refusal(const struct daemon *d, const struct peer *peer,
			    const struct service *service, uint8_t proto)
{
	if (!service || !service_allows(service, peer))
		return "there is no such service, or none for you";
	if (service->proto != proto)
		return service->proto == IPPROTO_UDP ?
		       "the service is udp: connect with --proto udp" :
		       "the service is tcp: connect with --proto tcp";
	if (count_sessions(d, peer) >= MAX_SESSIONS_OF_PEER ||
	    count_sessions(d, NULL) >= MAX_SESSIONS)
		return "there are too many connections";
	return NULL;
}

static void serve(struct daemon *d, const struct message *m, const char *id,
		  const struct service *service, json_t *candidates, int rtt)
{
	struct session *s = session_new(d, SESSION_SERVES, m->peer,
					service->name);

	if (!s)
		return;
	strcpy(s->id, id);
	s->proto = service->proto;
	s->to = service->to;
	s->remote = json_incref(candidates);
	s->peer_rtt_ms = rtt < 0 || rtt > MAX_WAY_MS ? 0 : (unsigned int)rtt;
	session_gather(s);
}

static void on_offer(struct daemon *d, const struct message *m)
{
	const char *id, *name, *proto_word, *instead = NULL, *why;
	const struct service *service;
	json_t *candidates;
	uint8_t proto;
	int rtt = 0;

	if (json_unpack((json_t *)m->body, "{ss, ss, ss, so, s?i, s?s}",
			"session", &id, "service", &name, "proto", &proto_word,
			"candidates", &candidates, "rtt", &rtt, "instead",
			&instead) ||
	    !is_id(id) || !proto_parse(&proto, proto_word) ||
	    !json_is_array(candidates)) {
		log_debug("%s: a malformed offer", m->peer->name);
		return;
	}
	drop_former(d, m, instead);
	if (session_by_id(d, id))
		return;
	service = service_by_name(d, name);
	why = session_refusal(d, m->peer, service, proto);
	if (why)
		refuse(d, m, id, why);
	else
		serve(d, m, id, service, candidates, rtt);
}

static void on_answer(struct daemon *d, const struct message *m)
{
	struct session *s = session_of(d, m);
	json_t *candidates;
	uint64_t took;
	int held = 0;

	if (!s || s->role != SESSION_ASKS || s->state != SESSION_OFFERED ||
	    json_unpack((json_t *)m->body, "{so, s?i}", "candidates",
			&candidates, "held", &held) ||
	    !json_is_array(candidates))
		return;
	took = clock_ms() - s->sent_ms;
	if (held >= 0 && (uint64_t)held <= took && took - (uint64_t)held <=
						   2 * MAX_WAY_MS)
		s->one_way_ms = (unsigned int)(took - (uint64_t)held) / 2;
	s->remote = json_incref(candidates);
	session_set_state(s, SESSION_ANSWERED);
	session_check(s, 0);
}

static void on_close(struct daemon *d, const struct message *m)
{
	const char *why = json_string_value(json_object_get(m->body, "reason"));
	struct session *s = session_of(d, m);

	if (!s)
		return;
	why = why && *why ? why : "no reason given";
	if (s->role == SESSION_SERVES) {
		session_explain(s, "%s closed it: %s", m->peer->name, why);
		log_info("%s for %s: closed: %s", s->service, m->peer->name,
			 s->reason);
		session_bury(s);
	} else if (s->state >= SESSION_DIRECT) {
		session_lost(s, "%s closed it: %s", m->peer->name, why);
	} else {
		session_fail(s, "%s says: %s", m->peer->name, why);
	}
}

static void on_signal(struct daemon *d, const struct message *m)
{
	struct session *s = session_of(d, m);
	const json_t *body = json_object_get(m->body, "body");

	if (s && body && s->has_path && d->path->signal)
		d->path->signal(s, body);
}

static void on_update(struct daemon *d, const struct message *m)
{
	json_t *candidates = json_object_get(m->body, "candidates");
	struct session *s = session_of(d, m);
	int err;

	if (!s || !json_is_array(candidates) || s->state < SESSION_CHECKING)
		return;
	json_decref(s->remote);
	s->remote = json_incref(candidates);
	err = d->path->check(s, 0);
	if (err && s->state == SESSION_CHECKING)
		session_fail(s, "%s", *s->reason ? s->reason : strerror(-err));
}

void session_listen(void)
{
	rendezvous_on("offer", on_offer);
	rendezvous_on("answer", on_answer);
	rendezvous_on("close", on_close);
	rendezvous_on("signal", on_signal);
	rendezvous_on("update", on_update);
}
