// SPDX-License-Identifier: GPL-2.0
/* natpunchctl reserve show */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define TRIES	5

struct reservations {
	struct natpunch_reservation *reservation;
	size_t n;
};

static int take_reservation(const struct natpunch_reservation *r, void *data)
{
	struct reservations *all = data;

	all->reservation = more(all->reservation, all->n, sizeof(*r));
	all->reservation[all->n++] = *r;
	return 0;
}

/*
 * A reservation need not name an external address; its mapping knows the one in
 * use, if the WAN has one at present.
 */
void resolve_reservation(struct ctl *ctl, struct natpunch_reservation *r)
{
	struct natpunch_mapping m = {
		.fields = NATPUNCH_HAS(MAPPING_WAN) |
			  NATPUNCH_HAS(MAPPING_L4PROTO) |
			  NATPUNCH_HAS(MAPPING_INT_ADDR) |
			  NATPUNCH_HAS(MAPPING_INT_PORT),
		.l4proto = r->l4proto,
		.int_addr = r->int_addr,
		.int_port = r->int_port,
	};

	if (r->ext_addr.family)
		return;
	memcpy(m.wan, r->wan, sizeof(m.wan));
	if (!natpunch_mapping_get(ctl->np, &m, &m))
		r->ext_addr = m.ext_addr;
}

/* A list that changed while it was read is read again. */
static int read_reservations(struct ctl *ctl, struct reservations *all)
{
	int tries, err = -EINTR;

	for (tries = 0; tries < TRIES && err == -EINTR; tries++) {
		all->n = 0;
		free(all->reservation);
		all->reservation = NULL;
		err = natpunch_reservation_dump(ctl->np, take_reservation, all);
	}
	return err;
}

static void add_row(struct table *t, const struct natpunch_reservation *r)
{
	char proto[PROTO_SIZE], in[ENDPOINT_SIZE], out[ENDPOINT_SIZE];
	char left[DURATION_SIZE];

	table_cell(t, "%s", format_proto(proto, r->l4proto));
	table_cell(t, "%s", format_endpoint(in, &r->int_addr, r->int_port));
	table_cell(t, "%s", format_endpoint(out, &r->ext_addr, r->ext_port));
	table_cell(t, "%s", r->wan);
	table_cell(t, "%s", format_filter(r->filter));
	table_cell(t, "%s", r->fields & NATPUNCH_HAS(RESERVATION_LIFETIME) ?
				format_duration(left, r->lifetime) :
				"for good");
}

static void print_table(const struct ctl *ctl, const struct reservations *all)
{
	static const struct column columns[] = {
		{ .head = "PROTO" },
		{ .head = "INTERNAL", .paint = PAINT_IN },
		{ .head = "EXTERNAL", .paint = PAINT_OUT },
		{ .head = "WAN" },
		{ .head = "FILTER" },
		{ .head = "LEFT", .right = true },
	};
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < all->n; i++)
		add_row(&t, &all->reservation[i]);
	table_end(&t, ctl);
}

static void print_json(const struct ctl *ctl, const struct reservations *all)
{
	size_t i;

	json_list_begin();
	for (i = 0; i < all->n; i++)
		json_list_item(ctl, json_reservation(&all->reservation[i]), !i);
	json_list_end();
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct reservations all = { .n = 0 };
	size_t i;
	int err;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = read_reservations(ctl, &all);
	if (err && err != -EINTR)
		fail_kernel(ctl, err);
	for (i = 0; i < all.n; i++)
		resolve_reservation(ctl, &all.reservation[i]);
	if (ctl->json)
		print_json(ctl, &all);
	else if (all.n)
		print_table(ctl, &all);
	else
		puts("no reservations");
	free(all.reservation);
	if (err)
		warn("reservations changed meanwhile, some may be missing");
	return 0;
}

const struct verb reserve_show = {
	.name = "show",
	.args = "",
	.summary = "show reservations and the time that is left of them",
	.notes =
"External address '*': the WAN has none at present.\n",
	.run = run,
};
