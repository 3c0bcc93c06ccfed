// SPDX-License-Identifier: GPL-2.0
/*
 * SCTP, whose ports the kernel's NAT knows as it knows UDP's.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "one mapping for two destinations",
	  .measure = mapping_is_endpoint_independent,
	  .protocol = IPPROTO_SCTP, .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "two hosts on one port get two",
	  .measure = ports_are_not_overloaded, .protocol = IPPROTO_SCTP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "hairpinning", .measure = hairpin_shows_external_source,
	  .protocol = IPPROTO_SCTP, .options = "--filter eif",
	  .stock = STOCK_FAILS },
};

ROWS_MAIN(rows)
