/* SPDX-License-Identifier: GPL-2.0 */
/*
 * External addresses and who has which of their ports.
 *
 * A port belongs to one mapping per (protocol, external address): no port
 * overloading (RFC 4787 REQ-3, RFC 5382 REQ-7). Each protocol of an address has
 * a bitmap, kept in halves of equal parity because a mapping prefers a port of
 * the internal port's parity (RFC 4787 REQ-4); a second level says which words
 * are full, so that the last free port is found about as fast as the first.
 *
 * A port is claimed by test_and_set_bit(): no lock, and exactly one winner.
 */
#ifndef _NP_PORTS_H
#define _NP_PORTS_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct np_net;
struct np_owns;
struct np_upstream;
struct np_wan;

#define NP_PORTS_HALF	32768
#define NP_PORTS_WORDS	(NP_PORTS_HALF / BITS_PER_LONG)

/* Ports of one protocol. Bit i of half p is port 2 * i + p. */
struct np_ports {
	unsigned long used[2][NP_PORTS_WORDS];
	/* A hint: bit w says that used[][w] is full. */
	unsigned long full[2][BITS_TO_LONGS(NP_PORTS_WORDS)];
};

enum np_l4 {
	NP_L4_UDP,
	NP_L4_TCP,
	NP_L4_SCTP,
	NP_L4_ICMP,
	NP_L4_MAX,
	NP_L4_NONE = NP_L4_MAX
};

enum np_l4 np_l4(u8 l4proto);

/*
 * An external address of a WAN. Written under np_net.lock, found by packets
 * under RCU; each mapping holds a reference.
 */
struct np_addr {
	struct list_head list;		/* np_wan.addrs, RCU */
	struct np_wan *wan;
	union nf_inet_addr ip;
	u8 family;			/* NFPROTO_IPV4 or NFPROTO_IPV6 */
	bool gone;			/* no new mapping on it */
	refcount_t ref;
	struct rcu_head rcu;
	struct np_owns __percpu *own;	/* observe.h has these two */
	struct np_upstream *upstreams;	/* UDP's and TCP's */
	struct np_ports ports[NP_L4_MAX];
};

struct np_addr *np_addr_new(struct np_wan *wan, const union nf_inet_addr *ip,
			    u8 family);
void np_addr_put(struct np_addr *addr);

static inline void np_addr_get(struct np_addr *addr)
{
	refcount_inc(&addr->ref);
}

/*
 * Claim a port for internal port @want (host byte order): the same if it is
 * free, else a random one of the same parity, else a random one. Ports below
 * 1024 stay below 1024 (RFC 4787 REQ-3a). Returns the port or -ENOSPC.
 */
int np_ports_claim(struct np_net *npn, struct np_addr *addr, u8 l4proto,
		   u16 want);

/* Claim just this port. Returns 0, -ERANGE or -EADDRINUSE. */
int np_ports_claim_exact(struct np_net *npn, struct np_addr *addr, u8 l4proto,
			 u16 port);

void np_ports_release(struct np_addr *addr, u8 l4proto, u16 port);

/* Would a mapping of internal port @want be given external port @port? */
bool np_ports_fit(const struct np_addr *addr, u8 l4proto, u16 want, u16 port);

#endif /* _NP_PORTS_H */
