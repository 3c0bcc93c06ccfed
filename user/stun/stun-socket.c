// SPDX-License-Identifier: GPL-2.0
/*
 * A socket with its requests: sends what is due, finds whose answer came in.
 *
 * A callback may start and cancel requests, so no place in the list is kept
 * across one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>		/* errqueue.h forgets it */
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "stun-socket.h"

/* A socket's queue is read to its end, but not for ever. */
#define MAX_READS	64

uint64_t stun_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

socklen_t stun_sockaddr_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					   sizeof(struct sockaddr_in);
}

bool stun_sockaddr_eq(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port &&
		       !memcmp(&a6->sin6_addr, &b6->sin6_addr, 16);
	return a4->sin_port == b4->sin_port &&
	       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* --- opening ------------------------------------------------------------- */

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno :
								      0;
}

static int ask_for_icmp(int fd, int family)
{
	return family == AF_INET6 ?
		       set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) :
		       set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
}

static int prepare(int fd, int protocol, int family, const char *device)
{
	int err = 0;

	if (family == AF_INET6)
		err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err && protocol == IPPROTO_UDP)
		err = ask_for_icmp(fd, family);
	if (!err && protocol == IPPROTO_TCP)
		err = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!err && protocol == IPPROTO_TCP)
		err = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err && device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					 device, (socklen_t)strlen(device) + 1))
		err = -errno;
	return err;
}

static int open_socket(struct stun_socket *s, int protocol,
		       const struct sockaddr_storage *local, const char *device)
{
	int type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
	int err;

	memset(s, 0, sizeof(*s));
	s->protocol = protocol;
	s->family = local->ss_family;
	s->fd = socket(s->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	err = prepare(s->fd, protocol, s->family, device);
	if (!err && bind(s->fd, (const void *)local, stun_sockaddr_len(local)))
		err = -errno;
	if (err)
		stun_socket_close(s);
	return err;
}

int stun_udp_open(struct stun_socket *s, const struct sockaddr_storage *local,
		  const char *device)
{
	return open_socket(s, IPPROTO_UDP, local, device);
}

int stun_udp_use(struct stun_socket *s, int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	memset(s, 0, sizeof(*s));
	s->protocol = IPPROTO_UDP;
	s->fd = fd;
	s->borrowed = true;
	if (getsockname(fd, (void *)&ss, &len))
		return -errno;
	s->family = ss.ss_family;
	return 0;
}

int stun_tcp_open(struct stun_socket *s, const struct sockaddr_storage *local,
		  const char *device, const struct sockaddr_storage *remote)
{
	int err = open_socket(s, IPPROTO_TCP, local, device);

	if (err)
		return err;
	s->connecting = true;
	if (connect(s->fd, (const void *)remote, stun_sockaddr_len(remote)) &&
	    errno != EINPROGRESS) {
		err = -errno;
		stun_socket_close(s);
	}
	return err;
}

void stun_socket_close(struct stun_socket *s)
{
	struct linger abort = { .l_onoff = 1 };

	while (s->requests)
		stun_request_cancel(s->requests);
	/* No TIME-WAIT, which would keep the port. */
	if (s->protocol == IPPROTO_TCP && s->fd >= 0)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	if (!s->borrowed && s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int stun_socket_name(const struct stun_socket *s, struct sockaddr_storage *ss)
{
	socklen_t len = sizeof(*ss);

	memset(ss, 0, sizeof(*ss));
	return getsockname(s->fd, (void *)ss, &len) ? -errno : 0;
}

/* --- requests ------------------------------------------------------------ */

void stun_request_send(struct stun_socket *s, struct stun_request *req)
{
	req->socket = s;
	req->soft_error = 0;
	stun_transaction_start(&req->transaction, &req->message, &req->timing,
			       s->protocol == IPPROTO_TCP, stun_now());
	req->next = s->requests;
	s->requests = req;
}

void stun_request_cancel(struct stun_request *req)
{
	struct stun_request **p;

	if (!req->socket)
		return;
	for (p = &req->socket->requests; *p; p = &(*p)->next) {
		if (*p == req) {
			*p = req->next;
			break;
		}
	}
	req->socket = NULL;
}

static void end_request(struct stun_request *req, struct stun_answer *answer)
{
	const struct stun_transaction *t = &req->transaction;
	uint64_t since = t->sent == 1 ? t->last_sent : t->first_sent;

	answer->rtt = t->sent ? (uint32_t)(stun_now() - since) : 0;
	stun_request_cancel(req);
	req->done(req, answer);
}

static void fail_request(struct stun_request *req, int error)
{
	struct stun_answer answer = {
		.outcome = error ? STUN_FAILED : STUN_SILENCE,
		.error = error,
	};

	end_request(req, &answer);
}

/* A stream that is dead; the next tick tells all its requests. */
static void die(struct stun_socket *s, int error)
{
	struct stun_request *req;

	s->error = error;
	s->connecting = false;
	for (req = s->requests; req; req = req->next)
		req->transaction.next = 0;
}

static int send_once(struct stun_socket *s, const void *data, size_t len,
		     const struct sockaddr_storage *to, int ttl)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool v6 = s->family == AF_INET6;

	if (s->protocol == IPPROTO_UDP) {
		msg.msg_name = (void *)to;
		msg.msg_namelen = stun_sockaddr_len(to);
	}
	if (ttl) {
		control.head.cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
		control.head.cmsg_type = v6 ? IPV6_HOPLIMIT : IP_TTL;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &ttl, sizeof(ttl));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	if (sendmsg(s->fd, &msg, MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int stun_send(struct stun_socket *s, const void *data, size_t len,
	      const struct sockaddr_storage *to, int ttl)
{
	int err = send_once(s, data, len, to, ttl);

	/* It may be about an earlier packet, whose ICMP error waits. */
	if (err && err != -EAGAIN && s->protocol == IPPROTO_UDP)
		err = send_once(s, data, len, to, ttl);
	return err == -EAGAIN || err == -ENOBUFS ? 0 : err;
}

/* A stream that is not there yet: the time for the answer runs already. */
static uint64_t request_deadline(const struct stun_socket *s,
				 const struct stun_request *req)
{
	const struct stun_transaction *t = &req->transaction;

	if (s->connecting && !t->sent)
		return t->next + t->timing.reliable;
	return t->next;
}

static void step(struct stun_socket *s, struct stun_request *req, uint64_t now)
{
	struct stun_transaction *t = &req->transaction;
	int err = -EMSGSIZE;

	if (s->connecting || s->error) {
		fail_request(req, s->error);
		return;
	}
	switch (stun_transaction_step(t, now)) {
	case STUN_WAIT:
		return;
	case STUN_GIVE_UP:
		fail_request(req, req->soft_error);
		return;
	case STUN_SEND:
		break;
	}
	if (t->request.len)
		err = stun_send(s, t->request.data, t->request.len, &req->to,
				req->ttl);
	if (err)
		fail_request(req, -err);
}

void stun_socket_tick(struct stun_socket *s, uint64_t now)
{
	struct stun_request *req;

	do {
		for (req = s->requests; req; req = req->next)
			if (request_deadline(s, req) <= now)
				break;
		if (req)
			step(s, req, now);
	} while (req);
}

uint64_t stun_socket_deadline(const struct stun_socket *s)
{
	const struct stun_request *req;
	uint64_t first = STUN_NEVER;

	for (req = s->requests; req; req = req->next)
		if (request_deadline(s, req) < first)
			first = request_deadline(s, req);
	return first;
}

short stun_socket_events(const struct stun_socket *s)
{
	if (s->error)
		return 0;
	return s->connecting ? POLLOUT : POLLIN;
}

/* --- what comes in ------------------------------------------------------- */

/* RFC 8489 section 6.3.3: what can not be understood is no answer. */
static bool take_answer(struct stun_socket *s, const uint8_t *data, size_t len,
			const struct sockaddr_storage *from)
{
	struct stun_answer answer = { .data = data, .len = len };
	struct stun_request *req;

	if (stun_parse(&answer.msg, data, len) != NP_STUN_OK)
		return false;
	for (req = s->requests; req; req = req->next) {
		if (!stun_transaction_owns(&req->transaction, &answer.msg))
			continue;
		if (s->protocol == IPPROTO_UDP && !req->any_source &&
		    !stun_sockaddr_eq(from, &req->to))
			return false;
		break;
	}
	if (!req || answer.msg.unknown)
		return false;
	answer.from = *from;
	answer.outcome = answer.msg.type == NP_STUN_BINDING_SUCCESS ?
				 STUN_ANSWERED : STUN_REFUSED;
	end_request(req, &answer);
	return true;
}

static void read_packets(struct stun_socket *s)
{
	struct sockaddr_storage from;
	uint8_t data[2048];
	socklen_t from_len;
	ssize_t len;
	int i;

	for (i = 0; i < MAX_READS && s->fd >= 0; i++) {
		from_len = sizeof(from);
		memset(&from, 0, sizeof(from));
		len = recvfrom(s->fd, data, sizeof(data), MSG_DONTWAIT,
			       (void *)&from, &from_len);
		if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (len < 0)	/* an ICMP error, which waits in its queue */
			continue;
		if (!take_answer(s, data, (size_t)len, &from) && s->on_packet)
			s->on_packet(s, data, (size_t)len, &from);
	}
}

/* RFC 1122 section 4.2.3.9: what will not pass by itself. */
static bool is_hard(const struct stun_socket *s, const struct stun_icmp *icmp)
{
	if (s->family == AF_INET6)
		return icmp->type == ICMP6_DST_UNREACH &&
		       (icmp->code == ICMP6_DST_UNREACH_NOPORT ||
			icmp->code == ICMP6_DST_UNREACH_ADMIN);
	return icmp->type == ICMP_DEST_UNREACH &&
	       (icmp->code == ICMP_PROT_UNREACH ||
		icmp->code == ICMP_PORT_UNREACH ||
		icmp->code == ICMP_NET_ANO || icmp->code == ICMP_HOST_ANO ||
		icmp->code == ICMP_PKT_FILTERED);
}

static void blame(struct stun_socket *s, const struct stun_icmp *icmp)
{
	struct stun_request *req;

	for (req = s->requests; req; req = req->next) {
		if (!stun_sockaddr_eq(&req->to, &icmp->to))
			continue;
		if (icmp->len < NP_STUN_HEADER ||
		    !memcmp(icmp->data + 4, req->transaction.request.data + 4,
			    NP_STUN_ID))
			break;
	}
	if (!req)
		return;
	if (is_hard(s, icmp))
		fail_request(req, icmp->error);
	else
		req->soft_error = icmp->error;
}

static const struct sock_extended_err *extended_error(struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 &&
		     c->cmsg_type == IPV6_RECVERR))
			return (const void *)CMSG_DATA(c);
	return NULL;
}

static void take_icmp(struct stun_socket *s, const struct sock_extended_err *e,
		      const struct stun_icmp *part)
{
	struct stun_icmp icmp = *part;
	const struct sockaddr *from = SO_EE_OFFENDER(e);

	if (e->ee_origin != SO_EE_ORIGIN_ICMP &&
	    e->ee_origin != SO_EE_ORIGIN_ICMP6)
		return;		/* of this machine: sendmsg() told us */
	icmp.type = e->ee_type;
	icmp.code = e->ee_code;
	icmp.error = (int)e->ee_errno;
	if (from->sa_family == AF_INET)
		memcpy(&icmp.from, from, sizeof(struct sockaddr_in));
	else if (from->sa_family == AF_INET6)
		memcpy(&icmp.from, from, sizeof(struct sockaddr_in6));
	if (s->on_icmp)
		s->on_icmp(s, &icmp);
	blame(s, &icmp);
}

static void read_icmp(struct stun_socket *s)
{
	union {
		struct cmsghdr align;
		char room[512];
	} control;
	const struct sock_extended_err *e;
	uint8_t data[2048];
	struct stun_icmp icmp;
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg;
	ssize_t len;
	int i;

	for (i = 0; i < MAX_READS && s->fd >= 0; i++) {
		memset(&icmp, 0, sizeof(icmp));
		msg = (struct msghdr){
			.msg_name = &icmp.to, .msg_namelen = sizeof(icmp.to),
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		len = recvmsg(s->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (len < 0)
			return;
		icmp.data = data;
		icmp.len = (size_t)len;
		e = extended_error(&msg);
		if (e)
			take_icmp(s, e, &icmp);
	}
}

/* The first message in a stream's buffer. False: there is none as yet. */
static bool take_from_stream(struct stun_socket *s,
			     const struct sockaddr_storage *from)
{
	const uint8_t *p = s->stream;
	size_t len;

	if (s->stream_len < NP_STUN_HEADER)
		return false;
	len = (size_t)(p[2] << 8 | p[3]) + NP_STUN_HEADER;
	if (p[0] > 3 || len % 4 || len > sizeof(s->stream)) {
		die(s, EPROTO);
		return false;
	}
	if (s->stream_len < len)
		return false;
	take_answer(s, s->stream, len, from);
	s->stream_len -= len;
	memmove(s->stream, s->stream + len, s->stream_len);
	return true;
}

static void read_stream(struct stun_socket *s)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t len;

	memset(&from, 0, sizeof(from));
	len = recv(s->fd, s->stream + s->stream_len,
		   sizeof(s->stream) - s->stream_len, MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (len <= 0) {
		die(s, len ? errno : ECONNRESET);
		return;
	}
	s->stream_len += (size_t)len;
	getpeername(s->fd, (void *)&from, &from_len);
	while (!s->error && s->fd >= 0 && take_from_stream(s, &from))
		;
}

static void finish_connect(struct stun_socket *s)
{
	socklen_t len = sizeof(int);
	struct stun_request *req;
	int error = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		die(s, error);
		return;
	}
	s->connecting = false;
	for (req = s->requests; req; req = req->next)
		req->transaction.next = stun_now();
}

void stun_socket_ready(struct stun_socket *s, short revents)
{
	if (s->protocol == IPPROTO_UDP) {
		if (revents & POLLERR)
			read_icmp(s);
		if (s->fd >= 0 && revents)
			read_packets(s);
	} else if (revents && !s->error) {
		if (s->connecting)
			finish_connect(s);
		else
			read_stream(s);
	}
}
