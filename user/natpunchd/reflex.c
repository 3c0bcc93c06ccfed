// SPDX-License-Identifier: GPL-2.0
/* STUN over UDP from an external endpoint, crafted; see reflex.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../stun/stun-transaction.h"
#include "datagram.h"
#include "reflex.h"

/* A server that is up answers at once, or the network has lost it. */
const struct stun_timing reflex_timing = {
	.rto = MAPPED_MS / 8,		/* 250, 500, then 1250 ms: MAPPED_MS */
	.tries = 3,
	.last = 5,
};

struct reflex {
	struct reflex *next;
	struct gateway *gateway;
	struct event *timer;
	struct stun_transaction transaction;
	union endpoint local, server;
	mapped_fn *fn;
	void *data;
};

static void transmit(const struct reflex *r)
{
	const struct datagram d = {
		.src = r->local, .dst = r->server,
		.data = r->transaction.request.data,
		.len = r->transaction.request.len,
	};

	gateway_ask(r->gateway, &d);
}

static void step(struct reflex *r)
{
	uint64_t now = clock_ms(), left;
	struct timeval t;

	switch (stun_transaction_step(&r->transaction, now)) {
	case STUN_GIVE_UP:
		r->fn(r->data, -ETIMEDOUT, NULL, 0);
		return;
	case STUN_SEND:
		transmit(r);
		break;
	case STUN_WAIT:
		break;
	}
	left = r->transaction.next > now ? r->transaction.next - now : 0;
	t.tv_sec = (time_t)(left / 1000);
	t.tv_usec = (suseconds_t)(left % 1000 * 1000);
	evtimer_add(r->timer, &t);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	step(data);
}

struct reflex *reflex_ask(struct gateway *gw, const union endpoint *local,
			  const union endpoint *server, mapped_fn *fn,
			  void *data)
{
	struct reflex *r = calloc(1, sizeof(*r));
	struct stun_message request;

	if (!r)
		return NULL;
	r->timer = evtimer_new(gw->daemon->base, on_timer, r);
	if (!r->timer) {
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	r->gateway = gw;
	r->local = *local;
	r->server = *server;
	r->fn = fn;
	r->data = data;
	stun_begin_request(&request, STUN_RFC5389);
	stun_transaction_start(&r->transaction, &request, &reflex_timing, false,
			       clock_ms());
	r->next = gw->reflexes;
	gw->reflexes = r;
	step(r);
	return r;
}

static void take_out(struct reflex *r)
{
	struct reflex **link;

	for (link = &r->gateway->reflexes; *link; link = &(*link)->next) {
		if (*link == r) {
			*link = r->next;
			return;
		}
	}
}

void reflex_free(struct reflex *r)
{
	if (!r)
		return;
	take_out(r);
	event_free(r->timer);
	free(r);
}

/* Once: what the server repeats has been heard. */
static void answered(struct reflex *r, const struct np_stun_msg *msg)
{
	uint32_t rtt_ms = (uint32_t)(clock_ms() - r->transaction.first_sent);
	struct sockaddr_storage ss;
	union endpoint public = {};

	evtimer_del(r->timer);
	take_out(r);
	if (msg->type != NP_STUN_BINDING_SUCCESS || msg->unknown ||
	    !stun_sockaddr(&ss, np_stun_mapped(msg))) {
		r->fn(r->data, -EPROTO, NULL, 0);
		return;
	}
	memcpy(&public, &ss, sizeof(public));
	mapped_heard(r->gateway, &r->server, msg);
	r->fn(r->data, 0, &public, rtt_ms);
}

bool reflex_take(struct gateway *gw, const struct datagram *d)
{
	struct np_stun_msg msg;
	struct reflex *r;

	if (stun_parse(&msg, d->data, d->len) != NP_STUN_OK)
		return false;
	for (r = gw->reflexes; r; r = r->next) {
		if (!stun_transaction_owns(&r->transaction, &msg) ||
		    !endpoint_equal(&r->local, &d->dst) ||
		    !endpoint_equal(&r->server, &d->src))
			continue;
		answered(r, &msg);
		return true;
	}
	return false;
}
