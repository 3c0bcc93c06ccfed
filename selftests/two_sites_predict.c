// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites connect although NATs in front of one of them, or of both, give each
 * destination another port: the ports are predicted, or found by many tries. Where
 * neither will do, that is said at once.
 *
 *	two_sites_predict [TRIALS [FIRST [LAST]]]
 *
 * needs: kernel=6.1 timeout=1200
 */
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/visit.h"

static const struct pair {
	const char *a, *b;
} pairs[] = {
	{ NULL, "sequential" },
	{ "sequential", NULL },
	{ "home", "sequential" },
	{ "sequential", "home" },
	{ "home-rst", "sequential-two" },
	{ "sequential-down", "home-rst" },
	{ "home", "sequential-busy" },
	{ "home", "carrier-blocks" },
	{ "carrier-blocks", "home" },
	{ "home", "mobile-band" },
	{ "mobile-band", "home" },
	{ "home", "random" },
	{ "random", "home" },
	{ NULL, "random" },
	{ "address-dependent", "home" },
	/* Both sides' ports are guessed. */
	{ "sequential", "sequential-down" },
	{ "sequential-busy,cross=50", "sequential-down,cross=50" },
	/* The same port for all of a site's: it lets in whatever port tries. */
	{ "address-dependent", "random" },
	{ "random", "address-dependent" },
};

static int compare(const void *a, const void *b)
{
	return *(const long *)a < *(const long *)b ? -1 :
	       *(const long *)a > *(const long *)b;
}

/* @trials clients, one after the other, each from another endpoint. */
static void pair_connects(const struct pair *pair, unsigned int trials)
{
	const char *a = pair->a ? pair->a : "none";
	const char *b = pair->b ? pair->b : "none";
	long session = visit_session(pair->a, pair->b), *ms;
	unsigned int i, n = 0;
	struct visit v;

	ms = calloc(trials, sizeof(*ms));
	for (i = 0; session >= 0 && i < trials; i++) {
		if (visit_open(&v, B2))
			ms[n++] = v.ms;
		visit_close(&v);
	}
	if (!ktap_ok(n == trials, "%s at the service, %s at the client", a, b))
		visit_logs();
	qsort(ms, n, sizeof(*ms), compare);
	ktap_diag("session %ld ms; %u of %u clients, median %ld ms, worst %ld ms",
		  session, n, trials, n ? ms[n / 2] : -1, n ? ms[n - 1] : -1);
	free(ms);
}

/* Nothing is tried that can not work. */
static void both_random(void)
{
	if (!ktap_ok(visit_set_up("random", "random") && visit_want() &&
		     site_says(GB, "a relay is needed", 10000),
		     "random at both: a relay is needed"))
		visit_logs();
}

int main(int argc, char **argv)
{
	unsigned int trials = argc > 1 ? atoi(argv[1]) : 2;
	size_t first = argc > 2 ? (size_t)atoi(argv[2]) : 0;
	size_t last = argc > 3 ? (size_t)atoi(argv[3]) : ARRAY_SIZE(pairs) - 1;
	const char *why = natpunch_missing();
	size_t i;

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(last - first + 2);
	lab_start();
	sites_start();
	for (i = first; i <= last; i++)
		pair_connects(&pairs[i], trials);
	both_random();
	return ktap_exit();
}
