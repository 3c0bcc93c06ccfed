// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508 REQ-9, 10: the gateway generates errors of its own, and passes those of
 * others: each step of a traceroute is seen.
 */
#include "lab/behave.h"

/* row->arg hops away somebody says "time exceeded". */
static struct seen step_of_traceroute(const struct row *row)
{
	bool v4 = lab_family() == AF_INET;
	int ttl = row->arg, a = udp_open(A, host(A, 5000));
	struct ep expect = host(GA, 0);
	struct sock_error e;

	if (ttl == 2)
		expect = v4 ? ep("203.0.113.1", 0) : ep("2001:db8:a::1", 0);
	setsockopt(a, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		   v4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl, sizeof(ttl));
	udp_send(a, server(1, 33434));
	if (!sock_error_wait(a, &e, SILENCE_MS))
		return seen(false, "silence");
	return seen(e.type == (v4 ? 11 : 3) && ep_eq(e.offender, expect) &&
		    ep_eq(e.about, server(1, 33434)), "ICMP %d from %s",
		    e.type, ep_addr_str(e.offender));
}

static const struct row rows[] = {
	{ .name = "REQ-9 the gateway itself",
	  .measure = step_of_traceroute, .arg = 1, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "REQ-10 a router beyond it",
	  .measure = step_of_traceroute, .arg = 2, .stock = STOCK_PASSES,
	  .families = BOTH },
};

ROWS_MAIN(rows)
