// SPDX-License-Identifier: GPL-2.0
/*
 * Source NAT, destination NAT and hairpinning; see nat.h.
 *
 * The NAT core has a list of chains at each of its hooks and calls them in the
 * order of their priority until one has bound the flow. We stand just before
 * the admin's source NAT chains, so that masquerade finds nothing left to do,
 * and just after his destination NAT chains, so that his dnat rules win.
 *
 * A range of one address and one port makes the NAT core take just that
 * external endpoint, even if another conntrack entry has it: then the packet
 * would be dropped at confirm. So whatever unreplied entry stands in the way
 * is removed first. (A peer's early packet leaves such an entry: "inbound
 * first".)
 *
 * Everything here runs under rcu_read_lock(), mostly in softirq.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/netfilter/nf_nat.h>
#include <net/netfilter/nf_socket.h>
#include <net/sock.h>

#include "helper.h"
#include "main.h"
#include "mapping.h"
#include "nat.h"
#include "observe.h"
#include "ports.h"
#include "synhold.h"
#include "trace.h"
#include "wan.h"

/* How often a mapping may end between finding and using it. */
#define NP_NAT_TRIES	3

/* Conntrack's default times for what was never replied to are all shorter. */
#define NP_STRANGER_SECONDS	600

/* A flow on its way. */
struct np_nat {
	struct np_net *npn;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	struct nf_conn *ct;
	struct np_wan *wan;
	u8 family;
	u8 l4proto;
	u8 l4;				/* enum np_l4 */
	bool icmp;
};

static const struct nf_conntrack_tuple *np_tuple(const struct nf_conn *ct,
						 enum ip_conntrack_dir dir)
{
	return &ct->tuplehash[dir].tuple;
}

/* Is this the first packet of a flow that we may translate? */
static bool np_nat_begin(struct np_nat *nat, void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	enum ip_conntrack_info ctinfo;
	enum np_l4 l4;

	nat->ct = nf_ct_get(skb, &ctinfo);
	if (!nat->ct || ctinfo != IP_CT_NEW)
		return false;
	nat->l4proto = nf_ct_protonum(nat->ct);
	l4 = np_l4(nat->l4proto);
	if (l4 == NP_L4_NONE)
		return false;
	nat->npn = priv;
	nat->skb = skb;
	nat->state = state;
	nat->family = state->pf;
	nat->l4 = l4;
	nat->icmp = l4 == NP_L4_ICMP;
	return true;
}

static unsigned int np_nat_leave(const struct np_nat *nat, enum np_stat why)
{
	np_stat_inc(nat->npn->stats, why);
	return NF_ACCEPT;
}

static unsigned int np_nat_drop(const struct np_nat *nat, enum np_stat why)
{
	np_stat_inc(nat->npn->stats, why);
	return NF_DROP;
}

/* RFC 5508 REQ-8: tell the sender that there is no port for him, or no more. */
static unsigned int np_nat_exhausted(const struct np_nat *nat, enum np_stat why)
{
	if (nat->family == NFPROTO_IPV4)
		icmp_send(nat->skb, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		icmpv6_send(nat->skb, ICMPV6_DEST_UNREACH,
			    ICMPV6_ADM_PROHIBITED, 0);
#endif
	return np_nat_drop(nat, why);
}

static unsigned int np_nat_refuse(const struct np_nat *nat, int err)
{
	switch (err) {
	case -ENOSPC:
		return np_nat_exhausted(nat, NP_STAT_EXHAUSTED);
	case -EDQUOT:
		return np_nat_exhausted(nat, NP_STAT_QUOTA);
	case -EADDRNOTAVAIL:
		return np_nat_drop(nat, NP_STAT_NO_ADDRESS);
	case -ENOMEM:
		/* The flow would go untranslated as long as it lives; its next
		 * packet may find memory.
		 */
		return np_nat_drop(nat, NP_STAT_NO_MEMORY);
	default:
		return np_nat_leave(nat, NP_STAT_CAPPED);
	}
}

static void np_nat_key(const struct np_nat *nat, struct np_key *key,
		       const union nf_inet_addr *ip, __be16 port)
{
	memset(key, 0, sizeof(*key));
	key->ip = *ip;
	key->port = port;
	key->l4proto = nat->l4proto;
	key->family = nat->family;
}

/* The internal endpoint that the flow comes from. */
static void np_nat_source(const struct np_nat *nat, struct np_key *key)
{
	const struct nf_conntrack_tuple *t;

	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	/* An ICMP query's identifier sits there, too. */
	np_nat_key(nat, key, &t->src.u3, t->src.u.all);
	key->zone = nf_ct_zone(nat->ct)->id;
	key->wan = nat->wan->id;
}

/* The mapping that the flow is addressed to, if any. */
static struct np_mapping *np_nat_target(const struct np_nat *nat)
{
	const struct nf_conntrack_tuple *t;
	struct np_mapping *m;
	struct np_key key;

	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	np_nat_key(nat, &key, &t->dst.u3,
		   nat->icmp ? t->src.u.icmp.id : t->dst.u.all);
	m = np_mapping_by_ext(nat->npn, &key);
	if (m && m->internal.zone != nf_ct_zone(nat->ct)->id)
		return NULL;
	return m;
}

static struct np_mapping *np_nat_new_mapping(const struct np_nat *nat,
					     const struct np_key *key)
{
	/* The route of a hairpinned packet says nothing about the WAN. */
	bool leaving = nat->state->out &&
		       nat->state->out->ifindex == nat->wan->ifindex;
	struct np_addr *addr;

	addr = np_wan_pick_addr(nat->wan, leaving ? nat->state->out : NULL,
				leaving ? nat->skb : NULL, nat->family,
				&key->ip);
	if (!addr)
		return ERR_PTR(-EADDRNOTAVAIL);
	return np_mapping_new(nat->npn, addr, key, nf_ct_zone(nat->ct)->dir,
			      0, NATPUNCH_FILTER_DEFAULT, false);
}

/* The flow's mapping, with the flow recorded on it. */
static struct np_mapping *np_nat_mapping(const struct np_nat *nat,
					 const struct np_remote *remote)
{
	struct np_mapping *m;
	struct np_key key;
	int tries, err;

	np_nat_source(nat, &key);
	for (tries = 0; tries < NP_NAT_TRIES; tries++) {
		m = np_mapping_by_int(nat->npn, &key);
		if (!m)
			m = np_nat_new_mapping(nat, &key);
		if (IS_ERR(m))
			return m;
		err = np_mapping_add_flow(m, remote);
		if (!err)
			return m;
		if (err != -ESTALE)
			return ERR_PTR(err);
	}
	return ERR_PTR(-EADDRNOTAVAIL);
}

/*
 * Note a flow that is not ours, at external port @port. Whether its entry stands
 * in the way of one of ours would be dear to look up for each of ours; so it is
 * only done for ports where a stranger was seen while his entry may live.
 */
static void np_nat_stranger(const struct np_nat *nat, __be16 port)
{
	u32 *seen = &nat->npn->strangers[np_l4(nat->l4proto)]
					[ntohs(port) & (NP_STRANGERS - 1)];

	/* 0 is never; a second too late does no harm. */
	WRITE_ONCE(*seen, (u32)ktime_get_seconds() | 1);
}

static bool np_nat_strangers(const struct np_nat *nat, __be16 port)
{
	u32 seen = READ_ONCE(nat->npn->strangers[np_l4(nat->l4proto)]
				[ntohs(port) & (NP_STRANGERS - 1)]);

	return seen &&
	       (s32)((u32)ktime_get_seconds() - seen) < NP_STRANGER_SECONDS;
}

/*
 * Make way for the flow on external endpoint @ext: an entry that answers to the
 * same packets from outside goes if it has never been replied to. False if it
 * has: then it is somebody's, and the new flow cannot be.
 */
static bool np_nat_make_way(const struct np_nat *nat, const struct np_key *ext)
{
	struct nf_conntrack_tuple t = *np_tuple(nat->ct, IP_CT_DIR_REPLY);
	struct nf_conntrack_tuple_hash *h;
	struct nf_conn *other;
	bool free = true;

	t.dst.u3 = ext->ip;
	if (nat->icmp)
		t.src.u.icmp.id = ext->port;
	else
		t.dst.u.all = ext->port;
	h = nf_conntrack_find_get(nat->npn->net, nf_ct_zone(nat->ct), &t);
	if (!h)
		return true;

	other = nf_ct_tuplehash_to_ctrack(h);
	/* Another packet of the same flow may have been faster; conntrack makes
	 * one entry of the two.
	 */
	if (nf_ct_tuple_equal(np_tuple(other, IP_CT_DIR_ORIGINAL),
			      np_tuple(nat->ct, IP_CT_DIR_ORIGINAL)))
		goto out;
	if (test_bit(IPS_SEEN_REPLY_BIT, &other->status)) {
		free = false;
		goto out;
	}
	if (nf_ct_kill(other))
		np_stat_inc(nat->npn->stats, NP_STAT_EVICTED);
out:
	nf_ct_put(other);
	return free;
}

/* Bind the flow to just one endpoint; @port may be left as it is. */
static unsigned int np_nat_bind(const struct np_nat *nat,
				const union nf_inet_addr *ip,
				const __be16 *port,
				enum nf_nat_manip_type manip)
{
	struct nf_nat_range2 range = {
		.flags = NF_NAT_RANGE_MAP_IPS,
		.min_addr = *ip,
		.max_addr = *ip,
	};

	if (port) {
		range.flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
		range.min_proto.all = *port;
		range.max_proto.all = *port;
	}
	return nf_nat_setup_info(nat->ct, &range, manip);
}

/* Translate the source of a flow that leaves for @remote. */
static unsigned int np_nat_source_nat(const struct np_nat *nat,
				      const struct np_remote *remote,
				      enum np_policy policy,
				      struct np_mapping **mapping)
{
	struct np_mapping *m = np_nat_mapping(nat, remote);
	u8 filter = np_policy_filter(policy);

	if (IS_ERR(m))
		return np_nat_refuse(nat, PTR_ERR(m));
	if (policy != NP_POLICY_NONE && policy != NP_POLICY_STUN &&
	    READ_ONCE(m->filter) != filter &&
	    !READ_ONCE(m->reserved))
		WRITE_ONCE(m->filter, filter);
	if (np_nat_strangers(nat, m->external.port) &&
	    !np_nat_make_way(nat, &m->external))
		return np_nat_drop(nat, NP_STAT_CLASHED);
	if (!rcu_dereference(nat->wan->conf)->inbound_refresh)
		np_helper_see(nat->ct, NP_SEE_WATCH);
	*mapping = m;
	return np_nat_bind(nat, &m->external.ip, &m->external.port,
			   NF_NAT_MANIP_SRC);
}

static bool np_nat_is_ours(const struct np_nat *nat)
{
	const struct np_wan_conf *conf = rcu_dereference(nat->wan->conf);

	if (nat->family == NFPROTO_IPV6 && !conf->nat66)
		return false;
	return np_wan_is_internal(conf, nat->family,
				  &np_tuple(nat->ct,
					    IP_CT_DIR_ORIGINAL)->src.u3);
}

/* The peer's SYN may have come before ours. */
static void np_nat_release(const struct np_nat *nat, const struct np_mapping *m,
			   const struct np_remote *remote)
{
	struct np_pair pair = {
		.ext_ip = m->external.ip,
		.ext_port = m->external.port,
		.rem_ip = remote->ip,
		.rem_port = remote->port,
		.family = nat->family,
	};

	np_hold_release(nat->npn, &pair);
}

/* What the NATs in front of us make of the flow is worth knowing. */
static void np_nat_observe(const struct np_nat *nat, enum np_policy policy)
{
	const struct nf_conntrack_tuple *t = np_tuple(nat->ct, IP_CT_DIR_REPLY);

	if (nat->l4 >= NP_UPSTREAMS)
		return;
	if (policy == NP_POLICY_STUN ||
	    np_wan_is_stun(rcu_dereference(nat->wan->conf), t->src.u.all))
		np_helper_see(nat->ct, NP_SEE_OBSERVE);
}

/* A flow leaves a WAN that is not ours to translate. */
static unsigned int np_nat_other(const struct np_nat *nat,
				 enum np_policy policy)
{
	const struct nf_conntrack_tuple *t;

	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	/* Masquerade keeps the port if it can. */
	np_nat_stranger(nat, t->src.u.all);
	np_observe_other(nat->wan, nat->l4, nat->family, &t->src.u3,
			 t->src.u.all);
	np_nat_observe(nat, policy);
	return NF_ACCEPT;
}

/* The upstream will see a new flow, and maybe a new mapping of ours. */
static void np_nat_count(const struct np_nat *nat, struct np_mapping *m)
{
	bool first = !READ_ONCE(m->left);

	/* Two CPUs may both find it is the first: one too many does no harm. */
	if (first)
		WRITE_ONCE(m->left, true);
	np_own_count(m->addr, nat->l4, m->external.port, first);
}

/* A flow leaves a WAN. */
static unsigned int np_nat_outbound(const struct np_nat *nat)
{
	const struct nf_conntrack_tuple *t;
	struct np_remote remote = {};
	enum np_policy policy;
	struct np_mapping *m;
	unsigned int verdict;

	/* The router's own flows come from no device. */
	policy = np_policy(nat->ct);
	if (!nat->state->in || !np_nat_is_ours(nat) ||
	    policy == NP_POLICY_OFF)
		return np_nat_other(nat, policy);

	/* After whatever destination NAT the admin has done. */
	t = np_tuple(nat->ct, IP_CT_DIR_REPLY);
	remote.ip = t->src.u3;
	remote.port = nat->icmp ? t->dst.u.all : t->src.u.all;
	verdict = np_nat_source_nat(nat, &remote, policy, &m);
	if (verdict != NF_ACCEPT || !(nat->ct->status & IPS_SRC_NAT))
		return verdict;
	np_nat_count(nat, m);
	np_nat_observe(nat, policy);
	if (nat->l4proto == IPPROTO_TCP && np_hold_any(nat->npn->holds))
		np_nat_release(nat, m, &remote);
	return np_nat_leave(nat, NP_STAT_FLOWS_OUT);
}

/*
 * A flow from an internal endpoint to another one's mapping, whose destination
 * we have translated already: its source becomes the sender's external endpoint
 * (RFC 4787 REQ-9a).
 */
static unsigned int np_nat_hairpin(struct np_nat *nat)
{
	struct np_mapping *target = np_nat_target(nat), *m = NULL;
	const struct nf_conntrack_tuple *t;
	struct np_remote remote = { .hairpin = true };
	unsigned int verdict;

	t = np_tuple(nat->ct, IP_CT_DIR_REPLY);
	if (!target || !nf_inet_addr_cmp(&target->internal.ip, &t->src.u3))
		return NF_ACCEPT;
	nat->wan = target->addr->wan;
	if (!np_nat_is_ours(nat))
		return NF_ACCEPT;

	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	remote.ip = t->dst.u3;
	remote.port = t->dst.u.all;
	verdict = np_nat_source_nat(nat, &remote, NP_POLICY_NONE, &m);
	if (verdict != NF_ACCEPT || !m)
		return verdict;

	/* The other end of it: what the target sees, and answers to. */
	t = np_tuple(nat->ct, IP_CT_DIR_REPLY);
	remote.ip = t->dst.u3;
	remote.port = t->dst.u.all;
	remote.inbound = true;
	np_mapping_add_flow(target, &remote);
	return np_nat_leave(nat, NP_STAT_FLOWS_HAIRPIN);
}

/*
 * Where a packet came in, NULL if the router made it. What br_netfilter shows us
 * goes on as a frame if its new destination lies on the bridge that it came from;
 * netfilter is then told of the way out alone.
 */
static const struct net_device *np_nat_in(const struct sk_buff *skb,
					  const struct nf_hook_state *state)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	if (!state->in && nf_bridge_info_exists(skb))
		return state->out;
#endif
	return state->in;
}

static unsigned int np_nat_postrouting(void *priv, struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	const struct net_device *in;
	struct np_nat nat;

	if (!np_nat_begin(&nat, priv, skb, state))
		return NF_ACCEPT;
	nat.wan = np_wan_by_ifindex(nat.npn, state->out->ifindex);
	if (nat.wan)
		return np_nat_outbound(&nat);
	/* What came in by a WAN is no hairpin, whatever its source may be. */
	if (!(nat.ct->status & IPS_DST_NAT))
		return NF_ACCEPT;
	in = np_nat_in(skb, state);
	if (in && !np_wan_by_ifindex(nat.npn, in->ifindex))
		return np_nat_hairpin(&nat);
	return NF_ACCEPT;
}

/* Does a socket of the router wait for this very packet? */
static bool np_nat_local(const struct np_nat *nat)
{
	struct sock *sk = NULL;

	if (nat->l4proto != IPPROTO_TCP && nat->l4proto != IPPROTO_UDP)
		return false;
	if (nat->family == NFPROTO_IPV4)
		sk = nf_sk_lookup_slow_v4(nat->npn->net, nat->skb,
					  nat->state->in);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = nf_sk_lookup_slow_v6(nat->npn->net, nat->skb,
					  nat->state->in);
#endif
	if (!sk)
		return false;
	sock_gen_put(sk);
	return true;
}

/* Who a hairpinned flow comes from, as its target will see it. */
static void np_nat_hairpin_source(struct np_nat *nat,
				  const struct np_mapping *target,
				  struct np_remote *remote)
{
	struct np_mapping *m;
	struct np_key key;

	np_nat_source(nat, &key);
	m = np_mapping_by_int(nat->npn, &key);
	/* Without a mapping it has no port yet that could have been sent to,
	 * and an address of the WAN in any case.
	 */
	remote->ip = m ? m->external.ip : target->external.ip;
	remote->port = m ? m->external.port : 0;
}

/*
 * An inside host sends to another's mapping, which does not admit it. It has
 * sent all the same, and by that lets the other in: two neighbours punch as any
 * two peers do. The packet goes no further, or the router would answer it.
 */
static unsigned int np_nat_hairpin_filtered(const struct np_nat *nat)
{
	const struct nf_conntrack_tuple *t;
	struct np_remote remote = { .hairpin = true };
	struct np_mapping *m;

	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	remote.ip = t->dst.u3;
	remote.port = t->dst.u.all;
	m = np_nat_mapping(nat, &remote);
	if (IS_ERR(m))
		return np_nat_refuse(nat, PTR_ERR(m));
	return np_nat_drop(nat, NP_STAT_FILTERED);
}

/* A flow is addressed to mapping @m, from outside or from another inside host. */
static unsigned int np_nat_inbound(struct np_nat *nat, struct np_mapping *m,
				   bool outside)
{
	const struct nf_conntrack_tuple *t;
	struct np_remote remote = { .inbound = true };
	bool inside;
	int err;

	nat->wan = m->addr->wan;
	inside = !outside && np_nat_is_ours(nat);
	t = np_tuple(nat->ct, IP_CT_DIR_ORIGINAL);
	/* Pings from outside, and one's own, are the router's to answer. */
	if (nat->icmp &&
	    (!inside || nf_inet_addr_cmp(&m->internal.ip, &t->src.u3)))
		return NF_ACCEPT;
	if (np_nat_local(nat))
		return np_nat_leave(nat, NP_STAT_LOCAL);

	remote.ip = t->src.u3;
	remote.port = t->src.u.all;
	if (inside)
		np_nat_hairpin_source(nat, m, &remote);
	if (!np_mapping_admits(m, &remote.ip, remote.port)) {
		trace_np_filtered(m, &remote.ip, remote.port);
		return inside ? np_nat_hairpin_filtered(nat) :
				np_nat_leave(nat, NP_STAT_FILTERED);
	}
	/* Hairpinned flows are recorded when both ends are known. */
	if (!inside) {
		err = np_mapping_add_flow(m, &remote);
		if (err)
			return np_nat_refuse(nat, err);
		if (!rcu_dereference(m->addr->wan->conf)->inbound_refresh)
			np_helper_see(nat->ct, NP_SEE_WATCH);
		if (nat->l4proto == IPPROTO_TCP)
			np_hold_park(nat->npn, nat->skb, nat->family);
		np_stat_inc(nat->npn->stats, NP_STAT_FLOWS_IN);
	}
	return np_nat_bind(nat, &m->internal.ip,
			   nat->icmp ? NULL : &m->internal.port,
			   NF_NAT_MANIP_DST);
}

static unsigned int np_nat_prerouting(void *priv, struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	const struct nf_conntrack_tuple *t;
	unsigned int verdict = NF_ACCEPT;
	struct np_mapping *m;
	struct np_nat nat;
	bool outside;

	if (!np_nat_begin(&nat, priv, skb, state))
		return NF_ACCEPT;
	t = np_tuple(nat.ct, IP_CT_DIR_ORIGINAL);
	outside = np_wan_by_ifindex(nat.npn, state->in->ifindex);
	/* Most flows go outwards: spare them the search. */
	if (!outside && !np_wan_any_addr(nat.npn, nat.family, &t->dst.u3))
		return NF_ACCEPT;

	m = np_nat_target(&nat);
	if (m)
		verdict = np_nat_inbound(&nat, m, outside);
	if (outside && verdict == NF_ACCEPT && !(nat.ct->status & IPS_DST_NAT))
		np_nat_stranger(&nat, nat.icmp ? t->src.u.icmp.id :
						 t->dst.u.all);
	return verdict;
}

static void np_nat_ops(struct nf_hook_ops ops[2], struct np_net *npn, u8 pf)
{
	ops[0] = (struct nf_hook_ops) {
		.hook = np_nat_prerouting,
		.priv = npn,
		.pf = pf,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_NAT_DST + 1,
	};
	ops[1] = (struct nf_hook_ops) {
		.hook = np_nat_postrouting,
		.priv = npn,
		.pf = pf,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_NAT_SRC - 1,
	};
}

void np_nat_ops_init(struct np_net *npn)
{
	BUILD_BUG_ON((int)NF_IP_PRI_NAT_DST != (int)NF_IP6_PRI_NAT_DST);
	BUILD_BUG_ON((int)NF_IP_PRI_NAT_SRC != (int)NF_IP6_PRI_NAT_SRC);

	np_nat_ops(npn->nat4, npn, NFPROTO_IPV4);
	np_nat_ops(npn->nat6, npn, NFPROTO_IPV6);
}
