/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Managed WANs: which device, which external addresses, which hosts are
 * translated and how. The first WAN of a namespace brings our hooks into it,
 * the last one takes them along.
 *
 * Everything that changes a WAN runs under np_net.lock. Packets read under RCU.
 */
#ifndef _NP_WAN_H
#define _NP_WAN_H

#include <linux/if.h>
#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <uapi/linux/natpunch.h>

struct net_device;
struct netlink_ext_ack;
struct np_addr;
struct np_mapping;
struct np_net;
struct sk_buff;

#define NP_MAX_WANS	64

struct np_inet {
	union nf_inet_addr ip;
	u8 family;			/* NFPROTO_IPV4 or NFPROTO_IPV6 */
};

/* Can a host have the address, and others send to it? */
bool np_inet_is_host(const struct np_inet *addr);

struct np_prefix {
	union nf_inet_addr ip;		/* host bits are zero */
	u8 family;
	u8 len;
};

enum np_timeout {
	NP_TIMEOUT_UDP,
	NP_TIMEOUT_ICMP,
	NP_TIMEOUT_TCP,
	NP_TIMEOUT_TCP_TRANSITORY,
	NP_TIMEOUT_MAX
};

/* What an admin says of a WAN; never changed in place, but replaced. */
struct np_wan_conf {
	struct rcu_head rcu;
	u8 filter;			/* enum natpunch_filter, not default */
	bool nat66;
	bool inbound_refresh;
	bool hold_deliver;		/* enum natpunch_hold_release */
	u8 hold_answer;			/* enum natpunch_hold_answer */
	bool range_given;		/* else ports below 1024 have their own */
	u16 port_min;			/* host byte order */
	u16 port_max;
	u32 host_ports;			/* of a protocol, for one host */
	u32 timeout[NP_TIMEOUT_MAX];	/* seconds */
	__be16 stun_ports[NATPUNCH_MAX_STUN_PORTS];	/* 0: no further one */
	u8 n_addrs;			/* 0: as masquerade chooses */
	u8 n_internal;			/* 0: the default prefixes */
	struct np_inet addrs[NATPUNCH_MAX_ADDRESSES];
	struct np_prefix internal[NATPUNCH_MAX_INTERNAL];
};

struct np_wan {
	struct list_head list;		/* np_net.wans, RCU */
	struct np_net *npn;
	char name[IFNAMSIZ];
	int ifindex;			/* 0 while no device has the name */
	u16 id;				/* of a namespace's WANs, never 0 */
	struct np_wan_conf __rcu *conf;
	struct list_head addrs;		/* struct np_addr, RCU */
	struct list_head reservations;	/* struct np_reservation */
	unsigned int n_reservations;
	atomic_t n_mappings;
	refcount_t ref;
	struct rcu_head rcu;
};

/*
 * An external port promised to an internal endpoint. The promise outlives the
 * external address; the mapping that fulfils it does not. Under np_net.lock.
 */
struct np_reservation {
	struct list_head list;
	u8 l4proto;
	u8 family;
	u8 filter;
	union nf_inet_addr int_addr;
	union nf_inet_addr ext_addr;	/* as asked for; zero: any */
	__be16 int_port;
	__be16 ext_port;
	time64_t expires;		/* seconds since boot; 0: never */
};

/* Packets' side, under rcu_read_lock(). */
struct np_wan *np_wan_by_ifindex(const struct np_net *npn, int ifindex);
/* The external address @ip, of whatever WAN; also under np_net.lock. */
struct np_addr *np_wan_any_addr(const struct np_net *npn, u8 family,
				const union nf_inet_addr *ip);
struct np_addr *np_wan_find_addr(struct np_wan *wan, u8 family,
				 const union nf_inet_addr *ip);
bool np_wan_is_internal(const struct np_wan_conf *conf, u8 family,
			const union nf_inet_addr *ip);

/*
 * The external address that @internal is paired with (RFC 4787 REQ-2). @skb, on
 * its way out of @out, lets automatic choice go by the route; both may be NULL.
 */
struct np_addr *np_wan_pick_addr(struct np_wan *wan,
				 const struct net_device *out,
				 const struct sk_buff *skb, u8 family,
				 const union nf_inet_addr *internal);

/* Are flows to @port to be observed? */
static inline bool np_wan_is_stun(const struct np_wan_conf *conf, __be16 port)
{
	unsigned int i;

	for (i = 0; i < NATPUNCH_MAX_STUN_PORTS && conf->stun_ports[i]; i++)
		if (conf->stun_ports[i] == port)
			return true;
	return false;
}

void np_wan_put(struct np_wan *wan);

/* Configuration. All of it wants np_net.lock held. Errors set @extack. */
void np_wan_conf_init(struct np_wan_conf *conf);
struct np_wan *np_wan_by_name(const struct np_net *npn, const char *name);
int np_wan_add(struct np_net *npn, const char *name,
	       const struct np_wan_conf *conf, struct netlink_ext_ack *extack);
int np_wan_set(struct np_wan *wan, const struct np_wan_conf *conf,
	       struct netlink_ext_ack *extack);
void np_wan_del(struct np_wan *wan);

/* End what matches, see mapping-flush; reservations get their mappings anew. */
unsigned int np_wan_flush(struct np_net *npn,
			  bool (*match)(const struct np_mapping *m,
					const void *data),
			  const void *data);

/*
 * @want is filled in with what was granted. ext_port 0 and a zero ext_addr ask
 * for any. @lifetime: seconds, 0 for good.
 */
int np_reservation_add(struct np_wan *wan, struct np_reservation *want,
		       u32 lifetime, struct netlink_ext_ack *extack);
struct np_reservation *np_reservation_find(struct np_wan *wan, u8 l4proto,
					   u8 family,
					   const union nf_inet_addr *int_addr,
					   __be16 int_port);
void np_reservation_del(struct np_wan *wan, struct np_reservation *r);

int np_wan_init(void);
void np_wan_exit(void);
void np_wan_exit_late(void);
void np_wan_net_init(struct np_net *npn);
void np_wan_net_pre_exit(struct np_net *npn);
void np_wan_net_exit(struct np_net *npn);

#endif /* _NP_WAN_H */
