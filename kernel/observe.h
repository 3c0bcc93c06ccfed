/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What traffic tells of the NATs in front of us: STUN answers that pass by, and
 * how many flows and mappings this gateway itself has made towards them.
 *
 * An upstream is what lies beyond one external address of ours, for UDP or for
 * TCP. What is remembered of it, a ring of samples of fixed size, is made with
 * the address and goes with it (see struct np_predict): no packet allocates
 * anything here, and the state is bounded by the number of external addresses.
 * An address that comes back begins anew.
 *
 * The observer sees the packets of a flow as its conntrack helper. It gets every
 * new flow that leaves a WAN towards a STUN port, and every one that an nft rule
 * gives a helper of type "natpunch-stun". A Binding response is believed if it
 * comes in on the flow that a request with its transaction id has left by, hence
 * from where that was sent to. Nothing is ever changed in a packet.
 *
 * Locking: np_upstream.lock guards samples; softirq-safe, takes no other lock. It
 * is held to learn and to copy. Thinking about the samples takes longer and is done
 * with a copy, of which each network namespace has one, under np_net.lock.
 * Counts are per CPU. A flow's memory of its requests is under nf_conn.lock.
 */
#ifndef _NP_OBSERVE_H
#define _NP_OBSERVE_H

#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "ports.h"
#include "predict.h"

struct nf_conn;
struct np_net;
struct np_wan;
struct sk_buff;

/* Protocols that are observed: NP_L4_UDP and NP_L4_TCP. */
#define NP_UPSTREAMS	2

struct np_owns {
	struct np_count of[NP_UPSTREAMS];
};

struct np_upstream {
	spinlock_t lock;		/* all but what was told */
	struct np_predict predict;
	struct np_endpoint mapped;	/* of the newest sample */
	u32 refused;			/* answers that were not believed */
	bool news;			/* samples since the listeners were told */
	/* What they were told. Under np_net.lock. */
	u8 told_mapping;
	u8 told_alloc;
	u8 told_certainty;
	struct np_endpoint told_mapped;
};

/* All that is known of an upstream, as it is told. */
struct np_upstream_view {
	struct np_verdict verdict;
	struct np_endpoint mapped;	/* of the newest sample */
	struct np_count own;
	u32 refused;
};

int np_upstreams_new(struct np_addr *addr);
void np_upstreams_free(struct np_addr *addr);

/*
 * A new flow of @l4 leaves from @port of @addr, by a @mapping that is new, too, or
 * by an older one.
 */
static inline void np_own_count(const struct np_addr *addr, unsigned int l4,
				__be16 port, bool mapping)
{
	unsigned int odd = ntohs(port) & 1;

	if (l4 >= NP_UPSTREAMS)
		return;
	this_cpu_inc(addr->own->of[l4].flows[odd]);
	if (mapping)
		this_cpu_inc(addr->own->of[l4].mappings[odd]);
}

void np_own_sum(const struct np_addr *addr, unsigned int l4,
		struct np_count *sum);

/*
 * A new flow leaves @wan that is not translated by us: the router's own, or one
 * that is left to masquerade. Counted on the address that it has or, as far as
 * one can tell, will get. Under rcu_read_lock().
 */
void np_observe_other(struct np_wan *wan, unsigned int l4, u8 family,
		      const union nf_inet_addr *src, __be16 port);

/* A packet of a flow that the observer was given; under rcu_read_lock(). */
void np_observe_packet(struct np_net *npn, const struct sk_buff *skb,
		       unsigned int protoff, struct nf_conn *ct,
		       enum ip_conntrack_info ctinfo);

/* Learn a sample. Under rcu_read_lock() or np_net.lock. */
enum np_sample_result np_upstream_learn(struct np_net *npn,
					struct np_addr *addr, unsigned int l4,
					const struct np_sample *sample);

/*
 * All under np_net.lock. What the samples mean is worked out by a work item, a tick
 * after they came, or at once for who has told them (np_upstream_ready()); a question
 * that comes in between works it out itself.
 */
void np_upstream_ready(struct np_addr *addr, unsigned int l4);
void np_upstream_view(struct np_addr *addr, unsigned int l4,
		      struct np_upstream_view *view);
void np_upstream_ask(struct np_addr *addr, unsigned int l4,
		     const struct np_question *question,
		     struct np_answer *answer, struct np_guess *guesses);

/* The clock of samples, in nanoseconds. */
u64 np_observe_now(void);

void np_endpoint_set(struct np_endpoint *ep, u8 family,
		     const union nf_inet_addr *ip, __be16 port);

void np_observe_net_init(struct np_net *npn);
/* Before the first WAN, and after the last packet and message. */
int np_observe_net_prepare(struct np_net *npn);
void np_observe_net_exit(struct np_net *npn);
/* No packet is to be seen any more, or np_net.closing seen by all. */
void np_observe_net_pre_exit(struct np_net *npn);

#endif /* _NP_OBSERVE_H */
