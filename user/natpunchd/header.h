/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP headers, of both versions, read from packets and made by hand, and the
 * checksum of what comes behind them. Pure: no sockets, no state. What is read is not
 * believed: lengths are checked against what is there.
 */
#ifndef _NATPUNCHD_HEADER_H
#define _NATPUNCHD_HEADER_H

#include "endpoint.h"

#define HEADER_SIZE	40	/* IPv6's; those that we make of IPv4 are shorter */

/** struct header - of a TCP segment or a UDP datagram. */
struct header {
	int proto;
	union endpoint src, dst;	/* with the ports behind the header */
	uint8_t ttl;			/* 0, when one is made: as usual */
};

/**
 * header_parse() - @h->proto is what is expected. Fragments but the first, and IPv6's
 * extension headers, are nothing of ours.
 * Return: where the segment or datagram begins, at least 8 bytes; 0: it is none
 */
size_t header_parse(struct header *h, const uint8_t *packet, size_t len);

/**
 * header_make() - before @len bytes of segment or datagram.
 * Return: its size, at most HEADER_SIZE; 0: the addresses are of no one family
 */
size_t header_make(const struct header *h, uint8_t *out, size_t len);

/** header_checksum() - TCP's or UDP's, as it lies on the wire; its field is 0. */
uint16_t header_checksum(const struct header *h, const void *data, size_t len);

#endif /* _NATPUNCHD_HEADER_H */
