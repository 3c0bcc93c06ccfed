/* SPDX-License-Identifier: GPL-2.0 */
/*
 * External endpoints of ours: what an internal endpoint looks like from outside
 * our own NAT. natpunch keeps them by reservations, so they are exact. Without
 * natpunch, and with IPv6, a bound socket keeps the port from the router's other
 * programs, and the table's rules translate.
 */
#ifndef _NATPUNCHD_EXTERNAL_H
#define _NATPUNCHD_EXTERNAL_H

#include "gateway.h"

#define EXTERNAL_WHY	160

struct external {
	struct external *next;
	struct gateway *gateway;
	unsigned int users;
	int proto;
	union endpoint internal, external;
	bool reserved;		/* by natpunch, which translates, too */
	int fd;			/* ... or by this socket */
	struct event *renew;
	struct portmap *portmap;	/* on the router upstream; NULL: none wanted */
};

/**
 * external_get() - one for @internal, the same for all who ask. It stays until the
 * last of them puts it back, or a little longer.
 * @was: the external endpoint to have if a socket keeps it, or NULL
 * @why: EXTERNAL_WHY bytes: the reason if there is none
 */
struct external *external_get(struct gateway *gw, int proto,
			      const union endpoint *internal,
			      const union endpoint *was, char *why);
void external_put(struct external *e);

#endif /* _NATPUNCHD_EXTERNAL_H */
