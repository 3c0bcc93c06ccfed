/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of the predictor share.
 */
#ifndef _NP_PREDICT_PRIV_H
#define _NP_PREDICT_PRIV_H

#include "predict.h"

#define NP_SECOND	976563		/* ticks of 1 024 ns */
#define NP_STEP_MAX	64

/* The Gamma prior of the foreign rate: 3/8 (Q8), 6.3 ms. */
#define NP_PRIOR_SHAPE	96
#define NP_PRIOR_TICKS	6144

/* The newest few; [0] is the oldest that is left. */
static inline struct np_sample *np_nth(struct np_predict *p, u32 i)
{
	return &p->samples[(p->next + NP_PREDICT_SAMPLES - p->n + i) %
			   NP_PREDICT_SAMPLES];
}

bool np_same_addr(const struct np_endpoint *a, const struct np_endpoint *b);
bool np_same_endpoint(const struct np_endpoint *a, const struct np_endpoint *b);

/* Ticks between two times; a guess if the clock was set back. */
u32 np_ticks(u64 from, u64 to);

/* What we ourselves have made from @from to @now, of @to or NULL, if @h is true. */
u32 np_own(const struct np_predict *p, const struct np_hypothesis *h,
	   const struct np_sample *from, const struct np_count *now,
	   const struct np_sample *to, u32 lane);

/* Find out what kind of NAT it is if that has not been done yet. */
void np_think(struct np_predict *p);

#endif
