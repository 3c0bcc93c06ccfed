// SPDX-License-Identifier: GPL-2.0
/* natpunchctl stats */
#include <stdio.h>

#include "natpunchctl.h"

struct counter {
	const char *name;
	const char *words;
	size_t offset;
	unsigned int attr;
	bool wide;		/* 64 bits, else 32 */
};

#define COUNTER(_name, _attr, _wide, _words)				\
	{ .name = #_name, .words = (_words),				\
	  .offset = offsetof(struct natpunch_stats, _name),		\
	  .attr = NATPUNCH_A_STATS_##_attr, .wide = (_wide) }
#define NOW(_name, _attr, _words)	COUNTER(_name, _attr, false, _words)
#define SUM(_name, _attr, _words)	COUNTER(_name, _attr, true, _words)

static const struct counter counters[] = {
	NOW(mappings, MAPPINGS, "mappings at present"),
	NOW(mappings_max, MAPPINGS_MAX,
	    "cap on them (module parameter max_mappings)"),
	NOW(flows, FLOWS, "flow records at present"),
	NOW(flows_max, FLOWS_MAX, "cap on them (module parameter max_flows)"),
	SUM(mappings_new, MAPPINGS_NEW, "mappings made"),
	SUM(mappings_ended, MAPPINGS_ENDED, "mappings ended"),
	SUM(flows_out, FLOWS_OUT, "flows translated outwards"),
	SUM(flows_in, FLOWS_IN, "flows let in through a mapping"),
	SUM(flows_hairpin, FLOWS_HAIRPIN,
	    "flows between two internal endpoints"),
	SUM(filtered, FILTERED,
	    "inbound flows that the filtering did not admit"),
	SUM(local, LOCAL, "inbound flows left to a socket of the router"),
	SUM(exhausted, EXHAUSTED,
	    "flows refused because no external port was left"),
	SUM(evicted, EVICTED,
	    "unreplied conntrack entries removed from a mapping's way"),
	SUM(clashed, CLASHED,
	    "flows dropped because a replied conntrack entry was there"),
	SUM(no_address, NO_ADDRESS,
	    "flows left alone because the WAN had no address"),
	SUM(capped, CAPPED, "flows left alone because a cap was reached"),
	SUM(no_memory, NO_MEMORY,
	    "flows dropped because memory was short"),
	NOW(holds, HOLDS, "SYNs held at present"),
	NOW(holds_max, HOLDS_MAX, "cap on them (module parameter max_holds)"),
	SUM(holds_new, HOLDS_NEW, "SYNs held"),
	SUM(holds_released, HOLDS_RELEASED, "SYNs released as ours left"),
	SUM(holds_expired, HOLDS_EXPIRED,
	    "SYNs for which none of ours left in 6 s"),
	SUM(holds_evicted, HOLDS_EVICTED,
	    "SYNs forgotten, at the cap or with their WAN"),
	SUM(holds_capped, HOLDS_CAPPED,
	    "SYNs not held because their source had too many"),
	SUM(answers_swallowed, ANSWERS_SWALLOWED,
	    "RSTs and ICMP errors to held SYNs kept from leaving"),
	NOW(crafted, CRAFTED, "crafted flows at present"),
	SUM(crafted_rsts, CRAFTED_RSTS, "RSTs dropped for crafted flows"),
	SUM(crafted_capped, CRAFTED_CAPPED,
	    "flows of watched devices not registered, at the cap"),
	SUM(quota, QUOTA, "flows refused because their host had its share"),
};

static uint64_t value(const struct natpunch_stats *s, const struct counter *c)
{
	const void *field = (const char *)s + c->offset;

	return c->wide ? *(const uint64_t *)field : *(const uint32_t *)field;
}

/* Counters that the kernel does not have are left out. */
static void print(const struct ctl *ctl, const struct natpunch_stats *s)
{
	json_t *object = ctl->json ? json_object() : NULL;
	const struct counter *c;

	for (c = counters; c < counters + ARRAY_SIZE(counters); c++) {
		if (!(s->fields >> c->attr & 1))
			continue;
		if (object)
			json_add(object, c->name,
				 json_integer((json_int_t)value(s, c)));
		else
			printf("%s%-17s%s  %12llu  %s\n",
			       paint(ctl, PAINT_HEAD), c->name, unpaint(ctl),
			       (unsigned long long)value(s, c), c->words);
	}
	if (object)
		json_print(ctl, object);
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
	print(ctl, &stats);
	return 0;
}

const struct verb stats_show = {
	.name = "stats",
	.args = "",
	.summary = "show the network namespace's counters, since its first use",
	.run = run,
};
