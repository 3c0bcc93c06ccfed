/* SPDX-License-Identifier: GPL-2.0 */
/* What channel*.c share. */
#ifndef _NATPUNCHD_CHANNEL_PRIVATE_H
#define _NATPUNCHD_CHANNEL_PRIVATE_H

#include "../stun/stun-socket.h"
#include "channel.h"
#include "outside.h"
#include "seal.h"

#define CHANNEL_REMOTES	8	/* endpoints at which the peer may be */
#define PIECE_MAX	440	/* bytes of a message in one request */
#define PIECES_MAX	((SEAL_MAX + PIECE_MAX - 1) / PIECE_MAX)

struct parcel;

/* Where the peer is, or is said to be. */
struct remote {
	struct channel *channel;
	union endpoint ep;
	struct stun_request request;	/* in use while its socket is set */
};

struct channel {
	struct daemon *daemon;
	const struct channel_ops *ops;
	void *data;
	struct event *event, *timer;
	struct stun_socket socket;
	bool busy, dead;		/* freed while the owner is called */
	bool asks;
	bool ready;			/* our endpoints are known */
	bool connecting;		/* the peer is looked for */
	bool up;
	char key[CHECK_KEY_SIZE];

	/* ours */
	union endpoint local, public;
	union endpoint server;		/* of STUN; it keeps the mapping */
	bool upstream, dependent;
	unsigned int nat_hops;
	struct hops *hops;
	unsigned int n_asked;
	struct stun_request ask[OUTSIDE_SERVERS];

	/* the peer's */
	bool peer_dependent;
	unsigned int n_remote;
	struct remote remote[CHANNEL_REMOTES];
	union endpoint peer;		/* the one that answered */
	unsigned int rtt_ms;

	/* channel_message.c */
	struct parcel *parcels;		/* the first is on its way */
	uint64_t last_out;		/* number of the last one */
	struct {
		uint64_t last;		/* the last that was whole */
		uint64_t number;	/* ... the one that comes in */
		unsigned int n, left;	/* its pieces */
		bool have[PIECES_MAX];
		size_t len;
		uint8_t *data;
	} in;
};

/* channel.c */
void channel_watch(struct channel *c);
void channel_sign(const struct channel *c, struct stun_message *m);
bool channel_is_signed(const struct channel *c, const uint8_t *data,
		       size_t len);
void channel_request(struct channel *c, struct stun_request *r,
		     const union endpoint *to, const struct stun_timing *timing,
		     stun_answer_fn *done);
/* The peer does not answer any more. */
void channel_lost(struct channel *c);

/* channel_message.c */
/* So that a request that is turned back is not taken for the peer's. */
void channel_add_role(const struct channel *c, struct stun_message *m);
bool channel_is_of_peer(const struct channel *c, const uint8_t *data,
			size_t len);
bool channel_is_piece(const uint8_t *data, size_t len);
void channel_take_piece(struct channel *c, const uint8_t *data, size_t len);
void channel_drop_messages(struct channel *c);

#endif /* _NATPUNCHD_CHANNEL_PRIVATE_H */
