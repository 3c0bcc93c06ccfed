/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP segments without data, read from packets and made by hand. Pure: no sockets, no
 * state. What is read is not believed: lengths are checked against what is there,
 * checksums are left to whoever receives the packet in earnest.
 */
#ifndef _NATPUNCHD_SEGMENT_H
#define _NATPUNCHD_SEGMENT_H

#include <jansson.h>

#include "endpoint.h"
#include "header.h"

#define SEGMENT_OPTIONS	40	/* bytes of options that TCP has room for */
#define SEGMENT_SIZE	(HEADER_SIZE + 20 + SEGMENT_OPTIONS)

/* Flags, as they lie on the wire. */
#define SEGMENT_FIN	0x01
#define SEGMENT_SYN	0x02
#define SEGMENT_RST	0x04
#define SEGMENT_ACK	0x10

struct segment {
	union endpoint src, dst;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;
	uint8_t ttl;
	uint8_t n_options;		/* a multiple of 4 */
	uint8_t options[SEGMENT_OPTIONS];
};

/** segment_parse() - from an IP header on; false: it is no such packet. */
bool segment_parse(struct segment *s, const uint8_t *data, size_t len);
/** segment_make() - the packet; @out has SEGMENT_SIZE bytes. 0: it is none. */
size_t segment_make(const struct segment *s, uint8_t *out);

/** segment_syn() - a SYN of our own, with the options of any Linux client. */
void segment_syn(struct segment *s, const union endpoint *src,
		 const union endpoint *dst);
/** segment_reset() - what ends the connection that @synack would open. */
void segment_reset(struct segment *rst, const struct segment *synack);

/* A SYN in a message: what the other side has to know of it. */
json_t *segment_to_json(const struct segment *syn);
bool segment_from_json(struct segment *syn, const json_t *json);

#endif /* _NATPUNCHD_SEGMENT_H */
