// SPDX-License-Identifier: GPL-2.0
/*
 * A gateway and its LAN in front of a NAT of the zoo; see world.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const uint32_t servers[] = { 0xc000020a, 0xc6336414 };

void world_start(struct world *w, const struct zoo_kind *kind, uint64_t seed,
		 double lan_rate)
{
	struct zoo_kind roomy = *kind;

	memset(w, 0, sizeof(*w));
	roomy.mappings_max = 8192;
	w->zoo = zoo_new(&roomy);
	if (!w->zoo) {
		fprintf(stderr, "no memory for a NAT\n");
		exit(1);
	}
	w->dice.state = seed;
	w->now = ZOO_NS_PER_S + zoo_below(&w->dice, 1000) * MS;
	w->lan_rate = lan_rate;
	w->lan_port = 20000;
	w->own.flows[0] = zoo_below(&w->dice, 1u << 31) * 2;
	zoo_advance(w->zoo, w->now);
}

void world_end(struct world *w)
{
	zoo_free(w->zoo);
	w->zoo = NULL;
}

struct np_endpoint world_endpoint(uint32_t addr, unsigned int port)
{
	struct np_endpoint ep;
	int i;

	memset(&ep, 0, sizeof(ep));
	ep.family = NP_FAMILY_IPV4;
	for (i = 0; i < 4; i++)
		ep.addr[i] = (uint8_t)(addr >> (24 - 8 * i));
	ep.port = (uint16_t)port;
	return ep;
}

static struct zoo_ep send_out(struct world *w, unsigned int port, uint32_t dest,
			      unsigned int dest_port)
{
	struct zoo_ep external;

	if (zoo_out(w->zoo, w->now, IPPROTO_UDP, 0,
		    zoo_ep4(WORLD_GATEWAY, port), zoo_ep4(dest, dest_port),
		    &external) != ZOO_PASS) {
		w->full = true;
		memset(&external, 0, sizeof(external));
	}
	return external;
}

/* Is it the first flow from that port? Then it is a mapping of ours too. */
static bool port_is_new(const struct world *w, unsigned int port)
{
	unsigned int i;

	for (i = 0; i < w->n; i++)
		if (w->samples[i].internal.port == port)
			return false;
	return true;
}

/* The LAN's flows: each from a port of its own, to somebody else. */
static void lan_flow(struct world *w)
{
	unsigned int port = w->lan_port + zoo_below(&w->dice, 2);

	w->lan_port += 2;
	if (w->lan_port > 60000)
		w->lan_port = 20000;
	send_out(w, port, 0xc6120000 + zoo_below(&w->dice, 0x20000), 443);
	w->own.flows[port & 1]++;
	w->own.mappings[port & 1]++;
}

static uint64_t lan_pause(struct world *w)
{
	return zoo_exponential(&w->dice) / w->lan_rate * ZOO_NS_PER_S + 1;
}

void world_wait(struct world *w, uint64_t ns)
{
	uint64_t end = w->now + ns;

	if (w->lan_rate > 0 && !w->lan_started) {
		w->lan_next = w->now + lan_pause(w);
		w->lan_started = true;
	}
	while (w->lan_started && w->lan_next <= end) {
		w->now = w->lan_next;
		lan_flow(w);
		w->lan_next += lan_pause(w);
	}
	w->now = end;
	zoo_advance(w->zoo, end);
}

uint16_t world_open(struct world *w, unsigned int port, uint32_t dest,
		    unsigned int dest_port)
{
	return send_out(w, port, dest, dest_port).port;
}

/*
 * The plan. The first five tell all classes apart as far as five can: the same
 * port to another port and to another address, another port, of the other
 * parity, to the same server and the other one.
 */
static const struct {
	unsigned int port, server, server_port;
} plan[WORLD_SAMPLES] = {
	{ 0, 0, 0 }, { 0, 0, 1 }, { 1, 0, 0 }, { 1, 1, 0 }, { 0, 1, 0 },
	{ 1, 0, 1 }, { 0, 1, 1 }, { 1, 1, 1 }, { 0, 0, 2 }, { 1, 1, 2 },
	{ 0, 1, 2 }, { 1, 0, 2 }, { 0, 0, 3 }, { 1, 1, 3 }, { 0, 1, 3 },
	{ 1, 0, 3 },
};

void world_probe(struct world *w)
{
	unsigned int port = WORLD_PORT + plan[w->n].port;
	uint32_t server = servers[plan[w->n].server];
	struct np_sample *s = &w->samples[w->n];
	struct zoo_ep external;
	bool first = port_is_new(w, port);

	external = send_out(w, port, server, 3478 + plan[w->n].server_port);
	w->own.flows[port & 1]++;
	w->own.mappings[port & 1] += first;
	w->probes.flows[port & 1]++;
	w->probes.mappings[port & 1] += first;
	s->internal = world_endpoint(WORLD_GATEWAY, port);
	s->dest = world_endpoint(server, 3478 + plan[w->n].server_port);
	s->mapped = world_endpoint(zoo_addr4(&external), external.port);
	s->time = w->now;
	s->own = w->own;
	w->n++;
}

void world_learn(const struct world *w, struct np_predict *p, bool counted)
{
	struct np_count probes;
	struct np_sample s;
	unsigned int i;

	memset(&probes, 0, sizeof(probes));
	np_predict_reset(p);
	for (i = 0; i < w->n; i++) {
		s = w->samples[i];
		if (!counted) {
			probes.flows[s.internal.port & 1]++;
			if (i == 0 || i == 2)
				probes.mappings[s.internal.port & 1]++;
			s.own = probes;
		}
		np_predict_sample(p, &s);
	}
}

struct np_question world_question(const struct world *w, unsigned int port,
				  unsigned int flows, unsigned int ports,
				  bool counted)
{
	struct np_question q;

	memset(&q, 0, sizeof(q));
	q.internal = world_endpoint(WORLD_GATEWAY, port);
	q.dest = world_endpoint(WORLD_PEER, 0);
	q.flows = flows;
	q.now = w->now;
	q.own = counted ? w->own : w->probes;
	q.ports = ports;
	return q;
}

enum zoo_class world_class(const struct np_verdict *v)
{
	static const enum zoo_class by_alloc[] = {
		[NP_ALLOC_PRESERVE] = ZOO_CLASS_PRESERVING,
		[NP_ALLOC_STEP] = ZOO_CLASS_STEP,
		[NP_ALLOC_PARITY] = ZOO_CLASS_PARITY,
		[NP_ALLOC_PER_DEST] = ZOO_CLASS_PER_DEST,
		[NP_ALLOC_BLOCK] = ZOO_CLASS_BLOCK,
		[NP_ALLOC_BAND] = ZOO_CLASS_BAND,
		[NP_ALLOC_RANDOM] = ZOO_CLASS_RANDOM,
	};

	if (v->mapping == NP_MAPPING_NONE)
		return ZOO_CLASS_NONE;
	if (v->alloc == NP_ALLOC_PRESERVE)
		return ZOO_CLASS_PRESERVING;
	if (v->mapping == NP_MAPPING_EI)
		return ZOO_CLASS_EI;
	if (v->mapping == NP_MAPPING_AD)
		return ZOO_CLASS_AD;
	return v->alloc < NP_ALLOC_MAX ? by_alloc[v->alloc] : ZOO_CLASSES;
}
