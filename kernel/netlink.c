// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family natpunch: requests are checked here to the last
 * bit, then carried out by wan.c and mapping.c. Policies and the table of
 * commands are generated from Documentation/netlink/specs/natpunch.yaml. Held
 * SYNs, crafted flows and upstreams have their commands in netlink-hold.c,
 * netlink-crafted.c and netlink-upstream.c.
 *
 * Owns the family and, for the time of a dump, what the dump is at.
 *
 * Locking: commands run in parallel. What reads or writes WANs and reservations
 * takes np_net.lock; mappings are read under RCU, so the longest dump stops
 * neither packets nor other commands.
 */
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/ipv6.h>
#include <uapi/linux/natpunch.h>

#include "main.h"
#include "mapping.h"
#include "netlink.h"
#include "netlink-gen.h"
#include "netlink-lib.h"
#include "ports.h"
#include "stats.h"
#include "synhold.h"
#include "wan.h"

/* The default range, in which ports below 1024 are a world of their own. */
#define NP_NL_PORT_MIN	1024
#define NP_NL_PORT_MAX	65535

/*
 * Messages to user space
 */

static int np_nl_put_prefix(struct sk_buff *skb, const struct np_prefix *prefix)
{
	struct nlattr *nest = nla_nest_start(skb, NATPUNCH_A_WAN_INTERNAL);

	if (!nest ||
	    np_nl_put_addr(skb, NATPUNCH_A_PREFIX_ADDR, prefix->family,
			   &prefix->ip) ||
	    nla_put_u8(skb, NATPUNCH_A_PREFIX_LEN, prefix->len))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int np_nl_put_conf(struct sk_buff *skb, const struct np_wan_conf *conf)
{
	int i, err;

	err = nla_put_u8(skb, NATPUNCH_A_WAN_FILTER, conf->filter) ?:
	      nla_put_be16(skb, NATPUNCH_A_WAN_PORT_MIN,
			   htons(conf->port_min)) ?:
	      nla_put_be16(skb, NATPUNCH_A_WAN_PORT_MAX,
			   htons(conf->port_max)) ?:
	      nla_put_u32(skb, NATPUNCH_A_WAN_HOST_PORTS, conf->host_ports) ?:
	      nla_put_u8(skb, NATPUNCH_A_WAN_NAT66, conf->nat66) ?:
	      nla_put_u8(skb, NATPUNCH_A_WAN_INBOUND_REFRESH,
			 conf->inbound_refresh) ?:
	      nla_put_u8(skb, NATPUNCH_A_WAN_HOLD_ANSWER, conf->hold_answer) ?:
	      nla_put_u8(skb, NATPUNCH_A_WAN_HOLD_RELEASE, conf->hold_deliver);
	for (i = 0; !err && i < NP_TIMEOUT_MAX; i++)
		err = nla_put_u32(skb, NATPUNCH_A_WAN_UDP_TIMEOUT + i,
				  conf->timeout[i]);
	/* The first one is there even if it is 0: that says that none is. */
	for (i = 0; !err && i < NATPUNCH_MAX_STUN_PORTS; i++)
		if (!i || conf->stun_ports[i])
			err = nla_put_be16(skb, NATPUNCH_A_WAN_STUN_PORT,
					   conf->stun_ports[i]);
	for (i = 0; !err && i < conf->n_addrs; i++)
		err = np_nl_put_addr(skb, NATPUNCH_A_WAN_ADDR,
				     conf->addrs[i].family, &conf->addrs[i].ip);
	for (i = 0; !err && i < conf->n_internal; i++)
		err = np_nl_put_prefix(skb, &conf->internal[i]);
	return err;
}

/* np_net.lock is held. */
static int np_nl_put_wan(struct sk_buff *skb, const struct np_nl_head *head,
			 const struct np_wan *wan)
{
	const struct np_wan_conf *conf;
	const struct np_addr *addr;
	void *hdr;
	int err;

	hdr = np_nl_put_head(skb, head);
	if (!hdr)
		return -EMSGSIZE;

	conf = rcu_dereference_protected(wan->conf,
					 lockdep_is_held(&wan->npn->lock));
	err = nla_put_string(skb, NATPUNCH_A_WAN_DEV, wan->name) ?:
	      (wan->ifindex ? nla_put_u32(skb, NATPUNCH_A_WAN_IFINDEX,
					  wan->ifindex) : 0) ?:
	      np_nl_put_conf(skb, conf);
	list_for_each_entry(addr, &wan->addrs, list) {
		if (!err && !addr->gone)
			err = np_nl_put_addr(skb, NATPUNCH_A_WAN_EXT_ADDR,
					     addr->family, &addr->ip);
	}
	err = err ?: nla_put_u32(skb, NATPUNCH_A_WAN_MAPPINGS,
				 atomic_read(&wan->n_mappings));
	return np_nl_end(skb, hdr, err);
}

static size_t np_nl_mapping_size(void)
{
	return NLMSG_ALIGN(GENL_HDRLEN) +
	       nla_total_size(IFNAMSIZ) +		/* wan */
	       nla_total_size(sizeof(u8)) +		/* l4proto */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       2 * nla_total_size(sizeof(__be16)) +	/* ports */
	       nla_total_size(sizeof(u16)) +		/* zone */
	       nla_total_size(sizeof(u8)) +		/* filter */
	       3 * nla_total_size(sizeof(u32)) +	/* flows, age, expires */
	       nla_total_size(0) +			/* reserved */
	       nla_total_size(sizeof(u8));		/* reason */
}

/*
 * A dump of very many mappings is little but attributes. So room for all of a
 * mapping's is made sure of at once, and each is a few stores. Returns where the
 * next one goes.
 */
static __always_inline u8 *np_nl_write(u8 *at, int type, const void *value,
				       unsigned int len)
{
	struct nlattr *attr = (struct nlattr *)at;

	attr->nla_type = type;
	attr->nla_len = nla_attr_size(len);
	/* What is behind a short value is to be zero. */
	if (len && len < NLA_ALIGNTO)
		memset(nla_data(attr), 0, NLA_ALIGNTO);
	memcpy(nla_data(attr), value, len);
	return at + nla_total_size(len);
}

static __always_inline u8 *np_nl_write_u8(u8 *at, int type, u8 value)
{
	return np_nl_write(at, type, &value, sizeof(value));
}

static __always_inline u8 *np_nl_write_u32(u8 *at, int type, u32 value)
{
	return np_nl_write(at, type, &value, sizeof(value));
}

static __always_inline u8 *np_nl_write_addr(u8 *at, int type,
					    const struct np_key *key)
{
	if (key->family == NFPROTO_IPV4)
		return np_nl_write(at, type, &key->ip, sizeof(key->ip.in));
	return np_nl_write(at, type, &key->ip, sizeof(key->ip.in6));
}

static u8 *np_nl_write_endpoints(u8 *at, const struct np_mapping *m)
{
	const struct np_key *internal = &m->internal, *external = &m->external;

	at = np_nl_write_u8(at, NATPUNCH_A_MAPPING_L4PROTO, internal->l4proto);
	at = np_nl_write_addr(at, NATPUNCH_A_MAPPING_INT_ADDR, internal);
	at = np_nl_write(at, NATPUNCH_A_MAPPING_INT_PORT, &internal->port,
			 sizeof(internal->port));
	at = np_nl_write_addr(at, NATPUNCH_A_MAPPING_EXT_ADDR, external);
	at = np_nl_write(at, NATPUNCH_A_MAPPING_EXT_PORT, &external->port,
			 sizeof(external->port));
	return np_nl_write(at, NATPUNCH_A_MAPPING_ZONE, &internal->zone,
			   sizeof(internal->zone));
}

/* What np_nl_mapping_size() has room for, less the device. */
static u8 *np_nl_write_mapping(u8 *at, struct np_mapping *m, u8 reason)
{
	u32 age = (u32)ktime_get_seconds() - m->created;
	int expires = np_mapping_expires(m);

	at = np_nl_write_endpoints(at, m);
	at = np_nl_write_u8(at, NATPUNCH_A_MAPPING_FILTER, READ_ONCE(m->filter));
	at = np_nl_write_u32(at, NATPUNCH_A_MAPPING_FLOWS,
			     /* Counted under a lock; it moves anyway. */
			     data_race(m->n_flows));
	at = np_nl_write_u32(at, NATPUNCH_A_MAPPING_AGE, age);
	if (expires >= 0)
		at = np_nl_write_u32(at, NATPUNCH_A_MAPPING_EXPIRES, expires);
	if (READ_ONCE(m->reserved))
		at = np_nl_write(at, NATPUNCH_A_MAPPING_RESERVED, m, 0);
	if (reason != NATPUNCH_END_REASON_NONE)
		at = np_nl_write_u8(at, NATPUNCH_A_MAPPING_REASON, reason);
	return at;
}

/* @m must not go away meanwhile: RCU, or the caller's own reference. */
static int np_nl_put_mapping(struct sk_buff *skb, const struct np_nl_head *head,
			     struct np_mapping *m, u8 reason)
{
	void *hdr;
	int err;
	u8 *at;

	if (skb_tailroom(skb) < nlmsg_total_size(np_nl_mapping_size()))
		return -EMSGSIZE;
	hdr = np_nl_put_head(skb, head);
	if (!hdr)
		return -EMSGSIZE;

	err = nla_put_string(skb, NATPUNCH_A_MAPPING_WAN, m->addr->wan->name);
	if (!err) {
		at = np_nl_write_mapping(skb_tail_pointer(skb), m, reason);
		skb_put(skb, at - skb_tail_pointer(skb));
	}
	return np_nl_end(skb, hdr, err);
}

static int np_nl_put_reservation(struct sk_buff *skb,
				 const struct np_nl_head *head,
				 const char *wan,
				 const struct np_reservation *r)
{
	static const union nf_inet_addr any;
	time64_t left = r->expires - ktime_get_seconds();
	void *hdr;
	int err;

	hdr = np_nl_put_head(skb, head);
	if (!hdr)
		return -EMSGSIZE;

	err = nla_put_string(skb, NATPUNCH_A_RESERVATION_WAN, wan) ?:
	      nla_put_u8(skb, NATPUNCH_A_RESERVATION_L4PROTO, r->l4proto) ?:
	      np_nl_put_addr(skb, NATPUNCH_A_RESERVATION_INT_ADDR, r->family,
			     &r->int_addr) ?:
	      nla_put_be16(skb, NATPUNCH_A_RESERVATION_INT_PORT, r->int_port) ?:
	      nla_put_be16(skb, NATPUNCH_A_RESERVATION_EXT_PORT, r->ext_port) ?:
	      nla_put_u8(skb, NATPUNCH_A_RESERVATION_FILTER, r->filter);
	if (!err && !nf_inet_addr_cmp(&r->ext_addr, &any))
		err = np_nl_put_addr(skb, NATPUNCH_A_RESERVATION_EXT_ADDR,
				     r->family, &r->ext_addr);
	if (!err && r->expires)
		err = nla_put_u32(skb, NATPUNCH_A_RESERVATION_LIFETIME,
				  max_t(time64_t, left, 0));
	return np_nl_end(skb, hdr, err);
}

/*
 * Attributes from user space. The policies have seen to types, to ranges of
 * numbers and to the upper bound of lengths.
 */

static int np_nl_need_nat66(const struct np_wan_conf *conf, u8 family,
			    const struct nlattr *attr,
			    struct netlink_ext_ack *extack)
{
	if (family != NFPROTO_IPV6 || conf->nat66)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "this WAN does not translate IPv6: set nat66 to 1 or leave IPv6 out");
	return -EINVAL;
}

static int np_nl_add_addr(struct np_wan_conf *conf, const struct nlattr *attr,
			  struct netlink_ext_ack *extack)
{
	struct np_inet addr;
	int err, i;

	if (conf->n_addrs == NATPUNCH_MAX_ADDRESSES) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a WAN has at most 16 addresses");
		return -ENOSPC;
	}
	err = np_nl_get_host(attr, &addr, extack) ?:
	      np_nl_need_nat66(conf, addr.family, attr, extack);
	if (err)
		return err;

	for (i = 0; i < conf->n_addrs; i++) {
		if (conf->addrs[i].family == addr.family &&
		    nf_inet_addr_cmp(&conf->addrs[i].ip, &addr.ip)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "this address is given twice");
			return -EINVAL;
		}
	}
	conf->addrs[conf->n_addrs++] = addr;
	return 0;
}

static int np_nl_get_prefix(const struct nlattr *attr, struct np_prefix *prefix,
			    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[NATPUNCH_A_PREFIX_LEN + 1];
	struct np_inet addr;
	int err;

	err = nla_parse_nested(tb, NATPUNCH_A_PREFIX_LEN, attr,
			       natpunch_prefix_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, attr, tb, NATPUNCH_A_PREFIX_ADDR) ||
	    NL_REQ_ATTR_CHECK(extack, attr, tb, NATPUNCH_A_PREFIX_LEN)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a prefix has an addr and a len");
		return -EINVAL;
	}
	err = np_nl_get_addr(tb[NATPUNCH_A_PREFIX_ADDR], &addr, extack);
	if (err)
		return err;

	prefix->ip = addr.ip;
	prefix->family = addr.family;
	prefix->len = nla_get_u8(tb[NATPUNCH_A_PREFIX_LEN]);
	return np_nl_check_prefix(prefix, tb[NATPUNCH_A_PREFIX_ADDR],
				  tb[NATPUNCH_A_PREFIX_LEN], extack);
}

static int np_nl_add_internal(struct np_wan_conf *conf,
			      const struct nlattr *attr,
			      struct netlink_ext_ack *extack)
{
	struct np_prefix prefix;
	int err, i;

	if (conf->n_internal == NATPUNCH_MAX_INTERNAL) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a WAN has at most 16 internal prefixes");
		return -ENOSPC;
	}
	err = np_nl_get_prefix(attr, &prefix, extack) ?:
	      np_nl_need_nat66(conf, prefix.family, attr, extack);
	if (err)
		return err;

	for (i = 0; i < conf->n_internal; i++) {
		if (conf->internal[i].family == prefix.family &&
		    conf->internal[i].len == prefix.len &&
		    nf_inet_addr_cmp(&conf->internal[i].ip, &prefix.ip)) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "this prefix is given twice");
			return -EINVAL;
		}
	}
	conf->internal[conf->n_internal++] = prefix;
	return 0;
}

/* An empty attribute, which empties a list, must be the only one of its kind. */
static int np_nl_check_empty(const struct genl_info *info,
			     const struct nlattr *attr, unsigned int n)
{
	if (info->genlhdr->cmd == NATPUNCH_CMD_WAN_SET && !n &&
	    attr == info->attrs[nla_type(attr)])
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "empty attribute: only in wan-set and alone does it mean none");
	return -EINVAL;
}

static int np_nl_add_stun_port(struct np_wan_conf *conf,
			       const struct nlattr *attr, unsigned int *n,
			       struct netlink_ext_ack *extack)
{
	__be16 port = nla_get_be16(attr);

	if (*n == NATPUNCH_MAX_STUN_PORTS) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a WAN has at most 4 STUN ports");
		return -ENOSPC;
	}
	if (*n && (!port || !conf->stun_ports[0])) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "STUN port 0 stands for none: give it alone");
		return -EINVAL;
	}
	if (np_wan_is_stun(conf, port)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "this STUN port is given twice");
		return -EINVAL;
	}
	conf->stun_ports[(*n)++] = port;
	return 0;
}

static int np_nl_get_lists(struct genl_info *info, struct np_wan_conf *conf)
{
	unsigned int n_stun = 0;
	const struct nlattr *attr;
	int rem, err = 0;

	if (info->attrs[NATPUNCH_A_WAN_ADDR])
		conf->n_addrs = 0;
	if (info->attrs[NATPUNCH_A_WAN_INTERNAL])
		conf->n_internal = 0;
	if (info->attrs[NATPUNCH_A_WAN_STUN_PORT])
		memset(conf->stun_ports, 0, sizeof(conf->stun_ports));

	nla_for_each_attr(attr, genlmsg_data(info->genlhdr),
			  genlmsg_len(info->genlhdr), rem) {
		switch (nla_type(attr)) {
		case NATPUNCH_A_WAN_ADDR:
			err = nla_len(attr) ?
			      np_nl_add_addr(conf, attr, info->extack) :
			      np_nl_check_empty(info, attr, conf->n_addrs);
			break;
		case NATPUNCH_A_WAN_INTERNAL:
			err = nla_len(attr) ?
			      np_nl_add_internal(conf, attr, info->extack) :
			      np_nl_check_empty(info, attr, conf->n_internal);
			break;
		case NATPUNCH_A_WAN_STUN_PORT:
			err = np_nl_add_stun_port(conf, attr, &n_stun,
						  info->extack);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

static int np_nl_get_range(struct genl_info *info, struct np_wan_conf *conf)
{
	const struct nlattr *min = info->attrs[NATPUNCH_A_WAN_PORT_MIN];
	const struct nlattr *max = info->attrs[NATPUNCH_A_WAN_PORT_MAX];

	if (!min && !max)
		return 0;
	if (min)
		conf->port_min = ntohs(nla_get_be16(min));
	if (max)
		conf->port_max = ntohs(nla_get_be16(max));

	if (!conf->port_min) {
		NL_SET_ERR_MSG_ATTR(info->extack, min,
				    "port-min is 0: the lowest port is 1");
		return -EINVAL;
	}
	if (conf->port_min > conf->port_max) {
		NL_SET_ERR_MSG_ATTR(info->extack, max ?: min,
				    "the port range is empty: port-max must be at least port-min");
		return -EINVAL;
	}
	conf->range_given = conf->port_min != NP_NL_PORT_MIN ||
			    conf->port_max != NP_NL_PORT_MAX;
	return 0;
}

/* Was nat66 taken away while IPv6 stays configured? */
static int np_nl_check_nat66(struct genl_info *info,
			     const struct np_wan_conf *conf)
{
	bool ipv6 = false;
	int i;

	for (i = 0; i < conf->n_addrs; i++)
		ipv6 |= conf->addrs[i].family == NFPROTO_IPV6;
	for (i = 0; i < conf->n_internal; i++)
		ipv6 |= conf->internal[i].family == NFPROTO_IPV6;
	if (!ipv6 || conf->nat66)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[NATPUNCH_A_WAN_NAT66],
			    "the WAN has IPv6 addresses or prefixes: take them away with nat66");
	return -EINVAL;
}

/* Change in @conf what the request gives. */
static int np_nl_get_conf(struct genl_info *info, struct np_wan_conf *conf)
{
	struct nlattr **tb = info->attrs;
	int i, err;

	BUILD_BUG_ON(NATPUNCH_A_WAN_UDP_TIMEOUT + NP_TIMEOUT_TCP_TRANSITORY !=
		     NATPUNCH_A_WAN_TCP_TRANSITORY);

	if (tb[NATPUNCH_A_WAN_FILTER])
		conf->filter = nla_get_u8(tb[NATPUNCH_A_WAN_FILTER]);
	if (tb[NATPUNCH_A_WAN_HOST_PORTS])
		conf->host_ports = nla_get_u32(tb[NATPUNCH_A_WAN_HOST_PORTS]);
	if (tb[NATPUNCH_A_WAN_NAT66])
		conf->nat66 = nla_get_u8(tb[NATPUNCH_A_WAN_NAT66]);
	if (tb[NATPUNCH_A_WAN_INBOUND_REFRESH])
		conf->inbound_refresh =
			nla_get_u8(tb[NATPUNCH_A_WAN_INBOUND_REFRESH]);
	if (tb[NATPUNCH_A_WAN_HOLD_ANSWER])
		conf->hold_answer = nla_get_u8(tb[NATPUNCH_A_WAN_HOLD_ANSWER]);
	if (tb[NATPUNCH_A_WAN_HOLD_RELEASE])
		conf->hold_deliver =
			nla_get_u8(tb[NATPUNCH_A_WAN_HOLD_RELEASE]) ==
			NATPUNCH_HOLD_RELEASE_DELIVER;
	for (i = 0; i < NP_TIMEOUT_MAX; i++) {
		if (tb[NATPUNCH_A_WAN_UDP_TIMEOUT + i])
			conf->timeout[i] =
				nla_get_u32(tb[NATPUNCH_A_WAN_UDP_TIMEOUT + i]);
	}
	err = np_nl_get_range(info, conf);
	if (err)
		return err;
	return np_nl_get_lists(info, conf) ?: np_nl_check_nat66(info, conf);
}

/* np_net.lock is held. */
static struct np_wan *np_nl_get_wan(struct np_net *npn,
				    const struct nlattr *attr,
				    struct netlink_ext_ack *extack)
{
	struct np_wan *wan = np_wan_by_name(npn, nla_data(attr));

	if (wan)
		return wan;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "this device is not managed as a WAN: wan-get tells which are");
	return ERR_PTR(-ENOENT);
}

/*
 * What mappings and reservations are asked for by. The attributes are the same
 * in both sets.
 */
struct np_nl_match {
	u32 given;			/* BIT(NATPUNCH_A_MAPPING_*) */
	struct np_wan *wan;		/* valid as long as np_net.lock is held */
	u16 wan_id;
	u16 zone;
	u8 l4proto;
	__be16 int_port;
	__be16 ext_port;
	struct np_inet int_addr;
	struct np_inet ext_addr;
};

#define NP_NL_SAME_ATTR(attr)						\
	static_assert((int)NATPUNCH_A_RESERVATION_##attr ==		\
		      (int)NATPUNCH_A_MAPPING_##attr)
NP_NL_SAME_ATTR(WAN);
NP_NL_SAME_ATTR(L4PROTO);
NP_NL_SAME_ATTR(INT_ADDR);
NP_NL_SAME_ATTR(INT_PORT);
NP_NL_SAME_ATTR(EXT_ADDR);
NP_NL_SAME_ATTR(EXT_PORT);

static bool np_nl_given(const struct np_nl_match *match, int attr)
{
	return match->given & BIT(attr);
}

static int np_nl_get_match_attr(struct np_net *npn, const struct nlattr *attr,
				struct np_nl_match *match,
				struct netlink_ext_ack *extack)
{
	switch (nla_type(attr)) {
	case NATPUNCH_A_MAPPING_WAN:
		match->wan = np_nl_get_wan(npn, attr, extack);
		if (IS_ERR(match->wan))
			return PTR_ERR(match->wan);
		match->wan_id = match->wan->id;
		return 0;
	case NATPUNCH_A_MAPPING_L4PROTO:
		match->l4proto = nla_get_u8(attr);
		if (np_l4(match->l4proto) != NP_L4_NONE)
			return 0;
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "not translated: l4proto is TCP (6), UDP (17), SCTP (132), ICMP (1) or ICMPv6 (58)");
		return -EINVAL;
	case NATPUNCH_A_MAPPING_INT_ADDR:
		return np_nl_get_addr(attr, &match->int_addr, extack);
	case NATPUNCH_A_MAPPING_INT_PORT:
		match->int_port = nla_get_be16(attr);
		return 0;
	case NATPUNCH_A_MAPPING_EXT_ADDR:
		return np_nl_get_addr(attr, &match->ext_addr, extack);
	case NATPUNCH_A_MAPPING_EXT_PORT:
		match->ext_port = nla_get_be16(attr);
		return 0;
	case NATPUNCH_A_MAPPING_ZONE:
		match->zone = nla_get_u16(attr);
		return 0;
	}
	return -EOPNOTSUPP;
}

static int np_nl_check_families(struct nlattr **tb,
				const struct np_nl_match *match,
				struct netlink_ext_ack *extack)
{
	u8 family = match->int_addr.family ?: match->ext_addr.family;

	if (match->ext_addr.family && match->ext_addr.family != family) {
		NL_SET_ERR_MSG_ATTR(extack, tb[NATPUNCH_A_MAPPING_EXT_ADDR],
				    "int-addr and ext-addr must be of one family, both IPv4 or both IPv6");
		return -EINVAL;
	}
	if ((match->l4proto == IPPROTO_ICMP && family == NFPROTO_IPV6) ||
	    (match->l4proto == IPPROTO_ICMPV6 && family == NFPROTO_IPV4)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[NATPUNCH_A_MAPPING_L4PROTO],
				    "the address is of the other family: ICMP goes with IPv4, ICMPv6 with IPv6");
		return -EINVAL;
	}
	return 0;
}

/* The attributes 1 to @max of @tb; np_net.lock is held. */
static int np_nl_get_match(struct np_net *npn, struct nlattr **tb, int max,
			   struct np_nl_match *match,
			   struct netlink_ext_ack *extack)
{
	int i, err;

	memset(match, 0, sizeof(*match));
	for (i = 1; i <= max; i++) {
		if (!tb[i])
			continue;
		match->given |= BIT(i);
		err = np_nl_get_match_attr(npn, tb[i], match, extack);
		if (err)
			return err;
	}
	return np_nl_check_families(tb, match, extack);
}

static bool np_nl_endpoint_matches(const struct np_nl_match *match,
				   int addr_attr, const struct np_inet *addr,
				   int port_attr, __be16 port,
				   const struct np_key *key)
{
	if (np_nl_given(match, addr_attr) &&
	    (key->family != addr->family ||
	     !nf_inet_addr_cmp(&key->ip, &addr->ip)))
		return false;
	return !np_nl_given(match, port_attr) || key->port == port;
}

static bool np_nl_mapping_matches(const struct np_nl_match *match,
				  const struct np_mapping *m)
{
	if (np_nl_given(match, NATPUNCH_A_MAPPING_WAN) &&
	    m->internal.wan != match->wan_id)
		return false;
	if (np_nl_given(match, NATPUNCH_A_MAPPING_L4PROTO) &&
	    m->internal.l4proto != match->l4proto)
		return false;
	if (np_nl_given(match, NATPUNCH_A_MAPPING_ZONE) &&
	    m->internal.zone != match->zone)
		return false;
	return np_nl_endpoint_matches(match, NATPUNCH_A_MAPPING_INT_ADDR,
				      &match->int_addr,
				      NATPUNCH_A_MAPPING_INT_PORT,
				      match->int_port, &m->internal) &&
	       np_nl_endpoint_matches(match, NATPUNCH_A_MAPPING_EXT_ADDR,
				      &match->ext_addr,
				      NATPUNCH_A_MAPPING_EXT_PORT,
				      match->ext_port, &m->external);
}

/*
 * WANs
 */

static int np_nl_require_dev(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_WAN_DEV,
			     "dev is missing: the name of the WAN's network device");
}

int natpunch_nl_wan_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_wan_conf *conf;
	const char *name;
	int err;

	if (np_nl_require_dev(info))
		return -EINVAL;
	name = nla_data(info->attrs[NATPUNCH_A_WAN_DEV]);
	if (!dev_valid_name(name)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[NATPUNCH_A_WAN_DEV],
				    "no network device can have this name");
		return -EINVAL;
	}

	conf = kzalloc(sizeof(*conf), GFP_KERNEL);
	if (!conf)
		return -ENOMEM;
	np_wan_conf_init(conf);
	err = np_nl_get_conf(info, conf);
	if (!err) {
		mutex_lock(&npn->lock);
		err = np_wan_add(npn, name, conf, info->extack);
		mutex_unlock(&npn->lock);
		np_nl_blame(info, NATPUNCH_A_WAN_DEV, err);
	}
	kfree(conf);
	return err;
}

/* np_net.lock is held. */
static int np_nl_change_wan(struct genl_info *info, struct np_wan *wan)
{
	const struct np_wan_conf *now;
	struct np_wan_conf *conf;
	int err;

	now = rcu_dereference_protected(wan->conf,
					lockdep_is_held(&wan->npn->lock));
	conf = kmemdup(now, sizeof(*now), GFP_KERNEL);
	if (!conf)
		return -ENOMEM;
	err = np_nl_get_conf(info, conf) ?:
	      np_nl_blame(info, NATPUNCH_A_WAN_DEV,
			  np_wan_set(wan, conf, info->extack));
	kfree(conf);
	return err;
}

int natpunch_nl_wan_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_wan *wan;
	int err;

	if (np_nl_require_dev(info))
		return -EINVAL;

	mutex_lock(&npn->lock);
	wan = np_nl_get_wan(npn, info->attrs[NATPUNCH_A_WAN_DEV], info->extack);
	err = IS_ERR(wan) ? PTR_ERR(wan) : np_nl_change_wan(info, wan);
	mutex_unlock(&npn->lock);
	return err;
}

int natpunch_nl_wan_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_wan *wan;

	if (np_nl_require_dev(info))
		return -EINVAL;

	mutex_lock(&npn->lock);
	wan = np_nl_get_wan(npn, info->attrs[NATPUNCH_A_WAN_DEV], info->extack);
	if (!IS_ERR(wan))
		np_wan_del(wan);
	mutex_unlock(&npn->lock);
	return PTR_ERR_OR_ZERO(wan);
}

int natpunch_nl_wan_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct sk_buff *reply;
	struct np_wan *wan;
	int err;

	if (np_nl_require_dev(info))
		return -EINVAL;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	wan = np_nl_get_wan(npn, info->attrs[NATPUNCH_A_WAN_DEV], info->extack);
	err = IS_ERR(wan) ? PTR_ERR(wan) : np_nl_put_wan(reply, &head, wan);
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, err);
}

/*
 * Mappings
 */

static int np_nl_require_mapping(struct genl_info *info)
{
	struct nlattr **tb = info->attrs;

	if (NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_L4PROTO,
			  "l4proto is missing: the protocol of the mapping"))
		return -EINVAL;
	if (!tb[NATPUNCH_A_MAPPING_INT_ADDR] &&
	    !tb[NATPUNCH_A_MAPPING_INT_PORT])
		return NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_EXT_ADDR,
				     "no endpoint: give the internal or the external one") ?:
		       NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_EXT_PORT,
				     "ext-port is missing beside ext-addr");
	return NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_INT_ADDR,
			     "int-addr is missing beside int-port") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_INT_PORT,
			     "int-port is missing beside int-addr") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_MAPPING_WAN,
			     "wan is missing: the WAN of the internal endpoint");
}

/* Under RCU. */
static struct np_mapping *np_nl_find_mapping(struct np_net *npn,
					     const struct np_nl_match *match)
{
	struct np_key key = { .l4proto = match->l4proto };
	struct np_mapping *m;

	if (!np_net_ready(npn))
		return NULL;
	if (np_nl_given(match, NATPUNCH_A_MAPPING_INT_ADDR)) {
		key.ip = match->int_addr.ip;
		key.family = match->int_addr.family;
		key.port = match->int_port;
		key.zone = match->zone;
		key.wan = match->wan_id;
		m = np_mapping_by_int(npn, &key);
	} else {
		key.ip = match->ext_addr.ip;
		key.family = match->ext_addr.family;
		key.port = match->ext_port;
		m = np_mapping_by_ext(npn, &key);
	}
	return m && np_nl_mapping_matches(match, m) ? m : NULL;
}

int natpunch_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct np_nl_match match;
	struct np_mapping *m;
	struct sk_buff *reply;
	int err;

	if (np_nl_require_mapping(info))
		return -EINVAL;
	reply = genlmsg_new(np_nl_mapping_size(), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	err = np_nl_get_match(npn, info->attrs, NATPUNCH_A_MAPPING_ZONE, &match,
			      info->extack);
	if (!err) {
		rcu_read_lock();
		m = np_nl_find_mapping(npn, &match);
		if (m) {
			err = np_nl_put_mapping(reply, &head, m,
						NATPUNCH_END_REASON_NONE);
		} else {
			GENL_SET_ERR_MSG(info,
					 "there is no mapping of this endpoint");
			err = -ENOENT;
		}
		rcu_read_unlock();
	}
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, err);
}

static bool np_nl_flushes(const struct np_mapping *m, const void *match)
{
	return np_nl_mapping_matches(match, m);
}

int natpunch_nl_mapping_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct np_nl_match match;
	struct sk_buff *reply;
	unsigned int n;
	void *hdr;
	int err;

	reply = genlmsg_new(nla_total_size(sizeof(u32)), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = np_nl_put_head(reply, &head);
	if (!hdr)
		return np_nl_send(reply, info, -EMSGSIZE);

	mutex_lock(&npn->lock);
	err = np_nl_get_match(npn, info->attrs, NATPUNCH_A_MAPPING_EXT_PORT,
			      &match, info->extack);
	if (!err) {
		n = np_wan_flush(npn, np_nl_flushes, &match);
		err = nla_put_u32(reply, NATPUNCH_A_MAPPING_FLOWS, n);
	}
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, np_nl_end(reply, hdr, err));
}

void np_nl_mapping_event(struct np_net *npn, struct np_mapping *m, u8 cmd,
			 u8 reason)
{
	struct np_nl_head head = { .cmd = cmd };
	struct sk_buff *skb;
	int err = 0;

	if (!np_nl_heard(npn, NP_NL_GROUP_MAPPING))
		return;

	skb = genlmsg_new(np_nl_mapping_size(), GFP_ATOMIC);
	if (skb)
		err = np_nl_put_mapping(skb, &head, m, reason);
	np_nl_multicast(npn, skb, NP_NL_GROUP_MAPPING, err);
}

/*
 * Reservations
 */

static int np_nl_require_reservation(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_RESERVATION_WAN,
			     "wan is missing: the WAN's device name") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_RESERVATION_L4PROTO,
			     "l4proto is missing: TCP (6), UDP (17) or SCTP (132)") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_RESERVATION_INT_ADDR,
			     "int-addr is missing: the internal address") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_RESERVATION_INT_PORT,
			     "int-port is missing: the internal port");
}

/* Can @match, checked in itself, be reserved on any WAN? */
static int np_nl_check_reservation(struct genl_info *info,
				   const struct np_nl_match *match)
{
	struct nlattr **tb = info->attrs;

	if (np_l4(match->l4proto) == NP_L4_ICMP) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    tb[NATPUNCH_A_RESERVATION_L4PROTO],
				    "ICMP has no ports: l4proto is TCP (6), UDP (17) or SCTP (132)");
		return -EINVAL;
	}
	if (!match->int_port) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    tb[NATPUNCH_A_RESERVATION_INT_PORT],
				    "int-port is 0: the lowest port is 1");
		return -EINVAL;
	}
	if (np_nl_given(match, NATPUNCH_A_RESERVATION_EXT_ADDR) &&
	    !np_inet_is_host(&match->ext_addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    tb[NATPUNCH_A_RESERVATION_EXT_ADDR],
				    "not a host's address: leave ext-addr out for any of the WAN's");
		return -EINVAL;
	}
	if (!np_inet_is_host(&match->int_addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    tb[NATPUNCH_A_RESERVATION_INT_ADDR],
				    "not a host's address: int-addr is in one of the WAN's internal prefixes");
		return -EINVAL;
	}
	return 0;
}

/* The attribute that a refusal of np_reservation_add() is about. */
static int np_nl_reservation_culprit(int err)
{
	switch (err) {
	case -ERANGE:
	case -EADDRINUSE:
		return NATPUNCH_A_RESERVATION_EXT_PORT;
	case -EADDRNOTAVAIL:
		return NATPUNCH_A_RESERVATION_EXT_ADDR;
	case -EEXIST:
		return NATPUNCH_A_RESERVATION_INT_PORT;
	case -EINVAL:
		return NATPUNCH_A_RESERVATION_INT_ADDR;
	default:
		return NATPUNCH_A_RESERVATION_WAN;
	}
}

/* np_net.lock is held. */
static int np_nl_reserve(struct genl_info *info, const struct np_nl_match *match,
			 struct np_reservation *want)
{
	struct nlattr **tb = info->attrs;
	u32 lifetime = 0;
	int err;

	*want = (struct np_reservation) {
		.l4proto = match->l4proto,
		.family = match->int_addr.family,
		.int_addr = match->int_addr.ip,
		.ext_addr = match->ext_addr.ip,
		.int_port = match->int_port,
		.ext_port = match->ext_port,
	};
	if (tb[NATPUNCH_A_RESERVATION_FILTER])
		want->filter = nla_get_u8(tb[NATPUNCH_A_RESERVATION_FILTER]);
	if (tb[NATPUNCH_A_RESERVATION_LIFETIME])
		lifetime = nla_get_u32(tb[NATPUNCH_A_RESERVATION_LIFETIME]);

	err = np_reservation_add(match->wan, want, lifetime, info->extack);
	return np_nl_blame(info, np_nl_reservation_culprit(err), err);
}

int natpunch_nl_reservation_new_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct np_reservation granted;
	struct np_nl_match match;
	struct sk_buff *reply;
	int err;

	if (np_nl_require_reservation(info))
		return -EINVAL;
	reply = genlmsg_new(np_nl_mapping_size(), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	err = np_nl_get_match(npn, info->attrs, NATPUNCH_A_RESERVATION_EXT_PORT,
			      &match, info->extack) ?:
	      np_nl_check_reservation(info, &match) ?:
	      np_nl_reserve(info, &match, &granted) ?:
	      np_nl_put_reservation(reply, &head, match.wan->name, &granted);
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, err);
}

/* np_net.lock is held. Fills in @match. */
static struct np_reservation *np_nl_get_reservation(struct np_net *npn,
						    struct genl_info *info,
						    struct np_nl_match *match)
{
	struct np_reservation *r;
	int err;

	err = np_nl_get_match(npn, info->attrs, NATPUNCH_A_RESERVATION_INT_PORT,
			      match, info->extack);
	if (err)
		return ERR_PTR(err);
	r = np_reservation_find(match->wan, match->l4proto,
				match->int_addr.family, &match->int_addr.ip,
				match->int_port);
	if (r)
		return r;
	GENL_SET_ERR_MSG(info, "this internal endpoint has no reservation");
	return ERR_PTR(-ENOENT);
}

int natpunch_nl_reservation_del_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_reservation *r;
	struct np_nl_match match;

	if (np_nl_require_reservation(info))
		return -EINVAL;

	mutex_lock(&npn->lock);
	r = np_nl_get_reservation(npn, info, &match);
	if (!IS_ERR(r))
		np_reservation_del(match.wan, r);
	mutex_unlock(&npn->lock);
	return PTR_ERR_OR_ZERO(r);
}

int natpunch_nl_reservation_get_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct np_reservation *r;
	struct np_nl_match match;
	struct sk_buff *reply;
	int err;

	if (np_nl_require_reservation(info))
		return -EINVAL;
	reply = genlmsg_new(np_nl_mapping_size(), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	r = np_nl_get_reservation(npn, info, &match);
	err = IS_ERR(r) ? PTR_ERR(r) :
	      np_nl_put_reservation(reply, &head, match.wan->name, r);
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, err);
}

/*
 * Counters
 */

/* The attributes of what is counted come in two runs. */
static int np_nl_stat_attr(enum np_stat stat)
{
	BUILD_BUG_ON(NATPUNCH_A_STATS_MAPPINGS_NEW + NP_STAT_NO_MEMORY !=
		     NATPUNCH_A_STATS_NO_MEMORY);
	BUILD_BUG_ON(NATPUNCH_A_STATS_HOLDS_NEW + NP_STAT_MAX - 1 -
		     NP_STAT_HOLDS_NEW != NATPUNCH_A_STATS_MAX);

	return stat < NP_STAT_HOLDS_NEW ?
	       NATPUNCH_A_STATS_MAPPINGS_NEW + stat :
	       NATPUNCH_A_STATS_HOLDS_NEW + stat - NP_STAT_HOLDS_NEW;
}

/* How many there are at present, and may be. np_net.lock is held. */
static int np_nl_put_levels(struct sk_buff *skb, const struct np_net *npn)
{
	const struct np_holds *holds = npn->holds;

	return nla_put_u32(skb, NATPUNCH_A_STATS_MAPPINGS,
			   atomic_read(&npn->n_mappings)) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_MAPPINGS_MAX,
			   READ_ONCE(np_max_mappings)) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_FLOWS,
			   atomic_read(&npn->n_flows)) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_FLOWS_MAX,
			   READ_ONCE(np_max_flows)) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_HOLDS,
			   holds ? READ_ONCE(holds->count) : 0) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_HOLDS_MAX,
			   READ_ONCE(np_max_holds)) ?:
	       nla_put_u32(skb, NATPUNCH_A_STATS_CRAFTED,
			   /* Counted under a lock; it moves anyway. */
			   data_race(npn->crafted.count));
}

static int np_nl_put_stats(struct sk_buff *skb, struct np_net *npn)
{
	u64 sum[NP_STAT_MAX] = {};
	enum np_stat stat;
	int err;

	err = np_nl_put_levels(skb, npn);
	if (npn->stats)
		np_stats_sum(npn->stats, sum);
	for (stat = 0; !err && stat < NP_STAT_MAX; stat++)
		err = nla_put_u64_64bit(skb, np_nl_stat_attr(stat), sum[stat],
					NATPUNCH_A_STATS_PAD);
	return err;
}

int natpunch_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	hdr = np_nl_put_head(reply, &head);
	if (!hdr)
		return np_nl_send(reply, info, -EMSGSIZE);

	mutex_lock(&npn->lock);
	err = np_nl_put_stats(reply, npn);
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info, np_nl_end(reply, hdr, err));
}

/*
 * Dumps. A dump is begun by its start function, goes on in its dumpit, called
 * once for every buffer that the reader has room for, and is forgotten by
 * np_nl_dump_done().
 *
 * The few WANs and reservations are noted down at the start. Mappings, which
 * may be many, are walked in place.
 */

struct np_nl_dump {
	struct np_nl_match match;
	struct rhashtable_iter iter;	/* mappings */
	bool walking;
	unsigned int pos;		/* WANs and reservations */
	unsigned int n;
	struct np_nl_note {
		char wan[IFNAMSIZ];
		struct np_reservation r;
	} notes[];
};

static struct np_nl_dump *np_nl_dump(struct netlink_callback *cb)
{
	return (struct np_nl_dump *)cb->args[0];
}

static struct np_nl_dump *np_nl_dump_new(size_t n)
{
	struct np_nl_dump *dump;

	dump = kvzalloc(struct_size(dump, notes, n), GFP_KERNEL_ACCOUNT);
	return dump ?: ERR_PTR(-ENOMEM);
}

static int np_nl_dump_done(struct netlink_callback *cb)
{
	struct np_nl_dump *dump = np_nl_dump(cb);

	if (dump->walking)
		rhashtable_walk_exit(&dump->iter);
	kvfree(dump);
	return 0;
}

static void *np_nl_wan_start(struct np_net *npn, struct nlattr **tb,
			     struct netlink_ext_ack *extack)
{
	const struct nlattr *dev = tb[NATPUNCH_A_WAN_DEV];
	struct np_wan *only = NULL, *wan;
	struct np_nl_dump *dump;

	if (dev) {
		only = np_nl_get_wan(npn, dev, extack);
		if (IS_ERR(only))
			return ERR_CAST(only);
	}
	dump = np_nl_dump_new(npn->n_wans);
	if (IS_ERR(dump))
		return dump;

	list_for_each_entry(wan, &npn->wans, list) {
		if (dump->n < npn->n_wans && (!only || wan == only))
			strscpy(dump->notes[dump->n++].wan, wan->name,
				IFNAMSIZ);
	}
	return dump;
}

int natpunch_nl_wan_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct np_nl_head head = np_nl_dump_head(cb, NATPUNCH_CMD_WAN_GET);
	struct np_net *npn = np_net(sock_net(cb->skb->sk));
	struct np_nl_dump *dump = np_nl_dump(cb);
	const struct np_wan *wan;
	int err = 0;

	mutex_lock(&npn->lock);
	for (; dump->pos < dump->n; dump->pos++) {
		wan = np_wan_by_name(npn, dump->notes[dump->pos].wan);
		if (wan)
			err = np_nl_put_wan(skb, &head, wan);
		if (err)
			break;
	}
	mutex_unlock(&npn->lock);
	return np_nl_dump_result(skb, err);
}

static bool np_nl_reservation_matches(const struct np_nl_match *match,
				      const struct np_wan *wan,
				      const struct np_reservation *r)
{
	struct np_key internal = {
		.ip = r->int_addr,
		.family = r->family,
		.port = r->int_port,
	};

	if (np_nl_given(match, NATPUNCH_A_RESERVATION_WAN) &&
	    match->wan != wan)
		return false;
	if (np_nl_given(match, NATPUNCH_A_RESERVATION_L4PROTO) &&
	    match->l4proto != r->l4proto)
		return false;
	return np_nl_endpoint_matches(match, NATPUNCH_A_RESERVATION_INT_ADDR,
				      &match->int_addr,
				      NATPUNCH_A_RESERVATION_INT_PORT,
				      match->int_port, &internal);
}

static void *np_nl_reservation_start(struct np_net *npn, struct nlattr **tb,
				     struct netlink_ext_ack *extack)
{
	const struct np_reservation *r;
	struct np_nl_match match;
	struct np_nl_dump *dump;
	struct np_wan *wan;
	size_t n = 0;
	int err;

	err = np_nl_get_match(npn, tb, NATPUNCH_A_RESERVATION_INT_PORT, &match,
			      extack);
	if (err)
		return ERR_PTR(err);
	list_for_each_entry(wan, &npn->wans, list)
		n += wan->n_reservations;
	dump = np_nl_dump_new(n);
	if (IS_ERR(dump))
		return dump;

	list_for_each_entry(wan, &npn->wans, list) {
		list_for_each_entry(r, &wan->reservations, list) {
			if (dump->n == n ||
			    !np_nl_reservation_matches(&match, wan, r))
				continue;
			strscpy(dump->notes[dump->n].wan, wan->name, IFNAMSIZ);
			dump->notes[dump->n++].r = *r;
		}
	}
	return dump;
}

int natpunch_nl_reservation_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb)
{
	struct np_nl_head head = np_nl_dump_head(cb,
						 NATPUNCH_CMD_RESERVATION_GET);
	struct np_nl_dump *dump = np_nl_dump(cb);
	const struct np_nl_note *note;
	int err;

	for (; dump->pos < dump->n; dump->pos++) {
		note = &dump->notes[dump->pos];
		err = np_nl_put_reservation(skb, &head, note->wan, &note->r);
		if (err)
			return np_nl_dump_result(skb, err);
	}
	return skb->len;
}

static void *np_nl_mapping_start(struct np_net *npn, struct nlattr **tb,
				 struct netlink_ext_ack *extack)
{
	struct np_nl_dump *dump = np_nl_dump_new(0);
	int err;

	if (IS_ERR(dump))
		return dump;
	err = np_nl_get_match(npn, tb, NATPUNCH_A_MAPPING_ZONE, &dump->match,
			      extack);
	if (err) {
		kvfree(dump);
		return ERR_PTR(err);
	}
	if (np_net_ready(npn)) {
		rhashtable_walk_enter(&npn->by_int, &dump->iter);
		dump->walking = true;
	}
	return dump;
}

/* Under RCU, as the walk makes it. */
static int np_nl_dump_mapping(struct sk_buff *skb, struct netlink_callback *cb,
			      struct np_mapping *m)
{
	struct np_nl_head head = np_nl_dump_head(cb, NATPUNCH_CMD_MAPPING_GET);

	/* The table has moved: what follows may have been sent already. */
	if (IS_ERR(m)) {
		cb->seq++;
		return PTR_ERR(m) == -EAGAIN ? 0 : PTR_ERR(m);
	}
	if (READ_ONCE(m->dead) || !READ_ONCE(m->live) ||
	    !np_nl_mapping_matches(&np_nl_dump(cb)->match, m))
		return 0;
	return np_nl_put_mapping(skb, &head, m, NATPUNCH_END_REASON_NONE);
}

int natpunch_nl_mapping_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct np_nl_dump *dump = np_nl_dump(cb);
	struct np_mapping *m;
	int err = 0;

	if (!dump->walking)
		return 0;
	if (!cb->seq)
		cb->seq = 1;
	if (rhashtable_walk_start_check(&dump->iter))
		cb->seq++;
	for (m = rhashtable_walk_peek(&dump->iter); m;
	     m = rhashtable_walk_next(&dump->iter)) {
		err = np_nl_dump_mapping(skb, cb, m);
		if (err)
			break;
	}
	rhashtable_walk_stop(&dump->iter);
	return np_nl_dump_result(skb, err);
}

static int np_nl_wan_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_WAN_DEV,
				natpunch_wan_get_nl_policy, np_nl_wan_start);
}

static int np_nl_mapping_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_MAPPING_ZONE,
				natpunch_mapping_get_nl_policy,
				np_nl_mapping_start);
}

static int np_nl_reservation_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_RESERVATION_INT_PORT,
				natpunch_reservation_get_nl_policy,
				np_nl_reservation_start);
}

/*
 * The family
 */

/* The generated table and what the generator cannot put into it. */
static struct genl_ops np_nl_ops[ARRAY_SIZE(natpunch_nl_ops)] __ro_after_init;

static void __init np_nl_set_dump(u8 cmd, int (*start)(struct netlink_callback *),
				  int (*done)(struct netlink_callback *))
{
	int i;

	for (i = 0; i < ARRAY_SIZE(np_nl_ops); i++) {
		if (np_nl_ops[i].cmd == cmd) {
			np_nl_ops[i].start = start;
			np_nl_ops[i].done = done;
		}
	}
}

static const struct genl_multicast_group np_nl_groups[] = {
	[NP_NL_GROUP_MAPPING] = {
		.name = NATPUNCH_MCGRP_MAPPING,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[NP_NL_GROUP_HOLD] = {
		.name = NATPUNCH_MCGRP_HOLD,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[NP_NL_GROUP_UPSTREAM] = {
		.name = NATPUNCH_MCGRP_UPSTREAM,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[NP_NL_GROUP_CRAFTED] = {
		.name = NATPUNCH_MCGRP_CRAFTED,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family np_nl_family __ro_after_init = {
	.name = NATPUNCH_GENL_NAME,
	.version = NATPUNCH_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = np_nl_ops,
	.n_ops = ARRAY_SIZE(np_nl_ops),
	/* Strict checks from the first command on. */
	.resv_start_op = NATPUNCH_CMD_WAN_NEW,
	.mcgrps = np_nl_groups,
	.n_mcgrps = ARRAY_SIZE(np_nl_groups),
};

int __init np_nl_init(void)
{
	int err;

	memcpy(np_nl_ops, natpunch_nl_ops, sizeof(np_nl_ops));
	np_nl_set_dump(NATPUNCH_CMD_WAN_GET, np_nl_wan_dump_start,
		       np_nl_dump_done);
	np_nl_set_dump(NATPUNCH_CMD_MAPPING_GET, np_nl_mapping_dump_start,
		       np_nl_dump_done);
	np_nl_set_dump(NATPUNCH_CMD_RESERVATION_GET,
		       np_nl_reservation_dump_start, np_nl_dump_done);
	np_nl_set_dump(NATPUNCH_CMD_HOLD_GET, np_nl_hold_dump_start,
		       np_nl_dump_free);
	np_nl_set_dump(NATPUNCH_CMD_CRAFTED_GET, np_nl_crafted_dump_start,
		       np_nl_dump_free);
	np_nl_set_dump(NATPUNCH_CMD_CRAFTED_DEV_GET,
		       np_nl_crafted_dev_dump_start, np_nl_dump_free);
	np_nl_set_dump(NATPUNCH_CMD_UPSTREAM_GET, np_nl_upstream_dump_start,
		       np_nl_dump_free);
	err = np_nl_crafted_init();
	if (err)
		return err;
	err = genl_register_family(&np_nl_family);
	if (err)
		np_nl_crafted_exit();
	return err;
}

void np_nl_exit(void)
{
	genl_unregister_family(&np_nl_family);
	np_nl_crafted_exit();
}

MODULE_ALIAS_GENL_FAMILY(NATPUNCH_GENL_NAME);
