// SPDX-License-Identifier: GPL-2.0
/*
 * External addresses and the allocator of their ports; see ports.h.
 *
 * Ports that the router itself uses are not given away: those in
 * net.ipv4.ip_local_reserved_ports as they stand when the address comes (and,
 * at the time of choosing, as they stand then), and those that a TCP or UDP
 * socket of the namespace is bound to, on whatever address.
 *
 * Locking: none of its own. The socket tables are looked at under their bucket
 * locks.
 */
#include <linux/bitmap.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>

#include "compat.h"
#include "main.h"
#include "observe.h"
#include "ports.h"
#include "wan.h"

/* Ports in use by the router that a search steps over before it gives up. */
#define NP_PORT_TRIES	128

struct np_range {
	u16 min;
	u16 max;
};

enum np_l4 np_l4(u8 l4proto)
{
	switch (l4proto) {
	case IPPROTO_UDP:
		return NP_L4_UDP;
	case IPPROTO_TCP:
		return NP_L4_TCP;
	case IPPROTO_SCTP:
		return NP_L4_SCTP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return NP_L4_ICMP;
	default:
		return NP_L4_NONE;
	}
}

static bool np_port_set(struct np_ports *p, u16 port)
{
	unsigned int half = port & 1, bit = port >> 1, word = BIT_WORD(bit);

	if (test_and_set_bit(bit, p->used[half]))
		return false;
	if (READ_ONCE(p->used[half][word]) == ~0UL) {
		set_bit(word, p->full[half]);
		/* Pairs with the barrier in np_port_clear(): one of the two
		 * sees what the other did, so a free port stays findable.
		 */
		smp_mb__after_atomic();
		if (READ_ONCE(p->used[half][word]) != ~0UL)
			clear_bit(word, p->full[half]);
	}
	return true;
}

static void np_port_clear(struct np_ports *p, u16 port)
{
	unsigned int half = port & 1, bit = port >> 1;

	clear_bit(bit, p->used[half]);
	/* Pairs with the one in np_port_set(). */
	smp_mb__after_atomic();
	clear_bit(BIT_WORD(bit), p->full[half]);
}

/* The first free bit in [bit, end) of a half, or end. */
static unsigned int np_port_next(const struct np_ports *p, unsigned int half,
				 unsigned int bit, unsigned int end)
{
	unsigned int word;
	unsigned long free;

	while (bit < end) {
		word = BIT_WORD(bit);
		free = ~READ_ONCE(p->used[half][word]);
		free &= BITMAP_FIRST_WORD_MASK(bit);
		if (free) {
			bit = word * BITS_PER_LONG + __ffs(free);
			break;
		}
		/* A hint: who claims the port looks again, atomically. */
		word = data_race(find_next_zero_bit(p->full[half],
						    NP_PORTS_WORDS, word + 1));
		bit = word * BITS_PER_LONG;
	}
	return min(bit, end);
}

static bool np_tcp_bound(struct net *net, u16 port)
{
	struct inet_hashinfo *info = net->ipv4.tcp_death_row.hashinfo;
	struct inet_bind_hashbucket *head;
	struct inet_bind_bucket *tb;
	bool bound = false;

	head = &info->bhash[inet_bhashfn(net, port, info->bhash_size)];
	if (hlist_empty(&head->chain))
		return false;

	spin_lock_bh(&head->lock);
	inet_bind_bucket_for_each(tb, &head->chain) {
		if (tb->port == port && net_eq(ib_net(tb), net)) {
			bound = true;
			break;
		}
	}
	spin_unlock_bh(&head->lock);
	return bound;
}

static bool np_udp_bound(struct net *net, u16 port)
{
	struct udp_hslot *slot = np_udp_slot(net, port);
	bool bound = false;
	struct sock *sk;

	if (hlist_empty(&slot->head))
		return false;

	spin_lock_bh(&slot->lock);
	sk_for_each(sk, &slot->head) {
		if (udp_sk(sk)->udp_port_hash == port &&
		    net_eq(sock_net(sk), net)) {
			bound = true;
			break;
		}
	}
	spin_unlock_bh(&slot->lock);
	return bound;
}

/* Does the router want this port for itself? */
static bool np_port_local(struct net *net, enum np_l4 l4, u16 port)
{
	switch (l4) {
	case NP_L4_UDP:
		return inet_is_local_reserved_port(net, port) ||
		       np_udp_bound(net, port);
	case NP_L4_TCP:
		return inet_is_local_reserved_port(net, port) ||
		       np_tcp_bound(net, port);
	default:
		return false;
	}
}

static struct np_range np_port_range(const struct np_addr *addr, enum np_l4 l4,
				     u16 want)
{
	const struct np_wan_conf *conf = rcu_dereference(addr->wan->conf);
	struct np_range range = { conf->port_min, conf->port_max };

	if (conf->range_given)
		return range;
	if (l4 == NP_L4_ICMP) {
		/* Identifiers are no ports: all 16 bits are fair. */
		range.min = 0;
		range.max = U16_MAX;
	} else if (want < 1024) {
		range.min = 1;
		range.max = 1023;
	}
	return range;
}

/* A random free port of one parity, claimed; or -ENOSPC. */
static int np_port_random(struct np_net *npn, struct np_addr *addr,
			  enum np_l4 l4, unsigned int half,
			  const struct np_range *range)
{
	unsigned int first = (range->min + 1 - half) >> 1;
	unsigned int end = (range->max + 2 - half) >> 1;
	struct np_ports *p = &addr->ports[l4];
	unsigned int start, bit, stop, tries;
	bool wrapped = false;

	if (first >= end)
		return -ENOSPC;

	/* RFC 6056: not to be guessed from the ports given before. */
	start = first + reciprocal_scale(get_random_u32(), end - first);
	bit = start;
	stop = end;
	for (tries = 0; tries < NP_PORT_TRIES; tries++) {
		bit = np_port_next(p, half, bit, stop);
		if (bit == stop) {
			if (wrapped)
				break;
			wrapped = true;
			bit = first;
			stop = start;
			continue;
		}
		if (!np_port_set(p, 2 * bit + half))
			continue;
		if (!np_port_local(npn->net, l4, 2 * bit + half))
			return 2 * bit + half;
		np_port_clear(p, 2 * bit + half);
		bit++;
	}
	return -ENOSPC;
}

int np_ports_claim_exact(struct np_net *npn, struct np_addr *addr, u8 l4proto,
			 u16 port)
{
	enum np_l4 l4 = np_l4(l4proto);
	struct np_ports *p = &addr->ports[l4];

	if (!np_ports_fit(addr, l4proto, port, port))
		return -ERANGE;
	if (!np_port_set(p, port))
		return -EADDRINUSE;
	if (np_port_local(npn->net, l4, port)) {
		np_port_clear(p, port);
		return -EADDRINUSE;
	}
	return 0;
}

int np_ports_claim(struct np_net *npn, struct np_addr *addr, u8 l4proto,
		   u16 want)
{
	enum np_l4 l4 = np_l4(l4proto);
	struct np_range range = np_port_range(addr, l4, want);
	int port;

	if (!np_ports_claim_exact(npn, addr, l4proto, want))
		return want;

	port = np_port_random(npn, addr, l4, want & 1, &range);
	if (port < 0)
		port = np_port_random(npn, addr, l4, !(want & 1), &range);
	return port;
}

void np_ports_release(struct np_addr *addr, u8 l4proto, u16 port)
{
	np_port_clear(&addr->ports[np_l4(l4proto)], port);
}

bool np_ports_fit(const struct np_addr *addr, u8 l4proto, u16 want, u16 port)
{
	struct np_range range = np_port_range(addr, np_l4(l4proto), want);

	return port >= range.min && port <= range.max;
}

/*
 * Reserved ports are taken for good, so that a search does not try them one by
 * one. Nobody else sees the address yet.
 */
static void np_addr_reserve_local(struct np_addr *addr)
{
	struct net *net = addr->wan->npn->net;
	unsigned int port;

	for (port = 1; port <= U16_MAX; port++) {
		if (!inet_is_local_reserved_port(net, port))
			continue;
		np_port_set(&addr->ports[NP_L4_UDP], port);
		np_port_set(&addr->ports[NP_L4_TCP], port);
	}
}

struct np_addr *np_addr_new(struct np_wan *wan, const union nf_inet_addr *ip,
			    u8 family)
{
	struct np_addr *addr;

	addr = kvzalloc(sizeof(*addr), GFP_KERNEL_ACCOUNT);
	if (!addr)
		return NULL;
	if (np_upstreams_new(addr)) {
		kvfree(addr);
		return NULL;
	}

	INIT_LIST_HEAD(&addr->list);
	refcount_inc(&wan->ref);
	addr->wan = wan;
	addr->ip = *ip;
	addr->family = family;
	refcount_set(&addr->ref, 1);
	np_addr_reserve_local(addr);
	return addr;
}

static void np_addr_free_rcu(struct rcu_head *head)
{
	struct np_addr *addr = container_of(head, struct np_addr, rcu);

	np_wan_put(addr->wan);
	np_upstreams_free(addr);
	kvfree(addr);
}

void np_addr_put(struct np_addr *addr)
{
	if (refcount_dec_and_test(&addr->ref))
		call_rcu(&addr->rcu, np_addr_free_rcu);
}
