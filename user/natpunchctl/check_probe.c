// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: the loop. Owns which sockets are watched; whatever waits for
 * one of them serves all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/* Sent at 0, 0.25, 0.75, 1.75 and 3.75 s, given up after 5.75 s. */
const struct stun_timing timing_first = {
	.rto = 250, .tries = 5, .last = 8, .reliable = 6000,
};

/* By then an answer would be there twice over, losses included. */
struct stun_timing timing_of(const struct report *r)
{
	struct stun_timing t = { .tries = 4, .last = 6, .reliable = 6000 };

	t.rto = 3 * r->rtt;
	if (t.rto < 100)
		t.rto = 100;
	if (t.rto > 500)
		t.rto = 500;
	return t;
}

uint16_t ss_port(const struct sockaddr_storage *ss)
{
	/* It is at the same place in both. */
	return ntohs(((const struct sockaddr_in *)ss)->sin_port);
}

void ss_set_port(struct sockaddr_storage *ss, uint16_t port)
{
	((struct sockaddr_in *)ss)->sin_port = htons(port);
}

bool ss_same_addr(const struct sockaddr_storage *a,
		  const struct sockaddr_storage *b)
{
	struct sockaddr_storage x = *a, y = *b;

	ss_set_port(&x, 0);
	ss_set_port(&y, 0);
	return stun_sockaddr_eq(&x, &y);
}

bool ss_is_any(const struct sockaddr_storage *ss)
{
	struct sockaddr_storage any = { .ss_family = ss->ss_family };

	return ss_same_addr(ss, &any);
}

static struct natpunch_addr addr_of(const struct sockaddr_storage *ss)
{
	struct natpunch_addr addr = { .family = ss->ss_family };

	if (ss->ss_family == AF_INET)
		addr.in = ((const struct sockaddr_in *)ss)->sin_addr;
	else if (ss->ss_family == AF_INET6)
		addr.in6 = ((const struct sockaddr_in6 *)ss)->sin6_addr;
	return addr;
}

const char *format_ss(char buf[SS_SIZE], const struct sockaddr_storage *ss)
{
	struct natpunch_addr addr = addr_of(ss);

	return format_endpoint(buf, &addr, ss_port(ss));
}

const char *format_ss_addr(char buf[SS_SIZE],
			   const struct sockaddr_storage *ss)
{
	struct natpunch_addr addr = addr_of(ss);

	return format_addr(buf, &addr);
}

void check_progress(const struct check *c, const char *fmt, ...)
{
	va_list ap;

	(void)c;
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

/* --- sockets ------------------------------------------------------------- */

static struct sockaddr_storage local_of(const struct check *c,
					const struct report *r, uint16_t port)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)r->family };

	if (c->bind.ss_family == r->family)
		ss = c->bind;
	ss_set_port(&ss, port);
	return ss;
}

static bool watch(struct check *c, struct stun_socket *s, int err, int *error)
{
	char buf[SS_SIZE];

	*error = -err;
	if (err == -EADDRNOTAVAIL && c->bind.ss_family)
		fail("--bind: this machine does not have the address %s",
		     format_ss_addr(buf, &c->bind));
	if (err == -EADDRINUSE && c->local_port)
		fail("--local-port: port %u is taken", c->local_port);
	if (err)
		return false;
	if (c->n_sockets == CHECK_SOCKETS)
		fail("more sockets than expected");
	c->socket[c->n_sockets++] = s;
	return true;
}

bool check_udp(struct check *c, const struct report *r, struct stun_socket *s,
	       uint16_t port, int *error)
{
	struct sockaddr_storage local = local_of(c, r, port);

	return watch(c, s, stun_udp_open(s, &local, c->device), error);
}

bool check_tcp(struct check *c, const struct report *r, struct stun_socket *s,
	       uint16_t port, const struct sockaddr_storage *to, int *error)
{
	struct sockaddr_storage local = local_of(c, r, port);

	return watch(c, s, stun_tcp_open(s, &local, c->device, to), error);
}

void check_close(struct check *c, struct stun_socket *s)
{
	unsigned int i;

	for (i = 0; i < c->n_sockets; i++) {
		if (c->socket[i] != s)
			continue;
		c->socket[i] = c->socket[--c->n_sockets];
		stun_socket_close(s);
		return;
	}
}

/* One turn: until something happens, at most until @end. */
static void turn(struct check *c, uint64_t end)
{
	struct pollfd p[CHECK_SOCKETS];
	uint64_t now = stun_now(), next = end;
	unsigned int i, n = c->n_sockets;
	int ready;

	for (i = 0; i < n; i++) {
		stun_socket_tick(c->socket[i], now);
		if (stun_socket_deadline(c->socket[i]) < next)
			next = stun_socket_deadline(c->socket[i]);
		p[i].events = stun_socket_events(c->socket[i]);
		p[i].fd = p[i].events ? c->socket[i]->fd : -1;
	}
	now = stun_now();
	ready = poll(p, n, next > now ? (int)(next - now) : 0);
	for (i = 0; ready > 0 && i < n; i++)
		if (p[i].fd >= 0 && p[i].revents)
			stun_socket_ready(c->socket[i], p[i].revents);
}

void check_pause(struct check *c, uint64_t ms, const bool *stop)
{
	uint64_t end = stun_now() + ms;

	while (stun_now() < end && !(stop && *stop))
		turn(c, end);
}

/* --- probes -------------------------------------------------------------- */

static void take(struct stun_request *req, const struct stun_answer *answer)
{
	struct probe *p = req->data;
	size_t len;

	p->answer = *answer;
	p->done = true;
	p->sent = req->transaction.first_sent;
	if (answer->outcome != STUN_ANSWERED)
		return;
	stun_sockaddr(&p->mapped, np_stun_mapped(&answer->msg));
	p->is_old = stun_find(answer->data, answer->len, NP_STUN_A_CHANGED,
			      &len) ||
		    !stun_find(answer->data, answer->len, NP_STUN_A_XOR_MAPPED,
			       &len);
}

void probe_init(struct probe *p, const struct report *r,
		const struct sockaddr_storage *to)
{
	memset(p, 0, sizeof(*p));
	stun_begin_request(&p->req.message, r->dialect);
	p->req.to = *to;
	p->req.timing = timing_of(r);
	p->req.done = take;
}

void probe_start(struct stun_socket *s, struct probe *p)
{
	p->req.data = p;
	p->done = false;
	stun_request_send(s, &p->req);
}

void probe_wait(struct check *c, struct probe *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		while (!p[i].done)
			turn(c, stun_now() + 1000);
}

bool probe_ask(struct check *c, struct stun_socket *s, struct probe *p)
{
	probe_start(s, p);
	probe_wait(c, p, 1);
	return p->mapped.ss_family;
}
