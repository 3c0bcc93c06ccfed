// SPDX-License-Identifier: GPL-2.0
/*
 * Crafted flows; see crafted.h for what they are and for the locking.
 */
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_netdev.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "crafted.h"
#include "main.h"
#include "packet.h"
#include "stats.h"
#include "trace.h"

/* A device whose raw and packet sockets are watched. */
struct np_crafted_dev {
	struct list_head list;
	struct np_net *npn;
	struct nf_hook_ops ops;
	char name[IFNAMSIZ];
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

static struct hlist_head *np_crafted_bucket(struct np_crafted_net *cn,
					    const union nf_inet_addr *ip,
					    u16 port)
{
	return &cn->buckets[jhash2(ip->all, 4, port) % NP_CRAFTED_BUCKETS];
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

	hlist_for_each_entry_rcu(flow,
				 np_crafted_bucket(cn, &seg->src, seg->sport),
				 node)
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

static unsigned int np_crafted_drop(struct np_net *npn,
				    const struct np_segment *seg)
{
	np_stat_inc(npn->stats, NP_STAT_CRAFTED_RSTS);
	trace_np_crafted_rst(&seg->src, seg->sport, &seg->dst, seg->dport,
			     seg->family);
	return NF_DROP;
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

static unsigned int np_crafted_local_out(void *priv, struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	struct np_crafted_net *cn = priv;
	const struct tcphdr *th;
	struct np_segment seg;
	struct tcphdr _th;

	th = np_segment_read(skb, state->pf, &_th, &seg);
	if (!th || !th->rst || !np_rst_is_kernels(skb, state) ||
	    !np_crafted_find(cn, &seg))
		return NF_ACCEPT;
	return np_crafted_drop(cn->npn, &seg);
}

static unsigned int np_crafted_forward(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	struct np_crafted_net *cn = priv;
	const struct tcphdr *th;
	struct np_segment seg;
	struct tcphdr _th;

	th = np_segment_read(skb, state->pf, &_th, &seg);
	if (!th || !th->rst || !np_crafted_find(cn, &seg))
		return NF_ACCEPT;
	return np_crafted_drop(cn->npn, &seg);
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
			   np_crafted_bucket(cn, &flow->loc_ip, flow->loc_min));
	return 0;
}

static int np_crafted_hook(struct np_crafted_net *cn)
{
	int err;

	lockdep_assert_held(&cn->npn->lock);

	if (cn->hooked)
		return 0;
	err = nf_register_net_hooks(cn->npn->net, cn->ops,
				    ARRAY_SIZE(cn->ops));
	if (!err)
		cn->hooked = true;
	return err;
}

static bool np_crafted_idle(struct np_crafted_net *cn)
{
	return !cn->count && list_empty(&cn->devices);
}

static void np_crafted_unhook(struct np_crafted_net *cn)
{
	lockdep_assert_held(&cn->npn->lock);

	if (!cn->hooked)
		return;
	nf_unregister_net_hooks(cn->npn->net, cn->ops, ARRAY_SIZE(cn->ops));
	cn->hooked = false;
}

static void np_crafted_reap_soon(struct np_crafted_net *cn)
{
	rcu_read_lock();
	if (!READ_ONCE(cn->closing))
		schedule_delayed_work(&cn->reap, HZ);
	rcu_read_unlock();
}

/* Once a second, while anything is registered: whose time is over? */
static void np_crafted_reap(struct work_struct *work)
{
	struct np_crafted_net *cn = container_of(work, struct np_crafted_net,
						 reap.work);
	struct np_crafted *flow, *next;

	mutex_lock(&cn->npn->lock);
	spin_lock_bh(&cn->lock);
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		if ((s32)(flow->expires - np_now()) <= 0)
			np_crafted_unlink(cn, flow);
	spin_unlock_bh(&cn->lock);

	rtnl_lock();
	if (np_crafted_idle(cn))
		np_crafted_unhook(cn);
	else if (cn->count)
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

	if (!READ_ONCE(cn->count))
		return;
	spin_lock_bh(&cn->lock);
	list_for_each_entry_safe(flow, next, &cn->flows, list)
		if (flow->portid == portid)
			np_crafted_unlink(cn, flow);
	spin_unlock_bh(&cn->lock);
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

static void np_crafted_learn(struct np_crafted_net *cn,
			     const struct np_segment *seg, bool opens)
{
	u32 expires = np_now() + NP_CRAFTED_AUTO_LEASE;
	struct np_crafted *flow;

	flow = np_crafted_find(cn, seg);
	if (flow) {
		if (flow->automatic && READ_ONCE(flow->expires) != expires)
			WRITE_ONCE(flow->expires, expires);
		return;
	}
	if (!opens)
		return;

	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return;
	flow->family = seg->family;
	flow->rem_len = seg->family == NFPROTO_IPV4 ? 32 : 128;
	flow->automatic = true;
	flow->loc_ip = seg->src;
	flow->rem_ip = seg->dst;
	flow->loc_min = seg->sport;
	flow->loc_max = seg->sport;
	flow->rem_port = seg->dport;
	flow->expires = expires;

	spin_lock_bh(&cn->lock);
	if (np_crafted_insert(cn, flow)) {
		kfree(flow);
		np_stat_inc(cn->npn->stats, NP_STAT_CRAFTED_CAPPED);
	}
	spin_unlock_bh(&cn->lock);
	np_crafted_reap_soon(cn);
}

static unsigned int np_crafted_egress(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	struct np_crafted_dev *dev = priv;
	const struct tcphdr *th;
	struct np_segment seg;
	struct tcphdr _th;
	u8 family;

	if (!np_segment_is_crafted(skb))
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
		np_crafted_learn(&dev->npn->crafted, &seg,
				 th->syn && !th->ack && !th->rst);
	return NF_ACCEPT;
}

static struct np_crafted_dev *np_crafted_dev_find(struct np_crafted_net *cn,
						  const struct net_device *dev)
{
	struct np_crafted_dev *cd;

	list_for_each_entry(cd, &cn->devices, list)
		if (cd->ops.dev == dev)
			return cd;
	return NULL;
}

static void np_crafted_dev_free(struct np_crafted_dev *cd)
{
	list_del(&cd->list);
	nf_unregister_net_hook(cd->npn->net, &cd->ops);
	kfree(cd);
}

static int np_crafted_dev_add(struct np_net *npn, struct net_device *dev)
{
	struct np_crafted_dev *cd;
	int err;

	cd = kzalloc(sizeof(*cd), GFP_KERNEL_ACCOUNT);
	if (!cd)
		return -ENOMEM;
	cd->npn = npn;
	cd->ops = (struct nf_hook_ops) {
		.hook = np_crafted_egress,
		.dev = dev,
		.priv = cd,
		.pf = NFPROTO_NETDEV,
		.hooknum = NF_NETDEV_EGRESS,
		.priority = 0,
	};
	strscpy(cd->name, dev->name, sizeof(cd->name));
	err = nf_register_net_hook(npn->net, &cd->ops);
	if (err) {
		kfree(cd);
		return err;
	}
	list_add_tail(&cd->list, &npn->crafted.devices);
	return 0;
}

static int np_crafted_auto_rtnl(struct np_net *npn, const char *name, bool on,
				struct netlink_ext_ack *extack)
{
	struct net_device *dev = __dev_get_by_name(npn->net, name);
	struct np_crafted_dev *cd;

	if (!dev) {
		NL_SET_ERR_MSG(extack, "no such network device");
		return -ENODEV;
	}
	cd = np_crafted_dev_find(&npn->crafted, dev);
	if (on)
		return cd ? 0 : np_crafted_dev_add(npn, dev);
	if (!cd) {
		NL_SET_ERR_MSG(extack, "the device is not watched");
		return -ENOENT;
	}
	np_crafted_dev_free(cd);
	return 0;
}

static int np_crafted_netdev_event(struct notifier_block *nb,
				   unsigned long event, void *ptr)
{
	struct np_crafted_net *cn = container_of(nb, struct np_crafted_net,
						 netdev_nb);
	struct np_crafted_dev *cd;

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	cd = np_crafted_dev_find(cn, netdev_notifier_info_to_dev(ptr));
	if (cd)
		np_crafted_dev_free(cd);
	return NOTIFY_DONE;
}

int np_crafted_auto(struct np_net *npn, const char *dev, bool on,
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
	err = np_crafted_auto_rtnl(npn, dev, on, extack);
	rtnl_unlock();
	np_crafted_reap_soon(cn);
	return err;
}

void np_crafted_devices(struct np_net *npn,
			void (*fn)(const char *name, void *data), void *data)
{
	struct np_crafted_dev *cd;

	rtnl_lock();
	list_for_each_entry(cd, &npn->crafted.devices, list)
		fn(cd->ops.dev->name, data);
	rtnl_unlock();
}

/* The namespace */

static void np_crafted_ops(struct np_crafted_net *cn, u8 pf,
			   struct nf_hook_ops *ops)
{
	ops[0] = (struct nf_hook_ops) {
		.hook = np_crafted_local_out,
		.priv = cn,
		.pf = pf,
		.hooknum = NF_INET_LOCAL_OUT,
		/* After conntrack, which ends the entry over the RST. */
		.priority = NF_IP_PRI_CONNTRACK + 1,
	};
	ops[1] = (struct nf_hook_ops) {
		.hook = np_crafted_forward,
		.priv = cn,
		.pf = pf,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FILTER - 1,
	};
}

void np_crafted_net_init(struct np_net *npn)
{
	struct np_crafted_net *cn = &npn->crafted;

	cn->npn = npn;
	spin_lock_init(&cn->lock);
	INIT_LIST_HEAD(&cn->flows);
	INIT_LIST_HEAD(&cn->devices);
	INIT_DELAYED_WORK(&cn->reap, np_crafted_reap);
	np_crafted_ops(cn, NFPROTO_IPV4, &cn->ops[0]);
	np_crafted_ops(cn, NFPROTO_IPV6, &cn->ops[2]);
}

void np_crafted_net_pre_exit(struct np_net *npn)
{
	struct np_crafted_net *cn = &npn->crafted;
	struct np_crafted_dev *cd, *next;

	WRITE_ONCE(cn->closing, true);
	if (!cn->hooked && !cn->netdev_nb.notifier_call)
		return;
	synchronize_rcu();
	cancel_delayed_work_sync(&cn->reap);

	mutex_lock(&npn->lock);
	if (cn->netdev_nb.notifier_call)
		unregister_netdevice_notifier_net(npn->net, &cn->netdev_nb);
	rtnl_lock();
	list_for_each_entry_safe(cd, next, &cn->devices, list)
		np_crafted_dev_free(cd);
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
