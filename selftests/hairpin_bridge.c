// SPDX-License-Identifier: GPL-2.0
/*
 * Hairpinning where netfilter sees the LAN bridge's frames (br_netfilter, which
 * container engines load): both hosts are on that bridge, and what is sent to the
 * neighbour's external endpoint is bridged, not routed.
 */
#include "lab/behave.h"

static struct seen on_seen_bridge(const struct row *row)
{
	struct seen s;

	must(GA, "modprobe br_netfilter && "
	     "sysctl -q net.bridge.bridge-nf-call-iptables=1 "
	     "net.bridge.bridge-nf-call-ip6tables=1");
	s = hairpin_shows_external_source(row);
	must(GA, "sysctl -q net.bridge.bridge-nf-call-iptables=0 "
	     "net.bridge.bridge-nf-call-ip6tables=0");
	return s;
}

static const struct row rows[] = {
	{ .name = "REQ-9 a neighbour's external endpoint answers",
	  .measure = on_seen_bridge, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-8 connect to a neighbour's external endpoint",
	  .measure = on_seen_bridge, .protocol = IPPROTO_TCP,
	  .options = "--filter eif", .stock = STOCK_FAILS, .families = BOTH },
};

ROWS_MAIN(rows)
