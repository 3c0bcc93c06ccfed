// SPDX-License-Identifier: GPL-2.0
/* Flows at the site that serves; see flow.h. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "external.h"
#include "flow.h"
#include "log.h"
#include "mapped.h"
#include "portmap.h"
#include "queue.h"
#include "saved.h"
#include "table.h"
#include "tracked.h"
#include "udp.h"

#define SHOW_MS		250	/* between SYNs shown to the service; doubles */
#define SHOW_TRIES	3
#define LOOK_MS		100
#define DOUBT_TRIES	15	/* ... and nobody came: is it forwarded? */
#define LIVE_MS		10000
#define ENTRY_S		20	/* so long the peer's endpoint may enter */
#define REPEAT_MS	2000	/* openers, as one may be lost */
#define REPEAT_TRIES	8	/* ... those whose peers are known, of LOOK_MS */
#define FRESH_SAMPLES	2	/* of a moment ago, to guess from */

void flow_refuse(struct flow *f, const char *why)
{
	const struct session *s = f->path->session;

	log_warning("%s for %s: %s", s->service, s->peer->name, why);
	flow_say(f, "refused", json_pack("{ss}", "why", why));
	flow_free(f);
}

bool flow_admit(struct flow *f, const union endpoint *peer,
		const union endpoint *at)
{
	const struct path *p = f->path;
	const struct table_flow flow = {
		.proto = p->session->proto,
		.src = peer,
		.dst = at,
		.hush = path_is_filtered(p),
	};

	if (!table_to(p->gateway->table, &flow, &p->place, ENTRY_S))
		return true;
	log_error("nftables: %s", table_error(p->gateway->table));
	return false;
}

/* @mine: where we are to be found, if that is guessed. */
static void opened(struct flow *f, const struct guess *mine)
{
	f->state = FLOW_OPENED;
	f->tries = 0;
	if (mine)
		log_debug("opened from %u ports of ours, to be found at %u (%.0f %%)",
			  f->locals->n, mine->n, 100 * mine->p);
	else if (f->guess)
		log_debug("opened towards %u ports", f->guess->n);
	flow_say(f, "opened", mine ? json_pack("{so}", "guess",
					       guess_to_json(mine)) : NULL);
	flow_arm(f, LOOK_MS);
}

/* --- opening NATs upstream ------------------------------------------------- */

/* The SYN as it will come from @peer, to the service. */
static void show(struct flow *f, const struct flow_peer *peer)
{
	struct segment syn = f->syn;

	syn.src = peer->ep;
	syn.dst = f->path->place;
	gateway_craft(f->path->gateway, &syn);
}

/*
 * A flow of the same endpoints is over, or its client would not begin another. If
 * conntrack still knows it, our rules do not see what the service answers.
 */
static void forget_last(struct flow *f, const struct flow_peer *peer)
{
	const struct path *p = f->path;

	tracked_kill(p->gateway->tracker, IPPROTO_TCP, &peer->ep,
		     &p->external->external);
}

static void show_all(struct flow *f)
{
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (!f->peer[i].learned)
			show(f, &f->peer[i]);
	flow_arm(f, SHOW_MS << f->tries);
}

static void start_learning(struct flow *f)
{
	struct path *p = f->path;
	unsigned int i;

	f->state = FLOW_LEARNING;
	for (i = 0; i < f->n_peers; i++) {
		forget_last(f, &f->peer[i]);
		if (table_watch(p->gateway->table, &p->place,
				&f->peer[i].ep, 2 * FLOW_OPEN_MS / 1000)) {
			flow_refuse(f, table_error(p->gateway->table));
			return;
		}
		f->peer[i].watched = true;
	}
	show_all(f);
}

/* As if the service itself sent it; it passes our NATs and dies behind them. */
static void send_opener(const struct flow *f, const struct flow_peer *peer,
			const union endpoint *from)
{
	struct segment syn = {
		.src = *from,
		.dst = peer->ep,
		.flags = SEGMENT_SYN,
		.seq = peer->synack.seq,
		.window = peer->synack.window,
		.n_options = peer->synack.n_options,
		.ttl = path_hops_out(f->path, f->tries / REPEAT_TRIES),
	};

	memcpy(syn.options, peer->synack.options, syn.n_options);
	gateway_craft(f->path->gateway, &syn);
}

/* The peer's NATs let in whatever comes from our address; see path_opens_many(). */
static bool meets_many(const struct path *p)
{
	return p->dependent && p->remote_by_address && !path_opens_many(p);
}

/*
 * The service was not asked about so many endpoints: the number is any. Once we
 * know which of them it is, that opener is taken back.
 */
static void send_blind(void *data, unsigned int i)
{
	const struct flow *f = data;
	const struct path *p = f->path;
	const union endpoint to = guess_at(f->guess, i);
	struct segment syn;

	segment_syn(&syn, &p->external->external, &to);
	syn.seq = f->blind;
	/* Where the peer has opened many, one is to find out who we are. */
	syn.ttl = meets_many(p) ? 0 : path_hops_out(p, 0);
	gateway_craft(p->gateway, &syn);
}

static void take_back(const struct flow *f, const struct flow_peer *peer)
{
	const struct path *p = f->path;
	struct segment rst = {
		.src = p->external->external,
		.dst = peer->ep,
		.flags = SEGMENT_RST,
		.seq = f->blind + 1,
		.ttl = path_hops_out(p, 0),
	};

	gateway_craft(p->gateway, &rst);
}

static bool all_learned(const struct flow *f)
{
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (!f->peer[i].learned)
			return false;
	return true;
}

/* From all of ours to the one that the client comes from. */
static void send_from(void *data, unsigned int i)
{
	const struct flow *f = data;

	send_opener(f, &f->peer[0], &f->locals->at[i].ep);
}

static void open_blindly(struct flow *f)
{
	struct gateway *gw = f->path->gateway;
	const struct table_flow any = {
		.proto = IPPROTO_TCP,
		.src = &f->guess->addr,
		.dst = &f->path->external->external,
	};

	if (table_hush(gw->table, &any, ENTRY_S))
		log_error("nftables: %s", table_error(gw->table));
	/* The client's number is what only the sites know. */
	f->blind = meets_many(f->path) ? f->syn.seq : randombytes_random();
	f->pace = pace_start(gw, f->guess->n, REPEAT_MS, send_blind, f);
}

/* Are its endpoints among those that the service was asked about? */
static bool is_blind(const struct flow *f)
{
	return f->guess && f->guess->n > FLOW_ENDPOINTS / 2;
}

static void open_from_guessed(struct flow *f)
{
	struct gateway *gw = f->path->gateway;
	const union endpoint *to = &f->peer[0].ep;
	bool meets = f->path->remote_dependent && !path_opens_many(f->path);
	struct guess *mine = NULL;

	f->locals = locals_open(gw, IPPROTO_TCP, 1);
	if (f->locals)
		mine = guess_ask(gw, IPPROTO_TCP, &f->locals->at[0].ep, to, 0);
	if (mine && meets)
		guess_meet(mine);
	if (mine && mine->flows > 1) {
		locals_free(gw, f->locals);
		f->locals = locals_open(gw, IPPROTO_TCP, mine->flows);
	}
	if (!mine || !f->locals) {
		free(mine);
		flow_refuse(f, mine ? "too many ports are in use for other clients" :
				 "it is not known which ports our NATs will take");
		return;
	}
	f->pace = pace_burst(gw, f->locals->n, meets ? f->locals->n : 1,
			     REPEAT_MS, send_from, f);
	opened(f, mine);
	free(mine);
}

/* All that can be known is known: open, and say so. */
static void open_all(struct flow *f)
{
	const struct path *p = f->path;
	unsigned int i;

	if (p->dependent) {
		open_from_guessed(f);
		return;
	}
	for (i = 0; i < f->n_peers; i++) {
		if (!f->peer[i].learned)
			continue;
		send_opener(f, &f->peer[i], &p->external->external);
		if (!f->guess)		/* else it knocks first */
			flow_admit(f, &f->peer[i].ep, &p->external->external);
	}
	if (is_blind(f))
		open_blindly(f);
	opened(f, NULL);
}

static void on_samples(void *data)
{
	struct flow *f = data;

	samples_free(f->samples);
	f->samples = NULL;
	if (all_learned(f))
		open_all(f);
}

/*
 * The service's answer to a copy of the SYN, which is known already. The service
 * itself would give it once more, but not twice within half a second, and it is
 * to answer the SYN that follows.
 */
static void answer(const struct flow *f, const struct flow_peer *peer,
		   const union endpoint *from)
{
	struct segment synack = peer->synack;

	synack.src = *from;
	synack.dst = peer->ep;
	synack.ttl = 0;
	gateway_craft(f->path->gateway, &synack);
}

/* It is this one, at that endpoint of ours. */
static void came_in(struct flow *f, const union endpoint *src,
		    const union endpoint *dst)
{
	f->came = flow_admit(f, src, dst);
	f->src = *src;
	f->dst = *dst;
	if (f->locals)	/* it is adopted by that */
		saved_write(f->path->gateway->daemon);
}

/* It knocked, and the service was not asked about it before. */
static void open_late(struct flow *f, const struct flow_peer *peer)
{
	if (f->came)
		return;
	if (f->pace && !f->locals)
		take_back(f, peer);
	send_opener(f, peer, &peer->at);
	answer(f, peer, &peer->at);
	if (f->locals)
		came_in(f, &peer->ep, &peer->at);
	else
		flow_admit(f, &peer->ep, &peer->at);
	/* What goes on to all the others is of no more use to a peer of many. */
	if (f->locals || meets_many(f->path)) {
		pace_free(f->pace);
		f->pace = NULL;
	}
}

bool flow_learn(struct flow *f, const struct segment *answer)
{
	struct flow_peer *peer;
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (f->peer[i].watched &&
		    endpoint_equal(&f->peer[i].ep, &answer->dst))
			break;
	if (i == f->n_peers || answer->ack != f->syn.seq + 1 ||
	    !endpoint_equal(&f->path->place, &answer->src))
		return false;
	peer = &f->peer[i];
	if (peer->learned)
		return true;		/* it repeats itself: not outwards */
	if (answer->flags & SEGMENT_RST) {
		flow_refuse(f, "the service refuses connections");
		return true;
	}
	peer->synack = *answer;
	peer->learned = true;
	if (f->state == FLOW_OPENED)
		open_late(f, peer);
	else if (all_learned(f) && !f->samples)
		open_all(f);
	return true;
}

/* The service waits for ends of connections that will not come: tell it. */
static void abandon(const struct flow *f, const struct flow_peer *peer)
{
	struct segment rst = {
		.src = peer->ep,
		.dst = f->path->place,
		.flags = SEGMENT_RST,
		.seq = f->syn.seq + 1,
	};

	gateway_craft(f->path->gateway, &rst);
}

static bool is_live(const struct flow *f, const struct flow_peer *peer)
{
	return f->state == FLOW_LIVE && endpoint_equal(&f->src, &peer->ep);
}

void flow_serve_free(struct flow *f)
{
	const struct path *p = f->path;
	const struct table_flow came = {
		.proto = p->session->proto,
		.src = &f->src,
		.dst = &f->dst,
	};
	struct flow_peer *peer;
	unsigned int i;

	mapped_free(f->mapped);
	checks_free(f->checks);
	if (f->came && f->state != FLOW_LIVE)
		table_forget(p->gateway->table, &came);
	for (i = 0; i < f->n_peers; i++) {
		const struct table_flow flow = {
			.proto = p->session->proto,
			.src = &f->peer[i].ep,
			.dst = &p->external->external,
		};

		peer = &f->peer[i];
		if (f->state != FLOW_LIVE)
			table_forget(p->gateway->table, &flow);
		if (!peer->watched)
			continue;
		table_unwatch(p->gateway->table, &p->place, &peer->ep);
		if (!is_live(f, peer))
			abandon(f, peer);
	}
}

/* --- from the peer --------------------------------------------------------- */

/*
 * Endpoints of hosts that are reached by our WAN; others are left out. The service
 * is asked about few guessed ones as if they were known, about many not.
 */
static unsigned int parse_peers(struct flow *f, const json_t *from)
{
	union endpoint ep;
	const json_t *json;
	const char *s;
	size_t i;

	for (i = 0; f->guess && !is_blind(f) && i < f->guess->n; i++)
		f->peer[f->n_peers++].ep = guess_at(f->guess, i);
	json_array_foreach(from, i, json) {
		s = json_string_value(json);
		if (f->n_peers < FLOW_ENDPOINTS && s &&
		    endpoint_parse(&ep, s) && path_leads_out(f->path, &ep))
			f->peer[f->n_peers++].ep = ep;
	}
	for (i = 0; i < f->n_peers; i++)
		f->peer[i].at = f->path->external->external;
	return f->n_peers;
}

/* From whichever port of the peer's addresses it comes. */
static void expect(const struct flow *f)
{
	const union endpoint *here = path_address(f->path);
	struct gateway *gw = f->path->gateway;
	unsigned int i;
	int err = 0;

	if (f->guess)
		err = table_expect(gw->table, &f->guess->addr, here, ENTRY_S);
	for (i = 0; i < f->n_peers && !err; i++)
		err = table_expect(gw->table, &f->peer[i].ep, here, ENTRY_S);
	if (err)
		log_error("nftables: %s", table_error(gw->table));
}

/* Behind NATs that give each destination another port: for one endpoint only. */
static void guess_ours(struct flow *f)
{
	f->n_peers = f->n_peers ? 1 : 0;
	f->samples = samples_take(f->path->gateway, IPPROTO_TCP, FRESH_SAMPLES, on_samples,
				  f);
	if (f->n_peers && f->samples)
		start_learning(f);
	else
		flow_refuse(f, "it is not known which ports our NATs will take");
}

static void begin(struct flow *f, const json_t *body)
{
	const struct path *p = f->path;
	unsigned int i;

	f->forwarded = json_is_true(json_object_get(body, "forwarded"));
	if (f->forwarded) {
		expect(f);
		opened(f, NULL);
		return;
	}
	if (f->guess || p->dependent)
		expect(f);
	if (meets_many(p) && is_blind(f)) {
		open_blindly(f);
		opened(f, NULL);
	} else if (p->dependent) {
		guess_ours(f);
	} else if (path_is_filtered(p) && f->n_peers) {
		start_learning(f);
	} else {
		for (i = 0; i < f->n_peers && !path_is_filtered(p); i++)
			flow_admit(f, &f->peer[i].ep, &p->external->external);
		if (path_is_filtered(p))
			open_blindly(f);
		opened(f, NULL);
	}
}

void flow_open(struct path *p, const char *id, const json_t *body)
{
	struct flow *f;

	if (!p->external || p->n_flows >= MAX_FLOWS ||
	    flow_count_opening(p) >= MAX_FLOWS_OPENING)
		return;
	f = flow_new(p, id);
	if (!f)
		return;
	if (p->session->proto == IPPROTO_UDP) {
		udp_serve(f, body);
		return;
	}
	f->guess = guess_from_json(p, json_object_get(body, "guess"));
	if (segment_from_json(&f->syn, json_object_get(body, "syn")) &&
	    (parse_peers(f, json_object_get(body, "from")) || f->guess))
		begin(f, body);
	else
		flow_refuse(f, "none of the client's endpoints is reached by the WAN");
}

static bool is_from(const struct flow *f, const union endpoint *src)
{
	unsigned int i;

	if (f->guess && endpoint_same_addr(&f->guess->addr, src))
		return true;
	for (i = 0; i < f->n_peers; i++)
		if (endpoint_same_addr(&f->peer[i].ep, src))
			return true;
	return false;
}

static bool is_ours(const struct flow *f, const union endpoint *dst)
{
	if (endpoint_equal(dst, &f->path->external->external))
		return true;
	return f->locals && locals_find(f->locals, dst) < f->locals->n;
}

static struct flow_peer *peer_at(struct flow *f, const union endpoint *ep)
{
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (endpoint_equal(&f->peer[i].ep, ep))
			return &f->peer[i];
	return NULL;
}

/* Ask the service about it, open, and wait for the next copy. */
static void meet(struct flow *f, const union endpoint *ep,
		 const union endpoint *at)
{
	struct flow_peer *peer = peer_at(f, ep);

	if (!peer && f->n_peers < FLOW_ENDPOINTS) {
		peer = &f->peer[f->n_peers++];
		peer->ep = *ep;
		peer->at = *at;
		forget_last(f, peer);
		peer->watched = !table_watch(f->path->gateway->table,
					     &f->path->place, ep,
					     2 * FLOW_OPEN_MS / 1000);
	}
	if (peer && !peer->learned)
		show(f, peer);
}

bool flow_knock(struct flow *f, const struct segment *syn, uint32_t packet)
{
	struct queue *queue = f->path->gateway->queue;
	const struct flow_peer *peer;
	bool known, again = false;

	if (f->state != FLOW_OPENED || syn->seq != f->syn.seq ||
	    (!f->guess && !f->locals && !f->forwarded) || !is_from(f, &syn->src) ||
	    !is_ours(f, &syn->dst))
		return false;
	peer = peer_at(f, &syn->src);
	known = peer && peer->learned;
	if (!f->came && path_is_filtered(f->path) && !known &&
	    !f->forwarded) {
		meet(f, &syn->src, &syn->dst);
	} else if (!f->came) {
		came_in(f, &syn->src, &syn->dst);
		if (known)
			answer(f, peer, &syn->dst);
		else
			again = f->came;
	}
	queue_verdict(queue, packet, again ? QUEUE_AGAIN : QUEUE_DROP);
	return true;
}

/* --- time ------------------------------------------------------------------ */

/* Has one of them come in? */
static bool look(struct flow *f)
{
	unsigned int i;

	if (f->state == FLOW_LIVE || f->came)
		return flow_look(f);
	f->dst = f->path->external->external;
	for (i = 0; i < f->n_peers; i++) {
		f->src = f->peer[i].ep;
		if (flow_look(f))
			return true;
	}
	return false;
}

static void settle(struct flow *f)
{
	struct path *p = f->path;
	unsigned int i;

	checks_free(f->checks);
	f->checks = NULL;
	pace_free(f->pace);
	f->pace = NULL;
	if (f->locals)
		locals_keep(p->gateway, f->locals, &f->dst);
	for (i = 0; i < f->n_peers; i++) {
		if (!f->peer[i].watched)
			continue;
		table_unwatch(p->gateway->table, &p->place, &f->peer[i].ep);
		f->peer[i].watched = false;
		if (!is_live(f, &f->peer[i]))
			abandon(f, &f->peer[i]);
	}
}

/* It lives: look again later. */
static void stay(struct flow *f)
{
	if (f->path->session->proto == IPPROTO_UDP)
		udp_keep(f);
	else
		flow_arm(f, LIVE_MS);
}

static void while_opened(struct flow *f)
{
	unsigned int i;

	if (look(f)) {
		settle(f);
		stay(f);
		return;
	}
	if (clock_ms() - f->began_ms > FLOW_OPEN_MS) {
		log_debug("a client of %s did not come",
			  f->path->session->peer->name);
		flow_free(f);
		return;
	}
	f->tries++;
	/* He sends again: if the router does not know of it, it may by then. */
	if (f->forwarded && f->tries % DOUBT_TRIES == 0)
		portmap_doubt(f->path->external);
	/* Now and then, in case that one was lost or the NAT forgot. */
	if (f->tries % REPEAT_TRIES == 0 && !f->locals)
		for (i = 0; i < f->n_peers; i++)
			if (f->peer[i].learned)
				send_opener(f, &f->peer[i],
					    &f->path->external->external);
	flow_arm(f, LOOK_MS);
}

/* The service was silent for those that are not learned: then without them. */
static void while_learning(struct flow *f)
{
	unsigned int i;

	if (++f->tries < SHOW_TRIES) {
		show_all(f);
		return;
	}
	for (i = 0; i < f->n_peers; i++)
		if (f->peer[i].learned)
			break;
	if (i < f->n_peers)
		open_all(f);
	else
		flow_refuse(f, "the service does not answer");
}

void flow_serve_timer(struct flow *f)
{
	switch (f->state) {
	case FLOW_MAPPING:
	case FLOW_ASKED:
	case FLOW_PUNCHING:
		break;
	case FLOW_CHECKING:
		flow_free(f);
		break;
	case FLOW_LEARNING:
		while_learning(f);
		break;
	case FLOW_OPENED:
		while_opened(f);
		break;
	case FLOW_LIVE:
		if (look(f))
			stay(f);
		else
			flow_free(f);
		break;
	}
}
