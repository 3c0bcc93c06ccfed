// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-2: a NAT with several external addresses pairs each internal
 * address with one of them ("paired" pooling).
 * RFC 7857 section 4: and does so across protocols.
 */
#include <stdio.h>

#include "lab/behave.h"

/*
 * Stock hashes the destination's address into the choice, so it takes a few of
 * them to see it. Nothing needs to answer: NET's port shows what left.
 */
static struct seen one_address_for_udp(const struct row *row)
{
	int wire = sniff_open(NET, "ga");
	struct ep first = { 0 };
	struct packet p;
	char text[32];
	int i;

	(void)row;
	for (i = 0; i < 16; i++) {
		struct ep to;

		snprintf(text, sizeof(text), "192.0.2.%d", 130 + i);
		to = ep(text, 3478);
		udp_send(udp_open(A, host(A, 5000 + i)), to);
		if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
			return seen(false, "nothing left for %s", text);
		if (ep_none(first))
			first = p.src;
		if (!ep_same_addr(first, p.src))
			return seen(false, "%s and %s", ep_addr_str(first),
				    ep_addr_str(p.src));
	}
	return seen(true, "16 destinations, always %s", ep_addr_str(first));
}

static struct seen one_address_for_all_protocols(const struct row *row)
{
	struct ep udp, tcp, icmp;
	enum node n;

	(void)row;
	for (n = A; n <= A2; n++) {
		udp = external(IPPROTO_UDP, n, 5000, server(1, 3478));
		tcp = external(IPPROTO_TCP, n, 5001, server(2, 80));
		icmp = external(IPPROTO_ICMP, n, 5002, server(2, 0));
		if (ep_none(udp) || !ep_same_addr(udp, tcp) ||
		    !ep_same_addr(udp, icmp))
			return seen(false, "UDP %s, TCP %s, ICMP %s",
				    ep_str(udp), ep_str(tcp), ep_str(icmp));
	}
	return seen(true, "always the same");
}

/* The first free port does not matter: the address does. */
static struct seen one_address_under_collision(const struct row *row)
{
	struct ep first, next;
	unsigned int port;

	(void)row;
	first = external(IPPROTO_UDP, A, 4999, server(1, 3478));
	for (port = 5000; port < 5016; port++) {
		external(IPPROTO_UDP, A2, port, server(1, 3478));
		next = external(IPPROTO_UDP, A, port, server(1, 3478));
		if (ep_none(next) || !ep_same_addr(first, next))
			return seen(false, "%s, then %s", ep_str(first),
				    ep_str(next));
	}
	return seen(true, "always %s", ep_addr_str(first));
}

#define TWO_ADDRESSES "--address 203.0.113.2 --address " SECOND_WAN_ADDRESS

static const struct row rows[] = {
	{ .name = "REQ-2 one external address, whatever the destination",
	  .measure = one_address_for_udp, .options = TWO_ADDRESSES,
	  .masquerade = "ip saddr 10.1.0.0/24 snat ip to 203.0.113.2-"
			SECOND_WAN_ADDRESS,
	  .stock = STOCK_FAILS },
	{ .name = "REQ-2 one external address, even if ports collide",
	  .measure = one_address_under_collision, .options = TWO_ADDRESSES },
	{ .name = "RFC 7857 section 4, one address for all protocols",
	  .measure = one_address_for_all_protocols, .options = TWO_ADDRESSES },
};

ROWS_MAIN(rows)
