/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A NAT of the zoo (natzoo/zoo.h), or several in a row, between a gateway and the
 * Internet: what a carrier does to those behind it.
 *
 *	A --+
 *	    +-- lan GA wan ====== natzoo ====== ga NET -- ...
 *	A2 -+     100.64.1.2   |          |   203.0.113.1
 *	             100.64.1.1            203.0.113.16 and on
 *
 * With two in a row:
 *
 *	GA wan ====== first ------------ second ====== ga NET
 *	100.64.1.2  |       |            |      | 203.0.113.1
 *	      100.64.1.1  100.65.1.16  100.65.1.1   203.0.113.16 and on
 *
 * ==== is a TUN device. GB's zoo has 100.64.2.2 and so on, and 198.51.100.16
 * outside. IPv6 addresses of the gateways stay as they are and pass the zoo
 * filtered; with the word nat66 they become 2001:db8:a::10 (b::10) and on. As a
 * router the first of a row is 2001:db8:a::f0, the second ::f1.
 *
 * natzoo runs beside the test and dies with it. In it time is the test's.
 */
#ifndef LAB_ZOO_H
#define LAB_ZOO_H

#include "lab.h"

/**
 * zoo_start() - put NATs in front of a gateway, named from its side on:
 * zoo_start(GA, "home", "sequential,step=-3,seed=5"). What was there before is gone,
 * and so is the gateway's old WAN device with all that hung on it, so gateway()
 * comes afterwards.
 */
#define zoo_start(gateway, ...) \
	zoo_start_row(gateway, (const char *const []){ __VA_ARGS__, NULL })
/** zoo_start_row() - the same from an array with NULL at the end. */
void zoo_start_row(enum node gateway, const char *const *kinds);
/** zoo_stop() - the plain WAN again, as lab_start() made it. */
void zoo_stop(enum node gateway);

/** zoo_wan() - an endpoint on the zoo's first external address. */
struct ep zoo_wan(enum node gateway, unsigned int port);
/** zoo_inside() - an endpoint on the gateway's WAN address behind the zoo. */
struct ep zoo_inside(enum node gateway, unsigned int port);
/** zoo_router() - the address of a row's NAT towards the gateway; 0: the first. */
struct ep zoo_router(enum node gateway, unsigned int number);

#endif
