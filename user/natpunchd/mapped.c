// SPDX-License-Identifier: GPL-2.0
/* STUN from an external endpoint, over TCP in the daemon's loop; see mapped.h. */
#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../stun/stun-socket.h"
#include "mapped.h"
#include "reflex.h"

struct mapped {
	struct reflex *reflex;		/* UDP: this alone */
	struct stun_socket socket;
	struct stun_request request;
	struct gateway *gateway;
	struct event_base *base;
	struct event *event;
	bool answered;
	bool busy, dead;		/* freed while a callback runs: later */
	mapped_fn *fn;
	void *data;
};

static void tell(struct mapped *m, int error, const union endpoint *public,
		 unsigned int rtt_ms)
{
	m->fn(m->data, error, public, rtt_ms);
}

/* OTHER-ADDRESS is that of both another address and another port. */
void mapped_heard(struct gateway *gw, const union endpoint *server,
		  const struct np_stun_msg *msg)
{
	unsigned int i;

	for (i = 0; msg->other.len && i < gw->n_servers; i++)
		if (endpoint_equal(&gw->servers[i].addr, server))
			gw->servers[i].other_port = ntohs(msg->other.port);
}

static void on_answer(struct stun_request *request,
		      const struct stun_answer *answer)
{
	struct mapped *m = request->data;
	struct sockaddr_storage ss;
	union endpoint public = {}, server = {};

	if (answer->outcome == STUN_SILENCE)
		return tell(m, -ETIMEDOUT, NULL, 0);
	if (answer->outcome == STUN_FAILED)
		return tell(m, -answer->error, NULL, 0);
	if (answer->outcome != STUN_ANSWERED ||
	    !stun_sockaddr(&ss, np_stun_mapped(&answer->msg)))
		return tell(m, -EPROTO, NULL, 0);
	memcpy(&public, &ss, sizeof(public));
	m->answered = true;
	memcpy(&server, &request->to, sizeof(server));
	mapped_heard(m->gateway, &server, &answer->msg);
	tell(m, 0, &public, answer->rtt);
}

static void on_event(evutil_socket_t fd, short what, void *data);

/* What the socket waits for; false: it is dead. */
static bool watch(struct mapped *m)
{
	uint64_t now = stun_now(), deadline = stun_socket_deadline(&m->socket);
	short events = stun_socket_events(&m->socket);
	struct timeval left = {};

	if (!events)
		return false;
	event_assign(m->event, m->base, m->socket.fd,
		     (events & POLLIN ? EV_READ : 0) |
		     (events & POLLOUT ? EV_WRITE : 0), on_event, m);
	if (deadline == STUN_NEVER)
		return !event_add(m->event, NULL);
	if (deadline > now) {
		left.tv_sec = (time_t)((deadline - now) / 1000);
		left.tv_usec = (suseconds_t)((deadline - now) % 1000 * 1000);
	}
	return !event_add(m->event, &left);
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	struct mapped *m = data;

	(void)fd;
	m->busy = true;
	if (what & (EV_READ | EV_WRITE))
		stun_socket_ready(&m->socket, (what & EV_READ ? POLLIN : 0) |
					      (what & EV_WRITE ? POLLOUT : 0));
	stun_socket_tick(&m->socket, stun_now());
	if (!m->dead && !watch(m) && m->answered)
		tell(m, -EPIPE, NULL, 0);
	m->busy = false;
	if (m->dead)
		mapped_free(m);
}

/* Should something be in the way of that, the connection still serves to ask. */
static void hold(int fd)
{
	int on = 1, idle = HOLD_S, every = HOLD_S / 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
}

static struct mapped *ask_over_udp(struct gateway *gw,
				   const union endpoint *local,
				   const union endpoint *server, mapped_fn *fn,
				   void *data)
{
	struct mapped *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->socket.fd = -1;
	m->reflex = reflex_ask(gw, local, server, fn, data);
	if (m->reflex)
		return m;
	free(m);
	return NULL;
}

struct mapped *mapped_ask(struct gateway *gw, int proto,
			  const union endpoint *local,
			  const union endpoint *server, mapped_fn *fn,
			  void *data)
{
	struct sockaddr_storage from = {}, to = {};
	struct mapped *m;
	int err;

	/* From a port that is nobody's yet a socket will do. */
	if (proto == IPPROTO_UDP && endpoint_port(local))
		return ask_over_udp(gw, local, server, fn, data);
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->gateway = gw;
	m->base = gw->daemon->base;
	m->fn = fn;
	m->data = data;
	memcpy(&from, local, endpoint_len(local));
	memcpy(&to, server, endpoint_len(server));
	m->socket.fd = -1;
	if (proto == IPPROTO_UDP)
		err = stun_udp_open(&m->socket, &from, NULL);
	else
		err = stun_tcp_open(&m->socket, &from, NULL, &to);
	if (err)
		goto fail;
	if (proto == IPPROTO_TCP)
		hold(m->socket.fd);
	stun_begin_request(&m->request.message, STUN_RFC5389);
	m->request.to = to;
	m->request.timing = reflex_timing;
	m->request.timing.reliable = MAPPED_MS;
	m->request.done = on_answer;
	m->request.data = m;
	stun_request_send(&m->socket, &m->request);
	m->event = event_new(m->base, -1, 0, on_event, m);
	err = -ENOMEM;
	if (m->event && watch(m))
		return m;
fail:
	mapped_free(m);
	errno = -err;
	return NULL;
}

void mapped_free(struct mapped *m)
{
	if (!m)
		return;
	m->dead = true;
	if (m->busy)
		return;
	reflex_free(m->reflex);
	if (m->event)
		event_free(m->event);
	stun_socket_close(&m->socket);
	free(m);
}
