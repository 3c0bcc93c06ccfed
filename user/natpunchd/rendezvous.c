// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between sites. Owns the brokers, and what peers' presence says. The
 * layout of topics and messages is that of Documentation/rendezvous.rst.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "hand.h"
#include "log.h"
#include "peer.h"
#include "rendezvous.h"
#include "session.h"

#define MAX_TYPES	16
#define TOPIC_SIZE	256
#define TOPICS_AT_ONCE	64
#define PRESENCE	"presence"
#define INBOX		"in"
#define BURST		256	/* messages looked at in a row ... */
#define PER_SECOND	64	/* ... and for long */
#define COMPLAIN_MS	10000

static_assert(PEER_BROKERS == MAX_BROKERS, "a peer can be at all brokers");

struct rendezvous {
	struct broker *broker[MAX_BROKERS];
	char prefix[132];
	uint64_t credit_ms;		/* bucket of the rate limit */
	uint64_t over_limit;
	uint64_t refused[SEAL_NO_MEMORY + 1];
	uint64_t told_ms[SEAL_NO_MEMORY + 1];
	uint64_t malformed;
};

static struct {
	const char *type;
	message_fn *fn;
} types[MAX_TYPES];

void rendezvous_on(const char *type, message_fn *fn)
{
	unsigned int i;

	for (i = 0; i < MAX_TYPES; i++) {
		if (types[i].type && strcmp(types[i].type, type))
			continue;
		types[i].type = type;
		types[i].fn = fn;
		return;
	}
}

static void topic_of(const struct rendezvous *r, char topic[TOPIC_SIZE],
		     const char *id, const char *leaf)
{
	snprintf(topic, TOPIC_SIZE, "%s/%s/%s", r->prefix, id, leaf);
}

/* --- presence ------------------------------------------------------------- */

static size_t make_presence(const struct broker *b, bool online,
			    uint8_t *payload)
{
	char text[128];
	int len;

	len = snprintf(text, sizeof(text),
		       "{\"v\":%d,\"boot\":%llu,\"online\":%s}",
		       RENDEZVOUS_VERSION, (unsigned long long)b->boot,
		       online ? "true" : "false");
	return sign_text(b->daemon->key, text, (size_t)len, payload);
}

static void publish_presence(struct broker *b, bool online)
{
	uint8_t payload[SIGNED_OVERHEAD + SIGNED_MAX_TEXT];
	char topic[TOPIC_SIZE];

	topic_of(b->daemon->rendezvous, topic,
		 site_key_public(b->daemon->key)->id, PRESENCE);
	broker_publish(b, topic, payload, make_presence(b, online, payload),
		       true, 0);
}

size_t rendezvous_will(struct broker *b, char *topic, size_t topic_size,
		       uint8_t *payload)
{
	snprintf(topic, topic_size, "%s/%s/" PRESENCE,
		 b->daemon->rendezvous->prefix,
		 site_key_public(b->daemon->key)->id);
	return make_presence(b, false, payload);
}

static void look_whether_online(struct daemon *d, struct peer *peer)
{
	bool was = peer->online;

	peer->online = peer->brokers || peer->by_hand;
	if (was == peer->online)
		return;
	log_info("%s is %s", peer->name, peer->online ? "online" : "offline");
	if (peer->online)
		session_peer_online(d, peer);
}

static void set_online(struct broker *b, struct peer *peer, bool online)
{
	uint32_t bit = UINT32_C(1) << b->bit;

	if (online)
		peer->brokers |= bit;
	else
		peer->brokers &= ~bit;
	look_whether_online(b->daemon, peer);
}

/* What waited for a way has one, also if the peer was at a broker all the time. */
void rendezvous_by_hand(struct daemon *d, struct peer *peer, bool up)
{
	bool was = peer->online;

	peer->by_hand = up;
	peer->known = true;
	peer->seen_ms = clock_ms();
	look_whether_online(d, peer);
	if (up && was)
		session_peer_online(d, peer);
}

/*
 * Each connection of the peer's to a broker has a date ("boot"): an older one's
 * will may come after a newer one's presence, and a broker may repeat either.
 */
static void take_presence(struct broker *b, struct peer *peer,
			  const json_t *json)
{
	uint64_t now = clock_real_ms();
	json_int_t boot, version;
	int online;

	if (json_unpack((json_t *)json, "{sI, sI, sb}", "v", &version, "boot",
			&boot, "online", &online) ||
	    version != RENDEZVOUS_VERSION || boot < 0) {
		b->daemon->rendezvous->malformed++;
		return;
	}
	if ((uint64_t)boot > now + SEAL_SKEW_MS) {
		log_warning("%s's clock is %llu s ahead of ours: its presence is not believed",
			    peer->name, ((unsigned long long)boot - now) / 1000);
		return;
	}
	if ((uint64_t)boot < peer->at[b->bit].boot ||
	    ((uint64_t)boot == peer->at[b->bit].boot && online &&
	     peer->at[b->bit].over))
		return;
	peer->at[b->bit].boot = (uint64_t)boot;
	peer->at[b->bit].over = !online;
	peer->known = true;
	peer->seen_ms = clock_ms();
	set_online(b, peer, online);
}

static void got_presence(struct broker *b, struct peer *peer,
			 const void *payload, size_t len)
{
	char text[SIGNED_MAX_TEXT + 1];
	json_error_t error;
	json_t *json;

	if (!len)
		return;		/* a retained message taken away */
	if (!signed_text(&peer->key, payload, len, text)) {
		b->daemon->rendezvous->refused[SEAL_FORGED]++;
		return;
	}
	json = json_loads(text, 0, &error);
	take_presence(b, peer, json);
	json_decref(json);
}

/* --- messages that come --------------------------------------------------- */

static void *find_sender(void *data, const struct site_public *key,
			 struct replay **replay)
{
	struct peer *peer = peer_by_key(data, key);

	if (peer)
		*replay = &peer->replay;
	return peer;
}

/* A line in a while for what peers, or those who would be, do wrong. */
static void complain(struct daemon *d, enum seal_error error,
		     const struct unsealed *m)
{
	struct rendezvous *r = d->rendezvous;
	const struct peer *peer = m->peer;
	char key[SITE_KEY_STR_SIZE];
	uint64_t now = clock_ms(), real = clock_real_ms();

	r->refused[error]++;
	if (error == SEAL_REPLAYED ||
	    (r->told_ms[error] && now - r->told_ms[error] < COMPLAIN_MS)) {
		log_debug("a message is refused: %s", seal_strerror(error));
		return;
	}
	r->told_ms[error] = now;
	if (error == SEAL_STRANGER)
		log_warning("a message is refused: %s is not among the peers",
			    site_public_str(key, &m->from));
	else if (error == SEAL_EARLY)
		log_warning("a message of %s is refused: its clock is %llu s ahead of ours, or ours is behind",
			    peer->name, (m->sent_ms - real) / 1000ULL);
	else if (error == SEAL_EXPIRED)
		log_warning("a message of %s is refused: it expired %llu s ago: it was delayed, or the clocks differ",
			    peer->name, (real - m->expires_ms) / 1000ULL);
	else
		log_warning("a message is refused: %s", seal_strerror(error));
}

static void dispatch(struct daemon *d, const struct unsealed *m, bool by_hand)
{
	struct message message = {
		.peer = m->peer, .sent_ms = m->sent_ms,
		.expires_ms = m->expires_ms, .by_hand = by_hand,
	};
	json_error_t error;
	json_int_t version;
	json_t *json, *body;
	unsigned int i;

	json = json_loadb(m->text, m->len, JSON_REJECT_DUPLICATES, &error);
	if (json_unpack(json, "{sI, ss, so}", "v", &version, "type",
			&message.type, "body", &body) ||
	    version != RENDEZVOUS_VERSION || !json_is_object(body)) {
		d->rendezvous->malformed++;
		log_debug("a malformed message of %s's", message.peer->name);
		json_decref(json);
		return;
	}
	message.body = body;
	message.peer->known = true;
	message.peer->seen_ms = clock_ms();
	for (i = 0; i < MAX_TYPES && types[i].type; i++)
		if (!strcmp(types[i].type, message.type) &&
		    (!by_hand || !strcmp(message.type, "hand")))
			types[i].fn(d, &message);
	json_decref(json);
}

static enum seal_error receive(struct daemon *d, const void *in, size_t len,
			       bool by_hand)
{
	const struct seal_lookup lookup = { .find = find_sender, .data = d };
	struct unsealed *m = malloc(sizeof(*m));
	enum seal_error error;

	if (!m)
		return SEAL_NO_MEMORY;
	error = unseal(d->key, in, len, clock_real_ms(), &lookup, m);
	if (error) {
		complain(d, error, m);
	} else {
		seen_save(d, m->peer);
		dispatch(d, m, by_hand);
	}
	free(m);
	return error;
}

/* Opening a message costs: a broker, or who may write to it, can not flood us. */
static bool within_limit(struct rendezvous *r)
{
	uint64_t now = clock_ms(), least;

	least = now > BURST * 1000 / PER_SECOND ?
		now - BURST * 1000 / PER_SECOND : 0;
	if (r->credit_ms < least)
		r->credit_ms = least;
	if (r->credit_ms + 1000 / PER_SECOND > now) {
		r->over_limit++;
		return false;
	}
	r->credit_ms += 1000 / PER_SECOND;
	return true;
}

/* The site's id and what comes after it; false: that is none of our topics. */
static bool split_topic(const struct rendezvous *r, const char *topic,
			char id[SITE_ID_SIZE], const char **leaf)
{
	size_t len = strlen(r->prefix);

	if (strncmp(topic, r->prefix, len) || topic[len] != '/')
		return false;
	topic += len + 1;
	*leaf = strchr(topic, '/');
	if (!*leaf || *leaf - topic != SITE_ID_SIZE - 1)
		return false;
	memcpy(id, topic, SITE_ID_SIZE - 1);
	id[SITE_ID_SIZE - 1] = '\0';
	++*leaf;
	return true;
}

void rendezvous_got(struct broker *b, const char *topic, const void *payload,
		    size_t len)
{
	struct daemon *d = b->daemon;
	char id[SITE_ID_SIZE];
	struct peer *peer;
	const char *leaf;

	if (!split_topic(d->rendezvous, topic, id, &leaf))
		return;
	if (!strcmp(leaf, INBOX) && !strcmp(id, site_key_public(d->key)->id)) {
		if (within_limit(d->rendezvous))
			receive(d, payload, len, false);
		return;
	}
	peer = strcmp(leaf, PRESENCE) ? NULL : peer_by_id(d, id);
	if (peer)
		got_presence(b, peer, payload, len);
}

enum seal_error rendezvous_accept(struct daemon *d, const char *line)
{
	uint8_t *in = malloc(SEAL_MAX);
	enum seal_error error;

	if (!in)
		return SEAL_NO_MEMORY;
	error = receive(d, in, seal_from_line(in, line), true);
	free(in);
	return error;
}

void rendezvous_take(struct daemon *d, const void *message, size_t len)
{
	if (within_limit(d->rendezvous))
		receive(d, message, len, false);
}

/* --- messages that go ----------------------------------------------------- */

/* The sealed message, to be freed; NULL: too long. */
static uint8_t *make(struct daemon *d, const struct peer *peer,
		     const char *type, const json_t *body, unsigned int life_s,
		     size_t *len)
{
	uint8_t *out = malloc(SEAL_MAX);
	json_t *json;
	char *text;

	json = json_pack("{si, ss, sO}", "v", RENDEZVOUS_VERSION, "type", type,
			 "body", body);
	text = json_dumps(json, JSON_COMPACT);
	*len = 0;
	if (out && text)
		*len = seal(d->key, &peer->key, text, strlen(text),
			    clock_real_ms(), (uint64_t)life_s * 1000, out);
	json_decref(json);
	free(text);
	if (!*len) {
		free(out);
		out = NULL;
	}
	return out;
}

/*
 * To the brokers where the peer is, and by hand; where it is nowhere, it may come to
 * any.
 */
static int publish(struct daemon *d, const struct peer *peer,
		   const uint8_t *out, size_t len, unsigned int life_s)
{
	struct rendezvous *r = d->rendezvous;
	char topic[TOPIC_SIZE];
	int i, err = hand_send(d, peer, out, len);

	if (!err && !peer->brokers)
		return 0;
	topic_of(r, topic, peer->key.id, INBOX);
	for (i = 0; i < MAX_BROKERS; i++) {
		if (!r->broker[i] ||
		    (peer->brokers && !(peer->brokers & UINT32_C(1) << i)))
			continue;
		if (!broker_publish(r->broker[i], topic, out, len, false,
				    life_s))
			err = 0;
	}
	return err;
}

int rendezvous_send(struct daemon *d, struct peer *peer, const char *type,
		    const json_t *body, unsigned int life_s)
{
	uint8_t *out;
	size_t len;
	int err;

	if (!d->rendezvous)
		return -ENOTCONN;
	out = make(d, peer, type, body, life_s, &len);
	if (!out)
		return -EMSGSIZE;
	err = publish(d, peer, out, len, life_s);
	free(out);
	return err;
}

char *rendezvous_line(struct daemon *d, struct peer *peer, const char *type,
		      const json_t *body, unsigned int life_s)
{
	char *line = malloc(SEAL_LINE_SIZE);
	uint8_t *out;
	size_t len;

	out = make(d, peer, type, body, life_s, &len);
	if (!line || !out) {
		free(line);
		line = NULL;
	} else {
		seal_to_line(line, out, len);
	}
	free(out);
	return line;
}

/* --- brokers -------------------------------------------------------------- */

void rendezvous_up(struct broker *b)
{
	struct daemon *d = b->daemon;
	struct rendezvous *r = d->rendezvous;
	static char topic[TOPICS_AT_ONCE][TOPIC_SIZE];
	char *topics[TOPICS_AT_ONCE];
	const struct peer *peer;
	int n = 0;

	topics[0] = topic[0];
	topic_of(r, topic[0], site_key_public(d->key)->id, INBOX);
	broker_subscribe(b, topics, 1, 1);
	for (peer = d->peers; peer; peer = peer->next) {
		topics[n] = topic[n];
		topic_of(r, topic[n++], peer->key.id, PRESENCE);
		if (n == TOPICS_AT_ONCE || !peer->next) {
			broker_subscribe(b, topics, n, 0);
			n = 0;
		}
	}
	publish_presence(b, true);
	session_peer_online(d, NULL);
}

/* Who was there may still be: we can not tell. */
void rendezvous_down(struct broker *b)
{
	struct peer *peer;

	for (peer = b->daemon->peers; peer; peer = peer->next) {
		peer->brokers &= ~(UINT32_C(1) << b->bit);
		peer->online = peer->brokers || peer->by_hand;
	}
}

unsigned int rendezvous_rtt_ms(const struct daemon *d, const struct peer *peer)
{
	unsigned int best = peer ? hand_rtt_ms(d, peer) / 2 : 0, rtt;
	int i;

	for (i = 0; d->rendezvous && i < MAX_BROKERS; i++) {
		if (!d->rendezvous->broker[i] ||
		    (peer && peer->brokers &&
		     !(peer->brokers & UINT32_C(1) << i)))
			continue;
		rtt = broker_rtt_ms(d->rendezvous->broker[i]);
		if (rtt && (!best || rtt < best))
			best = rtt;
	}
	return best;
}

bool rendezvous_connected(const struct daemon *d)
{
	int i;

	for (i = 0; d->rendezvous && i < MAX_BROKERS; i++)
		if (d->rendezvous->broker[i] &&
		    d->rendezvous->broker[i]->state == BROKER_UP)
			return true;
	return false;
}

/* The broker of the configuration that one of ours is, or NULL. */
static const struct conf_broker *still_wanted(const struct broker *b,
					      const struct conf *conf,
					      const bool *taken, size_t *at)
{
	for (*at = 0; *at < conf->brokers.n; ++*at)
		if (!taken[*at] &&
		    broker_same(b->conf, &conf->brokers.item[*at]))
			return &conf->brokers.item[*at];
	return NULL;
}

/* Peers whose presence was not asked for yet, and those that are no more. */
static void resubscribe(struct daemon *d)
{
	int i;

	for (i = 0; i < MAX_BROKERS; i++)
		if (d->rendezvous->broker[i] &&
		    d->rendezvous->broker[i]->state == BROKER_UP)
			rendezvous_up(d->rendezvous->broker[i]);
}

static int start_brokers(struct daemon *d, const bool *taken)
{
	struct rendezvous *r = d->rendezvous;
	unsigned int bit = 0;
	size_t i;

	for (i = 0; i < d->conf->brokers.n; i++) {
		if (taken[i])
			continue;
		while (bit < MAX_BROKERS && r->broker[bit])
			bit++;
		if (bit == MAX_BROKERS)
			return -ENOSPC;
		r->broker[bit] = broker_new(d, &d->conf->brokers.item[i], bit);
		if (!r->broker[bit])
			return -ENOMEM;
	}
	return 0;
}

static void leave(struct broker *b)
{
	struct peer *peer;

	publish_presence(b, false);
	rendezvous_down(b);
	for (peer = b->daemon->peers; peer; peer = peer->next)
		memset(&peer->at[b->bit], 0, sizeof(peer->at[b->bit]));
	broker_free(b);
}

int rendezvous_reload(struct daemon *d)
{
	struct rendezvous *r = d->rendezvous;
	bool taken[MAX_BROKERS] = { false };
	const struct conf_broker *conf;
	bool moved = strcmp(r->prefix, d->conf->prefix);
	size_t at;
	int i;

	for (i = 0; i < MAX_BROKERS; i++) {
		if (!r->broker[i])
			continue;
		conf = moved ? NULL :
			       still_wanted(r->broker[i], d->conf, taken, &at);
		if (conf) {
			taken[at] = true;
			r->broker[i]->conf = conf;
		} else {
			leave(r->broker[i]);
			r->broker[i] = NULL;
		}
	}
	snprintf(r->prefix, sizeof(r->prefix), "%s", d->conf->prefix);
	resubscribe(d);
	return start_brokers(d, taken);
}

int rendezvous_start(struct daemon *d)
{
	bool none[MAX_BROKERS] = { false };

	mosquitto_lib_init();
	d->rendezvous = calloc(1, sizeof(*d->rendezvous));
	if (!d->rendezvous)
		return -ENOMEM;
	snprintf(d->rendezvous->prefix, sizeof(d->rendezvous->prefix), "%s",
		 d->conf->prefix);
	if (!d->conf->brokers.n)
		log_info("no broker is configured: offers go by copy and paste alone");
	return start_brokers(d, none);
}

void rendezvous_renew(struct daemon *d)
{
	int i;

	hand_renew(d);
	for (i = 0; d->rendezvous && i < MAX_BROKERS; i++)
		if (d->rendezvous->broker[i])
			broker_renew(d->rendezvous->broker[i]);
}

bool rendezvous_is_up(const struct daemon *d)
{
	int i;

	if (hand_is_up(d))
		return true;
	for (i = 0; d->rendezvous && i < MAX_BROKERS; i++)
		if (d->rendezvous->broker[i] &&
		    d->rendezvous->broker[i]->state == BROKER_UP)
			return true;
	return false;
}

void rendezvous_stop(struct daemon *d)
{
	int i;

	for (i = 0; d->rendezvous && i < MAX_BROKERS; i++)
		if (d->rendezvous->broker[i])
			leave(d->rendezvous->broker[i]);
	free(d->rendezvous);
	d->rendezvous = NULL;
}

json_t *rendezvous_show(const struct daemon *d)
{
	const struct rendezvous *r = d->rendezvous;
	json_t *brokers = json_array(), *refused = json_object();
	uint64_t n;
	int i;

	for (i = 0; i < MAX_BROKERS; i++)
		if (r->broker[i])
			json_array_append_new(brokers,
					      broker_show(r->broker[i]));
	for (i = SEAL_TRUNCATED; i < SEAL_NO_MEMORY; i++) {
		n = r->refused[i];
		if (n)
			json_object_set_new(refused,
					    seal_strerror((enum seal_error)i),
					    json_integer((json_int_t)n));
	}
	return json_pack("{so, so, sI, sI}", "brokers", brokers, "refused",
			 refused, "malformed", (json_int_t)r->malformed,
			 "over_limit", (json_int_t)r->over_limit);
}
