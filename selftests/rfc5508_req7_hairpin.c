// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508 REQ-7: hairpinned ICMP errors are translated: the host that asked sees
 * its own packet quoted, and the neighbour by its external endpoint.
 */
#include <errno.h>

#include "lab/behave.h"

static struct seen hairpinned_error(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), a2 = udp_open(A2, host(A2, 6000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep ext_a, ext_a2;
	struct sock_error e;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &ext_a);
	udp_deliver(a2, server(1, 3478), s, &ext_a2);
	sock_close(a2);
	udp_send(a, ext_a2);
	if (!sock_error_wait(a, &e, SILENCE_MS))
		return seen(false, "silence");
	return seen(e.error == ECONNREFUSED && ep_eq(e.about, ext_a2) &&
		    ep_same_addr(e.offender, ext_a2), "about %s, from %s",
		    ep_str(e.about), ep_addr_str(e.offender));
}

/* The error must come from A2, not from the gateway: A2's wire knows. */
static struct seen error_is_the_neighbours(const struct row *row)
{
	int wire = sniff_open(A2, "eth0");
	struct seen s = hairpinned_error(row);
	struct packet p, inner;

	if (!s.ok)
		return s;
	if (!sniff_find(wire, &p, is_icmp_error, NULL, SILENCE_MS))
		return seen(false, "A2 was not asked");
	packet_inner(&p, &inner);
	return seen(ep_same_addr(inner.src, wan(GA, 0)) &&
		    ep_eq(inner.dst, host(A2, 6000)), "%s; A2 sent %s", s.text,
		    packet_str(&p));
}

static const struct row rows[] = {
	{ .name = "REQ-7 a neighbour's error comes back",
	  .measure = error_is_the_neighbours, .options = "--filter eif",
	  .stock = STOCK_FAILS, .families = BOTH },
};

ROWS_MAIN(rows)
