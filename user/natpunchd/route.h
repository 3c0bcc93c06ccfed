/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's routes, as it would use them now. Nothing is sent. */
#ifndef _NATPUNCHD_ROUTE_H
#define _NATPUNCHD_ROUTE_H

#include "endpoint.h"

/**
 * struct route - @dev: the number of the device; @src: our address, and
 * @next_hop: that of the router, none if it is on the link; both without port
 */
struct route {
	unsigned int dev;
	union endpoint src, next_hop;
};

/** route_get() - the way to @to, by @dev or (0) any device; false: there is none. */
bool route_get(struct route *r, const union endpoint *to, unsigned int dev);

#endif /* _NATPUNCHD_ROUTE_H */
