// SPDX-License-Identifier: GPL-2.0
/*
 * Replay windows in the state directory, a file for each peer: small, and written
 * for every message taken, before anything is done about it. Without the file a
 * broker that kept an offer could repeat it after our restart.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "peer.h"
#include "saved.h"

#define NAME_OF_FILE	(sizeof("seen-") + SITE_ID_SIZE)

static const char *file_name(char buf[NAME_OF_FILE], const struct peer *peer)
{
	snprintf(buf, NAME_OF_FILE, "seen-%s", peer->key.id);
	return buf;
}

static bool load_slot(struct replay_slot *slot, const json_t *from)
{
	const char *nonce = json_string_value(json_array_get(from, 0));
	size_t len;

	slot->sent_ms = (uint64_t)json_integer_value(json_array_get(from, 1));
	slot->expires_ms =
		(uint64_t)json_integer_value(json_array_get(from, 2));
	return nonce && !sodium_hex2bin(slot->nonce, sizeof(slot->nonce),
					nonce, strlen(nonce), NULL, &len,
					NULL) && len == sizeof(slot->nonce);
}

void seen_load(const struct daemon *d, struct peer *peer)
{
	struct replay *r = &peer->replay;
	char name[NAME_OF_FILE];
	json_t *json, *slots, *item;
	struct replay_slot *slot;
	size_t i;

	json = state_load(d, file_name(name, peer));
	if (!json)
		return;
	r->floor_ms = (uint64_t)json_integer_value(json_object_get(json,
								   "floor"));
	slots = json_object_get(json, "slots");
	json_array_foreach(slots, i, item) {
		slot = replay_add(r);
		if (slot && !load_slot(slot, item))
			r->n--;
	}
	json_decref(json);
}

/* Those that are over need not be kept. */
static json_t *live_slots(const struct replay *r)
{
	uint64_t now_ms = clock_real_ms();
	char hex[2 * SEAL_NONCE_BYTES + 1];
	const struct replay_slot *slot;
	json_t *slots = json_array();
	unsigned int i;

	for (i = 0; i < r->n; i++) {
		slot = &r->slot[i];
		if (slot->expires_ms + SEAL_SKEW_MS < now_ms)
			continue;
		sodium_bin2hex(hex, sizeof(hex), slot->nonce,
			       sizeof(slot->nonce));
		json_array_append_new(slots,
				      json_pack("[sII]", hex,
						(json_int_t)slot->sent_ms,
						(json_int_t)slot->expires_ms));
	}
	return slots;
}

void seen_save(const struct daemon *d, const struct peer *peer)
{
	const struct replay *r = &peer->replay;
	static bool told;
	char name[NAME_OF_FILE];
	json_t *json;
	int err;

	json = json_pack("{sIso}", "floor", (json_int_t)r->floor_ms, "slots",
			 live_slots(r));
	err = state_write(d, file_name(name, peer), json);
	if (err && !told)
		log_warning("%s: %s: messages could be repeated to us after a restart",
			    d->conf->state, strerror(-err));
	told = err;
	json_decref(json);
}
