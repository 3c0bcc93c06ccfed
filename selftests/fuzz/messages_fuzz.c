// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for the messages of a peer who means no good: signed and sealed
 * as they have to be, whatever they say. Each line of the input is one:
 *
 *	oBODY aBODY cBODY sBODY uBODY hBODY
 *		an offer, answer, close, signal, update, or one by hand (a line to
 *		paste)
 *	HBODY	a message of hand.c's by a broker
 *	rTEXT	any text at all, sealed
 *	pTEXT	any text at all, signed, as presence
 *	!	we ask for a service of his
 *	qTEXT	a request of natpunchctl's
 *
 * An @ in it stands for the id of the session that we have asked for last. Our way
 * to connect is none, but reads all that a real one would (struct path_ops).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/natpunchd/broker.h"
#include "../../user/natpunchd/conf.h"
#include "../../user/natpunchd/control.h"
#include "../../user/natpunchd/external.h"
#include "../../user/natpunchd/guess.h"
#include "../../user/natpunchd/hand.h"
#include "../../user/natpunchd/log.h"
#include "../../user/natpunchd/path.h"
#include "../../user/natpunchd/segment.h"
#include "../../user/natpunchd/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX	8192

static struct site_key *his;
static struct daemon ours;
static struct gateway gateway;
static struct external external;
static struct broker broker;

static void must(bool right)
{
	if (!right)
		abort();
}

/* --- a way to nowhere ------------------------------------------------------- */

static int gather(struct session *s)
{
	session_gathered(s, json_array());
	return 0;
}

static struct path path_of(struct session *s)
{
	return (struct path){
		.session = s, .gateway = &gateway, .external = &external,
	};
}

static int check(struct session *s, unsigned int delay_ms)
{
	struct path p = path_of(s);

	(void)delay_ms;
	must(candidate_parse(&p, s->remote) <= MAX_CANDIDATES);
	if (p.n_remote)
		session_open(s, SESSION_RELAYED);
	return 0;
}

static void on_signal(struct session *s, const json_t *body)
{
	struct path p = path_of(s);
	struct segment syn;

	free(guess_from_json(&p, json_object_get(body, "guess")));
	segment_from_json(&syn, json_object_get(body, "syn"));
}

static void let_go(struct session *s)
{
	(void)s;
}

static const struct path_ops nowhere = {
	.name = "nowhere",
	.gather = gather,
	.check = check,
	.signal = on_signal,
	.close = let_go,
	.forget = let_go,
};

/* --- the two sites ---------------------------------------------------------- */

/* Of 127/8 all but our own is outside. */
static void start(void)
{
	static const char *allow[1] = { "he" };
	static struct conf_peer peer = { .name = "he" };
	static struct conf_service services[] = {
		{ .name = "ssh", .proto = IPPROTO_TCP, .allow = { 1, allow } },
		{ .name = "dns", .proto = IPPROTO_UDP, .allow = { 1, allow } },
	};
	static struct conf_broker brokers[1];
	static struct conf conf = {
		.brokers = { 1, brokers },
		.site = "we", .prefix = "natpunch", .offer_life = 60,
		.state = "/dev/null/none", .peers = { 1, &peer },
		.services = { 2, services },
	};

	log_start(false, LOG_EMERG);
	endpoint_parse(&services[0].to, "10.1.0.2:22");
	endpoint_parse(&services[1].to, "[2001:db8::2]:53");
	endpoint_parse(&gateway.address, "127.0.0.1:0");
	gateway.daemon = &ours;
	his = site_key_new();
	ours.key = site_key_new();
	ours.base = event_base_new();
	ours.path = &nowhere;
	ours.conf = &conf;
	ours.queues = -1;
	must(his && ours.key && ours.base);
	peer.key = *site_key_public(his);
	must(!peer_reload(&ours) && !service_reload(&ours) &&
	     !rendezvous_start(&ours) && !session_start(&ours));
	rendezvous_up(&broker);
}

/* As it was before: the next input is to do the same whatever went before it. */
static void reset(void)
{
	session_stop(&ours);
	hand_stop(&ours);
	peer_free_all(&ours);
	service_free_all(&ours);
	must(!peer_reload(&ours) && !service_reload(&ours));
	broker.state = BROKER_UP;
}

static void ask(void)
{
	struct wish wish = {
		.peer = ours.peers, .service = "any", .proto = IPPROTO_TCP,
	};

	endpoint_parse(&wish.listen, "10.2.0.1:2222");
	session_connect(&ours, &wish);
}

/* --- a broker that takes everything: in place of broker.c ------------------- */

struct broker *broker_new(struct daemon *d, const struct conf_broker *conf,
			  unsigned int bit)
{
	broker.daemon = d;
	broker.conf = conf;
	broker.bit = bit;
	broker.state = BROKER_UP;
	return &broker;
}

void broker_renew(struct broker *b)
{
	(void)b;
}

void broker_free(struct broker *b)
{
	(void)b;
}

bool broker_same(const struct conf_broker *a, const struct conf_broker *b)
{
	return a == b;
}

int broker_publish(struct broker *b, const char *topic, const void *payload,
		   size_t len, bool retain, unsigned int expires_s)
{
	(void)retain;
	(void)expires_s;
	must(b == &broker && *topic && (payload || !len));
	return 0;
}

int broker_subscribe(struct broker *b, char *const *topics, int n, int qos)
{
	(void)qos;
	must(b == &broker && topics && n > 0);
	return 0;
}

int broker_unsubscribe(struct broker *b, const char *topic)
{
	must(b == &broker && *topic);
	return 0;
}

unsigned int broker_rtt_ms(const struct broker *b)
{
	must(b == &broker);
	return 40;
}

json_t *broker_show(const struct broker *b)
{
	must(b == &broker);
	return json_object();
}

/* --- requests: in place of control.c, who may ask anything ------------------ */

static struct client *asking = (struct client *)&ours;

void control_ok(struct client *c, json_t *result)
{
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

	must(c == asking && (!result || text));
	free(text);
	json_decref(result);
}

void control_error(struct client *c, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(c == asking && code > 0 && *text);
}

void control_watch(struct client *c)
{
	must(c == asking);
}

void control_later(struct client *c, struct client **at)
{
	*at = c;
}

void control_event(struct daemon *d, const char *what, json_t *json)
{
	(void)d;
	(void)what;
	json_decref(json);
}

static void request(const char *text)
{
	static const struct verb * const all[] = {
		service_verbs, connection_verbs, site_verbs,
	};
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(json, "do"));
	const struct verb *verb;
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(all); i++)
		for (verb = all[i]; verb->name; verb++)
			if (!strcmp(verb->name, name))
				verb->run(&ours, asking, json);
	json_decref(json);
}

/* --- messages --------------------------------------------------------------- */

static void deliver(const char *text, bool by_hand)
{
	static char line[SEAL_LINE_SIZE];
	static uint8_t sealed[SEAL_MAX];
	size_t len;

	len = seal(his, site_key_public(ours.key), text, strlen(text),
		   clock_real_ms(), 60000, sealed);
	must(len);
	if (by_hand)
		rendezvous_accept(&ours, seal_to_line(line, sealed, len));
	else
		rendezvous_take(&ours, sealed, len);
}

static void message(const char *type, const char *body, bool by_hand)
{
	static char text[TEXT_MAX + 64];

	snprintf(text, sizeof(text), "{\"v\":1,\"type\":\"%s\",\"body\":%s}",
		 type, body);
	deliver(text, by_hand);
}

static void presence(const char *text)
{
	uint8_t said[SIGNED_MAX_TEXT + SIGNED_OVERHEAD];
	char topic[256];
	size_t len = sign_text(his, text, strlen(text), said);

	snprintf(topic, sizeof(topic), "natpunch/%s/presence",
		 site_key_public(his)->id);
	if (len)
		rendezvous_got(&broker, topic, said, len);
}

/* @text with ids in place of each @. */
static const char *filled_in(const char *text)
{
	static char out[TEXT_MAX];
	const char *id = ours.sessions ? ours.sessions->id : "";
	size_t n = 0;

	for (; *text && n < sizeof(out) - SESSION_ID_SIZE; text++)
		if (*text == '@')
			n += (size_t)sprintf(out + n, "%s", id);
		else
			out[n++] = *text;
	out[n] = '\0';
	return out;
}

static void do_line(const char *line)
{
	static const struct {
		char c;
		const char *type;
		bool by_hand;
	} messages[] = {
		{ 'o', "offer", false }, { 'a', "answer", false },
		{ 'c', "close", false }, { 's', "signal", false },
		{ 'u', "update", false }, { 'H', "hand", false },
		{ 'h', "hand", true },
	};
	const char *body = filled_in(*line ? line + 1 : line);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(messages); i++)
		if (*line == messages[i].c)
			message(messages[i].type, body, messages[i].by_hand);
	if (*line == 'r')
		deliver(body, false);
	else if (*line == 'p')
		presence(body);
	else if (*line == 'q')
		request(body);
	else if (*line == '!')
		ask();
	/* What is put off until the loop is back. */
	event_base_loop(ours.base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *line, *rest;

	if (!ours.base)
		start();
	if (size >= TEXT_MAX)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		do_line(line);
	free(text);
	reset();
	return 0;
}
