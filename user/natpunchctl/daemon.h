/* SPDX-License-Identifier: GPL-2.0 */
/* Verbs that natpunchd carries out: asked by its control socket. */
#ifndef _NATPUNCHCTL_DAEMON_H
#define _NATPUNCHCTL_DAEMON_H

#include "natpunchctl.h"

/**
 * ask_daemon() - send a request and wait for the answer; what went wrong ends us.
 * @request: what is asked, without the verb; stolen. NULL: nothing more
 * Return: the result, to be given back; it may be null.
 */
json_t *ask_daemon(const char *verb, json_t *request);

/** text_of(), number_of() - a member of a result; "" and 0: it has none. */
const char *text_of(const json_t *object, const char *key);
double number_of(const json_t *object, const char *key);

/** print_limit() - what natpunchd can not do here, of site-show's result; a line. */
void print_limit(const json_t *site);

/** parse_stream() - tcp or udp, as the daemon wants it. */
const char *parse_stream(const char *s);
/** parse_where() - "ADDR:PORT", checked, as the daemon wants it; into @buf. */
const char *parse_where(char buf[ENDPOINT_SIZE], const char *what,
			const char *s);
/** parse_connection() - "SITE/SERVICE --listen ...": the request. */
json_t *parse_connection(struct ctl *ctl, int argc, char **argv);
extern const struct opt connection_options[];

#endif /* _NATPUNCHCTL_DAEMON_H */
