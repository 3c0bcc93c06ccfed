// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-7: internal and external address space may collide. What a NAT module
 * can do about it is to keep apart what its interfaces tell apart: the WAN itself
 * may have a private address, of a prefix that counts as internal, as it has below
 * another NAT. (The same *subnet* on both sides takes routing tables and conntrack
 * zones, which are the admin's.)
 */
#include "lab/behave.h"

/* The WAN is 10.9.0.2, its neighbours are 10.9.0.1 and, beyond, the server. */
static void private_wan(void)
{
	must(NET, "ip addr add 10.9.0.1/24 dev ga");
	must(GA, "ip addr flush dev wan scope global;"
	     "ip addr add 10.9.0.2/24 dev wan;"
	     "ip route replace default via 10.9.0.1");
	sleep_s(3);
}

static void public_wan(void)
{
	must(NET, "ip addr del 10.9.0.1/24 dev ga");
	must(GA, "ip addr flush dev wan scope global;"
	     "ip addr add 203.0.113.2/24 dev wan;"
	     "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan;"
	     "ip addr add 2001:db8:a::2/64 dev wan nodad;"
	     "ip route replace default via 203.0.113.1;"
	     "ip route replace default via 2001:db8:a::1");
}

static struct seen below_another_nat(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), r, up;
	struct ep upstream = ep("10.9.0.1", 3478), from, own;
	struct seen s;

	(void)row;
	private_wan();
	up = udp_open(NET, upstream);
	r = udp_open(GA, ep("10.9.0.2", 7000));
	udp_deliver(a, upstream, up, &from);
	udp_deliver(r, upstream, up, &own);
	s = seen(ep_eq(from, ep("10.9.0.2", 5000)) &&
		 ep_eq(own, ep("10.9.0.2", 7000)) &&
		 udp_deliver(up, from, a, NULL),
		 "A is seen as %s, the router as %s", ep_str(from),
		 ep_str(own));
	public_wan();
	return s;
}

/* Somebody upstream has an address that counts as internal, and calls A. */
static struct seen private_caller_keeps_address(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), up, up2;
	struct ep mapped, from;

	(void)row;
	private_wan();
	up = udp_open(NET, ep("10.9.0.1", 3478));
	up2 = udp_open(NET, ep("10.9.0.1", 4000));
	udp_deliver(a, ep("10.9.0.1", 3478), up, &mapped);
	udp_deliver(up2, mapped, a, &from);
	public_wan();
	return seen(ep_eq(from, ep("10.9.0.1", 4000)), "A hears %s",
		    ep_str(from));
}

static const struct row rows[] = {
	{ .name = "REQ-7 a WAN with an address of the internal kind",
	  .measure = below_another_nat },
	{ .name = "REQ-7 a caller with an address of the internal kind",
	  .measure = private_caller_keeps_address,
	  .options = "--filter eif" },
};

ROWS_MAIN(rows)
