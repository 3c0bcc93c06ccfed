// SPDX-License-Identifier: GPL-2.0
/*
 * Flows between sockets of the host, or of the gateway itself, and of the server:
 * what a program sees. UDP goes one way; of TCP there and back is one, or all of
 * a connection's opening.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* Flows that a window opens. */
#define FLOWS 50

/* The port at which the gateway admits what comes in. */
#define OWN_PORT 9

/* An established flow for each NAT, of the host's or the gateway's. */
struct pair {
	enum place near;
	int family;
	size_t size;
	bool inbound;
	int host[NATS], server[NATS];
};

/* New flows. Sockets that all of a window's flows share are the first one's. */
struct opening {
	int family, protocol;
	enum vary vary;
	unsigned int next[NATS];	/* flows there have been */
	struct {
		struct ep dst;
		int from, to, accepted;
	} flow[FLOWS];
};

static int must(int result, const char *what)
{
	if (result < 0)
		ktap_bail("%s: %s", what, strerror(errno));
	return result;
}

/*
 * Wait for what must come. It has come already, unless another task was needed
 * for it; then the window does not count.
 */
static void await(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	if (poll(&p, 1, 5000) != 1)
		ktap_bail("a packet is lost");
}

static void receive(int sock)
{
	static char buf[2048];

	while (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN)
			ktap_bail("recv: %s", strerror(errno));
		await(sock);
	}
}

static void pass(int from, int to, size_t size)
{
	static const char data[2048];

	must(send(from, data, size, MSG_DONTWAIT), "send");
	receive(to);
}

static int bound(enum nat nat, enum place place, struct ep local, int protocol)
{
	int type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int sock = net_socket(nat, place, local.sa.sa_family, type, protocol);
	int on = 1;

	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(sock, &local.sa, ep_len(local)), "bind");
	return sock;
}

/* Without a goodbye, which would stay in conntrack for minutes. */
static void abort_stream(int sock)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(sock);
}

/* Established flows */

static void one_way(enum nat nat, struct trial *t)
{
	struct pair *p = t->data;
	int from = p->inbound ? p->server[nat] : p->host[nat];
	int to = p->inbound ? p->host[nat] : p->server[nat];
	unsigned int i;

	for (i = 0; i < t->n; i++)
		pass(from, to, p->size);
}

static void there_and_back(enum nat nat, struct trial *t)
{
	struct pair *p = t->data;
	unsigned int i;

	for (i = 0; i < t->n; i++) {
		pass(p->host[nat], p->server[nat], p->size);
		pass(p->server[nat], p->host[nat], p->size);
	}
}

static int near_socket(const struct pair *p, enum nat nat, int protocol)
{
	bool own = p->near == AT_GATEWAY;

	return bound(nat, p->near,
		     net_ep(p->family, own ? GATEWAY_EP : HOST_EP,
			    own ? OWN_PORT : 5000), protocol);
}

static void establish_udp(struct pair *p, enum nat nat)
{
	struct ep server = net_ep(p->family, SERVER_EP, 6000), peer;
	socklen_t len = sizeof(peer);
	char byte = 0;

	p->host[nat] = near_socket(p, nat, IPPROTO_UDP);
	p->server[nat] = bound(nat, AT_SERVER, server, IPPROTO_UDP);
	must(connect(p->host[nat], &server.sa, ep_len(server)), "connect");
	must(send(p->host[nat], &byte, 1, 0), "send");
	must(recvfrom(p->server[nat], &byte, 1, 0, &peer.sa, &len),
	     "recvfrom");
	must(connect(p->server[nat], &peer.sa, len), "connect");
	pass(p->server[nat], p->host[nat], 1);
}

static void establish_tcp(struct pair *p, enum nat nat)
{
	struct ep server = net_ep(p->family, SERVER_EP, 6000);
	int listener, on = 1;

	listener = bound(nat, AT_SERVER, server, IPPROTO_TCP);
	must(listen(listener, 1), "listen");
	p->host[nat] = near_socket(p, nat, IPPROTO_TCP);
	must(connect(p->host[nat], &server.sa, ep_len(server)), "connect");
	p->server[nat] = must(accept(listener, NULL, NULL), "accept");
	close(listener);
	setsockopt(p->host[nat], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(p->server[nat], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void hold_in_window(enum nat nat, struct trial *t)
{
	(void)t;
	if (nat == NATPUNCH)
		hold_window();
}

static void establish(struct pair *p, int protocol, struct trial *t)
{
	int nat;

	for (nat = 0; nat < NATS; nat++) {
		(protocol == IPPROTO_TCP ? establish_tcp : establish_udp)(p, nat);
		t->go(nat, t);	/* TCP is in a hurry at first. */
	}
}

static void disestablish(struct pair *p)
{
	int nat;

	for (nat = 0; nat < NATS; nat++) {
		abort_stream(p->host[nat]);
		abort_stream(p->server[nat]);
	}
	net_forget_all();
}

static void established(const char *name, int family, int protocol, size_t size,
			bool inbound)
{
	struct pair p = {
		.family = family, .size = size, .inbound = inbound,
	};
	bool tcp = protocol == IPPROTO_TCP;
	struct trial t = {
		.group = "established flow", .name = name,
		.n = tcp ? 25 : 50, .repeats = tcp ? 180 : 20,
		.prepare = hold_in_window,
		.go = tcp ? there_and_back : one_way, .data = &p,
	};
	struct result r;

	if (!budget_wants(t.group, name))
		return;
	establish(&p, protocol, &t);
	r = measure(&t);
	report_trial(&t, &r);
	disestablish(&p);
}

static void contrast(const char *group, const char *name,
		     struct pair p, int protocol,
		     void (*choose)(unsigned int which, struct trial *t))
{
	bool tcp = protocol == IPPROTO_TCP;
	struct trial t = {
		.group = group, .name = name,
		.n = tcp ? 25 : 50, .repeats = tcp ? 60 : 20,
		.prepare = hold_in_window,
		.go = tcp ? there_and_back : one_way, .data = &p,
	};
	struct contrast c;

	if (!budget_wants(group, name))
		return;
	p.size = 32;
	establish(&p, protocol, &t);
	c = compare(&t, 2, choose);
	report_contrast(&t, &c);
	disestablish(&p);
}

void established_contrast(const char *group, enum place near,
			  void (*choose)(unsigned int which, struct trial *t))
{
	struct pair out = { .near = near, .family = AF_INET };
	struct pair in = out, out6 = out, in6;

	in.inbound = true;
	out6.family = AF_INET6;
	in6 = out6;
	in6.inbound = true;
	contrast(group, "established UDP, outbound", out, IPPROTO_UDP,
		 choose);
	contrast(group, "established UDP, inbound", in, IPPROTO_UDP,
		 choose);
	contrast(group, "established TCP, there and back", out, IPPROTO_TCP,
		 choose);
	contrast(group, "established IPv6 UDP, outbound", out6, IPPROTO_UDP,
		 choose);
	contrast(group, "established IPv6 UDP, inbound", in6, IPPROTO_UDP,
		 choose);
}

void bench_established(void)
{
	const int udp = IPPROTO_UDP, tcp = IPPROTO_TCP;

	net_set_hold(true, false);
	established("UDP, 32 bytes, outbound", AF_INET, udp, 32, false);
	established("UDP, 32 bytes, inbound", AF_INET, udp, 32, true);
	established("UDP, 1400 bytes, outbound", AF_INET, udp, 1400, false);
	established("UDP, 1400 bytes, inbound", AF_INET, udp, 1400, true);
	established("TCP, 32 bytes, there and back", AF_INET, tcp, 32, false);
	established("TCP, 1400 bytes, there and back", AF_INET, tcp, 1400,
		    false);
	established("IPv6 UDP, 32 bytes, outbound", AF_INET6, udp, 32, false);
	established("IPv6 UDP, 32 bytes, inbound", AF_INET6, udp, 32, true);
	established("IPv6 UDP, 1400 bytes, outbound", AF_INET6, udp, 1400,
		    false);
	established("IPv6 TCP, 32 bytes, there and back", AF_INET6, tcp, 32,
		    false);
}

/* New flows */

static struct ep opening_src(const struct opening *o, unsigned int nth)
{
	struct ep src = net_ep(o->family, HOST_EP, 5000);

	return o->vary == SRC_PORT ? ep_at(src, net_scatter(nth)) : src;
}

static struct ep opening_dst(const struct opening *o, unsigned int nth)
{
	struct ep dst = net_ep(o->family, AWAY_EP, 7000);

	if (o->vary == DST_ADDR)
		return net_nth(dst, nth);
	return o->vary == DST_PORT ? ep_at(dst, net_scatter(nth)) : dst;
}

/* Open the sockets of flow @i of the window. */
static void prepare_flow(enum nat nat, struct opening *o, unsigned int i)
{
	bool tcp = o->protocol == IPPROTO_TCP;
	unsigned int nth = o->next[nat]++;
	struct ep any;

	o->flow[i].dst = opening_dst(o, nth);
	o->flow[i].from = o->flow[0].from;
	o->flow[i].to = o->flow[0].to;
	if (!i || tcp || o->vary == SRC_PORT)
		o->flow[i].from = bound(nat, AT_HOST, opening_src(o, nth),
					o->protocol);
	if (i && o->vary != DST_PORT)
		return;
	any = ep(o->family == AF_INET ? "0.0.0.0" : "::",
		 ep_port(o->flow[i].dst));
	o->flow[i].to = bound(nat, AT_SERVER, any, o->protocol);
	if (tcp)
		must(listen(o->flow[i].to, FLOWS), "listen");
}

static void prepare_flows(enum nat nat, struct trial *t)
{
	unsigned int i;

	for (i = 0; i < t->n; i++)
		prepare_flow(nat, t->data, i);
}

static void send_first(enum nat nat, struct trial *t)
{
	struct opening *o = t->data;
	static const char data[32];
	unsigned int i;

	(void)nat;
	for (i = 0; i < t->n; i++) {
		must(sendto(o->flow[i].from, data, sizeof(data), MSG_DONTWAIT,
			    &o->flow[i].dst.sa, ep_len(o->flow[i].dst)),
		     "sendto");
		receive(o->flow[i].to);
	}
}

static void connect_all(enum nat nat, struct trial *t)
{
	struct opening *o = t->data;
	unsigned int i;

	(void)nat;
	for (i = 0; i < t->n; i++) {
		must(connect(o->flow[i].from, &o->flow[i].dst.sa,
			     ep_len(o->flow[i].dst)), "connect");
		o->flow[i].accepted = must(accept(o->flow[i].to, NULL, NULL),
					   "accept");
	}
}

static void finish_flows(enum nat nat, struct trial *t)
{
	struct opening *o = t->data;
	unsigned int i;

	(void)nat;
	for (i = 0; i < t->n; i++) {
		if (o->protocol == IPPROTO_TCP) {
			abort_stream(o->flow[i].from);
			abort_stream(o->flow[i].accepted);
		} else if (!i || o->vary == SRC_PORT) {
			close(o->flow[i].from);
		}
		if (!i || o->vary == DST_PORT)
			close(o->flow[i].to);
	}
}

static void new_flows(const char *group, const char *name, int family,
		      int protocol, enum vary vary)
{
	struct opening o = {
		.family = family, .protocol = protocol, .vary = vary,
	};
	struct trial t = {
		.group = group, .name = name,
		/* A connection has more packets. */
		.n = protocol == IPPROTO_TCP ? FLOWS / 5 : FLOWS,
		.repeats = 20, .prepare = prepare_flows,
		.go = protocol == IPPROTO_TCP ? connect_all : send_first,
		.finish = finish_flows, .data = &o,
	};
	struct result r;

	if (!budget_wants(group, name))
		return;
	r = measure(&t);
	report_trial(&t, &r);
	net_forget_all();
}

void bench_new(void)
{
	const int udp = IPPROTO_UDP, tcp = IPPROTO_TCP;
	static const char flow[] = "new flow on a mapping";
	static const char mapping[] = "new flow on a new mapping";

	new_flows(flow, "UDP, to another address", AF_INET, udp, DST_ADDR);
	new_flows(flow, "UDP, to another port", AF_INET, udp, DST_PORT);
	new_flows(flow, "TCP connection, to another address", AF_INET, tcp,
		  DST_ADDR);
	new_flows(flow, "IPv6 UDP, to another address", AF_INET6, udp,
		  DST_ADDR);
	new_flows(flow, "IPv6 UDP, to another port", AF_INET6, udp,
		  DST_PORT);
	new_flows(mapping, "UDP", AF_INET, udp, SRC_PORT);
	new_flows(mapping, "TCP connection", AF_INET, tcp, SRC_PORT);
	new_flows(mapping, "IPv6 UDP", AF_INET6, udp, SRC_PORT);
}
