/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gateway that we run on, as all files of the data path see it: natpunch and
 * netfilter, the WAN, the STUN servers. gateway.c fills it in at the start.
 */
#ifndef _NATPUNCHD_GATEWAY_H
#define _NATPUNCHD_GATEWAY_H

#include <natpunch.h>

#include "endpoint.h"
#include "natpunchd.h"

#define MAX_STUN_SERVERS	8
#define MAX_RELAYS		8

struct change;
struct datagram;
struct external;
struct flow;
struct lifetime;
struct module;
struct portmap;
struct portmapper;
struct queue;
struct reflex;
struct segment;
struct table;
struct tracker;
struct tun;

/** struct stun_server - or TURN; as far as its name is resolved. */
struct stun_server {
	struct gateway *gateway;
	char host[256];			/* the configuration's */
	int port;
	union endpoint addr;		/* IPv4; none: not resolved (yet) */
	union endpoint addr6;		/* IPv6; likewise, or it has none */
	bool resolving;
	bool failed;			/* the last time */
	uint16_t other_port;		/* where it answers, too (RFC 5780), or 0 */
	const char *what;		/* for the log */
};

struct gateway {
	struct daemon *daemon;
	struct natpunch *np;		/* NULL: there is no module */
	bool managed;			/* it has a WAN here */
	struct module *module;		/* module.c: what comes of it */
	char wan[NATPUNCH_DEV_SIZE];	/* "": natpunch manages none */
	union endpoint address;		/* the WAN's; none: it has no IPv4 */
	union endpoint address6;	/* ... and what it sends IPv6 from */
	unsigned int dev6;		/* number of the device that IPv6 leaves by */
	struct table *table;		/* NULL: nftables refused */
	struct queue *queue;
	struct tracker *tracker;
	struct change *change;
	int raw, raw6;			/* sockets for what we craft */
	struct external *externals;	/* external.c: a list */
	struct reflex *reflexes;	/* reflex.c: a list */
	struct portmap *portmaps;	/* portmap.c: a list */
	struct portmapper *portmapper;	/* ... and the router */
	json_t *ways;			/* ways.c: what worked */
	json_t *lifetimes;		/* lifetime.c: what was measured */
	struct lifetime *lifetime;	/* ... and is being */
	union endpoint seen_as;		/* ... by NATs upstream; none: unknown */
	unsigned int n_paced;		/* pace.c */
	unsigned int n_locals;		/* guess.c: sockets */
	unsigned int n_servers;
	struct stun_server servers[MAX_STUN_SERVERS];
	unsigned int n_relays;
	struct stun_server relays[MAX_RELAYS];
	struct event *lookup;		/* names that were not found */
	bool reload_due;		/* when all are looked up */
	struct tun *tun;		/* relay.c: NULL: nothing is relayed */
};

int gateway_open(struct gateway **gw, struct daemon *d);
void gateway_close(struct gateway *gw);
/** gateway_reload() - the configuration is another one. */
void gateway_reload(struct gateway *gw);
/** gateway_look() - what WAN and addresses are there now? False: none. */
bool gateway_look(struct gateway *gw);
/** gateway_address() - the WAN's of that family, as gateway_look() has found it. */
const union endpoint *gateway_address(const struct gateway *gw, int family);
/** stun_server_addr() - of that family; its port is 0 if there is none (yet). */
const union endpoint *stun_server_addr(const struct stun_server *server,
				       int family);
/**
 * gateway_limit() - what keeps us from serving others than this host itself, in
 * words: natpunch, who else would translate IPv4, is missing. NULL: nothing.
 * gateway_limit_at() - the same of a service or a client at @ep.
 */
const char *gateway_limit(const struct gateway *gw);
const char *gateway_limit_at(const struct gateway *gw, const union endpoint *ep);
/** gateway_ready() - were all names of servers looked up, found or not? */
bool gateway_ready(struct gateway *gw);
/**
 * gateway_leads_out() - do packets to @ep leave by the WAN? What does not is
 * nothing that a peer may talk us into sending to.
 */
bool gateway_leads_out(const struct gateway *gw, const union endpoint *ep);
/** gateway_is_own() - is it an address of this system? */
bool gateway_is_own(const union endpoint *ep);
/** gateway_craft() - send it past our own conntrack. 0 or -errno */
int gateway_craft(struct gateway *gw, const struct segment *s);
int gateway_send(struct gateway *gw, const struct datagram *d);
/** gateway_ask() - ... a STUN message that may be answered by another. */
int gateway_ask(struct gateway *gw, const struct datagram *d);

#endif /* _NATPUNCHD_GATEWAY_H */
