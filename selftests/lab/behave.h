/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Behaviours: what RFC 4787 and its sisters ask for, measured from outside, for
 * any protocol (row->protocol). The tests and the demo share them.
 */
#ifndef LAB_BEHAVE_H
#define LAB_BEHAVE_H

#include "rows.h"

/*
 * Mapping.
 */
/** One external endpoint for two destinations, while a neighbour has the port. */
struct seen mapping_is_endpoint_independent(const struct row *row);
/** Two hosts on one internal port get two external endpoints. */
struct seen ports_are_not_overloaded(const struct row *row);
/** An internal port that is free outside is kept. */
struct seen port_is_preserved(const struct row *row);
/** Sixteen ports that could not be kept are even or odd as before. */
struct seen port_parity_is_kept(const struct row *row);
/** The peer's packet arrives before ours: our mapping stays what it was. */
struct seen inbound_first_keeps_mapping(const struct row *row);

/*
 * Lifetime; row->arg is how long to wait, in seconds.
 */
/** An unanswered UDP packet's mapping lets the answer in after that time. */
struct seen answer_passes_after(const struct row *row);
/** A flow that was answered still has its external endpoint to itself. */
struct seen endpoint_is_kept_for(const struct row *row);
/** The same after the server has ended the TCP connection by RST. */
struct seen endpoint_is_kept_after_rst(const struct row *row);
/**
 * still_taken() - whether @f's external endpoint is still its own: A2 asks for the
 * same from the same port, and @got is what it gets.
 */
bool still_taken(struct flow *f, struct ep *got);

/*
 * Filtering; row->arg says who is let in.
 */
enum {
	FILTER_APDF = 1,	/* the endpoint that was sent to */
	FILTER_ADF = 3,		/* and other ports of its address */
	FILTER_EIF = 7,		/* and anybody else */
};

struct seen filtering_is_as_configured(const struct row *row);

/*
 * Hairpinning: one host reaches its neighbour's external endpoint, and is seen
 * there by its own external endpoint.
 */
struct seen hairpin_shows_external_source(const struct row *row);
/** Both send, as peers do that do not know they are neighbours. */
struct seen hairpin_both_ways(const struct row *row);

/*
 * Punching: A and B, behind two gateways, learn their external endpoints from the
 * server and connect to each other; B begins row->arg milliseconds later.
 */
struct seen punch_connects(const struct row *row);
/** The same when A's neighbour, on the same port, is connected to B already. */
struct seen punch_connects_beside_neighbour(const struct row *row);

/** No port is left: the sender is told by ICMP. Four ports are configured. */
struct seen exhaustion_is_told(const struct row *row);
#define FOUR_PORTS_NATPUNCH	"--ports 40000-40003"
#define FOUR_PORTS_MASQUERADE	\
	"meta l4proto { tcp, udp } masquerade to :40000-40003"

#endif
