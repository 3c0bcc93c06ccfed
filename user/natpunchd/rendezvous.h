/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rendezvous: messages between sites, by MQTT brokers that are trusted with
 * nothing but delivery. We are at all configured brokers at once; a message goes
 * to those where the peer is present (to all, if it is nowhere), and arrives
 * once: copies are known by their number. What is for a site that sleeps
 * waits at the brokers until it expires.
 *
 * Topics, schema and traffic: Documentation/rendezvous.rst.
 */
#ifndef _NATPUNCHD_RENDEZVOUS_H
#define _NATPUNCHD_RENDEZVOUS_H

#include "natpunchd.h"
#include "seal.h"

#define RENDEZVOUS_VERSION	1	/* of the messages' schema */
#define MAX_BROKERS		8

/** struct message - one that came, by a broker or by hand. */
struct message {
	struct peer *peer;	/* who signed it */
	const char *type;
	const json_t *body;	/* an object; the receiver checks it */
	uint64_t sent_ms;	/* by the peer's clock */
	uint64_t expires_ms;
	bool by_hand;		/* came by copy and paste: answer likewise */
};

/** typedef message_fn - deal with a message; its members are not to be kept. */
typedef void message_fn(struct daemon *d, const struct message *m);

/** rendezvous_on() - who deals with messages of a type; once for each. */
void rendezvous_on(const char *type, message_fn *fn);

/**
 * rendezvous_send() - send @body, an object which is not consumed.
 * @life_s: how long it may wait for a peer that sleeps; at most a week
 *
 * Return: 0, handed to a broker at least; -ENOTCONN, none is there (nothing is
 * kept: session_peer_online() tells when there is one again);
 * -EMSGSIZE, beyond SEAL_MAX_TEXT as JSON.
 */
int rendezvous_send(struct daemon *d, struct peer *peer, const char *type,
		    const json_t *body, unsigned int life_s);

/**
 * rendezvous_line() - the same as a line to copy and paste, in memory which the
 * caller frees; NULL: too long.
 */
char *rendezvous_line(struct daemon *d, struct peer *peer, const char *type,
		      const json_t *body, unsigned int life_s);

/**
 * rendezvous_accept() - a line of rendezvous_line(), made by the peer; its
 * receiver is called before this returns.
 */
enum seal_error rendezvous_accept(struct daemon *d, const char *line);

/** rendezvous_by_hand() - a channel leads to the peer, or none does any more. */
void rendezvous_by_hand(struct daemon *d, struct peer *peer, bool up);
/** rendezvous_take() - a message that came by a channel. */
void rendezvous_take(struct daemon *d, const void *message, size_t len);

/**
 * rendezvous_rtt_ms() - our round trip to the nearest broker at which the peer
 * is (NULL: any), the least of the last measurements; 0: none is known. By hand it
 * is half of that to the peer, as each has half of the way to himself.
 */
unsigned int rendezvous_rtt_ms(const struct daemon *d, const struct peer *peer);

bool rendezvous_connected(const struct daemon *d);

int rendezvous_start(struct daemon *d);
/** rendezvous_reload() - brokers that stayed the same stay connected. */
int rendezvous_reload(struct daemon *d);
/** rendezvous_renew() - our address is another one: connect anew to the brokers. */
void rendezvous_renew(struct daemon *d);
/** rendezvous_is_up() - is one of them connected? */
bool rendezvous_is_up(const struct daemon *d);
/** rendezvous_stop() - say goodbye, wait for nothing. */
void rendezvous_stop(struct daemon *d);
/** rendezvous_show() - an array of brokers: state, round trip, counters. */
json_t *rendezvous_show(const struct daemon *d);

#endif /* _NATPUNCHD_RENDEZVOUS_H */
