// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed and signed messages. Integers are big-endian. A sealed message is
 *
 *   version (1) | crypto_box_seal to the recipient of:
 *      signature (64) | sender's key (32) | sent (8) | expires (8) |
 *      nonce (16) | text
 *
 * The signature (Ed25519) is made over SEAL_DOMAIN, the version, the recipient's
 * key and all that follows the signature: a recipient can not pass the message
 * on as if it had been meant for somebody else. A signed message is
 *
 *   version (1) | signature (64) | text
 *
 * over SIGNED_DOMAIN, the version, the sender's key and the text.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "seal.h"
#include "site_key.h"

#define VERSION		1
#define SEAL_DOMAIN	"natpunch sealed message"	/* with its NUL */
#define SIGNED_DOMAIN	"natpunch signed message"	/* of the same length */
#define DOMAIN_BYTES	sizeof(SEAL_DOMAIN)
#define HEAD_BYTES	(DOMAIN_BYTES + 1 + SITE_KEY_BYTES)
#define LINE_PREFIX	"natpunch:"
#define LINE_BASE64	sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* Where things are in the plain text. */
enum {
	AT_SIGNATURE = 0,
	AT_FROM = AT_SIGNATURE + crypto_sign_BYTES,
	AT_SENT = AT_FROM + SITE_KEY_BYTES,
	AT_EXPIRES = AT_SENT + 8,
	AT_NONCE = AT_EXPIRES + 8,
	AT_TEXT = AT_NONCE + SEAL_NONCE_BYTES,
	PLAIN_MAX = AT_TEXT + SEAL_MAX_TEXT,
};

static_assert(SEAL_OVERHEAD == 1 + crypto_box_SEALBYTES + AT_TEXT,
	      "SEAL_OVERHEAD is what the layout needs");
static_assert(SIGNED_OVERHEAD == 1 + crypto_sign_BYTES,
	      "SIGNED_OVERHEAD is what the layout needs");
static_assert(crypto_sign_BYTES >= HEAD_BYTES,
	      "what is signed has room where the signature goes");
static_assert(sizeof(SEAL_DOMAIN) == sizeof(SIGNED_DOMAIN),
	      "domains have one length");

static void put_u64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/*
 * What a signature is made over, put just before what is signed: it goes where
 * the signature is or will be, which is longer.
 */
static uint8_t *put_head(uint8_t *body, const char *domain, const uint8_t *to)
{
	uint8_t *p = body - HEAD_BYTES;

	memcpy(p, domain, DOMAIN_BYTES);
	p[DOMAIN_BYTES] = VERSION;
	memcpy(p + DOMAIN_BYTES + 1, to, SITE_KEY_BYTES);
	return p;
}

/* The room before @body is overwritten with the signature. */
static void put_signature(uint8_t *body, size_t len, const char *domain,
			  const uint8_t *to, const struct site_key *from)
{
	uint8_t signature[crypto_sign_BYTES];
	const uint8_t *head = put_head(body, domain, to);

	crypto_sign_detached(signature, NULL, head, HEAD_BYTES + len,
			     from->secret);
	memcpy(body - sizeof(signature), signature, sizeof(signature));
}

/* ... and here with what was signed. */
static bool is_signed(uint8_t *body, size_t len, const char *domain,
		      const uint8_t *to, const uint8_t *from)
{
	uint8_t signature[crypto_sign_BYTES];
	const uint8_t *head;

	memcpy(signature, body - sizeof(signature), sizeof(signature));
	head = put_head(body, domain, to);
	return !crypto_sign_verify_detached(signature, head, HEAD_BYTES + len,
					    from);
}

size_t seal(const struct site_key *from, const struct site_public *to,
	    const void *text, size_t len, uint64_t now_ms, uint64_t life_ms,
	    uint8_t *out)
{
	uint8_t box_key[crypto_box_PUBLICKEYBYTES];
	uint8_t plain[PLAIN_MAX];

	if (len > SEAL_MAX_TEXT || life_ms > SEAL_MAX_LIFE_MS ||
	    crypto_sign_ed25519_pk_to_curve25519(box_key, to->key))
		return 0;
	memcpy(plain + AT_FROM, from->public.key, SITE_KEY_BYTES);
	put_u64(plain + AT_SENT, now_ms);
	put_u64(plain + AT_EXPIRES, now_ms + life_ms);
	randombytes_buf(plain + AT_NONCE, SEAL_NONCE_BYTES);
	memcpy(plain + AT_TEXT, text, len);
	put_signature(plain + AT_FROM, AT_TEXT - AT_FROM + len, SEAL_DOMAIN,
		      to->key, from);
	out[0] = VERSION;
	crypto_box_seal(out + 1, plain, AT_TEXT + len, box_key);
	sodium_memzero(plain, AT_TEXT + len);
	return SEAL_OVERHEAD + len;
}

/* Sums can not overflow: dates are far below 2^63, or refused. */
static enum seal_error check_dates(const struct unsealed *m, uint64_t now_ms)
{
	if (m->sent_ms > UINT64_MAX / 4 || m->expires_ms < m->sent_ms ||
	    m->expires_ms - m->sent_ms > SEAL_MAX_LIFE_MS)
		return SEAL_TRUNCATED;
	if (m->sent_ms > now_ms + SEAL_SKEW_MS)
		return SEAL_EARLY;
	if (m->expires_ms + SEAL_SKEW_MS < now_ms)
		return SEAL_EXPIRED;
	return SEAL_OK;
}

static enum seal_error read_plain(const struct site_key *to,
				  uint8_t *plain, size_t len,
				  uint64_t now_ms,
				  const struct seal_lookup *lookup,
				  struct unsealed *out)
{
	struct replay *replay = NULL;
	enum seal_error error;

	if (!is_signed(plain + AT_FROM, len - AT_FROM, SEAL_DOMAIN,
		       to->public.key, plain + AT_FROM))
		return SEAL_FORGED;
	memcpy(out->from.key, plain + AT_FROM, SITE_KEY_BYTES);
	site_public_identify(&out->from);
	out->sent_ms = get_u64(plain + AT_SENT);
	out->expires_ms = get_u64(plain + AT_EXPIRES);
	memcpy(out->nonce, plain + AT_NONCE, SEAL_NONCE_BYTES);
	out->peer = lookup->find(lookup->data, &out->from, &replay);
	if (!out->peer)
		return SEAL_STRANGER;
	error = check_dates(out, now_ms);
	if (error)
		return error;
	if (replay && replay_seen(replay, out->nonce, out->sent_ms,
				  out->expires_ms, now_ms))
		return SEAL_REPLAYED;
	out->len = len - AT_TEXT;
	memcpy(out->text, plain + AT_TEXT, out->len);
	out->text[out->len] = '\0';
	return SEAL_OK;
}

enum seal_error unseal(const struct site_key *to, const void *in, size_t len,
		       uint64_t now_ms, const struct seal_lookup *lookup,
		       struct unsealed *out)
{
	uint8_t plain[PLAIN_MAX];
	const uint8_t *box = in;
	enum seal_error error;

	memset(out, 0, offsetof(struct unsealed, text));
	if (len < SEAL_OVERHEAD || len > SEAL_MAX)
		return SEAL_TRUNCATED;
	if (box[0] != VERSION)
		return SEAL_VERSION;
	if (crypto_box_seal_open(plain, box + 1, len - 1, to->box_public,
				 to->box_secret))
		return SEAL_FOREIGN;
	error = read_plain(to, plain, len - 1 - crypto_box_SEALBYTES, now_ms,
			   lookup, out);
	sodium_memzero(plain, sizeof(plain));
	return error;
}

const char *seal_strerror(enum seal_error error)
{
	static const char * const texts[] = {
		[SEAL_OK] = "it is right",
		[SEAL_TRUNCATED] = "it is no message of natpunch's, or not a whole one",
		[SEAL_VERSION] = "it is of a version that this natpunchd does not speak",
		[SEAL_FOREIGN] = "it is garbled, or meant for another site",
		[SEAL_STRANGER] = "its sender is not among the peers",
		[SEAL_FORGED] = "its signature is wrong",
		[SEAL_EARLY] = "it is dated in the future: the sites' clocks differ",
		[SEAL_EXPIRED] = "it has expired, or the sites' clocks differ",
		[SEAL_REPLAYED] = "it has been seen before",
		[SEAL_NO_MEMORY] = "out of memory",
	};

	return texts[error];
}

static bool is_over(const struct replay_slot *slot, uint64_t now_ms)
{
	return slot->expires_ms + SEAL_SKEW_MS < now_ms;
}

struct replay_slot *replay_add(struct replay *r)
{
	unsigned int room = r->room ? 2 * r->room : 8;
	struct replay_slot *slot;

	if (r->n == REPLAY_SLOTS)
		return NULL;
	if (r->n == r->room) {
		slot = realloc(r->slot, room * sizeof(*slot));
		if (!slot)
			return NULL;
		r->slot = slot;
		r->room = room;
	}
	return &r->slot[r->n++];
}

void replay_free(struct replay *r)
{
	free(r->slot);
	memset(r, 0, sizeof(*r));
}

/* A place for a new one: one whose message is over, a free one, the oldest. */
static struct replay_slot *replay_slot(struct replay *r, uint64_t now_ms)
{
	struct replay_slot *oldest = r->slot, *slot;
	unsigned int i;

	for (i = 0; i < r->n; i++) {
		if (is_over(&r->slot[i], now_ms))
			return &r->slot[i];
		if (r->slot[i].sent_ms < oldest->sent_ms)
			oldest = &r->slot[i];
	}
	slot = replay_add(r);
	if (slot || !oldest)
		return slot;
	r->floor_ms = oldest->sent_ms;
	return oldest;
}

bool replay_seen(struct replay *r, const uint8_t nonce[SEAL_NONCE_BYTES],
		 uint64_t sent_ms, uint64_t expires_ms, uint64_t now_ms)
{
	struct replay_slot *slot;
	unsigned int i;

	if (sent_ms <= r->floor_ms)
		return true;
	for (i = 0; i < r->n; i++)
		if (!memcmp(r->slot[i].nonce, nonce, SEAL_NONCE_BYTES))
			return true;
	slot = replay_slot(r, now_ms);
	if (!slot)
		return true;	/* no memory: it can not be told from now on */
	memcpy(slot->nonce, nonce, SEAL_NONCE_BYTES);
	slot->sent_ms = sent_ms;
	slot->expires_ms = expires_ms;
	return false;
}

size_t sign_text(const struct site_key *from, const void *text, size_t len,
		 uint8_t *out)
{
	if (len > SIGNED_MAX_TEXT)
		return 0;
	out[0] = VERSION;
	memcpy(out + SIGNED_OVERHEAD, text, len);
	put_signature(out + SIGNED_OVERHEAD, len, SIGNED_DOMAIN,
		      from->public.key, from);
	return SIGNED_OVERHEAD + len;
}

bool signed_text(const struct site_public *from, const void *in, size_t len,
		 char text[SIGNED_MAX_TEXT + 1])
{
	uint8_t copy[SIGNED_OVERHEAD + SIGNED_MAX_TEXT];

	if (len < SIGNED_OVERHEAD || len > sizeof(copy))
		return false;
	memcpy(copy, in, len);
	if (copy[0] != VERSION ||
	    !is_signed(copy + SIGNED_OVERHEAD, len - SIGNED_OVERHEAD,
		       SIGNED_DOMAIN, from->key, from->key))
		return false;
	memcpy(text, copy + SIGNED_OVERHEAD, len - SIGNED_OVERHEAD);
	text[len - SIGNED_OVERHEAD] = '\0';
	return true;
}

const char *seal_to_line(char line[SEAL_LINE_SIZE], const uint8_t *in,
			 size_t len)
{
	size_t prefix = strlen(LINE_PREFIX);

	memcpy(line, LINE_PREFIX, prefix);
	return sodium_bin2base64(line + prefix, SEAL_LINE_SIZE - prefix, in,
				 len, LINE_BASE64) ? line : NULL;
}

/* Mail programs and terminals break lines, and quote them. */
size_t seal_from_line(uint8_t out[SEAL_MAX], const char *line)
{
	const char *text = strstr(line, LINE_PREFIX);
	const char *end;
	size_t len;

	if (!text)
		return 0;
	text += strlen(LINE_PREFIX);
	if (sodium_base642bin(out, SEAL_MAX, text, strlen(text), " \t\r\n>\"'",
			      &len, &end, LINE_BASE64) || *end)
		return 0;
	return len;
}
