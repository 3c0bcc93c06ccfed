// SPDX-License-Identifier: GPL-2.0
/*
 * One processor configures while the other has packets for what is configured: WANs
 * come and go, flows are registered and are not any more, a device is watched and
 * is not, a namespace ends. What is not being changed has to hold all the time,
 * and afterwards all works. (That the kernel does not complain, nor KASAN or
 * KCSAN in a kernel that has them, is for whoever runs this to see.)
 *
 *	CHANGES		how many of each (default 12)
 *
 * needs: smp=2 noicount kernel=6.1 timeout=900
 */
#define _GNU_SOURCE
#include <errno.h>
#include <natpunch.h>
#include <string.h>

#include "lab/behave.h"
#include "lab/chance.h"
#include "lab/passage.h"
#include "lab/race.h"

#define PEER "192.0.2.200"
#define KEPT 4000		/* the port of what is registered all the time */
#define OTHER 4001
#define LONG 4000		/* changes that see packets, however busy we are */

static int raw_lan, raw_wan, udp;
static unsigned int changes;

static void put(int sock, struct packet p)
{
	struct ep dst = ep_at(p.dst, 0);

	/* Where to is not always there. */
	if (sendto(sock, p.data, p.len, 0, &dst.sa, ep_len(dst)) < 0 &&
	    errno != ENETUNREACH && errno != EPERM)
		ktap_diag("a packet was not sent: %s", strerror(errno));
}

static struct natpunch *open_in(enum node node)
{
	struct natpunch *np;
	int err = natpunch_open_netns(&np, node_name(node));

	if (err)
		ktap_bail("natpunch: %s", strerror(-err));
	return np;
}

/* New flows, SYNs to hold and SYNs that release them. */
static void busy_wan(unsigned int i)
{
	unsigned int port = 5000 + i % 512;

	put(raw_lan, packet_udp(host(A, port), ep(PEER, 3478), "hello"));
	put(raw_wan, packet_tcp(ep(PEER, 80), wan(GA, port), TCP_SYN, i, 0));
	put(raw_lan, packet_tcp(host(A, port), ep(PEER, 80), TCP_SYN, i, 0));
	put(raw_wan, packet_udp(ep(PEER, 3478), wan(GA, port), "hello"));
}

static struct seen wans(const struct row *row)
{
	struct natpunch_wan wan = {
		.fields = NATPUNCH_HAS(WAN_DEV) |
			  NATPUNCH_HAS(WAN_INBOUND_REFRESH),
		.dev = "wan",
	};
	struct natpunch *np = open_in(GA);
	unsigned int i, failed = 0;
	struct flow flow;
	long packets;
	pid_t pid;

	(void)row;
	pid = race_keep(1, busy_wan);
	for (i = 0; i < changes; i++) {
		failed += natpunch_wan_del(np, "wan") != 0;
		wan.inbound_refresh = i % 2;
		failed += natpunch_wan_add(np, &wan) != 0;
		sleep_ms(i % 5);
		failed += natpunch_mapping_flush(np, NULL, NULL) != 0;
	}
	packets = race_end(pid);
	natpunch_close(np);
	flow = flow_open(IPPROTO_UDP, A, 6000, server(1, 3478));
	return seen(packets > 0 && !failed && flow.answered,
		    "%ld times packets, %u requests refused, then a flow %s",
		    packets, failed, flow.answered ? "works" : "does not work");
}

/* A's kernel knows neither connection, so it refuses. */
static void busy_rsts(unsigned int i)
{
	put(raw_wan, packet_tcp(ep(PEER, 80), host(A, KEPT + i % 2),
				TCP_SYN | TCP_ACK, i, i));
}

static int craft(struct natpunch *np, unsigned int port, uint32_t *id)
{
	struct natpunch_crafted made = { 0 }, flow = {
		.fields = NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |
			  NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LEASE),
		.local_addr.family = AF_INET,
		.local_port_min = port,
		.remote_addr.family = AF_INET,
		.lease = 600,
	};
	struct ep local = host(A, 0), peer = ep(PEER, 0);
	int err;

	flow.local_addr.in = local.in.sin_addr;
	flow.remote_addr.in = peer.in.sin_addr;
	err = natpunch_crafted_add(np, &flow, &made);
	*id = made.id;
	return err;
}

static struct seen crafted_flows(const struct row *row)
{
	unsigned int i, failed, got_out[2] = { 0 };
	struct natpunch *np = open_in(A);
	int wire = sniff_open(GA, "lan");
	uint32_t kept, other;
	struct packet p;
	long packets;
	pid_t pid;

	(void)row;
	raw_wan = sock_open(GA, AF_INET, SOCK_RAW, IPPROTO_RAW);
	failed = craft(np, KEPT, &kept) != 0;
	pid = race_keep(1, busy_rsts);
	for (i = 0; i < changes * 4 || (!got_out[1] && i < LONG); i++) {
		failed += craft(np, OTHER, &other) != 0;
		sleep_ms(i % 3);
		failed += natpunch_crafted_del(np, other) != 0;
		sleep_ms(i % 2);
		while (sniff_next(wire, &p, 0))
			if (p.tcp_flags & TCP_RST)
				got_out[ep_port(p.src) == OTHER]++;
	}
	packets = race_end(pid);
	natpunch_crafted_del(np, kept);
	natpunch_close(np);
	return seen(packets > 0 && !failed && !got_out[0] && got_out[1],
		    "%ld segments, %u requests refused; RSTs that got out: %u of the flow that stayed, %u of the other",
		    packets, failed, got_out[0], got_out[1]);
}

static void busy_raw_socket(unsigned int i)
{
	put(raw_lan, packet_tcp(host(A, 7000 + i % 64), ep(PEER, 80), TCP_SYN,
				i, 0));
}

static struct seen watched_device(const struct row *row)
{
	struct natpunch *np = open_in(A);
	unsigned int i, failed = 0;
	long packets;
	pid_t pid;

	(void)row;
	pid = race_keep(1, busy_raw_socket);
	for (i = 0; i < changes * 4; i++) {
		failed += natpunch_crafted_dev_set(np, "eth0", 1, i % 2) != 0;
		failed += natpunch_crafted_dev_set(np, "eth0", 0, i % 2) != 0;
	}
	packets = race_end(pid);
	natpunch_close(np);
	return seen(packets > 0 && !failed, "%ld segments, %u requests refused",
		    packets, failed);
}

static void busy_passage(unsigned int i)
{
	struct ep far = ep(PASSAGE_FAR, 1000 + i % 4096);

	/* There is not always a way there. */
	sendto(udp, "hello", 5, 0, &far.sa, ep_len(far));
}

static struct seen namespaces(const struct row *row)
{
	unsigned int made = 0;
	long packets;
	pid_t pid;

	(void)row;
	udp = sock_open(NET, AF_INET, SOCK_DGRAM, 0);
	pid = race_keep(1, busy_passage);
	while (made < changes / 4 && passage_make(made % 2)) {
		if (!passage_end(made % 3))
			break;
		made++;
	}
	packets = race_end(pid);
	if (made < changes / 4)
		ktap_diag("%s", run_output());
	return seen(packets > 0 && made == changes / 4,
		    "%ld packets, %u of %u namespaces came and went", packets,
		    made, changes / 4);
}

/*
 * The first hook of a kind, of any namespace, makes the kernel patch its own code,
 * and so does the last. One emulated processor can meet the other's half-made patch
 * and stay there. So there are hooks of all kinds that are ours, somewhere else.
 */
static void keep_hooks(void)
{
	static const char rules[] =
		"table inet others {\n"
		"chain a { type filter hook prerouting priority 0; }\n"
		"chain b { type filter hook input priority 0; }\n"
		"chain c { type filter hook forward priority 0; }\n"
		"chain d { type filter hook output priority 0; }\n"
		"chain e { type filter hook postrouting priority 0; }\n"
		"}\n"
		"table netdev others {\n"
		"chain f { type filter hook ingress device lo priority 0; }\n"
		"chain g { type filter hook egress device lo priority 0; }\n"
		"}\n";
	static bool kept;

	if (!kept && run_with(HOME, rules, "nft -f -"))
		ktap_bail("%s", run_output());
	kept = true;
}

/* What is sent to the peer goes no further than NET. */
static struct seen between_peers(const struct row *row)
{
	static struct seen (*const measures[])(const struct row *row) = {
		wans, crafted_flows, watched_device,
	};
	struct seen s;

	keep_hooks();
	raw_lan = sock_open(A, AF_INET, SOCK_RAW, IPPROTO_RAW);
	raw_wan = sock_open(NET, AF_INET, SOCK_RAW, IPPROTO_RAW);
	must(NET, "ip route replace blackhole " PEER);
	s = measures[row->arg](row);
	must(NET, "ip route del blackhole " PEER);
	return s;
}

static const struct row rows[] = {
	{ .name = "WANs", .measure = between_peers, .arg = 0 },
	{ .name = "crafted flows", .measure = between_peers, .arg = 1 },
	{ .name = "a watched device", .measure = between_peers, .arg = 2 },
	{ .name = "namespaces", .measure = namespaces },
};

int main(void)
{
	if (!race_possible())
		ktap_skip_all("one processor");
	changes = chance_count("CHANGES", 12);
	race_pin(0);
	return rows_main(rows, ARRAY_SIZE(rows));
}
