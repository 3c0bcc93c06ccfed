// SPDX-License-Identifier: GPL-2.0
/* Counters. */
#include "internal.h"

int natpunch_stats_get(struct natpunch *np, struct natpunch_stats *stats)
{
	return np_do_reply(np, NATPUNCH_CMD_STATS_GET, &np_stats_set, NULL, 0,
			   stats, sizeof(*stats));
}
