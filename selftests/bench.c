// SPDX-License-Identifier: GPL-2.0
/*
 * bench [JSON-FILE [PART...]]: see bench.h. Exits with 1 if anything is over its
 * limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static unsigned int slab(const char *cache, const char *file)
{
	unsigned int value = 0;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, file);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &value) != 1)
		ktap_bail("%s has no figure", path);
	fclose(f);
	return value;
}

/* Caches of equal objects may be one, but these files are there for each. */
static void bench_memory(void)
{
	report_bytes("mapping", slab("np_mapping", "object_size"),
		     slab("np_mapping", "slab_size"), 192);
	report_bytes("flow record", slab("np_flow", "object_size"),
		     slab("np_flow", "slab_size"), 64);
}

static const struct {
	const char *name;
	void (*run)(void);
} parts[] = {
	{ "established", bench_established },
	{ "new", bench_new },
	{ "first", bench_first },
	{ "flows", bench_flows_scale },
	{ "mappings", bench_mappings_scale },
	{ "hold", bench_hold },
	{ "use", bench_use },
	{ "memory", bench_memory },
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
	size_t i;

	struct utsname kernel;

	if (!getenv("NATPUNCH_VM"))
		ktap_bail("what is measured is the VM's virtual time");
	uname(&kernel);
	net_start();
	report_open(argc > 1 ? argv[1] : NULL, kernel.release);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (wanted(parts[i].name, argv + (argc > 1 ? 2 : 1)))
			parts[i].run();
	return report_close();
}
