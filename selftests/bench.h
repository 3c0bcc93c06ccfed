/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What natpunch costs, in instructions, beside masquerade and beside no NAT.
 *
 * In the VM's virtual time a nanosecond is an instruction, so the clock counts
 * them (see vm/run). Three gateways of equal build stand side by side in one
 * boot and are measured in turn, so that whatever drifts does so for all.
 *
 *	bench.c			the order of it
 *	bench_net.c		host - gateway - server, three times
 *	bench_measure.c		windows of time, mean and spread
 *	bench_budget.c		ceilings, from the file bench.budget
 *	bench_report.c		table and JSON
 *	bench_socket.c		flows between sockets
 *	bench_train.c		packets made by hand
 *	bench_first.c		first packets of flows, alone
 *	bench_scale.c		many flows, many mappings, few ports
 *	bench_million.c		a million mappings, in a VM of its own
 *	bench_smp.c		two processors, likewise
 *	bench_going.c		a connection that goes on meanwhile
 *	bench_hold.c		SYNs held and released, crafted flows
 *	bench_expiry.c		the end of what nobody uses
 *	bench_predict.c		questions about the next flow
 *	bench_size.c		memory, the module's size
 */
#ifndef BENCH_H
#define BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/ep.h"
#include "lab/ktap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum nat { NO_NAT, MASQUERADE, NATPUNCH, NATS };
enum place { AT_HOST, AT_GATEWAY, AT_SERVER, PLACES };

/*
 * The networks have the same addresses for each kind of NAT. What is sent to
 * NEAR_EP's prefix vanishes at the host, and to FAR_EP's at the server, as soon
 * as the device has counted it; all addresses of AWAY_EP's are the server's.
 */
enum endpoint { HOST_EP, SERVER_EP, GATEWAY_EP, NEAR_EP, FAR_EP, AWAY_EP };

void net_start(void);
struct ep net_ep(int family, enum endpoint which, unsigned int port);
/** net_nth() - @e, @n addresses on. */
struct ep net_nth(struct ep e, unsigned int n);
/** net_scatter() - the ports from 1024 on in no order, as @i counts up. */
unsigned int net_scatter(unsigned int i);
int net_socket(enum nat nat, enum place place, int domain, int type,
	       int protocol);
/** net_run() - run a shell command on a gateway; bails out if it fails. */
void net_run(enum nat nat, const char *fmt, ...) __printf(2, 3);
/** net_arrived() - packets that the host's or the server's device has got. */
unsigned long net_arrived(enum nat nat, enum place place);
/** net_forget() - end all flows and mappings. */
void net_forget(enum nat nat);
void net_forget_all(void);
/** net_enter_gateway() - be in its namespace. */
void net_enter_gateway(enum nat nat);
unsigned int net_mappings(void);
/** net_set_hold() - whether natpunch holds SYNs, and how it releases them. */
void net_set_hold(bool on, bool deliver);
/** net_set_crafted() - have @n crafted flows of @whose registered with natpunch. */
void net_set_crafted(unsigned int n, enum endpoint whose);
/** net_forget_internal() - natpunch's mappings of one internal address. */
void net_forget_internal(struct ep internal);

/* What a trial's packets differ in, if each is the first of a flow. */
enum vary { SAME, SRC_PORT, SRC_ADDR, SRC_NET, SRC_HOSTS, DST_PORT, DST_ADDR };

#define TRIAL_MAX 1000

/**
 * struct trial - one thing to measure, in windows of @n packets or flows
 *
 * Windows are taken from one NAT after the other, there and back again,
 * @repeats times. Only ->go() is timed; ->prepare() and ->finish() do what is
 * to be done before and after.
 */
struct trial {
	const char *group, *name;
	unsigned int n, repeats;
	bool without[NATS];
	bool all_tasks;		/* count what others do meanwhile, too */
	bool idles;		/* ... but not when there is nothing to do */
	void (*prepare)(enum nat nat, struct trial *t);
	void (*go)(enum nat nat, struct trial *t);
	void (*finish)(enum nat nat, struct trial *t);
	void *data;
};

struct figure {
	double mean, sd, median;
	unsigned int windows;
};

struct result {
	struct figure of[NATS];
	double over, error;	/* natpunch over masquerade, percent */
	unsigned int again;	/* windows that were taken again */
	unsigned int disturbed;	/* ... in vain */
};

struct result measure(struct trial *t);
/** measure_tells_sleep() - does this kernel say what an idle trial needs? 7.3 does not. */
bool measure_tells_sleep(void);

/**
 * struct contrast - natpunch with several settings, in the same namespace
 */
struct contrast {
	struct figure of[4];
	unsigned int again, disturbed;	/* as in struct result */
};

/** compare() - measure @t with the first @n settings; @choose sets one. */
struct contrast compare(struct trial *t, unsigned int n,
			void (*choose)(unsigned int which, struct trial *t));

/*
 * Trains: packets made by hand, each the first of a flow. They leave and arrive
 * without a socket, so there is little but the gateway's work in their cost.
 */
struct train {
	enum place from, to;	/* to AT_GATEWAY: they must not get through */
	int protocol;		/* UDP or TCP */
	unsigned int flags;	/* TCP's, if not SYN */
	struct ep src, dst;
	enum vary vary;
	const struct ep *hosts;	/* of SRC_HOSTS, with ports in no order */
	unsigned int n_hosts;
	unsigned int beside;	/* what may arrive of others meanwhile */
	bool stray;		/* to another's Ethernet address */
	unsigned int next[NATS];	/* flows there have been */
};

struct train train_out(int family, int protocol, enum vary vary);
/** train_trial() - a trial of @train's packets. */
struct trial train_trial(struct train *train, const char *group,
			 const char *name);
/** train_prepare() - what such a trial does before each window. */
void train_prepare(enum nat nat, struct trial *t);
/** train_reach() - send until there have been @flows flows, untimed. */
void train_reach(enum nat nat, struct train *train, unsigned int flows);
/** train_send() - send @flows more. */
void train_send(enum nat nat, struct train *train, unsigned int flows);
/*
 * train_ready(), train_leave(), train_check() - the next @n packets, at most
 * TRIAL_MAX: make them, send them, bail out if not all arrived.
 */
void train_ready(enum nat nat, struct train *train, unsigned int n);
void train_leave(void);
void train_check(enum nat nat, const struct train *train, const char *name);

/*
 * A connection that goes on.
 */
struct trips {
	unsigned long n;
	double mean, worst;	/* ns */
};

/** going_start() - once; it goes on until the end. */
void going_start(enum nat nat);
/** going_begin() - count from now on, a round trip every @every_us. */
void going_begin(unsigned int every_us);
/** going_end() - the round trips since; bails out if one did not end. */
struct trips going_end(void);

/* The parts. */
void bench_established(void);
void bench_new(void);
void bench_first(void);
void bench_flows_scale(void);
void bench_mappings_scale(void);
void bench_hold(void);
void bench_use(void);
void bench_expiry(void);
void bench_predict(void);
void bench_size(void);
void bench_million(void);
void bench_million_expiry(void);
void bench_smp(void);

/** hold_window() - see that a SYN is held while a window is measured. */
void hold_window(void);
/*
 * established_contrast() - what two settings make of established flows, of the
 * host's or the gateway's own.
 */
void established_contrast(const char *group, enum place near,
			  void (*choose)(unsigned int which, struct trial *t));

/*
 * The budget: figures that must not grow beyond what bench.budget says.
 */

/** budget_load() - the ceilings for kernel @release; @only_check: make check's. */
void budget_load(const char *path, const char *release, bool only_check);
bool budget_quick(void);
unsigned int budget_lines(void);
/** budget_repeats() - @repeats, or fewer if it is for make check. */
unsigned int budget_repeats(unsigned int repeats);
/** budget_wants() - whether a row is to be measured. */
bool budget_wants(const char *group, const char *name);
/** budget_ceiling() - false if that figure of the row has none. */
bool budget_ceiling(const char *group, const char *name, const char *figure,
		    double *ceiling);
/** budget_unmet() - tells the ceilings of what was not measured. */
unsigned int budget_unmet(void (*tell)(const char *group, const char *name,
				       const char *figure));

/*
 * The report. It looks up each figure in the budget; in make check's case each
 * ceiling is a result.
 */
void report_open(const char *json, const char *kernel);
void report_trial(const struct trial *t, const struct result *r);
/** report_ratio() - natpunch's figure, and masquerade's (or 0), over others. */
void report_ratio(const char *group, const char *name, double natpunch,
		  double masquerade);
/** report_contrast() - the second setting's figure less the first's. */
void report_contrast(const struct trial *t, const struct contrast *c);
void report_bytes(const char *group, const char *name, unsigned int bytes);
void report_value(const char *group, const char *name, double value,
		  const char *unit);
/** report_rate() - what its ceiling in the budget is, is a floor here. */
void report_rate(const char *group, const char *name, double per_second);
/** report_close() - the exit status; @whole: all there is was to be measured. */
int report_close(bool whole);

#endif
