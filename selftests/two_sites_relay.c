// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites behind NATs that give every flow a random port: nothing can go directly,
 * so a TURN server (coturn) relays, TCP and UDP. What it refuses is told in one line,
 * so is its end, and nothing is left behind.
 *
 * needs: kernel=6.1
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/gateway.h"
#include "lab/sites.h"
#include "lab/sock.h"
#include "lab/zoo.h"

#define RANDOM_NAT	"mapping=apd,filter=apd,alloc=random"
#define WITHIN_MS	5000	/* of the wish */
#define SESSION_MS	15000
#define LOST_MS		30000
#define DIRECT_MS	60000
#define BULK		(256 * 1024)

static int tcp, udp;		/* the services, on A */

static void show_logs(void)
{
	ktap_diag("site A:");
	ktap_diag("%s", site_log(GA));
	ktap_diag("site B:");
	ktap_diag("%s", site_log(GB));
}

/* With NATs in front, or without. */
static void set_up(bool zoo)
{
	sock_close_all();
	if (zoo) {
		zoo_start(GA, RANDOM_NAT ",seed=1");
		zoo_start(GB, RANDOM_NAT ",seed=2");
	}
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	tcp = stream_listen(IPPROTO_TCP, A, host(A, 22));
	udp = udp_open(A, host(A, 53));
	site_start(GA);
	site_start(GB);
	if (!site_ask(GA, "{\"do\":\"service-add\",\"name\":\"ssh\","
		      "\"to\":\"10.1.0.2:22\",\"proto\":\"tcp\","
		      "\"allow\":[\"siteB\"]}") ||
	    !site_ask(GA, "{\"do\":\"service-add\",\"name\":\"echo\","
		      "\"to\":\"10.1.0.2:53\",\"proto\":\"udp\","
		      "\"allow\":[\"siteB\"]}") ||
	    !site_says(GB, "siteA is online", 10000) ||
	    !site_says(GA, "siteB is online", 10000))
		ktap_bail("the sites do not find each other");
}

/* Milliseconds until it is relayed; -1: it is not. */
static long want(const char *service, const char *proto, unsigned int port)
{
	unsigned long begin = now_ms();
	char text[64];

	if (!site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/%s\","
		      "\"listen\":\"10.2.0.1:%u\",\"proto\":\"%s\"}", service,
		      port, proto))
		return -1;
	snprintf(text, sizeof(text), "siteA/%s: relayed", service);
	if (!site_says(GB, text, SESSION_MS))
		return -1;
	return (long)(now_ms() - begin);
}

/* Many segments: they have to be short enough, and none may be lost. */
static bool bulk(int from, int to)
{
	static char out[BULK], in[BULK];
	unsigned long end = now_ms() + 20000;
	size_t sent = 0, got = 0, i;
	ssize_t n;

	for (i = 0; i < BULK; i++)
		out[i] = (char)(i * 7 + i / 251);
	while (got < BULK && now_ms() < end) {
		n = send(from, out + sent, BULK - sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		n = recv(to, in + got, BULK - got, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			sleep_ms(1);
	}
	return got == BULK && !memcmp(in, out, BULK);
}

static int client, service;

static void tcp_is_relayed(void)
{
	long session = want("ssh", "tcp", 2222);
	unsigned long begin;
	struct ep peer;
	bool open;

	if (!ktap_ok(session >= 0 && session <= WITHIN_MS,
		     "TCP: the relay carries it within 5 s"))
		show_logs();
	begin = now_ms();
	client = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(client, ep("10.2.0.1", 2222));
	open = !stream_connected(client, 5000);
	ktap_diag("session %ld ms; from the client's SYN to connected: %ld ms",
		  session, (long)(now_ms() - begin));
	service = stream_accept(tcp, &peer, 2000);
	ktap_ok(open && service >= 0 && stream_deliver(client, service) &&
		stream_deliver(service, client),
		"TCP: data goes both ways");
	begin = now_ms();
	ktap_ok(bulk(client, service) && bulk(service, client),
		"TCP: much data, too");
	ktap_diag("2 x %d bytes in %ld ms", BULK, (long)(now_ms() - begin));
	ktap_ok(!strcmp(site_value(GB, "connection-show", ".result[0].way"),
			"relay") &&
		!strncmp(site_value(GB, "connection-show",
				    ".result[0].local"), "192.0.2.10:", 11),
		"it is shown: relay, and its address");
}

static void udp_is_relayed(void)
{
	long session = want("echo", "udp", 5353);
	int sock = udp_open(B2, host(B2, 0));
	struct ep peer, from;

	if (!ktap_ok(session >= 0 && session <= WITHIN_MS,
		     "UDP: the relay carries it within 5 s"))
		show_logs();
	ktap_diag("session %ld ms", session);
	ktap_ok(udp_deliver(sock, ep("10.2.0.1", 5353), udp, &peer) &&
		udp_deliver(udp, peer, sock, &from) &&
		ep_eq(from, ep("10.2.0.1", 5353)),
		"UDP: packets go both ways");
}

static void service_refuses(void)
{
	int sock;

	sock_close(tcp);
	sock = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(sock, ep("10.2.0.1", 2222));
	ktap_ok(stream_connected(sock, 5000) == ECONNREFUSED,
		"a service that is not there refuses the client");
	tcp = stream_listen(IPPROTO_TCP, A, host(A, 22));
}

static int allocations(void)
{
	run(SERVER, "ss -Huan 'sport >= :49152' | wc -l");
	return atoi(run_output());
}

static void it_ends(void)
{
	int before = allocations();

	ktap_ok(before == 4, "each site has an allocation for each");
	ktap_diag("%d allocations", before);
	site_ask(GB, "{\"do\":\"connection-del\",\"connection\":\"siteA/ssh\"}");
	site_ask(GB, "{\"do\":\"connection-del\",\"connection\":\"siteA/echo\"}");
	sleep_ms(2000);
	ktap_ok(!stream_deliver(client, service) &&
		!stream_deliver(client, service),
		"a connection that is deleted ends its flows");
	ktap_ok(!allocations() && run(GA, "ip link show natpunchd") &&
		run(GB, "ip link show natpunchd"),
		"nothing is left: no allocation, no device");
}

static void server_dies(void)
{
	bool told;

	want("ssh", "tcp", 2222);
	sites_relay_stop();
	told = site_says(GB, "relay: ", LOST_MS);
	ktap_ok(told && strcmp(site_value(GB, "connection-show",
					  ".result[0].state"), "relayed"),
		"a server that dies is noticed and told");
	sites_relay_start();
}

static void credentials_are_refused(void)
{
	site_stop(GB);
	site_forget(GB);
	must(HOME, "sed -i s/secret/guess/ " SITES_DIR "/B.conf");
	site_start(GB);
	site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/ssh\","
		 "\"listen\":\"10.2.0.1:2222\",\"proto\":\"tcp\"}");
	ktap_ok(site_says(GB, "it refuses user 'sites' or the password",
			  SESSION_MS) &&
		!strstr(site_log(GB), "guess"),
		"wrong credentials: one line, without the secret");
}

static void cut_the_way(void)
{
	nft(NET, "table ip cut {\n"
		 "	chain cut {\n"
		 "		type filter hook forward priority 0\n"
		 "		ip saddr 203.0.113.0/24 ip daddr 198.51.100.0/24 drop\n"
		 "		ip daddr 203.0.113.0/24 ip saddr 198.51.100.0/24 drop\n"
		 "	}\n"
		 "}\n");
}

/* Nothing is wrong with the NATs here, but the way between the sites is cut. */
static void it_becomes_direct(void)
{
	int relayed, direct, sock;
	struct ep peer, from;

	set_up(false);
	cut_the_way();
	want("ssh", "tcp", 2222);
	want("echo", "udp", 5353);
	client = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(client, ep("10.2.0.1", 2222));
	relayed = !stream_connected(client, 5000);
	service = stream_accept(tcp, &peer, 2000);
	sock = udp_open(B2, host(B2, 0));
	if (!ktap_ok(relayed && udp_deliver(sock, ep("10.2.0.1", 5353), udp,
					    &from),
		     "what can not go directly is relayed"))
		show_logs();
	must(NET, "nft delete table ip cut");
	ktap_ok(site_says(GB, "siteA/ssh: direct", DIRECT_MS) &&
		site_says(GB, "siteA/echo: direct", DIRECT_MS),
		"it becomes direct when it can");
	ktap_ok(udp_deliver(sock, ep("10.2.0.1", 5353), udp, &from) &&
		ep_same_addr(from, wan(GB, 0)) &&
		udp_deliver(udp, from, sock, NULL),
		"UDP goes on, directly");
	ktap_ok(stream_deliver(client, service) &&
		stream_deliver(service, client),
		"a relayed TCP connection stays");
	direct = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(direct, ep("10.2.0.1", 2222));
	ktap_ok(!stream_connected(direct, 10000) &&
		stream_accept(tcp, &peer, 2000) >= 0 &&
		ep_same_addr(peer, wan(GB, 0)), "the next one is direct");
	sock_close(client);
	sock_close(service);
	sleep_s(150);
	if (!ktap_ok(!allocations(), "the relay ends with the last of them"))
		show_logs();
}

static bool is_relayed(unsigned int i)
{
	char field[32];

	snprintf(field, sizeof(field), ".result[%u].state", i);
	return !strcmp(site_value(GB, "connection-show", field), "relayed");
}

/* The session goes on to be direct, but no client comes through. */
static void clients_need_it(void)
{
	unsigned long begin = now_ms(), number;
	int sock = udp_open(B2, host(B2, 0)), late;
	struct ep peer, from;
	bool answered;

	cut_the_way();
	late = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(late, ep("10.2.0.1", 2222));
	number = udp_send(sock, ep("10.2.0.1", 5353));
	answered = udp_wait(udp, number, &peer, 10000) &&
		   udp_deliver(udp, peer, sock, &from);
	ktap_diag("UDP: %ld ms", (long)(now_ms() - begin));
	if (!ktap_ok(answered && is_relayed(0) + is_relayed(1),
		     "UDP: a client that does not come through goes by the relay"))
		show_logs();
	late = !stream_connected(late, 10000) ? late : -1;
	ktap_diag("TCP: %ld ms", (long)(now_ms() - begin));
	if (!ktap_ok(late >= 0 && stream_accept(tcp, &peer, 2000) >= 0 &&
		     is_relayed(0) && is_relayed(1),
		     "TCP: so does another"))
		show_logs();
	must(NET, "nft delete table ip cut");
}

static void sites_end(void)
{
	site_stop(GA);
	site_stop(GB);
	site_forget(GA);
	site_forget(GB);
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(20);
	lab_start();
	must(HOME, "modprobe tun");
	sites_start();
	sites_relay_start();
	site_add_relay(GA, "");
	site_add_relay(GB, "tcp = true;");
	it_becomes_direct();
	clients_need_it();
	sites_end();
	set_up(true);
	tcp_is_relayed();
	udp_is_relayed();
	service_refuses();
	it_ends();
	server_dies();
	credentials_are_refused();
	return ktap_exit();
}
