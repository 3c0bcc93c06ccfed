// SPDX-License-Identifier: GPL-2.0
/* Flows at the site that asks: probes, and LAN clients; see flow.h. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "external.h"
#include "flow.h"
#include "log.h"
#include "mapped.h"
#include "queue.h"
#include "table.h"
#include "udp.h"

#define PROBE_MS	250	/* between SYNs; doubles */
#define PROBE_TRIES	5
#define LOOK_MS		20	/* doubles, to a second */
#define LIVE_MS		10000	/* between looks at one that lives */
#define ENTRY_S		20	/* so long a rule waits for its flow */

static void say_failed(const struct flow *f, const char *why)
{
	const struct session *s = f->path->session;
	char client[ENDPOINT_SIZE];

	log_warning("%s to %s/%s: %s", endpoint_str(client, &f->syn.src),
		    s->peer->name, s->service, why);
}

/* It is over before it began. Frees. */
void flow_fail(struct flow *f, const char *why)
{
	struct path *p = f->path;
	bool probe = f->probe;

	if (!probe)
		say_failed(f, why);
	flow_free(f);
	if (probe)
		path_probed(p, NULL, why);
}

static void add_endpoint(json_t *array, const union endpoint *ep)
{
	char s[ENDPOINT_SIZE];

	json_array_append_new(array, json_string(endpoint_str(s, ep)));
}

/* Everything is known: ask the peer. */
static void ask(struct flow *f)
{
	json_t *from = json_array(), *body;
	int err;

	add_endpoint(from, &f->public);
	if (!endpoint_equal(&f->public, &f->external->external))
		add_endpoint(from, &f->external->external);
	if (f->path->session->proto == IPPROTO_UDP)
		body = udp_ask(f, from);
	else
		body = json_pack("{so, so}", "from", from, "syn",
				 segment_to_json(&f->syn));
	f->state = FLOW_ASKED;
	err = flow_say(f, "open", body);
	if (err)
		flow_fail(f, err == -ENOTCONN ? "no broker is connected" :
		     err == -EOPNOTSUPP ? "by hand no flows can be agreed on" :
					  strerror(-err));
	else
		flow_arm(f, FLOW_OPEN_MS);
}

static void on_mapped(void *data, int error, const union endpoint *public,
		      unsigned int rtt_ms)
{
	struct flow *f = data;

	(void)rtt_ms;
	if (error) {
		mapped_free(f->mapped);
		f->mapped = NULL;
	}
	if (f->state != FLOW_MAPPING)
		return;
	if (error) {
		flow_fail(f, "the STUN server does not answer");
		return;
	}
	f->public = *public;
	ask(f);
}

struct flow *flow_ask_new(struct path *p)
{
	uint8_t random[(FLOW_ID_SIZE - 1) / 2];
	char id[FLOW_ID_SIZE];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(id, sizeof(id), random, sizeof(random));
	return flow_new(p, id);
}

void flow_ask_free(struct flow *f)
{
	struct gateway *gw = f->path->gateway;
	unsigned int i;

	if (f->parked)
		queue_verdict(gw->queue, f->packet, QUEUE_LET_GO);
	mapped_free(f->mapped);
	checks_free(f->checks);
	if (!f->probe) {
		external_put(f->external);
		return;
	}
	for (i = 0; f->state == FLOW_OPENED && i < f->path->n_remote; i++)
		table_unwatch(gw->table, &f->path->remote[i].ep,
			      &f->external->external);
}

/* --- probes ---------------------------------------------------------------- */

void flow_probe(struct path *p)
{
	struct flow *f = flow_ask_new(p);

	if (!f) {
		path_probed(p, NULL, "out of memory");
		return;
	}
	f->probe = true;
	f->external = p->external;
	f->public = p->public;
	segment_syn(&f->syn, &p->external->external, &p->remote[0].ep);
	ask(f);
}

static void send_probe(struct flow *f)
{
	const struct path *p = f->path;
	struct segment syn = f->syn;
	unsigned int i;

	for (i = 0; i < p->n_remote; i++) {
		syn.dst = p->remote[i].ep;
		gateway_craft(p->gateway, &syn);
	}
	f->live_ms = clock_ms();
	flow_arm(f, PROBE_MS << f->tries);
}

static void begin_probe(struct flow *f)
{
	const struct path *p = f->path;
	unsigned int i;

	f->state = FLOW_OPENED;
	for (i = 0; i < p->n_remote; i++)
		if (table_watch(p->gateway->table, &p->remote[i].ep,
				&f->external->external, FLOW_OPEN_MS / 1000))
			log_error("nftables: %s",
				  table_error(p->gateway->table));
	send_probe(f);
}

bool flow_probe_answer(struct flow *f, const struct segment *answer)
{
	struct candidate found = {};
	struct path *p = f->path;
	struct segment rst;
	unsigned int i;

	if (!f->probe || f->state != FLOW_OPENED ||
	    !endpoint_equal(&answer->dst, &f->external->external) ||
	    answer->ack != f->syn.seq + 1)
		return false;
	for (i = 0; i < p->n_remote; i++)
		if (endpoint_equal(&answer->src, &p->remote[i].ep))
			found = p->remote[i];
	if (!endpoint_port(&found.ep))
		return false;
	if (answer->flags & SEGMENT_RST) {
		flow_fail(f, "the service refuses connections");
		return true;
	}
	segment_reset(&rst, answer);
	gateway_craft(p->gateway, &rst);
	p->rtt_ms = (unsigned int)(clock_ms() - f->live_ms);
	flow_say(f, "proven", NULL);
	flow_free(f);
	path_probed(p, &found, NULL);
	return true;
}

/* --- clients --------------------------------------------------------------- */

static bool is_repeated(struct path *p, const struct segment *syn)
{
	const struct flow *f;

	for (f = p->flows; f; f = f->next)
		if (!f->probe && f->state != FLOW_LIVE &&
		    endpoint_equal(&f->syn.src, &syn->src))
			return true;
	return false;
}

/* One that came from the same endpoint before, and is over. */
static void forget_former(struct path *p, const union endpoint *client)
{
	struct flow *f, *next;

	for (f = p->flows; f; f = next) {
		next = f->next;
		if (f->state == FLOW_LIVE && endpoint_equal(&f->src, client))
			flow_free(f);
	}
}

static void learn_public(struct flow *f)
{
	struct path *p = f->path;

	f->public = f->external->external;
	if (!p->upstream || p->server >= p->gateway->n_servers) {
		ask(f);
		return;
	}
	f->state = FLOW_MAPPING;
	f->mapped = mapped_ask(p->gateway, p->session->proto,
			       &f->external->external,
			       &p->gateway->servers[p->server].addr, on_mapped,
			       f);
	if (!f->mapped)
		flow_fail(f, "the STUN server can not be asked");
}

static bool start_client(struct flow *f, const struct segment *syn,
			 uint32_t packet)
{
	char why[EXTERNAL_WHY];

	f->syn = *syn;
	f->src = syn->src;
	f->dst = syn->dst;
	f->packet = packet;
	f->parked = true;
	f->external = external_get(f->path->gateway, f->path->session->proto,
				   &syn->src, why);
	if (f->external)
		return true;
	flow_fail(f, why);
	return false;
}

void flow_client(struct path *p, const struct segment *syn, uint32_t packet)
{
	struct flow *f = NULL;

	if (is_repeated(p, syn)) {
		queue_verdict(p->gateway->queue, packet, QUEUE_DROP);
		return;
	}
	forget_former(p, &syn->src);
	if (p->n_flows < MAX_FLOWS && flow_count_opening(p) < MAX_FLOWS_OPENING)
		f = flow_ask_new(p);
	if (!f) {
		log_warning("%s/%s: too many clients at once",
			    p->session->peer->name, p->session->service);
		queue_verdict(p->gateway->queue, packet, QUEUE_LET_GO);
		return;
	}
	if (start_client(f, syn, packet))
		learn_public(f);
}

/*
 * natpunch gives it the reserved external endpoint; what natpunch does not
 * translate, our table does.
 */
void flow_release(struct flow *f, const union endpoint *to)
{
	const struct path *p = f->path;
	struct table *table = p->gateway->table;
	struct table_flow flow = { .proto = p->session->proto,
				   .src = &f->src, .dst = &f->dst };
	int err;

	err = table_to(table, &flow, to, ENTRY_S);
	flow.dst = to;
	if (!err && (!f->external->reserved || gateway_is_own(&f->src)))
		err = table_from(table, &flow, &f->external->external, ENTRY_S);
	if (err) {
		flow_fail(f, table_error(table));
		return;
	}
	f->state = FLOW_OPENED;
	f->parked = false;
	queue_verdict(p->gateway->queue, f->packet, QUEUE_AGAIN);
	flow_arm(f, LOOK_MS);
}

void flow_opened(struct flow *f, const json_t *body)
{
	if (f->path->session->proto == IPPROTO_UDP)
		udp_opened(f, body);
	else if (f->probe)
		begin_probe(f);
	else
		flow_release(f, &f->path->chosen.ep);
}

void flow_refused(struct flow *f, const char *why)
{
	flow_fail(f, why);
}

/* --- time ------------------------------------------------------------------ */

static void now_live(struct flow *f)
{
	const struct session *s = f->path->session;
	char client[ENDPOINT_SIZE];

	log_debug("%s to %s/%s: connected in %u ms",
		  endpoint_str(client, &f->src), s->peer->name, s->service,
		  (unsigned int)(f->live_ms - f->began_ms));
	mapped_free(f->mapped);
	f->mapped = NULL;
}

static void look(struct flow *f)
{
	bool lived = f->state == FLOW_LIVE;

	if (flow_look(f)) {
		if (!lived)
			now_live(f);
		if (f->path->session->proto == IPPROTO_UDP)
			udp_keep(f);
		else
			flow_arm(f, LIVE_MS);
	} else if (lived) {
		flow_say(f, "end", NULL);
		flow_free(f);
	} else if (clock_ms() - f->began_ms > FLOW_OPEN_MS) {
		flow_fail(f, "no answer came");
	} else {
		flow_arm(f, f->tries < 5 ? LOOK_MS << ++f->tries : 1000);
	}
}

void flow_ask_timer(struct flow *f)
{
	switch (f->state) {
	case FLOW_MAPPING:
	case FLOW_LEARNING:
		break;
	case FLOW_ASKED:
		flow_fail(f, "the peer does not say that it has opened the way");
		break;
	case FLOW_CHECKING:
		flow_fail(f, "no answer came through");
		break;
	case FLOW_OPENED:
		if (!f->probe)
			look(f);
		else if (++f->tries < PROBE_TRIES)
			send_probe(f);
		else
			flow_fail(f, "no answer came through");
		break;
	case FLOW_LIVE:
		look(f);
		break;
	}
}
