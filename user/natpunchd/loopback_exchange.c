// SPDX-License-Identifier: GPL-2.0
/*
 * UDP from a loopback endpoint to an inner one, or the other way: an *exchange* is
 * a socket of our own for each endpoint that sends to us. It ends when nothing has
 * been said for as long as a flow is kept.
 */
#include <stdlib.h>
#include <unistd.h>

#include "conf.h"
#include "gateway.h"
#include "loopback_private.h"

#define AT_ONCE	64		/* datagrams, before others have their turn */

struct exchange {
	struct exchange *next;
	struct loopback *loopback;
	union endpoint who;
	int fd;
	struct event *event;
	uint64_t used_ms;		/* clock_ms() */
};

static uint8_t buf[65536];

static void end(struct exchange *e)
{
	struct exchange **link = &e->loopback->exchanges;

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	e->loopback->n--;
	if (e->event)
		event_free(e->event);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
}

static uint64_t idle_ms(const struct exchange *e)
{
	return (uint64_t)e->loopback->path->gateway->daemon->conf->udp_idle *
	       1000;
}

/* What can not be sent is lost, as datagrams may be. */
static void on_answer(evutil_socket_t fd, short what, void *data)
{
	struct exchange *e = data;
	unsigned int i;
	ssize_t n;

	if (what & EV_TIMEOUT && clock_ms() - e->used_ms >= idle_ms(e)) {
		end(e);
		return;
	}
	for (i = 0; i < AT_ONCE; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			break;
		e->used_ms = clock_ms();
		sendto(e->loopback->fd, buf, (size_t)n, 0, &e->who.sa,
		       endpoint_len(&e->who));
	}
}

static struct exchange *find(const struct loopback *l, const union endpoint *who)
{
	struct exchange *e;

	for (e = l->exchanges; e; e = e->next)
		if (endpoint_equal(&e->who, who))
			break;
	return e;
}

static struct exchange *begin(struct loopback *l, const union endpoint *who)
{
	const union endpoint *to = loopback_target(l);
	struct timeval idle = {};
	struct exchange *e;

	if (l->n == LOOPBACK_PIPES || !loopback_admits(l, who))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->loopback = l;
	e->who = *who;
	e->next = l->exchanges;
	l->exchanges = e;
	l->n++;
	idle.tv_sec = (time_t)(idle_ms(e) / 1000);
	e->fd = socket(to->sa.sa_family,
		       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (e->fd >= 0 && !connect(e->fd, &to->sa, endpoint_len(to)))
		e->event = event_new(l->path->gateway->daemon->base, e->fd,
				     EV_READ | EV_PERSIST, on_answer, e);
	if (e->event && !event_add(e->event, &idle))
		return e;
	end(e);
	return NULL;
}

void loopback_datagrams(struct loopback *l)
{
	union endpoint who;
	struct exchange *e;
	socklen_t len;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < AT_ONCE; i++) {
		len = sizeof(who);
		n = recvfrom(l->fd, buf, sizeof(buf), 0, &who.sa, &len);
		if (n < 0)
			break;
		e = find(l, &who);
		if (!e)
			e = begin(l, &who);
		if (!e)
			continue;
		e->used_ms = clock_ms();
		send(e->fd, buf, (size_t)n, 0);
	}
}

void loopback_end_exchanges(struct loopback *l)
{
	while (l->exchanges)
		end(l->exchanges);
}
