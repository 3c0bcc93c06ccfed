// SPDX-License-Identifier: GPL-2.0
/* What the gateways do. Owns what each of them does now. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway.h"
#include "sock.h"

static bool has_wan[NODES];
static enum nat now[NODES];

const char *natpunch_missing(void)
{
	const char *only = getenv("LAB_NAT");

	if (only && !strcmp(only, "masquerade"))
		return "LAB_NAT=masquerade";
	return NULL;
}

/* What `conntrack -F` does. */
static void flush_conntrack(enum node gw)
{
	struct {
		struct nlmsghdr nlh;
		struct nfgenmsg nfg;
	} request = {
		.nlh = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 |
				      IPCTNL_MSG_CT_DELETE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
	};
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr error;
	} answer = { .error.error = -EIO };
	int sock;

	lab_enter(gw);
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (send(sock, &request, sizeof(request), 0) < 0 ||
	    recv(sock, &answer, sizeof(answer), 0) < 0 || answer.error.error)
		ktap_bail("conntrack: %s", strerror(-answer.error.error));
	close(sock);
	lab_enter(HOME);
}

static void set_ruleset(enum node gw, enum nat nat, const char *statement)
{
	if (nat != NAT_MASQUERADE && nat != NAT_BOTH) {
		nft(gw, "flush ruleset\n");
		return;
	}
	nft(gw, "flush ruleset\n"
	    "table inet lab_nat {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat;\n"
	    "		oifname \"wan\" %s\n"
	    "	}\n"
	    "}\n", statement ? statement : "masquerade");
}

static void set_wan(enum node gw, bool wanted, const char *options)
{
	if (has_wan[gw])
		must(HOME, "natpunchctl -n %s wan del wan", node_name(gw));
	if (wanted)
		must(HOME, "natpunchctl -n %s wan add wan %s %s", node_name(gw),
		     lab_family() == AF_INET6 ? "--nat66" : "",
		     options ? options : "");
	has_wan[gw] = wanted;
}

void gateway(enum node gw, enum nat nat, const char *options)
{
	set_ruleset(gw, nat, nat == NAT_MASQUERADE ? options : NULL);
	set_wan(gw, nat == NAT_NATPUNCH || nat == NAT_BOTH, options);
	flush_conntrack(gw);
	now[gw] = nat;
}

void gateways(enum nat nat_a, enum nat nat_b, const char *options)
{
	/* Let the RSTs of the sockets that close here pass first. */
	sock_close_all();
	sleep_ms(100);
	gateway(GA, nat_a, options);
	if (nat_b != NAT_NONE || now[GB] != NAT_NONE)
		gateway(GB, nat_b, options);
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
