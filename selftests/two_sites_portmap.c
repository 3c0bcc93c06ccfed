// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites connect through a port that the home router of the serving one forwards
 * because it was asked to: a real one (Linux and miniupnpd), by PCP, NAT-PMP and
 * UPnP. Both sites' NATs give each flow a random port, so there is no other way but
 * a relay. What was asked for is taken back; what is refused, forgotten, or not
 * true, costs seconds and no connection.
 *
 * needs: kernel=6.1 timeout=1200
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sock.h"
#include "lab/visit.h"
#include "lab/zoo.h"

#define ROUTER		"ip netns exec ROUTER "
#define INSIDE		"192.168.1.2"	/* GA */
#define OUTSIDE		"11.0.0.2"	/* miniupnpd wants a public address */
#define CONF		"/run/netns/miniupnpd.conf"
#define LIFE_S		600
#define ALL		"pcp nat-pmp upnp"

static struct job miniupnpd;
static int echo;			/* a UDP service, on A */

/* --- the router --------------------------------------------------------------- */

/* GA wan -- lan ROUTER wan -- ga NET */
static void wire_router(void)
{
	must(NET, "ip link del ga");
	lab_space_add("ROUTER");
	must(HOME, "ip link add lan netns ROUTER type veth peer name wan netns GA");
	must(HOME, "ip link add wan netns ROUTER type veth peer name ga netns NET");
	must(HOME, ROUTER "sh -c 'ip addr add 192.168.1.1/24 dev lan &&"
	     " ip addr add " OUTSIDE "/24 dev wan &&"
	     " ip link set lo up && ip link set lan up && ip link set wan up &&"
	     " ip route add default via 11.0.0.1 &&"
	     " sysctl -q net.ipv4.ip_forward=1'");
	must(GA, "ip addr add " INSIDE "/24 dev wan && ip link set wan up &&"
	     " ip route add default via 192.168.1.1");
	must(NET, "ip addr add 11.0.0.1/24 dev ga && ip link set ga up");
	lab_delay_again();
}

/* @forwards: what miniupnpd says is also done. */
static void set_router(const char *masquerade, bool forwards)
{
	char rules[1024];

	snprintf(rules, sizeof(rules),
		 "flush ruleset\n"
		 "table inet filter {\n"
		 "	chain miniupnpd { }\n"
		 "	chain prerouting_miniupnpd { }\n"
		 "	chain postrouting_miniupnpd { }\n"
		 "	chain forward {\n"
		 "		type filter hook forward priority filter; policy drop;\n"
		 "		ct state established,related accept\n"
		 "		iifname \"lan\" accept\n"
		 "		jump miniupnpd\n"
		 "	}\n"
		 "	chain input {\n"
		 "		type filter hook input priority filter;\n"
		 "		iifname \"wan\" ct state new drop\n"
		 "	}\n"
		 "	chain prerouting {\n"
		 "		type nat hook prerouting priority dstnat;\n"
		 "		%s\n"
		 "	}\n"
		 "	chain postrouting {\n"
		 "		type nat hook postrouting priority srcnat;\n"
		 "		oifname \"wan\" %s\n"
		 "	}\n"
		 "}\n", forwards ? "jump prerouting_miniupnpd" : "",
		 masquerade);
	if (run_with(HOME, rules, ROUTER "nft -f -"))
		ktap_bail("router: %s", run_output());
	run(HOME, ROUTER "conntrack -F");
}

/* @natpmp: "yes" or "no", PCP too; @rules: who may ask for what. */
static void start_miniupnpd(const char *natpmp, const char *rules)
{
	char conf[1024];

	if (miniupnpd.pid)
		job_stop(&miniupnpd);
	snprintf(conf, sizeof(conf),
		 "ext_ifname=wan\n"
		 "listening_ip=lan\n"
		 "enable_natpmp=%s\n"
		 "enable_upnp=yes\n"
		 "secure_mode=yes\n"
		 "uuid=00000000-0000-0000-0000-000000000001\n"
		 "%s\n", natpmp, rules);
	if (run_with(HOME, conf, "cat >" CONF))
		ktap_bail(CONF ": %s", run_output());
	miniupnpd = job_start(HOME, "exec " ROUTER "miniupnpd -d -f " CONF
			      " -P /run/netns/miniupnpd.pid");
	if (!job_wait_for(&miniupnpd, "HTTP listening on port", COMES_MS))
		ktap_bail("no miniupnpd: %s", job_output(&miniupnpd));
}

#define ALLOW	"allow 1024-65535 192.168.1.0/24 1024-65535\n" \
		"deny 0-65535 0.0.0.0/0 0-65535"

/* How many ports it forwards to GA. */
static int forwarded(void)
{
	run(HOME, ROUTER "nft list chain inet filter prerouting_miniupnpd |"
	    " grep -c 'dnat.* " INSIDE "'");
	return atoi(run_output());
}

static bool becomes(int n, int timeout_ms)
{
	for (; timeout_ms > 0 && forwarded() != n; timeout_ms -= 200)
		sleep_ms(200);
	return forwarded() == n;
}

/* --- the sites ----------------------------------------------------------------- */

static void set_portmap(const char *words)
{
	must(HOME, "sed -i '/^portmap/d' " SITES_DIR "/A.conf");
	if (*words)
		must(HOME, "echo 'portmap = ( '$(printf '\"%%s\",' %s | sed 's/,$//')"
		     "' );' >>" SITES_DIR "/A.conf", words);
}

static void site_reload(enum node gw)
{
	must(HOME, "kill -HUP $(pgrep -f '[n]atpunchd -c " SITES_DIR "/%s.conf')",
	     gw == GA ? "A" : "B");
}

static bool is_to_router(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->outgoing && p->protocol == IPPROTO_UDP &&
	       (ep_port(p->dst) == 5351 || ep_port(p->dst) == 1900);
}

static const char *way(void)
{
	return site_value(GB, "connection-show",
			  ".result[] | select(.service == \"ssh\") | .way");
}

static bool is_mapped(void)
{
	return !strcmp(way(), "mapped");
}

static void by_one_protocol(const char *word)
{
	struct visit v = { .service = -1 };
	long ms;

	set_portmap(word);
	ms = visit_session(NULL, "random");
	if (!ktap_ok(ms >= 0 && is_mapped() && visit_open(&v, B2) &&
		     !strcmp(site_value(GA, "connection-show",
					".result[0].mapped_by"), word),
		     "by %s, random ports at both: directly, where it forwards",
		     word))
		visit_logs();
	ktap_diag("session %ld ms, connection %ld ms, from %s", ms, v.ms,
		  ep_str(v.peer));
	visit_close(&v);
}

static void it_is_taken_back(const char *word)
{
	bool was = forwarded() == 1;
	unsigned long begin = now_ms();

	site_stop(GA);
	if (!ktap_ok(was && becomes(0, 1000),
		     "by %s: taken back when the daemon ends", word))
		ktap_diag("%d forwarded: %s", forwarded(),
			  job_output(&miniupnpd));
	ktap_diag("its end took %lu ms", now_ms() - begin);
}

static void strangers_stay_outside(void)
{
	int sock = stream_open(IPPROTO_TCP, SERVER, server(1, 0));
	struct ep to = site_remote(GB);

	stream_connect(sock, to);
	ktap_ok(!ep_none(to) && stream_connected(sock, SILENCE_MS) &&
		stream_accept(visit_listener(), NULL, 100) < 0,
		"who is not the peer does not enter where it forwards");
	sock_close(sock);
}

/* A client's first packet, and the answer. */
static bool visit_echo(void)
{
	int client = udp_open(B2, host(B2, 0));
	unsigned long number = udp_send(client, ep("10.2.0.1", 5353));
	struct ep peer, from;

	return udp_wait(echo, number, &peer, 10000) &&
	       udp_deliver(echo, peer, client, &from);
}

static void udp_too(void)
{
	static const char way_of_echo[] =
		".result[] | select(.service == \"echo\") | .way";
	bool ok;

	echo = udp_open(A, host(A, 53));
	ok = site_ask(GA, "{\"do\":\"service-add\",\"name\":\"echo\","
		      "\"to\":\"10.1.0.2:53\",\"proto\":\"udp\","
		      "\"allow\":[\"siteB\"]}") &&
	     site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/echo\","
		      "\"listen\":\"10.2.0.1:5353\",\"proto\":\"udp\"}") &&
	     site_says(GB, "siteA/echo: direct", SESSION_MS) && visit_echo();
	if (!ktap_ok(ok && !strcmp(site_value(GB, "connection-show",
					      way_of_echo), "mapped"),
		     "a UDP service, too"))
		visit_logs();
	ktap_ok(forwarded() == 2, "it forwards a port for each");
	ktap_ok(site_ask(GA, "{\"do\":\"service-del\",\"name\":\"echo\"}") &&
		becomes(1, 2000), "taken back with the service");
	site_ask(GB, "{\"do\":\"connection-del\","
		 "\"connection\":\"siteA/echo\"}");
}

/* --- bad days ------------------------------------------------------------------ */

static void killed_and_back(void)
{
	struct visit v;

	site_kill(GA);
	site_start(GA);
	if (!ktap_ok(site_says(GA, "the upstream router forwards", 5000) &&
		     forwarded() == 1 && visit_open(&v, B2) && is_mapped(),
		     "a daemon that was killed has its own back"))
		visit_logs();
}

/* As one that was switched off and on. */
static void forget(void)
{
	start_miniupnpd("yes", ALLOW);
	must(HOME, ROUTER "nft 'flush chain inet filter miniupnpd;"
	     " flush chain inet filter prerouting_miniupnpd;"
	     " flush chain inet filter postrouting_miniupnpd'");
}

static void it_forgets(void)
{
	struct visit v;

	forget();
	if (!ktap_ok(!forwarded() && visit_open(&v, B2) && is_mapped() &&
		     site_says(GA, "router has restarted", 100),
		     "a router that has forgotten all is asked again, in time for the client"))
		visit_logs();
	ktap_diag("connection %ld ms", v.ms);
	forget();
	sleep_s(LIFE_S / 2);
	ktap_ok(becomes(1, 5000), "if nobody comes, at half of the lifetime");
}

/* The NAT in front of B is a plain one now: there is another way. */
static bool goes_another_way(void)
{
	struct visit v;
	bool ok = visit_session(NULL, "home") >= 0 && visit_open(&v, B2) &&
		  !strcmp(way(), "srflx");

	if (!ok)
		visit_logs();
	return ok;
}

static unsigned int count(const char *log, const char *text)
{
	unsigned int n = 0;

	while ((log = strstr(log, text))) {
		log++;
		n++;
	}
	return n;
}

/* With everybody refused, miniupnpd tries 65536 ports by PCP and NAT-PMP. */
static void it_refuses(void)
{
	static const char complaint[] =
		"the upstream router 192.168.1.1 forwards no port to us: UPnP: ";

	set_router("masquerade", true);
	start_miniupnpd("no", "deny 0-65535 0.0.0.0/0 0-65535");
	ktap_ok(goes_another_way(), "what is refused is done without");
	if (!ktap_ok(site_says(GA, complaint, 5000) &&
		     count(site_log(GA), "forwards no port") == 1,
		     "and said in one line, which names who refused and why"))
		visit_logs();
	ktap_diag("%.120s", strstr(site_log(GA), complaint));
}

static void it_lies(void)
{
	start_miniupnpd("yes", ALLOW);
	set_router("masquerade", false);
	ktap_ok(goes_another_way(), "one that does not do what it says");
	if (!ktap_ok(site_says(GB, "other ways are tried", 100),
		     "is found out by the peer"))
		visit_logs();
}

/* Nobody is asked for what the configuration does not have. */
static void unasked(void)
{
	bool up = visit_set_up(NULL, "random");
	int wire = sniff_open(GA, "wan");
	struct packet p;

	if (!ktap_ok(up && visit_want() &&
		     site_says(GB, "a relay is needed", 10000) &&
		     !sniff_find(wire, &p, is_to_router, NULL, 100),
		     "without 'portmap' nothing is asked, and there is no way"))
		visit_logs();
	sock_close(wire);
}

static void it_is_deaf(void)
{
	set_portmap(ALL);
	site_reload(GA);
	if (!ktap_ok(site_says(GA, "192.168.1.1 forwards no port to us: it "
			       "speaks none of the protocols in 'portmap'",
			       30000),
		     "a router that knows none of the protocols is said to be one"))
		visit_logs();
}

int main(void)
{
	static const char * const words[] = { "upnp", "nat-pmp", "pcp" };
	const char *why = natpunch_missing();
	size_t i;

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(19);
	lab_start();
	if (run(HOME, "command -v miniupnpd"))
		ktap_bail("no miniupnpd here (Debian: miniupnpd-nftables)");
	sites_start();
	wire_router();
	set_router("masquerade random", true);
	unasked();
	it_is_deaf();
	start_miniupnpd("yes", ALLOW);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		by_one_protocol(words[i]);
		if (i < 2)
			it_is_taken_back(words[i]);
	}
	strangers_stay_outside();
	udp_too();
	killed_and_back();
	it_forgets();
	it_is_taken_back("pcp");
	set_portmap(ALL);
	it_refuses();
	it_lies();
	return ktap_exit();
}
