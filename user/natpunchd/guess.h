/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which endpoints will NATs upstream give to flows that are yet to come? natpunch
 * ranks the ports (Documentation/prediction.rst); STUN answers that pass are its
 * samples, and we see to it that there are some.
 *
 * Where a port can be ranked, a few of them do. Where it is any of a range, many
 * flows are opened from ports of ours and many ports tried ("birthday").
 */
#ifndef _NATPUNCHD_GUESS_H
#define _NATPUNCHD_GUESS_H

#include <jansson.h>

#include "gateway.h"

#define GUESS_PORTS	1024
#define GUESS_FLOWS	256
#define GUESS_MEET	32	/* flows that meet one port, at most */
#define GUESS_SOCKETS	512	/* of all flows together */

struct path;

/** struct guess - endpoints, the best ones first. */
struct guess {
	union endpoint addr;		/* without a port */
	unsigned int n;
	uint16_t port[GUESS_PORTS];
	unsigned int flows;		/* that are to be opened for that */
	double p;			/* that one of them gets one of these */
	int step;			/* from one to the next; 0: not known */
};

/**
 * guess_ask() - what the next flows from @local to @dst will get. @within: they
 * begin during so many milliseconds from now.
 * Return: NULL: nobody knows, or there is no natpunch. free() it.
 */
struct guess *guess_ask(struct gateway *gw, int proto,
			const union endpoint *local,
			const union endpoint *dst, unsigned int within);
/** guess_trim() - no more than these of it. */
void guess_trim(struct guess *g, unsigned int ports, unsigned int flows);
/**
 * guess_meet() - for when both sides' ports are guessed. Each packet to another port
 * of the peer's would take another one of ours, so we choose one, the farthest of
 * those that are likely, and open so many flows to one of the peer's that one of
 * them gets it, however many others have taken before: at once.
 */
void guess_meet(struct guess *g);
/** guess_add() - it is this one, if the address is right. */
void guess_add(struct guess *g, const union endpoint *ep);
/** guess_has() - is it one of these? */
bool guess_has(const struct guess *g, const union endpoint *ep);
union endpoint guess_at(const struct guess *g, unsigned int i);

/* In a message. NULL: it is none, or its address is not reached by the WAN. */
json_t *guess_to_json(const struct guess *g);
struct guess *guess_from_json(const struct path *p, const json_t *json);

/**
 * struct samples - STUN servers are asked from fresh ports.
 * What becomes of the answers is natpunch's affair.
 */
struct samples;

/** typedef samples_fn - all are answered or given up. It may free. */
typedef void samples_fn(void *data);

/** samples_take() - NULL: none can be had. */
struct samples *samples_take(struct gateway *gw, int proto, unsigned int n,
			     samples_fn *fn, void *data);
/** samples_free() - NULL is allowed. */
void samples_free(struct samples *s);

/** struct locals - external endpoints of ours that nobody has used before. */
struct locals {
	unsigned int n;
	struct local {
		int fd;			/* keeps the port */
		union endpoint ep;
	} at[];
};

/** locals_open() - at least one, @n if there is room. NULL: errno says why. */
struct locals *locals_open(struct gateway *gw, int proto, unsigned int n);
/** locals_keep() - close all but this one, if it is one of them. */
void locals_keep(struct gateway *gw, struct locals *l,
		 const union endpoint *ep);
/** locals_find() - its number, or l->n. */
unsigned int locals_find(const struct locals *l, const union endpoint *ep);
void locals_free(struct gateway *gw, struct locals *l);

#endif /* _NATPUNCHD_GUESS_H */
