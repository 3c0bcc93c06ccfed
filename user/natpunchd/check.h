/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connectivity checks over UDP (as RFC 8445's): Binding requests between the
 * external endpoints of the two sites, with a short-term credential that both
 * know from the sealed messages. They are crafted past our own conntrack, and what
 * comes in is taken from the queue, so no device sees one, and the upstream can
 * not tell them from what the devices send.
 *
 * Whoever has proved that he knows the key is told to the owner with the endpoint
 * that he came from, be it one that nobody has named before (peer-reflexive).
 */
#ifndef _NATPUNCHD_CHECK_H
#define _NATPUNCHD_CHECK_H

#include "gateway.h"

#define CHECK_KEY_SIZE	33	/* 32 hex digits and a NUL */
#define CHECKS_MAX	16	/* endpoints of the peer, for one flow */

struct checks;
struct datagram;
struct guess;
struct locals;

/**
 * struct checks_ops - what the owner is told; he may free the checks from within
 * @answered: @remote has answered a request that @local sent
 * @asked: an authentic request came from @remote to @local; it is answered next
 */
struct checks_ops {
	void (*answered)(void *data, const union endpoint *local,
			 const union endpoint *remote, unsigned int rtt_ms);
	void (*asked)(void *data, const union endpoint *local,
		      const union endpoint *remote);
};

/** check_key() - a new one, of the site that asks. */
void check_key(char key[CHECK_KEY_SIZE]);
bool check_is_key(const char *s);

/**
 * checks_new() - from @local, of the flow called @id. Nothing is sent yet.
 * @asks: which side we are. NULL: out of memory.
 */
struct checks *checks_new(struct gateway *gw, const union endpoint *local,
			  const char *id, const char *key, bool asks,
			  const struct checks_ops *ops, void *data);
/** checks_free() - NULL is allowed. */
void checks_free(struct checks *c);
/** checks_add() - one more; one that is known, or too many: nothing. */
void checks_add(struct checks *c, const union endpoint *remote);
/** checks_start() - send, and repeat until freed; @delay_ms from now. */
void checks_start(struct checks *c, unsigned int delay_ms);
/**
 * checks_guess() - any of @theirs may answer what checks_send() sent (NULL: whoever
 * it was sent to last), and @ours are endpoints of ours, too (NULL: none). They
 * stay the caller's, for as long as the checks live.
 */
void checks_guess(struct checks *c, const struct guess *theirs,
		  const struct locals *ours);
/** checks_send() - one now. @local: NULL: as ever. @ttl: 0: all the way. */
void checks_send(struct checks *c, const union endpoint *local,
		 const union endpoint *remote, unsigned int ttl);
/** checks_stop() - send no more, but go on answering. */
void checks_stop(struct checks *c);
/** checks_open() - one to each, with a short life: opens our NATs alone. */
void checks_open(struct checks *c, unsigned int ttl);
/** checks_take() - true: it was meant for this flow, and is done with. */
bool checks_take(struct checks *c, const struct datagram *d);

#endif /* _NATPUNCHD_CHECK_H */
