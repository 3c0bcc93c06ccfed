/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libnatpunch: natpunch's generic netlink family as plain C structures.
 *
 * This file is the library's whole interface. The words mapping, internal and
 * external endpoint, filtering and hairpinning are those of RFC 4787; enums,
 * limits and attribute names are those of <linux/natpunch.h>.
 *
 * Results: 0, or a negative errno value; natpunch_strerror() turns it into a
 * sentence. Whatever reads or writes needs CAP_NET_ADMIN in the user namespace
 * that owns the handle's network namespace, else -EPERM.
 *
 * Byte order: addresses are struct in_addr and struct in6_addr as everywhere in
 * sockets (network order); all other values, ports too, are in host order.
 *
 * Threads: there is no global state. A handle is for one thread at a time;
 * different handles do not know of each other. A callback must not use the
 * handle that called it (-EBUSY).
 *
 * Forward compatibility: attributes that a newer kernel sends and this library
 * does not know are ignored; fields that an older kernel does not send are
 * zero and have no bit in .fields.
 */
#ifndef _NATPUNCH_H
#define _NATPUNCH_H

#include <stdint.h>
#include <netinet/in.h>
#include <linux/natpunch.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A device's name and its NUL; the kernel's IFNAMSIZ. */
#define NATPUNCH_DEV_SIZE	16

/*
 * Every structure begins with .fields, which tells the fields that count: in a
 * request those that the caller gives, in a reply those that the kernel sent.
 * NATPUNCH_HAS(WAN_FILTER) is the bit of the field that carries the attribute
 * NATPUNCH_A_WAN_FILTER:
 *
 *	struct natpunch_wan wan = {
 *		.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_FILTER),
 *		.dev = "eth0",
 *		.filter = NATPUNCH_FILTER_EIF,
 *	};
 */
#define NATPUNCH_HAS(attr)	(UINT64_C(1) << NATPUNCH_A_##attr)

/**
 * struct natpunch_addr - an IPv4 or IPv6 address
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for none
 * @in: the address, if AF_INET
 * @in6: the address, if AF_INET6
 */
struct natpunch_addr {
	uint16_t family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	};
};

/**
 * struct natpunch_prefix - an address prefix
 * @addr: the address; bits behind the prefix must be zero
 * @len: bits, 0-32 or 0-128
 */
struct natpunch_prefix {
	struct natpunch_addr addr;
	uint8_t len;
};

/**
 * struct natpunch_wan - a device whose outward flows are translated
 * @fields: WAN_* fields that count
 * @dev: (WAN_DEV) the device's name; the WAN belongs to the name and rests
 *	while no device has it
 * @ifindex: (WAN_IFINDEX, read only) the device's index; no bit without device
 * @filter: (WAN_FILTER) enum natpunch_filter, EIF, ADF or APDF: filtering of
 *	the mappings without a policy of their own (ADF), RFC 4787 section 5
 * @port_min: (WAN_PORT_MIN) lowest external port (1024); with the default
 *	range internal ports below 1024 get external ports below 1024,
 *	RFC 4787 REQ-3
 * @port_max: (WAN_PORT_MAX) highest external port (65535), at least @port_min
 * @addr: (WAN_ADDR) @n_addr external addresses; none: the address that
 *	masquerade would take. Of several each internal address keeps to one,
 *	RFC 4787 REQ-2
 * @n_addr: 0 to NATPUNCH_MAX_ADDRESSES; natpunch_wan_set() with the bit
 *	WAN_ADDR and 0 takes all away
 * @internal: (WAN_INTERNAL) @n_internal prefixes whose hosts are translated;
 *	none: RFC 1918, 100.64.0.0/10 and, with @nat66, fc00::/7
 * @n_internal: 0 to NATPUNCH_MAX_INTERNAL; natpunch_wan_set() with the bit
 *	WAN_INTERNAL and 0 goes back to the default
 * @nat66: (WAN_NAT66) 1 to translate IPv6 too (0)
 * @inbound_refresh: (WAN_INBOUND_REFRESH) 1 if inbound packets refresh a
 *	mapping as outbound ones do (1), RFC 4787 REQ-6
 * @udp_timeout: (WAN_UDP_TIMEOUT) seconds that an idle UDP mapping lives,
 *	NATPUNCH_MIN_UDP_TIMEOUT to NATPUNCH_MAX_TIMEOUT (300), RFC 4787 REQ-5
 * @icmp_timeout: (WAN_ICMP_TIMEOUT) seconds for ICMP queries,
 *	NATPUNCH_MIN_ICMP_TIMEOUT to NATPUNCH_MAX_TIMEOUT (60), RFC 5508 REQ-2
 * @tcp_timeout: (WAN_TCP_TIMEOUT) seconds for established, idle TCP and SCTP,
 *	NATPUNCH_MIN_TCP_TIMEOUT to NATPUNCH_MAX_TIMEOUT (7440), RFC 5382 REQ-5
 * @tcp_transitory: (WAN_TCP_TRANSITORY) seconds for opening, closing and reset
 *	TCP and SCTP, NATPUNCH_MIN_TCP_TRANSITORY to NATPUNCH_MAX_TIMEOUT (240),
 *	RFC 5382 REQ-5, RFC 7857 section 2
 * @ext_addr: (WAN_EXT_ADDR, read only) @n_ext_addr external addresses in use
 *	at present
 * @n_ext_addr: 0 to NATPUNCH_MAX_ADDRESSES
 * @mappings: (WAN_MAPPINGS, read only) number of mappings at present
 * @hold_answer: (WAN_HOLD_ANSWER) enum natpunch_hold_answer: what an
 *	unsolicited SYN gets after it was held for 6 seconds (ICMP), RFC 5382
 *	REQ-4; OFF: SYNs are not held
 * @hold_release: (WAN_HOLD_RELEASE) enum natpunch_hold_release: what is done
 *	with a held SYN when ours for the same pair of endpoints leaves (DROP)
 * @stun_port: (WAN_STUN_PORT) @n_stun_port ports of STUN servers: what these
 *	answer to new flows is observed, RFC 8489 (3478, 19302)
 * @n_stun_port: 0 to NATPUNCH_MAX_STUN_PORTS
 * @host_ports: (WAN_HOST_PORTS) external ports of a protocol that one internal
 *	address can have, 1 to NATPUNCH_MAX_HOST_PORTS (which is all), RFC 6888
 *	REQ-4
 *
 * In brackets stands what natpunch_wan_add() takes where a field's bit is not
 * set.
 */
struct natpunch_wan {
	uint64_t fields;
	char dev[NATPUNCH_DEV_SIZE];
	uint32_t ifindex;
	uint8_t filter;
	uint8_t nat66;
	uint8_t inbound_refresh;
	uint8_t hold_answer;
	uint8_t hold_release;
	uint16_t port_min;
	uint16_t port_max;
	uint32_t udp_timeout;
	uint32_t icmp_timeout;
	uint32_t tcp_timeout;
	uint32_t tcp_transitory;
	uint32_t host_ports;
	uint32_t mappings;
	uint32_t n_addr;
	uint32_t n_internal;
	uint32_t n_ext_addr;
	uint32_t n_stun_port;
	uint16_t stun_port[NATPUNCH_MAX_STUN_PORTS];
	struct natpunch_addr addr[NATPUNCH_MAX_ADDRESSES];
	struct natpunch_addr ext_addr[NATPUNCH_MAX_ADDRESSES];
	struct natpunch_prefix internal[NATPUNCH_MAX_INTERNAL];
};

/**
 * struct natpunch_mapping - an internal endpoint and its external endpoint
 * @fields: MAPPING_* fields that count
 * @wan: (MAPPING_WAN) the WAN's device name
 * @l4proto: (MAPPING_L4PROTO) IPPROTO_TCP, UDP, SCTP, ICMP or ICMPV6
 * @filter: (MAPPING_FILTER) enum natpunch_filter; DEFAULT: as the WAN says
 * @reserved: (MAPPING_RESERVED) 1: held by a reservation
 * @reason: (MAPPING_REASON) enum natpunch_end_reason; in events only
 * @int_addr: (MAPPING_INT_ADDR) internal address
 * @int_port: (MAPPING_INT_PORT) internal port; of ICMP the query identifier
 * @ext_addr: (MAPPING_EXT_ADDR) external address
 * @ext_port: (MAPPING_EXT_PORT) external port; of ICMP the query identifier
 * @zone: (MAPPING_ZONE) conntrack zone of the internal endpoint
 * @flows: (MAPPING_FLOWS) flow records that the mapping holds
 * @age: (MAPPING_AGE) seconds since the mapping was made
 * @expires: (MAPPING_EXPIRES) seconds that the mapping has, as far as is known
 *	at its last look at conntrack, if nothing refreshes it; no bit on a
 *	reservation without flows
 */
struct natpunch_mapping {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	uint8_t l4proto;
	uint8_t filter;
	uint8_t reserved;
	uint8_t reason;
	struct natpunch_addr int_addr;
	struct natpunch_addr ext_addr;
	uint16_t int_port;
	uint16_t ext_port;
	uint16_t zone;
	uint32_t flows;
	uint32_t age;
	uint32_t expires;
};

/**
 * struct natpunch_reservation - an external port given ahead of any packet
 * @fields: RESERVATION_* fields that count
 * @wan: (RESERVATION_WAN) the WAN's device name
 * @l4proto: (RESERVATION_L4PROTO) IPPROTO_TCP, UDP or SCTP
 * @filter: (RESERVATION_FILTER) enum natpunch_filter (DEFAULT)
 * @int_addr: (RESERVATION_INT_ADDR) internal address
 * @ext_addr: (RESERVATION_EXT_ADDR) external address (the one that the
 *	internal address is paired with)
 * @int_port: (RESERVATION_INT_PORT) internal port, 1-65535
 * @ext_port: (RESERVATION_EXT_PORT) external port within the WAN's range (0:
 *	chosen as for a packet from the internal endpoint)
 * @lifetime: (RESERVATION_LIFETIME) seconds, 1 to NATPUNCH_MAX_TIMEOUT; without
 *	the bit for good. In replies the seconds left
 */
struct natpunch_reservation {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	uint8_t l4proto;
	uint8_t filter;
	struct natpunch_addr int_addr;
	struct natpunch_addr ext_addr;
	uint16_t int_port;
	uint16_t ext_port;
	uint32_t lifetime;
};

/**
 * struct natpunch_hold - a SYN that came before the inside host's own
 * @fields: HOLD_* fields that count
 * @wan: (HOLD_WAN) the WAN's device name; no bit where that is not known
 * @ext_addr: (HOLD_EXT_ADDR) the external address that the SYN was sent to
 * @remote_addr: (HOLD_REMOTE_ADDR) the peer's address
 * @ext_port: (HOLD_EXT_PORT) the external port
 * @remote_port: (HOLD_REMOTE_PORT) the peer's port
 * @state: (HOLD_STATE) enum natpunch_hold_state; PARKED: the SYN was sent on
 *	inwards and not refused so far; HELD: whoever would have refused it did
 *	not get to
 * @end: (HOLD_END) enum natpunch_hold_end; in events only
 * @left: (HOLD_LEFT) milliseconds until it expires; not in events
 */
struct natpunch_hold {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	struct natpunch_addr ext_addr;
	struct natpunch_addr remote_addr;
	uint16_t ext_port;
	uint16_t remote_port;
	uint8_t state;
	uint8_t end;
	uint32_t left;
};

/**
 * struct natpunch_crafted - TCP whose segments a program makes itself
 * @fields: CRAFTED_* fields that count
 * @id: (CRAFTED_ID) number of the registration, never 0; in replies
 * @local_addr: (CRAFTED_LOCAL_ADDR) the address that the program uses, of this
 *	host or of one behind this gateway
 * @remote_addr: (CRAFTED_REMOTE_ADDR) address or prefix of the peers
 * @remote_len: (CRAFTED_REMOTE_LEN) bits of the prefix (32 or 128); bits behind
 *	it must be zero
 * @bound: (CRAFTED_BOUND) 1: the registration ends with the handle that made
 *	it, however that ends (0)
 * @automatic: (CRAFTED_AUTO, read only) 1: it was seen on a watched device
 * @local_port_min: (CRAFTED_LOCAL_PORT_MIN) lowest local port; without either
 *	port's bit any
 * @local_port_max: (CRAFTED_LOCAL_PORT_MAX) highest (@local_port_min)
 * @remote_port: (CRAFTED_REMOTE_PORT) the peers' port, 0: any (0)
 * @lease: (CRAFTED_LEASE) seconds, 1 to NATPUNCH_MAX_LEASE; in replies the
 *	seconds left
 */
struct natpunch_crafted {
	uint64_t fields;
	uint32_t id;
	uint32_t lease;
	struct natpunch_addr local_addr;
	struct natpunch_addr remote_addr;
	uint8_t remote_len;
	uint8_t bound;
	uint8_t automatic;
	uint16_t local_port_min;
	uint16_t local_port_max;
	uint16_t remote_port;
};

/**
 * struct natpunch_upstream - the NATs in front of one of our external addresses
 * @fields: UPSTREAM_* fields that count
 * @wan: (UPSTREAM_WAN) the WAN's device name
 * @addr: (UPSTREAM_ADDR) external address of ours
 * @l4proto: (UPSTREAM_L4PROTO) IPPROTO_TCP or UDP
 * @mapping: (UPSTREAM_MAPPING) enum natpunch_upstream_mapping: when an external
 *	endpoint is used again, RFC 4787 section 4.1
 * @alloc: (UPSTREAM_ALLOC) enum natpunch_upstream_alloc: which port a new
 *	mapping gets
 * @certainty: (UPSTREAM_CERTAINTY) enum natpunch_upstream_certainty, of both
 * @bounded: (UPSTREAM_BOUNDED) 1: @port_min and @port_max are more than a guess
 * @port_min: (UPSTREAM_PORT_MIN) the lowest port that new mappings get
 * @port_max: (UPSTREAM_PORT_MAX) the highest
 * @want: (UPSTREAM_WANT) set of enum natpunch_upstream_want: samples that would
 *	tell more
 * @p: (UPSTREAM_P) probability of @mapping and @alloc together, in parts of
 *	NATPUNCH_PROBABILITY_ONE
 * @mapping_p: (UPSTREAM_MAPPING_P) probability of @mapping alone
 * @step: (UPSTREAM_STEP) from one new mapping's port to the next one's; no bit
 *	where there is none
 * @mapped_addr: (UPSTREAM_MAPPED_ADDR) external address of the upstream; no bit
 *	without samples
 * @addresses: (UPSTREAM_ADDRESSES) external addresses of it that were seen
 * @samples: (UPSTREAM_SAMPLES) samples that this rests on
 * @lies: (UPSTREAM_LIES) samples that fit nothing
 * @refused: (UPSTREAM_REFUSED) STUN answers that were not believed
 * @rate: (UPSTREAM_RATE) mappings that others make in 1024 seconds; no bit
 *	where that is not known
 * @rate_min: (UPSTREAM_RATE_MIN) 5 % quantile of what @rate may be
 * @rate_max: (UPSTREAM_RATE_MAX) 95 % quantile
 * @rate_time: (UPSTREAM_RATE_TIME) microseconds that @rate rests on
 * @flows: (UPSTREAM_FLOWS) new flows that this gateway has made; wraps
 * @mappings: (UPSTREAM_MAPPINGS) new external endpoints of ours that the
 *	upstream has seen; wraps
 * @flows_odd: (UPSTREAM_FLOWS_ODD) those of @flows from odd external ports
 * @mappings_odd: (UPSTREAM_MAPPINGS_ODD) those of @mappings, likewise
 */
struct natpunch_upstream {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	struct natpunch_addr addr;
	struct natpunch_addr mapped_addr;
	uint8_t l4proto;
	uint8_t mapping;
	uint8_t alloc;
	uint8_t certainty;
	uint8_t bounded;
	uint16_t port_min;
	uint16_t port_max;
	uint32_t want;
	uint32_t p;
	uint32_t mapping_p;
	int32_t step;
	uint32_t addresses;
	uint32_t samples;
	uint32_t lies;
	uint32_t refused;
	uint32_t rate;
	uint32_t rate_min;
	uint32_t rate_max;
	uint32_t rate_time;
	uint32_t flows;
	uint32_t mappings;
	uint32_t flows_odd;
	uint32_t mappings_odd;
};

/**
 * struct natpunch_sample - one mapping of an upstream, as a program saw it
 * @fields: SAMPLE_* fields that count
 * @wan: (SAMPLE_WAN) the WAN's device name (the only one there is)
 * @l4proto: (SAMPLE_L4PROTO) IPPROTO_TCP or UDP
 * @int_addr: (SAMPLE_INT_ADDR) where the flow came from: an external address of
 *	the WAN, or an internal one that has a mapping
 * @dest_addr: (SAMPLE_DEST_ADDR) where the flow went
 * @mapped_addr: (SAMPLE_MAPPED_ADDR) the source that the destination saw
 * @int_port: (SAMPLE_INT_PORT) 1 to 65535
 * @dest_port: (SAMPLE_DEST_PORT) 1 to 65535
 * @mapped_port: (SAMPLE_MAPPED_PORT) 1 to 65535
 * @age: (SAMPLE_AGE) microseconds ago that the flow's first packet left (0)
 * @flows: (SAMPLE_FLOWS) the upstream's flows at that time, with this one in
 *	them (as they are now)
 * @mappings: (SAMPLE_MAPPINGS) the upstream's mappings, likewise
 * @flows_odd: (SAMPLE_FLOWS_ODD) the upstream's flows_odd, likewise
 * @mappings_odd: (SAMPLE_MAPPINGS_ODD) the upstream's mappings_odd, likewise
 */
struct natpunch_sample {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	struct natpunch_addr int_addr;
	struct natpunch_addr dest_addr;
	struct natpunch_addr mapped_addr;
	uint8_t l4proto;
	uint16_t int_port;
	uint16_t dest_port;
	uint16_t mapped_port;
	uint32_t age;
	uint32_t flows;
	uint32_t mappings;
	uint32_t flows_odd;
	uint32_t mappings_odd;
};

/**
 * struct natpunch_guess - one port that a flow may get (the kernel tells runs of
 * ports that are worth about the same; here they stand one by one)
 * @port: the port
 * @p: probability that one of the flows gets it, in parts of
 *	NATPUNCH_PROBABILITY_ONE
 * @sum: probability that one of the flows gets it or one listed before
 */
struct natpunch_guess {
	uint16_t port;
	uint32_t p;
	uint32_t sum;
};

/**
 * struct natpunch_prediction - which external endpoint will the next flow get?
 * @fields: PREDICT_* fields that count
 * @wan: (PREDICT_WAN) the WAN's device name (the only one there is)
 * @l4proto: (PREDICT_L4PROTO) IPPROTO_TCP or UDP
 * @int_addr: (PREDICT_INT_ADDR) where the flow will come from: an internal
 *	address, or an external one of the WAN
 * @dest_addr: (PREDICT_DEST_ADDR) where it will go
 * @int_port: (PREDICT_INT_PORT) 1 to 65535
 * @dest_port: (PREDICT_DEST_PORT) 0 if it is not known yet (0)
 * @flows: (PREDICT_FLOWS) flows that will be opened, 1 to
 *	NATPUNCH_MAX_PREDICT_FLOWS (1)
 * @within: (PREDICT_WITHIN) milliseconds in which they will, 0 to
 *	NATPUNCH_MAX_PREDICT_WITHIN (0)
 * @ports: (PREDICT_PORTS) ports wanted, 0 to NATPUNCH_MAX_GUESSES (16); not in
 *	replies
 * @wanted: (PREDICT_WANTED) probability wanted for the advice, 1 to
 *	NATPUNCH_PROBABILITY_ONE (19/20 of it); not in replies
 * @lifetime: (PREDICT_LIFETIME) seconds that the internal endpoint is promised
 *	@ext_addr and @ext_port if it has no mapping, 1 to NATPUNCH_MAX_TIMEOUT
 *	(120); in replies only where a reservation was made
 *
 * The answer:
 *
 * @ext_addr: (PREDICT_EXT_ADDR) address that our own NAT gives to the flow
 * @ext_port: (PREDICT_EXT_PORT) its port
 * @mapping: (PREDICT_MAPPING) as in struct natpunch_upstream
 * @alloc: (PREDICT_ALLOC) likewise
 * @certainty: (PREDICT_CERTAINTY) likewise
 * @want: (PREDICT_WANT) likewise
 * @samples: (PREDICT_SAMPLES) likewise
 * @mapped_addr: (PREDICT_MAPPED_ADDR) the address that the ports belong to; no
 *	bit where nothing is known
 * @address_p: (PREDICT_ADDRESS_P) probability that it is this one; part of all
 *	others
 * @known: (PREDICT_KNOWN) 1: the upstream has the mapping already
 * @p: (PREDICT_P) probability that at least one flow gets a listed port
 * @guess: (PREDICT_GUESS) @n_guess ports, the most worthwhile first: the first
 *	k are the best k
 * @n_guess: 0 to NATPUNCH_MAX_GUESSES
 * @advice: (PREDICT_ADVICE) enum natpunch_predict_advice
 * @advice_flows: (PREDICT_ADVICE_FLOWS) flows to open, with BIRTHDAY
 * @advice_ports: (PREDICT_ADVICE_PORTS) ports to try then
 * @advice_p: (PREDICT_ADVICE_P) probability that this reaches
 */
struct natpunch_prediction {
	uint64_t fields;
	char wan[NATPUNCH_DEV_SIZE];
	struct natpunch_addr int_addr;
	struct natpunch_addr dest_addr;
	struct natpunch_addr ext_addr;
	struct natpunch_addr mapped_addr;
	uint8_t l4proto;
	uint8_t mapping;
	uint8_t alloc;
	uint8_t certainty;
	uint8_t known;
	uint8_t advice;
	uint16_t int_port;
	uint16_t dest_port;
	uint16_t ext_port;
	uint32_t flows;
	uint32_t within;
	uint32_t ports;
	uint32_t wanted;
	uint32_t lifetime;
	uint32_t want;
	uint32_t samples;
	uint32_t address_p;
	uint32_t p;
	uint32_t advice_flows;
	uint32_t advice_ports;
	uint32_t advice_p;
	uint32_t n_guess;
	struct natpunch_guess guess[NATPUNCH_MAX_GUESSES];
};

/**
 * struct natpunch_stats - the namespace's counters, since its first use
 * @fields: STATS_* fields that the kernel sent
 * @mappings: mappings at present
 * @mappings_max: cap on mappings (module parameter max_mappings)
 * @flows: flow records at present
 * @flows_max: cap on flow records (module parameter max_flows)
 * @mappings_new: mappings made
 * @mappings_ended: mappings ended, for whatever reason
 * @flows_out: flows translated outwards
 * @flows_in: flows let in through a mapping
 * @flows_hairpin: flows between two internal endpoints, RFC 4787 section 6
 * @filtered: new inbound flows that a mapping's filtering did not admit
 * @local: new inbound flows left to a socket of the router itself
 * @exhausted: flows refused with ICMP because the external address had no port
 *	left, RFC 5508 REQ-8
 * @evicted: unreplied conntrack entries in the way of a mapping's endpoint
 * @clashed: flows dropped because of a replied conntrack entry there
 * @no_address: flows left alone because the WAN had no external address
 * @capped: flows left alone because a cap was reached
 * @no_memory: flows dropped because memory was short
 * @holds: SYNs held at present
 * @holds_max: cap on them (module parameter max_holds)
 * @crafted: crafted flows registered at present
 * @holds_new: SYNs held or parked
 * @holds_released: SYNs released because ours left
 * @holds_expired: SYNs for which none of ours left in 6 seconds
 * @holds_evicted: SYNs forgotten, the oldest at the cap, or with their WAN
 * @holds_capped: SYNs dropped, not held, because their source prefix had too
 *	many, or memory was short
 * @answers_swallowed: RSTs and ICMP errors, to held SYNs, that did not get out
 * @crafted_rsts: RSTs dropped for crafted flows
 * @crafted_capped: flows of watched devices not registered because a cap was
 *	reached
 * @quota: flows refused with ICMP because their host has its share of external
 *	ports or of flow records, RFC 6888 REQ-4
 */
struct natpunch_stats {
	uint64_t fields;
	uint32_t mappings;
	uint32_t mappings_max;
	uint32_t flows;
	uint32_t flows_max;
	uint64_t mappings_new;
	uint64_t mappings_ended;
	uint64_t flows_out;
	uint64_t flows_in;
	uint64_t flows_hairpin;
	uint64_t filtered;
	uint64_t local;
	uint64_t exhausted;
	uint64_t evicted;
	uint64_t clashed;
	uint64_t no_address;
	uint64_t capped;
	uint64_t no_memory;
	uint32_t holds;
	uint32_t holds_max;
	uint32_t crafted;
	uint64_t holds_new;
	uint64_t holds_released;
	uint64_t holds_expired;
	uint64_t holds_evicted;
	uint64_t holds_capped;
	uint64_t answers_swallowed;
	uint64_t crafted_rsts;
	uint64_t crafted_capped;
	uint64_t quota;
};

/**
 * enum natpunch_event_type - what happened
 * @NATPUNCH_EVENT_NEW: a mapping was made
 * @NATPUNCH_EVENT_ENDED: a mapping ended; its .reason says why
 * @NATPUNCH_EVENT_HOLD_NEW: a SYN is held, or parked
 * @NATPUNCH_EVENT_HOLD_ENDED: a SYN is held no longer; its .end says why
 * @NATPUNCH_EVENT_HOLD_SWALLOWED: an answer to a held SYN did not get out
 * @NATPUNCH_EVENT_UPSTREAM: an upstream is another than was thought
 * @NATPUNCH_EVENT_CRAFTED_RST: a RST was dropped for a crafted flow
 */
enum natpunch_event_type {
	NATPUNCH_EVENT_NEW,
	NATPUNCH_EVENT_ENDED,
	NATPUNCH_EVENT_HOLD_NEW,
	NATPUNCH_EVENT_HOLD_ENDED,
	NATPUNCH_EVENT_HOLD_SWALLOWED,
	NATPUNCH_EVENT_UPSTREAM,
	NATPUNCH_EVENT_CRAFTED_RST,
};

/**
 * struct natpunch_event - what happened to what
 * @type: enum natpunch_event_type
 * @mapping: of NEW and ENDED, else NULL
 * @hold: of HOLD_NEW, HOLD_ENDED and HOLD_SWALLOWED, else NULL
 * @upstream: of UPSTREAM, else NULL
 * @crafted: of CRAFTED_RST, else NULL: the RST's endpoints, its source port as
 *	.local_port_min, and the .id of what is registered
 */
struct natpunch_event {
	enum natpunch_event_type type;
	const struct natpunch_mapping *mapping;
	const struct natpunch_hold *hold;
	const struct natpunch_upstream *upstream;
	const struct natpunch_crafted *crafted;
};

/* A connection to the natpunch of one network namespace. */
struct natpunch;

/*
 * Called for each object. Anything but 0 ends the calls, and the function that
 * called returns that value. The object is gone when the callback returns.
 */
typedef int natpunch_wan_cb(const struct natpunch_wan *wan, void *data);
typedef int natpunch_mapping_cb(const struct natpunch_mapping *mapping,
				void *data);
typedef int natpunch_reservation_cb(const struct natpunch_reservation *r,
				    void *data);
typedef int natpunch_hold_cb(const struct natpunch_hold *hold, void *data);
typedef int natpunch_crafted_cb(const struct natpunch_crafted *flow,
				void *data);
typedef int natpunch_upstream_cb(const struct natpunch_upstream *upstream,
				 void *data);
typedef int natpunch_dev_cb(const char *dev, void *data);
typedef int natpunch_event_cb(const struct natpunch_event *event, void *data);

/*
 * Open a handle: in the calling thread's network namespace; in that of a name
 * as in "ip netns" or of a path (a string with a slash); in that of a file
 * descriptor, which stays the caller's. The thread is in its own namespace
 * again when the call returns; where it could not come back the call fails
 * before it leaves.
 *
 * The kernel loads the module by itself if it is installed and modprobe may.
 *
 * -EPROTONOSUPPORT: no natpunch module; -ENOENT: no such namespace; -EINVAL:
 * not a network namespace; -EPERM; -ENOMEM, -EMFILE.
 */
int natpunch_open(struct natpunch **np);
int natpunch_open_netns(struct natpunch **np, const char *netns);
int natpunch_open_netns_fd(struct natpunch **np, int netns);

/* Close a handle, its event socket included. NULL is allowed. */
void natpunch_close(struct natpunch *np);

/*
 * The sentence that belongs to the result err of the last call: the kernel's
 * own message with the attribute that it objects to, else the system's words.
 * np may be NULL (natpunch_open() failed). Valid until the handle's next call.
 */
const char *natpunch_strerror(const struct natpunch *np, int err);

/*
 * The parts of it. The kernel's message or NULL. The name of the attribute
 * that the kernel objects to, as in the specification ("port-min",
 * "internal.len"), or NULL. The values that the attribute may take: returns 1
 * if the kernel told, else 0 and leaves min and max alone.
 */
const char *natpunch_error_message(const struct natpunch *np);
const char *natpunch_error_attr(const struct natpunch *np);
int natpunch_error_range(const struct natpunch *np, uint64_t *min,
			 uint64_t *max);

/*
 * Manage a device as a WAN. Needs WAN_DEV.
 * -EEXIST: it is managed; -ENODEV: no such device; -EINVAL, -ERANGE: a value;
 * -ENOSPC: too many.
 */
int natpunch_wan_add(struct natpunch *np, const struct natpunch_wan *wan);

/*
 * Change what is given. Needs WAN_DEV. Mappings that the new configuration
 * would not make end, with their flows. -ENOENT: not managed.
 */
int natpunch_wan_set(struct natpunch *np, const struct natpunch_wan *wan);

/*
 * End a WAN, its mappings, its reservations and their flows. -ENOENT: not
 * managed.
 */
int natpunch_wan_del(struct natpunch *np, const char *dev);

/* One WAN (-ENOENT: not managed), or all of them. */
int natpunch_wan_get(struct natpunch *np, const char *dev,
		     struct natpunch_wan *wan);
int natpunch_wan_dump(struct natpunch *np, natpunch_wan_cb *cb, void *data);

/*
 * The mapping of an internal endpoint (key: MAPPING_WAN, L4PROTO, INT_ADDR,
 * INT_PORT and perhaps ZONE) or of an external one (L4PROTO, EXT_ADDR,
 * EXT_PORT). key and mapping may be the same object. -ENOENT: there is none.
 */
int natpunch_mapping_get(struct natpunch *np,
			 const struct natpunch_mapping *key,
			 struct natpunch_mapping *mapping);

/*
 * All mappings that have what filter says (MAPPING_WAN, L4PROTO, INT_ADDR,
 * INT_PORT, EXT_ADDR, EXT_PORT, ZONE); NULL: all. The dump holds no packet up:
 * what is made or ended meanwhile may be missing or in it.
 */
int natpunch_mapping_dump(struct natpunch *np,
			  const struct natpunch_mapping *filter,
			  natpunch_mapping_cb *cb, void *data);

/*
 * End all mappings that have what filter says (as above, less ZONE), and
 * their flows; NULL: all. What a reservation held is made anew at once. Their
 * number goes to count, which may be NULL.
 */
int natpunch_mapping_flush(struct natpunch *np,
			   const struct natpunch_mapping *filter,
			   uint32_t *count);

/*
 * Reserve an external port. Needs RESERVATION_WAN, L4PROTO, INT_ADDR and
 * INT_PORT. What was given goes to made, which may be NULL or the request
 * itself. -ENOENT: the WAN is not managed; -EADDRINUSE: the port is taken, by
 * whom is said; -EEXIST: the internal endpoint has a reservation, or a mapping
 * with another port; -ERANGE: the port is outside the WAN's range;
 * -EADDRNOTAVAIL: the WAN has no such address; -ENOSPC: too many.
 */
int natpunch_reservation_add(struct natpunch *np,
			     const struct natpunch_reservation *request,
			     struct natpunch_reservation *made);

/*
 * End a reservation, its mapping and its flows; or look it up. key:
 * RESERVATION_WAN, L4PROTO, INT_ADDR, INT_PORT. -ENOENT: there is none.
 */
int natpunch_reservation_del(struct natpunch *np,
			     const struct natpunch_reservation *key);
int natpunch_reservation_get(struct natpunch *np,
			     const struct natpunch_reservation *key,
			     struct natpunch_reservation *reservation);
int natpunch_reservation_dump(struct natpunch *np, natpunch_reservation_cb *cb,
			      void *data);

/*
 * The held SYN of a pair of endpoints (key: HOLD_EXT_ADDR, EXT_PORT,
 * REMOTE_ADDR, REMOTE_PORT; -ENOENT: there is none), or all that have what
 * filter says of these; NULL: all. key and hold may be the same object.
 */
int natpunch_hold_get(struct natpunch *np, const struct natpunch_hold *key,
		      struct natpunch_hold *hold);
int natpunch_hold_dump(struct natpunch *np, const struct natpunch_hold *filter,
		       natpunch_hold_cb *cb, void *data);

/*
 * Register a crafted flow, or renew its lease: the kernel's own RSTs for it are
 * dropped. Needs CRAFTED_LOCAL_ADDR, REMOTE_ADDR and LEASE. With .bound the
 * registration ends with natpunch_close() or with the process, whatever ends
 * it; who forks leaves the handle to one side. What is registered goes to made,
 * which may be NULL or the request itself. -ENOSPC: too many.
 */
int natpunch_crafted_add(struct natpunch *np,
			 const struct natpunch_crafted *request,
			 struct natpunch_crafted *made);

/* End a registration, look it up (-ENOENT: there is none), or all of them. */
int natpunch_crafted_del(struct natpunch *np, uint32_t id);
int natpunch_crafted_get(struct natpunch *np, uint32_t id,
			 struct natpunch_crafted *flow);
int natpunch_crafted_dump(struct natpunch *np, natpunch_crafted_cb *cb,
			  void *data);

/*
 * Watch a device: register, for a short lease, the crafted flows whose first
 * SYN leaves it from a raw or packet socket; or stop (on is 0; -ENOENT: it is
 * not watched). With bound it is watched until natpunch_close(), however the
 * program ends, and only what np watches is stopped. What was seen is forgotten
 * when nobody watches the device any more. -ENODEV: no such device. And the
 * devices that are watched.
 */
int natpunch_crafted_dev_set(struct natpunch *np, const char *dev, int on,
			     int bound);
int natpunch_crafted_dev_dump(struct natpunch *np, natpunch_dev_cb *cb,
			      void *data);

/* The counters. */
int natpunch_stats_get(struct natpunch *np, struct natpunch_stats *stats);

/*
 * Every function that dumps returns -EINTR, after all calls of the callback,
 * if the kernel says that the objects changed under the dump. What was seen
 * may lack some or have some twice; dump again for a coherent view.
 */

/*
 * What is known of the upstream of an external address and a protocol
 * (UPSTREAM_ADDR and UPSTREAM_L4PROTO); or of all, those with the given WAN,
 * address or protocol only (filter may be NULL).
 * -ENOENT: no WAN has the address, or the WAN is not managed; -EINVAL.
 */
int natpunch_upstream_get(struct natpunch *np,
			  const struct natpunch_upstream *key,
			  struct natpunch_upstream *upstream);
int natpunch_upstream_dump(struct natpunch *np,
			   const struct natpunch_upstream *filter,
			   natpunch_upstream_cb *cb, void *data);

/*
 * Tell what mapping an upstream made. Needs the protocol and the three
 * endpoints. -ENOENT: the WAN is not managed, or the internal endpoint has no
 * mapping; -EINVAL: a value.
 */
int natpunch_upstream_sample(struct natpunch *np,
			     const struct natpunch_sample *sample);

/*
 * Ask for the external endpoint of the next flow. Needs the protocol, the
 * internal endpoint and PREDICT_DEST_ADDR. answer may be question.
 * -ENOENT: the WAN is not managed; -EINVAL: a value, or the address is none of
 * the WAN's hosts; -EADDRNOTAVAIL: the WAN has no external address; -ENOSPC:
 * too many reservations.
 */
int natpunch_predict(struct natpunch *np,
		     const struct natpunch_prediction *question,
		     struct natpunch_prediction *answer);

/*
 * Events: mappings made and ended, SYNs held and released, answers swallowed,
 * RSTs dropped for crafted flows.
 * The handle gets a second socket, so requests and events do not meet.
 * natpunch_events_fd() is for poll(); it may
 * be made non-blocking.
 *
 * natpunch_events_recv() waits for the next datagram and calls back once for
 * each event in it. -ENOBUFS: events were lost because they came faster than
 * they were read; dump to catch up, then go on receiving. -EAGAIN: none, and
 * the socket is non-blocking. -EINTR: a signal. -EBADF: not opened.
 */
int natpunch_events_open(struct natpunch *np);
int natpunch_events_fd(const struct natpunch *np);
int natpunch_events_recv(struct natpunch *np, natpunch_event_cb *cb,
			 void *data);
void natpunch_events_close(struct natpunch *np);

/*
 * Words of the enums, "eif", "idle"; NULL for a value that this library does
 * not know. The _value() functions go the other way; -EINVAL: no such word.
 */
const char *natpunch_filter_name(unsigned int filter);
int natpunch_filter_value(const char *name);
const char *natpunch_end_reason_name(unsigned int reason);
const char *natpunch_hold_answer_name(unsigned int answer);
int natpunch_hold_answer_value(const char *name);
const char *natpunch_hold_release_name(unsigned int release);
int natpunch_hold_release_value(const char *name);
const char *natpunch_hold_state_name(unsigned int state);
const char *natpunch_hold_end_name(unsigned int end);
const char *natpunch_upstream_mapping_name(unsigned int mapping);
const char *natpunch_upstream_alloc_name(unsigned int alloc);
const char *natpunch_upstream_certainty_name(unsigned int certainty);
/* Of bit 0, 1, ... of the set. */
const char *natpunch_upstream_want_name(unsigned int bit);
const char *natpunch_predict_advice_name(unsigned int advice);

#ifdef __cplusplus
}
#endif

#endif /* _NATPUNCH_H */
