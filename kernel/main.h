/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a network namespace owns. All state of natpunch hangs here; nothing but
 * registrations, slab caches and a workqueue is global.
 *
 * Locking, in the order in which locks nest:
 *
 *   np_net.lock (mutex)   configuration: the list of WANs, each WAN's settings,
 *                         external addresses and reservations. Taken by netlink
 *                         commands and by the rescan work, never under RTNL.
 *   RTNL                  taken inside np_net.lock, by registering notifiers
 *                         only. Our notifiers run under RTNL, so they take no
 *                         lock of ours and leave everything to the rescan work.
 *   np_mapping.lock       one mapping's flow records and its end; softirq-safe.
 *   np_holds.lock         held SYNs; softirq-safe, takes no other lock.
 *   np_crafted_net.lock   crafted flows; softirq-safe, takes no other lock.
 *   np_net.hosts_lock     hosts that come and go; softirq-safe.
 *   nf_conn.lock          conntrack's: what the observer knows of a flow.
 *   np_upstream.lock      samples of an upstream; softirq-safe, takes no other
 *                         lock.
 *   rhashtable buckets    inside np_mapping.lock and np_net.hosts_lock.
 *
 * Packets read WANs, addresses and mappings under RCU. Ports are claimed by
 * atomic bit operations.
 */
#ifndef _NP_MAIN_H
#define _NP_MAIN_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/notifier.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_nat.h>

#include "crafted.h"
#include "passing.h"
#include "ports.h"
#include "stats.h"

#define NP_STRANGERS	1024	/* a power of two */

struct np_net {
	struct net *net;
	struct mutex lock;		/* configuration */

	struct list_head wans;		/* struct np_wan, RCU */
	unsigned int n_wans;
	u16 last_wan_id;

	/* The first WAN makes these, the namespace's end takes them away. */
	bool ready;
	struct rhashtable by_int;	/* struct np_mapping, internal */
	struct rhashtable by_ext;	/* struct np_mapping, external */
	struct rhashtable flows;	/* struct np_flow */
	atomic_t n_mappings;
	struct llist_head due;		/* struct np_mapping, to be looked at */
	struct work_struct looking;	/* ... by this */
	atomic_t n_flows;
	atomic_t n_flows_in;		/* of them those that came from outside */
	spinlock_t hosts_lock;
	struct rhashtable hosts;	/* struct np_host */
	struct np_stats __percpu *stats;
	/*
	 * When a flow last came that we did not bind, by protocol and port; in
	 * seconds since boot. Its conntrack entry may be in a mapping's way.
	 */
	u32 strangers[NP_L4_MAX][NP_STRANGERS];

	/* In the namespace while it has a WAN; those for IPv6 with nat66. */
	struct nf_hook_ops nat4[2];
	struct nf_hook_ops nat6[2];
	bool hooked4;
	bool hooked6;

	struct np_holds *holds;		/* held SYNs, made with the tables */
	struct np_crafted_net crafted;
	struct np_passing passing;

	struct notifier_block netdev_nb;
	/* Devices or addresses have changed, or a reservation is over. */
	struct delayed_work rescan;
	/* Samples have come that somebody may want to hear of. */
	struct delayed_work observed;	/* listeners to be told */
	struct delayed_work thinking;	/* samples to be thought about */
	struct np_predict *thought;	/* an upstream's copy; under lock */
	bool closing;			/* neither is to be queued any more */
};

/* For what takes long, on any processor; from np_wan_init() on. */
extern struct workqueue_struct *np_wq;

struct np_net *np_net(const struct net *net);

/* Are the tables there? For those who do not hold np_net.lock. */
static inline bool np_net_ready(const struct np_net *npn)
{
	/* Pairs with the release in np_net_prepare(). */
	return smp_load_acquire(&npn->ready);
}

/* Make the counters if they are not there. Under np_net.lock. */
int np_stats_prepare(struct np_net *npn);

#endif /* _NP_MAIN_H */
