// SPDX-License-Identifier: GPL-2.0
/*
 * First packets of flows, made by hand: the NAT's part in what a new flow costs
 * is greater here than between sockets. For information; the design's limits are
 * set for what programs see (bench_socket.c).
 */
#include <stddef.h>

#include "bench.h"

static void measure_and_report(struct trial *t)
{
	struct result r = measure(t);

	report_trial(t, &r);
}

static void first_packet(const char *group, const char *name, int family,
			 int protocol, enum vary vary)
{
	struct train train = train_out(family, protocol, vary);
	struct trial t = train_trial(&train, group, name);
	int nat;

	for (nat = 0; nat < NATS; nat++)
		train_reach(nat, &train, 500);
	measure_and_report(&t);
	net_forget_all();
}

/*
 * A packet from outside to the mapping's port leaves an entry in conntrack that
 * might be in a new flow's way, so from then on natpunch looks.
 */
static void after_a_stranger(void)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, DST_PORT);
	struct train stranger = {
		.from = AT_SERVER, .to = AT_GATEWAY, .protocol = IPPROTO_UDP,
		.src = net_nth(net_ep(AF_INET, FAR_EP, 7000), 1000),
		.dst = net_ep(AF_INET, GATEWAY_EP, ep_port(train.src)),
		.vary = SAME,
	};
	struct trial t = train_trial(&train,
				     "first packet alone, existing mapping",
				     "UDP, to another port, after a stranger");
	int nat;

	for (nat = 0; nat < NATS; nat++) {
		train_reach(nat, &train, 500);
		train_reach(nat, &stranger, 1);
	}
	measure_and_report(&t);
	net_forget_all();
}

static void outbound(void)
{
	const int udp = IPPROTO_UDP, tcp = IPPROTO_TCP;
	static const char flow[] = "first packet alone, existing mapping";
	static const char mapping[] = "first packet alone, new mapping";

	first_packet(flow, "UDP, to another address", AF_INET, udp, DST_ADDR);
	first_packet(flow, "UDP, to another port", AF_INET, udp, DST_PORT);
	after_a_stranger();
	first_packet(flow, "TCP SYN, to another address", AF_INET, tcp,
		     DST_ADDR);
	first_packet(flow, "IPv6 UDP, to another address", AF_INET6, udp,
		     DST_ADDR);
	first_packet(mapping, "UDP", AF_INET, udp, SRC_PORT);
	first_packet(mapping, "TCP SYN", AF_INET, tcp, SRC_PORT);
	first_packet(mapping, "IPv6 UDP", AF_INET6, udp, SRC_PORT);
}

/* From none, and with whatever else that makes the kernel do. */
static void start_empty(enum nat nat, struct trial *t)
{
	struct train *train = t->data;

	net_forget(nat);
	train->next[nat] = 0;
	train_prepare(nat, t);
}

static void from_none(const char *name, enum vary vary)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, vary);
	struct trial t = train_trial(&train, "1000 at once, growth of tables included",
				     name);

	t.n = 1000;
	t.repeats = 3;
	t.all_tasks = true;
	t.prepare = start_empty;
	measure_and_report(&t);
	net_forget_all();
}

static const char inbound_group[] = "inbound and hairpin, first packet alone";

static void filtered(void)
{
	struct train open = train_out(AF_INET, IPPROTO_UDP, SAME);
	struct train train = {
		.from = AT_SERVER, .to = AT_GATEWAY, .protocol = IPPROTO_UDP,
		.src = net_ep(AF_INET, FAR_EP, 7000),
		.dst = net_ep(AF_INET, GATEWAY_EP, ep_port(open.src)),
		.vary = SRC_ADDR,
		.next = { 1, 1, 1 },
	};
	struct trial t = train_trial(&train, inbound_group,
				     "filtered, then dropped by input policy");

	t.without[NO_NAT] = true;
	train_reach(MASQUERADE, &open, 1);
	train_reach(NATPUNCH, &open, 1);
	measure_and_report(&t);
	net_forget_all();
}

/* masquerade wants a rule for what natpunch does by itself. */
static void admitted(void)
{
	struct train open = train_out(AF_INET, IPPROTO_UDP, SAME);
	struct train train = {
		.from = AT_SERVER, .to = AT_HOST, .protocol = IPPROTO_UDP,
		.src = net_ep(AF_INET, FAR_EP, 7000),
		.dst = net_ep(AF_INET, GATEWAY_EP, ep_port(open.src)),
		.vary = SRC_ADDR,
		.next = { 1, 1, 1 },
	};
	struct trial t = train_trial(&train, inbound_group,
				     "admitted (masquerade: a dnat rule)");

	t.without[NO_NAT] = true;
	net_run(MASQUERADE, "nft -f - <<'END'\n"
		"table ip forward { chain pre {\n"
		"  type nat hook prerouting priority dstnat;\n"
		"  iifname wan udp dport %u dnat to 10.2.0.1\n"
		"}; }\n"
		"END\n", ep_port(open.src));
	train_reach(NATPUNCH, &open, 1);
	measure_and_report(&t);
	net_run(MASQUERADE, "nft delete table ip forward");
	net_forget_all();
}

static void hairpin(void)
{
	struct train open = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
	struct train train = {
		.from = AT_HOST, .to = AT_HOST, .protocol = IPPROTO_UDP,
		.src = net_nth(net_ep(AF_INET, NEAR_EP, 5000), 1),
		.dst = net_ep(AF_INET, GATEWAY_EP, 0), .vary = DST_PORT,
	};
	struct trial t = train_trial(&train, inbound_group,
				     "hairpin, to another mapping");

	t.without[NO_NAT] = true;
	t.without[MASQUERADE] = true;
	/* Some for windows that are taken again. */
	train_reach(NATPUNCH, &open, 2 * t.repeats * t.n + 2000);
	measure_and_report(&t);
	net_forget_all();
}

void bench_first(void)
{
	outbound();
	net_run(NATPUNCH, "natpunchctl wan set wan --filter adf");
	filtered();
	net_run(NATPUNCH, "natpunchctl wan set wan --filter eif");
	admitted();
	hairpin();
	net_run(NATPUNCH, "natpunchctl wan set wan --filter adf");
	from_none("UDP flows of one mapping", DST_PORT);
	from_none("UDP mappings", SRC_PORT);
}
