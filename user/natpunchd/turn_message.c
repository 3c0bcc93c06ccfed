// SPDX-License-Identifier: GPL-2.0
/* TURN's messages; see turn_message.h. */
#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "turn_message.h"

void turn_begin(struct stun_message *m, uint16_t type)
{
	stun_begin_request(m, STUN_RFC5389);
	m->data[0] = (uint8_t)(type >> 8);
	m->data[1] = (uint8_t)type;
}

void turn_add_endpoint(struct stun_message *m, uint16_t attr,
		       const union endpoint *ep)
{
	stun_add_xor_addr(m, attr, &ep->sa);
}

static void add_word(struct stun_message *m, uint16_t attr, const char *word)
{
	stun_add(m, attr, word, strlen(word));
}

void turn_sign(struct stun_message *m, const struct turn_credentials *c)
{
	if (!*c->user || !*c->realm)
		return;
	add_word(m, STUN_A_USERNAME, c->user);
	add_word(m, TURN_A_REALM, c->realm);
	add_word(m, TURN_A_NONCE, c->nonce);
	stun_add_integrity(m, c->key, sizeof(c->key));
}

static bool take_word(char word[TURN_WORD_SIZE], const uint8_t *data,
		      size_t len, uint16_t attr)
{
	size_t n;
	const uint8_t *value = stun_find(data, len, attr, &n);

	if (!value || !n || n >= TURN_WORD_SIZE || memchr(value, 0, n))
		return false;
	memcpy(word, value, n);
	word[n] = '\0';
	return true;
}

bool turn_challenged(struct turn_credentials *c, const uint8_t *data,
		     size_t len)
{
	char text[3 * TURN_WORD_SIZE];
	int n;

	if (!take_word(c->realm, data, len, TURN_A_REALM) ||
	    !take_word(c->nonce, data, len, TURN_A_NONCE))
		return false;
	n = snprintf(text, sizeof(text), "%s:%s:%s", c->user, c->realm,
		     c->password);
	return EVP_Digest(text, (size_t)n, c->key, NULL, EVP_md5(), NULL);
}

uint16_t turn_type(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

bool turn_endpoint(union endpoint *ep, const uint8_t *data, size_t len,
		   uint16_t attr)
{
	const uint8_t *mask = data + 4;
	uint8_t plain[20];
	size_t n, i;
	const uint8_t *value = stun_find(data, len, attr, &n);

	memset(ep, 0, sizeof(*ep));
	if (!value || (n != 8 && n != 20) || value[1] != (n == 8 ? 1 : 2))
		return false;
	for (i = 2; i < n; i++)
		plain[i] = value[i] ^ mask[i < 4 ? i - 2 : i - 4];
	if (n == 8) {
		ep->in.sin_family = AF_INET;
		memcpy(&ep->in.sin_port, plain + 2, 2);
		memcpy(&ep->in.sin_addr, plain + 4, 4);
	} else {
		ep->in6.sin6_family = AF_INET6;
		memcpy(&ep->in6.sin6_port, plain + 2, 2);
		memcpy(&ep->in6.sin6_addr, plain + 4, 16);
	}
	return true;
}

uint32_t turn_lifetime(const uint8_t *data, size_t len)
{
	size_t n;
	const uint8_t *value = stun_find(data, len, TURN_A_LIFETIME, &n);
	uint32_t be;

	if (!value || n != sizeof(be))
		return 0;
	memcpy(&be, value, sizeof(be));
	return ntohl(be);
}

unsigned int turn_error(const uint8_t *data, size_t len, char *reason,
			size_t size)
{
	size_t n, i;
	const uint8_t *value = stun_find(data, len, NP_STUN_A_ERROR, &n);

	*reason = '\0';
	if (!value || n < 4)
		return 0;
	for (i = 4; i < n && i - 3 < size; i++) {
		reason[i - 4] = isprint(value[i]) ? (char)value[i] : '?';
		reason[i - 3] = '\0';
	}
	return (value[2] & 7) * 100u + value[3];
}
