// SPDX-License-Identifier: GPL-2.0
/*
 * What can be known at best: Bayes' rule in floating point, with the very priors
 * that zoo_random() and the benchmark draw from; see world.h.
 */
#include <math.h>
#include <string.h>

#include "world.h"

#define RANGE		64512.0		/* ports 1024 to 65535 */
#define RATES		48
#define NEVER		(-1e300)

static double log_add(double a, double b)
{
	double more = a > b ? a : b;

	if (more <= NEVER)
		return NEVER;
	return more + log(exp(a - more) + exp(b - more));
}

struct events {
	const struct world *w;
	enum zoo_depends mapping;
	bool contradicted;
	unsigned int n;
	unsigned int at[WORLD_SAMPLES];
	unsigned int again[WORLD_SAMPLES];	/* known ones before it */
};

static const struct np_sample *event(const struct events *e, unsigned int i)
{
	return &e->w->samples[e->at[i]];
}

static bool same_key(const struct np_sample *a, const struct np_sample *b,
		     enum zoo_depends mapping)
{
	if (a->internal.port != b->internal.port)
		return false;
	if (mapping == ZOO_EI)
		return true;
	return !memcmp(a->dest.addr, b->dest.addr, 4) &&
	       (mapping == ZOO_AD || a->dest.port == b->dest.port);
}

static struct events collect(const struct world *w, enum zoo_depends mapping)
{
	struct events e = { .w = w, .mapping = mapping };
	unsigned int i, j, again = 0;

	for (i = 0; i < w->n; i++) {
		for (j = 0; j < i; j++)
			if (same_key(&w->samples[i], &w->samples[j], mapping))
				break;
		if (j == i) {
			e.again[e.n] = again;
			e.at[e.n++] = i;
			continue;
		}
		again++;
		if (w->samples[i].mapped.port != w->samples[j].mapped.port)
			e.contradicted = true;
	}
	return e;
}

/* Own mappings between two events. */
static double own_between(const struct events *e, unsigned int from,
			  unsigned int to, int lane)
{
	const struct np_count *a = &event(e, from)->own;
	const struct np_count *b = &event(e, to)->own;

	if (e->mapping == ZOO_EI)
		return b->mappings[0] - a->mappings[0] +
		       (b->mappings[1] - a->mappings[1]);
	if (lane >= 0)
		return b->flows[lane] - a->flows[lane];
	return b->flows[0] - a->flows[0] + (b->flows[1] - a->flows[1]) -
	       (e->again[to] - e->again[from]);
}

/* Foreign mappings between two events if each is @step; below 0: impossible. */
static double foreign_between(const struct events *e, unsigned int from,
			      unsigned int to, int step, int lane)
{
	int d = event(e, to)->mapped.port - event(e, from)->mapped.port;
	int size = (int)RANGE, width = step < 0 ? -step : step;

	d = ((step < 0 ? -d : d) % size + size) % size;
	if (!d || d % width)
		return -1;
	return d / width - own_between(e, from, to, lane);
}

/* log P(a chain of @step, with foreign traffic of @rate). */
static double chain(const struct events *e, int step, bool parity, double rate)
{
	int last[2] = { -1, -1 }, lane;
	double sum = 0, f, mean;
	unsigned int i;

	for (i = 0; i < e->n; i++) {
		lane = parity ? event(e, i)->internal.port & 1 : 0;
		if (parity && (event(e, i)->mapped.port & 1) != lane)
			return NEVER;
		if (last[lane] < 0) {
			sum -= log(parity ? RANGE / 2 : RANGE);
			last[lane] = (int)i;
			continue;
		}
		f = foreign_between(e, (unsigned int)last[lane], i, step,
				    parity ? lane : -1);
		mean = (event(e, i)->time -
			event(e, (unsigned int)last[lane])->time) / 1e9 *
		       (parity ? rate / 2 : rate);
		if (f < 0 || (mean <= 0 && f > 0))
			return NEVER;
		if (mean > 0)
			sum += f * log(mean) - mean - lgamma(f + 1);
		last[lane] = (int)i;
	}
	return sum;
}

static double any_rate(const struct events *e, int step, bool parity,
		       bool traffic)
{
	double sum = NEVER, rate;
	int i;

	if (!traffic)
		return chain(e, step, parity, 0);
	for (i = 0; i < RATES; i++) {
		rate = RATE_MIN * pow(RATE_MAX / RATE_MIN, (i + .5) / RATES);
		sum = log_add(sum, chain(e, step, parity, rate));
	}
	return sum - log(RATES);
}

static double steps(const struct events *e, bool traffic)
{
	double sum = NEVER;
	int step;

	for (step = -8; step <= 8; step++)
		if (step)
			sum = log_add(sum, any_rate(e, step, false, traffic));
	return sum - log(16);
}

static double parities(const struct events *e, bool traffic)
{
	return log_add(any_rate(e, 2, true, traffic),
		       any_rate(e, -2, true, traffic)) - log(2);
}

static double per_dest(const struct events *e, int step, bool by_port,
		       bool hashed)
{
	double sum = 0, expected;
	int before, first = -1;
	unsigned int i, j;

	for (i = 0; i < e->n; i++) {
		before = -1;
		for (j = 0; j < i; j++)
			if (!memcmp(event(e, i)->dest.addr,
				    event(e, j)->dest.addr, 4) &&
			    (!by_port || event(e, i)->dest.port ==
					 event(e, j)->dest.port))
				before = (int)j;
		if (before < 0 && (hashed || first < 0)) {
			sum -= log(RANGE);
			first = (int)i;
			continue;
		}
		expected = before < 0 ?
			   event(e, (unsigned int)first)->mapped.port :
			   event(e, (unsigned int)before)->mapped.port + step;
		if (expected > 65535)
			expected -= RANGE;
		if (event(e, i)->mapped.port != (unsigned int)expected)
			return NEVER;
	}
	return sum;
}

static double per_dests(const struct events *e)
{
	double sum = NEVER;
	int step, i;

	for (step = 1; step <= 4; step++)
		for (i = 0; i < 4; i++)
			sum = log_add(sum, per_dest(e, step, i & 1, i >> 1));
	return sum - log(16);
}

static void bounds(const struct events *e, int *min, int *max)
{
	unsigned int i;
	int port;

	*min = 65535;
	*max = 0;
	for (i = 0; i < e->n; i++) {
		port = event(e, i)->mapped.port;
		*min = port < *min ? port : *min;
		*max = port > *max ? port : *max;
	}
}

/* Ports of a range are drawn from those that are free. */
static double draws(unsigned int n, double size)
{
	double sum = 0;

	while (n--)
		sum -= log(size - n);
	return sum;
}

static double repeats(const struct events *e)
{
	unsigned int i, j;

	for (i = 0; i < e->n; i++)
		for (j = 0; j < i; j++)
			if (event(e, i)->mapped.port ==
			    event(e, j)->mapped.port)
				return NEVER;
	return 0;
}

static double blocks(const struct events *e)
{
	double sum = NEVER;
	int size, min, max;

	bounds(e, &min, &max);
	for (size = 512; size <= 2048; size *= 2)
		if ((min - 1024) / size == (max - 1024) / size)
			sum = log_add(sum, draws(e->n, size) -
					   log(floor(RANGE / size)));
	return sum + repeats(e) - log(3);
}

static double bands(const struct events *e)
{
	double sum = NEVER;
	int size, min, max;

	bounds(e, &min, &max);
	for (size = 61; size <= 251; size++)
		if (size > max - min)
			sum = log_add(sum, draws(e->n, size) +
					   log(size - (max - min)) -
					   log(RANGE - size + 1));
	return sum + repeats(e) - log(191);
}

static double randoms(const struct events *e)
{
	return draws(e->n, RANGE) + repeats(e);
}

static void unchanged(const struct world *w, double *likely)
{
	unsigned int i;

	likely[ZOO_CLASS_NONE] = 0;
	likely[ZOO_CLASS_PRESERVING] = 0;
	for (i = 0; i < w->n; i++) {
		if (w->samples[i].mapped.port != w->samples[i].internal.port) {
			likely[ZOO_CLASS_NONE] = NEVER;
			likely[ZOO_CLASS_PRESERVING] = NEVER;
		}
		if (memcmp(w->samples[i].mapped.addr,
			   w->samples[i].internal.addr, 4))
			likely[ZOO_CLASS_NONE] = NEVER;
		else
			likely[ZOO_CLASS_PRESERVING] = NEVER;
	}
}

enum zoo_class ideal_class(const struct world *w, bool traffic, double *p)
{
	struct events ei = collect(w, ZOO_EI), ad = collect(w, ZOO_AD),
		      apd = collect(w, ZOO_APD);
	double likely[ZOO_CLASSES], sum = NEVER;
	unsigned int i, best = 0;

	unchanged(w, likely);
	likely[ZOO_CLASS_EI] = ei.contradicted ? NEVER :
		log_add(log_add(steps(&ei, traffic), blocks(&ei)),
			log_add(bands(&ei), randoms(&ei))) - log(4);
	likely[ZOO_CLASS_AD] = ad.contradicted ? NEVER :
		log_add(steps(&ad, traffic), randoms(&ad)) - log(2);
	likely[ZOO_CLASS_STEP] = steps(&apd, traffic);
	likely[ZOO_CLASS_PARITY] = parities(&apd, traffic);
	likely[ZOO_CLASS_PER_DEST] = per_dests(&apd);
	likely[ZOO_CLASS_BLOCK] = blocks(&apd);
	likely[ZOO_CLASS_BAND] = bands(&apd);
	likely[ZOO_CLASS_RANDOM] = randoms(&apd);
	for (i = 0; i < ZOO_CLASSES; i++) {
		sum = log_add(sum, likely[i]);
		if (likely[i] > likely[best])
			best = i;
	}
	*p = exp(likely[best] - sum);
	return best;
}

/*
 * Windows.
 */

#define NUMBERS		192
#define WIDE		240

static unsigned int best_window(const double *p, unsigned int n, double *sum)
{
	unsigned int i, best = 0;
	double here = 0;

	*sum = 0;
	for (i = 0; i < NUMBERS; i++) {
		here += p[i];
		if (i >= n)
			here -= p[i - n];
		if (here > *sum) {
			*sum = here;
			best = i + 1 > n ? i + 1 - n : 0;
		}
	}
	return best;
}

static void add_poisson(double *p, double mean, double part)
{
	double here = part * exp(-mean);
	unsigned int f;

	for (f = 0; f < NUMBERS; f++) {
		p[f] += here;
		here *= mean / (f + 1);
	}
}

unsigned int ideal_window(const struct world *w, int step, double ns,
			  unsigned int n, double *p)
{
	struct events e = collect(w, ZOO_APD);
	double numbers[NUMBERS] = { 0 }, posterior[WIDE], most = NEVER;
	double sum = 0, rate, foreign = 0, seconds;
	unsigned int i;

	for (i = 1; i < e.n; i++)
		foreign += foreign_between(&e, i - 1, i, step, -1);
	seconds = (event(&e, e.n - 1)->time - event(&e, 0)->time) / 1e9;
	for (i = 0; i < WIDE; i++) {
		rate = .05 * pow(1e5, (i + .5) / WIDE);
		posterior[i] = foreign * log(rate) - rate * seconds;
		most = posterior[i] > most ? posterior[i] : most;
	}
	for (i = 0; i < WIDE; i++) {
		posterior[i] = exp(posterior[i] - most);
		sum += posterior[i];
	}
	for (i = 0; i < WIDE; i++)
		if (posterior[i] > sum / 1e7)
			add_poisson(numbers, .05 * pow(1e5, (i + .5) / WIDE) *
					     ns / 1e9, posterior[i] / sum);
	return best_window(numbers, n, p);
}

double poisson_window(double mean, unsigned int n)
{
	double numbers[NUMBERS] = { 0 }, p;

	add_poisson(numbers, mean, 1);
	best_window(numbers, n, &p);
	return p;
}
