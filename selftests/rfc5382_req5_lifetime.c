// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5382 REQ-5: an established connection's mapping lives 2 h 4 min when idle, a
 * transitory one's (half open, half closed) 4 min.
 */
#include "lab/behave.h"

#define TWO_HOURS_FOUR_MINUTES (2 * 3600 + 4 * 60)

static struct seen established_and_usable(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	struct ep before = f.external;
	bool pushed;

	sleep_s(row->arg);
	pushed = flow_push(&f);
	flow_ask(&f);
	return seen(pushed && f.answered && ep_eq(f.external, before),
		    "%ld s later the server speaks first: %s, %s", row->arg,
		    ep_str(before), ep_str(f.external));
}

/* The server is silent; A gives up after two SYNs. */
static struct seen half_open(const struct row *row)
{
	int a = stream_open(IPPROTO_TCP, A, host(A, 5000));
	int wire = sniff_open(NET, "ga");
	struct flow f = {
		.protocol = IPPROTO_TCP, .internal = host(A, 5000),
		.remote = server(1, 80),
	};
	struct packet syn;
	struct ep got;
	bool kept;

	nft(SERVER, "table inet deaf {\n"
	    "	chain in { type filter hook input priority 0;\n"
	    "		   tcp dport 80 drop; }\n"
	    "}\n");
	sysctl_set(A, "net/ipv4/tcp_syn_retries", "1");
	stream_connect(a, f.remote);
	sniff_find(wire, &syn, is_to, &f.remote, COMES_MS);
	f.external = syn.src;
	sleep_s(5);
	nft(SERVER, "flush ruleset\n");
	sleep_s(row->arg - 5);
	kept = still_taken(&f, &got);
	return seen(kept, "%ld s after a SYN from %u the neighbour gets %u",
		    row->arg, ep_port(f.external), ep_port(got));
}

static struct seen closed_by_both(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	struct ep got;
	bool kept;

	sock_close(f.in);
	sleep_s(1);
	sock_close(f.out);
	sleep_s(row->arg);
	kept = still_taken(&f, &got);
	return seen(kept, "%ld s after both FINs the neighbour gets %u",
		    row->arg, ep_port(got));
}

static struct seen mapping_ends(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	struct ep got;
	bool kept;

	sock_close(f.in);
	sleep_s(1);
	sock_close(f.out);
	sleep_s(row->arg);
	kept = still_taken(&f, &got);
	return seen(!kept && ep_eq(got, f.external),
		    "%ld s after both FINs the neighbour gets %u", row->arg,
		    ep_port(got));
}

static const struct row rows[] = {
	{ .name = "REQ-5 established, idle for almost 2 h 4 min",
	  .measure = established_and_usable,
	  .arg = TWO_HOURS_FOUR_MINUTES - 60, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "REQ-5 established and idle, its port is its own",
	  .measure = endpoint_is_kept_for, .protocol = IPPROTO_TCP,
	  .arg = TWO_HOURS_FOUR_MINUTES - 60, .stock = STOCK_PASSES },
	{ .name = "REQ-5 half open for almost 4 min",
	  .measure = half_open, .arg = 230, .stock = STOCK_FAILS,
	  .families = BOTH },
	{ .name = "REQ-5 closed for almost 4 min",
	  .measure = closed_by_both, .arg = 230, .stock = STOCK_FAILS },
	{ .name = "a closed connection's mapping ends",
	  .measure = mapping_ends, .arg = 430 },
};

ROWS_MAIN(rows)
