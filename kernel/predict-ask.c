// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping prediction, the second half: from hypotheses to a ranked list of ports.
 * Pure; see predict.h.
 *
 * Each hypothesis says with what probability a port is the one, or one of
 * several. There are three kinds: a point (the port is known), a stream (ports
 * follow one another, and what is unknown is how many others come between) and
 * a flat (anywhere in a range). The list takes the most probable port that is
 * left, again and again: a stream's are taken from its most probable number
 * outwards, so that they are always the best window; a flat's are spread over
 * where it is sure to be.
 */
#include "predict-math.h"
#include "predict-priv.h"

/* A known mapping is still there, a port that was free is still: 63/64. */
#define NP_KEEPS	(NP_P_ONE - NP_P_ONE / 64)

/* What is less probable is left out: the best come first. */
#define NP_NEGLIGIBLE	(NP_P_ONE >> 8)

/* The first guesses are worth adding up what all hypotheses give them. */
#define NP_EXACT	5
#define NP_MIXED	8	/* and of these the next */
#define NP_COUNTS	(NP_P_ONE >> 6)	/* ... if it is that probable */

#define NP_FEW		(NP_P_ONE >> 5)	/* others are not, after that */

/* A list of more is so many single ones and at most so many runs of ports. */
#define NP_SHORT	48
#define NP_SINGLE	16
#define NP_RUNS		12
#define NP_RUN_MIN	4

#define NP_ADVICE_FLOWS	256	/* more is rude */

#define NP_FAINT	(NP_P_ONE >> 12) /* many flows: tails end there */

#define NP_MEAN_MAX	16384U	/* foreign mappings in between */

/* What the list is made of. */
struct np_list {
	struct np_guess *guesses;
	u32 n;
	u32 ports;
	u32 max;		/* ports */
	u32 single;		/* ports listed one by one */
	u32 flows;
	u32 sum;
	u32 at;			/* spreads a flat's ports */
	u32 stride;
	u32 lo, hi;		/* what all flats have in common */
	u32 taken;		/* of those */
	u32 below, above;	/* what is next outside */
	u32 offer;		/* the flats' next port, 0: not looked for, */
	u32 parts[NP_FLATS];	/* and what each says of it */
	u32 worth;		/* all together */
};

/*
 * Points.
 */

static void np_add_point(struct np_predict *p, u16 port, u32 part)
{
	u32 i;

	for (i = 0; i < p->n_points; i++)
		if (p->points[i].port == port) {
			p->points[i].p += part;
			return;
		}
	if (p->n_points == NP_STREAMS)
		return;
	p->points[p->n_points].port = port;
	p->points[p->n_points].p = part;
	p->points[p->n_points].told = false;
	p->n_points++;
}

/*
 * The newest samples whose mapping serves the question too, or NULL: by the mapping's
 * behaviour, NP_MAPPING_EI to NP_MAPPING_APD.
 */
static void np_find_known(struct np_predict *p, const struct np_question *q,
			  const struct np_sample **known)
{
	const struct np_sample *s;
	u32 i = p->n;

	while (i-- && !known[NP_MAPPING_APD]) {
		s = np_nth(p, i);
		if (s->internal.port != q->internal.port)
			continue;
		if (!known[NP_MAPPING_EI])
			known[NP_MAPPING_EI] = s;
		if (!np_same_addr(&s->dest, &q->dest))
			continue;
		if (!known[NP_MAPPING_AD])
			known[NP_MAPPING_AD] = s;
		if (s->dest.port == q->dest.port)
			known[NP_MAPPING_APD] = s;
	}
}

/*
 * Streams.
 */

/* The one of @st's numbers that comes after or before, with probability. */
static u32 np_next_up(const struct np_stream *st, u32 p, u32 f)
{
	u64 ratio = st->c0 + (u64)f * st->rho;

	return (u32)div64_u64((u64)p * ratio, (u64)(f + 1) << 16);
}

static u32 np_next_down(const struct np_stream *st, u32 p, u32 f)
{
	u64 ratio;

	if (!f)
		return 0;
	ratio = st->c0 + (u64)(f - 1) * st->rho;
	return ratio ? (u32)div64_u64((u64)p * ((u64)f << 16), ratio) : 0;
}

/* The probability of the most probable number, without the others' sum. */
static u32 np_peak_sum(const struct np_stream *st)
{
	u64 sum = NP_P_ONE;
	u32 p, f;

	for (p = NP_P_ONE, f = st->mode; p > NP_P_ONE >> 13; f++)
		sum += p = np_next_up(st, p, f);
	for (p = NP_P_ONE, f = st->mode; p > NP_P_ONE >> 13; f--)
		sum += p = np_next_down(st, p, f);
	return (u32)div64_u64((u64)NP_P_ONE << NP_P_BITS, sum);
}

/* log2 of the probability of @f, by its formula; not too many are meant. */
static s64 np_log2_of(const struct np_stream *st, u32 f)
{
	u64 shape;

	if (!st->rho)
		return ((s64)np_log2((u64)st->mean + 1) - (16 << 16)) * f -
		       np_log2_gamma(((u64)f + 1) << 8) -
		       (s64)st->mean * 94548 / NP_Q16;
	shape = div64_u64((u64)st->c0 << 8, st->rho);
	return np_log2_gamma(shape + ((u64)f << 8)) - np_log2_gamma(shape) -
	       np_log2_gamma(((u64)f + 1) << 8) +
	       ((s64)np_log2(NP_Q16 - st->rho) - (16 << 16)) * (s64)shape /
	       256 +
	       ((s64)np_log2(st->rho) - (16 << 16)) * f;
}

/*
 * The peak's probability: by summing up where that is short, as the normal
 * distribution's where it is nearly that, and by the formula else: few samples
 * make long tails.
 */
static u32 np_peak(const struct np_stream *st)
{
	u64 var = st->var >> 16;

	if (var < 25 && st->rho < NP_Q16 / 8 * 7)
		return np_peak_sum(st);
	if ((u64)st->c0 > (u64)st->rho * 32)
		return (u32)div_u64(428360687ULL << 8,
				    np_sqrt(st->var) | 1);
	return np_exp2_minus(-np_log2_of(st, st->mode));
}

/*
 * How much less probable, as log2 in Q16, the number is that lies @g numbers further
 * from the peak than @f: the ratio between two neighbours changes little over a part
 * of the standard deviation.
 */
static s64 np_fall(const struct np_stream *st, u32 f, u32 g, u32 side)
{
	/* Twice the middle one of the numbers whose ratios to the next count. */
	u32 middle = side ? 2 * f + g - 1 : 2 * f - g - 1;
	u64 up = 2 * (u64)st->c0 + (u64)middle * st->rho;
	u64 down = (u64)(middle + 2) << 16;
	s64 fall = up > down ? np_log2_ratio(up, down, g) :
			       -np_log2_ratio(down, up, g);

	return side ? -fall : fall;
}

/* Near 0 the ratios differ too much for that: so many at most, from @f on. */
static u32 np_piece(const struct np_stream *st, u32 f, u32 side)
{
	u32 most = side ? f / 2 + 1 : f / 3 + 1;

	return st->piece < most ? st->piece : most;
}

/* @p less @fall, which is below 0 on the way to the peak. */
static u32 np_fallen(u32 p, s64 fall)
{
	u32 shift = 0;
	u64 next;

	if (fall < 0)
		shift = (u32)((-fall + NP_Q16 - 1) / NP_Q16);
	if (shift > 30)
		return NP_P_ONE;
	next = (u64)np_mul(p, np_exp2_minus(fall + ((s64)shift << 16))) << shift;
	return next > NP_P_ONE ? NP_P_ONE : (u32)next;
}

/*
 * The mass of @g numbers between two that have the probabilities @p and @next, which
 * is by @fall less: what lies between falls as an exponential does, and a bit more,
 * as that is straight and a normal distribution is not.
 */
static u64 np_piece_mass(const struct np_stream *st, u32 p, u32 next, u32 g,
			 s64 fall)
{
	u64 mean = ((u64)p + next) / 2;
	s64 less = (s64)p - next;

	if (fall > NP_Q16 / 16)
		mean = div64_u64((u64)less * 94548, (u64)fall);
	else if (fall < -NP_Q16 / 16)
		mean = div64_u64((u64)-less * 94548, (u64)-fall);
	mean *= g;
	return mean + div64_u64((mean >> 8) * g * g, (st->var >> 16) * 12) *
	       256 + (u64)(less / 2);
}

/*
 * The mass of @n numbers on @side, from @f on, which has the probability @p; both
 * go on to what comes after them, where there is anything worth mentioning. Many
 * are added up by parts of the standard deviation.
 */
static u32 np_stream_sum(const struct np_stream *st, u32 side, u32 n, u32 *f,
			 u32 *p)
{
	u64 mass = 0, none = side && !*f ? st->none : 0;
	u32 k, next;
	s64 fall;

	while (n && *p && (side || *f)) {
		k = n > 16 ? np_piece(st, *f, side) : 1;
		if (k > n)
			k = n;
		if (!side)
			*f -= k;
		if (k > 1) {
			fall = np_fall(st, side ? *f : *f + k - 1, k, side);
			next = np_fallen(*p, fall);
			mass += np_piece_mass(st, *p, next, k, fall);
		} else {
			next = side ? np_next_up(st, *p, *f) :
				      np_next_down(st, *p, *f);
			mass += *p;
		}
		if (side)
			*f += k;
		*p = next < NP_FAINT / st->piece ? 0 : next;
		n -= k;
	}
	if (!side && !*f)
		none = st->none;
	mass = (mass * (NP_P_ONE - st->none) >> NP_P_BITS) + none;
	return mass > NP_P_ONE ? NP_P_ONE : (u32)mass;
}

/* The next guess on @side: what it covers, and where that ends. */
static void np_stream_head(struct np_stream *st, u32 side)
{
	u32 f = side ? st->right : st->left, p = st->edge[side], mass = 0;

	if (st->tile > 1 && p && (side || f)) {
		mass = np_stream_sum(st, side, st->tile, &f, &p);
	} else if (p && (side || f)) {
		f -= !side;
		mass = np_mul(p, NP_P_ONE - st->none);
		if (!f)
			mass += st->none;
		p = side ? np_next_up(st, p, f) : np_next_down(st, p, f);
		f += side;
	}
	st->end[side] = f;
	st->edge[side] = p;
	st->mass[side] = np_mul(mass, st->dense);
}

/* The port that is @f foreign mappings further. */
static u16 np_stream_port(const struct np_stream *st, u32 f)
{
	s64 size = (s64)st->h->hi - st->h->lo + 1;
	s64 at = ((s64)st->base - st->h->lo + (s64)st->h->step * f) % size;

	return (u16)(st->h->lo + (at < 0 ? at + size : at));
}

/* How many foreign mappings lead to @port; false if none do. */
static bool np_stream_number(const struct np_stream *st, u16 port, u32 *f)
{
	s64 size = (s64)st->h->hi - st->h->lo + 1;
	s64 d = st->h->step > 0 ? (s64)port - st->base : (s64)st->base - port;
	s32 step = st->h->step > 0 ? st->h->step : -st->h->step;

	d %= size;
	if (d < 0)
		d += size;
	*f = (u32)(d / step);
	return !(d % step);
}

/*
 * The distribution of foreign mappings in @ticks, plus what we ourselves make
 * until the flow leaves. The rate that @h has learned is Gamma distributed.
 */
static bool np_stream_moments(struct np_stream *st, u64 ticks, u64 own_mean,
			      u64 own_var)
{
	const struct np_hypothesis *h = st->h;
	u64 shape = h->foreign + NP_PRIOR_SHAPE;
	u64 beta = h->ticks + NP_PRIOR_TICKS, mean, var, late, slab;

	if (ticks > NP_SECOND << 10)
		ticks = NP_SECOND << 10;
	mean = div64_u64(shape * ticks << 8, beta);
	if (h->quiet) {
		/* Either nobody else is there, or there was nobody yet. */
		slab = np_exp2_minus(((s64)np_log2(beta) -
				      np_log2(NP_PRIOR_TICKS)) *
				     NP_PRIOR_SHAPE / 256);
		st->none = (u32)div64_u64((u64)NP_P_ONE << NP_P_BITS,
					  NP_P_ONE + slab);
		if (own_mean) {
			mean = mean * (NP_P_ONE - st->none) >> NP_P_BITS;
			st->none = 0;
		}
	}
	if (mean + own_mean >= (u64)NP_MEAN_MAX << 16)
		return false;
	var = mean + div64_u64(mean * ticks, beta) + own_var;
	if (ticks > NP_SECOND) {
		/* Longer than Poisson holds: half of it may be missed. */
		late = mean * (ticks - NP_SECOND) / ticks >> 2;
		var += (late >> 8) * (late >> 8);
	}
	mean += own_mean;
	if (mean < 16)
		mean = 16;
	if (var < mean)
		var = mean;
	st->mean = (u32)mean;
	st->var = var;
	st->c0 = (u32)div64_u64(mean * mean, var);
	st->rho = NP_Q16 - (u32)div64_u64(mean << 16, var);
	if (st->rho < 64)
		st->rho = 0;
	if (st->rho > NP_Q16 - 4)
		st->rho = NP_Q16 - 4;
	if (!st->c0)
		st->c0 = 1;
	return true;
}

/* How many numbers may be added up at once. */
static u32 np_stream_piece(const struct np_stream *st)
{
	u32 deviation = np_sqrt(st->var) >> 8;

	return deviation < 4 ? 1 : deviation;
}

static void np_stream_start(struct np_stream *st)
{
	u32 peak, f, half, k, next;

	st->piece = st->tile > 16 ? np_stream_piece(st) : 1;
	st->mode = st->c0 > st->rho ?
		   (st->c0 - st->rho) / (NP_Q16 - st->rho) : 0;
	peak = np_peak(st);
	half = (st->tile - 1) / 2;
	f = st->mode;
	/* Its tile's first number, as far as that is worth mentioning. */
	while (half && f) {
		k = np_piece(st, f, 0);
		k = k < half ? k : half;
		if (k > 1)
			next = np_fallen(peak, np_fall(st, f, k, 0));
		else
			next = np_next_down(st, peak, f);
		if (next < NP_FAINT / st->piece)
			break;
		peak = next;
		f -= k;
		half -= k;
	}
	st->left = f;
	st->right = f;
	st->edge[1] = peak;
	st->edge[0] = np_next_down(st, peak, f);
	np_stream_head(st, 1);
}

/* What lies to the left of the first guess, the best one, when that is taken. */
static void np_stream_both(struct np_stream *st)
{
	if (st->both)
		return;
	st->both = true;
	np_stream_head(st, 0);
}

static u32 np_stream_take(struct np_stream *st, u32 side)
{
	u32 f;

	np_stream_both(st);
	if (side) {
		st->right = st->end[1];
		f = st->right - 1;
	} else {
		f = st->left - 1;
		st->left = st->end[0];
	}
	np_stream_head(st, side);
	return f;
}

/* The part that @port has in @st if that has not had it yet. */
static u32 np_stream_part(const struct np_stream *st, u16 port)
{
	u32 f, p;

	if (st->tile > 1 || !np_stream_number(st, port, &f) ||
	    (f >= st->left && f < st->right) || f > 2 * NP_MEAN_MAX)
		return 0;
	if (f == st->right)
		return np_mul(st->mass[1], st->p);
	p = np_mul(np_exp2_minus(-np_log2_of(st, f)), NP_P_ONE - st->none);
	return np_mul(f ? p : p + st->none, st->p);
}

/*
 * What a hypothesis becomes.
 */

/* Our own rate of late, for the time until the flow leaves; Q16. */
static void np_own_ahead(struct np_predict *p, const struct np_question *q,
			 const struct np_hypothesis *h, u32 lane, u64 ticks,
			 u64 *mean, u64 *var)
{
	const struct np_sample *s;
	u32 i, past, n;

	*mean = 0;
	*var = 0;
	for (i = 0; i < p->n && ticks; i++) {
		s = np_nth(p, i);
		past = np_ticks(s->time, q->now);
		if (past > 2 * NP_SECOND && i + 1 < p->n)
			continue;
		n = np_own(p, h, s, &q->own, NULL, lane);
		/* The samples after this one were made to ask. */
		n -= n < p->n - 1 - i ? n : p->n - 1 - i;
		*mean = div_u64(((u64)n << 16) * ticks, past);
		*var = *mean + div_u64(*mean * ticks, past);
		return;
	}
}

/* Any of @size ports; @lo to @hi are among them for sure. */
static void np_add_flat(struct np_predict *p, u32 part, u32 lo, u32 hi,
			u32 size)
{
	struct np_flat *flat = &p->flats[0];
	u32 i;

	for (i = 0; i < p->n_flats; i++)
		if (p->flats[i].lo == lo && p->flats[i].hi == hi &&
		    p->flats[i].size == size) {
			p->flats[i].p += part;
			return;
		}
	if (p->n_flats < NP_FLATS) {
		flat = &p->flats[p->n_flats++];
	} else {
		/* No room: widen the least. */
		for (i = 1; i < NP_FLATS; i++)
			if (p->flats[i].p < flat->p)
				flat = &p->flats[i];
		part += flat->p;
		lo = lo < flat->lo ? lo : flat->lo;
		hi = hi > flat->hi ? hi : flat->hi;
		size = size > flat->size ? size : flat->size;
	}
	flat->p = part;
	flat->lo = lo;
	flat->hi = hi;
	flat->size = size;
	flat->slack = size > hi - lo ? size - (hi - lo + 1) : 0;
	flat->miss = NP_P_ONE;
	flat->tried = 0;
}

/* A stream, from @anchor on. */
static void np_add_stream(struct np_predict *p, const struct np_question *q,
			  const struct np_hypothesis *h, u32 part, u32 lane,
			  const struct np_sample *anchor)
{
	u64 within = q->within >> 10, own_mean, own_var, ticks, all;
	struct np_stream *st = &p->streams[p->n_streams];
	s64 size = (s64)h->hi - h->lo + 1, at;

	memset(st, 0, sizeof(*st));
	st->h = h;
	st->p = part;
	st->dense = NP_P_ONE;
	if (within > 600 * (u64)NP_SECOND)
		within = 600 * (u64)NP_SECOND;
	within = div_u64(within, q->flows);
	ticks = np_ticks(anchor->time, q->now) + within;
	np_own_ahead(p, q, h, lane, within, &own_mean, &own_var);
	at = (s64)anchor->mapped.port - h->lo +
	     (s64)h->step * (np_own(p, h, anchor, &q->own, NULL, lane) + 1);
	at %= size;
	st->base = (u32)(h->lo + (at < 0 ? at + size : at));
	if (!np_stream_moments(st, ticks, own_mean, own_var)) {
		np_add_flat(p, part, h->lo, h->hi, (u32)size);
		return;
	}
	/* What comes between the flows thins them. */
	all = (div64_u64((u64)(h->foreign + NP_PRIOR_SHAPE) * within << 8,
			 h->ticks + NP_PRIOR_TICKS) + own_mean) *
	      (q->flows - 1);
	all = (all >> 16) + q->flows;
	st->tile = all > 65535 ? 65535 : (u32)all;
	st->dense = (u32)div_u64((u64)q->flows << NP_P_BITS, st->tile);
	np_stream_start(st);
	p->n_streams++;
}

/* The port is counted for the destination: that of its last flow and one. */
static void np_add_per_dest(struct np_predict *p, const struct np_question *q,
			    const struct np_hypothesis *h)
{
	const struct np_sample *s, *found = NULL;
	struct np_stream *st = &p->streams[p->n_streams];
	s64 size = (s64)h->hi - h->lo + 1, at;
	u32 i = p->n;

	while (i-- && !found) {
		s = np_nth(p, i);
		if (np_same_addr(&s->dest, &q->dest) &&
		    (!h->by_port || s->dest.port == q->dest.port))
			found = s;
	}
	if (!found && (h->hashed || h->newest[0] == NP_NO_SAMPLE)) {
		np_add_flat(p, h->p, h->lo, h->hi, (u32)size);
		return;
	}
	memset(st, 0, sizeof(*st));
	st->h = h;
	st->p = h->p;
	/* Flows to several ports all begin with the same one. */
	st->tile = h->by_port ? 1 : q->flows;
	st->dense = NP_P_ONE;
	at = found ? (s64)found->mapped.port + h->step :
		     np_nth(p, h->newest[0])->mapped.port;
	at = (at - h->lo) % size;
	st->base = (u32)(h->lo + (at < 0 ? at + size : at));
	st->mean = NP_Q16 / 32;
	st->var = NP_Q16 / 32;
	st->c0 = st->mean;
	np_stream_start(st);
	p->n_streams++;
}

/* Only one port was seen, so the step is not known: to 8 either way. */
static void np_add_near(struct np_predict *p, const struct np_question *q,
			const struct np_hypothesis *h)
{
	const struct np_sample *s = np_nth(p, h->newest[0]);
	u32 width = 8 * (np_own(p, h, s, &q->own, NULL, 0) + q->flows + 4);
	u32 port = s->mapped.port, lo, hi;

	if (width > NP_MEAN_MAX)
		width = NP_MEAN_MAX;
	lo = port > h->lo + width ? port - width : h->lo;
	hi = port + width < h->hi ? port + width : h->hi;
	np_add_flat(p, h->p, lo, hi, hi - lo + 1);
}

static void np_add_chain(struct np_predict *p, const struct np_question *q,
			 const struct np_hypothesis *h)
{
	u32 lane = 0;

	if (h->alloc == NP_ALLOC_PARITY)
		lane = q->internal.port & 1;
	if (h->newest[lane] == NP_NO_SAMPLE)
		np_add_flat(p, h->p, h->lo, h->hi, h->hi - h->lo + 1);
	else if (!h->step)
		np_add_near(p, q, h);
	else
		np_add_stream(p, q, h, h->p, lane, np_nth(p, h->newest[lane]));
}

static void np_add_new_mapping(struct np_predict *p,
			       const struct np_question *q,
			       const struct np_hypothesis *h)
{
	switch (h->alloc) {
	case NP_ALLOC_PRESERVE:
		np_add_point(p, q->internal.port, np_mul(h->p, NP_KEEPS));
		break;
	case NP_ALLOC_STEP:
	case NP_ALLOC_PARITY:
		if (p->n_streams < NP_STREAMS)
			np_add_chain(p, q, h);
		break;
	case NP_ALLOC_PER_DEST:
		if (p->n_streams < NP_STREAMS)
			np_add_per_dest(p, q, h);
		break;
	case NP_ALLOC_BAND:
		np_add_flat(p, h->p, h->lo, h->hi, h->width);
		break;
	default:
		np_add_flat(p, h->p, h->lo, h->hi, h->hi - h->lo + 1);
	}
}

static void np_spread(struct np_predict *p, const struct np_question *q,
		      struct np_answer *a)
{
	const struct np_sample *known[NP_MAPPING_APD + 1] = { NULL };
	const struct np_hypothesis *h;
	u32 i, known_p = 0;

	p->n_points = 0;
	p->n_streams = 0;
	p->n_flats = 0;
	np_find_known(p, q, known);
	for (i = 0; i < p->n_hypo; i++) {
		h = &p->hypo[i];
		if (h->p < NP_NEGLIGIBLE)
			break;
		if (h->mapping == NP_MAPPING_NONE) {
			np_add_point(p, q->internal.port, h->p);
			continue;
		}
		if (known[h->mapping]) {
			np_add_point(p, known[h->mapping]->mapped.port,
				     np_mul(h->p, NP_KEEPS));
			known_p += h->p;
		} else {
			np_add_new_mapping(p, q, h);
		}
	}
	a->known = known_p > NP_P_ONE / 2;
}

/*
 * The list.
 */

/* What lies in all flats, or as much of them as samples have shown. */
static void np_list_flats(struct np_predict *p, struct np_list *list)
{
	u32 i, min = 65535, max = 1, port, size;

	list->lo = 1;
	list->hi = 65535;
	for (i = 0; i < p->n_flats; i++) {
		if (p->flats[i].lo > list->lo)
			list->lo = p->flats[i].lo;
		if (p->flats[i].hi < list->hi)
			list->hi = p->flats[i].hi;
	}
	for (i = 0; i < p->n && p->n_flats > 1; i++) {
		port = np_nth(p, i)->mapped.port;
		if (port < list->lo || port > list->hi)
			continue;
		min = port < min ? port : min;
		max = port > max ? port : max;
	}
	if (min <= max) {
		list->lo = min;
		list->hi = max;
	}
	if (list->lo > list->hi) {
		list->lo = p->flats[0].lo;
		list->hi = p->flats[0].hi;
	}
	list->below = list->lo - 1;
	list->above = list->hi + 1;
	size = list->hi - list->lo + 1;
	list->stride = size > 2 ? size * 5 / 8 | 1 : 1;
	while (np_gcd(size, list->stride) > 1)
		list->stride = list->stride + 2 < size ? list->stride + 2 : 1;
	list->at = size / 2;
}

/* Of @part what is left at @port: the further out, the less. */
static inline u32 np_flat_reached(const struct np_flat *flat, u32 part,
				  u32 port)
{
	u32 beyond = port < flat->lo ? flat->lo - port :
		     port > flat->hi ? port - flat->hi : 0;

	if (!beyond)
		return part;
	if (beyond > flat->slack)
		return 0;
	return (u32)div_u64((u64)part * (flat->slack + 1 - beyond),
			    flat->slack + 1);
}

/* What a port of a flat is worth if it lies at @port. */
static u32 np_flat_part(const struct np_list *list, const struct np_flat *flat,
			u32 port)
{
	u32 left, part;

	if (flat->tried >= flat->size)
		return 0;
	left = flat->size - flat->tried;
	part = np_mul(flat->p, flat->miss);
	if (left > list->flows)
		part = (u32)div64_u64((u64)part * list->flows, left);
	return np_flat_reached(flat, part, port);
}

static u32 np_flat_next(const struct np_list *list)
{
	u32 size = list->hi - list->lo + 1;

	if (list->taken < size)
		return list->lo + list->at;
	if (list->above <= 65535 &&
	    (!list->below ||
	     list->above - list->hi <= list->lo - list->below))
		return list->above;
	return list->below;
}

static void np_flat_skip(struct np_list *list, u32 port)
{
	u32 size = list->hi - list->lo + 1;

	if (list->taken < size) {
		list->taken++;
		list->at += list->stride;
		if (list->at >= size)
			list->at -= size;
	} else if (port == list->above) {
		list->above++;
	} else {
		list->below--;
	}
}

/* What the flats offer next; kept until a flat's port is taken. */
static void np_flats_offer(struct np_predict *p, struct np_list *list)
{
	u32 i;

	list->offer = np_flat_next(list);
	list->worth = 0;
	for (i = 0; list->offer && i < p->n_flats; i++) {
		list->parts[i] = np_flat_part(list, &p->flats[i], list->offer);
		list->worth += list->parts[i];
	}
}

/* One port of @flat is in the list. */
static void np_flat_tried(const struct np_list *list, struct np_flat *flat)
{
	u32 left = flat->size - flat->tried++;

	flat->miss -= left <= list->flows ? flat->miss :
		      (u32)div_u64((u64)flat->miss * list->flows, left);
}

/* Note @port in every flat that it lies in; returns what they say. */
static u32 np_flats_take(struct np_predict *p, struct np_list *list, u32 port)
{
	u32 i, part, sum = 0;

	for (i = 0; i < p->n_flats; i++) {
		part = port == list->offer ? list->parts[i] :
		       np_flat_part(list, &p->flats[i], port);
		if (!part)
			continue;
		np_flat_tried(list, &p->flats[i]);
		sum += part;
	}
	if (sum)
		list->offer = 0;
	return sum;
}

static bool np_told(const struct np_predict *p, u32 port)
{
	return p->told[port / 64] >> (port % 64) & 1;
}

/* Inline: of a long list this is most of the cost. */
static inline void np_list_add(struct np_predict *p, struct np_list *list,
			       u32 port, u32 part)
{
	struct np_guess *g = &list->guesses[list->n];

	p->told[port / 64] |= 1ULL << (port % 64);
	list->sum += part;
	if (list->sum > NP_P_ONE)
		list->sum = NP_P_ONE;
	g->port = (u16)port;
	g->lo = (u16)port;
	g->hi = (u16)port;
	g->count = 1;
	g->step = 0;
	g->p = part;
	g->sum = list->sum;
	list->n++;
	list->ports++;
}

/* The best that is left: its worth, and which it is. */
struct np_choice {
	u32 p;
	struct np_point *point;
	struct np_stream *stream; /* if not a point; a flat if neither */
	u32 side;
	u32 port;
};

static void np_choose(struct np_predict *p, struct np_list *list,
		      struct np_choice *c)
{
	struct np_stream *st;
	u32 i, part;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < p->n_points; i++)
		if (!p->points[i].told && p->points[i].p > c->p) {
			c->point = &p->points[i];
			c->p = c->point->p;
		}
	for (i = 0; i < 2 * p->n_streams; i++) {
		st = &p->streams[i / 2];
		part = np_mul(st->mass[i & 1], st->p);
		if (part <= c->p)
			continue;
		c->p = part;
		c->point = NULL;
		c->stream = st;
		c->side = i & 1;
	}
	if (!p->n_flats)
		return;
	if (!list->offer)
		np_flats_offer(p, list);
	if (list->worth > c->p) {
		c->p = list->worth;
		c->point = NULL;
		c->stream = NULL;
		c->port = list->offer;
	}
}

/* What the others than the chosen one give to its port. */
static u32 np_others(struct np_predict *p, const struct np_choice *c)
{
	u32 i, sum = 0;

	for (i = 0; i < p->n_streams; i++)
		if (&p->streams[i] != c->stream &&
		    p->streams[i].p > NP_COUNTS)
			sum += np_stream_part(&p->streams[i], (u16)c->port);
	for (i = 0; i < p->n_points; i++)
		if (&p->points[i] != c->point && p->points[i].port == c->port)
			sum += p->points[i].p;
	return sum;
}

/* One port more, or one that was told already; false if none is worth it. */
static bool np_list_next(struct np_predict *p, struct np_list *list)
{
	struct np_choice c;
	u32 part;

	np_choose(p, list, &c);
	if (!c.p)
		return false;
	if (c.point) {
		c.port = c.point->port;
		c.point->told = true;
	} else if (c.stream) {
		c.port = np_stream_port(c.stream,
					np_stream_take(c.stream, c.side));
	} else {
		np_flat_skip(list, c.port);
	}
	if (np_told(p, c.port)) {
		list->offer = 0;
		return true;
	}
	part = c.point || c.stream ? c.p : 0;
	if (!part || list->n < NP_EXACT)
		part += np_flats_take(p, list, c.port);
	if (list->n < NP_EXACT)
		part += np_others(p, &c);
	np_list_add(p, list, c.port, part);
	return true;
}

static bool np_only_flat(const struct np_predict *p)
{
	u32 i;

	if (p->n_flats != 1 || p->n_streams)
		return false;
	for (i = 0; i < p->n_points; i++)
		if (!p->points[i].told)
			return false;
	return true;
}

/* One flat is all there is: a short way for long lists. */
static void np_list_flat(struct np_predict *p, struct np_list *list)
{
	u32 size = list->hi - list->lo + 1, port, part, left;
	struct np_flat *flat = &p->flats[0];

	while (list->n < list->single && list->taken < size &&
	       flat->size - flat->tried > list->flows) {
		port = list->lo + list->at;
		list->taken++;
		list->at += list->stride;
		if (list->at >= size)
			list->at -= size;
		if (np_told(p, port))
			continue;
		left = flat->size - flat->tried++;
		part = (u32)div_u64((u64)flat->miss * list->flows, left);
		flat->miss -= part;
		np_list_add(p, list, port, np_mul(part, flat->p));
	}
	/* What lies beyond, as far as it may reach. */
	while (list->n < list->single && list->taken == size) {
		port = np_flat_next(list);
		part = port ? np_flat_part(list, flat, port) : 0;
		if (!part)
			return;
		np_flat_skip(list, port);
		if (np_told(p, port))
			continue;
		np_flat_tried(list, flat);
		np_list_add(p, list, port, part);
	}
}

/*
 * After the first guesses only the hypotheses that have @least are followed: what
 * others would add is less than what it costs to ask them for every port.
 */
static void np_prune(struct np_predict *p, struct np_list *list, u32 least)
{
	u32 i, kept = 0;

	for (i = 0; i < p->n_streams; i++)
		if (p->streams[i].p >= least)
			p->streams[kept++] = p->streams[i];
	p->n_streams = kept;
	for (i = 0, kept = 0; i < p->n_flats; i++)
		if (p->flats[i].p >= least)
			p->flats[kept++] = p->flats[i];
	p->n_flats = kept;
	list->offer = 0;
}

static u32 np_most(const struct np_predict *p)
{
	u32 i, most = 0;

	for (i = 0; i < p->n_streams; i++)
		if (p->streams[i].p > most)
			most = p->streams[i].p;
	for (i = 0; i < p->n_flats; i++)
		if (p->flats[i].p > most)
			most = p->flats[i].p;
	return most;
}

/* One stream is all there is. */
static void np_list_stream(struct np_predict *p, struct np_list *list)
{
	struct np_stream *st = &p->streams[0];
	u32 side, part, port;

	while (list->n < list->single) {
		side = st->mass[1] >= st->mass[0];
		part = np_mul(st->mass[side], st->p);
		if (!part)
			return;
		port = np_stream_port(st, np_stream_take(st, side));
		if (!np_told(p, port))
			np_list_add(p, list, port, part);
	}
}

/*
 * Long lists: runs of ports.
 */

/* @count ports by @step from @port on, all together worth @part. */
static void np_list_run(struct np_list *list, u32 port, u32 count, s32 step,
			u32 part)
{
	struct np_guess *g = &list->guesses[list->n++];

	list->ports += count;
	list->sum += part;
	if (list->sum > NP_P_ONE)
		list->sum = NP_P_ONE;
	g->port = (u16)port;
	g->count = (u16)count;
	g->step = step;
	g->p = (u32)div_u64(part, count);
	g->sum = list->sum;
}

static bool np_list_full(const struct np_list *list)
{
	return list->ports >= list->max || list->n >= NP_PREDICT_GUESSES;
}

/* Of @each ports so many as are wanted. */
static u32 np_run_length(const struct np_list *list, u32 each)
{
	u32 left = list->max - list->ports;

	return each < left ? each : left;
}

/* Let the next guess on @side stand for @tiles of them. */
static void np_stream_stretch(struct np_stream *st, u32 side, u32 tiles)
{
	u32 mass, f = st->end[side];

	if (tiles < 2 || !st->edge[side] || (!side && !f))
		return;
	mass = np_stream_sum(st, side, (tiles - 1) * st->tile, &f,
			     &st->edge[side]);
	st->end[side] = f;
	mass = np_mul(mass, st->dense) + st->mass[side];
	st->mass[side] = mass > NP_P_ONE ? NP_P_ONE : mass;
}

static void np_run_stream_side(struct np_list *list, struct np_stream *st,
			       u32 side)
{
	u32 part = np_mul(st->mass[side], st->p), f, count, size;
	struct np_guess *g = &list->guesses[list->n];
	s32 step = st->h->step * (s32)st->tile;

	size = st->h->hi - st->h->lo + 1;
	g->lo = (u16)st->h->lo;
	g->hi = (u16)st->h->hi;
	if (side) {
		f = st->right + st->tile - 1;
		count = st->end[1] - st->right;
	} else {
		f = st->left - 1;
		count = st->left - st->end[0];
	}
	count = (count + st->tile - 1) / st->tile;
	np_list_run(list, np_stream_port(st, f), np_run_length(list, count),
		    (side ? step : -step) % (s32)size, part);
	if (side)
		st->right = st->end[1];
	else
		st->left = st->end[0];
}

static void np_run_stream(struct np_list *list, struct np_stream *st, u32 each)
{
	u32 side;

	st->piece = np_stream_piece(st);
	np_stream_both(st);
	for (side = 0; side < 2; side++)
		np_stream_stretch(st, side, each);
	while (!np_list_full(list)) {
		side = st->mass[1] >= st->mass[0];
		if (!np_mul(st->mass[side], st->p))
			return;
		np_run_stream_side(list, st, side);
		np_stream_head(st, side);
		np_stream_stretch(st, side, each);
	}
}

/* @count ports of @flat more are in the list: what they are worth together. */
static u32 np_run_flat_part(const struct np_list *list, struct np_flat *flat,
			    u32 count)
{
	u32 part;

	if (flat->tried >= flat->size)
		return 0;
	part = np_mul(flat->miss,
		      np_predict_birthday(flat->size - flat->tried,
					  list->flows, count));
	flat->miss -= part;
	flat->tried += count;
	return np_mul(part, flat->p);
}

/* Inside of what is sure to belong to @flat. */
static void np_run_flat_inside(struct np_list *list, struct np_flat *flat,
			       u32 each)
{
	u32 size = list->hi - list->lo + 1, count, part, at;
	struct np_guess *g;

	while (!np_list_full(list) && list->taken < size) {
		count = np_run_length(list, each);
		if (count > size - list->taken)
			count = size - list->taken;
		part = np_run_flat_part(list, flat, count);
		if (!part)
			return;
		at = list->at;
		list->at = (list->stride * count + at) % size;
		list->taken += count;
		g = &list->guesses[list->n];
		g->lo = (u16)list->lo;
		g->hi = (u16)list->hi;
		np_list_run(list, list->lo + at, count, (s32)list->stride,
			    part);
	}
}

/* What lies beyond, as far as @flat may reach, on either side in turn. */
static void np_run_flat_beyond(struct np_list *list, struct np_flat *flat)
{
	u32 top = flat->hi + flat->slack, bottom = 1, each, count, part;
	bool up;

	if (top > 65535)
		top = 65535;
	if (flat->lo > flat->slack + 1)
		bottom = flat->lo - flat->slack;
	each = np_run_length(list, top - bottom + 1) / 8 + 1;
	while (!np_list_full(list)) {
		up = list->above <= top &&
		     (list->below < bottom ||
		      list->above - list->hi <= list->lo - list->below);
		if (!up && list->below < bottom)
			return;
		count = up ? top - list->above + 1 : list->below - bottom + 1;
		count = np_run_length(list, count < each ? count : each);
		part = np_run_flat_part(list, flat, count);
		part = np_flat_reached(flat, part, up ?
				       list->above + count / 2 :
				       list->below - count / 2);
		if (!part)
			return;
		list->guesses[list->n].lo = 1;
		list->guesses[list->n].hi = 65535;
		np_list_run(list, up ? list->above : list->below, count,
			    up ? 1 : -1, part);
		if (up)
			list->above += count;
		else
			list->below -= count;
	}
}

/* The most probable of the hypotheses that are left; and points, if any. */
static void np_list_runs(struct np_predict *p, struct np_list *list)
{
	u32 each = (list->max - list->ports + NP_RUNS - 1) / NP_RUNS, i;
	struct np_stream *st = NULL;
	struct np_flat *flat = NULL;

	if (each < NP_RUN_MIN)
		each = NP_RUN_MIN;
	for (i = 0; i < p->n_streams; i++)
		if (!st || p->streams[i].p > st->p)
			st = &p->streams[i];
	for (i = 0; i < p->n_flats; i++)
		if (!flat || p->flats[i].p > flat->p)
			flat = &p->flats[i];
	if (st && flat && flat->p > st->p)
		st = NULL;
	if (st) {
		np_run_stream(list, st, each);
	} else if (flat) {
		np_run_flat_inside(list, flat, each);
		if (list->taken > list->hi - list->lo)
			np_run_flat_beyond(list, flat);
	}
	for (i = 0; i < p->n_points && !np_list_full(list); i++)
		if (!p->points[i].told && !np_told(p, p->points[i].port))
			np_list_add(p, list, p->points[i].port,
				    p->points[i].p);
}

static void np_make_list(struct np_predict *p, struct np_list *list)
{
	u32 i;

	list->single = list->max > NP_SHORT ? NP_SINGLE : list->max;
	if (p->n_flats)
		np_list_flats(p, list);
	while (list->n < list->single) {
		if (list->n == NP_EXACT)
			np_prune(p, list, NP_FEW);
		else if (list->n == NP_MIXED)
			np_prune(p, list, np_most(p));
		if (np_only_flat(p))
			np_list_flat(p, list);
		else if (list->n >= NP_EXACT && p->n_streams == 1 &&
			 !p->n_flats)
			np_list_stream(p, list);
		if (list->n == list->single || !np_list_next(p, list))
			break;
	}
	if (list->n < list->max && list->n == list->single)
		np_list_runs(p, list);
	for (i = 0; i < list->n; i++)
		p->told[list->guesses[i].port / 64] = 0;
}

/*
 * Advice.
 */

u32 np_predict_birthday(u32 pool, u32 open, u32 tries)
{
	u32 middle = tries / 2;

	if (!pool || !open || !tries)
		return 0;
	if ((u64)open + tries > pool)
		return NP_P_ONE;
	return NP_P_ONE - np_exp2_minus(np_log2_ratio(pool - middle,
						      pool - middle - open,
						      tries));
}

/* So many ports and flows reach what is wanted, in a pool of @size. */
static void np_advise_birthday(struct np_answer *a, u32 size, u32 wanted)
{
	u32 open = 16, tries = 16, p;

	while ((p = np_predict_birthday(size, open, tries)) < wanted) {
		if (open < NP_ADVICE_FLOWS && (open <= tries ||
					       tries >= NP_PREDICT_PORTS)) {
			open *= 2;
		} else if (tries < NP_PREDICT_PORTS) {
			tries *= 2;
		} else {
			a->advice = NP_ADVICE_RELAY;
			return;
		}
	}
	a->advice = NP_ADVICE_BIRTHDAY;
	a->advice_flows = open;
	a->advice_ports = tries;
	a->advice_p = p;
}

/* A stream needs the ports within two standard deviations and a bit. */
static u32 np_ports_needed(struct np_predict *p)
{
	u32 ports = 2 * np_sqrt(p->streams[0].var >> 8) / 16 * 2 + 1;

	return (ports + p->streams[0].tile - 1) / p->streams[0].tile;
}

/* So many of the ports listed do. */
static void np_advise_list(const struct np_list *list, u32 wanted,
			   struct np_answer *a)
{
	const struct np_guess *g = list->guesses;
	u32 before = 0, ports = 0, some;

	for (; g->sum < wanted; g++) {
		before = g->sum;
		ports += g->count;
	}
	some = (u32)div64_u64((u64)(wanted - before) * g->count,
			      g->sum - before);
	if (some < g->count)
		some++;
	a->advice = NP_ADVICE_LIST;
	a->advice_ports = ports + some;
	a->advice_p = before + (u32)div_u64((u64)(g->sum - before) * some,
					    g->count);
}

static void np_advise(struct np_predict *p, const struct np_question *q,
		      const struct np_list *list, struct np_answer *a)
{
	u32 wanted = q->wanted ? q->wanted : NP_P_ONE / 20 * 19;
	u32 i, flats = 0, best = 0;

	a->advice = NP_ADVICE_NONE;
	if (a->verdict.certainty <= NP_CERTAIN_NOTHING)
		return;
	a->advice_flows = q->flows;
	if (list->sum >= wanted) {
		np_advise_list(list, wanted, a);
		return;
	}
	for (i = 0; i < p->n_flats; i++) {
		flats += p->flats[i].p;
		if (p->flats[i].p > p->flats[best].p)
			best = i;
	}
	if (flats > NP_P_ONE / 2) {
		np_advise_birthday(a, p->flats[best].size, wanted);
		return;
	}
	a->advice = NP_ADVICE_RELAY;
	a->advice_ports = 0;
	a->advice_p = list->sum;
	if (p->n_streams && np_ports_needed(p) <= NP_PREDICT_PORTS &&
	    np_ports_needed(p) > list->ports && p->streams[0].p > wanted) {
		a->advice = NP_ADVICE_LIST;
		a->advice_ports = np_ports_needed(p);
		a->advice_p = wanted;
	}
}

/*
 * The question.
 */

/* How often the newest sample's address is the one. */
static u32 np_address_part(struct np_predict *p)
{
	u32 i, same = 0;

	if (p->verdict.addresses < 2)
		return NP_P_ONE;
	for (i = 0; i < p->n; i++)
		same += np_same_addr(&np_nth(p, i)->mapped,
				     &p->verdict.mapped);
	return (u32)div_u64((u64)NP_P_ONE * (same * 2 + 1), p->n * 2 + 2);
}

static void np_scale(struct np_list *list, u32 part)
{
	u32 i;

	list->sum = np_mul(list->sum, part);
	for (i = 0; i < list->n; i++) {
		list->guesses[i].p = np_mul(list->guesses[i].p, part);
		list->guesses[i].sum = np_mul(list->guesses[i].sum, part);
	}
}

void np_predict_ask(struct np_predict *p, const struct np_question *question,
		    struct np_answer *a, struct np_guess *guesses)
{
	struct np_question *q = &p->question;
	struct np_list list;

	memset(a, 0, sizeof(*a));
	np_predict_class(p, &a->verdict);
	if (!p->n)
		return;
	*q = *question;
	if (!q->flows)
		q->flows = 1;
	if (q->flows > NP_PREDICT_FLOWS)
		q->flows = NP_PREDICT_FLOWS;
	memset(&list, 0, sizeof(list));
	list.guesses = guesses;
	list.max = guesses ? q->ports : 0;
	if (list.max > NP_PREDICT_PORTS)
		list.max = NP_PREDICT_PORTS;
	list.flows = q->flows;
	np_spread(p, q, a);
	np_make_list(p, &list);
	a->address_p = np_address_part(p);
	if (a->address_p < NP_P_ONE)
		np_scale(&list, a->address_p);
	a->mapped = a->verdict.mapped;
	if (list.n)
		a->mapped.port = guesses[0].port;
	a->n = list.n;
	a->ports = list.ports;
	a->p = list.sum;
	np_advise(p, q, &list, a);
}
