// SPDX-License-Identifier: GPL-2.0
/* Flows at the site that asks: probes, and LAN clients; see flow.h. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "external.h"
#include "flow.h"
#include "log.h"
#include "mapped.h"
#include "queue.h"
#include "relay.h"
#include "table.h"
#include "tracked.h"
#include "udp.h"
#include "ways.h"

#define COPIES_MS	250	/* between copies of a SYN to one port */
#define SURE_MS		8000	/* for an answer if all endpoints are known */
#define FORWARDED_MS	1500	/* ... and nothing had to be opened */
#define GUESS_MS	1500	/* ... if they are guessed, and each is tried */
#define ATTEMPTS	4	/* to guess */
#define FRESH_SAMPLES	2	/* of a moment ago, to guess from */
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

/* Nobody came through where nothing had to be opened: it is not as it was said. */
static void unanswered(struct flow *f, const char *why)
{
	struct path *p = f->path;
	bool forwarded = f->forwarded, probe = f->probe;

	if (!forwarded || !probe) {
		flow_fail(f, why);
		if (forwarded)
			session_lost(p->session, "%s's router does not forward any more",
				     p->session->peer->name);
		return;
	}
	flow_say(f, "end", NULL);
	flow_free(f);
	path_unforwarded(p);
}

static void add_endpoint(json_t *array, const union endpoint *ep)
{
	char s[ENDPOINT_SIZE];

	json_array_append_new(array, json_string(endpoint_str(s, ep)));
}

/*
 * A probe that need not hear first where to go: what it sends is there as soon as
 * the peer has been told to open, and before "opened" comes back.
 */
static bool is_early(const struct flow *f)
{
	const struct path *p = f->path;

	return f->probe && !f->forwarded && !p->dependent &&
	       !p->remote_dependent && p->session->one_way_ms;
}

static void wait_for_peer(struct flow *f)
{
	f->early = is_early(f);
	flow_arm(f, f->early ? f->path->session->one_way_ms : FLOW_OPEN_MS);
}

void flow_ask(struct flow *f, struct guess *mine)
{
	json_t *from = json_array(), *body;
	int err;

	add_endpoint(from, &f->public);
	if (!mine && !endpoint_equal(&f->public, &f->external->external))
		add_endpoint(from, &f->external->external);
	if (f->path->session->proto == IPPROTO_UDP)
		body = udp_ask(f, from);
	else
		body = json_pack("{so, so}", "from", from, "syn",
				 segment_to_json(&f->syn));
	if (f->forwarded)
		json_object_set_new(body, "forwarded", json_true());
	if (mine)
		json_object_set_new(body, "guess", guess_to_json(mine));
	free(mine);
	f->state = FLOW_ASKED;
	err = flow_say(f, "open", body);
	if (err)
		flow_fail(f, err == -ENOTCONN ? "no broker is connected" :
					  strerror(-err));
	else
		wait_for_peer(f);
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
	flow_ask(f, NULL);
}

/* --- ports that are guessed ------------------------------------------------ */

/* Nobody knows: the peer may still let in what comes from our address. */
static struct guess *guess_nothing(const struct path *p)
{
	struct guess *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->addr = p->public;
	endpoint_set_port(&g->addr, 0);
	g->port[0] = endpoint_port(&p->public);
	g->n = 1;
	g->flows = 1;
	return g;
}

/*
 * What we guess now will be sent when the peer has opened; he takes samples first if
 * his ports have to be guessed, too: about two round trips with TCP.
 */
static unsigned int until_sent(const struct path *p)
{
	return (p->remote_dependent ? 4 : 2) * p->session->one_way_ms;
}

static void on_samples(void *data)
{
	struct flow *f = data;
	struct path *p = f->path;
	const union endpoint *dst = f->probe ? &p->remote[0].ep :
					       &p->chosen.ep;
	struct guess *mine = NULL;

	samples_free(f->samples);
	f->samples = NULL;
	f->locals = locals_open(p->gateway, IPPROTO_TCP, 1);
	if (f->locals)
		mine = guess_ask(p->gateway, IPPROTO_TCP,
				 &f->locals->at[0].ep, dst, until_sent(p));
	if (!mine)
		mine = guess_nothing(p);
	if (mine && p->remote_by_address)
		guess_trim(mine, 1, 1);
	else if (mine && p->remote_dependent && !path_opens_many(p))
		guess_meet(mine);
	if (mine && mine->flows > 1) {
		locals_free(p->gateway, f->locals);
		f->locals = locals_open(p->gateway, IPPROTO_TCP, mine->flows);
	}
	if (!mine || !f->locals) {
		free(mine);
		flow_fail(f, "too many ports are in use for other clients");
		return;
	}
	f->public = f->locals->at[0].ep;
	log_debug("our NATs will take one of %u ports (%.0f %%)", mine->n,
		  100 * mine->p);
	flow_ask(f, mine);
}

static void start_guessing(struct flow *f)
{
	f->state = FLOW_MAPPING;
	if (f->path->session->proto == IPPROTO_UDP) {
		udp_guess(f);
		return;
	}
	f->samples = samples_take(f->path->gateway, IPPROTO_TCP, FRESH_SAMPLES,
				  on_samples, f);
	if (!f->samples)
		flow_fail(f, "no STUN server can be asked");
}

static void make_id(char id[FLOW_ID_SIZE])
{
	uint8_t random[(FLOW_ID_SIZE - 1) / 2];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(id, FLOW_ID_SIZE, random, sizeof(random));
}

struct flow *flow_ask_new(struct path *p)
{
	char id[FLOW_ID_SIZE];
	struct flow *f;

	make_id(id);
	f = flow_new(p, id);
	if (f)
		f->way = CANDIDATE_KINDS;
	return f;
}

void flow_ask_free(struct flow *f)
{
	if (f->parked)
		queue_verdict(f->path->gateway->queue, f->packet,
			      QUEUE_LET_GO);
	mapped_free(f->mapped);
	checks_free(f->checks);
	if (!f->probe)
		external_put(f->external);
}

/* --- probes, and copies of clients' SYNs ------------------------------------ */

static void begin(struct flow *f)
{
	if (f->path->dependent && !f->forwarded)
		start_guessing(f);
	else
		flow_ask(f, NULL);
}

void flow_end_probes(struct path *p)
{
	struct flow *f, *next;

	for (f = p->flows; f; f = next) {
		next = f->next;
		if (!f->probe)
			continue;
		flow_say(f, "end", NULL);
		flow_free(f);
	}
}

void flow_probe(struct path *p, bool forwarded)
{
	struct flow *f = flow_ask_new(p);

	if (!f) {
		path_probed(p, NULL, "out of memory");
		return;
	}
	f->probe = true;
	f->forwarded = forwarded;
	if (!p->dependent && !p->remote_dependent && !forwarded)
		f->way = candidate_kind_of(ways_known(p));
	if (f->way == CANDIDATE_MAPPED)
		f->way = CANDIDATE_KINDS;
	f->external = p->external;
	f->public = p->public;
	segment_syn(&f->syn, &p->external->external, &p->remote[0].ep);
	begin(f);
}

static unsigned int count_locals(const struct flow *f)
{
	return f->locals ? f->locals->n : 1;
}

static unsigned int count_targets(const struct flow *f)
{
	return f->n_targets + (f->guess ? f->guess->n : 0);
}

static union endpoint target_at(const struct flow *f, unsigned int i)
{
	unsigned int n = f->guess ? f->guess->n : 0;

	return i < n ? guess_at(f->guess, i) : f->target[i - n];
}

/*
 * All guessed ones from each of our ports, then the known ones; from each, too, if
 * there are no others. Each copy takes another port of our NATs'.
 */
static unsigned int count_copies(const struct flow *f)
{
	if (!f->guess)
		return f->n_targets * count_locals(f);
	return f->guess->n * count_locals(f) + f->n_targets;
}

static void place_copy(const struct flow *f, unsigned int i,
		       struct segment *syn)
{
	unsigned int n = f->guess ? f->guess->n : f->n_targets;
	unsigned int guessed = f->guess ? n * count_locals(f) : 0;
	unsigned int from = f->guess && i >= guessed ? 0 : i / n;

	syn->src = f->locals ? f->locals->at[from].ep : f->external->external;
	syn->dst = f->guess && i >= guessed ? f->target[i - guessed] :
					      target_at(f, i % n);
}

/* What worked the last time goes first, others when it has not answered. */
static bool is_later(const struct flow *f, const union endpoint *target)
{
	return !f->guess && clock_ms() - f->punched_ms < WAYS_FIRST_MS &&
	       ways_wait(f->path, f->way, target);
}

static void send_copy(void *data, unsigned int i)
{
	struct flow *f = data;
	struct segment syn = f->syn;

	place_copy(f, i, &syn);
	if (!i)
		f->live_ms = clock_ms();
	if (is_later(f, &syn.dst))
		return;
	gateway_craft(f->path->gateway, &syn);
}

/* Our NATs do not care about the port of those that we open ours to. */
static bool opens_many(const struct flow *f)
{
	return f->locals && path_opens_many(f->path);
}

static const union endpoint *predicted(const struct flow *f)
{
	const struct path *p = f->path;
	unsigned int i;

	for (i = 0; i < p->n_remote - 1; i++)
		if (p->remote[i].kind == CANDIDATE_PREDICTED)
			break;
	return &p->remote[i].ep;
}

/* Where a guessed port is meant, nobody can be found at the one of before. */
static void set_targets(struct flow *f)
{
	const struct path *p = f->path;
	unsigned int i;

	f->n_targets = 0;
	if (opens_many(f)) {
		f->target[f->n_targets++] = *predicted(f);
		free(f->guess);
		f->guess = NULL;
		return;
	}
	if (!f->probe && p->chosen.kind != CANDIDATE_PREDICTED)
		f->target[f->n_targets++] = p->chosen.ep;
	for (i = 0; f->probe && i < p->n_remote; i++)
		if (p->remote[i].kind != CANDIDATE_PREDICTED &&
		    candidate_is_tried(p->remote[i].kind, f->forwarded))
			f->target[f->n_targets++] = p->remote[i].ep;
	/* Many ports of ours for one of theirs. */
	if (f->locals && f->locals->n > 1 && f->n_targets > 1)
		f->n_targets = 1;
}

static bool is_guessed(const struct flow *f)
{
	return f->guess || f->locals;
}

static bool is_late(const struct flow *f)
{
	return clock_ms() - f->began_ms >= RELAY_AFTER_MS;
}

/* Both sides' ports are guessed: see guess_meet(). */
static bool meets(const struct flow *f)
{
	return f->locals && f->guess && f->guess->n == 1 && !opens_many(f);
}

static void punch(struct flow *f)
{
	struct gateway *gw = f->path->gateway;
	unsigned int i, n, rate = gw->daemon->conf->punch_rate;
	union endpoint ep;

	set_targets(f);
	n = count_targets(f);
	if (!n) {
		flow_fail(f, "the peer does not say which ports to try");
		return;
	}
	f->state = FLOW_PUNCHING;
	f->punched_ms = clock_ms();
	/* Those that are guessed have one address. */
	for (i = 0; i < n; i += f->guess && !i ? f->guess->n : 1) {
		ep = target_at(f, i);
		if (table_expect(gw->table, &ep, &f->external->external,
				 FLOW_OPEN_MS / 1000))
			log_error("nftables: %s", table_error(gw->table));
	}
	n = count_copies(f);
	if (opens_many(f))	/* the peer tries many */
		n += GUESS_PORTS;
	flow_arm(f, is_guessed(f) ? GUESS_MS + n * 1000 / rate :
		    f->forwarded ? FORWARDED_MS : SURE_MS);
	log_debug("trying %u ports of theirs from %u of ours",
		  count_targets(f), count_locals(f));
	f->pace = pace_burst(gw, count_copies(f), meets(f) ? count_locals(f) : 1, COPIES_MS,
			     send_copy, f);
}

static bool is_local(const struct flow *f, const union endpoint *ep)
{
	return f->locals ? locals_find(f->locals, ep) < f->locals->n :
			   endpoint_equal(ep, &f->external->external);
}

/*
 * The peer found one of ours: that one goes on alone. The number is what only the
 * sites know.
 */
bool flow_met(struct flow *f, const struct segment *syn, uint32_t packet)
{
	struct gateway *gw = f->path->gateway;

	if (f->state != FLOW_PUNCHING || !opens_many(f) ||
	    syn->seq != f->syn.seq || !is_local(f, &syn->dst) ||
	    !endpoint_same_addr(&syn->src, &f->target[0]))
		return false;
	queue_verdict(gw->queue, packet, QUEUE_DROP);
	if (f->locals->n == 1)
		return true;
	locals_keep(gw, f->locals, &syn->dst);
	f->target[0] = syn->src;
	pace_free(f->pace);
	f->pace = pace_start(gw, 1, COPIES_MS, send_copy, f);
	return true;
}

/* Other ports of ours, as those are used up. */
static void punch_again(struct flow *f)
{
	struct gateway *gw = f->path->gateway;

	if (!f->probe)
		relay_want(f->path);
	flow_say(f, "end", NULL);
	pace_free(f->pace);
	f->pace = NULL;
	checks_free(f->checks);
	f->checks = NULL;
	locals_free(gw, f->locals);
	f->locals = NULL;
	free(f->guess);
	f->guess = NULL;
	make_id(f->id);
	f->attempts++;
	begin(f);
}

static bool is_target(const struct flow *f, const union endpoint *ep)
{
	unsigned int i;

	for (i = 0; i < f->n_targets; i++)
		if (endpoint_equal(ep, &f->target[i]))
			return true;
	return f->guess && endpoint_same_addr(&f->guess->addr, ep);
}

static void probe_answered(struct flow *f, const struct segment *answer)
{
	struct candidate found = { .kind = CANDIDATE_PREDICTED,
				   .ep = answer->src };
	struct path *p = f->path;
	struct segment rst;
	unsigned int i;

	for (i = 0; i < p->n_remote; i++)
		if (candidate_is_tried(p->remote[i].kind, f->forwarded) &&
		    endpoint_equal(&answer->src, &p->remote[i].ep))
			found.kind = p->remote[i].kind;
	segment_reset(&rst, answer);
	gateway_craft(p->gateway, &rst);
	p->rtt_ms = (unsigned int)(clock_ms() - f->live_ms);
	flow_say(f, "proven", NULL);
	flow_free(f);
	path_probed(p, &found, NULL);
}

static const char refusal[] = "the service refuses connections";

/*
 * NATs say so, too, of ports that are not right, and whoever else has an address
 * that means somebody else where the peer is.
 */
static void refused(struct flow *f, const union endpoint *by)
{
	unsigned int i;

	/* Nor does it count before the peer has opened. */
	if (is_guessed(f) || f->early)
		return;
	for (i = 0; i < f->n_targets; i++)
		if (endpoint_equal(by, &f->target[i]))
			f->refused |= 1U << i;
	if (f->refused == (1U << f->n_targets) - 1)
		unanswered(f, refusal);
}

bool flow_probe_answer(struct flow *f, const struct segment *answer)
{
	if (f->state != FLOW_PUNCHING || answer->ack != f->syn.seq + 1 ||
	    !is_local(f, &answer->dst) || !is_target(f, &answer->src))
		return false;
	if (answer->flags & SEGMENT_RST) {
		refused(f, &answer->src);
		return true;
	}
	if (f->probe) {
		probe_answered(f, answer);
		return true;
	}
	pace_free(f->pace);
	f->pace = NULL;
	if (f->locals)
		locals_keep(f->path->gateway, f->locals, &answer->dst);
	flow_release(f, &answer->src);
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
	f->forwarded = p->chosen.kind == CANDIDATE_MAPPED;
	if (f->forwarded) {
		f->public = p->public;	/* the address is what counts */
		flow_ask(f, NULL);
		return;
	}
	if (p->dependent) {
		start_guessing(f);
		return;
	}
	if (!p->upstream || p->server >= p->gateway->n_servers) {
		flow_ask(f, NULL);
		return;
	}
	f->state = FLOW_MAPPING;
	f->mapped = mapped_ask(p->gateway, p->session->proto,
			       &f->external->external,
			       path_server(p, p->server), on_mapped, f);
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
				   &syn->src, NULL, why);
	if (f->external)
		return true;
	flow_fail(f, why);
	return false;
}

/* Of another host: who would translate for it? It is refused, as by any port. */
static bool is_elsewhere(const struct path *p, const struct segment *syn)
{
	const char *limit = gateway_limit_at(p->gateway, &syn->src);
	char client[ENDPOINT_SIZE];

	if (!limit)
		return false;
	log_warning("%s to %s/%s: it is another host, and %s",
		    endpoint_str(client, &syn->src), p->session->peer->name,
		    p->session->service, limit);
	return true;
}

void flow_client(struct path *p, const struct segment *syn, uint32_t packet)
{
	struct flow *f = NULL;

	if (is_elsewhere(p, syn)) {
		queue_verdict(p->gateway->queue, packet, QUEUE_LET_GO);
		return;
	}
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
 * translate, or what is to have another one, our table does.
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
	if (!err && (f->locals || !f->external->reserved ||
		     gateway_is_own(&f->src)))
		err = table_from(table, &flow, f->locals ?
				 &f->locals->at[0].ep : &f->external->external,
				 ENTRY_S);
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
	const struct path *p = f->path;

	f->early = false;
	if (p->session->proto == IPPROTO_UDP) {
		udp_opened(f, body);
		return;
	}
	if (f->state != FLOW_ASKED)
		return;
	/* Of no use to a client whose way goes to an endpoint that is known. */
	if (f->probe || p->chosen.kind == CANDIDATE_PREDICTED)
		f->guess = guess_from_json(p, json_object_get(body, "guess"));
	if (f->probe || is_guessed(f) ||
	    p->chosen.kind == CANDIDATE_PREDICTED)
		punch(f);
	else
		flow_release(f, &p->chosen.ep);
}

void flow_refused(struct flow *f, const char *why)
{
	flow_fail(f, why);
}

/* A new flow with a new destination, when its next packet comes. */
static void unbind(struct flow *f)
{
	const struct gateway *gw = f->path->gateway;
	struct table_flow flow = { .proto = f->path->session->proto,
				   .src = &f->src, .dst = &f->dst };

	table_forget(gw->table, &flow);
	tracked_kill(gw->tracker, flow.proto, &f->src, &f->dst);
}

void flow_reroute(struct path *p)
{
	struct flow *f, *next;

	for (f = p->flows; f; f = next) {
		next = f->next;
		if (f->probe || f->state == FLOW_LIVE || !is_late(f))
			continue;
		if (f->parked)
			queue_verdict(p->gateway->queue, f->packet,
				      QUEUE_AGAIN);
		else
			unbind(f);
		f->parked = false;
		flow_say(f, "end", NULL);
		flow_free(f);
	}
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
		unanswered(f, "no answer came");
	} else {
		if (is_late(f))
			relay_want(f->path);
		flow_arm(f, f->tries < 5 ? LOOK_MS << ++f->tries : 1000);
	}
}

/* Until FLOW_OPEN_MS: the relay may take it over meanwhile. */
static bool is_patient(struct flow *f)
{
	uint64_t age_ms = clock_ms() - f->began_ms;

	if (f->probe || age_ms >= FLOW_OPEN_MS ||
	    (!relay_want(f->path) && is_guessed(f)))
		return false;
	flow_arm(f, FLOW_OPEN_MS - (unsigned int)age_ms);
	return true;
}

static void begin_early(struct flow *f)
{
	if (f->path->session->proto == IPPROTO_TCP)
		punch(f);
	else
		udp_early(f);
}

void flow_ask_timer(struct flow *f)
{
	switch (f->state) {
	case FLOW_MAPPING:
	case FLOW_LEARNING:
		break;
	case FLOW_ASKED:
		if (f->early)
			begin_early(f);
		else
			flow_fail(f, "the peer does not say that it has opened the way");
		break;
	case FLOW_CHECKING:
		if (udp_widen(f))
			break;
		if (is_guessed(f) && f->attempts < ATTEMPTS)
			punch_again(f);
		else if (!is_patient(f))
			unanswered(f, "no answer came through");
		break;
	case FLOW_PUNCHING:
		if (is_guessed(f) && f->attempts < ATTEMPTS)
			punch_again(f);
		else if (!is_patient(f))
			unanswered(f, f->refused ? refusal :
						   "no answer came through");
		break;
	case FLOW_OPENED:
	case FLOW_LIVE:
		look(f);
		break;
	}
}
