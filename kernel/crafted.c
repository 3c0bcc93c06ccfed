// SPDX-License-Identifier: GPL-2.0
/*
 * Crafted flows; see crafted.h for what they are and for the locking.
 */
#include <linux/hash.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_netdev.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/sock.h>

#include "crafted.h"
#include "main.h"
#include "netlink.h"
#include "packet.h"
#include "passing.h"
#include "stats.h"
#include "trace.h"

/*
 * Somebody watches a device's raw and packet sockets. Each who does has a hook
 * of his own; they are few, and to learn twice does no harm.
 */
struct np_watch {
	struct list_head list;
	struct np_net *npn;
	struct nf_hook_ops ops;
	u32 portid;			/* of the netlink socket it is bound to */
	bool over;			/* that is gone, and so this will be */
	struct rcu_head rcu;		/* the hook may still be in use */
};

/* One segment's endpoints. */
struct np_segment {
	union nf_inet_addr src;
	union nf_inet_addr dst;
	u16 sport;			/* host byte order */
	u16 dport;
	u8 family;
};

static u32 np_now(void)
{
	return ktime_get_seconds();
}

static struct hlist_head *np_crafted_bucket(struct np_crafted_net *cn, u16 port)
{
	/* Who may register a flow need not be kept from filling a bucket. */
	return &cn->buckets[hash_32(port, NP_CRAFTED_BITS)];
}

static bool np_crafted_remote(const struct np_crafted *flow,
			      const union nf_inet_addr *ip)
{
	if (flow->family == NFPROTO_IPV6)
		return ipv6_prefix_equal(&flow->rem_ip.in6, &ip->in6,
					 flow->rem_len);
	return !flow->rem_len || !((flow->rem_ip.ip ^ ip->ip) &
				   htonl(~0U << (32 - flow->rem_len)));
}

static bool np_crafted_match(const struct np_crafted *flow,
			     const struct np_segment *seg)
{
	return flow->family == seg->family &&
	       seg->sport >= flow->loc_min && seg->sport <= flow->loc_max &&
	       (!flow->rem_port || flow->rem_port == seg->dport) &&
	       nf_inet_addr_cmp(&flow->loc_ip, &seg->src) &&
	       np_crafted_remote(flow, &seg->dst) &&
	       (s32)(READ_ONCE(flow->expires) - np_now()) > 0;
}

/* The registered flow that a segment sent from its local end is of. */
static struct np_crafted *np_crafted_find(struct np_crafted_net *cn,
					  const struct np_segment *seg)
{
	struct np_crafted *flow;

	hlist_for_each_entry_rcu(flow, np_crafted_bucket(cn, seg->sport), node)
		if (np_crafted_match(flow, seg))
			return flow;
	hlist_for_each_entry_rcu(flow, &cn->ranges, node)
		if (np_crafted_match(flow, seg))
			return flow;
	return NULL;
}

/* Is there TCP in it, and from where to where? */
static const struct tcphdr *np_segment_read(const struct sk_buff *skb,
					    u8 family, struct tcphdr *buf,
					    struct np_segment *seg)
{
	const struct tcphdr *th = np_packet_tcp(skb, family, buf);

	if (!th)
		return NULL;
	memset(seg, 0, sizeof(*seg));
	seg->family = family;
	if (family == NFPROTO_IPV4) {
		seg->src.ip = ip_hdr(skb)->saddr;
		seg->dst.ip = ip_hdr(skb)->daddr;
	} else {
		seg->src.in6 = ipv6_hdr(skb)->saddr;
		seg->dst.in6 = ipv6_hdr(skb)->daddr;
	}
	seg->sport = ntohs(th->source);
	seg->dport = ntohs(th->dest);
	return th;
}

/* The flow of just these two endpoints. */
static void np_crafted_exact(struct np_crafted *flow,
			     const struct np_segment *seg)
{
	memset(flow, 0, sizeof(*flow));
	flow->family = seg->family;
	flow->rem_len = seg->family == NFPROTO_IPV4 ? 32 : 128;
	flow->loc_ip = seg->src;
	flow->rem_ip = seg->dst;
	flow->loc_min = seg->sport;
	flow->loc_max = seg->sport;
	flow->rem_port = seg->dport;
}

/*
 * Who made this RST? The kernel answers what belongs to no connection by a
 * socket of its own, or by that of a closing connection, or (in newer kernels)
 * by the listener that was asked. A raw socket of a program is as raw as the
 * kernel's own; only sk_kern_sock tells the two apart. No socket at all is a
 * reject rule, which is somebody's will.
 */
static bool np_rst_is_kernels(const struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	const struct sock *sk = state->sk ?: skb->sk;

	if (!sk)
		return false;
	if (!sk_fullsock(sk))
		return true;
	if (sk->sk_type == SOCK_RAW)
		return sk->sk_kern_sock;
	return sk->sk_state == TCP_LISTEN;
}

/* Is no flow registered that may be of this local port? */
static bool np_crafted_none(struct np_crafted_net *cn, u16 port)
{
	return port && hlist_empty(np_crafted_bucket(cn, port)) &&
	       hlist_empty(&cn->ranges);
}

static noinline void np_crafted_tell(struct np_crafted_net *cn,
				     const struct np_segment *seg, u32 id)
{
	struct np_crafted rst;

	np_stat_inc(cn->npn->stats, NP_STAT_CRAFTED_RSTS);
	trace_np_crafted_rst(&seg->src, seg->sport, &seg->dst, seg->dport,
			     seg->family);
	np_crafted_exact(&rst, seg);
	rst.id = id;
	np_nl_crafted_event(cn->npn, &rst);
}

/* Is it a RST of a registered flow? That is told, and it is to be dropped. */
static bool np_crafted_look(struct np_crafted_net *cn,
			    const struct sk_buff *skb, u8 family)
{
	const struct np_crafted *flow;
	const struct tcphdr *th;
	struct np_segment seg;
	struct tcphdr _th;

	th = np_segment_read(skb, family, &_th, &seg);
	if (!th || !th->rst)
		return false;
	flow = np_crafted_find(cn, &seg);
	if (!flow)
		return false;
	np_crafted_tell(cn, &seg, flow->id);
	return true;
}

static noinline unsigned int
np_crafted_local_rst(struct np_crafted_net *cn, const struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	return np_rst_is_kernels(skb, state) &&
	       np_crafted_look(cn, skb, state->pf) ? NF_DROP : NF_ACCEPT;
}

/* What the host sends itself. Established flows come by here. */
static unsigned int np_crafted_local_out(void *priv, struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	u16 port;

	if (!np_packet_maybe_rst(skb, state->pf, &port) ||
	    np_crafted_none(priv, port))
		return NF_ACCEPT;
	return np_crafted_local_rst(priv, skb, state);
}

/* That has come from some inside host's kernel, or program. */
bool np_crafted_passing(struct np_crafted_net *cn, const struct sk_buff *skb,
			const struct nf_hook_state *state)
{
	u16 port;

	if (!np_packet_maybe_rst(skb, state->pf, &port) ||
	    np_crafted_none(cn, port))
		return false;
	return np_crafted_look(cn, skb, state->pf);
}

/* The registry */

static void np_crafted_unlink(struct np_crafted_net *cn,
			      struct np_crafted *flow)
{
	lockdep_assert_held(&cn->lock);

	hlist_del_rcu(&flow->node);
	list_del(&flow->list);
	cn->count--;
	if (flow->loc_min != flow->loc_max)
		cn->n_ranges--;
	kfree_rcu(flow, rcu);
}

static struct np_crafted *np_crafted_same(struct np_crafted_net *cn,
					  const struct np_crafted *want)
{
	struct np_crafted *flow;

	list_for_each_entry(flow, &cn->flows, list)
		if (flow->family == want->family &&
		    flow->rem_len == want->rem_len &&
		    flow->loc_min == want->loc_min &&
		    flow->loc_max == want->loc_max &&
		    flow->rem_port == want->rem_port &&
		    flow->portid == want->portid &&
		    nf_inet_addr_cmp(&flow->loc_ip, &want->loc_ip) &&
		    nf_inet_addr_cmp(&flow->rem_ip, &want->rem_ip))
			return flow;
	return NULL;
}

static int np_crafted_insert(struct np_crafted_net *cn, struct np_crafted *flow)
{
	bool range = flow->loc_min != flow->loc_max;

	lockdep_assert_held(&cn->lock);

	if (cn->count >= NP_CRAFTED_MAX ||
	    (range && cn->n_ranges >= NP_CRAFTED_RANGES))
		return -ENOSPC;
	if (!++cn->last_id)
		++cn->last_id;
	flow->id = cn->last_id;
	cn->count++;
	cn->n_ranges += range;
	list_add_tail(&flow->list, &cn->flows);
	hlist_add_head_rcu(&flow->node, range ? &cn->ranges :
			   np_crafted_bucket(cn, flow->loc_min));
	return 0;
}

static int np_crafted_hook(struct np_crafted_net *cn)
{
	int err;

	lockdep_assert_held(&cn->npn->lock);

	if (cn->hooked)
		return 0;
	err = nf_register_net_hooks(cn->npn->net, cn->out,
				    ARRAY_SIZE(cn->out));
	if (!err)
		WRITE_ONCE(cn->hooked, true);
	return err;
}

/*
 * Is the flow of another host? In doubt it is: of one with an address in some
 * VRF, or that is tentative.
 */
static bool np_crafted_foreign(const struct np_crafted_net *cn,
			       const struct np_crafted *flow)
{
	if (flow->family == NFPROTO_IPV4)
		return inet_addr_type(cn->npn->net, flow->loc_ip.ip) !=
		       RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	return !ipv6_chk_addr(cn->npn->net, &flow->loc_ip.in6, NULL, 0);
#else
	return true;
#endif
}

static bool np_crafted_any_foreign(struct np_crafted_net *cn)
{
	const struct np_crafted *flow;
	bool foreign = false;
	unsigned int i;

	rcu_read_lock();
	hlist_for_each_entry_rcu(flow, &cn->ranges, node)
		foreign |= np_crafted_foreign(cn, flow);
	for (i = 0; i < NP_CRAFTED_BUCKETS && !foreign; i++)
		hlist_for_each_entry_rcu(flow, &cn->buckets[i], node)
			foreign |= np_crafted_foreign(cn, flow);
	rcu_read_unlock();
	return foreign;
}

static unsigned int np_crafted_count(struct np_crafted_net *cn)
{
	unsigned int count;

	spin_lock_bh(&cn->lock);
	count = cn->count;
	spin_unlock_bh(&cn->lock);
	return count;
}

static void np_crafted_unhook(struct np_crafted_net *cn)
{
	lockdep_assert_held(&cn->npn->lock);

	np_passing_set(cn->npn, NP_PASSING_CRAFTED, false);
	if (!cn->hooked)
		return;
	nf_unregister_net_hooks(cn->npn->net, cn->out, ARRAY_SIZE(cn->out));
	WRITE_ONCE(cn->hooked, false);
}

/* In @delay jiffies at the latest; every one asks for the same delay, or 0. */
static void np_crafted_reap_in(struct np_crafted_net *cn, unsigned long delay)
{
	rcu_read_lock();
	if (!READ_ONCE(cn->closing)) {
		if (!delay)
			cancel_delayed_work(&cn->reap);
		schedule_delayed_work(&cn->reap, delay);
	}
	rcu_read_unlock();
}

static void np_crafted_reap_soon(struct np_crafted_net *cn)
{
	np_crafted_reap_in(cn, HZ);
}

/* Watches */

static void np_watch_free(struct np_crafted_net *cn, struct np_watch *watch)
{
	ASSERT_RTNL();

	spin_lock_bh(&cn->lock);
	list_del(&watch->list);
	spin_unlock_bh(&cn->lock);
	nf_unregister_net_hook(cn->npn->net, &watch->ops);
	kfree_rcu(watch, rcu);
}

static bool np_watched(const struct np_crafted_net *cn,
		       const struct net_device *dev)
{
	const struct np_watch *watch;

	list_for_each_entry(watch, &cn->watches, list)
		if (watch->ops.dev == dev && !watch->over)
			return true;
	return false;
}

/* If nobody else watches the device, forget what was seen there. */
static void np_watch_end(struct np_crafted_net *cn, struct np_watch *watch)
{
	struct np_crafted *flow, *next;

	lockdep_assert_held(&cn->lock);

	WRITE_ONCE(watch->over, true);
	if (np_watched(cn, watch->ops.dev))
		return;
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		if (flow->automatic &&
		    flow->ifindex == watch->ops.dev->ifindex)
			np_crafted_unlink(cn, flow);
}

/*
 * Once a second, while anything is registered: whose time is over? And have
 * addresses come or gone, of which depends what is another host's?
 */
static void np_crafted_reap(struct work_struct *work)
{
	struct np_crafted_net *cn = container_of(work, struct np_crafted_net,
						 reap.work);
	struct np_watch *watch, *next_watch;
	struct np_crafted *flow, *next;
	unsigned int count;

	mutex_lock(&cn->npn->lock);
	spin_lock_bh(&cn->lock);
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		if ((s32)(flow->expires - np_now()) <= 0)
			np_crafted_unlink(cn, flow);
	spin_unlock_bh(&cn->lock);
	/* If that fails there is another time. */
	np_passing_set(cn->npn, NP_PASSING_CRAFTED, np_crafted_any_foreign(cn));

	rtnl_lock();
	list_for_each_entry_safe(watch, next_watch, &cn->watches, list)
		if (watch->over)
			np_watch_free(cn, watch);
	/* Without a watch packets bring no more flows. */
	count = np_crafted_count(cn);
	if (!count && list_empty(&cn->watches))
		np_crafted_unhook(cn);
	else if (count)
		np_crafted_reap_soon(cn);
	rtnl_unlock();
	mutex_unlock(&cn->npn->lock);
}

int np_crafted_add(struct np_net *npn, struct np_crafted *want, u32 lease,
		   struct netlink_ext_ack *extack)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted *flow, *same;
	int err;

	err = np_stats_prepare(npn);
	if (!err)
		err = np_crafted_hook(cn);
	if (!err && np_crafted_foreign(cn, want))
		err = np_passing_set(npn, NP_PASSING_CRAFTED, true);
	if (err)
		return err;

	want->expires = np_now() + lease;
	flow = kmemdup(want, sizeof(*want), GFP_KERNEL_ACCOUNT);
	if (!flow)
		return -ENOMEM;

	spin_lock_bh(&cn->lock);
	same = np_crafted_same(cn, want);
	if (same) {
		WRITE_ONCE(same->expires, want->expires);
		same->automatic = false;
		want->id = same->id;
	} else {
		err = np_crafted_insert(cn, flow);
		want->id = flow->id;
	}
	spin_unlock_bh(&cn->lock);

	if (same || err)
		kfree(flow);
	if (err)
		NL_SET_ERR_MSG(extack, "the network namespace has as many crafted flows as it can");
	np_crafted_reap_soon(cn);
	return err;
}

int np_crafted_del(struct np_net *npn, u32 id, struct netlink_ext_ack *extack)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted *flow;
	int err = -ENOENT;

	spin_lock_bh(&cn->lock);
	list_for_each_entry(flow, &cn->flows, list) {
		if (flow->id != id)
			continue;
		np_crafted_unlink(cn, flow);
		err = 0;
		break;
	}
	spin_unlock_bh(&cn->lock);

	if (err)
		NL_SET_ERR_MSG(extack, "no crafted flow has this id");
	np_crafted_reap_soon(cn);
	return err;
}

void np_crafted_release(struct np_net *npn, u32 portid)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted *flow, *next;
	struct np_watch *watch;
	bool ended = false;

	if (!READ_ONCE(cn->hooked))
		return;
	spin_lock_bh(&cn->lock);
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		if (flow->portid == portid)
			np_crafted_unlink(cn, flow);
	list_for_each_entry(watch, &cn->watches, list) {
		if (watch->portid != portid || watch->over)
			continue;
		np_watch_end(cn, watch);
		ended = true;
	}
	spin_unlock_bh(&cn->lock);

	/* Hooks need RTNL, for which a closing socket had better not wait. */
	if (ended)
		np_crafted_reap_in(cn, 0);
}

u32 np_crafted_next(struct np_net *npn, u32 after,
		    int (*fn)(const struct np_crafted *flow, void *data),
		    void *data, int *err)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted *flow, *best = NULL;
	u32 id = 0;

	spin_lock_bh(&cn->lock);
	list_for_each_entry(flow, &cn->flows, list)
		if (flow->id > after && (!best || flow->id < best->id))
			best = flow;
	if (best) {
		*err = fn(best, data);
		id = best->id;
	}
	spin_unlock_bh(&cn->lock);
	return id;
}

/* Registering by what is seen */

/* Does the segment come from a program that makes its own? */
static bool np_segment_is_crafted(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	if (!sk || !sk_fullsock(sk))
		return false;
	if (sk->sk_family == AF_PACKET)
		return true;
	return sk->sk_type == SOCK_RAW && !sk->sk_kern_sock;
}

static void np_crafted_learn(const struct np_watch *watch,
			     const struct np_segment *seg, bool opens)
{
	struct np_crafted_net *cn = &watch->npn->crafted;
	u32 expires = np_now() + NP_CRAFTED_AUTO_LEASE;
	struct np_crafted *flow;
	bool foreign;

	flow = np_crafted_find(cn, seg);
	if (flow) {
		if (flow->automatic && READ_ONCE(flow->expires) != expires)
			WRITE_ONCE(flow->expires, expires);
		return;
	}
	if (!opens)
		return;

	flow = kmalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return;
	np_crafted_exact(flow, seg);
	foreign = np_crafted_foreign(cn, flow);
	flow->automatic = true;
	flow->expires = expires;
	flow->ifindex = watch->ops.dev->ifindex;

	spin_lock_bh(&cn->lock);
	if (watch->over) {
		kfree(flow);
	} else if (np_crafted_insert(cn, flow)) {
		kfree(flow);
		np_stat_inc(cn->npn->stats, NP_STAT_CRAFTED_CAPPED);
	}
	spin_unlock_bh(&cn->lock);
	/* Who borrows another host's address needs a hook before its RST. */
	np_crafted_reap_in(cn, foreign ? 0 : HZ);
}

static unsigned int np_crafted_egress(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	const struct np_watch *watch = priv;
	const struct tcphdr *th;
	struct np_segment seg;
	struct tcphdr _th;
	u8 family;

	if (!np_segment_is_crafted(skb) || READ_ONCE(watch->over))
		return NF_ACCEPT;
	if (skb->protocol == htons(ETH_P_IP) &&
	    pskb_may_pull(skb, skb_network_offset(skb) +
			       sizeof(struct iphdr)) &&
	    ip_hdr(skb)->version == 4)
		family = NFPROTO_IPV4;
	else if (skb->protocol == htons(ETH_P_IPV6) &&
		 pskb_may_pull(skb, skb_network_offset(skb) +
				    sizeof(struct ipv6hdr)) &&
		 ipv6_hdr(skb)->version == 6)
		family = NFPROTO_IPV6;
	else
		return NF_ACCEPT;

	th = np_segment_read(skb, family, &_th, &seg);
	if (th)
		np_crafted_learn(watch, &seg,
				 th->syn && !th->ack && !th->rst);
	return NF_ACCEPT;
}

static int np_watch_add(struct np_net *npn, struct net_device *dev, u32 portid)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_watch *watch;
	int err;

	list_for_each_entry(watch, &cn->watches, list)
		if (watch->ops.dev == dev && watch->portid == portid &&
		    !watch->over)
			return 0;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return -ENOMEM;
	watch->npn = npn;
	watch->portid = portid;
	watch->ops = (struct nf_hook_ops) {
		.hook = np_crafted_egress,
		.dev = dev,
		.priv = watch,
		.pf = NFPROTO_NETDEV,
		.hooknum = NF_NETDEV_EGRESS,
		.priority = 0,
	};
	err = nf_register_net_hook(npn->net, &watch->ops);
	if (err) {
		kfree(watch);
		return err;
	}
	spin_lock_bh(&cn->lock);
	list_add_tail(&watch->list, &cn->watches);
	spin_unlock_bh(&cn->lock);
	return 0;
}

/* Watches of @dev, those bound to @portid or, if that is 0, all. */
static bool np_watch_del(struct np_crafted_net *cn,
			 const struct net_device *dev, u32 portid)
{
	struct np_watch *watch, *next;
	bool found = false;

	list_for_each_entry_safe(watch, next, &cn->watches, list) {
		if (watch->ops.dev != dev ||
		    (portid && watch->portid != portid))
			continue;
		spin_lock_bh(&cn->lock);
		found |= !watch->over;
		np_watch_end(cn, watch);
		spin_unlock_bh(&cn->lock);
		np_watch_free(cn, watch);
	}
	return found;
}

static int np_crafted_auto_rtnl(struct np_net *npn, const char *name, bool on,
				u32 portid, struct netlink_ext_ack *extack)
{
	struct net_device *dev = __dev_get_by_name(npn->net, name);

	if (!dev) {
		NL_SET_ERR_MSG(extack, "no such network device");
		return -ENODEV;
	}
	if (on)
		return np_watch_add(npn, dev, portid);
	if (!np_watch_del(&npn->crafted, dev, portid)) {
		NL_SET_ERR_MSG(extack, "the device is not watched");
		return -ENOENT;
	}
	return 0;
}

static int np_crafted_netdev_event(struct notifier_block *nb,
				   unsigned long event, void *ptr)
{
	struct np_crafted_net *cn = container_of(nb, struct np_crafted_net,
						 netdev_nb);

	if (event == NETDEV_UNREGISTER &&
	    np_watch_del(cn, netdev_notifier_info_to_dev(ptr), 0))
		np_crafted_reap_soon(cn);
	return NOTIFY_DONE;
}

int np_crafted_auto(struct np_net *npn, const char *dev, bool on, u32 portid,
		    struct netlink_ext_ack *extack)
{
	struct np_crafted_net *cn = &npn->crafted;
	int err;

	lockdep_assert_held(&npn->lock);

	err = np_stats_prepare(npn);
	if (!err && !cn->netdev_nb.notifier_call) {
		cn->netdev_nb.notifier_call = np_crafted_netdev_event;
		err = register_netdevice_notifier_net(npn->net,
						      &cn->netdev_nb);
		if (err)
			cn->netdev_nb.notifier_call = NULL;
	}
	if (!err)
		err = np_crafted_hook(cn);
	if (err)
		return err;

	rtnl_lock();
	err = np_crafted_auto_rtnl(npn, dev, on, portid, extack);
	rtnl_unlock();
	np_crafted_reap_soon(cn);
	return err;
}

/* Is it the first of its device's, of those that count? */
static bool np_watch_first(const struct np_crafted_net *cn,
			   const struct np_watch *watch)
{
	const struct np_watch *other;

	list_for_each_entry(other, &cn->watches, list)
		if (other->ops.dev == watch->ops.dev &&
		    !READ_ONCE(other->over))
			return other == watch;
	return false;
}

void np_crafted_devices(struct np_net *npn,
			void (*fn)(const char *name, void *data), void *data)
{
	struct np_crafted_net *cn = &npn->crafted;
	const struct np_watch *watch;

	rtnl_lock();
	list_for_each_entry(watch, &cn->watches, list)
		if (np_watch_first(cn, watch))
			fn(watch->ops.dev->name, data);
	rtnl_unlock();
}

/* The namespace */

static void np_crafted_ops(struct np_crafted_net *cn, u8 pf,
			   struct nf_hook_ops *out)
{
	*out = (struct nf_hook_ops) {
		.hook = np_crafted_local_out,
		.priv = cn,
		.pf = pf,
		.hooknum = NF_INET_LOCAL_OUT,
		/* After conntrack, which ends the entry over the RST. */
		.priority = NF_IP_PRI_CONNTRACK + 1,
	};
}

void np_crafted_net_init(struct np_net *npn)
{
	struct np_crafted_net *cn = &npn->crafted;

	cn->npn = npn;
	spin_lock_init(&cn->lock);
	INIT_LIST_HEAD(&cn->flows);
	INIT_LIST_HEAD(&cn->watches);
	INIT_DELAYED_WORK(&cn->reap, np_crafted_reap);
	np_crafted_ops(cn, NFPROTO_IPV4, &cn->out[0]);
	np_crafted_ops(cn, NFPROTO_IPV6, &cn->out[1]);
}

void np_crafted_net_pre_exit(struct np_net *npn)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_watch *watch, *next;

	WRITE_ONCE(cn->closing, true);
	if (!cn->hooked && !cn->netdev_nb.notifier_call)
		return;
	synchronize_rcu();
	cancel_delayed_work_sync(&cn->reap);

	mutex_lock(&npn->lock);
	if (cn->netdev_nb.notifier_call)
		unregister_netdevice_notifier_net(npn->net, &cn->netdev_nb);
	rtnl_lock();
	list_for_each_entry_safe(watch, next, &cn->watches, list)
		np_watch_free(cn, watch);
	rtnl_unlock();
	np_crafted_unhook(cn);
	mutex_unlock(&npn->lock);
}

void np_crafted_net_exit(struct np_net *npn)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted *flow, *next;

	spin_lock_bh(&cn->lock);
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		np_crafted_unlink(cn, flow);
	spin_unlock_bh(&cn->lock);
}
