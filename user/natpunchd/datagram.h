/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP datagrams, read from packets and made by hand. Pure: no sockets, no state. What
 * is read is not believed: lengths are checked against what is there, the checksum is
 * left to whoever receives the packet in earnest.
 */
#ifndef _NATPUNCHD_DATAGRAM_H
#define _NATPUNCHD_DATAGRAM_H

#include "header.h"

#define DATAGRAM_DATA	548	/* STUN's: RFC 8489 section 6.1 */
#define DATAGRAM_SIZE	(HEADER_SIZE + 8 + DATAGRAM_DATA)

struct datagram {
	union endpoint src, dst;
	const uint8_t *data;
	size_t len;			/* of what is there of @data */
	uint8_t ttl;			/* 0: as usual */
};

/** datagram_parse() - from an IP header on; false: it is no such packet. */
bool datagram_parse(struct datagram *d, const uint8_t *packet, size_t len);
/** datagram_make() - the packet; @out has DATAGRAM_SIZE bytes. 0: it is none. */
size_t datagram_make(const struct datagram *d, uint8_t *out);

#endif /* _NATPUNCHD_DATAGRAM_H */
