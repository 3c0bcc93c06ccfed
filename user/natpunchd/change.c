// SPDX-License-Identifier: GPL-2.0
/* Address events, over libmnl; see change.h. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "change.h"
#include "external.h"
#include "log.h"
#include "path.h"

#define SETTLE_MS	500	/* natpunch is told, too; DHCP does several things */
#define BROKER_TRIES	20	/* so many times that, to be at a broker again */
#define BUFFER_SIZE	8192

struct change {
	struct gateway *gateway;
	struct mnl_socket *nl;
	struct event *event, *timer;
	union endpoint was, was6;	/* the addresses before */
	unsigned int tries;
};

static bool has_moved(const struct session *s)
{
	const struct path *p = s->path;

	return p && p->external && !gateway_is_own(&p->external->external);
}

/* It does without one so far. */
static bool has_come(const struct session *s)
{
	const struct path *p = s->path;

	return p && s->local && !p->external && path_address(p)->sa.sa_family;
}

static void begin_anew(struct session *s)
{
	const struct path *p = s->path;
	char was[ENDPOINT_SIZE];

	session_lost(s, "our address has changed, %s is no longer ours",
		     endpoint_str(was, &p->external->external));
}

static void arm(struct change *c, unsigned int ms)
{
	const struct timeval t = { .tv_usec = ms * 1000 };

	evtimer_add(c->timer, &t);
}

/*
 * While there is no address nothing can be done: it may be the same again. Peers
 * are told by way of the brokers, and those connections are of the old address.
 */
static void on_settled(evutil_socket_t fd, short what, void *data)
{
	struct change *c = data;
	struct gateway *gw = c->gateway;
	struct session *s;

	(void)fd;
	(void)what;
	if (!gateway_look(gw))
		return;
	if ((c->was.sa.sa_family && !gateway_is_own(&c->was)) ||
	    (c->was6.sa.sa_family && !gateway_is_own(&c->was6))) {
		c->tries = 0;
		rendezvous_renew(gw->daemon);
	}
	c->was = gw->address;
	c->was6 = gw->address6;
	if (!rendezvous_is_up(gw->daemon) && c->tries++ < BROKER_TRIES) {
		arm(c, SETTLE_MS);
		return;
	}
	for (s = gw->daemon->sessions; s; s = s->next)
		if (has_moved(s))
			begin_anew(s);
		else if (has_come(s))
			session_lost(s, "our WAN has an address now");
	session_peer_online(gw->daemon, NULL);
}

/* Which address it was does not matter: look what there is once it is quiet. */
static void on_ready(evutil_socket_t fd, short what, void *data)
{
	struct change *c = data;
	char buf[BUFFER_SIZE];

	(void)fd;
	(void)what;
	if (mnl_socket_recvfrom(c->nl, buf, sizeof(buf)) > 0 ||
	    errno == ENOBUFS)
		arm(c, SETTLE_MS);
}

int change_open(struct change **change, struct gateway *gw)
{
	struct change *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return err;
	c->gateway = gw;
	if (gateway_look(gw)) {
		c->was = gw->address;
		c->was6 = gw->address6;
	}
	c->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->nl || mnl_socket_bind(c->nl, RTMGRP_IPV4_IFADDR |
			    RTMGRP_IPV6_IFADDR,
				      MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto fail;
	}
	c->timer = evtimer_new(gw->daemon->base, on_settled, c);
	c->event = event_new(gw->daemon->base, mnl_socket_get_fd(c->nl),
			     EV_READ | EV_PERSIST, on_ready, c);
	if (!c->timer || !c->event || event_add(c->event, NULL))
		goto fail;
	*change = c;
	return 0;
fail:
	change_close(c);
	return err;
}

void change_close(struct change *c)
{
	if (!c)
		return;
	if (c->event)
		event_free(c->event);
	if (c->timer)
		event_free(c->timer);
	if (c->nl)
		mnl_socket_close(c->nl);
	free(c);
}
