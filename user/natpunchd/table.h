/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Our nftables table, "inet natpunchd": the only rules that we make, and all
 * gone when it is. What it holds:
 *
 *   to      which flows get which destination: the peers' endpoints that may
 *           enter, at the serving site; the released clients, at the asking one
 *   from    which flows get which source: the router's own clients
 *   listen  endpoints whose new flows wait for us in the queue
 *   relay   endpoints whose new flows go to the TUN device instead (relay.h)
 *   own     endpoints where flows that nothing above knows are dropped
 *   closed  flows that were ended: who goes on sending is told so
 *   hushed  an address of the other side's and an endpoint: packets of ours die between
 *           them, and no flow's end hears of it
 *   check   external endpoints whose STUN messages we want to see before anybody
 *   watch   pairs of endpoints whose answers we want to see before anybody
 *   expect  pairs of addresses: a flow is to begin, or an answer to come, and the
 *           ports are not known yet. Those we want to see, too
 *
 * Nobody enters but by "to", and its elements die by themselves after seconds:
 * a flow that has begun is conntrack's. So nothing is open if the table is lost,
 * be it with our death or by somebody's `nft flush ruleset`.
 *
 * Only first packets of flows meet these rules, so they cost a flow nothing
 * later. The exceptions are one comparison of conntrack's state, of packets for the
 * router itself ("own") and of all ("watch"), and of UDP's first words ("check"), of
 * all. So the chains that all meet are there only while they may be of use,
 * table_look(). When a chain goes the kernel forgets all packets that wait in its
 * queues: it goes when none does.
 *
 * Every call is a transaction: done, or nothing has changed.
 */
#ifndef _NATPUNCHD_TABLE_H
#define _NATPUNCHD_TABLE_H

#include "endpoint.h"

#define TABLE_NAME	"natpunchd"
#define TABLE_QUEUE	28272	/* "np": the queue's number */
#define TABLE_MARK	28272	/* of the packets that we craft */

struct event_base;
struct table;

/**
 * table_open() - made anew; one that a dead daemon left is replaced.
 * @queues: queues_open()'s
 */
int table_open(struct table **t, struct event_base *base, int queues);
/** table_rest() - no packet is queued any more. NULL is allowed. */
void table_rest(struct table *t);
/** table_close() - taken away. NULL is allowed. */
void table_close(struct table *t);
/** table_error() - what nftables said about the call that failed last. */
const char *table_error(const struct table *t);

int table_listen(struct table *t, int proto, const union endpoint *ep);
int table_unlisten(struct table *t, int proto, const union endpoint *ep);

/** table_relay() - new flows to @ep go to @to, until table_unrelay(). */
int table_relay(struct table *t, int proto, const union endpoint *ep,
		const union endpoint *to);
void table_unrelay(struct table *t, int proto, const union endpoint *ep);

/**
 * table_own() - nobody else gets to @ep, a port of ours: he gets no answer. Programs
 * of this host may.
 */
int table_own(struct table *t, int proto, const union endpoint *ep);
void table_disown(struct table *t, int proto, const union endpoint *ep);

/** struct table_flow - a flow's first packet. */
struct table_flow {
	int proto;
	const union endpoint *src, *dst;
	bool hush;		/* table_to(): table_hush(), too */
};

/** table_to() - for so many seconds; replaces what was said of the same. */
int table_to(struct table *t, const struct table_flow *flow,
	     const union endpoint *to, unsigned int seconds);
int table_from(struct table *t, const struct table_flow *flow,
	       const union endpoint *from, unsigned int seconds);
/** table_forget() - whatever was said of the flow; not to know it is no error. */
void table_forget(struct table *t, const struct table_flow *flow);

/**
 * table_hush() - packets with the flow's endpoints, or another port of its source,
 * leave that shall not arrive. What is said of that (ICMP time exceeded), the ends of
 * no such flow hear for @seconds from now on.
 */
int table_hush(struct table *t, const struct table_flow *flow,
	       unsigned int seconds);

/** table_ended() - its sender gets a RST if he goes on; forgotten by and by. */
int table_ended(struct table *t, const struct table_flow *flow);

/**
 * table_look() - what table_check(), table_watch() and table_expect() ask for may
 * come within the next 20 s. The latter two say so themselves.
 */
int table_look(struct table *t);

/** table_check() - show us the STUN messages that come to @ep. */
int table_check(struct table *t, const union endpoint *ep);
int table_uncheck(struct table *t, const union endpoint *ep);

/** table_watch() - show us the answers from @src to @dst, for @seconds. */
int table_watch(struct table *t, const union endpoint *src,
		const union endpoint *dst, unsigned int seconds);
void table_unwatch(struct table *t, const union endpoint *src,
		   const union endpoint *dst);

/**
 * table_expect() - show us new flows from @src's address to @dst's, and answers to
 * what conntrack did not see, for @seconds. It ends by itself.
 */
int table_expect(struct table *t, const union endpoint *src,
		 const union endpoint *dst, unsigned int seconds);

#endif /* _NATPUNCHD_TABLE_H */
