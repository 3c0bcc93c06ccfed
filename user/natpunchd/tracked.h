/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live flows, as conntrack knows them (libnetfilter_conntrack). A flow is named by
 * its first packet: who sent it, and to whom before any translation.
 */
#ifndef _NATPUNCHD_TRACKED_H
#define _NATPUNCHD_TRACKED_H

#include "endpoint.h"

struct tracker;

/** struct tracked - what conntrack says of a flow. */
struct tracked {
	bool answered;		/* packets went both ways */
	bool established;	/* TCP: the handshake is complete, no end seen */
	bool counted;		/* the next two are known (nf_conntrack_acct) */
	uint64_t bytes_out;	/* from who began the flow */
	uint64_t bytes_in;
	unsigned int timeout_s;	/* forgotten then, if no packet comes */
	union endpoint from, to;	/* as the world sees its answers */
};

int tracker_open(struct tracker **t);
void tracker_close(struct tracker *t);
/** tracked_get() - 0, -ENOENT: there is none, -errno. */
int tracked_get(struct tracker *t, int proto, const union endpoint *src,
		const union endpoint *dst, struct tracked *tracked);
/** tracked_keep() - it is forgotten after @seconds, if no packet comes. */
int tracked_keep(struct tracker *t, int proto, const union endpoint *src,
		 const union endpoint *dst, unsigned int seconds);
/** tracked_list() - who has flows to @dst that were answered. */
void tracked_list(struct tracker *t, int proto, const union endpoint *dst,
		  void (*fn)(const union endpoint *src, void *data),
		  void *data);
/** tracked_kill() - end it; its packets are strangers from now on. */
int tracked_kill(struct tracker *t, int proto, const union endpoint *src,
		 const union endpoint *dst);

/**
 * tracked_via() - how many flows come from @via, or go there by translation, and
 * perhaps end them. The address counts, not the port.
 */
unsigned int tracked_via(struct tracker *t, int proto,
			 const union endpoint *via, bool end);

#endif /* _NATPUNCHD_TRACKED_H */
