// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a mapping, tried out in full: two neighbours which use the same
 * internal port, and a stranger who sends to the external one, at five moments around
 * the mapping's lifetime, in every order, 4^5 sequences. Each has a port of its own;
 * all of them are played at the same time.
 *
 * Who has which external port is kept in a book of what was seen on the wire, and
 * asked is (RFC 4787)
 *
 *	REQ-1	that a mapping which lives is used for every destination
 *	REQ-3	that a port which somebody has is given to nobody else
 *	REQ-3a	that the internal port is kept if nobody has it
 *	REQ-4	and its parity if somebody has
 *	REQ-5	that a mapping lives as long as it must, and no longer
 *	REQ-6	by what it is refreshed
 *	REQ-8	that the stranger reaches who has the port, and nobody if nobody has
 *
 * needs: kernel=6.1 kernel=7.3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/behave.h"

#define LANES		1024	/* 4^SLOTS */
#define SLOTS		5
#define FIRST_PORT	20000
#define LIFE_MS		120000L	/* --udp-timeout */
#define OVERRUN_MS	92000L	/* conntrack's 30 s, and a minute until we look */

/* What happens at a moment. */
enum { NOTHING, FROM_A, FROM_A2, INWARDS, KINDS };

static const char letters[] = ".abi";
/*
 * No two are apart by what is neither a lifetime nor more than its overrun, and a
 * packet from outside in the middle of three decides whether the mapping lives.
 */
static const unsigned long moments[SLOTS] = {
	0, 110000, 220000, 330000, 440000
};

/* An internal endpoint: A's or A2's of a lane. */
struct owner {
	unsigned int host;	/* 0: A, 1: A2 */
	unsigned int port;	/* external; 0: none yet */
	long refreshed;		/* ms after the start */
};

struct lane {
	uint8_t what[SLOTS];
	struct owner owners[2];
	/* of this moment */
	unsigned int left_by;	/* the external port that was seen */
	unsigned int came_to[2]; /* packets that A and A2 have got */
};

static struct lane lanes[LANES];
static struct owner *book[65536];	/* by external port */
static unsigned long start;
static int outside, insides[2];		/* sniffers */
static char complaint[160];
static unsigned int complaints;

static unsigned int port_of(const struct lane *lane)
{
	return FIRST_PORT + (lane - lanes);
}

static struct lane *lane_of(unsigned int port)
{
	return port >= FIRST_PORT && port < FIRST_PORT + LANES ?
	       &lanes[port - FIRST_PORT] : NULL;
}

static long since_start(void)
{
	return now_ms() - start;
}

static bool lives(const struct owner *owner)
{
	return owner && owner->port &&
	       since_start() < owner->refreshed + LIFE_MS + OVERRUN_MS;
}

/* Who has an external port; NULL if nobody. */
static struct owner *holder(unsigned int port)
{
	struct owner *owner = book[port];

	/* It may have got another one since. */
	return lives(owner) && owner->port == port ? owner : NULL;
}

static void complain(const struct lane *lane, unsigned int slot,
		     const char *what)
{
	char name[SLOTS + 1] = "";
	size_t i;

	if (complaints++)
		return;
	for (i = 0; i < SLOTS; i++)
		name[i] = letters[lane->what[i]];
	snprintf(complaint, sizeof(complaint), "%s, port %u, moment %u: %s (%u)",
		 name, port_of(lane), slot, what, lane->left_by);
}

static void lanes_reset(void)
{
	unsigned int i, slot, rest;

	memset(lanes, 0, sizeof(lanes));
	memset(book, 0, sizeof(book));
	complaints = 0;
	for (i = 0; i < LANES; i++) {
		lanes[i].owners[1].host = 1;
		for (slot = 0, rest = i; slot < SLOTS; slot++, rest /= KINDS)
			lanes[i].what[slot] = rest % KINDS;
	}
}

/* The lane's number is the payload, as the port is what is in question. */
static struct lane *lane_in(const struct packet *p)
{
	char text[16] = "";

	if (p->protocol != IPPROTO_UDP || p->len - p->payload >= sizeof(text))
		return NULL;
	memcpy(text, p->data + p->payload, p->len - p->payload);
	return lane_of(strtoul(text, NULL, 10));
}

static void look(int timeout_ms)
{
	struct lane *lane;
	struct packet p;
	size_t i;

	while (sniff_next(outside, &p, timeout_ms)) {
		lane = p.outgoing ? NULL : lane_in(&p);
		if (lane)
			lane->left_by = ep_port(p.src);
	}
	for (i = 0; i < 2; i++)
		while (sniff_next(insides[i], &p, 0)) {
			lane = p.outgoing ? NULL : lane_in(&p);
			if (lane)
				lane->came_to[i]++;
		}
}

static void play(struct lane *lane, unsigned int slot)
{
	struct packet p;
	char text[16];

	snprintf(text, sizeof(text), "%u", port_of(lane));
	switch (lane->what[slot]) {
	case FROM_A:
	case FROM_A2:
		/* Each time to another endpoint. */
		p = packet_udp(host(lane->what[slot] == FROM_A ? A : A2,
				    port_of(lane)),
			       ep("198.18.0.1", 7000 + slot), text);
		packet_send(lane->what[slot] == FROM_A ? A : A2, &p);
		break;
	case INWARDS:
		p = packet_udp(ep("198.18.0.2", 8000 + slot),
			       wan(GA, port_of(lane)), text);
		packet_send(NET, &p);
		break;
	}
}

/* A packet of @owner left by the port that was seen. */
static void check_left(struct lane *lane, unsigned int slot,
		       struct owner *owner)
{
	unsigned int wanted = port_of(lane), got = lane->left_by;
	bool taken = holder(wanted) && holder(wanted) != owner;

	if (!got)
		complain(lane, slot, "did not get out");
	else if (lives(owner) && got != owner->port)
		complain(lane, slot, "its mapping has changed (REQ-1, REQ-5)");
	else if (holder(got) && holder(got) != owner)
		complain(lane, slot, "by a port that is another's (REQ-3)");
	else if (!lives(owner) && !taken && got != wanted)
		complain(lane, slot, "its port was free and is not kept (REQ-3a, REQ-5)");
	else if (!lives(owner) && (got ^ wanted) & 1)
		complain(lane, slot, "parity is not kept (REQ-4)");
	owner->port = got;
	owner->refreshed = since_start();
	book[got] = owner;
}

static void check_came(struct lane *lane, unsigned int slot, bool refreshes)
{
	/* Perhaps one whose own port was taken. */
	struct owner *owner = holder(port_of(lane));
	unsigned int i, due;

	for (i = 0; i < 2; i++) {
		due = owner && owner->host == i;
		if (lane->came_to[i] != due)
			complain(lane, slot, due ?
				 "the stranger does not reach it (REQ-8)" :
				 "the stranger reaches who has not the port");
	}
	if (owner && refreshes)
		owner->refreshed = since_start();
}

static void check(struct lane *lane, unsigned int slot, bool refreshes)
{
	switch (lane->what[slot]) {
	case FROM_A:
		check_left(lane, slot, &lane->owners[0]);
		break;
	case FROM_A2:
		check_left(lane, slot, &lane->owners[1]);
		break;
	case INWARDS:
		check_came(lane, slot, refreshes);
		break;
	}
}

static bool is_inwards(const struct lane *lane, unsigned int slot)
{
	return lane->what[slot] == INWARDS;
}

/* What some lanes send from inside, or what the stranger sends to them. */
static void play_some(struct lane *first, const struct lane *end,
		      unsigned int slot, bool inwards, bool refreshes)
{
	struct lane *lane;

	for (lane = first; lane < end; lane++) {
		if (is_inwards(lane, slot) != inwards)
			continue;
		lane->left_by = 0;
		memset(lane->came_to, 0, sizeof(lane->came_to));
		play(lane, slot);
	}
	look(30);
	for (lane = first; lane < end; lane++)
		if (is_inwards(lane, slot) == inwards)
			check(lane, slot, refreshes);
}

/*
 * Few at a time, so that the book is right when the next ones are looked at: what
 * one of them takes is another one's port. The stranger, who is far away, comes
 * after them.
 */
static void play_moment(unsigned int slot, bool refreshes)
{
	enum { BATCH = 32 };
	struct lane *lane;

	for (lane = lanes; lane < lanes + LANES; lane += BATCH) {
		play_some(lane, lane + BATCH, slot, false, refreshes);
		play_some(lane, lane + BATCH, slot, true, refreshes);
	}
}

static unsigned long counter(const char *name)
{
	run(GA, "natpunchctl -j stats | jq -j .%s", name);
	return strtoul(run_output(), NULL, 10);
}

/* Nobody is there to answer, and nobody says so. */
static void be_quiet(enum node node)
{
	nft(node, "table ip quiet\n"
	    "delete table ip quiet\n"
	    "table ip quiet {\n"
	    "	chain out {\n"
	    "		type filter hook output priority 0;\n"
	    "		ip protocol icmp drop\n"
	    "	}\n"
	    "}\n");
}

static struct seen sequences(const struct row *row)
{
	unsigned int slot;
	unsigned long left, made;
	long ms;

	must(NET, "ip route replace blackhole 198.18.0.0/15");
	be_quiet(A);
	be_quiet(A2);
	lanes_reset();
	outside = sniff_open(NET, "ga");
	insides[0] = sniff_open(A, "eth0");
	insides[1] = sniff_open(A2, "eth0");
	start = now_ms();
	for (slot = 0; slot < SLOTS; slot++) {
		ms = (long)moments[slot] - since_start();
		sleep_ms(ms > 0 ? ms : 0);
		play_moment(slot, row->arg);
	}
	made = counter("mappings_new");
	sleep_ms(LIFE_MS + OVERRUN_MS);
	left = counter("mappings");
	sock_close(outside);
	sock_close(insides[0]);
	sock_close(insides[1]);
	if (complaints)
		return seen(false, "%u times, first: %s", complaints,
			    complaint);
	return seen(!left && made > LANES, "%u sequences, %lu mappings, %lu left at the end",
		    LANES, made, left);
}

/* So few ports that what one does not get is most likely another lane's. */
#define OPTIONS	"--udp-timeout 120 --filter eif --ports 20000-22047 "

static const struct row rows[] = {
	{ .name = "packets from outside refresh", .measure = sequences,
	  .arg = true, .options = OPTIONS "--inbound-refresh on" },
	{ .name = "packets from outside do not", .measure = sequences,
	  .options = OPTIONS "--inbound-refresh off" },
};

ROWS_MAIN(rows)
