// SPDX-License-Identifier: GPL-2.0
/* The gateway that we run on; see gateway.h. */
#include <errno.h>
#include <event2/event.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "conf.h"
#include "datagram.h"
#include "external.h"
#include "flow.h"
#include "gateway.h"
#include "lifetime.h"
#include "log.h"
#include "module.h"
#include "portmap.h"
#include "queue.h"
#include "route.h"
#include "segment.h"
#include "table.h"
#include "tracked.h"
#include "tun.h"
#include "turn.h"
#include "work.h"

#define STUN_PORT	3478
#define LOOKUP_S	30	/* between tries to find a name */

static int raw_open(int family)
{
	int mark = TABLE_MARK, fd;

	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    IPPROTO_RAW);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark))) {
		mark = -errno;
		close(fd);
		return mark;
	}
	return fd;
}

static int send_packet(struct gateway *gw, const uint8_t *packet, size_t len,
		       const union endpoint *dst)
{
	int fd = dst->sa.sa_family == AF_INET6 ? gw->raw6 : gw->raw;
	union endpoint to = *dst;

	if (!len || fd < 0)
		return -EAFNOSUPPORT;
	endpoint_set_port(&to, 0);
	if (sendto(fd, packet, len, 0, &to.sa, endpoint_len(&to)) < 0)
		return -errno;
	return 0;
}

int gateway_craft(struct gateway *gw, const struct segment *s)
{
	uint8_t packet[SEGMENT_SIZE];
	size_t len = segment_make(s, packet);

	return send_packet(gw, packet, len, &s->dst);
}

int gateway_send(struct gateway *gw, const struct datagram *d)
{
	uint8_t packet[DATAGRAM_SIZE];
	size_t len = datagram_make(d, packet);

	return send_packet(gw, packet, len, &d->dst);
}

int gateway_ask(struct gateway *gw, const struct datagram *d)
{
	if (table_look(gw->table))
		log_error("nftables: %s", table_error(gw->table));
	return gateway_send(gw, d);
}

/* --- where packets go ------------------------------------------------------ */

/* The address that we would use towards @ep. */
static bool source_for(const union endpoint *ep, union endpoint *src)
{
	int fd = socket(ep->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*src);
	bool known;

	if (fd < 0)
		return false;
	known = !connect(fd, &ep->sa, endpoint_len(ep)) &&
		!getsockname(fd, &src->sa, &len);
	close(fd);
	return known;
}

static bool leads_out_v4(const struct gateway *gw, const union endpoint *ep)
{
	union endpoint src = {};

	return !IN_MULTICAST(ntohl(ep->in.sin_addr.s_addr)) &&
	       source_for(ep, &src) && endpoint_same_addr(&src, &gw->address) &&
	       !endpoint_same_addr(ep, &gw->address);
}

/* A router may use its LAN's address on the WAN, too: the device counts. */
static bool leads_out_v6(const struct gateway *gw, const union endpoint *ep)
{
	const struct in6_addr *addr = &ep->in6.sin6_addr;
	struct route route;

	return gw->dev6 && !IN6_IS_ADDR_MULTICAST(addr) &&
	       !IN6_IS_ADDR_LINKLOCAL(addr) && !IN6_IS_ADDR_V4MAPPED(addr) &&
	       route_get(&route, ep, 0) && route.dev == gw->dev6 &&
	       !endpoint_same_addr(ep, &gw->address6);
}

bool gateway_leads_out(const struct gateway *gw, const union endpoint *ep)
{
	if (!endpoint_port(ep))
		return false;
	return ep->sa.sa_family == AF_INET6 ? leads_out_v6(gw, ep) :
					      leads_out_v4(gw, ep);
}

bool gateway_is_own(const union endpoint *ep)
{
	union endpoint local = *ep;
	bool own;
	int fd;

	fd = socket(ep->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	endpoint_set_port(&local, 0);
	own = !bind(fd, &local.sa, endpoint_len(&local));
	close(fd);
	return own;
}

/* --- the WAN --------------------------------------------------------------- */

static bool is_wanted(const struct conf *conf, const char *dev)
{
	size_t i;

	for (i = 0; i < conf->wans.n; i++)
		if (!strcmp(conf->wans.item[i], dev))
			return true;
	return !conf->wans.n;
}

/* The first of natpunch's WANs that has an IPv4 address. */
static int on_wan(const struct natpunch_wan *wan, void *data)
{
	struct gateway *gw = data;
	uint32_t i;

	if (gw->wan[0] || !is_wanted(gw->daemon->conf, wan->dev))
		return 0;
	gw->managed = true;
	for (i = 0; i < wan->n_ext_addr; i++) {
		if (wan->ext_addr[i].family != AF_INET)
			continue;
		gw->address.in.sin_family = AF_INET;
		gw->address.in.sin_addr = wan->ext_addr[i].in;
		strcpy(gw->wan, wan->dev);
		break;
	}
	return 0;
}

/* Somewhere outside: PCP's anycast address (RFC 7723), which nothing is sent to. */
static bool look_at_default(struct gateway *gw)
{
	union endpoint outside, src = {};

	if (!endpoint_parse(&outside, "192.0.0.9:9") ||
	    !source_for(&outside, &src) || endpoint_is_loopback(&src))
		return false;
	gw->address = src;
	endpoint_set_port(&gw->address, 0);
	return true;
}

/* Without natpunch: the address that the STUN servers are reached from. */
static bool look_at_routes(struct gateway *gw)
{
	union endpoint src = {};
	unsigned int i;

	for (i = 0; i < gw->n_servers; i++) {
		if (gw->servers[i].addr.sa.sa_family != AF_INET ||
		    !source_for(&gw->servers[i].addr, &src))
			continue;
		gw->address = src;
		endpoint_set_port(&gw->address, 0);
		return true;
	}
	return look_at_default(gw);
}

const char *gateway_limit(const struct gateway *gw)
{
	if (!gw->np)
		return "natpunch.ko is not loaded";
	return gw->managed ? NULL : "natpunch.ko manages no WAN";
}

const char *gateway_limit_at(const struct gateway *gw, const union endpoint *ep)
{
	if (ep->sa.sa_family != AF_INET || gateway_is_own(ep))
		return NULL;
	return gateway_limit(gw);
}

static bool is_at(const union endpoint *ep, const char *dev)
{
	const struct sockaddr_in6 *in6;
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !found; i = i->ifa_next) {
		in6 = (const void *)i->ifa_addr;
		found = in6 && in6->sin6_family == AF_INET6 &&
			!strcmp(i->ifa_name, dev) &&
			!memcmp(&in6->sin6_addr, &ep->in6.sin6_addr,
				sizeof(in6->sin6_addr));
	}
	freeifaddrs(all);
	return found;
}

/* One of the LAN's will do if it is global; local ones do not get far (RFC 4193). */
static bool is_usable(const union endpoint *ep, const char *dev)
{
	return (ep->in6.sin6_addr.s6_addr[0] & 0xe0) == 0x20 ||
	       (!IN6_IS_ADDR_LINKLOCAL(&ep->in6.sin6_addr) && is_at(ep, dev));
}

/*
 * What the world is sent from. natpunch need not translate IPv6 there: an address
 * that is global is what the world sees.
 */
static void look_at_v6(struct gateway *gw)
{
	const union endpoint world = {
		.in6.sin6_family = AF_INET6,
		.in6.sin6_addr.s6_addr = { 0x20 },	/* 2000::/3 is global */
	};
	char dev[IF_NAMESIZE];
	struct route route;

	if (!route_get(&route, &world, 0) || !if_indextoname(route.dev, dev) ||
	    !is_wanted(gw->daemon->conf, dev) || !is_usable(&route.src, dev))
		return;
	gw->address6 = route.src;
	gw->dev6 = route.dev;
}

bool gateway_look(struct gateway *gw)
{
	bool found;

	gw->wan[0] = '\0';
	gw->managed = false;
	memset(&gw->address, 0, sizeof(gw->address));
	memset(&gw->address6, 0, sizeof(gw->address6));
	gw->dev6 = 0;
	if (gw->np)
		natpunch_wan_dump(gw->np, on_wan, gw);
	found = gw->wan[0] || (!gw->managed && look_at_routes(gw));
	look_at_v6(gw);
	if (gw->module)
		module_say(gw->module);
	return found || gw->dev6;
}

const union endpoint *gateway_address(const struct gateway *gw, int family)
{
	return family == AF_INET6 ? &gw->address6 : &gw->address;
}

/* --- STUN servers ---------------------------------------------------------- */

const union endpoint *stun_server_addr(const struct stun_server *server,
				       int family)
{
	return family == AF_INET6 ? &server->addr6 : &server->addr;
}

static struct stun_server *server_at(struct gateway *gw, unsigned int i)
{
	if (i < gw->n_servers)
		return &gw->servers[i];
	i -= gw->n_servers;
	return i < gw->n_relays ? &gw->relays[i] : NULL;
}

/* A look-up that runs writes to its server's place. */
static bool is_looking_up(struct gateway *gw)
{
	struct stun_server *server;
	unsigned int i;

	for (i = 0; (server = server_at(gw, i)); i++)
		if (server->resolving)
			return true;
	return false;
}

/* The network may come up after us. */
static void try_later(struct gateway *gw)
{
	const struct timeval wait = { .tv_sec = LOOKUP_S };

	if (gw->lookup && !evtimer_pending(gw->lookup, NULL))
		evtimer_add(gw->lookup, &wait);
}

static const struct addrinfo *find_family(const struct addrinfo *ai, int family)
{
	while (ai && ai->ai_family != family)
		ai = ai->ai_next;
	return ai;
}

static void on_resolved(void *data, int error, const struct addrinfo *list)
{
	struct stun_server *server = data;
	struct gateway *gw = server->gateway;
	bool was_failed = server->failed;
	const struct addrinfo *v4 = find_family(error ? NULL : list, AF_INET);
	const struct addrinfo *v6 = find_family(error ? NULL : list, AF_INET6);

	server->resolving = false;
	if (v4)
		memcpy(&server->addr, v4->ai_addr, sizeof(server->addr.in));
	if (v6)
		memcpy(&server->addr6, v6->ai_addr, sizeof(server->addr6.in6));
	server->failed = !v4 && !v6;
	if (server->failed) {
		if (!was_failed)
			log_warning("%s %s: %s", server->what, server->host,
				    error ? gai_strerror(error) :
					    "it has no address");
		try_later(gw);
	}
	if (gw->reload_due && !is_looking_up(gw))
		gateway_reload(gw);
}

static void resolve(struct stun_server *server)
{
	char host[sizeof(server->host)];
	int port = server->port;

	if (!conf_split_host(server->host, host, sizeof(host), &port))
		return;
	server->resolving = !resolve_start(server->gateway->daemon->base, host,
					   port, SOCK_STREAM, on_resolved,
					   server);
	if (!server->resolving) {
		server->failed = true;
		try_later(server->gateway);
	}
}

static void on_lookup(int fd, short what, void *data)
{
	struct stun_server *server;
	struct gateway *gw = data;
	unsigned int i;

	(void)fd;
	(void)what;
	for (i = 0; (server = server_at(gw, i)); i++)
		if (server->failed && !server->resolving)
			resolve(server);
}

static void begin_with(struct stun_server *server, struct gateway *gw,
		       const char *what, const struct conf_server *conf,
		       int port)
{
	memset(server, 0, sizeof(*server));
	server->gateway = gw;
	server->what = what;
	server->port = port;
	snprintf(server->host, sizeof(server->host), "%s", conf->host);
	resolve(server);
}

void gateway_reload(struct gateway *gw)
{
	const struct conf *conf = gw->daemon->conf;
	unsigned int i;

	gw->reload_due = is_looking_up(gw);
	if (gw->reload_due)
		return;
	portmap_reload(gw);
	gw->n_servers = 0;
	for (i = 0; i < conf->stun.n && i < MAX_STUN_SERVERS; i++)
		begin_with(&gw->servers[gw->n_servers++], gw, "STUN server",
			   &conf->stun.item[i], STUN_PORT);
	gw->n_relays = 0;
	for (i = 0; i < conf->relays.n && i < MAX_RELAYS; i++)
		begin_with(&gw->relays[gw->n_relays++], gw, "relay",
			   &conf->relays.item[i], conf->relays.item[i].tls ?
			   TURNS_PORT : TURN_PORT);
}

/* Who failed before is not waited for again. */
bool gateway_ready(struct gateway *gw)
{
	struct stun_server *server;
	unsigned int i;

	for (i = 0; (server = server_at(gw, i)); i++)
		if (server->resolving && !server->failed)
			return false;
	return true;
}

/* --- the whole ------------------------------------------------------------- */

static int open_netfilter(struct gateway *gw)
{
	int err;

	err = table_open(&gw->table, gw->daemon->base,
			 gw->daemon->queues);
	if (err) {
		log_error("nftables: %s", table_error(gw->table));
		return err;
	}
	err = queue_open(&gw->queue, gw->daemon->base, TABLE_QUEUE,
			 flow_on_packet, gw);
	if (err) {
		log_error("packet queue %d: %s", TABLE_QUEUE, strerror(-err));
		return err;
	}
	err = tracker_open(&gw->tracker);
	if (!err) {
		gw->raw = raw_open(AF_INET);
		err = gw->raw < 0 ? gw->raw : 0;
		/* A kernel may do without IPv6. */
		gw->raw6 = raw_open(AF_INET6);
	}
	if (err)
		log_error("the data path: %s", strerror(-err));
	return err;
}

int gateway_open(struct gateway **gateway, struct daemon *d)
{
	struct gateway *gw = calloc(1, sizeof(*gw));
	int err;

	if (!gw)
		return -ENOMEM;
	gw->daemon = d;
	gw->raw = -1;
	gw->raw6 = -1;
	gw->lookup = evtimer_new(d->base, on_lookup, gw);
	err = open_netfilter(gw);
	if (err) {
		gateway_close(gw);
		return err;
	}
	err = module_open(&gw->module, gw);
	if (err)
		log_warning("it will not be noticed when natpunch.ko comes or goes: %s",
			    strerror(-err));
	gateway_reload(gw);
	err = change_open(&gw->change, gw);
	if (err)
		log_warning("changed addresses will not be noticed: %s",
			    strerror(-err));
	*gateway = gw;
	return 0;
}

void gateway_close(struct gateway *gw)
{
	if (!gw)
		return;
	if (gw->lookup)
		event_free(gw->lookup);
	module_close(gw->module);
	change_close(gw->change);
	portmap_close(gw);
	turn_stop(gw->daemon->base);
	lifetime_close(gw);
	tun_close(gw->tun);
	tracker_close(gw->tracker);
	table_rest(gw->table);
	queue_close(gw->queue);
	table_close(gw->table);
	if (gw->raw >= 0)
		close(gw->raw);
	if (gw->raw6 >= 0)
		close(gw->raw6);
	natpunch_close(gw->np);
	json_decref(gw->ways);
	free(gw);
}
