// SPDX-License-Identifier: GPL-2.0
/*
 * Software flow offload: flows of a WAN without a helper are taken by an nft
 * flowtable, and all that a mapping promises still holds.
 *
 * In this lab 7.3 offloads nothing, under masquerade neither; why is not known.
 * needs: kernel=6.1 kernel=6.12
 */
#include <string.h>

#include "lab/behave.h"

static void offload(void)
{
	nft(GA, "table inet fast {\n"
	    "	flowtable f { hook ingress priority 0; devices = { lan, wan }; }\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority 0;\n"
	    "		meta l4proto { tcp, udp } flow add @f\n"
	    "	}\n"
	    "}\n");
}

static bool is_offloaded(const char *protocol)
{
	must(GA, "conntrack -L -p %s -f %s", protocol,
	     lab_family() == AF_INET ? "ipv4" : "ipv6");
	return strstr(run_output(), "[OFFLOAD]");
}

static struct seen flow_is_offloaded(const struct row *row)
{
	bool udp = row->protocol == IPPROTO_UDP;
	struct flow f;
	int i;

	offload();
	f = flow_open(row->protocol, A, 5000, server(1, 3000));
	for (i = 0; i < 5; i++)
		if (ep_none(flow_ask(&f)) || !f.answered)
			return seen(false, "round %d: no answer", i);
	return seen(is_offloaded(udp ? "udp" : "tcp"), "as %s, offloaded?",
		    ep_str(f.external));
}

static struct seen mapping_holds(const struct row *row)
{
	offload();
	return mapping_is_endpoint_independent(row);
}

static struct seen filtering_holds(const struct row *row)
{
	offload();
	return filtering_is_as_configured(row);
}

/* Inbound flows are offloaded, too. */
static struct seen inbound_flow_is_offloaded(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), i;
	int s = udp_open(SERVER, server(1, 3000));
	int s2 = udp_open(SERVER, server(2, 3000));
	struct ep mapped, from;

	(void)row;
	udp_deliver(a, server(1, 3000), s, &mapped);
	offload();
	for (i = 0; i < 5; i++)
		if (!udp_deliver(s2, mapped, a, &from) ||
		    !udp_deliver(a, from, s2, &from))
			return seen(false, "round %d: no answer", i);
	return seen(ep_eq(from, mapped) && is_offloaded("udp"),
		    "as %s, offloaded?", ep_str(from));
}

/* A busy flow keeps its mapping, though no packet of it enters our code. */
static struct seen busy_flow_keeps_mapping(const struct row *row)
{
	struct flow f;
	struct ep other;
	int i;

	(void)row;
	offload();
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3000));
	for (i = 0; i < 60; i++) {
		if (ep_none(flow_ask(&f)) || !f.answered)
			return seen(false, "round %d: no answer", i);
		sleep_s(10);
	}
	/* Ten minutes; then five more of silence are still to come. */
	sleep_s(280);
	other = external(IPPROTO_UDP, A, 5000, server(2, 3000));
	external(IPPROTO_UDP, A2, 5000, server(2, 3000));
	return seen(ep_eq(other, f.external), "%s, then %s",
		    ep_str(f.external), ep_str(other));
}

static const struct row rows[] = {
	{ .name = "UDP is offloaded", .measure = flow_is_offloaded,
	  .protocol = IPPROTO_UDP, .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "TCP is offloaded", .measure = flow_is_offloaded,
	  .protocol = IPPROTO_TCP, .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "an inbound flow is offloaded",
	  .measure = inbound_flow_is_offloaded, .options = "--filter eif",
	  .families = BOTH },
	{ .name = "mapping stays endpoint-independent",
	  .measure = mapping_holds, .protocol = IPPROTO_UDP,
	  .stock = STOCK_FAILS },
	{ .name = "filtering stays as configured",
	  .measure = filtering_holds, .protocol = IPPROTO_UDP,
	  .options = "--filter adf", .arg = FILTER_ADF },
	{ .name = "a busy flow keeps its mapping",
	  .measure = busy_flow_keeps_mapping },
};

ROWS_MAIN(rows)
