// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchd on hosts without natpunch.ko: services and clients of the host itself
 * connect, TCP and UDP, behind ordinary routers and others, with hosts like it and
 * with gateways that have the module; nothing else gets in. The module may come
 * and go.
 *
 * needs: kernel=6.1 kernel=7.3
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/sites.h"
#include "lab/sock.h"
#include "lab/zoo.h"

#define SESSION_MS	20000
#define OPEN_MS		10000

/** struct side - where a site's daemon runs. */
struct side {
	const char *name;
	bool routed;		/* on a host behind a masquerading router */
	bool module;		/* on a gateway that natpunch manages */
	const char *zoo;	/* else: on a host behind this; NULL: public */
};

static const struct side masquerade = { "an ordinary router", .routed = true };
static const struct side public = { .name = "a public address" };
static const struct side gateway_side = { "natpunch on a gateway",
					  .module = true };
static const struct side open_nat = { "filtering of none", .zoo = "home-open" };
static const struct side by_address = { "filtering by address",
					.zoo = "home-restricted" };
static const struct side by_port = { "filtering by address and port",
				     .zoo = "home" };
static const struct side symmetric = { "a symmetric NAT",
				       .zoo = "sequential" };

/* --- the module -------------------------------------------------------------- */

#define MODPROBE	"/run/modprobe-but-natpunch"

static char modprobe[256];

/* Nothing is to load it behind our back, but all others. */
static void unload(void)
{
	must(HOME, "cat /proc/sys/kernel/modprobe");
	snprintf(modprobe, sizeof(modprobe), "%.*s",
		 (int)strcspn(run_output(), "\n"), run_output());
	must(HOME, "printf '#!/bin/sh\\n"
	     "case $* in *natpunch*) exit 1; esac\\n"
	     "exec %s \"$@\"\\n' >" MODPROBE " && chmod +x " MODPROBE,
	     modprobe);
	sysctl_set(HOME, "kernel/modprobe", MODPROBE);
	must(HOME, "! lsmod | grep -q '^natpunch ' || rmmod natpunch");
}

static void load(void)
{
	sysctl_set(HOME, "kernel/modprobe", modprobe);
	must(HOME, "modprobe natpunch");
}

/* --- both sites -------------------------------------------------------------- */

static enum node node_a, node_b;
static struct ep service_tcp, service_udp, listen_tcp, listen_udp;
static int tcp = -1, udp = -1;		/* the services */

static enum node node_of(const struct side *side, enum node gw)
{
	if (!side->routed)
		return gw;
	return gw == GA ? A : B;
}

/* An address of the host that the daemon is on. */
static struct ep own(const struct side *side, enum node gw, unsigned int port)
{
	if (side->routed)
		return host(node_of(side, gw), port);
	return side->zoo ? zoo_inside(gw, port) : wan(gw, port);
}

static void place(const struct side *side, enum node gw)
{
	if (side->zoo)
		zoo_start(gw, side->zoo);
	gateway(gw, side->module ? NAT_NATPUNCH :
		    side->routed ? NAT_MASQUERADE : NAT_NONE, NULL);
}

static void clear(void)
{
	static const enum node nodes[] = { A, GA, B, GB };
	size_t i;

	sock_close_all();
	tcp = -1;
	udp = -1;
	for (i = 0; i < ARRAY_SIZE(nodes); i++)
		site_stop(nodes[i]);
	site_forget(GA);
	site_forget(GB);
	zoo_stop(GA);
	zoo_stop(GB);
}

static struct ep loopback(unsigned int port)
{
	return ep("127.0.0.1", port);
}

static bool offer(const char *name, struct ep to, const char *proto)
{
	return site_ask(node_a, "{\"do\":\"service-add\",\"name\":\"%s\","
			"\"to\":\"%s\",\"proto\":\"%s\",\"allow\":[\"siteB\"]}",
			name, ep_str(to), proto);
}

static bool want(const char *name, struct ep listen, const char *proto)
{
	return site_ask(node_b, "{\"do\":\"connect\",\"service\":\"siteA/%s\","
			"\"listen\":\"%s\",\"proto\":\"%s\"}", name,
			ep_str(listen), proto);
}

/* Services and listeners on loopback addresses, or on others. */
static void choose_places(const struct side *a, const struct side *b, bool lo)
{
	enum node at = a->module ? A : node_a;

	if (a->module) {
		service_tcp = host(A, 22);
		service_udp = host(A, 53);
	} else {
		service_tcp = lo ? loopback(22) : own(a, GA, 22);
		service_udp = lo ? loopback(53) : own(a, GA, 53);
	}
	if (b->module) {
		listen_tcp = ep("10.2.0.1", 2222);
		listen_udp = ep("10.2.0.1", 5353);
	} else {
		listen_tcp = lo ? loopback(2222) : own(b, GB, 2222);
		listen_udp = lo ? loopback(5353) : own(b, GB, 5353);
	}
	tcp = stream_listen(IPPROTO_TCP, at, service_tcp);
	udp = udp_open(at, service_udp);
}

static bool start(const struct side *a, const struct side *b, bool lo)
{
	clear();
	node_a = node_of(a, GA);
	node_b = node_of(b, GB);
	place(a, GA);
	place(b, GB);
	choose_places(a, b, lo);
	site_start(node_a);
	site_start(node_b);
	return offer("ssh", service_tcp, "tcp") &&
	       offer("echo", service_udp, "udp") &&
	       site_says(node_b, "siteA is online", 10000) &&
	       site_says(node_a, "siteB is online", 10000);
}

static bool connect_both(const char *how)
{
	char ssh[64], echo[64];

	snprintf(ssh, sizeof(ssh), "siteA/ssh: %s", how);
	snprintf(echo, sizeof(echo), "siteA/echo: %s", how);
	return want("ssh", listen_tcp, "tcp") &&
	       want("echo", listen_udp, "udp") &&
	       site_says(node_b, ssh, SESSION_MS) &&
	       site_says(node_b, echo, SESSION_MS);
}

/* --- clients ----------------------------------------------------------------- */

struct client {
	int sock, service;
	struct ep peer;		/* as the service sees it */
};

/* At B's gateway in the LAN, else on the daemon's own host. */
static enum node client_node(void)
{
	return ep_same_addr(listen_tcp, ep("10.2.0.1", 0)) ? B2 : node_b;
}

static struct ep client_at(struct ep listen)
{
	return client_node() == B2 ? host(B2, 0) : ep_at(listen, 0);
}

static bool lives(const struct client *c)
{
	return stream_deliver(c->sock, c->service) &&
	       stream_deliver(c->service, c->sock);
}

static bool open_tcp(struct client *c)
{
	c->service = -1;
	c->sock = stream_open(IPPROTO_TCP, client_node(),
			      client_at(listen_tcp));
	stream_connect(c->sock, listen_tcp);
	if (stream_connected(c->sock, OPEN_MS))
		return false;
	c->service = stream_accept(tcp, &c->peer, OPEN_MS);
	return c->service >= 0 && lives(c);
}

static bool talk(const struct client *c)
{
	struct ep from;

	return udp_deliver(udp, c->peer, c->sock, &from) &&
	       ep_eq(from, listen_udp);
}

static bool open_udp(struct client *c)
{
	unsigned long number;

	c->sock = udp_open(client_node(), client_at(listen_udp));
	number = udp_send(c->sock, listen_udp);
	return udp_wait(udp, number, &c->peer, OPEN_MS) && talk(c);
}

/* --- pairs ------------------------------------------------------------------- */

static bool connects(const struct side *a, const struct side *b, bool lo,
		     struct client *tcp_client)
{
	unsigned long begin;
	struct client c;

	if (!start(a, b, lo))
		return false;
	begin = now_ms();
	if (!connect_both("direct"))
		return false;
	ktap_diag("sessions after %lu ms", now_ms() - begin);
	begin = now_ms();
	if (!open_tcp(tcp_client))
		return false;
	ktap_diag("TCP after %lu ms, the service sees %s", now_ms() - begin,
		  ep_str(tcp_client->peer));
	begin = now_ms();
	if (!open_udp(&c))
		return false;
	ktap_diag("UDP after %lu ms, the service sees %s", now_ms() - begin,
		  ep_str(c.peer));
	return true;
}

static struct client pair(const struct side *a, const struct side *b, bool lo)
{
	struct client c = { .service = -1 };

	if (!ktap_ok(connects(a, b, lo, &c),
		     "%s at the service, %s at the client%s", a->name, b->name,
		     lo ? ", on loopback addresses" : ""))
		sites_logs(node_a, node_b);
	return c;
}

/* --- what is said ------------------------------------------------------------ */

static bool prints(enum node node, const char *command, const char *text)
{
	run(node, "NATPUNCHD_SOCKET=" SITES_DIR "/%s.sock natpunchctl %s",
	    node == A || node == GA ? "A" : "B", command);
	return strstr(run_output(), text);
}

static void it_says_so(void)
{
	static const char line[] =
		"natpunch.ko is not loaded: over IPv4 only services and clients of this host";

	ktap_ok(site_says(node_a, line, 100) &&
		!strcmp(site_value(node_a, "site-show",
				   ".result.natpunch.limit"),
			"natpunch.ko is not loaded") &&
		prints(node_a, "site show", line) &&
		prints(node_b, "connection show", line) &&
		!strcmp(site_value(node_b, "connection-show",
				   ".result[0].alone"), "true"),
		"log, status and JSON say that the module is missing");
}

static void others_are_refused(void)
{
	ktap_ok(!offer("nas", host(A2, 22), "tcp") &&
		strstr(run_output(), "natpunch.ko is not loaded"),
		"a service on another host is not taken, and it is said why");
	ktap_ok(site_says(node_a, "service 'configured' is on another host", 100) &&
		want("configured", loopback(3333), "tcp") &&
		site_says(node_b, "siteA says: the service is on another host than natpunchd, where natpunch.ko is not loaded",
			  SESSION_MS),
		"who asks for a configured one is told, too");
}

/* --- who gets in ------------------------------------------------------------- */

/* Not even a RST says that there is something. */
static bool is_silent(enum node node, struct ep from, struct ep to)
{
	int sock = stream_open(IPPROTO_TCP, node, from);
	bool silent;

	stream_connect(sock, to);
	silent = stream_connected(sock, SILENCE_MS) == ETIMEDOUT;
	sock_close(sock);
	return silent && stream_accept(tcp, NULL, 100) < 0;
}

static struct ep remote(const char *service)
{
	char jq[96], addr[64];
	unsigned int port;

	snprintf(jq, sizeof(jq), "first(.result[] | select(.service == \"%s\")).remote",
		 service);
	if (sscanf(site_value(node_b, "connection-show", jq), "%63[0-9.]:%u",
		   addr, &port) != 2)
		return (struct ep){ 0 };
	return ep(addr, port);
}

/* Where the daemon accepts for a service on a loopback address. */
static struct ep inner(void)
{
	unsigned int port = 0;
	const char *at;

	must(GA, "ss -Hltn src %s", ep_addr_str(wan(GA, 0)));
	at = strstr(run_output(), ep_addr_str(wan(GA, 0)));
	if (!at || sscanf(at, "%*[0-9.]:%u", &port) != 1)
		ktap_diag("%s", run_output());
	return wan(GA, port);
}

static void nobody_else_enters(void)
{
	unsigned long number;
	int sock;

	ktap_ok(!ep_none(remote("ssh")) &&
		is_silent(SERVER, server(1, 0), remote("ssh")) &&
		is_silent(GB, wan(GB, 7777), remote("ssh")),
		"neither a stranger nor another port of the peer's gets an answer");
	sock = udp_open(SERVER, server(1, 0));
	number = udp_send(sock, remote("echo"));
	ktap_ok(number && !udp_wait(udp, number, NULL, SILENCE_MS),
		"a stranger's datagram does not reach the service");
	ktap_ok(ep_port(inner()) &&
		is_silent(SERVER, server(1, 0), inner()),
		"nor does anybody reach where loopback services are accepted for");
	must(GA, "nft flush ruleset");
	sock = stream_open(IPPROTO_TCP, SERVER, server(1, 0));
	stream_connect(sock, inner());
	stream_connected(sock, SILENCE_MS);
	ktap_ok(stream_accept(tcp, NULL, SILENCE_MS) < 0,
		"... even when somebody has flushed all rules");
}

static void no_neighbour_asks(void)
{
	int sock = stream_open(IPPROTO_TCP, B2, host(B2, 0));

	stream_connect(sock, listen_tcp);
	ktap_ok(stream_connected(sock, 3000) && stream_accept(tcp, NULL, 100) < 0,
		"a neighbour of the client's host does not get to the listener");
}

/* --- the daemon's end -------------------------------------------------------- */

static unsigned int count(enum node node, const char *text)
{
	const char *at = site_log(node);
	unsigned int n = 0;

	while ((at = strstr(at, text))) {
		n++;
		at++;
	}
	return n;
}

static bool says_times(enum node node, const char *text, unsigned int times,
		       int timeout_ms)
{
	unsigned long end = now_ms() + (unsigned long)timeout_ms;

	while (count(node, text) < times && now_ms() < end)
		site_says(node, "\n\n", 100);
	return count(node, text) >= times;
}

static void it_outlives_the_daemons(struct client *c)
{
	struct client other;

	site_kill(node_a);
	site_kill(node_b);
	ktap_ok(lives(c), "a connection outlives both daemons' SIGKILL");
	site_start(node_a);
	site_start(node_b);
	if (!ktap_ok(site_says(node_b, "siteA/ssh: adopted", 10000) &&
		     site_says(node_a, "siteB/ssh: adopted", 10000) &&
		     lives(c) && open_tcp(&other),
		     "they adopt it when they are back, and open others"))
		sites_logs(node_a, node_b);
}

static void nothing_is_left(void)
{
	site_stop(node_a);
	site_stop(node_b);
	ktap_ok(run(node_a, "nft list table inet natpunchd") &&
		run(node_b, "nft list table inet natpunchd"),
		"nothing is left in nftables");
}

/* --- all --------------------------------------------------------------------- */

/* What was predicted with the module is relayed without. */
static void symmetric_is_relayed(void)
{
	struct client c;

	sites_relay_start();
	site_add_relay(GB, "");
	if (!ktap_ok(start(&symmetric, &masquerade, true) &&
		     connect_both("relayed") && open_tcp(&c) && open_udp(&c),
		     "what can not be predicted without it is relayed"))
		sites_logs(node_a, node_b);
}

static void without(void)
{
	struct client c;

	pair(&public, &masquerade, true);
	it_says_so();
	others_are_refused();
	nobody_else_enters();
	c = pair(&masquerade, &masquerade, false);
	no_neighbour_asks();
	it_outlives_the_daemons(&c);
	nothing_is_left();
	pair(&open_nat, &by_port, false);
	pair(&by_port, &by_address, true);
	symmetric_is_relayed();
}

static bool nas_is_direct(unsigned int times)
{
	return says_times(node_b, "siteA/nas: direct", times, 20000);
}

/* It ends where it was not to be had before, and B hears why. */
static bool nas_is_refused(unsigned int times)
{
	return says_times(node_b, "siteA/nas: siteA says: the service is on another host",
			  times, 10000);
}

static void it_comes_and_goes(void)
{
	struct client c = pair(&public, &public, true), other;

	stream_listen(IPPROTO_TCP, A2, host(A2, 22));
	load();
	ktap_ok(site_says(GA, "natpunch.ko manages no WAN: over IPv4 only", 5000) &&
		lives(&c), "the module comes: without a WAN nothing changes");
	must(HOME, "natpunchctl -n GA wan add wan");
	if (!ktap_ok(site_says(GA, "natpunch.ko is there, and manages a WAN",
			       90000) && lives(&c) && open_tcp(&other) &&
		     offer("nas", host(A2, 22), "tcp") &&
		     want("nas", loopback(4444), "tcp") && nas_is_direct(1),
		     "it is given a WAN: services of other hosts are served, too"))
		sites_logs(node_a, node_b);
	unload();
	if (!ktap_ok(says_times(GA, "natpunch.ko is not loaded: over IPv4 only", 2, 5000) &&
		     site_says(node_b, "siteA closed it: natpunch.ko is not loaded",
			       5000) && nas_is_refused(1) &&
		     lives(&c) && lives(&other) && open_tcp(&other),
		     "it goes: they end, and it is said why; others stay"))
		sites_logs(node_a, node_b);
	load();
	must(HOME, "natpunchctl -n GA wan add wan");
	if (!ktap_ok(nas_is_direct(2), "it comes back: they, too"))
		sites_logs(node_a, node_b);
	must(HOME, "natpunchctl -n GA wan del wan");
	if (!ktap_ok(says_times(GA, "natpunch.ko manages no WAN: over IPv4 only", 3, 150000) &&
		     nas_is_refused(2),
		     "a WAN that goes is as good as none"))
		sites_logs(node_a, node_b);
}

static void with(void)
{
	pair(&masquerade, &gateway_side, true);
	pair(&gateway_side, &masquerade, true);
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(24);
	lab_start();
	unload();
	sites_start();
	site_add_conf(GA, "services = ( { name = \"configured\"; to = \"10.1.0.3:22\"; allow = \"siteB\"; } );\n");
	without();
	it_comes_and_goes();
	with();
	clear();
	return ktap_exit();
}
