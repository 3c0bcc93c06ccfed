// SPDX-License-Identifier: GPL-2.0
/* Sniffers: AF_PACKET sockets on a node's device. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "packet.h"
#include "sock.h"

int sniff_open(enum node node, const char *dev)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int sock = sock_open(node, AF_PACKET, SOCK_DGRAM, 0);
	int room = 8 << 20;

	lab_enter(node);
	ll.sll_ifindex = if_nametoindex(dev);
	lab_enter(HOME);
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(sock, (struct sockaddr *)&ll, sizeof(ll)))
		ktap_bail("sniff %s: %s", dev, strerror(errno));
	return sock;
}

bool sniff_next(int sniffer, struct packet *p, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms, now;
	struct pollfd poller = { .fd = sniffer, .events = POLLIN };
	struct sockaddr_ll ll;
	socklen_t len;
	uint8_t data[sizeof(p->data)];
	ssize_t n;

	for (;;) {
		now = now_ms();
		if (poll(&poller, 1, now < end ? end - now : 0) <= 0)
			return false;
		len = sizeof(ll);
		n = recvfrom(sniffer, data, sizeof(data), MSG_DONTWAIT,
			     (struct sockaddr *)&ll, &len);
		if (n > 0 && packet_parse(p, data, n)) {
			p->outgoing = ll.sll_pkttype == PACKET_OUTGOING;
			return true;
		}
	}
}

bool sniff_find(int sniffer, struct packet *p,
		bool (*match)(const struct packet *p, const void *arg),
		const void *arg, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms, now = now_ms();

	while (sniff_next(sniffer, p, now < end ? end - now : 0)) {
		if (match(p, arg))
			return true;
		now = now_ms();
	}
	return false;
}

bool is_icmp_error(const struct packet *p, const void *unused)
{
	struct packet inner;

	(void)unused;
	return packet_inner(p, &inner);
}

bool is_to(const struct packet *p, const void *dst_ep)
{
	return ep_eq(p->dst, *(const struct ep *)dst_ep);
}

bool is_from(const struct packet *p, const void *src_ep)
{
	return ep_eq(p->src, *(const struct ep *)src_ep);
}

bool is_tcp_rst(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_TCP && p->tcp_flags & TCP_RST;
}
