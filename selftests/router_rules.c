// SPDX-License-Identifier: GPL-2.0
/*
 * The admin's nat rules, and what natpunch leaves alone.
 */
#include "lab/behave.h"

/* A2's service, made reachable by hand on the port that A's mapping has. */
static struct seen dnat_rule_wins(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), a2 = udp_open(A2, host(A2, 6000));
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	bool v4 = lab_family() == AF_INET;
	struct ep mapped;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &mapped);
	nft(GA, "table inet admin {\n"
	    "	chain pre {\n"
	    "		type nat hook prerouting priority dstnat;\n"
	    "		iifname \"wan\" udp dport %u dnat %s to %s%s%s:6000\n"
	    "	}\n"
	    "}\n", ep_port(mapped), v4 ? "ip" : "ip6", v4 ? "" : "[",
	    ep_addr_str(host(A2, 0)), v4 ? "" : "]");
	if (!udp_deliver(s2, mapped, a2, NULL))
		return seen(false, "A2 does not hear");
	return seen(udp_deliver(s, mapped, a, NULL),
		    "A2 hears; does A's own flow go on?");
}

static void add_snat(const char *priority)
{
	bool v4 = lab_family() == AF_INET;

	nft(GA, "table inet admin {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority %s;\n"
	    "		oifname \"wan\" udp sport 5000 snat %s to %s%s%s:7777\n"
	    "	}\n"
	    "}\n", priority, v4 ? "ip" : "ip6", v4 ? "" : "[",
	    ep_addr_str(wan(GA, 0)), v4 ? "" : "]");
}

static struct seen earlier_snat_rule_wins(const struct row *row)
{
	struct ep e, other;

	(void)row;
	add_snat("srcnat - 5");
	e = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	other = external(IPPROTO_UDP, A, 5001, server(1, 3478));
	return seen(ep_eq(e, wan(GA, 7777)) && ep_eq(other, wan(GA, 5001)),
		    "the rule's: %s, another: %s", ep_str(e), ep_str(other));
}

static struct seen later_snat_rule_finds_it_done(const struct row *row)
{
	struct ep e;

	(void)row;
	add_snat("srcnat");
	e = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	return seen(ep_eq(e, wan(GA, 5000)), "%s", ep_str(e));
}

/* The same gateway with masquerade beside: EIM stays, others are masqueraded. */
static struct seen beside_masquerade(const struct row *row)
{
	gateway(GA, NAT_BOTH, NULL);
	return mapping_is_endpoint_independent(row);
}

/* A host with an address that is not an internal one; NET knows the way. */
static int foreign_host(const char *from)
{
	run(A, "ip addr add 198.18.0.2/24 dev eth0");
	run(GA, "ip addr add 198.18.0.1/24 dev lan");
	run(NET, "ip route add 198.18.0.0/24 via 203.0.113.2");
	return udp_open(A, ep(from, 5000));
}

static struct seen other_sources_pass_untranslated(const struct row *row)
{
	int a = foreign_host("198.18.0.2");
	int s = udp_open(SERVER, server(1, 3478));
	struct ep from;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &from);
	return seen(ep_eq(from, ep("198.18.0.2", 5000)) &&
		    udp_deliver(s, from, a, NULL), "seen as %s", ep_str(from));
}

static struct seen other_sources_are_masqueraded(const struct row *row)
{
	struct ep from;
	int a, s;

	(void)row;
	gateway(GA, NAT_BOTH, NULL);
	a = foreign_host("198.18.0.2");
	s = udp_open(SERVER, server(1, 3478));
	udp_deliver(a, server(1, 3478), s, &from);
	return seen(ep_eq(from, wan(GA, 5000)), "seen as %s", ep_str(from));
}

static struct seen internal_prefixes_are_the_admins(const struct row *row)
{
	int foreign = foreign_host("198.18.0.2");
	int a = udp_open(A, host(A, 5001)), wire = sniff_open(NET, "ga");
	struct ep to = server(1, 3478), first;
	struct packet p;

	(void)row;
	udp_send(foreign, to);
	if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
		return seen(false, "nothing leaves");
	first = p.src;
	udp_send(a, to);
	if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
		return seen(false, "nothing leaves");
	return seen(ep_eq(first, wan(GA, 5000)) &&
		    ep_eq(p.src, host(A, 5001)),
		    "198.18.0.2 leaves as %s, 10.1.0.2 as %s", ep_str(first),
		    ep_str(p.src));
}

/* IPv6 is translated only where that was asked for. */
static struct seen ipv6_is_not_asked_for(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), wire = sniff_open(NET, "ga");
	struct ep to = server(1, 3478);
	struct packet p;

	(void)row;
	must(HOME, "natpunchctl -n GA wan del wan");
	must(HOME, "natpunchctl -n GA wan add wan");
	udp_send(a, to);
	if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
		return seen(false, "nothing leaves");
	return seen(ep_eq(p.src, host(A, 5000)), "leaves as %s",
		    ep_str(p.src));
}

static const struct row rows[] = {
	{ .name = "a dnat rule wins over a mapping",
	  .measure = dnat_rule_wins, .options = "--filter eif",
	  .families = BOTH },
	{ .name = "an snat rule before us wins",
	  .measure = earlier_snat_rule_wins, .families = BOTH },
	{ .name = "an snat rule after us finds the flow bound",
	  .measure = later_snat_rule_finds_it_done, .families = BOTH },
	{ .name = "a masquerade rule beside us does not matter",
	  .measure = beside_masquerade, .protocol = IPPROTO_UDP,
	  .families = BOTH },
	{ .name = "sources that are not internal pass as they are",
	  .measure = other_sources_pass_untranslated },
	{ .name = "or are masqueraded, if there is such a rule",
	  .measure = other_sources_are_masqueraded },
	{ .name = "the admin says which are internal",
	  .measure = internal_prefixes_are_the_admins,
	  .options = "--internal 198.18.0.0/24" },
	{ .name = "without --nat66 IPv6 passes as it is",
	  .measure = ipv6_is_not_asked_for, .families = IPV6 },
};

ROWS_MAIN(rows)
