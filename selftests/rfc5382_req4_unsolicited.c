// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-4: an unsolicited SYN gets no answer for at least 6 s, and then
 * what the WAN is set to give. What is not a SYN is not held, and a socket of
 * the router, or one that the admin redirects to, is asked as ever.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/behave.h"

#define HELD_MS 6000UL

enum answer { NOTHING, ICMP, RST };

/* An ICMP error has no port of its own, but nothing else makes one here. */
static bool is_answer(const struct packet *p, const void *peer)
{
	return !p->outgoing && ((is_to(p, peer) && is_tcp_rst(p, NULL)) ||
				is_icmp_error(p, NULL));
}

static struct seen ask_from(enum node node, const char *dev, struct ep peer,
			    struct ep to, unsigned int flags, enum answer want,
			    unsigned long at_least)
{
	struct packet p = packet_tcp(peer, to, flags, 1000,
				     flags & TCP_ACK ? 2000 : 0);
	int sniffer = sniff_open(node, dev);
	unsigned long start = now_ms(), took;
	struct packet answer;
	enum answer got = NOTHING;

	packet_send(node, &p);
	if (sniff_find(sniffer, &answer, is_answer, &peer, 20000))
		got = is_tcp_rst(&answer, NULL) ? RST : ICMP;
	took = now_ms() - start;
	if (got == NOTHING)
		return seen(want == NOTHING, "silence");
	return seen(got == want && took >= at_least && took < at_least + 2000,
		    "%s after %lu ms", got == RST ? "RST" : "ICMP", took);
}

static struct seen ask(struct ep to, unsigned int flags, enum answer want,
		       unsigned long at_least)
{
	return ask_from(SERVER, "eth0", server(1, 4000), to, flags, want,
			at_least);
}

static struct seen unmapped(const struct row *row)
{
	return ask(wan(GA, 7777), TCP_SYN, row->arg, HELD_MS);
}

static struct seen mapped_but_filtered(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, 5000, server(2, 80));

	return ask(ext, TCP_SYN, row->arg, HELD_MS);
}

/* A peer on the link itself: there is no way to it but by its device. */
static struct seen link_local(const struct row *row)
{
	char addr[64];

	must(NET, "ip -6 -o address show dev ga scope link");
	if (sscanf(run_output(), "%*s %*s inet6 %63[0-9a-f:]", addr) != 1)
		ktap_bail("no link-local address: %s", run_output());
	return ask_from(NET, "ga", ep(addr, 4000), wan(GA, 7777), TCP_SYN,
			row->arg, HELD_MS);
}

static struct seen other_segments(const struct row *row)
{
	return ask(wan(GA, 7777), row->arg, RST, 0);
}

static struct seen a_socket_of_the_router(const struct row *row)
{
	int listener = stream_listen(IPPROTO_TCP, GA, wan(GA, 8080));
	int peer = stream_open(IPPROTO_TCP, SERVER, server(1, 4000));
	int error;

	(void)row;
	if (listener < 0)
		return seen(false, "no listener");
	error = stream_connect(peer, wan(GA, 8080));
	if (!error)
		error = stream_connected(peer, 5000);
	return seen(!error, "%s", error ? "refused" : "connected");
}

/* One that listens at another port, which the admin redirects to. */
static struct seen the_admins_tproxy(const struct row *row)
{
	int listener = stream_listen(IPPROTO_TCP, GA, wan(GA, 8081));
	int peer = stream_open(IPPROTO_TCP, SERVER, server(1, 4000));
	bool v6 = server(1, 0).sa.sa_family == AF_INET6;
	int on = 1, error;

	(void)row;
	if (setsockopt(listener, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on,
		       sizeof(on)))
		ktap_bail("the listener cannot be transparent");
	nft(GA, "table inet t {\n"
	    "	chain pre {\n"
	    "		type filter hook prerouting priority mangle;\n"
	    "		tcp dport 7777 tproxy to :8081 accept\n"
	    "	}\n"
	    "}\n");
	error = stream_connect(peer, wan(GA, 7777));
	if (!error)
		error = stream_connected(peer, 5000);
	nft(GA, "delete table inet t\n");
	return seen(!error, "%s", error ? "refused" : "connected");
}

static bool is_rst_to(const struct packet *p, const void *peer)
{
	return !p->outgoing && is_to(p, peer) && is_tcp_rst(p, NULL);
}

/* A copy of its SYN is kept, but the connection is one: its RST gets out. */
static struct seen a_connection_is_reset(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, 5000, server(2, 80));
	int listener = stream_listen(IPPROTO_TCP, A, host(A, 5000));
	struct ep from = server(1, 4000);
	int peer = stream_open(IPPROTO_TCP, SERVER, from), got, error;
	int sniffer = sniff_open(SERVER, "eth0");
	struct packet p;

	(void)row;
	error = stream_connect(peer, ext);
	if (!error)
		error = stream_connected(peer, 1000);
	got = stream_accept(listener, NULL, 1000);
	if (error || got < 0 || !stream_deliver(peer, got))
		return seen(false, "not connected: %s", strerror(error));
	stream_abort(got);
	return seen(sniff_find(sniffer, &p, is_rst_to, &from, 1000),
		    "does its RST get out?");
}

/* The router's own, too; its SYN is not even looked at. */
static struct seen the_routers_is_reset(const struct row *row)
{
	int listener = stream_listen(IPPROTO_TCP, GA, wan(GA, 8080));
	struct ep from = server(1, 4000);
	int peer = stream_open(IPPROTO_TCP, SERVER, from), got;
	int sniffer = sniff_open(SERVER, "eth0");
	struct packet p = packet_tcp(server(2, 4000), wan(GA, 7777), TCP_SYN,
				     1, 0);

	(void)row;
	packet_send(SERVER, &p);
	stream_connect(peer, wan(GA, 8080));
	got = stream_accept(listener, NULL, 1000);
	if (got < 0 || stream_connected(peer, 1000))
		return seen(false, "not connected");
	stream_abort(got);
	return seen(sniff_find(sniffer, &p, is_rst_to, &from, 1000),
		    "does its RST get out?");
}

/*
 * The peer answers the SYN that releases its own before that has been delivered:
 * it is on this machine. The SYN comes too late, and must not be refused.
 */
static struct seen delivered_too_late(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, 5000, server(2, 80));
	struct ep from = server(1, 4000);
	int peer = stream_open(IPPROTO_TCP, SERVER, from), a, error, sniffer;
	struct packet p;
	bool reset;

	(void)row;
	lab_delay(0);
	error = stream_connect(peer, ext);
	sleep_ms(300);
	sniffer = sniff_open(SERVER, "eth0");
	a = stream_open(IPPROTO_TCP, A, host(A, 5000));
	if (!error)
		error = stream_connect(a, from);
	if (!error)
		error = stream_connected(a, COMES_MS);
	if (!error)
		error = stream_connected(peer, COMES_MS);
	reset = sniff_find(sniffer, &p, is_rst_to, &from, 500);
	lab_delay(20);
	if (error)
		return seen(false, "%s", strerror(error));
	if (reset)
		return seen(false, "RST, sequence number %u", p.seq);
	return seen(stream_deliver(a, peer) && stream_deliver(peer, a),
		    "connected");
}

static void inside_rejects(const char *how)
{
	nft(A, "table inet t {\n"
	    "	chain in {\n"
	    "		type filter hook input priority filter;\n"
	    "		tcp dport 5000 ct state new reject %s\n"
	    "	}\n"
	    "}\n", how);
}

/* The inside host refuses what is admitted, by its kernel or its firewall. */
static struct seen refused_inside(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, 5000, server(2, 80));
	struct seen s;

	if (row->protocol)
		inside_rejects(row->protocol == IPPROTO_ICMP ? "" :
			       "with tcp reset");
	s = ask(ext, TCP_SYN, row->arg, HELD_MS);
	nft(A, "flush ruleset\n");
	return s;
}

/* And then begins itself. */
static struct seen refused_inside_first(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, 5000, server(2, 80));
	struct ep from = server(1, 4000);
	int peer = stream_open(IPPROTO_TCP, SERVER, from), a, error;

	(void)row;
	inside_rejects("");
	error = stream_connect(peer, ext);
	sleep_ms(700);
	a = stream_open(IPPROTO_TCP, A, host(A, 5000));
	if (!error)
		error = stream_connect(a, from);
	if (!error)
		error = stream_connected(a, COMES_MS);
	if (!error)
		error = stream_connected(peer, COMES_MS);
	/* Nor is there an answer to come. */
	sleep_s(8);
	nft(A, "flush ruleset\n");
	if (error)
		return seen(false, "%s", strerror(error));
	return seen(stream_deliver(a, peer) && stream_deliver(peer, a),
		    "connected");
}

static const struct row rows[] = {
	{ .name = "REQ-4 ICMP port unreachable after 6 s",
	  .measure = unmapped, .arg = ICMP, .options = "--hold icmp",
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-4a RST after 6 s",
	  .measure = unmapped, .arg = RST, .options = "--hold rst",
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-4a silence",
	  .measure = unmapped, .arg = NOTHING, .options = "--hold silence",
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-4 on a mapped port that does not admit it",
	  .measure = mapped_but_filtered, .arg = ICMP,
	  .options = "--hold icmp --filter apdf", .families = BOTH },
	{ .name = "REQ-4 to a link-local peer",
	  .measure = link_local, .arg = ICMP, .options = "--hold icmp",
	  .families = IPV6 },
	{ .name = "an ACK out of nothing is not held",
	  .measure = other_segments, .arg = TCP_ACK,
	  .options = "--hold icmp", .stock = STOCK_PASSES },
	{ .name = "a SYN/ACK out of nothing is not held",
	  .measure = other_segments, .arg = TCP_SYN | TCP_ACK,
	  .options = "--hold icmp", .stock = STOCK_PASSES },
	{ .name = "on a mapped port that admits it and nobody listens",
	  .measure = refused_inside, .arg = ICMP,
	  .options = "--hold icmp --filter eif", .families = BOTH },
	{ .name = "where the inside host's firewall sends RST",
	  .measure = refused_inside, .arg = RST, .protocol = IPPROTO_TCP,
	  .options = "--hold rst --filter eif", .families = BOTH },
	{ .name = "where the inside host's firewall sends ICMP",
	  .measure = refused_inside, .arg = ICMP, .protocol = IPPROTO_ICMP,
	  .options = "--hold icmp --filter eif", .families = BOTH },
	{ .name = "which then begins itself, drop",
	  .measure = refused_inside_first,
	  .options = "--filter eif --release drop", .families = BOTH },
	{ .name = "which then begins itself, deliver",
	  .measure = refused_inside_first,
	  .options = "--filter eif --release deliver", .families = BOTH },
	{ .name = "a delivered SYN that its peer has overtaken is forgotten",
	  .measure = delivered_too_late,
	  .options = "--filter apdf --release deliver", .families = BOTH },
	{ .name = "a connection's RST gets out",
	  .measure = a_connection_is_reset,
	  .options = "--hold icmp --filter eif", .families = BOTH },
	{ .name = "a router's connection's RST gets out",
	  .measure = the_routers_is_reset,
	  .options = "--hold icmp", .families = BOTH },
	{ .name = "the router's own listener answers",
	  .measure = a_socket_of_the_router,
	  .options = "--hold icmp", .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "the admin's TPROXY answers",
	  .measure = the_admins_tproxy,
	  .options = "--hold icmp", .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
