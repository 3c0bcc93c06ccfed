/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mapping table: internal endpoint <-> external endpoint (RFC 4787 4.1).
 *
 * A mapping serves every flow of its internal endpoint, whatever the remote
 * endpoint, and outlives them. It knows its flows by records: one a remote
 * endpoint, which is both the permission for filtering and the way to the
 * conntrack entry that says whether the flow lives. Records are looked at when
 * the mapping's timer is over, oldest first, until one is found alive: nothing is
 * walked on a new flow, and no conntrack entry is held or hooked.
 *
 * Packets find mappings and records by hash under RCU. np_mapping.lock guards
 * the list of records and the end of the mapping; see main.h for the order.
 */
#ifndef _NP_MAPPING_H
#define _NP_MAPPING_H

#include <linux/jhash.h>
#include <linux/llist.h>
#include <linux/netfilter.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <uapi/linux/natpunch.h>

struct np_addr;
struct np_flow;
struct np_host;
struct np_net;
struct np_wan;

/*
 * Addresses are hashed with the table's seed, IPv4's as one word: hashing is
 * most of what a look-up costs.
 */
static inline u32 np_hash_ip(const union nf_inet_addr *ip, u32 seed)
{
	if (!(ip->all[1] | ip->all[2] | ip->all[3]))
		return ip->all[0];
	return jhash2(ip->all, 4, seed);
}

/* Buckets that a table keeps, so that it need not grow with every burst. */
#define NP_TABLE_MIN	1024

/* An endpoint as it is hashed. External ones have neither zone nor WAN. */
struct np_key {
	union nf_inet_addr ip;
	__be16 port;			/* query identifier if ICMP */
	u8 l4proto;
	u8 family;			/* NFPROTO_IPV4 or NFPROTO_IPV6 */
	u16 zone;
	u16 wan;			/* np_wan.id */
} __aligned(8);

struct np_mapping {
	struct rhash_head int_node;
	struct rhash_head ext_node;
	struct np_key internal;
	struct np_key external;
	struct np_net *npn;
	struct np_addr *addr;		/* holds a reference */
	struct np_host *host;		/* likewise, until the end */
	struct np_flow *oldest;		/* records, a queue */
	struct np_flow *newest;
	spinlock_t lock;		/* records and end */
	refcount_t ref;			/* the tables', and the timer's or list's */
	u32 n_flows;
	u32 created;			/* seconds since boot */
	u32 outbound;			/* last outbound packet, likewise */
	u32 until;			/* not to end before, likewise */
	u8 filter;			/* enum natpunch_filter */
	u8 zone_dir;
	bool dead;
	bool live;			/* findable by both keys */
	bool reserved;
	bool left;			/* a flow of it has left */
	struct timer_list timer;
	union {
		struct llist_node due;
		struct rcu_head rcu;
	};
};

/* The other end of a flow. */
struct np_remote {
	union nf_inet_addr ip;
	__be16 port;			/* conntrack's type and code if ICMP */
	bool inbound;			/* grants nothing in filtering */
	bool hairpin;
};

/* Under rcu_read_lock(). A mapping found may be dying: np_mapping_add_flow(). */
struct np_mapping *np_mapping_by_int(struct np_net *npn,
				     const struct np_key *key);
struct np_mapping *np_mapping_by_ext(struct np_net *npn,
				     const struct np_key *key);

/* The same with a reference, whatever the context. */
struct np_mapping *np_mapping_get_by_int(struct np_net *npn,
					 const struct np_key *key);
void np_mapping_put(struct np_mapping *m);

/*
 * Make the mapping of @internal on @addr; @port is the external port, or 0 for
 * a port of our choice. A reservation's has the filter that is promised, one of
 * a packet NATPUNCH_FILTER_DEFAULT at first. If another CPU was faster, its mapping is returned.
 * The result is valid under the caller's rcu_read_lock(). Errors: -ENOSPC no
 * port, -EDQUOT the host has its share of them, -ENFILE cap, -ENOMEM, -ERANGE and
 * -EADDRINUSE for @port. What is @reserved is counted, but no share limits it.
 */
struct np_mapping *np_mapping_new(struct np_net *npn, struct np_addr *addr,
				  const struct np_key *internal, u8 zone_dir,
				  u16 port, u8 filter, bool reserved);

/*
 * Record a flow. Errors: -ESTALE the mapping has ended, -EDQUOT the host has its
 * share of records, -ENFILE cap, -ENOMEM.
 */
int np_mapping_add_flow(struct np_mapping *m, const struct np_remote *remote);

/* Does filtering let @ip:@port open a flow inwards? (RFC 4787 section 5) */
bool np_mapping_admits(struct np_mapping *m, const union nf_inet_addr *ip,
		       __be16 port);

/* An outbound packet of @m was seen, on a WAN that does not refresh inbound. */
void np_mapping_outbound(struct np_mapping *m);

/*
 * End @m and kill its flows' conntrack entries; may sleep. True if it was we who
 * did.
 */
bool np_mapping_end(struct np_mapping *m, u8 reason);

/* The reservation of @m is over: it lives on as any other mapping does. */
void np_mapping_unreserve(struct np_mapping *m);

/* Seconds that @m has if nothing refreshes it, -1 if it is for good. */
int np_mapping_expires(struct np_mapping *m);

/*
 * Call @fn for every mapping, in process context; @fn may sleep and may end the
 * mapping. One made meanwhile may be seen or not; if others end mappings at the
 * same time, one may be missed.
 */
void np_mapping_for_each(struct np_net *npn,
			 void (*fn)(struct np_mapping *m, void *data),
			 void *data);

extern unsigned int np_max_mappings;	/* module parameters, a namespace's */
extern unsigned int np_max_flows;

int np_mapping_init(void);
void np_mapping_exit(void);
int np_mapping_net_init(struct np_net *npn);
void np_mapping_net_exit(struct np_net *npn);

#endif /* _NP_MAPPING_H */
