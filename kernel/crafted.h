/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Crafted flows: TCP whose segments a program builds itself (Scapy, raw and
 * packet sockets). The kernel knows nothing of such a connection and answers
 * its segments with RST.
 *
 * Who crafts a flow registers it, for a time and if he likes for the life of
 * the netlink socket that he registered it by. RSTs that the kernel makes for a
 * registered flow are dropped; those that a program makes pass, as do those for
 * any other flow, and those that a reject rule makes. Conntrack sees the RST
 * first: it ends the entry that would else block the port for two minutes.
 *
 * On a gateway, a registered flow of an inside host loses the RSTs that come
 * from inside, whoever made them: that cannot be told from here.
 *
 * A device can be set to register by itself what leaves it from raw and packet
 * sockets (--auto), for programs that do not know of us: until it is set no
 * longer or, if asked, for the life of the netlink socket that set it. When
 * nobody watches a device any more, what was seen on it is forgotten.
 *
 * There is a cap for the namespace. Hooks are there only while something is
 * registered or a device is set; what is forwarded is looked at (passing.h) while
 * a flow is registered whose local address is not one of this host's. When an
 * address comes or goes, that is noticed within a second.
 *
 * Locking: np_crafted_net.lock, softirq-safe, for changes; RCU for look-ups.
 * The list of watches is changed under RTNL and that lock, and read under either.
 */
#ifndef _NP_CRAFTED_H
#define _NP_CRAFTED_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct netlink_ext_ack;
struct np_net;

#define NP_CRAFTED_MAX		1024	/* flows of a namespace */
#define NP_CRAFTED_RANGES	64	/* of which these have port ranges */
#define NP_CRAFTED_BITS		8
#define NP_CRAFTED_BUCKETS	BIT(NP_CRAFTED_BITS)
#define NP_CRAFTED_AUTO_LEASE	60	/* seconds from the last segment seen */

struct np_crafted {
	struct hlist_node node;
	struct list_head list;
	u8 family;
	u8 rem_len;			/* prefix length of rem_ip */
	bool automatic;
	bool dead;
	union nf_inet_addr loc_ip;
	union nf_inet_addr rem_ip;
	u16 loc_min;			/* host byte order */
	u16 loc_max;
	u16 rem_port;			/* host byte order, 0: any */
	u32 portid;			/* of the netlink socket it is bound to */
	int ifindex;			/* of the device it was seen on */
	u32 id;
	u32 expires;			/* seconds since boot */
	struct rcu_head rcu;
};

struct np_crafted_net {
	struct np_net *npn;
	spinlock_t lock;		/* flows */
	struct list_head flows;
	unsigned int count;
	unsigned int n_ranges;
	u32 last_id;
	struct hlist_head buckets[NP_CRAFTED_BUCKETS];
	struct hlist_head ranges;
	struct list_head watches;	/* struct np_watch */
	struct notifier_block netdev_nb;
	struct delayed_work reap;
	struct nf_hook_ops out[2];
	bool hooked;			/* out; np_net.lock */
	bool closing;
};

/*
 * Register @want for @lease seconds. Its id is filled in. A flow that is there
 * already is renewed. Under np_net.lock.
 */
int np_crafted_add(struct np_net *npn, struct np_crafted *want, u32 lease,
		   struct netlink_ext_ack *extack);

/* Errors: -ENOENT. */
int np_crafted_del(struct np_net *npn, u32 id, struct netlink_ext_ack *extack);

/*
 * Watch a device's raw and packet sockets, for the life of netlink socket
 * @portid if that is not 0; or no longer, whoever watches it or, if @portid is
 * not 0, as far as that socket is concerned. Under np_net.lock. Errors: -ENODEV,
 * -ENOENT.
 */
int np_crafted_auto(struct np_net *npn, const char *dev, bool on, u32 portid,
		    struct netlink_ext_ack *extack);

/* A netlink socket is gone: what was bound to it goes, too. */
void np_crafted_release(struct np_net *npn, u32 portid);

/*
 * Call @fn for the flow with the lowest id above @after, under the lock.
 * Returns its id, 0 if there is none.
 */
u32 np_crafted_next(struct np_net *npn, u32 after,
		    int (*fn)(const struct np_crafted *flow, void *data),
		    void *data, int *err);

/* Is what is forwarded a RST of a registered flow? Then it must not get out. */
bool np_crafted_passing(struct np_crafted_net *cn, const struct sk_buff *skb,
			const struct nf_hook_state *state);

/* Call @fn once with the name of each watched device, under RTNL. */
void np_crafted_devices(struct np_net *npn,
			void (*fn)(const char *name, void *data), void *data);

void np_crafted_net_init(struct np_net *npn);
void np_crafted_net_pre_exit(struct np_net *npn);
void np_crafted_net_exit(struct np_net *npn);

#endif /* _NP_CRAFTED_H */
