// SPDX-License-Identifier: GPL-2.0
/*
 * MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 sections 14.5 and 14.7). Both
 * cover the message up to themselves, with a length in the header that ends
 * behind them.
 *
 * A file of its own: who signs nothing needs no libcrypto.
 */
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "stun-message.h"

#define INTEGRITY_SIZE		20
#define FINGERPRINT_SIZE	4
#define FINGERPRINT_XOR		0x5354554e	/* "STUN" */

/* @len bytes of @data, as if the message ended at @end. */
static bool hmac(uint8_t out[INTEGRITY_SIZE], const uint8_t *data, size_t len,
		 size_t end, const void *key, size_t key_len)
{
	uint8_t text[UINT16_MAX];
	unsigned int n = INTEGRITY_SIZE;

	if (len > sizeof(text) || key_len > INT32_MAX)
		return false;
	memcpy(text, data, len);
	end -= NP_STUN_HEADER;
	text[2] = (uint8_t)(end >> 8);
	text[3] = (uint8_t)end;
	return HMAC(EVP_sha1(), key, (int)key_len, text, len, out, &n);
}

/* ISO 3309's, as in Ethernet; a few hundred bytes at most. */
static uint32_t crc32(const uint8_t *data, size_t len, size_t end)
{
	uint32_t crc = ~UINT32_C(0);
	uint8_t byte;
	size_t i;
	int bit;

	end -= NP_STUN_HEADER;
	for (i = 0; i < len; i++) {
		byte = data[i];
		if (i == 2 || i == 3)
			byte = (uint8_t)(i == 2 ? end >> 8 : end);
		crc ^= byte;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

bool stun_add_integrity(struct stun_message *m, const void *key, size_t len)
{
	uint8_t mac[INTEGRITY_SIZE];

	if (!m->len)
		return false;
	if (!hmac(mac, m->data, m->len, m->len + 4 + sizeof(mac), key, len)) {
		m->len = 0;
		return false;
	}
	stun_add(m, NP_STUN_A_INTEGRITY, mac, sizeof(mac));
	return m->len;
}

void stun_add_fingerprint(struct stun_message *m)
{
	if (m->len)
		stun_add_u32(m, STUN_A_FINGERPRINT, FINGERPRINT_XOR ^
			     crc32(m->data, m->len,
				   m->len + 4 + FINGERPRINT_SIZE));
}

bool stun_integrity_is_right(const void *data, size_t len, const void *key,
			     size_t key_len)
{
	uint8_t mac[INTEGRITY_SIZE];
	const uint8_t *value;
	size_t n, covered;

	value = stun_find(data, len, NP_STUN_A_INTEGRITY, &n);
	if (!value || n != sizeof(mac))
		return false;
	covered = (size_t)(value - 4 - (const uint8_t *)data);
	return hmac(mac, data, covered, covered + 4 + sizeof(mac), key,
		    key_len) && !CRYPTO_memcmp(mac, value, sizeof(mac));
}

bool stun_fingerprint_is_right(const void *data, size_t len)
{
	const uint8_t *value;
	size_t n, covered;
	uint32_t crc;

	value = stun_find(data, len, STUN_A_FINGERPRINT, &n);
	if (!value || n != sizeof(crc) ||
	    value + n != (const uint8_t *)data + len)
		return false;
	covered = (size_t)(value - 4 - (const uint8_t *)data);
	crc = htonl(FINGERPRINT_XOR ^ crc32(data, covered, len));
	return !memcmp(&crc, value, sizeof(crc));
}
