/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hook that forwarded packets pass: the price that an established packet pays
 * for held SYNs and crafted flows, who share it. It comes before the admin's
 * rules, which may reject.
 *
 * Both want segments with SYN or RST, and ICMP that refuses; the rest is let go
 * in a few instructions. Where only the hold asks, what conntrack knows saves
 * some of these.
 *
 * Locking: who has asked for the hook is changed under np_net.lock, read by
 * packets without.
 */
#ifndef _NP_PASSING_H
#define _NP_PASSING_H

#include <linux/bits.h>
#include <linux/netfilter.h>
#include <linux/types.h>

struct np_net;

enum np_passing_user {
	NP_PASSING_HOLD = BIT(0),
	NP_PASSING_CRAFTED = BIT(1),	/* of other hosts */
};

struct np_passing {
	struct nf_hook_ops hold[2];	/* for the hold alone */
	struct nf_hook_ops all[2];
	u8 users;			/* enum np_passing_user */
};

/* Let @user see what passes, or no longer. Under np_net.lock. */
int np_passing_set(struct np_net *npn, enum np_passing_user user, bool want);

void np_passing_net_init(struct np_net *npn);

#endif /* _NP_PASSING_H */
