// SPDX-License-Identifier: GPL-2.0
/* Packets made by hand; see bench.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "lab/packet.h"

#define FRAME_MAX 128

/* The train that stands ready. */
static struct {
	uint8_t frame[TRIAL_MAX][FRAME_MAX];
	struct iovec iov[TRIAL_MAX];
	struct mmsghdr msg[TRIAL_MAX];
	unsigned int n;
	int sock;
	unsigned long arrived;
} ready;

static struct packet packet(const struct train *t, unsigned int i)
{
	struct ep src = t->src, dst = t->dst;

	if (t->vary == SRC_PORT)
		src = ep_at(src, net_scatter(i));
	else if (t->vary == SRC_ADDR)
		src = net_nth(src, i);
	else if (t->vary == SRC_NET)
		src.in6.sin6_addr.s6_addr16[3] = htons(i);
	else if (t->vary == SRC_HOSTS)
		src = ep_at(t->hosts[i % t->n_hosts], net_scatter(i));
	else if (t->vary == DST_PORT)
		dst = ep_at(dst, net_scatter(i));
	else if (t->vary == DST_ADDR)
		dst = net_nth(dst, i);
	if (t->protocol == IPPROTO_TCP)
		return packet_tcp(src, dst, t->flags ? t->flags : TCP_SYN, 1000,
				  t->flags & TCP_ACK ? 2000 : 0);
	return packet_udp(src, dst, "sixteen letters.");
}

static int packet_socket(enum nat nat, enum place from)
{
	static int sockets[NATS][PLACES];
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	int *sock = &sockets[nat][from];

	if (*sock)
		return *sock;
	*sock = net_socket(nat, from, AF_PACKET, SOCK_RAW, 0);
	ll.sll_ifindex = if_nametoindex("eth0");
	if (bind(*sock, (struct sockaddr *)&ll, sizeof(ll)))
		ktap_bail("packet socket: %s", strerror(errno));
	return *sock;
}

static void make_ready(enum nat nat, struct train *t, unsigned int n)
{
	/* bench_net.c gave the devices these addresses. */
	const struct ethhdr eth = {
		.h_dest = { 2, 0, 0, 0, t->stray, t->from == AT_HOST ? 1 : 3 },
		.h_source = { 2, 0, 0, 0, 0, t->from == AT_HOST ? 2 : 4 },
		.h_proto = htons(t->src.sa.sa_family == AF_INET ? ETH_P_IP :
								  ETH_P_IPV6),
	};
	struct packet p;
	unsigned int i;

	for (i = 0; i < n; i++) {
		p = packet(t, t->next[nat]++);
		memcpy(ready.frame[i], &eth, sizeof(eth));
		memcpy(ready.frame[i] + sizeof(eth), p.data, p.len);
		ready.iov[i].iov_base = ready.frame[i];
		ready.iov[i].iov_len = sizeof(eth) + p.len;
		ready.msg[i].msg_hdr.msg_iov = &ready.iov[i];
		ready.msg[i].msg_hdr.msg_iovlen = 1;
	}
	ready.n = n;
	ready.sock = packet_socket(nat, t->from);
}

void train_leave(void)
{
	if (sendmmsg(ready.sock, ready.msg, ready.n, 0) != (int)ready.n)
		ktap_bail("sendmmsg: %s", strerror(errno));
}

static unsigned long arrived(enum nat nat, const struct train *t)
{
	return net_arrived(nat, t->to == AT_GATEWAY ? AT_HOST : t->to);
}

void train_ready(enum nat nat, struct train *train, unsigned int n)
{
	make_ready(nat, train, n);
	ready.arrived = arrived(nat, train);
}

void train_check(enum nat nat, const struct train *train, const char *name)
{
	unsigned long want = train->to == AT_GATEWAY ? 0 : ready.n;
	unsigned long got = arrived(nat, train) - ready.arrived;

	if (got < want || got > want + train->beside)
		ktap_bail("%s, NAT %d: %lu of %lu packets arrived", name, nat,
			  got, want);
}

void train_prepare(enum nat nat, struct trial *t)
{
	train_ready(nat, t->data, t->n);
}

static void go(enum nat nat, struct trial *t)
{
	(void)nat;
	(void)t;
	train_leave();
}

static void finish(enum nat nat, struct trial *t)
{
	train_check(nat, t->data, t->name);
}

struct train train_out(int family, int protocol, enum vary vary)
{
	/* Each has a port to itself, of which nobody has heard. */
	static unsigned int port = 5000;

	port++;
	return (struct train) {
		.from = AT_HOST, .to = AT_SERVER, .protocol = protocol,
		.src = net_ep(family, NEAR_EP, port),
		.dst = net_ep(family, FAR_EP, 7000), .vary = vary,
	};
}

struct trial train_trial(struct train *train, const char *group,
			 const char *name)
{
	return (struct trial) {
		.group = group, .name = name, .n = 50, .repeats = 20,
		.prepare = train_prepare, .go = go, .finish = finish, .data = train,
	};
}

void train_reach(enum nat nat, struct train *t, unsigned int flows)
{
	unsigned int n;

	while (t->next[nat] < flows) {
		n = flows - t->next[nat];
		make_ready(nat, t, n < TRIAL_MAX ? n : TRIAL_MAX);
		train_leave();
	}
}

void train_send(enum nat nat, struct train *t, unsigned int flows)
{
	train_reach(nat, t, t->next[nat] + flows);
}
