/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TUN device by which relayed packets leave and enter the kernel. Its network
 * has a *virtual address* for each session that is relayed, which stands for the
 * other end: at the asking site what clients send to the listener is translated to
 * it, at the serving site the service's clients come from it.
 *
 * The network is of class E (RFC 1112 section 4), which Linux routes and nobody
 * uses, so it can not overlap with a LAN; with IPv6 it is of the discard prefix (RFC
 * 6666), likewise. It is not seen outside the gateway. Each end has the family of its
 * own listener or service: what is relayed does not tell which.
 */
#ifndef _NATPUNCHD_TUN_H
#define _NATPUNCHD_TUN_H

#include <event2/event.h>

#include "endpoint.h"

#define TUN_NAME	"natpunchd"
#define TUN_NET		"240.110.112.0/20"
#define TUN_NET6	"100::6e70:0/116"
#define TUN_NUMBERS	4000	/* virtual addresses */
#define TUN_MTU		1500

struct tun;

/** struct tun_packet - a whole TCP segment or UDP datagram. */
struct tun_packet {
	int proto;
	union endpoint src, dst;
	uint8_t *segment;	/* its checksum does not cover the addresses */
	size_t len;
};

typedef void tun_fn(void *data, struct tun_packet *p);

/** tun_open() - 0 or -errno. Where there is no IPv6, it does without. */
int tun_open(struct tun **t, struct event_base *base, tun_fn *fn, void *data);
/** tun_close() - the device is gone. NULL is allowed. */
void tun_close(struct tun *t);
/** tun_put() - the segment gets @p's ports and the checksum for its addresses. */
void tun_put(struct tun *t, struct tun_packet *p);

/** tun_self() - the device's own address; tun_virtual() - one of TUN_NUMBERS. */
union endpoint tun_self(int family);
union endpoint tun_virtual(int family, unsigned int number, uint16_t port);
/** tun_number() - the inverse; false: it is none. */
bool tun_number(unsigned int *number, const union endpoint *ep);

#endif /* _NATPUNCHD_TUN_H */
