/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long NATs upstream remember an idle UDP mapping: measured once in a network of
 * ours (told by the address that STUN servers see), and remembered for a week. Idle
 * flows are kept alive twice in that time, so that one packet may be lost, unless the
 * configuration says how often.
 *
 * It is done in the background from spare sockets, each of which makes a mapping, is
 * silent for one of a few times, and looks whether it is still there (RFC 5780
 * section 4.6): a server that can is asked from another socket to send to it. Else the
 * mapping's own socket asks again whether its port is the same, which tells nothing
 * where NATs give the socket's own port: then nothing is measured. It ends with the
 * first that is gone. LIFETIME_PACKETS are sent at most.
 */
#ifndef _NATPUNCHD_LIFETIME_H
#define _NATPUNCHD_LIFETIME_H

#include "gateway.h"

#define LIFETIME_UNKNOWN_S	25	/* keepalive, as long as nothing is known */
#define LIFETIME_PACKETS	60	/* to the server and from it, if none is lost */

/** lifetime_want() - NATs upstream show us as @public: measure, if need be. */
void lifetime_want(struct gateway *gw, const union endpoint *public);
/** lifetime_keepalive_s() - so often a mapping is to be used. */
unsigned int lifetime_keepalive_s(const struct daemon *d);
/**
 * lifetime_show() - "network", "min", "max" (seconds; absent: unknown), "state",
 * "keepalive"
 */
json_t *lifetime_show(const struct daemon *d);
void lifetime_close(struct gateway *gw);

#endif /* _NATPUNCHD_LIFETIME_H */
