// SPDX-License-Identifier: GPL-2.0
/* STUN transactions: timers and ids. */
#include <string.h>

#include "stun-transaction.h"

const struct stun_timing stun_timing_rfc = {
	.rto = 500,
	.tries = 7,
	.last = 16,
	.reliable = 39500,
};

void stun_transaction_start(struct stun_transaction *t,
			    const struct stun_message *request,
			    const struct stun_timing *timing, bool is_reliable,
			    uint64_t now)
{
	t->request = *request;
	t->timing = *timing;
	t->is_reliable = is_reliable;
	t->sent = 0;
	t->next = now;
}

enum stun_step stun_transaction_step(struct stun_transaction *t, uint64_t now)
{
	const struct stun_timing *timing = &t->timing;
	uint32_t tries = t->is_reliable ? 1 : timing->tries;

	if (now < t->next)
		return STUN_WAIT;
	if (t->sent && t->sent >= tries)
		return STUN_GIVE_UP;
	if (!t->sent)
		t->first_sent = now;
	t->last_sent = now;
	t->sent++;
	if (t->is_reliable)
		t->next = now + timing->reliable;
	else if (t->sent < tries)
		t->next = now + ((uint64_t)timing->rto << (t->sent - 1));
	else
		t->next = now + (uint64_t)timing->rto * timing->last;
	return STUN_SEND;
}

bool stun_transaction_owns(const struct stun_transaction *t,
			   const struct np_stun_msg *msg)
{
	return (msg->type == NP_STUN_BINDING_SUCCESS ||
		msg->type == NP_STUN_BINDING_ERROR) &&
	       !memcmp(msg->id, t->request.data + 4, NP_STUN_ID);
}
