/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can not go directly goes by a relay: each site has an allocation at its own
 * TURN server, and what clients and service send goes from one to the other. If one
 * of them has no server the other's is enough.
 *
 *   client -- listener => virtual address -- TUN -- daemon == TURN ==...
 *   ...== TURN == daemon -- TUN -- virtual address => our LAN's -- service
 *
 * Packets are relayed, not streams: a whole TCP segment or UDP datagram without
 * its IP header. So TCP stays end to end, with its own congestion control and
 * ends; nothing is buffered here; TCP and UDP are alike, and any TURN server will
 * do. => is done by conntrack. The daemon itself says who is at the other end, so
 * whatever the peer sends can only go to the service, or to who has asked it.
 *
 * With a server each, either can be behind whatever NAT, or have no UDP to the
 * outside.
 *
 *   asks                                     serves
 *   not direct after RELAY_AFTER_MS, or
 *   it is known that it can not be: gets
 *   an allocation
 *           --- use: endpoint, key, tag -->
 *                                            gets an allocation
 *           <-- use: endpoint, tag --------
 *   each permits the other's endpoint; both send STUN checks (short-term
 *   credentials: the key), and who has an answer is open
 *
 * Who has no server that he can use tells the address that he comes from instead,
 * and sends his checks from a socket to the other's endpoint. That permits the
 * address, and learns the port from the first check with the key.
 *
 * Where both WANs have IPv6 addresses no server is needed: each site's end is a socket
 * of its own (a *tunnel*), whose checks open the firewalls on the way. That is tried
 * before any server, for what can not go directly over IPv4, or is IPv6's at one end
 * and IPv4's at the other.
 *
 * Each packet begins with the tag that its receiver has chosen, so a stranger who
 * forges the permitted address still has to guess it.
 *
 * Clients that do not come through in a direct session make it a relayed one.
 *
 * A relayed session goes on trying to be direct. When it is, new flows go directly,
 * and UDP at once; the relay stays until the last TCP connection on it has ended.
 */
#ifndef _NATPUNCHD_RELAY_H
#define _NATPUNCHD_RELAY_H

#include "path.h"

struct gateway;
struct relay;

#define RELAY_AFTER_MS	2000	/* so long direct is tried alone */

/** relay_tunnels() - can this site have an end of a tunnel? */
bool relay_tunnels(const struct gateway *gw);
/** relay_begin() - asks: direct is being tried; begin if it takes too long. */
void relay_begin(struct path *p);
/**
 * relay_want() - asks: the session is direct, but a client does not come through.
 * True: a relay is on its way.
 */
bool relay_want(struct path *p);
/**
 * relay_instead() - direct does not work; @why. True: the relay is open, or is to
 * be, and says what becomes of the session.
 */
bool relay_instead(struct path *p, const char *why);
/** relay_direct() - it is direct now. */
void relay_direct(struct path *p);
/** relay_message() - from the peer; true: it was about the relay. */
bool relay_message(struct path *p, const json_t *body);
/** relay_is_open() - it carries all new flows. */
bool relay_is_open(const struct path *p);
/** relay_show() - false: it does not carry anything. */
bool relay_show(const struct path *p, json_t *into);
/** relay_free() - its flows end. */
void relay_free(struct path *p);

#endif /* _NATPUNCHD_RELAY_H */
