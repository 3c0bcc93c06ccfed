// SPDX-License-Identifier: GPL-2.0
/*
 * Windows of time, and what comes of them.
 *
 * One virtual processor does everything, so a packet has been received as soon
 * as the call that sends it returns. A window is far shorter than a tick, and
 * one in which another task has run (conntrack's collection of garbage, RCU's
 * work, a hash table that grows) is taken again: else chance would say which
 * NAT has to bear it. What is disturbed time and again is taken as it is, and
 * that is reported. The ticks themselves stay in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS_MAX 256
#define TRIES_MAX 10

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Nanoseconds that the processor has had nothing to do; below 0 if nobody tells. */
static double slept(void)
{
	static const char name[] = "  .idle_sleeptime";
	FILE *f = fopen("/proc/timer_list", "r");
	double value = -1;
	char line[256];

	if (!f)
		ktap_bail("/proc/timer_list: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = strtod(strchr(line, ':') + 1, NULL);
	fclose(f);
	return value;
}

bool measure_tells_sleep(void)
{
	return slept() >= 0;
}

static long switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw + u.ru_nivcsw;
}

/* Instructions of one packet or flow. */
static double window(enum nat nat, struct trial *t, bool *disturbed)
{
	double start, taken;
	long before;

	if (t->prepare)
		t->prepare(nat, t);
	before = switches();
	start = now() - (t->idles ? slept() : 0);
	t->go(nat, t);
	taken = now() - (t->idles ? slept() : 0) - start;
	*disturbed = switches() != before;
	usleep(5000);
	if (t->finish)
		t->finish(nat, t);
	return taken / t->n;
}

static double undisturbed(enum nat nat, struct trial *t, struct result *r)
{
	unsigned int tries;
	bool disturbed;
	double value;

	if (t->without[nat])
		return 0;
	for (tries = 0; tries < TRIES_MAX; tries++) {
		value = window(nat, t, &disturbed);
		if (!disturbed || t->all_tasks || t->idles)
			return value;
		r->again++;
	}
	/* So it belongs to what is measured. */
	r->disturbed++;
	return value;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* It has nothing of what a tick, say, adds to some of the windows. */
static double median(const double *value, unsigned int n)
{
	double sorted[2 * REPEATS_MAX];

	memcpy(sorted, value, n * sizeof(*value));
	qsort(sorted, n, sizeof(*sorted), ascending);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static struct figure figure(const double *value, unsigned int n)
{
	struct figure f = { .windows = n };
	unsigned int i;

	for (i = 0; i < n; i++)
		f.mean += value[i] / n;
	for (i = 0; i < n; i++)
		f.sd += (value[i] - f.mean) * (value[i] - f.mean);
	f.sd = n > 1 ? sqrt(f.sd / (n - 1)) : 0;
	f.median = median(value, n);
	return f;
}

struct contrast compare(struct trial *t, unsigned int n,
			void (*choose)(unsigned int which, struct trial *t))
{
	double value[4][2 * REPEATS_MAX];
	struct result r = { 0 };
	unsigned int i, which;
	struct contrast c;

	t->repeats = budget_repeats(t->repeats);
	for (i = 0; i < t->repeats; i++) {
		for (which = 0; which < n; which++) {
			choose(which, t);
			value[which][2 * i] = undisturbed(NATPUNCH, t, &r);
		}
		while (which-- > 0) {
			choose(which, t);
			value[which][2 * i + 1] = undisturbed(NATPUNCH, t, &r);
		}
	}
	c = (struct contrast){ .again = r.again, .disturbed = r.disturbed };
	for (which = 0; which < n; which++)
		c.of[which] = figure(value[which], 2 * t->repeats);
	return c;
}

/* natpunch over masquerade in percent, of one repeat. */
static double over(const double masquerade[2], const double natpunch[2])
{
	return (natpunch[0] + natpunch[1]) * 100 /
	       (masquerade[0] + masquerade[1]) - 100;
}

struct result measure(struct trial *t)
{
	double value[NATS][2 * REPEATS_MAX], overs[REPEATS_MAX];
	struct result r = { 0 };
	unsigned int i, nat;
	struct figure f;

	t->repeats = budget_repeats(t->repeats);
	if (budget_quick())
		t->without[NO_NAT] = true;
	for (i = 0; i < t->repeats; i++) {
		for (nat = 0; nat < NATS; nat++)
			value[nat][2 * i] = undisturbed(nat, t, &r);
		while (nat-- > 0)
			value[nat][2 * i + 1] = undisturbed(nat, t, &r);
	}
	for (nat = 0; nat < NATS; nat++)
		if (!t->without[nat])
			r.of[nat] = figure(value[nat], 2 * t->repeats);
	if (t->without[MASQUERADE] || t->without[NATPUNCH])
		return r;

	for (i = 0; i < t->repeats; i++)
		overs[i] = over(&value[MASQUERADE][2 * i],
				&value[NATPUNCH][2 * i]);
	f = figure(overs, t->repeats);
	r.over = r.of[NATPUNCH].mean * 100 / r.of[MASQUERADE].mean - 100;
	r.error = f.sd / sqrt(f.windows);
	return r;
}
