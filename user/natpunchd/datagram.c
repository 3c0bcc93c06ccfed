// SPDX-License-Identifier: GPL-2.0
/* UDP datagrams, read and made; see datagram.h. */
#include <netinet/udp.h>
#include <string.h>

#include "datagram.h"

bool datagram_parse(struct datagram *d, const uint8_t *packet, size_t len)
{
	struct header h = { .proto = IPPROTO_UDP };
	struct udphdr udp;
	size_t at;

	memset(d, 0, sizeof(*d));
	at = header_parse(&h, packet, len);
	if (!at || len < at + sizeof(udp))
		return false;
	memcpy(&udp, packet + at, sizeof(udp));
	if (ntohs(udp.len) < sizeof(udp))
		return false;
	d->src = h.src;
	d->dst = h.dst;
	d->ttl = h.ttl;
	d->data = packet + at + sizeof(udp);
	d->len = len - at - sizeof(udp);
	if (d->len > ntohs(udp.len) - sizeof(udp))
		d->len = ntohs(udp.len) - sizeof(udp);
	return true;
}

size_t datagram_make(const struct datagram *d, uint8_t *out)
{
	const struct header h = {
		.proto = IPPROTO_UDP, .src = d->src, .dst = d->dst,
		.ttl = d->ttl,
	};
	size_t len = sizeof(struct udphdr) + d->len, at;
	struct udphdr udp = {
		.source = htons(endpoint_port(&d->src)),
		.dest = htons(endpoint_port(&d->dst)),
		.len = htons(len),
	};

	if (d->len > DATAGRAM_DATA)
		return 0;
	at = header_make(&h, out, len);
	if (!at)
		return 0;
	memcpy(out + at, &udp, sizeof(udp));
	if (d->len)
		memcpy(out + at + sizeof(udp), d->data, d->len);
	udp.check = header_checksum(&h, out + at, len);
	memcpy(out + at, &udp, sizeof(udp));
	return at + len;
}
