// SPDX-License-Identifier: GPL-2.0
/* Flows at the site that serves; see flow.h. */
#include <errno.h>
#include <string.h>

#include "external.h"
#include "flow.h"
#include "log.h"
#include "mapped.h"
#include "table.h"
#include "udp.h"

#define SHOW_MS		250	/* between SYNs shown to the service; doubles */
#define SHOW_TRIES	3
#define LOOK_MS		100
#define LIVE_MS		10000
#define ENTRY_S		20	/* so long the peer's endpoint may enter */
#define DEFAULT_HOPS	1	/* to the NAT in front, if nobody tells */

void flow_refuse(struct flow *f, const char *why)
{
	const struct session *s = f->path->session;

	log_warning("%s for %s: %s", s->service, s->peer->name, why);
	flow_say(f, "refused", json_pack("{ss}", "why", why));
	flow_free(f);
}

bool flow_admit(struct flow *f, const struct flow_peer *peer)
{
	const struct path *p = f->path;
	const struct table_flow flow = {
		.proto = p->session->proto,
		.src = &peer->ep,
		.dst = &p->external->external,
	};

	if (!table_to(p->gateway->table, &flow, &p->session->to, ENTRY_S))
		return true;
	log_error("nftables: %s", table_error(p->gateway->table));
	return false;
}

static void opened(struct flow *f)
{
	f->state = FLOW_OPENED;
	f->tries = 0;
	flow_say(f, "opened", NULL);
	flow_arm(f, LOOK_MS);
}

/* --- opening NATs upstream ------------------------------------------------- */

/* The SYN as it will come from @peer, to the service. */
static void show(struct flow *f, const struct flow_peer *peer)
{
	struct segment syn = f->syn;

	syn.src = peer->ep;
	syn.dst = f->path->session->to;
	gateway_craft(f->path->gateway, &syn);
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
		if (table_watch(p->gateway->table, &p->session->to,
				&f->peer[i].ep, 2 * FLOW_OPEN_MS / 1000)) {
			flow_refuse(f, table_error(p->gateway->table));
			return;
		}
		f->peer[i].watched = true;
	}
	show_all(f);
}

/* As if the service itself sent it; it passes our NATs and dies behind them. */
static void send_opener(const struct flow *f, const struct flow_peer *peer)
{
	const struct path *p = f->path;
	struct segment syn = {
		.src = p->external->external,
		.dst = peer->ep,
		.flags = SEGMENT_SYN,
		.seq = peer->synack.seq,
		.window = peer->synack.window,
		.n_options = peer->synack.n_options,
		.ttl = (p->nat_hops ? p->nat_hops : DEFAULT_HOPS) + 1,
	};

	memcpy(syn.options, peer->synack.options, syn.n_options);
	gateway_craft(p->gateway, &syn);
}

static bool all_learned(const struct flow *f)
{
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (!f->peer[i].learned)
			return false;
	return true;
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
	    !endpoint_equal(&f->path->session->to, &answer->src))
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
	send_opener(f, peer);
	flow_admit(f, peer);
	if (all_learned(f))
		opened(f);
	return true;
}

/* The service waits for ends of connections that will not come: tell it. */
static void abandon(const struct flow *f, const struct flow_peer *peer)
{
	struct segment rst = {
		.src = peer->ep,
		.dst = f->path->session->to,
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
	struct flow_peer *peer;
	unsigned int i;

	mapped_free(f->mapped);
	checks_free(f->checks);
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
		table_unwatch(p->gateway->table, &p->session->to, &peer->ep);
		if (!is_live(f, peer))
			abandon(f, peer);
	}
}

/* --- from the peer --------------------------------------------------------- */

/* Endpoints of hosts that are reached by our WAN; others are left out. */
static unsigned int parse_peers(struct flow *f, const json_t *from)
{
	union endpoint ep;
	const json_t *json;
	const char *s;
	size_t i;

	json_array_foreach(from, i, json) {
		s = json_string_value(json);
		if (f->n_peers < FLOW_ENDPOINTS && s &&
		    endpoint_parse(&ep, s) &&
		    gateway_leads_out(f->path->gateway, &ep))
			f->peer[f->n_peers++].ep = ep;
	}
	return f->n_peers;
}

void flow_open(struct path *p, const char *id, const json_t *body)
{
	struct flow *f;
	unsigned int i;

	if (p->n_flows >= MAX_FLOWS || flow_count_opening(p) >= MAX_FLOWS_OPENING)
		return;
	f = flow_new(p, id);
	if (!f)
		return;
	if (p->session->proto == IPPROTO_UDP) {
		udp_serve(f, body);
		return;
	}
	if (!segment_from_json(&f->syn, json_object_get(body, "syn")) ||
	    !parse_peers(f, json_object_get(body, "from"))) {
		flow_refuse(f, "none of the client's endpoints is reached by the WAN");
		return;
	}
	if (p->upstream) {
		start_learning(f);
		return;
	}
	for (i = 0; i < f->n_peers; i++) {
		if (!flow_admit(f, &f->peer[i])) {
			flow_refuse(f, table_error(p->gateway->table));
			return;
		}
	}
	opened(f);
}

/* --- time ------------------------------------------------------------------ */

/* Has one of them come in? */
static bool look(struct flow *f)
{
	unsigned int i;

	f->dst = f->path->external->external;
	if (f->state == FLOW_LIVE)
		return flow_look(f);
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
	for (i = 0; i < f->n_peers; i++) {
		if (!f->peer[i].watched)
			continue;
		table_unwatch(p->gateway->table, &p->session->to,
			      &f->peer[i].ep);
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
	/* Now and then, in case that one was lost or the NAT forgot. */
	if (++f->tries % 8 == 0)
		for (i = 0; i < f->n_peers; i++)
			if (f->peer[i].learned)
				send_opener(f, &f->peer[i]);
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
		opened(f);
	else
		flow_refuse(f, "the service does not answer");
}

void flow_serve_timer(struct flow *f)
{
	switch (f->state) {
	case FLOW_MAPPING:
	case FLOW_ASKED:
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
