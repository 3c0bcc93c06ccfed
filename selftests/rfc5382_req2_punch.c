// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-2: every valid handshake, simultaneous open included, however far
 * apart the two SYNs are (less than 6 s) and whatever the gateways do with what
 * they did not ask for. The first SYN always comes too early for one side.
 */
#include "lab/behave.h"

#define HOLD "--hold icmp"
#define DELIVER "--hold icmp --release deliver"

static struct seen punch_under(const struct row *row, const char *input)
{
	gateway_input(GA, input);
	gateway_input(GB, input);
	return punch_connects(row);
}

static struct seen input_drops(const struct row *row)
{
	return punch_under(row, "drop");
}

static struct seen input_rejects(const struct row *row)
{
	return punch_under(row, "reject");
}

#define ROW(what, ms, how, opts, stocks) \
	{ .name = "REQ-2 " what, .both_homes = true, .measure = how, \
	  .protocol = IPPROTO_TCP, .arg = ms, .options = opts, \
	  .stock = stocks, .families = BOTH }

static const struct row rows[] = {
	ROW("accept, adf, 50 ms", 50, punch_connects, HOLD, STOCK_FAILS),
	ROW("accept, adf, 5 s", 5000, punch_connects, HOLD, STOCK_FAILS),
	ROW("accept, eif, 50 ms", 50, punch_connects, HOLD " --filter eif",
	    STOCK_UNTRIED),
	ROW("accept, eif, 5 s", 5000, punch_connects, HOLD " --filter eif",
	    STOCK_UNTRIED),
	ROW("accept, apdf, 2 s", 2000, punch_connects, HOLD " --filter apdf",
	    STOCK_UNTRIED),
	ROW("reject, adf, 500 ms", 500, input_rejects, HOLD, STOCK_FAILS),
	ROW("reject, eif, 500 ms", 500, input_rejects, HOLD " --filter eif",
	    STOCK_UNTRIED),
	ROW("reject, apdf, 5 s", 5000, input_rejects, HOLD " --filter apdf",
	    STOCK_UNTRIED),
	ROW("drop, adf, 2 s", 2000, input_drops, HOLD, STOCK_PASSES),
	ROW("accept, adf, 500 ms, delivered", 500, punch_connects, DELIVER,
	    STOCK_UNTRIED),
	ROW("accept, eif, 2 s, delivered", 2000, punch_connects,
	    DELIVER " --filter eif", STOCK_UNTRIED),
	ROW("reject, apdf, 5 s, delivered", 5000, input_rejects,
	    DELIVER " --filter apdf", STOCK_UNTRIED),
};

ROWS_MAIN(rows)
