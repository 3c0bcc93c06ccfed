// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping table; see mapping.h.
 *
 * Life of a mapping: it is made by a packet or a reservation, with its external
 * port claimed first, then put into the table of external endpoints, then into
 * that of internal ones, where the faster of two CPUs wins. From then on its
 * timer is armed, or it is on the list of those that are due, until somebody sets
 * ->dead under the lock; who does takes it out of the tables, kills what flows it
 * has and gives the port back. The tables hold one reference and the timer or the
 * list another.
 *
 * Why a list, if there is a timer? The wheel lets all timers of two seconds go off
 * at once, and no packet is handled before the last of them has returned. After
 * a burst those are a hundred thousand mappings, whose end takes a quarter of a
 * second. So a timer does nothing but put its mapping on the list, and a work item
 * looks at what is there.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "flow.h"
#include "host.h"
#include "main.h"
#include "mapping.h"
#include "netlink.h"
#include "ports.h"
#include "trace.h"
#include "wan.h"

static u32 np_key_hash(const void *data, u32 len, u32 seed)
{
	const struct np_key *key = data;

	return jhash_3words(np_hash_ip(&key->ip, seed),
			    (__force u16)key->port << 16 | key->l4proto,
			    key->zone << 16 | key->wan, seed);
}

static u32 np_by_int_hash(const void *data, u32 len, u32 seed)
{
	const struct np_mapping *m = data;

	return np_key_hash(&m->internal, len, seed);
}

static u32 np_by_ext_hash(const void *data, u32 len, u32 seed)
{
	const struct np_mapping *m = data;

	return np_key_hash(&m->external, len, seed);
}

/* 0 if equal, as memcmp() has it. A key is three words of 64 bits. */
static int np_key_cmp(const struct np_key *a, const struct np_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	return !!((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static int np_by_int_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct np_mapping *m = obj;

	return np_key_cmp(arg->key, &m->internal);
}

static int np_by_ext_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct np_mapping *m = obj;

	return np_key_cmp(arg->key, &m->external);
}

static const struct rhashtable_params np_by_int_params = {
	.head_offset = offsetof(struct np_mapping, int_node),
	.key_offset = offsetof(struct np_mapping, internal),
	.key_len = sizeof(struct np_key),
	.hashfn = np_key_hash,
	.obj_hashfn = np_by_int_hash,
	.obj_cmpfn = np_by_int_cmp,
	.min_size = NP_TABLE_MIN,
	.automatic_shrinking = true,
};

static const struct rhashtable_params np_by_ext_params = {
	.head_offset = offsetof(struct np_mapping, ext_node),
	.key_offset = offsetof(struct np_mapping, external),
	.key_len = sizeof(struct np_key),
	.hashfn = np_key_hash,
	.obj_hashfn = np_by_ext_hash,
	.obj_cmpfn = np_by_ext_cmp,
	.min_size = NP_TABLE_MIN,
	.automatic_shrinking = true,
};

static struct kmem_cache *np_mapping_cache __read_mostly;

unsigned int np_max_mappings __read_mostly = 262144;

static u32 np_now(void)
{
	return ktime_get_seconds();
}

struct np_mapping *np_mapping_by_int(struct np_net *npn,
				     const struct np_key *key)
{
	return rhashtable_lookup(&npn->by_int, key, np_by_int_params);
}

struct np_mapping *np_mapping_by_ext(struct np_net *npn,
				     const struct np_key *key)
{
	struct np_mapping *m;

	m = rhashtable_lookup(&npn->by_ext, key, np_by_ext_params);
	/* Not yet, or never, to be found by its internal endpoint. */
	if (m && !READ_ONCE(m->live))
		return NULL;
	return m;
}

struct np_mapping *np_mapping_get_by_int(struct np_net *npn,
					 const struct np_key *key)
{
	struct np_mapping *m;

	rcu_read_lock();
	m = np_mapping_by_int(npn, key);
	if (m && !refcount_inc_not_zero(&m->ref))
		m = NULL;
	rcu_read_unlock();
	return m;
}

static void np_mapping_free_rcu(struct rcu_head *head)
{
	struct np_mapping *m = container_of(head, struct np_mapping, rcu);

	np_addr_put(m->addr);
	kmem_cache_free(np_mapping_cache, m);
}

void np_mapping_put(struct np_mapping *m)
{
	if (refcount_dec_and_test(&m->ref))
		call_rcu(&m->rcu, np_mapping_free_rcu);
}

static void np_mapping_release_port(struct np_mapping *m)
{
	np_ports_release(m->addr, m->external.l4proto,
			 ntohs(m->external.port));
}

/* Its records are gone, or it never had any. */
static void np_mapping_leave_host(struct np_mapping *m)
{
	np_host_give_port(m->host, np_l4(m->internal.l4proto));
	np_host_put(m->npn, m->host);
}

/* Take @m out of sight. False if somebody else has, or is about to. */
static bool np_mapping_unlink(struct np_mapping *m)
{
	struct np_net *npn = m->npn;

	lockdep_assert_held(&m->lock);

	if (m->dead)
		return false;
	WRITE_ONCE(m->dead, true);
	rhashtable_remove_fast(&npn->by_int, &m->int_node, np_by_int_params);
	rhashtable_remove_fast(&npn->by_ext, &m->ext_node, np_by_ext_params);
	return true;
}

/* What is left to do for who has unlinked @m; its flows are dealt with. */
static void np_mapping_bury(struct np_mapping *m, u8 reason)
{
	struct np_net *npn = m->npn;

	np_mapping_release_port(m);
	np_stat_inc(npn->stats, NP_STAT_MAPPINGS_ENDED);
	trace_np_mapping_end(m, reason);
	np_nl_mapping_event(npn, m, NATPUNCH_CMD_MAPPING_DEL_NTF, reason);
	np_mapping_leave_host(m);
	atomic_dec(&m->addr->wan->n_mappings);
	/* The namespace may go as soon as it has no mapping: nothing of it may
	 * be touched after this.
	 */
	atomic_dec(&npn->n_mappings);
	np_mapping_put(m);
}

bool np_mapping_end(struct np_mapping *m, u8 reason)
{
	bool unlinked;

	spin_lock_bh(&m->lock);
	unlinked = np_mapping_unlink(m);
	spin_unlock_bh(&m->lock);
	if (!unlinked)
		return false;

	if (timer_delete(&m->timer))
		np_mapping_put(m);
	while (np_flows_kill_some(m))
		cond_resched();
	np_mapping_bury(m, reason);
	return true;
}

/* Has the internal endpoint been silent for too long, on a WAN where only its
 * own packets count?
 */
static bool np_mapping_silent(const struct np_mapping *m)
{
	const struct np_wan_conf *conf = rcu_dereference(m->addr->wan->conf);

	return !conf->inbound_refresh &&
	       np_now() - READ_ONCE(m->outbound) > np_flows_lifetime(m, true);
}

/* Look at the flows. Returns the jiffies until the next look, 0: none left. */
static unsigned long np_mapping_look(struct np_mapping *m)
{
	unsigned long next = np_flows_reap(m);
	s32 left = m->until - np_now();

	if (next)
		return next;
	if (READ_ONCE(m->reserved))
		return NP_FLOWS_WAIT_MAX * HZ;
	/* Once reserved, and nothing has come since. */
	return m->until && left > 0 ?
	       min_t(u32, left, NP_FLOWS_WAIT_MAX) * HZ : 0;
}

/* It is off the list. */
static void np_mapping_due(struct np_mapping *m)
{
	bool more = false, over = false;
	unsigned long next;

	rcu_read_lock();
	if (np_mapping_silent(m))
		more = np_flows_kill_some(m);

	spin_lock_bh(&m->lock);
	if (!m->dead) {
		next = more ? 1 : np_mapping_look(m);
		if (next)
			mod_timer(&m->timer, jiffies + next);
		else
			over = np_mapping_unlink(m);
	}
	/* Armed again, the timer keeps the reference. */
	more = !m->dead;
	spin_unlock_bh(&m->lock);

	if (over)
		np_mapping_bury(m, NATPUNCH_END_REASON_IDLE);
	if (!more)
		np_mapping_put(m);
	rcu_read_unlock();
}

static void np_mapping_work(struct work_struct *work)
{
	struct np_net *npn = container_of(work, struct np_net, looking);
	struct np_mapping *m, *next;

	llist_for_each_entry_safe(m, next, llist_del_all(&npn->due), due) {
		np_mapping_due(m);
		cond_resched();
	}
}

static void np_mapping_timer(struct timer_list *t)
{
	struct np_mapping *m = container_of(t, struct np_mapping, timer);
	bool dead;

	spin_lock(&m->lock);
	dead = m->dead;
	/* The namespace is there as long as a mapping of it lives. */
	if (!dead && llist_add(&m->due, &m->npn->due))
		queue_work(np_wq, &m->npn->looking);
	spin_unlock(&m->lock);
	if (dead)
		np_mapping_put(m);
}

static struct np_mapping *np_mapping_alloc(struct np_net *npn,
					   struct np_addr *addr,
					   const struct np_key *internal,
					   u16 port)
{
	struct np_mapping *m = kmem_cache_zalloc(np_mapping_cache, GFP_ATOMIC);

	if (!m)
		return NULL;
	spin_lock_init(&m->lock);
	timer_setup(&m->timer, np_mapping_timer, 0);
	refcount_set(&m->ref, 2);
	m->npn = npn;
	np_addr_get(addr);
	m->addr = addr;
	m->internal = *internal;
	m->external.ip = addr->ip;
	m->external.port = htons(port);
	m->external.l4proto = internal->l4proto;
	m->external.family = internal->family;
	m->created = np_now();
	m->outbound = m->created;
	return m;
}

static int np_mapping_claim(struct np_net *npn, struct np_addr *addr,
			    const struct np_key *internal, u16 port)
{
	int err;

	if (!port)
		return np_ports_claim(npn, addr, internal->l4proto,
				      ntohs(internal->port));
	err = np_ports_claim_exact(npn, addr, internal->l4proto, port);
	return err ?: port;
}

/*
 * Make @m findable. Returns @m, the mapping of a faster CPU, or an error; in
 * the latter two cases @m is in no table and the caller's to drop.
 */
static struct np_mapping *np_mapping_insert(struct np_net *npn,
					    struct np_mapping *m)
{
	struct np_mapping *old;
	int err;

	err = rhashtable_insert_fast(&npn->by_ext, &m->ext_node,
				     np_by_ext_params);
	if (err)
		return ERR_PTR(-ENOMEM);

	old = rhashtable_lookup_get_insert_key(&npn->by_int, &m->internal,
					       &m->int_node, np_by_int_params);
	if (old) {
		rhashtable_remove_fast(&npn->by_ext, &m->ext_node,
				       np_by_ext_params);
		return IS_ERR(old) ? ERR_PTR(-ENOMEM) : old;
	}
	WRITE_ONCE(m->live, true);
	return m;
}

/* The host of @internal, with one port more. */
static struct np_host *np_mapping_host(struct np_net *npn,
				       const struct np_addr *addr,
				       const struct np_key *internal,
				       bool reserved)
{
	const struct np_wan_conf *conf = rcu_dereference(addr->wan->conf);
	struct np_host *host = np_host_get(npn, internal);

	if (!host)
		return ERR_PTR(-ENOMEM);
	if (np_host_take_port(host, np_l4(internal->l4proto),
			      reserved ? U32_MAX : conf->host_ports))
		return host;
	np_host_put(npn, host);
	return ERR_PTR(-EDQUOT);
}

/* With its port, and counted on its host; in no table yet. */
static struct np_mapping *np_mapping_make(struct np_net *npn,
					  struct np_addr *addr,
					  const struct np_key *internal,
					  u16 port, bool reserved)
{
	struct np_mapping *m = NULL;
	struct np_host *host;
	int got;

	host = np_mapping_host(npn, addr, internal, reserved);
	if (IS_ERR(host))
		return ERR_CAST(host);
	got = np_mapping_claim(npn, addr, internal, port);
	if (got >= 0)
		m = np_mapping_alloc(npn, addr, internal, got);
	if (m) {
		m->host = host;
		m->reserved = reserved;
		return m;
	}
	if (got >= 0) {
		np_ports_release(addr, internal->l4proto, got);
		got = -ENOMEM;
	}
	np_host_give_port(host, np_l4(internal->l4proto));
	np_host_put(npn, host);
	return ERR_PTR(got);
}

struct np_mapping *np_mapping_new(struct np_net *npn, struct np_addr *addr,
				  const struct np_key *internal, u8 zone_dir,
				  u16 port, u8 filter, bool reserved)
{
	struct np_mapping *m, *res;

	if (atomic_inc_return(&npn->n_mappings) > READ_ONCE(np_max_mappings)) {
		res = ERR_PTR(-ENFILE);
		goto uncount;
	}
	m = np_mapping_make(npn, addr, internal, port, reserved);
	if (IS_ERR(m)) {
		res = m;
		goto uncount;
	}
	m->zone_dir = zone_dir;
	m->filter = filter;

	/* Nobody may end it before its timer runs. */
	spin_lock_bh(&m->lock);
	res = np_mapping_insert(npn, m);
	if (res == m)
		mod_timer(&m->timer, jiffies + NP_FLOWS_LOOK_FIRST * HZ);
	spin_unlock_bh(&m->lock);

	if (res != m) {
		np_mapping_release_port(m);
		np_mapping_leave_host(m);
		call_rcu(&m->rcu, np_mapping_free_rcu);
		goto uncount;
	}
	atomic_inc(&addr->wan->n_mappings);
	np_stat_inc(npn->stats, NP_STAT_MAPPINGS_NEW);
	trace_np_mapping_new(m, NATPUNCH_END_REASON_NONE);
	np_nl_mapping_event(npn, m, NATPUNCH_CMD_MAPPING_NEW_NTF,
			    NATPUNCH_END_REASON_NONE);
	return m;

uncount:
	atomic_dec(&npn->n_mappings);
	return res;
}

/*
 * Look at @m within @wait. If its timer is not pending @m is due, and looked at
 * soon. To arm it again would be wrong: if @m then ended, the timer would go off
 * with no reference.
 */
static void np_mapping_look_within(struct np_mapping *m, unsigned long wait)
{
	lockdep_assert_held(&m->lock);

	if (time_before(jiffies + wait, m->timer.expires))
		mod_timer_pending(&m->timer, jiffies + wait);
}

int np_mapping_add_flow(struct np_mapping *m, const struct np_remote *remote)
{
	int err = -ESTALE;

	spin_lock_bh(&m->lock);
	if (!m->dead) {
		err = np_flow_add(m, remote);
		np_mapping_look_within(m, NP_FLOWS_LOOK_FIRST * HZ);
		if (!remote->inbound)
			WRITE_ONCE(m->outbound, np_now());
	}
	spin_unlock_bh(&m->lock);
	return err;
}

bool np_mapping_admits(struct np_mapping *m, const union nf_inet_addr *ip,
		       __be16 port)
{
	const struct np_wan_conf *conf = rcu_dereference(m->addr->wan->conf);
	u8 filter = READ_ONCE(m->filter) ?: conf->filter;

	return np_flow_admits(m, ip, port, filter);
}

void np_mapping_outbound(struct np_mapping *m)
{
	u32 now = np_now();

	if (READ_ONCE(m->outbound) != now)
		WRITE_ONCE(m->outbound, now);
}

void np_mapping_unreserve(struct np_mapping *m)
{
	rcu_read_lock();
	spin_lock_bh(&m->lock);
	WRITE_ONCE(m->reserved, false);
	m->until = np_now() + np_flows_lifetime(m, false);
	if (!m->dead)
		np_mapping_look_within(m, HZ);
	spin_unlock_bh(&m->lock);
	rcu_read_unlock();
}

int np_mapping_expires(struct np_mapping *m)
{
	int left = -1;

	rcu_read_lock();
	spin_lock_bh(&m->lock);
	if (!READ_ONCE(m->reserved) || m->oldest)
		left = np_flows_expires(m);
	spin_unlock_bh(&m->lock);
	rcu_read_unlock();
	return left;
}

/* The walk's next mapping, with a reference; NULL at the end. */
static struct np_mapping *np_mapping_walk(struct rhashtable_iter *iter)
{
	struct np_mapping *m;

	rhashtable_walk_start(iter);
	do {
		m = rhashtable_walk_next(iter);
	} while (IS_ERR(m) || (m && !refcount_inc_not_zero(&m->ref)));
	rhashtable_walk_stop(iter);
	return m;
}

void np_mapping_for_each(struct np_net *npn,
			 void (*fn)(struct np_mapping *m, void *data),
			 void *data)
{
	struct np_mapping *m, *next;
	struct rhashtable_iter iter;

	rhashtable_walk_enter(&npn->by_int, &iter);
	/*
	 * Where a walk stops, it finds its way back by the mapping that it stood
	 * at: if that is gone it may skip another. So it stands at the next one
	 * while @fn has its way with this one.
	 */
	for (m = np_mapping_walk(&iter); m; m = next) {
		next = np_mapping_walk(&iter);
		fn(m, data);
		np_mapping_put(m);
		cond_resched();
	}
	rhashtable_walk_exit(&iter);
}

int np_mapping_init(void)
{
	BUILD_BUG_ON(sizeof(struct np_key) != 3 * sizeof(u64));

	np_mapping_cache = KMEM_CACHE(np_mapping, 0);
	return np_mapping_cache ? 0 : -ENOMEM;
}

/* After rcu_barrier(). */
void np_mapping_exit(void)
{
	kmem_cache_destroy(np_mapping_cache);
}

int np_mapping_net_init(struct np_net *npn)
{
	int err;

	init_llist_head(&npn->due);
	INIT_WORK(&npn->looking, np_mapping_work);
	err = rhashtable_init(&npn->by_int, &np_by_int_params);
	if (err)
		return err;
	err = rhashtable_init(&npn->by_ext, &np_by_ext_params);
	if (err)
		goto err_int;
	err = np_flow_net_init(npn);
	if (err)
		goto err_ext;
	err = np_host_net_init(npn);
	if (err)
		goto err_flow;
	return 0;

err_flow:
	np_flow_net_exit(npn);
err_ext:
	rhashtable_destroy(&npn->by_ext);
err_int:
	rhashtable_destroy(&npn->by_int);
	return err;
}

static void np_mapping_end_any(struct np_mapping *m, void *data)
{
	np_mapping_end(m, NATPUNCH_END_REASON_WAN);
}

/* No packet comes in here any more; timers may still run. */
void np_mapping_net_exit(struct np_net *npn)
{
	/* A walk may miss some, and some are being ended by their timers. */
	while (atomic_read(&npn->n_mappings)) {
		np_mapping_for_each(npn, np_mapping_end_any, NULL);
		cond_resched();
	}
	/* All are dead, so none is put on the list any more. */
	flush_work(&npn->looking);

	np_host_net_exit(npn);
	np_flow_net_exit(npn);
	rhashtable_destroy(&npn->by_ext);
	rhashtable_destroy(&npn->by_int);
}
