/* SPDX-License-Identifier: GPL-2.0 */
/*
 * STUN transactions: when to send a request again, when to give up (RFC 8489
 * section 6.2), and which answer is its own. They know no socket and no clock;
 * time is in milliseconds and comes from the caller.
 */
#ifndef STUN_TRANSACTION_H
#define STUN_TRANSACTION_H

#include "stun-message.h"

/**
 * struct stun_timing - RFC 8489's names are in brackets
 * @rto: until the first repetition; doubles with each (RTO)
 * @tries: how often it is sent (Rc), 1 to 16
 * @last: how many @rto to wait after the last one (Rm)
 * @reliable: how long to wait where nothing is repeated, as on TCP (Ti)
 */
struct stun_timing {
	uint32_t rto;
	uint32_t tries;
	uint32_t last;
	uint32_t reliable;
};

/** stun_timing_rfc - its defaults: 7 times, given up after 39.5 s. */
extern const struct stun_timing stun_timing_rfc;

/**
 * struct stun_transaction - of one request
 * @next: the time at which stun_transaction_step() wants to be called
 * @sent: how often it was sent, and when at first and at last
 */
struct stun_transaction {
	struct stun_message request;
	struct stun_timing timing;
	bool is_reliable;
	uint64_t next;
	uint32_t sent;
	uint64_t first_sent, last_sent;
};

enum stun_step { STUN_WAIT, STUN_SEND, STUN_GIVE_UP };

/** stun_transaction_start() - @request is complete; the first step is due. */
void stun_transaction_start(struct stun_transaction *t,
			    const struct stun_message *request,
			    const struct stun_timing *timing, bool is_reliable,
			    uint64_t now);

/** stun_transaction_step() - what to do now; STUN_SEND has been counted. */
enum stun_step stun_transaction_step(struct stun_transaction *t, uint64_t now);

/** stun_transaction_owns() - whether a message is the answer to it. */
bool stun_transaction_owns(const struct stun_transaction *t,
			   const struct np_stun_msg *msg);

#endif
