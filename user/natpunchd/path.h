/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a session connects: candidates of both sides, and the flows. path.c is its
 * life (struct path_ops), candidate.c collects and checks candidates.
 */
#ifndef _NATPUNCHD_PATH_H
#define _NATPUNCHD_PATH_H

#include "endpoint.h"
#include "session.h"

struct loopback;
struct relay;

#define MAX_CANDIDATES	8	/* of a peer; more are not looked at */

/** enum candidate_kind - RFC 8445 section 5.1.1's kinds, so far. */
enum candidate_kind {
	CANDIDATE_HOST,
	CANDIDATE_SRFLX,
	CANDIDATE_PRFLX,
	CANDIDATE_PREDICTED,	/* the port will be another one */
	CANDIDATE_MAPPED,	/* the router upstream forwards it: portmap.h */
	CANDIDATE_KINDS
};

struct candidate {
	enum candidate_kind kind;
	union endpoint ep;
};

struct path {
	struct session *session;
	struct gateway *gateway;
	union endpoint place;		/* the service, or the listener; or ... */
	struct loopback *loopback;	/* ... what stands for it */
	bool owned;			/* only this host may go there */

	/* candidate.c: ours */
	/* The service's, or the listener's; NULL: there is no such address here. */
	struct external *external;
	unsigned int server;		/* of the gateway's STUN servers */
	struct mapped *mapped;
	struct hops *hops;
	struct event *timer;
	union endpoint public;		/* the external endpoint from outside */
	uint64_t mapped_ms;		/* UDP: clock_ms() when that was asked */
	bool upstream;			/* NATs change it on the way */
	bool dependent;			/* ... to another one for each destination */
	bool any_port;			/* ... which can not be ranked */
	bool few_ports;			/* ... of a narrow range, soon used up */
	bool by_address;		/* ... of another address only */
	struct mapped *second;		/* another server sees the same? */
	struct samples *samples;
	unsigned int nat_hops;		/* to the outermost of them */
	bool waiting;			/* for the router, and for nothing else */
	union endpoint portmap;		/* on the router, as the peer was told */

	/* the peer's */
	unsigned int n_remote;
	struct candidate remote[MAX_CANDIDATES];
	bool remote_upstream;		/* NATs change its endpoint */
	bool remote_dependent, remote_any_port, remote_few_ports;
	bool remote_by_address;
	bool remote_relay;		/* it has a server for it */
	bool remote_tunnel;		/* its WAN has an IPv6 address: relay.h */
	bool remote_same, remote_other;	/* it has what is of our family, of the other */
	struct candidate chosen;	/* asks: the one that answered */
	unsigned int rtt_ms;		/* of the probe */

	/* flow*.c */
	struct flow *flows;
	unsigned int n_flows;
	bool listening;

	struct relay *relay;		/* relay.c: NULL: none is needed */
};

/* candidate.c */
int candidate_gather(struct path *p);
/** candidate_adopted() - they are known from before; see that they still hold. */
int candidate_adopted(struct path *p);
void candidate_free(struct path *p);
/** candidate_parse() - what the peer sent, as far as it makes sense. */
unsigned int candidate_parse(struct path *p, const json_t *array);
/**
 * candidate_is_tried() - @forwarded: where nothing upstream has to be opened; else
 * where it is opened, or guessed.
 */
bool candidate_is_tried(enum candidate_kind kind, bool forwarded);
const char *candidate_kind_name(enum candidate_kind kind);
/** candidate_kind_of() - NULL, or what is none, is CANDIDATE_KINDS. */
enum candidate_kind candidate_kind_of(const char *name);

/* path.c */
/**
 * path_place() - where packets for the service, or the listener, go: p->place.
 * @was: the same of before a restart, as far as it is known
 * @why: EXTERNAL_WHY bytes: the reason if it can not be anywhere here
 */
bool path_place(struct path *p, const union endpoint *was, char *why);
/** path_admit_clients() - asks: there is a way for them, from now on. */
void path_admit_clients(struct path *p);
/**
 * path_family() - of the listener and its clients, or of the service. conntrack does
 * not translate between families, so all endpoints of a path are of this one.
 */
int path_family(const struct path *p);
/** path_address() - the WAN's, of that family. */
const union endpoint *path_address(const struct path *p);
/** path_server() - the gateway's STUN server of that number, likewise. */
const union endpoint *path_server(const struct path *p, unsigned int i);
/** path_leads_out() - is it of that family, and reached by the WAN? */
bool path_leads_out(const struct path *p, const union endpoint *ep);
/**
 * path_is_filtered() - does something on our side of the way let in what answers, and
 * nothing else? NATs do. Of IPv6's firewalls nobody tells, so there is always one.
 */
bool path_is_filtered(const struct path *p);
/**
 * path_hops_out() - how far opening packets go, so that they pass what filters and die
 * behind it. @again: so many have gone before, to no avail.
 */
unsigned int path_hops_out(const struct path *p, unsigned int again);
/**
 * path_opens_many() - both sides' NATs give each destination another port, but ours
 * the same one to all of the peer's: so we open many, whatever his will be. If his
 * do so, too, the side that serves does it.
 */
bool path_opens_many(const struct path *p);
/**
 * path_undirect() - there is no direct way for this attempt: what is not relayed
 * fails.
 */
void path_undirect(struct path *p, const char *why);
/** path_retry() - relayed: is there a direct way by now? */
void path_retry(struct path *p);
/** path_unforwarded() - the peer's router does not forward: other ways. */
void path_unforwarded(struct path *p);
/** path_probed() - the probe's end; @why: NULL, or why there was no answer. */
void path_probed(struct path *p, const struct candidate *answered,
		 const char *why);
/** path_proven() - serves: the peer's probe came through. */
void path_proven(struct path *p);

#endif /* _NATPUNCHD_PATH_H */
