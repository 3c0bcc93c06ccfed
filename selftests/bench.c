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
	bool slow;		/* nothing for make check in it */
} parts[] = {
	{ "established", bench_established, false },
	{ "new", bench_new, false },
	{ "first", bench_first, true },
	{ "flows", bench_flows_scale, true },
	{ "mappings", bench_mappings_scale, true },
	{ "hold", bench_hold, false },
	{ "use", bench_use, false },
	{ "size", bench_size, false },
};

/* No names: all parts. */
static bool wanted(const char *part, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(part, *names))
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
		if (wanted(parts[i].name, argv) && !(quick && parts[i].slow))
			parts[i].run();
	return report_close(!*argv);
}
