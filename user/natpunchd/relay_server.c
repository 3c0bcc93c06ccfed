// SPDX-License-Identifier: GPL-2.0
/*
 * Our end of a relay: an allocation at one of our servers or, if only the peer has
 * one, a socket from which its allocation is reached. Owns a relay's turn and wire.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "relay_private.h"

/* --- a server of ours ------------------------------------------------------ */

static void on_ready(void *data)
{
	relay_served(data);
}

/* The server after this one is tried, as long as nothing was agreed on. */
static void on_failed(void *data, const char *why)
{
	char text[SESSION_REASON_SIZE];
	struct relay *r = data;

	snprintf(text, sizeof(text), "%.80s: %.70s", r->server, why);
	if (r->state != RELAY_ALLOCATING) {
		relay_fail(r, text);
		return;
	}
	log_warning("relay %s", text);
	snprintf(r->unserved, sizeof(r->unserved), "%s", text);
	r->n_server++;
	r->broken = true;
	relay_arm(r, 0);
}

static const struct turn_events turn_events = {
	.ready = on_ready, .packet = relay_on_packet, .failed = on_failed,
};

/* What a server gives is IPv4's, but it may be reached otherwise. */
static const union endpoint *server_addr(const struct relay *r)
{
	const struct gateway *gw = r->path->gateway;
	const struct stun_server *server = &gw->relays[r->n_server];

	return !gw->address.sa.sa_family && endpoint_port(&server->addr6) ?
	       &server->addr6 : &server->addr;
}

static struct turn *open_turn(struct relay *r, const struct conf_server *conf)
{
	struct gateway *gw = r->path->gateway;
	char host[256], buf[TURN_WORD_SIZE] = "";
	struct wire_server server = {
		.kind = conf->tls ? WIRE_TLS : conf->tcp ? WIRE_TCP : WIRE_UDP,
		.addr = *server_addr(r),
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

/* --- without one of ours --------------------------------------------------- */

static void on_message(void *data, const uint8_t *message, size_t len)
{
	struct relay *r = data;

	relay_on_packet(r, &r->remote, message, len);
}

static void on_end(void *data, const char *why)
{
	char text[SESSION_REASON_SIZE], addr[ENDPOINT_SIZE];
	struct relay *r = data;

	snprintf(text, sizeof(text), "%s: %.60s",
		 endpoint_str(addr, &r->remote), why);
	if (r->tunnel && r->state != RELAY_OPEN)
		relay_untunnel(r, text);
	else
		relay_fail(r, text);
}

static const struct wire_events wire_events = {
	.message = on_message, .end = on_end,
};

bool relay_server_plain(struct relay *r)
{
	const struct wire_server server = {
		.kind = WIRE_UDP, .addr = r->remote,
	};
	struct gateway *gw = r->path->gateway;

	if (!gateway_leads_out(gw, &r->remote)) {
		relay_fail(r, "our WAN does not reach the peer's");
		return false;
	}
	r->wire = wire_open(gw->daemon->base, &server, &wire_events, r);
	if (!r->wire)
		relay_fail(r, strerror(errno));
	return r->wire;
}

/* --- no server: from IPv6 to IPv6 -------------------------------------------- */

static int open_end(struct relay *r)
{
	const struct gateway *gw = r->path->gateway;
	socklen_t len = sizeof(r->own);

	r->own = gw->address6;
	endpoint_set_port(&r->own, 0);
	r->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0 || bind(r->fd, &r->own.sa, endpoint_len(&r->own)) ||
	    getsockname(r->fd, &r->own.sa, &len))
		return -errno;
	return 0;
}

/* Who serves knows the other end by now. */
static void try_tunnel(struct relay *r)
{
	int err;

	strcpy(r->server, "none, over IPv6");
	if (!relay_tunnels(r->path->gateway))
		err = -EADDRNOTAVAIL;
	else
		err = open_end(r);
	if (err)
		relay_untunnel(r, strerror(-err));
	else if (!r->remote.sa.sa_family || relay_server_tunnel(r))
		relay_served(r);
}

bool relay_server_tunnel(struct relay *r)
{
	const struct wire_server server = {
		.kind = WIRE_UDP, .addr = r->remote, .has_fd = true,
		.fd = r->fd,
	};
	struct gateway *gw = r->path->gateway;

	if (!gateway_leads_out(gw, &r->remote)) {
		relay_untunnel(r, "our WAN does not reach the peer's");
		return false;
	}
	r->fd = -1;
	r->wire = wire_open(gw->daemon->base, &server, &wire_events, r);
	if (!r->wire)
		relay_untunnel(r, strerror(errno));
	return r->wire;
}

/* --- either ---------------------------------------------------------------- */

void relay_server_try(struct relay *r)
{
	const struct conf *conf = r->path->gateway->daemon->conf;
	struct gateway *gw = r->path->gateway;
	const char *why;

	r->state = RELAY_ALLOCATING;
	if (r->tunnel) {
		try_tunnel(r);
		return;
	}
	for (; r->n_server < gw->n_relays && r->n_server < conf->relays.n;
	     r->n_server++) {
		snprintf(r->server, sizeof(r->server), "%s",
			 conf->relays.item[r->n_server].host);
		why = "its name is not known";
		if (endpoint_port(server_addr(r))) {
			r->turn = open_turn(r,
					    &conf->relays.item[r->n_server]);
			if (r->turn)
				return;
			why = strerror(errno);
		}
		log_warning("relay %s: %s", r->server, why);
		snprintf(r->unserved, sizeof(r->unserved), "%.80s: %.70s",
			 r->server, why);
	}
	if (!*r->unserved)
		strcpy(r->unserved, "this site has no server for it");
	relay_unserved(r);
}

void relay_server_peer(struct relay *r)
{
	if (r->turn && r->any_port)
		turn_permit(r->turn, &r->remote);
	else if (r->turn)
		turn_bind(r->turn, &r->remote);
}

void relay_server_send(struct relay *r, const void *head, size_t head_len,
		       const void *body, size_t len)
{
	if (r->wire)
		wire_send(r->wire, head, head_len, body, len);
	else if (r->turn && !r->any_port)
		turn_send(r->turn, &r->remote, head, head_len, body, len);
}

void relay_server_close(struct relay *r)
{
	turn_close(r->turn);
	r->turn = NULL;
	wire_close(r->wire);
	r->wire = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}
