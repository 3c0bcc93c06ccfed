// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for the predictor (kernel/predict*.c). The input is a program:
 * each operation feeds a sample, asks a question or forgets all. Few endpoints
 * exist, so that samples have something to do with each other, and ports are
 * often told by their distance from the last one.
 *
 * Checked after each answer: probabilities are such, each port is listed once by
 * itself, runs stay where they belong, sums rise, advice counts what is listed, and
 * the same question has the same answer.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/predict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t len;
};

static struct np_predict predict;
static struct np_guess guesses[NP_PREDICT_GUESSES];

static uint64_t take(struct input *in, size_t n)
{
	uint64_t v = 0;

	while (n--) {
		v = v << 8 | (in->len ? *in->data : 0);
		if (in->len) {
			in->data++;
			in->len--;
		}
	}
	return v;
}

static void must(int ok)
{
	if (!ok)
		abort();
}

/* One byte: family (rarely IPv6), address and port, of which there are few. */
static struct np_endpoint few(uint8_t which, uint16_t port)
{
	struct np_endpoint ep;

	memset(&ep, 0, sizeof(ep));
	ep.family = which == 0xff ? 0 : which >= 0xf0 ? NP_FAMILY_IPV6 :
							 NP_FAMILY_IPV4;
	ep.addr[0] = 10;
	ep.addr[3] = which >> 2 & 3;
	ep.port = (uint16_t)(port + (which & 3));
	return ep;
}

static void feed(struct input *in, struct np_sample *s)
{
	uint8_t how = (uint8_t)take(in, 1), which = (uint8_t)take(in, 1);
	uint16_t last = s->mapped.port;

	s->internal = few(which & 0xf3, (uint16_t)(how & 0x40 ? 5000 : 65533));
	s->dest = few((uint8_t)take(in, 1), 3478);
	s->mapped = few(which & 0xf0, 0);
	s->mapped.addr[3] = how & 0x20 ? 7 : 9;
	if (how & 1)
		s->mapped.port = (uint16_t)(last + (int8_t)take(in, 1));
	else if (how & 2)
		s->mapped.port = (uint16_t)take(in, 2);
	else
		s->mapped.port = s->internal.port;
	if (how & 4)
		s->time += take(in, 4);
	else if (how & 8)
		s->time = take(in, 8);
	else
		s->time += 50000000;
	if (how & 0x80) {
		s->own.flows[0] = (uint32_t)take(in, 4);
		s->own.mappings[1] = (uint32_t)take(in, 4);
	}
	s->own.flows[s->internal.port & 1]++;
	s->own.mappings[s->internal.port & 1]++;
	must(np_predict_sample(&predict, s) <= NP_SAMPLE_INVALID);
}

static void check_run(const struct np_guess *g)
{
	uint32_t k;

	must(g->lo && g->lo <= g->hi && g->count);
	must(g->step <= g->hi - g->lo && g->step >= g->lo - g->hi);
	for (k = 0; k < g->count; k++)
		must(np_guess_port(g, k) >= g->lo &&
		     np_guess_port(g, k) <= g->hi);
	must(np_guess_port(g, 0) == g->port);
}

static void check_list(const struct np_answer *a, uint32_t wanted)
{
	static uint8_t seen[65536];
	uint32_t i, sum = 0, ports = 0;

	must(a->n <= a->ports && a->n <= NP_PREDICT_GUESSES);
	must(a->ports <= wanted && a->ports <= NP_PREDICT_PORTS);
	for (i = 0; i < a->n; i++) {
		check_run(&guesses[i]);
		must(guesses[i].p <= NP_P_ONE && guesses[i].sum <= NP_P_ONE);
		must(guesses[i].sum >= sum);
		sum = guesses[i].sum;
		ports += guesses[i].count;
		if (guesses[i].lo != guesses[i].hi)
			continue;	/* of a run */
		must(!seen[guesses[i].port]);
		seen[guesses[i].port] = 1;
	}
	must(a->p == sum && a->ports == ports);
	for (i = 0; i < a->n; i++)
		seen[guesses[i].port] = 0;
}

static void check_verdict(const struct np_verdict *v)
{
	/* Rounding may go a little over one. */
	must(v->p <= NP_P_ONE + 64 && v->mapping_p <= NP_P_ONE + 64);
	must(v->p <= v->mapping_p);
	must(v->mapping < NP_MAPPING_MAX && v->alloc < NP_ALLOC_MAX);
	must(v->samples <= NP_PREDICT_SAMPLES && v->lo <= v->hi);
	must(v->rate_lo <= v->rate && v->rate <= v->rate_hi);
}

static void ask(struct input *in, const struct np_sample *s)
{
	struct np_question q;
	struct np_answer a, b;
	uint8_t how = (uint8_t)take(in, 1);

	memset(&q, 0, sizeof(q));
	q.internal = few((uint8_t)take(in, 1), 5000);
	q.dest = few((uint8_t)take(in, 1), how & 1 ? 0 : 3478);
	q.flows = (uint32_t)take(in, how & 2 ? 1 : 2);
	q.ports = (uint32_t)take(in, how & 4 ? 1 : 2);
	q.within = how & 8 ? take(in, 8) : take(in, 4);
	q.now = s->time + (how & 16 ? take(in, 8) : take(in, 4));
	q.own = s->own;
	q.own.flows[0] += (uint32_t)take(in, how & 32 ? 4 : 1);
	q.own.mappings[1] += (uint32_t)take(in, 1);
	q.wanted = how & 64 ? (uint32_t)take(in, 4) : 0;
	np_predict_ask(&predict, &q, &a, how & 128 ? NULL : guesses);
	check_verdict(&a.verdict);
	check_list(&a, how & 128 ? 0 : q.ports);
	must(a.advice_p <= NP_P_ONE && a.address_p <= NP_P_ONE);
	np_predict_ask(&predict, &q, &b, how & 128 ? NULL : guesses);
	must(a.n == b.n && a.p == b.p && a.advice == b.advice);
	if (a.advice == NP_ADVICE_LIST && a.p >= (q.wanted ? q.wanted :
						  NP_P_ONE / 20 * 19))
		must(a.advice_ports && a.advice_ports <= a.ports);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct np_verdict v;
	struct np_sample s;

	memset(&s, 0, sizeof(s));
	np_predict_reset(&predict);
	while (in.len) {
		switch (take(&in, 1) & 7) {
		case 6:
			ask(&in, &s);
			break;
		case 7:
			if (take(&in, 1) > 250)
				np_predict_reset(&predict);
			np_predict_class(&predict, &v);
			check_verdict(&v);
			must(np_predict_birthday((uint32_t)take(&in, 2),
						 (uint32_t)take(&in, 2),
						 (uint32_t)take(&in, 2)) <=
			     NP_P_ONE);
			break;
		default:
			feed(&in, &s);
		}
	}
	return 0;
}
