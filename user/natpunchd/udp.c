// SPDX-License-Identifier: GPL-2.0
/* What UDP flows of both roles have in common; see udp.h. */
#include <string.h>

#include "../stun/stun-message.h"
#include "conf.h"
#include "datagram.h"
#include "lifetime.h"
#include "log.h"
#include "reflex.h"
#include "table.h"
#include "tracked.h"
#include "udp.h"
#include "ways.h"

#define INDICATION	0x0011	/* RFC 8489: Binding, class indication */
#define SLACK_MS	1500	/* conntrack counts in seconds */
#define LOOK_S		25	/* conntrack's shortest timeout is 30 s */
#define HUSH_S		5	/* until the last router has said what became of it */

/* --- STUN that comes in ---------------------------------------------------- */

/* Nobody answers one, or misses it: a keepalive that has lived too long. */
static bool is_indication(const struct datagram *d)
{
	return stun_is_message(d->data, d->len) &&
	       (d->data[0] << 8 | d->data[1]) == INDICATION &&
	       stun_fingerprint_is_right(d->data, d->len);
}

bool udp_take(struct gateway *gw, const struct datagram *d)
{
	const struct session *s;
	const struct path *p;
	struct flow *f;

	if (is_indication(d) || reflex_take(gw, d))
		return true;
	for (s = gw->daemon->sessions; s; s = s->next) {
		p = s->path;
		for (f = p ? p->flows : NULL; f; f = f->next)
			if (f->checks && checks_take(f->checks, d))
				return true;
	}
	return false;
}

void udp_parse(struct flow *f, const json_t *array)
{
	const json_t *json;
	union endpoint ep;
	const char *s;
	size_t i;

	json_array_foreach(array, i, json) {
		s = json_string_value(json);
		if (i < FLOW_ENDPOINTS && s && endpoint_parse(&ep, s) &&
		    path_leads_out(f->path, &ep) &&
		    !(f->probe && ways_wait(f->path, f->way, &ep)))
			checks_add(f->checks, &ep);
	}
}

/* --- idle flows ------------------------------------------------------------ */

/* It passes our NATs and dies behind them. */
static void refresh_upstream(const struct flow *f, const struct tracked *t)
{
	const struct path *p = f->path;
	bool asks = p->session->role == SESSION_ASKS;
	const struct table_flow flow = {
		.proto = IPPROTO_UDP,
		.src = &f->src,
		.dst = &f->dst,
	};
	struct stun_message m;
	struct datagram d = {
		.src = asks ? t->to : f->dst,
		.dst = asks ? t->from : f->src,
		.ttl = path_hops_out(p, 0),
	};

	stun_begin_request(&m, STUN_RFC5389);
	m.data[1] = INDICATION;
	stun_add_fingerprint(&m);
	d.data = m.data;
	d.len = m.len;
	if (table_hush(p->gateway->table, &flow, HUSH_S))
		log_error("nftables: %s", table_error(p->gateway->table));
	gateway_send(p->gateway, &d);
}

/* Others' packets do not count: not all NATs are refreshed by what comes in. */
static void keep_upstream(struct flow *f, const struct tracked *t,
			  unsigned int look_s, unsigned int every_s)
{
	uint64_t now = clock_ms(), next = now + (uint64_t)look_s * 1000;

	if (!path_is_filtered(f->path) ||
	    (f->kept_ms && next <= f->kept_ms + (uint64_t)every_s * 1000))
		return;
	refresh_upstream(f, t);
	f->kept_ms = now;
}

void udp_keep(struct flow *f)
{
	const struct path *p = f->path;
	const struct conf *conf = p->gateway->daemon->conf;
	unsigned int every_s = lifetime_keepalive_s(p->gateway->daemon);
	unsigned int look_s = every_s < LOOK_S ? every_s : LOOK_S;
	uint64_t now = clock_ms(), ends_ms;
	struct tracked t;

	flow_arm(f, look_s * 1000);
	if (tracked_get(p->gateway->tracker, IPPROTO_UDP, &f->src, &f->dst, &t))
		return;
	/* Another end than we have set: packets have come meanwhile. */
	ends_ms = now + (uint64_t)t.timeout_s * 1000;
	if (!f->busy_ms || ends_ms > f->ends_ms + SLACK_MS ||
	    ends_ms + SLACK_MS < f->ends_ms)
		f->busy_ms = now;
	f->ends_ms = ends_ms;
	if (now - f->busy_ms > (uint64_t)conf->udp_idle * 1000)
		return;
	keep_upstream(f, &t, look_s, every_s);
	if (t.timeout_s < 2 * look_s &&
	    !tracked_keep(p->gateway->tracker, IPPROTO_UDP, &f->src, &f->dst,
			  3 * look_s))
		f->ends_ms = now + (uint64_t)look_s * 3000;
}
