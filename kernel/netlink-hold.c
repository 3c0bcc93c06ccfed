// SPDX-License-Identifier: GPL-2.0
/*
 * Held SYNs for netlink: to read them, and to hear when one comes and goes.
 *
 * Locking: none of its own; a dump reads one bucket after the other, each under
 * np_holds.lock, so packets never wait for long.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <uapi/linux/natpunch.h>

#include "main.h"
#include "netlink.h"
#include "netlink-gen.h"
#include "netlink-lib.h"
#include "synhold.h"
#include "wan.h"

/* Endpoints that are asked for; a family of 0 stands for any address. */
struct np_nl_hold_match {
	u32 given;			/* BIT(NATPUNCH_A_HOLD_*) */
	struct np_inet ext;
	struct np_inet rem;
	__be16 ext_port;
	__be16 rem_port;
};

/* What a dump is at, or the search for a pair. */
struct np_nl_hold_walk {
	struct np_nl_hold_match match;
	struct np_nl_head head;
	struct np_net *npn;
	struct sk_buff *skb;
	unsigned int bucket;
	unsigned int skip;		/* holds of the bucket that are sent */
	unsigned int seen;		/* holds of the bucket */
	unsigned int n;			/* holds that were sent */
	int err;
};

static size_t np_nl_hold_size(void)
{
	return NLMSG_ALIGN(GENL_HDRLEN) +
	       nla_total_size(IFNAMSIZ) +		/* wan */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       2 * nla_total_size(sizeof(__be16)) +	/* ports */
	       2 * nla_total_size(sizeof(u8)) +		/* state, end */
	       nla_total_size(sizeof(u32));		/* left */
}

static int np_nl_put_pair(struct sk_buff *skb, const struct np_pair *pair)
{
	return np_nl_put_addr(skb, NATPUNCH_A_HOLD_EXT_ADDR, pair->family,
			      &pair->ext_ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_HOLD_EXT_PORT, pair->ext_port) ?:
	       np_nl_put_addr(skb, NATPUNCH_A_HOLD_REMOTE_ADDR, pair->family,
			      &pair->rem_ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_HOLD_REMOTE_PORT, pair->rem_port);
}

/* Under RCU: the name of the WAN that it came in by, if that is still there. */
static const char *np_nl_hold_wan(const struct np_net *npn,
				  const struct np_hold *hold)
{
	const struct np_wan *wan = np_wan_by_ifindex(npn, hold->ifindex);

	return wan && wan->id == hold->wan ? wan->name : NULL;
}

static int np_nl_put_hold(struct np_nl_hold_walk *walk,
			  const struct np_hold *hold)
{
	const char *wan = np_nl_hold_wan(walk->npn, hold);
	long left = np_hold_left(hold);
	struct sk_buff *skb = walk->skb;
	void *hdr;
	int err;

	hdr = np_nl_put_head(skb, &walk->head);
	if (!hdr)
		return -EMSGSIZE;
	err = (wan ? nla_put_string(skb, NATPUNCH_A_HOLD_WAN, wan) : 0) ?:
	      np_nl_put_pair(skb, &hold->pair) ?:
	      nla_put_u8(skb, NATPUNCH_A_HOLD_STATE, hold->state) ?:
	      nla_put_u32(skb, NATPUNCH_A_HOLD_LEFT,
			  jiffies_to_msecs(max(left, 0L)));
	return np_nl_end(skb, hdr, err);
}

static bool np_nl_hold_matches(const struct np_nl_hold_match *match,
			       const struct np_pair *pair)
{
	if (match->ext.family &&
	    (match->ext.family != pair->family ||
	     !nf_inet_addr_cmp(&match->ext.ip, &pair->ext_ip)))
		return false;
	if (match->rem.family &&
	    (match->rem.family != pair->family ||
	     !nf_inet_addr_cmp(&match->rem.ip, &pair->rem_ip)))
		return false;
	if (match->given & BIT(NATPUNCH_A_HOLD_EXT_PORT) &&
	    match->ext_port != pair->ext_port)
		return false;
	return !(match->given & BIT(NATPUNCH_A_HOLD_REMOTE_PORT)) ||
	       match->rem_port == pair->rem_port;
}

/* Under np_holds.lock. */
static void np_nl_hold_visit(const struct np_hold *hold, void *data)
{
	struct np_nl_hold_walk *walk = data;

	if (walk->err || walk->seen++ < walk->skip)
		return;
	if (np_nl_hold_matches(&walk->match, &hold->pair)) {
		walk->err = np_nl_put_hold(walk, hold);
		walk->n += !walk->err;
	}
	if (!walk->err)
		walk->skip++;
}

/* From where @walk is, as far as its buffer reaches. */
static void np_nl_hold_walk(struct np_nl_hold_walk *walk)
{
	walk->err = 0;
	if (!walk->npn->holds)
		return;
	rcu_read_lock();
	while (walk->bucket < NP_HOLD_BUCKETS) {
		walk->seen = 0;
		np_hold_for_bucket(walk->npn, walk->bucket, np_nl_hold_visit,
				   walk);
		if (walk->err)
			break;
		walk->bucket++;
		walk->skip = 0;
	}
	rcu_read_unlock();
}

static int np_nl_hold_get_match(struct nlattr **tb,
				struct np_nl_hold_match *match,
				struct netlink_ext_ack *extack)
{
	int i, err = 0;

	for (i = 1; i <= NATPUNCH_A_HOLD_REMOTE_PORT; i++)
		match->given |= tb[i] ? BIT(i) : 0;
	if (tb[NATPUNCH_A_HOLD_EXT_ADDR])
		err = np_nl_get_addr(tb[NATPUNCH_A_HOLD_EXT_ADDR], &match->ext,
				     extack);
	if (!err && tb[NATPUNCH_A_HOLD_REMOTE_ADDR])
		err = np_nl_get_addr(tb[NATPUNCH_A_HOLD_REMOTE_ADDR],
				     &match->rem, extack);
	if (err)
		return err;
	if (match->ext.family && match->rem.family &&
	    match->ext.family != match->rem.family) {
		NL_SET_ERR_MSG_ATTR(extack, tb[NATPUNCH_A_HOLD_REMOTE_ADDR],
				    "ext-addr and remote-addr must be of one family, both IPv4 or both IPv6");
		return -EINVAL;
	}
	if (tb[NATPUNCH_A_HOLD_EXT_PORT])
		match->ext_port = nla_get_be16(tb[NATPUNCH_A_HOLD_EXT_PORT]);
	if (tb[NATPUNCH_A_HOLD_REMOTE_PORT])
		match->rem_port = nla_get_be16(tb[NATPUNCH_A_HOLD_REMOTE_PORT]);
	return 0;
}

static int np_nl_require_pair(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_HOLD_EXT_ADDR,
			     "ext-addr is missing: the external address of the pair") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_HOLD_EXT_PORT,
			     "ext-port is missing: the external port of the pair") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_HOLD_REMOTE_ADDR,
			     "remote-addr is missing: the peer's address") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_HOLD_REMOTE_PORT,
			     "remote-port is missing: the peer's port");
}

int natpunch_nl_hold_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_hold_walk walk = {
		.head = np_nl_reply_head(info),
		.npn = npn,
	};
	int err;

	if (np_nl_require_pair(info))
		return -EINVAL;
	err = np_nl_hold_get_match(info->attrs, &walk.match, info->extack);
	if (err)
		return err;
	walk.skb = genlmsg_new(np_nl_hold_size(), GFP_KERNEL);
	if (!walk.skb)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	np_nl_hold_walk(&walk);
	mutex_unlock(&npn->lock);
	if (!walk.err && !walk.n) {
		GENL_SET_ERR_MSG(info, "no SYN of this pair is held");
		walk.err = -ENOENT;
	}
	return np_nl_send(walk.skb, info, walk.err);
}

static void *np_nl_hold_start(struct np_net *npn, struct nlattr **tb,
			      struct netlink_ext_ack *extack)
{
	struct np_nl_hold_walk *walk;
	int err;

	walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	if (!walk)
		return ERR_PTR(-ENOMEM);
	walk->npn = npn;
	err = np_nl_hold_get_match(tb, &walk->match, extack);
	if (err) {
		kfree(walk);
		return ERR_PTR(err);
	}
	return walk;
}

int np_nl_hold_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_HOLD_REMOTE_PORT,
				natpunch_hold_get_nl_policy, np_nl_hold_start);
}

int natpunch_nl_hold_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct np_nl_hold_walk *walk = (void *)cb->args[0];

	walk->head = np_nl_dump_head(cb, NATPUNCH_CMD_HOLD_GET);
	walk->skb = skb;
	mutex_lock(&walk->npn->lock);
	np_nl_hold_walk(walk);
	mutex_unlock(&walk->npn->lock);
	return np_nl_dump_result(skb, walk->err);
}

void np_nl_hold_event(struct np_net *npn, const struct np_pair *pair,
		      const char *wan, u8 state, u8 cmd, u8 reason)
{
	struct np_nl_head head = { .cmd = cmd };
	struct sk_buff *skb;
	int err = -EMSGSIZE;
	void *hdr;

	if (!np_nl_heard(npn, NP_NL_GROUP_HOLD))
		return;

	skb = genlmsg_new(np_nl_hold_size(), GFP_ATOMIC);
	hdr = skb ? np_nl_put_head(skb, &head) : NULL;
	if (hdr) {
		err = (wan ? nla_put_string(skb, NATPUNCH_A_HOLD_WAN, wan) :
			     0) ?:
		      np_nl_put_pair(skb, pair) ?:
		      nla_put_u8(skb, NATPUNCH_A_HOLD_STATE, state);
		if (!err && reason != NATPUNCH_HOLD_END_NONE)
			err = nla_put_u8(skb, NATPUNCH_A_HOLD_END, reason);
		err = np_nl_end(skb, hdr, err);
	}
	np_nl_multicast(npn, skb, NP_NL_GROUP_HOLD, err);
}
