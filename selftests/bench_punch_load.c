// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection costs its packets: the same sockets, hosts and gateways (natpunch
 * on both) with natpunchd's connection between them, and without natpunchd, by port
 * forwardings: one, of the serving gateway, whose address the client connects to;
 * and two, so that he connects to his own gateway, as with natpunchd. Nothing waits,
 * so what a packet takes of virtual time are the instructions of its whole way.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench_punch.h"
#include "lab/gateway.h"
#include "lab/sock.h"
#include "lab/visit.h"

#define WINDOW	25		/* packets there and back in a row */
#define WINDOWS	60
#define SIZE	1400
#define REST_S	30		/* until natpunchd has done all it does for a flow */

static void pass(int from, int to, const struct ep *dst)
{
	static char buf[2048];
	struct pollfd p = { .fd = to, .events = POLLIN };

	if (sendto(from, buf, SIZE, 0, dst ? &dst->sa : NULL,
		   dst ? ep_len(*dst) : 0) != SIZE)
		ktap_bail("a packet can not be sent");
	while (recv(to, buf, sizeof(buf), MSG_DONTWAIT) < 0)
		if (poll(&p, 1, 2000) != 1)
			ktap_bail("a packet is lost");
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 :
	       *(const double *)a > *(const double *)b;
}

/* Instructions for a packet there and one back. */
struct costs {
	double young, rest;
};

/* ... what disturbs is not the median. */
static double cost(int client, const struct ep *to, int service,
		   const struct ep *back)
{
	double value[WINDOWS], begin;
	unsigned int i, n;

	for (i = 0; i < WINDOWS; i++) {
		begin = watch_ms();
		for (n = 0; n < WINDOW; n++) {
			pass(client, service, to);
			pass(service, client, back);
		}
		value[i] = (watch_ms() - begin) * 1e6 / WINDOW;
		sleep_ms(5);
	}
	qsort(value, WINDOWS, sizeof(*value), compare);
	return value[WINDOWS / 2];
}

/* At once, and when the gateways are at rest. A packet now and then keeps a flow. */
static struct costs costs(int client, const struct ep *to, int service,
			  const struct ep *back)
{
	struct costs c = { .young = cost(client, to, service, back) };
	unsigned int s;

	for (s = 0; s < REST_S; s += 5) {
		sleep_ms(5000);
		pass(client, service, to);
		pass(service, client, back);
	}
	c.rest = cost(client, to, service, back);
	return c;
}

static struct costs tcp_cost(struct ep to)
{
	int client = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	struct ep peer;
	int service;

	stream_connect(client, to);
	if (stream_connected(client, 10000))
		ktap_bail("no connection to %s", ep_str(to));
	service = stream_accept(visit_listener(), &peer, 2000);
	return costs(client, NULL, service, NULL);
}

static struct costs udp_cost(struct ep to, int service)
{
	int client = udp_open(B2, host(B2, 0));
	unsigned long number = udp_send(client, to);
	struct ep peer;

	if (!udp_wait(service, number, &peer, 10000))
		ktap_bail("no way to %s", ep_str(to));
	/* The answer makes it an established flow. */
	udp_deliver(service, peer, client, NULL);
	return costs(client, &to, service, &peer);
}

static void no_delay(void)
{
	must(NET, "for d in ga gb srv; do tc qdisc del dev $d root; done");
}

static void through(struct costs *tcp, struct costs *udp)
{
	int service;

	if (visit_session(NULL, NULL) < 0)
		ktap_bail("no session: %s", site_log(GB));
	service = udp_open(A, host(A, 53));
	if (!site_ask(GA, "{\"do\":\"service-add\",\"name\":\"echo\","
		      "\"to\":\"10.1.0.2:53\",\"proto\":\"udp\","
		      "\"allow\":[\"siteB\"]}") ||
	    !site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/echo\","
		      "\"listen\":\"10.2.0.1:5353\",\"proto\":\"udp\"}") ||
	    !site_says(GB, "siteA/echo: direct", SESSION_MS))
		ktap_bail("no session: %s", site_log(GB));
	no_delay();
	*tcp = tcp_cost(ep("10.2.0.1", 2222));
	*udp = udp_cost(ep("10.2.0.1", 5353), service);
	site_stop(GA);
	site_stop(GB);
}

/* @twice: by the client's gateway, too. */
static void plain(bool twice, struct costs *tcp, struct costs *udp)
{
	int service;

	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	nft(GA, "table ip plain {\n"
	    "	chain in {\n"
	    "		type nat hook prerouting priority dstnat;\n"
	    "		iifname \"wan\" tcp dport 22 dnat to 10.1.0.2\n"
	    "		iifname \"wan\" udp dport 53 dnat to 10.1.0.2\n"
	    "	}\n"
	    "}\n");
	if (twice)
		nft(GB, "table ip plain {\n"
		    "	chain in {\n"
		    "		type nat hook prerouting priority dstnat;\n"
		    "		ip daddr 10.2.0.1 tcp dport 2222 dnat to %s\n"
		    "		ip daddr 10.2.0.1 udp dport 5353 dnat to %s\n"
		    "	}\n"
		    "}\n", ep_str(wan(GA, 22)), ep_str(wan(GA, 53)));
	visit_serve(true);
	service = udp_open(A, host(A, 53));
	*tcp = tcp_cost(twice ? ep("10.2.0.1", 2222) : wan(GA, 22));
	*udp = udp_cost(twice ? ep("10.2.0.1", 5353) : wan(GA, 53), service);
}

void load(FILE *file)
{
	struct costs with[2], once[2], twice[2];
	int i;

	through(&with[0], &with[1]);
	plain(false, &once[0], &once[1]);
	plain(true, &twice[0], &twice[1]);
	for (i = 0; i < 2; i++) {
		fprintf(file, "{\"load\": \"%s\", \"plain\": %.0f, \"twice\": %.0f, \"young\": %.0f, \"through\": %.0f}\n",
			i ? "udp" : "tcp", once[i].rest, twice[i].rest,
			with[i].young, with[i].rest);
		printf("%s, %d bytes there and back: forwarded once %.0f (young %.0f), twice %.0f (young %.0f), through a connection %.0f (young %.0f)\n",
		       i ? "udp" : "tcp", SIZE, once[i].rest, once[i].young,
		       twice[i].rest, twice[i].young, with[i].rest,
		       with[i].young);
	}
	lab_delay_again();
}
