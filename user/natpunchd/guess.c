// SPDX-License-Identifier: GPL-2.0
/* Guesses of endpoints to come; see guess.h. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guess.h"
#include "mapped.h"
#include "path.h"

#define FEW_PORTS	16	/* asked for, before we know how many it takes */
#define ENOUGH		(NATPUNCH_PROBABILITY_ONE / 100 * 98)

/* --- what natpunch says ---------------------------------------------------- */

static void put_addr(struct natpunch_addr *addr, const union endpoint *ep)
{
	addr->family = AF_INET;
	addr->in = ep->in.sin_addr;
}

static int ask(struct gateway *gw, const struct natpunch_prediction *question,
	       struct natpunch_prediction *answer, unsigned int flows,
	       unsigned int ports)
{
	*answer = *question;
	answer->flows = flows;
	answer->ports = ports < NATPUNCH_MAX_GUESSES ? ports :
						       NATPUNCH_MAX_GUESSES;
	return natpunch_predict(gw->np, answer, answer);
}

/* Does the guess list this port? */
static bool has_port(const struct guess *g, uint16_t port)
{
	unsigned int i;

	for (i = 0; i < g->n; i++)
		if (g->port[i] == port)
			return true;
	return false;
}

/*
 * natpunch lists no more than NATPUNCH_MAX_GUESSES. Of an upstream that takes any
 * port, any other is as good.
 */
static void fill_up(struct gateway *gw, struct guess *g,
		    const struct natpunch_prediction *answer, unsigned int n)
{
	struct natpunch_upstream u = {
		.fields = NATPUNCH_HAS(UPSTREAM_ADDR) |
			  NATPUNCH_HAS(UPSTREAM_L4PROTO),
		.addr = answer->ext_addr,
		.l4proto = answer->l4proto,
	};
	unsigned int tries, min = 1024, max = 65535;
	uint16_t port;

	if (answer->alloc != NATPUNCH_UPSTREAM_ALLOC_RANDOM)
		return;
	if (!natpunch_upstream_get(gw->np, &u, &u) && u.bounded &&
	    u.port_max > u.port_min) {
		min = u.port_min;
		max = u.port_max;
	}
	for (tries = 0; g->n < n && tries < 2 * GUESS_PORTS; tries++) {
		port = (uint16_t)(min + randombytes_uniform(max - min + 1));
		if (!has_port(g, port))
			g->port[g->n++] = port;
	}
}

static struct guess *to_guess(const struct natpunch_prediction *answer)
{
	struct guess *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->addr.in.sin_family = AF_INET;
	g->addr.in.sin_addr = answer->mapped_addr.in;
	g->flows = answer->flows;
	g->p = (double)answer->p / NATPUNCH_PROBABILITY_ONE;
	for (; g->n < answer->n_guess; g->n++)
		g->port[g->n] = answer->guess[g->n].port;
	return g;
}

static struct guess *of_many(struct gateway *gw,
			     const struct natpunch_prediction *question,
			     const struct natpunch_prediction *advice)
{
	struct natpunch_prediction answer;
	unsigned int ports = advice->advice_ports;
	struct guess *g;

	if (ports > GUESS_PORTS)
		ports = GUESS_PORTS;
	if (ask(gw, question, &answer, advice->advice_flows, ports))
		return NULL;
	g = to_guess(&answer);
	if (!g)
		return NULL;
	fill_up(gw, g, &answer, ports);
	g->p = (double)advice->advice_p / NATPUNCH_PROBABILITY_ONE;
	return g;
}

/* What is listed behind the probable ones is not worth a packet. */
static unsigned int count_enough(const struct natpunch_prediction *answer)
{
	unsigned int i = 0;

	while (i < answer->n_guess && answer->guess[i].sum < ENOUGH)
		i++;
	return i + 1;
}

/* 0: it does not count, or nobody knows how. */
static int step_of(struct gateway *gw, const struct natpunch_prediction *answer)
{
	struct natpunch_upstream u = {
		.fields = NATPUNCH_HAS(UPSTREAM_ADDR) |
			  NATPUNCH_HAS(UPSTREAM_L4PROTO),
		.addr = answer->ext_addr,
		.l4proto = answer->l4proto,
	};

	if (natpunch_upstream_get(gw->np, &u, &u) ||
	    u.alloc != NATPUNCH_UPSTREAM_ALLOC_STEP)
		return 0;
	return u.step;
}

struct guess *guess_ask(struct gateway *gw, int proto,
			const union endpoint *local,
			const union endpoint *dst, unsigned int within)
{
	struct natpunch_prediction q = {
		.fields = NATPUNCH_HAS(PREDICT_WAN) |
			  NATPUNCH_HAS(PREDICT_L4PROTO) |
			  NATPUNCH_HAS(PREDICT_INT_ADDR) |
			  NATPUNCH_HAS(PREDICT_INT_PORT) |
			  NATPUNCH_HAS(PREDICT_DEST_ADDR) |
			  NATPUNCH_HAS(PREDICT_DEST_PORT) |
			  NATPUNCH_HAS(PREDICT_FLOWS) |
			  NATPUNCH_HAS(PREDICT_PORTS) |
			  NATPUNCH_HAS(PREDICT_WITHIN),
		.l4proto = (uint8_t)proto,
		.int_port = endpoint_port(local),
		.dest_port = endpoint_port(dst),
		.within = within,
	}, answer;
	struct guess *g;

	if (!gw->np || !gw->wan[0])
		return NULL;
	strcpy(q.wan, gw->wan);
	put_addr(&q.int_addr, local);
	put_addr(&q.dest_addr, dst);
	if (ask(gw, &q, &answer, 1, FEW_PORTS) || !answer.n_guess ||
	    answer.mapped_addr.family != AF_INET)
		return NULL;
	if (answer.advice == NATPUNCH_PREDICT_ADVICE_BIRTHDAY)
		return of_many(gw, &q, &answer);
	g = to_guess(&answer);
	if (!g)
		return NULL;
	guess_trim(g, count_enough(&answer), 1);
	g->step = step_of(gw, &answer);
	return g;
}

void guess_trim(struct guess *g, unsigned int ports, unsigned int flows)
{
	if (g->n > ports)
		g->n = ports;
	if (g->flows > flows)
		g->flows = flows;
}

void guess_meet(struct guess *g)
{
	int first = 0, last = 0, at;
	unsigned int i;

	/* The others, in steps from the best one. */
	for (i = 1; g->step && i < g->n; i++) {
		at = (int16_t)(g->port[i] - g->port[0]);
		if (at % g->step)
			continue;
		at /= g->step;
		if (at < first && last - at < GUESS_MEET)
			first = at;
		if (at > last && at - first < GUESS_MEET)
			last = at;
	}
	g->port[0] = (uint16_t)(g->port[0] + last * g->step);
	g->flows = (unsigned int)(last - first + 1);
	g->n = 1;
}

void guess_add(struct guess *g, const union endpoint *ep)
{
	if (endpoint_same_addr(&g->addr, ep) && g->n < GUESS_PORTS &&
	    !has_port(g, endpoint_port(ep)))
		g->port[g->n++] = endpoint_port(ep);
}

bool guess_has(const struct guess *g, const union endpoint *ep)
{
	return endpoint_same_addr(&g->addr, ep) &&
	       has_port(g, endpoint_port(ep));
}

union endpoint guess_at(const struct guess *g, unsigned int i)
{
	union endpoint ep = g->addr;

	endpoint_set_port(&ep, g->port[i]);
	return ep;
}

json_t *guess_to_json(const struct guess *g)
{
	json_t *ports = json_array();
	union endpoint first = guess_at(g, 0);
	char s[ENDPOINT_SIZE];
	unsigned int i;

	for (i = 0; i < g->n; i++)
		json_array_append_new(ports, json_integer(g->port[i]));
	return json_pack("{ss, so}", "addr", endpoint_str(s, &first), "ports",
			 ports);
}

struct guess *guess_from_json(const struct path *p, const json_t *json)
{
	json_t *ports, *port;
	struct guess *g;
	const char *addr;
	size_t i;

	if (json_unpack((json_t *)json, "{ss, so}", "addr", &addr, "ports",
			&ports))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->flows = 1;
	json_array_foreach(ports, i, port)
		if (g->n < GUESS_PORTS && json_integer_value(port) > 0 &&
		    json_integer_value(port) <= UINT16_MAX)
			g->port[g->n++] = (uint16_t)json_integer_value(port);
	if (g->n && endpoint_parse(&g->addr, addr) &&
	    path_leads_out(p, &g->addr)) {
		endpoint_set_port(&g->addr, 0);
		return g;
	}
	free(g);
	return NULL;
}

/* --- samples --------------------------------------------------------------- */

struct samples {
	samples_fn *fn;
	void *data;
	unsigned int waiting;
	unsigned int n;
	struct sample {
		struct samples *all;
		struct mapped *mapped;
		bool over;
	} at[];
};

/* The connections stay until all are there: the next one is not to wait. */
static void on_mapped(void *data, int error, const union endpoint *public,
		      unsigned int rtt_ms)
{
	struct sample *sample = data;
	struct samples *all = sample->all;

	(void)error;
	(void)public;
	(void)rtt_ms;
	if (sample->over)
		return;
	sample->over = true;
	if (!--all->waiting)
		all->fn(all->data);
}

/* In no regular order: one would look like a counter for each destination. */
static unsigned int turn(unsigned int i)
{
	return (unsigned int)__builtin_popcount(i);
}

struct samples *samples_take(struct gateway *gw, int proto, unsigned int n,
			     samples_fn *fn, void *data)
{
	struct samples *s = calloc(1, sizeof(*s) + n * sizeof(s->at[0]));
	union endpoint fresh = gw->address;
	const union endpoint *to;
	unsigned int i;

	if (!s)
		return NULL;
	s->fn = fn;
	s->data = data;
	endpoint_set_port(&fresh, 0);
	for (i = 0; i < n && gw->n_servers; i++) {
		to = &gw->servers[turn(i) % gw->n_servers].addr;
		if (to->sa.sa_family != AF_INET)
			continue;
		s->at[s->n].all = s;
		s->at[s->n].mapped = mapped_ask(gw, proto, &fresh, to,
						on_mapped, &s->at[s->n]);
		if (s->at[s->n].mapped)
			s->n++;
	}
	s->waiting = s->n;
	if (s->n)
		return s;
	free(s);
	return NULL;
}

void samples_free(struct samples *s)
{
	unsigned int i;

	if (!s)
		return;
	for (i = 0; i < s->n; i++)
		mapped_free(s->at[i].mapped);
	free(s);
}

/* --- ports of ours --------------------------------------------------------- */

static int open_one(struct gateway *gw, int proto, struct local *l)
{
	socklen_t len = sizeof(l->ep);
	int err;

	l->fd = socket(AF_INET, (proto == IPPROTO_UDP ? SOCK_DGRAM :
			SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	l->ep = gw->address;
	endpoint_set_port(&l->ep, 0);
	if (bind(l->fd, &l->ep.sa, sizeof(l->ep.in)) ||
	    getsockname(l->fd, &l->ep.sa, &len)) {
		err = -errno;
		close(l->fd);
		return err;
	}
	gw->n_locals++;
	return 0;
}

struct locals *locals_open(struct gateway *gw, int proto, unsigned int n)
{
	struct locals *l = calloc(1, sizeof(*l) + n * sizeof(l->at[0]));
	int err = -EMFILE;

	if (!l) {
		errno = ENOMEM;
		return NULL;
	}
	while (l->n < n && gw->n_locals < GUESS_SOCKETS) {
		err = open_one(gw, proto, &l->at[l->n]);
		if (err)
			break;
		l->n++;
	}
	if (l->n)
		return l;
	free(l);
	errno = -err;
	return NULL;
}

unsigned int locals_find(const struct locals *l, const union endpoint *ep)
{
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (endpoint_equal(&l->at[i].ep, ep))
			break;
	return i;
}

void locals_keep(struct gateway *gw, struct locals *l,
		 const union endpoint *ep)
{
	unsigned int i, kept = 0;

	for (i = 0; i < l->n; i++) {
		if (ep && endpoint_equal(&l->at[i].ep, ep)) {
			l->at[kept++] = l->at[i];
		} else {
			close(l->at[i].fd);
			gw->n_locals--;
		}
	}
	l->n = kept;
}

void locals_free(struct gateway *gw, struct locals *l)
{
	if (!l)
		return;
	locals_keep(gw, l, NULL);
	free(l);
}
