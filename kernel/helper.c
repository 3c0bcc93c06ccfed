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
#include "policy.h"

static struct np_helper np_watchers[2];

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
	enum ip_conntrack_dir out = ct->status & IPS_SRC_NAT ?
				    IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY;
	const struct nf_conntrack_tuple *t = &ct->tuplehash[!out].tuple;

	memset(key, 0, sizeof(*key));
	key->ip = t->dst.u3;
	key->port = t->dst.u.all;
	key->l4proto = t->dst.protonum;
	key->family = t->src.l3num;
	return out;
}

static int np_watch(struct sk_buff *skb, unsigned int protoff,
		    struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct np_net *npn = np_net(nf_ct_net(ct));
	struct np_mapping *m;
	struct np_key key;

	if (!READ_ONCE(npn->ready) || READ_ONCE(npn->closing) ||
	    np_watch_key(ct, &key) != CTINFO2DIR(ctinfo))
		return NF_ACCEPT;
	m = np_mapping_by_ext(npn, &key);
	if (m)
		np_mapping_outbound(m);
	return NF_ACCEPT;
}

void np_helper_watch(struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);
	struct np_helper *h;

	switch (nf_ct_protonum(ct)) {
	case IPPROTO_UDP:
		h = &np_watchers[0];
		break;
	case IPPROTO_TCP:
		h = &np_watchers[1];
		break;
	default:
		return;
	}
	if (nf_ct_is_confirmed(ct))
		return;
	if (help && np_policy(ct) == NP_POLICY_NONE)
		return;
	if (!help)
		help = nf_ct_helper_ext_add(ct, GFP_ATOMIC);
	if (help)
		np_helper_assign(ct, help, h);
}

int np_helper_init(void)
{
	int err;

	err = np_helper_register(&np_watchers[0], IPPROTO_UDP,
				 NP_SLOT_WATCHER, NP_WATCHER_NAME, np_watch,
				 THIS_MODULE);
	if (err)
		return err;
	err = np_helper_register(&np_watchers[1], IPPROTO_TCP,
				 NP_SLOT_WATCHER, NP_WATCHER_NAME, np_watch,
				 THIS_MODULE);
	if (err)
		np_helper_unregister(&np_watchers[0]);
	return err;
}

/* Namespaces must not be watched any more: no entry gets a helper after this. */
void np_helper_exit(void)
{
	np_helper_unregister(&np_watchers[1]);
	np_helper_unregister(&np_watchers[0]);
}
