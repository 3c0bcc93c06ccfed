/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SYN hold: unsolicited SYNs are kept, not answered.
 *
 * Two hosts behind two NATs open one TCP connection by both sending a SYN
 * (RFC 9293 3.5, simultaneous open). The SYN that arrives first comes before
 * the inside host has sent its own. If anybody answers it with RST or ICMP,
 * the peer gives up, and the punch has failed although each side did right.
 * Three are about to answer:
 *
 *   - the router itself, for its WAN address, because no socket is there or by
 *     the admin's reject rule: such a SYN is taken away before either sees it;
 *   - the inside host, to a SYN that filtering has admitted, because its own
 *     socket does not exist yet: a copy is kept of the SYN, and the RST does
 *     not get out;
 *   - the router again, by a reject rule for forwarded packets (also where it
 *     translates nothing, as a firewall for IPv6): likewise.
 *
 * When the inside host's own SYN for the same pair of endpoints leaves, the
 * held one is released: dropped, as RFC 5382 REQ-4 says (the peer's SYN has
 * done its work, our host's meets it in SYN-SENT), or delivered inwards, which
 * saves half a round trip and serves a peer that sends its SYN only once. If
 * none leaves for 6 s, the SYN gets the answer that the WAN is set to give. (Two
 * processors may let ours leave just before the other is held: nothing is released
 * then, but nothing is answered either.)
 *
 * One SYN of a pair is held, the last that came, for the time of the first. It
 * pins no conntrack entry, no route and no device. What comes in fragments, or is
 * longer than Ethernet's packets, is not held. There is a cap for the namespace,
 * at which the oldest is forgotten, and one for a source prefix, at which the SYN
 * is dropped, or forwarded without a copy. All SYNs are held for the same time,
 * so a queue gives the order of their end.
 *
 * Locking: np_holds.lock, softirq-safe, innermost. Packets that have nothing to
 * do with a hold look at np_holds.count, no more.
 */
#ifndef _NP_SYNHOLD_H
#define _NP_SYNHOLD_H

#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>

#include "mapping.h"

struct np_net;

#define NP_HOLD_SECONDS		6	/* RFC 5382 REQ-4: at least */
#define NP_HOLD_PER_PREFIX	64	/* SYNs of one /32 or /64 */
#define NP_HOLD_LEN		1500	/* of the longest SYN that is held */
#define NP_HOLD_HEADROOM	128
#define NP_HOLD_TRUESIZE	2560	/* all that one takes, but its np_hold */
#define NP_HOLD_BUCKETS		4096	/* powers of two */
#define NP_HOLD_PREFIXES	8192

/* The two endpoints, as seen outside. */
struct np_pair {
	union nf_inet_addr ext_ip;
	union nf_inet_addr rem_ip;
	__be16 ext_port;
	__be16 rem_port;
	u8 family;
	u8 pad[3];		/* zero */
};

/* 96 bytes, a slab of kmalloc()'s: strangers decide how many there are. */
struct np_hold {
	struct hlist_node node;
	struct list_head list;		/* oldest first */
	struct np_pair pair;
	struct sk_buff *skb;		/* data at the network header */
	u32 expires;			/* jiffies, their lower half */
	int ifindex;			/* of the WAN it came in by */
	u16 wan;			/* np_wan.id */
	u16 prefix;			/* index into np_holds.prefixes */
	u8 state;			/* enum natpunch_hold_state */
	u8 answer;			/* enum natpunch_hold_answer */
	bool taken;			/* not a copy: nobody has seen it */
};

/* Jiffies; not more than 0 when its time is over. */
static inline long np_hold_left(const struct np_hold *hold)
{
	return (s32)(hold->expires - (u32)jiffies);
}

struct np_holds {
	struct np_net *npn;
	spinlock_t lock;		/* what is held */
	unsigned int count;
	struct list_head queue;
	struct timer_list timer;
	struct tasklet_struct tasklet;	/* delivers what is in deliver */
	struct sk_buff_head deliver;
	hsiphash_key_t key;
	/* Held SYNs by source prefix, hashed: strangers may share a count. */
	u8 prefixes[NP_HOLD_PREFIXES];
	struct hlist_head buckets[NP_HOLD_BUCKETS];
	struct nf_hook_ops ops[4];
	bool hooked;
};

extern unsigned int np_max_holds;	/* module parameter, a namespace's */

/*
 * An admitted SYN is about to be translated and sent on inwards: keep a copy.
 * Called with the packet as it came in.
 */
void np_hold_park(struct np_net *npn, const struct sk_buff *skb, u8 family);

/* A SYN of the pair leaves: release what is held. */
void np_hold_release(struct np_net *npn, const struct np_pair *pair);

static inline bool np_hold_any(const struct np_holds *holds)
{
	return holds && READ_ONCE(holds->count);
}

/*
 * Is this packet, which the router itself sends, an answer to a SYN that is
 * held? Then it must not get out. After conntrack.
 */
bool np_hold_swallow(struct np_net *npn, struct sk_buff *skb, u8 family);

/*
 * A SYN, RST or ICMP is forwarded. Is it a RST or error by which the inside
 * refuses what is held? Then it must not get out.
 */
bool np_hold_passing(struct np_net *npn, struct sk_buff *skb,
		     const struct nf_hook_state *state);

/* Forget what came in by this WAN; 0: by any. */
void np_hold_flush(struct np_net *npn, u16 wan);

/* Call @fn for each held SYN of a bucket, under the lock. */
void np_hold_for_bucket(struct np_net *npn, unsigned int bucket,
			void (*fn)(const struct np_hold *hold, void *data),
			void *data);

/* Under np_net.lock. */
int np_hold_hooks(struct np_net *npn, bool want);
int np_hold_net_init(struct np_net *npn);
void np_hold_net_exit(struct np_net *npn);

#endif /* _NP_SYNHOLD_H */
