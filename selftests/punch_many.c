// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand TCP simultaneous opens with each way of releasing a held SYN: random
 * skew of 0 to 5.5 s, either side first, two round trips, under every filtering
 * and under every policy that an admin may have for new connections from outside.
 * All have to connect, and soon after the second SYN.
 *
 * usage: punch_many [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lab/gateway.h"
#include "lab/punch.h"

#define SKEW_MS 5500
/* Starts are spread: at most 64 SYNs of one address are held at a time. */
#define SPREAD_MS 15000
#define PER_POLICY 84		/* with 3 filterings and 4 policies 1008 */
#define PUNCHES (PER_POLICY * PUNCH_POLICIES)
#define HALF (PUNCHES / 2)

static const unsigned int rtts[] = { 40, 200 };	/* ms; one for each half */
static const char * const filters[] = { "eif", "adf", "apdf" };

static struct punch punches[PUNCHES];

/* How long punches took, for each round trip. */
static struct {
	double ms[3 * PUNCHES];
	unsigned int n;
} taken[ARRAY_SIZE(rtts)];

static double uniform(double below)
{
	return below * random() / ((double)RAND_MAX + 1);
}

static void draw(void)
{
	unsigned int i;

	for (i = 0; i < PUNCHES; i++)
		punches[i] = (struct punch){
			.policy = i % PUNCH_POLICIES,
			.first = random() & 1 ? A : B,
			.delay_ms = uniform(SPREAD_MS),
			.skew_ms = uniform(SKEW_MS),
		};
}

static void punch_both_halves(enum nat nat, const char *options)
{
	unsigned int i;

	gateways(nat, nat, options);
	punch_policies();
	draw();
	lab_delay(rtts[0] / 2);
	punch_learn(punches, PUNCHES);
	for (i = 0; i < ARRAY_SIZE(rtts); i++) {
		lab_delay(rtts[i] / 2);
		punch_run(&punches[i * HALF], HALF);
	}
}

static void tell_failure(const struct punch *p)
{
	const struct punch_peer *first = &p->peer[0], *second = &p->peer[1];

	ktap_diag("%s:%u first, %.0f ms apart: %s %s, %s %s",
		  node_name(first->node), first->port, p->skew_ms,
		  node_name(first->node),
		  first->connected ? "connected" : strerror(first->error),
		  node_name(second->node),
		  second->connected ? "connected" : strerror(second->error));
}

static unsigned int count(enum punch_policy policy)
{
	unsigned int i, good = 0, told = 0, half;

	for (i = policy; i < PUNCHES; i += PUNCH_POLICIES) {
		half = i / HALF;
		if (punch_ok(&punches[i])) {
			good++;
			taken[half].ms[taken[half].n++] = punch_ms(&punches[i]);
		} else if (told++ < 5) {
			tell_failure(&punches[i]);
		}
	}
	return good;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In round trips. */
static double quantile(unsigned int half, double q)
{
	unsigned int n = taken[half].n;
	double *ms = taken[half].ms;

	if (!n)
		return 0;
	qsort(ms, n, sizeof(*ms), by_size);
	return ms[(unsigned int)(q * (n - 1) + 0.5)] / rtts[half];
}

static void forget_times(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rtts); i++)
		taken[i].n = 0;
}

/* What the gateways' work may take besides, in round trips. */
static double slack(void)
{
	return lab_finds_mistakes() ? 0.2 : 0;
}

static void report_times(const char *release, double limit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rtts); i++) {
		ktap_ok(taken[i].n && quantile(i, 0.5) <= limit + slack(),
			"release %s, %u ms: median at most %g round trips",
			release, rtts[i], limit);
		ktap_diag("of %u: median %.3f round trips, 99 %% %.3f, last %.3f",
			  taken[i].n, quantile(i, 0.5), quantile(i, 0.99),
			  quantile(i, 1));
	}
}

static void thousand(const char *release, double limit)
{
	unsigned int good, policy, filter;
	char options[64];

	forget_times();
	for (filter = 0; filter < ARRAY_SIZE(filters); filter++) {
		snprintf(options, sizeof(options), "--release %s --filter %s",
			 release, filters[filter]);
		punch_both_halves(NAT_NATPUNCH, options);
		for (policy = 0; policy < PUNCH_POLICIES; policy++) {
			good = count(policy);
			ktap_ok(good == PER_POLICY,
				"release %s, %s, %s: %u of %u connected",
				release, filters[filter],
				punch_policy_name(policy), good, PER_POLICY);
		}
	}
	report_times(release, limit);
}

/* Where nobody answers, stock is as fast; where somebody does, it fails. */
static void stock(void)
{
	unsigned int policy, good;

	punch_both_halves(NAT_MASQUERADE, NULL);
	for (policy = 0; policy < PUNCH_POLICIES; policy++) {
		forget_times();
		good = count(policy);
		if (policy == PUNCH_DROP)
			ktap_ok(good == PER_POLICY &&
				quantile(0, 0.5) < 1.6 + slack(),
				"masquerade, drop is seen to connect");
		else
			ktap_ok(good < PER_POLICY / 4,
				"masquerade, %s is seen to fail",
				punch_policy_name(policy));
		ktap_diag("%u of %u connected, median %.3f round trips", good,
			  PER_POLICY, quantile(0, 0.5));
	}
}

static unsigned int choose_seed(int argc, char **argv)
{
	unsigned int seed;

	if (argc > 1)
		return strtoul(argv[1], NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ktap_bail("no random numbers");
	return seed;
}

int main(int argc, char **argv)
{
	unsigned int seed = choose_seed(argc, argv);

	ktap_plan(PUNCH_POLICIES +
		  2 * (ARRAY_SIZE(filters) * PUNCH_POLICIES + ARRAY_SIZE(rtts)));
	ktap_diag("seed %u", seed);
	srandom(seed);
	lab_start();
	stock();
	thousand("drop", 1.6);
	thousand("deliver", 1.1);
	gateways(NAT_NONE, NAT_NONE, NULL);
	return ktap_exit();
}
