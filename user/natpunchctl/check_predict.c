// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: which mappings come next, by the predictor that the module
 * has, on the samples made here.
 */
#include <string.h>

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
}
