// SPDX-License-Identifier: GPL-2.0
/* Relayed sessions; see relay.h. Packets are relay_packet.c's. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "flow.h"
#include "log.h"
#include "relay_private.h"
#include "table.h"
#include "tracked.h"

#define AGREE_MS	6000	/* until both have allocations */
#define RETRY_MIN_MS	30000	/* before direct is tried again; doubles */
#define RETRY_MAX_MS	600000
#define RETIRED_MS	10000	/* between looks whether TCP is left */

static void say(struct relay *r, const char *what, json_t *more)
{
	json_t *body = json_pack("{s:{ss}}", "relay", "do", what);

	if (more) {
		json_object_update(json_object_get(body, "relay"), more);
		json_decref(more);
	}
	session_signal(r->path->session, body);
	json_decref(body);
}

void relay_arm(struct relay *r, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(r->timer, &t);
}

static void arm_retry(struct relay *r)
{
	const struct timeval t = { .tv_sec = r->retry_ms / 1000 };

	evtimer_add(r->retry, &t);
	r->retry_ms = r->retry_ms < RETRY_MAX_MS / 2 ? 2 * r->retry_ms :
						       RETRY_MAX_MS;
}

/* There is no way through this relay (any more). Frees nothing. */
void relay_fail(struct relay *r, const char *why)
{
	struct session *s = r->path->session;
	enum relay_state was = r->state;

	if (was == RELAY_FAILED)
		return;
	r->state = RELAY_FAILED;
	snprintf(r->why, sizeof(r->why), "%s", why);
	r->broken = true;
	relay_arm(r, 0);
	log_warning("%s/%s: relay: %s", s->peer->name, s->service, why);
	if (was == RELAY_OPEN)
		session_lost(s, "relay: %s", why);
	else if (*r->undirect)
		session_fail(s, "%s; relay: %s", r->undirect, why);
	else
		session_explain(s, "relay: %s", why);
}

/* --- the allocation -------------------------------------------------------- */

static void send_use(struct relay *r)
{
	char addr[ENDPOINT_SIZE], key[2 * RELAY_KEY_SIZE + 1];
	json_t *more;

	sodium_bin2hex(key, sizeof(key), r->key, sizeof(r->key));
	more = json_pack("{ss, sI}", "addr",
			 endpoint_str(addr, turn_relayed(r->turn)), "tag",
			 (json_int_t)r->tag_in);
	if (r->path->session->role == SESSION_ASKS)
		json_object_set_new(more, "key", json_string(key));
	say(r, "use", more);
}

static void check_now(struct relay *r)
{
	r->state = RELAY_CHECKING;
	turn_bind(r->turn, &r->remote);
	relay_check(r);
}

static void on_ready(void *data)
{
	struct relay *r = data;
	char addr[ENDPOINT_SIZE];

	log_debug("%s/%s: relay %s: %s is ours", r->path->session->peer->name,
		  r->path->session->service, r->server,
		  endpoint_str(addr, turn_relayed(r->turn)));
	send_use(r);
	if (endpoint_port(&r->remote)) {
		check_now(r);
	} else {
		r->state = RELAY_AGREEING;
		relay_arm(r, AGREE_MS);
	}
}

/* The server after this one is tried, as long as nothing was agreed on. */
static void on_failed(void *data, const char *why)
{
	struct relay *r = data;
	char text[SESSION_REASON_SIZE];

	snprintf(text, sizeof(text), "%.80s: %.70s", r->server, why);
	r->broken = true;
	if (r->state != RELAY_ALLOCATING) {
		relay_fail(r, text);
	} else if (r->n_server + 1 < r->path->gateway->n_relays) {
		log_warning("relay %s", text);
		r->n_server++;
	} else {
		say(r, "none", NULL);
		relay_fail(r, text);
	}
	relay_arm(r, 0);
}

static const struct turn_events turn_events = {
	.ready = on_ready, .packet = relay_on_packet, .failed = on_failed,
};

static struct turn *open_turn(struct relay *r, const struct conf_server *conf)
{
	struct gateway *gw = r->path->gateway;
	char host[256], buf[TURN_WORD_SIZE] = "";
	struct wire_server server = {
		.kind = conf->tls ? WIRE_TLS : conf->tcp ? WIRE_TCP : WIRE_UDP,
		.addr = gw->relays[r->n_server].addr,
		.ca = conf->ca,
		.host = host,
	};
	const char *password;
	struct turn *turn;
	int port;

	conf_split_host(conf->host, host, sizeof(host), &port);
	errno = 0;
	password = conf_password(conf->password, conf->password_file, buf,
				 sizeof(buf));
	if (conf->user && !password)
		return NULL;
	turn = turn_open(gw->daemon->base, &server, conf->user, password,
			 &turn_events, r);
	explicit_bzero(buf, sizeof(buf));
	return turn;
}

static void try_server(struct relay *r)
{
	const struct conf *conf = r->path->gateway->daemon->conf;
	struct gateway *gw = r->path->gateway;

	r->state = RELAY_ALLOCATING;
	for (; r->n_server < gw->n_relays && r->n_server < conf->relays.n;
	     r->n_server++) {
		snprintf(r->server, sizeof(r->server), "%s",
			 conf->relays.item[r->n_server].host);
		if (!endpoint_port(&gw->relays[r->n_server].addr))
			continue;
		r->turn = open_turn(r, &conf->relays.item[r->n_server]);
		if (r->turn)
			return;
		log_warning("relay %s: %s", r->server, strerror(errno));
	}
	say(r, "none", NULL);
	relay_fail(r, gw->n_relays ? "no server of ours can be used" :
				     "this site has no server for it");
}

/* The lowest that no other session has. */
static bool take_number(struct relay *r)
{
	const struct session *s;
	const struct path *p;
	bool taken = true;

	for (r->number = 0; taken && r->number < TUN_NUMBERS; r->number++) {
		taken = false;
		for (s = r->path->session->daemon->sessions; s; s = s->next) {
			p = s->path;
			taken |= p && p->relay && p->relay != r &&
				 p->relay->number == r->number;
		}
		if (!taken)
			return true;
	}
	return false;
}

static void start(struct relay *r)
{
	struct gateway *gw = r->path->gateway;
	char why[96];
	int err;

	err = gw->tun ? 0 : tun_open(&gw->tun, gw->daemon->base,
				     relay_from_tun, gw);
	if (err) {
		snprintf(why, sizeof(why), "no TUN device: %s", strerror(-err));
		say(r, "none", NULL);
		relay_fail(r, why);
		return;
	}
	try_server(r);
}

/* --- time ------------------------------------------------------------------ */

static void retire(struct relay *r)
{
	if (tracked_via(r->path->gateway->tracker, IPPROTO_TCP,
			&r->virtual, false)) {
		relay_arm(r, RETIRED_MS);
		return;
	}
	say(r, "end", NULL);
	relay_free(r->path);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct relay *r = data;

	(void)fd;
	(void)what;
	/* Here, out of its callbacks, what has failed can be closed. */
	if (r->broken) {
		turn_close(r->turn);
		r->turn = NULL;
		r->broken = false;
		if (r->state == RELAY_ALLOCATING)
			try_server(r);
		return;
	}
	switch (r->state) {
	case RELAY_WAITING:
		start(r);
		break;
	case RELAY_AGREEING:
		relay_fail(r, "the peer does not answer");
		break;
	case RELAY_CHECKING:
	case RELAY_OPEN:
		relay_check(r);
		break;
	case RELAY_RETIRING:
		retire(r);
		break;
	case RELAY_ALLOCATING:
	case RELAY_FAILED:
		break;
	}
}

static void on_retry(evutil_socket_t fd, short what, void *data)
{
	struct relay *r = data;

	(void)fd;
	(void)what;
	if (r->state == RELAY_OPEN && r->path->n_remote)
		flow_probe(r->path);
}

/* --- for the path ---------------------------------------------------------- */

static struct relay *relay_new(struct path *p)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->path = p;
	r->timer = evtimer_new(p->gateway->daemon->base, on_timer, r);
	r->retry = evtimer_new(p->gateway->daemon->base, on_retry, r);
	r->retry_ms = RETRY_MIN_MS;
	if (!r->timer || !r->retry || !take_number(r)) {
		if (r->timer)
			event_free(r->timer);
		if (r->retry)
			event_free(r->retry);
		free(r);
		return NULL;
	}
	r->virtual = tun_virtual(r->number, 0);
	r->tag_in = randombytes_random();
	randombytes_buf(r->key, sizeof(r->key));
	p->relay = r;
	return r;
}

void relay_begin(struct path *p)
{
	struct session *s = p->session;

	if (p->relay || s->role != SESSION_ASKS || s->by_hand ||
	    !p->gateway->n_relays || s->listen.sa.sa_family != AF_INET)
		return;
	if (relay_new(p))
		relay_arm(p->relay, RELAY_AFTER_MS);
}

bool relay_instead(struct path *p, const char *why)
{
	struct relay *r = p->relay;

	/* Who serves waits for what the other does. */
	if (p->session->role == SESSION_SERVES)
		return p->gateway->n_relays && !p->session->by_hand;
	if (!r || r->state == RELAY_RETIRING)
		return false;
	if (r->state == RELAY_FAILED) {
		session_fail(p->session, "%s; relay: %s", why, r->why);
		return true;
	}
	snprintf(r->undirect, sizeof(r->undirect), "%s", why);
	if (r->state == RELAY_WAITING)
		relay_arm(r, 0);
	if (r->state == RELAY_OPEN)
		arm_retry(r);
	return true;
}

void relay_opened(struct relay *r)
{
	struct path *p = r->path;
	struct session *s = p->session;
	union endpoint to = tun_virtual(r->number, endpoint_port(&s->listen));

	if (s->state == SESSION_DIRECT) {
		relay_direct(p);
		return;
	}
	if (s->role == SESSION_ASKS &&
	    table_relay(p->gateway->table, s->proto, &s->listen, &to)) {
		relay_fail(r, table_error(p->gateway->table));
		return;
	}
	r->listening = s->role == SESSION_ASKS;
	r->state = RELAY_OPEN;
	session_open(s, SESSION_RELAYED);
	if (*r->undirect)
		arm_retry(r);
}

static void unlisten(struct relay *r)
{
	const struct session *s = r->path->session;

	if (r->listening)
		table_unrelay(r->path->gateway->table, s->proto, &s->listen);
	r->listening = false;
}

void relay_direct(struct path *p)
{
	struct relay *r = p->relay;

	if (!r)
		return;
	if (r->state == RELAY_WAITING) {
		relay_free(p);
		return;
	}
	evtimer_del(r->retry);
	unlisten(r);
	if (p->session->role == SESSION_SERVES)
		return;			/* it is told */
	tracked_via(p->gateway->tracker, IPPROTO_UDP, &r->virtual, true);
	if (r->state == RELAY_OPEN) {
		r->state = RELAY_RETIRING;
		relay_arm(r, 0);
	} else {
		say(r, "end", NULL);
		r->state = RELAY_FAILED;
		r->broken = true;
		relay_arm(r, 0);
	}
}

bool relay_is_open(const struct path *p)
{
	return p->relay && p->relay->state == RELAY_OPEN;
}

static void use(struct path *p, const json_t *from)
{
	const char *addr, *key = NULL;
	union endpoint remote;
	json_int_t tag;
	size_t n = 0;

	if (json_unpack((json_t *)from, "{ss, sI, s?s}", "addr", &addr, "tag",
			&tag, "key", &key) ||
	    !endpoint_parse(&remote, addr) || remote.sa.sa_family != AF_INET)
		return;
	if (p->session->role == SESSION_SERVES) {
		if (p->relay)
			relay_free(p);	/* he has begun anew */
		if (!key || !relay_new(p) ||
		    sodium_hex2bin(p->relay->key, RELAY_KEY_SIZE, key,
				   strlen(key), NULL, &n, NULL) ||
		    n != RELAY_KEY_SIZE)
			return;
		p->relay->remote = remote;
		p->relay->tag_out = (uint32_t)tag;
		start(p->relay);
	} else if (p->relay && p->relay->state == RELAY_AGREEING) {
		p->relay->remote = remote;
		p->relay->tag_out = (uint32_t)tag;
		check_now(p->relay);
	}
}

bool relay_message(struct path *p, const json_t *body)
{
	const json_t *about = json_object_get(body, "relay");
	const char *what = json_string_value(json_object_get(about, "do"));

	if (!about)
		return false;
	if (!what || !p)
		return true;
	if (!strcmp(what, "use"))
		use(p, about);
	else if (!strcmp(what, "none") && p->relay)
		relay_fail(p->relay, "the peer has no server that it can use");
	else if (!strcmp(what, "end") && p->session->role == SESSION_SERVES)
		relay_free(p);
	return true;
}

bool relay_show(const struct path *p, json_t *into)
{
	const struct relay *r = p->relay;
	char local[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	json_t *more;

	if (!relay_is_open(p))
		return false;
	more = json_pack("{ss, ss, ss, si, sI, sI, ss}", "way", "relay",
			 "local", endpoint_str(local, turn_relayed(r->turn)),
			 "remote", endpoint_str(remote, &r->remote), "rtt_ms",
			 (int)r->rtt_ms, "bytes_in", (json_int_t)r->bytes_in,
			 "bytes_out", (json_int_t)r->bytes_out, "relay",
			 r->server);
	json_object_update(into, more);
	json_decref(more);
	return true;
}

static bool is_last(const struct gateway *gw)
{
	const struct session *s;
	const struct path *p;

	for (s = gw->daemon->sessions; s; s = s->next) {
		p = s->path;
		if (p && p->relay)
			return false;
	}
	return true;
}

void relay_free(struct path *p)
{
	struct gateway *gw = p->gateway;
	struct relay *r = p->relay;

	if (!r)
		return;
	unlisten(r);
	tracked_via(gw->tracker, p->session->proto, &r->virtual, true);
	turn_close(r->turn);
	event_free(r->timer);
	event_free(r->retry);
	sodium_memzero(r->key, sizeof(r->key));
	free(r);
	p->relay = NULL;
	/* Nor is there a device when there is nothing for it. */
	if (is_last(gw)) {
		tun_close(gw->tun);
		gw->tun = NULL;
	}
}
