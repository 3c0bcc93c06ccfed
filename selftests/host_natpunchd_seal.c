// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchd's site keys and sealed messages: what is whole, ours, from a peer
 * and new is opened; whatever an attacker on the way can make of it is not.
 *
 * Needs no module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lab/ktap.h"
#include "seal.h"
#include "site_key.h"

#define NOW	(UINT64_C(1795000000) * 1000)
#define LIFE	(3600 * UINT64_C(1000))
#define TEXT	"{\"type\":\"offer\"}"
#define RESULTS	46

static struct site_key *a, *b, *c;	/* c is no peer */
static struct replay window;
static struct unsealed m;
static uint8_t box[SEAL_MAX];

static void *is_a(void *data, const struct site_public *key,
		  struct replay **replay)
{
	*replay = data;
	return memcmp(key->key, site_key_public(a)->key, SITE_KEY_BYTES) ? NULL :
									   a;
}

static enum seal_error open_at(const void *in, size_t len, uint64_t now)
{
	const struct seal_lookup lookup = { .find = is_a, .data = &window };

	return unseal(b, in, len, now, &lookup, &m);
}

static size_t sealed(const char *text, uint64_t now, uint64_t life)
{
	return seal(a, site_key_public(b), text, strlen(text), now, life, box);
}

static void test_right(void)
{
	size_t len = sealed(TEXT, NOW, LIFE);
	bool right = open_at(box, len, NOW + 5) == SEAL_OK;

	ktap_ok(len == strlen(TEXT) + SEAL_OVERHEAD, "its length is as said");
	ktap_ok(right && !strcmp(m.text, TEXT) && m.len == strlen(TEXT),
		"a peer's message is opened");
	ktap_ok(m.peer == a && m.sent_ms == NOW && m.expires_ms == NOW + LIFE,
		"... and tells who sent it, and when");
	ktap_ok(!memmem(box, len, "offer", 5) &&
		!memmem(box, len, site_key_public(a)->key, SITE_KEY_BYTES),
		"neither text nor sender can be read on the way");
	ktap_ok(open_at(box, len, NOW + 6) == SEAL_REPLAYED, "it opens once");
}

static void test_sizes(void)
{
	static char text[SEAL_MAX_TEXT + 2];
	size_t len;

	memset(text, 'x', SEAL_MAX_TEXT);
	len = sealed(text, NOW, LIFE);
	ktap_ok(len == SEAL_MAX && open_at(box, len, NOW) == SEAL_OK &&
		m.len == SEAL_MAX_TEXT, "the longest text passes");
	strcat(text, "x");
	ktap_ok(!sealed(text, NOW, LIFE), "a longer one is refused");
	ktap_ok(!sealed(TEXT, NOW, SEAL_MAX_LIFE_MS + 1),
		"so is one that is to live too long");
	len = sealed("", NOW, LIFE);
	ktap_ok(open_at(box, len, NOW) == SEAL_OK && !m.len && !m.text[0],
		"an empty one passes");
}

/* Every bit of the message, and every length. */
static void test_garbled(void)
{
	size_t len = sealed(TEXT, NOW, LIFE), bit, cut, opened = 0;

	for (bit = 0; bit < len * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		opened += open_at(box, len, NOW) == SEAL_OK;
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ktap_ok(!opened, "no flipped bit goes unseen (%zu of %zu did)", opened,
		len * 8);
	for (cut = 0; cut < len; cut++)
		opened += open_at(box, cut, NOW) == SEAL_OK;
	ktap_ok(!opened, "no truncated message is opened");
	ktap_ok(open_at(box, SEAL_MAX + 1, NOW) == SEAL_TRUNCATED,
		"nor one beyond the limit");
	ktap_ok(open_at(box, len, NOW) == SEAL_OK, "the whole one still is");
	box[0]++;
	ktap_ok(open_at(box, len, NOW) == SEAL_VERSION,
		"another version is named as such");
}

static void test_people(void)
{
	struct site_public far = *site_key_public(c);
	size_t len;

	len = seal(a, &far, TEXT, strlen(TEXT), NOW, LIFE, box);
	ktap_ok(open_at(box, len, NOW) == SEAL_FOREIGN,
		"what is for another site is not for us");
	len = seal(c, site_key_public(b), TEXT, strlen(TEXT), NOW, LIFE, box);
	ktap_ok(open_at(box, len, NOW) == SEAL_STRANGER, "who is no peer is nobody");
	ktap_ok(!memcmp(m.from.key, far.key, SITE_KEY_BYTES) &&
		!strcmp(m.from.id, far.id), "... but can be named");
	memset(&far, 0, sizeof(far));
	ktap_ok(!seal(a, &far, TEXT, strlen(TEXT), NOW, LIFE, box),
		"nothing is sealed to a key that is none");
}

/* What c can do with a message that a signed for c: seal it again for b. */
static size_t pass_on(size_t len, const struct site_key *claimed)
{
	uint8_t plain[SEAL_MAX];

	if (crypto_box_seal_open(plain, box + 1, len - 1, c->box_public,
				 c->box_secret))
		return 0;
	if (claimed)
		memcpy(plain + crypto_sign_BYTES, site_key_public(claimed)->key,
		       SITE_KEY_BYTES);
	crypto_box_seal(box + 1, plain, len - 1 - crypto_box_SEALBYTES,
			b->box_public);
	return len;
}

static void test_forged(void)
{
	size_t len;

	len = seal(a, site_key_public(c), TEXT, strlen(TEXT), NOW, LIFE, box);
	ktap_ok(open_at(box, pass_on(len, NULL), NOW) == SEAL_FORGED,
		"a recipient can not pass a message on as meant for us");
	len = seal(c, site_key_public(c), TEXT, strlen(TEXT), NOW, LIFE, box);
	ktap_ok(open_at(box, pass_on(len, a), NOW) == SEAL_FORGED,
		"nor sign in another's name");
}

static enum seal_error dated(uint64_t sent, uint64_t life, uint64_t now)
{
	return open_at(box, sealed(TEXT, sent, life), now);
}

static void test_dates(void)
{
	ktap_ok(dated(NOW, 0, NOW + SEAL_SKEW_MS) == SEAL_OK,
		"clocks may be two minutes apart (ours is ahead)");
	ktap_ok(dated(NOW, 0, NOW + SEAL_SKEW_MS + 1) == SEAL_EXPIRED,
		"... and no more");
	ktap_ok(dated(NOW + SEAL_SKEW_MS, 0, NOW) == SEAL_OK,
		"clocks may be two minutes apart (ours is behind)");
	ktap_ok(dated(NOW + SEAL_SKEW_MS + 1, 0, NOW) == SEAL_EARLY,
		"... and no more");
	ktap_ok(m.sent_ms == NOW + SEAL_SKEW_MS + 1 && m.peer == a,
		"... and by how much they differ can be told");
	ktap_ok(dated(NOW, LIFE, NOW + LIFE) == SEAL_OK,
		"an hour's offer waits for an hour");
	ktap_ok(dated(NOW, LIFE, NOW + 2 * LIFE) == SEAL_EXPIRED,
		"... not for two");
	ktap_ok(dated(UINT64_MAX - 5, 0, NOW) == SEAL_TRUNCATED,
		"no date makes sums overflow");
	ktap_ok(dated(UINT64_MAX - 5, LIFE, NOW) == SEAL_TRUNCATED,
		"... nor does its end");
}

/* More messages than the window has places. */
static void test_window(void)
{
	static uint8_t kept[REPLAY_SLOTS + 1][SEAL_OVERHEAD + sizeof(TEXT)];
	bool taken = true, again = false;
	size_t len = 0;
	int i;

	replay_free(&window);
	for (i = 0; i <= REPLAY_SLOTS; i++) {
		len = sealed(TEXT, NOW + (uint64_t)i, LIFE);
		memcpy(kept[i], box, len);
		taken &= open_at(kept[i], len, NOW) == SEAL_OK;
	}
	for (i = 0; i <= REPLAY_SLOTS; i++)
		again |= open_at(kept[i], len, NOW) != SEAL_REPLAYED;
	ktap_ok(taken, "%d messages within an hour are taken", REPLAY_SLOTS + 1);
	ktap_ok(!again, "... each once, those forgotten included");
	ktap_ok(dated(NOW, LIFE, NOW) == SEAL_REPLAYED,
		"what is older than those forgotten is refused");
	ktap_ok(dated(NOW + 1, LIFE, NOW) == SEAL_OK,
		"what is younger is taken, whatever its order");
	replay_free(&window);
	for (i = 0, taken = true; i < 2 * REPLAY_SLOTS; i++)
		taken &= dated(NOW, 0, NOW) == SEAL_OK || i >= REPLAY_SLOTS;
	ktap_ok(taken && dated(NOW + LIFE, 0, NOW + LIFE) == SEAL_OK,
		"what is over makes room");
}

static void test_presence(void)
{
	uint8_t out[SIGNED_OVERHEAD + SIGNED_MAX_TEXT];
	char text[SIGNED_MAX_TEXT + 1];
	size_t len = sign_text(a, TEXT, strlen(TEXT), out), bit, read = 0;
	const struct site_public *from = site_key_public(a);

	ktap_ok(signed_text(from, out, len, text) && !strcmp(text, TEXT),
		"what is signed can be read and checked");
	for (bit = 0; bit < len * 8; bit++) {
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		read += signed_text(from, out, len, text);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ktap_ok(!read && !signed_text(from, out, len - 1, text) &&
		!signed_text(from, out, 64, text),
		"... no bit of it can be changed");
	ktap_ok(!signed_text(site_key_public(b), out, len, text),
		"... nor can who said it");
}

static void test_line(void)
{
	static char line[SEAL_LINE_SIZE], quoted[SEAL_LINE_SIZE + 64];
	size_t len = sealed(TEXT, NOW + 7, LIFE);
	uint8_t out[SEAL_MAX];

	seal_to_line(line, box, len);
	ktap_ok(seal_from_line(out, line) == len && !memcmp(out, box, len) &&
		!strchr(line, '\n'), "a message fits one line of text");
	snprintf(quoted, sizeof(quoted), "he wrote:\n> %.40s\r\n> %s\n", line,
		 line + 40);
	ktap_ok(seal_from_line(out, quoted) == len && !memcmp(out, box, len),
		"... also broken and quoted, as mail does");
	line[30] = '*';
	ktap_ok(!seal_from_line(out, line) && !seal_from_line(out, "hello"),
		"... and what is no such line is told");
}

static bool same_key(const struct site_key *x, const struct site_key *y)
{
	return x && y && !memcmp(x, y, sizeof(*x));
}

static void test_file(void)
{
	char dir[] = "/tmp/natpunch-seal-XXXXXX", path[64];
	char str[SITE_KEY_STR_SIZE];
	struct site_key *key, *again;
	struct site_public public;
	FILE *f;

	if (!mkdtemp(dir))
		ktap_bail("no directory: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/key", dir);
	ktap_ok(!site_key_make(path) && site_key_make(path) == -EEXIST,
		"a key file is made, and never overwritten");
	key = site_key_read(path);
	again = site_key_read(path);
	site_public_str(str, site_key_public(key));
	ktap_ok(same_key(key, again) && site_public_parse(&public, str) &&
		!memcmp(&public, site_key_public(key), sizeof(public)),
		"... and read, and its public half as words");
	str[10] ^= 1;
	str[20] = '\0';
	ktap_ok(!site_public_parse(&public, str) &&
		!site_public_parse(&public, "") &&
		!site_public_parse(&public,
			"npk-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"words that are no key are told");
	chmod(path, 0644);
	ktap_ok(!site_key_read(path) && errno == EPERM,
		"a key that everybody may read is refused");
	chmod(path, 0600);
	f = fopen(path, "w");
	if (f) {
		fputs("natpunch-site-key-1 short\n", f);
		fclose(f);
	}
	ktap_ok(!site_key_read(path) && errno == EBADMSG,
		"so is a file with something else in it");
	unlink(path);
	ktap_ok(!site_key_read(path) && errno == ENOENT, "and a missing one");
	rmdir(dir);
	site_key_free(key);
	site_key_free(again);
}

int main(void)
{
	ktap_plan(RESULTS);
	a = site_key_new();
	b = site_key_new();
	c = site_key_new();
	if (!a || !b || !c)
		ktap_bail("no keys");
	test_right();
	test_sizes();
	test_garbled();
	test_people();
	test_forged();
	test_dates();
	test_window();
	test_presence();
	test_line();
	test_file();
	replay_free(&window);
	site_key_free(a);
	site_key_free(b);
	site_key_free(c);
	return ktap_exit();
}
