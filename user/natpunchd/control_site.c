// SPDX-License-Identifier: GPL-2.0
/* Requests about sites: peer-show, site-key, site-show. */
#include <string.h>

#include "conf.h"
#include "control.h"
#include "hand.h"
#include "peer.h"
#include "rendezvous.h"
#include "session.h"

static json_t *describe(const struct daemon *d, const struct peer *peer)
{
	json_t *hand = hand_show(d, peer);
	char key[SITE_KEY_STR_SIZE];
	json_t *json;

	json = json_pack("{ss, ss, ss, sb}", "name", peer->name, "key",
			 site_public_str(key, &peer->key), "id", peer->key.id,
			 "online", peer->online);
	if (peer->known)
		json_object_set_new(json, "seen",
				    json_real((double)(clock_ms() -
						       peer->seen_ms) / 1000));
	if (hand)
		json_object_set_new(json, "by_hand", hand);
	return json;
}

static void peer_show(struct daemon *d, struct client *c, const json_t *request)
{
	json_t *list = json_array();
	const struct peer *peer;

	(void)request;
	for (peer = d->peers; peer; peer = peer->next)
		json_array_append_new(list, describe(d, peer));
	control_ok(c, list);
}

static json_t *describe_key(const struct daemon *d)
{
	const struct site_public *public = site_key_public(d->key);
	char key[SITE_KEY_STR_SIZE];

	return json_pack("{ss, ss, ss}", "site", d->conf->site, "key",
			 site_public_str(key, public), "id", public->id);
}

static void site_key(struct daemon *d, struct client *c, const json_t *request)
{
	(void)request;
	control_ok(c, describe_key(d));
}

static void site_show(struct daemon *d, struct client *c, const json_t *request)
{
	json_t *json = describe_key(d);

	(void)request;
	json_object_set_new(json, "version", json_string(NATPUNCH_VERSION));
	json_object_set_new(json, "path", json_string(d->path->name));
	if (d->path->describe)
		d->path->describe(d, json);
	json_object_set_new(json, "rendezvous", rendezvous_show(d));
	if (d->path->show_site)
		json_object_set_new(json, "udp_mapping", d->path->show_site(d));
	control_ok(c, json);
}

const struct verb site_verbs[] = {
	{ "peer-show", peer_show },
	{ "site-key", site_key },
	{ "site-show", site_show },
	{ .name = NULL }
};
