// SPDX-License-Identifier: GPL-2.0
/*
 * Bad days of two sites: addresses change under a connection, both sites are behind
 * one NAT, addresses are used twice, daemons die. All of it ends in a connection
 * that works, or in a line that says why not.
 *
 * needs: kernel=6.1
 */
#include <stdio.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/visit.h"

#define RECHECK_MS	60000	/* natpunchd asks a STUN server again */

static void visitor(const char *what)
{
	struct visit v;

	if (!ktap_ok(visit_open(&v, B2), "%s", what))
		visit_logs();
	visit_close(&v);
}

/* Does the session of B get to be open, with that end ("local", "remote")? */
static bool is_direct(const char *end, const char *address)
{
	unsigned long until = now_ms() + 15000;
	char field[32], at[64];

	snprintf(field, sizeof(field), ".result[0].%s", end);
	for (; now_ms() < until; sleep_ms(200)) {
		snprintf(at, sizeof(at), "%s",
			 site_value(GB, "connection-show", field));
		/* Asked for last: else it might be the former session's. */
		if (!strncmp(at, address, strlen(address)) &&
		    !strcmp(site_value(GB, "connection-show",
				       ".result[0].state"), "direct"))
			return true;
	}
	return false;
}

static void new_address(enum node gw, const char *address, const char *router)
{
	must(gw, "ip addr flush dev wan scope global");
	must(gw, "ip addr add %s/24 dev wan", address);
	must(gw, "ip route replace default via %s", router);
}

static void addresses_change(void)
{
	bool up = visit_session(NULL, NULL) >= 0;

	new_address(GB, "198.51.100.77", "198.51.100.1");
	if (!ktap_ok(up && is_direct("local", "198.51.100.77:"),
		     "the asking gateway's address changes"))
		visit_logs();
	visitor("... and a client is served");
	new_address(GA, "203.0.113.77", "203.0.113.1");
	if (!ktap_ok(site_says(GA, "our address has changed", 5000) &&
		     is_direct("remote", "203.0.113.77:"),
		     "the serving gateway's does"))
		visit_logs();
	visitor("... and a client is served");
	new_address(GA, "203.0.113.2", "203.0.113.1");
	must(GA, "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan");
	new_address(GB, "198.51.100.2", "198.51.100.1");
}

/* The Internet's first router translates for both, but not from one to the other. */
static void upstream(const char *address)
{
	run(NET, "nft delete table ip upstream");
	must(NET, "nft 'table ip upstream { chain out { "
	     "type nat hook postrouting priority srcnat; "
	     "oifname \"srv\" tcp dport 3478 snat to %s; } ; }'", address);
}

static void one_nat_for_both(void)
{
	must(NET, "ip addr add 192.0.2.66/24 dev srv");
	must(NET, "ip addr add 192.0.2.67/24 dev srv");
	upstream("192.0.2.66");
	if (!ktap_ok(visit_session(NULL, NULL) >= 0 &&
		     !strcmp(site_value(GB, "connection-show",
					".result[0].way"), "host"),
		     "both behind one NAT: by the addresses behind it"))
		visit_logs();
	visitor("... and a client is served");

	/* It takes another address; the connection to the STUN server breaks. */
	upstream("192.0.2.67");
	must(GB, "ss -K dport = 3478");
	if (!ktap_ok(site_says(GB, "NATs upstream have changed our endpoint",
			       RECHECK_MS + 5000),
		     "the NAT upstream takes another address: it is noticed"))
		visit_logs();
	must(NET, "nft delete table ip upstream");
}

/* B's LAN has the addresses that A's gateway has behind its NAT. */
static void addresses_are_used_twice(void)
{
	struct visit v;

	must(GB, "ip addr add 100.64.1.1/24 dev lan");
	must(B2, "ip addr add 100.64.1.9/24 dev eth0");
	if (!ktap_ok(visit_session("home", NULL) >= 0 &&
		     !strcmp(site_value(GB, "connection-show",
					".result[0].way"), "srflx"),
		     "a candidate of the peer's is in our LAN: by another"))
		visit_logs();
	visitor("... and a client is served");
	if (!ktap_ok(visit_open_from(&v, B2, ep("100.64.1.9", 0)),
		     "a LAN of 100.64.0.0/10 is a LAN"))
		visit_logs();
	visit_close(&v);
	must(GB, "ip addr del 100.64.1.1/24 dev lan");
}

/* It came in at a port of the gateway that the service's mapping has not. */
static void flows_are_adopted(void)
{
	struct visit v, after;
	bool up = visit_session("sequential", "home") >= 0 &&
		  visit_open(&v, B2);

	site_kill(GA);
	site_kill(GB);
	ktap_ok(up && visit_lives(&v), "a connection outlives both daemons");
	site_start(GA);
	site_start(GB);
	if (!ktap_ok(up && site_says(GA, "adopted", 10000) &&
		     site_says(GB, "adopted", 10000) &&
		     !strcmp(site_value(GA, "connection-show",
					".result[0].flows | length"), "1") &&
		     !strcmp(site_value(GB, "connection-show",
					".result[0].flows | length"), "1"),
		     "they adopt it when they are back"))
		visit_logs();
	if (!ktap_ok(visit_open(&after, B2), "and open others"))
		visit_logs();
}

/* The gateways still remember the flows of the connection before. */
static void wanted_again(void)
{
	bool up = visit_session("home", "home") >= 0;
	int i;

	for (i = 0; i < 3 && up; i++) {
		up = site_ask(GB, "{\"do\":\"connection-del\","
			      "\"connection\":\"siteA/ssh\"}") &&
		     visit_want() && is_direct("remote", "203.0.113.");
	}
	if (!ktap_ok(up, "deleted and wanted again at once: direct"))
		visit_logs();
	/* Both have one endpoint of the service's to ask about. */
	if (!ktap_ok(site_ask(GB, "{\"do\":\"connect\","
			      "\"service\":\"siteA/ssh\","
			      "\"listen\":\"10.2.0.1:2223\","
			      "\"proto\":\"tcp\"}") &&
		     is_direct("remote", "203.0.113."),
		     "wanted a second time meanwhile: direct, too"))
		visit_logs();
	visitor("... and a client is served");
}

/* The system comes up before its way to a name server does. */
static void names_are_found_later(void)
{
	bool up;

	must(HOME, "sed -i.keep 's/^stun = .*/"
	     "stun = ( { host = \"stun.test\"; } );/' " SITES_DIR "/*.conf");
	up = visit_set_up("home", "home") && visit_want() &&
	     site_says(GA, "STUN server stun.test", 20000);
	must(HOME, "echo 192.0.2.10 stun.test >>/etc/hosts");
	if (!ktap_ok(up && site_says(GB, "siteA/ssh: direct", 120000),
		     "a STUN server's name that is found late is used"))
		visit_logs();
	must(HOME, "sed -i /stun.test/d /etc/hosts; cd " SITES_DIR " && "
	     "for f in *.keep; do mv $f ${f%%.keep}; done");
}

static void families_differ(void)
{
	if (!ktap_ok(site_ask(GB, "{\"do\":\"connect\","
			      "\"service\":\"siteA/ssh\","
			      "\"listen\":\"[fd00:2::1]:2222\","
			      "\"proto\":\"tcp\"}") &&
		     site_says(GB, "the listener's address is IPv6, the service's is IPv4",
			       5000),
		     "families that differ, and no relay: it is said so"))
		visit_logs();
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(18);
	lab_start();
	sites_start();
	one_nat_for_both();
	addresses_change();
	addresses_are_used_twice();
	flows_are_adopted();
	wanted_again();
	names_are_found_later();
	families_differ();
	return ktap_exit();
}
