/* SPDX-License-Identifier: GPL-2.0 */
/* What relay.c and relay_packet.c share. */
#ifndef _NATPUNCHD_RELAY_PRIVATE_H
#define _NATPUNCHD_RELAY_PRIVATE_H

#include "gateway.h"
#include "relay.h"
#include "tun.h"
#include "turn.h"

#define RELAY_KEY_SIZE	16

enum relay_state {
	RELAY_WAITING,		/* direct is tried alone */
	RELAY_ALLOCATING,
	RELAY_AGREEING,		/* the peer does */
	RELAY_CHECKING,
	RELAY_OPEN,
	RELAY_RETIRING,		/* it is direct; TCP is left */
	RELAY_FAILED,
};

struct relay {
	struct path *path;
	enum relay_state state;
	struct event *timer;		/* the state's */
	struct event *retry;		/* when to try again to be direct */
	unsigned int retry_ms;
	char undirect[80];		/* why it is not direct, or "" */
	char why[80];			/* of FAILED */

	unsigned int n_server;		/* of the gateway's relays */
	char server[256];		/* as it is configured */
	struct turn *turn;
	bool broken;			/* the timer is to close it */
	bool listening;			/* asks: the table knows of it */
	union endpoint remote;		/* the peer's allocation; none yet */
	unsigned int number;		/* of the virtual address */
	union endpoint virtual;

	uint8_t key[RELAY_KEY_SIZE];
	uint32_t tag_in, tag_out;
	struct stun_message check;	/* that waits for its answer */
	unsigned int checks;		/* how often it was sent; 0: none waits */
	uint64_t checked_ms;		/* clock_ms() of the last time */
	unsigned int rtt_ms;
	uint64_t bytes_in, bytes_out;
};

/* relay.c */
void relay_arm(struct relay *r, unsigned int ms);
/** relay_fail() - @why is copied. */
void relay_fail(struct relay *r, const char *why);
void relay_opened(struct relay *r);

/* relay_packet.c */
/** relay_check() - the timer, while checks are sent. */
void relay_check(struct relay *r);
/** relay_on_packet() - turn_events.packet */
void relay_on_packet(void *relay, const union endpoint *from,
		     const uint8_t *packet, size_t len);
/** relay_from_tun() - a tun_fn */
void relay_from_tun(void *gateway, struct tun_packet *p);

#endif /* _NATPUNCHD_RELAY_PRIVATE_H */
