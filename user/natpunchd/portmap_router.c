// SPDX-License-Identifier: GPL-2.0
/*
 * The upstream router: the next hop of the kernel's route to PCP's anycast address
 * (RFC 7723), which is everywhere and so is the default route. Nothing is sent.
 */
#include <arpa/inet.h>
#include <net/if.h>

#include "portmap_request.h"
#include "route.h"

#define PCP_ANYCAST	0xc0000009	/* 192.0.0.9 */

bool portmap_router(const struct gateway *gw, union endpoint *router)
{
	const union endpoint anycast = { .in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(PCP_ANYCAST),
	} };
	struct route route;

	if (!route_get(&route, &anycast,
		       gw->wan[0] ? if_nametoindex(gw->wan) : 0))
		return false;
	*router = route.next_hop;
	return router->sa.sa_family == AF_INET;
}
