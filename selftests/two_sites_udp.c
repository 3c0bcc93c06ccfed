// SPDX-License-Identifier: GPL-2.0
/*
 * A UDP service at one of two sites, on a device that knows nothing of natpunchd,
 * reached from the other: packets go both ways, also after a long silence; nobody
 * else gets in, and no lie is believed; what was opened is closed again; neither
 * end's devices see a packet that is not theirs. With other NATs in front of the
 * gateways, too.
 *
 * needs: kernel=6.1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sites.h"
#include "lab/sock.h"
#include "lab/zoo.h"

#define SESSION_MS	20000
#define OPEN_MS		10000
#define STUN_COOKIE	"\x21\x12\xa4\x42"

static int service;		/* on A */

static bool offer_service(void)
{
	return site_ask(GA, "{\"do\":\"service-add\",\"name\":\"echo\","
			"\"to\":\"10.1.0.2:53\",\"proto\":\"udp\","
			"\"allow\":[\"siteB\"]}");
}

static bool want_connection(void)
{
	return site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/echo\","
			"\"listen\":\"10.2.0.1:5353\",\"proto\":\"udp\"}");
}

static struct ep listener(void)
{
	return ep("10.2.0.1", 5353);
}

/* A's and B's NATs in front; NULL: none. Returns milliseconds, -1: it failed. */
static long set_up(const char *zoo_a, const char *zoo_b)
{
	unsigned long begin;

	sock_close_all();
	site_stop(GA);
	site_stop(GB);
	site_forget(GA);
	site_forget(GB);
	zoo_stop(GA);
	zoo_stop(GB);
	if (zoo_a)
		zoo_start(GA, zoo_a);
	if (zoo_b)
		zoo_start(GB, zoo_b);
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	service = udp_open(A, host(A, 53));
	site_start(GA);
	site_start(GB);
	if (!offer_service() || !site_says(GB, "siteA is online", 10000) ||
	    !site_says(GA, "siteB is online", 10000))
		return -1;
	begin = now_ms();
	if (!want_connection() ||
	    !site_says(GB, "siteA/echo: direct", SESSION_MS))
		return -1;
	return (long)(now_ms() - begin);
}

static void show_logs(void)
{
	ktap_diag("site A:");
	ktap_diag("%s", site_log(GA));
	ktap_diag("site B:");
	ktap_diag("%s", site_log(GB));
}

struct connection {
	int client;
	struct ep peer;		/* as the service sees it */
	long ms;		/* from the first packet to its answer */
};

static bool answer(const struct connection *c)
{
	struct ep from;

	return udp_deliver(service, c->peer, c->client, &from) &&
	       ep_eq(from, listener());
}

/* A client's first packet, and the answer: none of them is sent twice. */
static bool connection_open(struct connection *c, enum node node)
{
	unsigned long begin = now_ms(), number;

	*c = (struct connection){ .client = udp_open(node, host(node, 0)) };
	number = udp_send(c->client, listener());
	if (!udp_wait(service, number, &c->peer, OPEN_MS) || !answer(c))
		return false;
	c->ms = (long)(now_ms() - begin);
	return true;
}

static bool connection_lives(const struct connection *c)
{
	struct ep from;

	return udp_deliver(c->client, listener(), service, &from) &&
	       ep_eq(from, c->peer) && answer(c);
}

static bool reaches(enum node node, struct ep from, struct ep to)
{
	const struct packet p = packet_udp(from, to, "packet 4711");

	packet_send(node, &p);
	return udp_wait(service, 4711, NULL, 200);
}

static bool is_stun(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_UDP && p->len >= p->payload + 20 &&
	       !memcmp(p->data + p->payload + 4, STUN_COOKIE, 4);
}

/* From the other site: what a STUN server answers is something else. */
static bool is_stun_out(const struct packet *p, const void *unused)
{
	return is_stun(p, unused) && p->outgoing &&
	       !ep_same_addr(p->src, server(1, 0)) &&
	       !ep_same_addr(p->src, server(2, 0));
}

/* --- both gateways have public addresses ----------------------------------- */

static struct connection first;

static void it_connects(void)
{
	long ms = set_up(NULL, NULL);
	int lan_a = sniff_open(GA, "lan"), lan_b = sniff_open(GB, "lan");
	struct packet p;

	if (!ktap_ok(ms >= 0, "the sites find each other"))
		show_logs();
	ktap_diag("session: %ld ms, of which the check's round trip took %s",
		  ms, site_value(GB, "connection-show", ".result[0].rtt_ms"));
	if (!ktap_ok(connection_open(&first, B2),
		     "a LAN client's first packet reaches the service, and is answered"))
		show_logs();
	ktap_diag("answered after %ld ms; the service sees %s", first.ms,
		  ep_str(first.peer));
	ktap_ok(ep_same_addr(first.peer, wan(GB, 0)),
		"the service sees the other site's address");
	ktap_ok(!sniff_find(lan_a, &p, is_stun, NULL, 100) &&
		!sniff_find(lan_b, &p, is_stun, NULL, 100),
		"no device sees a connectivity check");
	sock_close(lan_a);
	sock_close(lan_b);
}

static void several_clients(void)
{
	struct connection c[4];
	bool all = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(c); i++)
		all &= connection_open(&c[i], i % 2 ? B : B2);
	ktap_ok(all && connection_lives(&first),
		"several clients have a connection each");
	ktap_ok(atoi(site_value(GB, "connection-show",
				".result[0].flows | length")) == 5,
		"they are shown");
}

static void nobody_else_enters(void)
{
	struct ep to = site_remote(GB);

	ktap_ok(!ep_none(to) && !reaches(SERVER, server(1, 5353), to),
		"a stranger does not reach the service");
	ktap_ok(!reaches(GB, wan(GB, 7777), to),
		"nor does another port of the peer's address");
	ktap_ok(!reaches(GB, first.peer, ep_at(to, 53)),
		"nor does the peer reach another port");
}

static struct ep seen_to;

static bool is_request_to(const struct packet *p, const void *unused)
{
	return is_stun(p, unused) && p->data[p->payload] == 0 &&
	       p->data[p->payload + 1] == 1 && ep_eq(p->dst, seen_to);
}

/*
 * A check of the peer's, caught on the wire while it counts: from elsewhere it opens
 * nothing, be it as it was or garbled.
 */
static void no_lie_is_believed(void)
{
	struct ep strangers[2] = { server(1, 5354), server(2, 5354) };
	int client = udp_open(B, host(B, 0)), wire = sniff_open(NET, "ga");
	unsigned long number;
	struct packet p;
	bool caught;

	seen_to = site_remote(GB);
	number = udp_send(client, listener());
	caught = sniff_find(wire, &p, is_request_to, NULL, 2000);
	if (caught) {
		p.src = strangers[0];
		packet_send(SERVER, &p);
		p.src = strangers[1];
		p.data[p.payload + 19] ^= 1;
		packet_send(SERVER, &p);
	}
	ktap_ok(caught && udp_wait(service, number, NULL, OPEN_MS),
		"a connection opens while somebody repeats its checks");
	ktap_ok(!reaches(SERVER, strangers[0], seen_to),
		"a check that comes again from elsewhere opens nothing");
	ktap_ok(!reaches(SERVER, strangers[1], seen_to),
		"nor does a garbled one");
	sock_close(wire);
}

/* --- silence, and the end -------------------------------------------------- */

static bool close_it(void)
{
	return site_ask(GB, "{\"do\":\"connection-del\","
			"\"connection\":\"siteA/echo\"}") &&
	       site_says(GA, "closed", 5000);
}

/* Behind NATs that forget after two minutes, or after half of one. */
static void silence(void)
{
	bool connected = set_up("home", "home") >= 0;
	struct connection c, other;
	int lan_a = sniff_open(GA, "lan"), lan_b = sniff_open(GB, "lan");
	int wire_a = sniff_open(NET, "ga"), wire_b = sniff_open(NET, "gb");
	struct packet p;

	if (!ktap_ok(connected && connection_open(&c, B2),
		     "a connection with home routers in front"))
		show_logs();
	ktap_diag("answered after %ld ms", c.ms);
	while (sniff_next(wire_a, &p, 0) || sniff_next(wire_b, &p, 0))
		;
	sleep_s(300);
	ktap_ok(!sniff_find(lan_a, &p, is_stun, NULL, 0) &&
		!sniff_find(lan_b, &p, is_stun, NULL, 0),
		"what keeps it alive comes to no device");
	ktap_ok(!sniff_find(wire_a, &p, is_stun_out, NULL, 0) &&
		!sniff_find(wire_b, &p, is_stun_out, NULL, 0),
		"nor to the other site");
	ktap_ok(answer(&c) && connection_lives(&c),
		"after five minutes the service reaches the client first");
	ktap_ok(connection_open(&other, B),
		"and another client connects");
	ktap_ok(close_it() && !connection_lives(&c) && !answer(&c) && !answer(&other),
		"when the connection is deleted nothing passes any more");
}

/* --- NATs in front --------------------------------------------------------- */

static const struct pair {
	const char *a, *b;
} pairs[] = {
	{ "home", NULL },
	{ NULL, "home" },
	{ "home-open", "home-open" },
	{ "home-restricted", "home-restricted" },
	{ "home-rst", "home-rst" },
	{ "carrier", "home" },
	{ "linux", "linux" },
	{ "home-restricted", "sequential" },
	{ "sequential", "home-restricted" },
	{ "home-open", "carrier-blocks" },
	{ "carrier-blocks", "home-open" },
	/* ports that have to be guessed */
	{ "sequential", "home" },
	{ "home", "sequential" },
	{ "sequential-down", "home" },
	{ "home", "parity" },
	{ "home", "carrier-blocks" },
	{ "carrier-blocks", "home" },
	{ "sequential", "sequential" },
	{ "sequential-busy,cross=50", "sequential-down,cross=50" },
	{ "address-dependent", "random" },
	{ "random", "address-dependent" },
	{ "random", "home" },
	{ "home", "random" },
};

static void pair_connects(const struct pair *pair)
{
	const char *a = pair->a ? pair->a : "none";
	const char *b = pair->b ? pair->b : "none";
	long session = set_up(pair->a, pair->b);
	struct connection c = { .client = -1 };

	if (!ktap_ok(session >= 0 && connection_open(&c, B2),
		     "%s at the service, %s at the client", a, b))
		show_logs();
	ktap_diag("session %ld ms, answer after %ld ms, from %s", session, c.ms,
		  ep_str(c.peer));
}

static void random_needs_a_relay(void)
{
	set_up("random", "random");
	ktap_ok(site_says(GB, "a relay is needed", 0),
		"random at both: it is said at once that a relay is needed");
}

int main(void)
{
	const char *why = natpunch_missing();
	size_t i;

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(19 + ARRAY_SIZE(pairs));
	lab_start();
	sites_start();
	it_connects();
	several_clients();
	nobody_else_enters();
	no_lie_is_believed();
	silence();
	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		pair_connects(&pairs[i]);
	random_needs_a_relay();
	return ktap_exit();
}
