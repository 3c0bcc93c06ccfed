// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-3: a NAT MUST NOT overload ports.
 * REQ-3a: a port in 0-1023 should be mapped into 0-1023, and one above to one
 * above.
 */
#include "lab/behave.h"

static struct seen well_known_stays(const struct row *row)
{
	struct ep a2 = external(IPPROTO_UDP, A2, 500, server(1, 3478));
	struct ep a = external(IPPROTO_UDP, A, 500, server(1, 3478));
	bool ok = !ep_none(a) && !ep_none(a2) && !ep_eq(a, a2) &&
		  ep_port(a) < 1024 && ep_port(a2) < 1024;

	(void)row;
	return seen(ok, "two hosts on 500: %u, %u", ep_port(a2), ep_port(a));
}

static struct seen high_stays_high(const struct row *row)
{
	unsigned int port, low = 0;
	struct ep e;

	(void)row;
	for (port = 5000; port < 5016; port++) {
		external(IPPROTO_UDP, A2, port, server(1, 3478));
		e = external(IPPROTO_UDP, A, port, server(1, 3478));
		low += ep_port(e) < 1024;
	}
	return seen(!low, "%u of 16 ports below 1024", low);
}

static const struct row rows[] = {
	{ .name = "REQ-3 two hosts on one port get two",
	  .measure = ports_are_not_overloaded, .protocol = IPPROTO_UDP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-3 a free port is preserved",
	  .measure = port_is_preserved, .protocol = IPPROTO_UDP,
	  .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-3a 0-1023 stays in 0-1023",
	  .measure = well_known_stays, .stock = STOCK_PASSES },
	{ .name = "REQ-3a 1024 and above stays above",
	  .measure = high_stays_high, .stock = STOCK_PASSES },
};

ROWS_MAIN(rows)
