/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Floods: packets by the thousand, and what they leave in the gateway's memory.
 */
#ifndef LAB_FLOOD_H
#define LAB_FLOOD_H

#include "packet.h"

/** flood_size() - FLOOD in the environment, or @small. */
unsigned int flood_size(unsigned int small);
/** flood_open() - one socket of @node for all of a flood; closed as all are. */
int flood_open(enum node node);
void flood_send(int flood, const struct packet *p);
/**
 * flood_stranger() - the @i'th of 13 million addresses that nobody has. What is
 * sent to them ends at NET, unseen, after flood_sink().
 */
struct ep flood_stranger(unsigned int i, unsigned int port);
void flood_sink(void);

/** stat_of() - one of GA's counters, by the name that `natpunchctl -j stats` has. */
long stat_of(const char *name);
/** max_flows_set() - natpunch's cap on flow records; 0: as it was loaded. */
void max_flows_set(unsigned int max);
/**
 * conntrack_size() - how many entries conntrack may have, in any namespace, and a
 * hash table half as large. With 0 as many as any test needs.
 */
void conntrack_size(unsigned int max);
/** conntrack_entries() - how many it has in @node. */
long conntrack_entries(enum node node);

/**
 * slab_bytes() - all that the kernel has allocated for objects; 0 if it finds mistakes
 * and keeps books of them there, too: an object has a kilobyte more then.
 */
long slab_bytes(void);
/** slab_of() - what a cache of its own has of it; 0 likewise. */
long slab_of(const char *cache);

#endif
