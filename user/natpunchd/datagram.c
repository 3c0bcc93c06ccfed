// SPDX-License-Identifier: GPL-2.0
/* UDP datagrams, read and made; see datagram.h. */
#include <stddef.h>		/* libnetfilter_queue forgets it */
#include <stdint.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#include "datagram.h"

static void set_endpoint(union endpoint *ep, uint32_t addr, uint16_t port)
{
	ep->in.sin_family = AF_INET;
	ep->in.sin_addr.s_addr = addr;
	ep->in.sin_port = port;
}

bool datagram_parse(struct datagram *d, const uint8_t *packet, size_t len)
{
	struct udphdr udp;
	struct iphdr ip;
	size_t at;

	memset(d, 0, sizeof(*d));
	if (len < sizeof(ip))
		return false;
	memcpy(&ip, packet, sizeof(ip));
	at = ip.ihl * 4;
	if (ip.version != 4 || ip.ihl < 5 || ip.protocol != IPPROTO_UDP ||
	    ip.frag_off & htons(0x1fff) || len < at + sizeof(udp))
		return false;
	memcpy(&udp, packet + at, sizeof(udp));
	if (ntohs(udp.len) < sizeof(udp))
		return false;
	set_endpoint(&d->src, ip.saddr, udp.source);
	set_endpoint(&d->dst, ip.daddr, udp.dest);
	d->ttl = ip.ttl;
	d->data = packet + at + sizeof(udp);
	d->len = len - at - sizeof(udp);
	if (d->len > ntohs(udp.len) - sizeof(udp))
		d->len = ntohs(udp.len) - sizeof(udp);
	return true;
}

size_t datagram_make(const struct datagram *d, uint8_t *out)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t data[DATAGRAM_DATA];
	} packet = {
		.ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(packet.ip) +
					 sizeof(packet.udp) + d->len),
			.frag_off = htons(0x4000),	/* not to be fragmented */
			.ttl = d->ttl ? d->ttl : 64,
			.protocol = IPPROTO_UDP,
			.saddr = d->src.in.sin_addr.s_addr,
			.daddr = d->dst.in.sin_addr.s_addr,
		},
		.udp = {
			.source = d->src.in.sin_port,
			.dest = d->dst.in.sin_port,
			.len = htons(sizeof(packet.udp) + d->len),
		},
	};
	size_t len = sizeof(packet.ip) + sizeof(packet.udp) + d->len;

	if (d->src.sa.sa_family != AF_INET || d->dst.sa.sa_family != AF_INET ||
	    d->len > sizeof(packet.data))
		return 0;
	if (d->len)
		memcpy(packet.data, d->data, d->len);
	nfq_ip_set_checksum(&packet.ip);
	nfq_udp_compute_checksum_ipv4(&packet.udp, &packet.ip);
	memcpy(out, &packet, len);
	return len;
}
