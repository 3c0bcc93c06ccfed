// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/natpunch.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: scripts/gen-uapi */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/natpunch.h>

/* Integer value ranges */
static struct netlink_range_validation natpunch_a_wan_udp_timeout_range __ro_after_init = {
	.min	= NATPUNCH_MIN_UDP_TIMEOUT,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

static struct netlink_range_validation natpunch_a_wan_icmp_timeout_range __ro_after_init = {
	.min	= NATPUNCH_MIN_ICMP_TIMEOUT,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

static struct netlink_range_validation natpunch_a_wan_tcp_timeout_range __ro_after_init = {
	.min	= NATPUNCH_MIN_TCP_TIMEOUT,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

static struct netlink_range_validation natpunch_a_wan_tcp_transitory_range __ro_after_init = {
	.min	= NATPUNCH_MIN_TCP_TRANSITORY,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

static struct netlink_range_validation natpunch_a_wan_host_ports_range __ro_after_init = {
	.min	= 1ULL,
	.max	= NATPUNCH_MAX_HOST_PORTS,
};

static struct netlink_range_validation natpunch_a_reservation_lifetime_range __ro_after_init = {
	.min	= 1ULL,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

static struct netlink_range_validation natpunch_a_crafted_lease_range __ro_after_init = {
	.min	= 1ULL,
	.max	= NATPUNCH_MAX_LEASE,
};

static struct netlink_range_validation natpunch_a_predict_within_range __ro_after_init = {
	.max	= NATPUNCH_MAX_PREDICT_WITHIN,
};

static struct netlink_range_validation natpunch_a_predict_wanted_range __ro_after_init = {
	.min	= 1ULL,
	.max	= NATPUNCH_PROBABILITY_ONE,
};

static struct netlink_range_validation natpunch_a_predict_lifetime_range __ro_after_init = {
	.min	= 1ULL,
	.max	= NATPUNCH_MAX_TIMEOUT,
};

/* Common nested types */
const struct nla_policy natpunch_prefix_nl_policy[NATPUNCH_A_PREFIX_LEN + 1] = {
	[NATPUNCH_A_PREFIX_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

/* NATPUNCH_CMD_WAN_NEW - do */
const struct nla_policy natpunch_wan_new_nl_policy[NATPUNCH_A_WAN_HOST_PORTS + 1] = {
	[NATPUNCH_A_WAN_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_WAN_FILTER] = NLA_POLICY_RANGE(NLA_U8, 1, 3),
	[NATPUNCH_A_WAN_PORT_MIN] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_PORT_MAX] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_WAN_INTERNAL] = NLA_POLICY_NESTED(natpunch_prefix_nl_policy),
	[NATPUNCH_A_WAN_NAT66] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_INBOUND_REFRESH] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_UDP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_udp_timeout_range),
	[NATPUNCH_A_WAN_ICMP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_icmp_timeout_range),
	[NATPUNCH_A_WAN_TCP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_tcp_timeout_range),
	[NATPUNCH_A_WAN_TCP_TRANSITORY] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_tcp_transitory_range),
	[NATPUNCH_A_WAN_HOLD_ANSWER] = NLA_POLICY_MAX(NLA_U8, 3),
	[NATPUNCH_A_WAN_HOLD_RELEASE] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_STUN_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_HOST_PORTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_host_ports_range),
};

/* NATPUNCH_CMD_WAN_SET - do */
const struct nla_policy natpunch_wan_set_nl_policy[NATPUNCH_A_WAN_HOST_PORTS + 1] = {
	[NATPUNCH_A_WAN_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_WAN_FILTER] = NLA_POLICY_RANGE(NLA_U8, 1, 3),
	[NATPUNCH_A_WAN_PORT_MIN] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_PORT_MAX] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_WAN_INTERNAL] = NLA_POLICY_NESTED(natpunch_prefix_nl_policy),
	[NATPUNCH_A_WAN_NAT66] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_INBOUND_REFRESH] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_UDP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_udp_timeout_range),
	[NATPUNCH_A_WAN_ICMP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_icmp_timeout_range),
	[NATPUNCH_A_WAN_TCP_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_tcp_timeout_range),
	[NATPUNCH_A_WAN_TCP_TRANSITORY] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_tcp_transitory_range),
	[NATPUNCH_A_WAN_HOLD_ANSWER] = NLA_POLICY_MAX(NLA_U8, 3),
	[NATPUNCH_A_WAN_HOLD_RELEASE] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_WAN_STUN_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_WAN_HOST_PORTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_wan_host_ports_range),
};

/* NATPUNCH_CMD_WAN_DEL - do */
const struct nla_policy natpunch_wan_del_nl_policy[NATPUNCH_A_WAN_DEV + 1] = {
	[NATPUNCH_A_WAN_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* NATPUNCH_CMD_WAN_GET - do */
const struct nla_policy natpunch_wan_get_nl_policy[NATPUNCH_A_WAN_DEV + 1] = {
	[NATPUNCH_A_WAN_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* NATPUNCH_CMD_MAPPING_GET - do */
const struct nla_policy natpunch_mapping_get_nl_policy[NATPUNCH_A_MAPPING_ZONE + 1] = {
	[NATPUNCH_A_MAPPING_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_MAPPING_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_MAPPING_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_MAPPING_INT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_MAPPING_EXT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_MAPPING_EXT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_MAPPING_ZONE] = { .type = NLA_U16, },
};

/* NATPUNCH_CMD_MAPPING_FLUSH - do */
const struct nla_policy natpunch_mapping_flush_nl_policy[NATPUNCH_A_MAPPING_EXT_PORT + 1] = {
	[NATPUNCH_A_MAPPING_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_MAPPING_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_MAPPING_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_MAPPING_INT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_MAPPING_EXT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_MAPPING_EXT_PORT] = { .type = NLA_BE16, },
};

/* NATPUNCH_CMD_RESERVATION_NEW - do */
const struct nla_policy natpunch_reservation_new_nl_policy[NATPUNCH_A_RESERVATION_LIFETIME + 1] = {
	[NATPUNCH_A_RESERVATION_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_RESERVATION_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_RESERVATION_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_RESERVATION_INT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_RESERVATION_EXT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_RESERVATION_EXT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_RESERVATION_FILTER] = NLA_POLICY_MAX(NLA_U8, 3),
	[NATPUNCH_A_RESERVATION_LIFETIME] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_reservation_lifetime_range),
};

/* NATPUNCH_CMD_RESERVATION_DEL - do */
const struct nla_policy natpunch_reservation_del_nl_policy[NATPUNCH_A_RESERVATION_INT_PORT + 1] = {
	[NATPUNCH_A_RESERVATION_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_RESERVATION_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_RESERVATION_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_RESERVATION_INT_PORT] = { .type = NLA_BE16, },
};

/* NATPUNCH_CMD_RESERVATION_GET - do */
const struct nla_policy natpunch_reservation_get_nl_policy[NATPUNCH_A_RESERVATION_INT_PORT + 1] = {
	[NATPUNCH_A_RESERVATION_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_RESERVATION_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_RESERVATION_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_RESERVATION_INT_PORT] = { .type = NLA_BE16, },
};

/* NATPUNCH_CMD_STATS_GET - do */
const struct nla_policy natpunch_stats_get_nl_policy[NATPUNCH_A_STATS_PAD + 1] = {
};

/* NATPUNCH_CMD_HOLD_GET - do */
const struct nla_policy natpunch_hold_get_nl_policy[NATPUNCH_A_HOLD_REMOTE_PORT + 1] = {
	[NATPUNCH_A_HOLD_EXT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_HOLD_EXT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_HOLD_REMOTE_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_HOLD_REMOTE_PORT] = { .type = NLA_BE16, },
};

/* NATPUNCH_CMD_CRAFTED_NEW - do */
const struct nla_policy natpunch_crafted_new_nl_policy[NATPUNCH_A_CRAFTED_BOUND + 1] = {
	[NATPUNCH_A_CRAFTED_LOCAL_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN] = { .type = NLA_BE16, },
	[NATPUNCH_A_CRAFTED_LOCAL_PORT_MAX] = { .type = NLA_BE16, },
	[NATPUNCH_A_CRAFTED_REMOTE_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_CRAFTED_REMOTE_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[NATPUNCH_A_CRAFTED_REMOTE_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_CRAFTED_LEASE] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_crafted_lease_range),
	[NATPUNCH_A_CRAFTED_BOUND] = { .type = NLA_FLAG, },
};

/* NATPUNCH_CMD_CRAFTED_DEL - do */
const struct nla_policy natpunch_crafted_del_nl_policy[NATPUNCH_A_CRAFTED_ID + 1] = {
	[NATPUNCH_A_CRAFTED_ID] = { .type = NLA_U32, },
};

/* NATPUNCH_CMD_CRAFTED_GET - do */
const struct nla_policy natpunch_crafted_get_nl_policy[NATPUNCH_A_CRAFTED_ID + 1] = {
	[NATPUNCH_A_CRAFTED_ID] = { .type = NLA_U32, },
};

/* NATPUNCH_CMD_CRAFTED_DEV_SET - do */
const struct nla_policy natpunch_crafted_dev_set_nl_policy[NATPUNCH_A_CRAFTED_DEV_BOUND + 1] = {
	[NATPUNCH_A_CRAFTED_DEV_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_CRAFTED_DEV_ON] = NLA_POLICY_MAX(NLA_U8, 1),
	[NATPUNCH_A_CRAFTED_DEV_BOUND] = { .type = NLA_FLAG, },
};

/* NATPUNCH_CMD_CRAFTED_DEV_GET - do */
const struct nla_policy natpunch_crafted_dev_get_nl_policy[NATPUNCH_A_CRAFTED_DEV_DEV + 1] = {
	[NATPUNCH_A_CRAFTED_DEV_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* NATPUNCH_CMD_UPSTREAM_GET - do */
const struct nla_policy natpunch_upstream_get_nl_policy[NATPUNCH_A_UPSTREAM_L4PROTO + 1] = {
	[NATPUNCH_A_UPSTREAM_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_UPSTREAM_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_UPSTREAM_L4PROTO] = { .type = NLA_U8, },
};

/* NATPUNCH_CMD_UPSTREAM_SAMPLE - do */
const struct nla_policy natpunch_upstream_sample_nl_policy[NATPUNCH_A_SAMPLE_MAPPINGS_ODD + 1] = {
	[NATPUNCH_A_SAMPLE_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_SAMPLE_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_SAMPLE_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_SAMPLE_INT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_SAMPLE_DEST_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_SAMPLE_DEST_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_SAMPLE_MAPPED_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_SAMPLE_MAPPED_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_SAMPLE_AGE] = { .type = NLA_U32, },
	[NATPUNCH_A_SAMPLE_FLOWS] = { .type = NLA_U32, },
	[NATPUNCH_A_SAMPLE_MAPPINGS] = { .type = NLA_U32, },
	[NATPUNCH_A_SAMPLE_FLOWS_ODD] = { .type = NLA_U32, },
	[NATPUNCH_A_SAMPLE_MAPPINGS_ODD] = { .type = NLA_U32, },
};

/* NATPUNCH_CMD_PREDICT - do */
const struct nla_policy natpunch_predict_nl_policy[NATPUNCH_A_PREDICT_LIFETIME + 1] = {
	[NATPUNCH_A_PREDICT_WAN] = { .type = NLA_NUL_STRING, .len = 15, },
	[NATPUNCH_A_PREDICT_L4PROTO] = { .type = NLA_U8, },
	[NATPUNCH_A_PREDICT_INT_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_PREDICT_INT_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_PREDICT_DEST_ADDR] = { .type = NLA_BINARY, .len = 16, },
	[NATPUNCH_A_PREDICT_DEST_PORT] = { .type = NLA_BE16, },
	[NATPUNCH_A_PREDICT_FLOWS] = NLA_POLICY_RANGE(NLA_U32, 1, NATPUNCH_MAX_PREDICT_FLOWS),
	[NATPUNCH_A_PREDICT_WITHIN] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_predict_within_range),
	[NATPUNCH_A_PREDICT_PORTS] = NLA_POLICY_MAX(NLA_U32, NATPUNCH_MAX_GUESSES),
	[NATPUNCH_A_PREDICT_WANTED] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_predict_wanted_range),
	[NATPUNCH_A_PREDICT_LIFETIME] = NLA_POLICY_FULL_RANGE(NLA_U32, &natpunch_a_predict_lifetime_range),
};

/* Ops table for natpunch */
const struct genl_ops natpunch_nl_ops[19] = {
	{
		.cmd		= NATPUNCH_CMD_WAN_NEW,
		.doit		= natpunch_nl_wan_new_doit,
		.policy		= natpunch_wan_new_nl_policy,
		.maxattr	= NATPUNCH_A_WAN_HOST_PORTS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_WAN_SET,
		.doit		= natpunch_nl_wan_set_doit,
		.policy		= natpunch_wan_set_nl_policy,
		.maxattr	= NATPUNCH_A_WAN_HOST_PORTS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_WAN_DEL,
		.doit		= natpunch_nl_wan_del_doit,
		.policy		= natpunch_wan_del_nl_policy,
		.maxattr	= NATPUNCH_A_WAN_DEV,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_WAN_GET,
		.doit		= natpunch_nl_wan_get_doit,
		.dumpit		= natpunch_nl_wan_get_dumpit,
		.policy		= natpunch_wan_get_nl_policy,
		.maxattr	= NATPUNCH_A_WAN_DEV,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_MAPPING_GET,
		.doit		= natpunch_nl_mapping_get_doit,
		.dumpit		= natpunch_nl_mapping_get_dumpit,
		.policy		= natpunch_mapping_get_nl_policy,
		.maxattr	= NATPUNCH_A_MAPPING_ZONE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_MAPPING_FLUSH,
		.doit		= natpunch_nl_mapping_flush_doit,
		.policy		= natpunch_mapping_flush_nl_policy,
		.maxattr	= NATPUNCH_A_MAPPING_EXT_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_RESERVATION_NEW,
		.doit		= natpunch_nl_reservation_new_doit,
		.policy		= natpunch_reservation_new_nl_policy,
		.maxattr	= NATPUNCH_A_RESERVATION_LIFETIME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_RESERVATION_DEL,
		.doit		= natpunch_nl_reservation_del_doit,
		.policy		= natpunch_reservation_del_nl_policy,
		.maxattr	= NATPUNCH_A_RESERVATION_INT_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_RESERVATION_GET,
		.doit		= natpunch_nl_reservation_get_doit,
		.dumpit		= natpunch_nl_reservation_get_dumpit,
		.policy		= natpunch_reservation_get_nl_policy,
		.maxattr	= NATPUNCH_A_RESERVATION_INT_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_STATS_GET,
		.doit		= natpunch_nl_stats_get_doit,
		.policy		= natpunch_stats_get_nl_policy,
		.maxattr	= NATPUNCH_A_STATS_PAD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_HOLD_GET,
		.doit		= natpunch_nl_hold_get_doit,
		.dumpit		= natpunch_nl_hold_get_dumpit,
		.policy		= natpunch_hold_get_nl_policy,
		.maxattr	= NATPUNCH_A_HOLD_REMOTE_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_CRAFTED_NEW,
		.doit		= natpunch_nl_crafted_new_doit,
		.policy		= natpunch_crafted_new_nl_policy,
		.maxattr	= NATPUNCH_A_CRAFTED_BOUND,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_CRAFTED_DEL,
		.doit		= natpunch_nl_crafted_del_doit,
		.policy		= natpunch_crafted_del_nl_policy,
		.maxattr	= NATPUNCH_A_CRAFTED_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_CRAFTED_GET,
		.doit		= natpunch_nl_crafted_get_doit,
		.dumpit		= natpunch_nl_crafted_get_dumpit,
		.policy		= natpunch_crafted_get_nl_policy,
		.maxattr	= NATPUNCH_A_CRAFTED_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_CRAFTED_DEV_SET,
		.doit		= natpunch_nl_crafted_dev_set_doit,
		.policy		= natpunch_crafted_dev_set_nl_policy,
		.maxattr	= NATPUNCH_A_CRAFTED_DEV_BOUND,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_CRAFTED_DEV_GET,
		.doit		= natpunch_nl_crafted_dev_get_doit,
		.dumpit		= natpunch_nl_crafted_dev_get_dumpit,
		.policy		= natpunch_crafted_dev_get_nl_policy,
		.maxattr	= NATPUNCH_A_CRAFTED_DEV_DEV,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_UPSTREAM_GET,
		.doit		= natpunch_nl_upstream_get_doit,
		.dumpit		= natpunch_nl_upstream_get_dumpit,
		.policy		= natpunch_upstream_get_nl_policy,
		.maxattr	= NATPUNCH_A_UPSTREAM_L4PROTO,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_UPSTREAM_SAMPLE,
		.doit		= natpunch_nl_upstream_sample_doit,
		.policy		= natpunch_upstream_sample_nl_policy,
		.maxattr	= NATPUNCH_A_SAMPLE_MAPPINGS_ODD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= NATPUNCH_CMD_PREDICT,
		.doit		= natpunch_nl_predict_doit,
		.policy		= natpunch_predict_nl_policy,
		.maxattr	= NATPUNCH_A_PREDICT_LIFETIME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};
