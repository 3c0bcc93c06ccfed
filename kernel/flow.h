/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flow records: what a mapping remembers of the remote endpoints it talks to.
 *
 * A record is looked up by hash when a flow begins (filtering: may this remote
 * endpoint, or address, come in?) and looked at by the mapping's timer (is
 * there still a conntrack entry?). Conntrack tells nobody when an entry goes,
 * or rather those whom it tells are in each other's way; so the question is
 * asked now and then, oldest record first, and one living flow answers for the
 * mapping.
 *
 * The hash has to say "this endpoint" and "any endpoint of this address", both
 * in one step however many ports one address uses. Therefore the first record
 * of an address is hashed by the address alone and counts the others, which
 * are hashed by address and port.
 *
 * Locking: everything under np_mapping.lock, but np_flow_admits() under RCU.
 */
#ifndef _NP_FLOW_H
#define _NP_FLOW_H

#include <linux/netfilter.h>
#include <linux/types.h>

struct np_mapping;
struct np_net;
struct np_remote;

/* What the reader of a record finds: see np_flows_reap(). */
#define NP_FLOWS_LOOK_FIRST	31	/* seconds until a flow is looked at */
#define NP_FLOWS_LOOK_MAX	60	/* seconds between looks at a live one */
#define NP_FLOWS_WAIT_MAX	3600	/* seconds that a timer runs at most */

/* Errors: -EDQUOT the host has its share, -ENFILE a cap is reached, -ENOMEM. */
int np_flow_add(struct np_mapping *m, const struct np_remote *remote);

bool np_flow_admits(struct np_mapping *m, const union nf_inet_addr *ip,
		    __be16 port, u8 filter);

/*
 * Look at records, drop those whose time is over. Returns the jiffies until the
 * next look, 0 if no record is left.
 */
unsigned long np_flows_reap(struct np_mapping *m);

/*
 * Kill the conntrack entries of the oldest records and drop these, as many as
 * softirq bears at a time. Takes the lock itself. True if records are left.
 */
bool np_flows_kill_some(struct np_mapping *m);

/*
 * The seconds that a flow of @m outlives its last packet. Under
 * rcu_read_lock().
 */
u32 np_flows_lifetime(const struct np_mapping *m, bool established);

/* Seconds that @m has if nothing refreshes it. Under the lock and RCU. */
u32 np_flows_expires(const struct np_mapping *m);

int np_flow_init(void);
void np_flow_exit(void);
int np_flow_net_init(struct np_net *npn);
void np_flow_net_exit(struct np_net *npn);

#endif /* _NP_FLOW_H */
