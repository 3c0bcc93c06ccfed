// SPDX-License-Identifier: GPL-2.0
/*
 * bench [-c] [JSON-FILE [PART...]]: see bench.h. Exits with 1 if anything is over
 * its ceiling. With -c it is a test: it measures, with few repeats, what make check
 * does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

#define BUDGET "selftests/bench.budget"

static const struct {
	const char *name;
	void (*run)(void);
	enum {
		QUICK,
		SLOW,		/* nothing for make check in it */
		ALONE,		/* only if it is named */
	} kind;
} parts[] = {
	{ "established", bench_established, QUICK },
	{ "new", bench_new, QUICK },
	{ "first", bench_first, SLOW },
	{ "flows", bench_flows_scale, SLOW },
	{ "mappings", bench_mappings_scale, SLOW },
	{ "hold", bench_hold, QUICK },
	{ "use", bench_use, QUICK },
	{ "expiry", bench_expiry, SLOW },
	{ "predict", bench_predict, QUICK },
	{ "size", bench_size, QUICK },
	{ "million", bench_million, ALONE },
	{ "million-expiry", bench_million_expiry, ALONE },
	{ "smp", bench_smp, ALONE },
};

/* No names: all parts that make bench measures, or make check. */
static bool wanted(size_t part, char **names, bool quick)
{
	if (!*names)
		return parts[part].kind < (quick ? SLOW : ALONE);
	for (; *names; names++)
		if (!strcmp(parts[part].name, *names))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct utsname kernel;
	bool quick = false;
	const char *json;
	size_t i;

	if (argc > 1 && !strcmp(argv[1], "-c")) {
		quick = true;
		argv++;
	}
	json = argv[1];
	argv += json ? 2 : 1;
	if (!getenv("NATPUNCH_VM"))
		ktap_bail("what is measured is the VM's virtual time");
	uname(&kernel);
	budget_load(BUDGET, kernel.release, quick);
	net_start();
	report_open(json, kernel.release);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (wanted(i, argv, quick))
			parts[i].run();
	return report_close(!*argv);
}
