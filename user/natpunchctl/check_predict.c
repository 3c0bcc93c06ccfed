// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: which mappings come next. On a gateway of natpunch's the
 * module is asked: it has seen the answers that came here, and counts what the LAN
 * has opened in between. Elsewhere, and where it is less sure than we are (it looks
 * at flows to its STUN ports only), it is said by the same predictor, on the
 * samples made here.
 */
#include <string.h>
#include <unistd.h>

#include "check.h"

static struct np_endpoint endpoint_of(const struct sockaddr_storage *ss)
{
	struct np_endpoint e = { .port = ss_port(ss) };

	e.family = (u8)ss->ss_family;
	if (ss->ss_family == AF_INET6)
		memcpy(e.addr, &((const struct sockaddr_in6 *)ss)->sin6_addr,
		       16);
	else
		memcpy(e.addr, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	return e;
}

void check_learn(struct report *r, const struct sockaddr_storage *local,
		 const struct probe *p)
{
	struct np_sample sample = {
		.internal = endpoint_of(local),
		.dest = endpoint_of(&p->req.to),
		.mapped = endpoint_of(&p->mapped),
		.time = p->sent * 1000000,
		.source = NP_SOURCE_FED,
	};

	r->own.flows[ss_port(local) & 1]++;
	r->own.mappings[ss_port(local) & 1]++;
	sample.own = r->own;
	if (!p->mapped.ss_family)
		return;
	np_predict_sample(&r->predict, &sample);
	if (stun_sockaddr_eq(&p->req.to, &r->primary)) {
		r->ports_seen++;
		r->ports_kept += ss_port(&p->mapped) == ss_port(local);
		r->parity_kept += ss_port(&p->mapped) % 2 ==
				  ss_port(local) % 2;
	}
}

/* The upstream of our local address, if the module has one and may be asked. */
static bool ask_upstream(struct natpunch *np, const struct report *r,
			 struct natpunch_upstream *up)
{
	struct np_endpoint local = endpoint_of(&r->local);

	memset(up, 0, sizeof(*up));
	up->addr.family = local.family;
	memcpy(&up->addr.in6, local.addr, sizeof(up->addr.in6));
	up->l4proto = (uint8_t)r->protocol;
	up->fields = NATPUNCH_HAS(UPSTREAM_ADDR) |
		     NATPUNCH_HAS(UPSTREAM_L4PROTO);
	return !natpunch_upstream_get(np, up, up) && up->samples &&
	       up->certainty >= r->verdict.certainty;
}

static bool ask_prediction(struct natpunch *np, const struct report *r,
			   const struct np_question *q,
			   struct natpunch_prediction *a)
{
	memset(a, 0, sizeof(*a));
	a->l4proto = (uint8_t)r->protocol;
	a->int_addr.family = q->internal.family;
	memcpy(&a->int_addr.in6, q->internal.addr, sizeof(a->int_addr.in6));
	a->int_port = q->internal.port;
	a->dest_addr.family = q->dest.family;
	memcpy(&a->dest_addr.in6, q->dest.addr, sizeof(a->dest_addr.in6));
	a->ports = q->ports;
	a->fields = NATPUNCH_HAS(PREDICT_L4PROTO) |
		    NATPUNCH_HAS(PREDICT_INT_ADDR) |
		    NATPUNCH_HAS(PREDICT_INT_PORT) |
		    NATPUNCH_HAS(PREDICT_DEST_ADDR) |
		    NATPUNCH_HAS(PREDICT_PORTS);
	return !natpunch_predict(np, a, a);
}

/* The numbers are the same on both sides: the kernel sees to that. */
static void take_answer(struct report *r, const struct natpunch_upstream *up,
			const struct natpunch_prediction *a)
{
	unsigned int i;

	r->by_kernel = true;
	r->verdict.samples = up->samples;
	r->verdict.mapping = up->mapping;
	r->verdict.alloc = up->alloc;
	r->verdict.certainty = up->certainty;
	r->verdict.p = up->p;
	r->verdict.step = up->step;
	r->verdict.lo = up->port_min;
	r->verdict.hi = up->port_max;
	r->answer.known = a->known;
	r->answer.p = a->p;
	r->answer.n = a->n_guess;
	for (i = 0; i < a->n_guess && i < CHECK_GUESSES; i++) {
		r->guess[i].port = a->guess[i].port;
		r->guess[i].p = a->guess[i].p;
		r->guess[i].sum = a->guess[i].sum;
	}
	r->answer.n = i;
}

static void ask_kernel(struct report *r, const struct np_question *q)
{
	struct natpunch_prediction answer;
	struct natpunch_upstream up;
	struct natpunch *np;

	/* A report is no reason to load a module. */
	if (access("/sys/module/natpunch", F_OK) || natpunch_open(&np))
		return;
	if (ask_upstream(np, r, &up) && ask_prediction(np, r, q, &answer))
		take_answer(r, &up, &answer);
	natpunch_close(np);
}

/* The next flow from our socket, to somebody whose port is not known yet. */
void check_predict(struct report *r)
{
	struct np_question q = {
		.internal = endpoint_of(&r->local),
		.flows = 1,
		.now = stun_now() * 1000000,
		.own = r->own,
		.ports = CHECK_GUESSES,
	};

	q.dest = endpoint_of(r->second.ss_family ? &r->second : &r->primary);
	q.dest.port = 0;
	np_predict_class(&r->predict, &r->verdict);
	np_predict_ask(&r->predict, &q, &r->answer, r->guess);
	ask_kernel(r, &q);
}
