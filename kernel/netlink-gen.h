/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/natpunch.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: scripts/gen-uapi */

#ifndef _NATPUNCH_NETLINK_GEN_H
#define _NATPUNCH_NETLINK_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/natpunch.h>

/* Common nested types */
extern const struct nla_policy natpunch_prefix_nl_policy[NATPUNCH_A_PREFIX_LEN + 1];

extern const struct nla_policy natpunch_wan_new_nl_policy[NATPUNCH_A_WAN_HOST_PORTS + 1];

extern const struct nla_policy natpunch_wan_set_nl_policy[NATPUNCH_A_WAN_HOST_PORTS + 1];

extern const struct nla_policy natpunch_wan_del_nl_policy[NATPUNCH_A_WAN_DEV + 1];

extern const struct nla_policy natpunch_wan_get_nl_policy[NATPUNCH_A_WAN_DEV + 1];

extern const struct nla_policy natpunch_mapping_get_nl_policy[NATPUNCH_A_MAPPING_ZONE + 1];

extern const struct nla_policy natpunch_mapping_flush_nl_policy[NATPUNCH_A_MAPPING_EXT_PORT + 1];

extern const struct nla_policy natpunch_reservation_new_nl_policy[NATPUNCH_A_RESERVATION_LIFETIME + 1];

extern const struct nla_policy natpunch_reservation_del_nl_policy[NATPUNCH_A_RESERVATION_INT_PORT + 1];

extern const struct nla_policy natpunch_reservation_get_nl_policy[NATPUNCH_A_RESERVATION_INT_PORT + 1];

extern const struct nla_policy natpunch_stats_get_nl_policy[NATPUNCH_A_STATS_PAD + 1];

extern const struct nla_policy natpunch_hold_get_nl_policy[NATPUNCH_A_HOLD_REMOTE_PORT + 1];

extern const struct nla_policy natpunch_crafted_new_nl_policy[NATPUNCH_A_CRAFTED_BOUND + 1];

extern const struct nla_policy natpunch_crafted_del_nl_policy[NATPUNCH_A_CRAFTED_ID + 1];

extern const struct nla_policy natpunch_crafted_get_nl_policy[NATPUNCH_A_CRAFTED_ID + 1];

extern const struct nla_policy natpunch_crafted_dev_set_nl_policy[NATPUNCH_A_CRAFTED_DEV_BOUND + 1];

extern const struct nla_policy natpunch_crafted_dev_get_nl_policy[NATPUNCH_A_CRAFTED_DEV_DEV + 1];

extern const struct nla_policy natpunch_upstream_get_nl_policy[NATPUNCH_A_UPSTREAM_L4PROTO + 1];

extern const struct nla_policy natpunch_upstream_sample_nl_policy[NATPUNCH_A_SAMPLE_MAPPINGS_ODD + 1];

extern const struct nla_policy natpunch_predict_nl_policy[NATPUNCH_A_PREDICT_LIFETIME + 1];

/* Ops table for natpunch */
extern const struct genl_ops natpunch_nl_ops[19];

int natpunch_nl_wan_new_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_wan_set_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_wan_del_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_wan_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_wan_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int natpunch_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_mapping_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int natpunch_nl_mapping_flush_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_reservation_new_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_reservation_del_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_reservation_get_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_reservation_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb);
int natpunch_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_hold_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_hold_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int natpunch_nl_crafted_new_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_crafted_del_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_crafted_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_crafted_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int natpunch_nl_crafted_dev_set_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_crafted_dev_get_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_crafted_dev_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb);
int natpunch_nl_upstream_get_doit(struct sk_buff *skb, struct genl_info *info);
int natpunch_nl_upstream_get_dumpit(struct sk_buff *skb,
				    struct netlink_callback *cb);
int natpunch_nl_upstream_sample_doit(struct sk_buff *skb,
				     struct genl_info *info);
int natpunch_nl_predict_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	NATPUNCH_NLGRP_MAPPING,
	NATPUNCH_NLGRP_HOLD,
	NATPUNCH_NLGRP_UPSTREAM,
	NATPUNCH_NLGRP_CRAFTED,
};

#endif /* _NATPUNCH_NETLINK_GEN_H */
