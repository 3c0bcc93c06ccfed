// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping prediction: from samples of an upstream NAT's mappings to the ports
 * that it will give next. Pure; see predict.h for what that means and for the
 * interface.
 */
#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif

#include "predict.h"

static bool np_same_addr(const struct np_endpoint *a,
			 const struct np_endpoint *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr,
		       a->family == NP_FAMILY_IPV4 ? 4 : sizeof(a->addr));
}

static bool np_same_endpoint(const struct np_endpoint *a,
			     const struct np_endpoint *b)
{
	return a->port == b->port && np_same_addr(a, b);
}

static struct np_sample *np_nth(struct np_predict *p, u32 i)
{
	return &p->samples[(p->next + NP_PREDICT_SAMPLES - p->n + i) %
			   NP_PREDICT_SAMPLES];
}

void np_predict_reset(struct np_predict *p)
{
	memset(p, 0, sizeof(*p));
}

/* All of one family: who has NAT64 in front of him is asked by address. */
static bool np_sample_valid(const struct np_sample *s)
{
	u8 family = s->internal.family;

	return (family == NP_FAMILY_IPV4 || family == NP_FAMILY_IPV6) &&
	       s->dest.family == family && s->mapped.family == family &&
	       s->internal.port && s->dest.port && s->mapped.port;
}

/* The flow's last report, -1 if there is none. */
static int np_find_flow(struct np_predict *p, const struct np_sample *s)
{
	u32 i = p->n;

	while (i--)
		if (np_same_endpoint(&np_nth(p, i)->internal, &s->internal) &&
		    np_same_endpoint(&np_nth(p, i)->dest, &s->dest))
			return (int)i;
	return -1;
}

enum np_sample_result np_predict_sample(struct np_predict *p,
					const struct np_sample *sample)
{
	enum np_sample_result result = NP_SAMPLE_NEW;
	int known;

	if (!np_sample_valid(sample))
		return NP_SAMPLE_INVALID;
	if (p->n && !np_same_addr(&np_nth(p, p->n - 1)->internal,
				  &sample->internal)) {
		np_predict_reset(p);
		result = NP_SAMPLE_RESET;
	}
	known = np_find_flow(p, sample);
	if (known >= 0) {
		if (np_same_endpoint(&np_nth(p, (u32)known)->mapped,
				     &sample->mapped))
			return NP_SAMPLE_KNOWN;
		result = NP_SAMPLE_CHANGED;
	}
	p->samples[p->next] = *sample;
	p->next = (p->next + 1) % NP_PREDICT_SAMPLES;
	if (p->n < NP_PREDICT_SAMPLES)
		p->n++;
	p->stale = true;
	return result;
}

void np_predict_class(struct np_predict *p, struct np_verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	verdict->samples = p->n;
	verdict->want = NP_WANT_MORE;
}

void np_predict_ask(struct np_predict *p, const struct np_question *question,
		    struct np_answer *answer, struct np_guess *guesses)
{
	(void)question;
	(void)guesses;
	memset(answer, 0, sizeof(*answer));
	np_predict_class(p, &answer->verdict);
}

u32 np_predict_birthday(u32 pool, u32 open, u32 tries)
{
	(void)pool;
	(void)open;
	(void)tries;
	return 0;
}
