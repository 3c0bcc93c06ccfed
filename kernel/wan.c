// SPDX-License-Identifier: GPL-2.0
/*
 * Managed WANs; see wan.h.
 *
 * Devices and addresses come and go under RTNL, where we may not wait for our
 * own lock (see main.h). So notifiers only queue the rescan work, and that
 * compares what is with what was.
 */
#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>

#include "main.h"
#include "mapping.h"
#include "nat.h"
#include "observe.h"
#include "ports.h"
#include "synhold.h"
#include "wan.h"

/* External addresses of one WAN that are followed, at most. */
#define NP_WAN_ADDRS	32

/* Nothing is waited for but events. */
#define NP_RESCAN_NEVER	MAX_JIFFY_OFFSET

/* Rescans may kill many flows: they go where nobody waits for them. */
struct workqueue_struct *np_wq __read_mostly;

static const struct np_prefix np_default_internal[] = {
	{ .family = NFPROTO_IPV4, .len = 8,
	  .ip.ip = cpu_to_be32(0x0a000000) },		/* RFC 1918 */
	{ .family = NFPROTO_IPV4, .len = 12,
	  .ip.ip = cpu_to_be32(0xac100000) },
	{ .family = NFPROTO_IPV4, .len = 16,
	  .ip.ip = cpu_to_be32(0xc0a80000) },
	{ .family = NFPROTO_IPV4, .len = 10,
	  .ip.ip = cpu_to_be32(0x64400000) },		/* RFC 6598 */
	{ .family = NFPROTO_IPV6, .len = 7,
	  .ip.ip6 = { cpu_to_be32(0xfc000000) } },	/* RFC 4193 */
};

static struct np_wan_conf *np_wan_conf(const struct np_wan *wan)
{
	return rcu_dereference_protected(wan->conf,
					 lockdep_is_held(&wan->npn->lock));
}

/* From whatever context. */
static void np_rescan_soon(struct np_net *npn)
{
	rcu_read_lock();
	if (!READ_ONCE(npn->closing) && !list_empty(&npn->wans))
		mod_delayed_work(np_wq, &npn->rescan, 0);
	rcu_read_unlock();
}

bool np_inet_is_host(const struct np_inet *addr)
{
	int type;

	if (addr->family == NFPROTO_IPV4)
		return !ipv4_is_zeronet(addr->ip.ip) &&
		       !ipv4_is_loopback(addr->ip.ip) &&
		       !ipv4_is_multicast(addr->ip.ip) &&
		       !ipv4_is_lbcast(addr->ip.ip);

	type = ipv6_addr_type(&addr->ip.in6);
	return type & IPV6_ADDR_UNICAST &&
	       !(type & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL |
			 IPV6_ADDR_MAPPED));
}

/* Packets' side */

struct np_wan *np_wan_by_ifindex(const struct np_net *npn, int ifindex)
{
	struct np_wan *wan;

	list_for_each_entry_rcu(wan, &npn->wans, list)
		if (READ_ONCE(wan->ifindex) == ifindex)
			return wan;
	return NULL;
}

static bool np_prefix_match(const struct np_prefix *p, u8 family,
			    const union nf_inet_addr *ip)
{
	if (p->family != family)
		return false;
	if (family == NFPROTO_IPV4)
		return !p->len || !((p->ip.ip ^ ip->ip) &
				    cpu_to_be32(~0U << (32 - p->len)));
	return ipv6_prefix_equal(&p->ip.in6, &ip->in6, p->len);
}

bool np_wan_is_internal(const struct np_wan_conf *conf, u8 family,
			const union nf_inet_addr *ip)
{
	const struct np_prefix *p = conf->internal;
	unsigned int n = conf->n_internal;

	if (!n) {
		p = np_default_internal;
		n = ARRAY_SIZE(np_default_internal);
	}
	for (; n; n--, p++)
		if (np_prefix_match(p, family, ip))
			return true;
	return false;
}

/*
 * Rendezvous hashing: every internal address keeps to one external address, and
 * when one of these comes or goes only those paired with it move.
 */
static struct np_addr *np_wan_paired_addr(struct np_wan *wan, u8 family,
					  const union nf_inet_addr *internal)
{
	u32 best = 0, weight, host = jhash2(internal->all, 4, 0);
	struct np_addr *addr, *res = NULL;

	list_for_each_entry_rcu(addr, &wan->addrs, list) {
		if (addr->family != family)
			continue;
		weight = jhash2(addr->ip.all, 4, host);
		if (!res || weight > best) {
			best = weight;
			res = addr;
		}
	}
	return res;
}

static bool np_wan_gives(const struct np_wan_conf *conf, u8 family)
{
	unsigned int i;

	for (i = 0; i < conf->n_addrs; i++)
		if (conf->addrs[i].family == family)
			return true;
	return false;
}

/* Where there is no packet: as towards the Internet at large. */
static const struct in6_addr np_global_v6 = {
	.s6_addr32 = { cpu_to_be32(0x20000000) },
};

/* The address that masquerade would take. */
static void np_wan_auto_addr(const struct net_device *out,
			     const struct sk_buff *skb, u8 family,
			     union nf_inet_addr *ip)
{
	__be32 nexthop = 0;

	memset(ip, 0, sizeof(*ip));
	if (family == NFPROTO_IPV4) {
		if (skb)
			nexthop = rt_nexthop(skb_rtable(skb),
					     ip_hdr(skb)->daddr);
		ip->ip = inet_select_addr(out, nexthop, RT_SCOPE_UNIVERSE);
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_dev_get_saddr(dev_net(out), out,
			       skb ? &ipv6_hdr(skb)->daddr : &np_global_v6,
			       0, &ip->in6) < 0)
		memset(ip, 0, sizeof(*ip));
#endif
}

struct np_addr *np_wan_find_addr(struct np_wan *wan, u8 family,
				 const union nf_inet_addr *ip)
{
	struct np_addr *addr;

	list_for_each_entry_rcu(addr, &wan->addrs, list,
				lockdep_is_held(&wan->npn->lock))
		if (addr->family == family && nf_inet_addr_cmp(&addr->ip, ip))
			return addr;
	return NULL;
}

struct np_addr *np_wan_any_addr(const struct np_net *npn, u8 family,
				const union nf_inet_addr *ip)
{
	struct np_addr *addr;
	struct np_wan *wan;

	list_for_each_entry_rcu(wan, &npn->wans, list,
				lockdep_is_held(&npn->lock)) {
		addr = np_wan_find_addr(wan, family, ip);
		if (addr)
			return addr;
	}
	return NULL;
}

struct np_addr *np_wan_pick_addr(struct np_wan *wan,
				 const struct net_device *out,
				 const struct sk_buff *skb, u8 family,
				 const union nf_inet_addr *internal)
{
	union nf_inet_addr ip;

	if (np_wan_gives(rcu_dereference(wan->conf), family))
		return np_wan_paired_addr(wan, family, internal);

	if (!out)
		out = dev_get_by_index_rcu(wan->npn->net,
					   READ_ONCE(wan->ifindex));
	if (!out)
		return NULL;
	np_wan_auto_addr(out, skb, family, &ip);
	return np_wan_find_addr(wan, family, &ip);
}

static void np_wan_free_rcu(struct rcu_head *head)
{
	struct np_wan *wan = container_of(head, struct np_wan, rcu);

	kfree(rcu_dereference_protected(wan->conf, true));
	kfree(wan);
}

void np_wan_put(struct np_wan *wan)
{
	if (refcount_dec_and_test(&wan->ref))
		call_rcu(&wan->rcu, np_wan_free_rcu);
}

/* External addresses */

struct np_wanted {
	unsigned int n;
	struct np_inet addr[NP_WAN_ADDRS];
};

static void np_want_addr(struct np_wanted *want, u8 family,
			 const void *ip, size_t len)
{
	if (want->n == ARRAY_SIZE(want->addr))
		return;
	want->addr[want->n].family = family;
	memcpy(&want->addr[want->n].ip, ip, len);
	want->n++;
}

static void np_want_v4(struct np_wanted *want, const struct net_device *dev)
{
	struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct in_ifaddr *ifa;

	if (!in_dev)
		return;
	in_dev_for_each_ifa_rcu(ifa, in_dev)
		np_want_addr(want, NFPROTO_IPV4, &ifa->ifa_local,
			     sizeof(ifa->ifa_local));
}

static void np_want_v6(struct np_wanted *want, const struct net_device *dev)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct inet6_dev *idev = __in6_dev_get(dev);
	struct inet6_ifaddr *ifp;

	if (!idev)
		return;
	read_lock_bh(&idev->lock);
	list_for_each_entry(ifp, &idev->addr_list, if_list)
		if (!(ipv6_addr_type(&ifp->addr) & IPV6_ADDR_LINKLOCAL) &&
		    !(ifp->flags & IFA_F_TENTATIVE))
			np_want_addr(want, NFPROTO_IPV6, &ifp->addr,
				     sizeof(ifp->addr));
	read_unlock_bh(&idev->lock);
#endif
}

/* Which external addresses should the WAN have, and on which device? */
static int np_wan_wants(const struct np_wan *wan, struct np_wanted *want)
{
	const struct np_wan_conf *conf = np_wan_conf(wan);
	const struct net_device *dev;
	unsigned int i;
	int ifindex = 0;

	memset(want, 0, sizeof(*want));
	rcu_read_lock();
	dev = dev_get_by_name_rcu(wan->npn->net, wan->name);
	if (!dev)
		goto out;
	ifindex = dev->ifindex;
	for (i = 0; i < conf->n_addrs; i++)
		np_want_addr(want, conf->addrs[i].family, &conf->addrs[i].ip,
			     sizeof(conf->addrs[i].ip));
	if (!np_wan_gives(conf, NFPROTO_IPV4))
		np_want_v4(want, dev);
	if (conf->nat66 && !np_wan_gives(conf, NFPROTO_IPV6))
		np_want_v6(want, dev);
out:
	rcu_read_unlock();
	return ifindex;
}

static bool np_wanted(const struct np_wanted *want, const struct np_addr *addr)
{
	unsigned int i;

	for (i = 0; i < want->n; i++)
		if (want->addr[i].family == addr->family &&
		    nf_inet_addr_cmp(&want->addr[i].ip, &addr->ip))
			return true;
	return false;
}

/* Does another WAN translate to this address? Then its ports are not ours. */
static bool np_addr_elsewhere(const struct np_wan *wan,
			      const struct np_inet *inet)
{
	struct np_wan *other;

	list_for_each_entry(other, &wan->npn->wans, list)
		if (other != wan &&
		    np_wan_find_addr(other, inet->family, &inet->ip))
			return true;
	return false;
}

static int np_wan_gain_addrs(struct np_wan *wan, const struct np_wanted *want)
{
	struct np_addr *addr;
	unsigned int i;

	for (i = 0; i < want->n; i++) {
		if (np_wan_find_addr(wan, want->addr[i].family,
				     &want->addr[i].ip) ||
		    np_addr_elsewhere(wan, &want->addr[i]))
			continue;
		addr = np_addr_new(wan, &want->addr[i].ip,
				   want->addr[i].family);
		if (!addr)
			return -ENOMEM;
		list_add_tail_rcu(&addr->list, &wan->addrs);
	}
	return 0;
}

struct np_flush {
	bool (*match)(const struct np_mapping *m, const void *data);
	const void *data;
	u8 reason;
	unsigned int n;
};

static void np_flush_one(struct np_mapping *m, void *data)
{
	struct np_flush *flush = data;

	if (flush->match(m, flush->data) && np_mapping_end(m, flush->reason))
		flush->n++;
}

/* End every mapping that matches. Nothing makes such mappings any more. */
static void np_flush_all(struct np_net *npn, struct np_flush *flush)
{
	unsigned int before;

	/* A walk may miss some if it meets others that end mappings. */
	do {
		before = flush->n;
		np_mapping_for_each(npn, np_flush_one, flush);
	} while (flush->n != before);
}

static bool np_addr_is_gone(const struct np_mapping *m, const void *data)
{
	return READ_ONCE(m->addr->gone);
}

/* Take away the addresses that are not wanted, and what stands on them. */
static void np_wan_lose_addrs(struct np_wan *wan, const struct np_wanted *want,
			      u8 reason)
{
	struct np_flush flush = {
		.match = np_addr_is_gone,
		.reason = reason,
	};
	struct np_addr *lost[NP_WAN_ADDRS], *addr, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(addr, next, &wan->addrs, list) {
		if (np_wanted(want, addr))
			continue;
		WRITE_ONCE(addr->gone, true);
		list_del_rcu(&addr->list);
		lost[n++] = addr;
	}
	if (!n)
		return;

	/* After this, whoever has picked one has put his mapping in the table. */
	synchronize_rcu();
	np_flush_all(wan->npn, &flush);
	while (n)
		np_addr_put(lost[--n]);
}

/* Reservations */

static void np_reservation_key(const struct np_wan *wan,
			       const struct np_reservation *r,
			       struct np_key *key)
{
	memset(key, 0, sizeof(*key));
	key->ip = r->int_addr;
	key->port = r->int_port;
	key->l4proto = r->l4proto;
	key->family = r->family;
	key->wan = wan->id;
}

static struct np_addr *np_reservation_addr(struct np_wan *wan,
					   const struct np_reservation *r)
{
	static const union nf_inet_addr any;

	if (nf_inet_addr_cmp(&r->ext_addr, &any))
		return np_wan_pick_addr(wan, NULL, NULL, r->family,
					&r->int_addr);
	return np_wan_find_addr(wan, r->family, &r->ext_addr);
}

/* The mapping that fulfils @r, made if need be. Under rcu_read_lock(). */
static struct np_mapping *np_reservation_map(struct np_wan *wan,
					     const struct np_reservation *r,
					     struct np_addr *addr)
{
	struct np_mapping *m;
	struct np_key key;

	np_reservation_key(wan, r, &key);
	m = np_mapping_by_int(wan->npn, &key);
	if (!m)
		m = np_mapping_new(wan->npn, addr, &key,
				   NF_CT_DEFAULT_ZONE_DIR,
				   ntohs(r->ext_port), r->filter, true);
	if (IS_ERR(m))
		return m;
	if (m->addr != addr ||
	    (r->ext_port && m->external.port != r->ext_port))
		return ERR_PTR(-EEXIST);
	return m;
}

static int np_reservation_fulfil(struct np_wan *wan, struct np_reservation *r)
{
	struct np_mapping *m;
	struct np_addr *addr;
	int err = 0;

	rcu_read_lock();
	addr = np_reservation_addr(wan, r);
	if (!addr) {
		err = -EADDRNOTAVAIL;
		goto out;
	}
	m = np_reservation_map(wan, r, addr);
	if (IS_ERR(m)) {
		err = PTR_ERR(m);
		goto out;
	}
	WRITE_ONCE(m->filter, r->filter);
	WRITE_ONCE(m->reserved, true);
	r->ext_port = m->external.port;
out:
	rcu_read_unlock();
	return err;
}

static int np_reservation_refuse(int err, struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EEXIST:
		NL_SET_ERR_MSG(extack, "the internal endpoint has a mapping to another external endpoint: flush it first");
		break;
	case -EADDRINUSE:
		NL_SET_ERR_MSG(extack, "the external port is taken by a mapping, by a socket of the router or by ip_local_reserved_ports");
		break;
	case -ERANGE:
		NL_SET_ERR_MSG(extack, "the external port is outside the WAN's range");
		break;
	case -EADDRNOTAVAIL:
		NL_SET_ERR_MSG(extack, "the WAN has no such external address at present");
		break;
	case -ENOSPC:
		NL_SET_ERR_MSG(extack, "no external port is left");
		break;
	case -ENFILE:
		NL_SET_ERR_MSG(extack, "the cap on mappings is reached: see module parameter max_mappings");
		break;
	}
	return err;
}

struct np_reservation *np_reservation_find(struct np_wan *wan, u8 l4proto,
					   u8 family,
					   const union nf_inet_addr *int_addr,
					   __be16 int_port)
{
	struct np_reservation *r;

	list_for_each_entry(r, &wan->reservations, list)
		if (r->l4proto == l4proto && r->family == family &&
		    r->int_port == int_port &&
		    nf_inet_addr_cmp(&r->int_addr, int_addr))
			return r;
	return NULL;
}

static int np_reservation_check(struct np_wan *wan,
				const struct np_reservation *r,
				struct netlink_ext_ack *extack)
{
	if (wan->n_reservations >= NATPUNCH_MAX_RESERVATIONS) {
		NL_SET_ERR_MSG(extack, "the WAN holds as many reservations as it can");
		return -ENOSPC;
	}
	if (np_reservation_find(wan, r->l4proto, r->family, &r->int_addr,
				r->int_port)) {
		NL_SET_ERR_MSG(extack, "the internal endpoint has a reservation: delete it first");
		return -EEXIST;
	}
	if (!np_wan_is_internal(np_wan_conf(wan), r->family, &r->int_addr)) {
		NL_SET_ERR_MSG(extack, "the address is in none of the WAN's internal prefixes");
		return -EINVAL;
	}
	if (r->family == NFPROTO_IPV6 && !np_wan_conf(wan)->nat66) {
		NL_SET_ERR_MSG(extack, "the WAN does not translate IPv6: set nat66");
		return -EINVAL;
	}
	return 0;
}

int np_reservation_add(struct np_wan *wan, struct np_reservation *want,
		       u32 lifetime, struct netlink_ext_ack *extack)
{
	struct np_reservation *r;
	int err;

	err = np_reservation_check(wan, want, extack);
	if (err)
		return err;
	want->expires = lifetime ? ktime_get_seconds() + lifetime : 0;
	r = kmemdup(want, sizeof(*want), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;

	err = np_reservation_fulfil(wan, r);
	if (err) {
		kfree(r);
		return np_reservation_refuse(err, extack);
	}
	list_add_tail(&r->list, &wan->reservations);
	wan->n_reservations++;
	*want = *r;
	if (lifetime)
		np_rescan_soon(wan->npn);
	return 0;
}

static void np_reservation_free(struct np_wan *wan, struct np_reservation *r)
{
	list_del(&r->list);
	wan->n_reservations--;
	kfree(r);
}

/* Let go of the mapping that fulfils @r: to live on, or to end. */
static void np_reservation_release(struct np_wan *wan,
				   struct np_reservation *r, bool end)
{
	struct np_mapping *m;
	struct np_key key;

	np_reservation_key(wan, r, &key);
	m = np_mapping_get_by_int(wan->npn, &key);
	if (m && end)
		np_mapping_end(m, NATPUNCH_END_REASON_RESERVATION);
	else if (m)
		np_mapping_unreserve(m);
	if (m)
		np_mapping_put(m);
	np_reservation_free(wan, r);
}

void np_reservation_del(struct np_wan *wan, struct np_reservation *r)
{
	np_reservation_release(wan, r, true);
}

/*
 * Let go of the reservations whose time is over, fulfil the others: their
 * address may have been away. Returns the jiffies until the next one is over.
 */
static unsigned long np_reservations_renew(struct np_wan *wan)
{
	time64_t now = ktime_get_seconds();
	unsigned long next = NP_RESCAN_NEVER;
	struct np_reservation *r, *tmp;

	list_for_each_entry_safe(r, tmp, &wan->reservations, list) {
		if (r->expires && r->expires <= now) {
			np_reservation_release(wan, r, false);
			continue;
		}
		if (r->expires)
			next = min_t(u64, next, (r->expires - now) * HZ);
		np_reservation_fulfil(wan, r);
	}
	return next;
}

/* Hooks */

static int np_hooks_v4(struct np_net *npn, bool want)
{
	int err;

	if (npn->hooked4 == want)
		return 0;
	if (want) {
		err = nf_ct_netns_get(npn->net, NFPROTO_IPV4);
		if (err)
			return err;
		err = nf_nat_ipv4_register_fn(npn->net, &npn->nat4[0]);
		if (err)
			goto err_ct;
		err = nf_nat_ipv4_register_fn(npn->net, &npn->nat4[1]);
		if (err)
			goto err_in;
	} else {
		nf_nat_ipv4_unregister_fn(npn->net, &npn->nat4[1]);
		nf_nat_ipv4_unregister_fn(npn->net, &npn->nat4[0]);
		nf_ct_netns_put(npn->net, NFPROTO_IPV4);
	}
	npn->hooked4 = want;
	return 0;

err_in:
	nf_nat_ipv4_unregister_fn(npn->net, &npn->nat4[0]);
err_ct:
	nf_ct_netns_put(npn->net, NFPROTO_IPV4);
	return err;
}

static int np_hooks_v6(struct np_net *npn, bool want)
{
#if IS_ENABLED(CONFIG_IPV6)
	int err;

	if (npn->hooked6 == want)
		return 0;
	if (want) {
		err = nf_ct_netns_get(npn->net, NFPROTO_IPV6);
		if (err)
			return err;
		err = nf_nat_ipv6_register_fn(npn->net, &npn->nat6[0]);
		if (err)
			goto err_ct;
		err = nf_nat_ipv6_register_fn(npn->net, &npn->nat6[1]);
		if (err)
			goto err_in;
	} else {
		nf_nat_ipv6_unregister_fn(npn->net, &npn->nat6[1]);
		nf_nat_ipv6_unregister_fn(npn->net, &npn->nat6[0]);
		nf_ct_netns_put(npn->net, NFPROTO_IPV6);
	}
	npn->hooked6 = want;
	return 0;

err_in:
	nf_nat_ipv6_unregister_fn(npn->net, &npn->nat6[0]);
err_ct:
	nf_ct_netns_put(npn->net, NFPROTO_IPV6);
	return err;
#else
	return want ? -EAFNOSUPPORT : 0;
#endif
}

/* Have just those hooks in the namespace that its WANs need. */
static int np_hooks_update(struct np_net *npn)
{
	bool want4 = false, want6 = false, hold = false;
	struct np_wan *wan;
	int err;

	list_for_each_entry(wan, &npn->wans, list) {
		want4 = true;
		want6 |= np_wan_conf(wan)->nat66;
		hold |= np_wan_conf(wan)->hold_answer !=
			NATPUNCH_HOLD_ANSWER_OFF;
	}
	err = np_hooks_v4(npn, want4);
	err = err ?: np_hooks_v6(npn, want6);
	return err ?: np_hold_hooks(npn, hold);
}

/* Configuration */

void np_wan_conf_init(struct np_wan_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->filter = NATPUNCH_FILTER_ADF;
	conf->inbound_refresh = true;
	conf->stun_ports[0] = htons(3478);	/* RFC 8489 section 18.6 */
	conf->stun_ports[1] = htons(19302);	/* what WebRTC is used to */
	conf->port_min = 1024;
	conf->port_max = U16_MAX;
	conf->host_ports = NATPUNCH_MAX_HOST_PORTS;
	conf->timeout[NP_TIMEOUT_UDP] = 300;
	conf->timeout[NP_TIMEOUT_ICMP] = NATPUNCH_MIN_ICMP_TIMEOUT;
	conf->timeout[NP_TIMEOUT_TCP] = NATPUNCH_MIN_TCP_TIMEOUT;
	conf->timeout[NP_TIMEOUT_TCP_TRANSITORY] = NATPUNCH_MIN_TCP_TRANSITORY;
}

struct np_wan *np_wan_by_name(const struct np_net *npn, const char *name)
{
	struct np_wan *wan;

	lockdep_assert_held(&npn->lock);

	list_for_each_entry(wan, &npn->wans, list)
		if (!strcmp(wan->name, name))
			return wan;
	return NULL;
}

static int np_wan_conf_check(const struct np_net *npn,
			     const struct np_wan *self,
			     const struct np_wan_conf *conf,
			     struct netlink_ext_ack *extack)
{
	struct np_wan *wan;
	unsigned int i;

	for (i = 0; i < conf->n_addrs; i++) {
		if (conf->addrs[i].family == NFPROTO_IPV6 && !conf->nat66) {
			NL_SET_ERR_MSG(extack, "an IPv6 address needs nat66");
			return -EINVAL;
		}
		list_for_each_entry(wan, &npn->wans, list) {
			if (wan == self ||
			    !np_wan_find_addr(wan, conf->addrs[i].family,
					      &conf->addrs[i].ip))
				continue;
			NL_SET_ERR_MSG(extack, "another WAN has this external address");
			return -EADDRINUSE;
		}
	}
	return 0;
}

static struct np_wan *np_wan_alloc(struct np_net *npn, const char *name,
				   const struct np_wan_conf *conf)
{
	struct np_wan_conf *copy;
	struct np_wan *wan;

	wan = kzalloc(sizeof(*wan), GFP_KERNEL_ACCOUNT);
	copy = kmemdup(conf, sizeof(*conf), GFP_KERNEL_ACCOUNT);
	if (!wan || !copy) {
		kfree(copy);
		kfree(wan);
		return NULL;
	}
	strscpy(wan->name, name, sizeof(wan->name));
	wan->npn = npn;
	RCU_INIT_POINTER(wan->conf, copy);
	INIT_LIST_HEAD(&wan->addrs);
	INIT_LIST_HEAD(&wan->reservations);
	refcount_set(&wan->ref, 1);
	return wan;
}

/* An id that no WAN of the namespace has: mappings are hashed with it. */
static u16 np_wan_new_id(struct np_net *npn)
{
	struct np_wan *wan;

again:
	if (!++npn->last_wan_id)
		++npn->last_wan_id;
	list_for_each_entry(wan, &npn->wans, list)
		if (wan->id == npn->last_wan_id)
			goto again;
	return npn->last_wan_id;
}

static int np_net_prepare(struct np_net *npn)
{
	int err;

	if (npn->ready)
		return 0;
	err = np_stats_prepare(npn);
	if (err)
		return err;
	err = np_hold_net_init(npn);
	if (err)
		return err;
	err = np_observe_net_prepare(npn);
	if (err)
		goto err_hold;
	err = np_mapping_net_init(npn);
	if (err)
		goto err_observe;
	/* Pairs with np_net_ready(). */
	smp_store_release(&npn->ready, true);
	return 0;

err_observe:
	np_observe_net_exit(npn);
err_hold:
	np_hold_net_exit(npn);
	return err;
}

static int np_wan_rescan(struct np_wan *wan, u8 reason)
{
	struct np_wanted want;
	int ifindex;

	ifindex = np_wan_wants(wan, &want);
	WRITE_ONCE(wan->ifindex, ifindex);
	np_wan_lose_addrs(wan, &want, ifindex ? reason :
						NATPUNCH_END_REASON_WAN);
	return np_wan_gain_addrs(wan, &want);
}

static bool np_dev_exists(struct net *net, const char *name)
{
	bool found;

	rcu_read_lock();
	found = dev_get_by_name_rcu(net, name);
	rcu_read_unlock();
	return found;
}

int np_wan_add(struct np_net *npn, const char *name,
	       const struct np_wan_conf *conf, struct netlink_ext_ack *extack)
{
	struct np_wan *wan;
	int err;

	lockdep_assert_held(&npn->lock);

	if (np_wan_by_name(npn, name)) {
		NL_SET_ERR_MSG(extack, "the device is a managed WAN already: change it with wan-set");
		return -EEXIST;
	}
	if (!np_dev_exists(npn->net, name)) {
		NL_SET_ERR_MSG(extack, "no such network device");
		return -ENODEV;
	}
	if (npn->n_wans >= NP_MAX_WANS) {
		NL_SET_ERR_MSG(extack, "the network namespace has as many WANs as it can");
		return -ENOSPC;
	}
	err = np_wan_conf_check(npn, NULL, conf, extack);
	if (err)
		return err;
	err = np_net_prepare(npn);
	if (err)
		return err;
	wan = np_wan_alloc(npn, name, conf);
	if (!wan)
		return -ENOMEM;
	wan->id = np_wan_new_id(npn);
	list_add_tail_rcu(&wan->list, &npn->wans);
	if (!npn->n_wans++) {
		err = register_netdevice_notifier_net(npn->net,
						      &npn->netdev_nb);
		if (err)
			goto err_list;
	}
	err = np_wan_rescan(wan, NATPUNCH_END_REASON_NONE);
	if (!err)
		err = np_hooks_update(npn);
	if (err)
		np_wan_del(wan);
	return err;

err_list:
	npn->n_wans--;
	list_del_rcu(&wan->list);
	np_wan_put(wan);
	return err;
}

/* Would the WAN, as it now is, not make this mapping of its? */
static bool np_wan_disowns(const struct np_mapping *m, const void *data)
{
	const struct np_wan *wan = data;
	bool fits;

	if (m->addr->wan != wan)
		return false;
	rcu_read_lock();
	fits = np_wan_is_internal(rcu_dereference(wan->conf),
				  m->internal.family, &m->internal.ip) &&
	       np_ports_fit(m->addr, m->internal.l4proto,
			    ntohs(m->internal.port),
			    ntohs(m->external.port));
	rcu_read_unlock();
	return !fits;
}

unsigned int np_wan_flush(struct np_net *npn,
			  bool (*match)(const struct np_mapping *m,
					const void *data),
			  const void *data)
{
	struct np_flush flush = {
		.match = match,
		.data = data,
		.reason = NATPUNCH_END_REASON_FLUSHED,
	};
	struct np_wan *wan;

	lockdep_assert_held(&npn->lock);

	if (!npn->ready)
		return 0;
	np_mapping_for_each(npn, np_flush_one, &flush);
	list_for_each_entry(wan, &npn->wans, list)
		np_reservations_renew(wan);
	return flush.n;
}

/* Would new settings leave a promised port outside? */
static int np_wan_keeps_promises(const struct np_wan *wan,
				 const struct np_wan_conf *conf,
				 struct netlink_ext_ack *extack)
{
	struct np_reservation *r;

	list_for_each_entry(r, &wan->reservations, list) {
		if (conf->range_given &&
		    (ntohs(r->ext_port) < conf->port_min ||
		     ntohs(r->ext_port) > conf->port_max)) {
			NL_SET_ERR_MSG(extack, "a reservation's external port would be outside the range: delete it first");
			return -ERANGE;
		}
		if (!np_wan_is_internal(conf, r->family, &r->int_addr)) {
			NL_SET_ERR_MSG(extack, "a reservation's internal address would be outside the prefixes: delete it first");
			return -EINVAL;
		}
	}
	return 0;
}

int np_wan_set(struct np_wan *wan, const struct np_wan_conf *conf,
	       struct netlink_ext_ack *extack)
{
	struct np_flush flush = {
		.match = np_wan_disowns,
		.data = wan,
		.reason = NATPUNCH_END_REASON_WAN,
	};
	struct np_net *npn = wan->npn;
	struct np_wan_conf *new, *old;
	int err;

	lockdep_assert_held(&npn->lock);

	err = np_wan_conf_check(npn, wan, conf, extack);
	if (err)
		return err;
	err = np_wan_keeps_promises(wan, conf, extack);
	if (err)
		return err;
	new = kmemdup(conf, sizeof(*conf), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	old = rcu_replace_pointer(wan->conf, new, lockdep_is_held(&npn->lock));
	err = np_hooks_update(npn);
	if (err) {
		rcu_assign_pointer(wan->conf, old);
		kfree_rcu(new, rcu);
		return err;
	}
	/* From here on no packet goes by the old settings. */
	synchronize_rcu();
	kfree(old);
	if (conf->hold_answer == NATPUNCH_HOLD_ANSWER_OFF)
		np_hold_flush(npn, wan->id);
	err = np_wan_rescan(wan, NATPUNCH_END_REASON_WAN);
	np_flush_all(npn, &flush);
	np_reservations_renew(wan);
	return err;
}

void np_wan_del(struct np_wan *wan)
{
	static const struct np_wanted nothing;
	struct np_net *npn = wan->npn;
	struct np_reservation *r, *tmp;

	lockdep_assert_held(&npn->lock);

	list_del_rcu(&wan->list);
	list_for_each_entry_safe(r, tmp, &wan->reservations, list)
		np_reservation_free(wan, r);
	/* With fewer WANs there is nothing to register, hence nothing to fail. */
	np_hooks_update(npn);
	np_hold_flush(npn, wan->id);
	np_wan_lose_addrs(wan, &nothing, NATPUNCH_END_REASON_WAN);
	if (!--npn->n_wans)
		unregister_netdevice_notifier_net(npn->net, &npn->netdev_nb);
	np_wan_put(wan);
}

/* Events */

static void np_rescan_work(struct work_struct *work)
{
	struct np_net *npn = container_of(work, struct np_net, rescan.work);
	unsigned long next = NP_RESCAN_NEVER;
	struct np_wan *wan;

	mutex_lock(&npn->lock);
	list_for_each_entry(wan, &npn->wans, list) {
		/* Short of memory: what is missing is tried again. */
		if (np_wan_rescan(wan, NATPUNCH_END_REASON_ADDRESS))
			next = HZ;
		next = min(next, np_reservations_renew(wan));
	}
	if (next != NP_RESCAN_NEVER)
		queue_delayed_work(np_wq, &npn->rescan, next + 1);
	mutex_unlock(&npn->lock);
}

static int np_netdev_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	switch (event) {
	case NETDEV_REGISTER:
	case NETDEV_UNREGISTER:
	case NETDEV_CHANGENAME:
	case NETDEV_UP:
		np_rescan_soon(container_of(nb, struct np_net, netdev_nb));
	}
	return NOTIFY_DONE;
}

static int np_inetaddr_event(struct notifier_block *nb, unsigned long event,
			     void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	np_rescan_soon(np_net(dev_net(ifa->ifa_dev->dev)));
	return NOTIFY_DONE;
}

static struct notifier_block np_inetaddr_nb = {
	.notifier_call = np_inetaddr_event,
};

#if IS_ENABLED(CONFIG_IPV6)
static int np_inet6addr_event(struct notifier_block *nb, unsigned long event,
			      void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	np_rescan_soon(np_net(dev_net(ifa->idev->dev)));
	return NOTIFY_DONE;
}

static struct notifier_block np_inet6addr_nb = {
	.notifier_call = np_inet6addr_event,
};
#endif

/* These two chains have no namespaces and take no RTNL to join. */
static int np_notifiers_register(void)
{
	int err = register_inetaddr_notifier(&np_inetaddr_nb);

#if IS_ENABLED(CONFIG_IPV6)
	if (err)
		return err;
	err = register_inet6addr_notifier(&np_inet6addr_nb);
	if (err)
		unregister_inetaddr_notifier(&np_inetaddr_nb);
#endif
	return err;
}

int np_wan_init(void)
{
	int err;

	np_wq = alloc_workqueue("natpunch", WQ_UNBOUND, 0);
	if (!np_wq)
		return -ENOMEM;
	err = np_notifiers_register();
	if (err)
		destroy_workqueue(np_wq);
	return err;
}

/* No namespace's events are listened to any more. */
void np_wan_exit(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	unregister_inet6addr_notifier(&np_inet6addr_nb);
#endif
	unregister_inetaddr_notifier(&np_inetaddr_nb);
}

/* The last namespace's work is done. */
void np_wan_exit_late(void)
{
	destroy_workqueue(np_wq);
}

void np_wan_net_init(struct np_net *npn)
{
	mutex_init(&npn->lock);
	INIT_LIST_HEAD(&npn->wans);
	INIT_DELAYED_WORK(&npn->rescan, np_rescan_work);
	npn->netdev_nb.notifier_call = np_netdev_event;
	np_nat_ops_init(npn);
}

void np_wan_net_pre_exit(struct np_net *npn)
{
	struct np_wan *wan, *next;

	WRITE_ONCE(npn->closing, true);
	if (!npn->ready)
		return;
	/* Wait for whoever did not see that and queues the work still. */
	synchronize_rcu();
	cancel_delayed_work_sync(&npn->rescan);
	np_observe_net_pre_exit(npn);

	mutex_lock(&npn->lock);
	list_for_each_entry_safe(wan, next, &npn->wans, list)
		np_wan_del(wan);
	mutex_unlock(&npn->lock);
}

void np_wan_net_exit(struct np_net *npn)
{
	if (!npn->ready)
		return;
	np_hold_net_exit(npn);
	np_mapping_net_exit(npn);
	np_observe_net_exit(npn);
}
