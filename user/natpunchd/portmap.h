/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings asked of the upstream router, if the configuration says so: then what
 * comes to a port of the router's external address is forwarded to one of our
 * external endpoints, and nothing has to be opened there. Protocols are PCP (RFC
 * 6887), NAT-PMP (RFC 6886) and UPnP's Internet Gateway Device; the router is the
 * next hop towards the Internet, and no other host is believed.
 *
 *	asking    the protocols are tried one after the other, in the order of the
 *	          configuration; who was silent is left out for some minutes
 *	mapped    until half of the lifetime has passed: asked again
 *	unmapped  refused, or nobody answers: asked again after minutes
 *	ending    taken back; nobody waits for it
 *
 * A mapping lives as long as its struct external. What is left when the daemon
 * is killed ends with its lifetime.
 */
#ifndef _NATPUNCHD_PORTMAP_H
#define _NATPUNCHD_PORTMAP_H

#include "gateway.h"

struct portmap;

/** typedef portmap_fn - it is known now whether there is one, or it has changed. */
typedef void portmap_fn(struct external *e);

/**
 * portmap_want() - one for @e, if the configuration asks for any; e->portmap. It
 * may be called again. @changed is called from the loop, not from within.
 */
void portmap_want(struct external *e, portmap_fn *changed);
/** portmap_moved() - it is another external endpoint now. */
void portmap_moved(struct external *e);
/** portmap_drop() - @e goes: the mapping is taken back. */
void portmap_drop(struct external *e);
/** portmap_is_pending() - it is not known yet whether there will be one. */
bool portmap_is_pending(const struct external *e);
/** portmap_endpoint() - on the router; NULL: there is none. */
const union endpoint *portmap_endpoint(const struct external *e);
/** portmap_protocol() - by which it was asked: "pcp"; NULL: there is none. */
const char *portmap_protocol(const struct external *e);
/** portmap_doubt() - nobody came through, although he should: ask again. */
void portmap_doubt(struct external *e);

/** portmap_reload() - the configuration is another one. */
void portmap_reload(struct gateway *gw);
/** portmap_close() - what is left is taken back; waits for it, but not long. */
void portmap_close(struct gateway *gw);

#endif /* _NATPUNCHD_PORTMAP_H */
