// SPDX-License-Identifier: GPL-2.0
/* natpunchctl connection show */
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static void add_row(struct table *t, const json_t *s)
{
	bool asks = !strcmp(text_of(s, "role"), "asks");
	char age[DURATION_SIZE];

	table_cell(t, "%s", text_of(s, "id"));
	table_cell(t, "%s%s%s", asks ? text_of(s, "peer") : "", asks ? "/" : "",
		   text_of(s, "service"));
	table_cell(t, "%s", text_of(s, "proto"));
	table_cell(t, "%s", asks ? text_of(s, "listen") : text_of(s, "to"));
	table_cell(t, "%s", asks ? "" : text_of(s, "peer"));
	table_cell(t, "%s", text_of(s, "state"));
	table_cell(t, "%s", format_duration(age, (uint32_t)number_of(s,
								     "age")));
	if (json_object_get(s, "way"))
		table_cell(t, "%s, %s to %s, %.0f ms, %.0f in, %.0f out",
			   text_of(s, "way"), text_of(s, "local"),
			   text_of(s, "remote"), number_of(s, "rtt_ms"),
			   number_of(s, "bytes_in"), number_of(s, "bytes_out"));
	else
		table_cell(t, "%s", text_of(s, "reason"));
}

static void print_table(const struct ctl *ctl, const json_t *list)
{
	static const struct column columns[] = {
		{ .head = "ID" },
		{ .head = "SERVICE", .paint = PAINT_NAME },
		{ .head = "PROTO" },
		{ .head = "ENDPOINT", .paint = PAINT_IN },
		{ .head = "FOR" },
		{ .head = "STATE", .paint = PAINT_OUT },
		{ .head = "AGE", .right = true },
		{ .head = "PATH" },
	};
	const json_t *s;
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, s)
		add_row(&t, s);
	table_end(&t, ctl);
}

static void show_limit(void)
{
	json_t *site = ask_daemon("site-show", NULL);

	print_limit(site);
	json_decref(site);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *list;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	list = ask_daemon("connection-show", NULL);
	if (!ctl->json)
		show_limit();
	if (ctl->json)
		json_print(ctl, json_incref(list));
	else if (json_array_size(list))
		print_table(ctl, list);
	else
		puts("there are no connections");
	json_decref(list);
	return 0;
}

const struct verb connection_show = {
	.name = "show",
	.args = "",
	.summary = "show connections with other sites, and which way they take",
	.notes =
"SERVICE is ours, used by the site FOR, or another's. ENDPOINT: of the service, or\n"
"where its clients come to here. STATE: idle (PATH tells why; it is tried again),\n"
"offered, answered, checking; direct or relayed: data flows. AGE is the state's.\n",
	.run = run,
};
