// SPDX-License-Identifier: GPL-2.0
/* natzoo's packets. See natzoo.h; owns nothing. */
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "natzoo.h"

#define QUOTE4	548	/* so that the error fits 576 bytes */
#define QUOTE6	1232	/* ... and 1280 */

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* --- checksums (RFC 1071, 1624) -------------------------------------------- */

static uint32_t add(uint32_t sum, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(data + i);
	if (len & 1)
		sum += data[len - 1] << 8;
	return sum;
}

static unsigned int fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* @len bytes at @at become @new, and the checksum at @sum (or NULL) with them. */
static void replace(uint8_t *sum, uint8_t *at, const void *new, size_t len)
{
	uint32_t total = 0;
	size_t i;

	if (sum) {
		total = ~get16(sum) & 0xffff;
		for (i = 0; i < len; i += 2)
			total += ~get16(at + i) & 0xffff;
		total = add(total, new, len);
		put16(sum, ~fold(total));
	}
	memcpy(at, new, len);
}

/* Where the transport's checksum is; NULL: it is not there, or not used. */
static uint8_t *checksum_at(const struct packet *p)
{
	size_t at = p->l4;

	switch (p->protocol) {
	case IPPROTO_UDP:
		at += offsetof(struct udphdr, uh_sum);
		break;
	case IPPROTO_TCP:
		at += offsetof(struct tcphdr, th_sum);
		break;
	default:
		at += offsetof(struct icmphdr, checksum);
	}
	if (!p->header || at + 2 > p->len)
		return NULL;
	if (p->protocol == IPPROTO_UDP && !get16(p->data + at))
		return NULL;
	return p->data + at;
}

/* A UDP checksum of 0 would say that there is none. */
static void not_zero(const struct packet *p, uint8_t *sum)
{
	if (sum && p->protocol == IPPROTO_UDP && !get16(sum))
		put16(sum, 0xffff);
}

static int wire_protocol(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMP && p->v6 ? IPPROTO_ICMPV6
						     : p->protocol;
}

static uint32_t pseudo_header(const struct packet *p)
{
	size_t len = p->len - p->l4;

	if (p->protocol == IPPROTO_ICMP && !p->v6)
		return 0;
	if (p->v6)
		return add(wire_protocol(p) + len, p->data + 8, 32);
	return add(wire_protocol(p) + len, p->data + 12, 8);
}

void packet_checksum(struct packet *p)
{
	uint8_t *sum = checksum_at(p);

	if (!sum || p->fragment)
		return;
	put16(sum, 0);
	put16(sum, ~fold(add(pseudo_header(p), p->data + p->l4,
			     p->len - p->l4)));
	not_zero(p, sum);
}

static void ip_checksum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, ~fold(add(0, ip, (ip[0] & 15) * 4)));
}

/* --- reading --------------------------------------------------------------- */

static struct zoo_ep ep6(const uint8_t *addr)
{
	struct zoo_ep ep = { .port = 0 };

	memcpy(ep.addr, addr, sizeof(ep.addr));
	return ep;
}

static bool read_ip4(struct packet *p)
{
	unsigned int offset;

	p->l4 = (p->data[0] & 15) * 4;
	if (p->l4 < sizeof(struct ip) || p->l4 > p->len)
		return false;
	offset = get16(p->data + 6);
	p->header = !(offset & IP_OFFMASK);
	p->fragment = offset & (IP_OFFMASK | IP_MF);
	p->fragment_id = get16(p->data + 4);
	p->protocol = p->data[9];
	p->src = zoo_ep4(get32(p->data + 12), 0);
	p->dst = zoo_ep4(get32(p->data + 16), 0);
	/* Broadcasts and multicasts stay where they are. */
	return p->protocol != IPPROTO_ICMPV6 && p->data[16] < 224;
}

/* Past the extension headers; false if there is one that we do not know. */
static bool skip_extensions(struct packet *p, int next)
{
	const uint8_t *at;

	for (;;) {
		at = p->data + p->l4;
		switch (next) {
		case IPPROTO_FRAGMENT:
			if (p->len < p->l4 + 8)
				return false;
			p->fragment = true;
			p->header = !(get16(at + 2) & 0xfff8);
			p->fragment_id = get32(at + 4);
			p->l4 += 8;
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_DSTOPTS:
			if (p->len < p->l4 + 8)
				return false;
			p->l4 += (at[1] + 1) * 8;
			break;
		default:
			p->protocol = next == IPPROTO_ICMPV6 ? IPPROTO_ICMP
							     : next;
			return next != IPPROTO_ICMP && p->l4 <= p->len;
		}
		next = at[0];
		if (!p->header)
			break;
	}
	p->protocol = next == IPPROTO_ICMPV6 ? IPPROTO_ICMP : next;
	return true;
}

static bool read_ip6(struct packet *p)
{
	if (p->len < sizeof(struct ip6_hdr))
		return false;
	p->v6 = true;
	p->header = true;
	p->l4 = sizeof(struct ip6_hdr);
	p->src = ep6(p->data + 8);
	p->dst = ep6(p->data + 24);
	/* Nor do link-local packets leave their link. */
	if (p->data[24] == 0xff ||
	    (p->data[24] == 0xfe && (p->data[25] & 0xc0) == 0x80))
		return false;
	return skip_extensions(p, p->data[6]);
}

static unsigned int icmp_type(const struct packet *p)
{
	return p->data[p->l4];
}

static bool is_echo_reply(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMP && p->header &&
	       icmp_type(p) == (p->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
}

bool packet_is_request(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMP && p->header &&
	       icmp_type(p) == (p->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
}

bool packet_is_error(const struct packet *p)
{
	if (p->protocol != IPPROTO_ICMP || !p->header)
		return false;
	if (p->v6)
		return icmp_type(p) < 128;
	return icmp_type(p) == ICMP_UNREACH || icmp_type(p) == ICMP_TIMXCEED ||
	       icmp_type(p) == ICMP_PARAMPROB ||
	       icmp_type(p) == ICMP_SOURCEQUENCH;
}

/* The transport header, of which a quote may hold 8 bytes only. */
static bool read_transport(struct packet *p, bool quote)
{
	const uint8_t *l4 = p->data + p->l4;
	size_t have = p->len - p->l4;

	p->payload = p->len;
	if (have < 8)
		return false;
	switch (p->protocol) {
	case IPPROTO_TCP:
		if (!quote && (have < sizeof(struct tcphdr) ||
			       have < (l4[12] >> 4) * 4u))
			return false;
		if (!quote)
			p->payload = p->l4 + (l4[12] >> 4) * 4;
		break;
	case IPPROTO_UDP:
		p->payload = p->l4 + sizeof(struct udphdr);
		break;
	case IPPROTO_ICMP:
		if (packet_is_request(p))
			p->src.port = get16(l4 + 4);
		else if (is_echo_reply(p))
			p->dst.port = get16(l4 + 4);
		else
			return packet_is_error(p) && !quote;
		return true;
	default:
		return false;
	}
	p->src.port = get16(l4);
	p->dst.port = get16(l4 + 2);
	return true;
}

static bool read_packet(struct packet *p, uint8_t *data, size_t len, bool quote)
{
	size_t total;
	bool v6;

	if (len < sizeof(struct ip))
		return false;
	v6 = data[0] >> 4 == 6;
	if (!v6 && data[0] >> 4 != 4)
		return false;
	total = get16(data + (v6 ? 4 : 2)) + (v6 ? sizeof(struct ip6_hdr) : 0);
	if (total > len && !quote)
		return false;
	*p = (struct packet){ .data = data, .len = total < len ? total : len };
	if (!(v6 ? read_ip6(p) : read_ip4(p)))
		return false;
	return !p->header || read_transport(p, quote);
}

bool packet_read(struct packet *p, uint8_t *data, size_t len)
{
	return read_packet(p, data, len, false);
}

bool packet_quoted(const struct packet *error, struct packet *quoted)
{
	return packet_is_error(error) &&
	       read_packet(quoted, error->data + error->l4 + 8,
			   error->len - error->l4 - 8, true) &&
	       quoted->header;
}

unsigned int packet_tcp_flags(const struct packet *p)
{
	return p->protocol == IPPROTO_TCP ? p->data[p->l4 + 13] & 63 : 0;
}

unsigned int packet_ttl(const struct packet *p)
{
	return p->data[p->v6 ? 7 : 8];
}

/* --- changing -------------------------------------------------------------- */

void packet_decrement_ttl(struct packet *p)
{
	uint8_t word[2];

	if (p->v6) {
		p->data[7]--;
		return;
	}
	word[0] = p->data[8] - 1;
	word[1] = p->data[9];
	replace(p->data + 10, p->data + 8, word, 2);
}

static void set_address(struct packet *p, size_t at, const struct zoo_ep *ep)
{
	uint8_t *sum = checksum_at(p);

	if (p->protocol == IPPROTO_ICMP && !p->v6)
		sum = NULL;	/* no pseudo header */
	if (p->v6) {
		replace(sum, p->data + at, ep->addr, 16);
	} else {
		uint8_t old[4];

		memcpy(old, p->data + at, 4);
		replace(p->data + 10, p->data + at, ep->addr + 12, 4);
		/* The same change again, for the transport's checksum. */
		memcpy(p->data + at, old, 4);
		replace(sum, p->data + at, ep->addr + 12, 4);
	}
	not_zero(p, sum);
}

static void set_port(struct packet *p, size_t at, unsigned int port)
{
	uint8_t *sum = checksum_at(p), word[2];

	put16(word, port);
	replace(sum, p->data + p->l4 + at, word, 2);
	not_zero(p, sum);
}

void packet_set(struct packet *p, struct zoo_ep src, struct zoo_ep dst)
{
	if (!zoo_same_addr(&p->src, &src))
		set_address(p, p->v6 ? 8 : 12, &src);
	if (!zoo_same_addr(&p->dst, &dst))
		set_address(p, p->v6 ? 24 : 16, &dst);
	if (p->header && p->protocol != IPPROTO_ICMP) {
		set_port(p, 0, src.port);
		set_port(p, 2, dst.port);
	} else if (packet_is_request(p)) {
		set_port(p, 4, src.port);
	} else if (is_echo_reply(p)) {
		set_port(p, 4, dst.port);
	}
	p->src = src;
	p->dst = dst;
}

/* --- making ---------------------------------------------------------------- */

/* An IP header for @len bytes of transport, which are in @buffer already. */
static bool make_ip(struct packet *p, uint8_t *buffer, bool v6, int protocol,
		    const struct zoo_ep *src, const struct zoo_ep *dst,
		    size_t len)
{
	size_t header = v6 ? sizeof(struct ip6_hdr) : sizeof(struct ip);

	memset(buffer, 0, header);
	if (v6) {
		buffer[0] = 0x60;
		put16(buffer + 4, len);
		buffer[6] = protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6
						     : protocol;
		buffer[7] = 64;
		memcpy(buffer + 8, src->addr, 16);
		memcpy(buffer + 24, dst->addr, 16);
	} else {
		buffer[0] = 0x45;
		put16(buffer + 2, header + len);
		buffer[6] = 0x40;
		buffer[8] = 64;
		buffer[9] = protocol;
		memcpy(buffer + 12, src->addr + 12, 4);
		memcpy(buffer + 16, dst->addr + 12, 4);
		ip_checksum(buffer);
	}
	if (!packet_read(p, buffer, header + len))
		return false;
	packet_checksum(p);
	return true;
}

bool packet_make_error(struct packet *p, uint8_t *buffer,
		       const struct packet *about, struct zoo_ep from,
		       enum packet_error error)
{
	size_t quote = about->v6 ? QUOTE6 : QUOTE4;
	uint8_t *l4 = buffer + (about->v6 ? sizeof(struct ip6_hdr)
					  : sizeof(struct ip));

	if (!about->header || packet_is_error(about))
		return false;
	if (quote > about->len)
		quote = about->len;
	memset(l4, 0, 8);
	if (about->v6) {
		l4[0] = error == TIME_EXCEEDED ? ICMP6_TIME_EXCEEDED
					       : ICMP6_DST_UNREACH;
		l4[1] = error == TIME_EXCEEDED ? 0 : ICMP6_DST_UNREACH_NOPORT;
	} else {
		l4[0] = error == TIME_EXCEEDED ? ICMP_TIMXCEED : ICMP_UNREACH;
		l4[1] = error == TIME_EXCEEDED ? 0 : ICMP_UNREACH_PORT;
	}
	memcpy(l4 + 8, about->data, quote);
	return make_ip(p, buffer, about->v6, IPPROTO_ICMP, &from, &about->src,
		       8 + quote);
}

bool packet_make_rst(struct packet *p, uint8_t *buffer,
		     const struct packet *about)
{
	const uint8_t *asked = about->data + about->l4;
	unsigned int flags = packet_tcp_flags(about);
	uint8_t *l4 = buffer + (about->v6 ? sizeof(struct ip6_hdr)
					  : sizeof(struct ip));

	if (about->protocol != IPPROTO_TCP || !about->header ||
	    flags & TH_RST)
		return false;
	memset(l4, 0, sizeof(struct tcphdr));
	put16(l4, about->dst.port);
	put16(l4 + 2, about->src.port);
	l4[12] = sizeof(struct tcphdr) / 4 << 4;
	if (flags & TH_ACK) {
		l4[13] = TH_RST;
		memcpy(l4 + 4, asked + 8, 4);
	} else {
		l4[13] = TH_RST | TH_ACK;
		put32(l4 + 8, get32(asked + 4) + about->len - about->payload +
			      !!(flags & TH_SYN) + !!(flags & TH_FIN));
	}
	return make_ip(p, buffer, about->v6, IPPROTO_TCP, &about->dst,
		       &about->src, sizeof(struct tcphdr));
}

bool packet_make_echo_reply(struct packet *p, uint8_t *buffer,
			    const struct packet *request)
{
	uint8_t *l4 = buffer + (request->v6 ? sizeof(struct ip6_hdr)
					    : sizeof(struct ip));
	size_t len = request->len - request->l4;

	if (!packet_is_request(request) || request->fragment)
		return false;
	memcpy(l4, request->data + request->l4, len);
	l4[0] = request->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	return make_ip(p, buffer, request->v6, IPPROTO_ICMP, &request->dst,
		       &request->src, len);
}
