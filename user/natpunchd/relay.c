// SPDX-License-Identifier: GPL-2.0
/*
 * Relayed sessions; see relay.h. Packets are relay_packet.c's, our end of it is
 * relay_server.c's.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "flow.h"
#include "log.h"
#include "mapped.h"
#include "relay_private.h"
#include "table.h"
#include "tracked.h"
#include "ways.h"

#define AGREE_MS	6000	/* until both have allocations */
#define RETRY_MIN_MS	30000	/* before direct is tried again; doubles */
#define RETRY_MAX_MS	600000
#define ANY_PORT	9	/* of no meaning */
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

/* There is no way through this relay (any more). Frees nothing now. */
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
	if (s->state == SESSION_DIRECT)
		return;			/* most flows do without it */
	if (was == RELAY_OPEN)
		session_lost(s, "relay: %s", why);
	else if (*r->undirect)
		session_fail(s, "%s; relay: %s", r->undirect, why);
	else
		session_explain(s, "relay: %s", why);
}

/* --- agreeing with the peer ------------------------------------------------ */

/* Who has no server says where he comes from; the port will be another one. */
static void send_use(struct relay *r)
{
	bool plain = r->state == RELAY_UNSERVED;
	const union endpoint *end = r->tunnel ? &r->own : plain ? &r->seen :
				    turn_relayed(r->turn);
	char addr[ENDPOINT_SIZE], key[2 * RELAY_KEY_SIZE + 1];
	json_t *more;

	sodium_bin2hex(key, sizeof(key), r->key, sizeof(r->key));
	more = json_pack("{ss, sI}", "addr",
			 endpoint_str(addr, end),
			 "tag", (json_int_t)r->tag_in);
	if (plain)
		json_object_set_new(more, "any_port", json_true());
	if (r->tunnel)
		json_object_set_new(more, "tunnel", json_true());
	if (r->path->session->role == SESSION_ASKS)
		json_object_set_new(more, "key", json_string(key));
	say(r, "use", more);
}

static void check_now(struct relay *r)
{
	r->state = RELAY_CHECKING;
	relay_server_peer(r);
	relay_check(r);
}

static void agree(struct relay *r)
{
	send_use(r);
	if (r->remote.sa.sa_family) {
		check_now(r);
	} else {
		r->state = RELAY_AGREEING;
		relay_arm(r, AGREE_MS);
	}
}

void relay_served(struct relay *r)
{
	char addr[ENDPOINT_SIZE];

	log_debug("%s/%s: relay %s: %s is ours", r->path->session->peer->name,
		  r->path->session->service, r->server,
		  endpoint_str(addr, r->tunnel ? &r->own :
						 turn_relayed(r->turn)));
	agree(r);
}

static void fail_unserved(struct relay *r)
{
	char why[SESSION_REASON_SIZE];

	snprintf(why, sizeof(why), "%.160s; the peer has none that it can use",
		 r->unserved);
	relay_fail(r, why);
}

static void agree_unserved(struct relay *r)
{
	if (r->any_port || !endpoint_port(&r->seen)) {
		say(r, "none", NULL);
		fail_unserved(r);
		return;
	}
	snprintf(r->server, sizeof(r->server), "%s's",
		 r->path->session->peer->name);
	if (!r->remote.sa.sa_family || relay_server_plain(r))
		agree(r);
}

static void on_seen(void *data, int error, const union endpoint *public,
		    unsigned int rtt_ms)
{
	struct relay *r = data;

	(void)rtt_ms;
	mapped_free(r->mapped);
	r->mapped = NULL;
	if (!error)
		r->seen = *public;
	agree_unserved(r);
}

/* An IPv6 path knows nothing of IPv4, which relays are reached by. */
static void ask_where_we_are(struct relay *r)
{
	struct gateway *gw = r->path->gateway;
	unsigned int i;

	r->seen = gw->address;
	for (i = 0; gw->address.sa.sa_family && i < gw->n_servers &&
	     !r->mapped; i++)
		if (endpoint_port(&gw->servers[i].addr))
			r->mapped = mapped_ask(gw, IPPROTO_UDP, &gw->address,
					       &gw->servers[i].addr, on_seen,
					       r);
	endpoint_set_port(&r->seen, ANY_PORT);
	if (!r->mapped)
		agree_unserved(r);
}

void relay_unserved(struct relay *r)
{
	r->state = RELAY_UNSERVED;
	r->seen = r->path->public;
	if (path_family(r->path) == AF_INET || r->any_port)
		agree_unserved(r);
	else
		ask_where_we_are(r);
}

/* Out of callbacks; the timer closes what there is, and goes on to servers. */
void relay_untunnel(struct relay *r, const char *why)
{
	const struct session *s = r->path->session;

	if (s->role == SESSION_SERVES) {
		say(r, "none", NULL);
		relay_fail(r, why);
		return;
	}
	log_debug("%s/%s: tunnel: %s", s->peer->name, s->service, why);
	r->untunneled = true;
	r->tunnel = false;
	memset(&r->remote, 0, sizeof(r->remote));
	r->checks = 0;
	r->state = RELAY_ALLOCATING;
	r->broken = true;
	relay_arm(r, 0);
}

/* A check of the peer's tells its port. */
void relay_learned(struct relay *r, const union endpoint *remote)
{
	r->remote = *remote;
	r->any_port = false;
	r->checks = 0;
	relay_server_peer(r);
	relay_check(r);
}

/* --- beginning ------------------------------------------------------------- */

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

bool relay_tunnels(const struct gateway *gw)
{
	return gw->dev6 && gw->daemon->conf->tunnel;
}

static bool can_tunnel(const struct path *p)
{
	return p->remote_tunnel && relay_tunnels(p->gateway);
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
	/* Who serves does as the other does. */
	if (r->path->session->role == SESSION_ASKS)
		r->tunnel = can_tunnel(r->path);
	relay_server_try(r);
}

/* The session does without it. Frees. */
static void leave(struct relay *r)
{
	if (r->path->session->role == SESSION_ASKS)
		say(r, "end", NULL);
	relay_free(r->path);
}

/* --- time ------------------------------------------------------------------ */

static void retire(struct relay *r)
{
	if (tracked_via(r->path->gateway->tracker, IPPROTO_TCP,
			&r->virtual, false)) {
		relay_arm(r, RETIRED_MS);
		return;
	}
	leave(r);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct relay *r = data;

	(void)fd;
	(void)what;
	/* Here, out of its callbacks, what has failed can be closed. */
	if (r->broken) {
		relay_server_close(r);
		r->broken = false;
		if (r->state == RELAY_ALLOCATING)
			relay_server_try(r);
		else if (r->path->session->state == SESSION_DIRECT)
			leave(r);
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
	case RELAY_UNSERVED:
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
		path_retry(r->path);
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
	r->fd = -1;
	r->virtual = tun_virtual(path_family(p), r->number, 0);
	r->tag_in = randombytes_random();
	randombytes_buf(r->key, sizeof(r->key));
	p->relay = r;
	return r;
}

/* One server is enough. */
static bool is_possible(const struct path *p)
{
	return !p->session->by_hand &&
	       (p->gateway->n_relays || p->remote_relay || can_tunnel(p));
}

/* What worked the last time is tried at once. */
void relay_begin(struct path *p)
{
	struct session *s = p->session;
	const char *way = ways_known(p);

	if (p->relay || s->role != SESSION_ASKS || !is_possible(p) ||
	    !relay_new(p))
		return;
	relay_arm(p->relay, way && !strcmp(way, RELAY_WAY) ? 0 :
							     RELAY_AFTER_MS);
}

bool relay_want(struct path *p)
{
	struct relay *r = p->relay;

	if (p->session->state != SESSION_DIRECT || !is_possible(p))
		return r && r->wanted;
	if (r && r->state != RELAY_RETIRING)
		return true;
	if (!r && !relay_new(p))
		return false;
	r = p->relay;
	r->wanted = true;
	snprintf(r->undirect, sizeof(r->undirect),
		 "a client's packets did not come through");
	if (r->state == RELAY_RETIRING)
		relay_opened(r);
	else
		start(r);
	return true;
}

bool relay_instead(struct path *p, const char *why)
{
	struct relay *r = p->relay;

	/* Who serves waits for what the other does. */
	if (p->session->role == SESSION_SERVES)
		return is_possible(p);
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
	union endpoint to = tun_virtual(path_family(p), r->number,
					endpoint_port(&p->place));

	if (s->state == SESSION_DIRECT && !r->wanted) {
		r->state = RELAY_OPEN;
		relay_direct(p);
		return;
	}
	if (s->role == SESSION_ASKS &&
	    table_relay(p->gateway->table, s->proto, &p->place, &to)) {
		relay_fail(r, table_error(p->gateway->table));
		return;
	}
	r->listening = s->role == SESSION_ASKS;
	if (r->listening)
		path_admit_clients(p);
	r->state = RELAY_OPEN;
	r->wanted = false;
	session_open(s, SESSION_RELAYED);
	if (s->role == SESSION_SERVES)
		return;
	ways_worked(p, RELAY_WAY);
	flow_reroute(p);
	if (*r->undirect)
		arm_retry(r);
}

static void unlisten(struct relay *r)
{
	const struct path *p = r->path;

	if (r->listening)
		table_unrelay(p->gateway->table, p->session->proto, &p->place);
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
		r->state = RELAY_FAILED;
		r->broken = true;
		relay_arm(r, 0);
	}
}

bool relay_is_open(const struct path *p)
{
	return p->relay && p->relay->state == RELAY_OPEN;
}

/* What the peer says of its end. */
static bool parse_use(struct relay *into, const json_t *from, const char **key)
{
	const char *addr;
	int any_port = 0, tunnel = 0;
	json_int_t tag;

	*key = NULL;
	if (json_unpack((json_t *)from, "{ss, sI, s?s, s?b, s?b}", "addr",
			&addr, "tag", &tag, "key", key, "any_port", &any_port,
			"tunnel", &tunnel) ||
	    !endpoint_parse(&into->remote, addr) ||
	    into->remote.sa.sa_family != (tunnel ? AF_INET6 : AF_INET))
		return false;
	into->tunnel = tunnel;
	into->tag_out = (uint32_t)tag;
	into->any_port = any_port;
	return true;
}

static bool parse_key(struct relay *into, const char *key)
{
	size_t n = 0;

	return key && !sodium_hex2bin(into->key, RELAY_KEY_SIZE, key,
				      strlen(key), NULL, &n, NULL) &&
	       n == RELAY_KEY_SIZE;
}

static void serve(struct path *p, const json_t *from)
{
	struct relay said = {};
	const char *key;

	if (!parse_use(&said, from, &key) || !parse_key(&said, key))
		return;
	relay_free(p);			/* he has begun anew */
	if (!relay_new(p))
		return;
	p->relay->remote = said.remote;
	p->relay->any_port = said.any_port;
	p->relay->tunnel = said.tunnel;
	p->relay->tag_out = said.tag_out;
	memcpy(p->relay->key, said.key, RELAY_KEY_SIZE);
	sodium_memzero(said.key, RELAY_KEY_SIZE);
	p->relay->wanted = p->session->state == SESSION_DIRECT;
	start(p->relay);
}

static void answered(struct relay *r, const json_t *from)
{
	struct relay said = {};
	const char *key;

	/* What is late is about the tunnel that was given up. */
	if (!r || r->state != RELAY_AGREEING || !parse_use(&said, from, &key) ||
	    said.tunnel != r->tunnel)
		return;
	r->remote = said.remote;
	r->any_port = said.any_port;
	r->tag_out = said.tag_out;
	if (r->turn || (r->tunnel && relay_server_tunnel(r)))
		check_now(r);
	else if (r->tunnel)
		return;
	else if (r->any_port)
		fail_unserved(r);
	else if (relay_server_plain(r))
		check_now(r);
}

static void refused(struct relay *r)
{
	if (r->tunnel && r->state != RELAY_OPEN)
		relay_untunnel(r, "the peer has no end for it");
	else if (*r->unserved)
		fail_unserved(r);
	else
		relay_fail(r, "the peer can not use one");
}

/* Nothing is left on it. */
static void ended(struct path *p)
{
	relay_free(p);
	if (p->session->state == SESSION_RELAYED)
		session_open(p->session, SESSION_DIRECT);
}

bool relay_message(struct path *p, const json_t *body)
{
	const json_t *about = json_object_get(body, "relay");
	const char *what = json_string_value(json_object_get(about, "do"));

	if (!about)
		return false;
	if (!what || !p)
		return true;
	if (!strcmp(what, "end") && p->session->role == SESSION_SERVES)
		ended(p);
	else if (!strcmp(what, "use") && p->session->role == SESSION_SERVES)
		serve(p, about);
	else if (!strcmp(what, "use"))
		answered(p->relay, about);
	else if (!strcmp(what, "none") && p->relay)
		refused(p->relay);
	return true;
}

bool relay_show(const struct path *p, json_t *into)
{
	const struct relay *r = p->relay;
	char local[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	json_t *more;

	if (!relay_is_open(p))
		return false;
	more = json_pack("{ss, ss, ss, si, sI, sI, ss}", "way",
			 r->tunnel ? "tunnel" : "relay",
			 "local", endpoint_str(local, r->turn ?
					       turn_relayed(r->turn) :
					       r->tunnel ? &r->own : &r->seen),
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
	relay_server_close(r);
	mapped_free(r->mapped);
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
