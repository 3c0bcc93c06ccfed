// SPDX-License-Identifier: GPL-2.0
/*
 * The STUN observer, what is remembered of the upstreams, and our own counts;
 * see observe.h.
 *
 * The packet that creates a flow is seen, too: conntrack calls helpers after
 * NAT, and by then ours is attached. What counts for a sample is that moment,
 * when the upstream made its mapping, not that of the answer.
 */
#include <linux/ip.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/siphash.h>
#include <linux/tcp.h>
#include <linux/timekeeping.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include "main.h"
#include "netlink.h"
#include "observe.h"
#include "ports.h"
#include "stun.h"
#include "wan.h"

/* Listeners are told of what was learned in the meantime at once. */
#define NP_OBSERVE_DELAY	(HZ / 20)

/* What samples mean is worked out so long after the first of several. */
#define NP_THINK_DELAY		1

/* Requests of a flow that may be answered; a third one replaces the older. */
#define NP_OBSERVE_ASKED	2

/* A flow's, in its helper extension. */
struct np_observed {
	u64 time;		/* of the first packet */
	struct np_count own;	/* at that time */
	u32 asked[NP_OBSERVE_ASKED];	/* hashed transaction ids, 0: none */
};

static siphash_aligned_key_t np_observe_key __read_mostly;

u64 np_observe_now(void)
{
	return ktime_get_boottime_ns();
}

void np_endpoint_set(struct np_endpoint *ep, u8 family,
		     const union nf_inet_addr *ip, __be16 port)
{
	memset(ep, 0, sizeof(*ep));
	memcpy(ep->addr, ip, family == NFPROTO_IPV4 ? sizeof(ip->in) :
						      sizeof(ip->in6));
	ep->port = ntohs(port);
	ep->family = family;
}

/*
 * Counts
 */

void np_own_sum(const struct np_addr *addr, unsigned int l4,
		struct np_count *sum)
{
	const struct np_count *own;
	int cpu, odd;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		own = &per_cpu_ptr(addr->own, cpu)->of[l4];
		for (odd = 0; odd < 2; odd++) {
			sum->flows[odd] += READ_ONCE(own->flows[odd]);
			sum->mappings[odd] += READ_ONCE(own->mappings[odd]);
		}
	}
}

void np_observe_other(struct np_wan *wan, unsigned int l4, u8 family,
		      const union nf_inet_addr *src, __be16 port)
{
	struct np_addr *addr;

	if (l4 >= NP_UPSTREAMS)
		return;
	addr = np_wan_find_addr(wan, family, src);
	/* Masquerade has yet to choose: it takes the first one. */
	if (!addr) {
		list_for_each_entry_rcu(addr, &wan->addrs, list)
			if (addr->family == family)
				break;
		if (list_entry_is_head(addr, &wan->addrs, list))
			return;
	}
	/* Masquerade translates each flow for itself. */
	np_own_count(addr, l4, port, true);
}

/*
 * Upstreams
 */

int np_upstreams_new(struct np_addr *addr)
{
	unsigned int i;

	addr->own = alloc_percpu_gfp(struct np_owns,
				     GFP_KERNEL_ACCOUNT);
	addr->upstreams = kvcalloc(NP_UPSTREAMS, sizeof(*addr->upstreams),
				   GFP_KERNEL_ACCOUNT);
	if (!addr->own || !addr->upstreams) {
		np_upstreams_free(addr);
		return -ENOMEM;
	}
	for (i = 0; i < NP_UPSTREAMS; i++)
		spin_lock_init(&addr->upstreams[i].lock);
	return 0;
}

void np_upstreams_free(struct np_addr *addr)
{
	free_percpu(addr->own);
	kvfree(addr->upstreams);
}

static bool np_same_address(const struct np_endpoint *a,
			    const struct np_endpoint *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/*
 * A flow that was seen before is mapped to another address now: the upstream has
 * got another one, and has forgotten its mappings with the old one. (One that
 * has several addresses keeps a flow on the one that it chose.)
 */
static bool np_upstream_moved(const struct np_upstream *up,
			      const struct np_sample *sample)
{
	return up->mapped.family &&
	       !np_same_address(&up->mapped, &sample->mapped);
}

enum np_sample_result np_upstream_learn(struct np_net *npn,
					struct np_addr *addr, unsigned int l4,
					const struct np_sample *sample)
{
	struct np_upstream *up = &addr->upstreams[l4];
	enum np_sample_result res;

	spin_lock_bh(&up->lock);
	res = np_predict_sample(&up->predict, sample);
	if (res == NP_SAMPLE_CHANGED && np_upstream_moved(up, sample)) {
		np_predict_reset(&up->predict);
		np_predict_sample(&up->predict, sample);
		res = NP_SAMPLE_RESET;
	}
	if (res == NP_SAMPLE_INVALID) {
		up->refused++;
	} else {
		up->mapped = sample->mapped;
		up->news |= res != NP_SAMPLE_KNOWN;
	}
	spin_unlock_bh(&up->lock);

	if (res != NP_SAMPLE_INVALID && res != NP_SAMPLE_KNOWN &&
	    !READ_ONCE(npn->closing)) {
		schedule_delayed_work(&npn->thinking, NP_THINK_DELAY);
		schedule_delayed_work(&npn->observed, NP_OBSERVE_DELAY);
	}
	return res;
}

static void np_upstream_refuse(struct np_addr *addr, unsigned int l4)
{
	struct np_upstream *up = &addr->upstreams[l4];

	spin_lock_bh(&up->lock);
	up->refused++;
	spin_unlock_bh(&up->lock);
}

/*
 * What is known of @up, and what follows from that. It is worked out on a copy:
 * that takes longer than packets should wait. What was found is kept unless they
 * have taught something new in the meantime. Good until np_net.lock is dropped or
 * the next call.
 */
static struct np_predict *np_upstream_think(struct np_net *npn,
					    struct np_upstream *up)
{
	struct np_predict *thought = npn->thought;
	struct np_verdict verdict;
	bool stale;

	lockdep_assert_held(&npn->lock);
	spin_lock_bh(&up->lock);
	np_predict_copy(thought, &up->predict);
	spin_unlock_bh(&up->lock);

	stale = thought->stale;
	np_predict_class(thought, &verdict);
	if (!stale)
		return thought;
	spin_lock_bh(&up->lock);
	np_predict_adopt(&up->predict, thought);
	spin_unlock_bh(&up->lock);
	return thought;
}

void np_upstream_ready(struct np_addr *addr, unsigned int l4)
{
	struct np_upstream *up = &addr->upstreams[l4];

	/* Without the lock: one that comes right now brings work of its own. */
	if (data_race(up->predict.stale))
		np_upstream_think(addr->wan->npn, up);
}

void np_upstream_view(struct np_addr *addr, unsigned int l4,
		      struct np_upstream_view *view)
{
	struct np_upstream *up = &addr->upstreams[l4];
	struct np_predict *thought = np_upstream_think(addr->wan->npn, up);

	np_own_sum(addr, l4, &view->own);
	np_predict_class(thought, &view->verdict);
	spin_lock_bh(&up->lock);
	view->mapped = up->mapped;
	view->refused = up->refused;
	spin_unlock_bh(&up->lock);
}

void np_upstream_ask(struct np_addr *addr, unsigned int l4,
		     const struct np_question *question,
		     struct np_answer *answer, struct np_guess *guesses)
{
	struct np_upstream *up = &addr->upstreams[l4];

	np_predict_ask(np_upstream_think(addr->wan->npn, up), question, answer,
		       guesses);
}

/* Is there something that listeners were not told? It is told then. */
static bool np_upstream_news(struct np_net *npn, struct np_upstream *up)
{
	struct np_endpoint mapped;
	struct np_verdict v;
	bool news;

	spin_lock_bh(&up->lock);
	news = up->news;
	up->news = false;
	mapped = up->mapped;
	spin_unlock_bh(&up->lock);
	if (!news)
		return false;

	np_predict_class(np_upstream_think(npn, up), &v);
	news = v.mapping != up->told_mapping || v.alloc != up->told_alloc ||
	       v.certainty != up->told_certainty ||
	       !np_same_address(&mapped, &up->told_mapped);
	up->told_mapping = v.mapping;
	up->told_alloc = v.alloc;
	up->told_certainty = v.certainty;
	up->told_mapped = mapped;
	return news;
}

/* So that no question has to: it finds what was worked out. */
static void np_think_work(struct work_struct *work)
{
	struct np_net *npn = container_of(work, struct np_net, thinking.work);
	struct np_addr *addr;
	struct np_wan *wan;
	unsigned int l4;

	mutex_lock(&npn->lock);
	list_for_each_entry(wan, &npn->wans, list)
		list_for_each_entry(addr, &wan->addrs, list)
			for (l4 = 0; l4 < NP_UPSTREAMS; l4++)
				np_upstream_ready(addr, l4);
	mutex_unlock(&npn->lock);
}

static void np_observe_work(struct work_struct *work)
{
	struct np_net *npn = container_of(work, struct np_net, observed.work);
	struct np_addr *addr;
	struct np_wan *wan;
	unsigned int l4;

	mutex_lock(&npn->lock);
	list_for_each_entry(wan, &npn->wans, list)
		list_for_each_entry(addr, &wan->addrs, list)
			for (l4 = 0; l4 < NP_UPSTREAMS; l4++)
				if (np_upstream_news(npn,
						     &addr->upstreams[l4]))
					np_nl_upstream_event(npn, addr, l4);
	mutex_unlock(&npn->lock);
}

/*
 * The observer
 */

/* The address of ours that the upstream sees the flow come from. */
static struct np_addr *np_observe_addr(const struct np_net *npn,
				       const struct nf_conn *ct)
{
	const struct nf_conntrack_tuple *t;

	t = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	return np_wan_any_addr(npn, t->src.l3num, &t->dst.u3);
}

static const void *np_observe_read(const void *skb, __u32 off, __u32 len,
				   void *buf)
{
	return skb_header_pointer(skb, off, len, buf);
}

/* What the packet carries: its length, and where it begins in @off. */
static int np_observe_payload(const struct sk_buff *skb, unsigned int protoff,
			      u8 l4proto, unsigned int *off)
{
	const struct udphdr *uh;
	const struct tcphdr *th;
	struct udphdr _uh;
	struct tcphdr _th;
	unsigned int len;

	if (l4proto == IPPROTO_TCP) {
		th = skb_header_pointer(skb, protoff, sizeof(_th), &_th);
		if (!th || th->doff < 5)
			return -1;
		*off = protoff + th->doff * 4;
		len = skb->len;
	} else {
		uh = skb_header_pointer(skb, protoff, sizeof(_uh), &_uh);
		if (!uh)
			return -1;
		*off = protoff + sizeof(*uh);
		len = min_t(unsigned int, skb->len,
			    protoff + ntohs(uh->len));
	}
	if (*off >= len)
		return -1;
	len -= *off;
	/* Of several in one only the first is looked at. */
	if (skb_is_gso(skb))
		len = min_t(unsigned int, len, skb_shinfo(skb)->gso_size);
	return len;
}

static bool np_observe_parse(const struct sk_buff *skb, unsigned int protoff,
			     u8 l4proto, struct np_stun_msg *msg, bool *whole)
{
	unsigned int off;
	int len = np_observe_payload(skb, protoff, l4proto, &off);
	enum np_stun_result res;

	if (len < 0)
		return false;
	res = np_stun_parse(msg, np_observe_read, skb, off, len);
	/* A datagram is one message. */
	*whole = res == NP_STUN_OK &&
		 (l4proto == IPPROTO_TCP || msg->len == len);
	/* Of a stream there may be more to come, which is not waited for. */
	return res != NP_STUN_NOT && msg->type &&
	       (l4proto != IPPROTO_TCP || res != NP_STUN_SHORT);
}

static u32 np_observe_hash(const struct np_stun_msg *msg)
{
	net_get_random_once(&np_observe_key, sizeof(np_observe_key));
	return (u32)siphash(msg->id, sizeof(msg->id), &np_observe_key) ?: 1;
}

static void np_observe_begin(const struct np_net *npn, struct nf_conn *ct,
			     struct np_observed *o, unsigned int l4)
{
	struct np_addr *addr = np_observe_addr(npn, ct);
	struct np_count own = {};

	if (addr)
		np_own_sum(addr, l4, &own);
	spin_lock_bh(&ct->lock);
	if (!o->time) {
		o->own = own;
		WRITE_ONCE(o->time, np_observe_now());
	}
	spin_unlock_bh(&ct->lock);
}

static void np_observe_request(struct nf_conn *ct, struct np_observed *o,
			       const struct np_stun_msg *msg)
{
	u32 id = np_observe_hash(msg);

	spin_lock_bh(&ct->lock);
	if (o->asked[0] != id) {
		o->asked[1] = o->asked[0];
		o->asked[0] = id;
	}
	spin_unlock_bh(&ct->lock);
}

/* Was this asked for? It is answered then. */
static bool np_observe_asked(struct nf_conn *ct, struct np_observed *o,
			     const struct np_stun_msg *msg,
			     struct np_sample *sample)
{
	u32 id = np_observe_hash(msg);
	bool asked = false;
	int i;

	spin_lock_bh(&ct->lock);
	for (i = 0; i < NP_OBSERVE_ASKED; i++) {
		if (o->asked[i] == id) {
			o->asked[i] = 0;
			asked = true;
		}
	}
	sample->time = o->time;
	sample->own = o->own;
	spin_unlock_bh(&ct->lock);
	return asked;
}

/* An endpoint of @family that somebody on the Internet, or next to us, can have. */
static bool np_observe_mapped(struct np_endpoint *ep, u8 family,
			      const struct np_stun_ep *mapped)
{
	struct np_inet addr = {};

	switch (mapped->len) {
	case sizeof(addr.ip.in):
		addr.family = NFPROTO_IPV4;
		break;
	case sizeof(addr.ip.in6):
		addr.family = NFPROTO_IPV6;
		break;
	default:
		return false;
	}
	memcpy(&addr.ip, mapped->addr, mapped->len);
	np_endpoint_set(ep, addr.family, &addr.ip, mapped->port);
	return mapped->port && addr.family == family && np_inet_is_host(&addr);
}

static void np_observe_answer(struct np_net *npn, struct nf_conn *ct,
			      struct np_observed *o, unsigned int l4,
			      const struct np_stun_msg *msg, bool whole)
{
	struct np_sample sample = { .source = NP_SOURCE_OBSERVED };
	struct np_addr *addr = np_observe_addr(npn, ct);
	const struct nf_conntrack_tuple *t;

	if (!addr)
		return;
	t = &ct->tuplehash[IP_CT_DIR_REPLY].tuple;
	if (!whole || msg->unknown ||
	    !np_observe_mapped(&sample.mapped, t->src.l3num,
			       np_stun_mapped(msg)) ||
	    !np_observe_asked(ct, o, msg, &sample)) {
		np_upstream_refuse(addr, l4);
		return;
	}
	np_endpoint_set(&sample.internal, t->src.l3num, &t->dst.u3,
			t->dst.u.all);
	np_endpoint_set(&sample.dest, t->src.l3num, &t->src.u3, t->src.u.all);
	np_upstream_learn(npn, addr, l4, &sample);
}

void np_observe_packet(struct np_net *npn, const struct sk_buff *skb,
		       unsigned int protoff, struct nf_conn *ct,
		       enum ip_conntrack_info ctinfo)
{
	struct np_observed *o = nfct_help_data(ct);
	u8 l4proto = nf_ct_protonum(ct);
	unsigned int l4 = np_l4(l4proto);
	struct np_stun_msg msg;
	bool whole;

	BUILD_BUG_ON(sizeof(struct np_observed) >
		     sizeof_field(struct nf_conn_help, data));
	BUILD_BUG_ON(NP_L4_UDP >= NP_UPSTREAMS || NP_L4_TCP >= NP_UPSTREAMS);

	if (!o || l4 >= NP_UPSTREAMS)
		return;
	if (!READ_ONCE(o->time))
		np_observe_begin(npn, ct, o, l4);
	if (!np_observe_parse(skb, protoff, l4proto, &msg, &whole))
		return;
	if (CTINFO2DIR(ctinfo) == IP_CT_DIR_ORIGINAL) {
		if (msg.type == NP_STUN_BINDING_REQUEST && whole)
			np_observe_request(ct, o, &msg);
	} else if (msg.type == NP_STUN_BINDING_SUCCESS) {
		np_observe_answer(npn, ct, o, l4, &msg, whole);
	}
}

void np_observe_net_init(struct np_net *npn)
{
	INIT_DELAYED_WORK(&npn->observed, np_observe_work);
	INIT_DELAYED_WORK(&npn->thinking, np_think_work);
}

int np_observe_net_prepare(struct np_net *npn)
{
	npn->thought = kvzalloc(sizeof(*npn->thought), GFP_KERNEL_ACCOUNT);
	return npn->thought ? 0 : -ENOMEM;
}

void np_observe_net_pre_exit(struct np_net *npn)
{
	cancel_delayed_work_sync(&npn->observed);
	cancel_delayed_work_sync(&npn->thinking);
}

void np_observe_net_exit(struct np_net *npn)
{
	kvfree(npn->thought);
	npn->thought = NULL;
}
