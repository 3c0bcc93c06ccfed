// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites connect, with natpunchd on both gateways and a TCP service on a device
 * that knows nothing of it all: data goes both ways, nobody else gets in, and what
 * was opened is closed again. With other NATs in front of the gateways, too.
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sock.h"
#include "lab/visit.h"

static bool refused(enum node node, struct ep local, struct ep to)
{
	return stream_refused(node, local, to, visit_listener());
}

/* --- both gateways have public addresses ----------------------------------- */

static struct visit first;

static void it_connects(void)
{
	long ms = visit_session(NULL, NULL);

	if (!ktap_ok(ms >= 0, "the sites find each other"))
		visit_logs();
	ktap_diag("session: %ld ms, of which the probe's round trip took %s",
		  ms, site_value(GB, "connection-show", ".result[0].rtt_ms"));
	ktap_ok(visit_open(&first, B2), "a LAN client reaches the service");
	ktap_diag("connected after %ld ms; the service sees %s", first.ms,
		  ep_str(first.peer));
	ktap_ok(ep_same_addr(first.peer, wan(GB, 0)),
		"the service sees the other site's address");
}

static void several_clients(void)
{
	struct visit c[4];
	bool all = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(c); i++)
		all &= visit_open(&c[i], i % 2 ? B : B2);
	ktap_ok(all && visit_lives(&first),
		"several clients have a connection each");
	ktap_ok(atoi(site_value(GB, "connection-show",
				".result[0].flows | length")) == 5,
		"they are shown");
	for (i = 0; i < ARRAY_SIZE(c); i++)
		visit_close(&c[i]);
}

static void nobody_else_enters(void)
{
	struct ep to = site_remote(GB);

	ktap_ok(!ep_none(to) && refused(SERVER, server(1, 0), to),
		"a stranger does not reach the service");
	ktap_ok(refused(GB, wan(GB, 7777), to),
		"nor does another port of the peer's address");
	ktap_ok(refused(GB, ep_at(wan(GB, 0), ep_port(first.peer)),
			ep_at(to, 22)),
		"nor does the peer reach another port");
}

static bool looks(enum node gw)
{
	return !run(gw, "nft list chain inet natpunchd check") ||
	       !run(gw, "nft list chain inet natpunchd watch-in");
}

/*
 * What all packets meet is there for 20 s after something was opened. When it goes
 * the kernel drops what waits in queues, so it has to wait for that.
 */
static void it_rests(void)
{
	int client = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	bool waited;

	sleep_s(15);
	must(HOME, "pkill -STOP -f /A[.]conf");
	stream_connect(client, ep("10.2.0.1", 2222));
	sleep_s(8);
	waited = looks(GB);
	must(HOME, "pkill -CONT -f /A[.]conf");
	if (!ktap_ok(waited && !stream_connected(client, 2000),
		     "a client that waits is not forgotten"))
		visit_logs();
	sock_close(client);
	sock_close(stream_accept(visit_listener(), NULL, 2000));
	sleep_s(30);
	ktap_ok(!looks(GA) && !looks(GB) && visit_lives(&first),
		"at rest a connection's packets meet no rules");
}

static void clients_are_told(void)
{
	int sock;

	visit_serve(false);
	sock = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(sock, ep("10.2.0.1", 2222));
	ktap_ok(stream_connected(sock, 10000) == ECONNREFUSED,
		"a service that is not there refuses the client");
	visit_serve(true);
}

static void it_outlives_the_daemons(void)
{
	struct visit second;
	int sock;

	site_kill(GA);
	site_kill(GB);
	ktap_ok(visit_lives(&first),
		"a connection outlives both daemons' SIGKILL");
	ktap_ok(refused(SERVER, server(1, 0), site_remote(GB)),
		"nobody enters meanwhile");
	sock = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(sock, ep("10.2.0.1", 2222));
	ktap_ok(stream_connected(sock, 10000) == ECONNREFUSED,
		"a new client is refused at once");
	site_start(GA);
	site_start(GB);
	ktap_ok(site_says(GB, "adopted", 10000) && visit_lives(&first) &&
		!strcmp(site_value(GB, "connection-show",
				   ".result[0].flows | length"), "1"),
		"they adopt it when they are back");
	ktap_diag("%s", run_output());
	if (!ktap_ok(visit_open(&second, B2), "and open others"))
		visit_logs();
}

static void be_mute(enum node gw)
{
	nft(gw, "table inet mute {\n"
		"	chain input {\n"
		"		type filter hook input priority filter;\n"
		"		ct state new meta l4proto tcp drop\n"
		"	}\n"
		"}\n");
}

static void it_closes(void)
{
	struct visit second;

	be_mute(GA);
	be_mute(GB);
	ktap_ok(site_ask(GA, "{\"do\":\"service-del\",\"name\":\"ssh\"}") &&
		!visit_lives(&first) && !visit_lives(&first),
		"a withdrawn service ends its connections");
	ktap_ok(stream_is_reset(first.service),
		"the service is told, though the gateways talk to nobody");
	ktap_ok(!visit_open(&second, B2), "and opens no more");
	site_stop(GA);
	site_stop(GB);
	ktap_ok(run(GA, "nft list table inet natpunchd") &&
		run(GB, "nft list table inet natpunchd"),
		"nothing is left in nftables");
}

/* --- NATs in front --------------------------------------------------------- */

static const struct pair {
	const char *a, *b;
} pairs[] = {
	{ "home", NULL },
	{ NULL, "home" },
	{ "home", "home" },
	{ "home-rst", "home-rst" },
	{ "carrier", "home" },
	{ "linux", "linux" },
};

static void pair_connects(const struct pair *pair)
{
	const char *a = pair->a ? pair->a : "none";
	const char *b = pair->b ? pair->b : "none";
	long session = visit_session(pair->a, pair->b);
	struct visit c = { .service = -1 };

	if (!ktap_ok(session >= 0 && visit_open(&c, B2),
		     "%s at the service, %s at the client", a, b))
		visit_logs();
	ktap_diag("session %ld ms, connection %ld ms, from %s", session, c.ms,
		  ep_str(c.peer));
	sock_close(c.client);
}

int main(void)
{
	const char *why = natpunch_missing();
	size_t i;

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(20 + ARRAY_SIZE(pairs));
	lab_start();
	sites_start();
	/* One of them is nobody, and may make a socket there. */
	must(HOME, "chmod 1777 " SITES_DIR);
	site_add_conf(GB, "user = \"nobody\";\n");
	it_connects();
	several_clients();
	it_rests();
	nobody_else_enters();
	clients_are_told();
	it_outlives_the_daemons();
	it_closes();
	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		pair_connects(&pairs[i]);
	return ktap_exit();
}
