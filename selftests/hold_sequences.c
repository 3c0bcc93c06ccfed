// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a held SYN, tried out in full: whatever the two ends of a pair do at
 * five moments around the six seconds, in every order - the peer's SYN, the inside
 * host's RST, its own SYN, nothing, 4^5 sequences - for both kinds of hold (not
 * admitted; admitted and refused by the inside host) and both ways of release. Each
 * sequence has a peer of its own; all of them are played at the same time.
 *
 * Asked of each of them is what RFC 5382 REQ-4 says and what natpunch promises:
 *
 *	early	  no RST or ICMP error before the first SYN's six seconds are over
 *	answer	  then exactly one, if nobody in the inside took it
 *	released  none for a SYN that met the inside host's own
 *	once	  a SYN is released once, and delivered no more often than it may be
 *	own	  what the inside host sends itself gets out
 *
 * and of the whole: every hold has ended, in one way.
 *
 * needs: kernel=6.1 kernel=7.3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/behave.h"

#define LANES		1024	/* 4^SLOTS */
#define SLOTS		5
#define PORT		5000
#define PEER_PORT	7000
#define HOLD_MS		6000L
#define LATE_MS		700L	/* a batch takes its time to be sent */
#define OUR_TTL		63	/* the kernel's own are told by theirs */

/* What happens at a moment. */
enum { NOTHING, SYN, REFUSAL, OWN_SYN, KINDS };

static const char letters[] = ".SRO";
static const unsigned long moments[SLOTS] = { 0, 1000, 5000, 7500, 12500 };

/* One pair: what is done, and what was seen of it. */
struct lane {
	uint8_t what[SLOTS];
	long sent[SLOTS];	/* ms after the start */
	unsigned int delivered;	/* SYNs of the peer that the inside host got */
	unsigned int delivered_before_own;
	unsigned int own;	/* SYNs of the inside host that got out */
	unsigned int resets;	/* RSTs and ICMP errors that got out */
	unsigned int errors;
	long first_reset, first_error;	/* ms; -1: none */
};

static struct lane lanes[LANES];
static unsigned long start;
static int outside, inside;	/* sniffers */

static struct ep peer_of(unsigned int lane)
{
	char text[32];

	snprintf(text, sizeof(text), "198.18.%u.%u", lane >> 8, lane & 255);
	return ep(text, PEER_PORT);
}

static struct lane *lane_of(struct ep peer)
{
	const uint8_t *a = ep_addr(&peer);
	unsigned int lane = a[2] << 8 | a[3];

	if (a[0] != 198 || a[1] != 18 || ep_port(peer) != PEER_PORT ||
	    lane >= LANES)
		return NULL;
	return &lanes[lane];
}

static const char *lane_name(const struct lane *lane)
{
	static char text[SLOTS + 1];
	size_t i;

	for (i = 0; i < SLOTS; i++)
		text[i] = letters[lane->what[i]];
	return text;
}

/* The first moment at which @what happens; SLOTS if it does not. */
static unsigned int first(const struct lane *lane, int what)
{
	unsigned int i;

	for (i = 0; i < SLOTS && lane->what[i] != what; i++)
		;
	return i;
}

static void lanes_reset(void)
{
	unsigned int i, slot, rest;

	memset(lanes, 0, sizeof(lanes));
	for (i = 0; i < LANES; i++) {
		for (slot = 0, rest = i; slot < SLOTS; slot++, rest /= KINDS)
			lanes[i].what[slot] = rest % KINDS;
		lanes[i].first_reset = -1;
		lanes[i].first_error = -1;
	}
}

static long since_start(void)
{
	return now_ms() - start;
}

static void note_answer(unsigned int *n, long *first_one)
{
	if (!(*n)++)
		*first_one = since_start();
}

/* At the wire between the gateway and the Internet. */
static void note_outside(const struct packet *p)
{
	struct packet about;
	struct lane *lane;

	if (p->outgoing)
		return;
	if (packet_inner(p, &about)) {
		lane = lane_of(about.src);
		if (lane)
			note_answer(&lane->errors, &lane->first_error);
		return;
	}
	/* What conntrack finds invalid goes out untranslated: the peer knows no
	 * such endpoint.
	 */
	lane = lane_of(p->dst);
	if (!lane || p->protocol != IPPROTO_TCP || !ep_eq(p->src, wan(GA, PORT)))
		return;
	if (p->tcp_flags & TCP_RST)
		note_answer(&lane->resets, &lane->first_reset);
	else if (p->tcp_flags == TCP_SYN)
		lane->own++;
}

static void note_inside(const struct packet *p)
{
	struct lane *lane = lane_of(p->src);

	if (p->outgoing || !lane || p->tcp_flags != TCP_SYN)
		return;
	lane->delivered++;
	if (!lane->own)
		lane->delivered_before_own++;
}

static void look(int timeout_ms)
{
	struct packet p;

	/* First what got out: it is what a delivery may be due to. */
	while (sniff_next(outside, &p, 0))
		note_outside(&p);
	while (sniff_next(inside, &p, timeout_ms))
		note_inside(&p);
	while (sniff_next(outside, &p, 0))
		note_outside(&p);
}

static void send_ours(enum node node, struct packet *p)
{
	p->data[8] = OUR_TTL;
	packet_checksum(p);
	packet_send(node, p);
}

static void play(unsigned int lane, int what)
{
	struct ep peer = peer_of(lane), host_a = host(A, PORT);
	struct packet p;

	switch (what) {
	case SYN:
		p = packet_tcp(peer, wan(GA, PORT), TCP_SYN, 1000, 0);
		send_ours(NET, &p);
		break;
	case REFUSAL:
		p = packet_tcp(host_a, peer, TCP_RST | TCP_ACK, 0, 1001);
		send_ours(A, &p);
		break;
	case OWN_SYN:
		p = packet_tcp(host_a, peer, TCP_SYN, 5000, 0);
		send_ours(A, &p);
		break;
	}
}

static void play_moment(unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < LANES; i++) {
		lanes[i].sent[slot] = since_start();
		play(i, lanes[i].what[slot]);
		if (i % 64 == 63)
			look(0);
	}
	look(100);
}

static void play_all(void)
{
	unsigned int slot;
	long left;

	start = now_ms();
	for (slot = 0; slot < SLOTS; slot++) {
		while ((left = (long)moments[slot] - since_start()) > 0)
			look(left < 100 ? left : 100);
		play_moment(slot);
	}
	while (since_start() < (long)moments[SLOTS - 1] + HOLD_MS + 2000)
		look(100);
}

/*
 * What is asked of a lane. Each returns NULL, or what is wrong.
 *
 * A SYN is held from when it comes; later ones of the pair do not prolong it. So
 * periods of six seconds follow each other until the inside host's own SYN comes.
 * An admitted SYN is in the inside host's hands: it is answered, or released, only
 * if that one has refused it. If it has not in those six seconds, it may do so at
 * any time: another SYN of the peer then is the same one again.
 */
struct period {
	unsigned int from, to;	/* moments, the second one excluded */
	bool held;		/* at its end */
};

#define BEFORE_ALL	((struct period){ .held = true })

static bool next_period(const struct lane *lane, bool admitted,
			struct period *p)
{
	unsigned int own = first(lane, OWN_SYN), from = p->to;

	if (!p->held)
		return false;
	for (; from < own && lane->what[from] != SYN; from++)
		;
	if (from >= own)
		return false;
	p->from = from;
	for (p->to = from; p->to < own &&
	     lane->sent[p->to] < lane->sent[from] + HOLD_MS; p->to++) {
		if (lane->what[p->to] == SYN)
			p->held = !admitted;
		else if (lane->what[p->to] == REFUSAL)
			p->held = true;
	}
	return true;
}

/* The inside host's own SYN comes in time for what came in this period. */
static bool meets(const struct lane *lane, const struct period *p)
{
	unsigned int own = first(lane, OWN_SYN);

	return own < SLOTS &&
	       lane->sent[own] < lane->sent[p->from] + HOLD_MS;
}

/* How many answers there must be, and when the first one may come. */
static unsigned int answers_due(const struct lane *lane, bool admitted,
				long *earliest)
{
	struct period p = BEFORE_ALL;
	unsigned int n = 0;

	*earliest = -1;
	while (next_period(lane, admitted, &p))
		if (p.held && !meets(lane, &p) && !n++)
			*earliest = lane->sent[p.from] + HOLD_MS;
	return n;
}

/*
 * A RST that refuses nothing is the inside host's own affair: before and between
 * the peer's SYNs, of those that it has not seen, and after its own.
 */
static bool speaks_for_itself(const struct lane *lane, bool admitted)
{
	struct period p = BEFORE_ALL;
	unsigned int slot = 0;

	while (admitted && next_period(lane, admitted, &p)) {
		for (; slot < p.from; slot++)
			if (lane->what[slot] == REFUSAL)
				return true;
		slot = p.to;
	}
	for (; slot < SLOTS; slot++)
		if (lane->what[slot] == REFUSAL)
			return true;
	return false;
}

static const char *wrong_answers(const struct lane *lane, bool admitted)
{
	long earliest;
	unsigned int due = answers_due(lane, admitted, &earliest);

	if (lane->errors > due)
		return "answered too often, or a SYN that was released";
	if (lane->errors < due)
		return "not answered";
	if (due && lane->first_error < earliest)
		return "answered early";
	if (due && lane->first_error > earliest + LATE_MS)
		return "answered late";
	if (lane->resets && !speaks_for_itself(lane, admitted))
		return "reset";
	return NULL;
}

static unsigned int count(const struct lane *lane, int what)
{
	unsigned int i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += lane->what[i] == what;
	return n;
}

/* The peer's SYNs before the inside host's own. */
static unsigned int syns_before_own(const struct lane *lane)
{
	unsigned int own = first(lane, OWN_SYN), i, n = 0;

	for (i = 0; i < own; i++)
		n += lane->what[i] == SYN;
	return n;
}

/* A SYN is held when the inside host's own leaves. */
static bool is_released(const struct lane *lane, bool admitted)
{
	struct period p = BEFORE_ALL;

	while (next_period(lane, admitted, &p))
		if (p.held && meets(lane, &p))
			return true;
	return false;
}

static const char *wrong_deliveries(const struct lane *lane, bool admitted,
				    bool deliver)
{
	unsigned int before = syns_before_own(lane);
	unsigned int after = count(lane, SYN) - before;
	unsigned int direct = admitted ? before : 0;
	unsigned int released = deliver && is_released(lane, admitted);

	if (lane->delivered_before_own != direct)
		return "delivered before its time, or not";
	if (lane->delivered < direct + released)
		return "not delivered at its release";
	/* What comes after the inside host's SYN is conntrack's to judge. */
	if (lane->delivered > direct + released + after)
		return "delivered more than once";
	return NULL;
}

static const char *wrong_own(const struct lane *lane)
{
	/* A RST ends what conntrack knows of the pair. */
	if (lane->own < count(lane, OWN_SYN) && !count(lane, REFUSAL))
		return "the inside host's own SYN did not get out";
	return lane->own > count(lane, OWN_SYN) ? "too many SYNs" : NULL;
}

static const char *wrong(const struct lane *lane, bool admitted, bool deliver)
{
	return wrong_answers(lane, admitted) ?:
	       wrong_deliveries(lane, admitted, deliver) ?: wrong_own(lane);
}

static struct seen judge(bool admitted, bool deliver)
{
	unsigned int answered = 0, delivered = 0, n = 0, first_wrong = 0, i;
	const struct lane *lane;

	for (i = LANES; i--;) {
		lane = &lanes[i];
		if (wrong(lane, admitted, deliver)) {
			n++;
			first_wrong = i;
		}
		answered += lane->errors;
		delivered += lane->delivered;
	}
	lane = &lanes[first_wrong];
	if (n)
		return seen(false, "%u of %u sequences, as %s: %s (delivered %u+%u, own %u, RSTs %u at %ld ms, errors %u at %ld ms)",
			    n, LANES, lane_name(lane),
			    wrong(lane, admitted, deliver),
			    lane->delivered_before_own,
			    lane->delivered - lane->delivered_before_own,
			    lane->own, lane->resets, lane->first_reset,
			    lane->errors, lane->first_error);
	return seen(answered && (delivered || !admitted),
		    "%u sequences, %u answered, %u SYNs delivered", LANES,
		    answered, delivered);
}

/* Each hold has ended in one way. */
static bool books_balance(char *text, size_t len)
{
	static const char * const names[] = {
		"holds", "holds_new", "holds_released", "holds_expired",
		"holds_evicted", "holds_capped",
	};
	unsigned long n[ARRAY_SIZE(names)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		run(GA, "natpunchctl -j stats | jq -j .%s", names[i]);
		n[i] = strtoul(run_output(), NULL, 10);
	}
	snprintf(text, len, "%lu held, %lu released, %lu expired, %lu left",
		 n[1], n[2], n[3], n[0]);
	return !n[0] && !n[4] && !n[5] && n[1] == n[2] + n[3];
}

static struct seen sequences(const struct row *row)
{
	bool admitted = row->arg, deliver = strstr(row->options, "deliver");
	struct seen s;
	char text[100];

	/* The mapping that all of them are about. */
	external(IPPROTO_TCP, A, PORT, server(1, 80));
	must(NET, "ip route replace blackhole 198.18.0.0/15");
	nft(A, "table ip quiet\n"
	    "delete table ip quiet\n"
	    "table ip quiet {\n"
	    "	chain out {\n"
	    "		type filter hook output priority 0;\n"
	    "		tcp flags & rst == rst ip ttl 64 drop\n"
	    "	}\n"
	    "}\n");
	lanes_reset();
	outside = sniff_open(NET, "ga");
	inside = sniff_open(A, "eth0");
	play_all();
	s = judge(admitted, deliver);
	if (s.ok && !books_balance(text, sizeof(text)))
		s = seen(false, "%s", text);
	sock_close(outside);
	sock_close(inside);
	nft(A, "delete table ip quiet\n");
	return s;
}

static const struct row rows[] = {
	{ .name = "not admitted, release drop", .measure = sequences,
	  .options = "--hold icmp --filter apdf --release drop" },
	{ .name = "not admitted, release deliver", .measure = sequences,
	  .options = "--hold icmp --filter apdf --release deliver" },
	{ .name = "admitted, release drop", .measure = sequences, .arg = true,
	  .options = "--hold icmp --filter eif --release drop" },
	{ .name = "admitted, release deliver", .measure = sequences,
	  .arg = true,
	  .options = "--hold icmp --filter eif --release deliver" },
};

ROWS_MAIN(rows)
