/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Visits: clients in the LAN of site B, a TCP service in that of site A which
 * knows nothing of natpunch, and the sites' session between them.
 */
#ifndef LAB_VISIT_H
#define LAB_VISIT_H

#include "sites.h"

#define SESSION_MS	20000

/**
 * visit_set_up() - both sites anew, and the service on 10.1.0.2:22.
 * @zoo_a, @zoo_b: the NATs in front of the gateways; NULL: none
 * Return: whether the sites know that they are online
 */
bool visit_set_up(const char *zoo_a, const char *zoo_b);
/** visit_begin() - the same, but the sites need not see each other. */
bool visit_begin(const char *zoo_a, const char *zoo_b);
/** visit_want() - B's daemon is asked to connect, the listener 10.2.0.1:2222. */
bool visit_want(void);
/** visit_session() - all this, and wait. Milliseconds from visit_want() on; -1. */
long visit_session(const char *zoo_a, const char *zoo_b);
/** visit_serve() - the service listens, as after visit_set_up(), or does not. */
void visit_serve(bool listens);
int visit_listener(void);
/** visit_logs() - both daemons', as diagnostics. */
void visit_logs(void);

/** struct visit - a client's connection. */
struct visit {
	int client, service;
	struct ep peer;		/* as the service sees it */
	long ms;		/* from the client's SYN to being connected */
};

/** visit_open() - from a node of B's LAN; data goes both ways. */
bool visit_open(struct visit *v, enum node node);
bool visit_open_from(struct visit *v, enum node node, struct ep local);
bool visit_lives(const struct visit *v);
void visit_close(struct visit *v);

#endif
