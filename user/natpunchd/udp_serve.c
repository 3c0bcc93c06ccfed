// SPDX-License-Identifier: GPL-2.0
/* UDP flows at the site that serves; see udp.h. */
#include <stdlib.h>
#include <string.h>

#include "external.h"
#include "lifetime.h"
#include "log.h"
#include "mapped.h"
#include "table.h"
#include "udp.h"

#define LOOK_MS		20
#define OURS_LATER_MS	100	/* the peer's checks first: they open his NAT */

/* Not used: he who asks chooses. */
static void on_answer(void *data, const union endpoint *local,
		      const union endpoint *remote, unsigned int rtt_ms)
{
	(void)data;
	(void)local;
	(void)remote;
	(void)rtt_ms;
}

static bool is_admitted(const struct flow *f, const union endpoint *remote)
{
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (endpoint_equal(&f->peer[i].ep, remote))
			return true;
	return f->came;
}

/* Whoever knows the key may enter, with the endpoint that he has. */
static void on_request(void *data, const union endpoint *local,
		       const union endpoint *remote)
{
	struct flow *f = data;

	if (is_admitted(f, remote) || f->n_peers == FLOW_ENDPOINTS)
		return;
	if (f->locals) {
		f->came = flow_admit(f, remote, local);
		f->src = *remote;
		f->dst = *local;
	} else {
		f->peer[f->n_peers++].ep = *remote;
		flow_admit(f, remote, local);
	}
	checks_stop(f->checks);
	pace_free(f->pace);
	f->pace = NULL;
	f->state = FLOW_OPENED;
	flow_arm(f, LOOK_MS);
}

static const struct checks_ops ops = {
	.answered = on_answer,
	.asked = on_request,
};

/* @mine: where we are to be found, if that is guessed; stolen. */
static void say_opened(struct flow *f, struct guess *mine)
{
	const struct path *p = f->path;
	char public[ENDPOINT_SIZE], local[ENDPOINT_SIZE];
	json_t *more = json_object();

	endpoint_str(public, &p->public);
	endpoint_str(local, &p->external->external);
	if (mine)
		json_object_set_new(more, "guess", guess_to_json(mine));
	free(mine);
	/* A port that another destination has been given is of no use. */
	json_object_set_new(more, "to", f->forwarded ? json_array() :
			    p->dependent ? json_pack("[s]", local) :
					   json_pack("[s, s]", public, local));
	flow_say(f, "opened", more);
	if (f->state != FLOW_MAPPING)
		return;			/* the peer was faster */
	f->state = FLOW_CHECKING;
	if (!f->locals && !f->forwarded)
		checks_start(f->checks,
			     p->session->one_way_ms + OURS_LATER_MS);
	flow_arm(f, FLOW_OPEN_MS);
}

static void on_mapped(void *data, int error, const union endpoint *public,
		      unsigned int rtt_ms)
{
	struct flow *f = data;
	struct path *p = f->path;

	(void)rtt_ms;
	mapped_free(f->mapped);
	f->mapped = NULL;
	if (!error) {
		p->public = *public;
		p->mapped_ms = clock_ms();
	}
	/* Without an answer it may still be as it was. */
	say_opened(f, NULL);
}

/* Has it been idle for so long that a NAT may have forgotten our mapping? */
static bool is_stale(const struct path *p)
{
	const struct gateway *gw = p->gateway;
	uint64_t idle_ms = clock_ms() - p->mapped_ms;

	return p->upstream && p->server < gw->n_servers &&
	       idle_ms > (uint64_t)lifetime_keepalive_s(gw->daemon) * 1000;
}

/* --- ports that are guessed ------------------------------------------------ */

static void send_opener(void *data, unsigned int i)
{
	const struct flow *f = data;
	const union endpoint to = guess_at(f->guess, i);

	/* If the peer lets in whatever comes from our address, one gets there. */
	checks_send(f->checks, NULL, &to,
		    f->path->remote_by_address && f->path->dependent ? 0 :
		    path_hops_out(f->path, 0));
}

static void send_opener_from(void *data, unsigned int i)
{
	const struct flow *f = data;

	checks_send(f->checks, &f->locals->at[i].ep, &f->from,
		    path_hops_out(f->path, 0));
}

/* Towards the peer's ports. Each takes one of our NATs' ports, if those are many. */
static void open_towards_guessed(struct flow *f)
{
	const struct path *p = f->path;

	if (p->dependent && !p->remote_by_address)
		guess_trim(f->guess, 1, 1);
	checks_guess(f->checks, f->guess, NULL);
	f->pace = pace_start(p->gateway, f->guess->n, UDP_REPEAT_MS,
			     send_opener, f);
}

static void open_known(struct flow *f)
{
	if (path_is_filtered(f->path))
		checks_open(f->checks, path_hops_out(f->path, 0));
}

/* From many ports of ours, as the peer will try many. */
static void open_from_many(struct flow *f, unsigned int n)
{
	struct gateway *gw = f->path->gateway;

	f->locals = locals_open(gw, IPPROTO_UDP, n);
	if (!f->locals)
		return;
	if (table_expect(gw->table, &f->from, path_address(f->path),
			 FLOW_OPEN_MS / 1000))
		log_error("nftables: %s", table_error(gw->table));
	checks_guess(f->checks, NULL, f->locals);
	f->pace = pace_burst(gw, f->locals->n, f->guess &&
			     !path_opens_many(f->path) ? f->locals->n : 1,
			     UDP_REPEAT_MS, send_opener_from, f);
}

/* Where are we to be found by @f->from? That is asked first. */
static void on_samples(void *data)
{
	struct flow *f = data;
	const struct path *p = f->path;
	union endpoint to = f->from;
	struct guess *mine;

	samples_free(f->samples);
	f->samples = NULL;
	if (f->guess)
		to = guess_at(f->guess, 0);
	mine = guess_ask(p->gateway, IPPROTO_UDP, &p->external->external, &to,
			 0);
	if (mine && f->guess && p->remote_by_address && !path_opens_many(p))
		guess_trim(mine, 1, 1);
	else if (mine && f->guess && !path_opens_many(p))
		guess_meet(mine);
	if (f->guess)
		f->from = to;
	if (mine)
		log_debug("our NATs will take one of %u ports from %u (%.0f %%)",
			  mine->n, mine->flows, 100 * mine->p);
	if (mine && mine->flows > 1)
		open_from_many(f, mine->flows);
	if (f->guess && !f->locals)
		open_towards_guessed(f);
	if (!f->locals)
		open_known(f);
	say_opened(f, mine);
}

static void begin(struct flow *f)
{
	struct path *p = f->path;
	struct gateway *gw = p->gateway;

	if (p->dependent && endpoint_port(&f->from)) {
		f->samples = samples_take(gw, IPPROTO_UDP, UDP_SAMPLES,
					  on_samples, f);
		if (f->samples)
			return;
	}
	if (f->guess && path_is_filtered(p))
		open_towards_guessed(f);
	open_known(f);
	if (is_stale(p) && !p->dependent)
		f->mapped = mapped_ask(gw, IPPROTO_UDP, &p->external->external,
				       path_server(p, p->server), on_mapped, f);
	if (!f->mapped)
		say_opened(f, NULL);
}

static void parse_from(struct flow *f, const json_t *body)
{
	json_t *from = json_object_get(body, "from");
	const char *first = json_string_value(json_array_get(from, 0));

	f->guess = guess_from_json(f->path, json_object_get(body, "guess"));
	if (first && endpoint_parse(&f->from, first) &&
	    !path_leads_out(f->path, &f->from))
		memset(&f->from, 0, sizeof(f->from));
	udp_parse(f, from);
}

void udp_serve(struct flow *f, const json_t *body)
{
	const char *key = json_string_value(json_object_get(body, "key"));
	struct path *p = f->path;

	if (!key || !check_is_key(key)) {
		flow_refuse(f, "it sends no key");
		return;
	}
	strcpy(f->key, key);
	f->checks = checks_new(p->gateway, &p->external->external, f->id,
			       f->key, false, &ops, f);
	if (!f->checks) {
		flow_refuse(f, "out of memory");
		return;
	}
	f->state = FLOW_MAPPING;
	f->forwarded = json_is_true(json_object_get(body, "forwarded"));
	if (f->forwarded) {
		say_opened(f, NULL);
		return;
	}
	parse_from(f, body);
	begin(f);
}
