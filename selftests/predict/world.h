/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A gateway in front of a NAT of the zoo, with a LAN behind it: it takes the
 * samples, counts its own flows and asks the predictor. Shared by the benchmark
 * of the predictor and its yardsticks.
 */
#ifndef PREDICT_WORLD_H
#define PREDICT_WORLD_H

#include "../natzoo/zoo.h"
#include "predict.h"

#define WORLD_SAMPLES	16
#define MS		ZOO_NS_PER_MS

/* What the prior of the benchmark says of foreign traffic, mappings a second. */
#define RATE_MIN	1.0
#define RATE_MAX	100.0

struct world {
	struct zoo *zoo;
	struct zoo_dice dice;
	uint64_t now;
	double lan_rate;	/* new flows a second, of the LAN */
	uint64_t lan_next;
	bool lan_started;
	unsigned int lan_port;
	struct np_count own;	/* what the kernel has counted */
	struct np_count probes;	/* what a program without that knows of */
	bool full;		/* a flow got no port: not the NAT to test */
	unsigned int n;		/* samples taken */
	struct np_sample samples[WORLD_SAMPLES];
};

/** world_start() - a new NAT of @kind; @seed is for the LAN and the order. */
void world_start(struct world *w, const struct zoo_kind *kind, uint64_t seed,
		 double lan_rate);
void world_end(struct world *w);

/** world_wait() - let @ns pass: others make mappings, and the LAN its flows. */
void world_wait(struct world *w, uint64_t ns);

/** world_open() - a flow of our own; returns the port that it got. */
uint16_t world_open(struct world *w, unsigned int port, uint32_t dest,
		    unsigned int dest_port);

/** world_probe() - the next sample of the plan (two ports, two servers). */
void world_probe(struct world *w);

/** world_learn() - feed the samples, with the LAN's count or without. */
void world_learn(const struct world *w, struct np_predict *p, bool counted);

/** world_question() - about @flows from @port to an unknown peer, now. */
struct np_question world_question(const struct world *w, unsigned int port,
				  unsigned int flows, unsigned int ports,
				  bool counted);

/** world_class() - a verdict in the zoo's words. */
enum zoo_class world_class(const struct np_verdict *v);

struct np_endpoint world_endpoint(uint32_t addr, unsigned int port);

#define WORLD_GATEWAY	0x64400102	/* 100.64.1.2 */
#define WORLD_PEER	0xcb007107	/* 203.0.113.7 */
#define WORLD_PORT	5000		/* and the next: the two that ask */

/*
 * The yardstick: what can be known from the same samples, in floating point, with
 * the very distributions that the zoo and the benchmark draw from.
 */

/** ideal_class() - the most probable class; @p gets its probability. */
enum zoo_class ideal_class(const struct world *w, bool traffic, double *p);

/**
 * ideal_window() - the best @n numbers of foreign mappings in @ns, knowing the
 * samples and the step: the first of them, and its probability.
 */
unsigned int ideal_window(const struct world *w, int step, double ns,
			  unsigned int n, double *p);

/** poisson_window() - the same, knowing the mean. */
double poisson_window(double mean, unsigned int n);

#endif
