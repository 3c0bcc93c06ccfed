// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-1: a NAT MUST have an "Endpoint-Independent Mapping" behaviour for
 * TCP.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-1 one mapping for two destinations",
	  .measure = mapping_is_endpoint_independent, .protocol = IPPROTO_TCP,
	  .stock = STOCK_FAILS, .families = BOTH },
};

ROWS_MAIN(rows)
