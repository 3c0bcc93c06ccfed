/* SPDX-License-Identifier: GPL-2.0 */
/* What loopback*.c share. */
#ifndef _NATPUNCHD_LOOPBACK_PRIVATE_H
#define _NATPUNCHD_LOOPBACK_PRIVATE_H

#include "loopback.h"

#define LOOPBACK_PIPES	128	/* at once; more are not accepted */

struct stream;
struct exchange;

struct loopback {
	struct path *path;
	union endpoint outer, inner;
	int fd;				/* where they come to */
	int keeper;			/* asks: keeps the inner port; or -1 */
	struct event *event;		/* of @fd */
	struct stream *streams;		/* TCP */
	struct exchange *exchanges;	/* UDP */
	unsigned int n;			/* of either */
};

/* loopback.c */
/** loopback_target() - where we connect to for who has come. */
const union endpoint *loopback_target(const struct loopback *l);
/** loopback_admits() - is it a peer whom the table let in, or a client? */
bool loopback_admits(const struct loopback *l, const union endpoint *from);

/* loopback_stream.c */
/** loopback_stream() - hand on what @from sends by @fd, which is ours now. */
void loopback_stream(struct loopback *l, int fd, const union endpoint *from);
void loopback_end_streams(struct loopback *l);

/* loopback_exchange.c */
/** loopback_datagrams() - there are some at l->fd. */
void loopback_datagrams(struct loopback *l);
void loopback_end_exchanges(struct loopback *l);

#endif /* _NATPUNCHD_LOOPBACK_PRIVATE_H */
