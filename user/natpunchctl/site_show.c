// SPDX-License-Identifier: GPL-2.0
/* natpunchctl site show */
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static void print_brokers(const struct ctl *ctl, const json_t *list)
{
	static const struct column columns[] = {
		{ .head = "BROKER", .paint = PAINT_NAME },
		{ .head = "STATE", .paint = PAINT_OUT },
		{ .head = "RTT", .right = true },
		{ .head = "OUT", .right = true },
		{ .head = "IN", .right = true },
		{ .head = "ERROR" },
	};
	const json_t *b;
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(list, i, b) {
		table_cell(&t, "%s:%.0f", text_of(b, "host"),
			   number_of(b, "port"));
		table_cell(&t, "%s", text_of(b, "state"));
		table_cell(&t, "%.0f ms", number_of(b, "rtt_ms"));
		table_cell(&t, "%.0f", number_of(b, "bytes_out"));
		table_cell(&t, "%.0f", number_of(b, "bytes_in"));
		table_cell(&t, "%s", text_of(b, "error"));
	}
	table_end(&t, ctl);
}

static void print_refused(json_t *refused)
{
	const char *why;
	json_t *n;

	json_object_foreach(refused, why, n)
		printf("refused: %" JSON_INTEGER_FORMAT " times: %s\n",
		       json_integer_value(n), why);
}

static void print_mapping(const json_t *m)
{
	if (json_object_get(m, "min"))
		printf("NATs upstream remember UDP mappings for %.0f s%s\n",
		       number_of(m, "min"),
		       json_object_get(m, "max") ? "" : " or more");
	if (*text_of(m, "network"))
		printf("UDP mappings are kept alive every %.0f s (%s)\n",
		       number_of(m, "keepalive"), text_of(m, "state"));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *site, *rendezvous;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	site = ask_daemon("site-show", NULL);
	if (ctl->json) {
		json_print(ctl, json_incref(site));
		json_decref(site);
		return 0;
	}
	rendezvous = json_object_get(site, "rendezvous");
	printf("site: %s\nkey:  %s\nid:   %s\n", text_of(site, "site"),
	       text_of(site, "key"), text_of(site, "id"));
	print_limit(site);
	print_brokers(ctl, json_object_get(rendezvous, "brokers"));
	print_refused(json_object_get(rendezvous, "refused"));
	print_mapping(json_object_get(site, "udp_mapping"));
	json_decref(site);
	return 0;
}

const struct verb site_show = {
	.name = "show",
	.args = "",
	.summary = "show this site, its brokers, and messages that were refused",
	.notes =
"RTT: to the broker and back. OUT, IN: bytes of its connections. How long NATs\n"
"upstream remember UDP mappings is measured when UDP is first used behind them.\n",
	.run = run,
};
