// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings by PCP's MAP (RFC 6887 section 11); see portmap_request.h. Debian has no
 * library for it. It is asked from the WAN's address, which stands in the request: so
 * a NAT in between is found out, and not believed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "portmap_request.h"

#define VERSION		2
#define OPCODE_MAP	1
#define RESPONSE	0x80
#define RETRY_MS	250	/* doubles */
#define HEADER_BYTES	24
#define MAX_BYTES	1100	/* RFC 6887 section 7 */

/* RFC 6887 sections 7.1, 7.2, 11.1; big-endian, and aligned as it is. */
struct message {
	uint8_t version, opcode, reserved, result;
	uint32_t lifetime;
	union {
		uint8_t client[16];		/* of a request */
		uint32_t epoch;			/* of a response */
	};
	uint8_t nonce[PORTMAP_NONCE];
	uint8_t protocol, reserved2[3];
	uint16_t internal_port, external_port;
	uint8_t external_addr[16];
};

struct pcp {
	struct portmap_request *request;
	int fd;
	struct event *event;
	struct message message;
	unsigned int wait_ms, waited_ms;
};

/* RFC 6887 section 7.4 */
static const char * const results[] = {
	[2] = "not authorized",
	[3] = "malformed request",
	[4] = "it does not know such requests",
	[5] = "unsupported option",
	[6] = "malformed option",
	[7] = "it has no network itself",
	[8] = "out of resources",
	[9] = "unsupported protocol",
	[10] = "no more mappings for this host",
	[11] = "this external port is not to be had",
	[12] = "there is a NAT between it and us",
	[13] = "too many remote peers",
};

static void pcp_free(struct pcp *pcp)
{
	if (pcp->event)
		event_free(pcp->event);
	if (pcp->fd >= 0)
		close(pcp->fd);
	free(pcp);
}

static void cancel(struct portmap_request *r)
{
	pcp_free(r->private);
	r->private = NULL;
}

static void end(struct pcp *pcp, int error)
{
	struct portmap_request *r = pcp->request;

	cancel(r);
	r->done(r, error);
}

static void set_mapped(uint8_t to[16], const union endpoint *ep)
{
	memset(to, 0, 10);
	memset(to + 10, 0xff, 2);
	memcpy(to + 12, &ep->in.sin_addr, 4);
}

static bool is_mapped(const uint8_t addr[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, prefix, sizeof(prefix));
}

static void make(struct message *m, const struct portmap_request *r)
{
	*m = (struct message){
		.version = VERSION,
		.opcode = OPCODE_MAP,
		.lifetime = htonl(r->lifetime),
		.protocol = (uint8_t)r->proto,
		.internal_port = htons(endpoint_port(&r->internal)),
	};
	set_mapped(m->client, &r->internal);
	memcpy(m->nonce, r->nonce, sizeof(m->nonce));
	set_mapped(m->external_addr, &r->external);
	if (r->lifetime)
		m->external_port = htons(endpoint_port(&r->external));
}

static void transmit(struct pcp *pcp)
{
	const struct timeval wait = { .tv_usec = pcp->wait_ms * 1000 };

	/* An error of before is told here: then it was not sent. */
	if (send(pcp->fd, &pcp->message, sizeof(pcp->message), 0) < 0 &&
	    errno == ECONNREFUSED)
		send(pcp->fd, &pcp->message, sizeof(pcp->message), 0);
	event_add(pcp->event, &wait);
}

static bool is_ours(const struct pcp *pcp, const struct message *m)
{
	const struct message *sent = &pcp->message;

	return !memcmp(m->nonce, sent->nonce, sizeof(m->nonce)) &&
	       m->protocol == sent->protocol &&
	       m->internal_port == sent->internal_port;
}

/* True: it is over. */
static bool take(struct pcp *pcp, const struct message *m, size_t len)
{
	struct portmap_request *r = pcp->request;
	const char *why;

	if (len < 4 || !(m->opcode & RESPONSE))
		return false;
	/* Version 0 is NAT-PMP, which answers that it is no other. */
	if (m->version != VERSION || m->result == 1) {
		end(pcp, -EPROTONOSUPPORT);
		return true;
	}
	if (m->opcode != (RESPONSE | OPCODE_MAP) || len < HEADER_BYTES)
		return false;
	/* An error may be told without what it is about. */
	if (len >= sizeof(*m) ? !is_ours(pcp, m) : !m->result)
		return false;
	r->has_epoch = true;
	r->epoch = ntohl(m->epoch);
	if (m->result) {
		why = m->result < ARRAY_SIZE(results) ? results[m->result] :
							 NULL;
		snprintf(r->why, sizeof(r->why), "%s", why ? why : "refused");
		end(pcp, -EACCES);
		return true;
	}
	if (r->lifetime && !is_mapped(m->external_addr)) {
		snprintf(r->why, sizeof(r->why), "it has no IPv4 address");
		end(pcp, -EACCES);
		return true;
	}
	if (r->lifetime) {
		r->external.in.sin_family = AF_INET;
		memcpy(&r->external.in.sin_addr, m->external_addr + 12, 4);
		endpoint_set_port(&r->external, ntohs(m->external_port));
		r->lifetime = ntohl(m->lifetime);
	}
	end(pcp, 0);
	return true;
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	struct pcp *pcp = data;
	union {
		struct message message;
		uint8_t bytes[MAX_BYTES];
	} in = { .bytes = { 0 } };
	ssize_t len;

	if (what & EV_READ) {
		len = recv(fd, &in, sizeof(in), 0);
		if (len < 0 && errno == ECONNREFUSED)
			end(pcp, -EPROTONOSUPPORT);
		else if (len < 0 || !take(pcp, &in.message, (size_t)len))
			event_add(pcp->event, &(struct timeval){
				  .tv_usec = pcp->wait_ms * 1000 });
		return;
	}
	pcp->waited_ms += pcp->wait_ms;
	if (pcp->waited_ms >= PORTMAP_ANSWER_MS) {
		end(pcp, -ETIMEDOUT);
		return;
	}
	pcp->wait_ms *= 2;
	if (pcp->wait_ms > PORTMAP_ANSWER_MS - pcp->waited_ms)
		pcp->wait_ms = PORTMAP_ANSWER_MS - pcp->waited_ms;
	transmit(pcp);
}

static int open_socket(struct pcp *pcp, const struct portmap_request *r)
{
	union endpoint from = r->internal, to = r->router;

	endpoint_set_port(&from, 0);
	endpoint_set_port(&to, PORTMAP_PORT);
	pcp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pcp->fd < 0 || bind(pcp->fd, &from.sa, sizeof(from.in)) ||
	    connect(pcp->fd, &to.sa, sizeof(to.in)))
		return -errno;
	pcp->event = event_new(r->gateway->daemon->base, pcp->fd, EV_READ,
			       on_event, pcp);
	return pcp->event ? 0 : -ENOMEM;
}

static int start(struct portmap_request *r)
{
	struct pcp *pcp = calloc(1, sizeof(*pcp));
	int err;

	if (!pcp)
		return -ENOMEM;
	pcp->request = r;
	pcp->wait_ms = RETRY_MS;
	err = open_socket(pcp, r);
	if (err) {
		pcp_free(pcp);
		return err;
	}
	r->private = pcp;
	make(&pcp->message, r);
	transmit(pcp);
	return 0;
}

const struct portmap_method portmap_pcp = {
	.word = "pcp",
	.name = "PCP",
	.start = start,
	.cancel = cancel,
};
