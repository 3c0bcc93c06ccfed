// SPDX-License-Identifier: GPL-2.0
/* Lines that people carry, and the channels that come of them; see hand.h. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "hand.h"
#include "log.h"
#include "peer.h"
#include "rendezvous.h"
#include "saved.h"
#include "service.h"
#include "session_private.h"

#define HAND_ID_SIZE	17	/* 16 hex digits and a NUL */
#define LOST_MS		600000	/* a channel without an answer is given up */
#define GOODBYE_MS	2000

enum hand_state {
	HAND_LOCATING,		/* where are we to be found? */
	HAND_WAITING,		/* for the other line, or for who has it */
	HAND_FINDING,		/* asks: has both */
	HAND_UP,
	HAND_LOST,		/* it was up */
	HAND_ENDING,		/* the peer is told */
};

struct hand {
	struct hand *next;
	struct daemon *daemon;
	struct peer *peer;
	char id[HAND_ID_SIZE];
	char key[CHECK_KEY_SIZE];
	bool asks;
	enum hand_state state;
	struct channel *channel;
	struct event *timer;
	struct session *session;	/* asks: which waits for it, or NULL */
	json_t *theirs;			/* serves: where the peer is */
	hand_fn *fn;
	void *data;
};

/* What a line made of itself, for hand_accept(): it is asked at once. */
static struct {
	struct hand *hand;
	const char *why;
} accepted;

/* --- the end --------------------------------------------------------------- */

static void hand_free(struct hand *h)
{
	struct hand **link = &h->daemon->hands;

	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	channel_free(h->channel);
	if (h->timer)
		event_free(h->timer);
	json_decref(h->theirs);
	sodium_memzero(h->key, sizeof(h->key));
	free(h);
}

static bool is_up(const struct hand *h)
{
	return h->state == HAND_UP;
}

static struct hand *find_up(const struct daemon *d, const struct peer *peer)
{
	struct hand *h;

	for (h = d->hands; h; h = h->next)
		if (is_up(h) && (!peer || h->peer == peer))
			return h;
	return NULL;
}

static void arm(struct hand *h, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(h->timer, &t);
}

static void tell(struct hand *h, const char *line, const char *why)
{
	hand_fn *fn = h->fn;

	h->fn = NULL;
	if (fn)
		fn(h->data, line, why, h->session);
}

/* What is open stays; what waits for a way would wait for ever. */
static void close_waiting(struct daemon *d, const struct peer *peer,
			  const char *why)
{
	struct session *s, *next;

	for (s = d->sessions; s; s = next) {
		next = s->next;
		if (s->by_hand && s->role == SESSION_ASKS && s->peer == peer &&
		    s->state == SESSION_IDLE)
			session_close(s, "%s", why);
	}
}

static void give_up(struct hand *h, const char *why)
{
	struct session *s = h->session;
	struct daemon *d = h->daemon;
	struct peer *peer = h->peer;
	bool was_up = h->state >= HAND_UP;

	log_warning("by hand, %s: %s", peer->name, why);
	tell(h, NULL, why);
	hand_free(h);
	if (find_up(d, peer))
		return;
	if (was_up)
		close_waiting(d, peer, why);
	else if (s && s->state == SESSION_IDLE)
		session_close(s, "%s", why);
}

/* --- the channel ----------------------------------------------------------- */

static json_t *make_body(const struct hand *h, const char *what)
{
	json_t *body = json_pack("{ss, ss}", "do", what, "hand", h->id);

	channel_endpoints(h->channel, body);
	return body;
}

/* The line; what is ours alone is not in it. */
static char *make_line(struct hand *h, json_t *body)
{
	char *line = rendezvous_line(h->daemon, h->peer, "hand", body, HAND_S);

	json_decref(body);
	return line;
}

static char *offer_line(struct hand *h, const struct session *s)
{
	json_t *body = make_body(h, "offer");

	json_object_set_new(body, "key", json_string(h->key));
	json_object_set_new(body, "service", json_string(s->service));
	json_object_set_new(body, "proto", json_string(proto_name(s->proto)));
	return make_line(h, body);
}

static const char unreachable[] = "none of the other site's endpoints is reached by our WAN";

static void on_ready(void *data)
{
	struct hand *h = data;
	char *line;

	if (!h->asks && !channel_peer_at(h->channel, h->theirs)) {
		give_up(h, unreachable);
		return;
	}
	line = h->asks ? offer_line(h, h->session) : make_line(h, make_body(h, "answer"));
	h->state = HAND_WAITING;
	arm(h, HAND_S * 1000);
	tell(h, line, line ? NULL : "out of memory");
	free(line);
}

static void on_failed(void *data, const char *why)
{
	give_up(data, why);
}

/* The newest one is used; others to the same peer are of no more use. */
static void drop_others(struct hand *h)
{
	struct hand *other, *next;

	for (other = h->daemon->hands; other; other = next) {
		next = other->next;
		if (other != h && other->peer == h->peer &&
		    other->asks == h->asks && other->state >= HAND_UP)
			hand_free(other);
	}
}

static void on_changed(void *data)
{
	struct hand *h = data;
	bool was_up = is_up(h), up = channel_is_up(h->channel);
	char remote[ENDPOINT_SIZE];

	if (h->state == HAND_ENDING)
		return;
	h->state = up ? HAND_UP : HAND_LOST;
	saved_write(h->daemon);
	if (!up) {
		log_warning("by hand: %s does not answer any more",
			    h->peer->name);
		arm(h, LOST_MS);
		rendezvous_by_hand(h->daemon, h->peer, find_up(h->daemon,
							       h->peer));
		return;
	}
	evtimer_del(h->timer);
	log_info("by hand: %s is at %s, %u ms there and back", h->peer->name,
		 endpoint_str(remote, channel_remote(h->channel)),
		 channel_rtt_ms(h->channel));
	if (was_up)
		return;
	drop_others(h);
	tell(h, NULL, NULL);
	rendezvous_by_hand(h->daemon, h->peer, true);
}

static void on_message(void *data, const uint8_t *message, size_t len)
{
	struct hand *h = data;

	rendezvous_take(h->daemon, message, len);
}

static const struct channel_ops ops = {
	.ready = on_ready,
	.failed = on_failed,
	.changed = on_changed,
	.message = on_message,
};

/* --- time ------------------------------------------------------------------ */

static const char no_hope[] = "it does not answer: the NATs of both sites take "
			      "another port for each destination, so a broker is "
			      "needed";
static const char no_answer[] = "it does not answer: is natpunchd running there, "
				"and do the NATs of one site take another port "
				"for each destination?";

static const char *not_found(const struct hand *h)
{
	return channel_looks_hopeless(h->channel) ? no_hope : no_answer;
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct hand *h = data;

	(void)fd;
	(void)what;
	switch (h->state) {
	case HAND_LOCATING:
	case HAND_UP:
		break;
	case HAND_WAITING:
		give_up(h, h->asks ? "the line has expired: nobody has brought one back" :
				     "the line has expired: nobody has come");
		break;
	case HAND_FINDING:
		give_up(h, not_found(h));
		break;
	case HAND_LOST:
		give_up(h, "the way to it is lost: it takes new lines");
		saved_write(h->daemon);
		break;
	case HAND_ENDING:
		hand_free(h);
		break;
	}
}

static struct hand *hand_new(struct daemon *d, struct peer *peer, bool asks,
			     const char *id, const char *key)
{
	struct hand *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->daemon = d;
	h->peer = peer;
	h->asks = asks;
	strcpy(h->id, id);
	strcpy(h->key, key);
	h->next = d->hands;
	d->hands = h;
	h->timer = evtimer_new(d->base, on_timer, h);
	if (h->timer)
		return h;
	hand_free(h);
	return NULL;
}

/* A session's older line is of no more use. */
static void forget_lines(struct daemon *d, const struct session *s,
			 const char *why)
{
	struct hand *h, *next;

	for (h = d->hands; h; h = next) {
		next = h->next;
		if (h->session != s)
			continue;
		h->session = NULL;
		if (h->state >= HAND_UP)
			continue;
		tell(h, NULL, why);
		hand_free(h);
	}
}

static unsigned int count(const struct daemon *d)
{
	const struct hand *h;
	unsigned int n = 0;

	for (h = d->hands; h; h = h->next)
		n++;
	return n;
}

/* --- lines ----------------------------------------------------------------- */

static int open_channel(struct hand *h)
{
	int err;

	h->channel = channel_open(h->daemon, h->asks, h->key, NULL, &ops, h);
	err = h->channel ? 0 : -errno;
	if (err)
		hand_free(h);
	return err;
}

int hand_offer(struct session *s, hand_fn *fn, void *data)
{
	struct daemon *d = s->daemon;
	char id[HAND_ID_SIZE], key[CHECK_KEY_SIZE];
	uint8_t random[(HAND_ID_SIZE - 1) / 2];
	struct hand *h;

	forget_lines(d, s, "there is another line for it");
	if (count(d) >= HAND_MAX)
		return -ENOSPC;
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(id, sizeof(id), random, sizeof(random));
	check_key(key);
	h = hand_new(d, s->peer, true, id, key);
	if (!h)
		return -ENOMEM;
	h->session = s;
	h->fn = fn;
	h->data = data;
	return open_channel(h);
}

static bool is_id(const char *id)
{
	return strlen(id) == HAND_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == HAND_ID_SIZE - 1;
}

/* Before anybody carries a line back. */
static const char *take_offer(struct daemon *d, const struct message *m,
			      const char *id)
{
	const char *key, *service, *proto_word;
	const char *why;
	struct hand *h;
	uint8_t proto;

	if (json_unpack((json_t *)m->body, "{ss, ss, ss}", "key", &key,
			"service", &service, "proto", &proto_word) ||
	    !check_is_key(key) || !proto_parse(&proto, proto_word))
		return "it is malformed";
	why = session_refusal(d, m->peer, service_by_name(d, service), proto);
	if (why)
		return why;
	if (count(d) >= HAND_MAX)
		return "there are too many lines that wait";
	h = hand_new(d, m->peer, false, id, key);
	if (!h)
		return "out of memory";
	h->theirs = json_deep_copy(m->body);
	if (open_channel(h))
		return "no socket can be opened";
	accepted.hand = h;
	return NULL;
}

static const char *take_answer(struct daemon *d, const struct message *m,
			       const char *id)
{
	struct hand *h;

	for (h = d->hands; h; h = h->next)
		if (h->asks && h->peer == m->peer && !strcmp(h->id, id) &&
		    (h->state == HAND_WAITING || is_up(h)))
			break;
	if (!h)
		return "it answers no offer that still stands";
	/* Where our NATs let it in, the other site may have found us first. */
	if (!is_up(h)) {
		if (!channel_peer_at(h->channel, m->body))
			return unreachable;
		h->state = HAND_FINDING;
		arm(h, HAND_FIND_MS);
		channel_connect(h->channel);
	}
	accepted.hand = h;
	return NULL;
}

/* The asker has no more use for it. */
static void take_end(struct daemon *d, const struct message *m, const char *id)
{
	struct hand *h;

	for (h = d->hands; h; h = h->next)
		if (h->peer == m->peer && !strcmp(h->id, id))
			break;
	if (!h)
		return;
	log_info("by hand: %s has ended it", h->peer->name);
	h->state = HAND_LOST;
	rendezvous_by_hand(d, h->peer, find_up(d, h->peer));
	hand_free(h);
	saved_write(d);
}

static void on_hand(struct daemon *d, const struct message *m)
{
	const char *what, *id;

	accepted.why = "it is malformed";
	if (json_unpack((json_t *)m->body, "{ss, ss}", "do", &what, "hand",
			&id) || !is_id(id))
		return;
	if (m->by_hand && !strcmp(what, "offer"))
		accepted.why = take_offer(d, m, id);
	else if (m->by_hand && !strcmp(what, "answer"))
		accepted.why = take_answer(d, m, id);
	else if (!m->by_hand && !strcmp(what, "end"))
		take_end(d, m, id);
}

const char *hand_accept(struct daemon *d, const char *line, hand_fn *fn,
			void *data)
{
	enum seal_error error;

	accepted.hand = NULL;
	accepted.why = "it is no line of 'natpunchctl offer' or 'accept'";
	error = rendezvous_accept(d, line);
	if (error)
		return seal_strerror(error);
	if (!accepted.hand)
		return accepted.why;
	accepted.hand->fn = fn;
	accepted.hand->data = data;
	if (is_up(accepted.hand))
		tell(accepted.hand, NULL, NULL);
	return NULL;
}

/* --- for the rendezvous ---------------------------------------------------- */

int hand_send(struct daemon *d, const struct peer *peer, const uint8_t *message,
	      size_t len)
{
	const struct hand *h = find_up(d, peer);

	return h ? channel_send(h->channel, message, len) : -ENOTCONN;
}

unsigned int hand_rtt_ms(const struct daemon *d, const struct peer *peer)
{
	const struct hand *h = find_up(d, peer);

	return h ? channel_rtt_ms(h->channel) : 0;
}

bool hand_is_up(const struct daemon *d)
{
	return find_up(d, NULL);
}

static bool is_used(const struct daemon *d, const struct peer *peer)
{
	const struct session *s;

	for (s = d->sessions; s; s = s->next)
		if (s->by_hand && s->role == SESSION_ASKS && s->peer == peer &&
		    s->state != SESSION_CLOSED)
			return true;
	return false;
}

/* It goes on for a moment: to say goodbye, and what was said before. */
static void end(struct hand *h)
{
	json_t *body = json_pack("{ss, ss}", "do", "end", "hand", h->id);

	if (is_up(h))
		rendezvous_send(h->daemon, h->peer, "hand", body, HAND_S);
	json_decref(body);
	h->state = HAND_ENDING;
	arm(h, GOODBYE_MS);
}

bool hand_has(const struct daemon *d, const struct peer *peer)
{
	const struct hand *h;

	for (h = d->hands; h; h = h->next)
		if (h->peer == peer && (is_up(h) || h->state == HAND_LOST))
			return true;
	return false;
}

void hand_release(struct session *s)
{
	struct daemon *d = s->daemon;
	struct peer *peer = s->peer;
	struct hand *h;

	forget_lines(d, s, "the connection was deleted");
	if (s->role == SESSION_SERVES || is_used(d, peer))
		return;
	for (h = d->hands; h; h = h->next)
		if (h->asks && h->peer == peer && h->state >= HAND_UP &&
		    h->state != HAND_ENDING)
			end(h);
	rendezvous_by_hand(d, peer, find_up(d, peer));
	saved_write(d);
}

void hand_peer_gone(struct daemon *d, const struct peer *peer)
{
	struct hand *h, *next;

	for (h = d->hands; h; h = next) {
		next = h->next;
		if (h->peer != peer)
			continue;
		tell(h, NULL, "the site is no longer among the peers");
		hand_free(h);
	}
}

void hand_renew(struct daemon *d)
{
	struct hand *h;

	for (h = d->hands; h; h = h->next)
		if (h->channel)
			channel_renew(h->channel);
}

json_t *hand_show(const struct daemon *d, const struct peer *peer)
{
	char local[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	const struct hand *h = find_up(d, peer);

	if (!h)
		return NULL;
	return json_pack("{ss, ss, si}", "local",
			 endpoint_str(local, channel_local(h->channel)),
			 "remote",
			 endpoint_str(remote, channel_remote(h->channel)),
			 "rtt_ms", (int)channel_rtt_ms(h->channel));
}

/* --- over a restart -------------------------------------------------------- */

json_t *hand_saved(const struct daemon *d)
{
	char local[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	json_t *list = json_array();
	const struct hand *h;
	json_t *json;

	for (h = d->hands; h; h = h->next) {
		if (!is_up(h) && h->state != HAND_LOST)
			continue;
		endpoint_str(local, channel_local(h->channel));
		endpoint_str(remote, channel_remote(h->channel));
		json = json_pack("{ss, ss, ss, sb, ss, s[s]}", "peer",
				 h->peer->name, "hand", h->id, "key", h->key,
				 "asks", h->asks, "local", local, "at", remote);
		json_array_append_new(list, json);
	}
	return list;
}

static void restore(struct daemon *d, const json_t *from)
{
	const char *name, *id, *key, *local;
	union endpoint ep;
	struct peer *peer;
	struct hand *h;
	int asks;

	if (json_unpack((json_t *)from, "{ss, ss, ss, sb, ss}", "peer", &name,
			"hand", &id, "key", &key, "asks", &asks, "local",
			&local) || !is_id(id) || !check_is_key(key) ||
	    !endpoint_parse(&ep, local))
		return;
	peer = peer_by_name(d, name);
	h = peer ? hand_new(d, peer, asks, id, key) : NULL;
	if (!h)
		return;
	h->state = HAND_LOST;
	arm(h, LOST_MS);
	h->channel = channel_open(d, asks, key, &ep, &ops, h);
	if (!h->channel || !channel_peer_at(h->channel, from)) {
		give_up(h, "the way to it is lost over the restart: it takes new lines");
		return;
	}
	channel_connect(h->channel);
}

void hand_restore(struct daemon *d, const json_t *saved)
{
	const json_t *item;
	size_t i;

	json_array_foreach(saved, i, item)
		if (i < HAND_MAX)
			restore(d, item);
}

void hand_start(void)
{
	rendezvous_on("hand", on_hand);
}

void hand_stop(struct daemon *d)
{
	while (d->hands)
		hand_free(d->hands);
}
