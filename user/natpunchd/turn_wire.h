/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way to a TURN server: UDP, TCP or TLS (RFC 8656 section 2.1). Carries whole
 * messages, which are STUN's or ChannelData; knows nothing of what is in them.
 *
 * What the system does not take at once is dropped on UDP; on TCP and TLS it is
 * kept up to WIRE_MAX_KEPT, and dropped then: what is relayed are datagrams, and
 * who sent them notices.
 */
#ifndef _NATPUNCHD_TURN_WIRE_H
#define _NATPUNCHD_TURN_WIRE_H

#include <event2/event.h>

#include "endpoint.h"

#define WIRE_MAX_KEPT	(256 * 1024)

struct wire;

enum wire_kind { WIRE_UDP, WIRE_TCP, WIRE_TLS };

/** struct wire_server - whom to talk to; only looked at while it is opened. */
struct wire_server {
	enum wire_kind kind;
	union endpoint addr;
	bool has_fd;		/* UDP: @fd is bound already; taken over */
	int fd;
	const char *host;	/* TLS: the name that its certificate has */
	const char *ca;		/* TLS: file or directory; NULL: the system's */
};

/**
 * struct wire_events - out of the loop, never from within a call; none may free
 * the wire
 * @end: it is dead; @why is for people
 */
struct wire_events {
	void (*message)(void *data, const uint8_t *message, size_t len);
	void (*end)(void *data, const char *why);
};

/** wire_open() - NULL: errno says why. */
struct wire *wire_open(struct event_base *base,
		       const struct wire_server *server,
		       const struct wire_events *events, void *data);
/** wire_send() - a message in two parts; @body may be NULL. */
void wire_send(struct wire *w, const void *head, size_t head_len,
	       const void *body, size_t len);
/** wire_is_reliable() - messages need not be repeated. */
bool wire_is_reliable(const struct wire *w);
/** wire_close() - what was sent still leaves on UDP. NULL is allowed. */
void wire_close(struct wire *w);

#endif /* _NATPUNCHD_TURN_WIRE_H */
