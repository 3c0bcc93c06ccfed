/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernels differ. Kbuild looks for the features; see
 * there what each NP_ macro stands for.
 */
#ifndef _NP_COMPAT_H
#define _NP_COMPAT_H

#include <net/net_namespace.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/udp.h>

static inline struct udp_table *np_udp_table(const struct net *net)
{
#ifdef NP_UDP_TABLE_PER_NET
	return net->ipv4.udp_table;
#else
	return &udp_table;
#endif
}

/* 6.1 takes the namespace without const. */
static inline struct udp_hslot *np_udp_slot(struct net *net, u16 port)
{
	return udp_hashslot(np_udp_table(net), net, port);
}

/*
 * A conntrack helper of ours. Newer kernels copy what is registered and count
 * the conntrack entries that have the copy; older ones use what they are given.
 */
struct np_helper {
	struct nf_conntrack_helper def;
	struct nf_conntrack_helper *reg;	/* NULL if not registered */
};

typedef int (*np_help_fn)(struct sk_buff *skb, unsigned int protoff,
			  struct nf_conn *ct, enum ip_conntrack_info ctinfo);

/*
 * @slot must be another for each helper: older kernels take no two for the same
 * protocol and port, although nothing has been assigned by port for years.
 */
static inline int np_helper_register(struct np_helper *h, u8 l4proto, u16 slot,
				     const char *name, np_help_fn help,
				     struct module *owner)
{
	/* We expect no connections; conntrack wants to be told so. */
	static const struct nf_conntrack_expect_policy none = {
		.timeout = 1,
	};
	int err;

#ifdef NP_HELPER_COUNTED
	nf_ct_helper_init(&h->def, NFPROTO_UNSPEC, l4proto, name, &none, 0,
			  help, NULL, owner);
	err = nf_conntrack_helper_register(&h->def, &h->reg);
#else
	nf_ct_helper_init(&h->def, NFPROTO_UNSPEC, l4proto, name, slot, slot,
			  0, &none, 0, help, NULL, owner);
	err = nf_conntrack_helper_register(&h->def);
	if (!err)
		h->reg = &h->def;
#endif
	return err;
}

static inline void np_helper_unregister(struct np_helper *h)
{
	if (h->reg)
		nf_conntrack_helper_unregister(h->reg);
	h->reg = NULL;
}

/* Let @h see the packets of @ct, which is unconfirmed and has @help. */
static inline void np_helper_assign(struct nf_conn *ct,
				    struct nf_conn_help *help,
				    struct np_helper *h)
{
#ifdef NP_HELPER_COUNTED
	if (!refcount_inc_not_zero(&h->reg->ct_refcnt))
		return;
	nf_ct_help_put(ct);
#endif
	rcu_assign_pointer(help->helper, h->reg);
	set_bit(IPS_HELPER_BIT, &ct->status);
}

#endif /* _NP_COMPAT_H */
