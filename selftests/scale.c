// SPDX-License-Identifier: GPL-2.0
/*
 * Sixty thousand mappings on one address, and then as many as there are ports.
 * needs: timeout=1200
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/behave.h"

#define MANY 60000
#define ALL (65535 - 1024 + 1)
#define BURST 64

static uint8_t seen_ports[65536 / 8];
static struct ep nowhere;
static int wire, raw_a, raw_a2;

static bool mark(unsigned int port)
{
	bool fresh = !(seen_ports[port / 8] & 1 << port % 8);

	seen_ports[port / 8] |= 1 << port % 8;
	return fresh;
}

/* Everything that has left meanwhile: how many new external ports it has. */
static unsigned int count_new(unsigned int *doubles)
{
	unsigned int fresh = 0;
	struct packet p;

	while (sniff_next(wire, &p, 0)) {
		if (!ep_eq(p.dst, nowhere))
			continue;
		if (ep_same_addr(p.src, wan(GA, 0)) && mark(ep_port(p.src)))
			fresh++;
		else
			(*doubles)++;
	}
	return fresh;
}

static int raw_open(enum node node)
{
	return sock_open(node, AF_INET, SOCK_RAW, IPPROTO_RAW);
}

/* One packet a port, to where nobody is. */
static unsigned int send_from_ports(int raw, struct ep from, unsigned int n,
				    unsigned int *doubles)
{
	struct ep to = ep_at(nowhere, 0);
	unsigned int i, fresh = 0;
	struct packet p;

	for (i = 0; i < n; i++) {
		p = packet_udp(ep_at(from, ep_port(from) + i), nowhere, "");
		sendto(raw, p.data, p.len, 0, &to.sa, ep_len(to));
		if (i % BURST == BURST - 1)
			fresh += count_new(doubles);
	}
	sleep_ms(100);
	return fresh + count_new(doubles);
}

static struct seen sixty_thousand(const struct row *row)
{
	unsigned int fresh, doubles = 0;
	struct ep e;

	(void)row;
	fresh = send_from_ports(raw_a, host(A, 2000), MANY, &doubles);
	if (fresh != MANY || doubles)
		return seen(false, "%u mappings, %u ports seen twice", fresh,
			    doubles);
	/* The first of them is still what it was. */
	e = external(IPPROTO_UDP, A, 2000, server(1, 3478));
	return seen(ep_port(e) == 2000, "%u mappings; the first: %u", fresh,
		    ep_port(e));
}

/* A2 wants the ports that A has: each gets one of those that are left. */
static struct seen last_port_is_found(const struct row *row)
{
	unsigned int fresh, doubles = 0, left = ALL - MANY;
	struct sock_error e;
	struct ep other;
	int a2;

	(void)row;
	fresh = send_from_ports(raw_a, host(A, 2000), MANY, &doubles);
	fresh += send_from_ports(raw_a2, host(A2, 2000), left, &doubles);
	if (fresh != ALL || doubles)
		return seen(false, "%u of %u ports, %u seen twice", fresh, ALL,
			    doubles);
	a2 = udp_open(A2, host(A2, 60000));
	udp_send(a2, server(1, 3478));
	if (!sock_error_wait(a2, &e, SILENCE_MS))
		return seen(false, "one more: silence");
	if (e.type != 3 || e.code != 13)
		return seen(false, "one more: ICMP %d/%d", e.type, e.code);
	other = external(IPPROTO_UDP, A, 2000, server(1, 3478));
	return seen(ep_port(other) == 2000,
		    "all %u ports given, one more is refused, A's go on", ALL);
}

/* When they have ended, all is as before. */
static struct seen all_come_back(const struct row *row)
{
	unsigned int fresh, doubles = 0;

	(void)row;
	fresh = send_from_ports(raw_a, host(A, 2000), MANY, &doubles);
	sleep_s(500);
	memset(seen_ports, 0, sizeof(seen_ports));
	doubles = 0;
	fresh = send_from_ports(raw_a2, host(A2, 2000), MANY, &doubles);
	return seen(fresh == MANY && !doubles,
		    "500 s later A2 gets %u ports, %u twice", fresh, doubles);
}

static struct seen fresh_start(const struct row *row,
			       struct seen (*measure)(const struct row *row))
{
	memset(seen_ports, 0, sizeof(seen_ports));
	nowhere = ep("192.0.2.200", 9);
	wire = sniff_open(NET, "ga");
	raw_a = raw_open(A);
	raw_a2 = raw_open(A2);
	/* It can only be set where everything began. */
	must(HOME, "echo 500000 >/proc/sys/net/netfilter/nf_conntrack_max");
	return measure(row);
}

static struct seen measure_many(const struct row *row)
{
	return fresh_start(row, sixty_thousand);
}

static struct seen measure_last(const struct row *row)
{
	return fresh_start(row, last_port_is_found);
}

static struct seen measure_return(const struct row *row)
{
	return fresh_start(row, all_come_back);
}

static const struct row rows[] = {
	{ .name = "60 000 mappings, each port preserved and unique",
	  .measure = measure_many },
	{ .name = "every port is found, the next one is refused",
	  .measure = measure_last },
	{ .name = "60 000 mappings end", .measure = measure_return },
};

ROWS_MAIN(rows)
