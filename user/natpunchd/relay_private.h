/* SPDX-License-Identifier: GPL-2.0 */
/* What relay.c, relay_server.c and relay_packet.c share. */
#ifndef _NATPUNCHD_RELAY_PRIVATE_H
#define _NATPUNCHD_RELAY_PRIVATE_H

#include "gateway.h"
#include "relay.h"
#include "tun.h"
#include "turn.h"

#define RELAY_KEY_SIZE	16
#define RELAY_WAY	"relay"	/* ways.h */

enum relay_state {
	RELAY_WAITING,		/* direct is tried alone */
	RELAY_ALLOCATING,
	RELAY_UNSERVED,		/* no server of ours can be used */
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
	char why[SESSION_REASON_SIZE];	/* of FAILED */
	bool wanted;			/* although the session is direct */

	unsigned int n_server;		/* of the gateway's relays */
	char server[256];		/* as it is configured */
	char unserved[SESSION_REASON_SIZE];		/* why none of ours can be used, or "" */
	union endpoint seen;		/* where our WAN seems to be, if there is none */
	struct mapped *mapped;		/* who is asked for that */
	bool tunnel;			/* from IPv6 to IPv6 without a server: relay.h */
	bool untunneled;		/* ... which was tried in vain */
	int fd;				/* tunnel: our end, until the peer's is known */
	union endpoint own;		/* ... where that is */
	struct turn *turn;
	struct wire *wire;		/* instead: to the peer's allocation */
	bool broken;			/* the timer is to close it */
	bool listening;			/* asks: the table knows of it */
	union endpoint remote;		/* the peer's end; none yet */
	bool any_port;			/* ... the port is not known */
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
/** relay_served() - we have an end for the peer; relay_unserved() - we get none. */
void relay_served(struct relay *r);
void relay_unserved(struct relay *r);
/** relay_untunnel() - a tunnel does not work: a server then. */
void relay_untunnel(struct relay *r, const char *why);
/** relay_learned() - the peer, of whom only the address was known, is there. */
void relay_learned(struct relay *r, const union endpoint *remote);

/* relay_server.c */
/** relay_server_try() - the next of our servers; ends with one of both above. */
void relay_server_try(struct relay *r);
/** relay_server_tunnel() - to the peer's end of a tunnel. False: it failed. */
bool relay_server_tunnel(struct relay *r);
/** relay_server_plain() - without one of ours, to the peer's. False: it failed. */
bool relay_server_plain(struct relay *r);
/** relay_server_peer() - r->remote may send to us. */
void relay_server_peer(struct relay *r);
void relay_server_send(struct relay *r, const void *head, size_t head_len,
		       const void *body, size_t len);
/** relay_server_close() - not from within what it calls. */
void relay_server_close(struct relay *r);

/* relay_packet.c */
/** relay_check() - the timer, while checks are sent. */
void relay_check(struct relay *r);
/** relay_on_packet() - turn_events.packet */
void relay_on_packet(void *relay, const union endpoint *from,
		     const uint8_t *packet, size_t len);
/** relay_from_tun() - a tun_fn */
void relay_from_tun(void *gateway, struct tun_packet *p);

#endif /* _NATPUNCHD_RELAY_PRIVATE_H */
