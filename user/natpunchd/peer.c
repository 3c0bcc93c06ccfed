// SPDX-License-Identifier: GPL-2.0
/* The list of peers. Owns struct daemon's peers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "hand.h"
#include "peer.h"
#include "session.h"

struct peer *peer_by_name(const struct daemon *d, const char *name)
{
	struct peer *peer;

	for (peer = d->peers; peer; peer = peer->next)
		if (!strcmp(peer->name, name))
			return peer;
	return NULL;
}

struct peer *peer_by_id(const struct daemon *d, const char *id)
{
	struct peer *peer;

	for (peer = d->peers; peer; peer = peer->next)
		if (!strcmp(peer->key.id, id))
			return peer;
	return NULL;
}

struct peer *peer_by_key(const struct daemon *d, const struct site_public *key)
{
	struct peer *peer = peer_by_id(d, key->id);

	return peer && !memcmp(peer->key.key, key->key, SITE_KEY_BYTES) ? peer :
									 NULL;
}

/* One whose key has stayed goes by its new name, if it has one. */
static int list_peer(struct daemon *d, const struct conf_peer *from)
{
	struct peer *peer = peer_by_key(d, &from->key);

	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return -ENOMEM;
		peer->key = from->key;
		seen_load(d, peer);
		peer->next = d->peers;
		d->peers = peer;
	}
	if (*peer->name && strcmp(peer->name, from->name))
		session_peer_gone(d, peer);	/* other rules apply to it */
	snprintf(peer->name, sizeof(peer->name), "%s", from->name);
	peer->listed = true;
	return 0;
}

static void drop_unlisted(struct daemon *d)
{
	struct peer **link = &d->peers, *peer;

	while (*link) {
		peer = *link;
		if (peer->listed) {
			link = &peer->next;
			continue;
		}
		session_peer_gone(d, peer);
		hand_peer_gone(d, peer);
		*link = peer->next;
		replay_free(&peer->replay);
		free(peer);
	}
}

int peer_reload(struct daemon *d)
{
	struct peer *peer;
	size_t i;
	int err;

	for (peer = d->peers; peer; peer = peer->next)
		peer->listed = false;
	for (i = 0; i < d->conf->peers.n; i++) {
		err = list_peer(d, &d->conf->peers.item[i]);
		if (err)
			return err;
	}
	drop_unlisted(d);
	return 0;
}

void peer_free_all(struct daemon *d)
{
	struct peer *peer;

	while (d->peers) {
		peer = d->peers;
		d->peers = peer->next;
		replay_free(&peer->replay);
		free(peer);
	}
}
