// SPDX-License-Identifier: GPL-2.0
/* natpunchctl upstream show */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

struct upstreams {
	struct natpunch_upstream *upstream;
	size_t n;
};

static int take_upstream(const struct natpunch_upstream *upstream, void *data)
{
	struct upstreams *all = data;

	all->upstream = more(all->upstream, all->n, sizeof(*upstream));
	all->upstream[all->n++] = *upstream;
	return 0;
}

static void add_row(struct table *t, const struct natpunch_upstream *u)
{
	bool known = u->fields & NATPUNCH_HAS(UPSTREAM_MAPPED_ADDR);
	char addr[ADDR_SIZE], mapped[ADDR_SIZE];
	char proto[PROTO_SIZE], alloc[ALLOC_SIZE];

	table_cell(t, "%s", u->wan);
	table_cell(t, "%s", format_addr(addr, &u->addr));
	table_cell(t, "%s", format_proto(proto, u->l4proto));
	table_cell(t, "%s", known ? format_addr(mapped, &u->mapped_addr) : "-");
	table_cell(t, "%s", format_upstream_mapping(u->mapping));
	table_cell(t, "%s", format_alloc(alloc, u));
	table_cell(t, "%s", format_upstream_certainty(u->certainty));
	table_cell(t, "%u", u->samples);
	table_cell(t, "%u", u->refused);
	if (u->fields & NATPUNCH_HAS(UPSTREAM_RATE))
		table_cell(t, "%.1f/s", per_second(u->rate));
	else
		table_cell(t, "-");
	table_cell(t, "%u", u->flows);
	table_cell(t, "%u", u->mappings);
}

static void print_table(const struct ctl *ctl, const struct upstreams *all)
{
	static const struct column columns[] = {
		{ .head = "WAN", .paint = PAINT_NAME },
		{ .head = "ADDRESS", .paint = PAINT_IN },
		{ .head = "PROTO" },
		{ .head = "MAPPED", .paint = PAINT_OUT },
		{ .head = "MAPPING" },
		{ .head = "PORTS" },
		{ .head = "CERTAINTY" },
		{ .head = "SAMPLES", .right = true },
		{ .head = "REFUSED", .right = true },
		{ .head = "OTHERS", .right = true },
		{ .head = "FLOWS", .right = true },
		{ .head = "MAPPINGS", .right = true },
	};
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < all->n; i++)
		add_row(&t, &all->upstream[i]);
	table_end(&t, ctl);
}

static void print_json(const struct ctl *ctl, const struct upstreams *all)
{
	size_t i;

	json_list_begin();
	for (i = 0; i < all->n; i++)
		json_list_item(ctl, json_upstream(&all->upstream[i]), !i);
	json_list_end();
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_upstream filter = { .fields = 0 };
	struct upstreams all = { .n = 0 };
	int err;

	next_option(ctl, argc, argv);
	if (optind < argc) {
		parse_dev(filter.wan, needed_argument(ctl, argc, argv,
						      "the device"));
		filter.fields = NATPUNCH_HAS(UPSTREAM_WAN);
	}
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_upstream_dump(ctl->np, &filter, take_upstream, &all);
	if (err == -ENOENT && filter.fields)
		fail_unmanaged(ctl, filter.wan);
	if (err)
		fail_kernel(ctl, err);
	if (ctl->json)
		print_json(ctl, &all);
	else if (all.n)
		print_table(ctl, &all);
	else
		puts("no external addresses");
	free(all.upstream);
	return 0;
}

const struct verb upstream_show = {
	.name = "show",
	.args = "[DEV]",
	.summary = "show what is known of the NATs in front of each external address",
	.notes =
"MAPPED: the address that others see. MAPPING: when an external endpoint is used\n"
"again: none (no NAT), ei, ad, apd (RFC 4787 section 4.1). PORTS: which port a new\n"
"mapping gets. SAMPLES: STUN answers that passed by, and what programs told;\n"
"REFUSED: answers that were not believed. OTHERS: mappings that others make.\n"
"FLOWS, MAPPINGS: new ones that this gateway has made.\n",
	.run = run,
};
