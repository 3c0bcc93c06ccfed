/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of what worked: for each peer, and for each network of ours (it is told by
 * the address that STUN servers see), the kind of way that a session got by last.
 * It is tried before others, so that those see no packets in vain. Kept over
 * restarts in the state directory, WAYS_MAX of them.
 */
#ifndef _NATPUNCHD_WAYS_H
#define _NATPUNCHD_WAYS_H

#include "path.h"

#define WAYS_MAX	256

/** ways_known() - "srflx", say, to p's peer from where we are; NULL: none. */
const char *ways_known(const struct path *p);
/** ways_worked() - remember it. */
void ways_worked(const struct path *p, const char *way);
/** ways_wait() - the peer has @way, and @remote is another: try it later. */
bool ways_wait(const struct path *p, enum candidate_kind way,
	       const union endpoint *remote);

#define WAYS_FIRST_MS	500	/* what worked is tried alone for so long */

#endif /* _NATPUNCHD_WAYS_H */
