// SPDX-License-Identifier: GPL-2.0
/*
 * IPv6 without NAT: two homes whose routers let out all and let in what answers.
 * What their firewalls refuse is held all the same, so two hosts that both begin
 * a TCP connection get one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

#define PORT 5000
#define HELD_MS 6000UL

static const char * const refusals[] = {
	"reject", "reject with tcp reset", "reject with icmpv6 admin-prohibited",
	"drop", "accept",
};

enum { REJECT, RESET, PROHIBIT, DROP, ACCEPT };

static void firewall(enum node gw, int refusal, const char *more)
{
	nft(gw, "table inet firewall\n"
	    "delete table inet firewall\n"
	    "table inet firewall {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter;\n"
	    "		ct state established,related accept\n"
	    "		iifname \"lan\" accept\n"
	    "		%s\n"
	    "		meta l4proto tcp %s\n"
	    "	}\n"
	    "}\n", more, refusals[refusal]);
}

/* The homes' own addresses are reachable. @options NULL: stock. */
static void routed(const char *options, int refusal, const char *more)
{
	lab_use_family(AF_INET);	/* no NAT for IPv6 */
	gateways(options ? NAT_NATPUNCH : NAT_NONE,
		 options ? NAT_NATPUNCH : NAT_NONE, options);
	lab_use_family(AF_INET6);
	must(NET, "ip route replace fd00:1::/64 via 2001:db8:a::2");
	must(NET, "ip route replace fd00:2::/64 via 2001:db8:b::2");
	firewall(GA, refusal, more);
	firewall(GB, refusal, more);
}

static struct seen punch(long skew)
{
	int a = stream_open(IPPROTO_TCP, A, host(A, PORT));
	int b = stream_open(IPPROTO_TCP, B, host(B, PORT));
	int error_a, error_b;
	unsigned long start;

	error_a = stream_connect(a, host(B, PORT));
	sleep_ms(skew);
	start = now_ms();
	error_b = stream_connect(b, host(A, PORT));
	if (!error_b)
		error_b = stream_connected(b, COMES_MS);
	if (!error_a)
		error_a = stream_connected(a, COMES_MS);
	if (error_a || error_b)
		return seen(false, "A: %s, B: %s", strerror(error_a),
			    strerror(error_b));
	start = now_ms() - start;
	return seen(stream_deliver(a, b) && stream_deliver(b, a),
		    "connected after %lu ms", start);
}

static struct seen connects(const struct row *row)
{
	struct seen s;

	routed(row->options, row->arg, "");
	s = punch(500);
	if (s.ok) {
		routed(row->options, row->arg, "");
		s = punch(5000);
	}
	return s;
}

static struct seen stock_does_not(const struct row *row)
{
	struct seen s;

	routed(NULL, row->arg, "");
	s = punch(500);
	s.ok = !s.ok;
	return s;
}

static bool is_answer(const struct packet *p, const void *peer)
{
	return !p->outgoing && ((is_to(p, peer) && is_tcp_rst(p, NULL)) ||
				is_icmp_error(p, NULL));
}

/* The server sends A a SYN: when is it answered, and by what? */
static struct seen unsolicited(const struct row *row)
{
	bool rst = row->options && strstr(row->options, "rst");
	struct ep peer;
	unsigned long start, took;
	struct packet p;
	int sniffer;

	routed(row->options, row->arg, "");
	peer = server(1, 4000);
	sniffer = sniff_open(SERVER, "eth0");
	p = packet_tcp(peer, host(A, PORT), TCP_SYN, 1, 0);
	start = now_ms();
	packet_send(SERVER, &p);
	if (!sniff_find(sniffer, &p, is_answer, &peer, 20000))
		return seen(row->arg == DROP, "silence");
	took = now_ms() - start;
	if (row->arg == DROP)
		return seen(false, "%s", packet_str(&p));
	return seen(took >= HELD_MS && took < HELD_MS + 2000 &&
		    is_tcp_rst(&p, NULL) == rst, "%s after %lu ms",
		    is_tcp_rst(&p, NULL) ? "RST" : "ICMP", took);
}

/* What the admin lets in is not held up, and what A says later is not lost. */
static struct seen service(const struct row *row)
{
	int listener, peer, got, error;
	struct packet p;
	struct ep from;
	int sniffer;

	routed(row->options, row->arg, "tcp dport 8080 accept");
	from = server(1, 4000);
	listener = stream_listen(IPPROTO_TCP, A, host(A, 8080));
	peer = stream_open(IPPROTO_TCP, SERVER, from);
	sniffer = sniff_open(SERVER, "eth0");
	error = stream_connect(peer, host(A, 8080));
	if (!error)
		error = stream_connected(peer, 200);
	got = stream_accept(listener, NULL, 200);
	if (error || got < 0 || !stream_deliver(peer, got))
		return seen(false, "%s", strerror(error));
	stream_abort(got);
	return seen(sniff_find(sniffer, &p, is_answer, &from, 1000) &&
		    is_tcp_rst(&p, NULL), "connected; does A's RST get out?");
}

static const struct row rows[] = {
	{ .name = "stock's firewall rejects: no connection",
	  .measure = stock_does_not, .arg = REJECT },
	{ .name = "stock's hosts refuse: no connection",
	  .measure = stock_does_not, .arg = ACCEPT },
	{ .name = "the firewall rejects", .measure = connects, .arg = REJECT,
	  .options = "" },
	{ .name = "the firewall resets", .measure = connects, .arg = RESET,
	  .options = "" },
	{ .name = "the firewall prohibits", .measure = connects,
	  .arg = PROHIBIT, .options = "" },
	{ .name = "the firewall drops", .measure = connects, .arg = DROP,
	  .options = "" },
	{ .name = "no firewall, the hosts refuse", .measure = connects,
	  .arg = ACCEPT, .options = "" },
	{ .name = "the firewall rejects, deliver", .measure = connects,
	  .arg = REJECT, .options = "--release deliver" },
	{ .name = "the firewall drops, deliver", .measure = connects,
	  .arg = DROP, .options = "--release deliver" },
	{ .name = "no firewall, deliver", .measure = connects, .arg = ACCEPT,
	  .options = "--release deliver" },
	{ .name = "an unsolicited SYN is rejected late, ICMP",
	  .measure = unsolicited, .arg = REJECT, .options = "--hold icmp" },
	{ .name = "an unsolicited SYN is rejected late, RST",
	  .measure = unsolicited, .arg = PROHIBIT, .options = "--hold rst" },
	{ .name = "what the firewall drops is not answered at all",
	  .measure = unsolicited, .arg = DROP, .options = "--hold icmp" },
	{ .name = "what the host refuses is refused late",
	  .measure = unsolicited, .arg = ACCEPT, .options = "--hold rst" },
	{ .name = "a service that is let in", .measure = service,
	  .arg = REJECT, .options = "--hold icmp" },
};

ROWS_MAIN(rows)
