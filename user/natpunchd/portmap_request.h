/* SPDX-License-Identifier: GPL-2.0 */
/* Requests for mappings, and the protocols that carry them. For portmap*.c alone. */
#ifndef _NATPUNCHD_PORTMAP_REQUEST_H
#define _NATPUNCHD_PORTMAP_REQUEST_H

#include "gateway.h"

#define PORTMAP_ANSWER_MS	1000	/* a router on our link answers at once */
#define PORTMAP_WHY		96
#define PORTMAP_NONCE		12
#define PORTMAP_PORT		5351	/* of PCP and NAT-PMP */

struct portmap_method;

/** struct portmap_request - one mapping, and what became of it. */
struct portmap_request {
	struct gateway *gateway;
	const struct portmap_method *method;
	union endpoint router;		/* whom to ask; no port */
	int proto;
	union endpoint internal;	/* where it leads to: ours */
	uint8_t nonce[PORTMAP_NONCE];	/* PCP: whose it is */
	/* wanted: the port, 0: any; given: the whole */
	union endpoint external;
	uint32_t lifetime;		/* s, wanted and given; 0: take it back */

	/* what came of it */
	bool has_epoch;
	uint32_t epoch;			/* s since the router forgot all */
	char why[PORTMAP_WHY];		/* refused: what the router says */

	/**
	 * @done: once. 0; -EACCES: refused; -ETIMEDOUT, -EPROTONOSUPPORT:
	 * the router does not speak it; else what is wrong here.
	 */
	void (*done)(struct portmap_request *r, int error);
	void *data;
	void *private;			/* the method's */
};

/** struct portmap_method - a protocol. None blocks. */
struct portmap_method {
	const char *word, *name;
	/** @start: 0, and then done() will be called, from the loop; or -errno. */
	int (*start)(struct portmap_request *r);
	/** @cancel: done() is not to be called any more. */
	void (*cancel)(struct portmap_request *r);
};

extern const struct portmap_method portmap_pcp, portmap_natpmp, portmap_upnp;

/** portmap_router() - the next hop towards the Internet; false: there is none. */
bool portmap_router(const struct gateway *gw, union endpoint *router);

#endif /* _NATPUNCHD_PORTMAP_REQUEST_H */
