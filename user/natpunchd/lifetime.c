// SPDX-License-Identifier: GPL-2.0
/* Lifetimes of mappings; see lifetime.h. Owns the file lifetimes.json. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../stun/stun-socket.h"
#include "conf.h"
#include "lifetime.h"
#include "log.h"
#include "saved.h"

#define FILE_NAME	"lifetimes.json"
#define KNOWN_MAX	64
#define KNOWN_MS	(7 * 24 * 3600 * UINT64_C(1000))
#define LATER_MS	(3600 * UINT64_C(1000))	/* until it is tried again */
#define TRIES		3
#define ANSWER_MS	700
#define START_MS	30000	/* what is guessed of ports has been by then */
#define SHORTEST_S	10	/* keepalive, where the shortest time is too long */

/* Below the lifetimes that are usual. The first is for whether it can be done. */
static const unsigned int times_s[] = { 0, 25, 55, 110, 170, 290, 590 };

#define TIMES	ARRAY_SIZE(times_s)

static const char silent[] = "the STUN server does not answer";

enum phase {
	OPENING,		/* all make their mappings */
	TRYING,			/* does the server send to another one? */
	WAITING,		/* for the next time */
	LOOKING,		/* is that one still there? */
	DOUBTING,		/* is the server? */
};

/* A socket with a mapping; the last one asks for the others. */
struct spare {
	struct lifetime *lifetime;
	struct stun_socket socket;
	struct event *event;
	uint8_t id[NP_STUN_ID];
	bool got;			/* what was asked for last */
	union endpoint local, public;
	union endpoint seen;		/* by that */
};

struct lifetime {
	struct gateway *gateway;
	struct event *timer;
	union endpoint server;
	struct spare spare[TIMES + 1];
	enum phase phase;
	bool knocks;			/* the server sends to others */
	unsigned int at;		/* of times_s */
	unsigned int tries;
	uint64_t opened_ms;
	unsigned int min_s, max_s;
};

static struct spare *asker(struct lifetime *l)
{
	return &l->spare[TIMES];
}

/* --- what is known --------------------------------------------------------- */

static json_t *all(struct gateway *gw)
{
	if (!gw->lifetimes)
		gw->lifetimes = state_load(gw->daemon, FILE_NAME);
	if (!json_is_object(gw->lifetimes)) {
		json_decref(gw->lifetimes);
		gw->lifetimes = json_object();
	}
	return gw->lifetimes;
}

static const char *network(const struct gateway *gw,
			   char buf[INET6_ADDRSTRLEN])
{
	const union endpoint *ep = &gw->seen_as;

	if (ep->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &ep->in.sin_addr, buf, INET6_ADDRSTRLEN);
	else
		*buf = '\0';
	return buf;
}

/* The entry of our network, if it is not too old; false: there is none. */
static bool known(struct gateway *gw, unsigned int *min, unsigned int *max)
{
	char buf[INET6_ADDRSTRLEN];
	json_int_t when, from, to;
	json_t *json = json_object_get(all(gw), network(gw, buf));

	if (!json || json_unpack(json, "{sI, sI, sI}", "when", &when, "min",
				 &from, "max", &to) || from < 0 ||
	    from > 3600 || to < 0 || to > 3600 ||
	    clock_real_ms() - (uint64_t)when > (from || to ? KNOWN_MS :
							    LATER_MS))
		return false;
	*min = (unsigned int)from;
	*max = (unsigned int)to;
	return true;
}

static void remember(struct gateway *gw, unsigned int min, unsigned int max)
{
	char buf[INET6_ADDRSTRLEN];
	json_t *json = all(gw);
	void *oldest;

	json_object_del(json, network(gw, buf));
	while (json_object_size(json) >= KNOWN_MAX) {
		oldest = json_object_iter(json);
		json_object_del(json, json_object_iter_key(oldest));
	}
	json_object_set_new(json, network(gw, buf),
			    json_pack("{sI, sI, sI}", "when",
				      (json_int_t)clock_real_ms(), "min",
				      (json_int_t)min, "max", (json_int_t)max));
	if (state_write(gw->daemon, FILE_NAME, json))
		log_warning(FILE_NAME " can not be written: it will be measured again");
}

/* --- the end --------------------------------------------------------------- */

static void lifetime_free(struct lifetime *l)
{
	struct spare *s;

	for (s = l->spare; s <= asker(l); s++) {
		if (s->event)
			event_free(s->event);
		stun_socket_close(&s->socket);
	}
	if (l->timer)
		event_free(l->timer);
	l->gateway->lifetime = NULL;
	free(l);
}

static unsigned int keepalive_s(unsigned int min_s, unsigned int max_s)
{
	if (!min_s && !max_s)
		return LIFETIME_UNKNOWN_S;
	return min_s ? min_s / 2 : SHORTEST_S;
}

static void measured(struct lifetime *l)
{
	struct gateway *gw = l->gateway;

	log_info("NATs upstream remember an idle UDP mapping for %u s%s: it is kept alive every %u s",
		 l->min_s, l->max_s ? "" : " or more",
		 keepalive_s(l->min_s, l->max_s));
	remember(gw, l->min_s, l->max_s);
	lifetime_free(l);
}

/* Not for now; nor again for some time. */
static void not_measured(struct lifetime *l, const char *why)
{
	log_info("how long NATs upstream remember UDP mappings is not known: %s",
		 why);
	remember(l->gateway, 0, 0);
	lifetime_free(l);
}

/* --- asking ---------------------------------------------------------------- */

static void arm(struct lifetime *l, uint64_t ms)
{
	const struct timeval t = { .tv_sec = (time_t)(ms / 1000),
				   .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(l->timer, &t);
}

static void transmit(struct spare *from, const struct stun_message *m)
{
	struct sockaddr_storage to = {};

	memcpy(&to, &from->lifetime->server, sizeof(from->lifetime->server));
	stun_send(&from->socket, m->data, m->len, &to, 0);
}

/* From now on nothing else counts. */
static void begin_request(struct spare *s, struct stun_message *m)
{
	stun_begin_request(m, STUN_RFC5389);
	memcpy(s->id, m->data + 4, NP_STUN_ID);
	s->got = false;
}

static void ask(struct spare *s)
{
	struct stun_message m;

	begin_request(s, &m);
	transmit(s, &m);
}

/* Have the server send to that mapping. */
static void knock(struct spare *s)
{
	uint16_t port = endpoint_port(&s->public);
	const uint8_t value[4] = { (uint8_t)(port >> 8), (uint8_t)port };
	struct stun_message m;

	begin_request(s, &m);
	stun_add(&m, STUN_A_RESPONSE_PORT, value, sizeof(value));
	transmit(asker(s->lifetime), &m);
}

static void on_packet(struct stun_socket *socket, const uint8_t *data,
		      size_t len, const struct sockaddr_storage *from)
{
	struct spare *s = socket->data;
	struct sockaddr_storage ss;
	struct np_stun_msg msg;

	(void)from;
	if (stun_parse(&msg, data, len) != NP_STUN_OK ||
	    msg.type != NP_STUN_BINDING_SUCCESS ||
	    memcmp(msg.id, s->id, NP_STUN_ID) ||
	    !stun_sockaddr(&ss, np_stun_mapped(&msg)))
		return;
	memcpy(&s->seen, &ss, sizeof(s->seen));
	s->got = true;
}

static void on_readable(evutil_socket_t fd, short what, void *data)
{
	struct spare *s = data;

	(void)fd;
	(void)what;
	stun_socket_ready(&s->socket, POLLIN | POLLERR);
}

/* --- step by step, ANSWER_MS each ------------------------------------------ */

static bool all_have_one(struct lifetime *l)
{
	struct spare *s;

	for (s = l->spare; s <= asker(l); s++) {
		if (!s->got)
			return false;
		s->public = s->seen;
	}
	return true;
}

static bool same_address(struct lifetime *l)
{
	const struct in_addr first = l->spare[0].public.in.sin_addr;
	struct spare *s;

	for (s = l->spare; s <= asker(l); s++)
		if (s->public.in.sin_addr.s_addr != first.s_addr)
			return false;
	return true;
}

/* A mapping that is made anew has another port, mostly: not so if it is ours. */
static bool ports_differ(struct lifetime *l)
{
	struct spare *s;

	for (s = l->spare; s <= asker(l); s++)
		if (endpoint_port(&s->public) == endpoint_port(&s->local))
			return false;
	return true;
}

static void wait_for_next(struct lifetime *l)
{
	uint64_t due = l->opened_ms, now = clock_ms();

	if (++l->at == TIMES) {
		measured(l);
		return;
	}
	due += (uint64_t)times_s[l->at] * 1000;
	l->phase = WAITING;
	arm(l, due > now ? due - now : 0);
}

static void open_mappings(struct lifetime *l)
{
	struct spare *s;

	if (!l->tries) {
		l->opened_ms = clock_ms() + ANSWER_MS;
	} else if (all_have_one(l)) {
		if (!same_address(l)) {
			not_measured(l, "they use several addresses");
			return;
		}
		l->phase = TRYING;
		l->tries = 0;
		arm(l, 0);
		return;
	}
	if (l->tries++ == TRIES) {
		not_measured(l, silent);
		return;
	}
	for (s = l->spare; s <= asker(l); s++)
		if (!s->got)
			ask(s);
	arm(l, ANSWER_MS);
}

static void try_to_knock(struct lifetime *l)
{
	if (l->tries && l->spare[0].got) {
		l->knocks = true;
		wait_for_next(l);
	} else if (l->tries++ < TRIES) {
		knock(&l->spare[0]);
		arm(l, ANSWER_MS);
	} else if (ports_differ(l)) {
		wait_for_next(l);
	} else {
		not_measured(l, "the STUN server does not send to another port (RESPONSE-PORT), and NATs keep ours");
	}
}

static void is_gone(struct lifetime *l)
{
	l->max_s = times_s[l->at];
	measured(l);
}

static void look(struct lifetime *l)
{
	struct spare *s = &l->spare[l->at];

	if (l->tries && s->got) {
		if (!l->knocks && !endpoint_equal(&s->seen, &s->public)) {
			is_gone(l);
			return;
		}
		l->min_s = times_s[l->at];
		wait_for_next(l);
	} else if (l->tries++ < TRIES) {
		if (l->knocks)
			knock(s);
		else
			ask(s);
		arm(l, ANSWER_MS);
	} else if (l->knocks) {
		l->phase = DOUBTING;
		l->tries = 0;
		arm(l, 0);
	} else {
		not_measured(l, silent);
	}
}

/* Nothing has come. Would it, to a mapping that is fresh? */
static void doubt(struct lifetime *l)
{
	struct spare *s = &l->spare[0];

	if (l->tries > 1 && s->got) {
		is_gone(l);
		return;
	}
	if (l->tries > TRIES) {
		not_measured(l, silent);
		return;
	}
	if (l->tries++)
		knock(s);
	else
		ask(s);
	arm(l, ANSWER_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct lifetime *l = data;

	(void)fd;
	(void)what;
	switch (l->phase) {
	case OPENING:
		open_mappings(l);
		break;
	case TRYING:
		try_to_knock(l);
		break;
	case WAITING:
		l->phase = LOOKING;
		l->tries = 0;
		look(l);
		break;
	case LOOKING:
		look(l);
		break;
	case DOUBTING:
		doubt(l);
		break;
	}
}

/* --- the whole ------------------------------------------------------------- */

static int open_spare(struct lifetime *l, struct spare *s)
{
	struct sockaddr_storage local = {};
	int err;

	memcpy(&local, &l->gateway->address, sizeof(l->gateway->address));
	err = stun_udp_open(&s->socket, &local, NULL);
	if (err)
		return err;
	s->lifetime = l;
	s->socket.data = s;
	s->socket.on_packet = on_packet;
	err = stun_socket_name(&s->socket, &local);
	memcpy(&s->local, &local, sizeof(s->local));
	s->event = event_new(l->gateway->daemon->base, s->socket.fd,
			     EV_READ | EV_PERSIST, on_readable, s);
	if (!err && (!s->event || event_add(s->event, NULL)))
		err = -ENOMEM;
	return err;
}

static const struct stun_server *find_server(const struct gateway *gw)
{
	unsigned int i;

	for (i = 0; i < gw->n_servers; i++)
		if (gw->servers[i].addr.sa.sa_family ==
		    gw->address.sa.sa_family)
			return &gw->servers[i];
	return NULL;
}

static void start(struct gateway *gw)
{
	const struct stun_server *server = find_server(gw);
	struct lifetime *l = server ? calloc(1, sizeof(*l)) : NULL;
	struct spare *s;
	int err = 0;

	if (!l)
		return;
	gw->lifetime = l;
	l->gateway = gw;
	l->server = server->addr;
	for (s = l->spare; s <= asker(l); s++)
		s->socket.fd = -1;
	for (s = l->spare; s <= asker(l) && !err; s++)
		err = open_spare(l, s);
	l->timer = evtimer_new(gw->daemon->base, on_timer, l);
	if (err || !l->timer)
		lifetime_free(l);
	else
		arm(l, START_MS);
}

static bool is_here(const struct gateway *gw, const union endpoint *public)
{
	return gw->seen_as.sa.sa_family == public->sa.sa_family &&
	       gw->seen_as.in.sin_addr.s_addr == public->in.sin_addr.s_addr;
}

void lifetime_want(struct gateway *gw, const union endpoint *public)
{
	unsigned int min, max;

	if (public->sa.sa_family != AF_INET ||
	    gw->address.sa.sa_family != AF_INET)
		return;
	if (!is_here(gw, public) && gw->lifetime)
		lifetime_free(gw->lifetime);
	gw->seen_as = *public;
	if (!gw->lifetime && !gw->daemon->conf->udp_keepalive &&
	    !known(gw, &min, &max))
		start(gw);
}

unsigned int lifetime_keepalive_s(const struct daemon *d)
{
	unsigned int min, max;

	if (d->conf->udp_keepalive)
		return (unsigned int)d->conf->udp_keepalive;
	if (!d->gateway || !known(d->gateway, &min, &max))
		return LIFETIME_UNKNOWN_S;
	return keepalive_s(min, max);
}

json_t *lifetime_show(const struct daemon *d)
{
	unsigned int min = 0, max = 0;
	char buf[INET6_ADDRSTRLEN];
	const char *state;
	json_t *json;

	if (!d->gateway)
		return json_null();
	known(d->gateway, &min, &max);
	state = d->conf->udp_keepalive ? "configured" :
		d->gateway->lifetime ? "measuring" :
		min || max ? "measured" : "unknown";
	json = json_pack("{ss, ss, si}", "network", network(d->gateway, buf),
			 "state", state, "keepalive",
			 (int)lifetime_keepalive_s(d));
	if (min || max)
		json_object_set_new(json, "min", json_integer(min));
	if (max)
		json_object_set_new(json, "max", json_integer(max));
	return json;
}

void lifetime_close(struct gateway *gw)
{
	if (gw->lifetime)
		lifetime_free(gw->lifetime);
	json_decref(gw->lifetimes);
	gw->lifetimes = NULL;
}
