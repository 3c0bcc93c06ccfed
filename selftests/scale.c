// SPDX-License-Identifier: GPL-2.0
/*
 * Sixty thousand mappings on one address, and then as many as there are ports.
 * needs: mem=1024 timeout=1200
 */
#include <string.h>

#include "lab/behave.h"

#define MANY 60000
#define ALL (65535 - 1024 + 1)
#define BURST 64

/* The external ports that were seen on the wire. */
static uint8_t seen_ports[65536 / 8];
static unsigned int fresh, doubles;

/* Nobody is there; what left is counted before NET. */
static struct ep nowhere;
static int wire;

static bool mark(unsigned int port)
{
	bool first = !(seen_ports[port / 8] & 1 << port % 8);

	seen_ports[port / 8] |= 1 << port % 8;
	return first;
}

/* What left, until nothing does for @silence_ms. */
static void count(unsigned int silence_ms)
{
	struct packet p;

	while (sniff_next(wire, &p, silence_ms)) {
		if (!ep_eq(p.dst, nowhere))
			continue;
		if (ep_same_addr(p.src, wan(GA, 0)) && mark(ep_port(p.src)))
			fresh++;
		else
			doubles++;
	}
}

/* One packet from each of @n ports of @node; how many new ones left. */
static unsigned int send_from_ports(enum node node, unsigned int n)
{
	int raw = sock_open(node, AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct ep to = ep_at(nowhere, 0);
	unsigned int i;
	struct packet p;

	fresh = 0;
	for (i = 0; i < n; i++) {
		p = packet_udp(host(node, 2000 + i), nowhere, "");
		sendto(raw, p.data, p.len, 0, &to.sa, ep_len(to));
		if (i % BURST == BURST - 1)
			count(0);
	}
	count(SILENCE_MS);
	return fresh;
}

static void check_all_ports(void)
{
	unsigned int n;
	struct ep e;

	/* A first packet each, or the neighbour tables would drop a few. */
	external(IPPROTO_UDP, A, 2000, server(1, 3478));
	external(IPPROTO_ICMP, A2, 2000, server(1, 0));
	n = send_from_ports(A, MANY);
	ktap_ok(n == MANY && !doubles, "%u of %u mappings, %u ports twice", n,
		MANY, doubles);
	e = external(IPPROTO_UDP, A, 2000, server(1, 3478));
	ktap_ok(ep_port(e) == 2000, "the first of them is still %s", ep_str(e));
	/* A2 wants ports that A has, and gets those that are left. */
	n = send_from_ports(A2, ALL - MANY);
	ktap_ok(n == ALL - MANY && !doubles,
		"%u of the last %u ports are found, %u twice", n, ALL - MANY,
		doubles);
}

static void check_exhausted(void)
{
	int a2 = udp_open(A2, host(A2, 60000));
	struct sock_error e;
	struct ep before;

	udp_send(a2, server(1, 3478));
	ktap_ok(sock_error_wait(a2, &e, SILENCE_MS) && e.type == 3 &&
		e.code == 13, "one more is refused by ICMP 3/13");
	before = external(IPPROTO_UDP, A, 2001, server(2, 3478));
	ktap_ok(ep_port(before) == 2001, "what there is goes on: %s",
		ep_str(before));
}

static void check_return(void)
{
	unsigned int n;

	sleep_s(500);
	memset(seen_ports, 0, sizeof(seen_ports));
	n = send_from_ports(A2, 5000);
	ktap_ok(n == 5000 && !doubles && seen_ports[2000 / 8] & 1,
		"500 s later all is free again: A2 gets %u ports", n);
}

int main(void)
{
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(6);
	lab_start();
	gateways(NAT_NATPUNCH, NAT_NONE, NULL);
	/*
	 * Conntrack refuses entries when its hash chains grow long. It can be
	 * told only where everything began.
	 */
	sysctl_set(HOME, "net/netfilter/nf_conntrack_buckets", "262144");
	sysctl_set(HOME, "net/netfilter/nf_conntrack_max", "500000");
	nowhere = ep("192.0.2.200", 9);
	wire = sniff_open(NET, "ga");
	check_all_ports();
	check_exhausted();
	check_return();
	return ktap_exit();
}
