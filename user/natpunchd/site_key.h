/* SPDX-License-Identifier: GPL-2.0 */
/* What a site's key is made of: for site_key.c and seal.c alone. */
#ifndef _NATPUNCHD_SITE_KEY_H
#define _NATPUNCHD_SITE_KEY_H

#include <sodium.h>

#include "seal.h"

/* In locked memory. The two X25519 keys follow from the Ed25519 key. */
struct site_key {
	struct site_public public;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t box_public[crypto_box_PUBLICKEYBYTES];
	uint8_t box_secret[crypto_box_SECRETKEYBYTES];
};

/* site_public_identify() - the id that belongs to the key. */
void site_public_identify(struct site_public *key);

#endif /* _NATPUNCHD_SITE_KEY_H */
