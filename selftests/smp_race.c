// SPDX-License-Identifier: GPL-2.0
/*
 * Two processors do at once what has to have one outcome: the first two packets of
 * an internal endpoint, two hosts that want one external port, the SYNs of a pair.
 * needs: smp=2 noicount kernel=6.1 timeout=900
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"
#include "lab/race.h"

#define ROUNDS 400
#define FIRST_PORT 10000
#define HELD_S 7		/* until a held SYN has been answered */

/*
 * Who sends what in which round, to tell by where it goes to.
 */
static int socks[2][ROUNDS];
static struct ep to[2];

static void send_first(unsigned int round)
{
	udp_send(socks[0][round], to[0]);
}

static void send_second(unsigned int round)
{
	udp_send(socks[1][round], to[1]);
}

static void open_all(int which, enum node node)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		socks[which][i] = udp_open(node, host(node, FIRST_PORT + i));
}

/* The external ports that were seen, 0 for a packet that was not. */
static void race_and_look(unsigned int port[2][ROUNDS])
{
	int wire = sniff_open(NET, "ga");
	struct packet p;

	memset(port, 0, 2 * sizeof(*port));
	to[0] = server(1, 3478);
	to[1] = server(2, 3478);
	race(ROUNDS, send_first, send_second);
	sleep_ms(500);
	while (sniff_next(wire, &p, 0)) {
		unsigned int number, which = ep_eq(p.dst, to[1]);

		if (!ep_eq(p.dst, to[which]) ||
		    sscanf((char *)p.data + p.payload, "packet %u",
			   &number) != 1)
			continue;
		/* Both racers count alike, from where they were forked. */
		port[which][number % ROUNDS] = ep_port(p.src);
	}
}

/* Not for the neighbour tables to drop. */
static void meet_neighbours(void)
{
	external(IPPROTO_ICMP, A, 1, server(1, 0));
	external(IPPROTO_ICMP, A2, 1, server(2, 0));
}

static struct seen one_mapping(const struct row *row)
{
	unsigned int i, split = 0, lost = 0, port[2][ROUNDS];

	(void)row;
	meet_neighbours();
	/* A2 has every port, so that each mapping needs a search. */
	for (i = 0; i < ROUNDS; i++)
		udp_send(udp_open(A2, host(A2, FIRST_PORT + i)),
			 server(1, 9));
	open_all(0, A);
	memcpy(socks[1], socks[0], sizeof(socks[1]));
	race_and_look(port);
	for (i = 0; i < ROUNDS; i++) {
		bool both = port[0][i] && port[1][i];

		if (both && port[0][i] == port[1][i])
			continue;
		ktap_diag("race %u: ports %u and %u", i, port[0][i],
			  port[1][i]);
		lost += !both;
		split += both;
	}
	return seen(!split && !lost, "%d races: %u with two mappings, %u lost",
		    ROUNDS, split, lost);
}

static struct seen two_mappings(const struct row *row)
{
	unsigned int i, shared = 0, lost = 0, wins[2] = { 0 };
	unsigned int port[2][ROUNDS];

	(void)row;
	meet_neighbours();
	open_all(0, A);
	open_all(1, A2);
	race_and_look(port);
	for (i = 0; i < ROUNDS; i++) {
		lost += !port[0][i] || !port[1][i];
		shared += port[0][i] && port[0][i] == port[1][i];
		/* The other's port is from the range above, or below. */
		wins[0] += port[0][i] - FIRST_PORT < ROUNDS;
		wins[1] += port[1][i] - FIRST_PORT < ROUNDS;
	}
	return seen(!shared && !lost && wins[0] + wins[1] >= ROUNDS,
		    "%d races: A won %u, A2 %u; %u shared a port, %u lost",
		    ROUNDS, wins[0], wins[1], shared, lost);
}

/*
 * The SYNs of a pair. Nobody has the peer's address, and A says nothing by itself:
 * whatever is on the wire beside the two is the gateway's.
 */
#define PEER "192.0.2.200"

static int raw[2];

static void send_raw(int sock, struct packet *p)
{
	struct ep dst = ep_at(p->dst, 0);

	if (sendto(sock, p->data, p->len, 0, &dst.sa, ep_len(dst)) < 0)
		ktap_diag("a SYN was not sent");
}

static void syn_outwards(unsigned int round)
{
	struct packet p = packet_tcp(host(A, FIRST_PORT + round), ep(PEER, 80),
				     TCP_SYN, 1, 0);

	send_raw(raw[0], &p);
}

static void syn_inwards(unsigned int round)
{
	struct packet p = packet_tcp(ep(PEER, 80), wan(GA, FIRST_PORT + round),
				     TCP_SYN, 1, 0);

	send_raw(raw[1], &p);
}

static struct seen one_pair(const struct row *row)
{
	unsigned int out = 0, refused = 0;
	struct packet p;
	int wire;

	(void)row;
	meet_neighbours();
	must(NET, "ip route replace blackhole " PEER);
	nft(A, "table inet silent {\n"
	    "	chain out {\n"
	    "		type filter hook output priority filter;\n"
	    "		tcp flags rst drop\n"
	    "	}\n"
	    "}\n");
	lab_delay(0);
	raw[0] = sock_open(A, AF_INET, SOCK_RAW, IPPROTO_RAW);
	raw[1] = sock_open(NET, AF_INET, SOCK_RAW, IPPROTO_RAW);
	wire = sniff_open(NET, "ga");
	race(ROUNDS, syn_outwards, syn_inwards);
	sleep_s(HELD_S);
	while (sniff_next(wire, &p, 0)) {
		if (ep_eq(p.dst, ep(PEER, 80)) && p.tcp_flags == TCP_SYN) {
			out++;
		} else if (ep_same_addr(p.dst, ep(PEER, 0))) {
			refused++;
			ktap_diag("%s", packet_str(&p));
		}
	}
	nft(A, "flush ruleset\n");
	must(NET, "ip route del blackhole " PEER);
	lab_delay(20);
	/*
	 * An admitted SYN and ours are one connection of which conntrack confirms
	 * one entry: at times it drops one of the two, which TCP sends again.
	 */
	return seen(out > ROUNDS * 9 / 10 && !refused,
		    "%d races: A's SYN left in %u, the peer's was refused in %u",
		    ROUNDS, out, refused);
}

static const struct row rows[] = {
	{ .name = "two packets, one mapping", .measure = one_mapping },
	{ .name = "two packets, one mapping, watched flows",
	  .measure = one_mapping, .options = "--inbound-refresh off" },
	{ .name = "two hosts, one port", .measure = two_mappings },
	{ .name = "two SYNs, one pair", .measure = one_pair },
	{ .name = "two SYNs, one pair, delivered", .measure = one_pair,
	  .options = "--release deliver" },
};

int main(void)
{
	if (!race_possible())
		ktap_skip_all("one processor");
	return rows_main(rows, ARRAY_SIZE(rows));
}
