// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-3: filtering of TCP is endpoint-independent where transparency matters,
 * address-dependent where strictness does; which of them is the admin's choice.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-3 endpoint-independent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_TCP,
	  .options = "--filter eif", .arg = FILTER_EIF,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-3 address-dependent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_TCP,
	  .options = "--filter adf", .arg = FILTER_ADF,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-3 address-dependent is the default",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_TCP,
	  .arg = FILTER_ADF, .stock = STOCK_FAILS },
	{ .name = "REQ-3 address and port-dependent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_TCP,
	  .options = "--filter apdf", .arg = FILTER_APDF,
	  .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
