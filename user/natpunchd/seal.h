/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Site keys and sealed messages (libsodium). A site has one Ed25519 key: it
 * signs, and its X25519 form decrypts. A sealed message is signed by its sender
 * for one recipient, dated, numbered, and encrypted to the recipient with a key
 * made for this message: the broker sees its length and who is to have it.
 *
 * Nothing here touches the network, the clock or the loop: the caller says what
 * time it is. The layout on the wire is in Documentation/rendezvous.rst.
 */
#ifndef _NATPUNCHD_SEAL_H
#define _NATPUNCHD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITE_KEY_BYTES		32	/* crypto_sign_PUBLICKEYBYTES */
#define SITE_ID_SIZE		33	/* 32 hex digits and a NUL */
#define SITE_KEY_STR_SIZE	52	/* "npk-" and base64url, with its NUL */

#define SEAL_MAX_TEXT		12288	/* bytes of JSON in one message */
#define SEAL_OVERHEAD		177	/* what sealing adds */
#define SEAL_MAX		(SEAL_MAX_TEXT + SEAL_OVERHEAD)
#define SEAL_NONCE_BYTES	16
#define SEAL_SKEW_MS		120000	/* by how much clocks may differ */
#define SEAL_MAX_LIFE_MS	(7 * 24 * 3600 * UINT64_C(1000))

/** struct site_public - a site's public key, and its id: the key's hash. */
struct site_public {
	uint8_t key[SITE_KEY_BYTES];
	char id[SITE_ID_SIZE];
};

struct site_key;

/** site_key_make() - a new key into a file that must not exist, mode 0600. */
int site_key_make(const char *path);
/**
 * site_key_read() - NULL: errno says why; EBADMSG: it is no such key, EPERM: not
 * only its owner and group may read it.
 */
struct site_key *site_key_read(const char *path);
struct site_key *site_key_new(void);
void site_key_free(struct site_key *key);
const struct site_public *site_key_public(const struct site_key *key);

/** site_public_parse() - "npk-..."; false: that is no key. */
bool site_public_parse(struct site_public *key, const char *s);
const char *site_public_str(char buf[SITE_KEY_STR_SIZE],
			    const struct site_public *key);

enum seal_error {
	SEAL_OK = 0,
	SEAL_TRUNCATED,		/* too short, too long, or not ours at all */
	SEAL_VERSION,		/* of a version that we do not speak */
	SEAL_FOREIGN,		/* garbled, or not for us */
	SEAL_STRANGER,		/* whole, but the sender is no peer */
	SEAL_FORGED,		/* not signed by whom it says */
	SEAL_EARLY,		/* dated in our future: clocks differ */
	SEAL_EXPIRED,		/* too old: by delay, or clocks differ */
	SEAL_REPLAYED,		/* seen already, or too old to tell */
	SEAL_NO_MEMORY,
};

const char *seal_strerror(enum seal_error error);

/**
 * struct replay - what was seen of a peer. Numbers are kept until the messages
 * that bore them expire; when there are too many, those dated before the ones
 * forgotten are refused. A zeroed one is empty.
 */
#define REPLAY_SLOTS	256

struct replay {
	uint64_t floor_ms;	/* nothing dated up to here is taken */
	unsigned int n, room;	/* slots in use; allocated, REPLAY_SLOTS at most */
	struct replay_slot {
		uint8_t nonce[SEAL_NONCE_BYTES];
		uint64_t sent_ms;
		uint64_t expires_ms;
	} *slot;
};

/** replay_seen() - note a message; true: it was there, or can not be told. */
bool replay_seen(struct replay *r, const uint8_t nonce[SEAL_NONCE_BYTES],
		 uint64_t sent_ms, uint64_t expires_ms, uint64_t now_ms);
/** replay_add() - a slot more; NULL: there are REPLAY_SLOTS, or no memory. */
struct replay_slot *replay_add(struct replay *r);
void replay_free(struct replay *r);

/**
 * seal() - for one recipient. @out has SEAL_MAX bytes.
 * Return: the bytes made, 0: @len is beyond SEAL_MAX_TEXT.
 */
size_t seal(const struct site_key *from, const struct site_public *to,
	    const void *text, size_t len, uint64_t now_ms, uint64_t life_ms,
	    uint8_t *out);

/** struct unsealed - what was in a message. */
struct unsealed {
	struct site_public from;
	void *peer;			/* what the look-up returned */
	uint64_t sent_ms;		/* by the sender's clock */
	uint64_t expires_ms;
	uint8_t nonce[SEAL_NONCE_BYTES];
	size_t len;
	char text[SEAL_MAX_TEXT + 1];	/* ends with a NUL */
};

/**
 * struct seal_lookup - who may send to us.
 * @find: who has this key? Return: the peer, with its replay window in
 *	*@replay (left NULL: replays are not looked for); NULL: nobody.
 * @data: its first argument
 */
struct seal_lookup {
	void *(*find)(void *data, const struct site_public *key,
		      struct replay **replay);
	void *data;
};

/**
 * unseal() - check and decrypt.
 * @out: valid on SEAL_OK; from and the dates also on SEAL_EARLY, _EXPIRED,
 *	_REPLAYED and _STRANGER, for the message about it.
 */
enum seal_error unseal(const struct site_key *to, const void *in, size_t len,
		       uint64_t now_ms, const struct seal_lookup *lookup,
		       struct unsealed *out);

/*
 * Signed, but for everybody to read: presence. What it says can be repeated by
 * anybody: it needs a date of its own.
 */
#define SIGNED_OVERHEAD	65
#define SIGNED_MAX_TEXT	1024

/** sign_text() - @out has SIGNED_OVERHEAD more than @len; 0: too long */
size_t sign_text(const struct site_key *from, const void *text, size_t len,
		 uint8_t *out);
/** signed_text() - the text, with a NUL; false: it was not @from's. */
bool signed_text(const struct site_public *from, const void *in, size_t len,
		 char text[SIGNED_MAX_TEXT + 1]);

/* One line to copy and paste: "natpunch:" and base64url of a sealed message. */
#define SEAL_LINE_SIZE	(SEAL_MAX * 4 / 3 + 16)

const char *seal_to_line(char line[SEAL_LINE_SIZE], const uint8_t *in,
			 size_t len);
/** seal_from_line() - the bytes; 0: it is no such line. Blanks are skipped. */
size_t seal_from_line(uint8_t out[SEAL_MAX], const char *line);

#endif /* _NATPUNCHD_SEAL_H */
