// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-8: hairpinning for TCP, with the external source endpoint.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-8 connect to a neighbour's external endpoint",
	  .measure = hairpin_shows_external_source, .protocol = IPPROTO_TCP,
	  .options = "--filter eif", .stock = STOCK_FAILS, .families = BOTH },
};

ROWS_MAIN(rows)
