/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Races: two processes, each on a processor of its own, begin round after round at
 * the same moment. For VMs with smp=2.
 */
#ifndef LAB_RACE_H
#define LAB_RACE_H

#include <stdbool.h>
#include <sys/types.h>

typedef void race_fn(unsigned int round);

/** race_possible() - are there two processors? */
bool race_possible(void);
/** race_pin() - let the calling process run on processor @cpu alone. */
void race_pin(int cpu);
/** race_pin_other() - the same for process @pid; false if that is not possible now. */
bool race_pin_other(pid_t pid, int cpu);
/**
 * race() - call both @rounds times, in processes of their own. Now one is a little
 * early, now the other.
 */
void race(unsigned int rounds, race_fn *first, race_fn *second);
/**
 * race_keep() - call @fn with 0, 1, 2... on processor @cpu, in a process of its
 * own, until race_end(). Returns after the first call.
 */
pid_t race_keep(int cpu, race_fn *fn);
/** race_end() - how often it was called; -1 if it died. */
long race_end(pid_t pid);

#endif
