/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a socket of our own has to know of the way out, where there is a data path
 * (gateway.h). Signalling alone has none, and asks the routes.
 */
#ifndef _NATPUNCHD_OUTSIDE_H
#define _NATPUNCHD_OUTSIDE_H

#include "endpoint.h"
#include "natpunchd.h"

#define OUTSIDE_SERVERS	8	/* as gateway.h's MAX_STUN_SERVERS */

struct hops;

/** struct outside_ops - of the gateway; all are called from the loop. */
struct outside_ops {
	/** @is_ready: were all names of servers looked up, found or not? */
	bool (*is_ready)(struct daemon *d);
	/** @address: the WAN's, IPv4 if it can be. False: there is none now. */
	bool (*address)(struct daemon *d, union endpoint *address);
	/** @servers: of STUN; how many. */
	unsigned int (*servers)(struct daemon *d,
				union endpoint server[OUTSIDE_SERVERS]);
	/** @leads_out: as gateway_leads_out() */
	bool (*leads_out)(struct daemon *d, const union endpoint *ep);
	/** @is_own: an address of this system? */
	bool (*is_own)(const union endpoint *ep);
	/** @measure, @forget: hops_measure(), hops_free() */
	struct hops *(*measure)(struct daemon *d,
				const union endpoint *towards,
				void (*fn)(void *data, unsigned int hops),
				void *data);
	void (*forget)(struct hops *h);
	/** @keepalive_s: so often a UDP mapping is to be used */
	unsigned int (*keepalive_s)(const struct daemon *d);
};

/* outside.c: those of the gateway. */
extern const struct outside_ops outside_ops;

#endif /* _NATPUNCHD_OUTSIDE_H */
