// SPDX-License-Identifier: GPL-2.0
/* Internal hosts and what they have; see host.h. */
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "host.h"
#include "main.h"
#include "mapping.h"

static u32 np_host_key_hash(const void *data, u32 len, u32 seed)
{
	const struct np_host_key *key = data;

	return jhash_2words(np_hash_ip(&key->ip, seed),
			    key->zone << 16 | key->wan, seed);
}

static u32 np_host_hash(const void *data, u32 len, u32 seed)
{
	const struct np_host *host = data;

	return np_host_key_hash(&host->key, len, seed);
}

static int np_host_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct np_host_key *key = arg->key;
	const struct np_host *host = obj;

	return key->zone != host->key.zone || key->wan != host->key.wan ||
	       !nf_inet_addr_cmp(&key->ip, &host->key.ip);
}

static const struct rhashtable_params np_host_params = {
	.head_offset = offsetof(struct np_host, node),
	.key_offset = offsetof(struct np_host, key),
	.key_len = sizeof(struct np_host_key),
	.hashfn = np_host_key_hash,
	.obj_hashfn = np_host_hash,
	.obj_cmpfn = np_host_cmp,
	.automatic_shrinking = true,
};

static struct np_host *np_host_new(struct np_net *npn,
				   const struct np_host_key *key)
{
	struct np_host *host = kzalloc(sizeof(*host), GFP_ATOMIC);

	if (!host)
		return NULL;
	host->key = *key;
	refcount_set(&host->ref, 1);
	if (rhashtable_insert_fast(&npn->hosts, &host->node, np_host_params)) {
		kfree(host);
		return NULL;
	}
	return host;
}

struct np_host *np_host_get(struct np_net *npn, const struct np_key *internal)
{
	struct np_host_key key = {
		.ip = internal->ip,
		.zone = internal->zone,
		.wan = internal->wan,
	};
	struct np_host *host;

	rcu_read_lock();
	host = rhashtable_lookup(&npn->hosts, &key, np_host_params);
	if (host && !refcount_inc_not_zero(&host->ref))
		host = NULL;
	rcu_read_unlock();
	if (host)
		return host;

	/* Who is in the table now has a reference: see np_host_put(). */
	spin_lock_bh(&npn->hosts_lock);
	host = rhashtable_lookup_fast(&npn->hosts, &key, np_host_params);
	if (host)
		refcount_inc(&host->ref);
	else
		host = np_host_new(npn, &key);
	spin_unlock_bh(&npn->hosts_lock);
	return host;
}

void np_host_put(struct np_net *npn, struct np_host *host)
{
	if (refcount_dec_not_one(&host->ref))
		return;
	/* The last reference goes under the lock, with the place in the table. */
	spin_lock_bh(&npn->hosts_lock);
	if (refcount_dec_and_test(&host->ref)) {
		rhashtable_remove_fast(&npn->hosts, &host->node,
				       np_host_params);
		kfree_rcu(host, rcu);
	}
	spin_unlock_bh(&npn->hosts_lock);
}

bool np_host_take_port(struct np_host *host, enum np_l4 l4, u32 limit)
{
	if (atomic_inc_return(&host->ports[l4]) <= limit)
		return true;
	atomic_dec(&host->ports[l4]);
	return false;
}

int np_host_net_init(struct np_net *npn)
{
	spin_lock_init(&npn->hosts_lock);
	return rhashtable_init(&npn->hosts, &np_host_params);
}

void np_host_net_exit(struct np_net *npn)
{
	rhashtable_destroy(&npn->hosts);
}
