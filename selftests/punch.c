// SPDX-License-Identifier: GPL-2.0
/*
 * What it is all for: A and B, behind two gateways, connect to each other. The
 * gateways' input policy is accept, the hardest: an early packet is answered, or
 * leaves an entry. (TCP with skew needs held SYNs; that is another test's.)
 */
#include "lab/behave.h"

static struct seen input_drops(const struct row *row)
{
	gateway_input(GA, "drop");
	gateway_input(GB, "drop");
	return punch_connects(row);
}

static const struct row rows[] = {
	{ .name = "UDP, both at once",
	  .both_homes = true,
	  .measure = punch_connects, .protocol = IPPROTO_UDP,
	  .stock = STOCK_UNTRIED, .families = BOTH },
	{ .name = "UDP, half a second apart",
	  .both_homes = true,
	  .measure = punch_connects, .protocol = IPPROTO_UDP, .arg = 500,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "UDP, ten seconds apart",
	  .both_homes = true,
	  .measure = punch_connects, .protocol = IPPROTO_UDP, .arg = 10000,
	  .stock = STOCK_FAILS },
	{ .name = "UDP, a minute apart, input drops",
	  .both_homes = true,
	  .measure = input_drops, .protocol = IPPROTO_UDP, .arg = 60000 },
	{ .name = "UDP, beside a neighbour on the same port",
	  .both_homes = true,
	  .measure = punch_connects_beside_neighbour, .protocol = IPPROTO_UDP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "UDP, filter apdf at both ends",
	  .both_homes = true,
	  .measure = punch_connects, .protocol = IPPROTO_UDP, .arg = 500,
	  .options = "--filter apdf" },
	{ .name = "TCP, both at once",
	  .both_homes = true,
	  .measure = punch_connects, .protocol = IPPROTO_TCP,
	  .families = BOTH },
	{ .name = "TCP, beside a neighbour on the same port",
	  .both_homes = true,
	  .measure = punch_connects_beside_neighbour, .protocol = IPPROTO_TCP,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "TCP, half a second apart, input drops",
	  .both_homes = true,
	  .measure = input_drops, .protocol = IPPROTO_TCP, .arg = 500,
	  .families = BOTH },
};

ROWS_MAIN(rows)
