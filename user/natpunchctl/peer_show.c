// SPDX-License-Identifier: GPL-2.0
/* natpunchctl peer show */
#include <stdio.h>

#include "daemon.h"

static void print_table(const struct ctl *ctl, const json_t *list)
{
	static const struct column columns[] = {
		{ .head = "NAME", .paint = PAINT_NAME },
		{ .head = "STATE", .paint = PAINT_OUT },
		{ .head = "SEEN", .right = true },
		{ .head = "KEY" },
	};
	char seen[DURATION_SIZE] = "never";
	const json_t *peer;
	struct table t;
	bool online;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, peer) {
		table_cell(&t, "%s", text_of(peer, "name"));
		online = json_is_true(json_object_get(peer, "online"));
		table_cell(&t, "%s", online ? "online" : "offline");
		if (json_object_get(peer, "seen"))
			format_duration(seen, (uint32_t)number_of(peer,
								  "seen"));
		else
			snprintf(seen, sizeof(seen), "never");
		table_cell(&t, "%s", seen);
		table_cell(&t, "%s", text_of(peer, "key"));
	}
	table_end(&t, ctl);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *list;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	list = ask_daemon("peer-show", NULL);
	if (ctl->json)
		json_print(ctl, json_incref(list));
	else if (json_array_size(list))
		print_table(ctl, list);
	else
		puts("no peers are configured");
	json_decref(list);
	return 0;
}

const struct verb peer_show = {
	.name = "show",
	.args = "",
	.summary = "show the sites that this one knows, and which are online",
	.notes = "SEEN: how long ago the last sign of life came. Peers are configured in\n"
"natpunchd.conf(5).\n",
	.run = run,
};
