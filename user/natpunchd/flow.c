// SPDX-License-Identifier: GPL-2.0
/* What flows of both roles have in common; see flow.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datagram.h"
#include "external.h"
#include "flow.h"
#include "log.h"
#include "queue.h"
#include "table.h"
#include "tracked.h"
#include "udp.h"

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct flow *f = data;

	(void)fd;
	(void)what;
	if (f->path->session->role == SESSION_ASKS)
		flow_ask_timer(f);
	else
		flow_serve_timer(f);
}

struct flow *flow_new(struct path *p, const char *id)
{
	struct flow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->timer = evtimer_new(p->gateway->daemon->base, on_timer, f);
	if (!f->timer) {
		free(f);
		return NULL;
	}
	f->path = p;
	strcpy(f->id, id);
	f->began_ms = clock_ms();
	f->next = p->flows;
	p->flows = f;
	p->n_flows++;
	return f;
}

void flow_free(struct flow *f)
{
	struct flow **link = &f->path->flows;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	f->path->n_flows--;
	if (f->path->session->role == SESSION_ASKS)
		flow_ask_free(f);
	else
		flow_serve_free(f);
	pace_free(f->pace);
	samples_free(f->samples);
	locals_free(f->path->gateway, f->locals);
	free(f->guess);
	event_free(f->timer);
	free(f);
}

void flow_end(struct flow *f)
{
	const struct gateway *gw = f->path->gateway;
	struct table_flow back = {
		.proto = f->path->session->proto,
		.src = &f->path->place,
		.dst = &f->src,
	};

	if (f->state == FLOW_LIVE) {
		tracked_kill(gw->tracker, back.proto, &f->src, &f->dst);
		/* The service may go on sending; that is a new flow then. */
		if (f->path->session->role == SESSION_SERVES)
			table_ended(gw->table, &back);
	}
	flow_free(f);
}

struct flow *flow_by_id(const struct path *p, const char *id)
{
	struct flow *f;

	for (f = p->flows; f; f = f->next)
		if (!strcmp(f->id, id))
			return f;
	return NULL;
}

void flow_arm(struct flow *f, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(f->timer, &t);
}

int flow_say(const struct flow *f, const char *what, json_t *more)
{
	json_t *body = json_pack("{ss, ss}", "flow", f->id, "do", what);
	int err;

	if (more) {
		json_object_update(body, more);
		json_decref(more);
	}
	err = session_signal(f->path->session, body);
	json_decref(body);
	return err;
}

unsigned int flow_count_opening(const struct path *p)
{
	const struct flow *f;
	unsigned int n = 0;

	for (f = p->flows; f; f = f->next)
		n += f->state != FLOW_LIVE;
	return n;
}

bool flow_look(struct flow *f)
{
	const struct path *p = f->path;
	struct tracked tracked;

	/* UDP services need not answer. */
	if (tracked_get(p->gateway->tracker, p->session->proto, &f->src,
			&f->dst, &tracked) ||
	    (!tracked.answered && p->session->proto == IPPROTO_TCP))
		return false;
	if (f->state != FLOW_LIVE)
		f->live_ms = clock_ms();
	f->state = FLOW_LIVE;
	return true;
}

/* --- those that were there before us --------------------------------------- */

struct adoption {
	struct path *path;
	const union endpoint *dst;
};

static bool is_from_peer(const struct path *p, const union endpoint *src)
{
	unsigned int i;

	for (i = 0; i < p->n_remote; i++)
		if (endpoint_same_addr(&p->remote[i].ep, src))
			return true;
	return false;
}

static bool is_known(const struct path *p, const union endpoint *src)
{
	const struct flow *f;

	for (f = p->flows; f; f = f->next)
		if (endpoint_equal(&f->src, src))
			return true;
	return false;
}

static void adopt_one(const union endpoint *src, void *data)
{
	static unsigned int number;
	struct adoption *a = data;
	struct path *p = a->path;
	char id[FLOW_ID_SIZE];
	struct flow *f;

	if (p->n_flows >= MAX_FLOWS || is_known(p, src) ||
	    (p->session->role == SESSION_SERVES && !is_from_peer(p, src)))
		return;
	snprintf(id, sizeof(id), "adopted-%u", number++ % 100000000);
	f = flow_new(p, id);
	if (!f)
		return;
	f->src = *src;
	f->dst = *a->dst;
	f->state = FLOW_LIVE;
	f->live_ms = clock_ms();
	flow_arm(f, 1000);
}

static void adopt_to(struct path *p, const union endpoint *dst)
{
	struct adoption a = { .path = p, .dst = dst };

	tracked_list(p->gateway->tracker, p->session->proto, dst, adopt_one,
		     &a);
}

void flow_adopt(struct path *p)
{
	const struct session *s = p->session;

	adopt_to(p, s->role == SESSION_ASKS ? &p->place :
					      &p->external->external);
}

json_t *flow_ends(const struct path *p)
{
	json_t *ends = json_array();
	const struct flow *f;
	char s[ENDPOINT_SIZE];

	if (p->session->role == SESSION_ASKS)
		return ends;
	for (f = p->flows; f; f = f->next) {
		if ((f->state != FLOW_LIVE && !f->came) ||
		    endpoint_equal(&f->dst, &p->external->external))
			continue;
		endpoint_str(s, &f->dst);
		json_array_append_new(ends, json_string(s));
	}
	return ends;
}

void flow_adopt_at(struct path *p, const json_t *ends)
{
	union endpoint dst;
	const json_t *end;
	const char *s;
	size_t i;

	json_array_foreach(ends, i, end) {
		s = json_string_value(end);
		if (s && i < MAX_FLOWS && endpoint_parse(&dst, s))
			adopt_to(p, &dst);
	}
}

/* --- what is said of them -------------------------------------------------- */

static void add_number(json_t *json, const char *name, uint64_t n)
{
	json_object_set_new(json, name, json_integer((json_int_t)n));
}

static json_t *show_one(const struct flow *f)
{
	const struct session *s = f->path->session;
	char src[ENDPOINT_SIZE];
	struct tracked t;
	json_t *json;

	json = json_pack("{ss, sf}", "client", endpoint_str(src, &f->src),
			 "age", (double)(clock_ms() - f->live_ms) / 1000);
	if (!tracked_get(f->path->gateway->tracker, s->proto, &f->src, &f->dst,
			 &t) && t.counted) {
		add_number(json, "bytes_out", t.bytes_out);
		add_number(json, "bytes_in", t.bytes_in);
	}
	if (f->live_ms > f->began_ms)
		add_number(json, "opened_ms", f->live_ms - f->began_ms);
	return json;
}

json_t *flow_show(const struct path *p)
{
	json_t *array = json_array();
	const struct flow *f;

	for (f = p->flows; f; f = f->next)
		if (f->state == FLOW_LIVE)
			json_array_append_new(array, show_one(f));
	return array;
}

/* --- what comes in --------------------------------------------------------- */

static bool is_flow_id(const char *id)
{
	return strlen(id) == FLOW_ID_SIZE - 1 &&
	       strspn(id, "0123456789abcdef") == FLOW_ID_SIZE - 1;
}

static void to_server(struct path *p, const char *id, const char *what,
		      const json_t *body)
{
	struct flow *f = flow_by_id(p, id);

	if (!strcmp(what, "open") && !f) {
		flow_open(p, id, body);
	} else if (!strcmp(what, "proven") && f) {
		flow_free(f);
		path_proven(p);
	} else if (!strcmp(what, "end") && f) {
		flow_end(f);
	}
}

static void to_asker(struct path *p, const char *id, const char *what,
		     const json_t *body)
{
	const char *why = json_string_value(json_object_get(body, "why"));
	struct flow *f = flow_by_id(p, id);

	if (!f || (f->state != FLOW_ASKED && !f->early))
		return;
	if (!strcmp(what, "opened"))
		flow_opened(f, body);
	else if (!strcmp(what, "refused"))
		flow_refused(f, why ? why : "no reason given");
}

void flow_message(struct path *p, const json_t *body)
{
	const char *id, *what;

	if (!p || json_unpack((json_t *)body, "{ss, ss}", "flow", &id, "do",
			      &what) || !is_flow_id(id))
		return;
	if (p->session->role == SESSION_SERVES)
		to_server(p, id, what, body);
	else
		to_asker(p, id, what, body);
}

/* A client's first packet to one of our listeners? */
static bool to_listener(struct gateway *gw, int proto, const struct segment *s,
			uint32_t packet)
{
	struct session *i;
	struct path *p;

	for (i = gw->daemon->sessions; i; i = i->next) {
		p = i->path;
		if (i->role != SESSION_ASKS || i->proto != proto || !p ||
		    !p->listening || !endpoint_equal(&p->place, &s->dst))
			continue;
		flow_client(p, s, packet);
		return true;
	}
	return false;
}

/* One from a port that is not known yet, which one of the sessions expects? */
static bool to_flow(struct gateway *gw, const struct segment *s,
		    uint32_t packet)
{
	struct session *i;
	struct path *p;
	struct flow *f;
	bool taken;

	for (i = gw->daemon->sessions; i; i = i->next) {
		p = i->proto == IPPROTO_TCP ? i->path : NULL;
		for (f = p ? p->flows : NULL; f; f = f->next) {
			taken = i->role == SESSION_SERVES ?
				flow_knock(f, s, packet) :
				flow_met(f, s, packet);
			if (taken)
				return true;
		}
	}
	return false;
}

static bool to_watcher(struct gateway *gw, const struct segment *s)
{
	struct session *i;
	struct path *p;
	struct flow *f;

	for (i = gw->daemon->sessions; i; i = i->next) {
		p = i->proto == IPPROTO_TCP ? i->path : NULL;
		for (f = p ? p->flows : NULL; f; f = f->next)
			if (i->role == SESSION_ASKS ?
			    flow_probe_answer(f, s) : flow_learn(f, s))
				return true;
	}
	return false;
}

static void on_datagram(struct gateway *gw, const struct datagram *d,
			uint32_t id)
{
	const struct segment s = { .src = d->src, .dst = d->dst };

	if (to_listener(gw, IPPROTO_UDP, &s, id))
		return;
	queue_verdict(gw->queue, id, udp_take(gw, d) ? QUEUE_DROP :
						       QUEUE_LET_GO);
}

/* Too early, perhaps: a RST would end it. */
static enum queue_verdict stranger(const struct gateway *gw,
				   const struct segment *s)
{
	return external_is_quiet(gw, IPPROTO_TCP, &s->dst) ? QUEUE_DROP :
							     QUEUE_LET_GO;
}

void flow_on_packet(void *gateway, uint32_t id, const uint8_t *packet,
		    size_t len)
{
	struct gateway *gw = gateway;
	struct datagram d;
	struct segment s;

	if (datagram_parse(&d, packet, len)) {
		on_datagram(gw, &d, id);
		return;
	}
	if (!segment_parse(&s, packet, len)) {
		queue_verdict(gw->queue, id, QUEUE_LET_GO);
		return;
	}
	if (s.flags & SEGMENT_SYN && !(s.flags & SEGMENT_ACK)) {
		if (!to_listener(gw, IPPROTO_TCP, &s, id) &&
		    !to_flow(gw, &s, id))
			queue_verdict(gw->queue, id, stranger(gw, &s));
		return;
	}
	/* What is watched for goes no further; the rest is refused as ever. */
	queue_verdict(gw->queue, id, to_watcher(gw, &s) ? QUEUE_DROP :
							  QUEUE_LET_GO);
}
