/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The NAT zoo: NATs whose behaviour is data, to measure others against.
 *
 * A struct zoo_kind says how a NAT behaves; a struct zoo is a NAT of that kind with
 * its tables. Everything is a pure function of the kind, its seed and the calls
 * made: no packets, no sockets, no clock (the caller says what time it is, in
 * nanoseconds from anywhere, never backwards). Memory is bounded by
 * kind.mappings_max. No locking: one zoo, one thread.
 *
 *	struct zoo_kind kind = zoo_random(seed);
 *	struct zoo *zoo = zoo_new(&kind);
 *	struct zoo_ep ext;
 *
 *	if (zoo_out(zoo, now, IPPROTO_UDP, 0, zoo_ep4(0x64400102, 5000),
 *		    zoo_ep4(0xc000020a, 3478), &ext) == ZOO_PASS)
 *		... ext.port is what the server sees
 *
 * zoo.c is the machine, zoo_kind.c the kinds: presets, random members, text. The
 * program natzoo makes them translate real packets.
 */
#ifndef NATZOO_ZOO_H
#define NATZOO_ZOO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZOO_NS_PER_MS	UINT64_C(1000000)
#define ZOO_NS_PER_S	UINT64_C(1000000000)

/**
 * struct zoo_ep - an endpoint. IPv4 addresses are IPv4-mapped (::ffff:a.b.c.d).
 * The port is in host order; for an ICMP echo it is the identifier.
 */
struct zoo_ep {
	uint8_t addr[16];
	uint16_t port;
};

/** zoo_ep4() - from an IPv4 address in host order: 10.0.0.1 is 0x0a000001. */
struct zoo_ep zoo_ep4(uint32_t addr, unsigned int port);
bool zoo_is_ip4(const struct zoo_ep *ep);
uint32_t zoo_addr4(const struct zoo_ep *ep);
bool zoo_ep_eq(const struct zoo_ep *a, const struct zoo_ep *b);
bool zoo_same_addr(const struct zoo_ep *a, const struct zoo_ep *b);

/*
 * What a NAT can be.
 */

/** What a mapping, or the filter, depends on (RFC 4787, 4.1 and 5). */
enum zoo_depends {
	ZOO_EI,			/* endpoint-independent */
	ZOO_AD,			/* address-dependent */
	ZOO_APD,		/* address and port-dependent */
	ZOO_NONE,		/* mapping only: not a NAT, but a firewall */
};

/** How a new mapping gets its port, if it is not preserved. */
enum zoo_alloc {
	/*
	 * One counter for each external address and protocol. The next mapping
	 * gets the last one's port + step; used ports are stepped over. At an
	 * end of the range it goes on at the other, modulo its size.
	 */
	ZOO_SEQ,
	/*
	 * Two counters, one for even internal ports and one for odd ones, both
	 * stepping by kind.step, which is even: the external port has the
	 * internal one's parity.
	 */
	ZOO_PARITY,
	/*
	 * Each destination (its address; its endpoint if per_dest_port) has a
	 * counter of its own which starts at the same port for all, or, if
	 * hashed_start, at one that depends on the destination (RFC 6056, 3.3.3).
	 * The next mapping to the same destination is one step further. The same
	 * external port serves several destinations (overload is implied).
	 */
	ZOO_PER_DEST,
	/*
	 * Each subscriber (internal address) gets a block of block_size ports,
	 * aligned to block_size from port_min on, when he first needs one, and
	 * up to blocks_max of them when it is full; he keeps them (RFC 6431,
	 * 7422). Within a block ports are random, or step by step if block_seq.
	 */
	ZOO_BLOCK,
	/* Uniformly random within band ports that begin anywhere. */
	ZOO_BAND,
	/* Uniformly random in the whole range. */
	ZOO_RANDOM,
};

/** What an unsolicited packet gets. */
enum zoo_refusal {
	ZOO_SILENCE,
	ZOO_SAY_RST,		/* TCP RST */
	ZOO_SAY_ICMP,		/* ICMP port unreachable */
};

/** What comes of hairpinned packets (RFC 4787, 6). */
enum zoo_hairpin {
	ZOO_HAIRPIN_NONE,
	ZOO_HAIRPIN_INTERNAL,	/* the neighbour sees the internal source */
	ZOO_HAIRPIN_EXTERNAL,	/* ... the external source, as REQ-9 asks */
};

/** Which of several external addresses a new mapping gets. */
enum zoo_pooling {
	ZOO_PAIRED,		/* each internal address keeps one */
	ZOO_ARBITRARY,		/* a random one for each mapping */
};

#define ZOO_ADDRESSES_MAX	16
#define ZOO_BLOCKS_MAX		8

/**
 * struct zoo_kind - a NAT's behaviour. Start from zoo_default(), a preset or a
 * random member, change what you like; zoo_check() says what is wrong with it.
 */
struct zoo_kind {
	enum zoo_depends mapping;
	enum zoo_depends filtering;

	/* --- ports --- */
	bool preserve;		/* try the internal port first */
	bool overload;		/* one external port for several mappings, as
				 * long as their destinations differ
				 */
	enum zoo_alloc alloc;
	int step;		/* -64..64, not 0 */
	uint16_t port_min, port_max;
	uint16_t first;		/* where counters start; 0: drawn from seed */
	bool per_dest_port, hashed_start;
	uint16_t block_size, blocks_max;
	bool block_seq;
	uint16_t band;

	/* --- external addresses: consecutive, from these on --- */
	uint32_t external4;	/* host order */
	uint8_t external6[16];	/* used if nat66 */
	unsigned int addresses;	/* 1..ZOO_ADDRESSES_MAX */
	enum zoo_pooling pooling;
	bool nat66;		/* else IPv6 is only filtered */

	/* --- what else it does --- */
	enum zoo_hairpin hairpin;
	enum zoo_refusal refuse_tcp, refuse_udp; /* RST: TCP only */
	bool rewrite_payload;	/* as a careless ALG: zoo_rewrite() */

	/* --- idle lifetimes, in seconds --- */
	uint32_t udp_first;	/* until something came back */
	uint32_t udp;
	uint32_t tcp_transitory, tcp_established, tcp_closed;
	uint32_t icmp;
	bool inbound_refresh;	/* inbound packets refresh, too */

	/*
	 * Other subscribers' new mappings, of UDP and of TCP, at each external
	 * address; to other destinations than ours.
	 */
	double cross_rate;	/* a second, on the average; 0: none */
	unsigned int cross_burst; /* so many at once (1: a Poisson process) */
	uint32_t cross_life;	/* seconds that they hold their ports (at most
				 * 16384 do at a time)
				 */
	unsigned int cross_subscribers;

	/* --- bounds --- */
	unsigned int mappings_max; /* own mappings; 1..65536 */
	uint64_t seed;
};

struct zoo_kind zoo_default(void);
/** zoo_check() - NULL, or what is wrong with @kind. */
const char *zoo_check(const struct zoo_kind *kind);

/**
 * enum zoo_class - what can be known of a kind's mapping from outside, which is
 * what a predictor has to find out.
 */
enum zoo_class {
	ZOO_CLASS_NONE,		/* not a NAT */
	ZOO_CLASS_PRESERVING,	/* the internal port, for any destination */
	ZOO_CLASS_EI,		/* endpoint-independent, another port */
	ZOO_CLASS_AD,		/* address-dependent, whatever the ports */
	/* address and port-dependent, with: */
	ZOO_CLASS_STEP,		/* ZOO_SEQ, and ZOO_BLOCK with block_seq */
	ZOO_CLASS_PARITY,
	ZOO_CLASS_PER_DEST,
	ZOO_CLASS_BLOCK,
	ZOO_CLASS_BAND,
	ZOO_CLASS_RANDOM,
	ZOO_CLASSES,
};

/**
 * zoo_class() - of a kind. One that preserves a port, but only for the first
 * destination (preserve, mapping APD, no overload), is of the class of what it does
 * afterwards.
 */
enum zoo_class zoo_class(const struct zoo_kind *kind);
const char *zoo_class_name(enum zoo_class class);

/**
 * zoo_random() - a random member: each class is as likely as any other. Never with
 * preserve but in ZOO_CLASS_PRESERVING; without cross traffic (set cross_rate
 * yourself); one external address; ports 1024..65535; filtering, hairpin and
 * refusals are drawn too. The rest, all uniformly:
 *
 *	EI		allocation: ZOO_SEQ, ZOO_BLOCK, ZOO_BAND or ZOO_RANDOM
 *	AD		allocation: ZOO_SEQ or ZOO_RANDOM
 *	STEP		-8..-1, 1..8
 *	PARITY		-2, 2
 *	PER_DEST	step 1..4, per_dest_port, hashed_start: yes or no
 *	BLOCK		512, 1024 or 2048 ports, random within
 *	BAND		61..251 ports
 */
struct zoo_kind zoo_random(uint64_t seed);
struct zoo_kind zoo_random_of(enum zoo_class class, uint64_t seed);

/** struct zoo_preset - a kind with a name, and the real thing it imitates. */
struct zoo_preset {
	const char *name;
	const char *imitates;
	const char *text;	/* for zoo_parse(), over zoo_default() */
};

extern const struct zoo_preset zoo_presets[];
extern const size_t zoo_presets_count;
/** zoo_preset() - false if there is none of that name. */
bool zoo_preset(const char *name, struct zoo_kind *kind);

/**
 * zoo_parse() - change @kind as a text says: "mapping=apd,filter=apd,alloc=seq:+2",
 * or, from a preset on, "sequential,step=2".
 * Returns NULL, or what is wrong (static text, naming the word). zoo_kind.c lists
 * the words. zoo_text() writes what zoo_parse() reads, all of it.
 */
const char *zoo_parse(struct zoo_kind *kind, const char *text);
void zoo_text(const struct zoo_kind *kind, char *text, size_t size);

/*
 * A NAT at work.
 */

struct zoo;

/** zoo_new() - NULL only without memory; @kind has to pass zoo_check(). */
struct zoo *zoo_new(const struct zoo_kind *kind);
void zoo_free(struct zoo *zoo);
/**
 * zoo_reset() - empty, as new, of another kind if @kind is not NULL. False without
 * memory; zoo_free() is all that may be done with it then.
 */
bool zoo_reset(struct zoo *zoo, const struct zoo_kind *kind);
const struct zoo_kind *zoo_kind_of(const struct zoo *zoo);

/** What becomes of a packet. */
enum zoo_verdict {
	ZOO_PASS,
	ZOO_DROP,		/* silently */
	ZOO_RST,		/* answer with a TCP RST */
	ZOO_ICMP,		/* answer with ICMP port unreachable */
	ZOO_FULL,		/* outbound: no port or no room for it */
};

/* TCP flags that matter, as they lie on the wire. For other protocols: 0. */
#define ZOO_FIN 1
#define ZOO_SYN 2
#define ZOO_TCP_RST 4
#define ZOO_ACK 16

/**
 * zoo_out() - a packet from inside: @protocol is IPPROTO_UDP, _TCP or _ICMP (echo;
 * also for IPv6). Finds or makes its mapping, notes @dest for the filter,
 * refreshes; ZOO_PASS and *@external, or ZOO_FULL.
 */
enum zoo_verdict zoo_out(struct zoo *zoo, uint64_t now, int protocol,
			 unsigned int tcp_flags, struct zoo_ep internal,
			 struct zoo_ep dest, struct zoo_ep *external);

/**
 * zoo_in() - a packet from outside, from @source to @external. ZOO_PASS and
 * *@internal, or how to refuse it.
 */
enum zoo_verdict zoo_in(struct zoo *zoo, uint64_t now, int protocol,
			unsigned int tcp_flags, struct zoo_ep external,
			struct zoo_ep source, struct zoo_ep *internal);

/**
 * zoo_hairpin() - a packet from inside to one of our external endpoints: zoo_out()
 * and zoo_in() in one; @source is what the neighbour sees.
 */
enum zoo_verdict zoo_hairpin(struct zoo *zoo, uint64_t now, int protocol,
			     unsigned int tcp_flags, struct zoo_ep internal,
			     struct zoo_ep dest, struct zoo_ep *source,
			     struct zoo_ep *neighbour);

/*
 * The same mappings, looked at only: nothing is made or refreshed (for ICMP errors
 * and tests). False if there is none.
 */
bool zoo_peek_out(struct zoo *zoo, uint64_t now, int protocol,
		  struct zoo_ep internal, struct zoo_ep dest,
		  struct zoo_ep *external);
bool zoo_peek_in(struct zoo *zoo, uint64_t now, int protocol,
		 struct zoo_ep external, struct zoo_ep source,
		 struct zoo_ep *internal);

/** zoo_is_external() - whether an address is one of this NAT's own. */
bool zoo_is_external(const struct zoo *zoo, const struct zoo_ep *ep);

/**
 * zoo_rewrite() - what a careless ALG does to a payload, if kind.rewrite_payload:
 * each binary IPv4 address @from in it becomes @to, and the port before it, if it
 * is from's, becomes to's (so MAPPED-ADDRESS is spoiled, XOR-MAPPED-ADDRESS is
 * not). The number of changes.
 */
unsigned int zoo_rewrite(const struct zoo *zoo, uint8_t *payload, size_t len,
			 struct zoo_ep from, struct zoo_ep to);

/** zoo_advance() - let time pass: cross traffic arrives, mappings end. */
void zoo_advance(struct zoo *zoo, uint64_t now);

/*
 * Several in a row: zoos[0] is the innermost. The verdict of the first that does
 * not pass it.
 */
enum zoo_verdict zoo_row_out(struct zoo **zoos, unsigned int n, uint64_t now,
			     int protocol, unsigned int tcp_flags,
			     struct zoo_ep internal, struct zoo_ep dest,
			     struct zoo_ep *external);
enum zoo_verdict zoo_row_in(struct zoo **zoos, unsigned int n, uint64_t now,
			    int protocol, unsigned int tcp_flags,
			    struct zoo_ep external, struct zoo_ep source,
			    struct zoo_ep *internal);

/** struct zoo_counts - what has happened so far: the truth, for judges only. */
struct zoo_counts {
	uint64_t own;		/* mappings made */
	uint64_t foreign;	/* by others, all protocols */
	uint64_t full;		/* mappings that could not be made */
	unsigned int live;	/* own mappings now */
};

struct zoo_counts zoo_counts(const struct zoo *zoo);

/** zoo_block_of() - the newest block of a subscriber; false if he has none. */
bool zoo_block_of(const struct zoo *zoo, struct zoo_ep internal, uint16_t *min,
		  uint16_t *max);

/*
 * Random numbers as the zoo makes them (SplitMix64), for those who want
 * repeatable runs too.
 */
struct zoo_dice {
	uint64_t state;
};

uint64_t zoo_roll(struct zoo_dice *dice);
/** zoo_below() - uniform in 0..@n-1; @n is not 0. */
uint32_t zoo_below(struct zoo_dice *dice, uint32_t n);
/** zoo_exponential() - with mean 1. */
double zoo_exponential(struct zoo_dice *dice);

#endif
