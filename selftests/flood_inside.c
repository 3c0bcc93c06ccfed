// SPDX-License-Identifier: GPL-2.0
/*
 * One inside host opens flow after flow from one port, each to another
 * destination. What it takes is what is documented, conntrack's table being large
 * or small; its share of the flow records is a quarter. Its neighbour's flows go
 * on, and new ones of it work. When the flows have ended nothing is left of them.
 *
 * FLOOD=N in the environment asks for more than 4000 flows.
 * needs: kernel=6.1 mem=1024 timeout=1200
 */
#include "lab/behave.h"
#include "lab/flood.h"

#define FLOOD 4000
/* A record, and a hash table that has just doubled: 43 bytes of 100 000 records. */
#define RECORD (64 + 6 * sizeof(void *))
/* Slabs that are not full yet, whatever the flood's size. */
#define SLACK (256 << 10)

/* The neighbour's. */
struct others {
	struct flow tcp, udp;
	unsigned int port;	/* of its next new flow */
};

static struct others others(void)
{
	struct others o = { .port = 6000 };

	o.tcp = flow_open(IPPROTO_TCP, A2, 4000, server(1, 80));
	o.udp = flow_open(IPPROTO_UDP, A2, 4001, server(1, 3478));
	/* UDP that was answered for a while is no stranger to conntrack. */
	sleep_s(3);
	flow_push(&o.udp);
	flow_ask(&o.udp);
	return o;
}

static bool go_on(struct others *o)
{
	return flow_push(&o->tcp) && flow_push(&o->udp) &&
	       ep_eq(flow_ask(&o->udp), wan(GA, 4001));
}

/* A full table may have nothing to evict just where conntrack looks for it. */
static bool new_works_for(struct others *o, int protocol)
{
	unsigned int tries;

	for (tries = 0; tries < 3; tries++) {
		unsigned int port = o->port++;

		if (ep_eq(external(protocol, A2, port, server(2, 3478)),
			  wan(GA, port)))
			return true;
	}
	return false;
}

static bool new_works(struct others *o)
{
	return new_works_for(o, IPPROTO_UDP) && new_works_for(o, IPPROTO_TCP);
}

/* Flow by flow; how many were sent when a neighbour's flow did not work. */
static unsigned int flood(struct others *o, unsigned int total)
{
	int raw = flood_open(A);
	struct packet p;
	unsigned int i;

	for (i = 0; i < total; i++) {
		p = packet_udp(host(A, 5000), flood_stranger(i, 9), "");
		flood_send(raw, &p);
		if (i % (total / 4) == total / 8 &&
		    (!go_on(o) || !new_works(o)))
			break;
	}
	return i;
}

static long own_bytes(void)
{
	return slab_bytes() - slab_of("nf_conntrack");
}

/*
 * row->arg: conntrack has room for one flow of so many, 0: for all. Of a small
 * table each new flow evicts an unanswered one, as on stock Linux.
 */
static struct seen one_port(const struct row *row)
{
	unsigned int total = flood_size(FLOOD), sent;
	struct ep first, again;
	long before, bytes;
	struct others o;

	flood_sink();
	conntrack_size(0);
	o = others();
	first = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	if (row->arg)
		conntrack_size(total / row->arg);
	before = own_bytes();
	sent = flood(&o, total);
	bytes = own_bytes() - before;
	ktap_diag("%u flows: %ld entries, %ld records, %ld bytes beside conntrack's",
		  sent, conntrack_entries(GA), stat_of("flows"), bytes);
	if (sent != total || !go_on(&o) || !new_works(&o))
		return seen(false, "after %u flows A2's do not work", sent);
	again = external(IPPROTO_UDP, A, 5000, server(2, 3478));
	if (!ep_eq(first, again) || stat_of("flows") < total)
		return seen(false, "A had %s, has %s; %ld records",
			    ep_str(first), ep_str(again), stat_of("flows"));
	if (bytes > (long)(total * RECORD + SLACK))
		return seen(false, "%ld bytes for %u flows", bytes, total);
	/*
	 * 30 s of conntrack's, 300 of the mapping's, some to spare; and 3200 records
	 * are looked at in a second, twice each.
	 */
	sleep_s(370 + total / 1600);
	bytes = own_bytes() - before;
	return seen(flow_push(&o.tcp) && stat_of("flows") < 20 &&
		    conntrack_entries(GA) < 20 && bytes < SLACK,
		    "%u s later %ld records, %ld entries, %ld bytes more",
		    370 + total / 1600, stat_of("flows"),
		    conntrack_entries(GA), bytes);
}

/* Who is over its share is told so, and nobody else is. */
static struct seen share(const struct row *row)
{
	unsigned int total = flood_size(FLOOD), sent, its = total / 2;
	struct sock_error e = {};
	long refused, records;
	struct others o;
	struct flow f;
	bool told;
	int a;

	(void)row;
	flood_sink();
	conntrack_size(0);
	o = others();
	f = flow_open(IPPROTO_UDP, A, 5001, server(1, 80));
	max_flows_set(4 * its);
	refused = stat_of("quota");
	sent = flood(&o, total);
	refused = stat_of("quota") - refused;
	records = stat_of("flows");
	/* The router sends no more than a few errors a second. */
	sleep_s(2);
	a = udp_open(A, host(A, 5002));
	udp_send(a, server(1, 9));
	told = sock_error_wait(a, &e, SILENCE_MS) && e.type == 3 && e.code == 13;
	if (sent != total || !go_on(&o) || !new_works(&o)) {
		max_flows_set(0);
		return seen(false, "after %u flows A2's do not work", sent);
	}
	if (!told || !flow_push(&f) || refused != total - its + 1) {
		max_flows_set(0);
		return seen(false, "refused %ld of %u, told %d/%d, A's flow %s",
			    refused, total, e.type, e.code,
			    flow_push(&f) ? "goes on" : "stops");
	}
	/* What has ended makes room. */
	sleep_s(500);
	f = flow_open(IPPROTO_UDP, A, 5002, server(1, 80));
	max_flows_set(0);
	return seen(f.answered, "%ld records, %ld refused; 500 s later A %s",
		    records, refused, f.answered ? "goes on" : "is refused");
}

static const struct row rows[] = {
	{ .name = "one port to many destinations", .measure = one_port },
	{ .name = "the same, conntrack being too small for them",
	  .measure = one_port, .arg = 2 },
	{ .name = "a host has its share of the flow records",
	  .measure = share },
};

ROWS_MAIN(rows)
