// SPDX-License-Identifier: GPL-2.0
/*
 * The multicast group of mapping events: each mapping made and ended is told,
 * with its endpoints and the reason of its end, to the namespace's listeners
 * and to no others.
 *
 * The gateway is GA of the lab; A's packets and reservations make the mappings.
 */
#include "netlink_req.h"

#include "lab/sock.h"

#include <poll.h>

struct event {
	uint8_t cmd;		/* 0: none came */
	char wan[16];
	uint8_t l4proto;
	char int_addr[INET6_ADDRSTRLEN];
	uint16_t int_port;
	char ext_addr[INET6_ADDRSTRLEN];
	uint16_t ext_port;
	int zone;		/* -1: not given, as the rest */
	int filter;
	int flows;
	int reason;
	bool reserved;
};

static struct mnl_socket *listener;

static struct mnl_socket *listen_here(void)
{
	struct mnl_socket *sock;

	sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &req_group,
				  sizeof(req_group)))
		ktap_bail("cannot listen: %s", strerror(errno));
	return sock;
}

static void get_addr(const struct nlattr *attr, char *text)
{
	int family = mnl_attr_get_payload_len(attr) == 4 ? AF_INET : AF_INET6;

	inet_ntop(family, mnl_attr_get_payload(attr), text, INET6_ADDRSTRLEN);
}

static void parse_attr(const struct nlattr *attr, struct event *e)
{
	switch (mnl_attr_get_type(attr)) {
	case NATPUNCH_A_MAPPING_WAN:
		snprintf(e->wan, sizeof(e->wan), "%s", mnl_attr_get_str(attr));
		break;
	case NATPUNCH_A_MAPPING_L4PROTO:
		e->l4proto = mnl_attr_get_u8(attr);
		break;
	case NATPUNCH_A_MAPPING_INT_ADDR:
		get_addr(attr, e->int_addr);
		break;
	case NATPUNCH_A_MAPPING_INT_PORT:
		e->int_port = ntohs(mnl_attr_get_u16(attr));
		break;
	case NATPUNCH_A_MAPPING_EXT_ADDR:
		get_addr(attr, e->ext_addr);
		break;
	case NATPUNCH_A_MAPPING_EXT_PORT:
		e->ext_port = ntohs(mnl_attr_get_u16(attr));
		break;
	case NATPUNCH_A_MAPPING_ZONE:
		e->zone = mnl_attr_get_u16(attr);
		break;
	case NATPUNCH_A_MAPPING_FILTER:
		e->filter = mnl_attr_get_u8(attr);
		break;
	case NATPUNCH_A_MAPPING_FLOWS:
		e->flows = mnl_attr_get_u32(attr);
		break;
	case NATPUNCH_A_MAPPING_REASON:
		e->reason = mnl_attr_get_u8(attr);
		break;
	case NATPUNCH_A_MAPPING_RESERVED:
		e->reserved = true;
		break;
	}
}

static struct event no_event(void)
{
	return (struct event) {
		.zone = -1, .filter = -1, .flows = -1, .reason = -1
	};
}

/* The next event within @seconds. Each is a message of its own. */
static struct event next_event(int seconds)
{
	struct pollfd pfd = {
		.fd = mnl_socket_get_fd(listener), .events = POLLIN
	};
	struct event e = no_event();
	const struct genlmsghdr *genl;
	const struct nlmsghdr *nlh;
	const struct nlattr *attr;
	char buf[8192];

	if (poll(&pfd, 1, seconds * 1000) <= 0)
		return e;
	if (mnl_socket_recvfrom(listener, buf, sizeof(buf)) < 0)
		ktap_bail("receive: %s", strerror(errno));
	genl = mnl_nlmsg_get_payload((struct nlmsghdr *)buf);
	e.cmd = genl->cmd;
	nlh = (struct nlmsghdr *)buf;
	mnl_attr_for_each(attr, nlh, sizeof(*genl)) {
		parse_attr(attr, &e);
	}
	return e;
}

static const char *event_text(const struct event *e)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "event %u: %s %u %s %u -> %s %u zone %d filter %d flows %d reason %d%s",
		 e->cmd, e->wan, e->l4proto, e->int_addr, e->int_port,
		 e->ext_addr, e->ext_port, e->zone, e->filter, e->flows,
		 e->reason, e->reserved ? " reserved" : "");
	return text;
}

/* A mapping of A's port @port ended, for @reason. */
static void expect_end(uint16_t port, int reason, int seconds,
		       const char *name)
{
	struct event e = next_event(seconds);
	bool good = e.cmd == NATPUNCH_CMD_MAPPING_DEL_NTF &&
		    e.int_port == port && e.reason == reason &&
		    !strcmp(e.int_addr, ep_addr_str(host(A, port)));

	if (!good)
		ktap_diag("%s", event_text(&e));
	ktap_ok(good, "%s", name);
}

static void expect_silence(const char *name)
{
	struct event e = next_event(3);

	if (e.cmd)
		ktap_diag("%s", event_text(&e));
	ktap_ok(!e.cmd, "%s", name);
}

static struct req *reservation(uint8_t cmd, uint16_t port)
{
	return req_reservation(cmd, "wan", IPPROTO_UDP,
			       ep_addr_str(host(A, port)), port);
}

/* A packet of A's makes a mapping; its event is taken off. */
static struct event make_mapping(uint16_t port)
{
	int a = udp_open(A, host(A, port));
	int s = udp_open(SERVER, server(1, 3478));
	struct event e;

	if (!udp_deliver(a, server(1, 3478), s, NULL))
		ktap_bail("no packet comes through");
	e = next_event(3);
	if (e.cmd != NATPUNCH_CMD_MAPPING_NEW_NTF || e.int_port != port)
		ktap_bail("no event of port %u: %s", port, event_text(&e));
	sock_close(a);
	sock_close(s);
	return e;
}

#define MADE 7

static void test_made(void)
{
	struct req *req;
	struct event e;

	e = make_mapping(4000);
	ktap_diag("%s", event_text(&e));
	ktap_ok(true, "a mapping that a packet made is an event");
	ktap_ok(!strcmp(e.wan, "wan") && e.l4proto == IPPROTO_UDP &&
		!strcmp(e.int_addr, ep_addr_str(host(A, 0))) &&
		!strcmp(e.ext_addr, ep_addr_str(wan(GA, 0))) &&
		e.ext_port == 4000, "with its WAN, protocol and endpoints");
	ktap_ok(e.zone == 0 && e.filter == NATPUNCH_FILTER_DEFAULT &&
		e.flows >= 0 && !e.reserved && e.reason == -1,
		"with zone, filtering and flows, and no reason");

	req = reservation(NATPUNCH_CMD_RESERVATION_NEW, 5000);
	req_be16(req, NATPUNCH_A_RESERVATION_EXT_PORT, 40000);
	req_u8(req, NATPUNCH_A_RESERVATION_FILTER, NATPUNCH_FILTER_EIF);
	req_must(req, "reservation");
	e = next_event(3);
	ktap_diag("%s", event_text(&e));
	ktap_ok(e.cmd == NATPUNCH_CMD_MAPPING_NEW_NTF && e.int_port == 5000,
		"a mapping that a reservation made is an event");
	ktap_ok(e.ext_port == 40000, "with the port that was asked for");
	ktap_ok(e.reserved, "marked as reserved");
	ktap_ok(e.filter == NATPUNCH_FILTER_EIF, "with its own filtering");
}

static void flush(uint16_t port)
{
	struct req *req = req_new(NATPUNCH_CMD_MAPPING_FLUSH, 0);

	req_be16(req, NATPUNCH_A_MAPPING_INT_PORT, port);
	req_must(req, "flush");
}

/* 0 for all ports again. */
static void set_port_min(uint16_t port)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_SET, 0);

	req_str(req, NATPUNCH_A_WAN_DEV, "wan");
	req_be16(req, NATPUNCH_A_WAN_PORT_MIN, port ? port : 1024);
	req_must(req, "port range");
}

#define ENDED 9

static void test_ended(void)
{
	struct req *req;

	req_must(reservation(NATPUNCH_CMD_RESERVATION_DEL, 5000), "delete");
	expect_end(5000, NATPUNCH_END_REASON_RESERVATION, 3,
		   "the end of a reservation ends its mapping");
	flush(4000);
	expect_end(4000, NATPUNCH_END_REASON_FLUSHED, 3, "a flush");

	make_mapping(5001);
	expect_end(5001, NATPUNCH_END_REASON_IDLE, 1000, "an idle mapping");

	make_mapping(5002);
	set_port_min(6000);
	expect_end(5002, NATPUNCH_END_REASON_WAN, 3,
		   "the port is no longer in the WAN's range");
	set_port_min(0);

	make_mapping(5003);
	must(GA, "ip addr del %s/24 dev wan", ep_addr_str(wan(GA, 0)));
	expect_end(5003, NATPUNCH_END_REASON_ADDRESS, 10,
		   "the external address went away");
	must(GA, "ip addr add %s/24 dev wan", ep_addr_str(wan(GA, 0)));
	must(GA, "ip route replace default via 203.0.113.1");

	make_mapping(5004);
	must(GA, "ip link set wan down && ip link set wan name away");
	expect_end(5004, NATPUNCH_END_REASON_WAN, 10,
		   "the device took another name");
	must(GA, "ip link set away name wan && ip link set wan up &&"
	     " ip route replace default via 203.0.113.1");

	make_mapping(5005);
	req = req_new(NATPUNCH_CMD_WAN_DEL, 0);
	req_str(req, NATPUNCH_A_WAN_DEV, "wan");
	req_must(req, "wan-del");
	expect_end(5005, NATPUNCH_END_REASON_WAN, 10, "the WAN was deleted");
	expect_silence("and that is all");

	req_add_wan("wan");
	make_mapping(5006);
	must(GA, "ip link del wan");
	expect_end(5006, NATPUNCH_END_REASON_WAN, 10, "the device went away");
}

/* GB's listener hears nothing of GA, and keeps up badly with GB. */
static void test_overrun(void)
{
	char buf[8192];
	int least = 1, i;

	req_add_wan("wan");
	listener = listen_here();
	setsockopt(mnl_socket_get_fd(listener), SOL_SOCKET, SO_RCVBUF, &least,
		   sizeof(least));
	for (i = 0; i < 200; i++)
		req_must(reservation(NATPUNCH_CMD_RESERVATION_NEW, 7000 + i),
			 "reservation");
	ktap_ok(mnl_socket_recvfrom(listener, buf, sizeof(buf)) < 0 &&
		errno == ENOBUFS, "a listener that lost events is told so");
	mnl_socket_close(listener);
}

static void enter(enum node node)
{
	lab_enter(node);
	if (req_open())
		ktap_bail("there is no family " NATPUNCH_GENL_NAME);
}

int main(void)
{
	struct mnl_socket *other;

	ktap_plan(MADE + ENDED + 2);
	lab_start();
	enter(GB);
	other = listen_here();
	enter(GA);
	req_add_wan("wan");
	listener = listen_here();

	test_made();
	test_ended();
	mnl_socket_close(listener);

	listener = other;
	expect_silence("events of another namespace are not heard");
	enter(GB);
	test_overrun();
	return ktap_exit();
}
