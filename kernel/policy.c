// SPDX-License-Identifier: GPL-2.0
/*
 * natpunch_policy.ko: the names of natpunch's policies, as conntrack helpers.
 *
 *	ct helper games { type "natpunch-eif" protocol udp; l3proto inet; }
 *
 * nft loads this module by its aliases while it holds its commit mutex. It may
 * therefore wait for nothing at load time that waits for RTNL or for network
 * namespaces, and depend on nothing but conntrack. natpunch.ko, which does both
 * and more, knows a flow's policy by the name alone.
 *
 * Locking: none, there is no state.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include "compat.h"
#include "policy.h"

static const char * const np_names[] = {
	NP_POLICY_NAME,
	NP_POLICY_NAME_EIF,
	NP_POLICY_NAME_ADF,
	NP_POLICY_NAME_APDF,
	NP_POLICY_NAME_OFF,
	NP_POLICY_NAME_STUN,
};

/* What nft lets a helper object be for. */
static const u8 np_protos[] = { IPPROTO_UDP, IPPROTO_TCP };

static struct np_helper np_policies[ARRAY_SIZE(np_names) *
				    ARRAY_SIZE(np_protos)];

static int np_policy_help(struct sk_buff *skb, unsigned int protoff,
			  struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	return NF_ACCEPT;
}

static void np_policy_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(np_policies); i++)
		np_helper_unregister(&np_policies[i]);
}

static int __init np_policy_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(np_policies); i++) {
		err = np_helper_register(&np_policies[i],
					 np_protos[i % ARRAY_SIZE(np_protos)],
					 NP_SLOT_POLICY + i,
					 np_names[i / ARRAY_SIZE(np_protos)],
					 np_policy_help, THIS_MODULE);
		if (err) {
			np_policy_exit();
			return err;
		}
	}
	return 0;
}

static void __exit np_policy_unload(void)
{
	np_policy_exit();
}

module_init(np_policy_init);
module_exit(np_policy_unload);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("natpunch's policies, for nft rules to name");
MODULE_ALIAS_NFCT_HELPER("natpunch");
MODULE_ALIAS_NFCT_HELPER("natpunch-eif");
MODULE_ALIAS_NFCT_HELPER("natpunch-adf");
MODULE_ALIAS_NFCT_HELPER("natpunch-apdf");
MODULE_ALIAS_NFCT_HELPER("natpunch-off");
MODULE_ALIAS_NFCT_HELPER("natpunch-stun");
