// SPDX-License-Identifier: GPL-2.0
/*
 * Candidates: host (the WAN's own endpoint) and server-reflexive (what STUN
 * servers see of it). Calls session_gathered().
 */
#include <errno.h>
#include <string.h>

#include "external.h"
#include "hops.h"
#include "log.h"
#include "mapped.h"
#include "path.h"

#define RESOLVING_MS	50	/* look again whether names are resolved */

static const char * const kind_names[CANDIDATE_KINDS] = {
	[CANDIDATE_HOST] = "host",
	[CANDIDATE_SRFLX] = "srflx",
	[CANDIDATE_PRFLX] = "prflx",
};

const char *candidate_kind_name(enum candidate_kind kind)
{
	return kind_names[kind];
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

static void gathered(struct path *p)
{
	json_t *array = json_array();

	if (p->upstream)
		add(array, CANDIDATE_SRFLX, &p->public);
	add(array, CANDIDATE_HOST, &p->external->external);
	session_gathered(p->session, array);
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
	if (error == -EPIPE)
		return;
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
	/* Who asks for TCP opens nothing: his SYN goes all the way. */
	if (p->upstream && (p->session->role == SESSION_SERVES ||
			    p->session->proto == IPPROTO_UDP))
		p->hops = hops_measure(p->gateway, &server->addr, on_hops, p);
	if (!p->hops)
		gathered(p);
}

/* Without a server that answers we believe that there is no NAT upstream. */
static void ask_next(struct path *p)
{
	const struct gateway *gw = p->gateway;

	for (; p->server < gw->n_servers; p->server++) {
		if (!endpoint_port(&gw->servers[p->server].addr))
			continue;
		p->mapped = mapped_ask(p->gateway, p->session->proto,
				       &p->external->external,
				       &gw->servers[p->server].addr, on_mapped,
				       p);
		if (p->mapped)
			return;
	}
	if (gw->n_servers)
		log_warning("no STUN server answers: NATs upstream will not be known");
	p->public = p->external->external;
	gathered(p);
}

static void begin(struct path *p)
{
	struct session *s = p->session;
	char why[EXTERNAL_WHY];

	if (!gateway_look(p->gateway)) {
		session_fail(s, "there is no WAN with an IPv4 address");
		return;
	}
	p->external = external_get(p->gateway, s->proto,
				   s->role == SESSION_SERVES ? &s->to :
							       &s->listen, why);
	if (p->external)
		ask_next(p);
	else
		session_fail(s, "%s", why);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	const struct timeval again = { .tv_usec = RESOLVING_MS * 1000 };
	struct path *p = data;

	(void)fd;
	(void)what;
	if (gateway_ready(p->gateway))
		begin(p);
	else
		evtimer_add(p->timer, &again);
}

int candidate_gather(struct path *p)
{
	const struct timeval now = {};

	p->timer = evtimer_new(p->gateway->daemon->base, on_timer, p);
	return p->timer && !evtimer_add(p->timer, &now) ? 0 : -ENOMEM;
}

void candidate_free(struct path *p)
{
	mapped_free(p->mapped);
	hops_free(p->hops);
	if (p->timer)
		event_free(p->timer);
	external_put(p->external);
}

/* --- the peer's ------------------------------------------------------------ */

static bool parse(struct candidate *c, const json_t *json)
{
	const char *kind, *addr;
	unsigned int i;

	if (json_unpack((json_t *)json, "{ss, ss}", "kind", &kind, "addr",
			&addr) || !endpoint_parse(&c->ep, addr))
		return false;
	for (i = 0; i < CANDIDATE_KINDS; i++) {
		if (strcmp(kind, kind_names[i]))
			continue;
		c->kind = i;
		return true;
	}
	return false;
}

unsigned int candidate_parse(struct path *p, const json_t *array)
{
	struct candidate c = {};
	char s[ENDPOINT_SIZE];
	const json_t *json;
	size_t i;

	p->n_remote = 0;
	json_array_foreach(array, i, json) {
		if (p->n_remote == MAX_CANDIDATES)
			break;
		if (!parse(&c, json))
			continue;
		/* Not into our LAN, not to ourselves, whatever he says. */
		if (gateway_leads_out(p->gateway, &c.ep))
			p->remote[p->n_remote++] = c;
		else
			log_debug("%s's candidate %s is not reached by the WAN",
				  p->session->peer->name,
				  endpoint_str(s, &c.ep));
	}
	return p->n_remote;
}
