// SPDX-License-Identifier: GPL-2.0
/* The socket of a channel, its endpoints and its checks; see channel.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel_private.h"
#include "log.h"
#include "session.h"

#define RESOLVING_MS	50	/* look again whether names are resolved */
#define CHANNEL_KEEPALIVE_S 25	/* if nothing is known */
#define LOOKING_MS	3000	/* from one look for the peer to the next */
#define DEFAULT_HOPS	1	/* to the NAT in front, if nobody tells */

/* A server that is up answers at once. */
static const struct stun_timing ask_timing = {
	.rto = 250, .tries = 3, .last = 5,
};

/* 0, 250, 750, 1750, 3750 ms; given up after 5.75 s. */
static const struct stun_timing check_timing = {
	.rto = 250, .tries = 5, .last = 8,
};

static const char no_wan[] = "there is no WAN with an address";

static void arm(struct channel *c, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(c->timer, &t);
}

static const struct outside_ops *outside(const struct channel *c)
{
	return c->daemon->path->outside;
}

static unsigned int keepalive_ms(const struct channel *c)
{
	return 1000 * (outside(c) ? outside(c)->keepalive_s(c->daemon) :
				    CHANNEL_KEEPALIVE_S);
}

/* --- the loop -------------------------------------------------------------- */

static void on_event(evutil_socket_t fd, short what, void *data);

/* What the socket waits for. */
void channel_watch(struct channel *c)
{
	uint64_t now = stun_now(), deadline;
	struct timeval left = {};

	if (c->busy || c->socket.fd < 0)
		return;
	event_del(c->event);
	event_assign(c->event, c->daemon->base, c->socket.fd, EV_READ,
		     on_event, c);
	deadline = stun_socket_deadline(&c->socket);
	if (deadline != STUN_NEVER && deadline > now) {
		left.tv_sec = (time_t)((deadline - now) / 1000);
		left.tv_usec = (suseconds_t)((deadline - now) % 1000 * 1000);
	}
	event_add(c->event, deadline == STUN_NEVER ? NULL : &left);
}

/* The owner may free it from within: then it is done here. */
static void end_busy(struct channel *c)
{
	c->busy = false;
	if (c->dead)
		channel_free(c);
	else
		channel_watch(c);
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	struct channel *c = data;

	(void)fd;
	c->busy = true;
	if (what & EV_READ)	/* errors come so, too */
		stun_socket_ready(&c->socket, POLLIN | POLLERR);
	stun_socket_tick(&c->socket, stun_now());
	end_busy(c);
}

static void to_sockaddr(struct sockaddr_storage *ss, const union endpoint *ep)
{
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, ep, sizeof(*ep));
}

void channel_sign(const struct channel *c, struct stun_message *m)
{
	stun_add_integrity(m, c->key, strlen(c->key));
	stun_add_fingerprint(m);
}

bool channel_is_signed(const struct channel *c, const uint8_t *data,
		       size_t len)
{
	return stun_fingerprint_is_right(data, len) &&
	       stun_integrity_is_right(data, len, c->key, strlen(c->key));
}

void channel_request(struct channel *c, struct stun_request *r,
		     const union endpoint *to, const struct stun_timing *timing,
		     stun_answer_fn *done)
{
	to_sockaddr(&r->to, to);
	r->timing = *timing;
	r->done = done;
	stun_request_send(&c->socket, r);
	channel_watch(c);
}

/* --- checks ---------------------------------------------------------------- */

static void went_down(struct channel *c)
{
	bool was = c->up;

	c->up = false;
	channel_drop_messages(c);
	if (was && !c->dead)
		c->ops->changed(c->data);
}

static void came_up(struct channel *c, const union endpoint *remote,
		    unsigned int rtt_ms)
{
	bool news = !c->up || !endpoint_equal(&c->peer, remote);

	c->peer = *remote;
	c->rtt_ms = rtt_ms;
	c->up = true;
	c->connecting = true;
	if (news && !c->dead)
		c->ops->changed(c->data);
}

static void on_check(struct stun_request *request,
		     const struct stun_answer *answer)
{
	struct remote *r = request->data;
	struct channel *c = r->channel;

	if (answer->outcome == STUN_ANSWERED &&
	    channel_is_signed(c, answer->data, answer->len))
		came_up(c, &r->ep, answer->rtt);
	else if (c->up && endpoint_equal(&c->peer, &r->ep))
		channel_lost(c);
}

static void check(struct channel *c, struct remote *r)
{
	struct stun_message *m = &r->request.message;

	if (r->request.socket)
		return;		/* one is on its way */
	stun_begin_request(m, STUN_RFC5389);
	channel_add_role(c, m);
	channel_sign(c, m);
	r->request.data = r;
	channel_request(c, &r->request, &r->ep, &check_timing, on_check);
}

static void check_all(struct channel *c)
{
	unsigned int i;

	for (i = 0; i < c->n_remote; i++)
		check(c, &c->remote[i]);
}

void channel_lost(struct channel *c)
{
	went_down(c);
	if (!c->dead)
		check_all(c);
}

/* The last place is for whoever is found elsewhere. */
static struct remote *add_remote(struct channel *c, const union endpoint *ep,
				 bool found)
{
	struct remote *r;
	unsigned int i;

	for (i = 0; i < c->n_remote; i++)
		if (endpoint_equal(&c->remote[i].ep, ep))
			return &c->remote[i];
	if (i == CHANNEL_REMOTES - 1 && !found)
		return NULL;
	if (i == CHANNEL_REMOTES)
		i--;
	r = &c->remote[i];
	if (r->request.socket)
		return NULL;
	r->ep = *ep;
	r->channel = c;
	if (i == c->n_remote)
		c->n_remote++;
	return r;
}

static bool leads_out(const struct channel *c, const union endpoint *ep)
{
	return ep->sa.sa_family == c->local.sa.sa_family &&
	       (!outside(c) || outside(c)->leads_out(c->daemon, ep));
}

static void respond(struct channel *c, const struct np_stun_msg *msg,
		    const struct sockaddr_storage *to)
{
	struct stun_message m;

	stun_begin(&m, NP_STUN_BINDING_SUCCESS, msg->id);
	stun_add_xor_addr(&m, NP_STUN_A_XOR_MAPPED, (const void *)to);
	channel_sign(c, &m);
	stun_send(&c->socket, m.data, m.len, to, 0);
}

/* He is where we did not know: is he there himself, or does somebody repeat him? */
static void look_there(struct channel *c, const union endpoint *from)
{
	struct remote *r;

	if (c->up && endpoint_equal(&c->peer, from))
		return;
	r = leads_out(c, from) ? add_remote(c, from, true) : NULL;
	if (r)
		check(c, r);
}

static void on_packet(struct stun_socket *s, const uint8_t *data, size_t len,
		      const struct sockaddr_storage *ss)
{
	struct channel *c = s->data;
	union endpoint from = {};
	struct np_stun_msg msg;

	memcpy(&from, ss, sizeof(from));
	if (c->dead || stun_parse(&msg, data, len) != NP_STUN_OK ||
	    msg.type != NP_STUN_BINDING_REQUEST ||
	    !channel_is_of_peer(c, data, len) ||
	    !channel_is_signed(c, data, len))
		return;
	/* What it says would be answered: not before we know where it is. */
	if (c->up || !channel_is_piece(data, len))
		respond(c, &msg, ss);
	look_there(c, &from);
	if (c->up)
		channel_take_piece(c, data, len);
}

/* --- while it lasts -------------------------------------------------------- */

/* They pass our NATs and die behind them. */
static void open_nats(struct channel *c)
{
	int ttl = c->upstream ? (int)c->nat_hops + 1 : 1;
	struct stun_message m;
	struct sockaddr_storage to;
	unsigned int i;

	stun_begin_request(&m, STUN_RFC5389);
	m.data[1] = 0x11;	/* an indication: nobody is to answer */
	stun_add_fingerprint(&m);
	for (i = 0; i < c->n_remote; i++) {
		to_sockaddr(&to, &c->remote[i].ep);
		stun_send(&c->socket, m.data, m.len, &to, ttl);
	}
}

/* A mapping that nobody was sent by for long is forgotten. */
static void refresh(struct channel *c)
{
	struct sockaddr_storage to;
	struct stun_message m;

	if (!c->upstream)
		return;
	stun_begin_request(&m, STUN_RFC5389);
	to_sockaddr(&to, &c->server);
	stun_send(&c->socket, m.data, m.len, &to, 0);
}

static void begin(struct channel *c);

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct channel *c = data;
	struct remote *r;

	(void)fd;
	(void)what;
	if (!c->ready) {
		begin(c);
		return;
	}
	c->busy = true;
	arm(c, c->connecting && !c->up ? LOOKING_MS : keepalive_ms(c));
	if (c->up) {
		r = add_remote(c, &c->peer, true);
		if (r)
			check(c, r);
	} else if (c->connecting) {
		check_all(c);
	} else {
		refresh(c);
		/* Behind such NATs nobody knows where to find us. */
		if (c->dependent)
			check_all(c);
		else
			open_nats(c);
	}
	end_busy(c);
}

/* --- where we are ---------------------------------------------------------- */

static void fail(struct channel *c, const char *why)
{
	c->ops->failed(c->data, why);
}

static void is_ready(struct channel *c)
{
	c->ready = true;
	arm(c, keepalive_ms(c));
	c->ops->ready(c->data);
}

static void on_hops(void *data, unsigned int hops)
{
	struct channel *c = data;

	outside(c)->forget(c->hops);
	c->hops = NULL;
	c->nat_hops = hops ? hops : DEFAULT_HOPS;
	c->busy = true;
	is_ready(c);
	end_busy(c);
}

/* All have answered, or will not. */
static void located(struct channel *c)
{
	if (!endpoint_port(&c->public))
		c->public = c->local;
	c->upstream = !endpoint_equal(&c->public, &c->local);
	c->nat_hops = DEFAULT_HOPS;
	if (c->upstream && !c->asks)
		c->hops = outside(c)->measure(c->daemon, &c->server, on_hops,
					      c);
	if (!c->hops)
		is_ready(c);
}

static void on_location(struct stun_request *request,
			const struct stun_answer *answer)
{
	struct channel *c = request->data;
	struct sockaddr_storage ss;
	union endpoint public = {};

	c->n_asked--;
	if (answer->outcome == STUN_ANSWERED &&
	    stun_sockaddr(&ss, np_stun_mapped(&answer->msg))) {
		memcpy(&public, &ss, sizeof(public));
		if (!endpoint_port(&c->public)) {
			c->public = public;
			memcpy(&c->server, &request->to, sizeof(c->server));
		} else if (!endpoint_equal(&c->public, &public)) {
			c->dependent = true;
		}
	}
	if (!c->n_asked && !c->dead)
		located(c);
}

static void ask_servers(struct channel *c)
{
	union endpoint server[OUTSIDE_SERVERS];
	unsigned int i, n = 0;

	if (outside(c))
		n = outside(c)->servers(c->daemon, server);
	for (i = 0; i < n; i++) {
		if (server[i].sa.sa_family != c->local.sa.sa_family)
			continue;
		stun_begin_request(&c->ask[i].message, STUN_RFC5389);
		c->ask[i].data = c;
		c->n_asked++;
		channel_request(c, &c->ask[i], &server[i], &ask_timing,
				on_location);
	}
	if (c->n_asked)
		return;
	if (outside(c))
		log_warning("no STUN server can be asked: NATs upstream will not be known");
	located(c);
}

/* Without natpunch: where the default route leaves (RFC 5737's is nobody's). */
static bool look_at_routes(union endpoint *ep)
{
	const struct sockaddr_in nobody = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(0xc0000201),	/* 192.0.2.1 */
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ep);
	bool known;

	if (fd < 0)
		return false;
	known = !connect(fd, (const void *)&nobody, sizeof(nobody)) &&
		!getsockname(fd, &ep->sa, &len);
	close(fd);
	return known;
}

static bool find_address(const struct channel *c, union endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	if (outside(c) && outside(c)->address(c->daemon, ep))
		return true;
	return look_at_routes(ep);
}

static int open_socket(struct channel *c, const union endpoint *at)
{
	struct sockaddr_storage local;
	int err;

	to_sockaddr(&local, at);
	err = stun_udp_open(&c->socket, &local, NULL);
	if (err)
		return err;
	c->socket.data = c;
	c->socket.on_packet = on_packet;
	err = stun_socket_name(&c->socket, &local);
	memcpy(&c->local, &local, sizeof(c->local));
	return err;
}

static void begin(struct channel *c)
{
	union endpoint at;
	int err;

	if (outside(c) && !outside(c)->is_ready(c->daemon)) {
		arm(c, RESOLVING_MS);
		return;
	}
	c->busy = true;
	if (!find_address(c, &at)) {
		fail(c, no_wan);
	} else {
		endpoint_set_port(&at, 0);
		err = open_socket(c, &at);
		if (err)
			fail(c, strerror(-err));
		else
			ask_servers(c);
	}
	end_busy(c);
}

/* --- for the owner --------------------------------------------------------- */

struct channel *channel_open(struct daemon *d, bool asks, const char *key,
			     const union endpoint *local,
			     const struct channel_ops *ops, void *data)
{
	struct channel *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return NULL;
	c->daemon = d;
	c->asks = asks;
	c->ops = ops;
	c->data = data;
	c->socket.fd = -1;
	strcpy(c->key, key);
	c->timer = evtimer_new(d->base, on_timer, c);
	c->event = event_new(d->base, -1, 0, on_event, c);
	if (!c->timer || !c->event)
		goto fail;
	if (local) {
		err = open_socket(c, local);
		if (err)
			goto fail;
		c->public = *local;
		c->ready = true;
		channel_watch(c);
	}
	arm(c, 0);
	return c;
fail:
	channel_free(c);
	errno = -err;
	return NULL;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	c->dead = true;
	if (c->busy)
		return;
	channel_drop_messages(c);
	if (c->hops)
		outside(c)->forget(c->hops);
	stun_socket_close(&c->socket);
	if (c->event)
		event_free(c->event);
	if (c->timer)
		event_free(c->timer);
	free(c->in.data);
	free(c);
}

void channel_endpoints(const struct channel *c, json_t *into)
{
	char public[ENDPOINT_SIZE], local[ENDPOINT_SIZE];

	endpoint_str(public, &c->public);
	endpoint_str(local, &c->local);
	json_object_set_new(into, "at", c->upstream ?
			    json_pack("[s, s]", public, local) :
			    json_pack("[s]", local));
	json_object_set_new(into, "dependent", json_boolean(c->dependent));
}

bool channel_peer_at(struct channel *c, const json_t *from)
{
	const json_t *at = json_object_get(from, "at"), *json;
	union endpoint ep;
	const char *s;
	size_t i;

	c->peer_dependent = json_is_true(json_object_get(from, "dependent"));
	json_array_foreach(at, i, json) {
		s = json_string_value(json);
		if (s && endpoint_parse(&ep, s) && endpoint_port(&ep) &&
		    leads_out(c, &ep))
			add_remote(c, &ep, false);
	}
	if (c->ready)
		arm(c, 0);
	return c->n_remote;
}

void channel_connect(struct channel *c)
{
	c->connecting = true;
	arm(c, 0);
}

bool channel_is_up(const struct channel *c)
{
	return c->up;
}

unsigned int channel_rtt_ms(const struct channel *c)
{
	return c->rtt_ms;
}

const union endpoint *channel_local(const struct channel *c)
{
	return &c->local;
}

const union endpoint *channel_remote(const struct channel *c)
{
	return &c->peer;
}

bool channel_looks_hopeless(const struct channel *c)
{
	return c->dependent && c->peer_dependent;
}

/* What was on its way is lost; the requests go with the socket. */
void channel_renew(struct channel *c)
{
	union endpoint at;

	if (!c->ready || !outside(c) || outside(c)->is_own(&c->local) ||
	    !find_address(c, &at))
		return;
	endpoint_set_port(&at, endpoint_port(&c->local));
	event_del(c->event);
	channel_drop_messages(c);
	stun_socket_close(&c->socket);
	if (open_socket(c, &at)) {
		endpoint_set_port(&at, 0);
		if (open_socket(c, &at))
			return;
	}
	channel_watch(c);
	channel_connect(c);
}
