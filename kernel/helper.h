/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Conntrack helpers: the admin's policy, read off a flow, and our own watcher.
 *
 * nft says what is to become of a flow by giving it a conntrack helper with one
 * of our names. The names are registered by natpunch_policy.ko, a module that
 * does nothing else: nft may load it while it holds its own lock, and a module
 * that has more to do at load time would then wait for ever for somebody who
 * waits for that lock.
 */
#ifndef _NP_HELPER_H
#define _NP_HELPER_H

#include <linux/types.h>
#include <uapi/linux/natpunch.h>

struct nf_conn;

enum np_policy {
	NP_POLICY_NONE,		/* nothing is said */
	NP_POLICY_DEFAULT,	/* as the WAN's settings say */
	NP_POLICY_EIF,
	NP_POLICY_ADF,
	NP_POLICY_APDF,
	NP_POLICY_OFF,		/* leave it to masquerade */
	NP_POLICY_STUN,		/* as the WAN's settings say, and observe it */
};

/* Under rcu_read_lock(). */
enum np_policy np_policy(const struct nf_conn *ct);

static inline u8 np_policy_filter(enum np_policy policy)
{
	switch (policy) {
	case NP_POLICY_EIF:
		return NATPUNCH_FILTER_EIF;
	case NP_POLICY_ADF:
		return NATPUNCH_FILTER_ADF;
	case NP_POLICY_APDF:
		return NATPUNCH_FILTER_APDF;
	default:
		return NATPUNCH_FILTER_DEFAULT;
	}
}

/* What packets are seen for; both is NP_SEE_WATCH | NP_SEE_OBSERVE. */
enum np_see {
	NP_SEE_WATCH = 1,	/* tell outbound ones (RFC 4787 REQ-6) */
	NP_SEE_OBSERVE = 2,	/* STUN, see observe.h */
};

/*
 * See every packet of an unconfirmed entry from now on, beside what it is seen
 * for already. TCP and UDP; a flow that has a helper of somebody else's keeps
 * that.
 */
void np_helper_see(struct nf_conn *ct, enum np_see what);

int np_helper_init(void);
void np_helper_exit(void);

#endif /* _NP_HELPER_H */
