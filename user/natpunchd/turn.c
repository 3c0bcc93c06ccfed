// SPDX-License-Identifier: GPL-2.0
/* A TURN client; see turn.h. Owns the allocation and its timers. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../stun/stun-socket.h"
#include "natpunchd.h"
#include "turn.h"

#define LIFETIME_S	600	/* asked for */
#define LIFETIME_MIN_S	60	/* ... and believed */
#define RENEW_MS	240000	/* of permission and channel: both last longer */
#define CHALLENGES	3	/* of one request: then it is refused */
#define STOP_MS		500	/* so long we stay for servers to agree to our end */

/* What may be asked at the same time; each has one request. */
enum request_kind { LIFE, PERMIT, BIND, REQUESTS };

struct request {
	bool busy;
	uint16_t method;
	unsigned int challenges;
	struct stun_transaction transaction;
	uint64_t again;			/* stun_now() when to renew; 0: not */
};

struct turn {
	struct event_base *base;
	struct event *timer;
	struct wire *wire;
	struct turn_events events;
	void *data;
	struct turn_credentials credentials;
	union endpoint relayed;
	union endpoint peer;
	bool bound;
	bool over;
	bool leaving;			/* the owner has gone; in the list */
	struct turn *next;
	struct request request[REQUESTS];
};

/* Those whose server has not confirmed yet that they have ended. */
static struct turn *leaving;

/* 4 tries, given up after 2.75 s. */
static const struct stun_timing timing = {
	.rto = 250, .tries = 4, .last = 4, .reliable = 4000,
};

static void fail(struct turn *t, const char *fmt, ...) __printf(2, 3);

static void fail(struct turn *t, const char *fmt, ...)
{
	char why[160];
	va_list args;

	if (t->over)
		return;
	t->over = true;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (!t->leaving)
		t->events.failed(t->data, why);
}

/* --- asking ---------------------------------------------------------------- */

/* The timer is for whatever is due next. */
static void arm(struct turn *t)
{
	uint64_t next = UINT64_MAX, now = stun_now(), due, ms;
	struct timeval left;
	int i;

	for (i = 0; i < REQUESTS; i++) {
		due = t->request[i].busy ? t->request[i].transaction.next :
					   t->request[i].again;
		if (due && due < next)
			next = due;
	}
	if (t->over && t->leaving)
		next = now;
	else if (next == UINT64_MAX || t->over)
		return;
	ms = next > now ? next - now : 0;
	left.tv_sec = (time_t)(ms / 1000);
	left.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	evtimer_add(t->timer, &left);
}

/* Of the peer's port only the channel needs to know. */
static void build(const struct turn *t, struct stun_message *m,
		  uint16_t method)
{
	static const uint8_t udp[4] = { IPPROTO_UDP };
	static const uint8_t channel[4] = { TURN_CHANNEL_MIN >> 8 };

	turn_begin(m, method);
	switch (method) {
	case TURN_ALLOCATE:
		stun_add(m, TURN_A_TRANSPORT, udp, sizeof(udp));
		stun_add_u32(m, TURN_A_LIFETIME, LIFETIME_S);
		break;
	case TURN_REFRESH:
		stun_add_u32(m, TURN_A_LIFETIME, t->leaving ? 0 : LIFETIME_S);
		break;
	case TURN_BIND:
		stun_add(m, TURN_A_CHANNEL, channel, sizeof(channel));
		turn_add_endpoint(m, TURN_A_PEER, &t->peer);
		break;
	case TURN_PERMIT:
		turn_add_endpoint(m, TURN_A_PEER, &t->peer);
		break;
	}
	turn_sign(m, &t->credentials);
}

static void step(struct turn *t, struct request *r)
{
	const struct stun_message *m = &r->transaction.request;

	switch (stun_transaction_step(&r->transaction, stun_now())) {
	case STUN_SEND:
		wire_send(t->wire, m->data, m->len, NULL, 0);
		break;
	case STUN_GIVE_UP:
		r->busy = false;
		fail(t, "it does not answer");
		break;
	case STUN_WAIT:
		break;
	}
}

static void ask_again(struct turn *t, struct request *r)
{
	struct stun_message m;

	build(t, &m, r->method);
	if (!m.len) {
		fail(t, "user, realm and nonce are too long for a message");
		arm(t);
		return;
	}
	r->busy = true;
	r->again = 0;
	stun_transaction_start(&r->transaction, &m, &timing,
			       wire_is_reliable(t->wire), stun_now());
	step(t, r);
	arm(t);
}

static void ask(struct turn *t, enum request_kind kind, uint16_t method)
{
	struct request *r = &t->request[kind];

	r->method = method;
	r->challenges = 0;
	ask_again(t, r);
}

static void turn_free(struct turn *t)
{
	struct turn **link = &leaving;

	while (*link && *link != t)
		link = &(*link)->next;
	if (*link)
		*link = t->next;
	wire_close(t->wire);
	if (t->timer)
		event_free(t->timer);
	explicit_bzero(&t->credentials, sizeof(t->credentials));
	free(t);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	uint64_t now = stun_now();
	struct turn *t = data;
	struct request *r;

	(void)fd;
	(void)what;
	if (t->over && t->leaving) {
		turn_free(t);
		return;
	}
	for (r = t->request; r < t->request + REQUESTS && !t->over; r++) {
		if (r->busy) {
			step(t, r);
		} else if (r->again && r->again <= now) {
			r->challenges = 0;
			ask_again(t, r);
		}
	}
	arm(t);
}

/* --- answers --------------------------------------------------------------- */

static void allocated(struct turn *t, struct request *r, const uint8_t *data,
		      size_t len)
{
	uint32_t life = turn_lifetime(data, len);
	bool first = r->method == TURN_ALLOCATE;

	if (life < LIFETIME_MIN_S)
		life = LIFETIME_MIN_S;
	if (first && !turn_endpoint(&t->relayed, data, len, TURN_A_RELAYED)) {
		fail(t, "it does not say which endpoint it has allocated");
		return;
	}
	r->method = TURN_REFRESH;
	r->again = stun_now() + (uint64_t)life * 1000 / 4 * 3;
	if (first)
		t->events.ready(t->data);
}

static void succeeded(struct turn *t, struct request *r, const uint8_t *data,
		      size_t len)
{
	/* Where we have signed, so must he. */
	if (*t->credentials.realm &&
	    !stun_integrity_is_right(data, len, t->credentials.key,
				     sizeof(t->credentials.key)))
		return;
	r->busy = false;
	if (t->leaving) {
		t->over = true;
		return;
	}
	if (r == &t->request[LIFE]) {
		allocated(t, r, data, len);
		return;
	}
	r->again = stun_now() + RENEW_MS;
	if (r == &t->request[BIND]) {
		t->bound = true;
		t->request[PERMIT].again = 0;	/* this is one, too */
	}
}

static void explain(struct turn *t, unsigned int code, const char *reason,
		    const struct request *r)
{
	char peer[ENDPOINT_SIZE];

	if (code == 401 && !*t->credentials.user)
		fail(t, "it wants a user and a password");
	else if (code == 401)
		fail(t, "it refuses user '%s' or the password",
		     t->credentials.user);
	else if (code == 403 && r->method != TURN_ALLOCATE)
		fail(t, "it does not relay to %s",
		     endpoint_str(peer, &t->peer));
	else if (code == 486)
		fail(t, "user '%s' has as many allocations as it grants",
		     t->credentials.user);
	else
		fail(t, "it says %u %s", code, reason);
}

static void refused(struct turn *t, struct request *r, const uint8_t *data,
		    size_t len)
{
	bool first = !*t->credentials.realm;
	char reason[80];
	unsigned int code = turn_error(data, len, reason, sizeof(reason));

	/* 401 is an answer the first time, 438 (stale nonce) at any. */
	if (*t->credentials.user && ++r->challenges <= CHALLENGES &&
	    ((code == 401 && first) || code == 438) &&
	    turn_challenged(&t->credentials, data, len)) {
		ask_again(t, r);
		return;
	}
	r->busy = false;
	explain(t, code, reason, r);
}

static void on_answer(struct turn *t, const uint8_t *data, size_t len)
{
	struct request *r;

	for (r = t->request; r < t->request + REQUESTS; r++)
		if (r->busy && !memcmp(data + 4, r->transaction.request.data +
				       4, NP_STUN_ID))
			break;
	if (r == t->request + REQUESTS)
		return;
	if (turn_type(data) == (r->method | TURN_SUCCESS))
		succeeded(t, r, data, len);
	else if (turn_type(data) == (r->method | TURN_ERROR))
		refused(t, r, data, len);
	arm(t);
}

static void on_data(struct turn *t, const uint8_t *data, size_t len)
{
	const uint8_t *packet;
	union endpoint from;
	size_t n;

	packet = stun_find(data, len, TURN_A_DATA, &n);
	if (packet && turn_endpoint(&from, data, len, TURN_A_PEER) &&
	    !t->leaving)
		t->events.packet(t->data, &from, packet, n);
}

static void on_channel(struct turn *t, const uint8_t *data, size_t len)
{
	size_t n;

	if (len < TURN_CHANNEL_HEADER || !t->bound || t->leaving ||
	    turn_type(data) != TURN_CHANNEL_MIN)
		return;
	n = (size_t)(data[2] << 8 | data[3]);
	if (n <= len - TURN_CHANNEL_HEADER)
		t->events.packet(t->data, &t->peer,
				 data + TURN_CHANNEL_HEADER, n);
}

static void on_message(void *data, const uint8_t *message, size_t len)
{
	struct turn *t = data;

	if (t->over || !len)
		return;
	if (message[0] >= TURN_CHANNEL_MIN >> 8)
		on_channel(t, message, len);
	else if (!stun_is_message(message, len))
		return;
	else if (turn_type(message) == TURN_DATA)
		on_data(t, message, len);
	else
		on_answer(t, message, len);
}

static void on_end(void *data, const char *why)
{
	struct turn *t = data;

	fail(t, "%s", why);
	arm(t);
}

/* --- for the owner --------------------------------------------------------- */

struct turn *turn_open(struct event_base *base,
		       const struct wire_server *server, const char *user,
		       const char *password, const struct turn_events *events,
		       void *data)
{
	static const struct wire_events wire_events = {
		.message = on_message, .end = on_end,
	};
	struct turn *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->base = base;
	t->events = *events;
	t->data = data;
	snprintf(t->credentials.user, TURN_WORD_SIZE, "%s", user ? user : "");
	snprintf(t->credentials.password, TURN_WORD_SIZE, "%s",
		 password ? password : "");
	t->timer = evtimer_new(base, on_timer, t);
	t->wire = t->timer ? wire_open(base, server, &wire_events, t) : NULL;
	if (!t->wire) {
		turn_close(t);
		return NULL;
	}
	ask(t, LIFE, TURN_ALLOCATE);
	return t;
}

const union endpoint *turn_relayed(const struct turn *t)
{
	return &t->relayed;
}

void turn_permit(struct turn *t, const union endpoint *peer)
{
	t->peer = *peer;
	ask(t, PERMIT, TURN_PERMIT);
}

void turn_bind(struct turn *t, const union endpoint *peer)
{
	t->peer = *peer;
	ask(t, BIND, TURN_BIND);
}

static void send_channel(struct turn *t, const void *head, size_t head_len,
			 const void *body, size_t len)
{
	uint8_t start[TURN_CHANNEL_HEADER + TURN_UNBOUND_MAX] = {
		TURN_CHANNEL_MIN >> 8, 0, (uint8_t)((head_len + len) >> 8),
		(uint8_t)(head_len + len),
	};

	memcpy(start + TURN_CHANNEL_HEADER, head, head_len);
	wire_send(t->wire, start, TURN_CHANNEL_HEADER + head_len, body, len);
}

static void send_indication(struct turn *t, const union endpoint *peer,
			    const void *head, size_t head_len,
			    const void *body, size_t len)
{
	uint8_t packet[TURN_UNBOUND_MAX];
	struct stun_message m;

	memcpy(packet, head, head_len);
	if (len)
		memcpy(packet + head_len, body, len);
	turn_begin(&m, TURN_SEND);
	turn_add_endpoint(&m, TURN_A_PEER, peer);
	stun_add(&m, TURN_A_DATA, packet, head_len + len);
	wire_send(t->wire, m.data, m.len, NULL, 0);
}

void turn_send(struct turn *t, const union endpoint *peer, const void *head,
	       size_t head_len, const void *body, size_t len)
{
	if (t->over || head_len > TURN_UNBOUND_MAX ||
	    head_len + len > UINT16_MAX)
		return;
	if (t->bound && endpoint_equal(peer, &t->peer))
		send_channel(t, head, head_len, body, len);
	else if (head_len + len <= TURN_UNBOUND_MAX)
		send_indication(t, peer, head, head_len, body, len);
}

/* The server frees the allocation now, not when its time is up. */
static void say_goodbye(struct turn *t)
{
	enum request_kind i;

	t->leaving = true;
	t->next = leaving;
	leaving = t;
	for (i = LIFE; i < REQUESTS; i++) {
		t->request[i].busy = false;
		t->request[i].again = 0;
	}
	ask(t, LIFE, TURN_REFRESH);
}

void turn_close(struct turn *t)
{
	if (!t)
		return;
	if (t->wire && !t->over && endpoint_port(&t->relayed))
		say_goodbye(t);
	else
		turn_free(t);
}

void turn_stop(struct event_base *base)
{
	const struct timeval wait = { .tv_usec = STOP_MS * 1000 };
	uint64_t end = stun_now() + STOP_MS;

	if (leaving)
		event_base_loopexit(base, &wait);
	while (leaving && stun_now() < end)
		if (event_base_loop(base, EVLOOP_ONCE))
			break;
	while (leaving)
		turn_free(leaving);
}
