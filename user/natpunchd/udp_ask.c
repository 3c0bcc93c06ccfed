// SPDX-License-Identifier: GPL-2.0
/* UDP flows at the site that asks; see udp.h. */
#include "external.h"
#include "udp.h"

/* The first that answers will do: it is the nearest, or the only one. */
static void on_answer(void *data, const union endpoint *remote,
		      unsigned int rtt_ms)
{
	struct candidate found = { .kind = CANDIDATE_PRFLX, .ep = *remote };
	struct flow *f = data;
	struct path *p = f->path;
	unsigned int i;

	if (!f->probe) {
		checks_free(f->checks);
		f->checks = NULL;
		flow_release(f, remote);
		return;
	}
	for (i = 0; i < p->n_remote; i++)
		if (endpoint_equal(&p->remote[i].ep, remote))
			found = p->remote[i];
	p->rtt_ms = rtt_ms;
	flow_say(f, "proven", NULL);
	flow_free(f);
	path_probed(p, &found, NULL);
}

/* It is there: ask it at once, wherever it comes from. */
static void on_request(void *data, const union endpoint *remote)
{
	struct flow *f = data;

	checks_add(f->checks, remote);
	checks_start(f->checks, 0);
}

static const struct checks_ops ops = {
	.answered = on_answer,
	.asked = on_request,
};

json_t *udp_ask(struct flow *f, json_t *from)
{
	const struct path *p = f->path;
	unsigned int i;

	check_key(f->key);
	f->checks = checks_new(p->gateway, &f->external->external, f->id,
			       f->key, true, &ops, f);
	for (i = 0; f->checks && i < p->n_remote; i++)
		checks_add(f->checks, &p->remote[i].ep);
	return json_pack("{so, ss}", "from", from, "key", f->key);
}

void udp_opened(struct flow *f, const json_t *body)
{
	if (!f->checks) {
		flow_fail(f, "out of memory");
		return;
	}
	f->state = FLOW_CHECKING;
	udp_parse(f, json_object_get(body, "to"));
	checks_start(f->checks, 0);
}
