// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508 REQ-8: when a NAT is out of resources it tells the sender: ICMP 3/13
 * (IPv6: 1/1).
 */
#include <errno.h>

#include "lab/behave.h"

static struct seen tcp_is_told(const struct row *row)
{
	struct flow f;
	int i, a, error;

	(void)row;
	for (i = 0; i < 4; i++) {
		f = flow_open(IPPROTO_TCP, A, 5000 + i, server(1, 80));
		if (!f.answered)
			return seen(false, "only %d of 4 ports work", i);
	}
	a = stream_open(IPPROTO_TCP, A, host(A, 5004));
	stream_connect(a, server(1, 80));
	error = stream_connected(a, SILENCE_MS);
	return seen(error == EHOSTUNREACH || error == EACCES,
		    "the fifth gets error %d", error);
}

/* What is full for one host is not full for the flows that it has. */
static struct seen others_go_on(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A2, 6000, server(1, 3478));
	struct ep before = f.external, next;
	int i;

	(void)row;
	for (i = 0; i < 10; i++)
		udp_send(udp_open(A, host(A, 5000 + i)), server(1, 3478));
	sleep_ms(200);
	flow_ask(&f);
	next = external(IPPROTO_UDP, A2, 6000, server(2, 3478));
	return seen(f.answered && ep_eq(f.external, before) &&
		    ep_eq(next, before), "%s before, %s after, %s elsewhere",
		    ep_str(before), ep_str(f.external), ep_str(next));
}

static const struct row rows[] = {
	{ .name = "REQ-8 UDP is told",
	  .measure = exhaustion_is_told, .options = FOUR_PORTS_NATPUNCH,
	  .masquerade = FOUR_PORTS_MASQUERADE, .stock = STOCK_FAILS,
	  .families = BOTH },
	{ .name = "REQ-8 TCP is told",
	  .measure = tcp_is_told, .options = FOUR_PORTS_NATPUNCH,
	  .masquerade = FOUR_PORTS_MASQUERADE, .stock = STOCK_FAILS },
	{ .name = "REQ-8 flows that exist go on",
	  .measure = others_go_on, .options = FOUR_PORTS_NATPUNCH,
	  .families = BOTH },
};

ROWS_MAIN(rows)
