// SPDX-License-Identifier: GPL-2.0
/* natpunchctl hold show */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "natpunchctl.h"

struct holds {
	struct natpunch_hold *hold;
	size_t n;
};

static int take_hold(const struct natpunch_hold *hold, void *data)
{
	struct holds *all = data;

	all->hold = more(all->hold, all->n, sizeof(*hold));
	all->hold[all->n++] = *hold;
	return 0;
}

static void add_row(struct table *t, const struct natpunch_hold *hold)
{
	char out[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];

	table_cell(t, "%s", format_endpoint(remote, &hold->remote_addr,
					    hold->remote_port));
	table_cell(t, "%s", format_endpoint(out, &hold->ext_addr,
					    hold->ext_port));
	table_cell(t, "%s", hold->fields & NATPUNCH_HAS(HOLD_WAN) ?
				hold->wan : "*");
	table_cell(t, "%s", format_hold_state(hold->state));
	table_cell(t, "%u.%us", hold->left / 1000, hold->left % 1000 / 100);
}

static void print_table(const struct ctl *ctl, const struct holds *all)
{
	static const struct column columns[] = {
		{ .head = "REMOTE" },
		{ .head = "EXTERNAL", .paint = PAINT_OUT },
		{ .head = "WAN" },
		{ .head = "STATE" },
		{ .head = "LEFT", .right = true },
	};
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < all->n; i++)
		add_row(&t, &all->hold[i]);
	table_end(&t, ctl);
}

static void print_json(const struct ctl *ctl, const struct holds *all)
{
	size_t i;

	json_list_begin();
	for (i = 0; i < all->n; i++)
		json_list_item(ctl, json_hold(&all->hold[i]), !i);
	json_list_end();
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct holds all = { .n = 0 };
	int err;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_hold_dump(ctl->np, NULL, take_hold, &all);
	if (err)
		fail_kernel(ctl, err);
	if (ctl->json)
		print_json(ctl, &all);
	else if (all.n)
		print_table(ctl, &all);
	else
		puts("no SYNs are held");
	free(all.hold);
	return 0;
}

const struct verb hold_show = {
	.name = "show",
	.args = "",
	.summary = "show the SYNs that are held and the time that is left of them",
	.notes =
"STATE parked: the SYN was sent on inwards and not refused so far, a copy is\n"
"kept. held: whoever would have refused it did not get to.\n",
	.run = run,
};
