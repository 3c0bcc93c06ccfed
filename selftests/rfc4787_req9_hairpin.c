// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-9: hairpinning; REQ-9a: with the external source endpoint. No rule
 * of the admin's helps.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-9 a neighbour's external endpoint answers",
	  .measure = hairpin_shows_external_source, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-9 two neighbours send to each other, filter adf",
	  .measure = hairpin_both_ways, .options = "--filter adf",
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-9 two neighbours send to each other, filter apdf",
	  .measure = hairpin_both_ways, .options = "--filter apdf",
	  .stock = STOCK_FAILS },
};

ROWS_MAIN(rows)
