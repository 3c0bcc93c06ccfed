// SPDX-License-Identifier: GPL-2.0
/*
 * What opens the NATs upstream dies on its way, and whoever finds it dead says so by
 * ICMP time exceeded, in the name of a flow that has begun meanwhile. Linux gives up a
 * connection that is half open then. Neither service nor client sent any of that, so
 * they do not hear of it, however late it comes. Of what they sent they do.
 *
 * needs: kernel=6.1
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sock.h"
#include "lab/visit.h"

#define FIRST_MS	20	/* so late is what NET says */
#define LAST_MS		200
#define STEP_MS		20

static bool is_time_exceeded(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_ICMP && p->icmp_type == 11 && !p->outgoing;
}

static unsigned int count(int wire)
{
	struct packet p;
	unsigned int n = 0;

	while (sniff_find(wire, &p, is_time_exceeded, NULL, 0))
		if (!n++)
			ktap_diag("%s", packet_str(&p));
	return n;
}

static int inside, outside;

static void listen_in(void)
{
	inside = sniff_open(A, "eth0");
	outside = sniff_open(GA, "wan");
}

static void nothing_was_heard(void)
{
	ktap_ok(count(outside) && !count(inside), "... and its host hears nothing");
}

/* @pause: between clients; what was said of the last one's flow is over then. */
static void tcp(const char *zoo_a, const char *zoo_b, unsigned int pause)
{
	unsigned int ms, n = 0, tried = 0;
	struct visit v;

	if (visit_session(zoo_a, zoo_b) < 0)
		ktap_diag("there is no session");
	listen_in();
	for (ms = FIRST_MS; ms <= LAST_MS; ms += STEP_MS, tried++) {
		lab_delay_errors(ms);
		if (visit_open(&v, B))
			n++;
		else
			ktap_diag("not with %u ms", ms);
		visit_close(&v);
		sleep_s(pause);
	}
	if (!ktap_ok(n == tried, "TCP, %s to %s: the service has %u of %u clients",
		     zoo_b ? zoo_b : "none", zoo_a, n, tried))
		visit_logs();
	nothing_was_heard();
}

static void udp(void)
{
	unsigned int ms, n = 0, tried = 0;
	int service, client;
	struct ep peer;

	visit_set_up("home", "home");
	service = udp_open(A, host(A, 53));
	if (site_ctl(GA, "service add echo 10.1.0.2:53/udp --allow siteB") ||
	    site_ctl(GB, "connect siteA/echo --listen 10.2.0.1:5353 --proto udp") ||
	    !site_says(GB, "siteA/echo: direct", SESSION_MS))
		ktap_diag("there is no session");
	listen_in();
	for (ms = FIRST_MS; ms <= LAST_MS; ms += STEP_MS, tried++) {
		lab_delay_errors(ms);
		client = udp_open(B, host(B, 0));
		if (udp_wait(service, udp_send(client, ep("10.2.0.1", 5353)),
			     &peer, COMES_MS) &&
		    udp_deliver(service, peer, client, NULL))
			n++;
		sleep_ms(LAST_MS);
	}
	if (!ktap_ok(n == tried, "UDP, home to home: the service has %u of %u clients",
		     n, tried))
		visit_logs();
	nothing_was_heard();
}

static void its_own(void)
{
	int sock = udp_open(A, host(A, 0)), ttl = 3;
	struct sock_error error;

	setsockopt(sock, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	ktap_ok(udp_send(sock, server(1, 7)) &&
		sock_error_wait(sock, &error, COMES_MS) && error.type == 11,
		"what became of a packet of its own it does hear");
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(7);
	lab_start();
	sites_start();
	tcp("home", NULL, 0);
	tcp("home", "random", 21);
	udp();
	its_own();
	return ktap_exit();
}
