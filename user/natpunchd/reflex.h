/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Server-reflexive endpoints over UDP: what one of our external endpoints looks
 * like behind the NATs upstream, as a STUN server (RFC 8489) sees it. The requests
 * are crafted past our own conntrack, the answers are taken from the queue: no
 * port of the router is needed, and upstream can not tell them from the device's.
 */
#ifndef _NATPUNCHD_REFLEX_H
#define _NATPUNCHD_REFLEX_H

#include "gateway.h"
#include "mapped.h"

struct datagram;
struct reflex;

/** reflex_timing - given up after MAPPED_MS. */
extern const struct stun_timing reflex_timing;

/** reflex_ask() - @fn is called once, and may free. NULL: out of memory. */
struct reflex *reflex_ask(struct gateway *gw, const union endpoint *local,
			  const union endpoint *server, mapped_fn *fn,
			  void *data);
/** reflex_free() - NULL is allowed. */
void reflex_free(struct reflex *r);
/** reflex_take() - true: it was an answer to one of ours. */
bool reflex_take(struct gateway *gw, const struct datagram *d);

#endif /* _NATPUNCHD_REFLEX_H */
