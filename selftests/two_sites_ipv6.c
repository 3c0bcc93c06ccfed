// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites connect over IPv6, without NAT but with firewalls: each gateway is behind
 * a home router that lets out all, lets in what answers, and translates IPv4. A TCP
 * and a UDP service, on a device that knows nothing of it all, are reached; nobody
 * else gets in; what was opened is closed again. Where IPv6 leads nowhere, or is not
 * what client and service speak, a tunnel or a relay carries it, or it is said why not.
 *
 * needs: kernel=6.1
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sites.h"
#include "lab/sock.h"

#define SESSION_MS	20000
#define OPEN_MS		10000
#define SERVICE_PORT	22
#define LISTEN_PORT	2222

static int tcp_service, udp_service;	/* on A */

/* --- home routers in front of the gateways ---------------------------------- */

static const char *router_of(enum node gw)
{
	return gw == GA ? "FA" : "FB";
}

static char letter(enum node gw)
{
	return gw == GA ? 'a' : 'b';
}

/* The gateway's address behind its router. */
static struct ep outer(enum node gw, unsigned int port)
{
	return ep(gw == GA ? "2001:db8:a1::2" : "2001:db8:b1::2", port);
}

/* What a router does with IPv6 that comes from outside and answers nothing. */
static void home_router(enum node gw, const char *verdict, const char *translated)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "table inet home\n"
		 "delete table inet home\n"
		 "table inet home {\n"
		 "	chain forward {\n"
		 "		type filter hook forward priority filter;\n"
		 "		ct state established,related accept\n"
		 "		iifname \"in\" accept\n"
		 "		%s\n"
		 "	}\n"
		 "	chain post {\n"
		 "		type nat hook postrouting priority srcnat;\n"
		 "		meta nfproto %s oifname \"out\" masquerade\n"
		 "	}\n"
		 "}\n", verdict, translated);
	if (run_with(HOME, text, "ip netns exec %s nft -f -", router_of(gw)))
		ktap_bail("%s: %s", router_of(gw), run_output());
}

static void firewall(enum node gw, const char *verdict)
{
	home_router(gw, verdict, "ipv4");
}

/* The router gets the gateway's wire, and another one leads to the gateway. */
static void add_router(enum node gw)
{
	const char *router = router_of(gw), c = letter(gw);
	const char *wan4 = gw == GA ? "203.0.113.2" : "198.51.100.2";
	const char *next4 = gw == GA ? "203.0.113.1" : "198.51.100.1";
	int digit = gw == GA ? 1 : 2;
	char batch[1024];

	lab_space_add(router);
	must(gw, "ip link set wan netns %s name out", router);
	must(HOME, "ip netns exec %s sysctl -q net.ipv4.ip_forward=1 "
	     "net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=0 "
	     "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0",
	     router);
	snprintf(batch, sizeof(batch),
		 "link add in type veth peer name wan netns %s\n"
		 "addr add %s/24 dev out\n"
		 "addr add 2001:db8:%c::2/64 dev out nodad\n"
		 "addr add 100.64.%d.1/24 dev in\n"
		 "addr add 2001:db8:%c1::1/64 dev in nodad\n"
		 "link set lo up\n"
		 "link set out up\n"
		 "link set in up\n"
		 "route add default via %s\n"
		 "route add default via 2001:db8:%c::1\n", node_name(gw), wan4,
		 c, digit, c, next4, c);
	if (run_with(HOME, batch, "ip -n %s -batch -", router))
		ktap_bail("%s: %s", router, run_output());
	snprintf(batch, sizeof(batch),
		 "addr add 100.64.%d.2/24 dev wan\n"
		 "addr add 2001:db8:%c1::2/64 dev wan nodad\n"
		 "link set wan up\n"
		 "route add default via 100.64.%d.1\n"
		 "route add default via 2001:db8:%c1::1\n", digit, c, digit, c);
	if (run_with(gw, batch, "ip -batch -"))
		ktap_bail("%s: %s", node_name(gw), run_output());
	must(NET, "ip route add 2001:db8:%c1::/64 via 2001:db8:%c::2", c, c);
	firewall(gw, "drop");
	/* Neighbours know each other when it begins. */
	must(gw, "ping -c 1 -W 5 %s", ep_addr_str(ep("2001:db8:5::10", 0)));
}

/* The gateway's own firewall, as a cautious admin has it. */
static void own_firewall(enum node gw)
{
	nft(gw, "table inet own {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter; policy drop;\n"
	    "		ct state established,related accept\n"
	    "		iifname \"lan\" accept\n"
	    "		ct status dnat accept\n"
	    "		iifname \"natpunchd\" accept\n"
	    "	}\n"
	    "	chain input {\n"
	    "		type filter hook input priority filter;\n"
	    "		iifname \"lan\" meta l4proto tcp drop\n"
	    "	}\n"
	    "}\n");
}

/* --- the sites --------------------------------------------------------------- */

static bool offer(const char *name, const char *proto, struct ep to)
{
	return site_ask(GA, "{\"do\":\"service-add\",\"name\":\"%s\","
			"\"to\":\"%s\",\"proto\":\"%s\","
			"\"allow\":[\"siteB\"]}", name, ep_str(to), proto);
}

static bool want(const char *name, const char *proto, struct ep listener)
{
	return site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/%s\","
			"\"listen\":\"%s\",\"proto\":\"%s\"}", name,
			ep_str(listener), proto);
}

static struct ep listener(void)
{
	return host(GB, LISTEN_PORT);
}

/* natpunch manages both WANs, for IPv4 alone. */
static bool set_up(void)
{
	sock_close_all();
	site_stop(GA);
	site_stop(GB);
	site_forget(GA);
	site_forget(GB);
	lab_use_family(AF_INET);
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	lab_use_family(AF_INET6);
	own_firewall(GA);
	own_firewall(GB);
	tcp_service = stream_listen(IPPROTO_TCP, A, host(A, SERVICE_PORT));
	udp_service = udp_open(A, host(A, SERVICE_PORT));
	site_start(GA);
	site_start(GB);
	return offer("ssh", "tcp", host(A, SERVICE_PORT)) &&
	       offer("echo", "udp", host(A, SERVICE_PORT)) &&
	       offer("ssh4", "tcp", ep("10.1.0.2", SERVICE_PORT)) &&
	       offer("echo4", "udp", ep("10.1.0.2", SERVICE_PORT)) &&
	       site_says(GB, "siteA is online", 10000) &&
	       site_says(GA, "siteB is online", 10000);
}

/* Milliseconds until it is, -1: it is not. */
static long connects_at(const char *name, const char *proto, struct ep at,
			const char *how)
{
	unsigned long begin = now_ms();
	char text[96];

	snprintf(text, sizeof(text), "siteA/%s: %s", name, how);
	if (!want(name, proto, at) || !site_says(GB, text, SESSION_MS))
		return -1;
	return (long)(now_ms() - begin);
}

static long connects(const char *name, const char *proto, const char *how)
{
	return connects_at(name, proto, listener(), how);
}

static bool goes_by(const char *way)
{
	return !strcmp(site_value(GB, "connection-show", ".result[0].way"),
		       way);
}

static bool closes(const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "%s for siteB: closed", name);
	return site_ask(GB, "{\"do\":\"connection-del\","
			"\"connection\":\"siteA/%s\"}", name) &&
	       site_says(GA, text, 5000);
}

/* --- TCP --------------------------------------------------------------------- */

struct visit {
	int client, service;
	struct ep peer;		/* as the service sees it */
	long ms;
};

static bool visit_lives(const struct visit *v)
{
	return stream_deliver(v->client, v->service) &&
	       stream_deliver(v->service, v->client);
}

static bool visit_open_at(struct visit *v, enum node node, struct ep to,
			  int at)
{
	unsigned long begin = now_ms();

	*v = (struct visit){ .service = -1 };
	v->client = sock_open(node, to.sa.sa_family, SOCK_STREAM, IPPROTO_TCP);
	stream_connect(v->client, to);
	if (stream_connected(v->client, OPEN_MS))
		return false;
	v->ms = (long)(now_ms() - begin);
	v->service = stream_accept(at, &v->peer, 2000);
	return v->service >= 0 && visit_lives(v);
}

static bool visit_open(struct visit *v, enum node node)
{
	return visit_open_at(v, node, listener(), tcp_service);
}

/* An opening SYN of A's that got as far as the other site. */
static bool is_opener(const struct packet *p, const void *unused)
{
	(void)unused;
	return !p->outgoing && p->protocol == IPPROTO_TCP &&
	       (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static struct visit first;

static void tcp_connects(void)
{
	int wire = sniff_open(GB, "wan");
	struct packet p;
	long ms = connects("ssh", "tcp", "direct");

	if (!ktap_ok(ms >= 0, "TCP: the sites find each other"))
		sites_logs(GA, GB);
	ktap_diag("session: %ld ms, of which the probe's round trip took %s; to %s",
		  ms, site_value(GB, "connection-show", ".result[0].rtt_ms"),
		  ep_str(site_remote(GB)));
	if (!ktap_ok(visit_open(&first, B2),
		     "a LAN client reaches the service through both firewalls"))
		sites_logs(GA, GB);
	ktap_diag("connected after %ld ms; the service sees %s", first.ms,
		  ep_str(first.peer));
	ktap_ok(ep_same_addr(first.peer, outer(GB, 0)) &&
		ep_same_addr(site_remote(GB), outer(GA, 0)),
		"the way is the sites' own IPv6 addresses");
	ktap_ok(!sniff_find(wire, &p, is_opener, NULL, 100),
		"what opened the one firewall did not get to the other site");
	sock_close(wire);
}

static bool is_time_exceeded(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_ICMPV6 && p->icmp_type == 3;
}

/* What is said of those comes when the client is about to get through. */
static void tcp_connects_whatever_is_said(void)
{
	int inside = sniff_open(A, "eth0"), outside = sniff_open(GA, "wan");
	unsigned int ms, n = 0, tried = 0;
	struct packet p;
	struct visit v;

	for (ms = 20; ms <= 200; ms += 20, tried++) {
		lab_delay_errors(ms);
		n += visit_open(&v, B2);
		sock_close(v.client);
		sock_close(v.service);
	}
	lab_delay_again();
	if (!ktap_ok(n == tried && sniff_find(outside, &p, is_time_exceeded, NULL, 0) &&
		     !sniff_find(inside, &p, is_time_exceeded, NULL, 0),
		     "however late somebody says so: the service has %u of %u clients",
		     n, tried))
		sites_logs(GA, GB);
	sock_close(inside);
	sock_close(outside);
}

static bool refused(enum node node, struct ep local, struct ep to)
{
	return stream_refused(node, local, to, tcp_service);
}

static void tcp_refuses_others(void)
{
	struct ep to = site_remote(GB);

	ktap_ok(!ep_none(to) && refused(SERVER, server(1, 0), to),
		"TCP: a stranger does not get through");
	/* It is the gateway that refuses, too. */
	firewall(GA, "accept");
	ktap_ok(refused(SERVER, server(1, 0), to) &&
		refused(SERVER, server(1, 0), ep_at(to, SERVICE_PORT)) &&
		refused(SERVER, server(1, 0), host(A, SERVICE_PORT)),
		"nor does he if there is no firewall before the gateway");
	ktap_ok(refused(GB, outer(GB, 7777), to),
		"nor does another port of the peer's address");
	firewall(GA, "drop");
}

static void tcp_outlives_the_daemons(void)
{
	struct visit second;

	site_kill(GA);
	site_kill(GB);
	ktap_ok(visit_lives(&first), "a connection outlives both daemons");
	site_start(GA);
	site_start(GB);
	ktap_ok(site_says(GB, "adopted", 10000) && visit_lives(&first) &&
		atoi(site_value(GB, "connection-show",
				".result[0].flows | length")) == 1 &&
		atoi(site_value(GA, "connection-show",
				".result[0].flows | length")) == 1,
		"they adopt it");
	site_says(GB, "siteA is online", 10000);
	ktap_ok(visit_open(&second, B2), "and open others, at the same endpoint");
}

static void tcp_closes(void)
{
	struct visit v;

	ktap_ok(closes("ssh") && !visit_lives(&first) && !visit_open(&v, B),
		"TCP: when the connection is deleted nothing passes any more");
	ktap_ok(stream_is_reset(first.service), "the service is told");
}

/* --- UDP --------------------------------------------------------------------- */

static int client;
static struct ep client_seen;	/* by the service */

static bool answers(void)
{
	struct ep from;

	return udp_deliver(udp_service, client_seen, client, &from) &&
	       ep_eq(from, listener());
}

/* The first packet of a client's, which is not sent twice. */
static bool udp_connection(void)
{
	unsigned long number;

	client = udp_open(B2, host(B2, 0));
	number = udp_send(client, listener());
	return udp_wait(udp_service, number, &client_seen, OPEN_MS) && answers();
}

static void udp_connects(void)
{
	long ms = connects("echo", "udp", "direct");
	unsigned long begin = now_ms();

	if (!ktap_ok(ms >= 0, "UDP: the sites find each other"))
		sites_logs(GA, GB);
	if (!ktap_ok(udp_connection(),
		     "a LAN client's first packet reaches the service, and is answered"))
		sites_logs(GA, GB);
	ktap_diag("session: %ld ms; answered after %lu ms, to %s", ms,
		  now_ms() - begin, ep_str(client_seen));
	ktap_ok(ep_same_addr(client_seen, outer(GB, 0)),
		"the service sees the other site's address");
}

static bool reaches(enum node node, struct ep from, struct ep to)
{
	const struct packet p = packet_udp(from, to, "packet 4711");

	packet_send(node, &p);
	return udp_wait(udp_service, 4711, NULL, 200);
}

static void udp_refuses_others(void)
{
	struct ep to = site_remote(GB);

	firewall(GA, "accept");
	ktap_ok(!ep_none(to) && !reaches(SERVER, server(1, 5353), to) &&
		!reaches(SERVER, server(1, 5353), host(A, SERVICE_PORT)) &&
		!reaches(GB, outer(GB, 7777), to),
		"UDP: nobody else gets through");
	firewall(GA, "drop");
}

/* The home routers forget what is idle after half a minute. */
static void udp_outlives_silence(void)
{
	struct ep from;

	sleep_s(240);
	ktap_ok(answers() && udp_deliver(client, listener(), udp_service,
					 &from) && ep_eq(from, client_seen),
		"after four minutes of silence the service reaches the client");
	ktap_ok(closes("echo") && !answers() &&
		!udp_deliver(client, listener(), udp_service, &from),
		"UDP: when the connection is deleted nothing passes any more");
}

/* --- NAT66 ------------------------------------------------------------------- */

/* The router's address, which the world takes for the gateway's. */
static struct ep translated(enum node gw)
{
	return ep(gw == GA ? "2001:db8:a::2" : "2001:db8:b::2", 0);
}

static void through_nat66(void)
{
	struct visit v;

	home_router(GA, "drop", "{ ipv4, ipv6 }");
	home_router(GB, "drop", "{ ipv4, ipv6 }");
	offer("ssh66", "tcp", host(A, SERVICE_PORT));
	offer("echo66", "udp", host(A, SERVICE_PORT));
	if (!ktap_ok(connects("ssh66", "tcp", "direct") >= 0 &&
		     ep_same_addr(site_remote(GB), translated(GA)) &&
		     visit_open(&v, B2) &&
		     ep_same_addr(v.peer, translated(GB)),
		     "TCP: both routers translate IPv6: STUN servers tell, and it connects"))
		sites_logs(GA, GB);
	closes("ssh66");
	if (!ktap_ok(connects("echo66", "udp", "direct") >= 0 &&
		     ep_same_addr(site_remote(GB), translated(GA)) &&
		     udp_connection(),
		     "UDP: likewise"))
		sites_logs(GA, GB);
	closes("echo66");
	firewall(GA, "drop");
	firewall(GB, "drop");
}

/* --- no way over IPv6 ----------------------------------------------------------- */

static void drop_address(void)
{
	must(GB, "ip -6 addr del 2001:db8:b1::2/64 dev wan");
}

static void get_address(void)
{
	must(GB, "ip -6 addr add 2001:db8:b1::2/64 dev wan nodad && "
	     "ip -6 route replace default via 2001:db8:b1::1");
}

static struct ep listener4(void)
{
	return ep("10.2.0.1", LISTEN_PORT);
}

static void it_is_said(void)
{
	drop_address();
	ktap_ok(connects_at("ssh", "tcp", listener4(),
			    "the listener's address is IPv4, the service's is IPv6") >= 0,
		"a service that is IPv6's: it is said why it does not connect");
	closes("ssh");
	ktap_ok(connects("ssh", "tcp",
			 "there is no WAN with an IPv6 address") >= 0 &&
		site_says(GA, "the other site has no WAN with an IPv6 address",
			  5000),
		"no IPv6 at one site: both say so");
	get_address();
	ktap_ok(site_says(GB, "siteA/ssh: direct", SESSION_MS),
		"when it has an address they connect");
	closes("ssh");
}

/* --- a tunnel: IPv4 clients, services or both, and IPv6 between the sites --------- */

static int tcp4_service, udp4_service;

static void serve_ipv4(void)
{
	tcp4_service = stream_listen(IPPROTO_TCP, A,
				     ep("10.1.0.2", SERVICE_PORT));
	udp4_service = udp_open(A, ep("10.1.0.2", SERVICE_PORT));
}

/* On the way: what else does not get through. */
static void obstacle(const char *rule)
{
	nft(NET, "table inet obstacle\n"
	    "delete table inet obstacle\n"
	    "table inet obstacle {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter;\n"
	    "		%s\n"
	    "	}\n"
	    "}\n", rule);
}

static void tunnels_carry_it(void)
{
	unsigned long number;
	struct visit v;
	long ms;

	serve_ipv4();
	ms = connects("ssh4", "tcp", "relayed");
	if (!ktap_ok(ms >= 0 && goes_by("tunnel") &&
		     visit_open_at(&v, B2, listener(), tcp4_service),
		     "TCP: a tunnel leads from an IPv6 client to an IPv4 service"))
		sites_logs(GA, GB);
	ktap_diag("session: %ld ms; connected after %ld ms", ms, v.ms);
	closes("ssh4");
	client = udp_open(B2, host(B2, 0));
	number = connects("echo4", "udp", "relayed") < 0 ? 0 :
		 udp_send(client, listener());
	if (!ktap_ok(number && goes_by("tunnel") &&
		     udp_wait(udp4_service, number, &client_seen, OPEN_MS) &&
		     udp_deliver(udp4_service, client_seen, client, NULL),
		     "UDP: likewise"))
		sites_logs(GA, GB);
	closes("echo4");
	obstacle("ip saddr 203.0.113.2 ip daddr 198.51.100.2 drop");
	offer("web4", "tcp", ep("10.1.0.2", SERVICE_PORT));
	ms = connects_at("web4", "tcp", listener4(), "relayed");
	if (!ktap_ok(ms >= 0 && goes_by("tunnel") &&
		     visit_open_at(&v, B2, listener4(), tcp4_service),
		     "no way over IPv4: a tunnel carries it over IPv6"))
		sites_logs(GA, GB);
	ktap_diag("session: %ld ms; connected after %ld ms", ms, v.ms);
	obstacle("");
	ktap_ok(site_says(GB, "siteA/web4: direct", 60000) && visit_lives(&v),
		"when there is one it is direct, and the tunnel stays for who uses it");
	closes("web4");
}

/* --- a relay, at site A: it is IPv4's, and site B is asked where it is ------------ */

static void add_relay(void)
{
	lab_use_family(AF_INET);
	site_stop(GA);
	sites_relay_start();
	site_add_relay(GA, "");
	if (!set_up())
		sites_logs(GA, GB);
	serve_ipv4();
}

static void relays_carry_it(void)
{
	struct visit v;
	long ms;

	obstacle("meta nfproto ipv6 meta l4proto udp drop");
	ms = connects("ssh4", "tcp", "relayed");
	if (!ktap_ok(ms >= 0 && goes_by("relay") &&
		     visit_open_at(&v, B2, listener(), tcp4_service),
		     "where a tunnel does not get through a relay does"))
		sites_logs(GA, GB);
	ktap_diag("session: %ld ms; connected after %ld ms", ms, v.ms);
	obstacle("");
	closes("ssh4");
	drop_address();
	if (!ktap_ok(connects("ssh", "tcp", "relayed") >= 0 &&
		     goes_by("relay") && visit_open(&v, B2),
		     "no IPv6 at one site: a relay carries it over IPv4"))
		sites_logs(GA, GB);
	get_address();
	ktap_ok(site_says(GB, "siteA/ssh: direct", SESSION_MS) &&
		visit_open(&v, B2),
		"when it has an address it is direct");
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(31);
	lab_start();
	must(HOME, "modprobe tun");
	sites_use_ipv6();
	sites_start();
	add_router(GA);
	add_router(GB);
	if (!set_up())
		sites_logs(GA, GB);
	tcp_connects();
	tcp_connects_whatever_is_said();
	tcp_refuses_others();
	tcp_outlives_the_daemons();
	tcp_closes();
	udp_connects();
	udp_refuses_others();
	udp_outlives_silence();
	through_nat66();
	it_is_said();
	tunnels_carry_it();
	add_relay();
	relays_carry_it();
	return ktap_exit();
}
