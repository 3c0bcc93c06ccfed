// SPDX-License-Identifier: GPL-2.0
/*
 * The SYN hold; see synhold.h for why and for the locking.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/netfilter/ipv4/nf_reject.h>
#include <net/netfilter/ipv6/nf_reject.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_socket.h>
#include <net/route.h>
#include <net/sock.h>

#include "flow.h"
#include "main.h"
#include "mapping.h"
#include "netlink.h"
#include "packet.h"
#include "passing.h"
#include "synhold.h"
#include "trace.h"
#include "wan.h"

/* Held SYNs that one timer run answers. */
#define NP_HOLD_BUDGET	64

unsigned int np_max_holds __read_mostly = 4096;

static struct hlist_head *np_hold_bucket(struct np_holds *holds,
					 const struct np_pair *pair)
{
	u32 ports = (__force u32)pair->ext_port << 16 |
		    (__force u32)pair->rem_port, hash;

	if (pair->family == NFPROTO_IPV4)
		hash = hsiphash_3u32((__force u32)pair->ext_ip.ip,
				     (__force u32)pair->rem_ip.ip, ports,
				     &holds->key);
	else
		hash = hsiphash(pair, sizeof(*pair), &holds->key);
	return &holds->buckets[hash & (NP_HOLD_BUCKETS - 1)];
}

static u16 np_hold_prefix(struct np_holds *holds, const struct np_pair *pair)
{
	const __be32 *ip = pair->rem_ip.ip6;
	u32 hash;

	/* An IPv6 host has a /64 to itself. */
	if (pair->family == NFPROTO_IPV4)
		hash = hsiphash_1u32((__force u32)ip[0], &holds->key);
	else
		hash = hsiphash_2u32((__force u32)ip[0], (__force u32)ip[1],
				     &holds->key);
	return hash & (NP_HOLD_PREFIXES - 1);
}

/* Under the lock. */
static struct np_hold *np_hold_in_bucket(const struct hlist_head *bucket,
					 const struct np_pair *pair)
{
	struct np_hold *hold;

	hlist_for_each_entry(hold, bucket, node)
		if (!memcmp(&hold->pair, pair, sizeof(*pair)))
			return hold;
	return NULL;
}

static struct np_hold *np_hold_find(struct np_holds *holds,
				    const struct np_pair *pair)
{
	lockdep_assert_held(&holds->lock);

	return np_hold_in_bucket(np_hold_bucket(holds, pair), pair);
}

static void np_hold_unlink(struct np_holds *holds, struct np_hold *hold)
{
	lockdep_assert_held(&holds->lock);

	hlist_del(&hold->node);
	list_del(&hold->list);
	holds->prefixes[hold->prefix]--;
	WRITE_ONCE(holds->count, holds->count - 1);
}

/*
 * A copy that takes no more room than it must, and is in one piece. Of what
 * lies before the packet only the link's header is of use.
 */
static struct sk_buff *np_hold_copy(const struct sk_buff *skb)
{
	return skb_copy_expand(skb, min_t(int, skb_headroom(skb),
					  NP_HOLD_HEADROOM), 0, GFP_ATOMIC);
}

static void np_hold_free(struct np_hold *hold)
{
	kfree_skb(hold->skb);
	kfree(hold);
}

static void np_hold_end(struct np_net *npn, struct np_hold *hold,
			enum np_stat stat, u8 reason)
{
	np_stat_inc(npn->stats, stat);
	trace_np_hold_end(&hold->pair, reason);
	np_nl_hold_event(npn, &hold->pair, NULL, hold->state,
			 NATPUNCH_CMD_HOLD_DEL_NTF, reason);
	np_hold_free(hold);
}

/* Take in another SYN of a pair that is held; returns the earlier one. */
static struct sk_buff *np_hold_repeat(struct np_hold *hold,
				      const struct np_hold *again)
{
	struct sk_buff *old = hold->skb;

	/* The peer may have begun anew, with another sequence number. Its time
	 * goes on, though, or it would never get an answer. Whether it is to be
	 * answered the last one decides: the inside host may take that.
	 */
	hold->skb = again->skb;
	hold->ifindex = again->ifindex;
	hold->wan = again->wan;
	hold->state = again->state;
	hold->answer = again->answer;
	hold->taken = again->taken;
	return old;
}

/* Make room at the namespace's cap. Returns who had to go. */
static struct np_hold *np_hold_insert(struct np_holds *holds,
				      struct hlist_head *bucket,
				      struct np_hold *hold)
{
	struct np_hold *oldest = NULL;

	if (holds->count >= READ_ONCE(np_max_holds)) {
		oldest = list_first_entry_or_null(&holds->queue,
						  struct np_hold, list);
		if (oldest)
			np_hold_unlink(holds, oldest);
	}
	hlist_add_head(&hold->node, bucket);
	list_add_tail(&hold->list, &holds->queue);
	holds->prefixes[hold->prefix]++;
	WRITE_ONCE(holds->count, holds->count + 1);
	if (!timer_pending(&holds->timer))
		mod_timer(&holds->timer, jiffies + np_hold_left(hold));
	return oldest;
}

/* Neither route nor entry nor socket nor device is the hold's to keep. */
static void np_hold_strip(struct sk_buff *skb)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb->dev = NULL;
}

static struct np_hold *np_hold_new(struct np_net *npn,
				   const struct np_pair *pair,
				   struct sk_buff *skb,
				   const struct np_wan *wan, u8 state)
{
	struct np_hold *hold = kmalloc(sizeof(*hold), GFP_ATOMIC);

	BUILD_BUG_ON(sizeof(*hold) > 96);
	if (!hold)
		return NULL;
	hold->pair = *pair;
	hold->skb = skb;
	hold->expires = (u32)jiffies + NP_HOLD_SECONDS * HZ;
	hold->ifindex = wan->ifindex;
	hold->wan = wan->id;
	hold->prefix = np_hold_prefix(npn->holds, pair);
	hold->state = state;
	hold->taken = state == NATPUNCH_HOLD_STATE_HELD;
	hold->answer = rcu_dereference(wan->conf)->hold_answer;
	return hold;
}

/*
 * Take in a SYN. @skb is the hold's from then on if this returns 0. -EDQUOT: too
 * many of the source; -ENOMEM.
 */
static int np_hold_add(struct np_net *npn, const struct np_pair *pair,
		       struct sk_buff *skb, const struct np_wan *wan, u8 state)
{
	struct np_hold *hold, *same, *oldest = NULL;
	struct np_holds *holds = npn->holds;
	struct sk_buff *old = NULL;
	struct hlist_head *bucket;
	int err = 0;

	bucket = np_hold_bucket(holds, pair);
	hold = np_hold_new(npn, pair, skb, wan, state);
	if (!hold)
		return -ENOMEM;

	spin_lock_bh(&holds->lock);
	same = np_hold_in_bucket(bucket, pair);
	if (!same && holds->prefixes[hold->prefix] >= NP_HOLD_PER_PREFIX)
		err = -EDQUOT;
	else
		np_hold_strip(skb);
	if (same)
		old = np_hold_repeat(same, hold);
	else if (!err)
		oldest = np_hold_insert(holds, bucket, hold);
	spin_unlock_bh(&holds->lock);

	if (oldest)
		np_hold_end(npn, oldest, NP_STAT_HOLDS_EVICTED,
			    NATPUNCH_HOLD_END_EVICTED);
	if (same || err) {
		kfree_skb(old);
		kfree(hold);
		return err;
	}
	np_stat_inc(npn->stats, NP_STAT_HOLDS_NEW);
	trace_np_hold_new(pair, state);
	np_nl_hold_event(npn, pair, wan->name, state,
			 NATPUNCH_CMD_HOLD_NEW_NTF, NATPUNCH_HOLD_END_NONE);
	return 0;
}

/* The endpoints of a packet that comes in by the WAN. */
static void np_pair_inbound(struct np_pair *pair, u8 family,
			    const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *t;

	t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	memset(pair, 0, sizeof(*pair));
	pair->ext_ip = t->dst.u3;
	pair->ext_port = t->dst.u.tcp.port;
	pair->rem_ip = t->src.u3;
	pair->rem_port = t->src.u.tcp.port;
	pair->family = family;
}

/* The endpoints of a packet that leaves by the WAN and is not translated. */
static void np_pair_outbound(struct np_pair *pair, u8 family,
			     const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *t;

	t = &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	memset(pair, 0, sizeof(*pair));
	pair->ext_ip = t->src.u3;
	pair->ext_port = t->src.u.tcp.port;
	pair->rem_ip = t->dst.u3;
	pair->rem_port = t->dst.u.tcp.port;
	pair->family = family;
}

/*
 * Nobody sends a SYN in fragments but to hide something, or one that is larger
 * than a link's packet but to fill our memory.
 */
static bool np_hold_is_fair(const struct sk_buff *skb, u8 family)
{
	if (skb->len > NP_HOLD_LEN || skb_has_frag_list(skb))
		return false;
	return family == NFPROTO_IPV4 ? !IPCB(skb)->frag_max_size :
					!IP6CB(skb)->frag_max_size;
}

/* The WAN that @dev is, if it holds and the packet is a flow's first SYN. */
static struct np_wan *np_hold_wan(struct np_net *npn, struct sk_buff *skb,
				  const struct net_device *dev, u8 family,
				  struct nf_conn **ct)
{
	enum ip_conntrack_info ctinfo;
	struct np_wan *wan;

	*ct = nf_ct_get(skb, &ctinfo);
	if (!*ct || ctinfo != IP_CT_NEW || nf_ct_protonum(*ct) != IPPROTO_TCP)
		return NULL;
	wan = np_wan_by_ifindex(npn, dev->ifindex);
	if (!wan || rcu_dereference(wan->conf)->hold_answer ==
	    NATPUNCH_HOLD_ANSWER_OFF)
		return NULL;
	return np_packet_is_syn(skb, family) ? wan : NULL;
}

void np_hold_park(struct np_net *npn, const struct sk_buff *skb, u8 family)
{
	struct sk_buff *orig = (struct sk_buff *)skb, *copy;
	struct np_wan *wan;
	struct np_pair pair;
	struct nf_conn *ct;

	wan = np_hold_wan(npn, orig, orig->dev, family, &ct);
	if (!wan || !np_hold_is_fair(orig, family) ||
	    !np_packet_csum_ok(orig, family, NF_INET_PRE_ROUTING))
		return;
	copy = np_hold_copy(orig);
	if (!copy)
		return;
	np_pair_inbound(&pair, family, ct);
	if (np_hold_add(npn, &pair, copy, wan, NATPUNCH_HOLD_STATE_PARKED))
		kfree_skb(copy);
}

/* Is a socket of the router there, or is the packet not for the WAN at all? */
static bool np_hold_not_ours(struct np_net *npn, struct np_wan *wan,
			     struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     const struct np_pair *pair)
{
	struct sock *sk = NULL;

	/* Found on the way in, or the admin's TPROXY. */
	if (skb->sk)
		return true;
	/* Where IPv6 is routed, the router's addresses are any that it has. */
	if ((pair->family == NFPROTO_IPV4 ||
	     rcu_dereference(wan->conf)->nat66) &&
	    !np_wan_find_addr(wan, pair->family, &pair->ext_ip))
		return true;
	if (state->pf == NFPROTO_IPV4)
		sk = nf_sk_lookup_slow_v4(npn->net, skb, state->in);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = nf_sk_lookup_slow_v6(npn->net, skb, state->in);
#endif
	if (sk)
		sock_gen_put(sk);
	return sk;
}

/* Take the packet away to hold it, or a copy if it is in too large a buffer. */
static int np_hold_steal(struct np_net *npn, const struct np_pair *pair,
			 struct sk_buff *skb, const struct np_wan *wan)
{
	struct sk_buff *copy;
	int err;

	if (skb->truesize <= NP_HOLD_TRUESIZE)
		return np_hold_add(npn, pair, skb, wan,
				   NATPUNCH_HOLD_STATE_HELD);
	copy = np_hold_copy(skb);
	if (!copy)
		return -ENOMEM;
	err = np_hold_add(npn, pair, copy, wan, NATPUNCH_HOLD_STATE_HELD);
	kfree_skb(err ? copy : skb);
	return err;
}

static noinline unsigned int
np_hold_local_new(struct np_net *npn, struct sk_buff *skb,
		  const struct nf_hook_state *state)
{
	struct np_wan *wan;
	struct np_pair pair;
	struct nf_conn *ct;

	wan = np_hold_wan(npn, skb, state->in, state->pf, &ct);
	if (!wan)
		return NF_ACCEPT;
	np_pair_inbound(&pair, state->pf, ct);
	if (np_hold_not_ours(npn, wan, skb, state, &pair) ||
	    !np_hold_is_fair(skb, state->pf) ||
	    !np_packet_csum_ok(skb, state->pf, NF_INET_LOCAL_IN))
		return NF_ACCEPT;
	if (!np_hold_steal(npn, &pair, skb, wan))
		return NF_STOLEN;
	/* Too many. To say nothing is right for six seconds (RFC 5382 REQ-4). */
	np_stat_inc(npn->stats, NP_STAT_HOLDS_CAPPED);
	return NF_DROP;
}

/* Before the admin's rules, and before TCP: SYNs to the router's WAN address. */
static unsigned int np_hold_local_in(void *priv, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;

	if (!nf_ct_get(skb, &ctinfo) || ctinfo != IP_CT_NEW)
		return NF_ACCEPT;
	return np_hold_local_new(priv, skb, state);
}

/* The pair's SYN may not be answered any more. True if one is held. */
static bool np_hold_insist(struct np_net *npn, const struct np_pair *pair)
{
	struct np_holds *holds = npn->holds;
	struct np_hold *hold;

	spin_lock_bh(&holds->lock);
	hold = np_hold_find(holds, pair);
	if (hold)
		hold->state = NATPUNCH_HOLD_STATE_HELD;
	spin_unlock_bh(&holds->lock);
	if (!hold)
		return false;
	np_stat_inc(npn->stats, NP_STAT_ANSWERS_SWALLOWED);
	trace_np_hold_swallow(pair, 0);
	np_nl_hold_event(npn, pair, NULL, NATPUNCH_HOLD_STATE_HELD,
			 NATPUNCH_CMD_HOLD_SWALLOW_NTF, NATPUNCH_HOLD_END_NONE);
	return true;
}

bool np_hold_swallow(struct np_net *npn, struct sk_buff *skb, u8 family)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;
	struct np_pair pair;

	if (!np_hold_any(npn->holds))
		return false;
	/* A reject rule gives its answer the rejected packet's entry. Those of
	 * IPv6's ICMP carry none, but the packet itself.
	 */
	ct = nf_ct_get(skb, &ctinfo);
	if (ct && ctinfo == IP_CT_RELATED_REPLY &&
	    nf_ct_protonum(ct) == IPPROTO_TCP) {
		if (test_bit(IPS_SEEN_REPLY_BIT, &ct->status) ||
		    !np_packet_refuses(skb, family))
			return false;
		np_pair_inbound(&pair, family, ct);
	} else if (!np_packet_refused(skb, family, &pair)) {
		return false;
	}
	return np_hold_insist(npn, &pair);
}

/*
 * The inside host's first answer to an inbound SYN is a refusal: a RST, over
 * which conntrack has ended the entry (a connection that lives is not ended by
 * its RST), or its firewall's ICMP, over which we must, or our host's own SYN
 * would be an answer and release nothing.
 */
static noinline bool np_hold_refused_inside(struct np_net *npn,
					    struct sk_buff *skb, u8 family)
{
	enum ip_conntrack_info ctinfo;
	struct nf_conn *ct;
	struct np_pair pair;
	bool icmp, refused;

	ct = nf_ct_get(skb, &ctinfo);
	if (!ct || CTINFO2DIR(ctinfo) != IP_CT_DIR_REPLY ||
	    nf_ct_protonum(ct) != IPPROTO_TCP)
		return false;
	icmp = ctinfo == IP_CT_RELATED_REPLY;
	if (icmp)
		refused = !test_bit(IPS_SEEN_REPLY_BIT, &ct->status) &&
			  np_packet_icmp(skb, family) >= 0;
	else
		refused = nf_ct_is_dying(ct) && np_packet_is_rst(skb, family);
	if (!refused)
		return false;
	np_pair_inbound(&pair, family, ct);
	if (!np_hold_insist(npn, &pair))
		return false;
	if (icmp)
		nf_ct_kill(ct);
	return true;
}

/* IPv6 that is routed, not translated: SYNs inwards and outwards. */
static void np_hold_routed(struct np_net *npn, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	struct np_pair pair;
	struct sk_buff *copy;
	struct np_wan *wan;
	struct nf_conn *ct;

	wan = np_hold_wan(npn, skb, state->in, state->pf, &ct);
	if (wan) {
		/* A copy of what is translated was kept before it was. */
		if (ct->status & IPS_DST_NAT)
			return;
		copy = np_hold_is_fair(skb, state->pf) ? np_hold_copy(skb) :
							 NULL;
		if (!copy)
			return;
		np_pair_inbound(&pair, state->pf, ct);
		if (np_hold_add(npn, &pair, copy, wan, NATPUNCH_HOLD_STATE_PARKED))
			kfree_skb(copy);
		return;
	}
	if (!np_hold_any(npn->holds) ||
	    !np_hold_wan(npn, skb, state->out, state->pf, &ct))
		return;
	np_pair_outbound(&pair, state->pf, ct);
	np_hold_release(npn, &pair);
}

bool np_hold_passing(struct np_net *npn, struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;

	if (!nf_ct_get(skb, &ctinfo))
		return false;
	if (ctinfo != IP_CT_NEW)
		return np_hold_any(npn->holds) &&
		       np_hold_refused_inside(npn, skb, state->pf);
	if (state->pf == NFPROTO_IPV6)
		np_hold_routed(npn, skb, state);
	return false;
}

static noinline unsigned int
np_hold_router_sends(struct np_net *npn, struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	struct np_pair pair;
	struct nf_conn *ct;

	if (np_hold_wan(npn, skb, state->out, state->pf, &ct)) {
		np_pair_outbound(&pair, state->pf, ct);
		np_hold_release(npn, &pair);
		return NF_ACCEPT;
	}
	return np_hold_swallow(npn, skb, state->pf) ? NF_DROP : NF_ACCEPT;
}

/*
 * What the router itself sends: answers that must not get out, seen after
 * conntrack so that it ends the entry of what is refused; and its own SYNs.
 */
static unsigned int np_hold_local_out(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	struct np_net *npn = priv;

	/* Only IPv6's errors that answer a SYN have no entry. */
	if (!nf_ct_get(skb, &ctinfo)) {
		if (state->pf == NFPROTO_IPV4)
			return NF_ACCEPT;
	} else if (ctinfo == IP_CT_ESTABLISHED ||
		   ctinfo == IP_CT_ESTABLISHED_REPLY) {
		return NF_ACCEPT;
	}
	if (!np_hold_any(npn->holds))
		return NF_ACCEPT;
	return np_hold_router_sends(npn, skb, state);
}

/* Release */

/*
 * Has the peer's answer to our SYN overtaken its own, which waited for the
 * tasklet? That takes a peer on the same machine. The SYN is old then: conntrack
 * would find it invalid, and the router would answer it with RST.
 */
static bool np_hold_overtaken(struct net *net, const struct sk_buff *skb)
{
	u16 family = skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 :
							NFPROTO_IPV6;
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_tuple tuple;
	struct nf_conn *ct;
	bool answered;

	if (!nf_ct_get_tuplepr(skb, skb_network_offset(skb), family, net,
			       &tuple))
		return false;
	h = nf_conntrack_find_get(net, &nf_ct_zone_dflt, &tuple);
	if (!h)
		return false;
	ct = nf_ct_tuplehash_to_ctrack(h);
	answered = test_bit(IPS_SEEN_REPLY_BIT, &ct->status);
	nf_ct_put(ct);
	return answered;
}

static void np_hold_deliver(struct tasklet_struct *t)
{
	struct np_holds *holds = from_tasklet(holds, t, tasklet);
	struct net_device *dev;
	struct sk_buff *skb;

	rcu_read_lock();
	while ((skb = skb_dequeue(&holds->deliver))) {
		dev = dev_get_by_index_rcu(holds->npn->net, skb->skb_iif);
		if (dev && !np_hold_overtaken(holds->npn->net, skb)) {
			skb->dev = dev;
			netif_rx(skb);
		} else {
			kfree_skb(skb);
		}
	}
	rcu_read_unlock();
}

/*
 * Hand the SYN in as if it had just arrived. Not from here: the SYN that
 * releases it must have its conntrack entry first, on whatever CPU this one is
 * received.
 */
static void np_hold_redeliver(struct np_net *npn, struct np_hold *hold)
{
	hold->skb->skb_iif = hold->ifindex;
	skb_queue_tail(&npn->holds->deliver, hold->skb);
	hold->skb = NULL;
	tasklet_schedule(&npn->holds->tasklet);
}

void np_hold_release(struct np_net *npn, const struct np_pair *pair)
{
	struct np_holds *holds = npn->holds;
	struct np_hold *hold;
	struct np_wan *wan;

	spin_lock_bh(&holds->lock);
	hold = np_hold_find(holds, pair);
	if (hold)
		np_hold_unlink(holds, hold);
	spin_unlock_bh(&holds->lock);
	if (!hold)
		return;

	wan = np_wan_by_ifindex(npn, hold->ifindex);
	if (wan && rcu_dereference(wan->conf)->hold_deliver)
		np_hold_redeliver(npn, hold);
	np_hold_end(npn, hold, NP_STAT_HOLDS_RELEASED,
		    NATPUNCH_HOLD_END_RELEASED);
}

/* The end of the time */

static struct sk_buff *np_hold_make_answer(struct net *net,
					   struct np_hold *hold)
{
	bool rst = hold->answer == NATPUNCH_HOLD_ANSWER_RST;

	if (hold->pair.family == NFPROTO_IPV4)
		return rst ? nf_reject_skb_v4_tcp_reset(net, hold->skb, NULL,
							NF_INET_LOCAL_IN) :
			     nf_reject_skb_v4_unreach(net, hold->skb, NULL,
						      NF_INET_LOCAL_IN,
						      ICMP_PORT_UNREACH);
#if IS_ENABLED(CONFIG_IPV6)
	return rst ? nf_reject_skb_v6_tcp_reset(net, hold->skb, NULL,
						NF_INET_LOCAL_IN) :
		     nf_reject_skb_v6_unreach(net, hold->skb, NULL,
					      NF_INET_LOCAL_IN,
					      ICMPV6_PORT_UNREACH);
#else
	return NULL;
#endif
}

static void np_hold_send_v4(struct net *net, struct np_hold *hold,
			    struct sk_buff *skb)
{
	struct flowi4 fl = {
		.daddr = hold->pair.rem_ip.ip,
		.saddr = hold->pair.ext_ip.ip,
		.flowi4_flags = FLOWI_FLAG_ANYSRC,
	};
	struct rtable *rt = ip_route_output_key(net, &fl);

	if (IS_ERR(rt)) {
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, &rt->dst);
	skb->protocol = htons(ETH_P_IP);
	ip_local_out(net, NULL, skb);
}

static void np_hold_send_v6(struct net *net, struct np_hold *hold,
			    struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct flowi6 fl = {
		.daddr = hold->pair.rem_ip.in6,
		.saddr = hold->pair.ext_ip.in6,
	};
	struct dst_entry *dst;

	if (ipv6_addr_type(&fl.daddr) & IPV6_ADDR_LINKLOCAL)
		fl.flowi6_oif = hold->ifindex;
	dst = ip6_route_output(net, NULL, &fl);
	if (dst->error) {
		dst_release(dst);
		kfree_skb(skb);
		return;
	}
	skb_dst_set(skb, dst);
	skb->protocol = htons(ETH_P_IPV6);
	ip6_local_out(net, NULL, skb);
#endif
}

/*
 * Has our host's SYN left all the same? It looked for what to release while the
 * peer's, on another processor, was past filtering but not held yet.
 */
static bool np_hold_crossed(struct np_net *npn, const struct np_hold *hold)
{
	const struct np_pair *pair = &hold->pair;
	struct np_key key = {
		.ip = pair->ext_ip,
		.port = pair->ext_port,
		.l4proto = IPPROTO_TCP,
		.family = pair->family,
	};
	struct np_mapping *m;

	if (!hold->taken)
		return false;
	m = np_mapping_by_ext(npn, &key);
	return m && np_flow_admits(m, &pair->rem_ip, pair->rem_port,
				   NATPUNCH_FILTER_APDF);
}

/* Say what stock Linux would have said 6 s earlier, if the WAN is to. */
static void np_hold_answer(struct np_net *npn, struct np_hold *hold)
{
	struct sk_buff *skb;

	if (hold->state != NATPUNCH_HOLD_STATE_HELD ||
	    hold->answer == NATPUNCH_HOLD_ANSWER_SILENCE ||
	    np_hold_crossed(npn, hold))
		return;
	skb = np_hold_make_answer(npn->net, hold);
	if (!skb)
		return;
	if (hold->pair.family == NFPROTO_IPV4)
		np_hold_send_v4(npn->net, hold, skb);
	else
		np_hold_send_v6(npn->net, hold, skb);
}

static struct np_hold *np_hold_pop_expired(struct np_holds *holds)
{
	struct np_hold *hold;

	spin_lock_bh(&holds->lock);
	hold = list_first_entry_or_null(&holds->queue, struct np_hold, list);
	if (hold && np_hold_left(hold) > 0) {
		mod_timer(&holds->timer, jiffies + np_hold_left(hold));
		hold = NULL;
	} else if (hold) {
		np_hold_unlink(holds, hold);
	}
	spin_unlock_bh(&holds->lock);
	return hold;
}

static void np_hold_timer(struct timer_list *t)
{
	struct np_holds *holds = container_of(t, struct np_holds, timer);
	struct np_net *npn = holds->npn;
	struct np_hold *hold;
	int budget;

	rcu_read_lock();
	for (budget = NP_HOLD_BUDGET; budget; budget--) {
		hold = np_hold_pop_expired(holds);
		if (!hold)
			break;
		np_hold_answer(npn, hold);
		np_hold_end(npn, hold, NP_STAT_HOLDS_EXPIRED,
			    NATPUNCH_HOLD_END_EXPIRED);
	}
	rcu_read_unlock();
	if (!budget)
		mod_timer(&holds->timer, jiffies + 1);
}

void np_hold_flush(struct np_net *npn, u16 wan)
{
	struct np_holds *holds = npn->holds;
	struct np_hold *hold, *next;
	LIST_HEAD(gone);

	spin_lock_bh(&holds->lock);
	list_for_each_entry_safe(hold, next, &holds->queue, list) {
		if (wan && hold->wan != wan)
			continue;
		np_hold_unlink(holds, hold);
		list_add_tail(&hold->list, &gone);
	}
	spin_unlock_bh(&holds->lock);

	list_for_each_entry_safe(hold, next, &gone, list)
		np_hold_end(npn, hold, NP_STAT_HOLDS_EVICTED,
			    NATPUNCH_HOLD_END_FLUSHED);
}

void np_hold_for_bucket(struct np_net *npn, unsigned int bucket,
			void (*fn)(const struct np_hold *hold, void *data),
			void *data)
{
	struct np_holds *holds = npn->holds;
	struct np_hold *hold;

	spin_lock_bh(&holds->lock);
	hlist_for_each_entry(hold, &holds->buckets[bucket], node)
		fn(hold, data);
	spin_unlock_bh(&holds->lock);
}

/* Registration */

static void np_hold_ops(struct np_net *npn, u8 pf, struct nf_hook_ops *ops)
{
	ops[0] = (struct nf_hook_ops) {
		.hook = np_hold_local_in,
		.priv = npn,
		.pf = pf,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_FILTER - 1,
	};
	ops[1] = (struct nf_hook_ops) {
		.hook = np_hold_local_out,
		.priv = npn,
		.pf = pf,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_CONNTRACK + 1,
	};
}

int np_hold_hooks(struct np_net *npn, bool want)
{
	struct np_holds *holds = npn->holds;
	int err;

	if (!holds || holds->hooked == want)
		return 0;
	err = np_passing_set(npn, NP_PASSING_HOLD, want);
	if (err)
		return err;
	if (want)
		err = nf_register_net_hooks(npn->net, holds->ops,
					    ARRAY_SIZE(holds->ops));
	else
		nf_unregister_net_hooks(npn->net, holds->ops,
					ARRAY_SIZE(holds->ops));
	if (err)
		np_passing_set(npn, NP_PASSING_HOLD, false);
	else
		holds->hooked = want;
	return err;
}

int np_hold_net_init(struct np_net *npn)
{
	struct np_holds *holds;

	BUILD_BUG_ON(NP_HOLD_PER_PREFIX > U8_MAX);

	holds = kvzalloc(sizeof(*holds), GFP_KERNEL_ACCOUNT);
	if (!holds)
		return -ENOMEM;
	holds->npn = npn;
	spin_lock_init(&holds->lock);
	INIT_LIST_HEAD(&holds->queue);
	timer_setup(&holds->timer, np_hold_timer, 0);
	tasklet_setup(&holds->tasklet, np_hold_deliver);
	skb_queue_head_init(&holds->deliver);
	get_random_bytes(&holds->key, sizeof(holds->key));
	np_hold_ops(npn, NFPROTO_IPV4, &holds->ops[0]);
	np_hold_ops(npn, NFPROTO_IPV6, &holds->ops[2]);
	npn->holds = holds;
	return 0;
}

/* The hooks are gone and what was in them is through. */
void np_hold_net_exit(struct np_net *npn)
{
	struct np_holds *holds = npn->holds;

	np_hold_flush(npn, 0);
	timer_delete_sync(&holds->timer);
	tasklet_kill(&holds->tasklet);
	skb_queue_purge(&holds->deliver);
	kvfree(holds);
	npn->holds = NULL;
}
