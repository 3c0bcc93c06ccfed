// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-8: filtering is endpoint-independent where transparency matters,
 * address-dependent where strictness does; which of them is the admin's choice.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-8 endpoint-independent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .arg = FILTER_EIF,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-8 address-dependent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_UDP,
	  .options = "--filter adf", .arg = FILTER_ADF,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-8 address-dependent is the default",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_UDP,
	  .arg = FILTER_ADF, .stock = STOCK_FAILS },
	{ .name = "REQ-8 address and port-dependent filtering",
	  .measure = filtering_is_as_configured, .protocol = IPPROTO_UDP,
	  .options = "--filter apdf", .arg = FILTER_APDF,
	  .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
