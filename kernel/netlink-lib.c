// SPDX-License-Identifier: GPL-2.0
/*
 * What the commands of the family natpunch have in common; see netlink-lib.h.
 */
#include <linux/slab.h>
#include <net/sock.h>
#include <uapi/linux/natpunch.h>

#include "main.h"
#include "netlink-lib.h"
#include "wan.h"

int np_nl_blame(struct genl_info *info, int attr, int err)
{
	if (err && info->attrs[attr])
		NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	return err;
}

struct np_nl_head np_nl_reply_head(const struct genl_info *info)
{
	return (struct np_nl_head) {
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = info->genlhdr->cmd,
	};
}

struct np_nl_head np_nl_dump_head(struct netlink_callback *cb, u8 cmd)
{
	return (struct np_nl_head) {
		.cb = cb,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.cmd = cmd,
	};
}

void *np_nl_put_head(struct sk_buff *skb, const struct np_nl_head *head)
{
	void *hdr = genlmsg_put(skb, head->portid, head->seq, &np_nl_family,
				head->cb ? NLM_F_MULTI : 0, head->cmd);

	if (hdr && head->cb)
		genl_dump_check_consistent(head->cb, hdr);
	return hdr;
}

int np_nl_end(struct sk_buff *skb, void *hdr, int err)
{
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

int np_nl_send(struct sk_buff *skb, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

int np_nl_put_addr(struct sk_buff *skb, int attr, u8 family,
		   const union nf_inet_addr *ip)
{
	return nla_put(skb, attr, family == NFPROTO_IPV4 ? sizeof(ip->in) :
							   sizeof(ip->in6), ip);
}

bool np_nl_heard(const struct np_net *npn, unsigned int group)
{
	return genl_has_listeners(&np_nl_family, npn->net, group);
}

void np_nl_multicast(const struct np_net *npn, struct sk_buff *skb,
		     unsigned int group, int err)
{
	if (!skb || err) {
		nlmsg_free(skb);
		genl_set_err(&np_nl_family, npn->net, 0, group, -ENOBUFS);
		return;
	}
	genlmsg_multicast_netns(&np_nl_family, npn->net, skb, 0, group,
				GFP_ATOMIC);
}

int np_nl_get_addr(const struct nlattr *attr, struct np_inet *addr,
		   struct netlink_ext_ack *extack)
{
	memset(addr, 0, sizeof(*addr));
	switch (nla_len(attr)) {
	case sizeof(addr->ip.in):
		addr->family = NFPROTO_IPV4;
		break;
	case sizeof(addr->ip.in6):
		addr->family = NFPROTO_IPV6;
		break;
	default:
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "an address has 4 bytes (IPv4) or 16 (IPv6)");
		return -EINVAL;
	}
	memcpy(&addr->ip, nla_data(attr), nla_len(attr));
	return 0;
}

int np_nl_get_host(const struct nlattr *attr, struct np_inet *addr,
		   struct netlink_ext_ack *extack)
{
	int err = np_nl_get_addr(attr, addr, extack);

	if (!err && !np_inet_is_host(addr)) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "not a host's address: give a unicast address, neither loopback nor IPv6 link-local");
		err = -EINVAL;
	}
	return err;
}

/* Are the bits behind the prefix zero? */
static bool np_nl_prefix_is_clean(const struct np_prefix *prefix)
{
	const u8 *byte = (const u8 *)&prefix->ip;
	unsigned int i = prefix->len / 8, bits = prefix->len % 8;

	if (bits && byte[i++] & (0xff >> bits))
		return false;
	return !memchr_inv(byte + i, 0, sizeof(prefix->ip) - i);
}

int np_nl_check_prefix(const struct np_prefix *prefix,
		       const struct nlattr *addr, const struct nlattr *len,
		       struct netlink_ext_ack *extack)
{
	if (prefix->family == NFPROTO_IPV4 && prefix->len > 32) {
		NL_SET_ERR_MSG_ATTR(extack, len,
				    "an IPv4 prefix has at most 32 bits");
		return -EINVAL;
	}
	if (!np_nl_prefix_is_clean(prefix)) {
		NL_SET_ERR_MSG_ATTR(extack, addr,
				    "the address has bits behind the prefix: they must be zero");
		return -EINVAL;
	}
	return 0;
}

/*
 * The core has checked the attributes, but where it put them and whether there
 * is an extack depends on the kernel. Up to 6.1 there is none, so the refusal
 * is sent from here; -EINTR tells the core that this is done.
 */
int np_nl_dump_start(struct netlink_callback *cb, int max,
		     const struct nla_policy *policy,
		     void *(*start)(struct np_net *npn, struct nlattr **tb,
				    struct netlink_ext_ack *extack))
{
	struct np_net *npn = np_net(sock_net(cb->skb->sk));
	struct nlattr *tb[NATPUNCH_A_MAPPING_MAX + 1];
	struct netlink_ext_ack none = {};
	struct netlink_ext_ack *extack = cb->extack ?: &none;
	void *dump;
	int err;

	err = genlmsg_parse(cb->nlh, &np_nl_family, tb, max, policy, extack);
	if (!err) {
		mutex_lock(&npn->lock);
		dump = start(npn, tb, extack);
		mutex_unlock(&npn->lock);
		cb->args[0] = (long)dump;
		err = PTR_ERR_OR_ZERO(dump);
	}
	if (!err || extack == cb->extack)
		return err;
	netlink_ack(cb->skb, (struct nlmsghdr *)cb->nlh, err, extack);
	return -EINTR;
}

int np_nl_dump_free(struct netlink_callback *cb)
{
	kfree((void *)cb->args[0]);
	return 0;
}

int np_nl_dump_result(const struct sk_buff *skb, int err)
{
	if (err == -EMSGSIZE && skb->len)
		return skb->len;
	return err ?: skb->len;
}
