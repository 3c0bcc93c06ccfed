/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mapping prediction: which external endpoint will the NATs in front of us give
 * to the next flow?
 *
 * Pure functions over one struct np_predict: integer arithmetic, no allocation,
 * no call into the kernel or a C library beside memcpy() and the division of
 * 64-bit numbers; the same object code in the kernel and in user space. Nothing
 * here knows a packet, a clock or a lock.
 *
 * One struct np_predict serves one upstream: one external address of ours and
 * one protocol. Whoever owns it serialises all calls (np_predict_class() and
 * np_predict_ask() write to it too: they keep what they have worked out). Who
 * learns where thinking would take too long thinks about a copy elsewhere.
 *
 * Ports are in host byte order. Addresses are as on the wire, IPv4 in the first
 * four bytes. Times are nanoseconds of any clock; it may jump in either
 * direction. Counters may start anywhere and wrap.
 */
#ifndef _NP_PREDICT_H
#define _NP_PREDICT_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
typedef __s8 s8;
typedef __u8 u8;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
#endif

/* Samples that are remembered; a new one replaces the oldest. */
#define NP_PREDICT_SAMPLES	32

/* The most ports that one answer lists, ... */
#define NP_PREDICT_PORTS	1024

/* ... and by how many guesses at most: of a long list some are runs of ports. */
#define NP_PREDICT_GUESSES	64

/* The most flows that one question is about. */
#define NP_PREDICT_FLOWS	1024

/* Probabilities are parts of this: 1 is 2^30. */
#define NP_P_BITS		30
#define NP_P_ONE		0x40000000U

/* Rates are mappings in 1 024 seconds: r >> 10 is the rate a second. */
#define NP_RATE_BITS		10

#define NP_FAMILY_IPV4		2	/* AF_INET here and there */
#define NP_FAMILY_IPV6		10	/* AF_INET6 of Linux */

struct np_endpoint {
	u8 addr[16];		/* network byte order; IPv4: the first 4 */
	u16 port;		/* host byte order */
	u8 family;		/* NP_FAMILY_* */
	u8 unused;
};

/* Who says so. */
enum np_source {
	NP_SOURCE_OBSERVED,	/* read from an answer that passed by */
	NP_SOURCE_FED,		/* told by a program over netlink */
};

/**
 * struct np_count - what this gateway itself made towards the upstream so far
 * @flows: new flows, of which several may share one mapping of ours; [0] from
 *	even external ports of ours, [1] from odd ones
 * @mappings: new mappings of ours (external endpoints that the upstream sees as
 *	internal ones and had not seen before), by parity too; who does not
 *	count them separately writes the number of flows here as well
 *
 * All of this upstream's address and protocol, running; they may wrap. An
 * upstream with endpoint-independent mapping takes a port a mapping of ours, one
 * with address and port-dependent mapping takes one a flow.
 */
struct np_count {
	u32 flows[2];
	u32 mappings[2];
};

/**
 * struct np_sample - one mapping of the upstream as it was seen
 * @internal: the internal endpoint as the upstream sees it: our external one
 * @dest: where the flow went
 * @mapped: the source that the destination saw
 * @time: when the first packet of the flow left, not when the answer came
 * @own: the count at that moment, with this flow in it
 * @source: enum np_source
 *
 * A flow may be reported as often as its mapping is seen again: then with the
 * same @internal and @dest; @time and @own of the first report are kept.
 */
struct np_sample {
	struct np_endpoint internal;
	struct np_endpoint dest;
	struct np_endpoint mapped;
	u64 time;
	struct np_count own;
	u8 source;
};

/* When an external endpoint is used again (RFC 4787, 4.1). */
enum np_mapping_class {
	NP_MAPPING_UNKNOWN,
	NP_MAPPING_NONE,	/* no NAT: mapped is internal */
	NP_MAPPING_EI,		/* endpoint-independent */
	NP_MAPPING_AD,		/* address-dependent */
	NP_MAPPING_APD,		/* address and port-dependent */
	NP_MAPPING_MAX,
};

/* Which port a new mapping gets. */
enum np_alloc_class {
	NP_ALLOC_UNKNOWN,
	NP_ALLOC_PRESERVE,	/* the internal one */
	NP_ALLOC_STEP,		/* the last one and a constant */
	NP_ALLOC_PARITY,	/* the next one that keeps the parity */
	NP_ALLOC_PER_DEST,	/* counted for every destination anew */
	NP_ALLOC_BLOCK,		/* any of a block that is ours */
	NP_ALLOC_BAND,		/* any of a narrow band */
	NP_ALLOC_RANDOM,	/* any at all */
	NP_ALLOC_MAX,
};

enum np_certainty {
	NP_CERTAIN_NOTHING,	/* no sample */
	NP_CERTAIN_TOO_FEW,	/* too few samples to tell classes apart */
	NP_CERTAIN_AMBIGUOUS,	/* several classes explain what was seen */
	NP_CERTAIN_SURE,	/* one class does, with 95 % or more */
};

/* Samples that would tell more, as a set. */
enum np_want {
	NP_WANT_MORE	 = 1,	/* any */
	NP_WANT_PORT	 = 2,	/* same internal, other port of dest */
	NP_WANT_ADDRESS	 = 4,	/* same internal, other address of dest */
	/* same dest, other port of internal, of the other parity */
	NP_WANT_INTERNAL = 8,
};

/**
 * struct np_verdict - what the samples say about the upstream
 * @samples: samples it rests on
 * @mapping: enum np_mapping_class, the most probable
 * @alloc: enum np_alloc_class, the most probable with that mapping
 * @certainty: enum np_certainty, of both
 * @want: set of enum np_want
 * @p: probability of @mapping and @alloc together
 * @mapping_p: probability of @mapping alone
 * @step: what is added from one mapping to the next, 0 if unknown; STEP, PER_DEST: any,
 *	PARITY: of one parity
 * @lo: the lowest port that new mappings are believed to get
 * @hi: the highest
 * @bounds_known: @lo and @hi are more than a guess; a BLOCK's are its bounds
 * @mapped: an external address of the upstream, that of the newest sample
 * @addresses: external addresses seen
 * @lies: samples that fit nothing
 * @rate: foreign mappings, in 1 024 s, as estimated from the last second, or
 *	from the shortest time that says anything
 * @rate_lo: 5 % quantile of what @rate may be
 * @rate_hi: 95 % quantile
 * @rate_time: nanoseconds that the estimate rests on; 0: none could be made
 */
struct np_verdict {
	u32 samples;
	u8 mapping;
	u8 alloc;
	u8 certainty;
	u8 want;
	u32 p;
	u32 mapping_p;
	s32 step;
	u16 lo;
	u16 hi;
	bool bounds_known;
	struct np_endpoint mapped;
	u32 addresses;
	u32 lies;
	u32 rate;
	u32 rate_lo;
	u32 rate_hi;
	u64 rate_time;
};

/**
 * struct np_question - which ports will our next flows get?
 * @internal: from here; further flows are from other ports of this address (or,
 *	where the upstream's mapping depends on it, to others of @dest's)
 * @dest: to there; port 0: unknown yet. A peer behind a NAT has no endpoint
 *	yet that is known, but its address may be
 * @flows: flows that will be opened, 1 to NP_PREDICT_FLOWS (0 is taken for 1)
 * @within: nanoseconds from @now in which they will; they are taken to leave
 *	evenly spread, the last one at the end. 0: at once
 * @now: the time
 * @own: the counts now, without the flows in question
 * @ports: ports wanted, at most NP_PREDICT_PORTS
 * @wanted: probability wanted for the advice; 0 is taken for 95 %
 */
struct np_question {
	struct np_endpoint internal;
	struct np_endpoint dest;
	u32 flows;
	u64 within;
	u64 now;
	struct np_count own;
	u32 ports;
	u32 wanted;
};

/**
 * struct np_guess - a port in the answer, or a run of such that are worth the same
 * @p: probability that one of the flows gets this port; of several the mean
 * @sum: probability that one of the flows gets one of these ports or one before
 *	them in the list; between two guesses it rises evenly
 * @port: the port, of several the first one
 * @count: ports, at least 1
 * @step: from one of several to the next, less than @hi - @lo either way
 * @lo: the lowest of the ports that they are taken from; where they go on after
 *	@hi. With one port it is that one
 * @hi: the highest
 *
 * Long lists would cost more to write down than to think about, therefore runs. One
 * may name a port again that was listed before.
 */
struct np_guess {
	u32 p;
	u32 sum;
	u16 port;
	u16 count;
	s32 step;
	u16 lo;
	u16 hi;
};

/** np_guess_port() - number @i of the ports in @g, from 0 on, less than @count */
static inline u16 np_guess_port(const struct np_guess *g, u32 i)
{
	s32 size = g->hi - g->lo + 1;
	s32 at = (g->port - g->lo + g->step * (s32)i) % size;

	return (u16)(g->lo + (at < 0 ? at + size : at));
}

enum np_advice {
	NP_ADVICE_NONE,		/* nothing is known */
	NP_ADVICE_LIST,		/* the ports listed do */
	NP_ADVICE_BIRTHDAY,	/* open many, try many: advice_flows, _ports */
	NP_ADVICE_RELAY,	/* nothing reasonable reaches what is wanted */
};

/**
 * struct np_answer - what to expect
 * @verdict: as np_predict_class() gives it
 * @mapped: the address that the ports belong to; its port is the first one
 * @address_p: probability that it is that address; already part of the others
 * @n: guesses in the caller's array
 * @ports: ports in these
 * @p: probability that at least one flow gets one of those
 * @known: the mapping exists already and will be used
 * @advice: enum np_advice
 * @advice_flows: flows to open to reach what was wanted
 * @advice_ports: ports to try then
 * @advice_p: what that reaches
 */
struct np_answer {
	struct np_verdict verdict;
	struct np_endpoint mapped;
	u32 address_p;
	u32 n;
	u32 ports;
	u32 p;
	bool known;
	u8 advice;
	u32 advice_flows;
	u32 advice_ports;
	u32 advice_p;
};

/* What one way of explaining the samples comes to; predict.c's own. */
struct np_hypothesis {
	s64 score;		/* log2 of its likelihood and prior, Q16 */
	u32 p;			/* its part of all */
	u8 mapping;
	u8 alloc;
	u8 gaps;		/* that the rate rests on */
	u8 lies;
	u8 newest[2];		/* samples that the next mapping follows, by
				 * parity if that matters; NP_NO_SAMPLE
				 */
	bool quiet;		/* no foreign mapping was ever seen */
	bool by_port;		/* PER_DEST: the destination's port counts */
	bool hashed;		/* PER_DEST: each starts somewhere else */
	s32 step;
	u32 lo;			/* ports that new mappings get; BAND: the ... */
	u32 hi;			/* ... lowest and the highest seen */
	u32 width;		/* BAND: its width */
	u32 foreign;		/* foreign mappings (Q8) in about a second */
	u32 ticks;		/* that time, in 1 024 ns */
};

/* How a sample relates to those before it. */
enum np_relation {
	NP_REL_FIRST,		/* none of this key was known */
	NP_REL_AGREE,		/* the key has the mapping that it had */
	NP_REL_CONFLICT,	/* it has another one */
};

/* Numbers that are equal where the samples are, and the relation by key. */
struct np_tag {
	u32 internal;
	u32 daddr;
	u32 dest;
	u32 maddr;
	u32 again;		/* AGREE with AD, so far */
	u8 rel[NP_MAPPING_MAX];
};

#define NP_HYPOTHESES	48
#define NP_STREAMS	4
#define NP_FLATS	8
#define NP_NO_SAMPLE	0xff

/* A port that some hypotheses are sure of, as an answer is made. */
struct np_point {
	u32 p;
	u16 port;
	bool told;
};

/* A hypothesis about ports that follow one another, as an answer is made. */
struct np_stream {
	const struct np_hypothesis *h;
	u32 p;			/* of the hypothesis */
	u32 base;		/* the port if nothing foreign comes between */
	u32 tile;		/* consecutive numbers that one guess covers */
	u32 piece;		/* of them may be added up at once */
	u32 dense;		/* how likely it does: Q30 */
	u32 left;		/* numbers from left to right - 1 are done */
	u32 right;
	u32 edge[2];		/* probability of left - 1, of right */
	u32 mass[2];		/* of the next guess to the left, the right */
	u32 end[2];		/* where that one's tile ends */
	bool both;		/* that to the left is known, too */
	/* Of the number of foreign mappings, negative binomial; Q16: */
	u32 mean;
	u64 var;
	u32 c0;			/* p(f + 1) / p(f) is (c0 + f * rho) / (f + 1) */
	u32 rho;
	u32 mode;
	u32 none;		/* probability that there are none at all */
};

/* Hypotheses about ports anywhere in a range, as an answer is made. */
struct np_flat {
	u32 p;
	u32 lo;
	u32 hi;
	u32 size;		/* of what the port is drawn from */
	u32 slack;		/* which may reach beyond lo or hi by so much */
	u32 miss;		/* probability that no guess hits so far */
	u32 tried;
};

/**
 * struct np_predict - one upstream; about 15 KiB, all of it predict.c's own
 *
 * All zero is a valid, empty one.
 */
struct np_predict {
	u32 age;		/* counts what was learned or forgotten */
	u32 n;			/* samples, up to NP_PREDICT_SAMPLES */
	u32 next;		/* where the next one goes */
	u32 last_tag;
	u32 again;
	bool stale;		/* samples came since the last verdict */
	struct np_sample samples[NP_PREDICT_SAMPLES];
	struct np_tag tags[NP_PREDICT_SAMPLES];

	struct np_verdict verdict;
	u32 n_hypo;
	s64 best;		/* score */
	struct np_hypothesis hypo[NP_HYPOTHESES];

	/* Scratch, kept off the stack; it is not copied. */
	u8 events[NP_PREDICT_SAMPLES];
	u8 before[2][NP_PREDICT_SAMPLES];
	u16 sorted[NP_PREDICT_SAMPLES];
	u32 ways[NP_PREDICT_SAMPLES];
	u32 owns[NP_PREDICT_SAMPLES];
	u32 n_events;
	struct np_point points[NP_STREAMS];
	struct np_stream streams[NP_STREAMS];
	struct np_flat flats[NP_FLATS];
	struct np_question question;
	u64 told[65536 / 64];	/* ports in the list; zero in between */
	u32 n_points;
	u32 n_streams;
	u32 n_flats;
};

enum np_sample_result {
	NP_SAMPLE_NEW,		/* remembered */
	NP_SAMPLE_KNOWN,	/* the same flow and mapping again */
	NP_SAMPLE_CHANGED,	/* a flow of before has another mapping now */
	NP_SAMPLE_RESET,	/* remembered, all older ones forgotten: our own
				 * address is another
				 */
	NP_SAMPLE_INVALID,	/* ignored: family unknown or mixed, port 0 */
};

/** np_predict_reset() - forget everything, as when an address has changed. */
void np_predict_reset(struct np_predict *p);

/**
 * np_predict_sample() - learn one mapping
 *
 * Cheap: it only remembers. A sample from another internal address than those
 * before forgets them first.
 *
 * Return: what became of it.
 */
enum np_sample_result np_predict_sample(struct np_predict *p,
					const struct np_sample *sample);

/**
 * np_predict_copy() - make @to, which is another one of its own, know what @from
 * knows
 */
void np_predict_copy(struct np_predict *to, const struct np_predict *from);

/**
 * np_predict_adopt() - let @p know what was worked out with its copy @thought
 *
 * Return: whether it does: not if it has learned or forgotten anything since it
 * was copied.
 */
bool np_predict_adopt(struct np_predict *p, const struct np_predict *thought);

/**
 * np_predict_class() - what kind of NAT is it?
 *
 * The first call after a sample works it out, which costs many times what a
 * question does; who wants questions to be cheap calls it when samples come.
 */
void np_predict_class(struct np_predict *p, struct np_verdict *verdict);

/**
 * np_predict_ask() - answer @question
 * @guesses: gets the ports, the most worthwhile first; room for
 *	@question->ports, at most NP_PREDICT_GUESSES. Each one is chosen for what
 *	it adds to those before it, so any number of the first ones is the best
 *	choice of that many. NULL if no ports are wanted (@question->ports 0)
 *
 * An answer without ports (n = 0) is possible: nothing is known.
 */
void np_predict_ask(struct np_predict *p, const struct np_question *question,
		    struct np_answer *answer, struct np_guess *guesses);

/**
 * np_predict_birthday() - the probability that @tries different ports meet one
 * of @open ports, these anywhere among @pool
 */
u32 np_predict_birthday(u32 pool, u32 open, u32 tries);

#endif
