// SPDX-License-Identifier: GPL-2.0
/*
 * How sessions connect: the life of a struct path. A session is open once a probe
 * from the asking site was answered by the service itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "external.h"
#include "flow.h"
#include "gateway.h"
#include "lifetime.h"
#include "log.h"
#include "loopback.h"
#include "module.h"
#include "outside.h"
#include "path.h"
#include "portmap.h"
#include "relay.h"
#include "service.h"
#include "table.h"
#include "tracked.h"
#include "ways.h"

#define DEFAULT_HOPS	1	/* to the NAT in front, if nobody tells */
#define FIREWALL_HOPS	2	/* a home router's, or the carrier's behind it */
#define FAR_HOPS	64

int path_family(const struct path *p)
{
	const struct session *s = p->session;

	return (s->role == SESSION_ASKS ? &s->listen : &s->to)->sa.sa_family;
}

const union endpoint *path_address(const struct path *p)
{
	return gateway_address(p->gateway, path_family(p));
}

const union endpoint *path_server(const struct path *p, unsigned int i)
{
	return stun_server_addr(&p->gateway->servers[i], path_family(p));
}

bool path_leads_out(const struct path *p, const union endpoint *ep)
{
	return ep->sa.sa_family == path_family(p) &&
	       gateway_leads_out(p->gateway, ep);
}

bool path_is_filtered(const struct path *p)
{
	return p->upstream || path_family(p) == AF_INET6;
}

unsigned int path_hops_out(const struct path *p, unsigned int again)
{
	unsigned int hops = p->nat_hops ? p->nat_hops : DEFAULT_HOPS;

	if (path_family(p) == AF_INET)
		return hops + 1;
	/*
	 * Where firewalls are is not known: farther each time. A NAT of the peer's
	 * that is reached would take it for a connection to itself.
	 */
	if (!p->upstream && !p->remote_upstream)
		hops = FIREWALL_HOPS;
	hops++;
	return again > 4 || hops << again > FAR_HOPS ? FAR_HOPS : hops << again;
}

static int start(struct daemon *d)
{
	/* Without it sites still meet, and say why they do not connect. */
	if (gateway_open(&d->gateway, d))
		log_warning("there is no data path: no connection will open");
	return 0;
}

static void stop(struct daemon *d)
{
	gateway_close(d->gateway);
	d->gateway = NULL;
}

static int reload(struct daemon *d)
{
	if (!d->gateway)
		return 0;
	gateway_reload(d->gateway);
	if (d->gateway->module)
		module_warn(d->gateway->module);
	return 0;
}

static struct path *path_new(struct session *s)
{
	struct path *p = calloc(1, sizeof(*p));

	if (!p) {
		session_explain(s, "out of memory");
		return NULL;
	}
	p->session = s;
	p->gateway = s->daemon->gateway;
	s->path = p;
	return p;
}

/* What only natpunch can do. */
static const char *limit(const struct daemon *d, const union endpoint *to)
{
	const struct gateway *gw = d->gateway;

	return gw ? gateway_limit_at(gw, to) : NULL;
}

static void describe(const struct daemon *d, json_t *into)
{
	const struct gateway *gw = d->gateway;
	json_t *json;

	if (!gw)
		return;
	json = json_pack("{sb, ss*, ss*}", "loaded", gw->np ? 1 : 0, "wan",
			 *gw->wan ? gw->wan : NULL, "limit",
			 gateway_limit(gw));
	json_object_set_new(into, "natpunch", json);
}

/* --- where the service is, or the listener ----------------------------------- */

bool path_place(struct path *p, const union endpoint *was, char *why)
{
	const struct session *s = p->session;
	bool serves = s->role == SESSION_SERVES;
	const char *lacks;

	p->place = serves ? s->to : s->listen;
	if (endpoint_is_loopback(&p->place)) {
		if (!p->loopback)
			p->loopback = loopback_open(p, &p->place, was, why);
		if (p->loopback)
			p->place = *loopback_inner(p->loopback);
		return p->loopback;
	}
	lacks = gateway_limit_at(p->gateway, &p->place);
	if (serves && lacks) {
		snprintf(why, EXTERNAL_WHY,
			 "the service is on another host than natpunchd, where %s",
			 lacks);
		return false;
	}
	/* Who else could come to our listener is not our client. */
	if (!serves && gateway_limit(p->gateway) && !p->owned &&
	    p->place.sa.sa_family == AF_INET)
		p->owned = !table_own(p->gateway->table, s->proto, &p->place);
	return true;
}

void path_admit_clients(struct path *p)
{
	char ep[ENDPOINT_SIZE];
	int err;

	if (!p->loopback)
		return;
	err = loopback_listen(p->loopback);
	if (err)
		log_error("%s: %s", endpoint_str(ep, &p->session->listen),
			  strerror(-err));
}

static int gather(struct session *s)
{
	struct path *p;

	if (!s->daemon->gateway) {
		session_explain(s, "nftables or its packet queue can not be used here");
		return -EOPNOTSUPP;
	}
	p = path_new(s);
	return p ? candidate_gather(p) : -ENOMEM;
}

void path_undirect(struct path *p, const char *why)
{
	if (!relay_instead(p, why))
		session_fail(p->session, "%s", why);
}

bool path_opens_many(const struct path *p)
{
	if (!p->by_address || !p->remote_dependent)
		return false;
	return !p->remote_by_address || p->session->role == SESSION_SERVES;
}

/*
 * Of two unknown ports, at least one can not be ranked: no use to try, unless one
 * side lets in whichever port of the other side tries, and that side has many.
 */
static bool is_hopeless(const struct path *p)
{
	if (!p->dependent || !p->remote_dependent ||
	    !(p->any_port || p->remote_any_port))
		return false;
	return !(p->by_address && !p->remote_few_ports) &&
	       !(p->remote_by_address && !p->few_ports);
}

static void probe_the_rest(struct path *p)
{
	if (is_hopeless(p))
		path_undirect(p, "the NATs of both sites take ports that can not be predicted: a relay is needed");
	else
		flow_probe(p, false);
}

void path_unforwarded(struct path *p)
{
	log_info("%s/%s: what its router said it forwards does not come through: other ways are tried",
		 p->session->peer->name, p->session->service);
	probe_the_rest(p);
}

static bool is_offered(const struct path *p, const struct candidate *c)
{
	unsigned int i;

	for (i = 0; i < p->n_remote; i++)
		if (p->remote[i].kind == c->kind &&
		    endpoint_equal(&p->remote[i].ep, &c->ep))
			return true;
	return false;
}

static bool has_forwarded(const struct path *p)
{
	unsigned int i;

	for (i = 0; i < p->n_remote; i++)
		if (p->remote[i].kind == CANDIDATE_MAPPED)
			return true;
	return false;
}

/* First where nothing has to be opened, nor guessed. */
static void begin_probing(struct path *p)
{
	flow_end_probes(p);
	if (has_forwarded(p))
		flow_probe(p, true);
	else
		probe_the_rest(p);
}

void path_retry(struct path *p)
{
	flow_probe(p, has_forwarded(p));
}

/* The peer has other candidates, and we are connected. */
static void look_after_chosen(struct path *p)
{
	if (p->chosen.kind == CANDIDATE_MAPPED && !is_offered(p, &p->chosen))
		session_lost(p->session, "%s's router no longer forwards what it did",
			     p->session->peer->name);
}

static const char *why_undirect(const struct path *p)
{
	bool v6 = path_family(p) == AF_INET6;

	if (!p->external)
		return v6 ? "there is no WAN with an IPv6 address" :
			    "there is no WAN with an IPv4 address";
	if (p->remote_other && !p->remote_same)
		return v6 == (p->session->role == SESSION_ASKS) ?
		       "the listener's address is IPv6, the service's is IPv4" :
		       "the listener's address is IPv4, the service's is IPv6";
	if (!p->remote_same && v6)
		return "the other site has no WAN with an IPv6 address";
	return "none of the peer's endpoints is reached by our WAN";
}

static int check(struct session *s, unsigned int delay_ms)
{
	struct path *p = s->path;

	(void)delay_ms;
	candidate_parse(p, s->remote);
	if (s->state != SESSION_DIRECT)
		relay_begin(p);
	if (!p->n_remote)
		path_undirect(p, why_undirect(p));
	else if (s->role == SESSION_SERVES)
		return 0;
	else if (s->state == SESSION_DIRECT)
		look_after_chosen(p);
	else
		begin_probing(p);
	return 0;
}

static void listen_here(struct path *p)
{
	const struct session *s = p->session;
	char ep[ENDPOINT_SIZE];

	if (p->listening)
		return;
	path_admit_clients(p);
	if (table_listen(p->gateway->table, s->proto, &p->place))
		log_error("nothing can be listened for at %s: %s",
			  endpoint_str(ep, &s->listen),
			  table_error(p->gateway->table));
	else
		p->listening = true;
}

/* Who reads that it is direct may rely on it: so that comes last. */
static void go_direct(struct path *p)
{
	relay_direct(p);
	session_open(p->session, SESSION_DIRECT);
}

void path_probed(struct path *p, const struct candidate *answered,
		 const char *why)
{
	if (!answered) {
		path_undirect(p, why);
		return;
	}
	p->chosen = *answered;
	ways_worked(p, candidate_kind_name(answered->kind));
	if (!relay_is_open(p))
		flow_adopt(p);
	listen_here(p);
	go_direct(p);
}

void path_proven(struct path *p)
{
	if (p->session->state != SESSION_CHECKING &&
	    p->session->state != SESSION_RELAYED)
		return;
	if (!relay_is_open(p))
		flow_adopt(p);
	go_direct(p);
}

static void signal_came(struct session *s, const json_t *body)
{
	if (!relay_message(s->path, body))
		flow_message(s->path, body);
}

static void path_free(struct path *p)
{
	if (p->listening)
		table_unlisten(p->gateway->table, p->session->proto,
			       &p->place);
	if (p->owned)
		table_disown(p->gateway->table, p->session->proto, &p->place);
	relay_free(p);
	while (p->flows)
		flow_free(p->flows);
	loopback_close(p->loopback);
	candidate_free(p);
	p->session->path = NULL;
	free(p);
}

/* Flows outlive an attempt, but not the wish, nor the permission. */
static void close_path(struct session *s)
{
	struct path *p = s->path;

	if (!p)
		return;
	if (s->state == SESSION_CLOSED && !s->replaced)
		while (p->flows)
			flow_end(p->flows);
	path_free(p);
}

static void forget(struct session *s)
{
	if (s->path)
		path_free(s->path);
}

static void add_endpoint(json_t *into, const char *name,
			 const union endpoint *ep)
{
	char s[ENDPOINT_SIZE];

	if (endpoint_port(ep))
		json_object_set_new(into, name,
				    json_string(endpoint_str(s, ep)));
}

static void show(const struct session *s, json_t *into)
{
	const struct path *p = s->path;
	const char *way;

	if (!p || (s->state == SESSION_RELAYED && relay_show(p, into)) ||
	    !p->external)
		return;
	add_endpoint(into, "local", &p->public);
	if (portmap_endpoint(p->external)) {
		add_endpoint(into, "mapped", portmap_endpoint(p->external));
		json_object_set_new(into, "mapped_by",
				    json_string(portmap_protocol(p->external)));
	}
	if (s->role == SESSION_ASKS && endpoint_port(&p->chosen.ep)) {
		way = candidate_kind_name(p->chosen.kind);
		json_object_set_new(into, "way", json_string(way));
		add_endpoint(into, "remote", &p->chosen.ep);
		json_object_set_new(into, "rtt_ms", json_integer(p->rtt_ms));
	} else if (p->n_remote) {
		add_endpoint(into, "remote", &p->remote[0].ep);
	}
	json_object_set_new(into, "alone", json_boolean(gateway_limit(p->gateway)));
	json_object_set_new(into, "upstream_nat", json_boolean(p->upstream));
	json_object_set_new(into, "flows", flow_show(p));
}

/* --- over a restart -------------------------------------------------------- */

static json_t *save(const struct session *s)
{
	const struct path *p = s->path;
	json_t *json;

	/* An allocation ends with us; the peer finds out. */
	if (s->state == SESSION_RELAYED)
		return NULL;
	json = json_object();
	add_endpoint(json, "public", &p->public);
	if (p->external)
		add_endpoint(json, "external", &p->external->external);
	add_endpoint(json, "inner", &p->place);
	add_endpoint(json, "chosen", &p->chosen.ep);
	add_endpoint(json, "portmap", &p->portmap);
	json_object_set_new(json, "kind", json_integer(p->chosen.kind));
	json_object_set_new(json, "upstream", json_boolean(p->upstream));
	json_object_set_new(json, "dependent", json_boolean(p->dependent));
	json_object_set_new(json, "any_port", json_boolean(p->any_port));
	json_object_set_new(json, "by_address", json_boolean(p->by_address));
	json_object_set_new(json, "at", flow_ends(p));
	json_object_set_new(json, "nat_hops", json_integer(p->nat_hops));
	json_object_set_new(json, "rtt_ms", json_integer(p->rtt_ms));
	json_object_set_new(json, "remote", s->remote ?
			    json_incref(s->remote) : json_array());
	return json;
}

static int restore(struct path *p, const json_t *saved)
{
	const char *public, *chosen = NULL, *portmap = NULL;
	int upstream, dependent = 0, any_port = 0, by_address = 0;
	int nat_hops, rtt, kind;
	json_t *remote;

	if (json_unpack((json_t *)saved,
			"{ss, s?s, s?s, si, sb, s?b, s?b, s?b, si, si, so}",
			"public", &public, "chosen", &chosen, "portmap",
			&portmap, "kind", &kind,
			"upstream", &upstream, "dependent", &dependent,
			"any_port", &any_port, "by_address", &by_address,
			"nat_hops", &nat_hops, "rtt_ms", &rtt, "remote",
			&remote) ||
	    !endpoint_parse(&p->public, public) ||
	    (chosen && !endpoint_parse(&p->chosen.ep, chosen)) ||
	    (portmap && !endpoint_parse(&p->portmap, portmap)) || kind < 0 ||
	    kind >= CANDIDATE_KINDS || !candidate_parse(p, remote))
		return -EINVAL;
	p->chosen.kind = kind;
	p->upstream = upstream;
	p->dependent = dependent;
	p->any_port = any_port;
	p->by_address = by_address;
	p->nat_hops = nat_hops;
	p->rtt_ms = rtt;
	p->session->remote = json_incref(remote);
	return 0;
}

static void saved_endpoint(union endpoint *ep, const json_t *saved,
			   const char *name)
{
	const char *s = json_string_value(json_object_get(saved, name));

	if (!s || !endpoint_parse(ep, s))
		memset(ep, 0, sizeof(*ep));
}

static int adopt(struct session *s, const json_t *saved)
{
	struct gateway *gw = s->daemon->gateway;
	union endpoint inner, external;
	char why[EXTERNAL_WHY];
	struct path *p;
	int err;

	p = gw && gateway_look(gw) ? path_new(s) : NULL;
	if (!p)
		return -ENODEV;
	saved_endpoint(&inner, saved, "inner");
	saved_endpoint(&external, saved, "external");
	if (path_place(p, &inner, why))
		p->external = external_get(gw, s->proto, &p->place,
					   endpoint_port(&external) ?
					   &external : NULL, why);
	if (!p->external)
		return -EADDRNOTAVAIL;
	err = restore(p, saved);
	if (err)
		return err;
	err = candidate_adopted(p);
	if (err)
		return err;
	flow_adopt(p);
	flow_adopt_at(p, json_object_get(saved, "at"));
	if (s->role == SESSION_ASKS)
		listen_here(p);
	return 0;
}

const struct path_ops path_ops = {
	.name = "direct, relay",
	.outside = &outside_ops,
	.start = start,
	.stop = stop,
	.reload = reload,
	.limit = limit,
	.describe = describe,
	.gather = gather,
	.check = check,
	.signal = signal_came,
	.close = close_path,
	.forget = forget,
	.show = show,
	.show_site = lifetime_show,
	.save = save,
	.adopt = adopt,
};
