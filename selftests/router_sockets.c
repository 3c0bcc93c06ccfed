// SPDX-License-Identifier: GPL-2.0
/*
 * The router's own sockets and flows: never translated, never hijacked, and no
 * mapping takes a port that one of them has.
 */
#include <errno.h>

#include "lab/behave.h"

/* A wildcard address of the current family. */
static struct ep any(unsigned int port)
{
	return lab_family() == AF_INET ? ep("0.0.0.0", port) : ep("::", port);
}

/* row->arg 1: the socket is bound to no address in particular. */
static struct seen udp_socket_keeps_port(const struct row *row)
{
	int r = udp_open_alone(GA, row->arg ? any(5000) : wan(GA, 5000));
	int s2 = udp_open(SERVER, server(2, 3478));
	struct ep mapped = external(IPPROTO_UDP, A, 5000, server(1, 3478));

	if (ep_none(mapped) || ep_port(mapped) == 5000)
		return seen(false, "A gets %s", ep_str(mapped));
	return seen(udp_deliver(s2, wan(GA, 5000), r, NULL),
		    "A gets %s; does the router hear?", ep_str(mapped));
}

static struct seen tcp_listener_keeps_port(const struct row *row)
{
	int r = stream_listen(IPPROTO_TCP, GA,
			      row->arg ? any(5000) : wan(GA, 5000));
	struct ep mapped = external(IPPROTO_TCP, A, 5000, server(1, 80));
	int c = stream_open(IPPROTO_TCP, SERVER, server(2, 4000));

	if (ep_none(mapped) || ep_port(mapped) == 5000)
		return seen(false, "A gets %s", ep_str(mapped));
	stream_connect(c, wan(GA, 5000));
	return seen(!stream_connected(c, SILENCE_MS) &&
		    stream_accept(r, NULL, SILENCE_MS) >= 0,
		    "A gets %s; is the router called?", ep_str(mapped));
}

/* The mapping was there first, and lets everybody in. */
static struct seen later_udp_socket_hears(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), r;
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	struct ep mapped;
	unsigned long n;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &mapped);
	r = udp_open_alone(GA, mapped);
	if (r < 0)
		return seen(false, "the router can not bind");
	n = udp_send(s2, mapped);
	if (!udp_wait(r, n, NULL, SILENCE_MS))
		return seen(false, "the router does not hear");
	return seen(udp_deliver(s, mapped, a, NULL),
		    "the router hears; does A's own flow go on?");
}

static struct seen later_tcp_listener_is_called(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	int l = stream_listen(IPPROTO_TCP, A, host(A, 5000));
	int r = stream_listen(IPPROTO_TCP, GA, f.external);
	int c = stream_open(IPPROTO_TCP, SERVER, server(2, 4000));

	(void)row;
	stream_connect(c, f.external);
	if (stream_connected(c, SILENCE_MS))
		return seen(false, "no connection");
	if (stream_accept(l, NULL, 200) >= 0)
		return seen(false, "A is called");
	return seen(stream_accept(r, NULL, SILENCE_MS) >= 0,
		    "is the router called?");
}

static struct seen own_udp_is_not_translated(const struct row *row)
{
	int r = udp_open(GA, wan(GA, 7000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep from;

	(void)row;
	/* Somebody else has had that port as an internal one. */
	external(IPPROTO_UDP, A, 7000, server(1, 3478));
	udp_deliver(r, server(1, 3478), s, &from);
	return seen(ep_eq(from, wan(GA, 7000)) &&
		    udp_deliver(s, from, r, NULL), "seen as %s", ep_str(from));
}

static struct seen own_tcp_is_not_translated(const struct row *row)
{
	int l = stream_listen(IPPROTO_TCP, SERVER, server(1, 80));
	int r = stream_open(IPPROTO_TCP, GA, wan(GA, 7000)), got;
	struct ep from;

	(void)row;
	stream_connect(r, server(1, 80));
	if (stream_connected(r, SILENCE_MS))
		return seen(false, "no connection");
	got = stream_accept(l, &from, SILENCE_MS);
	return seen(ep_eq(from, wan(GA, 7000)) && stream_deliver(got, r) &&
		    stream_deliver(r, got), "seen as %s", ep_str(from));
}

/* A socket of the router that is bound to the LAN address, an internal one. */
static struct seen own_lan_address_is_not_translated(const struct row *row)
{
	int r = udp_open(GA, host(GA, 7000));
	int wire = sniff_open(NET, "ga");
	struct ep to = server(1, 3478);
	struct packet p;

	(void)row;
	udp_send(r, to);
	if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
		return seen(false, "nothing leaves");
	return seen(ep_eq(p.src, host(GA, 7000)), "leaves as %s",
		    ep_str(p.src));
}

static struct seen router_answers_ping(const struct row *row)
{
	int s = ping_open(SERVER, server(1, 5000));
	unsigned int seq;

	(void)row;
	external(IPPROTO_ICMP, A, 5001, server(1, 0));
	seq = ping_send(s, wan(GA, 0));
	return seen(seq && ping_wait(s, seq, SILENCE_MS),
		    "a ping from outside");
}

/* What the filter denies meets the router's own rules: here, none. */
static struct seen denied_syn_is_refused(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	int c = stream_open(IPPROTO_TCP, SERVER, server(2, 4000));
	int error;

	(void)row;
	stream_connect(c, f.external);
	error = stream_connected(c, SILENCE_MS);
	return seen(error == ECONNREFUSED, "error %d", error);
}

#define EIF .options = "--filter eif"

static const struct row rows[] = {
	{ .name = "a UDP socket on the WAN address keeps its port",
	  .measure = udp_socket_keeps_port, EIF, .families = BOTH },
	{ .name = "a UDP socket on any address keeps its port",
	  .measure = udp_socket_keeps_port, .arg = 1, EIF, .families = BOTH },
	{ .name = "a TCP listener on the WAN address keeps its port",
	  .measure = tcp_listener_keeps_port, EIF, .families = BOTH },
	{ .name = "a TCP listener on any address keeps its port",
	  .measure = tcp_listener_keeps_port, .arg = 1, EIF,
	  .families = BOTH },
	{ .name = "a UDP socket that comes after the mapping hears",
	  .measure = later_udp_socket_hears, EIF, .families = BOTH },
	{ .name = "a TCP listener that comes after the mapping is called",
	  .measure = later_tcp_listener_is_called, EIF, .families = BOTH },
	{ .name = "the router's own UDP leaves as it is",
	  .measure = own_udp_is_not_translated, EIF, .families = BOTH },
	{ .name = "the router's own TCP leaves as it is",
	  .measure = own_tcp_is_not_translated, EIF, .families = BOTH },
	{ .name = "even from an internal address",
	  .measure = own_lan_address_is_not_translated, EIF,
	  .families = BOTH },
	{ .name = "the router answers pings",
	  .measure = router_answers_ping, EIF, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "a SYN that the filter denies, without hold, is the router's to refuse",
	  .measure = denied_syn_is_refused, .options = "--filter adf --hold off",
	  .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
