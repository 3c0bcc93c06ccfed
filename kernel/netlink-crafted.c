// SPDX-License-Identifier: GPL-2.0
/*
 * Crafted flows for netlink: to register them, to read them, to watch devices
 * for them, to hear of the RSTs dropped; and the end of those whose socket is
 * gone.
 *
 * Locking: np_net.lock for what registers hooks; crafted.c has locks of its own
 * for the rest.
 */
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <uapi/linux/natpunch.h>

#include "crafted.h"
#include "main.h"
#include "netlink.h"
#include "netlink-gen.h"
#include "netlink-lib.h"
#include "wan.h"

/* What a dump is at, or the search for one flow. */
struct np_nl_crafted_walk {
	struct np_nl_head head;
	struct sk_buff *skb;
	u32 only;			/* id, 0: all */
	u32 after;			/* id of the last that was sent */
	bool found;
};

static size_t np_nl_crafted_size(void)
{
	return NLMSG_ALIGN(GENL_HDRLEN) +
	       2 * nla_total_size(sizeof(u32)) +	/* id, lease */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       3 * nla_total_size(sizeof(__be16)) +	/* ports */
	       nla_total_size(sizeof(u8)) +		/* remote-len */
	       2 * nla_total_size(0);			/* bound, auto */
}

/* Seconds; the time of a flow that is not reaped yet may be over. */
static s32 np_nl_crafted_left(const struct np_crafted *flow)
{
	return READ_ONCE(flow->expires) - (u32)ktime_get_seconds();
}

static int np_nl_put_ends(struct sk_buff *skb, const struct np_crafted *flow)
{
	return np_nl_put_addr(skb, NATPUNCH_A_CRAFTED_LOCAL_ADDR, flow->family,
			      &flow->loc_ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN,
			    htons(flow->loc_min)) ?:
	       nla_put_be16(skb, NATPUNCH_A_CRAFTED_LOCAL_PORT_MAX,
			    htons(flow->loc_max)) ?:
	       np_nl_put_addr(skb, NATPUNCH_A_CRAFTED_REMOTE_ADDR,
			      flow->family, &flow->rem_ip) ?:
	       nla_put_u8(skb, NATPUNCH_A_CRAFTED_REMOTE_LEN, flow->rem_len) ?:
	       nla_put_be16(skb, NATPUNCH_A_CRAFTED_REMOTE_PORT,
			    htons(flow->rem_port));
}

void np_nl_crafted_event(struct np_net *npn, const struct np_crafted *rst)
{
	struct np_nl_head head = { .cmd = NATPUNCH_CMD_CRAFTED_RST_NTF };
	struct sk_buff *skb;
	int err = -EMSGSIZE;
	void *hdr;

	if (!np_nl_heard(npn, NP_NL_GROUP_CRAFTED))
		return;

	skb = genlmsg_new(np_nl_crafted_size(), GFP_ATOMIC);
	hdr = skb ? np_nl_put_head(skb, &head) : NULL;
	if (hdr) {
		err = nla_put_u32(skb, NATPUNCH_A_CRAFTED_ID, rst->id) ?:
		      np_nl_put_ends(skb, rst);
		err = np_nl_end(skb, hdr, err);
	}
	np_nl_multicast(npn, skb, NP_NL_GROUP_CRAFTED, err);
}

static int np_nl_put_crafted(struct sk_buff *skb, const struct np_nl_head *head,
			     const struct np_crafted *flow)
{
	void *hdr;
	int err;

	hdr = np_nl_put_head(skb, head);
	if (!hdr)
		return -EMSGSIZE;
	err = nla_put_u32(skb, NATPUNCH_A_CRAFTED_ID, flow->id) ?:
	      np_nl_put_ends(skb, flow) ?:
	      nla_put_u32(skb, NATPUNCH_A_CRAFTED_LEASE,
			  max(np_nl_crafted_left(flow), 0));
	if (!err && flow->portid)
		err = nla_put_flag(skb, NATPUNCH_A_CRAFTED_BOUND);
	if (!err && flow->automatic)
		err = nla_put_flag(skb, NATPUNCH_A_CRAFTED_AUTO);
	return np_nl_end(skb, hdr, err);
}

/*
 * Registering
 */

static bool np_nl_is_unicast(const struct np_inet *addr)
{
	if (addr->family == NFPROTO_IPV4)
		return !ipv4_is_zeronet(addr->ip.ip) &&
		       !ipv4_is_multicast(addr->ip.ip) &&
		       !ipv4_is_lbcast(addr->ip.ip);
	return ipv6_addr_type(&addr->ip.in6) & IPV6_ADDR_UNICAST;
}

static int np_nl_get_local(struct genl_info *info, struct np_crafted *want)
{
	const struct nlattr *attr = info->attrs[NATPUNCH_A_CRAFTED_LOCAL_ADDR];
	struct np_inet addr;
	int err;

	err = np_nl_get_addr(attr, &addr, info->extack);
	if (err)
		return err;
	if (!np_nl_is_unicast(&addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not a unicast address: local-addr is the one that the program uses");
		return -EINVAL;
	}
	want->family = addr.family;
	want->loc_ip = addr.ip;
	return 0;
}

static int np_nl_get_remote(struct genl_info *info, struct np_crafted *want)
{
	const struct nlattr *attr = info->attrs[NATPUNCH_A_CRAFTED_REMOTE_ADDR];
	const struct nlattr *len = info->attrs[NATPUNCH_A_CRAFTED_REMOTE_LEN];
	struct np_prefix prefix;
	struct np_inet addr;
	int err;

	err = np_nl_get_addr(attr, &addr, info->extack);
	if (err)
		return err;
	prefix.ip = addr.ip;
	prefix.family = addr.family;
	prefix.len = len ? nla_get_u8(len) :
			   addr.family == NFPROTO_IPV4 ? 32 : 128;
	err = np_nl_check_prefix(&prefix, attr, len, info->extack);
	if (err)
		return err;
	if (prefix.family != want->family) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "local-addr and remote-addr must be of one family, both IPv4 or both IPv6");
		return -EINVAL;
	}
	/* A prefix may be that of all addresses. */
	if (prefix.len && !np_nl_is_unicast(&addr)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "TCP has unicast peers only: give 0.0.0.0/0 or ::/0 for any");
		return -EINVAL;
	}
	want->rem_ip = prefix.ip;
	want->rem_len = prefix.len;
	return 0;
}

/* Neither port: any. The lowest alone: that one. */
static int np_nl_get_local_ports(struct genl_info *info,
				 struct np_crafted *want)
{
	const struct nlattr *min, *max;

	min = info->attrs[NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN];
	max = info->attrs[NATPUNCH_A_CRAFTED_LOCAL_PORT_MAX];
	want->loc_min = min ? ntohs(nla_get_be16(min)) : 0;
	want->loc_max = max ? ntohs(nla_get_be16(max)) :
			min ? want->loc_min : U16_MAX;

	if (!want->loc_max) {
		NL_SET_ERR_MSG_ATTR(info->extack, max ?: min,
				    "TCP has no port 0: leave both ports out for any");
		return -EINVAL;
	}
	if (want->loc_min > want->loc_max) {
		NL_SET_ERR_MSG_ATTR(info->extack, max,
				    "the port range is empty: local-port-max must be at least local-port-min");
		return -EINVAL;
	}
	return 0;
}

static int np_nl_get_crafted(struct genl_info *info, struct np_crafted *want)
{
	struct nlattr **tb = info->attrs;

	memset(want, 0, sizeof(*want));
	if (NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_LOCAL_ADDR,
			  "local-addr is missing: the address that the program uses") ||
	    NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_REMOTE_ADDR,
			  "remote-addr is missing: the address or prefix of the peers") ||
	    NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_LEASE,
			  "lease is missing: the seconds to register the flow for"))
		return -EINVAL;
	if (tb[NATPUNCH_A_CRAFTED_REMOTE_PORT])
		want->rem_port =
			ntohs(nla_get_be16(tb[NATPUNCH_A_CRAFTED_REMOTE_PORT]));
	if (nla_get_flag(tb[NATPUNCH_A_CRAFTED_BOUND]))
		want->portid = info->snd_portid;
	return np_nl_get_local(info, want) ?: np_nl_get_remote(info, want) ?:
	       np_nl_get_local_ports(info, want);
}

int natpunch_nl_crafted_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_head head = np_nl_reply_head(info);
	struct np_crafted want;
	struct sk_buff *reply;
	int err;

	BUILD_BUG_ON(NP_CRAFTED_MAX != NATPUNCH_MAX_CRAFTED);

	err = np_nl_get_crafted(info, &want);
	if (err)
		return err;
	reply = genlmsg_new(np_nl_crafted_size(), GFP_KERNEL);
	if (!reply)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	err = np_crafted_add(npn, &want,
			     nla_get_u32(info->attrs[NATPUNCH_A_CRAFTED_LEASE]),
			     info->extack);
	mutex_unlock(&npn->lock);
	return np_nl_send(reply, info,
			  err ?: np_nl_put_crafted(reply, &head, &want));
}

static int np_nl_require_id(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_ID,
			     "id is missing: crafted-get tells those of all flows");
}

int natpunch_nl_crafted_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	int err;

	if (np_nl_require_id(info))
		return -EINVAL;

	mutex_lock(&npn->lock);
	err = np_crafted_del(npn,
			     nla_get_u32(info->attrs[NATPUNCH_A_CRAFTED_ID]),
			     info->extack);
	mutex_unlock(&npn->lock);
	return np_nl_blame(info, NATPUNCH_A_CRAFTED_ID, err);
}

/*
 * Reading
 */

/* Under np_crafted_net.lock. */
static int np_nl_crafted_visit(const struct np_crafted *flow, void *data)
{
	struct np_nl_crafted_walk *walk = data;

	if ((walk->only && flow->id != walk->only) ||
	    np_nl_crafted_left(flow) <= 0)
		return 0;
	walk->found = true;
	return np_nl_put_crafted(walk->skb, &walk->head, flow);
}

/* From where @walk is, as far as its buffer reaches. */
static int np_nl_crafted_walk(struct np_net *npn,
			      struct np_nl_crafted_walk *walk)
{
	int err = 0;
	u32 id;

	for (;;) {
		id = np_crafted_next(npn, walk->after, np_nl_crafted_visit,
				     walk, &err);
		if (!id || err)
			return err;
		walk->after = id;
		if (walk->only && id >= walk->only)
			return 0;
	}
}

int natpunch_nl_crafted_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_nl_crafted_walk walk = { .head = np_nl_reply_head(info) };
	int err = 0;

	if (np_nl_require_id(info))
		return -EINVAL;
	walk.skb = genlmsg_new(np_nl_crafted_size(), GFP_KERNEL);
	if (!walk.skb)
		return -ENOMEM;

	walk.only = nla_get_u32(info->attrs[NATPUNCH_A_CRAFTED_ID]);
	if (walk.only) {
		walk.after = walk.only - 1;
		err = np_nl_crafted_walk(np_net(genl_info_net(info)), &walk);
	}
	if (!err && !walk.found) {
		GENL_SET_ERR_MSG(info, "no crafted flow has this id");
		err = np_nl_blame(info, NATPUNCH_A_CRAFTED_ID, -ENOENT);
	}
	return np_nl_send(walk.skb, info, err);
}

static void *np_nl_crafted_start(struct np_net *npn, struct nlattr **tb,
				 struct netlink_ext_ack *extack)
{
	const struct nlattr *id = tb[NATPUNCH_A_CRAFTED_ID];
	struct np_nl_crafted_walk *walk;

	if (id && !nla_get_u32(id)) {
		NL_SET_ERR_MSG_ATTR(extack, id, "no crafted flow has the id 0");
		return ERR_PTR(-ENOENT);
	}
	walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	if (!walk)
		return ERR_PTR(-ENOMEM);
	if (id) {
		walk->only = nla_get_u32(id);
		walk->after = walk->only - 1;
	}
	return walk;
}

int np_nl_crafted_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_CRAFTED_ID,
				natpunch_crafted_get_nl_policy,
				np_nl_crafted_start);
}

int natpunch_nl_crafted_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct np_nl_crafted_walk *walk = (void *)cb->args[0];

	if (walk->only && walk->after >= walk->only)
		return 0;
	walk->head = np_nl_dump_head(cb, NATPUNCH_CMD_CRAFTED_GET);
	walk->skb = skb;
	return np_nl_dump_result(skb,
				 np_nl_crafted_walk(np_net(sock_net(cb->skb->sk)),
						    walk));
}

/*
 * Watched devices
 */

int natpunch_nl_crafted_dev_set_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct nlattr **tb = info->attrs;
	int err;

	if (NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_DEV_DEV,
			  "dev is missing: the name of a network device") ||
	    NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_DEV_ON,
			  "on is missing: 1 to watch the device, 0 to stop"))
		return -EINVAL;

	mutex_lock(&npn->lock);
	err = np_crafted_auto(npn, nla_data(tb[NATPUNCH_A_CRAFTED_DEV_DEV]),
			      nla_get_u8(tb[NATPUNCH_A_CRAFTED_DEV_ON]),
			      nla_get_flag(tb[NATPUNCH_A_CRAFTED_DEV_BOUND]) ?
			      info->snd_portid : 0, info->extack);
	mutex_unlock(&npn->lock);
	return np_nl_blame(info, NATPUNCH_A_CRAFTED_DEV_DEV, err);
}

struct np_nl_dev_walk {
	struct np_nl_head head;
	struct sk_buff *skb;
	char only[IFNAMSIZ];		/* empty: all */
	unsigned int seen;
	unsigned int skip;		/* devices that were sent */
	unsigned int n;
	int err;
};

/* Under RTNL. */
static void np_nl_dev_visit(const char *name, void *data)
{
	struct np_nl_dev_walk *walk = data;
	void *hdr;

	if (walk->err || walk->seen++ < walk->skip)
		return;
	if (!walk->only[0] || !strcmp(walk->only, name)) {
		hdr = np_nl_put_head(walk->skb, &walk->head);
		walk->err = hdr ?
			    np_nl_end(walk->skb, hdr,
				      nla_put_string(walk->skb,
						     NATPUNCH_A_CRAFTED_DEV_DEV,
						     name)) :
			    -EMSGSIZE;
		walk->n += !walk->err;
	}
	if (!walk->err)
		walk->skip++;
}

int natpunch_nl_crafted_dev_get_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_nl_dev_walk walk = { .head = np_nl_reply_head(info) };

	if (NP_NL_REQUIRE(info, NATPUNCH_A_CRAFTED_DEV_DEV,
			  "dev is missing: the name of a network device"))
		return -EINVAL;
	nla_strscpy(walk.only, info->attrs[NATPUNCH_A_CRAFTED_DEV_DEV],
		    sizeof(walk.only));
	walk.skb = genlmsg_new(NLMSG_ALIGN(GENL_HDRLEN) +
			       nla_total_size(IFNAMSIZ), GFP_KERNEL);
	if (!walk.skb)
		return -ENOMEM;

	np_crafted_devices(np_net(genl_info_net(info)), np_nl_dev_visit, &walk);
	if (!walk.err && !walk.n) {
		GENL_SET_ERR_MSG(info, "the device is not watched");
		walk.err = np_nl_blame(info, NATPUNCH_A_CRAFTED_DEV_DEV,
				       -ENOENT);
	}
	return np_nl_send(walk.skb, info, walk.err);
}

static void *np_nl_dev_start(struct np_net *npn, struct nlattr **tb,
			     struct netlink_ext_ack *extack)
{
	struct np_nl_dev_walk *walk;

	walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	if (!walk)
		return ERR_PTR(-ENOMEM);
	if (tb[NATPUNCH_A_CRAFTED_DEV_DEV])
		nla_strscpy(walk->only, tb[NATPUNCH_A_CRAFTED_DEV_DEV],
			    sizeof(walk->only));
	return walk;
}

int np_nl_crafted_dev_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_CRAFTED_DEV_DEV,
				natpunch_crafted_dev_get_nl_policy,
				np_nl_dev_start);
}

int natpunch_nl_crafted_dev_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb)
{
	struct np_nl_dev_walk *walk = (void *)cb->args[0];

	walk->head = np_nl_dump_head(cb, NATPUNCH_CMD_CRAFTED_DEV_GET);
	walk->skb = skb;
	walk->seen = 0;
	walk->err = 0;
	np_crafted_devices(np_net(sock_net(cb->skb->sk)), np_nl_dev_visit,
			   walk);
	return np_nl_dump_result(skb, walk->err);
}

/*
 * The life of what is bound to a socket
 */

static int np_nl_socket_event(struct notifier_block *nb, unsigned long event,
			      void *ptr)
{
	const struct netlink_notify *notify = ptr;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		np_crafted_release(np_net(notify->net), notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block np_nl_sockets = {
	.notifier_call = np_nl_socket_event,
};

int __init np_nl_crafted_init(void)
{
	return netlink_register_notifier(&np_nl_sockets);
}

void np_nl_crafted_exit(void)
{
	netlink_unregister_notifier(&np_nl_sockets);
}
