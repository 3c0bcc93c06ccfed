// SPDX-License-Identifier: GPL-2.0
/*
 * make bench-predict: the predictor (kernel/predict*.c) against the NAT zoo, and
 * beside it what can be reached at all: by Bayes' rule in floating point from the
 * same samples, or by the model where it is known exactly. No packets: the zoo is
 * called as a library, the gateway and its LAN are world.c's.
 *
 * usage: bench-predict [-s SEED] [-n PERCENT] [-j FILE] [NAME...]
 *
 *	-n PERCENT	of the runs (100); fewer runs, larger errors
 *	-j FILE		the figures as JSON, too
 *	NAME		class, step, foreign, random, calibration, cost
 *
 * Exit status 1 if a figure misses its limit.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "instructions.h"
#include "world.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ONE		((double)NP_P_ONE)

static struct np_predict predict;
static struct np_guess guesses[NP_PREDICT_GUESSES];
static uint16_t ports_of[NP_PREDICT_PORTS];
static struct zoo_dice dice = { 20 };
static unsigned int percent = 100;
static unsigned int missed;
static FILE *json;
static bool json_first = true;

static unsigned int runs(unsigned int n)
{
	n = n * percent / 100;
	return n ? n : 1;
}

/* "best" is what can be reached, "need" the limit; NAN: there is none. */
static void result(const char *name, double measured, double best, double need,
		   bool at_most)
{
	bool miss = !isnan(need) && (at_most ? measured > need :
					       measured < need);

	printf("%-50s %10.2f", name, measured);
	if (isnan(best))
		printf(" %10s", "-");
	else
		printf(" %10.2f", best);
	if (isnan(need))
		printf(" %10s\n", "-");
	else
		printf(" %10.2f%s\n", need, miss ? "  MISSED" : "");
	fflush(stdout);
	missed += miss;
	if (!json)
		return;
	fprintf(json, "%s\n  {\"name\": \"%s\", \"measured\": %.3f",
		json_first ? "" : ",", name, measured);
	if (!isnan(best))
		fprintf(json, ", \"best\": %.3f", best);
	if (!isnan(need))
		fprintf(json, ", \"%s\": %.3f", at_most ? "max" : "min", need);
	fputs("}", json);
	json_first = false;
}

static void heading(const char *text)
{
	printf("\n%-50s %10s %10s %10s\n", text, "measured", "best", "limit");
}

static double log_uniform(double lo, double hi)
{
	return lo * pow(hi / lo, zoo_roll(&dice) / 18446744073709551616.0);
}

static uint64_t seed(void)
{
	return zoo_roll(&dice);
}

/* @n samples, @ms apart. */
static void take_samples(struct world *w, unsigned int n, unsigned int ms)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (i)
			world_wait(w, ms * MS);
		world_probe(w);
	}
}

/*
 * The class.
 */

struct classes {
	unsigned int n, right, ideal, base;
	unsigned int of[ZOO_CLASSES], right_of[ZOO_CLASSES];
	unsigned int ideal_of[ZOO_CLASSES];
	double expected;
};

static bool many_samples(enum zoo_class class)
{
	return class == ZOO_CLASS_BLOCK || class == ZOO_CLASS_BAND ||
	       class == ZOO_CLASS_RANDOM;
}

static void classify(struct classes *c, const struct zoo_kind *kind,
		     bool traffic, unsigned int few, unsigned int many)
{
	enum zoo_class truth = zoo_class(kind);
	unsigned int n = many_samples(truth) ? many : few;
	struct np_verdict v;
	struct world w;
	bool right, ideal;
	double p;

	world_start(&w, kind, seed(), zoo_below(&dice, 21));
	take_samples(&w, n, 50);
	if (w.full) {
		/* So many others do not fit into that band. */
		world_end(&w);
		return;
	}
	world_learn(&w, &predict, true);
	np_predict_class(&predict, &v);
	right = world_class(&v) == truth;
	ideal = ideal_class(&w, traffic, &p) == truth;
	world_learn(&w, &predict, false);
	np_predict_class(&predict, &v);
	c->base += world_class(&v) == truth;
	world_end(&w);
	c->n++;
	c->of[truth]++;
	c->right += right;
	c->right_of[truth] += right;
	c->ideal += ideal;
	c->ideal_of[truth] += ideal;
	c->expected += p;
}

static void print_classes(const struct classes *c)
{
	unsigned int i;

	for (i = 0; i < ZOO_CLASSES; i++)
		if (c->of[i])
			printf("    %-46s %10.2f %10.2f\n", zoo_class_name(i),
			       100. * c->right_of[i] / c->of[i],
			       100. * c->ideal_of[i] / c->of[i]);
}

static void bench_class_of(const char *name, bool traffic, unsigned int few,
			   unsigned int many, double need)
{
	unsigned int n = runs(10000);
	struct classes c = { 0 };
	struct zoo_kind kind;
	char text[128];
	double best;

	while (c.n < n) {
		kind = zoo_random(seed());
		if (traffic)
			kind.cross_rate = log_uniform(RATE_MIN, RATE_MAX);
		classify(&c, &kind, traffic, few, many);
	}
	best = 100. * c.ideal / c.n;
	result(name, 100. * c.right / c.n, best,
	       isnan(need) ? best - 1 : need, false);
	print_classes(&c);
	snprintf(text, sizeof(text), "  without the LAN's count, %u", few);
	result(text, 100. * c.base / c.n, NAN, NAN, false);
}

static void bench_class(void)
{
	heading("class right, %");
	bench_class_of("5 samples (random, block, band: 10)", false, 5, 10, 99);
	bench_class_of("... with foreign traffic of 1..100/s", true, 5, 10,
		       NAN);
	bench_class_of("5 samples of each", false, 5, 5, NAN);
	bench_class_of("16 samples, foreign traffic", true, 16, 16, NAN);
}

/*
 * Constant step.
 */

struct hits {
	unsigned int n, hits, base, ideal;
	unsigned int apart;	/* where only one of hits and ideal counts */
	double known;		/* sum of the best window's, rate known */
};

/* What @a lists, one by one. */
static unsigned int list_ports(const struct np_answer *a)
{
	unsigned int i, k, n = 0;

	for (i = 0; i < a->n; i++)
		for (k = 0; k < guesses[i].count; k++)
			ports_of[n++] = np_guess_port(&guesses[i], k);
	return n;
}

/* Is @port among the first @n? */
static bool in_list(const struct np_answer *a, unsigned int n, uint16_t port)
{
	unsigned int i, listed = list_ports(a);

	for (i = 0; i < listed && i < n; i++)
		if (ports_of[i] == port)
			return true;
	return false;
}

/* What @a says of its first @n ports, n > 0. */
static double says_of(const struct np_answer *a, unsigned int n)
{
	double before = 0;
	unsigned int i;

	for (i = 0; i < a->n && n > guesses[i].count; i++) {
		n -= guesses[i].count;
		before = guesses[i].sum / ONE;
	}
	if (i == a->n)
		return before;
	return before + (guesses[i].sum / ONE - before) * n / guesses[i].count;
}

static bool ask(const struct world *w, unsigned int ports, uint16_t port,
		bool counted)
{
	struct np_question q = world_question(w, WORLD_PORT, 1, ports, counted);
	struct np_answer a;

	world_learn(w, &predict, counted);
	np_predict_ask(&predict, &q, &a, guesses);
	return in_list(&a, ports, port);
}

static void bench_step(void)
{
	static const double rates[] = { 0, 10, 50, 100, 200, 500 };
	unsigned int i, k, n = runs(2000);
	struct zoo_kind kind;
	struct hits h;
	struct world w;
	uint16_t port;
	char text[64];

	heading("constant step, 5 samples, first port, %");
	for (k = 0; k < ARRAY_SIZE(rates); k++) {
		memset(&h, 0, sizeof(h));
		for (i = 0; i < n; i++) {
			kind = zoo_random_of(ZOO_CLASS_STEP, seed());
			world_start(&w, &kind, seed(), rates[k]);
			take_samples(&w, 5, 50);
			world_wait(&w, (50 + zoo_below(&dice, 450)) * MS);
			/* The question is about what happens at w.now. */
			struct world before = w;

			port = world_open(&w, WORLD_PORT, WORLD_PEER, 4000);
			h.hits += ask(&before, 1, port, true);
			h.base += ask(&before, 1, port, false);
			world_end(&w);
		}
		snprintf(text, sizeof(text), "LAN of %.0f flows/s", rates[k]);
		result(text, 100. * h.hits / n, 100, 99, false);
		result("  without the LAN's count", 100. * h.base / n, NAN, NAN,
		       false);
	}
}

/* The number of foreign mappings since the last sample. */
static int foreign_since(const struct world *w, int step, uint16_t port)
{
	const struct np_sample *last = &w->samples[w->n - 1];
	int d = port - last->mapped.port;
	unsigned int own = w->own.flows[0] - last->own.flows[0] +
			   (w->own.flows[1] - last->own.flows[1]);

	d = ((step < 0 ? -d : d) % 64512 + 64512) % 64512;
	return d / abs(step) - 1 - (int)own;
}

struct foreign {
	double mean;
	unsigned int ports;
	double need;
};

static void foreign_run(struct hits *h, const struct foreign *c,
			unsigned int apart, unsigned int ms, double lan)
{
	struct zoo_kind kind = zoo_random_of(ZOO_CLASS_STEP, seed());
	unsigned int first;
	struct world w;
	uint16_t port;
	bool hit, ideal;
	double p;
	int f;

	kind.cross_rate = c->mean / (ms / 1000.);
	world_start(&w, &kind, seed(), lan);
	take_samples(&w, 11, apart);
	world_wait(&w, ms * MS);
	struct world before = w;

	port = world_open(&w, WORLD_PORT, WORLD_PEER, 4000);
	hit = ask(&before, c->ports, port, true);
	h->base += ask(&before, c->ports, port, false);
	first = ideal_window(&before, kind.step, (double)ms * MS, c->ports, &p);
	f = foreign_since(&before, kind.step, port);
	ideal = f >= (int)first && f < (int)(first + c->ports);
	h->hits += hit;
	h->ideal += ideal;
	h->apart += hit != ideal;
	h->n++;
	world_end(&w);
}

/*
 * The limit. The published figures are for a known mean; where the best window that
 * can be had from these samples stays below one, that window is the limit, less
 * two standard errors of the difference between the two.
 */
static double foreign_need(const struct foreign *c, const struct hits *h,
			   bool limits)
{
	double ideal = 100. * h->ideal / h->n;

	if (!limits || isnan(c->need))
		return ideal - 1;
	if (ideal >= c->need)
		return c->need;
	return ideal - 200 * sqrt(h->apart) / h->n;
}

static void bench_foreign_at(unsigned int apart, unsigned int ms, bool limits)
{
	static const struct foreign cases[] = {
		{ 1, 1, NAN }, { 1, 5, 99 }, { 5, 5, NAN }, { 5, 10, 97 },
		{ 20, 10, NAN }, { 20, 20, 96 },
	};
	unsigned int i, k, n = runs(limits ? 10000 : 2000);
	struct hits h;
	double known;
	char text[96];

	snprintf(text, sizeof(text),
		 "foreign Poisson, 11 samples in %u ms, %u ms on, %%",
		 10 * apart, ms);
	heading(text);
	for (k = 0; k < ARRAY_SIZE(cases); k++) {
		memset(&h, 0, sizeof(h));
		for (i = 0; i < n; i++)
			foreign_run(&h, &cases[k], apart, ms, 50);
		known = 100 * poisson_window(cases[k].mean, cases[k].ports);
		snprintf(text, sizeof(text), "mean %.0f, %u ports",
			 cases[k].mean, cases[k].ports);
		result(text, 100. * h.hits / h.n, 100. * h.ideal / h.n,
		       foreign_need(&cases[k], &h, limits), false);
		result("  best window, the mean known", 100. * h.hits / h.n,
		       known, NAN, false);
		result("  without the LAN's count (50/s)",
		       100. * h.base / h.n, NAN, NAN, false);
	}
}

static void bench_foreign(void)
{
	bench_foreign_at(100, 100, true);
	bench_foreign_at(50, 500, false);
	bench_foreign_at(100, 1000, false);
}

/*
 * Many ports at random ones.
 */

static double birthday(double pool, unsigned int open, unsigned int tries)
{
	double miss = 1;
	unsigned int i;

	for (i = 0; i < tries; i++)
		miss *= open + i >= pool ? 0 : 1 - open / (pool - i);
	return 100 * (1 - miss);
}

/* Opens @open flows; does one get a port that the list names? */
static bool many_hit(struct world *w, unsigned int open, unsigned int tries,
		     double *says)
{
	struct np_question q = world_question(w, WORLD_PORT, open, tries, true);
	static bool listed[65536];
	struct np_answer a;
	unsigned int i, n;
	bool hit = false;

	world_learn(w, &predict, true);
	np_predict_ask(&predict, &q, &a, guesses);
	n = list_ports(&a);
	for (i = 0; i < n; i++)
		listed[ports_of[i]] = true;
	for (i = 0; i < open; i++)
		hit |= listed[world_open(w, WORLD_PORT, WORLD_PEER, 4000 + i)];
	for (i = 0; i < n; i++)
		listed[ports_of[i]] = false;
	*says += a.p / ONE;
	return hit;
}

static void bench_random_of(const char *name, struct zoo_kind kind, double pool,
			    unsigned int open, unsigned int tries, double need)
{
	unsigned int i, n = runs(4000), hits = 0;
	double says = 0;
	struct world w;

	for (i = 0; i < n; i++) {
		kind.seed = seed();
		world_start(&w, &kind, seed(), 10);
		take_samples(&w, 10, 50);
		hits += many_hit(&w, open, tries, &says);
		world_end(&w);
	}
	result(name, 100. * hits / n, birthday(pool, open, tries), need, false);
	result("  it says", 100 * says / n, NAN, NAN, false);
}

static void bench_random(void)
{
	struct zoo_kind kind = zoo_random_of(ZOO_CLASS_BLOCK, 1);

	heading("many ports, 10 samples: one hits, %");
	kind.block_size = 512;
	bench_random_of("block of 512, 64 x 64", kind, 512, 64, 64, 99.9);
	kind.block_size = 1024;
	bench_random_of("block of 1024, 64 x 64", kind, 1024, 64, 64, NAN);
	kind = zoo_random_of(ZOO_CLASS_BAND, 1);
	kind.band = 251;
	bench_random_of("band of 251, k=64, m=8", kind, 251, 64, 8, 88);
	kind = zoo_random_of(ZOO_CLASS_RANDOM, 1);
	bench_random_of("full random, 256 x 1024", kind, 64512, 256, 1024, 97);
}

/*
 * Calibration.
 */

struct decile {
	unsigned int n, hits;
	double says;
};

/* A NAT, a past, a question: all of it random. Returns what was said. */
static double any_question(bool *hit)
{
	struct zoo_kind kind = zoo_random(seed());
	unsigned int samples = 1 + zoo_below(&dice, WORLD_SAMPLES);
	unsigned int open, i, pick;
	struct np_answer a;
	struct np_question q;
	struct world w;

	if (zoo_below(&dice, 2))
		kind.cross_rate = log_uniform(RATE_MIN, RATE_MAX);
	world_start(&w, &kind, seed(), zoo_below(&dice, 100));
	take_samples(&w, samples, 20 + zoo_below(&dice, 100));
	world_wait(&w, zoo_below(&dice, 1000) * MS);
	open = zoo_below(&dice, 3) ? 1 : 1 + zoo_below(&dice, 100);
	q = world_question(&w, WORLD_PORT + zoo_below(&dice, 3), open,
			   1 << zoo_below(&dice, 9), true);
	world_learn(&w, &predict, true);
	np_predict_ask(&predict, &q, &a, guesses);
	*hit = false;
	pick = a.n ? zoo_below(&dice, a.ports) : 0;
	/* Further flows take mappings of their own, where they can. */
	for (i = 0; i < open && a.n; i++)
		*hit |= in_list(&a, pick + 1,
				world_open(&w, i && kind.mapping != ZOO_APD ?
					       30000 + i : q.internal.port,
					   WORLD_PEER, 4000 + i));
	world_end(&w);
	return a.n && !w.full ? says_of(&a, pick + 1) : -1;
}

static void bench_calibration(void)
{
	unsigned int i, n = runs(10000), least = 0, tries, most = n * 90;
	struct decile deciles[10] = { { 0, 0, 0 } }, *d;
	char text[64];
	double says;
	bool hit;

	heading("calibration: what it says, what comes of it, %");
	for (tries = 0; least < n && tries < most; tries++) {
		says = any_question(&hit);
		if (says < 0)
			continue;
		d = &deciles[says >= 1 ? 9 : (int)(says * 10)];
		if (d->n < n * 2) {
			d->n++;
			d->hits += hit;
			d->says += says;
		}
		for (i = 0, least = n; i < 10; i++)
			least = deciles[i].n < least ? deciles[i].n : least;
	}
	for (i = 0; i < 10; i++) {
		d = &deciles[i];
		snprintf(text, sizeof(text), "says %u to %u (%u questions)",
			 i * 10, i * 10 + 10, d->n);
		result(text, 100. * d->hits / d->n, 100 * d->says / d->n, NAN,
		       false);
		result("  points apart",
		       fabs(100. * d->hits / d->n - 100 * d->says / d->n), NAN,
		       3, true);
	}
}

/*
 * Cost.
 */

#define DEAREST		12	/* are counted, which takes long */

/* A question as it is asked. */
struct cost {
	double ns;
	struct np_question question;
	struct np_predict predict;
};

static struct cost costs[DEAREST], cost_now;

/* What the kernel does with its lock held, and then without. */
static void cost_ask(void)
{
	static struct np_predict thought;
	struct np_answer a;

	np_predict_copy(&thought, &cost_now.predict);
	np_predict_ask(&thought, &cost_now.question, &a, guesses);
}

static void cost_think(void)
{
	struct np_verdict v;

	np_predict_class(&cost_now.predict, &v);
}

static void cost_sample(void)
{
	static struct np_sample s;

	s = cost_now.predict.samples[0];
	s.dest.port++;
	s.mapped.port++;
	np_predict_sample(&cost_now.predict, &s);
}

/* How long @function takes, roughly: the shortest of some. */
static double cost_time(void (*function)(void))
{
	double best = INFINITY, ns;
	struct timespec from, to;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		np_predict_copy(&cost_now.predict, &predict);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		function();
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		ns = (to.tv_sec - from.tv_sec) * 1e9 + to.tv_nsec -
		     from.tv_nsec;
		best = ns < best ? ns : best;
	}
	np_predict_copy(&cost_now.predict, &predict);
	return best;
}

static void cost_keep(void)
{
	unsigned int i, least = 0;

	for (i = 1; i < DEAREST; i++)
		if (costs[i].ns < costs[least].ns)
			least = i;
	if (cost_now.ns > costs[least].ns)
		costs[least] = cost_now;
}

/* The dearest of many questions, or classifications. */
static void cost_of(const char *name, void (*function)(void),
		    unsigned int samples, unsigned int flows,
		    unsigned int ports, double need)
{
	unsigned int i, n = runs(2000);
	struct zoo_kind kind;
	struct np_verdict v;
	double cost, max = 0;
	struct world w;

	memset(costs, 0, sizeof(costs));
	for (i = 0; i < n; i++) {
		kind = zoo_random(seed());
		if (i & 1)
			kind.cross_rate = log_uniform(RATE_MIN, RATE_MAX);
		world_start(&w, &kind, seed(), 50);
		take_samples(&w, samples, 50);
		world_wait(&w, zoo_below(&dice, 1000) * MS);
		world_learn(&w, &predict, true);
		cost_now.question = world_question(&w, WORLD_PORT + 7, flows,
						   ports, true);
		if (function == cost_ask)
			np_predict_class(&predict, &v);
		cost_now.ns = cost_time(function);
		cost_keep();
		world_end(&w);
	}
	for (i = 0; i < DEAREST && costs[i].ns > 0; i++) {
		cost_now = costs[i];
		cost = instructions(function);
		max = cost > max ? cost : max;
	}
	result(name, max, NAN, need, true);
}

static void bench_cost(void)
{
	heading("instructions of a question, the dearest");
	if (instructions(cost_ask) < 0) {
		printf("can not be counted here: %s\n", strerror(errno));
		return;
	}
	cost_of("5 samples, 16 ports", cost_ask, 5, 1, 16, 20000);
	cost_of("16 samples, 16 ports", cost_ask, 16, 1, 16, 20000);
	cost_of("16 samples, 64 ports", cost_ask, 16, 1, 64, 20000);
	cost_of("16 samples, 1024 ports", cost_ask, 16, 1, 1024, 20000);
	cost_of("16 samples, 64 flows x 64 ports", cost_ask, 16, 64, 64,
		20000);
	cost_of("16 samples, 256 flows x 1024 ports", cost_ask, 16, 256, 1024,
		20000);
	heading("instructions when a sample has come, the dearest");
	cost_of("the class, worked out from 5", cost_think, 5, 1, 16, 200000);
	cost_of("the class, worked out from 16", cost_think, 16, 1, 16,
		300000);
	result("to remember it", instructions(cost_sample), NAN, 5000, true);
}

static const struct {
	const char *name;
	void (*run)(void);
} benches[] = {
	{ "class", bench_class },
	{ "step", bench_step },
	{ "foreign", bench_foreign },
	{ "random", bench_random },
	{ "calibration", bench_calibration },
	{ "cost", bench_cost },
};

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int i;
	int option;

	while ((option = getopt(argc, argv, "s:n:j:")) != -1) {
		switch (option) {
		case 's':
			dice.state = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			percent = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'j':
			json = fopen(optarg, "w");
			if (!json) {
				perror(optarg);
				return 2;
			}
			fputs("[", json);
			break;
		default:
			fputs("usage: bench-predict [-s SEED] [-n PERCENT] [-j FILE] [NAME...]\n",
			      stderr);
			return 2;
		}
	}
	for (i = 0; i < ARRAY_SIZE(benches); i++)
		if (wanted(benches[i].name, argv + optind))
			benches[i].run();
	if (json) {
		fputs("\n]\n", json);
		fclose(json);
	}
	printf("\n%u figures miss their limit\n", missed);
	return missed ? 1 : 0;
}
