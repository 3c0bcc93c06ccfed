// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong input to every command of the netlink family: refused with the right
 * errno, a message, the attribute at fault, and without any change.
 *
 * Requests are written as text, "wan-new dev=wan1 *addr=224.0.0.1":
 *   *attribute	this one must be named as the one at fault
 *   !attribute	this one is left out and must be named as missing
 *   command/dump	is sent as a dump
 *   attribute=	is empty
 *   addr=A.16x	stands for A.1 to A.16
 */
#include "netlink_req.h"

struct attr_def {
	const char *name;
	uint16_t type;
	/* String, u8, u16, be16 (n), u32, address, prefix, flag. */
	char kind;
	/* Values that are out of range. */
	const char *bad[3];
};

#define ATTR(name_, type_, kind_, ...)					\
	{ .name = name_, .type = type_, .kind = kind_, .bad = { __VA_ARGS__ } }

static const struct attr_def wan_attrs[] = {
	ATTR("dev", NATPUNCH_A_WAN_DEV, 's'),
	ATTR("ifindex", NATPUNCH_A_WAN_IFINDEX, '4'),
	ATTR("filter", NATPUNCH_A_WAN_FILTER, '1', "0", "4", "255"),
	ATTR("port-min", NATPUNCH_A_WAN_PORT_MIN, 'n', "0"),
	ATTR("port-max", NATPUNCH_A_WAN_PORT_MAX, 'n', "0"),
	ATTR("addr", NATPUNCH_A_WAN_ADDR, 'a'),
	ATTR("internal", NATPUNCH_A_WAN_INTERNAL, 'p'),
	ATTR("nat66", NATPUNCH_A_WAN_NAT66, '1', "2", "255"),
	ATTR("inbound-refresh", NATPUNCH_A_WAN_INBOUND_REFRESH, '1', "2"),
	ATTR("udp-timeout", NATPUNCH_A_WAN_UDP_TIMEOUT, '4',
	     "0", "119", "2592001"),
	ATTR("icmp-timeout", NATPUNCH_A_WAN_ICMP_TIMEOUT, '4',
	     "0", "59", "2592001"),
	ATTR("tcp-timeout", NATPUNCH_A_WAN_TCP_TIMEOUT, '4',
	     "0", "7439", "2592001"),
	ATTR("tcp-transitory", NATPUNCH_A_WAN_TCP_TRANSITORY, '4',
	     "0", "239", "4294967295"),
	ATTR("ext-addr", NATPUNCH_A_WAN_EXT_ADDR, 'a'),
	ATTR("hold-answer", NATPUNCH_A_WAN_HOLD_ANSWER, '1', "4", "255"),
	ATTR("hold-release", NATPUNCH_A_WAN_HOLD_RELEASE, '1', "2", "255"),
	ATTR("stun-port", NATPUNCH_A_WAN_STUN_PORT, 'n'),
	ATTR("host-ports", NATPUNCH_A_WAN_HOST_PORTS, '4',
	     "0", "65537", "4294967295"),
	ATTR("unknown", 200, '4'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def mapping_attrs[] = {
	ATTR("wan", NATPUNCH_A_MAPPING_WAN, 's'),
	ATTR("l4proto", NATPUNCH_A_MAPPING_L4PROTO, '1', "0", "47", "255"),
	ATTR("int-addr", NATPUNCH_A_MAPPING_INT_ADDR, 'a'),
	ATTR("int-port", NATPUNCH_A_MAPPING_INT_PORT, 'n'),
	ATTR("ext-addr", NATPUNCH_A_MAPPING_EXT_ADDR, 'a'),
	ATTR("ext-port", NATPUNCH_A_MAPPING_EXT_PORT, 'n'),
	ATTR("zone", NATPUNCH_A_MAPPING_ZONE, '2'),
	ATTR("filter", NATPUNCH_A_MAPPING_FILTER, '1'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def reservation_attrs[] = {
	ATTR("wan", NATPUNCH_A_RESERVATION_WAN, 's'),
	ATTR("l4proto", NATPUNCH_A_RESERVATION_L4PROTO, '1', "0", "47"),
	ATTR("int-addr", NATPUNCH_A_RESERVATION_INT_ADDR, 'a'),
	ATTR("int-port", NATPUNCH_A_RESERVATION_INT_PORT, 'n'),
	ATTR("ext-addr", NATPUNCH_A_RESERVATION_EXT_ADDR, 'a'),
	ATTR("ext-port", NATPUNCH_A_RESERVATION_EXT_PORT, 'n'),
	ATTR("filter", NATPUNCH_A_RESERVATION_FILTER, '1', "4"),
	ATTR("lifetime", NATPUNCH_A_RESERVATION_LIFETIME, '4',
	     "0", "2592001", "4294967295"),
	ATTR(NULL, 0, 0)
};

static const struct attr_def stats_attrs[] = {
	ATTR("pad", NATPUNCH_A_STATS_PAD, '4'),
	ATTR("mappings", NATPUNCH_A_STATS_MAPPINGS, '4'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def hold_attrs[] = {
	ATTR("wan", NATPUNCH_A_HOLD_WAN, 's'),
	ATTR("ext-addr", NATPUNCH_A_HOLD_EXT_ADDR, 'a'),
	ATTR("ext-port", NATPUNCH_A_HOLD_EXT_PORT, 'n'),
	ATTR("remote-addr", NATPUNCH_A_HOLD_REMOTE_ADDR, 'a'),
	ATTR("remote-port", NATPUNCH_A_HOLD_REMOTE_PORT, 'n'),
	ATTR("state", NATPUNCH_A_HOLD_STATE, '1'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def crafted_attrs[] = {
	ATTR("id", NATPUNCH_A_CRAFTED_ID, '4'),
	ATTR("local-addr", NATPUNCH_A_CRAFTED_LOCAL_ADDR, 'a'),
	ATTR("local-port-min", NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN, 'n'),
	ATTR("local-port-max", NATPUNCH_A_CRAFTED_LOCAL_PORT_MAX, 'n'),
	ATTR("remote-addr", NATPUNCH_A_CRAFTED_REMOTE_ADDR, 'a'),
	ATTR("remote-len", NATPUNCH_A_CRAFTED_REMOTE_LEN, '1', "129", "255"),
	ATTR("remote-port", NATPUNCH_A_CRAFTED_REMOTE_PORT, 'n'),
	ATTR("lease", NATPUNCH_A_CRAFTED_LEASE, '4',
	     "0", "86401", "4294967295"),
	ATTR("bound", NATPUNCH_A_CRAFTED_BOUND, 'f'),
	ATTR("auto", NATPUNCH_A_CRAFTED_AUTO, 'f'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def crafted_dev_attrs[] = {
	ATTR("dev", NATPUNCH_A_CRAFTED_DEV_DEV, 's'),
	ATTR("on", NATPUNCH_A_CRAFTED_DEV_ON, '1', "2", "255"),
	ATTR("bound", NATPUNCH_A_CRAFTED_DEV_BOUND, 'f'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def upstream_attrs[] = {
	ATTR("wan", NATPUNCH_A_UPSTREAM_WAN, 's'),
	ATTR("addr", NATPUNCH_A_UPSTREAM_ADDR, 'a'),
	ATTR("l4proto", NATPUNCH_A_UPSTREAM_L4PROTO, '1', "0", "1", "132"),
	ATTR("samples", NATPUNCH_A_UPSTREAM_SAMPLES, '4'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def sample_attrs[] = {
	ATTR("wan", NATPUNCH_A_SAMPLE_WAN, 's'),
	ATTR("l4proto", NATPUNCH_A_SAMPLE_L4PROTO, '1', "0", "1", "132"),
	ATTR("int-addr", NATPUNCH_A_SAMPLE_INT_ADDR, 'a'),
	ATTR("int-port", NATPUNCH_A_SAMPLE_INT_PORT, 'n', "0"),
	ATTR("dest-addr", NATPUNCH_A_SAMPLE_DEST_ADDR, 'a'),
	ATTR("dest-port", NATPUNCH_A_SAMPLE_DEST_PORT, 'n', "0"),
	ATTR("mapped-addr", NATPUNCH_A_SAMPLE_MAPPED_ADDR, 'a'),
	ATTR("mapped-port", NATPUNCH_A_SAMPLE_MAPPED_PORT, 'n', "0"),
	ATTR("age", NATPUNCH_A_SAMPLE_AGE, '4'),
	ATTR("flows", NATPUNCH_A_SAMPLE_FLOWS, '4'),
	ATTR("mappings", NATPUNCH_A_SAMPLE_MAPPINGS, '4'),
	ATTR("flows-odd", NATPUNCH_A_SAMPLE_FLOWS_ODD, '4'),
	ATTR("mappings-odd", NATPUNCH_A_SAMPLE_MAPPINGS_ODD, '4'),
	ATTR(NULL, 0, 0)
};

static const struct attr_def predict_attrs[] = {
	ATTR("wan", NATPUNCH_A_PREDICT_WAN, 's'),
	ATTR("l4proto", NATPUNCH_A_PREDICT_L4PROTO, '1', "0", "1", "132"),
	ATTR("int-addr", NATPUNCH_A_PREDICT_INT_ADDR, 'a'),
	ATTR("int-port", NATPUNCH_A_PREDICT_INT_PORT, 'n', "0"),
	ATTR("dest-addr", NATPUNCH_A_PREDICT_DEST_ADDR, 'a'),
	ATTR("dest-port", NATPUNCH_A_PREDICT_DEST_PORT, 'n'),
	ATTR("flows", NATPUNCH_A_PREDICT_FLOWS, '4', "0", "1025"),
	ATTR("within", NATPUNCH_A_PREDICT_WITHIN, '4', "60001"),
	ATTR("ports", NATPUNCH_A_PREDICT_PORTS, '4', "1025"),
	ATTR("wanted", NATPUNCH_A_PREDICT_WANTED, '4', "0", "1073741825"),
	ATTR("lifetime", NATPUNCH_A_PREDICT_LIFETIME, '4', "0", "2592001"),
	ATTR("ext-port", NATPUNCH_A_PREDICT_EXT_PORT, 'n'),
	ATTR(NULL, 0, 0)
};

static const struct command {
	const char *name;
	uint8_t cmd;
	const struct attr_def *attrs;
} commands[] = {
	{ "wan-new", NATPUNCH_CMD_WAN_NEW, wan_attrs },
	{ "wan-set", NATPUNCH_CMD_WAN_SET, wan_attrs },
	{ "wan-del", NATPUNCH_CMD_WAN_DEL, wan_attrs },
	{ "wan-get", NATPUNCH_CMD_WAN_GET, wan_attrs },
	{ "mapping-get", NATPUNCH_CMD_MAPPING_GET, mapping_attrs },
	{ "mapping-flush", NATPUNCH_CMD_MAPPING_FLUSH, mapping_attrs },
	{ "mapping-new-ntf", NATPUNCH_CMD_MAPPING_NEW_NTF, mapping_attrs },
	{ "reservation-new", NATPUNCH_CMD_RESERVATION_NEW, reservation_attrs },
	{ "reservation-del", NATPUNCH_CMD_RESERVATION_DEL, reservation_attrs },
	{ "reservation-get", NATPUNCH_CMD_RESERVATION_GET, reservation_attrs },
	{ "stats-get", NATPUNCH_CMD_STATS_GET, stats_attrs },
	{ "hold-get", NATPUNCH_CMD_HOLD_GET, hold_attrs },
	{ "hold-new-ntf", NATPUNCH_CMD_HOLD_NEW_NTF, hold_attrs },
	{ "crafted-new", NATPUNCH_CMD_CRAFTED_NEW, crafted_attrs },
	{ "crafted-del", NATPUNCH_CMD_CRAFTED_DEL, crafted_attrs },
	{ "crafted-get", NATPUNCH_CMD_CRAFTED_GET, crafted_attrs },
	{ "crafted-dev-set", NATPUNCH_CMD_CRAFTED_DEV_SET, crafted_dev_attrs },
	{ "crafted-dev-get", NATPUNCH_CMD_CRAFTED_DEV_GET, crafted_dev_attrs },
	{ "upstream-get", NATPUNCH_CMD_UPSTREAM_GET, upstream_attrs },
	{ "upstream-ntf", NATPUNCH_CMD_UPSTREAM_NTF, upstream_attrs },
	{ "upstream-sample", NATPUNCH_CMD_UPSTREAM_SAMPLE, sample_attrs },
	{ "predict", NATPUNCH_CMD_PREDICT, predict_attrs },
};

/* A request, parsed. */
struct item {
	const struct attr_def *def;
	uint8_t data[64];
	size_t len;
	bool at_fault;
	bool missing;
};

#define MAX_ITEMS 24

struct request {
	const struct command *command;
	bool dump;
	unsigned int n;
	struct item items[MAX_ITEMS];
};

/*
 * What can be sent in each command, all of it right. The faults that any
 * attribute can have are put into these one after the other.
 */
#define WAN_CONFIG							\
	" filter=2 port-min=2000 port-max=3000 internal=10.0.0.0/8 nat66=0" \
	" inbound-refresh=1 udp-timeout=300 icmp-timeout=60"		\
	" tcp-timeout=7440 tcp-transitory=240 hold-answer=1 hold-release=1"	\
	" stun-port=3478 host-ports=65536"

static const struct base {
	const char *request;
	const char *required;	/* attributes */
} bases[] = {
	{ "wan-new dev=wan1 addr=198.51.100.2" WAN_CONFIG, "dev" },
	{ "wan-set dev=wan0 addr=203.0.113.2" WAN_CONFIG, "dev" },
	{ "wan-get dev=wan0", "dev" },
	{ "wan-get/dump dev=wan0", "" },
	{ "mapping-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " zone=0", "wan l4proto int-addr int-port" },
	{ "mapping-get l4proto=17 ext-addr=203.0.113.2 ext-port=40000",
	  "l4proto ext-addr ext-port" },
	{ "mapping-get/dump wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " ext-addr=203.0.113.2 ext-port=40000 zone=0", "" },
	{ "mapping-flush wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " ext-addr=203.0.113.2 ext-port=40000", "" },
	{ "reservation-new wan=wan0 l4proto=17 int-addr=10.0.0.9 int-port=6000"
	  " ext-addr=203.0.113.2 ext-port=41000 filter=1 lifetime=100",
	  "wan l4proto int-addr int-port" },
	{ "reservation-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000",
	  "wan l4proto int-addr int-port" },
	{ "reservation-get/dump wan=wan0 l4proto=17 int-addr=10.0.0.2"
	  " int-port=5000", "" },
	{ "reservation-del wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000",
	  "wan l4proto int-addr int-port" },
	{ "upstream-get wan=wan0 addr=203.0.113.2 l4proto=17", "addr l4proto" },
	{ "upstream-get/dump wan=wan0 addr=203.0.113.2 l4proto=17", "" },
	{ "upstream-sample wan=wan0 l4proto=17 int-addr=203.0.113.2"
	  " int-port=40000 dest-addr=192.0.2.9 dest-port=3478"
	  " mapped-addr=198.51.100.7 mapped-port=1024 age=1000 flows=5"
	  " mappings=4 flows-odd=2 mappings-odd=1",
	  "l4proto int-addr int-port dest-addr dest-port mapped-addr mapped-port" },
	{ "predict wan=wan0 l4proto=17 int-addr=10.0.0.9 int-port=6000"
	  " dest-addr=192.0.2.9 dest-port=3478 flows=2 within=10 ports=8"
	  " wanted=1000000 lifetime=10", "l4proto int-addr int-port dest-addr" },
	{ "wan-del dev=wan0", "dev" },
	{ "hold-get/dump ext-addr=203.0.113.2 ext-port=40000"
	  " remote-addr=192.0.2.9 remote-port=443", "" },
	{ "crafted-new local-addr=10.0.0.9 local-port-min=4000"
	  " local-port-max=4001 remote-addr=192.0.2.0 remote-len=24"
	  " remote-port=80 lease=100 bound", "local-addr remote-addr lease" },
	{ "crafted-get id=1", "id" },
	{ "crafted-get/dump id=1", "" },
	{ "crafted-del id=1", "id" },
	{ "crafted-dev-set dev=wan0 on=1 bound", "dev on" },
	{ "crafted-dev-get dev=wan0", "dev" },
	{ "crafted-dev-get/dump dev=wan0", "" },
};

/* Faults that need to be thought of. */
static const struct fault {
	const char *name;
	const char *request;
	int err;
} faults[] = {
	{ "a WAN that is managed already", "wan-new *dev=wan0", EEXIST },
	{ "a device that does not exist", "wan-new *dev=nosuch0", ENODEV },
	{ "a name that no device can have", "wan-new *dev=a/b", EINVAL },
	{ "a name with a space", "wan-new *dev=a_b", EINVAL },
	{ "a name of 16 characters", "wan-new *dev=abcdefghijklmnop", EINVAL },
	{ "port-max below the default port-min",
	  "wan-new dev=wan1 *port-max=1023", EINVAL },
	{ "port-max below port-min",
	  "wan-new dev=wan1 port-min=3000 *port-max=2999", EINVAL },
	{ "port-min above the present port-max",
	  "wan-set dev=wan2 *port-min=50010", EINVAL },
	{ "a multicast address", "wan-new dev=wan1 *addr=224.0.0.1", EINVAL },
	{ "the address 0.0.0.0", "wan-new dev=wan1 *addr=0.0.0.0", EINVAL },
	{ "the broadcast address",
	  "wan-new dev=wan1 *addr=255.255.255.255", EINVAL },
	{ "a loopback address", "wan-new dev=wan1 *addr=127.0.0.1", EINVAL },
	{ "an IPv6 multicast address",
	  "wan-new dev=wan1 nat66=1 *addr=ff02::1", EINVAL },
	{ "an IPv6 link-local address",
	  "wan-new dev=wan1 nat66=1 *addr=fe80::1", EINVAL },
	{ "an IPv4-mapped address",
	  "wan-new dev=wan1 nat66=1 *addr=::ffff:10.0.0.1", EINVAL },
	{ "the same address twice",
	  "wan-new dev=wan1 addr=198.51.100.2 *addr=198.51.100.2", EINVAL },
	{ "an IPv6 address without nat66",
	  "wan-new dev=wan1 *addr=2001:db8::2", EINVAL },
	{ "an IPv6 prefix without nat66",
	  "wan-new dev=wan1 *internal=fd00::/8", EINVAL },
	{ "17 addresses",
	  "wan-new dev=wan1 addr=10.0.1.16x *addr=10.0.1.17", ENOSPC },
	{ "17 prefixes",
	  "wan-new dev=wan1 internal=10.0.0.16x/32 *internal=10.0.0.17/32", ENOSPC },
	{ "an empty address in wan-new", "wan-new dev=wan1 *addr=", EINVAL },
	{ "an empty prefix in wan-new", "wan-new dev=wan1 *internal=", EINVAL },
	{ "an empty address before another",
	  "wan-set dev=wan0 *addr= addr=203.0.113.2", EINVAL },
	{ "an empty address behind another",
	  "wan-set dev=wan0 addr=203.0.113.2 *addr=", EINVAL },
	{ "an empty prefix behind another",
	  "wan-set dev=wan0 internal=10.0.0.0/8 *internal=", EINVAL },
	{ "host bits behind a prefix",
	  "wan-new dev=wan1 *internal=10.1.0.1/16", EINVAL },
	{ "a host bit just behind a prefix",
	  "wan-new dev=wan1 *internal=10.1.64.0/17", EINVAL },
	{ "host bits behind an IPv6 prefix",
	  "wan-new dev=wan1 nat66=1 *internal=fd00::1/64", EINVAL },
	{ "an IPv4 prefix of 33 bits",
	  "wan-new dev=wan1 *internal=10.0.0.0/33", EINVAL },
	{ "a prefix of 129 bits",
	  "wan-new dev=wan1 nat66=1 *internal=fd00::/129", ERANGE },
	{ "the same prefix twice",
	  "wan-new dev=wan1 internal=10.0.0.0/8 *internal=10.0.0.0/8", EINVAL },
	{ "IPv6 no longer translated, but configured",
	  "wan-set dev=wan2 *nat66=0", EINVAL },
	{ "a read-only attribute", "wan-set dev=wan0 *ifindex=1", EINVAL },
	{ "a read-only attribute of a high number",
	  "wan-set dev=wan0 *ext-addr=203.0.113.3", EINVAL },
	{ "an unknown attribute", "wan-set dev=wan0 *unknown=1", EINVAL },
	{ "an unknown attribute", "wan-get dev=wan0 *unknown=1", EINVAL },
	{ "an unknown attribute", "wan-get/dump *unknown=1", EINVAL },
	{ "an attribute of another command", "wan-del dev=wan0 *filter=1",
	  EINVAL },
	{ "a device that is not managed", "wan-set *dev=wan1", ENOENT },
	{ "a device that is not managed", "wan-del *dev=wan1", ENOENT },
	{ "a device that is not managed", "wan-get *dev=wan1", ENOENT },
	{ "a device that is not managed", "wan-get/dump *dev=wan1", ENOENT },

	{ "nothing at all", "mapping-get !l4proto", EINVAL },
	{ "neither endpoint", "mapping-get l4proto=17 !ext-addr", EINVAL },
	{ "half an internal endpoint",
	  "mapping-get wan=wan0 l4proto=17 int-port=5000 !int-addr", EINVAL },
	{ "a WAN that is not managed",
	  "mapping-get *wan=wan1 l4proto=17 int-addr=10.0.0.2 int-port=5000",
	  ENOENT },
	{ "an internal endpoint without mapping",
	  "mapping-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5001",
	  ENOENT },
	{ "another protocol",
	  "mapping-get wan=wan0 l4proto=6 int-addr=10.0.0.2 int-port=5000",
	  ENOENT },
	{ "another conntrack zone",
	  "mapping-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " zone=1", ENOENT },
	{ "an external endpoint without mapping",
	  "mapping-get l4proto=17 ext-addr=203.0.113.2 ext-port=40001",
	  ENOENT },
	{ "endpoints of two mappings",
	  "mapping-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " ext-addr=203.0.113.2 ext-port=40001", ENOENT },
	{ "both families",
	  "mapping-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " *ext-addr=2001:db8::2 ext-port=40000", EINVAL },
	{ "ICMP with IPv6",
	  "mapping-get *l4proto=1 ext-addr=2001:db8::2 ext-port=1", EINVAL },
	{ "ICMPv6 with IPv4",
	  "mapping-get *l4proto=58 ext-addr=203.0.113.2 ext-port=1", EINVAL },
	{ "a WAN that is not managed", "mapping-get/dump *wan=wan1", ENOENT },
	{ "both families",
	  "mapping-get/dump int-addr=fd00::1 *ext-addr=203.0.113.2", EINVAL },
	{ "ICMP with IPv6",
	  "mapping-get/dump *l4proto=1 int-addr=fd00::1", EINVAL },
	{ "an attribute of replies", "mapping-get/dump *filter=1", EINVAL },
	{ "a WAN that is not managed", "mapping-flush *wan=wan1", ENOENT },
	{ "both families",
	  "mapping-flush int-addr=10.0.0.2 *ext-addr=2001:db8::2", EINVAL },
	{ "ICMPv6 with IPv4", "mapping-flush *l4proto=58 int-addr=10.0.0.2",
	  EINVAL },
	{ "a zone", "mapping-flush *zone=0", EINVAL },
	{ "an event's number as a command", "mapping-new-ntf", EOPNOTSUPP },

#define RESERVE "reservation-new wan=wan0 l4proto=17"
	{ "a WAN that is not managed",
	  "reservation-new *wan=wan1 l4proto=17 int-addr=10.0.0.9 int-port=1",
	  ENOENT },
	{ "ICMP", "reservation-new wan=wan0 *l4proto=1 int-addr=10.0.0.9"
	  " int-port=1", EINVAL },
	{ "internal port 0", RESERVE " int-addr=10.0.0.9 *int-port=0", EINVAL },
	{ "a multicast address", RESERVE " *int-addr=224.0.0.1 int-port=1",
	  EINVAL },
	{ "an address outside the internal prefixes",
	  RESERVE " *int-addr=192.0.2.1 int-port=1", EINVAL },
	{ "IPv6 on a WAN that does not translate it",
	  RESERVE " *int-addr=fd00::1 int-port=1", EINVAL },
	{ "both families",
	  RESERVE " int-addr=10.0.0.9 int-port=1 *ext-addr=2001:db8::2",
	  EINVAL },
	{ "the external address 0.0.0.0",
	  RESERVE " int-addr=10.0.0.9 int-port=1 *ext-addr=0.0.0.0", EINVAL },
	{ "an external address that the WAN has not",
	  RESERVE " int-addr=10.0.0.9 int-port=1 *ext-addr=192.0.2.7",
	  EADDRNOTAVAIL },
	{ "an external port that is taken",
	  RESERVE " int-addr=10.0.0.9 int-port=1 *ext-port=40000", EADDRINUSE },
	{ "an external port outside the range",
	  "reservation-new wan=wan2 l4proto=17 int-addr=10.0.0.9 int-port=1"
	  " *ext-port=49999", ERANGE },
	{ "an internal endpoint that has a reservation",
	  RESERVE " int-addr=10.0.0.2 *int-port=5000 ext-port=40001", EEXIST },
	{ "an internal endpoint without reservation",
	  "reservation-del wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5001",
	  ENOENT },
	{ "another protocol",
	  "reservation-del wan=wan0 l4proto=6 int-addr=10.0.0.2 int-port=5000",
	  ENOENT },
	{ "an internal endpoint without reservation",
	  "reservation-get wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5001",
	  ENOENT },
	{ "a WAN that is not managed", "reservation-get/dump *wan=wan1",
	  ENOENT },
	{ "an attribute of reservation-new",
	  "reservation-del wan=wan0 l4proto=17 int-addr=10.0.0.2 int-port=5000"
	  " *filter=1", EINVAL },

#define PAIR " ext-addr=203.0.113.2 ext-port=40000 remote-addr=192.0.2.9"
	{ "nothing at all", "hold-get !ext-addr", EINVAL },
	{ "no external port", "hold-get ext-addr=203.0.113.2 !ext-port",
	  EINVAL },
	{ "no remote address",
	  "hold-get ext-addr=203.0.113.2 ext-port=40000 !remote-addr",
	  EINVAL },
	{ "no remote port", "hold-get" PAIR " !remote-port", EINVAL },
	{ "a pair that is not held", "hold-get" PAIR " remote-port=443",
	  ENOENT },
	{ "an address of 4 and one of 16 bytes",
	  "hold-get ext-addr=203.0.113.2 ext-port=1 *remote-addr=2001:db8::9"
	  " remote-port=1", EINVAL },
	{ "both families",
	  "hold-get/dump ext-addr=203.0.113.2 *remote-addr=2001:db8::9",
	  EINVAL },
	{ "an attribute of replies", "hold-get/dump *state=1", EINVAL },
	{ "an attribute of replies", "hold-get/dump *wan=wan0", EINVAL },
	{ "an event's number as a command", "hold-new-ntf", EOPNOTSUPP },

#define CRAFT "crafted-new lease=100"
	{ "a multicast address",
	  CRAFT " *local-addr=224.0.0.1 remote-addr=192.0.2.9", EINVAL },
	{ "the address 0.0.0.0",
	  CRAFT " *local-addr=0.0.0.0 remote-addr=192.0.2.9", EINVAL },
	{ "the broadcast address",
	  CRAFT " *local-addr=255.255.255.255 remote-addr=192.0.2.9", EINVAL },
	{ "an IPv6 multicast address",
	  CRAFT " *local-addr=ff02::1 remote-addr=2001:db8::9", EINVAL },
	{ "the address ::",
	  CRAFT " *local-addr=:: remote-addr=2001:db8::9", EINVAL },
	{ "both families",
	  CRAFT " local-addr=10.0.0.9 *remote-addr=2001:db8::9", EINVAL },
	{ "an IPv4 prefix of 33 bits",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9 *remote-len=33",
	  EINVAL },
	{ "host bits behind a prefix",
	  CRAFT " local-addr=10.0.0.9 *remote-addr=192.0.2.9 remote-len=24",
	  EINVAL },
	{ "host bits behind an IPv6 prefix",
	  CRAFT " local-addr=fd00::9 *remote-addr=fd00::1 remote-len=127",
	  EINVAL },
	{ "host bits behind no prefix at all",
	  CRAFT " local-addr=10.0.0.9 *remote-addr=192.0.2.9 remote-len=0",
	  EINVAL },
	{ "multicast peers",
	  CRAFT " local-addr=10.0.0.9 *remote-addr=224.0.0.0 remote-len=4",
	  EINVAL },
	{ "an empty range of ports",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9"
	  " local-port-min=4001 *local-port-max=4000", EINVAL },
	{ "port 0 alone",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9"
	  " *local-port-min=0", EINVAL },
	{ "port 0 as the highest",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9"
	  " *local-port-max=0", EINVAL },
	{ "an attribute of replies",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9 *auto", EINVAL },
	{ "an id of its own choice",
	  CRAFT " local-addr=10.0.0.9 remote-addr=192.0.2.9 *id=7", EINVAL },
	{ "an id that is not there", "crafted-del *id=99", ENOENT },
	{ "the id 0", "crafted-del *id=0", ENOENT },
	{ "an id that is not there", "crafted-get *id=99", ENOENT },
	{ "the id 0", "crafted-get *id=0", ENOENT },
	{ "the id 0", "crafted-get/dump *id=0", ENOENT },
	{ "an attribute of crafted-new",
	  "crafted-del id=1 *local-addr=10.0.0.9", EINVAL },
	{ "a device that does not exist",
	  "crafted-dev-set *dev=nosuch0 on=1", ENODEV },
	{ "a device that is not watched", "crafted-dev-set *dev=wan1 on=0",
	  ENOENT },
	{ "a device that is not watched", "crafted-dev-get *dev=wan1",
	  ENOENT },
	{ "an attribute of crafted-dev-set", "crafted-dev-get dev=wan0 *on=1",
	  EINVAL },

	{ "five STUN ports",
	  "wan-set dev=wan0 stun-port=1 stun-port=2 stun-port=3 stun-port=4"
	  " *stun-port=5", ENOSPC },
	{ "a STUN port twice", "wan-set dev=wan0 stun-port=1 *stun-port=1",
	  EINVAL },
	{ "no STUN port behind one", "wan-set dev=wan0 stun-port=1 *stun-port=0",
	  EINVAL },
	{ "a STUN port behind none", "wan-set dev=wan0 stun-port=0 *stun-port=1",
	  EINVAL },

	{ "nothing at all", "upstream-get !addr", EINVAL },
	{ "no protocol", "upstream-get addr=203.0.113.2 !l4proto", EINVAL },
	{ "an address that no WAN has",
	  "upstream-get *addr=192.0.2.7 l4proto=17", ENOENT },
	{ "an address of another WAN",
	  "upstream-get wan=wan2 *addr=203.0.113.2 l4proto=17", ENOENT },
	{ "a WAN that is not managed", "upstream-get/dump *wan=wan1", ENOENT },
	{ "an attribute of replies", "upstream-get/dump *samples=1", EINVAL },
	{ "an event's number as a command", "upstream-ntf", EOPNOTSUPP },

#define SAMPLE "upstream-sample l4proto=17 int-port=40000 dest-port=3478"
#define DEST " dest-addr=192.0.2.9"
#define MAPPED " mapped-addr=198.51.100.7 mapped-port=1024"
	{ "a WAN that is not managed",
	  SAMPLE DEST MAPPED " int-addr=203.0.113.2 *wan=wan1", ENOENT },
	{ "an internal endpoint without mapping",
	  SAMPLE DEST MAPPED " *int-addr=10.0.0.77 wan=wan0", ENOENT },
	{ "several WANs, and none named",
	  SAMPLE DEST MAPPED " int-addr=10.0.0.77", EINVAL },
	{ "a multicast destination",
	  SAMPLE MAPPED " int-addr=203.0.113.2 *dest-addr=224.0.0.1", EINVAL },
	{ "a loopback address that is mapped to",
	  SAMPLE DEST " int-addr=203.0.113.2 *mapped-addr=127.0.0.1"
	  " mapped-port=1", EINVAL },
	{ "a destination of the other family",
	  SAMPLE MAPPED " int-addr=203.0.113.2 *dest-addr=2001:db8::9",
	  EINVAL },
	{ "an address of the other family that is mapped to",
	  SAMPLE DEST " int-addr=203.0.113.2 *mapped-addr=2001:db8::7"
	  " mapped-port=1", EINVAL },
	{ "IPv6 on a WAN that does not translate it",
	  "upstream-sample wan=wan0 l4proto=17 *int-addr=2001:db8::77"
	  " int-port=1 dest-addr=2001:db8::9 dest-port=1"
	  " mapped-addr=2001:db8::7 mapped-port=1", ENOENT },

#define PREDICT "predict l4proto=17 int-port=6000"
	{ "a WAN that is not managed",
	  PREDICT DEST " int-addr=10.0.0.9 *wan=wan1", ENOENT },
	{ "several WANs, and none named", PREDICT DEST " int-addr=10.0.0.9",
	  EINVAL },
	{ "an address outside the internal prefixes",
	  PREDICT DEST " wan=wan0 *int-addr=192.0.2.1", EINVAL },
	{ "IPv6 on a WAN that does not translate it",
	  PREDICT " wan=wan0 *int-addr=fd00::1 dest-addr=2001:db8::9",
	  EINVAL },
	{ "a destination of the other family",
	  PREDICT " wan=wan0 int-addr=10.0.0.9 *dest-addr=2001:db8::9",
	  EINVAL },
	{ "the destination 0.0.0.0",
	  PREDICT " wan=wan0 int-addr=10.0.0.9 *dest-addr=0.0.0.0", EINVAL },
	{ "an attribute of replies",
	  PREDICT DEST " wan=wan0 int-addr=10.0.0.9 *ext-port=1", EINVAL },
	{ "a dump of what cannot be dumped",
	  "predict/dump wan=wan0 l4proto=17 int-addr=10.0.0.9 int-port=6000"
	  DEST, EOPNOTSUPP },

	{ "an attribute, even padding", "stats-get *pad=1", EINVAL },
	{ "an attribute of the reply", "stats-get *mappings=1", EINVAL },
	{ "a dump of what cannot be dumped", "stats-get/dump", EOPNOTSUPP },
	{ "a dump of what cannot be dumped", "wan-del/dump dev=wan0",
	  EOPNOTSUPP },
};

static bool counting;
static unsigned int n_results;

/* Every result comes by here; the first time round they are only counted. */
static bool to_count(void)
{
	if (counting)
		n_results++;
	return counting;
}

/*
 * The state that must not change
 */

struct state {
	size_t len;
	uint8_t bytes[1 << 16];
};

static bool is_volatile(uint8_t cmd, uint16_t type)
{
	return (cmd == NATPUNCH_CMD_MAPPING_GET &&
		(type == NATPUNCH_A_MAPPING_AGE ||
		 type == NATPUNCH_A_MAPPING_EXPIRES)) ||
	       (cmd == NATPUNCH_CMD_RESERVATION_GET &&
		type == NATPUNCH_A_RESERVATION_LIFETIME) ||
	       (cmd == NATPUNCH_CMD_CRAFTED_GET &&
		type == NATPUNCH_A_CRAFTED_LEASE);
}

static void note_state(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct state *state = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		size_t len = MNL_ALIGN(attr->nla_len);

		if (is_volatile(genl->cmd, mnl_attr_get_type(attr)))
			continue;
		if (state->len + len > sizeof(state->bytes))
			ktap_bail("more state than expected");
		memcpy(state->bytes + state->len, attr, len);
		state->len += len;
	}
}

static void get_state(struct state *state)
{
	static const uint8_t dumps[] = {
		NATPUNCH_CMD_WAN_GET, NATPUNCH_CMD_RESERVATION_GET,
		NATPUNCH_CMD_MAPPING_GET, NATPUNCH_CMD_HOLD_GET,
		NATPUNCH_CMD_CRAFTED_GET, NATPUNCH_CMD_CRAFTED_DEV_GET
	};
	struct answer a;
	size_t i;

	state->len = 0;
	for (i = 0; i < N_ELEMENTS(dumps); i++) {
		a = req_ask_with(req_new(dumps[i], NLM_F_DUMP), 0, note_state,
				 state);
		if (a.err)
			ktap_bail("dump %u: %s", dumps[i], strerror(a.err));
	}
}

static bool state_is(const struct state *expected)
{
	static struct state now;

	get_state(&now);
	return now.len == expected->len &&
	       !memcmp(now.bytes, expected->bytes, now.len);
}

static struct state before;

/*
 * Requests from text
 */

static void put_number(struct item *item, uint32_t v)
{
	uint16_t n = htons(v), h = v;
	uint8_t b = v;

	switch (item->def->kind) {
	case '1':
		item->len = 1;
		memcpy(item->data, &b, 1);
		break;
	case '2':
		item->len = 2;
		memcpy(item->data, &h, 2);
		break;
	case 'n':
		item->len = 2;
		memcpy(item->data, &n, 2);
		break;
	case '4':
		item->len = 4;
		memcpy(item->data, &v, 4);
		break;
	}
}

static size_t parse_addr(const char *text, uint8_t *ip)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, ip) != 1)
		ktap_bail("%s is no address", text);
	return family == AF_INET ? 4 : 16;
}

/* A nest with address and length. */
static void put_prefix(struct item *item, char *text)
{
	struct nlattr attr = { .nla_type = NATPUNCH_A_PREFIX_ADDR };
	char *slash = strchr(text, '/');
	uint8_t ip[16], *p = item->data;
	size_t len;

	*slash = '\0';
	len = parse_addr(text, ip);
	attr.nla_len = sizeof(attr) + len;
	memcpy(p, &attr, sizeof(attr));
	memcpy(p + sizeof(attr), ip, len);
	p += sizeof(attr) + len;

	attr.nla_type = NATPUNCH_A_PREFIX_LEN;
	attr.nla_len = sizeof(attr) + 1;
	memcpy(p, &attr, sizeof(attr));
	memset(p + sizeof(attr), 0, 4);
	p[sizeof(attr)] = atoi(slash + 1);
	p += sizeof(attr) + 4;
	item->len = p - item->data;
}

static void put_value(struct item *item, char *value)
{
	char *c;

	switch (item->def->kind) {
	case 's':
		for (c = value; *c; c++)
			if (*c == '_')
				*c = ' ';
		item->len = strlen(value) + 1;
		memcpy(item->data, value, item->len);
		break;
	case 'a':
		item->len = *value ? parse_addr(value, item->data) : 0;
		break;
	case 'p':
		if (*value)
			put_prefix(item, value);
		break;
	default:
		put_number(item, strtoul(value, NULL, 10));
	}
}

static void parse_item(struct request *r, char *word)
{
	struct item *item = &r->items[r->n++];
	const struct attr_def *def;
	char *value;

	if (r->n > MAX_ITEMS)
		ktap_bail("too many attributes");
	memset(item, 0, sizeof(*item));
	item->at_fault = *word == '*';
	item->missing = *word == '!';
	if (item->at_fault || item->missing)
		word++;
	value = strchr(word, '=');
	if (value)
		*value++ = '\0';
	for (def = r->command->attrs; def->name; def++)
		if (!strcmp(def->name, word))
			item->def = def;
	if (!item->def)
		ktap_bail("no attribute %s in %s", word, r->command->name);
	if (value)
		put_value(item, value);
}

/* A word, or the sixteen that it stands for. */
static void parse_word(struct request *r, char *word)
{
	char *many = strstr(word, "16x"), one[64];
	int i;

	if (!many) {
		parse_item(r, word);
		return;
	}
	for (i = 1; i <= 16; i++) {
		snprintf(one, sizeof(one), "%.*s%d%s", (int)(many - word), word,
			 i, many + 3);
		parse_item(r, one);
	}
}

static void parse_request(struct request *r, const char *text)
{
	char copy[1024], *word, *slash, *rest;
	size_t i;

	memset(r, 0, sizeof(*r));
	snprintf(copy, sizeof(copy), "%s", text);
	word = strtok_r(copy, " ", &rest);
	slash = strchr(word, '/');
	if (slash) {
		*slash = '\0';
		r->dump = true;
	}
	for (i = 0; i < N_ELEMENTS(commands); i++)
		if (!strcmp(word, commands[i].name))
			r->command = &commands[i];
	if (!r->command)
		ktap_bail("no command %s", word);
	while ((word = strtok_r(NULL, " ", &rest)))
		parse_word(r, word);
}

/* Where in the message the attribute at fault is. */
struct place {
	uint32_t from, to;
	uint32_t missing;
};

static struct req *build(const struct request *r, struct place *place)
{
	struct req *req = req_new(r->command->cmd, r->dump ? NLM_F_DUMP : 0);
	unsigned int i;

	memset(place, 0, sizeof(*place));
	for (i = 0; i < r->n; i++) {
		const struct item *item = &r->items[i];
		uint16_t type = item->def->type;
		uint32_t offset;

		if (item->missing) {
			place->missing = type;
			continue;
		}
		if (item->def->kind == 'p')
			type |= NLA_F_NESTED;
		offset = req_put(req, type, item->len, item->data);
		if (item->at_fault) {
			place->from = offset;
			place->to = req->nlh->nlmsg_len;
		}
	}
	return req;
}

/*
 * Judgement
 */

static bool names_place(const struct answer *a, const struct place *place)
{
	if (place->missing)
		return a->missing == place->missing;
	if (!place->from)
		return true;
	return a->offset >= place->from && a->offset < place->to;
}

/* @bare: netlink itself refuses, and has no message for it. */
static bool refused_as(const struct answer *a, const struct place *place,
		       int err, bool bare)
{
	bool good = true;

	if (a->err != err) {
		ktap_diag("errno is %d (%s), expected %d (%s)", a->err,
			  strerror(a->err), err, strerror(err));
		good = false;
	}
	if (!a->msg[0] && !bare) {
		ktap_diag("there is no message");
		good = false;
	}
	if (!names_place(a, place)) {
		ktap_diag("offset %u, missing %u; expected %u-%u, %u",
			  a->offset, a->missing, place->from, place->to,
			  place->missing);
		good = false;
	}
	if (!state_is(&before)) {
		ktap_diag("something has changed");
		get_state(&before);
		good = false;
	}
	if (!good)
		ktap_diag("message: \"%s\"", a->msg);
	return good;
}

static void expect_refusal(const struct request *r, int err, const char *fmt,
			   const char *text)
{
	struct place place;
	struct answer a;
	char name[160];

	if (to_count())
		return;
	a = req_ask(build(r, &place));
	snprintf(name, sizeof(name), fmt, text);
	ktap_ok(refused_as(&a, &place, err, err == EOPNOTSUPP), "%s%s: %s",
		r->command->name, r->dump ? " dump" : "", name);
}

/*
 * The faults that any attribute can have
 */

static void try_missing(struct request *r, struct item *item,
			const char *required)
{
	char *list = strdup(required), *word, *rest;
	bool is_required = false;

	for (word = strtok_r(list, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		is_required |= !strcmp(word, item->def->name);
	free(list);
	if (!is_required)
		return;

	item->missing = true;
	expect_refusal(r, EINVAL, "no %s", item->def->name);
	item->missing = false;
}

/* The errno for an attribute that has @len bytes of garbage; 0: it is fine. */
static int wrong_length(const struct request *r, const struct item *item,
			size_t len)
{
	switch (item->def->kind) {
	case 'a':
		if (!len && r->command->cmd == NATPUNCH_CMD_WAN_SET)
			return 0;
		return len > 16 ? ERANGE : EINVAL;
	case 'p':
		if (!len && r->command->cmd == NATPUNCH_CMD_WAN_SET)
			return 0;
		return len && len < 4 ? ERANGE : EINVAL;
	case '1':
		return len == 1 ? 0 : EINVAL;
	case 'f':
		return len ? ERANGE : 0;
	default:
		return EINVAL;
	}
}

static void try_lengths(struct request *r, struct item *item)
{
	static const size_t lengths[] = { 0, 1, 3, 5, 17 };
	struct item good = *item;
	char name[64];
	size_t i;
	int err;

	for (i = 0; i < N_ELEMENTS(lengths); i++) {
		err = wrong_length(r, item, lengths[i]);
		if (!err)
			continue;
		memset(item->data, 'A', sizeof(item->data));
		item->len = lengths[i];
		/* Of what is left over in a nest netlink says no place. */
		item->at_fault = item->def->kind != 'p' || lengths[i] < 4;
		snprintf(name, sizeof(name), "%s of %zu bytes",
			 item->def->name, lengths[i]);
		expect_refusal(r, err, "%s", name);
		*item = good;
	}
}

static void try_values(struct request *r, struct item *item)
{
	struct item good = *item;
	char name[64];
	size_t i;
	int err;

	for (i = 0; i < 3 && item->def->bad[i]; i++) {
		put_number(item, strtoul(item->def->bad[i], NULL, 10));
		item->at_fault = true;
		/* Bounds that a policy can express come from netlink. */
		err = item->def->kind == 'n' ||
		      !strcmp(item->def->name, "l4proto") ? EINVAL : ERANGE;
		snprintf(name, sizeof(name), "%s %s", item->def->name,
			 item->def->bad[i]);
		expect_refusal(r, err, "%s", name);
		*item = good;
	}
}

static void try_base(const struct base *base)
{
	struct request r;
	unsigned int i;

	parse_request(&r, base->request);
	for (i = 0; i < r.n; i++) {
		try_missing(&r, &r.items[i], base->required);
		try_lengths(&r, &r.items[i]);
		try_values(&r, &r.items[i]);
	}
}

static void try_faults(void)
{
	struct request r;
	size_t i;

	for (i = 0; i < N_ELEMENTS(faults); i++) {
		parse_request(&r, faults[i].request);
		expect_refusal(&r, faults[i].err, "%s", faults[i].name);
	}
}

/*
 * Messages that are broken as such
 */

static struct req *truncated_attribute(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);

	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	req_u32(req, NATPUNCH_A_WAN_UDP_TIMEOUT, 200);
	req->nlh->nlmsg_len -= 2;
	(void)place;
	return req;
}

static struct req *truncated_nest(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);
	struct nlattr *inner;

	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	inner = (struct nlattr *)(req->buf + req_prefix(req, "10.0.0.0", 8)) + 1;
	inner->nla_len = 60;
	(void)place;
	return req;
}

static struct req *nest_without_flag(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);

	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	place->from = req_prefix(req, "10.0.0.0", 8);
	place->to = req->nlh->nlmsg_len;
	((struct nlattr *)(req->buf + place->from))->nla_type &= ~NLA_F_NESTED;
	return req;
}

static struct req *half_a_prefix(struct place *place, bool addr)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);
	struct nlattr *nest;

	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	place->from = req->nlh->nlmsg_len;
	nest = mnl_attr_nest_start(req->nlh, NATPUNCH_A_WAN_INTERNAL);
	if (addr)
		req_ip(req, NATPUNCH_A_PREFIX_ADDR, "10.0.0.0");
	else
		req_u8(req, NATPUNCH_A_PREFIX_LEN, 8);
	mnl_attr_nest_end(req->nlh, nest);
	place->to = req->nlh->nlmsg_len;
	return req;
}

static struct req *prefix_without_len(struct place *place)
{
	return half_a_prefix(place, true);
}

static struct req *prefix_without_addr(struct place *place)
{
	return half_a_prefix(place, false);
}

static struct req *unknown_in_nest(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);
	struct nlattr *nest;

	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	nest = mnl_attr_nest_start(req->nlh, NATPUNCH_A_WAN_INTERNAL);
	req_ip(req, NATPUNCH_A_PREFIX_ADDR, "10.0.0.0");
	req_u8(req, NATPUNCH_A_PREFIX_LEN, 8);
	place->from = req_u8(req, 9, 1);
	place->to = req->nlh->nlmsg_len;
	mnl_attr_nest_end(req->nlh, nest);
	return req;
}

static struct req *huge(struct place *place, uint16_t type)
{
	static char data[60000];
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);

	memset(data, 'A', sizeof(data));
	req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
	place->from = req_put(req, type, sizeof(data), data);
	place->to = req->nlh->nlmsg_len;
	return req;
}

static struct req *huge_address(struct place *place)
{
	return huge(place, NATPUNCH_A_WAN_ADDR);
}

static struct req *huge_unknown(struct place *place)
{
	return huge(place, 300);
}

static struct req *huge_nest(struct place *place)
{
	struct req *req = huge(place, NATPUNCH_A_WAN_INTERNAL | NLA_F_NESTED);

	/* Leftovers, see try_lengths(). */
	place->from = 0;
	return req;
}

static struct req *unknown_command(struct place *place)
{
	(void)place;
	return req_new(99, 0);
}

static struct req *no_genl_header(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_STATS_GET, 0);

	(void)place;
	req->nlh->nlmsg_len = NLMSG_HDRLEN;
	return req;
}

static struct req *reserved_field(struct place *place)
{
	struct req *req = req_new(NATPUNCH_CMD_STATS_GET, 0);
	struct genlmsghdr *genl = mnl_nlmsg_get_payload(req->nlh);

	(void)place;
	genl->reserved = 1;
	return req;
}

static const struct broken {
	const char *name;
	struct req *(*make)(struct place *place);
	int err;
	bool bare;
} broken[] = {
	{ .name = "an attribute that ends behind the message",
	  .make = truncated_attribute, .err = EINVAL },
	{ .name = "an attribute that ends behind its nest", .make = truncated_nest,
	  .err = EINVAL },
	{ .name = "a nest without NLA_F_NESTED", .make = nest_without_flag,
	  .err = EINVAL },
	{ .name = "a prefix without a length", .make = prefix_without_len,
	  .err = EINVAL },
	{ .name = "a prefix without an address", .make = prefix_without_addr,
	  .err = EINVAL },
	{ .name = "an unknown attribute in a prefix", .make = unknown_in_nest,
	  .err = EINVAL },
	{ .name = "an address of 60000 bytes", .make = huge_address,
	  .err = ERANGE },
	{ .name = "an unknown attribute of 60000 bytes", .make = huge_unknown,
	  .err = EINVAL },
	{ .name = "a nest of 60000 bytes", .make = huge_nest,
	  .err = EINVAL },
	{ .name = "an unknown command", .make = unknown_command,
	  .err = EOPNOTSUPP, .bare = true },
	{ .name = "no generic netlink header", .make = no_genl_header,
	  .err = EINVAL, .bare = true },
	{ .name = "a reserved field that is not 0", .make = reserved_field,
	  .err = EINVAL, .bare = true },
};

static void try_broken(void)
{
	struct place place;
	struct answer a;
	size_t i;

	for (i = 0; i < N_ELEMENTS(broken); i++) {
		if (to_count())
			continue;
		memset(&place, 0, sizeof(place));
		a = req_ask(broken[i].make(&place));
		ktap_ok(refused_as(&a, &place, broken[i].err, broken[i].bare),
			"%s", broken[i].name);
	}
}

/* Without a fault each of the requests is carried out. */
static void try_good(void)
{
	struct request r;
	struct place place;
	struct answer a;
	size_t i;

	for (i = 0; i < N_ELEMENTS(bases); i++) {
		if (to_count())
			continue;
		parse_request(&r, bases[i].request);
		/* They make room for each other, and ask for what is there. */
		if (r.command->cmd == NATPUNCH_CMD_WAN_SET)
			r.n = 2;
		a = req_ask(build(&r, &place));
		ktap_ok(!a.err, "%s%s: all attributes, no fault",
			r.command->name, r.dump ? " dump" : "");
		if (a.err)
			ktap_diag("%s (%s)", strerror(a.err), a.msg);
	}
}

static void try_all(void)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(bases); i++)
		try_base(&bases[i]);
	try_faults();
	try_broken();
	try_good();
}

/*
 * wan0 with one reservation, watched; wan1 is there to be added; wan2 has few
 * ports. One crafted flow.
 */
static void set_up(void)
{
	struct req *req;

	req_own_net();
	if (system("ip link add wan2 type dummy && ip link set wan2 up"
		   " && ip addr add 192.0.2.2/24 dev wan2"))
		ktap_bail("cannot make wan2");
	if (req_open())
		ktap_bail("there is no family " NATPUNCH_GENL_NAME);
	req_add_wan("wan0");
	req = req_new(NATPUNCH_CMD_WAN_NEW, 0);
	req_str(req, NATPUNCH_A_WAN_DEV, "wan2");
	req_be16(req, NATPUNCH_A_WAN_PORT_MIN, 50000);
	req_be16(req, NATPUNCH_A_WAN_PORT_MAX, 50009);
	req_u8(req, NATPUNCH_A_WAN_NAT66, 1);
	req_prefix(req, "10.0.0.0", 8);
	req_prefix(req, "fd00::", 8);
	req_must(req, "wan2");
	req = req_reservation(NATPUNCH_CMD_RESERVATION_NEW, "wan0",
			      IPPROTO_UDP, "10.0.0.2", 5000);
	req_ip(req, NATPUNCH_A_RESERVATION_EXT_ADDR, "203.0.113.2");
	req_be16(req, NATPUNCH_A_RESERVATION_EXT_PORT, 40000);
	req_must(req, "reservation");
	req = req_new(NATPUNCH_CMD_CRAFTED_NEW, 0);
	req_ip(req, NATPUNCH_A_CRAFTED_LOCAL_ADDR, "203.0.113.2");
	req_ip(req, NATPUNCH_A_CRAFTED_REMOTE_ADDR, "192.0.2.9");
	req_u32(req, NATPUNCH_A_CRAFTED_LEASE, NATPUNCH_MAX_LEASE);
	req_must(req, "crafted flow");
	req = req_new(NATPUNCH_CMD_CRAFTED_DEV_SET, 0);
	req_str(req, NATPUNCH_A_CRAFTED_DEV_DEV, "wan0");
	req_u8(req, NATPUNCH_A_CRAFTED_DEV_ON, 1);
	req_must(req, "watched device");
	get_state(&before);
}

int main(void)
{
	counting = true;
	try_all();
	counting = false;
	ktap_plan(n_results);
	set_up();
	try_all();
	return ktap_exit();
}
