// SPDX-License-Identifier: GPL-2.0
/*
 * Structures of natpunch.h to attributes and back, by one table for each
 * attribute set. A new attribute is a new field and a new line here. The tables
 * also give the names that the kernel's complaints are told with.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "internal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define FIELD(_name, _kind, _struct, _field)				\
	{ .name = (_name), .kind = (_kind),				\
	  .offset = offsetof(struct _struct, _field) }

#define ARRAY_OF(_name, _kind, _struct, _field, _max, _nest)		\
	{ .name = (_name), .kind = (_kind),				\
	  .offset = offsetof(struct _struct, _field),			\
	  .count = offsetof(struct _struct, n_##_field),		\
	  .max = (_max), .nest = (_nest) }

#define ARRAY(_name, _kind, _field, _max, _nest)			\
	ARRAY_OF(_name, _kind, natpunch_wan, _field, _max, _nest)

static const struct np_attr prefix_attrs[] = {
	[NATPUNCH_A_PREFIX_ADDR] = { .name = "addr" },
	[NATPUNCH_A_PREFIX_LEN] = { .name = "len" },
};

static const struct np_set prefix_set = {
	prefix_attrs, ARRAY_SIZE(prefix_attrs)
};

#define W(_name, _kind, _field) FIELD(_name, _kind, natpunch_wan, _field)

static const struct np_attr wan_attrs[] = {
	[NATPUNCH_A_WAN_DEV] = W("dev", NP_DEV, dev),
	[NATPUNCH_A_WAN_IFINDEX] = W("ifindex", NP_U32, ifindex),
	[NATPUNCH_A_WAN_FILTER] = W("filter", NP_U8, filter),
	[NATPUNCH_A_WAN_PORT_MIN] = W("port-min", NP_PORT, port_min),
	[NATPUNCH_A_WAN_PORT_MAX] = W("port-max", NP_PORT, port_max),
	[NATPUNCH_A_WAN_ADDR] = ARRAY("addr", NP_ADDRS, addr,
				      NATPUNCH_MAX_ADDRESSES, NULL),
	[NATPUNCH_A_WAN_INTERNAL] = ARRAY("internal", NP_PREFIXES, internal,
					  NATPUNCH_MAX_INTERNAL, &prefix_set),
	[NATPUNCH_A_WAN_NAT66] = W("nat66", NP_U8, nat66),
	[NATPUNCH_A_WAN_INBOUND_REFRESH] = W("inbound-refresh", NP_U8,
					     inbound_refresh),
	[NATPUNCH_A_WAN_UDP_TIMEOUT] = W("udp-timeout", NP_U32, udp_timeout),
	[NATPUNCH_A_WAN_ICMP_TIMEOUT] = W("icmp-timeout", NP_U32, icmp_timeout),
	[NATPUNCH_A_WAN_TCP_TIMEOUT] = W("tcp-timeout", NP_U32, tcp_timeout),
	[NATPUNCH_A_WAN_TCP_TRANSITORY] = W("tcp-transitory", NP_U32,
					    tcp_transitory),
	[NATPUNCH_A_WAN_EXT_ADDR] = ARRAY("ext-addr", NP_ADDRS, ext_addr,
					  NATPUNCH_MAX_ADDRESSES, NULL),
	[NATPUNCH_A_WAN_MAPPINGS] = W("mappings", NP_U32, mappings),
	[NATPUNCH_A_WAN_HOLD_ANSWER] = W("hold-answer", NP_U8, hold_answer),
	[NATPUNCH_A_WAN_HOLD_RELEASE] = W("hold-release", NP_U8, hold_release),
	[NATPUNCH_A_WAN_STUN_PORT] = ARRAY("stun-port", NP_PORTS, stun_port,
					   NATPUNCH_MAX_STUN_PORTS, NULL),
	[NATPUNCH_A_WAN_HOST_PORTS] = W("host-ports", NP_U32, host_ports),
};

const struct np_set np_wan_set = { wan_attrs, ARRAY_SIZE(wan_attrs) };

#define M(_name, _kind, _field) FIELD(_name, _kind, natpunch_mapping, _field)

static const struct np_attr mapping_attrs[] = {
	[NATPUNCH_A_MAPPING_WAN] = M("wan", NP_DEV, wan),
	[NATPUNCH_A_MAPPING_L4PROTO] = M("l4proto", NP_U8, l4proto),
	[NATPUNCH_A_MAPPING_INT_ADDR] = M("int-addr", NP_ADDR, int_addr),
	[NATPUNCH_A_MAPPING_INT_PORT] = M("int-port", NP_PORT, int_port),
	[NATPUNCH_A_MAPPING_EXT_ADDR] = M("ext-addr", NP_ADDR, ext_addr),
	[NATPUNCH_A_MAPPING_EXT_PORT] = M("ext-port", NP_PORT, ext_port),
	[NATPUNCH_A_MAPPING_ZONE] = M("zone", NP_U16, zone),
	[NATPUNCH_A_MAPPING_FILTER] = M("filter", NP_U8, filter),
	[NATPUNCH_A_MAPPING_FLOWS] = M("flows", NP_U32, flows),
	[NATPUNCH_A_MAPPING_AGE] = M("age", NP_U32, age),
	[NATPUNCH_A_MAPPING_EXPIRES] = M("expires", NP_U32, expires),
	[NATPUNCH_A_MAPPING_RESERVED] = M("reserved", NP_FLAG, reserved),
	[NATPUNCH_A_MAPPING_REASON] = M("reason", NP_U8, reason),
};

const struct np_set np_mapping_set = {
	mapping_attrs, ARRAY_SIZE(mapping_attrs)
};

#define R(_name, _kind, _field) \
	FIELD(_name, _kind, natpunch_reservation, _field)

static const struct np_attr reservation_attrs[] = {
	[NATPUNCH_A_RESERVATION_WAN] = R("wan", NP_DEV, wan),
	[NATPUNCH_A_RESERVATION_L4PROTO] = R("l4proto", NP_U8, l4proto),
	[NATPUNCH_A_RESERVATION_INT_ADDR] = R("int-addr", NP_ADDR, int_addr),
	[NATPUNCH_A_RESERVATION_INT_PORT] = R("int-port", NP_PORT, int_port),
	[NATPUNCH_A_RESERVATION_EXT_ADDR] = R("ext-addr", NP_ADDR, ext_addr),
	[NATPUNCH_A_RESERVATION_EXT_PORT] = R("ext-port", NP_PORT, ext_port),
	[NATPUNCH_A_RESERVATION_FILTER] = R("filter", NP_U8, filter),
	[NATPUNCH_A_RESERVATION_LIFETIME] = R("lifetime", NP_U32, lifetime),
};

const struct np_set np_reservation_set = {
	reservation_attrs, ARRAY_SIZE(reservation_attrs)
};

#define S(_name, _kind, _field) FIELD(_name, _kind, natpunch_stats, _field)

static const struct np_attr stats_attrs[] = {
	[NATPUNCH_A_STATS_PAD] = { .name = "pad" },
	[NATPUNCH_A_STATS_MAPPINGS] = S("mappings", NP_U32, mappings),
	[NATPUNCH_A_STATS_MAPPINGS_MAX] = S("mappings-max", NP_U32,
					    mappings_max),
	[NATPUNCH_A_STATS_FLOWS] = S("flows", NP_U32, flows),
	[NATPUNCH_A_STATS_FLOWS_MAX] = S("flows-max", NP_U32, flows_max),
	[NATPUNCH_A_STATS_MAPPINGS_NEW] = S("mappings-new", NP_U64,
					    mappings_new),
	[NATPUNCH_A_STATS_MAPPINGS_ENDED] = S("mappings-ended", NP_U64,
					      mappings_ended),
	[NATPUNCH_A_STATS_FLOWS_OUT] = S("flows-out", NP_U64, flows_out),
	[NATPUNCH_A_STATS_FLOWS_IN] = S("flows-in", NP_U64, flows_in),
	[NATPUNCH_A_STATS_FLOWS_HAIRPIN] = S("flows-hairpin", NP_U64,
					     flows_hairpin),
	[NATPUNCH_A_STATS_FILTERED] = S("filtered", NP_U64, filtered),
	[NATPUNCH_A_STATS_LOCAL] = S("local", NP_U64, local),
	[NATPUNCH_A_STATS_EXHAUSTED] = S("exhausted", NP_U64, exhausted),
	[NATPUNCH_A_STATS_EVICTED] = S("evicted", NP_U64, evicted),
	[NATPUNCH_A_STATS_CLASHED] = S("clashed", NP_U64, clashed),
	[NATPUNCH_A_STATS_NO_ADDRESS] = S("no-address", NP_U64, no_address),
	[NATPUNCH_A_STATS_CAPPED] = S("capped", NP_U64, capped),
	[NATPUNCH_A_STATS_NO_MEMORY] = S("no-memory", NP_U64, no_memory),
	[NATPUNCH_A_STATS_HOLDS] = S("holds", NP_U32, holds),
	[NATPUNCH_A_STATS_HOLDS_MAX] = S("holds-max", NP_U32, holds_max),
	[NATPUNCH_A_STATS_CRAFTED] = S("crafted", NP_U32, crafted),
	[NATPUNCH_A_STATS_HOLDS_NEW] = S("holds-new", NP_U64, holds_new),
	[NATPUNCH_A_STATS_HOLDS_RELEASED] = S("holds-released", NP_U64,
					      holds_released),
	[NATPUNCH_A_STATS_HOLDS_EXPIRED] = S("holds-expired", NP_U64,
					     holds_expired),
	[NATPUNCH_A_STATS_HOLDS_EVICTED] = S("holds-evicted", NP_U64,
					     holds_evicted),
	[NATPUNCH_A_STATS_HOLDS_CAPPED] = S("holds-capped", NP_U64,
					    holds_capped),
	[NATPUNCH_A_STATS_ANSWERS_SWALLOWED] = S("answers-swallowed", NP_U64,
						 answers_swallowed),
	[NATPUNCH_A_STATS_CRAFTED_RSTS] = S("crafted-rsts", NP_U64,
					    crafted_rsts),
	[NATPUNCH_A_STATS_CRAFTED_CAPPED] = S("crafted-capped", NP_U64,
					      crafted_capped),
	[NATPUNCH_A_STATS_QUOTA] = S("quota", NP_U64, quota),
};

const struct np_set np_stats_set = { stats_attrs, ARRAY_SIZE(stats_attrs) };

#define H(_name, _kind, _field) FIELD(_name, _kind, natpunch_hold, _field)

static const struct np_attr hold_attrs[] = {
	[NATPUNCH_A_HOLD_WAN] = H("wan", NP_DEV, wan),
	[NATPUNCH_A_HOLD_EXT_ADDR] = H("ext-addr", NP_ADDR, ext_addr),
	[NATPUNCH_A_HOLD_EXT_PORT] = H("ext-port", NP_PORT, ext_port),
	[NATPUNCH_A_HOLD_REMOTE_ADDR] = H("remote-addr", NP_ADDR, remote_addr),
	[NATPUNCH_A_HOLD_REMOTE_PORT] = H("remote-port", NP_PORT, remote_port),
	[NATPUNCH_A_HOLD_STATE] = H("state", NP_U8, state),
	[NATPUNCH_A_HOLD_LEFT] = H("left", NP_U32, left),
	[NATPUNCH_A_HOLD_END] = H("end", NP_U8, end),
};

const struct np_set np_hold_set = { hold_attrs, ARRAY_SIZE(hold_attrs) };

#define C(_name, _kind, _field) FIELD(_name, _kind, natpunch_crafted, _field)

static const struct np_attr crafted_attrs[] = {
	[NATPUNCH_A_CRAFTED_ID] = C("id", NP_U32, id),
	[NATPUNCH_A_CRAFTED_LOCAL_ADDR] = C("local-addr", NP_ADDR, local_addr),
	[NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN] = C("local-port-min", NP_PORT,
						local_port_min),
	[NATPUNCH_A_CRAFTED_LOCAL_PORT_MAX] = C("local-port-max", NP_PORT,
						local_port_max),
	[NATPUNCH_A_CRAFTED_REMOTE_ADDR] = C("remote-addr", NP_ADDR,
					     remote_addr),
	[NATPUNCH_A_CRAFTED_REMOTE_LEN] = C("remote-len", NP_U8, remote_len),
	[NATPUNCH_A_CRAFTED_REMOTE_PORT] = C("remote-port", NP_PORT,
					     remote_port),
	[NATPUNCH_A_CRAFTED_LEASE] = C("lease", NP_U32, lease),
	[NATPUNCH_A_CRAFTED_BOUND] = C("bound", NP_FLAG, bound),
	[NATPUNCH_A_CRAFTED_AUTO] = C("auto", NP_FLAG, automatic),
};

const struct np_set np_crafted_set = {
	crafted_attrs, ARRAY_SIZE(crafted_attrs)
};

static const struct np_attr crafted_dev_attrs[] = {
	[NATPUNCH_A_CRAFTED_DEV_DEV] = FIELD("dev", NP_DEV, np_crafted_dev,
					     dev),
	[NATPUNCH_A_CRAFTED_DEV_ON] = FIELD("on", NP_U8, np_crafted_dev, on),
	[NATPUNCH_A_CRAFTED_DEV_BOUND] = FIELD("bound", NP_FLAG, np_crafted_dev,
					       bound),
};

const struct np_set np_crafted_dev_set = {
	crafted_dev_attrs, ARRAY_SIZE(crafted_dev_attrs)
};

#define U(_name, _kind, _field) FIELD(_name, _kind, natpunch_upstream, _field)

static const struct np_attr upstream_attrs[] = {
	[NATPUNCH_A_UPSTREAM_WAN] = U("wan", NP_DEV, wan),
	[NATPUNCH_A_UPSTREAM_ADDR] = U("addr", NP_ADDR, addr),
	[NATPUNCH_A_UPSTREAM_L4PROTO] = U("l4proto", NP_U8, l4proto),
	[NATPUNCH_A_UPSTREAM_MAPPING] = U("mapping", NP_U8, mapping),
	[NATPUNCH_A_UPSTREAM_ALLOC] = U("alloc", NP_U8, alloc),
	[NATPUNCH_A_UPSTREAM_CERTAINTY] = U("certainty", NP_U8, certainty),
	[NATPUNCH_A_UPSTREAM_WANT] = U("want", NP_U32, want),
	[NATPUNCH_A_UPSTREAM_P] = U("p", NP_U32, p),
	[NATPUNCH_A_UPSTREAM_MAPPING_P] = U("mapping-p", NP_U32, mapping_p),
	[NATPUNCH_A_UPSTREAM_STEP] = U("step", NP_U32, step),
	[NATPUNCH_A_UPSTREAM_PORT_MIN] = U("port-min", NP_PORT, port_min),
	[NATPUNCH_A_UPSTREAM_PORT_MAX] = U("port-max", NP_PORT, port_max),
	[NATPUNCH_A_UPSTREAM_BOUNDED] = U("bounded", NP_FLAG, bounded),
	[NATPUNCH_A_UPSTREAM_MAPPED_ADDR] = U("mapped-addr", NP_ADDR,
					      mapped_addr),
	[NATPUNCH_A_UPSTREAM_ADDRESSES] = U("addresses", NP_U32, addresses),
	[NATPUNCH_A_UPSTREAM_SAMPLES] = U("samples", NP_U32, samples),
	[NATPUNCH_A_UPSTREAM_LIES] = U("lies", NP_U32, lies),
	[NATPUNCH_A_UPSTREAM_REFUSED] = U("refused", NP_U32, refused),
	[NATPUNCH_A_UPSTREAM_RATE] = U("rate", NP_U32, rate),
	[NATPUNCH_A_UPSTREAM_RATE_MIN] = U("rate-min", NP_U32, rate_min),
	[NATPUNCH_A_UPSTREAM_RATE_MAX] = U("rate-max", NP_U32, rate_max),
	[NATPUNCH_A_UPSTREAM_RATE_TIME] = U("rate-time", NP_U32, rate_time),
	[NATPUNCH_A_UPSTREAM_FLOWS] = U("flows", NP_U32, flows),
	[NATPUNCH_A_UPSTREAM_MAPPINGS] = U("mappings", NP_U32, mappings),
	[NATPUNCH_A_UPSTREAM_FLOWS_ODD] = U("flows-odd", NP_U32, flows_odd),
	[NATPUNCH_A_UPSTREAM_MAPPINGS_ODD] = U("mappings-odd", NP_U32,
					       mappings_odd),
};

const struct np_set np_upstream_set = {
	upstream_attrs, ARRAY_SIZE(upstream_attrs)
};

#define SA(_name, _kind, _field) FIELD(_name, _kind, natpunch_sample, _field)

static const struct np_attr sample_attrs[] = {
	[NATPUNCH_A_SAMPLE_WAN] = SA("wan", NP_DEV, wan),
	[NATPUNCH_A_SAMPLE_L4PROTO] = SA("l4proto", NP_U8, l4proto),
	[NATPUNCH_A_SAMPLE_INT_ADDR] = SA("int-addr", NP_ADDR, int_addr),
	[NATPUNCH_A_SAMPLE_INT_PORT] = SA("int-port", NP_PORT, int_port),
	[NATPUNCH_A_SAMPLE_DEST_ADDR] = SA("dest-addr", NP_ADDR, dest_addr),
	[NATPUNCH_A_SAMPLE_DEST_PORT] = SA("dest-port", NP_PORT, dest_port),
	[NATPUNCH_A_SAMPLE_MAPPED_ADDR] = SA("mapped-addr", NP_ADDR,
					     mapped_addr),
	[NATPUNCH_A_SAMPLE_MAPPED_PORT] = SA("mapped-port", NP_PORT,
					     mapped_port),
	[NATPUNCH_A_SAMPLE_AGE] = SA("age", NP_U32, age),
	[NATPUNCH_A_SAMPLE_FLOWS] = SA("flows", NP_U32, flows),
	[NATPUNCH_A_SAMPLE_MAPPINGS] = SA("mappings", NP_U32, mappings),
	[NATPUNCH_A_SAMPLE_FLOWS_ODD] = SA("flows-odd", NP_U32, flows_odd),
	[NATPUNCH_A_SAMPLE_MAPPINGS_ODD] = SA("mappings-odd", NP_U32,
					      mappings_odd),
};

const struct np_set np_sample_set = { sample_attrs, ARRAY_SIZE(sample_attrs) };

/* A guess as it travels: a port, or a run of such. */
struct guess_run {
	struct natpunch_guess first;
	uint32_t count;
	int32_t step;
	uint16_t port_min;
	uint16_t port_max;
};

#define G(_name, _kind, _field)	FIELD(_name, _kind, guess_run, _field)

static const struct np_attr guess_attrs[] = {
	[NATPUNCH_A_GUESS_PORT] = G("port", NP_PORT, first.port),
	[NATPUNCH_A_GUESS_P] = G("p", NP_U32, first.p),
	[NATPUNCH_A_GUESS_SUM] = G("sum", NP_U32, first.sum),
	[NATPUNCH_A_GUESS_COUNT] = G("count", NP_U32, count),
	[NATPUNCH_A_GUESS_STEP] = G("step", NP_U32, step),
	[NATPUNCH_A_GUESS_PORT_MIN] = G("port-min", NP_PORT, port_min),
	[NATPUNCH_A_GUESS_PORT_MAX] = G("port-max", NP_PORT, port_max),
};

static const struct np_set guess_set = {
	guess_attrs, ARRAY_SIZE(guess_attrs)
};

#define P(_name, _kind, _field) \
	FIELD(_name, _kind, natpunch_prediction, _field)

static const struct np_attr predict_attrs[] = {
	[NATPUNCH_A_PREDICT_WAN] = P("wan", NP_DEV, wan),
	[NATPUNCH_A_PREDICT_L4PROTO] = P("l4proto", NP_U8, l4proto),
	[NATPUNCH_A_PREDICT_INT_ADDR] = P("int-addr", NP_ADDR, int_addr),
	[NATPUNCH_A_PREDICT_INT_PORT] = P("int-port", NP_PORT, int_port),
	[NATPUNCH_A_PREDICT_DEST_ADDR] = P("dest-addr", NP_ADDR, dest_addr),
	[NATPUNCH_A_PREDICT_DEST_PORT] = P("dest-port", NP_PORT, dest_port),
	[NATPUNCH_A_PREDICT_FLOWS] = P("flows", NP_U32, flows),
	[NATPUNCH_A_PREDICT_WITHIN] = P("within", NP_U32, within),
	[NATPUNCH_A_PREDICT_PORTS] = P("ports", NP_U32, ports),
	[NATPUNCH_A_PREDICT_WANTED] = P("wanted", NP_U32, wanted),
	[NATPUNCH_A_PREDICT_LIFETIME] = P("lifetime", NP_U32, lifetime),
	[NATPUNCH_A_PREDICT_EXT_ADDR] = P("ext-addr", NP_ADDR, ext_addr),
	[NATPUNCH_A_PREDICT_EXT_PORT] = P("ext-port", NP_PORT, ext_port),
	[NATPUNCH_A_PREDICT_MAPPING] = P("mapping", NP_U8, mapping),
	[NATPUNCH_A_PREDICT_ALLOC] = P("alloc", NP_U8, alloc),
	[NATPUNCH_A_PREDICT_CERTAINTY] = P("certainty", NP_U8, certainty),
	[NATPUNCH_A_PREDICT_WANT] = P("want", NP_U32, want),
	[NATPUNCH_A_PREDICT_SAMPLES] = P("samples", NP_U32, samples),
	[NATPUNCH_A_PREDICT_MAPPED_ADDR] = P("mapped-addr", NP_ADDR,
					     mapped_addr),
	[NATPUNCH_A_PREDICT_ADDRESS_P] = P("address-p", NP_U32, address_p),
	[NATPUNCH_A_PREDICT_KNOWN] = P("known", NP_FLAG, known),
	[NATPUNCH_A_PREDICT_P] = P("p", NP_U32, p),
	[NATPUNCH_A_PREDICT_GUESS] = ARRAY_OF("guess", NP_GUESSES,
					      natpunch_prediction, guess,
					      NATPUNCH_MAX_GUESSES,
					      &guess_set),
	[NATPUNCH_A_PREDICT_ADVICE] = P("advice", NP_U8, advice),
	[NATPUNCH_A_PREDICT_ADVICE_FLOWS] = P("advice-flows", NP_U32,
					      advice_flows),
	[NATPUNCH_A_PREDICT_ADVICE_PORTS] = P("advice-ports", NP_U32,
					      advice_ports),
	[NATPUNCH_A_PREDICT_ADVICE_P] = P("advice-p", NP_U32, advice_p),
};

const struct np_set np_predict_set = {
	predict_attrs, ARRAY_SIZE(predict_attrs)
};

const struct np_attr *np_attr_info(const struct np_set *set, uint16_t type)
{
	if (!set || type >= set->n || !set->attr[type].name)
		return NULL;
	return &set->attr[type];
}

static int put_addr(struct nlmsghdr *nlh, uint16_t type,
		    const struct natpunch_addr *addr)
{
	switch (addr->family) {
	case AF_INET:
		mnl_attr_put(nlh, type, sizeof(addr->in), &addr->in);
		return 0;
	case AF_INET6:
		mnl_attr_put(nlh, type, sizeof(addr->in6), &addr->in6);
		return 0;
	default:
		return -EAFNOSUPPORT;
	}
}

static int put_addrs(struct nlmsghdr *nlh, uint16_t type,
		     const struct natpunch_addr *addr, uint32_t n)
{
	int err = 0;
	uint32_t i;

	if (!n)		/* an empty one takes all away */
		mnl_attr_put(nlh, type, 0, NULL);
	for (i = 0; i < n && !err; i++)
		err = put_addr(nlh, type, &addr[i]);
	return err;
}

static int put_prefixes(struct nlmsghdr *nlh, uint16_t type,
			const struct natpunch_prefix *prefix, uint32_t n)
{
	struct nlattr *nest;
	int err = 0;
	uint32_t i;

	if (!n)
		mnl_attr_nest_end(nlh, mnl_attr_nest_start(nlh, type));
	for (i = 0; i < n && !err; i++) {
		nest = mnl_attr_nest_start(nlh, type);
		err = put_addr(nlh, NATPUNCH_A_PREFIX_ADDR, &prefix[i].addr);
		mnl_attr_put_u8(nlh, NATPUNCH_A_PREFIX_LEN, prefix[i].len);
		mnl_attr_nest_end(nlh, nest);
	}
	return err;
}

static void put_ports(struct nlmsghdr *nlh, uint16_t type, const uint16_t *port,
		      uint32_t n)
{
	uint32_t i;

	if (!n)
		mnl_attr_put_u16(nlh, type, 0);
	for (i = 0; i < n; i++)
		mnl_attr_put_u16(nlh, type, htons(port[i]));
}

static int put_dev(struct nlmsghdr *nlh, uint16_t type, const char *dev)
{
	if (!memchr(dev, '\0', NATPUNCH_DEV_SIZE))
		return -ENAMETOOLONG;
	mnl_attr_put_strz(nlh, type, dev);
	return 0;
}

static int put_field(struct nlmsghdr *nlh, uint16_t type,
		     const struct np_attr *a, const char *obj)
{
	const void *field = obj + a->offset;
	uint32_t n = 0;

	if (a->max) {
		memcpy(&n, obj + a->count, sizeof(n));
		if (n > a->max)
			return -E2BIG;
	}
	switch (a->kind) {
	case NP_U8:
		mnl_attr_put_u8(nlh, type, *(const uint8_t *)field);
		return 0;
	case NP_U16:
		mnl_attr_put_u16(nlh, type, *(const uint16_t *)field);
		return 0;
	case NP_PORT:
		mnl_attr_put_u16(nlh, type, htons(*(const uint16_t *)field));
		return 0;
	case NP_U32:
		mnl_attr_put_u32(nlh, type, *(const uint32_t *)field);
		return 0;
	case NP_U64:
		mnl_attr_put_u64(nlh, type, *(const uint64_t *)field);
		return 0;
	case NP_FLAG:
		if (*(const uint8_t *)field)
			mnl_attr_put(nlh, type, 0, NULL);
		return 0;
	case NP_DEV:
		return put_dev(nlh, type, field);
	case NP_ADDR:
		return put_addr(nlh, type, field);
	case NP_ADDRS:
		return put_addrs(nlh, type, field, n);
	case NP_PREFIXES:
		return put_prefixes(nlh, type, field, n);
	case NP_PORTS:
		put_ports(nlh, type, field, n);
		return 0;
	case NP_GUESSES:	/* in replies only */
	case NP_NONE:
		break;
	}
	return 0;
}

/*
 * Put the fields of obj that are given and allowed. What is given but not
 * allowed in this request (an object that a reply filled in may be given back)
 * is left out.
 */
int np_encode(struct nlmsghdr *nlh, const struct np_set *set, const void *obj,
	      uint64_t allowed)
{
	uint64_t fields = *(const uint64_t *)obj & allowed;
	uint16_t type;
	int err;

	for (type = 1; type < set->n; type++) {
		if (!(fields >> type & 1))
			continue;
		err = put_field(nlh, type, &set->attr[type], obj);
		if (err)
			return err;
	}
	return 0;
}

static bool get_addr(const struct nlattr *attr, struct natpunch_addr *addr)
{
	const void *data = mnl_attr_get_payload(attr);

	switch (mnl_attr_get_payload_len(attr)) {
	case sizeof(addr->in):
		addr->family = AF_INET;
		memcpy(&addr->in, data, sizeof(addr->in));
		return true;
	case sizeof(addr->in6):
		addr->family = AF_INET6;
		memcpy(&addr->in6, data, sizeof(addr->in6));
		return true;
	default:
		return false;
	}
}

static bool get_prefix(const struct nlattr *nest, struct natpunch_prefix *p)
{
	bool addr = false, len = false;
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case NATPUNCH_A_PREFIX_ADDR:
			addr = get_addr(attr, &p->addr);
			break;
		case NATPUNCH_A_PREFIX_LEN:
			len = mnl_attr_get_payload_len(attr) >= 1;
			if (len)
				p->len = mnl_attr_get_u8(attr);
			break;
		}
	}
	return addr && len;
}

static bool get_port(const struct nlattr *attr, uint16_t *port)
{
	if (mnl_attr_get_payload_len(attr) < sizeof(*port))
		return false;
	*port = ntohs(mnl_attr_get_u16(attr));
	return *port;	/* 0 says that there is none */
}

static bool get_guesses(const struct nlattr *nest, struct natpunch_guess *array,
			uint32_t *n, uint32_t max);

static bool get_dev(const struct nlattr *attr, char *dev)
{
	const char *s = mnl_attr_get_payload(attr);
	size_t len = strnlen(s, mnl_attr_get_payload_len(attr));

	if (len >= NATPUNCH_DEV_SIZE)
		return false;
	memcpy(dev, s, len);
	dev[len] = '\0';
	return true;
}

/* An array's element: appended, and ignored where the array is full. */
static bool get_element(const struct nlattr *attr, const struct np_attr *a,
			char *obj)
{
	uint32_t *n = (uint32_t *)(void *)(obj + a->count);
	void *array = obj + a->offset;
	bool ok;

	if (!mnl_attr_get_payload_len(attr))
		return true;	/* empty: there are none */
	if (*n >= a->max)
		return false;
	switch (a->kind) {
	case NP_ADDRS:
		ok = get_addr(attr, (struct natpunch_addr *)array + *n);
		break;
	case NP_PREFIXES:
		ok = get_prefix(attr, (struct natpunch_prefix *)array + *n);
		break;
	case NP_GUESSES:
		return get_guesses(attr, array, n, a->max);
	default:
		ok = get_port(attr, (uint16_t *)array + *n);
		break;
	}
	*n += ok;
	/* That there is no port is worth knowing, too. */
	return ok || a->kind == NP_PORTS;
}

static bool get_field(const struct nlattr *attr, const struct np_attr *a,
		      char *obj)
{
	void *field = obj + a->offset;
	size_t len = mnl_attr_get_payload_len(attr);

	switch (a->kind) {
	case NP_U8:
		if (len < sizeof(uint8_t))
			return false;
		*(uint8_t *)field = mnl_attr_get_u8(attr);
		return true;
	case NP_U16:
	case NP_PORT:
		if (len < sizeof(uint16_t))
			return false;
		*(uint16_t *)field = mnl_attr_get_u16(attr);
		if (a->kind == NP_PORT)
			*(uint16_t *)field = ntohs(*(uint16_t *)field);
		return true;
	case NP_U32:
		if (len < sizeof(uint32_t))
			return false;
		*(uint32_t *)field = mnl_attr_get_u32(attr);
		return true;
	case NP_U64:
		if (len < sizeof(uint64_t))
			return false;
		*(uint64_t *)field = mnl_attr_get_u64(attr);
		return true;
	case NP_FLAG:
		*(uint8_t *)field = 1;
		return true;
	case NP_DEV:
		return get_dev(attr, field);
	case NP_ADDR:
		return get_addr(attr, field);
	case NP_ADDRS:
	case NP_PREFIXES:
	case NP_PORTS:
	case NP_GUESSES:
		return get_element(attr, a, obj);
	case NP_NONE:
		break;
	}
	return false;
}

static bool get_run(const struct nlattr *nest, struct guess_run *run)
{
	const struct np_attr *a;
	const struct nlattr *attr;
	bool port = false;
	uint16_t type;

	mnl_attr_for_each_nested(attr, nest) {
		type = mnl_attr_get_type(attr);
		a = np_attr_info(&guess_set, type);
		if (a && get_field(attr, a, (char *)run) &&
		    type == NATPUNCH_A_GUESS_PORT)
			port = true;
	}
	return port;
}

static bool is_listed(const struct natpunch_guess *array, uint32_t n,
		      uint16_t port)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (array[i].port == port)
			return true;
	return false;
}

/* Number k of a run; it goes round within its ports. */
static uint16_t run_port(const struct guess_run *run, uint32_t k)
{
	int64_t size = run->port_max - run->port_min + 1;
	int64_t at = (run->first.port - run->port_min +
		      (int64_t)run->step * k) % size;

	return (uint16_t)(run->port_min + (at < 0 ? at + size : at));
}

/* A guess's ports, one by one; those that were listed before are left out. */
static bool get_guesses(const struct nlattr *nest, struct natpunch_guess *array,
			uint32_t *n, uint32_t max)
{
	struct guess_run run = { .count = 1 };
	uint32_t before = *n ? array[*n - 1].sum : 0, k;
	uint16_t port;

	if (!get_run(nest, &run))
		return false;
	if (run.count < 2 || run.first.port < run.port_min ||
	    run.first.port > run.port_max) {
		array[(*n)++] = run.first;
		return true;
	}
	if (run.first.sum < before)
		before = run.first.sum;
	for (k = 0; k < run.count && k < max && *n < max; k++) {
		port = run_port(&run, k);
		if (is_listed(array, *n, port))
			continue;
		array[*n].port = port;
		array[*n].p = run.first.p;
		array[(*n)++].sum = (uint32_t)(before +
			(uint64_t)(run.first.sum - before) * (k + 1) /
			run.count);
	}
	return true;
}

/*
 * Fill a zeroed obj in. What is unknown, too short or of no known form is as if
 * it had not come: a newer kernel may say more than we understand.
 */
void np_decode(const struct nlmsghdr *nlh, const struct np_set *set, void *obj)
{
	uint64_t *fields = obj;
	const struct np_attr *a;
	struct nlattr *attr;
	uint16_t type;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		type = mnl_attr_get_type(attr);
		a = np_attr_info(set, type);
		if (a && get_field(attr, a, obj))
			*fields |= UINT64_C(1) << type;
	}
}
