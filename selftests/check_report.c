// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check says what the NATs are: against coturn (RFC 5780) and stund (RFC
 * 3489), UDP and TCP, IPv4 and IPv6, behind masquerade, natpunch, two NATs in a
 * row and none, and where servers are deaf, dead or have one address. Every row
 * names what its report must say, and what it must not claim to know.
 *
 * The command is the same on every kernel: one will do.
 *
 * needs: kernel=6.1 timeout=1200
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/flow.h"
#include "lab/gateway.h"
#include "lab/turn.h"
#include "lab/zoo.h"

#define MAX_FACTS	12
#define OTHER_PORT	3479	/* of the STUN server */

enum servers { COTURN, COTURN_ONE, COTURN_TWO, STUND, NOBODY };

/*
 * facts: "PATH=VALUE" in the report, "null" where it must not know; PATH>N and
 * PATH<N compare numbers. Or the text that an error must contain.
 */
struct scenario {
	const char *name;
	enum servers servers;
	void (*prepare)(void);
	const char *zoo[3];		/* NATs upstream of GA, from its side */
	enum nat nat;
	const char *options;		/* of the NAT */
	enum node from;			/* A if not said otherwise */
	int family;			/* AF_INET if not said otherwise */
	const char *arguments;		/* besides --server */
	int status;
	const char *facts[MAX_FACTS];
};

/* --- reading a report ---------------------------------------------------- */

/* "reports.0.nats.1.hop_min" */
static json_t *find(json_t *value, const char *path, size_t len)
{
	char word[64];
	size_t n;

	while (value && len) {
		n = strcspn(path, ".");
		if (n > len)
			n = len;
		snprintf(word, sizeof(word), "%.*s", (int)n, path);
		if (json_is_array(value))
			value = strcmp(word, "length") ?
				json_array_get(value, strtoul(word, NULL, 10)) :
				json_integer((json_int_t)json_array_size(value));
		else
			value = json_object_get(value, word);
		len -= n;
		path += n;
		if (len) {
			path++;
			len--;
		}
	}
	return value;
}

static const char *text_of(const json_t *value)
{
	static char text[128];

	if (!value)
		return "(none)";
	if (json_is_null(value))
		return "null";
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	snprintf(text, sizeof(text), "%.10g", json_number_value(value));
	return text;
}

static bool holds(json_t *report, const char *fact)
{
	size_t len = strcspn(fact, "=<>");
	json_t *value = find(report, fact, len);
	const char *want = fact + len + 1;
	bool ok;

	if (fact[len] == '<')
		ok = json_is_number(value) &&
		     json_number_value(value) < strtod(want, NULL);
	else if (fact[len] == '>')
		ok = json_is_number(value) &&
		     json_number_value(value) > strtod(want, NULL);
	else
		ok = !strcmp(text_of(value), want);
	if (!ok)
		ktap_diag("%s, but it is %s", fact, text_of(value));
	return ok;
}

static bool facts_hold(const struct scenario *s, const char *output)
{
	json_error_t error;
	json_t *report = json_loads(output, JSON_DISABLE_EOF_CHECK, &error);
	bool ok = report;
	int i;

	if (!report)
		ktap_diag("no JSON: %s: %s", error.text, output);
	for (i = 0; report && i < MAX_FACTS && s->facts[i]; i++)
		ok &= holds(report, s->facts[i]);
	json_decref(report);
	return ok;
}

/* --- surroundings -------------------------------------------------------- */

static struct job job[2];
static enum servers now = NOBODY;

/* It prints nothing that would tell that it is ready. */
static struct job stund(void)
{
	struct job j = job_start(SERVER,
				 "exec stund -h 192.0.2.10 -a 192.0.2.11");
	int i;

	for (i = 0; i < 100 && run(SERVER, "ss -Hlun | grep -q 3479"); i++)
		sleep_ms(50);
	return j;
}

static void serve(enum servers servers)
{
	size_t i;

	if (servers == now)
		return;
	for (i = 0; i < ARRAY_SIZE(job); i++)
		if (job[i].pid)
			job_stop(&job[i]);
	memset(job, 0, sizeof(job));
	now = servers;
	switch (servers) {
	case COTURN:
		job[0] = turn_start("192.0.2.10 -L 192.0.2.11 "
				    "-L 2001:db8:5::10 -L 2001:db8:5::11",
				    OTHER_PORT);
		break;
	case COTURN_TWO:
		job[0] = turn_start("192.0.2.10", OTHER_PORT);
		job[1] = turn_start("192.0.2.11", OTHER_PORT);
		break;
	case COTURN_ONE:
		job[0] = turn_start("192.0.2.10", OTHER_PORT);
		break;
	case STUND:
		job[0] = stund();
		break;
	case NOBODY:
		break;
	}
}

/* NET translates as well, towards the server. */
static void second_nat(void)
{
	nft(NET, "table ip lab_second {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat;\n"
	    "		oifname \"srv\" masquerade\n"
	    "	}\n"
	    "}\n");
}

static void blocked(const char *address)
{
	nft(NET, "table ip lab_block {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter;\n"
	    "		ip daddr %s drop\n"
	    "		ip saddr %s drop\n"
	    "	}\n"
	    "}\n", address, address);
}

static void first_blocked(void)
{
	blocked("192.0.2.10");
}

static void second_blocked(void)
{
	blocked("192.0.2.11");
}

/* Who is not translated has to be found. */
static void route_to_zoo(void)
{
	must(NET, "ip route replace 100.64.1.0/24 dev ga");
}

static void udp_blocked(void)
{
	nft(NET, "table ip lab_block {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter;\n"
	    "		meta l4proto udp drop\n"
	    "	}\n"
	    "}\n");
}

static void firewall(void)
{
	gateway_input(GA, "drop");
	nft(GA, "table inet lab_input {\n"
	    "	chain before {\n"
	    "		type filter hook input priority filter - 1;\n"
	    "		iifname \"wan\" ct state established accept\n"
	    "	}\n"
	    "}\n");
}

/* GA opens ports on request. The chains are miniupnpd's own. */
static struct job pcp;

static void pcp_server(void)
{
	if (run(GA, "command -v miniupnpd"))
		ktap_bail("no miniupnpd here (Debian: miniupnpd-nftables)");
	nft(GA, "table inet filter {\n"
	    "	chain miniupnpd { }\n"
	    "	chain prerouting_miniupnpd { }\n"
	    "	chain postrouting_miniupnpd { }\n"
	    "}\n");
	/* It wants a public address, and no lab has one. */
	run_with(GA, "ext_ifname=wan\n"
		 "ext_ip=11.0.0.2\n"
		 "listening_ip=lan\n"
		 "enable_natpmp=yes\n"
		 "enable_upnp=no\n"
		 "uuid=00000000-0000-0000-0000-000000000000\n",
		 "cat >/run/netns/miniupnpd.conf");
	pcp = job_start(GA, "exec miniupnpd -d -f /run/netns/miniupnpd.conf "
			"-P /run/netns/miniupnpd.pid");
	if (!job_wait_for(&pcp, "Listening for NAT-PMP", COMES_MS))
		ktap_bail("no miniupnpd: %s", job_output(&pcp));
}

/* GA is older than PCP: it does not answer what it does not know. */
static void nat_pmp_server(void)
{
	pcp_server();
	nft(GA, "table inet lab_pcp {\n"
	    "	chain before {\n"
	    "		type filter hook input priority filter - 1;\n"
	    "		udp dport 5351 @th,64,8 != 0 drop\n"
	    "	}\n"
	    "}\n");
}

/* --- the scenarios ------------------------------------------------------- */

static const struct scenario scenarios[] = {
	{ .name = "masquerade", .servers = COTURN, .nat = NAT_MASQUERADE,
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.filter_hop=1", "reports.0.hairpinning=no",
		"reports.0.ports_preserved=9", "reports.0.dialect=rfc5780",
		"reports.0.nats.length=1", "reports.0.nats.0.hop_min=1",
		"reports.0.nats_exact=true", "reports.0.pcp=false",
		"reports.1.hairpinning=no",
		"help.0.what=simultaneous-open" } },
	{ .name = "masquerade, random ports", .servers = COTURN,
	  .nat = NAT_MASQUERADE, .options = "masquerade random",
	  .facts = { "reports.0.mapping=address-and-port-dependent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.ports_preserved=0", "reports.0.nats.0.hop_max=1",
		"reports.0.hairpinning=null",
		"reports.1.mapping=address-and-port-dependent",
		"reports.1.filtering=null" } },
	{ .name = "two in a row", .servers = COTURN, .nat = NAT_MASQUERADE,
	  .prepare = second_nat, .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.nats.length=2", "reports.0.nats.0.hop_min=1",
		"reports.0.nats.0.likely=true", "reports.0.nats.1.hop_min=2",
		"reports.0.nats.1.hop_max=2", "reports.0.nats.1.likely=false",
		"reports.0.filter_hop=2" } },
	{ .name = "none", .servers = COTURN, .from = GA, .nat = NAT_NONE,
	  .facts = { "reports.0.mapping=none",
		"reports.0.filtering=endpoint-independent",
		"reports.0.nats.length=0", "reports.0.nats_exact=true",
		"reports.0.hairpinning=null", "reports.0.mapped.addr=203.0.113.2",
		"reports.1.mapping=none", "help.0.what=direct" } },
	{ .name = "none, but a firewall", .servers = COTURN, .from = GA,
	  .nat = NAT_NONE, .prepare = firewall, .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=none",
		"reports.0.filtering=address-and-port-dependent",
		"help.0.what=simultaneous-open" } },
	{ .name = "none, IPv6", .servers = COTURN, .from = GA, .nat = NAT_NONE,
	  .family = AF_INET6,
	  .facts = { "reports.0.family=ipv6", "reports.0.mapping=none",
		"reports.0.filtering=endpoint-independent",
		"reports.0.hops.length=2", "reports.1.family=ipv6",
		"reports.1.mapping=none" } },
	{ .name = "UDP blocked", .servers = COTURN, .nat = NAT_MASQUERADE,
	  .prepare = udp_blocked,
	  .facts = { "reports.0.proto=udp", "reports.0.reached=false",
		"reports.1.proto=tcp",
		"reports.1.mapping=endpoint-independent",
		"help.0.what=tcp" } },
	{ .name = "PCP", .servers = COTURN, .nat = NAT_MASQUERADE,
	  .prepare = pcp_server, .arguments = "--proto udp",
	  .facts = { "reports.0.pcp=true", "reports.0.nat_pmp=false",
		"help.1.what=pcp" } },
	{ .name = "NAT-PMP alone", .servers = COTURN, .nat = NAT_MASQUERADE,
	  .prepare = nat_pmp_server, .arguments = "--proto udp",
	  .facts = { "reports.0.pcp=false", "reports.0.nat_pmp=true",
		"help.1.what=nat-pmp" } },
	{ .name = "a lifetime of 30 s", .servers = COTURN,
	  .nat = NAT_MASQUERADE, .arguments = "--proto udp --lifetime=2m",
	  .facts = { "reports.0.lifetime_min>24", "reports.0.lifetime_min<31",
		"reports.0.lifetime_max>29", "reports.0.lifetime_max<35" } },
	{ .name = "a server with one address", .servers = COTURN_ONE,
	  .nat = NAT_MASQUERADE,
	  .facts = { "reports.0.reached=true", "reports.0.mapping=null",
		"reports.0.filtering=null", "reports.0.hairpinning=null",
		"reports.0.nats.0.hop_min=1", "reports.1.mapping=null",
		"reports.0.mapping_unknown=the server has no second address: "
		"give another --server, at another address" } },
	{ .name = "RFC 3489", .servers = STUND, .nat = NAT_MASQUERADE,
	  .facts = { "reports.0.dialect=rfc3489",
		"reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.filter_hop=1", "reports.0.hairpinning=no",
		"reports.0.nats.0.hop_max=1", "reports.1.reached=false",
		"reports.1.why=192.0.2.10: Connection refused" } },
	{ .name = "RFC 3489, lifetime", .servers = STUND,
	  .nat = NAT_MASQUERADE, .arguments = "--proto udp --lifetime=40",
	  .facts = { "reports.0.lifetime_min>24", "reports.0.lifetime_min<31",
		"reports.0.lifetime_max>29", "reports.0.lifetime_max<35" } },
	{ .name = "two servers with one address each", .servers = COTURN_TWO,
	  .nat = NAT_MASQUERADE, .arguments = "--server 192.0.2.11",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=null", "reports.0.hairpinning=no",
		"reports.1.mapping=endpoint-independent" } },
	{ .name = "two servers, random ports", .servers = COTURN_TWO,
	  .nat = NAT_MASQUERADE, .options = "masquerade random",
	  .arguments = "--proto udp --server 192.0.2.11",
	  .facts = { "reports.0.mapping=dependent",
		"reports.0.filtering=null" } },
	{ .name = "the second address silent", .servers = COTURN,
	  .nat = NAT_MASQUERADE, .prepare = second_blocked,
	  .facts = { "reports.0.reached=true", "reports.0.mapping=null",
		"reports.0.mapping_unknown=the server's second address does not answer",
		"reports.0.filtering=null", "reports.1.mapping=null",
		"reports.0.nats.0.hop_min=1" } },
	{ .name = "a second server where the first is dead", .servers = COTURN_TWO,
	  .nat = NAT_MASQUERADE, .prepare = first_blocked,
	  .arguments = "--proto udp --server 192.0.2.11",
	  .facts = { "reports.0.reached=true",
		"reports.0.server.addr=192.0.2.11" } },
	{ .name = "no server there", .servers = NOBODY, .nat = NAT_MASQUERADE,
	  .status = 1,
	  .facts = { "reports.0.reached=false", "reports.1.reached=false",
		"reports.0.why=192.0.2.10: Connection refused",
		"help.length=0" } },
};

/*
 * What the zoo has upstream of GA, which only routes unless it is said that it
 * translates: then A asks.
 */
static const struct scenario zoo_scenarios[] = {
	{ .name = "home", .zoo = { "home" }, .from = GA,
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.hairpinning=external-source",
		"reports.0.ports_preserved=9", "reports.0.nats.length=1",
		"reports.0.nats.0.hop_min=1", "reports.0.nats.0.hop_max=1",
		"reports.0.filter_hop=1",
		"reports.1.mapping=endpoint-independent",
		"reports.1.hairpinning=external-source" } },
	{ .name = "home-open", .zoo = { "home-open" }, .from = GA,
	  .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=endpoint-independent",
		"reports.0.hairpinning=external-source" } },
	{ .name = "home-restricted", .zoo = { "home-restricted" }, .from = GA,
	  .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-dependent",
		"reports.0.filter_hop=1",
		/* A host drops what comes in with its own address. */
		"reports.0.hairpinning=no" } },
	{ .name = "home-fifty", .zoo = { "home-fifty" }, .from = GA,
	  .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.hairpinning=no",
		"reports.0.mapped.port>49999" } },
	{ .name = "home-rst", .zoo = { "home-rst" }, .from = GA,
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.hairpinning=no", "reports.0.nats.0.hop_max=1",
		"reports.1.mapping=endpoint-independent",
		"reports.1.hairpinning=no" } },
	{ .name = "carrier", .zoo = { "carrier" }, .from = GA,
	  .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=endpoint-independent",
		"reports.0.hairpinning=external-source",
		"reports.0.nats.0.hop_max=1" } },
	{ .name = "sequential", .zoo = { "sequential" }, .from = GA,
	  .facts = { "reports.0.mapping=address-and-port-dependent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.1.mapping=address-and-port-dependent",
		"reports.0.nats.0.hop_max=1",
		"reports.0.prediction.by=check",
		"reports.0.prediction.allocation=step" } },
	{ .name = "address-dependent", .zoo = { "address-dependent" },
	  .from = GA,
	  .facts = { "reports.0.mapping=address-dependent",
		"reports.0.filtering=address-dependent",
		"reports.1.mapping=address-dependent" } },
	{ .name = "carrier-pool", .zoo = { "carrier-pool" }, .from = GA,
	  .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=address-and-port-dependent" } },
	{ .name = "firewall", .zoo = { "firewall" }, .from = GA,
	  .arguments = "--proto udp", .prepare = route_to_zoo,
	  .facts = { "reports.0.mapping=none",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.filter_hop=1", "reports.0.nats.length=0" } },
	{ .name = "home behind masquerade", .zoo = { "home" },
	  .nat = NAT_MASQUERADE, .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.nats.length=2", "reports.0.nats.0.hop_min=1",
		"reports.0.nats.0.likely=true", "reports.0.nats.1.hop_min=2",
		"reports.0.nats.1.hop_max=2", "reports.0.filter_hop=2" } },
	{ .name = "two of the zoo", .zoo = { "home", "carrier-blocks" },
	  .from = GA, .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=address-and-port-dependent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.nats.0.hop_min=2", "reports.0.nats.0.hop_max=2",
		"reports.0.nats_exact=false",
		"reports.0.prediction.allocation=block",
		"help.0.what=many-ports", "help.1.what=relay" } },
};

/* The same, but they need the module. */
static const struct scenario natpunch_scenarios[] = {
	/* A gateway's own sockets, which the module sees, too. */
	{ .name = "home, asked on the gateway", .zoo = { "home" },
	  .nat = NAT_NATPUNCH, .options = "--stun-ports 3478,3479",
	  .from = GA, .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.prediction.by=kernel",
		"reports.0.prediction.mapping=endpoint-independent",
		"reports.0.prediction.ports.length=1" } },
	{ .name = "eif", .servers = COTURN, .nat = NAT_NATPUNCH,
	  .options = "--filter eif",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=endpoint-independent",
		"reports.0.filter_hop=null",
		"reports.0.hairpinning=external-source",
		"reports.0.nats.length=1", "reports.0.nats.0.hop_min=1",
		"reports.0.nats_exact=true", "reports.0.ports_preserved=9",
		"reports.1.mapping=endpoint-independent",
		"reports.1.hairpinning=external-source" } },
	{ .name = "adf", .servers = COTURN, .nat = NAT_NATPUNCH,
	  .options = "--filter adf", .arguments = "--proto udp",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-dependent",
		"reports.0.filter_hop=1",
		"reports.0.hairpinning=external-source" } },
	{ .name = "apdf", .servers = COTURN, .nat = NAT_NATPUNCH,
	  .options = "--filter apdf",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-and-port-dependent",
		"reports.0.filter_hop=1",
		"reports.0.hairpinning=external-source",
		"reports.1.hairpinning=external-source" } },
	{ .name = "a port range of its own", .servers = COTURN,
	  .nat = NAT_NATPUNCH, .options = "--ports 20000-20999",
	  .arguments = "--proto udp --local-port 50000",
	  .facts = { "reports.0.mapping=endpoint-independent",
		"reports.0.ports_preserved=0", "reports.0.ports_parity=9",
		"reports.0.mapped.port>19999",
		"reports.0.mapped.port<21000" } },
	/* Never less than 5 min, and up to a minute more. */
	{ .name = "a lifetime of 5 min", .servers = COTURN,
	  .nat = NAT_NATPUNCH, .arguments = "--proto udp --lifetime=7m",
	  .facts = { "reports.0.lifetime_max>299",
		"reports.0.lifetime_min<361", "reports.0.lifetime_min>280",
		"reports.0.lifetime_max<370" } },
	{ .name = "NAT66", .servers = COTURN, .nat = NAT_NATPUNCH,
	  .family = AF_INET6, .options = "--filter adf",
	  .facts = { "reports.0.family=ipv6",
		"reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-dependent",
		"reports.0.hairpinning=external-source",
		"reports.0.nats.0.hop_min=1", "reports.0.nats_exact=true",
		"reports.1.mapping=endpoint-independent" } },
	{ .name = "RFC 3489", .servers = STUND, .nat = NAT_NATPUNCH,
	  .options = "--filter adf", .arguments = "--proto udp",
	  .facts = { "reports.0.dialect=rfc3489",
		"reports.0.mapping=endpoint-independent",
		"reports.0.filtering=address-dependent",
		"reports.0.hairpinning=external-source" } },
};

/* Wrong command lines, and what is said; a server is not asked. */
static const struct wrong {
	const char *arguments;
	int status;
	const char *says;
} wrong[] = {
	{ "", 2, "--server" },
	{ "--server 192.0.2.10:0", 2, "192.0.2.10:0" },
	{ "--server 192.0.2.10:70000", 2, "70000" },
	{ "--server [2001:db8::1", 2, "[2001:db8::1" },
	{ "--server ''", 2, "''" },
	{ "--server 192.0.2.10 --proto sctp", 2, "sctp" },
	{ "--server 192.0.2.10 -4 -6", 2, "-4" },
	{ "--server 192.0.2.10 --bind 10.1.0.2 -6", 2, "--bind" },
	{ "--server 192.0.2.10 --bind here", 2, "here" },
	{ "--server 192.0.2.10 --local-port 0", 2, "--local-port" },
	{ "--server 192.0.2.10 --lifetime=1", 2, "--lifetime" },
	{ "--sever 192.0.2.10", 2, "--server" },
	{ "192.0.2.10", 2, "192.0.2.10" },
	{ "--server 192.0.2.10 -6", 1, "IPv6" },
	{ "--server host.invalid", 1, "host.invalid" },
	{ "--server 192.0.2.10 --interface nosuch0", 1, "nosuch0" },
	{ "--server 192.0.2.10 --bind 192.0.2.77", 1, "192.0.2.77" },
};

/* ------------------------------------------------------------------------- */

static void clear_net(void)
{
	nft(NET, "flush ruleset\n");
}

static bool had_zoo;

static bool measure(const struct scenario *s)
{
	int status;

	lab_use_family(s->family ? s->family : AF_INET);
	clear_net();
	serve(s->servers);
	if (s->zoo[0])
		zoo_start_row(GA, s->zoo);
	else if (had_zoo)
		zoo_stop(GA);
	had_zoo = s->zoo[0];
	gateways(s->nat, NAT_NONE, s->options);
	if (s->prepare)
		s->prepare();
	status = run(HOME, "natpunchctl -n %s check -j --server '%s' %s",
		     node_name(s->from), ep_addr_str(server(1, 0)),
		     s->arguments ? s->arguments : "");
	if (status != s->status)
		ktap_diag("status %d", status);
	if (pcp.pid)
		job_stop(&pcp);
	memset(&pcp, 0, sizeof(pcp));
	return facts_hold(s, run_output()) && status == s->status;
}

static void run_scenarios(const struct scenario *s, size_t n, const char *nat)
{
	const char *only = getenv("CHECK_ONLY");

	for (; n--; s++) {
		if (only && strcmp(nat, only) && strcmp(s->name, only))
			ktap_skip(s->name, "CHECK_ONLY");
		else if (!ktap_ok(measure(s), "%s%s", nat, s->name))
			ktap_diag("%s", run_output());
	}
}

static void skip_scenarios(const struct scenario *s, size_t n)
{
	for (; n--; s++)
		ktap_skip(s->name, "%s", natpunch_missing());
}

static void check_wrong(void)
{
	const struct wrong *w;
	int status;

	for (w = wrong; w < wrong + ARRAY_SIZE(wrong); w++) {
		status = run(HOME, "natpunchctl -n A check %s", w->arguments);
		if (!ktap_ok(status == w->status &&
			     strstr(run_output(), w->says),
			     "'check %s': status %d, says %s", w->arguments,
			     w->status, w->says))
			ktap_diag("status %d: %s", status, run_output());
	}
}

/* As text, by an ordinary user; and without the module, if it was there. */
static void check_text(void)
{
	int status;

	lab_use_family(AF_INET);
	clear_net();
	serve(COTURN);
	if (had_zoo)
		zoo_stop(GA);
	gateways(NAT_MASQUERADE, NAT_NONE, NULL);
	status = run(A, "setpriv --reuid 65534 --regid 65534 --clear-groups "
		     "natpunchctl check --server 192.0.2.10");
	if (!ktap_ok(!status && strstr(run_output(), "endpoint-independent") &&
		     strstr(run_output(), "hop 1 (10.1.0.1)") &&
		     strstr(run_output(), "What would help") &&
		     !strstr(run_output(), "\033"),
		     "text, for an ordinary user"))
		ktap_diag("%s", run_output());
}

int main(void)
{
	ktap_plan(ARRAY_SIZE(scenarios) + ARRAY_SIZE(natpunch_scenarios) +
		  ARRAY_SIZE(zoo_scenarios) + ARRAY_SIZE(wrong) + 1);
	lab_start();
	run_scenarios(scenarios, ARRAY_SIZE(scenarios), "");
	run_scenarios(zoo_scenarios, ARRAY_SIZE(zoo_scenarios), "zoo, ");
	if (natpunch_missing())
		skip_scenarios(natpunch_scenarios,
			       ARRAY_SIZE(natpunch_scenarios));
	else
		run_scenarios(natpunch_scenarios,
			      ARRAY_SIZE(natpunch_scenarios), "natpunch, ");
	check_wrong();
	check_text();
	serve(NOBODY);
	gateways(NAT_NONE, NAT_NONE, NULL);
	return ktap_exit();
}
