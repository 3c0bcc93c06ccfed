// SPDX-License-Identifier: GPL-2.0
/* natpunchctl stats */
#include <stdio.h>

#include "natpunchctl.h"

struct counter {
	const char *name;
	const char *words;
	uint64_t value;
	bool known;
};

#define COUNTER(_name, _attr, _words)					\
	{ #_name, _words, s->_name, s->fields & NATPUNCH_HAS(STATS_##_attr) }

static void print(const struct ctl *ctl, const struct counter *c, size_t n)
{
	json_t *object = ctl->json ? json_object() : NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!c[i].known)
			continue;
		if (object)
			json_add(object, c[i].name,
				 json_integer((json_int_t)c[i].value));
		else
			printf("%s%-14s%s  %12llu  %s\n",
			       paint(ctl, PAINT_HEAD), c[i].name, unpaint(ctl),
			       (unsigned long long)c[i].value, c[i].words);
	}
	if (object)
		json_print(ctl, object);
}

static void print_stats(const struct ctl *ctl, const struct natpunch_stats *s)
{
	const struct counter counters[] = {
		COUNTER(mappings, MAPPINGS, "mappings at present"),
		COUNTER(mappings_max, MAPPINGS_MAX,
		    "cap on them (module parameter max_mappings)"),
		COUNTER(flows, FLOWS, "flow records at present"),
		COUNTER(flows_max, FLOWS_MAX,
		    "cap on them (module parameter max_flows)"),
		COUNTER(mappings_new, MAPPINGS_NEW, "mappings made"),
		COUNTER(mappings_ended, MAPPINGS_ENDED, "mappings ended"),
		COUNTER(flows_out, FLOWS_OUT, "flows translated outwards"),
		COUNTER(flows_in, FLOWS_IN, "flows let in through a mapping"),
		COUNTER(flows_hairpin, FLOWS_HAIRPIN,
		    "flows between two internal endpoints"),
		COUNTER(filtered, FILTERED,
		    "inbound flows that the filtering did not admit"),
		COUNTER(local, LOCAL,
		    "inbound flows left to a socket of the router"),
		COUNTER(exhausted, EXHAUSTED,
		    "flows refused because no external port was left"),
		COUNTER(evicted, EVICTED,
		    "unreplied conntrack entries removed from a mapping's way"),
		COUNTER(clashed, CLASHED,
		    "flows dropped because a replied conntrack entry was there"),
		COUNTER(no_address, NO_ADDRESS,
		    "flows left alone because the WAN had no address"),
		COUNTER(capped, CAPPED,
		    "flows left alone because a cap was reached"),
		COUNTER(no_memory, NO_MEMORY,
		    "flows left alone because memory was short"),
	};

	print(ctl, counters, ARRAY_SIZE(counters));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_stats stats;
	int err;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_stats_get(ctl->np, &stats);
	if (err)
		fail_kernel(ctl, err);
	print_stats(ctl, &stats);
	return 0;
}

const struct verb stats_show = {
	.name = "stats",
	.args = "",
	.summary = "show the network namespace's counters, since its first WAN",
	.run = run,
};
