// SPDX-License-Identifier: GPL-2.0
/* natpunchctl crafted show, crafted auto */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "natpunchctl.h"

static void add_row(struct table *t, const struct natpunch_crafted *flow)
{
	char local[CRAFTED_SIZE], remote[CRAFTED_SIZE], left[DURATION_SIZE];

	table_cell(t, "%u", flow->id);
	table_cell(t, "%s", format_local(local, flow));
	table_cell(t, "%s", format_remote(remote, flow));
	table_cell(t, "%s", flow->automatic ? "auto" :
			    flow->bound ? "bound" : "lease");
	table_cell(t, "%s", format_duration(left, flow->lease));
}

static void print_table(const struct ctl *ctl, const struct crafted_list *list)
{
	static const struct column columns[] = {
		{ .head = "ID", .right = true },
		{ .head = "LOCAL", .paint = PAINT_IN },
		{ .head = "REMOTE", .paint = PAINT_OUT },
		{ .head = "BY" },
		{ .head = "LEFT", .right = true },
	};
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < list->n; i++)
		add_row(&t, &list->flow[i]);
	table_end(&t, ctl);
}

static void print_watched(const struct ctl *ctl, const struct dev_list *list)
{
	json_t *array;
	size_t i;

	if (ctl->json) {
		array = json_array();
		for (i = 0; i < list->n; i++)
			json_array_append_new(array,
					      json_string(list->dev[i]));
		json_print(ctl, array);
		return;
	}
	for (i = 0; i < list->n; i++)
		printf("watched: %s\n", list->dev[i]);
}

static int run_show(struct ctl *ctl, int argc, char **argv)
{
	struct crafted_list flows;
	struct dev_list devs;
	size_t i;
	int err;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = read_crafted(ctl, &flows);
	if (!err)
		err = read_watched(ctl, &devs);
	if (err)
		fail_kernel(ctl, err);
	if (ctl->json) {
		json_list_begin();
		for (i = 0; i < flows.n; i++)
			json_list_item(ctl, json_crafted(&flows.flow[i]), !i);
		json_list_end();
	} else {
		print_watched(ctl, &devs);
		if (flows.n)
			print_table(ctl, &flows);
		else
			puts("no crafted flows");
	}
	free(flows.flow);
	free(devs.dev);
	return 0;
}

static int show_watched(struct ctl *ctl)
{
	struct dev_list devs;
	int err;

	open_natpunch(ctl);
	err = read_watched(ctl, &devs);
	if (err)
		fail_kernel(ctl, err);
	if (!devs.n && !ctl->json)
		puts("no device is watched");
	else
		print_watched(ctl, &devs);
	free(devs.dev);
	return 0;
}

static int run_auto(struct ctl *ctl, int argc, char **argv)
{
	char dev[NATPUNCH_DEV_SIZE];
	bool on;
	int err;

	next_option(ctl, argc, argv);
	if (optind == argc)
		return show_watched(ctl);
	parse_dev(dev, needed_argument(ctl, argc, argv, "the device"));
	on = parse_on_off("watching", needed_argument(ctl, argc, argv,
						      "'on' or 'off'"));
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_crafted_dev_set(ctl->np, dev, on, 0);
	if (err == -ENODEV)
		fail("there is no device %s: 'ip link' lists them", dev);
	if (err == -ENOENT)
		fail("%s is not watched: 'natpunchctl crafted auto' lists those that are",
		     dev);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

const struct verb crafted_show = {
	.name = "show",
	.args = "",
	.summary = "show registered flows and watched devices",
	.notes =
"BY lease: until its time is over. bound: with the program that registered it, at\n"
"the latest. auto: seen on a watched device.\n",
	.run = run_show,
};

const struct verb crafted_auto = {
	.name = "auto",
	.args = "[DEV on|off]",
	.summary = "register by itself what raw and packet sockets send by a device",
	.notes =
"A flow whose first SYN leaves the device from a raw or packet socket is\n"
"registered for a minute, and for another one with each of its segments. 'off'\n"
"ends that for whoever watches the device. Without arguments: list the devices\n"
"that are watched.\n",
	.run = run_auto,
};
