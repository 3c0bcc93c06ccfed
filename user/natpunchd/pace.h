/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets one after the other, so many a second: what all flows together send to
 * find each other's ports stays within the configuration's punch_rate, which is
 * meant to be below what a carrier takes for a scan.
 */
#ifndef _NATPUNCHD_PACE_H
#define _NATPUNCHD_PACE_H

#include "gateway.h"

#define PACE_TICK_MS	20	/* what is due goes out at once */

struct pace;

/** typedef pace_fn - send the @i-th packet of a round. */
typedef void pace_fn(void *data, unsigned int i);

/**
 * pace_start() - rounds of @total packets until it is freed, each at least
 * @every_ms after the last one; the first ones go from within.
 * Return: NULL: out of memory.
 */
struct pace *pace_start(struct gateway *gw, unsigned int total,
			unsigned int every_ms, pace_fn *fn, void *data);
/** pace_burst() - the same, but the first @at_once of all are not kept waiting. */
struct pace *pace_burst(struct gateway *gw, unsigned int total,
			unsigned int at_once, unsigned int every_ms,
			pace_fn *fn, void *data);
/** pace_free() - not from within @fn. NULL is allowed. */
void pace_free(struct pace *p);

#endif /* _NATPUNCHD_PACE_H */
