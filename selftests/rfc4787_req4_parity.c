// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-4: port parity is preserved: even stays even, odd stays odd.
 */
#include "lab/behave.h"

static const struct row rows[] = {
	{ .name = "REQ-4 a changed port keeps its parity",
	  .measure = port_parity_is_kept, .protocol = IPPROTO_UDP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-4 the same for TCP",
	  .measure = port_parity_is_kept, .protocol = IPPROTO_TCP,
	  .stock = STOCK_FAILS },
};

ROWS_MAIN(rows)
