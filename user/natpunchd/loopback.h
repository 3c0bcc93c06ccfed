/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services and listeners at loopback addresses. The kernel lets no packet from
 * outside go there, nor from there, unless route_localnet is set, which opens the
 * loopback to the neighbours on the link and would outlive us. So what is at
 * 127.0.0.1 (the *outer* endpoint) has an *inner* one at the WAN's address, of
 * which the rest of the daemon knows, and bytes are handed on between sockets:
 *
 *   serves   peer ... dnat --> inner  [we accept]  -- we connect --> service
 *   asks     client --> listener  [we accept]  -- we connect --> inner, dnat ... peer
 *
 * Nobody but the peers whom the table lets in gets to the inner endpoint. What is
 * handed on ends with the daemon.
 */
#ifndef _NATPUNCHD_LOOPBACK_H
#define _NATPUNCHD_LOOPBACK_H

#include "path.h"

struct loopback;

/**
 * loopback_open() - for @p, whose service or listener is at @outer.
 * @was: the inner endpoint of before a restart, or NULL
 * @why: EXTERNAL_WHY bytes: the reason for NULL
 */
struct loopback *loopback_open(struct path *p, const union endpoint *outer,
			       const union endpoint *was, char *why);
const union endpoint *loopback_inner(const struct loopback *l);
/** loopback_listen() - asks: clients may come. 0 or -errno */
int loopback_listen(struct loopback *l);
/** loopback_close() - and all that it hands on. NULL is allowed. */
void loopback_close(struct loopback *l);

#endif /* _NATPUNCHD_LOOPBACK_H */
