// SPDX-License-Identifier: GPL-2.0
/*
 * Flow records; see flow.h.
 *
 * When does a flow end? While it has a conntrack entry it lives. When the entry
 * is gone, the flow's time begins to run, from the last packet if we know when
 * that was, else from now:
 *
 *   A look at a live entry finds the time at which it will expire. If that has
 *   not moved since the look before, no packet came in between. If an entry is
 *   found gone just after the time it was to expire, it timed out, and the last
 *   packet was before the last look, or after it by as much as this look is late.
 *   If it is found gone any earlier, it was closed or deleted, and the last packet
 *   may be as recent as that.
 *
 * So a lifetime is never cut short, and is overrun by a minute at most.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_l4proto.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "flow.h"
#include "host.h"
#include "main.h"
#include "mapping.h"
#include "ports.h"
#include "wan.h"

/* Records that one timer run or one lock hold handles. */
#define NP_FLOWS_BUDGET	64
/* ... and jiffies until the next ones, as long as there is something to do. */
#define NP_FLOWS_SOON	DIV_ROUND_UP(HZ, 50)
/*
 * Seconds by which a look may come late and still tell a time-out: up to an eighth of
 * the wait is the timer wheel's, and there may be others to be looked at before.
 */
#define NP_FLOWS_SLACK	(NP_FLOWS_LOOK_MAX / 8 + 4)

enum {
	NP_FLOW_OUT = 1,	/* the internal endpoint opened it */
	NP_FLOW_HAIRPIN = 2,
	NP_FLOW_EST = 4,	/* was established when last seen */
	NP_FLOW_GONE = 8,	/* its entry is gone; deadline: its own end */
	NP_FLOW_SHARE = 16,	/* counted as its host's, else as from outside */
};

enum {
	NP_FLOW_BY_ADDR,	/* the first record of an address */
	NP_FLOW_BY_ENDPOINT,
};

/* Laid out as the fields of struct np_flow from @m on. */
struct np_flow_key {
	const struct np_mapping *m;
	union nf_inet_addr ip;
	__be16 port;		/* 0 if by address */
	u16 kind;
};

struct np_flow {
	struct rhash_head node;
	const struct np_mapping *m;
	union nf_inet_addr ip;
	__be16 key_port;
	u16 kind;
	__be16 port;		/* conntrack's type and code if ICMP */
	u8 flags;
	union {
		struct {
			struct np_flow *next;
			u32 seen;	/* no packet after that, in seconds */
			u32 deadline;	/* when the entry expires, likewise */
		};
		struct rcu_head rcu;
	};
	u32 others;		/* by address: records by endpoint */
};

#define NP_FLOW_KEY_LEN	offsetofend(struct np_flow_key, kind)

static_assert(offsetofend(struct np_flow, kind) -
	      offsetof(struct np_flow, m) == NP_FLOW_KEY_LEN);

static u32 np_flow_key_hash(const void *data, u32 len, u32 seed)
{
	const struct np_flow_key *key = data;

	/* Mappings are at least 64 bytes from each other. */
	return jhash_3words((u32)((unsigned long)key->m >> 6),
			    np_hash_ip(&key->ip, seed),
			    (__force u16)key->port << 16 | key->kind, seed);
}

static u32 np_flow_hash(const void *data, u32 len, u32 seed)
{
	const struct np_flow *f = data;

	return np_flow_key_hash(&f->m, len, seed);
}

static int np_flow_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct np_flow_key *key = arg->key;
	const struct np_flow *f = obj;

	return key->m != f->m || key->port != f->key_port ||
	       key->kind != f->kind || !nf_inet_addr_cmp(&key->ip, &f->ip);
}

static const struct rhashtable_params np_flow_params = {
	.head_offset = offsetof(struct np_flow, node),
	.key_offset = offsetof(struct np_flow, m),
	.key_len = NP_FLOW_KEY_LEN,
	.hashfn = np_flow_key_hash,
	.obj_hashfn = np_flow_hash,
	.obj_cmpfn = np_flow_cmp,
	.min_size = NP_TABLE_MIN,
	.automatic_shrinking = true,
};

static struct kmem_cache *np_flow_cache __read_mostly;

unsigned int np_max_flows __read_mostly = 524288;

static u32 np_now(void)
{
	return ktime_get_seconds();
}

static struct np_flow *np_flow_lookup(const struct np_mapping *m,
				      const union nf_inet_addr *ip,
				      __be16 port, u16 kind)
{
	struct np_flow_key key = {
		.m = m,
		.ip = *ip,
		.port = kind == NP_FLOW_BY_ADDR ? 0 : port,
		.kind = kind,
	};

	return rhashtable_lookup(&m->npn->flows, &key, np_flow_params);
}

/* The record of an endpoint; @first gets that of its address, if any. */
static struct np_flow *np_flow_find(const struct np_mapping *m,
				    const union nf_inet_addr *ip, __be16 port,
				    struct np_flow **first)
{
	*first = np_flow_lookup(m, ip, port, NP_FLOW_BY_ADDR);
	if (!*first || (*first)->port == port)
		return *first;
	if (!READ_ONCE((*first)->others))
		return NULL;
	return np_flow_lookup(m, ip, port, NP_FLOW_BY_ENDPOINT);
}

bool np_flow_admits(struct np_mapping *m, const union nf_inet_addr *ip,
		    __be16 port, u8 filter)
{
	struct np_flow *first, *f;

	if (filter == NATPUNCH_FILTER_EIF)
		return true;
	f = np_flow_find(m, ip, port, &first);
	if (filter == NATPUNCH_FILTER_ADF)
		f = first;
	return f && READ_ONCE(f->flags) & NP_FLOW_OUT;
}

static void np_flow_enqueue(struct np_mapping *m, struct np_flow *f)
{
	f->next = NULL;
	if (m->oldest)
		m->newest->next = f;
	else
		m->oldest = f;
	m->newest = f;
}

static struct np_flow *np_flow_dequeue(struct np_mapping *m)
{
	struct np_flow *f = m->oldest;

	m->oldest = f->next;
	return f;
}

/* A flow begins, for the first time or once more. */
static void np_flow_touch(struct np_flow *f, const struct np_remote *remote)
{
	u8 flags = f->flags & (NP_FLOW_OUT | NP_FLOW_SHARE);

	if (!remote->inbound)
		flags |= NP_FLOW_OUT;
	if (remote->hairpin)
		flags |= NP_FLOW_HAIRPIN;
	WRITE_ONCE(f->flags, flags);
	f->seen = np_now();
	/* The first look does not know yet when the entry was to expire. */
	f->deadline = f->seen;
}

static struct np_flow *np_flow_alloc(struct np_mapping *m,
				     const struct np_remote *remote)
{
	struct np_flow *f = kmem_cache_alloc(np_flow_cache, GFP_ATOMIC);

	if (!f)
		return NULL;
	f->m = m;
	f->ip = remote->ip;
	f->key_port = 0;
	f->kind = NP_FLOW_BY_ADDR;
	f->port = remote->port;
	f->flags = remote->inbound ? 0 : NP_FLOW_SHARE;
	f->others = 0;
	np_flow_touch(f, remote);
	return f;
}

/*
 * Hash @f as the first record of its address, or by endpoint if that has one.
 * Returns the record that the endpoint has: @f or an older one, or an error.
 */
static struct np_flow *np_flow_insert(struct np_mapping *m, struct np_flow *f)
{
	struct rhashtable *ht = &m->npn->flows;
	struct np_flow *first, *old;

	first = rhashtable_lookup_get_insert_key(ht, &f->m, &f->node,
						 np_flow_params);
	if (!first)
		return f;
	if (IS_ERR(first) || first->port == f->port)
		return first;

	WRITE_ONCE(first->flags, first->flags | (f->flags & NP_FLOW_OUT));
	f->kind = NP_FLOW_BY_ENDPOINT;
	f->key_port = f->port;
	old = rhashtable_lookup_get_insert_key(ht, &f->m, &f->node,
					       np_flow_params);
	if (old)
		return old;
	WRITE_ONCE(first->others, first->others + 1);
	return f;
}

static void np_flow_uncount(const struct np_mapping *m, bool share)
{
	atomic_dec(share ? &m->host->flows : &m->npn->n_flows_in);
	atomic_dec(&m->npn->n_flows);
}

/*
 * Count one record more. Neither a host nor who floods us from outside is to
 * leave the others without: a host gets its share, and what comes from outside
 * half of all.
 */
static int np_flow_count(const struct np_mapping *m, bool share)
{
	u32 max = READ_ONCE(np_max_flows), n;
	struct np_net *npn = m->npn;

	if (atomic_inc_return(&npn->n_flows) > max) {
		atomic_dec(&npn->n_flows);
		return -ENFILE;
	}
	if (share) {
		n = atomic_inc_return(&m->host->flows);
		max /= NP_HOST_FLOWS;
	} else {
		n = atomic_inc_return(&npn->n_flows_in);
		max /= 2;
	}
	if (n <= max)
		return 0;
	np_flow_uncount(m, share);
	return share ? -EDQUOT : -ENFILE;
}

int np_flow_add(struct np_mapping *m, const struct np_remote *remote)
{
	bool share = !remote->inbound;
	struct np_flow *f, *res;
	int err;

	lockdep_assert_held(&m->lock);

	err = np_flow_count(m, share);
	if (err)
		return err;
	err = -ENOMEM;
	/* Most flows are new: look-up and insertion are one step. */
	f = np_flow_alloc(m, remote);
	if (!f)
		goto uncount;
	res = np_flow_insert(m, f);
	if (res == f) {
		np_flow_enqueue(m, f);
		m->n_flows++;
		return 0;
	}
	kmem_cache_free(np_flow_cache, f);
	if (!IS_ERR(res)) {
		np_flow_touch(res, remote);
		err = 0;
	}
uncount:
	np_flow_uncount(m, share);
	return err;
}

static void np_flow_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(np_flow_cache, container_of(head, struct np_flow, rcu));
}

/* Forget @f, which is in no queue any more. Under RCU: @m->lock keeps no table. */
static void np_flow_unlink(struct np_mapping *m, struct np_flow *f)
{
	struct np_flow *first;

	lockdep_assert_held(&m->lock);

	rhashtable_remove_fast(&m->npn->flows, &f->node, np_flow_params);
	if (f->kind == NP_FLOW_BY_ENDPOINT) {
		first = np_flow_lookup(m, &f->ip, 0, NP_FLOW_BY_ADDR);
		if (first)
			WRITE_ONCE(first->others, first->others - 1);
	}
	m->n_flows--;
	np_flow_uncount(m, f->flags & NP_FLOW_SHARE);
}

/* The conntrack entry of a flow, with a reference, or NULL. */
static struct nf_conn *np_flow_ct(const struct np_mapping *m,
				  const struct np_flow *f)
{
	/*
	 * What comes back to the external endpoint names the flow, whoever
	 * opened it and whatever else the admin has translated in it. Hairpinned
	 * flows have our translation on both sides: there the internal endpoint
	 * and what it sees name it.
	 */
	bool inside = f->flags & NP_FLOW_HAIRPIN;
	const struct np_key *own = inside ? &m->internal : &m->external;
	struct nf_conntrack_tuple_hash *h;
	struct nf_conntrack_tuple t = {};
	struct nf_conntrack_zone zone;

	t.src.l3num = own->family;
	t.dst.protonum = own->l4proto;
	t.src.u3 = inside ? own->ip : f->ip;
	t.dst.u3 = inside ? f->ip : own->ip;
	if (np_l4(own->l4proto) == NP_L4_ICMP || inside) {
		t.src.u.all = own->port;
		t.dst.u.all = f->port;
	} else {
		t.src.u.all = f->port;
		t.dst.u.all = own->port;
	}
	nf_ct_zone_init(&zone, m->internal.zone, m->zone_dir, 0);
	h = nf_conntrack_find_get(m->npn->net, &zone, &t);
	return h ? nf_ct_tuplehash_to_ctrack(h) : NULL;
}

static bool np_ct_established(const struct nf_conn *ct)
{
	switch (nf_ct_protonum(ct)) {
	case IPPROTO_TCP:
		/* RFC 6146: one FIN does not end it. */
		return ct->proto.tcp.state == TCP_CONNTRACK_ESTABLISHED ||
		       ct->proto.tcp.state == TCP_CONNTRACK_FIN_WAIT ||
		       ct->proto.tcp.state == TCP_CONNTRACK_CLOSE_WAIT;
	case IPPROTO_SCTP:
		return ct->proto.sctp.state == SCTP_CONNTRACK_ESTABLISHED;
	default:
		return false;
	}
}

static u32 np_flow_lifetime(const struct np_mapping *m, u8 flags)
{
	const struct np_wan_conf *conf = rcu_dereference(m->addr->wan->conf);

	switch (np_l4(m->internal.l4proto)) {
	case NP_L4_UDP:
		return conf->timeout[NP_TIMEOUT_UDP];
	case NP_L4_ICMP:
		return conf->timeout[NP_TIMEOUT_ICMP];
	default:
		if (flags & NP_FLOW_EST)
			return conf->timeout[NP_TIMEOUT_TCP];
		return conf->timeout[NP_TIMEOUT_TCP_TRANSITORY];
	}
}

u32 np_flows_lifetime(const struct np_mapping *m, bool established)
{
	return np_flow_lifetime(m, established ? NP_FLOW_EST : 0);
}

u32 np_flows_expires(const struct np_mapping *m)
{
	const struct np_flow *f = m->oldest ? m->newest : NULL;
	u32 lifetime, now = np_now();

	lockdep_assert_held(&m->lock);

	if (!f)
		return np_flow_lifetime(m, 0);
	if (f->flags & NP_FLOW_GONE)
		return max_t(s32, f->deadline - now, 0);
	lifetime = np_flow_lifetime(m, f->flags);
	return max_t(s32, f->seen + lifetime - now, 0);
}

/* Look at a living flow. Returns the seconds until the next look. */
static u32 np_flow_look_alive(struct np_flow *f, const struct nf_conn *ct,
			      u32 now)
{
	u32 left = min_t(unsigned long, nf_ct_expires(ct) / HZ, S32_MAX / 2);
	u32 deadline = now + left;
	u8 flags;

	if (abs((s32)(deadline - f->deadline)) > 1)
		f->seen = now;
	f->deadline = deadline;
	flags = f->flags & ~(NP_FLOW_GONE | NP_FLOW_EST);
	if (np_ct_established(ct))
		flags |= NP_FLOW_EST;
	/* Filtering looks at it without the lock. */
	WRITE_ONCE(f->flags, flags);
	return min_t(u32, left + 1, NP_FLOWS_LOOK_MAX);
}

/* The entry is found gone: say when the flow's own time is over. */
static void np_flow_look_gone(const struct np_mapping *m, struct np_flow *f,
			      u32 now)
{
	u32 late = now - f->deadline;
	u8 flags = f->flags | NP_FLOW_GONE;

	if (late <= NP_FLOWS_SLACK) {
		/* A packet just after that look may have had it live so much longer. */
		f->seen += late;
	} else {
		flags &= ~NP_FLOW_EST;
		f->seen = now;
	}
	WRITE_ONCE(f->flags, flags);
	f->deadline = f->seen + np_flow_lifetime(m, f->flags) + 1;
}

/* Returns the seconds until the next look, 0 if the flow is over. */
static u32 np_flow_look(const struct np_mapping *m, struct np_flow *f, u32 now,
			bool *alive)
{
	struct nf_conn *ct = np_flow_ct(m, f);
	u32 next;

	*alive = ct && !nf_ct_is_expired(ct) && !nf_ct_is_dying(ct);
	if (*alive)
		next = np_flow_look_alive(f, ct, now);
	if (ct)
		nf_ct_put(ct);
	if (*alive)
		return next;

	if (!(f->flags & NP_FLOW_GONE))
		np_flow_look_gone(m, f, now);
	if ((s32)(f->deadline - now) > 0)
		return f->deadline - now;
	/* The first record of an address stays as long as the others. */
	return f->others ? NP_FLOWS_LOOK_MAX : 0;
}

/*
 * Nothing is over yet, but who is far behind in a long queue must not wait for longer
 * than between two looks. Up to 192000 records that is so.
 */
static unsigned long np_flows_pause(const struct np_mapping *m)
{
	u32 runs = m->n_flows / NP_FLOWS_BUDGET + 1;

	return clamp_t(u32, NP_FLOWS_LOOK_MAX * HZ / runs, NP_FLOWS_SOON, HZ);
}

unsigned long np_flows_reap(struct np_mapping *m)
{
	u32 now = np_now(), wait = NP_FLOWS_WAIT_MAX, next;
	struct np_flow *f, *stop = NULL;
	int budget = NP_FLOWS_BUDGET;
	bool alive = false, progress = false;

	lockdep_assert_held(&m->lock);

	while (m->oldest && m->oldest != stop && !alive) {
		/* After a flood there are very many whose time is over. */
		if (!budget--)
			return progress ? NP_FLOWS_SOON : np_flows_pause(m);
		f = np_flow_dequeue(m);
		progress |= !(f->flags & NP_FLOW_GONE);
		next = np_flow_look(m, f, now, &alive);
		if (!next) {
			progress = true;
			/* The address's first record may have stayed for it. */
			if (f->kind == NP_FLOW_BY_ENDPOINT)
				wait = 1;
			np_flow_unlink(m, f);
			call_rcu(&f->rcu, np_flow_free_rcu);
			continue;
		}
		np_flow_enqueue(m, f);
		if (!stop)
			stop = f;
		wait = min(wait, next);
	}
	return m->oldest ? wait * HZ : 0;
}

static void np_flow_kill_ct(const struct np_mapping *m, const struct np_flow *f)
{
	struct nf_conn *ct = np_flow_ct(m, f);

	if (!ct)
		return;
	nf_ct_kill(ct);
	nf_ct_put(ct);
}

bool np_flows_kill_some(struct np_mapping *m)
{
	struct np_flow *batch = NULL, *f;
	bool more;
	int n;

	rcu_read_lock();
	spin_lock_bh(&m->lock);
	for (n = 0; m->oldest && n < NP_FLOWS_BUDGET; n++) {
		f = np_flow_dequeue(m);
		np_flow_unlink(m, f);
		f->next = batch;
		batch = f;
	}
	more = m->oldest;
	spin_unlock_bh(&m->lock);
	rcu_read_unlock();

	while (batch) {
		f = batch;
		batch = f->next;
		np_flow_kill_ct(m, f);
		call_rcu(&f->rcu, np_flow_free_rcu);
	}
	return more;
}

int np_flow_init(void)
{
	BUILD_BUG_ON(sizeof(struct np_flow) > 64);

	np_flow_cache = KMEM_CACHE(np_flow, 0);
	return np_flow_cache ? 0 : -ENOMEM;
}

/* After rcu_barrier(). */
void np_flow_exit(void)
{
	kmem_cache_destroy(np_flow_cache);
}

int np_flow_net_init(struct np_net *npn)
{
	return rhashtable_init(&npn->flows, &np_flow_params);
}

void np_flow_net_exit(struct np_net *npn)
{
	rhashtable_destroy(&npn->flows);
}
