/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far the outermost NAT in front of us is: echo requests with rising TTLs
 * towards a STUN server; the routers at which they die say who they are. NATs
 * are where the addresses are private (RFC 1918, 6598) for the last time.
 */
#ifndef _NATPUNCHD_HOPS_H
#define _NATPUNCHD_HOPS_H

#include "gateway.h"

#define HOPS_MAX	8
#define HOPS_MS		400

struct hops;

/** typedef hops_fn - @hops: to the outermost NAT; 0: nobody answered. */
typedef void hops_fn(void *data, unsigned int hops);

/** hops_measure() - NULL: errno says why. @fn is called once, and frees. */
struct hops *hops_measure(struct gateway *gw, const union endpoint *towards,
			  hops_fn *fn, void *data);
void hops_free(struct hops *h);

#endif /* _NATPUNCHD_HOPS_H */
