/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's <net/netlink.h> and <net/genetlink.h> as it takes to
 * read the generated policies (kernel/netlink-gen.c) in a program: they are the
 * grammar that fuzz_netlink speaks, so it knows what the ABI's spec knows.
 */
#ifndef GRAMMAR_NETLINK_H
#define GRAMMAR_NETLINK_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdint.h>

#define __ro_after_init

enum {
	NLA_UNSPEC, NLA_U8, NLA_U16, NLA_U32, NLA_U64, NLA_BE16, NLA_BE32,
	NLA_FLAG, NLA_NUL_STRING, NLA_BINARY, NLA_NESTED,
};

struct netlink_range_validation {
	uint64_t min, max;
};

/* A value's range is @range where there is one, else @min to @max if @max. */
struct nla_policy {
	uint8_t type;
	uint16_t len;
	uint64_t min, max;
	const struct netlink_range_validation *range;
	const struct nla_policy *nested;
	unsigned int nested_max;
};

#define NLA_POLICY_RANGE(type_, min_, max_)				\
	{ .type = type_, .min = min_, .max = max_ }
#define NLA_POLICY_MIN(type_, min_)	NLA_POLICY_RANGE(type_, min_, ~0U)
#define NLA_POLICY_MAX(type_, max_)	NLA_POLICY_RANGE(type_, 0, max_)
#define NLA_POLICY_FULL_RANGE(type_, range_)				\
	{ .type = type_, .range = range_ }
#define NLA_POLICY_NESTED(policy)					\
	{ .type = NLA_NESTED, .nested = policy,				\
	  .nested_max = sizeof(policy) / sizeof((policy)[0]) - 1 }

struct sk_buff;
struct genl_info;
struct netlink_callback;

struct genl_ops {
	uint8_t cmd;
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	unsigned int flags;
};

#endif
