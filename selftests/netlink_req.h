/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests to the family natpunch as the tests of the ABI send them: by hand,
 * attribute by attribute, because libnatpunch would not send most of them.
 *
 * For one source file a test; owns one socket.
 */
#ifndef NETLINK_REQ_H
#define NETLINK_REQ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/natpunch.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/ktap.h"

#define N_ELEMENTS(a)	(sizeof(a) / sizeof((a)[0]))
#define UNUSED		__attribute__((unused))

static struct mnl_socket *req_sock;
static uint16_t req_family;
/* The groups of events of mappings, held SYNs, upstreams and crafted flows. */
static uint32_t req_group;
static UNUSED uint32_t req_hold_group;
static UNUSED uint32_t req_upstream_group;
static UNUSED uint32_t req_crafted_group;

/* A request under construction. */
struct req {
	struct nlmsghdr *nlh;
	char buf[1 << 17];
};

/* What came back. */
struct answer {
	int err;		/* positive errno, 0 for success */
	char msg[256];		/* extack */
	uint32_t offset;	/* of the attribute at fault, 0 for none */
	uint32_t missing;	/* attribute that is missing, 0 for none */
	bool multi;		/* there was an NLMSG_DONE */
	bool interrupted;	/* NLM_F_DUMP_INTR */
	unsigned int replies;
};

typedef void reply_fn(const struct nlmsghdr *nlh, void *data);

static UNUSED struct req *req_new(uint8_t cmd, uint16_t flags)
{
	static struct req req;
	static uint32_t seq;
	struct genlmsghdr *genl;

	memset(req.buf, 0, 256);
	req.nlh = mnl_nlmsg_put_header(req.buf);
	req.nlh->nlmsg_type = req_family;
	req.nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	req.nlh->nlmsg_seq = ++seq;
	genl = mnl_nlmsg_put_extra_header(req.nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = NATPUNCH_GENL_VERSION;
	return &req;
}

/* Returns the offset of the attribute, as extack gives it. */
static UNUSED uint32_t req_put(struct req *req, uint16_t type, size_t len,
			       const void *data)
{
	uint32_t offset = req->nlh->nlmsg_len;

	mnl_attr_put(req->nlh, type, len, data);
	return offset;
}

static UNUSED uint32_t req_str(struct req *req, uint16_t type, const char *s)
{
	return req_put(req, type, strlen(s) + 1, s);
}

static UNUSED uint32_t req_u8(struct req *req, uint16_t type, uint8_t v)
{
	return req_put(req, type, sizeof(v), &v);
}

static UNUSED uint32_t req_be16(struct req *req, uint16_t type, uint16_t v)
{
	v = htons(v);
	return req_put(req, type, sizeof(v), &v);
}

static UNUSED uint32_t req_u32(struct req *req, uint16_t type, uint32_t v)
{
	return req_put(req, type, sizeof(v), &v);
}

static UNUSED uint32_t req_ip(struct req *req, uint16_t type, const char *text)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	struct in6_addr ip;

	if (inet_pton(family, text, &ip) != 1)
		ktap_bail("%s is no address", text);
	return req_put(req, type, family == AF_INET ? 4 : 16, &ip);
}

static UNUSED uint32_t req_prefix(struct req *req, const char *text, uint8_t len)
{
	uint32_t offset = req->nlh->nlmsg_len;
	struct nlattr *nest;

	nest = mnl_attr_nest_start(req->nlh, NATPUNCH_A_WAN_INTERNAL);
	req_ip(req, NATPUNCH_A_PREFIX_ADDR, text);
	req_u8(req, NATPUNCH_A_PREFIX_LEN, len);
	mnl_attr_nest_end(req->nlh, nest);
	return offset;
}

static void answer_error(const struct nlmsghdr *nlh, struct answer *a)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*e);
	const struct nlattr *attr;

	a->err = -e->error;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);
	mnl_attr_for_each(attr, nlh, skip) {
		switch (mnl_attr_get_type(attr)) {
		case NLMSGERR_ATTR_MSG:
			snprintf(a->msg, sizeof(a->msg), "%s",
				 mnl_attr_get_str(attr));
			break;
		case NLMSGERR_ATTR_OFFS:
			a->offset = mnl_attr_get_u32(attr);
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			a->missing = mnl_attr_get_u32(attr);
			break;
		}
	}
}

/* One message of an answer; true if it was the last. */
static bool answer_message(const struct nlmsghdr *nlh, struct answer *a,
			   reply_fn *reply, void *data)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		answer_error(nlh, a);
		return true;
	case NLMSG_DONE:
		a->multi = true;
		a->err = -*(const int *)mnl_nlmsg_get_payload(nlh);
		return true;
	}
	a->replies++;
	if (reply)
		reply(nlh, data);
	return false;
}

/*
 * Send @req and read its answer to the end, in pieces of @size bytes. @size 0
 * takes a good one.
 */
static UNUSED struct answer req_ask_with(const struct req *req, size_t size,
					 reply_fn *reply, void *data)
{
	static char buf[1 << 18];
	struct answer a = { 0 };
	const struct nlmsghdr *nlh;
	bool last = false;
	ssize_t got;
	int len;

	if (mnl_socket_sendto(req_sock, req->nlh, req->nlh->nlmsg_len) < 0) {
		a.err = errno;
		return a;
	}
	while (!last) {
		got = mnl_socket_recvfrom(req_sock, buf,
					  size ? size : sizeof(buf));
		if (got < 0) {
			ktap_diag("receive: %s", strerror(errno));
			a.err = errno;
			return a;
		}
		nlh = (const struct nlmsghdr *)buf;
		len = got;
		while (!last && mnl_nlmsg_ok(nlh, len)) {
			if (nlh->nlmsg_seq == req->nlh->nlmsg_seq)
				last = answer_message(nlh, &a, reply, data);
			nlh = mnl_nlmsg_next(nlh, &len);
		}
	}
	return a;
}

static UNUSED struct answer req_ask(const struct req *req)
{
	return req_ask_with(req, 0, NULL, NULL);
}

static UNUSED void req_must(const struct req *req, const char *what)
{
	struct answer a = req_ask(req);

	if (a.err)
		ktap_bail("%s: %s (%s)", what, strerror(a.err), a.msg);
}

static void req_family_reply(const struct nlmsghdr *nlh,
			     UNUSED void *data)
{
	const struct nlattr *attr, *grp, *x;
	const char *name = "";
	uint32_t id = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			req_family = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(grp, attr) {
			mnl_attr_for_each_nested(x, grp) {
				if (mnl_attr_get_type(x) ==
				    CTRL_ATTR_MCAST_GRP_ID)
					id = mnl_attr_get_u32(x);
				else
					name = mnl_attr_get_str(x);
			}
			if (!strcmp(name, NATPUNCH_MCGRP_MAPPING))
				req_group = id;
			else if (!strcmp(name, NATPUNCH_MCGRP_HOLD))
				req_hold_group = id;
			else if (!strcmp(name, NATPUNCH_MCGRP_UPSTREAM))
				req_upstream_group = id;
			else if (!strcmp(name, NATPUNCH_MCGRP_CRAFTED))
				req_crafted_group = id;
		}
	}
}

/*
 * Open the socket, in the present namespace, and find the family, which may
 * load the module. Returns 0 or an errno.
 */
static UNUSED int req_open(void)
{
	struct answer a;
	struct req *req;
	int on = 1;

	if (req_sock)
		mnl_socket_close(req_sock);
	req_sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!req_sock || mnl_socket_bind(req_sock, 0, MNL_SOCKET_AUTOPID) < 0)
		ktap_bail("netlink socket: %s", strerror(errno));
	mnl_socket_setsockopt(req_sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(req_sock, NETLINK_CAP_ACK, &on, sizeof(on));

	req_family = GENL_ID_CTRL;
	req = req_new(CTRL_CMD_GETFAMILY, 0);
	req_str(req, CTRL_ATTR_FAMILY_NAME, NATPUNCH_GENL_NAME);
	/* A receive buffer once seen makes later pieces of dumps as large. */
	a = req_ask_with(req, 4096, req_family_reply, NULL);
	return a.err;
}

/* A network namespace of our own with the devices wan0 and wan1. */
static UNUSED void req_own_net(void)
{
	if (unshare(CLONE_NEWNET))
		ktap_bail("unshare: %s", strerror(errno));
	if (system("ip link set lo up"
		   " && ip link add wan0 type dummy && ip link set wan0 up"
		   " && ip addr add 203.0.113.2/24 dev wan0"
		   " && ip addr add 203.0.113.3/24 dev wan0"
		   " && ip addr add 2001:db8::2/64 dev wan0 nodad"
		   " && ip link add wan1 type dummy && ip link set wan1 up"
		   " && ip addr add 198.51.100.2/24 dev wan1"))
		ktap_bail("cannot make the devices");
}

static UNUSED void req_add_wan(const char *dev)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_NEW, 0);

	req_str(req, NATPUNCH_A_WAN_DEV, dev);
	req_must(req, dev);
}

static UNUSED struct req *req_reservation(uint8_t cmd, const char *dev,
					  uint8_t l4proto, const char *int_addr,
					  uint16_t int_port)
{
	struct req *req = req_new(cmd, 0);

	req_str(req, NATPUNCH_A_RESERVATION_WAN, dev);
	req_u8(req, NATPUNCH_A_RESERVATION_L4PROTO, l4proto);
	req_ip(req, NATPUNCH_A_RESERVATION_INT_ADDR, int_addr);
	req_be16(req, NATPUNCH_A_RESERVATION_INT_PORT, int_port);
	return req;
}

#endif /* NETLINK_REQ_H */
