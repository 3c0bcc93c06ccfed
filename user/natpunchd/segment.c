// SPDX-License-Identifier: GPL-2.0
/* TCP segments, read and made; see segment.h. */
#include <netinet/tcp.h>
#include <sodium.h>
#include <string.h>

#include "segment.h"

bool segment_parse(struct segment *s, const uint8_t *data, size_t len)
{
	struct header h = { .proto = IPPROTO_TCP };
	struct tcphdr tcp;
	size_t at, end;

	memset(s, 0, sizeof(*s));
	at = header_parse(&h, data, len);
	if (!at || len < at + sizeof(tcp))
		return false;
	memcpy(&tcp, data + at, sizeof(tcp));
	end = at + tcp.doff * 4;
	if (tcp.doff < 5 || end > len)
		return false;
	s->src = h.src;
	s->dst = h.dst;
	s->seq = ntohl(tcp.seq);
	s->ack = ntohl(tcp.ack_seq);
	s->window = ntohs(tcp.window);
	s->flags = data[at + 13];
	s->ttl = h.ttl;
	s->n_options = end - at - sizeof(tcp);
	memcpy(s->options, data + at + sizeof(tcp), s->n_options);
	return true;
}

size_t segment_make(const struct segment *s, uint8_t *out)
{
	const struct header h = {
		.proto = IPPROTO_TCP, .src = s->src, .dst = s->dst,
		.ttl = s->ttl,
	};
	struct tcphdr tcp = {
		.source = htons(endpoint_port(&s->src)),
		.dest = htons(endpoint_port(&s->dst)),
		.seq = htonl(s->seq),
		.ack_seq = htonl(s->ack),
		.doff = (sizeof(tcp) + s->n_options) / 4,
		.window = htons(s->window),
	};
	size_t len = sizeof(tcp) + s->n_options, at;

	if (s->n_options > SEGMENT_OPTIONS || s->n_options % 4)
		return 0;
	at = header_make(&h, out, len);
	if (!at)
		return 0;
	memcpy(out + at, &tcp, sizeof(tcp));
	out[at + 13] = s->flags;
	memcpy(out + at + sizeof(tcp), s->options, s->n_options);
	tcp.check = header_checksum(&h, out + at, len);
	memcpy(out + at + 16, &tcp.check, sizeof(tcp.check));
	return at + len;
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
