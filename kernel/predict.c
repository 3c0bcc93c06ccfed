// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping prediction, the first half: samples, and what kind of NAT explains
 * them. predict-ask.c makes answers of it. Pure; see predict.h.
 *
 * A hypothesis is a mapping class, an allocation and its parameters. Each gets
 * the logarithm of its likelihood, times a prior that says: all classes are
 * equally likely. Any sample may be a lie (a spoofed answer, a NAT that has
 * started anew, a rule that nobody thought of): then it costs NP_LIE and is left
 * out, so a hypothesis can survive a wrong sample but not many.
 *
 * Foreign mappings are a Poisson process of unknown rate, which holds over a
 * second or less. The rate has a Gamma distribution: after F mappings in time T
 * one with shape F + 3/8 and rate T + 6.3 ms; the number in a time t to come is
 * then negative binomial. As T grows beyond a second, F and T are scaled back to
 * one: older mappings fade.
 */
#include "predict-math.h"
#include "predict-priv.h"

#define NP_LIE		(-22 * NP_Q16)	/* 2^-6 that it is, 2^-16 a port */
#define NP_AGREES	(-(NP_Q16 / 32)) /* and 1 - 2^-6 that it is not */
#define NP_REMAPPED	(-7 * NP_Q16)	/* it forgot the mapping it had */
#define NP_MARGIN	(24 * NP_Q16)	/* what is worse by it is forgotten */
#define NP_MANY_EVENTS	16		/* of which the newest are looked at */
#define NP_NARROW	4096		/* ports that a block or band may have */

/*
 * log2 of the priors, without what all have in common, in bits: no NAT, preserving
 * (endpoint-independent), other endpoint-independent, address-dependent, and each
 * allocation of address and port-dependent are equally likely.
 */
static const s8 np_prior[NP_MAPPING_MAX][NP_ALLOC_MAX] = {
	[NP_MAPPING_NONE] = { [NP_ALLOC_PRESERVE] = 0 },
	[NP_MAPPING_EI] = {
		[NP_ALLOC_PRESERVE] = 0, [NP_ALLOC_STEP] = -2,
		[NP_ALLOC_PARITY] = -6, [NP_ALLOC_PER_DEST] = -12,
		[NP_ALLOC_BLOCK] = -2, [NP_ALLOC_BAND] = -2,
		[NP_ALLOC_RANDOM] = -2,
	},
	[NP_MAPPING_AD] = {
		[NP_ALLOC_PRESERVE] = -6, [NP_ALLOC_STEP] = -1,
		[NP_ALLOC_PARITY] = -6, [NP_ALLOC_PER_DEST] = -12,
		[NP_ALLOC_BLOCK] = -6, [NP_ALLOC_BAND] = -6,
		[NP_ALLOC_RANDOM] = -1,
	},
	[NP_MAPPING_APD] = { [NP_ALLOC_PRESERVE] = -6 },
};

static const struct np_tag *np_tag_of(const struct np_predict *p,
				      const struct np_sample *s)
{
	return &p->tags[s - p->samples];
}

static struct np_tag *np_tag(struct np_predict *p, u32 i)
{
	return &p->tags[(p->next + NP_PREDICT_SAMPLES - p->n + i) %
			NP_PREDICT_SAMPLES];
}

bool np_same_addr(const struct np_endpoint *a, const struct np_endpoint *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr,
		       a->family == NP_FAMILY_IPV4 ? 4 : sizeof(a->addr));
}

bool np_same_endpoint(const struct np_endpoint *a, const struct np_endpoint *b)
{
	return a->port == b->port && np_same_addr(a, b);
}

/*
 * Samples.
 */

void np_predict_reset(struct np_predict *p)
{
	u32 age = p->age;

	memset(p, 0, sizeof(*p));
	p->age = age + 1;
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

/* Does the mapping that sample @i shows depend on what @tag shares with it? */
static bool np_same_key(const struct np_tag *a, const struct np_tag *b,
			u8 mapping)
{
	return a->internal == b->internal &&
	       (mapping == NP_MAPPING_EI ||
		(mapping == NP_MAPPING_AD ? a->daddr == b->daddr :
					    a->dest == b->dest));
}

static u8 np_relate(struct np_predict *p, const struct np_sample *s,
		    const struct np_tag *tag, u8 mapping)
{
	u32 i = p->n;

	while (i--)
		if (np_same_key(np_tag(p, i), tag, mapping))
			return np_same_endpoint(&np_nth(p, i)->mapped,
						&s->mapped) ?
			       NP_REL_AGREE : NP_REL_CONFLICT;
	return NP_REL_FIRST;
}

/* Find what the new sample has in common with those that are remembered. */
static void np_make_tag(struct np_predict *p, const struct np_sample *s,
			struct np_tag *tag)
{
	u32 i = p->n, fresh = ++p->last_tag;
	const struct np_sample *old;
	u8 mapping;

	tag->internal = fresh;
	tag->daddr = fresh;
	tag->dest = fresh;
	tag->maddr = fresh;
	while (i--) {
		old = np_nth(p, i);
		if (old->internal.port == s->internal.port)
			tag->internal = np_tag(p, i)->internal;
		if (np_same_addr(&old->mapped, &s->mapped))
			tag->maddr = np_tag(p, i)->maddr;
		if (!np_same_addr(&old->dest, &s->dest))
			continue;
		tag->daddr = np_tag(p, i)->daddr;
		if (old->dest.port == s->dest.port)
			tag->dest = np_tag(p, i)->dest;
	}
	for (mapping = NP_MAPPING_EI; mapping < NP_MAPPING_MAX; mapping++)
		tag->rel[mapping] = np_relate(p, s, tag, mapping);
	p->again += tag->rel[NP_MAPPING_AD] == NP_REL_AGREE;
	tag->again = p->again;
}

enum np_sample_result np_predict_sample(struct np_predict *p,
					const struct np_sample *sample)
{
	enum np_sample_result result = NP_SAMPLE_NEW;
	struct np_tag tag;
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
	np_make_tag(p, sample, &tag);
	p->samples[p->next] = *sample;
	p->tags[p->next] = tag;
	p->next = (p->next + 1) % NP_PREDICT_SAMPLES;
	if (p->n < NP_PREDICT_SAMPLES)
		p->n++;
	p->stale = true;
	p->age++;
	return result;
}

/*
 * Hypotheses.
 */

/* Remember @h if it is among the best. */
static void np_add(struct np_predict *p, const struct np_hypothesis *h)
{
	struct np_hypothesis *worst;
	u32 i;

	if (p->n_hypo && h->score < p->best - NP_MARGIN)
		return;
	if (!p->n_hypo || h->score > p->best)
		p->best = h->score;
	if (p->n_hypo < NP_HYPOTHESES) {
		p->hypo[p->n_hypo++] = *h;
		return;
	}
	worst = &p->hypo[0];
	for (i = 1; i < NP_HYPOTHESES; i++)
		if (p->hypo[i].score < worst->score)
			worst = &p->hypo[i];
	if (h->score > worst->score)
		*worst = *h;
}

/* @base with an allocation, and the prior of that. */
static struct np_hypothesis np_with(const struct np_hypothesis *base, u8 alloc)
{
	struct np_hypothesis h = *base;

	h.alloc = alloc;
	h.score += np_prior[h.mapping][alloc] * NP_Q16;
	return h;
}

/* The range that ports are from: not the privileged ones, if none was seen. */
static void np_range(struct np_predict *p, struct np_hypothesis *h)
{
	u32 i;

	h->lo = 1024;
	h->hi = 65535;
	for (i = 0; i < p->n; i++)
		if (np_nth(p, i)->mapped.port < h->lo)
			h->lo = 1;
}

static void np_try_none(struct np_predict *p)
{
	struct np_hypothesis h = {
		.mapping = NP_MAPPING_NONE,
		.alloc = NP_ALLOC_PRESERVE,
		.newest = { NP_NO_SAMPLE, NP_NO_SAMPLE },
	};
	u32 i;

	np_range(p, &h);
	for (i = 0; i < p->n; i++) {
		if (np_same_endpoint(&np_nth(p, i)->internal,
				     &np_nth(p, i)->mapped)) {
			h.score += NP_AGREES;
		} else {
			h.score += NP_LIE;
			h.lies++;
		}
	}
	np_add(p, &h);
}

static void np_try_preserve(struct np_predict *p,
			    const struct np_hypothesis *base)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_PRESERVE);
	const struct np_sample *s;
	u32 i, kept = 0;

	for (i = 0; i < p->n_events; i++) {
		s = np_nth(p, p->events[i]);
		if (s->mapped.port == s->internal.port) {
			h.score += NP_AGREES;
			kept++;
		} else {
			h.score += NP_LIE;
			h.lies++;
		}
	}
	if (kept)
		np_add(p, &h);
}

/*
 * Ports that follow one another.
 */

/* From sample @from to @to: what lies between them. */
struct np_gap {
	u32 foreign;		/* foreign mappings */
	u32 missing;		/* own flows that took no port */
	u32 ticks;
};

u32 np_ticks(u64 from, u64 to)
{
	u64 ns = to - from;

	/* A clock that jumped says nothing; a second is a guess. */
	if (ns >= 1ULL << 63)
		return NP_SECOND;
	ns >>= 10;
	if (!ns)
		return 1;
	return ns > 0xffffffff ? 0xffffffff : (u32)ns;
}

u32 np_own(const struct np_predict *p, const struct np_hypothesis *h,
	   const struct np_sample *from, const struct np_count *now,
	   const struct np_sample *to, u32 lane)
{
	const u32 *a = from->own.flows, *b = now->flows;
	u32 n, again;

	if (h->mapping == NP_MAPPING_EI) {
		a = from->own.mappings;
		b = now->mappings;
	}
	n = b[lane] - a[lane];
	if (h->alloc != NP_ALLOC_PARITY)
		n += b[!lane] - a[!lane];
	if (h->mapping == NP_MAPPING_AD) {
		/* Flows that are known to have had a mapping already. */
		again = (to ? np_tag_of(p, to)->again : p->again) -
			np_tag_of(p, from)->again;
		n -= again < n ? again : n;
	}
	/* Nobody makes that many between two samples: it was set back. */
	return n > 1U << 24 ? 0 : n;
}

static bool np_gap(const struct np_predict *p, const struct np_hypothesis *h,
		   const struct np_sample *from, const struct np_sample *to,
		   u32 lane, struct np_gap *gap)
{
	u32 size = h->hi - h->lo + 1, d, n, own;
	u32 step = h->step < 0 ? (u32)-h->step : (u32)h->step;

	d = h->step < 0 ? from->mapped.port + size - to->mapped.port :
			  to->mapped.port + size - from->mapped.port;
	if (d >= size)
		d -= size;
	if (!d || d % step)
		return false;
	n = d / step;
	own = np_own(p, h, from, &to->own, to, lane);
	if (!own)
		own = 1;
	gap->foreign = n > own ? n - own : 0;
	gap->missing = n < own ? own - n : 0;
	gap->ticks = np_ticks(from->time, to->time);
	return true;
}

/* log2 of the probability of @gap after what @h has seen. */
static s64 np_gap_score(const struct np_hypothesis *h,
			const struct np_gap *gap)
{
	u64 beta = (u64)h->ticks + NP_PRIOR_TICKS, all = beta + gap->ticks;
	u32 shape = h->foreign + NP_PRIOR_SHAPE, f = gap->foreign;
	s64 lg = np_log2(all), score;

	score = ((s64)np_log2(beta) - lg) * shape / 256;
	if (f)
		score += np_log2_gamma(shape + ((u64)f << 8)) -
			 np_log2_gamma(shape) -
			 np_log2_gamma(((u64)f + 1) << 8) +
			 ((s64)np_log2(gap->ticks) - lg) * f;
	if (gap->missing)
		score -= (3 + (gap->missing < 8 ? gap->missing : 8)) * NP_Q16;
	return score;
}

/* Learn from a gap; what is older than about a second fades. */
static void np_gap_learn(struct np_hypothesis *h, const struct np_gap *gap)
{
	u64 foreign = h->foreign + ((u64)gap->foreign << 8);
	u64 ticks = (u64)h->ticks + gap->ticks;

	if (ticks > NP_SECOND) {
		foreign = div64_u64(foreign * NP_SECOND, ticks);
		ticks = NP_SECOND;
	}
	h->foreign = (u32)foreign;
	h->ticks = (u32)ticks;
	h->gaps++;
	if (gap->foreign)
		h->quiet = false;
}

/* One lane's state in a chain: who was last, and who else could have been. */
struct np_lane {
	u8 last;
	u8 other;
};

/*
 * The next event of a chain. If it does not follow the last one it is a lie, or
 * the last one was: then the next will follow this one.
 */
static s64 np_chain_link(struct np_predict *p, struct np_hypothesis *h,
			 struct np_lane *lane, u32 parity, u8 event, s64 *gaps)
{
	const struct np_sample *s = np_nth(p, event);
	struct np_gap gap;
	s64 score;

	if (lane->last == NP_NO_SAMPLE) {
		lane->last = event;
		return (h->alloc == NP_ALLOC_PARITY ? NP_Q16 : 0) -
		       (s64)np_log2(h->hi - h->lo + 1);
	}
	if (np_gap(p, h, np_nth(p, lane->last), s, parity, &gap)) {
		score = np_gap_score(h, &gap);
		if (score > NP_LIE) {
			np_gap_learn(h, &gap);
			lane->last = event;
			lane->other = NP_NO_SAMPLE;
			*gaps += score;
			return 0;
		}
	}
	h->lies++;
	if (lane->other != NP_NO_SAMPLE &&
	    np_gap(p, h, np_nth(p, lane->other), s, parity, &gap)) {
		score = np_gap_score(h, &gap);
		if (score > NP_LIE) {
			/* The last one and what came between were wrong. */
			np_gap_learn(h, &gap);
			lane->last = event;
			lane->other = NP_NO_SAMPLE;
			h->lies--;
			*gaps += score;
			return 0;
		}
	}
	lane->other = event;
	return NP_LIE;
}

/* @h has mapping, allocation, step and prior: follow the events with it. */
static void np_try_chain(struct np_predict *p, struct np_hypothesis *h)
{
	struct np_lane lanes[2] = { { NP_NO_SAMPLE, NP_NO_SAMPLE },
				    { NP_NO_SAMPLE, NP_NO_SAMPLE } };
	const struct np_sample *s;
	s64 gaps = 0;
	u32 i, lane;

	h->quiet = true;
	for (i = 0; i < p->n_events; i++) {
		s = np_nth(p, p->events[i]);
		lane = h->alloc == NP_ALLOC_PARITY ? s->internal.port & 1 : 0;
		if (h->alloc == NP_ALLOC_PARITY &&
		    (s->internal.port ^ s->mapped.port) & 1) {
			h->score += NP_LIE;
			h->lies++;
			continue;
		}
		h->score += np_chain_link(p, h, &lanes[lane], lane,
					  p->events[i], &gaps);
	}
	/* As likely as not there is no foreign traffic at all. */
	h->score += h->quiet ? np_log2_add(gaps, 0) - NP_Q16 : gaps - NP_Q16;
	h->newest[0] = lanes[0].last;
	h->newest[1] = lanes[1].last;
	np_add(p, h);
}

/* log2 of a step's prior: those to 8 have most of it. */
static s64 np_step_prior(u32 step)
{
	return step <= 8 ? -283240 : -600000;
}

/*
 * The way from each event's port to the next one's, upwards. Returns how many
 * are the shorter way round.
 */
static u32 np_measure_gaps(struct np_predict *p,
			   const struct np_hypothesis *h)
{
	u32 size = h->hi - h->lo + 1, i, d, up = 0;
	const struct np_sample *from, *to;

	for (i = 1; i < p->n_events; i++) {
		from = np_nth(p, p->events[i - 1]);
		to = np_nth(p, p->events[i]);
		p->owns[i - 1] = np_own(p, h, from, &to->own, to, 0);
		d = to->mapped.port + size - from->mapped.port;
		if (d >= size)
			d -= size;
		p->ways[i - 1] = d;
		up += d < size / 2;
	}
	return up;
}

/*
 * The largest step that most gaps are a multiple of, and so often that our own
 * mappings fit in: the step looked for is that or a divisor of it. @may_fail of
 * them need not be; a lie spoils two.
 */
static u32 np_largest_step(const struct np_predict *p, u32 may_fail)
{
	u32 n = p->n_events - 1, step, i, fails;

	for (step = NP_STEP_MAX; step > 1; step--) {
		for (i = 0, fails = 0; i < n && fails <= may_fail; i++)
			fails += p->ways[i] % step ||
				 p->ways[i] < step * p->owns[i];
		if (fails <= may_fail)
			break;
	}
	return step;
}

/* The same if none may fail. */
static u32 np_common_step(const struct np_predict *p)
{
	u32 n = p->n_events - 1, most = NP_STEP_MAX, common = 0, step, i;

	for (i = 0; i < n && common != 1; i++) {
		common = np_gcd(p->ways[i], common);
		while (most > 1 && p->ways[i] < most * p->owns[i])
			most--;
	}
	for (step = most < common ? most : common; step > 1; step--)
		if (!(common % step))
			return step;
	return 1;
}

/*
 * The step and what divides it, four at most, and always 1. Returns how many
 * samples the best of them takes for lies.
 */
static u32 np_try_divisors(struct np_predict *p,
			   const struct np_hypothesis *base, u32 largest,
			   s32 sign)
{
	u32 step, tried = 0, lies = p->n_events;
	struct np_hypothesis h;

	for (step = largest; step; step--) {
		if (largest % step || (tried >= 3 && step > 1))
			continue;
		tried++;
		h = np_with(base, NP_ALLOC_STEP);
		h.step = sign * (s32)step;
		h.score += np_step_prior(step);
		np_try_chain(p, &h);
		if (h.lies < lies)
			lies = h.lies;
	}
	return lies;
}

/* With one sign, upwards first: at first as if nobody lied. */
static void np_try_sign(struct np_predict *p, const struct np_hypothesis *base,
			s32 sign)
{
	u32 size = base->hi - base->lo + 1, n = p->n_events - 1, i;
	u32 strict, loose;

	for (i = 0; sign < 0 && i < n; i++)
		p->ways[i] = size - p->ways[i];
	strict = np_common_step(p);
	if (!np_try_divisors(p, base, strict, sign) || n < 3)
		return;
	loose = np_largest_step(p, n < 5 ? n / 3 : n / 2);
	if (loose != strict)
		np_try_divisors(p, base, loose, sign);
}

static void np_try_steps(struct np_predict *p, const struct np_hypothesis *base)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_STEP);
	u32 up, gaps;

	if (p->n_events < 2) {
		/* Step 0: it has one, but nobody knows which. */
		np_try_chain(p, &h);
		return;
	}
	gaps = p->n_events - 1;
	up = np_measure_gaps(p, base);
	if (up * 2 >= gaps)
		np_try_sign(p, base, 1);
	if ((gaps - up) * 2 >= gaps)
		np_try_sign(p, base, -1);
}

static void np_try_parity(struct np_predict *p,
			  const struct np_hypothesis *base)
{
	struct np_hypothesis h;
	s32 step;

	for (step = -2; step <= 2; step += 4) {
		h = np_with(base, NP_ALLOC_PARITY);
		h.step = step;
		h.score -= NP_Q16;
		np_try_chain(p, &h);
	}
}

/*
 * Counters of destinations.
 */

/* For each event the last one before it to the same destination. */
static void np_link_destinations(struct np_predict *p)
{
	const struct np_tag *tag, *old;
	u32 i, j;

	for (i = 0; i < p->n_events; i++) {
		tag = np_tag(p, p->events[i]);
		p->before[0][i] = NP_NO_SAMPLE;
		p->before[1][i] = NP_NO_SAMPLE;
		for (j = 0; j < i; j++) {
			old = np_tag(p, p->events[j]);
			if (old->daddr != tag->daddr)
				continue;
			p->before[0][i] = (u8)j;
			if (old->dest == tag->dest)
				p->before[1][i] = (u8)j;
		}
	}
}

/* How far it is from event @from to event @to, downwards below 0. */
static s32 np_way(struct np_predict *p, const struct np_hypothesis *h, u32 from,
		  u32 to)
{
	s32 size = (s32)(h->hi - h->lo + 1);
	s32 d = (s32)np_nth(p, p->events[to])->mapped.port -
		(s32)np_nth(p, p->events[from])->mapped.port;

	if (d > size / 2)
		return d - size;
	return d < -size / 2 ? d + size : d;
}

/* The step from one event to the next of the same destination; 0: unknown. */
static s32 np_dest_step(struct np_predict *p, const struct np_hypothesis *h)
{
	s32 d, best = 0;
	u32 i;

	for (i = 0; i < p->n_events; i++) {
		if (p->before[h->by_port][i] == NP_NO_SAMPLE)
			continue;
		d = np_way(p, h, p->before[h->by_port][i], i);
		if (d && d >= -NP_STEP_MAX && d <= NP_STEP_MAX &&
		    (!best || d * d < best * best))
			best = d;
	}
	return best;
}

/* An event that comes after another one of its destination. */
static s64 np_dest_link(struct np_predict *p, struct np_hypothesis *h, u32 event)
{
	s32 d = np_way(p, h, p->before[h->by_port][event], event);

	if (d && !(d % h->step) && d / h->step > 0 && d / h->step <= 4)
		return NP_AGREES - 3 * NP_Q16 * (d / h->step - 1);
	h->lies++;
	return NP_LIE;
}

static void np_try_per_dest(struct np_predict *p,
			    const struct np_hypothesis *base)
{
	struct np_hypothesis h = *base;
	s64 uniform = np_log2(h.hi - h.lo + 1);
	u32 i, first = NP_NO_SAMPLE;

	h.step = np_dest_step(p, &h);
	h.score -= 2 * NP_Q16;
	if (!h.step)
		h.step = 1;
	else if (h.step > 0 && h.step <= 4)
		h.score -= 150000;
	else
		h.score -= 9 * NP_Q16;
	for (i = 0; i < p->n_events; i++) {
		if (p->before[h.by_port][i] != NP_NO_SAMPLE) {
			h.score += np_dest_link(p, &h, i);
		} else if (h.hashed || first == NP_NO_SAMPLE) {
			h.score -= uniform;
			first = i;
		} else if (np_way(p, &h, first, i)) {
			h.score += NP_LIE;
			h.lies++;
		} else {
			h.score += NP_AGREES;
		}
	}
	if (first != NP_NO_SAMPLE)
		h.newest[0] = p->events[first];
	np_add(p, &h);
}

static void np_try_destinations(struct np_predict *p,
				const struct np_hypothesis *base)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_PER_DEST);
	u32 i;

	np_link_destinations(p);
	for (i = 0; i < 4; i++) {
		h.by_port = i & 1;
		h.hashed = i >> 1;
		np_try_per_dest(p, &h);
	}
}

/*
 * Ports anywhere in a block, a band, the range.
 */

static void np_sort_ports(struct np_predict *p)
{
	u32 i, j;
	u16 port;

	for (i = 0; i < p->n_events; i++) {
		port = np_nth(p, p->events[i])->mapped.port;
		for (j = i; j && p->sorted[j - 1] > port; j--)
			p->sorted[j] = p->sorted[j - 1];
		p->sorted[j] = port;
	}
}

/* The narrowest range of all ports but @lies: its first one's place. */
static u32 np_narrowest(const struct np_predict *p, u32 lies)
{
	u32 n = p->n_events - lies, i, best = 0;

	for (i = 1; i <= lies; i++)
		if (p->sorted[i + n - 1] - p->sorted[i] <
		    p->sorted[best + n - 1] - p->sorted[best])
			best = i;
	return best;
}

/* Blocks of 64 << i: log2 of their prior. */
static const s32 np_block_prior[] = {
	-8 * NP_Q16, -8 * NP_Q16, -8 * NP_Q16, -113000, -113000, -113000,
	-5 * NP_Q16,
};

static void np_try_block(struct np_predict *p, const struct np_hypothesis *base,
			 u32 n, u32 min, u32 max)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_BLOCK);
	s64 prior = h.score;
	u32 i, size, k;

	if (min < 1024)
		return;
	for (i = 0; i < sizeof(np_block_prior) / sizeof(*np_block_prior); i++) {
		size = 64U << i;
		h.lo = 1024 + (min - 1024) / size * size;
		h.hi = h.lo + size - 1;
		if (max > h.hi || h.hi > 65535 || n > size / 2)
			continue;
		h.score = prior + np_block_prior[i] - np_log2(64512 / size);
		for (k = 0; k < n; k++)
			h.score -= np_log2(size - k);
		np_add(p, &h);
	}
}

/* Bands from 64 to 244 by 12, and some wider ones. */
#define NP_BANDS	20

static u32 np_band_width(u32 i)
{
	return i < 16 ? 64 + 12 * i : 64U << (i - 13);
}

static void np_try_band(struct np_predict *p, const struct np_hypothesis *base,
			u32 n, u32 min, u32 max)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_BAND);
	s64 prior = h.score, score, sum = NP_LOG2_NEVER * 64LL, part;
	u32 i, width;

	h.lo = min;
	h.hi = max;
	for (i = 0; i < NP_BANDS; i++) {
		width = np_band_width(i);
		if (width <= max - min)
			continue;
		/* The first one's port is anywhere, the band's start then. */
		score = prior - (i < 16 ? 4 * NP_Q16 : 8 * NP_Q16) -
			16 * NP_Q16 + np_log2(width - (max - min)) -
			(s64)n * (np_log2(2 * width - n) - NP_Q16);
		sum = np_log2_add(sum, score);
		/* Its part of all so far moves the expected width. */
		part = np_exp2_minus(sum - score) >> 14;
		h.width = (u32)(((s64)h.width * (NP_Q16 - part) +
				 ((s64)width << 4) * part) >> 16);
	}
	h.width = (h.width + 8) >> 4;
	h.score = sum;
	if (h.width > max - min)
		np_add(p, &h);
}

static void np_try_ranges(struct np_predict *p,
			  const struct np_hypothesis *base)
{
	struct np_hypothesis h = np_with(base, NP_ALLOC_RANDOM);
	u32 lies, n, min, max, most = p->n_events / 4;

	h.score -= (s64)p->n_events * np_log2(h.hi - h.lo + 1);
	np_add(p, &h);
	np_sort_ports(p);
	for (lies = 0; lies <= most; lies++) {
		h = *base;
		h.lies += (u8)lies;
		h.score += (s64)lies * NP_LIE;
		n = p->n_events - lies;
		min = p->sorted[np_narrowest(p, lies)];
		max = p->sorted[np_narrowest(p, lies) + n - 1];
		np_try_block(p, &h, n, min, max);
		np_try_band(p, &h, n, min, max);
		if (max - min < NP_NARROW)
			break;
	}
}

/*
 * All of them.
 */

/*
 * The newest samples that show a new mapping if the class is @base's, all with
 * the external address of the newest. Returns whether each
 * was the first of its key.
 */
static bool np_collect(struct np_predict *p, struct np_hypothesis *base)
{
	const struct np_tag *tag;
	bool all_first = true;
	u32 i = p->n, maddr = np_tag(p, p->n - 1)->maddr, k;
	u8 event;

	p->n_events = 0;
	while (i--) {
		tag = np_tag(p, i);
		if (tag->rel[base->mapping] != NP_REL_FIRST)
			all_first = false;
		if (tag->rel[base->mapping] == NP_REL_AGREE) {
			base->score += NP_AGREES;
			continue;
		}
		if (tag->rel[base->mapping] == NP_REL_CONFLICT)
			base->score += NP_REMAPPED;
		if (tag->maddr != maddr ||
		    p->n_events == NP_MANY_EVENTS) {
			base->score -= 16 * NP_Q16;
		} else {
			p->events[p->n_events++] = (u8)i;
		}
	}
	for (k = 0; k < p->n_events / 2; k++) {
		event = p->events[k];
		p->events[k] = p->events[p->n_events - 1 - k];
		p->events[p->n_events - 1 - k] = event;
	}
	return all_first;
}

static void np_try_allocations(struct np_predict *p,
			       const struct np_hypothesis *base)
{
	np_try_preserve(p, base);
	np_try_steps(p, base);
	np_try_parity(p, base);
	if (base->mapping == NP_MAPPING_APD)
		np_try_destinations(p, base);
	np_try_ranges(p, base);
}

/* What was found for one class goes for another, with that one's prior. */
static void np_copy_allocations(struct np_predict *p, u8 from, u8 to)
{
	u32 i, n = p->n_hypo;
	struct np_hypothesis h;

	for (i = 0; i < n; i++) {
		h = p->hypo[i];
		if (h.mapping != from || h.alloc == NP_ALLOC_PER_DEST)
			continue;
		h.mapping = to;
		h.score += (np_prior[to][h.alloc] - np_prior[from][h.alloc]) *
			   NP_Q16;
		np_add(p, &h);
	}
}

static void np_try_all(struct np_predict *p)
{
	struct np_hypothesis base;
	bool all_first;
	u8 mapping;

	np_try_none(p);
	for (mapping = NP_MAPPING_APD; mapping >= NP_MAPPING_EI; mapping--) {
		memset(&base, 0, sizeof(base));
		base.mapping = mapping;
		base.newest[0] = NP_NO_SAMPLE;
		base.newest[1] = NP_NO_SAMPLE;
		np_range(p, &base);
		/* A NAT that gives our own address is none. */
		if (np_same_addr(&np_nth(p, p->n - 1)->internal,
				 &np_nth(p, p->n - 1)->mapped))
			base.score -= 20 * NP_Q16;
		all_first = np_collect(p, &base);
		if (base.score < p->best - NP_MARGIN || !p->n_events)
			continue;
		if (mapping == NP_MAPPING_AD && all_first)
			np_copy_allocations(p, NP_MAPPING_APD, mapping);
		else
			np_try_allocations(p, &base);
	}
}

/* Most probable first: what finds no room in an answer is worth least. */
static void np_rank(struct np_predict *p)
{
	struct np_hypothesis h;
	u32 i, j;

	for (i = 1; i < p->n_hypo; i++) {
		if (p->hypo[i].p <= p->hypo[i - 1].p)
			continue;
		h = p->hypo[i];
		for (j = i; j && p->hypo[j - 1].p < h.p; j--)
			p->hypo[j] = p->hypo[j - 1];
		p->hypo[j] = h;
	}
}

/* From logarithms to parts of one; what is too small goes. */
static void np_weigh(struct np_predict *p)
{
	u32 i, kept = 0;
	u64 sum = 0;

	for (i = 0; i < p->n_hypo; i++) {
		p->hypo[i].p = np_exp2_minus(p->best - p->hypo[i].score);
		if (p->hypo[i].p < NP_P_ONE >> 16)
			continue;
		sum += p->hypo[i].p;
		p->hypo[kept++] = p->hypo[i];
	}
	p->n_hypo = kept;
	for (i = 0; i < kept; i++)
		p->hypo[i].p = (u32)div64_u64((u64)p->hypo[i].p << NP_P_BITS,
					      sum);
	np_rank(p);
}

/* Classes that are told apart; the allocation counts where it matters. */
static u32 np_class_of(const struct np_hypothesis *h)
{
	if (h->mapping == NP_MAPPING_APD && h->alloc != NP_ALLOC_PRESERVE)
		return NP_MAPPING_MAX + h->alloc;
	if (h->mapping != NP_MAPPING_NONE && h->alloc == NP_ALLOC_PRESERVE)
		return NP_MAPPING_MAX + NP_ALLOC_PRESERVE;
	return h->mapping;
}

#define NP_CLASSES	(NP_MAPPING_MAX + NP_ALLOC_MAX)

/* The best hypothesis of the best class; @class_p gets that one's part. */
static const struct np_hypothesis *np_best(struct np_predict *p, u32 *class_p)
{
	const struct np_hypothesis *best = NULL;
	u32 sums[NP_CLASSES] = { 0 }, i, class = 0;

	for (i = 0; i < p->n_hypo; i++)
		sums[np_class_of(&p->hypo[i])] += p->hypo[i].p;
	for (i = 0; i < NP_CLASSES; i++)
		if (sums[i] > sums[class])
			class = i;
	for (i = 0; i < p->n_hypo; i++)
		if (np_class_of(&p->hypo[i]) == class &&
		    (!best || p->hypo[i].p > best->p))
			best = &p->hypo[i];
	*class_p = sums[class];
	return best;
}

/* The rate, and between what it is with 90 %: Wilson and Hilferty's way. */
static u32 np_rate(const struct np_hypothesis *h, s32 z)
{
	u64 shape = h->foreign + NP_PRIOR_SHAPE;
	u64 ticks = (u64)h->ticks + NP_PRIOR_TICKS;
	s64 root;

	if (h->alloc == NP_ALLOC_PARITY)
		shape *= 2;
	if (z) {
		/* 1 - 1/9a + z/(3 sqrt(a)), in Q16, to the third power */
		root = NP_Q16 - (s64)div64_u64(NP_Q16 * 256 / 9, shape) +
		       z * (s64)div64_u64(NP_Q16 * 16 / 3, np_sqrt(shape) | 1) /
		       1000;
		if (root < 0)
			return 0;
		shape = (shape * (u64)root >> 16) * (u64)root >> 16;
		shape = shape * (u64)root >> 16;
	}
	/* A tick is 2^10 ns, so 10^9 of them are the 1 024 s. */
	shape = div64_u64(shape * 3906250, ticks);
	return shape > 0xffffffff ? 0xffffffff : (u32)shape;
}

static void np_tell_rate(struct np_predict *p, struct np_verdict *v)
{
	const struct np_hypothesis *h = NULL;
	u32 i;

	for (i = 0; i < p->n_hypo; i++)
		if (p->hypo[i].gaps && (!h || p->hypo[i].p > h->p))
			h = &p->hypo[i];
	if (!h || h->p < NP_P_ONE / 2)
		return;
	v->rate = h->quiet ? 0 : np_rate(h, 0);
	v->rate_lo = h->quiet ? 0 : np_rate(h, -1645);
	v->rate_hi = np_rate(h, 1645);
	v->rate_time = (u64)h->ticks << 10;
}

/* What was not tried yet and would tell classes apart. */
static u8 np_wanted(struct np_predict *p)
{
	u8 want = NP_WANT_MORE | NP_WANT_PORT | NP_WANT_ADDRESS |
		  NP_WANT_INTERNAL;
	u32 i, parities = 0;
	const u8 *rel;

	for (i = 0; i < p->n; i++) {
		rel = np_tag(p, i)->rel;
		parities |= 1U << (np_nth(p, i)->internal.port & 1);
		if (rel[NP_MAPPING_AD] != NP_REL_FIRST)
			want &= (u8)~NP_WANT_PORT;
		else if (rel[NP_MAPPING_EI] != NP_REL_FIRST)
			want &= (u8)~NP_WANT_ADDRESS;
	}
	if (parities == 3)
		want &= (u8)~NP_WANT_INTERNAL;
	return want;
}

static u32 np_count_addresses(struct np_predict *p)
{
	u32 i, j, n = 0;

	for (i = 0; i < p->n; i++) {
		for (j = 0; j < i; j++)
			if (np_tag(p, i)->maddr == np_tag(p, j)->maddr)
				break;
		n += i == j;
	}
	return n;
}

static void np_judge(struct np_predict *p, struct np_verdict *v)
{
	const struct np_hypothesis *best;
	u32 i, class_p, enough;

	best = np_best(p, &class_p);
	v->mapping = best->mapping;
	v->alloc = best->alloc;
	v->step = best->step;
	v->lo = (u16)best->lo;
	v->hi = (u16)best->hi;
	v->bounds_known = best->alloc == NP_ALLOC_BLOCK ||
			  best->alloc == NP_ALLOC_BAND;
	v->lies = best->lies;
	for (i = 0; i < p->n_hypo; i++) {
		if (p->hypo[i].mapping != best->mapping)
			continue;
		v->mapping_p += p->hypo[i].p;
		if (p->hypo[i].alloc == best->alloc)
			v->p += p->hypo[i].p;
	}
	enough = best->alloc >= NP_ALLOC_BLOCK ? 10 : 5;
	if (class_p >= NP_P_ONE / 20 * 19) {
		v->certainty = NP_CERTAIN_SURE;
	} else {
		v->want = np_wanted(p);
		v->certainty = p->n < enough ||
			       v->want & (u8)~NP_WANT_MORE ?
			       NP_CERTAIN_TOO_FEW : NP_CERTAIN_AMBIGUOUS;
	}
}

void np_think(struct np_predict *p)
{
	struct np_verdict *v = &p->verdict;

	if (!p->stale)
		return;
	p->stale = false;
	memset(v, 0, sizeof(*v));
	p->n_hypo = 0;
	p->best = 0;
	np_try_all(p);
	np_weigh(p);
	v->samples = p->n;
	v->mapped = np_nth(p, p->n - 1)->mapped;
	v->addresses = np_count_addresses(p);
	np_judge(p, v);
	np_tell_rate(p, v);
}

void np_predict_copy(struct np_predict *to, const struct np_predict *from)
{
	u32 i;

	memcpy(to, from, offsetof(struct np_predict, hypo));
	for (i = 0; i < from->n_hypo; i++)
		to->hypo[i] = from->hypo[i];
}

bool np_predict_adopt(struct np_predict *p, const struct np_predict *thought)
{
	if (p->age != thought->age)
		return false;
	p->stale = thought->stale;
	p->verdict = thought->verdict;
	p->best = thought->best;
	p->n_hypo = thought->n_hypo;
	memcpy(p->hypo, thought->hypo, p->n_hypo * sizeof(*p->hypo));
	return true;
}

void np_predict_class(struct np_predict *p, struct np_verdict *verdict)
{
	np_think(p);
	*verdict = p->verdict;
	if (!p->n)
		verdict->want = NP_WANT_MORE | NP_WANT_PORT | NP_WANT_ADDRESS |
				NP_WANT_INTERNAL;
}
