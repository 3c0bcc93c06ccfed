// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508 REQ-1: ICMP queries pass, and their identifier's mapping is
 * endpoint-independent.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-1 one identifier for two destinations",
	  .measure = mapping_is_endpoint_independent, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-1 two hosts, one identifier: they get two",
	  .measure = ports_are_not_overloaded, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-1 a free identifier is preserved",
	  .measure = port_is_preserved, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
