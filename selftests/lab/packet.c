// SPDX-License-Identifier: GPL-2.0
/* Packets: parse, make, checksum, print. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "packet.h"

static uint32_t sum(const void *data, size_t len, uint32_t total)
{
	const uint8_t *b = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += b[i] << 8 | b[i + 1];
	if (len & 1)
		total += b[len - 1] << 8;
	return total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons(~total & 0xffff);
}

static int version(const struct packet *p)
{
	return p->data[0] >> 4;
}

/* Where the transport's checksum lies; 0: it has none that we know. */
static size_t checksum_at(const struct packet *p)
{
	switch (p->protocol) {
	case IPPROTO_UDP:
		return p->l4 + offsetof(struct udphdr, uh_sum);
	case IPPROTO_TCP:
		return p->l4 + offsetof(struct tcphdr, th_sum);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return p->l4 + offsetof(struct icmphdr, checksum);
	default:
		return 0;
	}
}

static uint16_t transport_sum(const struct packet *p)
{
	size_t len = p->len - p->l4;
	uint32_t total = 0;

	if (p->protocol != IPPROTO_ICMP) {
		size_t alen = version(p) == 4 ? 4 : 16;

		total = sum(ep_addr(&p->src), alen, 0);
		total = sum(ep_addr(&p->dst), alen, total);
		total += p->protocol + len;
	}
	return fold(sum(p->data + p->l4, len, total));
}

void packet_checksum(struct packet *p)
{
	struct ip *ip = (struct ip *)p->data;
	size_t at = checksum_at(p);
	uint16_t value;

	if (version(p) == 4) {
		ip->ip_sum = 0;
		ip->ip_sum = fold(sum(p->data, p->l4, 0));
	}
	if (!at)
		return;
	memset(p->data + at, 0, sizeof(value));
	value = transport_sum(p);
	if (!value && p->protocol == IPPROTO_UDP)
		value = 0xffff;
	memcpy(p->data + at, &value, sizeof(value));
}

bool packet_is_icmp(const struct packet *p)
{
	return p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6;
}

bool packet_is_echo(const struct packet *p)
{
	if (p->protocol == IPPROTO_ICMP)
		return p->icmp_type == ICMP_ECHO ||
		       p->icmp_type == ICMP_ECHOREPLY;
	return p->protocol == IPPROTO_ICMPV6 &&
	       (p->icmp_type == ICMP6_ECHO_REQUEST ||
		p->icmp_type == ICMP6_ECHO_REPLY);
}

static void parse_ports(struct packet *p, size_t at_src, size_t at_dst)
{
	uint16_t src, dst;

	memcpy(&src, p->data + p->l4 + at_src, 2);
	memcpy(&dst, p->data + p->l4 + at_dst, 2);
	p->src = ep_at(p->src, ntohs(src));
	p->dst = ep_at(p->dst, ntohs(dst));
}

/* A quoted packet may end after eight bytes of its transport header. */
static void parse_transport(struct packet *p)
{
	const uint8_t *l4 = p->data + p->l4;
	size_t have = p->len - p->l4;
	uint32_t word;

	p->payload = p->len;
	if (have < 8)
		return;
	if (packet_is_icmp(p)) {
		p->icmp_type = l4[0];
		p->icmp_code = l4[1];
		p->payload = p->l4 + 8;
		if (packet_is_echo(p))
			parse_ports(p, 4, 4);
	} else {
		parse_ports(p, 0, 2);
	}
	if (p->protocol == IPPROTO_UDP)
		p->payload = p->l4 + 8;
	if (p->protocol != IPPROTO_TCP)
		return;
	memcpy(&word, l4 + 4, 4);
	p->seq = ntohl(word);
	if (have < sizeof(struct tcphdr))
		return;
	memcpy(&word, l4 + 8, 4);
	p->ack = ntohl(word);
	p->tcp_flags = l4[13] & 63;
	p->payload = p->l4 + (l4[12] >> 4) * 4;
}

bool packet_parse(struct packet *p, const void *data, size_t len)
{
	const struct ip6_hdr *ip6;
	const struct ip *ip;
	size_t total;

	memset(p, 0, offsetof(struct packet, data));
	if (len < sizeof(*ip))
		return false;
	p->len = len < sizeof(p->data) ? len : sizeof(p->data) - 1;
	memcpy(p->data, data, p->len);
	p->data[p->len] = '\0';	/* so that a payload may be read as text */
	ip = (struct ip *)p->data;
	ip6 = (struct ip6_hdr *)p->data;
	if (version(p) == 4) {
		p->protocol = ip->ip_p;
		p->ttl = ip->ip_ttl;
		p->l4 = ip->ip_hl * 4;
		total = ntohs(ip->ip_len);
		p->src = ep_make(AF_INET, &ip->ip_src, 0);
		p->dst = ep_make(AF_INET, &ip->ip_dst, 0);
	} else if (version(p) == 6 && len >= sizeof(*ip6)) {
		p->protocol = ip6->ip6_nxt;
		p->ttl = ip6->ip6_hlim;
		p->l4 = sizeof(*ip6);
		total = sizeof(*ip6) + ntohs(ip6->ip6_plen);
		p->src = ep_make(AF_INET6, &ip6->ip6_src, 0);
		p->dst = ep_make(AF_INET6, &ip6->ip6_dst, 0);
	} else {
		return false;
	}
	if (p->len > total)
		p->len = total;	/* Ethernet's padding */
	if (p->len < p->l4)
		return false;
	parse_transport(p);
	p->checksum_ok = transport_sum(p) == 0;
	return true;
}

bool packet_inner(const struct packet *error, struct packet *inner)
{
	bool error_type = error->protocol == IPPROTO_ICMP ?
			  !packet_is_echo(error) : error->icmp_type < 128;

	return packet_is_icmp(error) && error_type &&
	       packet_parse(inner, error->data + error->payload,
			    error->len - error->payload);
}

const char *packet_str(const struct packet *p)
{
	static char text[512];
	struct packet inner;
	int n;

	if (packet_inner(p, &inner)) {
		n = sprintf(text, "ICMP %u/%u %s > %s about ", p->icmp_type,
			    p->icmp_code, ep_addr_str(p->src),
			    ep_addr_str(p->dst));
		sprintf(text + n, "%s > %s", ep_str(inner.src),
			ep_str(inner.dst));
		return text;
	}
	n = sprintf(text, "protocol %d %s > %s ttl %u", p->protocol,
		    ep_str(p->src), ep_str(p->dst), p->ttl);
	if (p->protocol == IPPROTO_TCP)
		sprintf(text + n, " flags %#x seq %u ack %u", p->tcp_flags,
			p->seq, p->ack);
	else if (packet_is_icmp(p))
		sprintf(text + n, " type %u", p->icmp_type);
	return text;
}

/* Making packets: an IP header in front of @l4, then parse what was made. */
static struct packet make(struct ep src, struct ep dst, int protocol,
			  const void *l4, size_t len)
{
	uint8_t data[sizeof(((struct packet *)0)->data)] = { 0 };
	struct ip *ip = (struct ip *)data;
	struct ip6_hdr *ip6 = (struct ip6_hdr *)data;
	size_t header = src.sa.sa_family == AF_INET ? sizeof(*ip)
						    : sizeof(*ip6);
	static uint16_t ip_id = 4711;
	struct packet p;

	if (header + len > sizeof(data))
		ktap_bail("packet of %zu bytes", len);
	if (src.sa.sa_family == AF_INET) {
		*ip = (struct ip){ .ip_v = 4, .ip_hl = 5, .ip_ttl = 64,
				   .ip_p = protocol, .ip_id = htons(ip_id++),
				   .ip_len = htons(header + len),
				   .ip_src = src.in.sin_addr,
				   .ip_dst = dst.in.sin_addr };
	} else {
		ip6->ip6_flow = htonl(6u << 28);
		ip6->ip6_plen = htons(len);
		ip6->ip6_nxt = protocol;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = src.in6.sin6_addr;
		ip6->ip6_dst = dst.in6.sin6_addr;
	}
	memcpy(data + header, l4, len);
	packet_parse(&p, data, header + len);
	packet_checksum(&p);
	return p;
}

struct packet packet_udp(struct ep src, struct ep dst, const char *payload)
{
	struct {
		struct udphdr udp;
		char text[1600];
	} l4 = { 0 };
	size_t len = sizeof(l4.udp) + strlen(payload);

	l4.udp.uh_sport = htons(ep_port(src));
	l4.udp.uh_dport = htons(ep_port(dst));
	l4.udp.uh_ulen = htons(len);
	memcpy(l4.text, payload, strlen(payload));
	return make(src, dst, IPPROTO_UDP, &l4, len);
}

struct packet packet_tcp(struct ep src, struct ep dst, unsigned int flags,
			 uint32_t seq, uint32_t ack)
{
	struct tcphdr tcp = {
		.th_sport = htons(ep_port(src)),
		.th_dport = htons(ep_port(dst)),
		.th_seq = htonl(seq), .th_ack = htonl(ack),
		.th_off = 5, .th_flags = flags, .th_win = htons(65535),
	};

	return make(src, dst, IPPROTO_TCP, &tcp, sizeof(tcp));
}

struct packet packet_tcp_options(const struct packet *p, const void *options,
				 size_t len, const char *payload)
{
	uint8_t l4[1600];
	size_t header = sizeof(struct tcphdr) + (len + 3) / 4 * 4;
	size_t total = header + strlen(payload);

	if (len > 40 || total > sizeof(l4))
		ktap_bail("%zu bytes of options, %zu in all", len, total);
	memset(l4, TCPOPT_NOP, header);
	memcpy(l4, p->data + p->l4, sizeof(struct tcphdr));
	memcpy(l4 + sizeof(struct tcphdr), options, len);
	memcpy(l4 + header, payload, strlen(payload));
	l4[12] = header / 4 << 4;
	return make(p->src, p->dst, IPPROTO_TCP, l4, total);
}

struct packet packet_echo(struct ep src, struct ep dst, unsigned int seq)
{
	bool v4 = src.sa.sa_family == AF_INET;
	struct icmphdr echo = {
		.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.un.echo.id = htons(ep_port(src)),
		.un.echo.sequence = htons(seq),
	};

	return make(src, dst, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, &echo,
		    sizeof(echo));
}

struct packet packet_icmp_error(struct ep from, const struct packet *about,
				unsigned int type, unsigned int code,
				unsigned int mtu)
{
	bool v4 = from.sa.sa_family == AF_INET;
	struct {
		uint8_t type, code;
		uint16_t checksum, unused, mtu4;
		uint8_t quote[1280];
	} l4 = { .type = type, .code = code };
	size_t quote = about->len < 512 ? about->len : 512;

	if (v4) {
		l4.mtu4 = htons(mtu);
	} else {
		l4.unused = htons(mtu >> 16);
		l4.mtu4 = htons(mtu);
	}
	memcpy(l4.quote, about->data, quote);
	return make(from, about->src, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, &l4,
		    8 + quote);
}

static void send_raw(enum node node, int family, const void *data, size_t len,
		     struct ep dst)
{
	int on = 1, sock;
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == AF_INET ? IP_HDRINCL : IPV6_HDRINCL;

	lab_enter(node);
	sock = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	lab_enter(HOME);
	dst = ep_at(dst, 0);
	if (sock < 0 || setsockopt(sock, level, option, &on, sizeof(on)) ||
	    sendto(sock, data, len, 0, &dst.sa, ep_len(dst)) != (ssize_t)len)
		ktap_bail("raw packet from %s: %s", node_name(node),
			  strerror(errno));
	close(sock);
}

void packet_send(enum node node, const struct packet *p)
{
	send_raw(node, p->src.sa.sa_family, p->data, p->len, p->dst);
}

static void send_fragment4(enum node node, const struct packet *p, size_t from,
			   size_t to, bool last)
{
	uint8_t data[sizeof(p->data)];
	struct ip *ip = (struct ip *)data;
	size_t len = p->l4 + to - from;

	memcpy(data, p->data, p->l4);
	memcpy(data + p->l4, p->data + p->l4 + from, to - from);
	ip->ip_len = htons(len);
	ip->ip_off = htons(from / 8 | (last ? 0 : IP_MF));
	ip->ip_sum = 0;
	ip->ip_sum = fold(sum(data, p->l4, 0));
	send_raw(node, AF_INET, data, len, p->dst);
}

static void send_fragment6(enum node node, const struct packet *p, size_t from,
			   size_t to, bool last)
{
	uint8_t data[sizeof(p->data) + sizeof(struct ip6_frag)];
	struct ip6_hdr *ip6 = (struct ip6_hdr *)data;
	struct ip6_frag frag = {
		.ip6f_nxt = p->protocol,
		.ip6f_offlg = htons(from | (last ? 0 : 1)),
		.ip6f_ident = htonl(4711),
	};

	memcpy(data, p->data, p->l4);
	memcpy(data + p->l4, &frag, sizeof(frag));
	memcpy(data + p->l4 + sizeof(frag), p->data + p->l4 + from, to - from);
	ip6->ip6_nxt = IPPROTO_FRAGMENT;
	ip6->ip6_plen = htons(sizeof(frag) + to - from);
	send_raw(node, AF_INET6, data, p->l4 + sizeof(frag) + to - from,
		 p->dst);
}

void packet_send_fragmented(enum node node, const struct packet *p,
			    size_t offset)
{
	void (*send)(enum node node, const struct packet *p, size_t from,
		     size_t to, bool last);
	size_t end = p->len - p->l4;

	send = version(p) == 4 ? send_fragment4 : send_fragment6;
	send(node, p, offset, end, true);
	send(node, p, 0, offset, false);
}
