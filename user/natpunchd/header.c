// SPDX-License-Identifier: GPL-2.0
/* IP headers; see header.h. */
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "header.h"

#define PORTS	4	/* bytes, at the start of both TCP and UDP */
#define TTL	64

/* --- read ------------------------------------------------------------------ */

static void set_v4(union endpoint *ep, uint32_t addr)
{
	ep->in.sin_family = AF_INET;
	ep->in.sin_addr.s_addr = addr;
}

static void set_v6(union endpoint *ep, const struct in6_addr *addr)
{
	ep->in6.sin6_family = AF_INET6;
	ep->in6.sin6_addr = *addr;
}

static size_t parse_v4(struct header *h, const uint8_t *packet, size_t len)
{
	struct iphdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ihl < 5 || ip.protocol != h->proto ||
	    ip.frag_off & htons(0x1fff))
		return 0;
	set_v4(&h->src, ip.saddr);
	set_v4(&h->dst, ip.daddr);
	h->ttl = ip.ttl;
	return ip.ihl * 4;
}

static size_t parse_v6(struct header *h, const uint8_t *packet, size_t len)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ip6_nxt != h->proto)
		return 0;
	set_v6(&h->src, &ip.ip6_src);
	set_v6(&h->dst, &ip.ip6_dst);
	h->ttl = ip.ip6_hlim;
	return sizeof(ip);
}

size_t header_parse(struct header *h, const uint8_t *packet, size_t len)
{
	unsigned int version = len ? packet[0] >> 4 : 0;
	size_t at = 0;

	memset(&h->src, 0, sizeof(h->src));
	memset(&h->dst, 0, sizeof(h->dst));
	if (version == 4)
		at = parse_v4(h, packet, len);
	else if (version == 6)
		at = parse_v6(h, packet, len);
	if (!at || len < at + 2 * PORTS)
		return 0;
	endpoint_set_port(&h->src, packet[at] << 8 | packet[at + 1]);
	endpoint_set_port(&h->dst, packet[at + 2] << 8 | packet[at + 3]);
	return at;
}

/* --- made ------------------------------------------------------------------ */

static uint32_t sum(uint32_t so_far, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		so_far += p[0] << 8 | p[1];
	return so_far + (len ? *p << 8 : 0);
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons(~s & 0xffff);
}

static uint32_t sum_address(uint32_t so_far, const union endpoint *ep)
{
	if (ep->sa.sa_family == AF_INET)
		return sum(so_far, &ep->in.sin_addr, sizeof(ep->in.sin_addr));
	return sum(so_far, &ep->in6.sin6_addr, sizeof(ep->in6.sin6_addr));
}

/* Of the pseudo header, nothing but the addresses differs (RFC 8200 8.1). */
uint16_t header_checksum(const struct header *h, const void *data, size_t len)
{
	uint32_t s = (uint32_t)(h->proto + len);
	uint16_t folded;

	s = sum_address(sum_address(s, &h->src), &h->dst);
	folded = fold(sum(s, data, len));
	return h->proto == IPPROTO_UDP && !folded ? 0xffff : folded;
}

static size_t make_v4(const struct header *h, uint8_t *out, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + len),
		.frag_off = htons(0x4000),	/* may not be fragmented */
		.ttl = h->ttl ? h->ttl : TTL,
		.protocol = h->proto,
		.saddr = h->src.in.sin_addr.s_addr,
		.daddr = h->dst.in.sin_addr.s_addr,
	};

	ip.check = fold(sum(0, &ip, sizeof(ip)));
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t make_v6(const struct header *h, uint8_t *out, size_t len)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_src = h->src.in6.sin6_addr,
		.ip6_dst = h->dst.in6.sin6_addr,
	};

	ip.ip6_plen = htons(len);
	ip.ip6_nxt = h->proto;
	ip.ip6_hlim = h->ttl ? h->ttl : TTL;
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

size_t header_make(const struct header *h, uint8_t *out, size_t len)
{
	if (h->src.sa.sa_family != h->dst.sa.sa_family)
		return 0;
	if (h->src.sa.sa_family == AF_INET)
		return make_v4(h, out, len);
	return h->src.sa.sa_family == AF_INET6 ? make_v6(h, out, len) : 0;
}
