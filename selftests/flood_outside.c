// SPDX-License-Identifier: GPL-2.0
/*
 * A flood of UDP from outside, from as many forged addresses as there are packets,
 * to all ports of the WAN and to one that has a mapping. Whatever filtering there
 * is: no mapping is made, the mapping's flow goes on, the counters say what came.
 * With endpoint-independent filtering strangers get records of their own, but no
 * more than half of those that there are: inside hosts go on opening flows. Many
 * records of a mapping do not make its flows end late.
 *
 * FLOOD=N in the environment asks for other numbers of packets.
 * needs: kernel=6.1 mem=1024 timeout=1200
 */
#include <stdlib.h>

#include "lab/behave.h"
#include "lab/flood.h"

#define FLOOD 2000
/* Every so many packets one is for the mapping. */
#define EVERY 4
/* All are for it, and looked at 64 a second those would take three minutes. */
#define FLOOD_MAPPING 12000
#define CAP 400

static unsigned int other_port(unsigned int port)
{
	unsigned int other;

	do
		other = 1024 + (unsigned int)rand() % 64512;
	while (other == port);
	return other;
}

/* How many of them were for @f's mapping; -1 when @f stops. */
static long flood(struct flow *f, unsigned int total, unsigned int every)
{
	unsigned int i, port = ep_port(f->external);
	int raw = flood_open(SERVER);
	struct packet p;
	long mapped = 0;

	srand(4787);
	flood_sink();
	conntrack_size(0);
	for (i = 0; i < total; i++) {
		mapped += i % every == 0;
		p = packet_udp(flood_stranger(i, 5000),
			       wan(GA, i % every ? other_port(port) : port),
			       "");
		flood_send(raw, &p);
		/* It comes after them: not more are in the lab's queues. */
		if (i % 256 == 255 && !flow_push(f))
			return -1;
	}
	sleep_ms(500);
	return mapped;
}

static bool goes_on(struct flow *f)
{
	return flow_push(f) && ep_eq(external(IPPROTO_UDP, A, 5000,
					      server(2, 80)), f->external);
}

/* row->arg: who filtering lets in */
static struct seen counted(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(1, 80));
	bool all = row->arg == FILTER_EIF;
	unsigned int total = flood_size(all ? FLOOD_MAPPING : FLOOD);
	const char *counter = all ? "flows_in" : "filtered";
	long before = stat_of(counter), mapped, n, records, slab;

	/* Conntrack keeps it for longer then. */
	sleep_s(3);
	slab = slab_bytes() - slab_of("nf_conntrack");
	mapped = flood(&f, total, all ? 1 : EVERY);
	if (mapped < 0)
		return seen(false, "A's flow stops");
	n = stat_of(counter) - before;
	records = stat_of("flows");
	slab = slab_bytes() - slab_of("nf_conntrack") - slab;
	ktap_diag("%u packets: %ld entries in conntrack, %ld bytes beside",
		  total, conntrack_entries(GA), slab);
	if (n != mapped || stat_of("mappings") != 1)
		return seen(false, "%s: %ld of %ld; %ld mappings", counter, n,
			    mapped, stat_of("mappings"));
	if (records != 1 + (all ? mapped : 0))
		return seen(false, "%ld records of %ld packets", records,
			    mapped);
	if (!goes_on(&f))
		return seen(false, "A's mapping is not what it was");
	sleep_s(500);
	return seen(!stat_of("flows") && conntrack_entries(GA) < 10,
		    "%s: %ld; %ld records and %ld entries are left", counter, n,
		    stat_of("flows"), conntrack_entries(GA));
}

/* New flows of an inside host; how many work. */
static unsigned int new_flows(enum node node, unsigned int first, unsigned int n)
{
	unsigned int i, works = 0;

	for (i = 0; i < n; i++)
		works += ep_eq(external(IPPROTO_UDP, node, first + i,
					server(2, 3478)),
			       wan(GA, first + i));
	return works;
}

/* Half of the records are for those from outside, the others are ours. */
static struct seen capped(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(1, 80));
	long in = stat_of("flows_in"), over = stat_of("capped"), mapped;
	unsigned int a, a2;

	(void)row;
	max_flows_set(CAP);
	mapped = flood(&f, EVERY * 2 * CAP, EVERY);
	in = stat_of("flows_in") - in;
	over = stat_of("capped") - over;
	a = new_flows(A, 6000, 20);
	a2 = new_flows(A2, 7000, 20);
	max_flows_set(0);
	if (mapped < 0 || !goes_on(&f))
		return seen(false, "A's flow stops");
	return seen(in == CAP / 2 && over == mapped - in && a == 20 &&
		    a2 == 20,
		    "%ld let in, %ld not; A has %u of 20 new flows, A2 %u",
		    in, over, a, a2);
}

static const struct row rows[] = {
	{ .name = "endpoint-independent: strangers come in and are forgotten",
	  .measure = counted, .arg = FILTER_EIF, .options = "--filter eif" },
	{ .name = "address-dependent: strangers are filtered",
	  .measure = counted, .arg = FILTER_ADF, .options = "--filter adf" },
	{ .name = "address and port-dependent: strangers are filtered",
	  .measure = counted, .arg = FILTER_APDF, .options = "--filter apdf" },
	{ .name = "strangers leave half of the records to inside hosts",
	  .measure = capped, .options = "--filter eif" },
};

ROWS_MAIN(rows)
