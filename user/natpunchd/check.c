// SPDX-License-Identifier: GPL-2.0
/* Connectivity checks of one flow; see check.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../stun/stun-message.h"
#include "check.h"
#include "datagram.h"
#include "guess.h"
#include "log.h"
#include "table.h"

#define FIRST_MS	100	/* from one round to the next; doubles ... */
#define LAST_MS		1000	/* ... to this */
#define USERNAME_SIZE	48
#define SEEN_MAX	(2 * CHECKS_MAX)	/* requests of the peer's, for one flow */
#define PRIORITY	1862270975	/* RFC 8445 5.1.2.1: peer-reflexive */

struct check {
	union endpoint remote;
	uint8_t id[NP_STUN_ID];
	uint64_t first_ms;		/* 0: not sent yet */
};

/* An authentic request, and who sent it. */
struct seen {
	uint8_t id[NP_STUN_ID];
	union endpoint from;
};

struct checks {
	struct gateway *gateway;
	struct event *timer;
	union endpoint local;
	char key[CHECK_KEY_SIZE];
	char ours[USERNAME_SIZE], theirs[USERNAME_SIZE];
	bool asks;
	bool busy, dead;		/* freed while an owner's call runs */
	bool running;
	unsigned int every_ms;
	unsigned int n;
	struct check check[CHECKS_MAX];
	const struct guess *theirs_guessed;
	const struct locals *ours_guessed;
	struct check guessed;		/* any of these */
	unsigned int n_seen;
	struct seen seen[SEEN_MAX];
	const struct checks_ops *ops;
	void *data;
};

/* --- sending --------------------------------------------------------------- */

static void sign(const struct checks *c, struct stun_message *m)
{
	stun_add_integrity(m, c->key, strlen(c->key));
	stun_add_fingerprint(m);
}

static void transmit(const struct checks *c, const struct stun_message *m,
		     const union endpoint *from, const union endpoint *to,
		     unsigned int ttl)
{
	const struct datagram d = {
		.src = *from, .dst = *to, .data = m->data, .len = m->len,
		.ttl = ttl,
	};

	if (m->len)
		gateway_ask(c->gateway, &d);
}

/* RFC 8445 section 7.2.2 */
static void send_one(const struct checks *c, struct check *check,
		     const union endpoint *from, unsigned int ttl)
{
	struct stun_message m;

	stun_begin(&m, NP_STUN_BINDING_REQUEST, check->id);
	stun_add(&m, STUN_A_USERNAME, c->theirs, strlen(c->theirs));
	stun_add_u32(&m, STUN_A_PRIORITY, PRIORITY);
	stun_add_u64(&m, c->asks ? STUN_A_ICE_CONTROLLING :
				   STUN_A_ICE_CONTROLLED, 0);
	sign(c, &m);
	if (!check->first_ms && !ttl)
		check->first_ms = clock_ms();
	transmit(c, &m, from, &check->remote, ttl);
}

static void arm(struct checks *c, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(c->timer, &t);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct checks *c = data;
	unsigned int i;

	(void)fd;
	(void)what;
	for (i = 0; i < c->n; i++)
		send_one(c, &c->check[i], &c->local, 0);
	arm(c, c->every_ms);
	c->every_ms = c->every_ms < LAST_MS / 2 ? 2 * c->every_ms : LAST_MS;
}

static void make_id(uint8_t id[NP_STUN_ID])
{
	struct stun_message fresh;

	stun_begin_request(&fresh, STUN_RFC5389);
	memcpy(id, fresh.data + NP_STUN_HEADER - NP_STUN_ID, NP_STUN_ID);
}

void checks_add(struct checks *c, const union endpoint *remote)
{
	struct check *check;
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (endpoint_equal(&c->check[i].remote, remote))
			return;
	if (c->n == CHECKS_MAX)
		return;
	check = &c->check[c->n++];
	check->remote = *remote;
	make_id(check->id);
	if (c->running)
		send_one(c, check, &c->local, 0);
}

void checks_guess(struct checks *c, const struct guess *theirs,
		  const struct locals *ours)
{
	c->theirs_guessed = theirs;
	c->ours_guessed = ours;
}

void checks_send(struct checks *c, const union endpoint *local,
		 const union endpoint *remote, unsigned int ttl)
{
	c->guessed.remote = *remote;
	send_one(c, &c->guessed, local ? local : &c->local, ttl);
}

void checks_start(struct checks *c, unsigned int delay_ms)
{
	if (c->running)
		return;
	c->running = true;
	arm(c, delay_ms);
}

void checks_stop(struct checks *c)
{
	evtimer_del(c->timer);
}

void checks_open(struct checks *c, unsigned int ttl)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		send_one(c, &c->check[i], &c->local, ttl);
}

/* --- receiving ------------------------------------------------------------- */

static bool is_authentic(const struct checks *c, const struct datagram *d)
{
	return stun_fingerprint_is_right(d->data, d->len) &&
	       stun_integrity_is_right(d->data, d->len, c->key, strlen(c->key));
}

static bool is_for_us(const struct checks *c, const struct datagram *d)
{
	const uint8_t *name;
	size_t len;

	name = stun_find(d->data, d->len, STUN_A_USERNAME, &len);
	return name && len == strlen(c->ours) && !memcmp(name, c->ours, len);
}

static void respond(const struct checks *c, const struct np_stun_msg *msg,
		    const struct datagram *d)
{
	struct stun_message m;

	stun_begin(&m, NP_STUN_BINDING_SUCCESS, msg->id);
	stun_add_xor_addr(&m, NP_STUN_A_XOR_MAPPED, &d->src.sa);
	sign(c, &m);
	transmit(c, &m, &d->dst, &d->src, 0);
}

/* The owner may end it all from within. False: he has. */
static bool tell(struct checks *c, const struct datagram *d,
		 const struct check *answered)
{
	c->busy = true;
	if (answered)
		c->ops->answered(c->data, &d->dst, &d->src,
				 (unsigned int)(clock_ms() -
						answered->first_ms));
	else
		c->ops->asked(c->data, &d->dst, &d->src);
	c->busy = false;
	if (!c->dead)
		return true;
	checks_free(c);
	return false;
}

/*
 * A request does not say where it was sent from, so somebody who has seen it could
 * send it again as his own. Whoever comes first has it.
 */
static bool is_his(struct checks *c, const struct np_stun_msg *msg,
		   const union endpoint *from)
{
	unsigned int i;

	for (i = 0; i < c->n_seen; i++)
		if (!memcmp(c->seen[i].id, msg->id, NP_STUN_ID))
			return endpoint_equal(&c->seen[i].from, from);
	if (c->n_seen == SEEN_MAX)
		return false;
	memcpy(c->seen[i].id, msg->id, NP_STUN_ID);
	c->seen[i].from = *from;
	c->n_seen++;
	return true;
}

static bool take_request(struct checks *c, const struct np_stun_msg *msg,
			 const struct datagram *d)
{
	if (!is_for_us(c, d))
		return false;
	/* It names our flow, so it is no device's, but it may be a lie. */
	if (is_authentic(c, d) && is_his(c, msg, &d->src) &&
	    tell(c, d, NULL))
		respond(c, msg, d);
	return true;
}

static bool is_answerer(const struct checks *c, const struct check *check,
			const union endpoint *from)
{
	if (check == &c->guessed && c->theirs_guessed)
		return guess_has(c->theirs_guessed, from);
	return endpoint_equal(&check->remote, from);
}

static bool take_answer(struct checks *c, const struct np_stun_msg *msg,
			const struct datagram *d)
{
	const struct check *check = NULL;
	unsigned int i;

	if (!memcmp(c->guessed.id, msg->id, NP_STUN_ID))
		check = &c->guessed;
	for (i = 0; i < c->n && !check; i++)
		if (!memcmp(c->check[i].id, msg->id, NP_STUN_ID))
			check = &c->check[i];
	if (!check)
		return false;
	if (msg->type == NP_STUN_BINDING_SUCCESS && check->first_ms &&
	    is_answerer(c, check, &d->src) && is_authentic(c, d))
		tell(c, d, check);
	return true;
}

static bool is_ours(const struct checks *c, const union endpoint *ep)
{
	if (endpoint_equal(&c->local, ep))
		return true;
	return c->ours_guessed &&
	       locals_find(c->ours_guessed, ep) < c->ours_guessed->n;
}

bool checks_take(struct checks *c, const struct datagram *d)
{
	struct np_stun_msg msg;

	if (!is_ours(c, &d->dst) ||
	    stun_parse(&msg, d->data, d->len) != NP_STUN_OK)
		return false;
	return msg.type == NP_STUN_BINDING_REQUEST ? take_request(c, &msg, d) :
						     take_answer(c, &msg, d);
}

/* --- the whole ------------------------------------------------------------- */

struct checks *checks_new(struct gateway *gw, const union endpoint *local,
			  const char *id, const char *key, bool asks,
			  const struct checks_ops *ops, void *data)
{
	struct checks *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	/* The peer may be the first to ask. */
	if (table_look(gw->table))
		log_error("nftables: %s", table_error(gw->table));
	c->timer = evtimer_new(gw->daemon->base, on_timer, c);
	if (!c->timer) {
		free(c);
		return NULL;
	}
	c->gateway = gw;
	c->local = *local;
	c->asks = asks;
	c->every_ms = FIRST_MS;
	make_id(c->guessed.id);
	c->ops = ops;
	c->data = data;
	snprintf(c->key, sizeof(c->key), "%s", key);
	/* The receiver's name comes first, so none can be turned back. */
	snprintf(c->ours, sizeof(c->ours), "%s-%c:%s-%c", id, asks ? 'a' : 's',
		 id, asks ? 's' : 'a');
	snprintf(c->theirs, sizeof(c->theirs), "%s-%c:%s-%c", id,
		 asks ? 's' : 'a', id, asks ? 'a' : 's');
	return c;
}

void checks_free(struct checks *c)
{
	if (!c)
		return;
	c->dead = true;
	if (c->busy)
		return;
	event_free(c->timer);
	free(c);
}
