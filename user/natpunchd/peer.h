/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers: the sites that the configuration names, by their public keys. A peer
 * lives on over a reload as long as its key stays. Who is not in this list is
 * nobody: nothing of his is read beyond his signature.
 */
#ifndef _NATPUNCHD_PEER_H
#define _NATPUNCHD_PEER_H

#include "natpunchd.h"
#include "seal.h"

#define PEER_BROKERS	8	/* as rendezvous.h's MAX_BROKERS */
#define NAME_SIZE	33	/* of a site or a service, with its NUL */

struct peer {
	struct peer *next;
	char name[NAME_SIZE];		/* as *our* administrator calls it */
	struct site_public key;
	struct replay replay;		/* seal.c's; kept by seen.c */

	/* rendezvous.c's: what the brokers tell. */
	bool online;			/* a broker at least has it there, or: */
	bool by_hand;			/* a channel leads there: hand.h */
	bool known;			/* has ever been heard of */
	uint64_t seen_ms;		/* clock_ms() of the last sign of life */
	uint32_t brokers;		/* bit n: present at broker n */
	struct {
		uint64_t boot;		/* the date of its connection there */
		bool over;		/* which it has ended */
	} at[PEER_BROKERS];

	bool listed;			/* peer.c's, while it reloads */
};

struct peer *peer_by_name(const struct daemon *d, const char *name);
struct peer *peer_by_key(const struct daemon *d, const struct site_public *key);
struct peer *peer_by_id(const struct daemon *d, const char *id);

/**
 * peer_reload() - make the list that of the configuration. Sessions with those
 * who are gone or have another key are closed.
 */
int peer_reload(struct daemon *d);
void peer_free_all(struct daemon *d);

/**
 * seen_load(), seen_save() - a peer's replay window, from and to the state
 * directory: what came before a restart does not come again after it.
 */
void seen_load(const struct daemon *d, struct peer *peer);
void seen_save(const struct daemon *d, const struct peer *peer);

/**
 * may_name() - may a site or a service be called so? A letter or a digit, then
 * letters, digits, ``-``, ``_`` or ``.``; 32 at most.
 */
bool may_name(const char *name);

#endif /* _NATPUNCHD_PEER_H */
