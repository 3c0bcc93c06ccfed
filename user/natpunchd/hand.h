/* SPDX-License-Identifier: GPL-2.0 */
/*
 * By hand: sites that have no broker in common find each other by two lines, which
 * people copy and paste:
 *
 *   asks                                     serves
 *   knows where its own socket is to be
 *   found
 *           --- a line: that, a key ---->
 *                                            is the service there, and allowed?
 *                                            the same of its own; opens its NATs
 *           <-- a line: that ------------
 *   looks for it there
 *           === a channel (channel.h) ==>
 *
 * Over the channel go the messages that go by brokers else, so that all is as ever
 * from then on, for as many clients as come. It is gone for good when the endpoints
 * of both change at once; then it takes two lines more.
 *
 * Lines are sealed as messages are: signed, encrypted to the other site, for
 * HAND_S seconds, good once.
 */
#ifndef _NATPUNCHD_HAND_H
#define _NATPUNCHD_HAND_H

#include "natpunchd.h"

struct hand;
struct peer;
struct session;

#define HAND_S		600	/* to bring a line over, and one back */
#define HAND_FIND_MS	15000	/* ... and then to find the other site */
#define HAND_MAX	64

/**
 * typedef hand_fn - what became of it, called once
 * @line: to be brought to the other site; NULL: there is none
 * @why: NULL, or why nothing came of it
 */
typedef void hand_fn(void *data, const char *line, const char *why,
		     const struct session *s);

/**
 * hand_offer() - a line for this session, which asks. @fn is called if this is 0.
 * Return: 0, -ENOSPC, -ENOMEM, or why there can be no channel.
 */
int hand_offer(struct session *s, hand_fn *fn, void *data);
/** hand_accept() - NULL, and @fn is called, from within or later; or why not. */
const char *hand_accept(struct daemon *d, const char *line, hand_fn *fn,
			void *data);

/** hand_send() - to whom a channel leads. 0, or as channel_send(). */
int hand_send(struct daemon *d, const struct peer *peer, const uint8_t *message,
	      size_t len);
/** hand_rtt_ms() - of the channel to the peer; 0: there is none. */
unsigned int hand_rtt_ms(const struct daemon *d, const struct peer *peer);
/** hand_is_up() - to whomever. */
bool hand_is_up(const struct daemon *d);
/** hand_has() - is there a channel, or was there one until a moment ago? */
bool hand_has(const struct daemon *d, const struct peer *peer);
/** hand_release() - a session is over: its line, and the channel if it was the last */
void hand_release(struct session *s);
void hand_peer_gone(struct daemon *d, const struct peer *peer);
/** hand_renew() - our address is another one. */
void hand_renew(struct daemon *d);
/** hand_show() - NULL: there is no channel to the peer. */
json_t *hand_show(const struct daemon *d, const struct peer *peer);

void hand_start(void);
void hand_stop(struct daemon *d);
/** hand_saved(), hand_restore() - for the state file: saved.c. */
json_t *hand_saved(const struct daemon *d);
void hand_restore(struct daemon *d, const json_t *saved);

#endif /* _NATPUNCHD_HAND_H */
