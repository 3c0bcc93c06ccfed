// SPDX-License-Identifier: GPL-2.0
/*
 * What passes: the hook that held SYNs and crafted flows share; see passing.h.
 */
#include <linux/netfilter_ipv4.h>
#include <net/netfilter/nf_conntrack.h>

#include "crafted.h"
#include "main.h"
#include "packet.h"
#include "passing.h"
#include "synhold.h"

static noinline unsigned int np_passing_look(struct np_net *npn,
					     struct sk_buff *skb,
					     const struct nf_hook_state *state)
{
	u8 users = READ_ONCE(npn->passing.users);

	if (users & NP_PASSING_HOLD && np_hold_passing(npn, skb, state))
		return NF_DROP;
	if (users & NP_PASSING_CRAFTED &&
	    np_crafted_passing(&npn->crafted, skb, state))
		return NF_DROP;
	return NF_ACCEPT;
}

/*
 * By family, so that no packet is asked for it; and not to be traced, as it is
 * instructions that are saved here.
 */
static notrace unsigned int
np_passing_v4(void *priv, struct sk_buff *skb,
	      const struct nf_hook_state *state)
{
	return np_packet_is_plain_v4(skb) ? NF_ACCEPT :
					    np_passing_look(priv, skb, state);
}

static notrace unsigned int
np_passing_v6(void *priv, struct sk_buff *skb,
	      const struct nf_hook_state *state)
{
	return np_packet_is_plain_v6(skb) ? NF_ACCEPT :
					    np_passing_look(priv, skb, state);
}

/*
 * Is the packet one more from the end that began the flow, which is known at
 * both ends? That is no answer to a SYN. Nor is what has no entry.
 */
static bool np_passing_is_further(const struct sk_buff *skb)
{
	BUILD_BUG_ON(IP_CT_ESTABLISHED != 0);

	return !(skb->_nfct & NFCT_INFOMASK);
}

static notrace unsigned int
np_passing_hold_v4(void *priv, struct sk_buff *skb,
		   const struct nf_hook_state *state)
{
	if (np_packet_is_udp_v4(skb) || np_passing_is_further(skb))
		return NF_ACCEPT;
	return np_passing_v4(priv, skb, state);
}

static notrace unsigned int
np_passing_hold_v6(void *priv, struct sk_buff *skb,
		   const struct nf_hook_state *state)
{
	if (np_packet_is_udp_v6(skb) || np_passing_is_further(skb))
		return NF_ACCEPT;
	return np_passing_v6(priv, skb, state);
}

/* Those that see all that @users ask for, NULL if there are none. */
static struct nf_hook_ops *np_passing_hooks(struct np_passing *passing,
					    u8 users)
{
	if (!users)
		return NULL;
	return users == NP_PASSING_HOLD ? passing->hold : passing->all;
}

int np_passing_set(struct np_net *npn, enum np_passing_user user, bool want)
{
	struct np_passing *passing = &npn->passing;
	u8 users = want ? passing->users | user : passing->users & ~user;
	struct nf_hook_ops *old = np_passing_hooks(passing, passing->users);
	struct nf_hook_ops *new = np_passing_hooks(passing, users);
	int err;

	lockdep_assert_held(&npn->lock);

	/* For a moment both may be there. Who is looked at twice passes twice. */
	if (new && new != old) {
		err = nf_register_net_hooks(npn->net, new, 2);
		if (err)
			return err;
	}
	WRITE_ONCE(passing->users, users);
	if (old && new != old)
		nf_unregister_net_hooks(npn->net, old, 2);
	return 0;
}

static void np_passing_op(struct np_net *npn, u8 pf, nf_hookfn *fn,
			  struct nf_hook_ops *op)
{
	*op = (struct nf_hook_ops) {
		.hook = fn,
		.priv = npn,
		.pf = pf,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FILTER - 1,
	};
}

void np_passing_net_init(struct np_net *npn)
{
	struct np_passing *passing = &npn->passing;

	np_passing_op(npn, NFPROTO_IPV4, np_passing_hold_v4, &passing->hold[0]);
	np_passing_op(npn, NFPROTO_IPV6, np_passing_hold_v6, &passing->hold[1]);
	np_passing_op(npn, NFPROTO_IPV4, np_passing_v4, &passing->all[0]);
	np_passing_op(npn, NFPROTO_IPV6, np_passing_v6, &passing->all[1]);
}
