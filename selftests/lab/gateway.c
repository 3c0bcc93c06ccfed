// SPDX-License-Identifier: GPL-2.0
/* What the gateways do. Owns which of them has a natpunch WAN. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "sock.h"

static bool has_wan[NODES];

const char *natpunch_missing(void)
{
	const char *only = getenv("LAB_NAT");

	if (only && !strcmp(only, "masquerade"))
		return "LAB_NAT=masquerade";
	return NULL;
}

static void reset(enum node gw)
{
	if (has_wan[gw])
		must(HOME, "natpunchctl -n %s wan del wan", node_name(gw));
	has_wan[gw] = false;
	nft(gw, "flush ruleset\n");
}

static void add_masquerade(enum node gw, const char *statement)
{
	nft(gw, "table inet lab_nat {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat;\n"
	    "		oifname \"wan\" %s\n"
	    "	}\n"
	    "}\n", statement ? statement : "masquerade");
}

static void add_wan(enum node gw, const char *options)
{
	must(HOME, "natpunchctl -n %s wan add wan %s %s", node_name(gw),
	     lab_family() == AF_INET6 ? "--nat66" : "", options ? options : "");
	has_wan[gw] = true;
}

void gateway(enum node gw, enum nat nat, const char *options)
{
	reset(gw);
	if (nat == NAT_MASQUERADE)
		add_masquerade(gw, options);
	if (nat == NAT_BOTH)
		add_masquerade(gw, NULL);
	if (nat == NAT_NATPUNCH || nat == NAT_BOTH)
		add_wan(gw, options);
	run(gw, "conntrack -F");
}

void gateways(enum nat nat, const char *options)
{
	/* Let the RSTs of the sockets that close here pass first. */
	sock_close_all();
	sleep_ms(100);
	gateway(GA, nat, options);
	gateway(GB, nat, options);
}

void gateway_input(enum node gw, const char *verdict)
{
	nft(gw, "table inet lab_input\n"
	    "delete table inet lab_input\n"
	    "table inet lab_input {\n"
	    "	chain input {\n"
	    "		type filter hook input priority filter;\n"
	    "		iifname \"wan\" meta l4proto { tcp, udp } ct state new %s\n"
	    "	}\n"
	    "}\n", verdict);
}

int natpunchctl(const char *fmt, ...)
{
	char args[2048];
	va_list list;

	va_start(list, fmt);
	vsnprintf(args, sizeof(args), fmt, list);
	va_end(list);
	return run(HOME, "natpunchctl -n GA %s", args);
}
