/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Do two sites connect, and how fast, whatever NATs are in front of them? All pairs
 * of the zoo, in the VM's virtual time, with mosquitto and coturn.
 *
 *	bench_punch.c		the pairs, one after the other
 *	bench_punch_load.c	what a connection's packets cost
 *	bench_punch_watch.c	what the asking site's daemon says, and when
 *	bench_punch_report.c	tables, and the limits
 *	bench_punch_model.c	the probability that a pair can connect directly
 */
#ifndef BENCH_PUNCH_H
#define BENCH_PUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lab/lab.h"

/* What can be known of the port that a NAT gives to the next destination. */
enum ports {
	PORT_KNOWN,		/* it is the same one for all of them */
	PORT_COUNTED,		/* the next one */
	PORT_COUNTED_BUSY,	/* ... but for what others have taken meanwhile */
	PORT_ANY,		/* of a range */
};

/** struct kind - a NAT in front of a gateway. */
struct kind {
	const char *name;
	const char *zoo;	/* its text for the zoo; NULL: none at all */
	enum ports ports;
	bool lets_in;		/* whoever comes from the address that was sent to */
	unsigned int range;	/* PORT_ANY: of so many, ... */
	unsigned int flows, tries; /* ... which natpunch advises so many for */
};

extern const struct kind kinds[];
extern const size_t n_kinds;
/** kind_find() - by name; NULL. */
const struct kind *kind_find(const char *name);

/** model() - the probability that the first attempt connects directly. */
double model(const struct kind *a, const struct kind *b);

#define RTT_MS		40	/* the lab's, between any two */
#define NEVER		(-1.0)

/** struct times - milliseconds since the wish; NEVER. */
struct times {
	double checking;	/* both sites have the other's candidates */
	double relayed, direct;
};

/** watch_open() - ask a daemon for something, and for what happens then. */
void watch_open(enum node gw, const char *request);
/** watch_session() - until it is direct, or was relayed for @patience_ms. */
struct times watch_session(const char *service, int patience_ms);
void watch_close(void);
/** watch_ms() - the clock that all this is by. */
double watch_ms(void);

/** load() - the cost of packets, to @file. */
void load(FILE *file);
/** report() - tables of what is in a file; 1 if a limit is broken. */
int report(const char *path);

#endif
