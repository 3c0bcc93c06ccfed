/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Server-reflexive endpoints: what one of our external endpoints looks
 * like behind the NATs upstream. A socket of ours, bound to that very endpoint,
 * asks a STUN server (RFC 8489); upstream can not tell it from the inside host,
 * so with endpoint-independent mapping the answer holds for its flows too.
 *
 * Over TCP the connection stays open while the endpoint is wanted: it holds the
 * mapping. UDP is reflex.c's affair.
 */
#ifndef _NATPUNCHD_MAPPED_H
#define _NATPUNCHD_MAPPED_H

#include "../stun/stun-message.h"
#include "gateway.h"

#define MAPPED_MS	2000	/* so long a server has to answer */
#define HOLD_S		240	/* between keepalives; RFC 5382 REQ-5 allows 2 h, few do */

struct mapped;

/**
 * typedef mapped_fn - what the server saw
 * @error: 0, or why there is no answer, or (later) -EPIPE: the server closed
 *	the connection. The callback may free the struct mapped.
 */
typedef void mapped_fn(void *data, int error, const union endpoint *public,
		       unsigned int rtt_ms);

/** mapped_ask() - NULL: errno says why. */
struct mapped *mapped_ask(struct gateway *gw, int proto,
			  const union endpoint *local,
			  const union endpoint *server, mapped_fn *fn,
			  void *data);
/** mapped_heard() - what a server's answer tells of the server itself. */
void mapped_heard(struct gateway *gw, const union endpoint *server,
		  const struct np_stun_msg *msg);
/** mapped_free() - NULL is allowed. */
void mapped_free(struct mapped *m);

#endif /* _NATPUNCHD_MAPPED_H */
