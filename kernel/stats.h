/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a network namespace. One set a CPU, so that counting takes no
 * lock; the sum is made when somebody asks. The words for them are in
 * Documentation/netlink/specs/natpunch.yaml, attribute set stats.
 */
#ifndef _NP_STATS_H
#define _NP_STATS_H

#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>

/* In the order of the netlink attributes from NATPUNCH_A_STATS_MAPPINGS_NEW. */
enum np_stat {
	NP_STAT_MAPPINGS_NEW,
	NP_STAT_MAPPINGS_ENDED,
	NP_STAT_FLOWS_OUT,
	NP_STAT_FLOWS_IN,
	NP_STAT_FLOWS_HAIRPIN,
	NP_STAT_FILTERED,
	NP_STAT_LOCAL,
	NP_STAT_EXHAUSTED,
	NP_STAT_EVICTED,
	NP_STAT_CLASHED,
	NP_STAT_NO_ADDRESS,
	NP_STAT_CAPPED,
	NP_STAT_NO_MEMORY,
	/* From NATPUNCH_A_STATS_HOLDS_NEW. */
	NP_STAT_HOLDS_NEW,
	NP_STAT_HOLDS_RELEASED,
	NP_STAT_HOLDS_EXPIRED,
	NP_STAT_HOLDS_EVICTED,
	NP_STAT_HOLDS_CAPPED,
	NP_STAT_ANSWERS_SWALLOWED,
	NP_STAT_CRAFTED_RSTS,
	NP_STAT_CRAFTED_CAPPED,
	NP_STAT_QUOTA,
	NP_STAT_MAX
};

struct np_stats {
	u64_stats_t count[NP_STAT_MAX];
	struct u64_stats_sync sync;
};

static inline struct np_stats __percpu *np_stats_alloc(void)
{
	struct np_stats __percpu *stats = alloc_percpu(struct np_stats);
	int cpu;

	if (stats)
		for_each_possible_cpu(cpu)
			u64_stats_init(&per_cpu_ptr(stats, cpu)->sync);
	return stats;
}

static inline void np_stat_inc(struct np_stats __percpu *stats,
			       enum np_stat stat)
{
	struct np_stats *s = get_cpu_ptr(stats);
	unsigned long flags;

	flags = u64_stats_update_begin_irqsave(&s->sync);
	u64_stats_inc(&s->count[stat]);
	u64_stats_update_end_irqrestore(&s->sync, flags);
	put_cpu_ptr(stats);
}

static inline void np_stats_sum(struct np_stats __percpu *stats,
				u64 sum[NP_STAT_MAX])
{
	int cpu, i;

	memset(sum, 0, NP_STAT_MAX * sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct np_stats *s = per_cpu_ptr(stats, cpu);
		u64 seen[NP_STAT_MAX];
		unsigned int start;

		do {
			start = u64_stats_fetch_begin(&s->sync);
			for (i = 0; i < NP_STAT_MAX; i++)
				seen[i] = u64_stats_read(&s->count[i]);
		} while (u64_stats_fetch_retry(&s->sync, start));
		for (i = 0; i < NP_STAT_MAX; i++)
			sum[i] += seen[i];
	}
}

#endif /* _NP_STATS_H */
