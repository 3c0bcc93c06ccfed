// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-11: a NAT is deterministic: neither mapping nor filtering change
 * their kind, at any time, under any conditions; collisions least of all.
 */
#include "lab/behave.h"

/* Ten ports that a neighbour uses too, for one or the other destination. */
static struct seen mapping_survives_collisions(const struct row *row)
{
	unsigned int port, changed = 0;
	struct ep first, next;
	int i;

	(void)row;
	for (port = 5000; port < 5010; port++) {
		external(IPPROTO_UDP, A2, port, server(1 + port % 2, 3478));
		first = external(IPPROTO_UDP, A, port, server(1, 3478));
		for (i = 0; i < 3; i++) {
			next = external(IPPROTO_UDP, A, port,
					server(1 + i % 2, 3478 + i / 2));
			changed += !ep_eq(first, next);
		}
	}
	return seen(!changed, "%u of 30 flows left their mapping", changed);
}

/* A second host on the port is no reason to move the first. */
static struct seen first_comer_keeps_mapping(const struct row *row)
{
	struct ep before, after;

	(void)row;
	before = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	external(IPPROTO_UDP, A2, 5000, server(2, 3478));
	after = external(IPPROTO_UDP, A, 5000, server(2, 3478));
	return seen(ep_eq(before, after), "%s, then %s", ep_str(before),
		    ep_str(after));
}

static struct seen filter_survives_collision(const struct row *row)
{
	external(IPPROTO_UDP, A2, 5000, server(2, 1));
	return filtering_is_as_configured(row);
}

static const struct row rows[] = {
	{ .name = "REQ-11 mapping under collisions",
	  .measure = mapping_survives_collisions, .stock = STOCK_FAILS,
	  .families = BOTH },
	{ .name = "REQ-11 mapping of whoever came first",
	  .measure = first_comer_keeps_mapping, .stock = STOCK_FAILS },
	{ .name = "REQ-11 filtering under collision, eif",
	  .measure = filter_survives_collision, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .arg = FILTER_EIF },
	{ .name = "REQ-11 filtering under collision, adf",
	  .measure = filter_survives_collision, .protocol = IPPROTO_UDP,
	  .options = "--filter adf", .arg = FILTER_ADF },
};

ROWS_MAIN(rows)
