// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-13: a packet with DF that is too big for the way out is answered by
 * "fragmentation needed" (IPv6: "packet too big"); REQ-13a: without DF it is
 * fragmented. The same error from a router further on is translated.
 */
#include <errno.h>
#include <string.h>

#include "lab/behave.h"

static void send_big(int sock, struct ep to, bool dont_fragment)
{
	bool v4 = lab_family() == AF_INET;
	int how = dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
	char data[1400];

	memset(data, 'x', sizeof(data));
	setsockopt(sock, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		   v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &how, sizeof(how));
	sendto(sock, data, sizeof(data), 0, &to.sa, ep_len(to));
}

/* row->arg 0: our own WAN is narrow; 1: the server's link is. */
static struct seen too_big_is_told(const struct row *row)
{
	enum node where = row->arg ? NET : GA;
	const char *dev = row->arg ? "srv" : "wan";
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct sock_error e;
	bool told;

	udp_deliver(a, server(1, 3478), s, NULL);
	must(where, "ip link set %s mtu 1300", dev);
	send_big(a, server(1, 3478), true);
	told = sock_error_wait(a, &e, SILENCE_MS);
	must(where, "ip link set %s mtu 1500", dev);
	must(A, "ip route flush cache; ip -6 route flush cache");
	if (!told)
		return seen(false, "silence");
	return seen(e.error == EMSGSIZE && e.mtu == 1300 &&
		    ep_eq(e.about, server(1, 3478)),
		    "error %d, mtu %u, from %s about %s", e.error, e.mtu,
		    ep_addr_str(e.offender), ep_str(e.about));
}

static struct seen without_df_it_is_fragmented(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	char data[2048];
	ssize_t n;

	(void)row;
	udp_deliver(a, server(1, 3478), s, NULL);
	must(GA, "ip link set wan mtu 1300");
	send_big(a, server(1, 3478), false);
	sleep_ms(500);
	n = recv(s, data, sizeof(data), MSG_DONTWAIT);
	must(GA, "ip link set wan mtu 1500");
	return seen(n == 1400, "%zd of 1400 bytes arrive", n);
}

static const struct row rows[] = {
	{ .name = "REQ-13 too big for our WAN: the host is told",
	  .measure = too_big_is_told, .arg = 0, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "REQ-13 too big further on: the host is told",
	  .measure = too_big_is_told, .arg = 1, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "REQ-13a without DF it is fragmented",
	  .measure = without_df_it_is_fragmented, .stock = STOCK_PASSES },
};

ROWS_MAIN(rows)
