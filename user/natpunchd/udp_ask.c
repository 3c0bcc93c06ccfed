// SPDX-License-Identifier: GPL-2.0
/* UDP flows at the site that asks; see udp.h. */
#include "conf.h"
#include "external.h"
#include "log.h"
#include "relay.h"
#include "table.h"
#include "udp.h"
#include "ways.h"

#define GUESS_MS	1500	/* so long an answer may take */
#define FORWARDED_MS	1500	/* ... if nothing had to be opened */

static void probe_answered(struct flow *f, const union endpoint *remote,
			   unsigned int rtt_ms)
{
	struct candidate found = { .kind = f->path->remote_dependent ?
			CANDIDATE_PREDICTED : CANDIDATE_PRFLX, .ep = *remote };
	struct path *p = f->path;
	unsigned int i;

	for (i = 0; i < p->n_remote; i++)
		if (candidate_is_tried(p->remote[i].kind, f->forwarded) &&
		    endpoint_equal(&p->remote[i].ep, remote))
			found = p->remote[i];
	p->rtt_ms = rtt_ms;
	flow_say(f, "proven", NULL);
	flow_free(f);
	path_probed(p, &found, NULL);
}

/* The first that answers will do: it is the nearest, or the only one. */
static void on_answer(void *data, const union endpoint *local,
		      const union endpoint *remote, unsigned int rtt_ms)
{
	struct flow *f = data;

	if (f->probe) {
		probe_answered(f, remote, rtt_ms);
		return;
	}
	pace_free(f->pace);
	f->pace = NULL;
	checks_free(f->checks);
	f->checks = NULL;
	if (f->locals)
		locals_keep(f->path->gateway, f->locals, local);
	flow_release(f, remote);
}

/* It is there: ask it at once, wherever it comes from. */
static void on_request(void *data, const union endpoint *local,
		       const union endpoint *remote)
{
	struct flow *f = data;

	if (f->locals) {
		/* To nobody else any more, if there were many. */
		if (f->guess)
			guess_add(f->guess, remote);
		if (path_opens_many(f->path)) {
			pace_free(f->pace);
			f->pace = NULL;
		}
		checks_send(f->checks, local, remote, 0);
		return;
	}
	checks_add(f->checks, remote);
	checks_start(f->checks, 0);
}

static const struct checks_ops ops = {
	.answered = on_answer,
	.asked = on_request,
};

/* --- ports that are guessed ------------------------------------------------ */

/* To whom the client's packets will go, as far as it is known by now. */
static const union endpoint *target(const struct flow *f)
{
	const struct path *p = f->path;

	if (f->n_targets)
		return &f->target[0];
	return f->probe ? &p->remote[0].ep : &p->chosen.ep;
}

static void expect(const struct flow *f)
{
	const struct gateway *gw = f->path->gateway;

	if (table_expect(gw->table, target(f), path_address(f->path),
			 FLOW_OPEN_MS / 1000))
		log_error("nftables: %s", table_error(gw->table));
}

/* As with TCP, but that samples take one round trip. */
static unsigned int until_sent(const struct path *p)
{
	return (p->remote_dependent ? 3 : 2) * p->session->one_way_ms;
}

static void on_samples(void *data)
{
	struct flow *f = data;
	struct path *p = f->path;
	struct guess *mine;

	samples_free(f->samples);
	f->samples = NULL;
	f->public = f->external->external;
	mine = guess_ask(p->gateway, IPPROTO_UDP, &f->public, target(f),
			 until_sent(p));
	if (mine && p->remote_by_address)
		guess_trim(mine, 1, 1);
	else if (mine && p->remote_dependent && !path_opens_many(p))
		guess_meet(mine);
	if (mine)
		log_debug("our NATs will take one of %u ports from %u (%.0f %%)",
			  mine->n, mine->flows, 100 * mine->p);
	/* Another attempt takes another port of ours: the first is used up. */
	if (mine && (mine->flows > 1 || f->attempts)) {
		f->locals = locals_open(p->gateway, IPPROTO_UDP, mine->flows);
		expect(f);
	}
	/* If nobody knows, the peer may still let in who knows the key. */
	flow_ask(f, mine);
}

void udp_guess(struct flow *f)
{
	f->samples = samples_take(f->path->gateway, IPPROTO_UDP, UDP_SAMPLES,
				  on_samples, f);
	if (!f->samples)
		flow_fail(f, "no STUN server can be asked");
}

static void send_guessed(void *data, unsigned int i)
{
	const struct flow *f = data;
	const union endpoint to = guess_at(f->guess, i);

	checks_send(f->checks, NULL, &to, 0);
}

/* What there is to try from each port of ours. */
static unsigned int count_guessed(const struct flow *f)
{
	return f->guess ? f->guess->n : 1;
}

static void send_from(void *data, unsigned int i)
{
	const struct flow *f = data;
	unsigned int n = count_guessed(f);
	union endpoint to = *target(f);

	if (f->guess)
		to = guess_at(f->guess, i % n);
	checks_send(f->checks, &f->locals->at[i / n].ep, &to, 0);
}

/* Each port that we try takes one of our own NATs' ports, if those are many. */
static void check_guessed(struct flow *f)
{
	const struct path *p = f->path;

	if (p->dependent && !p->remote_by_address)
		guess_trim(f->guess, 1, 1);
	checks_guess(f->checks, f->guess, NULL);
	f->pace = pace_start(p->gateway, f->guess->n, UDP_REPEAT_MS,
			     send_guessed, f);
}

/* --- the exchange ---------------------------------------------------------- */

json_t *udp_ask(struct flow *f, json_t *from)
{
	const struct path *p = f->path;
	unsigned int i;

	check_key(f->key);
	f->checks = checks_new(p->gateway, &f->external->external, f->id,
			       f->key, true, &ops, f);
	for (i = 0; f->checks && i < p->n_remote; i++)
		if (candidate_is_tried(p->remote[i].kind, f->forwarded) &&
		    !ways_wait(p, f->way, &p->remote[i].ep))
			checks_add(f->checks, &p->remote[i].ep);
	return json_pack("{so, ss}", "from", from, "key", f->key);
}

/* A round of so many packets, and time for an answer; then others are guessed. */
static void arm(struct flow *f, unsigned int n)
{
	int rate = f->path->gateway->daemon->conf->punch_rate;

	flow_arm(f, GUESS_MS + n * 1000 / (unsigned int)rate);
}

/* All endpoints are known. */
static void arm_known(struct flow *f)
{
	flow_arm(f, !f->probe ? RELAY_AFTER_MS :
		 f->way == CANDIDATE_KINDS ? FLOW_OPEN_MS : WAYS_FIRST_MS);
}

static void set_target(struct flow *f, const json_t *to)
{
	const char *s = json_string_value(to);

	f->n_targets = s && endpoint_parse(&f->target[0], s) &&
		       path_leads_out(f->path, &f->target[0]);
}

bool udp_widen(struct flow *f)
{
	const struct path *p = f->path;
	unsigned int i;

	if (f->way == CANDIDATE_KINDS || !f->checks)
		return false;
	f->way = CANDIDATE_KINDS;
	for (i = 0; i < p->n_remote; i++)
		if (candidate_is_tried(p->remote[i].kind, false))
			checks_add(f->checks, &p->remote[i].ep);
	checks_start(f->checks, 0);
	flow_arm(f, FLOW_OPEN_MS);
	return true;
}

/* Where the peer's ports are guessed, too, he is to be found at one of them. */
static void check_from_many(struct flow *f, const json_t *to)
{
	unsigned int n = f->locals->n * count_guessed(f);
	bool many = n > GUESS_MEET || path_opens_many(f->path);

	set_target(f, json_array_get(to, 0));
	checks_guess(f->checks, f->guess, f->locals);
	f->pace = pace_burst(f->path->gateway, n, f->guess && !many ? n : 1,
			     UDP_REPEAT_MS, send_from, f);
	/* The peer tries many himself. */
	arm(f, n + (path_opens_many(f->path) ? GUESS_PORTS : 0));
}

void udp_early(struct flow *f)
{
	if (!f->checks) {
		flow_fail(f, "out of memory");
		return;
	}
	f->state = FLOW_CHECKING;
	arm_known(f);
	checks_start(f->checks, 0);
}

void udp_opened(struct flow *f, const json_t *body)
{
	if (!f->checks) {
		flow_fail(f, "out of memory");
		return;
	}
	f->state = FLOW_CHECKING;
	udp_parse(f, json_object_get(body, "to"));
	f->guess = guess_from_json(f->path, json_object_get(body, "guess"));
	if (f->locals) {
		check_from_many(f, json_object_get(body, "to"));
		return;
	}
	if (f->guess) {
		check_guessed(f);
		arm(f, f->guess->n);
	} else {
		arm_known(f);
	}
	checks_start(f->checks, 0);
	if (f->forwarded)
		flow_arm(f, FORWARDED_MS);
}
