// SPDX-License-Identifier: GPL-2.0
/* UDP by a socket, TCP and TLS by libevent's bufferevents; see turn_wire.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "natpunchd.h"
#include "turn_message.h"
#include "turn_wire.h"

#define AT_ONCE		64	/* datagrams, before others have their turn */
#define MESSAGE_MAX	(UINT16_MAX + NP_STUN_HEADER)

struct wire {
	struct wire_events events;
	void *data;
	enum wire_kind kind;
	bool dead;

	bool refused;			/* UDP: told when something was sent */
	int fd;				/* UDP */
	struct event *event;
	struct bufferevent *stream;	/* TCP, TLS */
	SSL_CTX *ctx;
	SSL *ssl;			/* the stream's */
};

static void end(struct wire *w, const char *why)
{
	if (w->dead)
		return;
	w->dead = true;
	w->events.end(w->data, why);
}

/* --- UDP ------------------------------------------------------------------- */

static void on_datagrams(evutil_socket_t fd, short what, void *data)
{
	static uint8_t buf[MESSAGE_MAX];
	struct wire *w = data;
	ssize_t n;
	int i;

	(void)what;
	for (i = 0; i < AT_ONCE && !w->dead && !w->refused; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n >= 0)
			w->events.message(w->data, buf, (size_t)n);
		else if (errno == ECONNREFUSED)
			w->refused = true;
		else
			return;
	}
	if (w->refused)
		end(w, "nobody listens there");
}

static int open_udp(struct wire *w, struct event_base *base,
		    const struct wire_server *server)
{
	int fragment = IP_PMTUDISC_DONT;

	w->fd = server->has_fd ? server->fd :
		socket(server->addr.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC |
		       SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return -errno;
	/* What we wrap may become longer than what a device here sends. */
	if (server->addr.sa.sa_family == AF_INET6)
		setsockopt(w->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &fragment,
			   sizeof(fragment));
	else
		setsockopt(w->fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment,
			   sizeof(fragment));
	if (connect(w->fd, &server->addr.sa, endpoint_len(&server->addr)))
		return -errno;
	w->event = event_new(base, w->fd, EV_READ | EV_PERSIST, on_datagrams,
			     w);
	return w->event && !event_add(w->event, NULL) ? 0 : -ENOMEM;
}

/* --- streams --------------------------------------------------------------- */

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* How long the message is, and with its padding; 0: more of it is needed. */
static size_t frame(const uint8_t head[TURN_CHANNEL_HEADER], size_t *with_pad)
{
	size_t len = (size_t)(head[2] << 8 | head[3]);

	len += head[0] < 0x40 ? NP_STUN_HEADER : TURN_CHANNEL_HEADER;
	*with_pad = padded(len);
	return len;
}

static void on_bytes(struct bufferevent *stream, void *data)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	uint8_t head[TURN_CHANNEL_HEADER];
	struct wire *w = data;
	size_t len, all;

	while (!w->dead &&
	       evbuffer_copyout(in, head, sizeof(head)) == sizeof(head)) {
		if (head[0] >= 0x80) {
			end(w, "it does not speak TURN");
			return;
		}
		len = frame(head, &all);
		if (evbuffer_get_length(in) < all)
			return;
		w->events.message(w->data, evbuffer_pullup(in, (ssize_t)len),
				  len);
		evbuffer_drain(in, all);
	}
}

static const char *tls_error(const struct wire *w, char *buf, size_t size)
{
	unsigned long code = bufferevent_get_openssl_error(w->stream);
	long bad = SSL_get_verify_result(w->ssl);

	if (bad != X509_V_OK)
		snprintf(buf, size, "TLS: %s",
			 X509_verify_cert_error_string(bad));
	else if (code)
		snprintf(buf, size, "TLS: %s", ERR_reason_error_string(code));
	else
		snprintf(buf, size, "it closed the connection");
	return buf;
}

static void on_stream_event(struct bufferevent *stream, short what, void *data)
{
	struct wire *w = data;
	int error = EVUTIL_SOCKET_ERROR();
	char buf[160];

	(void)stream;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (what & BEV_EVENT_ERROR && error)
		end(w, strerror(error));
	else if (w->ssl)
		end(w, tls_error(w, buf, sizeof(buf)));
	else
		end(w, "it closed the connection");
}

static bool load_ca(SSL_CTX *ctx, const char *ca)
{
	struct stat st;

	if (!ca)
		return SSL_CTX_set_default_verify_paths(ctx);
	if (stat(ca, &st))
		return false;
	return S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(ctx, ca) :
				     SSL_CTX_load_verify_file(ctx, ca);
}

/* The certificate must be for this name, or this address. */
static bool expect_name(SSL *ssl, const char *host)
{
	struct in6_addr addr;

	if (inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     host);
	return SSL_set_tlsext_host_name(ssl, host) && SSL_set1_host(ssl, host);
}

static int open_tls(struct wire *w, const struct wire_server *server)
{
	w->ctx = SSL_CTX_new(TLS_client_method());
	if (!w->ctx)
		return -ENOMEM;
	SSL_CTX_set_verify(w->ctx, SSL_VERIFY_PEER, NULL);
	if (!load_ca(w->ctx, server->ca))
		return -EACCES;
	w->ssl = SSL_new(w->ctx);
	return w->ssl && expect_name(w->ssl, server->host) ? 0 : -ENOMEM;
}

static int open_stream(struct wire *w, struct event_base *base,
		       const struct wire_server *server)
{
	const enum bufferevent_ssl_state begin = BUFFEREVENT_SSL_CONNECTING;
	const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
	int err = 0;

	if (w->kind == WIRE_TLS)
		err = open_tls(w, server);
	if (err)
		return err;
	if (w->ssl)
		w->stream = bufferevent_openssl_socket_new(base, -1, w->ssl,
							   begin, options);
	else
		w->stream = bufferevent_socket_new(base, -1, options);
	if (!w->stream)
		return -ENOMEM;
	bufferevent_setcb(w->stream, on_bytes, NULL, on_stream_event, w);
	bufferevent_setwatermark(w->stream, EV_READ, 0, 2 * MESSAGE_MAX);
	bufferevent_enable(w->stream, EV_READ | EV_WRITE);
	/* In C libevent keeps to the const that its prototype lacks. */
	if (bufferevent_socket_connect(w->stream,
				       (struct sockaddr *)&server->addr.sa,
				       (int)endpoint_len(&server->addr)))
		return errno ? -errno : -ENETUNREACH;
	return 0;
}

static void send_stream(struct wire *w, const struct iovec part[2])
{
	static const uint8_t zeros[4];
	struct evbuffer *out = bufferevent_get_output(w->stream);
	size_t len = part[0].iov_len + part[1].iov_len;

	if (evbuffer_get_length(out) + len > WIRE_MAX_KEPT)
		return;
	bufferevent_write(w->stream, part[0].iov_base, part[0].iov_len);
	if (part[1].iov_len)
		bufferevent_write(w->stream, part[1].iov_base,
				  part[1].iov_len);
	if (padded(len) != len)
		bufferevent_write(w->stream, zeros, padded(len) - len);
}

/* --- both ------------------------------------------------------------------ */

void wire_send(struct wire *w, const void *head, size_t head_len,
	       const void *body, size_t len)
{
	const struct iovec part[2] = {
		{ .iov_base = (void *)head, .iov_len = head_len },
		{ .iov_base = (void *)body, .iov_len = len },
	};

	if (w->dead)
		return;
	/* What can not be sent now is lost, as on any network. */
	if (w->kind == WIRE_UDP) {
		if (writev(w->fd, part, body ? 2 : 1) < 0 &&
		    errno == ECONNREFUSED) {
			w->refused = true;
			event_active(w->event, EV_READ, 0);
		}
	} else {
		send_stream(w, part);
	}
}

bool wire_is_reliable(const struct wire *w)
{
	return w->kind != WIRE_UDP;
}

struct wire *wire_open(struct event_base *base,
		       const struct wire_server *server,
		       const struct wire_events *events, void *data)
{
	struct wire *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return NULL;
	w->events = *events;
	w->data = data;
	w->kind = server->kind;
	w->fd = -1;
	err = w->kind == WIRE_UDP ? open_udp(w, base, server) :
				    open_stream(w, base, server);
	if (!err)
		return w;
	wire_close(w);
	errno = -err;
	return NULL;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	if (w->event)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	if (w->stream)
		bufferevent_free(w->stream);
	else
		SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	free(w);
}
