/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Punches: many TCP simultaneous opens between A and B at once, each from ports
 * of its own, timed to the microsecond. The port says which policy of the
 * gateways it meets.
 *
 *	struct punch p[2] = {
 *		{ .policy = PUNCH_REJECT, .first = A, .skew_ms = 500 },
 *		{ .policy = PUNCH_REJECT, .first = B, .skew_ms = 500 },
 *	};
 *
 *	gateways(NAT_NATPUNCH, NAT_NATPUNCH, "--filter eif");
 *	punch_policies();
 *	punch_all(p, 2);
 *	punch_ok(&p[0])		and punch_ms(&p[0]) or punch_error(&p[0])
 */
#ifndef LAB_PUNCH_H
#define LAB_PUNCH_H

#include "lab.h"

/* What an admin does with new connections, to the gateway and through it. */
enum punch_policy {
	PUNCH_ACCEPT, PUNCH_REJECT, PUNCH_REJECT_RST, PUNCH_DROP,
	PUNCH_POLICIES
};

#define PUNCH_MAX 1000	/* at once, and of a policy */

/** struct punch_peer - one end */
struct punch_peer {
	enum node node;
	unsigned int port;
	struct ep mapped;	/* as the server saw it */
	int sock, error;
	bool heard;		/* what the other end wrote */
	double connected;	/* when, ms; 0: not yet */
};

/** struct punch - two ends; the first four are the caller's to set */
struct punch {
	enum punch_policy policy;
	enum node first;	/* A or B */
	double delay_ms;	/* the first SYN's, after the start */
	double skew_ms;		/* the second SYN's, after the first */
	struct punch_peer peer[2];	/* in the order of their SYNs */
	double second;		/* when the second SYN was sent, ms */
};

const char *punch_policy_name(enum punch_policy policy);
/** punch_policies() - set them up on both gateways, after gateways(). */
void punch_policies(void);
/** punch_learn() - both ends of all learn their external endpoints. */
void punch_learn(struct punch *punches, unsigned int n);
/** punch_run() - punch, and speak; ends 10 s after the last SYN at the latest. */
void punch_run(struct punch *punches, unsigned int n);
/** punch_all() - punch_learn() and punch_run(). */
void punch_all(struct punch *punches, unsigned int n);

/** punch_ok() - both are connected, to each other, and have heard it. */
bool punch_ok(const struct punch *p);
/** punch_ms() - from the second SYN until both were connected. */
double punch_ms(const struct punch *p);
/** punch_error() - why not: the first end's error, or the second's. */
int punch_error(const struct punch *p);

#endif
