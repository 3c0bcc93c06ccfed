/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The WAN's address changes under us: the kernel tells (rtnetlink), and sessions
 * that went by the old one begin anew at once. What NATs upstream change is
 * noticed by candidate.c.
 */
#ifndef _NATPUNCHD_CHANGE_H
#define _NATPUNCHD_CHANGE_H

#include "gateway.h"

struct change;

int change_open(struct change **c, struct gateway *gw);
/** change_close() - NULL is allowed. */
void change_close(struct change *c);

#endif /* _NATPUNCHD_CHANGE_H */
