// SPDX-License-Identifier: GPL-2.0
/*
 * Only SYNs are held. What is no SYN, is broken or comes in pieces gets the answer
 * that stock Linux gives, and as soon: each is sent to a gateway that masquerades
 * and to one with natpunch.
 */
#include <string.h>

#include "lab/behave.h"

#define FIRST_PORT 4000
#define HELD_MS 6000UL

enum { TCP_URG = 32 };

enum answer { NOTHING, ICMP, RST };

static const char * const answer_names[] = { "silence", "ICMP", "RST" };

struct result {
	enum answer answer;
	unsigned long ms;
};

/* What is done to a SYN. */
struct segment {
	const char *name;
	unsigned int flags;	/* instead */
	bool held;
	bool offset;		/* the data offset is .words */
	unsigned int words;
	size_t cut;		/* bytes off its end */
	bool spoilt;		/* the checksum is wrong */
	size_t fragment;	/* where to cut it in two */
	const char *payload;
};

static const struct segment segments[] = {
	{ .name = "SYN", .flags = TCP_SYN, .held = true },
	{ .name = "SYN with ECN's flags", .flags = TCP_SYN | 0xc0,
	  .held = true },
	{ .name = "data offset 0", .flags = TCP_SYN, .offset = true },
	{ .name = "data offset 1", .flags = TCP_SYN, .offset = true,
	  .words = 1 },
	{ .name = "data offset 2", .flags = TCP_SYN, .offset = true,
	  .words = 2 },
	{ .name = "data offset 3", .flags = TCP_SYN, .offset = true,
	  .words = 3 },
	{ .name = "data offset 4", .flags = TCP_SYN, .offset = true,
	  .words = 4 },
	{ .name = "options that are not there", .flags = TCP_SYN,
	  .offset = true, .words = 15 },
	{ .name = "options cut short", .flags = TCP_SYN, .offset = true,
	  .words = 8, .payload = "\2\4\5\264\1\1\1\1" },
	{ .name = "19 bytes of header", .flags = TCP_SYN, .cut = 1 },
	{ .name = "the ports and no more", .flags = TCP_SYN, .cut = 16 },
	{ .name = "bad checksum", .flags = TCP_SYN, .spoilt = true },
	{ .name = "bad checksum and data", .flags = TCP_SYN, .spoilt = true,
	  .payload = "data" },
	{ .name = "SYN and FIN", .flags = TCP_SYN | TCP_FIN },
	{ .name = "SYN and RST", .flags = TCP_SYN | TCP_RST },
	{ .name = "SYN and ACK", .flags = TCP_SYN | TCP_ACK },
	{ .name = "ACK", .flags = TCP_ACK },
	{ .name = "RST", .flags = TCP_RST },
	{ .name = "RST and ACK", .flags = TCP_RST | TCP_ACK },
	{ .name = "FIN", .flags = TCP_FIN },
	{ .name = "FIN and ACK", .flags = TCP_FIN | TCP_ACK },
	{ .name = "no flags", .flags = 0 },
	{ .name = "all flags", .flags = 63 },
	{ .name = "FIN, PSH and URG", .flags = TCP_FIN | TCP_PSH | TCP_URG },
	{ .name = "a SYN in fragments", .flags = TCP_SYN, .fragment = 8 },
	{ .name = "a SYN whose data are in fragments", .flags = TCP_SYN,
	  .fragment = 24, .payload = "0123456789abcdef" },
};

#define N_SEGMENTS ARRAY_SIZE(segments)

static void set_length(struct packet *p)
{
	size_t len = lab_family() == AF_INET ? p->len : p->len - p->l4;
	size_t at = lab_family() == AF_INET ? 2 : 4;

	p->data[at] = len >> 8;
	p->data[at + 1] = len;
}

static void send_segment(const struct segment *s, struct ep from, struct ep to)
{
	unsigned int ack = s->flags & TCP_ACK ? 2000 : 0;
	struct packet p = packet_tcp(from, to, s->flags, 1000, ack);

	if (s->payload)
		p = packet_tcp_options(&p, "", 0, s->payload);
	if (s->offset)
		p.data[p.l4 + 12] = s->words << 4;
	p.len -= s->cut;
	if (s->cut)
		set_length(&p);
	if (p.len >= p.l4 + 20)
		packet_checksum(&p);
	if (s->spoilt)
		p.data[p.l4 + 17] ^= 1;
	if (s->fragment)
		packet_send_fragmented(SERVER, &p, s->fragment);
	else
		packet_send(SERVER, &p);
}

/* An answer to one of the segments, whichever. */
static void note(const struct packet *p, struct result *results,
		 unsigned long ms)
{
	struct packet inner;
	size_t i;

	if (p->outgoing)
		return;
	if (packet_inner(p, &inner))
		i = ep_port(inner.src) - FIRST_PORT;
	else if (is_tcp_rst(p, NULL))
		i = ep_port(p->dst) - FIRST_PORT;
	else
		return;
	if (i >= N_SEGMENTS || results[i].answer != NOTHING)
		return;
	results[i].answer = is_tcp_rst(p, NULL) ? RST : ICMP;
	results[i].ms = ms;
}

/* Send all of them to @to, and see who answers in ten seconds. */
static void ask_all(struct ep to, struct result results[N_SEGMENTS])
{
	unsigned long start = now_ms(), now = start;
	int sniffer = sniff_open(SERVER, "eth0");
	struct packet p;
	size_t i;

	memset(results, 0, N_SEGMENTS * sizeof(*results));
	for (i = 0; i < N_SEGMENTS; i++)
		send_segment(&segments[i], server(1, FIRST_PORT + i), to);
	while (now < start + 10000 &&
	       sniff_next(sniffer, &p, start + 10000 - now)) {
		now = now_ms();
		note(&p, results, now - start);
	}
	sock_close(sniffer);
}

static bool is_right(const struct segment *s, const struct result *stock,
		     const struct result *got)
{
	if (s->held)
		return stock->answer == RST && got->answer == ICMP &&
		       got->ms >= HELD_MS;
	return got->answer == stock->answer && got->ms < 1000;
}

static struct seen compare(const struct result *stock,
			   const struct result *got)
{
	unsigned int answered = 0;
	size_t i;

	for (i = 0; i < N_SEGMENTS; i++) {
		if (!is_right(&segments[i], &stock[i], &got[i]))
			return seen(false, "%s: %s after %lu ms, stock: %s",
				    segments[i].name,
				    answer_names[got[i].answer], got[i].ms,
				    answer_names[stock[i].answer]);
		answered += stock[i].answer != NOTHING;
	}
	return seen(answered > 4 && answered < i - 4,
		    "%zu kinds, of which stock answers %u", i, answered);
}

static struct seen as_stock_unmapped(const struct row *row)
{
	struct result stock[N_SEGMENTS], got[N_SEGMENTS];

	ask_all(wan(GA, 7777), got);
	gateways(NAT_MASQUERADE, NAT_NONE, NULL);
	ask_all(wan(GA, 7777), stock);
	gateways(NAT_NATPUNCH, NAT_NONE, row->options);
	return compare(stock, got);
}

static struct seen as_stock_mapped(const struct row *row)
{
	struct result stock[N_SEGMENTS], got[N_SEGMENTS];

	ask_all(external(IPPROTO_TCP, A, 5000, server(2, 80)), got);
	gateways(NAT_MASQUERADE, NAT_NONE, NULL);
	ask_all(external(IPPROTO_TCP, A, 5000, server(2, 80)), stock);
	gateways(NAT_NATPUNCH, NAT_NONE, row->options);
	return compare(stock, got);
}

/* Forwarded: not one is kept, but the two that are SYNs. */
static struct seen admitted(const struct row *row)
{
	struct result got[N_SEGMENTS];
	size_t i;

	(void)row;
	ask_all(external(IPPROTO_TCP, A, 5000, server(2, 80)), got);
	for (i = 0; i < N_SEGMENTS; i++)
		if (segments[i].held ? got[i].ms < HELD_MS : got[i].ms > 1000)
			return seen(false, "%s: %s after %lu ms",
				    segments[i].name,
				    answer_names[got[i].answer], got[i].ms);
	return seen(true, "%zu kinds", i);
}

static const struct row rows[] = {
	{ .name = "what is no SYN is answered as by stock, unmapped",
	  .measure = as_stock_unmapped, .options = "--hold icmp",
	  .families = BOTH },
	{ .name = "on a mapped port that does not admit it",
	  .measure = as_stock_mapped,
	  .options = "--hold icmp --filter apdf", .families = BOTH },
	{ .name = "on a mapped port that admits it",
	  .measure = admitted,
	  .options = "--hold icmp --filter eif", .families = BOTH },
};

ROWS_MAIN(rows)
