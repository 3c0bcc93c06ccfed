// SPDX-License-Identifier: GPL-2.0
/*
 * Upstreams for netlink: what is known of them, samples from programs that
 * probe, and questions about the next flow.
 *
 * Locking: np_net.lock, under which external addresses stay as they are. Samples
 * have a lock of their own, see observe.h.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_zones.h>
#include <net/sock.h>
#include <uapi/linux/natpunch.h>

#include "main.h"
#include "mapping.h"
#include "netlink.h"
#include "netlink-gen.h"
#include "netlink-lib.h"
#include "observe.h"
#include "ports.h"
#include "predict.h"
#include "wan.h"

/* What is asked for is what is answered if nothing else is said. */
#define NP_NL_PORTS	16
#define NP_NL_LIFETIME	120
#define NP_NL_WANTED	(NP_P_ONE / 20 * 19)

/* predict.h's words are the ABI's. */
#define NP_NL_SAME(ours, abi)	static_assert((int)(ours) == (int)(abi))
NP_NL_SAME(NP_P_ONE, NATPUNCH_PROBABILITY_ONE);
NP_NL_SAME(NP_PREDICT_FLOWS, NATPUNCH_MAX_PREDICT_FLOWS);
NP_NL_SAME(NP_PREDICT_PORTS, NATPUNCH_MAX_GUESSES);
NP_NL_SAME(NP_MAPPING_APD, NATPUNCH_UPSTREAM_MAPPING_APD);
NP_NL_SAME(NP_ALLOC_RANDOM, NATPUNCH_UPSTREAM_ALLOC_RANDOM);
NP_NL_SAME(NP_CERTAIN_SURE, NATPUNCH_UPSTREAM_CERTAINTY_SURE);
NP_NL_SAME(NP_WANT_INTERNAL, NATPUNCH_UPSTREAM_WANT_INTERNAL);
NP_NL_SAME(NP_ADVICE_RELAY, NATPUNCH_PREDICT_ADVICE_RELAY);

static const u8 np_nl_protos[NP_UPSTREAMS] = {
	[NP_L4_UDP] = IPPROTO_UDP,
	[NP_L4_TCP] = IPPROTO_TCP,
};

static int np_nl_put_ip(struct sk_buff *skb, int attr,
			const struct np_endpoint *ep)
{
	if (!ep->family)
		return 0;
	return nla_put(skb, attr, ep->family == NP_FAMILY_IPV4 ? 4 : 16,
		       ep->addr);
}

/*
 * Reading
 */

static size_t np_nl_upstream_size(void)
{
	return NLMSG_ALIGN(GENL_HDRLEN) +
	       nla_total_size(IFNAMSIZ) +		/* wan */
	       2 * nla_total_size(sizeof(struct in6_addr)) +
	       4 * nla_total_size(sizeof(u8)) +		/* l4proto, enums */
	       2 * nla_total_size(sizeof(__be16)) +	/* ports */
	       nla_total_size(0) +			/* bounded */
	       16 * nla_total_size(sizeof(u32));	/* the rest */
}

static bool np_nl_has_step(const struct np_verdict *v)
{
	return v->alloc == NP_ALLOC_STEP || v->alloc == NP_ALLOC_PARITY ||
	       v->alloc == NP_ALLOC_PER_DEST;
}

static int np_nl_put_range(struct sk_buff *skb, const struct np_verdict *v)
{
	int err = 0;

	if (np_nl_has_step(v))
		err = nla_put_s32(skb, NATPUNCH_A_UPSTREAM_STEP, v->step);
	if (!err && v->hi)
		err = nla_put_be16(skb, NATPUNCH_A_UPSTREAM_PORT_MIN,
				   htons(v->lo)) ?:
		      nla_put_be16(skb, NATPUNCH_A_UPSTREAM_PORT_MAX,
				   htons(v->hi));
	if (!err && v->bounds_known)
		err = nla_put_flag(skb, NATPUNCH_A_UPSTREAM_BOUNDED);
	return err;
}

static int np_nl_put_rate(struct sk_buff *skb, const struct np_verdict *v)
{
	u64 us = div_u64(v->rate_time, NSEC_PER_USEC);

	if (!v->rate_time)
		return 0;
	return nla_put_u32(skb, NATPUNCH_A_UPSTREAM_RATE, v->rate) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_RATE_MIN, v->rate_lo) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_RATE_MAX, v->rate_hi) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_RATE_TIME,
			   min_t(u64, us, U32_MAX));
}

static int np_nl_put_verdict(struct sk_buff *skb,
			     const struct np_upstream_view *view)
{
	const struct np_verdict *v = &view->verdict;

	return nla_put_u8(skb, NATPUNCH_A_UPSTREAM_MAPPING, v->mapping) ?:
	       nla_put_u8(skb, NATPUNCH_A_UPSTREAM_ALLOC, v->alloc) ?:
	       nla_put_u8(skb, NATPUNCH_A_UPSTREAM_CERTAINTY, v->certainty) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_WANT, v->want) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_P, v->p) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_MAPPING_P, v->mapping_p) ?:
	       np_nl_put_range(skb, v) ?:
	       np_nl_put_ip(skb, NATPUNCH_A_UPSTREAM_MAPPED_ADDR,
			    &view->mapped) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_ADDRESSES, v->addresses) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_SAMPLES, v->samples) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_LIES, v->lies) ?:
	       np_nl_put_rate(skb, v);
}

static int np_nl_put_own(struct sk_buff *skb, const struct np_count *own)
{
	return nla_put_u32(skb, NATPUNCH_A_UPSTREAM_FLOWS,
			   own->flows[0] + own->flows[1]) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_MAPPINGS,
			   own->mappings[0] + own->mappings[1]) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_FLOWS_ODD,
			   own->flows[1]) ?:
	       nla_put_u32(skb, NATPUNCH_A_UPSTREAM_MAPPINGS_ODD,
			   own->mappings[1]);
}

static int np_nl_put_upstream(struct sk_buff *skb,
			      const struct np_nl_head *head,
			      struct np_addr *addr, unsigned int l4)
{
	struct np_upstream_view view;
	void *hdr;
	int err;

	hdr = np_nl_put_head(skb, head);
	if (!hdr)
		return -EMSGSIZE;
	np_upstream_view(addr, l4, &view);
	err = nla_put_string(skb, NATPUNCH_A_UPSTREAM_WAN, addr->wan->name) ?:
	      np_nl_put_addr(skb, NATPUNCH_A_UPSTREAM_ADDR, addr->family,
			     &addr->ip) ?:
	      nla_put_u8(skb, NATPUNCH_A_UPSTREAM_L4PROTO, np_nl_protos[l4]) ?:
	      np_nl_put_verdict(skb, &view) ?:
	      nla_put_u32(skb, NATPUNCH_A_UPSTREAM_REFUSED, view.refused) ?:
	      np_nl_put_own(skb, &view.own);
	return np_nl_end(skb, hdr, err);
}

void np_nl_upstream_event(struct np_net *npn, struct np_addr *addr,
			  unsigned int l4)
{
	struct np_nl_head head = { .cmd = NATPUNCH_CMD_UPSTREAM_NTF };
	struct sk_buff *skb;
	int err = -ENOMEM;

	if (!np_nl_heard(npn, NP_NL_GROUP_UPSTREAM))
		return;
	skb = genlmsg_new(np_nl_upstream_size(), GFP_KERNEL);
	if (skb)
		err = np_nl_put_upstream(skb, &head, addr, l4);
	np_nl_multicast(npn, skb, NP_NL_GROUP_UPSTREAM, err);
}

/* NP_UPSTREAMS: neither protocol is observed, and the extack says so. */
static unsigned int np_nl_get_proto(const struct nlattr *attr,
				    struct netlink_ext_ack *extack)
{
	unsigned int l4 = np_l4(nla_get_u8(attr));

	if (l4 < NP_UPSTREAMS)
		return l4;
	NL_SET_ERR_MSG_ATTR(extack, attr,
			    "not observed: l4proto is TCP (6) or UDP (17)");
	return NP_UPSTREAMS;
}

/* What a dump is at, or the search for one upstream. */
struct np_nl_upstream_walk {
	struct np_nl_head head;
	struct sk_buff *skb;
	char wan[IFNAMSIZ];		/* empty: of all */
	struct np_inet addr;		/* family 0: any */
	unsigned int l4;		/* NP_UPSTREAMS: any */
	unsigned int seen;
	unsigned int skip;		/* upstreams that were sent */
	unsigned int n;
};

static int np_nl_upstream_get_match(struct np_net *npn, struct nlattr **tb,
				    struct np_nl_upstream_walk *walk,
				    struct netlink_ext_ack *extack)
{
	const struct nlattr *wan = tb[NATPUNCH_A_UPSTREAM_WAN];
	const struct nlattr *addr = tb[NATPUNCH_A_UPSTREAM_ADDR];
	const struct nlattr *proto = tb[NATPUNCH_A_UPSTREAM_L4PROTO];

	walk->l4 = NP_UPSTREAMS;
	if (wan) {
		if (!np_wan_by_name(npn, nla_data(wan))) {
			NL_SET_ERR_MSG_ATTR(extack, wan,
					    "this device is not managed as a WAN: wan-get tells which are");
			return -ENOENT;
		}
		nla_strscpy(walk->wan, wan, sizeof(walk->wan));
	}
	if (proto) {
		walk->l4 = np_nl_get_proto(proto, extack);
		if (walk->l4 == NP_UPSTREAMS)
			return -EINVAL;
	}
	return addr ? np_nl_get_addr(addr, &walk->addr, extack) : 0;
}

static bool np_nl_upstream_matches(const struct np_nl_upstream_walk *walk,
				   const struct np_addr *addr, unsigned int l4)
{
	if (addr->gone || (walk->l4 < NP_UPSTREAMS && walk->l4 != l4))
		return false;
	if (walk->wan[0] && strcmp(walk->wan, addr->wan->name))
		return false;
	return !walk->addr.family || (walk->addr.family == addr->family &&
				      nf_inet_addr_cmp(&walk->addr.ip,
						       &addr->ip));
}

static int np_nl_upstream_visit(struct np_nl_upstream_walk *walk,
				struct np_addr *addr, unsigned int l4)
{
	int err;

	if (walk->seen++ < walk->skip)
		return 0;
	if (np_nl_upstream_matches(walk, addr, l4)) {
		err = np_nl_put_upstream(walk->skb, &walk->head, addr, l4);
		if (err)
			return err;
		walk->n++;
	}
	walk->skip++;
	return 0;
}

/* From where @walk is, as far as its buffer reaches; np_net.lock is held. */
static int np_nl_upstream_walk(struct np_net *npn,
			       struct np_nl_upstream_walk *walk)
{
	struct np_addr *addr;
	struct np_wan *wan;
	unsigned int l4;
	int err;

	walk->seen = 0;
	list_for_each_entry(wan, &npn->wans, list) {
		list_for_each_entry(addr, &wan->addrs, list) {
			for (l4 = 0; l4 < NP_UPSTREAMS; l4++) {
				err = np_nl_upstream_visit(walk, addr, l4);
				if (err)
					return err;
			}
		}
	}
	return 0;
}

int natpunch_nl_upstream_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_upstream_walk walk = { .head = np_nl_reply_head(info) };
	int err;

	if (NP_NL_REQUIRE(info, NATPUNCH_A_UPSTREAM_ADDR,
			  "addr is missing: an external address of ours") ||
	    NP_NL_REQUIRE(info, NATPUNCH_A_UPSTREAM_L4PROTO,
			  "l4proto is missing: TCP (6) or UDP (17)"))
		return -EINVAL;
	walk.skb = genlmsg_new(np_nl_upstream_size(), GFP_KERNEL);
	if (!walk.skb)
		return -ENOMEM;

	mutex_lock(&npn->lock);
	err = np_nl_upstream_get_match(npn, info->attrs, &walk,
				       info->extack) ?:
	      np_nl_upstream_walk(npn, &walk);
	mutex_unlock(&npn->lock);
	if (!err && !walk.n) {
		GENL_SET_ERR_MSG(info, "no WAN has this external address");
		err = np_nl_blame(info, NATPUNCH_A_UPSTREAM_ADDR, -ENOENT);
	}
	return np_nl_send(walk.skb, info, err);
}

static void *np_nl_upstream_start(struct np_net *npn, struct nlattr **tb,
				  struct netlink_ext_ack *extack)
{
	struct np_nl_upstream_walk *walk;
	int err;

	walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	if (!walk)
		return ERR_PTR(-ENOMEM);
	err = np_nl_upstream_get_match(npn, tb, walk, extack);
	if (err) {
		kfree(walk);
		return ERR_PTR(err);
	}
	return walk;
}

int np_nl_upstream_dump_start(struct netlink_callback *cb)
{
	return np_nl_dump_start(cb, NATPUNCH_A_UPSTREAM_L4PROTO,
				natpunch_upstream_get_nl_policy,
				np_nl_upstream_start);
}

int natpunch_nl_upstream_get_dumpit(struct sk_buff *skb,
				    struct netlink_callback *cb)
{
	struct np_nl_upstream_walk *walk = (void *)cb->args[0];
	struct np_net *npn = np_net(sock_net(cb->skb->sk));
	int err;

	walk->head = np_nl_dump_head(cb, NATPUNCH_CMD_UPSTREAM_GET);
	walk->skb = skb;
	mutex_lock(&npn->lock);
	err = np_nl_upstream_walk(npn, walk);
	mutex_unlock(&npn->lock);
	return np_nl_dump_result(skb, err);
}

/*
 * Endpoints that are given
 */

struct np_nl_end {
	struct np_inet addr;
	__be16 port;
};

static int np_nl_get_end(struct genl_info *info, int addr, int port,
			 struct np_nl_end *end)
{
	const struct nlattr *attr = info->attrs[port];
	int err;

	err = np_nl_get_host(info->attrs[addr], &end->addr, info->extack);
	if (err)
		return err;
	end->port = attr ? nla_get_be16(attr) : 0;
	return 0;
}

static int np_nl_need_port(struct genl_info *info, int port,
			   const struct np_nl_end *end)
{
	if (end->port)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[port],
			    "port 0 is none: give 1 to 65535");
	return -EINVAL;
}

static int np_nl_need_family(struct genl_info *info, int attr,
			     const struct np_nl_end *end, u8 family)
{
	if (end->addr.family == family)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "the addresses must be of one family, all IPv4 or all IPv6");
	return -EINVAL;
}

/*
 * The WAN that a request is about: the one it names, the one that has the
 * address, or the only one. np_net.lock is held.
 */
static struct np_wan *np_nl_which_wan(struct np_net *npn, struct genl_info *info,
				      int attr, const struct np_inet *addr)
{
	const struct nlattr *name = info->attrs[attr];
	const struct np_addr *ext;
	struct np_wan *wan;

	if (name) {
		wan = np_wan_by_name(npn, nla_data(name));
		if (wan)
			return wan;
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "this device is not managed as a WAN: wan-get tells which are");
		return ERR_PTR(-ENOENT);
	}
	ext = np_wan_any_addr(npn, addr->family, &addr->ip);
	if (ext)
		return ext->wan;
	if (list_is_singular(&npn->wans))
		return list_first_entry(&npn->wans, struct np_wan, list);
	if (list_empty(&npn->wans)) {
		GENL_SET_ERR_MSG(info, "no WAN is managed");
		return ERR_PTR(-ENOENT);
	}
	GENL_SET_ERR_MSG(info, "wan is missing: several are managed");
	return ERR_PTR(-EINVAL);
}

/* An endpoint that the upstream sees flows come from, and whose it is. */
struct np_nl_ext {
	struct np_addr *addr;		/* holds a reference */
	union nf_inet_addr ip;
	__be16 port;
};

/* The mapping's external endpoint, or one of ours itself. False: neither. */
static bool np_nl_find_ext(struct np_net *npn, const struct np_wan *wan, u8 l4,
			   const struct np_nl_end *from, struct np_nl_ext *ext)
{
	struct np_key key = {
		.ip = from->addr.ip,
		.port = from->port,
		.l4proto = np_nl_protos[l4],
		.family = from->addr.family,
		.zone = NF_CT_DEFAULT_ZONE_ID,
		.wan = wan->id,
	};
	struct np_mapping *m = NULL;

	rcu_read_lock();
	ext->addr = np_wan_any_addr(npn, from->addr.family, &from->addr.ip);
	ext->ip = from->addr.ip;
	ext->port = from->port;
	if (!ext->addr) {
		m = np_mapping_by_int(npn, &key);
		if (m) {
			ext->addr = m->addr;
			ext->ip = m->external.ip;
			ext->port = m->external.port;
		}
	}
	if (ext->addr)
		np_addr_get(ext->addr);
	rcu_read_unlock();
	return ext->addr;
}

/*
 * Samples
 */

static int np_nl_require_sample(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_L4PROTO,
			     "l4proto is missing: TCP (6) or UDP (17)") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_INT_ADDR,
			     "int-addr is missing: where the flow came from") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_INT_PORT,
			     "int-port is missing: where the flow came from") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_DEST_ADDR,
			     "dest-addr is missing: where the flow went") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_DEST_PORT,
			     "dest-port is missing: where the flow went") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_MAPPED_ADDR,
			     "mapped-addr is missing: what the destination saw") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_SAMPLE_MAPPED_PORT,
			     "mapped-port is missing: what the destination saw");
}

struct np_nl_sample {
	unsigned int l4;
	struct np_nl_end from;
	struct np_nl_end dest;
	struct np_nl_end mapped;
};

static int np_nl_get_sample(struct genl_info *info, struct np_nl_sample *s)
{
	u8 family;
	int err;

	err = np_nl_require_sample(info);
	if (err)
		return err;
	s->l4 = np_nl_get_proto(info->attrs[NATPUNCH_A_SAMPLE_L4PROTO],
				info->extack);
	if (s->l4 == NP_UPSTREAMS)
		return -EINVAL;
	err = np_nl_get_end(info, NATPUNCH_A_SAMPLE_INT_ADDR,
			    NATPUNCH_A_SAMPLE_INT_PORT, &s->from) ?:
	      np_nl_get_end(info, NATPUNCH_A_SAMPLE_DEST_ADDR,
			    NATPUNCH_A_SAMPLE_DEST_PORT, &s->dest) ?:
	      np_nl_get_end(info, NATPUNCH_A_SAMPLE_MAPPED_ADDR,
			    NATPUNCH_A_SAMPLE_MAPPED_PORT, &s->mapped);
	if (err)
		return err;
	family = s->from.addr.family;
	return np_nl_need_family(info, NATPUNCH_A_SAMPLE_DEST_ADDR, &s->dest,
				 family) ?:
	       np_nl_need_family(info, NATPUNCH_A_SAMPLE_MAPPED_ADDR,
				 &s->mapped, family) ?:
	       np_nl_need_port(info, NATPUNCH_A_SAMPLE_INT_PORT, &s->from) ?:
	       np_nl_need_port(info, NATPUNCH_A_SAMPLE_DEST_PORT, &s->dest) ?:
	       np_nl_need_port(info, NATPUNCH_A_SAMPLE_MAPPED_PORT,
			       &s->mapped);
}

static u32 np_nl_u32(const struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

/* What is not given is as it is now. */
static void np_nl_get_own(const struct genl_info *info, struct np_count *own)
{
	u32 flows = np_nl_u32(info, NATPUNCH_A_SAMPLE_FLOWS,
			      own->flows[0] + own->flows[1]);
	u32 mappings = np_nl_u32(info, NATPUNCH_A_SAMPLE_MAPPINGS,
				 own->mappings[0] + own->mappings[1]);

	own->flows[1] = np_nl_u32(info, NATPUNCH_A_SAMPLE_FLOWS_ODD,
				  own->flows[1]);
	own->flows[0] = flows - own->flows[1];
	own->mappings[1] = np_nl_u32(info, NATPUNCH_A_SAMPLE_MAPPINGS_ODD,
				     own->mappings[1]);
	own->mappings[0] = mappings - own->mappings[1];
}

static int np_nl_learn(struct np_net *npn, struct genl_info *info,
		       const struct np_nl_sample *s,
		       const struct np_nl_ext *ext)
{
	struct np_sample sample = {
		.time = np_observe_now(),
		.source = NP_SOURCE_FED,
	};
	u8 family = s->from.addr.family;

	sample.time -= (u64)np_nl_u32(info, NATPUNCH_A_SAMPLE_AGE, 0) *
		       NSEC_PER_USEC;
	np_own_sum(ext->addr, s->l4, &sample.own);
	np_nl_get_own(info, &sample.own);
	np_endpoint_set(&sample.internal, family, &ext->ip, ext->port);
	np_endpoint_set(&sample.dest, family, &s->dest.addr.ip, s->dest.port);
	np_endpoint_set(&sample.mapped, family, &s->mapped.addr.ip,
			s->mapped.port);
	if (np_upstream_learn(npn, ext->addr, s->l4, &sample) !=
	    NP_SAMPLE_INVALID) {
		/* Who feeds thinks, so that who asks need not. */
		np_upstream_ready(ext->addr, s->l4);
		return 0;
	}
	GENL_SET_ERR_MSG(info, "nothing can be mapped so");
	return -EINVAL;
}

int natpunch_nl_upstream_sample_doit(struct sk_buff *skb,
				     struct genl_info *info)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_nl_sample s;
	struct np_nl_ext ext;
	struct np_wan *wan;
	int err;

	err = np_nl_get_sample(info, &s);
	if (err)
		return err;

	mutex_lock(&npn->lock);
	wan = np_nl_which_wan(npn, info, NATPUNCH_A_SAMPLE_WAN, &s.from.addr);
	if (IS_ERR(wan)) {
		err = PTR_ERR(wan);
	} else if (!np_nl_find_ext(npn, wan, s.l4, &s.from, &ext)) {
		GENL_SET_ERR_MSG(info,
				 "this internal endpoint has no mapping on the WAN, nor is it an external one");
		err = np_nl_blame(info, NATPUNCH_A_SAMPLE_INT_ADDR, -ENOENT);
	} else {
		err = np_nl_learn(npn, info, &s, &ext);
		np_addr_put(ext.addr);
	}
	mutex_unlock(&npn->lock);
	return err;
}

/*
 * Questions
 */

/* A question, and all that is told in answer. */
struct np_nl_question {
	struct np_nl_head head;
	unsigned int l4;
	struct np_nl_end from;
	struct np_nl_end dest;
	u32 lifetime;			/* of a reservation */
	bool reserved;
	struct np_nl_ext ext;
	struct np_question ask;
	struct np_answer answer;
	struct np_guess *guesses;
};

/* Room for the answer to a question about so many ports. */
static u32 np_nl_max_guesses(u32 ports)
{
	return clamp_t(u32, ports, 1, NP_PREDICT_GUESSES);
}

static size_t np_nl_answer_size(u32 ports)
{
	return NLMSG_ALIGN(GENL_HDRLEN) +
	       nla_total_size(IFNAMSIZ) +		/* wan */
	       4 * nla_total_size(sizeof(struct in6_addr)) +
	       5 * nla_total_size(sizeof(u8)) +		/* l4proto, enums */
	       3 * nla_total_size(sizeof(__be16)) +	/* ports */
	       nla_total_size(0) +			/* known */
	       10 * nla_total_size(sizeof(u32)) +	/* the rest, and: */
	       np_nl_max_guesses(ports) *
	       nla_total_size(3 * nla_total_size(sizeof(__be16)) +
			      4 * nla_total_size(sizeof(u32)));
}

static int np_nl_require_question(struct genl_info *info)
{
	return NP_NL_REQUIRE(info, NATPUNCH_A_PREDICT_L4PROTO,
			     "l4proto is missing: TCP (6) or UDP (17)") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_PREDICT_INT_ADDR,
			     "int-addr is missing: where the flow will come from") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_PREDICT_INT_PORT,
			     "int-port is missing: where the flow will come from") ?:
	       NP_NL_REQUIRE(info, NATPUNCH_A_PREDICT_DEST_ADDR,
			     "dest-addr is missing: where the flow will go");
}

static int np_nl_get_question(struct genl_info *info, struct np_nl_question *q)
{
	int err;

	err = np_nl_require_question(info);
	if (err)
		return err;
	q->l4 = np_nl_get_proto(info->attrs[NATPUNCH_A_PREDICT_L4PROTO],
				info->extack);
	if (q->l4 == NP_UPSTREAMS)
		return -EINVAL;
	q->lifetime = np_nl_u32(info, NATPUNCH_A_PREDICT_LIFETIME,
				NP_NL_LIFETIME);
	q->ask.flows = np_nl_u32(info, NATPUNCH_A_PREDICT_FLOWS, 1);
	q->ask.within = (u64)np_nl_u32(info, NATPUNCH_A_PREDICT_WITHIN, 0) *
			NSEC_PER_MSEC;
	q->ask.ports = np_nl_u32(info, NATPUNCH_A_PREDICT_PORTS, NP_NL_PORTS);
	q->ask.wanted = np_nl_u32(info, NATPUNCH_A_PREDICT_WANTED,
				  NP_NL_WANTED);
	return np_nl_get_end(info, NATPUNCH_A_PREDICT_INT_ADDR,
			     NATPUNCH_A_PREDICT_INT_PORT, &q->from) ?:
	       np_nl_get_end(info, NATPUNCH_A_PREDICT_DEST_ADDR,
			     NATPUNCH_A_PREDICT_DEST_PORT, &q->dest) ?:
	       np_nl_need_family(info, NATPUNCH_A_PREDICT_DEST_ADDR, &q->dest,
				 q->from.addr.family) ?:
	       np_nl_need_port(info, NATPUNCH_A_PREDICT_INT_PORT, &q->from);
}

/* Promise the internal endpoint an external one, if it has none yet. */
static int np_nl_promise(struct np_net *npn, struct genl_info *info,
			 struct np_wan *wan, struct np_nl_question *q)
{
	struct np_reservation want = {
		.l4proto = np_nl_protos[q->l4],
		.family = q->from.addr.family,
		.filter = NATPUNCH_FILTER_DEFAULT,
		.int_addr = q->from.addr.ip,
		.int_port = q->from.port,
	};
	int err;

	if (np_nl_find_ext(npn, wan, q->l4, &q->from, &q->ext))
		return 0;
	err = np_reservation_add(wan, &want, q->lifetime, info->extack);
	if (err)
		return np_nl_blame(info, NATPUNCH_A_PREDICT_INT_ADDR, err);
	q->reserved = true;
	if (np_nl_find_ext(npn, wan, q->l4, &q->from, &q->ext))
		return 0;
	GENL_SET_ERR_MSG(info,
			 "the WAN has no external address of this family at present");
	return -EADDRNOTAVAIL;
}

static void np_nl_ask(struct np_nl_question *q)
{
	u8 family = q->from.addr.family;

	np_endpoint_set(&q->ask.internal, family, &q->ext.ip, q->ext.port);
	np_endpoint_set(&q->ask.dest, family, &q->dest.addr.ip, q->dest.port);
	np_own_sum(q->ext.addr, q->l4, &q->ask.own);
	q->ask.now = np_observe_now();
	np_upstream_ask(q->ext.addr, q->l4, &q->ask, &q->answer, q->guesses);
}

static int np_nl_put_question(struct sk_buff *skb,
			      const struct np_nl_question *q)
{
	u8 family = q->from.addr.family;
	u64 within = div_u64(q->ask.within, NSEC_PER_MSEC);

	return nla_put_string(skb, NATPUNCH_A_PREDICT_WAN,
			      q->ext.addr->wan->name) ?:
	       nla_put_u8(skb, NATPUNCH_A_PREDICT_L4PROTO,
			  np_nl_protos[q->l4]) ?:
	       np_nl_put_addr(skb, NATPUNCH_A_PREDICT_INT_ADDR, family,
			      &q->from.addr.ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_PREDICT_INT_PORT, q->from.port) ?:
	       np_nl_put_addr(skb, NATPUNCH_A_PREDICT_DEST_ADDR, family,
			      &q->dest.addr.ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_PREDICT_DEST_PORT, q->dest.port) ?:
	       nla_put_u32(skb, NATPUNCH_A_PREDICT_FLOWS, q->ask.flows) ?:
	       nla_put_u32(skb, NATPUNCH_A_PREDICT_WITHIN, within) ?:
	       np_nl_put_addr(skb, NATPUNCH_A_PREDICT_EXT_ADDR, family,
			      &q->ext.ip) ?:
	       nla_put_be16(skb, NATPUNCH_A_PREDICT_EXT_PORT, q->ext.port) ?:
	       (q->reserved ? nla_put_u32(skb, NATPUNCH_A_PREDICT_LIFETIME,
					  q->lifetime) : 0);
}

/* What says how the ports after the first one go on. */
static int np_nl_put_run(struct sk_buff *skb, const struct np_guess *g)
{
	if (g->count == 1)
		return 0;
	return nla_put_u32(skb, NATPUNCH_A_GUESS_COUNT, g->count) ?:
	       nla_put_s32(skb, NATPUNCH_A_GUESS_STEP, g->step) ?:
	       nla_put_be16(skb, NATPUNCH_A_GUESS_PORT_MIN, htons(g->lo)) ?:
	       nla_put_be16(skb, NATPUNCH_A_GUESS_PORT_MAX, htons(g->hi));
}

static int np_nl_put_guesses(struct sk_buff *skb,
			     const struct np_nl_question *q)
{
	const struct np_guess *g = q->guesses;
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < q->answer.n; i++, g++) {
		nest = nla_nest_start(skb, NATPUNCH_A_PREDICT_GUESS);
		if (!nest ||
		    nla_put_be16(skb, NATPUNCH_A_GUESS_PORT, htons(g->port)) ||
		    nla_put_u32(skb, NATPUNCH_A_GUESS_P, g->p) ||
		    nla_put_u32(skb, NATPUNCH_A_GUESS_SUM, g->sum) ||
		    np_nl_put_run(skb, g))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int np_nl_put_advice(struct sk_buff *skb, const struct np_answer *a)
{
	int err = nla_put_u8(skb, NATPUNCH_A_PREDICT_ADVICE, a->advice);

	if (err || a->advice != NP_ADVICE_BIRTHDAY)
		return err;
	return nla_put_u32(skb, NATPUNCH_A_PREDICT_ADVICE_FLOWS,
			   a->advice_flows) ?:
	       nla_put_u32(skb, NATPUNCH_A_PREDICT_ADVICE_PORTS,
			   a->advice_ports) ?:
	       nla_put_u32(skb, NATPUNCH_A_PREDICT_ADVICE_P, a->advice_p);
}

static int np_nl_put_answer(struct sk_buff *skb, const struct np_nl_question *q)
{
	const struct np_answer *a = &q->answer;
	const struct np_verdict *v = &a->verdict;
	int err;

	err = nla_put_u8(skb, NATPUNCH_A_PREDICT_MAPPING, v->mapping) ?:
	      nla_put_u8(skb, NATPUNCH_A_PREDICT_ALLOC, v->alloc) ?:
	      nla_put_u8(skb, NATPUNCH_A_PREDICT_CERTAINTY, v->certainty) ?:
	      nla_put_u32(skb, NATPUNCH_A_PREDICT_WANT, v->want) ?:
	      nla_put_u32(skb, NATPUNCH_A_PREDICT_SAMPLES, v->samples);
	if (!err && a->mapped.family)
		err = np_nl_put_ip(skb, NATPUNCH_A_PREDICT_MAPPED_ADDR,
				   &a->mapped) ?:
		      nla_put_u32(skb, NATPUNCH_A_PREDICT_ADDRESS_P,
				  a->address_p);
	if (!err && a->known)
		err = nla_put_flag(skb, NATPUNCH_A_PREDICT_KNOWN);
	return err ?: nla_put_u32(skb, NATPUNCH_A_PREDICT_P, a->p) ?:
		      np_nl_put_guesses(skb, q) ?:
		      np_nl_put_advice(skb, a);
}

static int np_nl_put_predict(struct sk_buff *skb, const struct np_nl_question *q)
{
	void *hdr = np_nl_put_head(skb, &q->head);

	if (!hdr)
		return -EMSGSIZE;
	return np_nl_end(skb, hdr, np_nl_put_question(skb, q) ?:
				   np_nl_put_answer(skb, q));
}

static int np_nl_predict(struct genl_info *info, struct np_nl_question *q,
			 struct sk_buff *reply)
{
	struct np_net *npn = np_net(genl_info_net(info));
	struct np_wan *wan;
	int err;

	mutex_lock(&npn->lock);
	wan = np_nl_which_wan(npn, info, NATPUNCH_A_PREDICT_WAN,
			      &q->from.addr);
	err = IS_ERR(wan) ? PTR_ERR(wan) : np_nl_promise(npn, info, wan, q);
	if (!err) {
		np_nl_ask(q);
		err = np_nl_put_predict(reply, q);
		np_addr_put(q->ext.addr);
	}
	mutex_unlock(&npn->lock);
	return err;
}

int natpunch_nl_predict_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct np_nl_question *q;
	struct sk_buff *reply;
	int err;

	q = kzalloc(sizeof(*q), GFP_KERNEL);
	if (!q)
		return -ENOMEM;
	q->head = np_nl_reply_head(info);
	err = np_nl_get_question(info, q);
	if (err)
		goto out;
	err = -ENOMEM;
	q->guesses = kcalloc(np_nl_max_guesses(q->ask.ports),
			     sizeof(*q->guesses), GFP_KERNEL);
	reply = q->guesses ? genlmsg_new(np_nl_answer_size(q->ask.ports),
					 GFP_KERNEL) : NULL;
	if (reply)
		err = np_nl_send(reply, info, np_nl_predict(info, q, reply));
out:
	kfree(q->guesses);
	kfree(q);
	return err;
}
