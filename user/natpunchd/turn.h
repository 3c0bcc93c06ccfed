/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client of a TURN server (RFC 8656): one allocation for UDP, kept until it is
 * closed, for one peer.
 *
 * UDP allocations are all that is used, also for TCP services: their segments are
 * what is relayed (relay.h). So servers need not offer RFC 6062, and several do not.
 */
#ifndef _NATPUNCHD_TURN_H
#define _NATPUNCHD_TURN_H

#include "turn_message.h"
#include "turn_wire.h"

#define TURN_PORT	3478
#define TURNS_PORT	5349

struct turn;

/**
 * struct turn_events - out of the loop, never from within a call; none may close
 * the struct turn
 * @ready: there is an allocation, turn_relayed()
 * @packet: came for it, from a peer that is permitted
 * @failed: it is over; @why is for people, and names no secret
 */
struct turn_events {
	void (*ready)(void *data);
	void (*packet)(void *data, const union endpoint *from,
		       const uint8_t *packet, size_t len);
	void (*failed)(void *data, const char *why);
};

/** turn_open() - NULL: errno says why. @user, @password may be NULL. */
struct turn *turn_open(struct event_base *base,
		       const struct wire_server *server, const char *user,
		       const char *password, const struct turn_events *events,
		       void *data);
/** turn_relayed() - the endpoint at which peers reach us. */
const union endpoint *turn_relayed(const struct turn *t);
/** turn_permit() - the peer at this address may send; its port is not known. */
void turn_permit(struct turn *t, const union endpoint *peer);
/** turn_bind() - that is the peer: permitted, and cheap to send to. */
void turn_bind(struct turn *t, const union endpoint *peer);
/**
 * turn_send() - to any peer that is permitted. As long as the peer is not bound
 * packets of over TURN_UNBOUND_MAX bytes are dropped.
 */
#define TURN_UNBOUND_MAX	400
void turn_send(struct turn *t, const union endpoint *peer, const void *head,
	       size_t head_len, const void *body, size_t len);
/** turn_close() - the server is told, until it agrees. NULL is allowed. */
void turn_close(struct turn *t);
/** turn_stop() - the loop ends: it runs for a moment more, for those. */
void turn_stop(struct event_base *base);

#endif /* _NATPUNCHD_TURN_H */
