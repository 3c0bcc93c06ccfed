/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Internal hosts: what each has of what all of them share (RFC 6888 REQ-4 and
 * REQ-5), so that one of them can not leave the others without. That is the
 * external ports of a WAN, by protocol, and the namespace's flow records.
 *
 * A host is one internal address of a WAN and a conntrack zone. It is made with
 * its first mapping and goes with its last; each mapping holds a reference.
 *
 * Locking: np_net.hosts_lock, for hosts that come or go; found under RCU. What a
 * host has is counted atomically.
 */
#ifndef _NP_HOST_H
#define _NP_HOST_H

#include <linux/atomic.h>
#include <linux/netfilter.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "ports.h"

struct np_key;
struct np_net;

struct np_host_key {
	union nf_inet_addr ip;
	u16 zone;
	u16 wan;			/* np_wan.id */
};

struct np_host {
	struct rhash_head node;
	struct np_host_key key;
	refcount_t ref;
	atomic_t ports[NP_L4_MAX];
	atomic_t flows;			/* records of flows that it opened */
	struct rcu_head rcu;
};

/* A host's share of the flow records: one of so many parts. */
#define NP_HOST_FLOWS	4

/* The host of internal endpoint @key, made if need be; NULL: no memory. */
struct np_host *np_host_get(struct np_net *npn, const struct np_key *key);
void np_host_put(struct np_net *npn, struct np_host *host);

/* Count one port more. False if it has @limit of them: then it is not counted. */
bool np_host_take_port(struct np_host *host, enum np_l4 l4, u32 limit);

static inline void np_host_give_port(struct np_host *host, enum np_l4 l4)
{
	atomic_dec(&host->ports[l4]);
}

int np_host_net_init(struct np_net *npn);
void np_host_net_exit(struct np_net *npn);

#endif /* _NP_HOST_H */
