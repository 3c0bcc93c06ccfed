// SPDX-License-Identifier: GPL-2.0
/*
 * Policy by stock nft: conntrack helper objects, whose type names the filtering, in
 * a nat-type chain (or any other after conntrack).
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include "lab/behave.h"

/* A's flows get the helper @type; @chain says where the rule stands. */
static void add_policy(const char *type, const char *protocol,
		       const char *chain)
{
	bool v4 = lab_family() == AF_INET;

	nft(GA, "table inet edge {\n"
	    "	ct helper games { type \"%s\" protocol %s; l3proto inet; }\n"
	    "	chain pick {\n"
	    "		type %s;\n"
	    "		oifname \"wan\" %s saddr %s ct helper set \"games\"\n"
	    "	}\n"
	    "}\n", type, protocol, chain, v4 ? "ip" : "ip6",
	    ep_addr_str(host(A, 0)));
}

#define NAT_CHAIN "nat hook postrouting priority srcnat - 5"
#define FILTER_CHAIN "filter hook forward priority 0"

static const char * const types[] = {
	[FILTER_APDF] = "natpunch-apdf", [FILTER_ADF] = "natpunch-adf",
	[FILTER_EIF] = "natpunch-eif",
};

static struct seen policy_filters(const struct row *row)
{
	const char *protocol = row->protocol == IPPROTO_UDP ? "udp" : "tcp";

	add_policy(types[row->arg], protocol, NAT_CHAIN);
	return filtering_is_as_configured(row);
}

static struct seen policy_in_forward_chain(const struct row *row)
{
	add_policy(types[row->arg], "udp", FILTER_CHAIN);
	return filtering_is_as_configured(row);
}

/* Plain "natpunch" is the WAN's own. */
static struct seen plain_policy(const struct row *row)
{
	add_policy("natpunch", "udp", NAT_CHAIN);
	return filtering_is_as_configured(row);
}

/* The rule is about A; A2 keeps the WAN's filtering. */
static struct seen policy_is_per_flow(const struct row *row)
{
	int a2 = udp_open(A2, host(A2, 6000));
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	struct ep mapped;

	(void)row;
	add_policy("natpunch-eif", "udp", NAT_CHAIN);
	udp_deliver(a2, server(1, 3478), s, &mapped);
	return seen(udp_deliver(s, mapped, a2, NULL) &&
		    !udp_deliver(s2, mapped, a2, NULL), "A2 as before?");
}

/* The flow is left to masquerade, which is told to use certain ports. */
static struct seen off_is_masquerade(const struct row *row)
{
	struct ep a, a2;

	(void)row;
	nft(GA, "table inet stock {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat;\n"
	    "		oifname \"wan\" meta l4proto udp masquerade to :50000-50100\n"
	    "	}\n"
	    "}\n");
	add_policy("natpunch-off", "udp", NAT_CHAIN);
	a = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	a2 = external(IPPROTO_UDP, A2, 6000, server(1, 3478));
	return seen(ep_port(a) >= 50000 && ep_port(a) <= 50100 &&
		    ep_port(a2) == 6000, "A, off: %u; A2: %u", ep_port(a),
		    ep_port(a2));
}

static const struct row rows[] = {
	{ .name = "natpunch-eif on a strict WAN",
	  .measure = policy_filters, .protocol = IPPROTO_UDP,
	  .options = "--filter apdf", .arg = FILTER_EIF, .families = BOTH },
	{ .name = "natpunch-adf on a strict WAN",
	  .measure = policy_filters, .protocol = IPPROTO_UDP,
	  .options = "--filter apdf", .arg = FILTER_ADF, .families = BOTH },
	{ .name = "natpunch-apdf on an open WAN",
	  .measure = policy_filters, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .arg = FILTER_APDF, .families = BOTH },
	{ .name = "natpunch-eif, TCP",
	  .measure = policy_filters, .protocol = IPPROTO_TCP,
	  .options = "--filter apdf", .arg = FILTER_EIF },
	{ .name = "natpunch-apdf, TCP",
	  .measure = policy_filters, .protocol = IPPROTO_TCP,
	  .options = "--filter eif", .arg = FILTER_APDF },
	{ .name = "natpunch is the WAN's filtering, eif",
	  .measure = plain_policy, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .arg = FILTER_EIF },
	{ .name = "natpunch is the WAN's filtering, apdf",
	  .measure = plain_policy, .protocol = IPPROTO_UDP,
	  .options = "--filter apdf", .arg = FILTER_APDF },
	{ .name = "the rule may stand in a forward chain",
	  .measure = policy_in_forward_chain, .protocol = IPPROTO_UDP,
	  .options = "--filter apdf", .arg = FILTER_EIF },
	{ .name = "a rule about one host is not about its neighbour",
	  .measure = policy_is_per_flow, .options = "--filter adf" },
	{ .name = "natpunch-off leaves the flow to masquerade",
	  .measure = off_is_masquerade },
};

ROWS_MAIN(rows)
