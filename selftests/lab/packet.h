/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets: seen on a wire, or made by hand and put on one.
 */
#ifndef LAB_PACKET_H
#define LAB_PACKET_H

#include "lab.h"

/* TCP flags, as they lie on the wire. */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/**
 * struct packet - an IPv4 or IPv6 packet, from its IP header on.
 *
 * For an ICMP echo both endpoints carry the identifier as their port. For an
 * ICMP error packet_inner() gives the packet that it quotes.
 */
struct packet {
	int protocol;
	struct ep src, dst;
	unsigned int ttl;
	unsigned int tcp_flags;
	uint32_t seq, ack;
	unsigned int icmp_type, icmp_code;
	bool outgoing;		/* sniffed: it left through the device */
	bool checksum_ok;	/* of the whole transport packet */
	size_t len, l4, payload; /* offsets into data */
	uint8_t data[2048];
};

/** packet_parse() - fill in the fields from raw bytes; false if it is not IP. */
bool packet_parse(struct packet *p, const void *data, size_t len);
bool packet_inner(const struct packet *error, struct packet *inner);
bool packet_is_icmp(const struct packet *p);
bool packet_is_echo(const struct packet *p);
/** packet_str() - one line for ktap_diag(). */
const char *packet_str(const struct packet *p);

/*
 * Making packets. Checksums are right; spoil them afterwards if they should not
 * be.
 */
struct packet packet_udp(struct ep src, struct ep dst, const char *payload);
struct packet packet_tcp(struct ep src, struct ep dst, unsigned int flags,
			 uint32_t seq, uint32_t ack);
struct packet packet_echo(struct ep src, struct ep dst, unsigned int seq);
/**
 * packet_tcp_options() - the same TCP segment with @options, padded with NOPs to
 * whole words, and @payload.
 */
struct packet packet_tcp_options(const struct packet *p, const void *options,
				 size_t len, const char *payload);
/** packet_icmp_error() - an error about @about, from @from to its sender. */
struct packet packet_icmp_error(struct ep from, const struct packet *about,
				unsigned int type, unsigned int code,
				unsigned int mtu);
/** packet_checksum() - compute all checksums anew. */
void packet_checksum(struct packet *p);
/** packet_send() - put it on the wire from @node, source address and all. */
void packet_send(enum node node, const struct packet *p);
/**
 * packet_send_fragmented() - in two fragments, the second of them first. IPv4's
 * @offset is where to cut (a multiple of 8).
 */
void packet_send_fragmented(enum node node, const struct packet *p,
			    size_t offset);

/*
 * A sniffer sees what passes a device after it was opened, both directions.
 */
int sniff_open(enum node node, const char *dev);
/** sniff_next() - the next IP packet, whatever it is. */
bool sniff_next(int sniffer, struct packet *p, int timeout_ms);
/** sniff_find() - the next packet that @match likes. */
bool sniff_find(int sniffer, struct packet *p,
		bool (*match)(const struct packet *p, const void *arg),
		const void *arg, int timeout_ms);

/* Ready-made matches; the argument is in the comment. */
bool is_icmp_error(const struct packet *p, const void *unused);
bool is_to(const struct packet *p, const void *dst_ep);
bool is_from(const struct packet *p, const void *src_ep);
bool is_tcp_rst(const struct packet *p, const void *unused);

#endif
