// SPDX-License-Identifier: GPL-2.0
/* TCP segments, read and made; see segment.h. */
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <string.h>

#include "segment.h"

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

static void set_endpoint(union endpoint *ep, uint32_t addr, uint16_t port)
{
	memset(ep, 0, sizeof(*ep));
	ep->in.sin_family = AF_INET;
	ep->in.sin_addr.s_addr = addr;
	ep->in.sin_port = port;
}

bool segment_parse(struct segment *s, const uint8_t *data, size_t len)
{
	struct tcphdr tcp;
	struct iphdr ip;
	size_t at, end;

	memset(s, 0, sizeof(*s));
	if (len < sizeof(ip))
		return false;
	memcpy(&ip, data, sizeof(ip));
	at = ip.ihl * 4;
	if (ip.version != 4 || ip.ihl < 5 || ip.protocol != IPPROTO_TCP ||
	    ip.frag_off & htons(0x1fff) || len < at + sizeof(tcp))
		return false;
	memcpy(&tcp, data + at, sizeof(tcp));
	end = at + tcp.doff * 4;
	if (tcp.doff < 5 || end > len)
		return false;
	set_endpoint(&s->src, ip.saddr, tcp.source);
	set_endpoint(&s->dst, ip.daddr, tcp.dest);
	s->seq = ntohl(tcp.seq);
	s->ack = ntohl(tcp.ack_seq);
	s->window = ntohs(tcp.window);
	s->flags = data[at + 13];
	s->ttl = ip.ttl;
	s->n_options = end - at - sizeof(tcp);
	memcpy(s->options, data + at + sizeof(tcp), s->n_options);
	return true;
}

static void make_tcp(const struct segment *s, uint8_t *out, size_t len)
{
	struct {
		uint32_t saddr, daddr;
		uint8_t zero, protocol;
		uint16_t len;
	} pseudo = {
		.saddr = s->src.in.sin_addr.s_addr,
		.daddr = s->dst.in.sin_addr.s_addr,
		.protocol = IPPROTO_TCP,
		.len = htons(len),
	};
	struct tcphdr tcp = {
		.source = s->src.in.sin_port,
		.dest = s->dst.in.sin_port,
		.seq = htonl(s->seq),
		.ack_seq = htonl(s->ack),
		.doff = len / 4,
		.window = htons(s->window),
	};

	memcpy(out, &tcp, sizeof(tcp));
	out[13] = s->flags;
	memcpy(out + sizeof(tcp), s->options, s->n_options);
	tcp.check = fold(sum(sum(0, &pseudo, sizeof(pseudo)), out, len));
	memcpy(out + 16, &tcp.check, sizeof(tcp.check));
}

size_t segment_make(const struct segment *s, uint8_t *out)
{
	size_t tcp_len = sizeof(struct tcphdr) + s->n_options;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + tcp_len),
		.frag_off = htons(0x4000),	/* may not be fragmented */
		.ttl = s->ttl ? s->ttl : 64,
		.protocol = IPPROTO_TCP,
		.saddr = s->src.in.sin_addr.s_addr,
		.daddr = s->dst.in.sin_addr.s_addr,
	};

	if (s->src.sa.sa_family != AF_INET || s->dst.sa.sa_family != AF_INET ||
	    s->n_options > SEGMENT_OPTIONS || s->n_options % 4)
		return 0;
	ip.check = fold(sum(0, &ip, sizeof(ip)));
	memcpy(out, &ip, sizeof(ip));
	make_tcp(s, out + sizeof(ip), tcp_len);
	return sizeof(ip) + tcp_len;
}

void segment_syn(struct segment *s, const union endpoint *src,
		 const union endpoint *dst)
{
	/* MSS 1460, SACK permitted, window scale 7 */
	static const uint8_t options[] = {
		2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7,
	};

	memset(s, 0, sizeof(*s));
	s->src = *src;
	s->dst = *dst;
	s->flags = SEGMENT_SYN;
	s->window = 64240;
	s->seq = randombytes_random();
	s->n_options = sizeof(options);
	memcpy(s->options, options, sizeof(options));
}

void segment_reset(struct segment *rst, const struct segment *synack)
{
	memset(rst, 0, sizeof(*rst));
	rst->src = synack->dst;
	rst->dst = synack->src;
	rst->flags = SEGMENT_RST;
	rst->seq = synack->ack;
}

json_t *segment_to_json(const struct segment *syn)
{
	char hex[2 * SEGMENT_OPTIONS + 1];

	sodium_bin2hex(hex, sizeof(hex), syn->options, syn->n_options);
	return json_pack("{s:I, s:i, s:s}", "seq", (json_int_t)syn->seq,
			 "window", syn->window, "options", hex);
}

bool segment_from_json(struct segment *syn, const json_t *json)
{
	const char *hex, *end;
	json_int_t seq, window;
	size_t n;

	if (json_unpack((json_t *)json, "{s:I, s:I, s:s}", "seq", &seq,
			"window", &window, "options", &hex) ||
	    seq < 0 || seq > UINT32_MAX || window < 0 || window > UINT16_MAX ||
	    sodium_hex2bin(syn->options, sizeof(syn->options), hex,
			   strlen(hex), NULL, &n, &end) ||
	    *end || n % 4)
		return false;
	syn->seq = seq;
	syn->window = window;
	syn->n_options = n;
	syn->flags = SEGMENT_SYN;
	return true;
}
