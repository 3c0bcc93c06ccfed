// SPDX-License-Identifier: GPL-2.0
/*
 * Candidates: host (the WAN's own endpoint), server-reflexive (what STUN servers
 * see of it), or predicted, if two of them do not see the same, and mapped (what
 * the router upstream forwards to it). Calls session_gathered().
 */
#include <errno.h>
#include <string.h>

#include "external.h"
#include "guess.h"
#include "hops.h"
#include "lifetime.h"
#include "log.h"
#include "mapped.h"
#include "path.h"
#include "portmap.h"
#include "relay.h"
#include "table.h"

#define RESOLVING_MS	50	/* look again whether names are resolved */
#define ROUTER_MS	1500	/* for the router; what comes later is an update */
#define RECHECK_MS	60000	/* after a STUN server hung up: the same still? */
#define SAMPLES		10	/* enough to tell ranges from one another */

/* In a predicted candidate: can its ports be ranked? */
static const char ranked[] = "ranked", any[] = "any", few[] = "few";
/* ... and is the port the same for all ports of an address? */
static const char by_address[] = "address";

/* We have a relay. Which endpoint it gives is asked for when it is needed. */
static const char relayed[] = "relayed";

/* Our WAN has an IPv6 address, which needs none; likewise. */
static const char tunnel[] = "tunnel";

static const char * const kind_names[CANDIDATE_KINDS] = {
	[CANDIDATE_HOST] = "host",
	[CANDIDATE_SRFLX] = "srflx",
	[CANDIDATE_PRFLX] = "prflx",
	[CANDIDATE_PREDICTED] = "predicted",
	[CANDIDATE_MAPPED] = "mapped",
};

const char *candidate_kind_name(enum candidate_kind kind)
{
	return kind_names[kind];
}

enum candidate_kind candidate_kind_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < CANDIDATE_KINDS; i++)
		if (name && !strcmp(name, kind_names[i]))
			break;
	return i;
}

/* --- ours ------------------------------------------------------------------ */

static void add(json_t *array, enum candidate_kind kind,
		const union endpoint *ep)
{
	char s[ENDPOINT_SIZE];

	json_array_append_new(array, json_pack("{ss, ss}", "kind",
					       kind_names[kind], "addr",
					       endpoint_str(s, ep)));
}

/* The router's is the last: those before it are what its port does not matter for. */
static json_t *list(struct path *p)
{
	json_t *array = json_array();
	const union endpoint *mapped;

	if (p->dependent) {
		add(array, CANDIDATE_PREDICTED, &p->public);
		json_object_set_new(json_array_get(array, 0), "ports",
				    json_string(p->few_ports ? few :
						p->any_port ? any : ranked));
		if (p->by_address)
			json_object_set_new(json_array_get(array, 0), "for",
					    json_string(by_address));
	} else if (p->upstream) {
		add(array, CANDIDATE_SRFLX, &p->public);
	}
	if (p->external)
		add(array, CANDIDATE_HOST, &p->external->external);
	if (p->gateway->n_relays)
		json_array_append_new(array, json_pack("{ss}", "kind",
						       relayed));
	if (relay_tunnels(p->gateway))
		json_array_append_new(array, json_pack("{ss}", "kind",
						       tunnel));
	memset(&p->portmap, 0, sizeof(p->portmap));
	mapped = p->external ? portmap_endpoint(p->external) : NULL;
	if (mapped) {
		p->portmap = *mapped;
		add(array, CANDIDATE_MAPPED, mapped);
	}
	return array;
}

static void arm(struct path *p, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(p->timer, &t);
}

static void publish(struct path *p)
{
	/* The timer was for the router; from now on it is for STUN servers. */
	if (p->waiting) {
		evtimer_del(p->timer);
		if (!p->mapped)
			arm(p, RECHECK_MS);
	}
	p->waiting = false;
	session_gathered(p->session, list(p));
}

static void gathered(struct path *p)
{
	p->waiting = portmap_is_pending(p->external);
	if (p->waiting)
		arm(p, ROUTER_MS);
	else
		publish(p);
}

/* --- the router upstream ---------------------------------------------------- */

static void tell_peer(struct path *p)
{
	const union endpoint *mapped = portmap_endpoint(p->external);
	union endpoint none = {};
	json_t *array;

	if (endpoint_equal(mapped ? mapped : &none, &p->portmap))
		return;
	array = list(p);
	if (session_update(p->session, array))
		log_debug("%s does not learn what our router does now",
			  p->session->peer->name);
}

static void on_router(struct external *e)
{
	struct session *s;
	struct path *p;

	for (s = e->gateway->daemon->sessions; s; s = s->next) {
		p = s->path;
		if (!p || p->external != e || s->role != SESSION_SERVES)
			continue;
		if (p->waiting)
			publish(p);
		else if (s->state >= SESSION_ANSWERED &&
			 s->state < SESSION_CLOSED)
			tell_peer(p);
	}
}

/* Who asks is behind NATs that his own packets open. */
static void ask_router(struct path *p)
{
	if (p->session->role == SESSION_SERVES && path_family(p) == AF_INET)
		portmap_want(p->external, on_router);
}

static void on_hops(void *data, unsigned int hops);

/* Who asks for TCP opens nothing: his SYN goes all the way. */
static void measure_hops(struct path *p)
{
	if (p->upstream && (p->session->role == SESSION_SERVES ||
			    p->session->proto == IPPROTO_UDP))
		p->hops = hops_measure(p->gateway, path_server(p, p->server),
				       on_hops, p);
	if (!p->hops)
		gathered(p);
}

/* --- NATs that give each destination another endpoint ----------------------- */

static void on_samples(void *data)
{
	struct natpunch_upstream u = {
		.fields = NATPUNCH_HAS(UPSTREAM_ADDR) |
			  NATPUNCH_HAS(UPSTREAM_L4PROTO),
		.l4proto = ((struct path *)data)->session->proto,
		.addr.family = AF_INET,
	};
	struct path *p = data;

	samples_free(p->samples);
	p->samples = NULL;
	/* If it has not answered by now, it will not. */
	mapped_free(p->second);
	p->second = NULL;
	u.addr.in = p->gateway->address.in.sin_addr;
	p->any_port = !p->gateway->np ||
		      natpunch_upstream_get(p->gateway->np, &u, &u) ||
		      u.alloc == NATPUNCH_UPSTREAM_ALLOC_UNKNOWN ||
		      u.alloc >= NATPUNCH_UPSTREAM_ALLOC_BLOCK;
	p->few_ports = u.alloc == NATPUNCH_UPSTREAM_ALLOC_BLOCK ||
		       u.alloc == NATPUNCH_UPSTREAM_ALLOC_BAND;
	log_debug("NATs upstream give each destination%s another port (%s)",
		  p->by_address ? "'s address" : "",
		  natpunch_upstream_alloc_name(u.alloc));
	measure_hops(p);
}

/* The same server at another port of its own: is that another destination? */
static void on_other_port(void *data, int error, const union endpoint *public,
			  unsigned int rtt_ms)
{
	struct path *p = data;

	(void)rtt_ms;
	mapped_free(p->second);
	p->second = NULL;
	p->by_address = !error && endpoint_equal(public, &p->public);
}

static void ask_other_port(struct path *p)
{
	const struct stun_server *server = &p->gateway->servers[p->server];
	union endpoint to = server->addr;

	if (!server->other_port)
		return;
	endpoint_set_port(&to, server->other_port);
	p->second = mapped_ask(p->gateway, p->session->proto,
			       &p->external->external, &to, on_other_port, p);
}

static void on_second(void *data, int error, const union endpoint *public,
		      unsigned int rtt_ms)
{
	struct path *p = data;

	(void)rtt_ms;
	mapped_free(p->second);
	p->second = NULL;
	p->dependent = !error && !endpoint_equal(public, &p->public);
	if (p->dependent && p->gateway->np) {
		ask_other_port(p);
		p->samples = samples_take(p->gateway, p->session->proto,
					  SAMPLES, on_samples, p);
	}
	if (p->samples)
		return;
	mapped_free(p->second);
	p->second = NULL;
	p->any_port = p->dependent;
	measure_hops(p);
}

/* Another server, at another address, is asked from the same endpoint. */
static void ask_second(struct path *p)
{
	const struct gateway *gw = p->gateway;
	const union endpoint *first = path_server(p, p->server), *other;
	unsigned int i;

	/* Ports of IPv6's NATs are not guessed. */
	for (i = p->server + 1; path_family(p) == AF_INET &&
	     i < gw->n_servers && !p->second; i++) {
		other = path_server(p, i);
		if (endpoint_port(other) && !endpoint_same_addr(other, first))
			p->second = mapped_ask(p->gateway, p->session->proto,
					       &p->external->external,
					       other, on_second, p);
	}
	if (!p->second)
		measure_hops(p);
}

static void on_hops(void *data, unsigned int hops)
{
	struct path *p = data;

	hops_free(p->hops);
	p->hops = NULL;
	p->nat_hops = hops;
	gathered(p);
}

static void ask_next(struct path *p);

static void on_mapped(void *data, int error, const union endpoint *public,
		      unsigned int rtt_ms)
{
	struct path *p = data;
	const struct stun_server *server;

	(void)rtt_ms;
	if (error) {
		mapped_free(p->mapped);
		p->mapped = NULL;
	}
	if (error == -EPIPE) {
		arm(p, RECHECK_MS);
		return;
	}
	server = &p->gateway->servers[p->server];
	if (error) {
		log_debug("STUN server %s: %s", server->host, strerror(-error));
		p->server++;
		ask_next(p);
		return;
	}
	p->public = *public;
	p->mapped_ms = clock_ms();
	p->upstream = !endpoint_equal(public, &p->external->external);
	if (p->upstream) {
		if (p->session->proto == IPPROTO_UDP)
			lifetime_want(p->gateway, public);
		ask_router(p);
		ask_second(p);
	} else {
		gathered(p);
	}
}

/* Without a server that answers we believe that there is no NAT upstream. */
static void ask_next(struct path *p)
{
	const struct gateway *gw = p->gateway;

	for (; p->server < gw->n_servers; p->server++) {
		if (!endpoint_port(path_server(p, p->server)))
			continue;
		p->mapped = mapped_ask(p->gateway, p->session->proto,
				       &p->external->external,
				       path_server(p, p->server), on_mapped, p);
		if (p->mapped)
			return;
	}
	if (gw->n_servers && path_family(p) == AF_INET)
		log_warning("no STUN server answers: NATs upstream will not be known");
	p->public = p->external->external;
	ask_router(p);
	gathered(p);
}

/* Another session of the same endpoint; it has asked before us, or is asking. */
static struct path *find_sibling(const struct path *p)
{
	const struct session *s;
	struct path *other;

	for (s = p->session->daemon->sessions; s; s = s->next) {
		other = s->path;
		if (other && other != p && other->external == p->external)
			return other;
	}
	return NULL;
}

/*
 * From one endpoint there is one TCP connection to a server. Who has it, knows; when
 * it ends with its session, ours follows.
 */
static void learn_from(struct path *p, const struct path *other)
{
	p->server = other->server;
	p->public = other->public;
	p->upstream = other->upstream;
	p->dependent = other->dependent;
	p->any_port = other->any_port;
	p->nat_hops = other->nat_hops;
	arm(p, RECHECK_MS);
	if (p->upstream)
		ask_router(p);
	gathered(p);
}

static void ask(struct path *p)
{
	const struct path *other = p->session->proto == IPPROTO_TCP ?
				   find_sibling(p) : NULL;

	if (!other) {
		ask_next(p);
	} else if (endpoint_port(&other->public) &&
		   (other->session->local ||
		    other->session->state >= SESSION_DIRECT)) {
		learn_from(p, other);
	} else {
		external_put(p->external);
		p->external = NULL;
		arm(p, RESOLVING_MS);
	}
}

static void begin(struct path *p)
{
	struct session *s = p->session;
	char why[EXTERNAL_WHY];

	if (!gateway_look(p->gateway)) {
		session_fail(s, "there is no WAN with an address");
		return;
	}
	if (!path_place(p, NULL, why)) {
		session_fail(s, "%s", why);
		return;
	}
	if (!path_address(p)->sa.sa_family) {
		publish(p);	/* a relay does not mind */
		return;
	}
	p->external = external_get(p->gateway, s->proto, &p->place, NULL, why);
	/* Soon we shall look for answers, and then it would take time. */
	table_look(p->gateway->table);
	if (p->external)
		ask(p);
	else
		session_fail(s, "%s", why);
}

/* --- do NATs upstream still do the same? ----------------------------------- */

static bool is_same(const struct path *p, const union endpoint *public)
{
	if (p->dependent)	/* the port is another one each time */
		return endpoint_same_addr(public, &p->public);
	return endpoint_equal(public, &p->public);
}

static void on_rechecked(void *data, int error, const union endpoint *public,
			 unsigned int rtt_ms)
{
	struct path *p = data;
	char was[ENDPOINT_SIZE], is[ENDPOINT_SIZE];

	(void)rtt_ms;
	if (error) {
		mapped_free(p->mapped);
		p->mapped = NULL;
		arm(p, RECHECK_MS);
	} else if (!is_same(p, public)) {
		session_lost(p->session, "NATs upstream have changed our endpoint from %s to %s",
			     endpoint_str(was, &p->public),
			     endpoint_str(is, public));
	}
}

/*
 * The connection to the server is held by TCP's keepalives, which hold the
 * mapping, too. When it breaks, the mapping may be another one.
 */
static void recheck(struct path *p)
{
	const struct gateway *gw = p->gateway;

	if (p->server >= gw->n_servers)
		return;
	if (endpoint_port(path_server(p, p->server)))
		p->mapped = mapped_ask(p->gateway, p->session->proto,
				       &p->external->external,
				       path_server(p, p->server),
				       on_rechecked, p);
	if (!p->mapped)
		arm(p, RECHECK_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct path *p = data;

	(void)fd;
	(void)what;
	if (p->waiting)
		publish(p);
	else if (p->external)
		recheck(p);
	else if (gateway_ready(p->gateway))
		begin(p);
	else
		arm(p, RESOLVING_MS);
}

int candidate_gather(struct path *p)
{
	p->timer = evtimer_new(p->gateway->daemon->base, on_timer, p);
	if (!p->timer)
		return -ENOMEM;
	arm(p, 0);
	return 0;
}

int candidate_adopted(struct path *p)
{
	p->timer = evtimer_new(p->gateway->daemon->base, on_timer, p);
	if (!p->timer)
		return -ENOMEM;
	arm(p, RECHECK_MS);
	if (p->upstream)
		ask_router(p);
	if (p->upstream && p->session->proto == IPPROTO_UDP)
		lifetime_want(p->gateway, &p->public);
	return 0;
}

void candidate_free(struct path *p)
{
	mapped_free(p->mapped);
	mapped_free(p->second);
	samples_free(p->samples);
	hops_free(p->hops);
	if (p->timer)
		event_free(p->timer);
	external_put(p->external);
}

/* --- the peer's ------------------------------------------------------------ */

static bool parse(struct candidate *c, const json_t *json)
{
	const char *kind, *addr;

	if (json_unpack((json_t *)json, "{ss, ss}", "kind", &kind, "addr",
			&addr) || !endpoint_parse(&c->ep, addr))
		return false;
	c->kind = candidate_kind_of(kind);
	return c->kind != CANDIDATE_KINDS;
}

bool candidate_is_tried(enum candidate_kind kind, bool forwarded)
{
	return forwarded ? kind == CANDIDATE_MAPPED || kind == CANDIDATE_HOST :
			   kind != CANDIDATE_MAPPED;
}

static void take(struct path *p, const struct candidate *c, const json_t *json)
{
	const char *ports, *same;

	p->remote[p->n_remote++] = *c;
	p->remote_upstream |= c->kind == CANDIDATE_SRFLX;
	if (c->kind != CANDIDATE_PREDICTED)
		return;
	ports = json_string_value(json_object_get(json, "ports"));
	p->remote_dependent = true;
	p->remote_any_port = !ports || strcmp(ports, ranked) != 0;
	p->remote_few_ports = ports && !strcmp(ports, few);
	same = json_string_value(json_object_get(json, "for"));
	p->remote_by_address = same && !strcmp(same, by_address);
}

static bool is_kind(const json_t *json, const char *wanted)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));

	return kind && !strcmp(kind, wanted);
}

unsigned int candidate_parse(struct path *p, const json_t *array)
{
	struct candidate c = {};
	char s[ENDPOINT_SIZE];
	const json_t *json;
	size_t i;

	p->n_remote = 0;
	p->remote_same = false;
	p->remote_upstream = false;
	p->remote_other = false;
	p->remote_dependent = false;
	p->remote_relay = false;
	p->remote_tunnel = false;
	p->remote_by_address = false;
	json_array_foreach(array, i, json) {
		if (p->n_remote == MAX_CANDIDATES)
			break;
		p->remote_relay |= is_kind(json, relayed);
		p->remote_tunnel |= is_kind(json, tunnel);
		if (!parse(&c, json))
			continue;
		if (c.ep.sa.sa_family != path_family(p)) {
			p->remote_other = true;
			continue;
		}
		/* Not into our LAN, not to ourselves, whatever he says. */
		p->remote_same = true;
		if (p->external && path_leads_out(p, &c.ep))
			take(p, &c, json);
		else
			log_debug("%s's candidate %s is not reached by the WAN",
				  p->session->peer->name,
				  endpoint_str(s, &c.ep));
	}
	return p->n_remote;
}
