// SPDX-License-Identifier: GPL-2.0
/* natpunchctl service show */
#include <stdio.h>
#include <string.h>

#include "daemon.h"

#define LIST_SIZE	112

static void list_allowed(char text[LIST_SIZE], const json_t *list)
{
	size_t i, len = 0;
	const json_t *item;

	text[0] = '\0';
	json_array_foreach(list, i, item) {
		if (len >= LIST_SIZE)
			break;
		len += (size_t)snprintf(text + len, LIST_SIZE - len, "%s%s",
					i ? "," : "", json_string_value(item));
	}
}

static void print_table(const struct ctl *ctl, const json_t *list)
{
	static const struct column columns[] = {
		{ .head = "NAME", .paint = PAINT_NAME },
		{ .head = "PROTO" },
		{ .head = "ENDPOINT", .paint = PAINT_IN },
		{ .head = "ALLOWED" },
		{ .head = "FROM" },
	};
	char allowed[LIST_SIZE];
	const json_t *s;
	struct table t;
	bool in_file;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, s) {
		list_allowed(allowed, json_object_get(s, "allow"));
		table_cell(&t, "%s", text_of(s, "name"));
		table_cell(&t, "%s", text_of(s, "proto"));
		table_cell(&t, "%s", text_of(s, "to"));
		table_cell(&t, "%s", allowed);
		in_file = json_is_true(json_object_get(s, "configured"));
		table_cell(&t, "%s", in_file ? "file" : "natpunchctl");
	}
	table_end(&t, ctl);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *list;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	list = ask_daemon("service-show", NULL);
	if (ctl->json)
		json_print(ctl, json_incref(list));
	else if (json_array_size(list))
		print_table(ctl, list);
	else
		puts("no services are offered");
	json_decref(list);
	return 0;
}

const struct verb service_show = {
	.name = "show",
	.args = "",
	.summary = "show what this site offers, and to whom",
	.run = run,
};
