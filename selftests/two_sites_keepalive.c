// SPDX-License-Identifier: GPL-2.0
/*
 * How long NATs upstream remember an idle UDP mapping is measured in the background,
 * remembered, and idle flows are kept alive as rarely as that allows. At the serving
 * site the STUN server can be asked to send to another port; that of the asking site
 * can not, but its NAT gives a new mapping another port.
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

#define PLAIN_PORT	3500U	/* a STUN server without RFC 5780 */
#define MEASURED_MS	900000
#define IDLE_S		300
#define STUN_COOKIE	"\x21\x12\xa4\x42"

static int service, client;
static struct ep peer;		/* as the service sees the client */

static void show_logs(void)
{
	ktap_diag("site A:");
	ktap_diag("%s", site_log(GA));
	ktap_diag("site B:");
	ktap_diag("%s", site_log(GB));
}

static void start(enum node gw, const char *zoo)
{
	zoo_stop(gw);
	zoo_start(gw, zoo);
}

static bool connect_sites(void)
{
	site_start(GA);
	site_start(GB);
	return !site_ctl(GA, "service add echo 10.1.0.2:53/udp --allow siteB") &&
	       site_says(GB, "siteA is online", 10000) &&
	       !site_ctl(GB, "connect siteA/echo --listen 10.2.0.1:5353 --proto udp") &&
	       site_says(GB, "siteA/echo: direct", 20000);
}

static bool lives(void)
{
	struct ep from;

	return udp_deliver(service, peer, client, &from) &&
	       udp_deliver(client, ep("10.2.0.1", 5353), service, &from) &&
	       ep_eq(from, peer);
}

static int mapping(enum node gw, const char *field)
{
	char jq[64];

	snprintf(jq, sizeof(jq), ".result.udp_mapping.%s", field);
	return atoi(site_value(gw, "site-show", jq));
}

static bool is_stun_to_server(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_UDP && p->outgoing &&
	       ep_same_addr(p->dst, server(1, 0));
}

static bool is_keepalive(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_UDP && p->outgoing && p->ttl <= 8 &&
	       p->len >= p->payload + 20 &&
	       !memcmp(p->data + p->payload + 4, STUN_COOKIE, 4);
}

static int count(int wire, bool (*is_one)(const struct packet *p,
					  const void *unused))
{
	struct packet p;
	int n = 0;

	while (sniff_find(wire, &p, is_one, NULL, 0))
		n++;
	return n;
}

static void it_is_measured(void)
{
	int wire_b = sniff_open(GB, "wan"), n;

	if (!ktap_ok(site_says(GA, "mapping for 110 s:", MEASURED_MS) &&
		     mapping(GA, "min") == 110 && mapping(GA, "max") == 170,
		     "120 s, a server that sends to another port: 110 to 170"))
		show_logs();
	if (!ktap_ok(site_says(GB, "mapping for 55 s:", MEASURED_MS) &&
		     mapping(GB, "min") == 55 && mapping(GB, "max") == 110,
		     "60 s, ports that differ: 55 to 110"))
		show_logs();
	n = count(wire_b, is_stun_to_server);
	ktap_ok(n > 8 && n <= 40, "it took few packets: %d", n);
	sock_close(wire_b);
}

static void it_is_kept_alive(void)
{
	int wire_a = sniff_open(GA, "wan"), wire_b = sniff_open(GB, "wan");
	unsigned long number = udp_send(client, ep("10.2.0.1", 5353));
	bool up = udp_wait(service, number, &peer, 10000) && lives();
	struct sock_error error;
	int a, b;

	count(wire_a, is_keepalive);
	count(wire_b, is_keepalive);
	sleep_s(IDLE_S);
	a = count(wire_a, is_keepalive);
	b = count(wire_b, is_keepalive);
	ktap_ok(!sock_error_wait(service, &error, 0) &&
		!sock_error_wait(client, &error, 0),
		"neither end heard of packets that died on their way");
	if (!ktap_ok(up && lives(), "after %d idle seconds the service reaches the client",
		     IDLE_S))
		show_logs();
	/* Every 55 s, in steps of 25; every 25 s. */
	ktap_ok(a >= 5 && a <= 7, "every 50 s a packet kept 120 s alive: %d", a);
	ktap_ok(b >= 11 && b <= 13, "every 25 s one kept 60 s alive: %d", b);
	sock_close(wire_a);
	sock_close(wire_b);
}

static void it_is_remembered(void)
{
	int wire;

	site_stop(GA);
	site_start(GA);
	site_says(GA, "adopted", 10000);
	wire = sniff_open(GA, "wan");
	sleep_s(60);
	ktap_ok(mapping(GA, "min") == 110 && count(wire, is_stun_to_server) < 8,
		"over a restart it is not measured again");
	sock_close(wire);
}

static void as_configured(void)
{
	site_stop(GB);
	site_forget(GB);
	site_add_conf(GB, "udp_keepalive = 40;\n");
	site_start(GB);
	site_ctl(GB, "connect siteA/echo --listen 10.2.0.1:5353 --proto udp");
	site_says(GB, "siteA/echo: direct", 20000);
	sleep_s(200);
	ktap_ok(mapping(GB, "keepalive") == 40 &&
		!strstr(site_log(GB), "NATs upstream remember"),
		"as often as the configuration says: nothing is measured");
	must(HOME, "sed -i /udp_keepalive/d " SITES_DIR "/B.conf");
}

/* The NAT gives a new mapping the socket's own port again. */
static void it_can_not_be_told(void)
{
	site_stop(GA);
	site_stop(GB);
	site_forget(GB);
	start(GB, "home");
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	if (!ktap_ok(connect_sites() &&
		     site_says(GB, "does not send to another port", 60000) &&
		     mapping(GB, "keepalive") == 25,
		     "where it can not be told, that is said: every 25 s"))
		show_logs();
}

int main(void)
{
	const char *why = natpunch_missing();
	struct job plain;
	bool up;

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(10);
	lab_start();
	sites_start();
	plain = job_start(SERVER, "exec turnserver -n --no-cli --no-tls --no-dtls "
			  "--no-auth --no-rfc5780 -r lab -p %u -L %s "
			  "-b " SITES_DIR "/plaindb --pidfile " SITES_DIR
			  "/plain.pid --log-file stdout --simple-log",
			  PLAIN_PORT, ep_addr_str(server(1, 0)));
	if (!job_wait_for(&plain, "Total General servers", 30000))
		ktap_bail("no coturn: %.200s", job_output(&plain));
	must(HOME, "sed -i 's/^stun = .*/stun = ( { host = \"%s\"; } );/' "
	     SITES_DIR "/B.conf", ep_str(server(1, PLAIN_PORT)));
	start(GA, "home");
	start(GB, "home-fifty,udp=60,udp-first=60");
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	service = udp_open(A, host(A, 53));
	client = udp_open(B2, host(B2, 0));
	up = connect_sites();
	if (!up)
		show_logs();
	it_is_measured();
	it_is_kept_alive();
	it_is_remembered();
	as_configured();
	it_can_not_be_told();
	return ktap_exit();
}
