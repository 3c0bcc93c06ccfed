// SPDX-License-Identifier: GPL-2.0
/*
 * What numbers do to the cost of a first packet: many flows on one mapping, many
 * mappings, few ports left. natpunch is compared with itself; masquerade stands
 * beside, because conntrack's own tables fill as well.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define PORTS	64512	/* of the default range, 1024-65535 */
#define WINDOW	20
#define FEW	100

/* The ratio of @r to the first of its kind. */
static void against(const char *group, const char *name,
		    const struct result *r, const struct result *base)
{
	double masquerade = 0;

	if (r->of[MASQUERADE].windows && base->of[MASQUERADE].windows)
		masquerade = r->of[MASQUERADE].mean /
			     base->of[MASQUERADE].mean;
	report_ratio(group, name,
		     r->of[NATPUNCH].mean / base->of[NATPUNCH].mean,
		     masquerade);
}

/* So few that a window would make many of them: each begins with @few. */
static unsigned int few;

static void prepare_few(enum nat nat, struct trial *t)
{
	struct train *train = t->data;

	net_forget(nat);
	train->next[nat] = 0;
	train_reach(nat, train, few);
	train_prepare(nat, t);
}

/* A new one where there are about @number. */
static struct result at(const char *group, struct train *train,
			unsigned int number)
{
	struct trial t = train_trial(train, group, NULL);
	struct result r;
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	t.name = name;
	t.n = WINDOW;
	t.repeats = 10;
	t.without[NO_NAT] = true;
	if (number <= FEW) {
		few = number;
		t.prepare = prepare_few;
	} else {
		number -= t.n * t.repeats;
		train_reach(MASQUERADE, train, number);
		train_reach(NATPUNCH, train, number);
	}
	r = measure(&t);
	report_trial(&t, &r);
	return r;
}

void bench_flows_scale(void)
{
	static const char group[] = "first packet, by flows on its mapping";
	struct train train = train_out(AF_INET, IPPROTO_UDP, DST_PORT);
	struct result one, many, most;

	one = at(group, &train, 1);
	at(group, &train, 10);
	at(group, &train, 100);
	many = at(group, &train, 1000);
	most = at(group, &train, 10000);
	against(group, "1000 to 1", &many, &one);
	against(group, "10000 to 1", &most, &one);
	net_forget_all();
}

/*
 * A second internal address has its eye on ports that the first one has, so
 * other ports must be found for it.
 */
static void prepare_search(enum nat nat, struct trial *t)
{
	struct train *train = t->data;

	net_forget_internal(train->src);
	train->next[nat] = 0;
	train_prepare(nat, t);
}

/* The gateway refuses it, for the server's device has seen none. */
static unsigned long server_has;

static void prepare_refusal(enum nat nat, struct trial *t)
{
	train_prepare(nat, t);
	server_has = net_arrived(nat, AT_SERVER);
}

static void finish_refusal(enum nat nat, struct trial *t)
{
	if (net_arrived(nat, AT_SERVER) != server_has)
		ktap_bail("%s: a packet got through", t->name);
}

static struct trial search_trial(struct train *train, const char *name,
				 unsigned int left)
{
	struct trial t = train_trial(train, "new mapping, by ports taken",
				     name);

	train->src = net_nth(train->src, 1);
	t.n = left && left < WINDOW ? left : WINDOW;
	t.repeats = left && left < WINDOW ? 25 : 5;
	t.without[NO_NAT] = true;
	t.without[MASQUERADE] = true;
	t.prepare = prepare_search;
	if (!left) {
		t.prepare = prepare_refusal;
		t.finish = finish_refusal;
	}
	return t;
}

static const struct {
	const char *name;
	unsigned int taken;
} searches[] = {
	{ "none", 0 },
	{ "1 %", PORTS / 100 },
	{ "10 %", PORTS / 10 },
	{ "50 %", PORTS / 2 },
	{ "90 %", PORTS / 10 * 9 },
	{ "99 %", PORTS / 100 * 99 },
	{ "99.9 %", PORTS / 1000 * 999 },
	{ "all but one", PORTS - 1 },
	{ "all: refused", PORTS },
};

enum { NO_PERCENT, ONE_PERCENT, NINETYNINE_PERCENT = 5 };

#define SEARCHES ARRAY_SIZE(searches)

/* With @all's mappings in the way. */
static struct result search(unsigned int nth, struct train *all)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
	struct trial t = search_trial(&train, searches[nth].name,
				      PORTS - searches[nth].taken);
	struct result r;

	train_reach(NATPUNCH, all, searches[nth].taken);
	r = measure(&t);
	net_forget_internal(train.src);
	return r;
}

static double natpunchs(const struct result *r)
{
	return r->of[NATPUNCH].mean;
}

static void report_searches(const struct result r[SEARCHES])
{
	static const char group[] = "new mapping, by ports taken";
	struct train train = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
	const struct result *none = &r[NO_PERCENT], *one = &r[ONE_PERCENT];
	const struct result *most = &r[NINETYNINE_PERCENT];
	struct trial t;
	unsigned int i;
	char name[64];

	for (i = 0; i < SEARCHES; i++) {
		t = search_trial(&train, searches[i].name,
				 PORTS - searches[i].taken);
		report_trial(&t, &r[i]);
	}
	for (i = 1; i < SEARCHES && searches[i].taken < PORTS; i++) {
		snprintf(name, sizeof(name), "%s to none", searches[i].name);
		against(group, name, &r[i], none);
	}
	against(group, "99 % to 1 %", most, one);
	/* Where none is taken, each is given the port that it wants. */
	report_ratio(group, "99 % to 1 %, the search alone",
		     (natpunchs(most) - natpunchs(none)) /
		     (natpunchs(one) - natpunchs(none)), 0);
}

void bench_mappings_scale(void)
{
	static const char group[] = "new mapping, by mappings";
	struct train train = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
	struct result one, many, most, r[SEARCHES];

	/* In the order in which mappings become more. */
	r[0] = search(0, &train);
	one = at(group, &train, 1);
	at(group, &train, 100);
	r[1] = search(1, &train);
	at(group, &train, 1000);
	r[2] = search(2, &train);
	many = at(group, &train, 10000);
	r[3] = search(3, &train);
	r[4] = search(4, &train);
	most = at(group, &train, 60000);
	r[5] = search(5, &train);
	r[6] = search(6, &train);
	r[7] = search(7, &train);
	r[8] = search(8, &train);
	against(group, "10000 to 1", &many, &one);
	against(group, "60000 to 1", &most, &one);
	report_searches(r);
	net_forget_all();
}
