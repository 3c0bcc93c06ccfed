/* SPDX-License-Identifier: GPL-2.0 */
/*
 * External endpoints of ours: what an internal endpoint looks like from outside
 * our own NAT. natpunch keeps them by reservations, so they are exact. Without
 * natpunch (gateway_limit()), with IPv6, or for what is at the external address
 * itself, a bound socket keeps the port from the host's other programs, and the
 * table's rules translate. A SYN that comes before its flow was let in is not
 * answered with RST then, which would end the peer's attempt.
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
/**
 * external_is_natpunch() - is one for @internal natpunch's to keep? Not if natpunch
 * has no WAN, nor IPv6, nor at the WAN's own address, where it translates nothing.
 */
bool external_is_natpunch(const struct gateway *gw,
			  const union endpoint *internal);
/** external_is_quiet() - one of a socket's, where strangers get no answer? */
bool external_is_quiet(const struct gateway *gw, int proto,
		       const union endpoint *ep);
void external_put(struct external *e);

#endif /* _NATPUNCHD_EXTERNAL_H */
