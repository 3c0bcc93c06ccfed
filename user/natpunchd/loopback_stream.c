// SPDX-License-Identifier: GPL-2.0
/*
 * TCP from a loopback endpoint to an inner one, or the other way. Each direction
 * ends by itself, as TCP's do; if one side resets, the other is reset.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway.h"
#include "log.h"
#include "loopback_private.h"

#define MUCH	(256 * 1024)	/* waits to be sent: read no more */
#define LITTLE	(64 * 1024)	/* read on */

/** struct half - what one side sends, on its way to the other. */
struct half {
	struct stream *stream;
	struct half *other;
	struct bufferevent *io;
	bool connected;
	bool ended;		/* it sends no more */
	bool told;		/* ... and the other has been told */
};

struct stream {
	struct stream *next;
	struct loopback *loopback;
	struct half half[2];	/* who came, and whom we connected to */
};

static void close_half(const struct half *h, bool reset)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (!h->io)
		return;
	if (reset)
		setsockopt(bufferevent_getfd(h->io), SOL_SOCKET, SO_LINGER,
			   &at_once, sizeof(at_once));
	bufferevent_free(h->io);
}

static void end(struct stream *s, bool reset)
{
	struct stream **link = &s->loopback->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	s->loopback->n--;
	close_half(&s->half[0], reset);
	close_half(&s->half[1], reset);
	free(s);
}

static size_t left(const struct half *h)
{
	return evbuffer_get_length(bufferevent_get_output(h->io));
}

/* @h has ended, and all that it had said is sent: say that, too. */
static void pass_end(struct half *h)
{
	struct half *to = h->other;

	if (!h->ended || h->told || !to->connected || left(to))
		return;
	h->told = true;
	shutdown(bufferevent_getfd(to->io), SHUT_WR);
	if (to->told)
		end(h->stream, false);
}

static void on_read(struct bufferevent *io, void *data)
{
	struct half *h = data;

	bufferevent_read_buffer(io, bufferevent_get_output(h->other->io));
	if (left(h->other) > MUCH)
		bufferevent_disable(io, EV_READ);
}

static void on_written(struct bufferevent *io, void *data)
{
	struct half *h = data;

	(void)io;
	if (!h->other->ended)
		bufferevent_enable(h->other->io, EV_READ);
	pass_end(h->other);
}

static void on_event(struct bufferevent *io, short what, void *data)
{
	struct half *h = data;

	if (what & BEV_EVENT_ERROR) {
		end(h->stream, true);
		return;
	}
	if (what & BEV_EVENT_CONNECTED) {
		h->connected = true;
		pass_end(h->other);
		return;
	}
	if (!(what & BEV_EVENT_EOF))
		return;
	bufferevent_read_buffer(io, bufferevent_get_output(h->other->io));
	h->ended = true;
	pass_end(h);
}

static bool add_half(struct stream *s, unsigned int i, int fd)
{
	struct half *h = &s->half[i];
	int on = 1;

	h->stream = s;
	h->other = &s->half[!i];
	h->io = bufferevent_socket_new(s->loopback->path->gateway->daemon->base,
				       fd, BEV_OPT_CLOSE_ON_FREE);
	if (!h->io) {
		close(fd);
		return false;
	}
	/* Who vanishes is not waited for for ever; what is typed goes at once. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bufferevent_setcb(h->io, on_read, on_written, on_event, h);
	bufferevent_setwatermark(h->io, EV_WRITE, LITTLE, 0);
	return true;
}

static bool connect_far(struct stream *s)
{
	const union endpoint *to = loopback_target(s->loopback);
	int fd = socket(to->sa.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && add_half(s, 1, fd) &&
	       !bufferevent_socket_connect(s->half[1].io, &to->sa,
					   (int)endpoint_len(to));
}

static void refuse(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

void loopback_stream(struct loopback *l, int fd, const union endpoint *from)
{
	struct stream *s = NULL;
	char buf[ENDPOINT_SIZE];

	if (l->n < LOOPBACK_PIPES && loopback_admits(l, from))
		s = calloc(1, sizeof(*s));
	if (!s) {
		log_warning("%s is not let in to %s",
			    endpoint_str(buf, from),
			    l->path->session->service);
		refuse(fd);
		return;
	}
	s->loopback = l;
	s->next = l->streams;
	l->streams = s;
	l->n++;
	if (!add_half(s, 0, fd) || !connect_far(s)) {
		end(s, true);
		return;
	}
	s->half[0].connected = true;
	bufferevent_enable(s->half[0].io, EV_READ | EV_WRITE);
	bufferevent_enable(s->half[1].io, EV_READ | EV_WRITE);
}

void loopback_end_streams(struct loopback *l)
{
	while (l->streams)
		end(l->streams, true);
}
