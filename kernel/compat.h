/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernels differ. Kbuild looks for the features; see
 * there what each NP_ macro stands for.
 */
#ifndef _NP_COMPAT_H
#define _NP_COMPAT_H

#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/udp.h>

static inline struct udp_table *np_udp_table(const struct net *net)
{
#ifdef NP_UDP_TABLE_PER_NET
	return net->ipv4.udp_table;
#else
	return &udp_table;
#endif
}

/* 6.1 takes the namespace without const. */
static inline struct udp_hslot *np_udp_slot(struct net *net, u16 port)
{
	return udp_hashslot(np_udp_table(net), net, port);
}

#endif /* _NP_COMPAT_H */
