/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket: natpunchctl's way to the daemon. Requests and responses are
 * JSON objects, a line each; Documentation/natpunchd-control.rst has them.
 */
#ifndef _NATPUNCHD_CONTROL_H
#define _NATPUNCHD_CONTROL_H

#include "natpunchd.h"
#include "seal.h"

#define CONTROL_MAX_LINE	(SEAL_LINE_SIZE + 1024)
#define CONTROL_MAX_CLIENTS	32

struct client;

/** control_start() - bind the socket; needs the privilege to do so. */
int control_start(struct daemon *d);
void control_stop(struct daemon *d);
/** control_event() - tell those who watch; @json is stolen. */
void control_event(struct daemon *d, const char *what, json_t *json);

/* --- for the verbs, control_*.c ------------------------------------------- */

/** struct verb - a request that is understood. */
struct verb {
	const char *name;
	/**
	 * @run: answer with control_ok() or control_error(), now or later, but
	 * once.
	 */
	void (*run)(struct daemon *d, struct client *c, const json_t *request);
};

extern const struct verb service_verbs[], connection_verbs[], site_verbs[];

/** control_ok() - @result is stolen; NULL: nothing to tell. */
void control_ok(struct client *c, json_t *result);
/** control_error() - @code is an errno, positive. */
void control_error(struct client *c, int code, const char *fmt, ...)
	__printf(3, 4);
/** control_watch() - from now on the client gets events. */
void control_watch(struct client *c);

/**
 * control_later() - the answer comes later: hold on to the client. It is NULL in
 * *@at from when it is gone.
 */
void control_later(struct client *c, struct client **at);

/** control_parse() - one line to a request; NULL: @error says why. */
json_t *control_parse(const char *line, size_t len, char *error, size_t size);

#endif /* _NATPUNCHD_CONTROL_H */
