/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all files of natpunchd share: the daemon itself. It has one event loop
 * and, beside work.c's short-lived helpers, one thread: no file needs a lock.
 * Each file owns what hangs on its pointer here; a pointer is NULL where its
 * part does not run (in a test, or before the start).
 */
#ifndef _NATPUNCHD_H
#define _NATPUNCHD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <event2/event.h>
#include <jansson.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __printf(a, b)	__attribute__((format(printf, a, b)))

struct conf;
struct control;
struct gateway;
struct hand;
struct path_ops;
struct peer;
struct rendezvous;
struct service;
struct session;
struct site_key;

struct daemon {
	struct event_base *base;
	struct conf *conf;		/* conf.c: replaced as a whole */
	struct site_key *key;		/* seal.c */
	struct peer *peers;		/* peer.c: a list */
	struct service *services;	/* service.c: a list */
	struct session *sessions;	/* session.c: a list */
	struct rendezvous *rendezvous;	/* rendezvous.c */
	struct hand *hands;		/* hand.c: a list */
	struct control *control;	/* control.c */
	struct gateway *gateway;	/* gateway.c: what paths go through */
	const struct path_ops *path;	/* how sessions connect: session.h */
	int queues;			/* queue.c: opened as root, or -1 */
	bool running;			/* started, and not ending yet */
	bool save_pending;		/* saved.c's */
};

/* clock.c */
/** clock_ms() - milliseconds of a clock that is never set. */
uint64_t clock_ms(void);
/** clock_real_ms() - milliseconds since 1970, as the system believes. */
uint64_t clock_real_ms(void);

#endif /* _NATPUNCHD_H */
