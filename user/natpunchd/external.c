// SPDX-License-Identifier: GPL-2.0
/*
 * External endpoints; see external.h.
 *
 * Reservations are for a time, so that none survives us for long. A reservation
 * that ran out lets its mapping live for minutes more; made again meanwhile, it
 * has the same port. It can not be prolonged, and to delete it would end flows.
 *
 * With IPv6 natpunch may translate or not (nat66); our rules and a socket serve both.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "external.h"
#include "log.h"
#include "module.h"
#include "portmap.h"
#include "table.h"

#define LIFE_S		120
#define HIGH_MIN	49152	/* RFC 6335's dynamic ports */
#define HIGH_TRIES	8

static void to_np(struct natpunch_addr *addr, const union endpoint *ep)
{
	addr->family = AF_INET;
	addr->in = ep->in.sin_addr;
}

static void from_np(union endpoint *ep, const struct natpunch_addr *addr,
		    uint16_t port)
{
	memset(ep, 0, sizeof(*ep));
	ep->in.sin_family = AF_INET;
	ep->in.sin_addr = addr->in;
	endpoint_set_port(ep, port);
}

/* A reservation does not say which address it will have; its mapping does. */
static int look_up(struct external *e)
{
	struct natpunch_mapping m = {
		.fields = NATPUNCH_HAS(MAPPING_WAN) |
			  NATPUNCH_HAS(MAPPING_L4PROTO) |
			  NATPUNCH_HAS(MAPPING_INT_ADDR) |
			  NATPUNCH_HAS(MAPPING_INT_PORT),
		.l4proto = e->proto,
		.int_port = endpoint_port(&e->internal),
	};
	int err;

	strcpy(m.wan, e->gateway->wan);
	to_np(&m.int_addr, &e->internal);
	err = natpunch_mapping_get(e->gateway->np, &m, &m);
	if (!err)
		from_np(&e->external, &m.ext_addr, m.ext_port);
	return err;
}

/* One with this external port, 0: any. Who has one already keeps that. */
static int ask_for(struct external *e, uint16_t port)
{
	struct natpunch_reservation r = {
		.fields = NATPUNCH_HAS(RESERVATION_WAN) |
			  NATPUNCH_HAS(RESERVATION_L4PROTO) |
			  NATPUNCH_HAS(RESERVATION_FILTER) |
			  NATPUNCH_HAS(RESERVATION_INT_ADDR) |
			  NATPUNCH_HAS(RESERVATION_INT_PORT) |
			  NATPUNCH_HAS(RESERVATION_EXT_PORT) |
			  NATPUNCH_HAS(RESERVATION_LIFETIME),
		.l4proto = e->proto,
		.filter = NATPUNCH_FILTER_APDF,
		.int_port = endpoint_port(&e->internal),
		.ext_port = port,
		.lifetime = LIFE_S,
	};
	int err;

	strcpy(r.wan, e->gateway->wan);
	to_np(&r.int_addr, &e->internal);
	err = natpunch_reservation_add(e->gateway->np, &r, NULL);
	if (err != -EEXIST)
		return err ? err : look_up(e);
	err = look_up(e);
	if (err != -ENOENT)
		return err;
	/* It was for an address that we had, and no flow is left of it. */
	err = natpunch_reservation_del(e->gateway->np, &r);
	if (!err)
		err = natpunch_reservation_add(e->gateway->np, &r, NULL);
	return err ? err : look_up(e);
}

/*
 * Ports below 1024 are kept below 1024 (RFC 4787 REQ-3a), where we may not bind a
 * socket, and where every scanner looks. Services get a high one.
 */
static int reserve(struct external *e)
{
	int tries, err = -ENOENT;

	if (endpoint_port(&e->external))
		return ask_for(e, endpoint_port(&e->external));
	for (tries = 0; tries < HIGH_TRIES && err; tries++)
		if (endpoint_port(&e->internal) < 1024)
			err = ask_for(e, (uint16_t)(HIGH_MIN +
				      randombytes_uniform(65536 - HIGH_MIN)));
	return err ? ask_for(e, 0) : 0;
}

static void moved(struct external *e, const union endpoint *before)
{
	char buf[ENDPOINT_SIZE];

	log_warning("%s has another external endpoint now",
		    endpoint_str(buf, &e->internal));
	portmap_moved(e);
	if (e->proto != IPPROTO_UDP)
		return;
	table_uncheck(e->gateway->table, before);
	table_check(e->gateway->table, &e->external);
}

static void on_renew(evutil_socket_t fd, short what, void *data)
{
	struct external *e = data;
	union endpoint before = e->external;
	char buf[ENDPOINT_SIZE];
	int err;

	(void)fd;
	(void)what;
	/* Is it still natpunch who translates? If not, all begins anew. */
	if (!e->gateway->np)
		return;
	err = reserve(e);
	if (err)
		module_check(e->gateway->module);
	if (err)
		log_warning("the reservation for %s: %s",
			    endpoint_str(buf, &e->internal),
			    natpunch_strerror(e->gateway->np, err));
	else if (!endpoint_equal(&before, &e->external))
		moved(e, &before);
}

static int keep_reserved(struct external *e)
{
	const struct timeval every = { .tv_sec = LIFE_S / 2 };

	e->renew = event_new(e->gateway->daemon->base, -1, EV_PERSIST,
			     on_renew, e);
	return e->renew && !event_add(e->renew, &every) ? 0 : -ENOMEM;
}

static int bind_socket(struct external *e, const union endpoint *was)
{
	const union endpoint *at;
	socklen_t len = sizeof(e->external);
	int one = 1, err;

	at = gateway_address(e->gateway, e->internal.sa.sa_family);
	if (!at->sa.sa_family)
		return -EADDRNOTAVAIL;
	if (was && endpoint_same_addr(was, at))
		at = was;

	e->fd = socket(at->sa.sa_family, (e->proto == IPPROTO_TCP ? SOCK_STREAM :
				 SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (e->fd < 0)
		return -errno;
	/* Shared with the sockets that ask STUN servers. */
	if (setsockopt(e->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(e->fd, &at->sa, endpoint_len(at)) ||
	    getsockname(e->fd, &e->external.sa, &len)) {
		err = -errno;
		close(e->fd);
		e->fd = -1;
		return err;
	}
	return 0;
}

static struct external *external_new(struct gateway *gw, int proto,
				     const union endpoint *internal,
				     const union endpoint *was, char *why)
{
	struct external *e = calloc(1, sizeof(*e));
	int err;

	snprintf(why, EXTERNAL_WHY, "out of memory");
	if (!e)
		return NULL;
	*e = (struct external) {
		.gateway = gw,
		.proto = proto,
		.internal = *internal,
		.fd = -1,
		.reserved = external_is_natpunch(gw, internal),
		.next = gw->externals,
	};
	err = e->reserved ? reserve(e) : bind_socket(e, was);
	if (err) {
		snprintf(why, EXTERNAL_WHY, "no external endpoint: %s",
			 natpunch_strerror(e->reserved ? gw->np : NULL, err));
		free(e);
		return NULL;
	}
	if (e->reserved && keep_reserved(e)) {
		external_put(e);
		return NULL;
	}
	gw->externals = e;
	if (proto == IPPROTO_UDP)
		table_check(gw->table, &e->external);
	if (!e->reserved)
		table_own(gw->table, proto, &e->external);
	return e;
}

struct external *external_get(struct gateway *gw, int proto,
			      const union endpoint *internal,
			      const union endpoint *was, char *why)
{
	struct external *e;

	for (e = gw->externals; e; e = e->next)
		if (e->proto == proto && endpoint_equal(&e->internal, internal))
			break;
	if (!e)
		e = external_new(gw, proto, internal, was, why);
	if (e)
		e->users++;
	return e;
}

bool external_is_natpunch(const struct gateway *gw,
			  const union endpoint *internal)
{
	return gw->wan[0] && internal->sa.sa_family == AF_INET &&
	       !endpoint_same_addr(internal, &gw->address);
}

bool external_is_quiet(const struct gateway *gw, int proto,
		       const union endpoint *ep)
{
	const struct external *e;

	for (e = gw->externals; e; e = e->next)
		if (!e->reserved && e->proto == proto &&
		    endpoint_equal(&e->external, ep))
			return true;
	return false;
}

void external_put(struct external *e)
{
	struct external **p;

	if (!e || (e->users && --e->users))
		return;
	for (p = &e->gateway->externals; *p; p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	if (e->proto == IPPROTO_UDP && endpoint_port(&e->external))
		table_uncheck(e->gateway->table, &e->external);
	if (!e->reserved)
		table_disown(e->gateway->table, e->proto, &e->external);
	portmap_drop(e);
	/* The reservation runs out: its flows may live. */
	if (e->renew)
		event_free(e->renew);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}
