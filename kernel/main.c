// SPDX-License-Identifier: GPL-2.0
/*
 * Load, unload, and the state of a network namespace; see main.h.
 *
 * Unloading under traffic: first nobody can configure any more, then no event
 * is heard, then every namespace loses its hooks, its mappings and their flows,
 * and at last what RCU still holds is waited for.
 */
#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "flow.h"
#include "helper.h"
#include "main.h"
#include "mapping.h"
#include "netlink.h"
#include "observe.h"
#include "passing.h"
#include "synhold.h"
#include "wan.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static unsigned int np_net_id __read_mostly;

struct np_net *np_net(const struct net *net)
{
	return net_generic(net, np_net_id);
}

int np_stats_prepare(struct np_net *npn)
{
	lockdep_assert_held(&npn->lock);

	if (!npn->stats)
		npn->stats = np_stats_alloc();
	return npn->stats ? 0 : -ENOMEM;
}

static int __net_init np_net_init(struct net *net)
{
	struct np_net *npn = np_net(net);

	npn->net = net;
	np_wan_net_init(npn);
	np_observe_net_init(npn);
	np_crafted_net_init(npn);
	np_passing_net_init(npn);
	return 0;
}

static void __net_exit np_net_pre_exit(struct net *net)
{
	np_crafted_net_pre_exit(np_net(net));
	np_wan_net_pre_exit(np_net(net));
}

static void __net_exit np_net_exit(struct net *net)
{
	struct np_net *npn = np_net(net);

	np_crafted_net_exit(npn);
	np_wan_net_exit(npn);
	free_percpu(npn->stats);
}

static struct pernet_operations np_net_ops = {
	.init = np_net_init,
	.pre_exit = np_net_pre_exit,
	.exit = np_net_exit,
	.id = &np_net_id,
	.size = sizeof(struct np_net),
};

static int __init np_init(void)
{
	int err;

	err = np_flow_init();
	if (err)
		return err;
	err = np_mapping_init();
	if (err)
		goto err_flow;
	err = register_pernet_subsys(&np_net_ops);
	if (err)
		goto err_mapping;
	err = np_wan_init();
	if (err)
		goto err_pernet;
	err = np_helper_init();
	if (err)
		goto err_wan;
	err = np_nl_init();
	if (err)
		goto err_helper;
	return 0;

err_helper:
	np_helper_exit();
err_wan:
	np_wan_exit();
	np_wan_exit_late();
err_pernet:
	unregister_pernet_subsys(&np_net_ops);
err_mapping:
	np_mapping_exit();
err_flow:
	np_flow_exit();
	return err;
}

static void __exit np_exit(void)
{
	np_nl_exit();
	np_wan_exit();
	unregister_pernet_subsys(&np_net_ops);
	np_wan_exit_late();
	np_helper_exit();
	/* Mappings, records and addresses are freed by callbacks, and those of
	 * mappings free addresses, which free WANs.
	 */
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
	np_mapping_exit();
	np_flow_exit();
}

module_init(np_init);
module_exit(np_exit);

module_param_named(max_mappings, np_max_mappings, uint, 0644);
MODULE_PARM_DESC(max_mappings, "Mappings that a network namespace can hold");
module_param_named(max_holds, np_max_holds, uint, 0644);
MODULE_PARM_DESC(max_holds, "SYNs that a network namespace can hold");
module_param_named(max_flows, np_max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "Flow records that a network namespace can hold");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Endpoint-independent NAT that peers can punch through");
