// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-4, seen by a port scan: a thousand ports, some of them mapped, say
 * nothing for 6 s, and then what the WAN is set to say. Who scans from one address
 * alone is told less, but nothing else and nothing sooner.
 */
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

#define PORTS 1000
#define FIRST 4900
#define MAPPED 5000		/* the first of ten */
/* Few SYNs of each: sources are counted by their hash, two may share a count. */
#define SOURCES 50
#define PER_SOURCE 64
#define HELD_MS 6000UL

enum answer { NOTHING, ICMP, RST };

struct tally {
	unsigned int answers[3];	/* ports by their answer */
	unsigned int twice;
	unsigned int strange;		/* of another kind, or about no port */
	unsigned long first;		/* ms from the first SYN */
	uint8_t seen[PORTS];
};

/* Scanners in the block that is set aside for such, or IPv6's. */
static struct ep scanner(unsigned int i, unsigned int sources)
{
	char text[40];

	snprintf(text, sizeof(text), lab_family() == AF_INET ?
		 "198.18.%u.1" : "2001:2:0:%x::1", i % sources);
	return ep(text, 40000);
}

static void note(const struct packet *p, struct tally *t, unsigned long ms)
{
	struct packet inner;
	bool icmp = packet_inner(p, &inner);
	bool v4 = lab_family() == AF_INET;
	unsigned int port;

	if (!p->outgoing || (!icmp && p->protocol != IPPROTO_TCP))
		return;
	port = ep_port(icmp ? inner.dst : p->src);
	if (icmp && (p->icmp_type != (v4 ? 3 : 1) ||
		     p->icmp_code != (v4 ? 3 : 4)))
		t->strange++;
	if ((!icmp && !is_tcp_rst(p, NULL)) || port < FIRST ||
	    port >= FIRST + PORTS) {
		t->strange++;
		return;
	}
	if (!t->first)
		t->first = ms;
	t->twice += t->seen[port - FIRST];
	t->seen[port - FIRST] = 1;
	t->answers[icmp ? ICMP : RST]++;
}

static struct tally scan(unsigned int sources)
{
	struct tally t = { 0 };
	unsigned long start, now;
	struct packet p;
	unsigned int i;
	int sniffer;

	for (i = 0; i < 10; i++)
		external(IPPROTO_TCP, A, MAPPED + i, server(2, 80));
	sniffer = sniff_open(GA, "wan");
	start = now_ms();
	for (i = 0; i < PORTS; i++) {
		p = packet_tcp(scanner(i, sources), wan(GA, FIRST + i),
			       TCP_SYN, 1, 0);
		packet_send(SERVER, &p);
	}
	now = now_ms();
	while (now < start + 15000 &&
	       sniff_next(sniffer, &p, start + 15000 - now)) {
		now = now_ms();
		note(&p, &t, now - start);
	}
	sock_close(sniffer);
	t.answers[NOTHING] = PORTS - t.answers[ICMP] - t.answers[RST];
	return t;
}

static struct seen told(const struct row *row, unsigned int sources,
			unsigned int want)
{
	struct tally t = scan(sources);
	unsigned int i;

	for (i = NOTHING; i <= RST; i++)
		if (i != (unsigned int)row->arg && i != NOTHING &&
		    t.answers[i])
			t.strange++;
	return seen(!t.strange && !t.twice &&
		    (row->arg == NOTHING ? t.answers[NOTHING] == PORTS :
		     t.answers[row->arg] == want && t.first >= HELD_MS),
		    "%u silent, %u ICMP, %u RST, from %lu ms; %u twice, %u else",
		    t.answers[NOTHING], t.answers[ICMP], t.answers[RST],
		    t.first, t.twice, t.strange);
}

static struct seen from_many(const struct row *row)
{
	return told(row, SOURCES, PORTS);
}

static struct seen from_one(const struct row *row)
{
	return told(row, 1, PER_SOURCE);
}

static const struct row rows[] = {
	{ .name = "REQ-4 a scan from fifty addresses, ICMP",
	  .measure = from_many, .arg = ICMP,
	  .options = "--hold icmp --filter apdf", .stock = STOCK_FAILS,
	  .families = BOTH },
	{ .name = "REQ-4a RST", .measure = from_many, .arg = RST,
	  .options = "--hold rst --filter apdf" },
	{ .name = "REQ-4a silence", .measure = from_many, .arg = NOTHING,
	  .options = "--hold silence --filter apdf" },
	{ .name = "REQ-4 from one address", .measure = from_one, .arg = ICMP,
	  .options = "--hold icmp --filter apdf", .families = BOTH },
};

ROWS_MAIN(rows)
