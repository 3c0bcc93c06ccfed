// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-9: ICMP errors about TCP are translated; REQ-10: they end neither
 * connection nor mapping.
 */
#include "lab/behave.h"

static struct seen error_is_translated(const struct row *row)
{
	int type = lab_family() == AF_INET ? 3 : 1;
	struct ep router = lab_family() == AF_INET ? ep("203.0.113.1", 0)
						   : ep("2001:db8:a::1", 0);
	int outside = sniff_open(NET, "ga"), inside;
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	struct ep before = f.external;
	struct packet sent, error, inner;

	(void)row;
	if (!sniff_find(outside, &sent, is_to, &f.remote, COMES_MS))
		return seen(false, "no connection");
	inside = sniff_open(A, "eth0");
	error = packet_icmp_error(router, &sent, type, 0, 0);
	packet_send(NET, &error);
	if (!sniff_find(inside, &error, is_icmp_error, NULL, SILENCE_MS))
		return seen(false, "the error does not arrive");
	packet_inner(&error, &inner);
	if (!ep_eq(inner.src, f.internal) || !ep_eq(inner.dst, f.remote) ||
	    !ep_same_addr(error.dst, f.internal) || !error.checksum_ok ||
	    !ep_same_addr(error.src, router))
		return seen(false, "%s", packet_str(&error));
	if (!ep_eq(flow_ask(&f), before) || !f.answered)
		return seen(false, "translated, but the connection is gone");
	return seen(ep_eq(external(IPPROTO_TCP, A, 5000, server(2, 80)),
			  before), "%s", packet_str(&error));
}

static const struct row rows[] = {
	{ .name = "REQ-9 translated, REQ-10 nothing ends",
	  .measure = error_is_translated, .stock = STOCK_PASSES,
	  .families = BOTH },
};

ROWS_MAIN(rows)
