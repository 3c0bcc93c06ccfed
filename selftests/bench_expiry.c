// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs that mappings and flows end because nobody uses them, by the
 * timers and workers that see to it. Nothing else is done meanwhile, so the
 * processor sleeps but for that, and what it has slept is taken off; without
 * NAT there is what it is awake for anyway. Masquerade's are flows alone,
 * natpunch's are flows and mappings, one of each.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MAPPINGS 5000

/* Longer than anything lives that is not used; see bench_net.c. */
#define LONG_ENOUGH 700

static void open_many(enum nat nat, struct trial *t)
{
	train_send(nat, t->data, t->n);
	usleep(100000);		/* what that leaves to do is done */
}

static void wait_long(enum nat nat, struct trial *t)
{
	(void)nat;
	(void)t;
	sleep(LONG_ENOUGH);
}

static void all_over(enum nat nat, struct trial *t)
{
	unsigned int left = nat == NATPUNCH ? net_mappings() : 0;

	if (left)
		ktap_bail("%s: %u mappings go on", t->name, left);
}

static void expiry(const char *name, int family)
{
	struct train train = train_out(family, IPPROTO_UDP, SRC_PORT);
	struct trial t = {
		.group = "nobody's any more, one mapping and flow",
		.name = name, .n = MAPPINGS, .repeats = 2, .idles = true,
		.prepare = open_many, .go = wait_long, .finish = all_over,
		.data = &train,
	};
	struct result r;

	if (!budget_wants(t.group, name))
		return;
	r = measure(&t);
	report_trial(&t, &r);
	net_forget_all();
}

void bench_expiry(void)
{
	if (!measure_tells_sleep()) {
		printf("\nnobody's any more: not measured, for this kernel does not"
		       " tell how long it slept\n");
		return;
	}
	expiry("UDP", AF_INET);
	expiry("IPv6 UDP", AF_INET6);
}
