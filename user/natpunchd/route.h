/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's routes, as it would use them now. Nothing is sent. */
#ifndef _NATPUNCHD_ROUTE_H
#define _NATPUNCHD_ROUTE_H

#include "endpoint.h"

/** struct route - @dev: the number of the device; @src: our address, without port */
struct route {
	unsigned int dev;
	union endpoint src;
};

/** route_get() - the way to @to; false: there is none. */
bool route_get(struct route *r, const union endpoint *to);

#endif /* _NATPUNCHD_ROUTE_H */
