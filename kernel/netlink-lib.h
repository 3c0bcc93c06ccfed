/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all commands of the family natpunch have in common: heads and ends of
 * messages, addresses, the beginning of dumps. No state but the family itself,
 * which is netlink.c's.
 */
#ifndef _NP_NETLINK_LIB_H
#define _NP_NETLINK_LIB_H

#include <linux/netfilter.h>
#include <linux/types.h>
#include <net/genetlink.h>

struct np_inet;
struct np_net;
struct np_prefix;

extern struct genl_family np_nl_family;

/* Indices of its multicast groups, in the order of the spec. */
enum {
	NP_NL_GROUP_MAPPING,
	NP_NL_GROUP_HOLD,
	NP_NL_GROUP_UPSTREAM,
	NP_NL_GROUP_CRAFTED,
};

/* A missing attribute has no place in the message, hence a macro of its own. */
#define NP_NL_REQUIRE(_info, attr, msg) ({				\
	struct genl_info *__i = (_info);				\
	int __err = 0;							\
									\
	if (GENL_REQ_ATTR_CHECK(__i, attr)) {				\
		GENL_SET_ERR_MSG(__i, msg);				\
		__err = -EINVAL;					\
	}								\
	__err;								\
})

/*
 * wan.c and crafted.c know of no attributes: point to the one that a refusal of
 * theirs is about.
 */
int np_nl_blame(struct genl_info *info, int attr, int err);

/* Messages to user space */

struct np_nl_head {
	struct netlink_callback *cb;	/* of a dump, else NULL */
	u32 portid;
	u32 seq;
	u8 cmd;
};

struct np_nl_head np_nl_reply_head(const struct genl_info *info);
struct np_nl_head np_nl_dump_head(struct netlink_callback *cb, u8 cmd);
void *np_nl_put_head(struct sk_buff *skb, const struct np_nl_head *head);

/* Complete the message or, on an error, take it out again. */
int np_nl_end(struct sk_buff *skb, void *hdr, int err);

/* Send the reply unless it could not be made. Eats @skb. */
int np_nl_send(struct sk_buff *skb, struct genl_info *info, int err);

int np_nl_put_addr(struct sk_buff *skb, int attr, u8 family,
		   const union nf_inet_addr *ip);

/* Does anybody listen to the group in this namespace? */
bool np_nl_heard(const struct np_net *npn, unsigned int group);

/*
 * Send an event to the group. Eats @skb, which may be NULL or lack what @err
 * says: the listeners have missed something and shall know.
 */
void np_nl_multicast(const struct np_net *npn, struct sk_buff *skb,
		     unsigned int group, int err);

/*
 * Attributes from user space. The policies have seen to types, to ranges of
 * numbers and to the upper bound of lengths.
 */

int np_nl_get_addr(const struct nlattr *attr, struct np_inet *addr,
		   struct netlink_ext_ack *extack);

/* One that a host can have and others can send to. */
int np_nl_get_host(const struct nlattr *attr, struct np_inet *addr,
		   struct netlink_ext_ack *extack);

/* Is @prefix, read from the two attributes, one? @len may be NULL. */
int np_nl_check_prefix(const struct np_prefix *prefix,
		       const struct nlattr *addr, const struct nlattr *len,
		       struct netlink_ext_ack *extack);

/*
 * Dumps. A dump is checked and begun by @start, under np_net.lock, so that a
 * refusal is an ordinary error message. What it returns, an ERR_PTR() or what
 * the dump is at, is in cb->args[0] from then on.
 */
int np_nl_dump_start(struct netlink_callback *cb, int max,
		     const struct nla_policy *policy,
		     void *(*start)(struct np_net *npn, struct nlattr **tb,
				    struct netlink_ext_ack *extack));

/* The end of a dump that needs no more than kfree(). */
int np_nl_dump_free(struct netlink_callback *cb);

/* What dumpit returns when @err ended it: more to come, all done, or failure. */
int np_nl_dump_result(const struct sk_buff *skb, int err);

/* Begin the dumps of netlink-hold.c, -crafted.c and -upstream.c. */
int np_nl_hold_dump_start(struct netlink_callback *cb);
int np_nl_crafted_dump_start(struct netlink_callback *cb);
int np_nl_crafted_dev_dump_start(struct netlink_callback *cb);
int np_nl_upstream_dump_start(struct netlink_callback *cb);

/* Hear of the end of sockets that crafted flows are bound to. */
int np_nl_crafted_init(void);
void np_nl_crafted_exit(void);

#endif /* _NP_NETLINK_LIB_H */
