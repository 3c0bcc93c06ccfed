// SPDX-License-Identifier: GPL-2.0
/*
 * Site keys: made, kept in a file, and shown. The file is one line of text, so
 * that it can be backed up on paper; only its owner and group may read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal.h"
#include "site_key.h"

#define FILE_PREFIX	"natpunch-site-key-1 "
#define PUBLIC_PREFIX	"npk-"
#define BASE64		sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define ID_BYTES	((SITE_ID_SIZE - 1) / 2)
#define BASE64_SIZE	sodium_base64_ENCODED_LEN(SITE_KEY_BYTES, BASE64)

void site_public_identify(struct site_public *key)
{
	uint8_t id[ID_BYTES];

	crypto_generichash(id, sizeof(id), key->key, SITE_KEY_BYTES, NULL, 0);
	sodium_bin2hex(key->id, sizeof(key->id), id, sizeof(id));
}

static struct site_key *from_seed(const uint8_t *seed)
{
	struct site_key *key;

	if (sodium_init() < 0)
		return NULL;
	key = sodium_malloc(sizeof(*key));
	if (!key)
		return NULL;
	crypto_sign_seed_keypair(key->public.key, key->secret, seed);
	site_public_identify(&key->public);
	if (crypto_sign_ed25519_sk_to_curve25519(key->box_secret,
						 key->secret) ||
	    crypto_sign_ed25519_pk_to_curve25519(key->box_public,
						 key->public.key)) {
		sodium_free(key);
		return NULL;
	}
	sodium_mprotect_readonly(key);
	return key;
}

struct site_key *site_key_new(void)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	struct site_key *key;

	randombytes_buf(seed, sizeof(seed));
	key = from_seed(seed);
	sodium_memzero(seed, sizeof(seed));
	return key;
}

static int write_key(int fd, const char *base64)
{
	if (dprintf(fd, FILE_PREFIX "%s\n", base64) < 0 || fsync(fd))
		return -errno;
	return 0;
}

int site_key_make(const char *path)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char base64[64];
	int fd, err;

	if (sodium_init() < 0)
		return -EIO;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	randombytes_buf(seed, sizeof(seed));
	sodium_bin2base64(base64, sizeof(base64), seed, sizeof(seed), BASE64);
	err = write_key(fd, base64);
	close(fd);
	if (err)
		unlink(path);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(base64, sizeof(base64));
	return err;
}

static bool get_seed(const char *text, uint8_t *seed)
{
	const char *end;
	size_t len;

	if (strncmp(text, FILE_PREFIX, strlen(FILE_PREFIX)))
		return false;
	text += strlen(FILE_PREFIX);
	return !sodium_base642bin(seed, crypto_sign_SEEDBYTES, text,
				  strcspn(text, "\r\n"), NULL, &len, &end,
				  BASE64) && len == crypto_sign_SEEDBYTES &&
	       !end[strspn(end, "\r\n")];
}

/* The file's text, if nobody reads along. Returns 0 or -errno. */
static int read_text(const char *path, char *text, size_t size)
{
	struct stat st;
	ssize_t n;
	int fd, err = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0 || fstat(fd, &st))
		err = -errno;
	else if (st.st_mode & 07)
		err = -EPERM;
	else
		text[n] = '\0';
	close(fd);
	return err;
}

struct site_key *site_key_read(const char *path)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	struct site_key *key = NULL;
	char text[128];
	int err;

	err = read_text(path, text, sizeof(text));
	if (!err && !get_seed(text, seed))
		err = -EBADMSG;
	if (!err) {
		key = from_seed(seed);
		err = key ? 0 : -ENOMEM;
	}
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	errno = -err;
	return key;
}

void site_key_free(struct site_key *key)
{
	sodium_free(key);
}

const struct site_public *site_key_public(const struct site_key *key)
{
	return &key->public;
}

bool site_public_parse(struct site_public *key, const char *s)
{
	uint8_t box[crypto_box_PUBLICKEYBYTES];
	const char *end;
	size_t len;

	if (sodium_init() < 0 ||
	    strncmp(s, PUBLIC_PREFIX, strlen(PUBLIC_PREFIX)))
		return false;
	s += strlen(PUBLIC_PREFIX);
	if (sodium_base642bin(key->key, SITE_KEY_BYTES, s, strlen(s), NULL,
			      &len, &end, BASE64) || *end ||
	    len != SITE_KEY_BYTES ||
	    crypto_sign_ed25519_pk_to_curve25519(box, key->key))
		return false;
	site_public_identify(key);
	return true;
}

const char *site_public_str(char buf[SITE_KEY_STR_SIZE],
			    const struct site_public *key)
{
	size_t prefix = strlen(PUBLIC_PREFIX);

	memcpy(buf, PUBLIC_PREFIX, prefix);
	sodium_bin2base64(buf + prefix, SITE_KEY_STR_SIZE - prefix, key->key,
			  SITE_KEY_BYTES, BASE64);
	return buf;
}
