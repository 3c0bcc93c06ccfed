// SPDX-License-Identifier: GPL-2.0
/*
 * The unwritten requirement that decides punches: a packet from the peer that
 * reaches our NAT before ours has left does not change our mapping. Under stock
 * Linux its conntrack entry sits on our mapping's port.
 */
#include "lab/behave.h"

/* Repeats, and other peers', change nothing either. */
static struct seen many_early_packets(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	int peer = udp_open(SERVER, server(2, 3478));
	struct ep before, after;
	int i;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &before);
	for (i = 0; i < 10; i++) {
		udp_send(peer, before);
		udp_send(udp_open(SERVER, server(2, 4000 + i)), before);
	}
	sleep_ms(200);
	udp_deliver(a, server(2, 3478), peer, &after);
	return seen(ep_eq(before, after) && udp_deliver(peer, before, a, NULL),
		    "%s before, %s after", ep_str(before), ep_str(after));
}

static const struct row rows[] = {
	{ .name = "inbound first, filter adf",
	  .measure = inbound_first_keeps_mapping, .options = "--filter adf",
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "inbound first, filter apdf",
	  .measure = inbound_first_keeps_mapping, .options = "--filter apdf",
	  .families = BOTH },
	{ .name = "inbound first, filter eif",
	  .measure = inbound_first_keeps_mapping, .options = "--filter eif",
	  .families = BOTH },
	{ .name = "many inbound packets first",
	  .measure = many_early_packets, .stock = STOCK_FAILS },
};

ROWS_MAIN(rows)
