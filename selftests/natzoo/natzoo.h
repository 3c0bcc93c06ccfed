/* SPDX-License-Identifier: GPL-2.0 */
/*
 * natzoo's packets: read, changed in place with right checksums, made. One packet
 * at a time, nothing allocated; natzoo.c has the NATs, natzoo_packet.c this.
 */
#ifndef NATZOO_NATZOO_H
#define NATZOO_NATZOO_H

#include "zoo.h"

#define PACKET_MAX	65536

/**
 * struct packet - a view of an IP packet, or of what an ICMP error quotes of one.
 * @src, @dst: an ICMP echo's identifier is the port of the side that it is
 *	translated on: the sender's of a request, the receiver's of a reply; the
 *	other one's is 0
 * @header: the transport header is there (no later fragment)
 */
struct packet {
	uint8_t *data;
	size_t len, l4, payload;
	int protocol;		/* IPPROTO_ICMP stands for ICMPv6, too */
	bool v6, header, fragment;
	uint32_t fragment_id;
	struct zoo_ep src, dst;
};

/** packet_read() - false if it is nothing that a NAT could translate. */
bool packet_read(struct packet *p, uint8_t *data, size_t len);
/** packet_quoted() - what an ICMP error quotes; false if it is no error. */
bool packet_quoted(const struct packet *error, struct packet *quoted);
bool packet_is_error(const struct packet *p);
bool packet_is_request(const struct packet *p);
unsigned int packet_tcp_flags(const struct packet *p);

unsigned int packet_ttl(const struct packet *p);
void packet_decrement_ttl(struct packet *p);

/** packet_set() - change source and destination, and the checksums. */
void packet_set(struct packet *p, struct zoo_ep src, struct zoo_ep dst);
/** packet_checksum() - the transport's anew, after its payload was changed. */
void packet_checksum(struct packet *p);

/*
 * Answers, into @buffer (PACKET_MAX bytes). False if there must be none.
 */
enum packet_error { TIME_EXCEEDED, PORT_UNREACHABLE };

bool packet_make_error(struct packet *p, uint8_t *buffer,
		       const struct packet *about, struct zoo_ep from,
		       enum packet_error error);
bool packet_make_rst(struct packet *p, uint8_t *buffer,
		     const struct packet *about);
bool packet_make_echo_reply(struct packet *p, uint8_t *buffer,
			    const struct packet *request);

#endif
