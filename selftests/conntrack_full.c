// SPDX-License-Identifier: GPL-2.0
/*
 * Conntrack's table is full of connections that it does not evict. Those that there
 * are go on, so do their mappings; new ones are lost, as on stock Linux, and leave
 * nothing behind. Conntrack counts them. When there is room all is well by itself.
 * needs: kernel=6.1
 */
#include <stdio.h>
#include <stdlib.h>

#include "lab/behave.h"
#include "lab/flood.h"

#define ENTRIES 24

/* New entries that conntrack had no room for. */
static unsigned long refused(void)
{
	unsigned long n;

	must(GA, "awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == \"drop\") at = i }"
		 " NR == 2 { print $at }' /proc/net/stat/nf_conntrack");
	n = strtoul(run_output(), NULL, 16);
	return n;
}

/* TCP connections of A2, until there is room for none. */
static unsigned int fill(struct flow *first)
{
	struct flow f = { .answered = true };
	unsigned int n;

	for (n = 0; n < 2 * ENTRIES && f.answered; n++) {
		f = flow_open(IPPROTO_TCP, A2, 4000 + n, server(1, 80));
		if (!n)
			*first = f;
		/* It would go on trying. */
		if (!f.answered)
			sock_close(f.in);
	}
	return n;
}

/* One packet each of many, in all protocols. */
static void more(void)
{
	int raw = flood_open(A);
	struct packet p;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		p = packet_udp(host(A, 6000 + i), server(2, 9), "");
		flood_send(raw, &p);
		p = packet_tcp(host(A, 6000 + i), server(2, 9), TCP_SYN, 1, 0);
		flood_send(raw, &p);
		p = packet_echo(host(A, 6000 + i), server(2, 9), 1);
		flood_send(raw, &p);
		p = packet_udp(server(2, 6000 + i), wan(GA, 4000), "");
		packet_send(SERVER, &p);
	}
	sleep_ms(200);
}

static long mappings(enum nat nat)
{
	return nat == NAT_NATPUNCH ? stat_of("mappings") : 0;
}

static struct seen full(const struct row *row, enum nat nat)
{
	struct flow first = {}, a = flow_open(IPPROTO_TCP, A, 5000,
					      server(1, 80)), after;
	unsigned long lost = refused();
	unsigned int n;
	long before;

	(void)row;
	conntrack_size(ENTRIES);
	n = fill(&first);
	before = mappings(nat);
	more();
	lost = refused() - lost;
	ktap_diag("%u connections, %ld entries, %lu refused", n,
		  conntrack_entries(GA), lost);
	if (conntrack_entries(GA) > ENTRIES || n > ENTRIES || lost < 300)
		return seen(false, "the table is not full: %u connections", n);
	if (!flow_push(&a) || !flow_push(&first) || mappings(nat) != before)
		return seen(false, "a flow stops, or %ld mappings became %ld",
			    before, mappings(nat));
	/* One connection ends, and conntrack forgets it: it looks every minute. */
	stream_abort(first.in);
	sleep_s(120);
	after = flow_open(IPPROTO_UDP, A, 5000, server(2, 3478));
	return seen(after.answered && ep_eq(after.external, wan(GA, 5000)) &&
		    flow_push(&a), "when one has ended, A %s",
		    after.answered ? "has a new one" : "has none");
}

static struct seen by_masquerade(const struct row *row)
{
	return full(row, NAT_MASQUERADE);
}

static struct seen by_natpunch(const struct row *row)
{
	return full(row, NAT_NATPUNCH);
}

static void report(const char *name, enum nat nat,
		   struct seen (*measure)(const struct row *row))
{
	const struct row row = { .name = name, .measure = measure };
	struct seen s = row_measure(&row, nat);

	ktap_diag("%s", s.text);
	ktap_ok(s.ok, "%s", name);
	conntrack_size(0);
}

int main(void)
{
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(2);
	lab_start();
	report("stock Linux with masquerade", NAT_MASQUERADE, by_masquerade);
	report("natpunch", NAT_NATPUNCH, by_natpunch);
	return ktap_exit();
}
