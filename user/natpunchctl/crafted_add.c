// SPDX-License-Identifier: GPL-2.0
/* natpunchctl crafted add, crafted del */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "natpunchctl.h"

static const struct opt options[] = {
	{ "lease", "TIME", "how long it is registered, a day at most",
	  OPT_LEASE },
	{ .name = NULL }
};

static void parse(struct ctl *ctl, int argc, char **argv,
		  struct natpunch_crafted *flow)
{
	const char *local, *remote;
	uint32_t lease = 0;
	bool given = false;

	while (next_option(ctl, argc, argv) == OPT_LEASE) {
		lease = parse_seconds("--lease", optarg);
		given = true;
	}
	local = needed_argument(ctl, argc, argv, "the local endpoint");
	remote = needed_argument(ctl, argc, argv, "the remote endpoint");
	no_more_arguments(ctl, argc, argv);
	if (!given)
		usage("--lease is missing: how long the flow is registered");
	parse_crafted(flow, local, remote);
	flow->lease = lease;
	flow->fields |= NATPUNCH_HAS(CRAFTED_LEASE);
}

static void show(const struct natpunch_crafted *flow)
{
	char local[CRAFTED_SIZE], remote[CRAFTED_SIZE], left[DURATION_SIZE];

	printf("%u: %s -> %s for %s\n", flow->id, format_local(local, flow),
	       format_remote(remote, flow),
	       format_duration(left, flow->lease));
}

static int run_add(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_crafted flow, made;
	int err;

	parse(ctl, argc, argv, &flow);
	open_natpunch(ctl);
	err = natpunch_crafted_add(ctl->np, &flow, &made);
	if (err)
		refuse_crafted(ctl, &flow, err);
	if (ctl->json)
		json_print(ctl, json_crafted(&made));
	else
		show(&made);
	return 0;
}

static uint32_t parse_id(const char *s)
{
	unsigned long id;
	char *end;

	errno = 0;
	id = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || !id || id > UINT32_MAX)
		usage("'%s' is not an id: a number, as 'natpunchctl crafted show' tells it",
		      s);
	return (uint32_t)id;
}

static int run_del(struct ctl *ctl, int argc, char **argv)
{
	uint32_t id;
	int err;

	next_option(ctl, argc, argv);
	id = parse_id(needed_argument(ctl, argc, argv, "the id"));
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_crafted_del(ctl->np, id);
	if (err == -ENOENT)
		fail("there is no crafted flow %u: 'natpunchctl crafted show' lists them",
		     id);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

const struct verb crafted_add = {
	.name = "add",
	.args = "LOCAL[:PORT[-PORT]] REMOTE[/LEN][:PORT] --lease TIME",
	.summary = "drop the RSTs that the kernel makes for a flow, or renew its lease",
	.notes =
"LOCAL is an address of this host, or of one behind this gateway. Without a port:\n"
"any. REMOTE may be 'any'. What is registered is printed, its id first. Examples:\n"
"  natpunchctl crafted add 192.0.2.1:4000 198.51.100.7:80 --lease 10m\n"
"  natpunchctl crafted add 192.0.2.1:4000-4999 any --lease 1h\n"
"To have it end with a program: natpunchctl crafted run.\n",
	.options = options,
	.run = run_add,
};

const struct verb crafted_del = {
	.name = "del",
	.args = "ID",
	.summary = "end a registration",
	.run = run_del,
};
