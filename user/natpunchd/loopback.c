// SPDX-License-Identifier: GPL-2.0
/* Inner endpoints, and who may use them; see loopback.h. */
#define _GNU_SOURCE	/* accept4() */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "external.h"
#include "flow.h"
#include "loopback_private.h"
#include "table.h"
#include "tracked.h"
#include "tun.h"

#define BACKLOG	16

static bool serves(const struct loopback *l)
{
	return l->path->session->role == SESSION_SERVES;
}

const union endpoint *loopback_inner(const struct loopback *l)
{
	return &l->inner;
}

const union endpoint *loopback_target(const struct loopback *l)
{
	return serves(l) ? &l->outer : &l->inner;
}

/* --- who may ----------------------------------------------------------------- */

/*
 * The table has seen to it already. Should somebody have flushed it: conntrack
 * knows whom it has translated, and what is relayed comes from our TUN device.
 */
bool loopback_admits(const struct loopback *l, const union endpoint *from)
{
	const struct path *p = l->path;
	const struct flow *f;
	struct tracked t;
	unsigned int number;

	if (!serves(l))
		return true;
	if (tun_number(&number, from))
		return p->relay;
	if (p->external && !tracked_get(p->gateway->tracker, p->session->proto,
					from, &p->external->external, &t))
		return true;
	for (f = p->flows; f; f = f->next)
		if ((f->came || f->state == FLOW_LIVE) &&
		    endpoint_equal(&f->src, from))
			return true;
	return false;
}

/* --- sockets ----------------------------------------------------------------- */

static int bound(int proto, union endpoint *ep)
{
	socklen_t len = sizeof(*ep);
	int one = 1, fd, err;

	fd = socket(ep->sa.sa_family, (proto == IPPROTO_TCP ? SOCK_STREAM :
		    SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* TCP: those that ended a moment ago are not in the way. */
	if ((proto == IPPROTO_TCP &&
	     setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))) ||
	    bind(fd, &ep->sa, endpoint_len(ep)) ||
	    getsockname(fd, &ep->sa, &len)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Where it was before, if nobody has taken it: flows that live go on. */
static int bind_inner(struct loopback *l, const union endpoint *was)
{
	int proto = l->path->session->proto, fd = -1;

	if (was && endpoint_port(was)) {
		l->inner = *was;
		fd = bound(proto, &l->inner);
	}
	if (fd >= 0)
		return fd;
	l->inner = *gateway_address(l->path->gateway,
				    l->outer.sa.sa_family);
	if (!l->inner.sa.sa_family)
		return -EADDRNOTAVAIL;
	endpoint_set_port(&l->inner, 0);
	return bound(proto, &l->inner);
}

static void on_ready(evutil_socket_t fd, short what, void *data)
{
	union endpoint from = {};
	socklen_t len = sizeof(from);
	struct loopback *l = data;
	int sock;

	(void)what;
	if (l->path->session->proto == IPPROTO_UDP) {
		loopback_datagrams(l);
		return;
	}
	sock = accept4(fd, &from.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock >= 0)
		loopback_stream(l, sock, &from);
}

int loopback_listen(struct loopback *l)
{
	if (l->path->session->proto == IPPROTO_TCP && listen(l->fd, BACKLOG))
		return -errno;
	return event_add(l->event, NULL) ? -ENOMEM : 0;
}

static int set_up(struct loopback *l, const union endpoint *was)
{
	struct path *p = l->path;
	int fd = bind_inner(l, was);

	if (fd < 0)
		return fd;
	if (serves(l)) {
		l->fd = fd;
	} else {
		l->keeper = fd;
		l->fd = bound(p->session->proto, &l->outer);
		if (l->fd < 0)
			return l->fd;
	}
	l->event = event_new(p->gateway->daemon->base, l->fd,
			     EV_READ | EV_PERSIST, on_ready, l);
	if (!l->event)
		return -ENOMEM;
	return serves(l) ? loopback_listen(l) : 0;
}

struct loopback *loopback_open(struct path *p, const union endpoint *outer,
			       const union endpoint *was, char *why)
{
	struct loopback *l = calloc(1, sizeof(*l));
	char s[ENDPOINT_SIZE];
	int err;

	snprintf(why, EXTERNAL_WHY, "out of memory");
	if (!l)
		return NULL;
	l->path = p;
	l->outer = *outer;
	l->fd = -1;
	l->keeper = -1;
	err = set_up(l, was);
	if (err) {
		snprintf(why, EXTERNAL_WHY, "%s: %s", endpoint_str(s, outer),
			 strerror(-err));
		loopback_close(l);
		return NULL;
	}
	table_own(p->gateway->table, p->session->proto, &l->inner);
	return l;
}

void loopback_close(struct loopback *l)
{
	if (!l)
		return;
	loopback_end_streams(l);
	loopback_end_exchanges(l);
	if (endpoint_port(&l->inner))
		table_disown(l->path->gateway->table, l->path->session->proto,
			     &l->inner);
	if (l->event)
		event_free(l->event);
	if (l->fd >= 0)
		close(l->fd);
	if (l->keeper >= 0)
		close(l->keeper);
	free(l);
}
