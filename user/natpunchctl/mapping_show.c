// SPDX-License-Identifier: GPL-2.0
/* natpunchctl mapping show */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define TRIES	5

struct mappings {
	struct natpunch_mapping *mapping;
	size_t n;
};

static int take_mapping(const struct natpunch_mapping *mapping, void *data)
{
	struct mappings *all = data;

	all->mapping = more(all->mapping, all->n, sizeof(*mapping));
	all->mapping[all->n++] = *mapping;
	return 0;
}

static int compare_addr(const struct natpunch_addr *a,
			const struct natpunch_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->in6, &b->in6, a->family == AF_INET6 ? 16 : 4);
}

/* WAN, protocol, internal endpoint: a host's mappings stand together. */
static int compare(const void *left, const void *right)
{
	const struct natpunch_mapping *a = left, *b = right;
	int c = strcmp(a->wan, b->wan);

	if (!c)
		c = (int)a->l4proto - (int)b->l4proto;
	if (!c)
		c = compare_addr(&a->int_addr, &b->int_addr);
	if (!c)
		c = (int)a->int_port - (int)b->int_port;
	if (!c)
		c = (int)a->zone - (int)b->zone;
	return c;
}

/* The table grew under the dump: read again, at last drop what came twice. */
static int read_mappings(struct ctl *ctl, const struct natpunch_mapping *filter,
			 struct mappings *all)
{
	int tries, err = -EINTR;
	size_t i, n;

	for (tries = 0; tries < TRIES && err == -EINTR; tries++) {
		all->n = 0;
		free(all->mapping);
		all->mapping = NULL;
		err = natpunch_mapping_dump(ctl->np, filter, take_mapping, all);
	}
	if (err && err != -EINTR)
		return err;
	if (all->n)
		qsort(all->mapping, all->n, sizeof(*all->mapping), compare);
	for (i = 0, n = 0; i < all->n; i++)
		if (!n || compare(&all->mapping[n - 1], &all->mapping[i]))
			all->mapping[n++] = all->mapping[i];
	all->n = n;
	return err;
}

static void add_row(struct table *t, const struct natpunch_mapping *m)
{
	char proto[PROTO_SIZE], in[ENDPOINT_SIZE], out[ENDPOINT_SIZE];
	char age[DURATION_SIZE], expires[DURATION_SIZE];

	table_cell(t, "%s", format_proto(proto, m->l4proto));
	table_cell(t, "%s", format_endpoint(in, &m->int_addr, m->int_port));
	table_cell(t, "%s", format_endpoint(out, &m->ext_addr, m->ext_port));
	table_cell(t, "%s", m->wan);
	table_cell(t, "%s", format_filter(m->filter));
	table_cell(t, "%u", m->flows);
	table_cell(t, "%s", format_duration(age, m->age));
	table_cell(t, "%s", m->fields & NATPUNCH_HAS(MAPPING_EXPIRES) ?
				format_duration(expires, m->expires) : "-");
	if (m->zone)
		table_cell(t, "%szone %u", m->reserved ? "R " : "", m->zone);
	else
		table_cell(t, "%s", m->reserved ? "R" : "");
}

static void print_table(const struct ctl *ctl, const struct mappings *all)
{
	static const struct column columns[] = {
		{ .head = "PROTO" },
		{ .head = "INTERNAL", .paint = PAINT_IN },
		{ .head = "EXTERNAL", .paint = PAINT_OUT },
		{ .head = "WAN" },
		{ .head = "FILTER" },
		{ .head = "FLOWS", .right = true },
		{ .head = "AGE", .right = true },
		{ .head = "EXPIRES", .right = true },
		{ .head = "" },
	};
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < all->n; i++)
		add_row(&t, &all->mapping[i]);
	table_end(&t, ctl);
}

static void print_json(const struct ctl *ctl, const struct mappings *all)
{
	size_t i;

	json_list_begin();
	for (i = 0; i < all->n; i++)
		json_list_item(ctl, json_mapping(&all->mapping[i]), !i);
	json_list_end();
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_mapping filter;
	struct mappings all = { .n = 0 };
	int err;

	parse_mapping_filter(ctl, argc, argv, &filter);
	open_natpunch(ctl);
	err = read_mappings(ctl, &filter, &all);
	if (err == -ENOENT)
		fail_unmanaged(ctl, filter.wan);
	if (err && err != -EINTR)
		fail_kernel(ctl, err);
	if (ctl->json)
		print_json(ctl, &all);
	else if (all.n)
		print_table(ctl, &all);
	else
		puts("no mappings");
	free(all.mapping);
	if (err)
		warn("mappings changed meanwhile, some may be missing");
	return 0;
}

const struct verb mapping_show = {
	.name = "show",
	.args = "[OPTION]...",
	.summary = "show mappings, all or those that have what is given",
	.notes =
"R: held by a reservation. Filter 'default': as the WAN says. FLOWS: flow records\n"
"that the mapping holds. EXPIRES: the time that it has if nothing refreshes it.\n"
"Of ICMP the port is the query identifier. Example:\n"
"  natpunchctl mapping show --proto udp --internal 192.168.1.20\n",
	.options = mapping_filter_options,
	.run = run,
};
