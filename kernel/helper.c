// SPDX-License-Identifier: GPL-2.0
/*
 * Conntrack helpers; see helper.h.
 *
 * Locking: RCU, as conntrack has it for helpers.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include "compat.h"
#include "helper.h"
#include "main.h"
#include "mapping.h"
#include "observe.h"
#include "policy.h"

/* By what they see, for UDP and for TCP. */
static const char * const np_helper_names[] = {
	[NP_SEE_WATCH] = NP_WATCHER_NAME,
	[NP_SEE_OBSERVE] = NP_OBSERVER_NAME,
	[NP_SEE_WATCH | NP_SEE_OBSERVE] = NP_BOTH_NAME,
};

static struct np_helper np_helpers[ARRAY_SIZE(np_helper_names)][2];

static const char *np_helper_name(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	const struct nf_conntrack_helper *h;

	if (!help)
		return NULL;
	h = rcu_dereference(help->helper);
	return h ? h->name : NULL;
}

static enum np_policy np_policy_by_name(const char *name)
{
	static const struct {
		const char *name;
		enum np_policy policy;
	} policies[] = {
		{ NP_POLICY_NAME, NP_POLICY_DEFAULT },
		{ NP_POLICY_NAME_EIF, NP_POLICY_EIF },
		{ NP_POLICY_NAME_ADF, NP_POLICY_ADF },
		{ NP_POLICY_NAME_APDF, NP_POLICY_APDF },
		{ NP_POLICY_NAME_OFF, NP_POLICY_OFF },
		{ NP_POLICY_NAME_STUN, NP_POLICY_STUN },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (!strcmp(name, policies[i].name))
			return policies[i].policy;
	return NP_POLICY_NONE;
}

enum np_policy np_policy(const struct nf_conn *ct)
{
	const char *name = np_helper_name(ct);

	return name ? np_policy_by_name(name) : NP_POLICY_NONE;
}

/* The external endpoint of a flow, and the direction that leaves it. */
static enum ip_conntrack_dir np_watch_key(const struct nf_conn *ct,
					  struct np_key *key)
{
	enum ip_conntrack_dir out = READ_ONCE(ct->status) & IPS_SRC_NAT ?
				    IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
	const struct nf_conntrack_tuple *t = &ct->tuplehash[!out].tuple;

	memset(key, 0, sizeof(*key));
	key->ip = t->dst.u3;
	key->port = t->dst.u.all;
	key->l4proto = t->dst.protonum;
	key->family = t->src.l3num;
	return out;
}

static bool np_helper_works(const struct np_net *npn)
{
	return np_net_ready(npn) && !READ_ONCE(npn->closing);
}

static void np_watch_packet(struct np_net *npn, const struct nf_conn *ct,
			    enum ip_conntrack_info ctinfo)
{
	struct np_mapping *m;
	struct np_key key;

	if (np_watch_key(ct, &key) != CTINFO2DIR(ctinfo))
		return;
	m = np_mapping_by_ext(npn, &key);
	if (m)
		np_mapping_outbound(m);
}

static int np_watch(struct sk_buff *skb, unsigned int protoff,
		    struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct np_net *npn = np_net(nf_ct_net(ct));

	if (np_helper_works(npn))
		np_watch_packet(npn, ct, ctinfo);
	return NF_ACCEPT;
}

static int np_observe(struct sk_buff *skb, unsigned int protoff,
		      struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct np_net *npn = np_net(nf_ct_net(ct));

	if (np_helper_works(npn))
		np_observe_packet(npn, skb, protoff, ct, ctinfo);
	return NF_ACCEPT;
}

static int np_watch_and_observe(struct sk_buff *skb, unsigned int protoff,
				struct nf_conn *ct,
				enum ip_conntrack_info ctinfo)
{
	np_watch(skb, protoff, ct, ctinfo);
	return np_observe(skb, protoff, ct, ctinfo);
}

/* What @ct is seen for; 0: nothing, or it has no helper of ours. */
static unsigned int np_helper_sees(const struct nf_conn *ct)
{
	const char *name = np_helper_name(ct);
	unsigned int what;

	for (what = NP_SEE_WATCH; name && what < ARRAY_SIZE(np_helpers); what++)
		if (!strcmp(name, np_helper_names[what]))
			return what;
	return 0;
}

void np_helper_see(struct nf_conn *ct, enum np_see what)
{
	struct nf_conn_help *help = nfct_help(ct);
	unsigned int seen = help ? np_helper_sees(ct) : 0;
	unsigned int proto;

	switch (nf_ct_protonum(ct)) {
	case IPPROTO_UDP:
		proto = 0;
		break;
	case IPPROTO_TCP:
		proto = 1;
		break;
	default:
		return;
	}
	if (nf_ct_is_confirmed(ct))
		return;
	if (help && !seen && np_policy(ct) == NP_POLICY_NONE)
		return;
	if (!help)
		help = nf_ct_helper_ext_add(ct, GFP_ATOMIC);
	if (help)
		np_helper_assign(ct, help, &np_helpers[seen | what][proto]);
}

int np_helper_init(void)
{
	static const np_help_fn fns[] = {
		[NP_SEE_WATCH] = np_watch,
		[NP_SEE_OBSERVE] = np_observe,
		[NP_SEE_WATCH | NP_SEE_OBSERVE] = np_watch_and_observe,
	};
	static const u8 protos[] = { IPPROTO_UDP, IPPROTO_TCP };
	unsigned int what, i;
	int err;

	for (what = NP_SEE_WATCH; what < ARRAY_SIZE(fns); what++) {
		for (i = 0; i < ARRAY_SIZE(protos); i++) {
			err = np_helper_register(&np_helpers[what][i],
						 protos[i],
						 NP_SLOT_OURS + what,
						 np_helper_names[what],
						 fns[what], THIS_MODULE);
			if (err) {
				np_helper_exit();
				return err;
			}
		}
	}
	return 0;
}

/* Namespaces must not be watched any more: no entry gets a helper after this. */
void np_helper_exit(void)
{
	unsigned int what, i;

	for (what = NP_SEE_WATCH; what < ARRAY_SIZE(np_helpers); what++)
		for (i = 0; i < ARRAY_SIZE(np_helpers[what]); i++)
			np_helper_unregister(&np_helpers[what][i]);
}
