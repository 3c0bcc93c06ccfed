// SPDX-License-Identifier: GPL-2.0
/* UDP flows at the site that serves; see udp.h. */
#include <string.h>

#include "conf.h"
#include "external.h"
#include "mapped.h"
#include "udp.h"

#define LOOK_MS		20
#define DEFAULT_HOPS	1	/* to the NAT in front, if nobody tells */
#define OURS_LATER_MS	100	/* the peer's checks first: they open his NAT */

/* Not used: he who asks chooses. */
static void on_answer(void *data, const union endpoint *remote,
		      unsigned int rtt_ms)
{
	(void)data;
	(void)remote;
	(void)rtt_ms;
}

/* Whoever knows the key may enter, with the endpoint that he has. */
static void on_request(void *data, const union endpoint *remote)
{
	struct flow *f = data;
	unsigned int i;

	for (i = 0; i < f->n_peers; i++)
		if (endpoint_equal(&f->peer[i].ep, remote))
			return;
	if (f->n_peers == FLOW_ENDPOINTS)
		return;
	f->peer[f->n_peers++].ep = *remote;
	flow_admit(f, &f->peer[f->n_peers - 1].ep,
		   &f->path->external->external);
	checks_stop(f->checks);
	f->state = FLOW_OPENED;
	flow_arm(f, LOOK_MS);
}

static const struct checks_ops ops = {
	.answered = on_answer,
	.asked = on_request,
};

static void say_opened(struct flow *f)
{
	const struct path *p = f->path;
	char public[ENDPOINT_SIZE], local[ENDPOINT_SIZE];
	json_t *to = json_pack("[s, s]", endpoint_str(public, &p->public),
			       endpoint_str(local, &p->external->external));

	flow_say(f, "opened", json_pack("{so}", "to", to));
	if (f->state != FLOW_MAPPING)
		return;			/* the peer was faster */
	f->state = FLOW_CHECKING;
	checks_start(f->checks, p->session->one_way_ms + OURS_LATER_MS);
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
	say_opened(f);
}

/* Has it been idle for so long that a NAT may have forgotten our mapping? */
static bool is_stale(const struct path *p)
{
	const struct gateway *gw = p->gateway;
	uint64_t idle_ms = clock_ms() - p->mapped_ms;

	return p->upstream && p->server < gw->n_servers &&
	       idle_ms > (uint64_t)gw->daemon->conf->udp_keepalive * 1000;
}

void udp_serve(struct flow *f, const json_t *body)
{
	const char *key = json_string_value(json_object_get(body, "key"));
	struct path *p = f->path;
	struct gateway *gw = p->gateway;

	if (!key || !check_is_key(key)) {
		flow_refuse(f, "it sends no key");
		return;
	}
	strcpy(f->key, key);
	f->checks = checks_new(gw, &p->external->external, f->id, f->key,
			       false, &ops, f);
	if (!f->checks) {
		flow_refuse(f, "out of memory");
		return;
	}
	f->state = FLOW_MAPPING;
	udp_parse(f, json_object_get(body, "from"));
	if (p->upstream)
		checks_open(f->checks, (p->nat_hops ? p->nat_hops :
						      DEFAULT_HOPS) + 1);
	if (is_stale(p))
		f->mapped = mapped_ask(gw, IPPROTO_UDP, &p->external->external,
				       &gw->servers[p->server].addr, on_mapped,
				       f);
	if (!f->mapped)
		say_opened(f);
}
