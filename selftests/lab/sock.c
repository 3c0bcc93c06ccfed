// SPDX-License-Identifier: GPL-2.0
/* Sockets inside nodes. Owns the list of open sockets; one thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"

static struct open_sock {
	int sock, protocol;
	enum node node;
} *open_socks;
static size_t n_open;

static void remember(int sock, enum node node, int protocol)
{
	open_socks = realloc(open_socks, (n_open + 1) * sizeof(*open_socks));
	if (!open_socks)
		ktap_bail("no memory");
	open_socks[n_open++] = (struct open_sock){ sock, protocol, node };
}

void sock_close(int sock)
{
	size_t i;

	for (i = 0; i < n_open; i++)
		if (open_socks[i].sock == sock)
			open_socks[i] = open_socks[--n_open];
	close(sock);
}

int sock_at(enum node node, int protocol, struct ep local)
{
	size_t i;

	for (i = 0; i < n_open; i++)
		if (open_socks[i].node == node &&
		    open_socks[i].protocol == protocol &&
		    ep_eq(sock_name(open_socks[i].sock), local))
			return open_socks[i].sock;
	return -1;
}

bool stream_refused(enum node node, struct ep local, struct ep to, int listener)
{
	int sock = stream_open(IPPROTO_TCP, node, local);
	bool in;

	stream_connect(sock, to);
	in = !stream_connected(sock, SILENCE_MS);
	sock_close(sock);
	return !in && stream_accept(listener, NULL, 100) < 0;
}

void stream_abort(int sock)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	sock_close(sock);
}

void sock_close_all(void)
{
	while (n_open)
		stream_abort(open_socks[n_open - 1].sock);
}

static void set(int sock, int level, int option, int value)
{
	if (setsockopt(sock, level, option, &value, sizeof(value)))
		ktap_bail("setsockopt %d/%d: %s", level, option,
			  strerror(errno));
}

static int sock_try(enum node node, int domain, int type, int protocol)
{
	int sock, error;

	lab_enter(node);
	sock = socket(domain, type | SOCK_CLOEXEC, protocol);
	error = errno;
	lab_enter(HOME);
	errno = error;
	return sock;
}

int sock_open(enum node node, int domain, int type, int protocol)
{
	int sock = sock_try(node, domain, type, protocol);

	if (sock < 0)
		ktap_bail("socket %d/%d/%d in %s: %s", domain, type, protocol,
			  node_name(node), strerror(errno));
	remember(sock, node, protocol);
	return sock;
}

static void share_port(int sock)
{
	set(sock, SOL_SOCKET, SO_REUSEADDR, 1);
	set(sock, SOL_SOCKET, SO_REUSEPORT, 1);
}

static void sock_bind(int sock, struct ep local)
{
	if (bind(sock, &local.sa, ep_len(local)))
		ktap_bail("bind %s: %s", ep_str(local), strerror(errno));
}

struct ep sock_name(int sock)
{
	struct ep e = { 0 };
	socklen_t len = sizeof(e);

	getsockname(sock, &e.sa, &len);
	return e;
}

static bool readable(int sock, short events, unsigned long end)
{
	unsigned long now = now_ms();
	struct pollfd p = { .fd = sock, .events = events };

	return poll(&p, 1, now < end ? end - now : 0) > 0;
}

/* UDP */

static int udp_socket(enum node node, struct ep local)
{
	int sock = sock_open(node, local.sa.sa_family, SOCK_DGRAM, IPPROTO_UDP);

	if (local.sa.sa_family == AF_INET)
		set(sock, IPPROTO_IP, IP_RECVERR, 1);
	else
		set(sock, IPPROTO_IPV6, IPV6_RECVERR, 1);
	return sock;
}

int udp_open(enum node node, struct ep local)
{
	int sock = udp_socket(node, local);

	share_port(sock);
	sock_bind(sock, local);
	return sock;
}

int udp_open_alone(enum node node, struct ep local)
{
	int sock = udp_socket(node, local);

	if (!bind(sock, &local.sa, ep_len(local)))
		return sock;
	sock_close(sock);
	return -1;
}

/* A pending ICMP error is reported once in place of the call's own result. */
static ssize_t send_past_error(int sock, const void *data, size_t len,
			       struct ep to)
{
	ssize_t n = sendto(sock, data, len, MSG_DONTWAIT, &to.sa, ep_len(to));

	if (n < 0)
		n = sendto(sock, data, len, MSG_DONTWAIT, &to.sa, ep_len(to));
	return n;
}

unsigned long udp_send(int sock, struct ep to)
{
	static unsigned long number;
	char text[32];
	int len = sprintf(text, "packet %lu", ++number);

	return send_past_error(sock, text, len, to) < 0 ? 0 : number;
}

bool udp_wait(int sock, unsigned long number, struct ep *from, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms;
	char text[2048];
	struct ep peer;
	socklen_t len;
	ssize_t n;

	while (readable(sock, POLLIN, end)) {
		len = sizeof(peer);
		n = recvfrom(sock, text, sizeof(text) - 1, MSG_DONTWAIT,
			     &peer.sa, &len);
		if (n < 0 && errno == EAGAIN) {
			/* Only the error queue holds something. */
			struct sock_error e;

			sock_error_wait(sock, &e, 0);
			continue;
		}
		if (n < 0)
			continue;
		text[n] = '\0';
		if (strtoul(text + strlen("packet "), NULL, 10) != number)
			continue;
		if (from)
			*from = ep_from(&peer.sa);
		return true;
	}
	return false;
}

bool udp_deliver(int sock, struct ep to, int at, struct ep *from)
{
	unsigned long number = udp_send(sock, to);

	if (from)
		*from = (struct ep){ 0 };
	return number && udp_wait(at, number, from, SILENCE_MS);
}

bool sock_error_wait(int sock, struct sock_error *e, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms;
	char control[512], data[2048];
	struct iovec iov = { data, sizeof(data) };
	const struct sock_extended_err *ee = NULL;
	struct cmsghdr *c;
	struct msghdr m = {
		.msg_name = &e->about, .msg_namelen = sizeof(e->about),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	while (recvmsg(sock, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		if (now_ms() >= end)
			return false;
		sleep_ms(5);
	}
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_type == IP_RECVERR ||
		    c->cmsg_type == IPV6_RECVERR)
			ee = (void *)CMSG_DATA(c);
	if (!ee)
		return false;
	e->error = ee->ee_errno;
	e->type = ee->ee_type;
	e->code = ee->ee_code;
	e->mtu = ee->ee_info;
	e->offender = (struct ep){ 0 };
	if (SO_EE_OFFENDER(ee)->sa_family != AF_UNSPEC)
		e->offender = ep_from(SO_EE_OFFENDER(ee));
	return true;
}

/* Streams */

bool stream_supported(int protocol)
{
	int sock = sock_try(A, AF_INET, SOCK_STREAM, protocol);

	if (sock < 0)
		return false;
	close(sock);
	return true;
}

int stream_open(int protocol, enum node node, struct ep local)
{
	int sock = sock_open(node, local.sa.sa_family,
			     SOCK_STREAM | SOCK_NONBLOCK, protocol);

	share_port(sock);
	sock_bind(sock, local);
	return sock;
}

int stream_listen(int protocol, enum node node, struct ep local)
{
	int sock = stream_open(protocol, node, local);

	if (listen(sock, 64))
		ktap_bail("listen %s: %s", ep_str(local), strerror(errno));
	return sock;
}

int stream_connect(int sock, struct ep to)
{
	if (!connect(sock, &to.sa, ep_len(to)) || errno == EINPROGRESS)
		return 0;
	return errno;
}

int stream_connected(int sock, int timeout_ms)
{
	struct ep peer;
	socklen_t len = sizeof(int), peer_len = sizeof(peer);
	int error = 0;

	if (!readable(sock, POLLOUT, now_ms() + timeout_ms))
		return ETIMEDOUT;
	getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error && getpeername(sock, &peer.sa, &peer_len))
		error = errno;
	return error;
}

int stream_accept(int listener, struct ep *peer, int timeout_ms)
{
	struct ep from;
	socklen_t len = sizeof(from);
	int sock;

	if (peer)
		*peer = (struct ep){ 0 };
	if (!readable(listener, POLLIN, now_ms() + timeout_ms))
		return -1;
	sock = accept4(listener, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (sock < 0)
		return -1;
	remember(sock, HOME, 0);
	if (peer)
		*peer = ep_from(&from.sa);
	return sock;
}

bool stream_deliver(int from, int to)
{
	static unsigned long number;
	unsigned long end = now_ms() + COMES_MS;
	char sent[32], got[32];
	size_t len, have = 0;
	ssize_t n;

	len = sprintf(sent, "message %lu\n", ++number);
	if (send(from, sent, len, MSG_NOSIGNAL) != (ssize_t)len)
		return false;
	while (have < len && readable(to, POLLIN, end)) {
		n = recv(to, got + have, len - have, 0);
		if (n <= 0)
			return false;
		have += n;
	}
	return have == len && !memcmp(sent, got, len);
}

bool stream_is_reset(int sock)
{
	unsigned long end = now_ms() + COMES_MS;
	char got[32];

	return send(sock, "?", 1, MSG_NOSIGNAL) == 1 &&
	       readable(sock, POLLIN, end) &&
	       recv(sock, got, sizeof(got), 0) < 0 && errno == ECONNRESET;
}

/* ICMP echo */

int ping_open(enum node node, struct ep local)
{
	int f = local.sa.sa_family;
	int sock = sock_open(node, f, SOCK_DGRAM,
			     f == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	sock_bind(sock, local);
	if (f == AF_INET)
		set(sock, IPPROTO_IP, IP_RECVERR, 1);
	else
		set(sock, IPPROTO_IPV6, IPV6_RECVERR, 1);
	return sock;
}

/* Echo's type, code, checksum, identifier, sequence lie alike in both. */
unsigned int ping_send(int sock, struct ep to)
{
	static unsigned int seq;
	struct icmphdr echo = {
		.type = to.sa.sa_family == AF_INET ? ICMP_ECHO
						   : ICMP6_ECHO_REQUEST,
	};

	to = ep_at(to, 0);
	echo.un.echo.sequence = htons(++seq);
	return send_past_error(sock, &echo, sizeof(echo), to) < 0 ? 0 : seq;
}

bool ping_wait(int sock, unsigned int seq, int timeout_ms)
{
	unsigned long end = now_ms() + timeout_ms;
	struct icmphdr echo;

	while (readable(sock, POLLIN, end)) {
		if (recv(sock, &echo, sizeof(echo), MSG_DONTWAIT) < 0) {
			if (errno == EAGAIN)
				break;
			continue;
		}
		if (ntohs(echo.un.echo.sequence) == seq)
			return true;
	}
	return false;
}

int icmp_raw(enum node node)
{
	int f = lab_family();

	return sock_open(node, f, SOCK_RAW,
			 f == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

bool icmp_raw_request(int raw, unsigned int seq, struct ep *from,
		      int timeout_ms)
{
	int want = lab_family() == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	unsigned long end = now_ms() + timeout_ms;
	unsigned char data[2048];
	struct icmphdr echo;
	struct ep peer;
	socklen_t len;
	size_t skip;
	ssize_t n;

	while (readable(raw, POLLIN, end)) {
		len = sizeof(peer);
		n = recvfrom(raw, data, sizeof(data), MSG_DONTWAIT, &peer.sa,
			     &len);
		/* IPv4 hands the IP header up, IPv6 does not. */
		skip = lab_family() == AF_INET ? (data[0] & 15) * 4 : 0;
		if (n < (ssize_t)(skip + sizeof(echo)))
			continue;
		memcpy(&echo, data + skip, sizeof(echo));
		if (echo.type != want ||
		    ntohs(echo.un.echo.sequence) != seq)
			continue;
		*from = ep_at(ep_from(&peer.sa), ntohs(echo.un.echo.id));
		return true;
	}
	return false;
}
