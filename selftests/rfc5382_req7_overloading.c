// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-7: a NAT MUST NOT overload ports for TCP.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-7 two hosts on one port get two",
	  .measure = ports_are_not_overloaded, .protocol = IPPROTO_TCP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-7 a free port is preserved",
	  .measure = port_is_preserved, .protocol = IPPROTO_TCP,
	  .stock = STOCK_PASSES },
};

ROWS_MAIN(rows)
