// SPDX-License-Identifier: GPL-2.0
/*
 * libnatpunch against messages that no kernel of today sends: attributes that it
 * does not know, that are too short or too long, and errors that point anywhere.
 *
 * Needs no module: the messages are made here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "lab/ktap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALL		(~UINT64_C(0))
#define RESULTS		29

static char buf[8192];

/* An empty request. */
static struct nlmsghdr *message(void)
{
	struct nlmsghdr *nlh;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = 30;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	return nlh;
}

static struct natpunch_wan decode_wan(const struct nlmsghdr *nlh)
{
	struct natpunch_wan wan;

	memset(&wan, 0, sizeof(wan));
	np_decode(nlh, &np_wan_set, &wan);
	return wan;
}

static struct natpunch_wan full_wan(void)
{
	struct natpunch_wan wan;
	uint32_t i;

	memset(&wan, 0, sizeof(wan));
	wan.fields = (UINT64_C(1) << (NATPUNCH_A_WAN_MAX + 1)) - 2;
	strcpy(wan.dev, "fifteen-letters");
	wan.ifindex = 0x12345678;
	wan.filter = NATPUNCH_FILTER_APDF;
	wan.nat66 = 1;
	wan.inbound_refresh = 1;
	wan.port_min = 1025;
	wan.port_max = 65534;
	wan.udp_timeout = 1;
	wan.icmp_timeout = 2;
	wan.tcp_timeout = 3;
	wan.tcp_transitory = UINT32_MAX;
	wan.mappings = 5;
	wan.n_addr = NATPUNCH_MAX_ADDRESSES;
	wan.n_ext_addr = NATPUNCH_MAX_ADDRESSES;
	wan.n_internal = NATPUNCH_MAX_INTERNAL;
	wan.n_stun_port = NATPUNCH_MAX_STUN_PORTS;
	for (i = 0; i < NATPUNCH_MAX_STUN_PORTS; i++)
		wan.stun_port[i] = (uint16_t)(65535 - i);
	for (i = 0; i < NATPUNCH_MAX_ADDRESSES; i++) {
		wan.addr[i].family = i % 2 ? AF_INET6 : AF_INET;
		wan.addr[i].in.s_addr = htonl(0x0a000000 + i);
		wan.ext_addr[i].family = AF_INET6;
		wan.ext_addr[i].in6.s6_addr[15] = (uint8_t)i;
		wan.internal[i].addr.family = AF_INET6;
		wan.internal[i].addr.in6.s6_addr[0] = 0xfd;
		wan.internal[i].len = (uint8_t)(8 + i);
	}
	return wan;
}

static void check_round_trip(void)
{
	struct natpunch_wan wan = full_wan(), back;
	struct nlmsghdr *nlh = message();
	struct natpunch_stats stats;
	int err;

	err = np_encode(nlh, &np_wan_set, &wan, ALL);
	back = decode_wan(nlh);
	ktap_ok(!err && !memcmp(&wan, &back, sizeof(wan)),
		"a full WAN survives the way there and back");
	ktap_ok(nlh->nlmsg_len < NP_TX_SIZE / 2,
		"the largest request (%u bytes) leaves room", nlh->nlmsg_len);

	nlh = message();
	err = np_encode(nlh, &np_wan_set, &wan, NATPUNCH_HAS(WAN_DEV));
	back = decode_wan(nlh);
	ktap_ok(!err && back.fields == NATPUNCH_HAS(WAN_DEV),
		"what a request may not have is left out");

	nlh = message();
	mnl_attr_put_u64(nlh, NATPUNCH_A_STATS_FLOWS_IN, UINT64_MAX);
	memset(&stats, 0, sizeof(stats));
	np_decode(nlh, &np_stats_set, &stats);
	ktap_ok(stats.flows_in == UINT64_MAX &&
		stats.fields == NATPUNCH_HAS(STATS_FLOWS_IN),
		"a counter has 64 bits");
}

static void check_byte_order(void)
{
	struct natpunch_wan wan = {
		.fields = NATPUNCH_HAS(WAN_PORT_MIN), .port_min = 0x1234,
	};
	struct nlmsghdr *nlh = message();
	const struct nlattr *attr;

	np_encode(nlh, &np_wan_set, &wan, ALL);
	attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct genlmsghdr));
	ktap_ok(!memcmp(mnl_attr_get_payload(attr), "\x12\x34", 2),
		"a port travels in network byte order");
}

static void check_bad_requests(void)
{
	struct natpunch_wan wan = full_wan();

	wan.n_addr++;
	ktap_ok(np_encode(message(), &np_wan_set, &wan, ALL) == -E2BIG,
		"a count beyond the array is refused");
	wan = full_wan();
	wan.addr[3].family = AF_UNIX;
	ktap_ok(np_encode(message(), &np_wan_set, &wan, ALL) == -EAFNOSUPPORT,
		"an address of another family is refused");
	wan = full_wan();
	memset(wan.dev, 'x', sizeof(wan.dev));
	ktap_ok(np_encode(message(), &np_wan_set, &wan, ALL) == -ENAMETOOLONG,
		"a device name without its end is refused");
}

static void check_strange_attributes(void)
{
	struct nlmsghdr *nlh = message();
	struct natpunch_wan wan;

	mnl_attr_put_u32(nlh, 200, 1);
	mnl_attr_put(nlh, NATPUNCH_A_WAN_MAX + 1, 0, NULL);
	mnl_attr_put_u16(nlh, NATPUNCH_A_WAN_UDP_TIMEOUT, 7);
	mnl_attr_put(nlh, NATPUNCH_A_WAN_FILTER, 0, NULL);
	mnl_attr_put(nlh, NATPUNCH_A_WAN_EXT_ADDR, 5, "12345");
	mnl_attr_put(nlh, NATPUNCH_A_WAN_DEV, 16, "0123456789abcdef");
	mnl_attr_put_u32(nlh, NATPUNCH_A_WAN_INTERNAL, 1);
	wan = decode_wan(nlh);
	ktap_ok(!wan.fields && !wan.n_ext_addr && !wan.n_internal &&
		!wan.dev[0], "what is unknown, short or misshapen is ignored");

	nlh = message();
	mnl_attr_put_u64(nlh, NATPUNCH_A_WAN_UDP_TIMEOUT, 300);
	mnl_attr_put(nlh, NATPUNCH_A_WAN_DEV, 4, "eth0");
	wan = decode_wan(nlh);
	ktap_ok(!strcmp(wan.dev, "eth0"), "a string needs no NUL");
	ktap_ok(wan.fields & NATPUNCH_HAS(WAN_UDP_TIMEOUT),
		"what is longer than it was is read as far as it is known");
}

static void check_full_array(void)
{
	struct nlmsghdr *nlh = message();
	struct natpunch_wan wan;
	uint32_t i;

	for (i = 0; i < NATPUNCH_MAX_ADDRESSES + 4; i++)
		mnl_attr_put_u32(nlh, NATPUNCH_A_WAN_EXT_ADDR, i);
	mnl_attr_put_u32(nlh, NATPUNCH_A_WAN_MAPPINGS, 9);
	wan = decode_wan(nlh);
	ktap_ok(wan.n_ext_addr == NATPUNCH_MAX_ADDRESSES &&
		wan.ext_addr[15].in.s_addr == 15 && wan.mappings == 9,
		"more addresses than the array holds do no harm");
}

/*
 * Errors. The request is a WAN; at is where its attributes begin.
 */
struct request {
	char buf[8192];
	const struct nlmsghdr *nlh;
};

static uint32_t attr_offset(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == type)
			return (uint32_t)((const char *)attr -
					  (const char *)nlh);
	return 0;
}

static void make_request(struct request *r)
{
	struct natpunch_wan wan = full_wan();
	struct nlmsghdr *nlh = message();

	np_encode(nlh, &np_wan_set, &wan, ALL);
	memcpy(r->buf, buf, sizeof(buf));
	r->nlh = (struct nlmsghdr *)(void *)r->buf;
}

/* A refusal as the kernel makes it; capped: without the request in it. */
static struct nlmsghdr *refusal(const struct request *r, bool capped)
{
	struct nlmsghdr *nlh;
	struct nlmsgerr *err;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0);
	err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));
	err->error = -EINVAL;
	err->msg = *r->nlh;
	if (!capped)
		memcpy(mnl_nlmsg_put_extra_header(nlh, r->nlh->nlmsg_len -
						       MNL_NLMSG_HDRLEN),
		       r->nlh + 1, r->nlh->nlmsg_len - MNL_NLMSG_HDRLEN);
	return nlh;
}

static void put_error(struct nlmsghdr *nlh, const char *message, uint32_t off)
{
	if (message)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, message);
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, off);
}

static struct np_error explain(const struct nlmsghdr *nlh,
			       const struct request *r)
{
	struct np_error e = { .code = 1 };
	int err = np_error_decode(&e, nlh, r->nlh, &np_wan_set);

	if (err != -EINVAL || e.code != -EINVAL)
		ktap_diag("result %d, noted %d", err, e.code);
	return e;
}

static void check_error_attr(const struct request *r)
{
	uint32_t off = attr_offset(r->nlh, NATPUNCH_A_WAN_PORT_MIN);
	uint32_t nest = attr_offset(r->nlh, NATPUNCH_A_WAN_INTERNAL);
	struct nlmsghdr *nlh;
	struct np_error e;
	int capped;

	for (capped = 0; capped <= 1; capped++) {
		nlh = refusal(r, capped);
		put_error(nlh, "no such port", off);
		e = explain(nlh, r);
		ktap_ok(!strcmp(e.attr, "port-min") &&
			!strcmp(e.text, "port-min: no such port"),
			"the attribute is named, %s: \"%s\"",
			capped ? "without the request" : "with the request",
			e.text);
	}
	nlh = refusal(r, true);
	put_error(nlh, "bad", nest);
	e = explain(nlh, r);
	ktap_ok(!strcmp(e.attr, "internal"), "a nest: \"%s\"", e.text);
	nlh = refusal(r, true);
	/* The prefix' address has a header and 16 bytes. */
	put_error(nlh, "bad", nest + 4 + 20);
	e = explain(nlh, r);
	ktap_ok(!strcmp(e.attr, "internal.len"), "in a nest: \"%s\"", e.text);
	nlh = refusal(r, true);
	put_error(nlh, NULL, off);
	e = explain(nlh, r);
	ktap_ok(!strcmp(e.text, "port-min: Invalid argument"),
		"without a message: \"%s\"", e.text);
}

static void check_error_nowhere(const struct request *r)
{
	static const uint32_t offs[] = { 0, 15, 19, 1u << 31, UINT32_MAX };
	struct nlmsghdr *nlh;
	struct np_error e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		nlh = refusal(r, true);
		put_error(nlh, "bad", offs[i]);
		e = explain(nlh, r);
		ktap_ok(!e.attr[0] && !strcmp(e.text, "bad"),
			"offset %u is no attribute", offs[i]);
	}
}

static void check_error_range(const struct request *r)
{
	struct nlmsghdr *nlh = refusal(r, true);
	struct nlattr *nest;
	struct np_error e;

	put_error(nlh, "integer out of range",
		  attr_offset(r->nlh, NATPUNCH_A_WAN_UDP_TIMEOUT));
	nest = mnl_attr_nest_start(nlh, NLMSGERR_ATTR_POLICY);
	mnl_attr_put_u32(nlh, NL_POLICY_TYPE_ATTR_TYPE, NL_ATTR_TYPE_U32);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 120);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 2592000);
	mnl_attr_nest_end(nlh, nest);
	e = explain(nlh, r);
	ktap_ok(e.has_range && e.min == 120 && e.max == 2592000 &&
		strstr(e.text, "(120 to 2592000)"),
		"the range is told: \"%s\"", e.text);
}

static void check_error_missing(const struct request *r)
{
	struct nlmsghdr *nlh = refusal(r, true);
	struct np_error e;

	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_MISS_TYPE, NATPUNCH_A_WAN_DEV);
	e = explain(nlh, r);
	ktap_ok(!strcmp(e.text, "dev: is missing"), "what is missing: \"%s\"",
		e.text);
	nlh = refusal(r, true);
	mnl_attr_put_u32(nlh, NLMSGERR_ATTR_MISS_TYPE, 250);
	e = explain(nlh, r);
	ktap_ok(!e.attr[0], "something unknown is missing: \"%s\"", e.text);
}

static void check_error_broken(const struct request *r)
{
	struct nlmsghdr *nlh = refusal(r, true);
	char long_text[1024];
	struct np_error e;

	mnl_attr_put(nlh, NLMSGERR_ATTR_MSG, 3, "bad");
	((struct nlattr *)(void *)((char *)nlh + nlh->nlmsg_len - 8))->nla_len =
		200;
	e = explain(nlh, r);
	ktap_ok(!e.message[0], "an attribute beyond the end is ignored");
	nlh = refusal(r, true);
	mnl_attr_put(nlh, NLMSGERR_ATTR_MSG, 3, "bad");
	e = explain(nlh, r);
	ktap_ok(!strcmp(e.message, "bad"), "a message needs no NUL");
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	nlh = refusal(r, true);
	put_error(nlh, long_text, attr_offset(r->nlh, NATPUNCH_A_WAN_DEV));
	e = explain(nlh, r);
	ktap_ok(!strncmp(e.text, "dev: xxx", 8) &&
		strlen(e.text) < sizeof(e.text), "a long message is cut");
	nlh = refusal(r, true);
	nlh->nlmsg_len = MNL_NLMSG_HDRLEN + 2;
	ktap_ok(np_error_decode(&e, nlh, r->nlh, &np_wan_set) == -EPROTO,
		"an error that says nothing is an error of its own");
}

int main(void)
{
	static struct request request;

	ktap_plan(RESULTS);
	check_round_trip();
	check_byte_order();
	check_bad_requests();
	check_strange_attributes();
	check_full_array();
	make_request(&request);
	check_error_attr(&request);
	check_error_nowhere(&request);
	check_error_range(&request);
	check_error_missing(&request);
	check_error_broken(&request);
	return ktap_exit();
}
