// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: is a server reached, as whom does it see us, and what does
 * that depend on (RFC 5780 section 4.3)?
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define MORE_PORTS	8

static unsigned int family_index(const struct report *r)
{
	return r->family == AF_INET6;
}

/* Which of our addresses is the source towards the server. */
static int find_local(struct check *c, struct report *r,
		      const struct stun_socket *s)
{
	struct stun_socket route;
	int error;

	if (stun_socket_name(s, &r->local))
		return errno;
	if (!ss_is_any(&r->local))
		return 0;
	if (!check_udp(c, r, &route, 0, &error))
		return error;
	error = connect(route.fd, (const void *)&r->primary,
			stun_sockaddr_len(&r->primary)) ? errno : 0;
	if (!error) {
		uint16_t port = ss_port(&r->local);

		stun_socket_name(&route, &r->local);
		ss_set_port(&r->local, port);
	}
	check_close(c, &route);
	return error;
}

/* Why a server was not reached. Keeps the most telling of several. */
static void blame(struct report *r, const char *server,
		  const struct stun_answer *answer)
{
	enum reach reach = REACH_SILENCE;

	switch (answer->outcome) {
	case STUN_ANSWERED:
	case STUN_REFUSED:
		reach = REACH_NO_STUN;
		break;
	case STUN_SILENCE:
		break;
	case STUN_FAILED:
		reach = answer->error == ENETUNREACH ? REACH_NO_ROUTE :
			answer->error == EPROTO ? REACH_NO_STUN :
						  REACH_REFUSED;
		break;
	}
	if (r->reach_why[0] && reach < r->reach)
		return;
	r->reach = reach;
	if (answer->outcome == STUN_REFUSED)
		snprintf(r->reach_why, sizeof(r->reach_why),
			 "%.100s refused a Binding request: error %u", server,
			 answer->msg.error);
	else if (answer->outcome == STUN_FAILED)
		snprintf(r->reach_why, sizeof(r->reach_why), "%.100s: %s",
			 server, strerror(answer->error));
	else if (answer->outcome == STUN_SILENCE)
		snprintf(r->reach_why, sizeof(r->reach_why),
			 "%.100s did not answer", server);
	else
		snprintf(r->reach_why, sizeof(r->reach_why),
			 "%.100s did not say what it saw", server);
}

/* RFC 3489's OTHER-ADDRESS may be the server's own, or nothing at all. */
static void take_second(struct report *r, const struct stun_answer *answer)
{
	struct sockaddr_storage other;

	if (!stun_sockaddr(&other, &answer->msg.other) ||
	    other.ss_family != r->family || ss_is_any(&other) ||
	    !ss_port(&other))
		return;
	r->rfc5780 = true;
	r->second = other;
}

static bool ask_first(struct check *c, struct report *r, struct stun_socket *s,
		      const struct server *server)
{
	static const enum stun_dialect dialects[] = {
		STUN_RFC5389, STUN_RFC3489
	};
	struct probe p;
	size_t i;

	r->primary = server->addr[family_index(r)];
	for (i = 0; i < ARRAY_SIZE(dialects); i++) {
		r->dialect = dialects[i];
		probe_init(&p, r, &r->primary);
		p.req.timing = timing_first;
		if (probe_ask(c, s, &p))
			break;
		/* Only silence may be for the dialect. */
		if (p.answer.outcome != STUN_SILENCE ||
		    r->protocol == IPPROTO_TCP)
			i = ARRAY_SIZE(dialects);
	}
	if (!p.mapped.ss_family) {
		blame(r, server->text, &p.answer);
		return false;
	}
	if (p.is_old)
		r->dialect = STUN_RFC3489;
	r->reach = REACH_OK;
	r->reach_why[0] = '\0';
	r->server = server->text;
	r->rtt = p.answer.rtt;
	r->mapped = p.mapped;
	take_second(r, &p.answer);
	find_local(c, r, s);
	check_learn(r, &r->local, &p);
	return true;
}

/* --- which endpoints to ask ---------------------------------------------- */

static void add_target(struct report *r, const struct sockaddr_storage *to,
		       bool other)
{
	unsigned int i;

	for (i = 0; i < r->n_targets; i++)
		if (stun_sockaddr_eq(&r->target[i].to, to))
			return;
	if (r->n_targets == CHECK_TARGETS)
		return;
	r->target[r->n_targets].to = *to;
	r->target[r->n_targets++].other = other;
}

/* The server's four endpoints, its own first, then the other servers'. */
static void choose_targets(const struct check *c, struct report *r)
{
	const struct sockaddr_storage *addr;
	struct sockaddr_storage to;
	unsigned int i;

	r->n_targets = 0;
	add_target(r, &r->primary, false);
	if (r->second.ss_family) {
		to = r->primary;
		ss_set_port(&to, ss_port(&r->second));
		add_target(r, &to, false);
		to = r->second;
		ss_set_port(&to, ss_port(&r->primary));
		add_target(r, &to, false);
		add_target(r, &r->second, false);
	}
	for (i = 0; i < c->n_servers; i++) {
		addr = &c->server[i].addr[family_index(r)];
		if (addr->ss_family)
			add_target(r, addr, true);
	}
	r->target[0].mapped = r->mapped;
}

/* --- what the answers say ------------------------------------------------ */

/* What is learnt from two endpoints of a server that saw us. */
struct comparison {
	bool by_port, by_addr;		/* there were such pairs */
	bool port_differs, addr_differs;
};

static struct comparison compare(const struct report *r)
{
	struct comparison cmp = { false };
	const struct target *a, *b;
	bool same;

	for (a = r->target; a < r->target + r->n_targets; a++) {
		for (b = a + 1; b < r->target + r->n_targets; b++) {
			if (!a->mapped.ss_family || !b->mapped.ss_family)
				continue;
			same = stun_sockaddr_eq(&a->mapped, &b->mapped);
			if (ss_same_addr(&a->to, &b->to)) {
				cmp.by_port = true;
				cmp.port_differs |= !same;
			} else {
				cmp.by_addr = true;
				cmp.addr_differs |= !same;
			}
		}
	}
	return cmp;
}

static const char *no_second(const struct report *r)
{
	return r->second.ss_family ?
		       "the server's second address does not answer" :
		"the server has no second address: give another --server, at "
		"another address";
}

static void conclude(struct report *r)
{
	struct comparison cmp = compare(r);
	const char *why = "";

	if (stun_sockaddr_eq(&r->local, &r->mapped)) {
		r->mapping = BEHAVIOUR_NONE;
	} else if (cmp.by_port && cmp.port_differs) {
		r->mapping = BEHAVIOUR_APD;
	} else if (cmp.by_addr && cmp.addr_differs) {
		r->mapping = cmp.by_port ? BEHAVIOUR_AD : BEHAVIOUR_DEPENDENT;
		if (!cmp.by_port)
			why = "no server was reached at two ports of one address";
	} else if (cmp.by_addr) {
		r->mapping = BEHAVIOUR_EI;
	} else {
		r->mapping = BEHAVIOUR_UNKNOWN;
		why = no_second(r);
	}
	snprintf(r->mapping_why, sizeof(r->mapping_why), "%s", why);
}

static bool same_pool(const struct report *r)
{
	unsigned int i;

	for (i = 0; i < r->n_targets; i++)
		if (r->target[i].mapped.ss_family &&
		    !ss_same_addr(&r->target[i].mapped, &r->mapped))
			return false;
	return true;
}

static void take_target(struct report *r, struct target *t,
			const struct probe *p)
{
	t->mapped = p->mapped;
	if (!p->mapped.ss_family)
		return;
	check_learn(r, &r->local, p);
	if (r->second.ss_family && ss_same_addr(&t->to, &r->second))
		r->second_answers = true;
}

/* Mappings of other internal endpoints: do they keep ports, and what comes next? */
static void ask_more_ports(struct check *c, struct report *r)
{
	struct sockaddr_storage local, name;
	struct stun_socket s;
	struct probe p;
	unsigned int i;
	int error;

	for (i = 0; i < MORE_PORTS; i++) {
		if (!check_udp(c, r, &s, 0, &error))
			return;
		probe_init(&p, r, &r->primary);
		if (probe_ask(c, &s, &p) && !stun_socket_name(&s, &name)) {
			local = r->local;
			ss_set_port(&local, ss_port(&name));
			check_learn(r, &local, &p);
			if (!ss_same_addr(&p.mapped, &r->mapped))
				r->pooled = true;
		}
		check_close(c, &s);
	}
}

/* One after the other: the order in which mappings are made is known so. */
void check_mapping_udp(struct check *c, struct report *r, struct stun_socket *s)
{
	struct probe p;
	unsigned int i;

	for (i = 0; i < c->n_servers && r->reach != REACH_OK; i++)
		if (c->server[i].addr[family_index(r)].ss_family)
			ask_first(c, r, s, &c->server[i]);
	if (r->reach != REACH_OK)
		return;
	choose_targets(c, r);
	for (i = 1; i < r->n_targets; i++) {
		probe_init(&p, r, &r->target[i].to);
		probe_ask(c, s, &p);
		take_target(r, &r->target[i], &p);
	}
	r->pooled = !same_pool(r);
	conclude(r);
	ask_more_ports(c, r);
}

/* --- TCP ----------------------------------------------------------------- */

/* All connections stay open until the end: the mapping is one then. */
struct streams {
	struct stun_socket s[CHECK_TARGETS];
	bool open[CHECK_TARGETS];
};

static bool ask_stream(struct check *c, struct report *r, struct streams *st,
		       unsigned int i, uint16_t port, struct probe *p)
{
	int error;

	probe_init(p, r, &r->target[i].to);
	st->open[i] = check_tcp(c, r, &st->s[i], port, &r->target[i].to,
				&error);
	if (!st->open[i]) {
		p->answer.outcome = STUN_FAILED;
		p->answer.error = error;
		return false;
	}
	return probe_ask(c, &st->s[i], p);
}

static bool reach_tcp(struct check *c, struct report *r, struct streams *st)
{
	struct sockaddr_storage local;
	struct server *server;
	struct probe p;

	for (server = c->server; server < c->server + c->n_servers; server++) {
		r->primary = server->addr[family_index(r)];
		if (!r->primary.ss_family)
			continue;
		r->n_targets = 0;
		add_target(r, &r->primary, false);
		r->rtt = 500;
		if (ask_stream(c, r, st, 0, c->local_port, &p)) {
			r->reach = REACH_OK;
			r->server = server->text;
			r->rtt = p.answer.rtt;
			r->mapped = p.mapped;
			r->reach_why[0] = '\0';
			take_second(r, &p.answer);
			stun_socket_name(&st->s[0], &local);
			r->local = local;
			check_learn(r, &r->local, &p);
			return true;
		}
		blame(r, server->text, &p.answer);
		if (st->open[0])
			check_close(c, &st->s[0]);
	}
	return false;
}

void check_tcp_report(struct check *c, struct report *r,
		      const struct report *udp)
{
	static struct streams st;
	struct probe p;
	unsigned int i;

	memset(&st, 0, sizeof(st));
	if (!reach_tcp(c, r, &st))
		return;
	/* Some servers speak of their second address over UDP alone. */
	if (!r->second.ss_family && udp && udp->second.ss_family &&
	    stun_sockaddr_eq(&udp->primary, &r->primary))
		r->second = udp->second;
	choose_targets(c, r);
	for (i = 1; i < r->n_targets; i++) {
		ask_stream(c, r, &st, i, ss_port(&r->local), &p);
		take_target(r, &r->target[i], &p);
	}
	r->pooled = !same_pool(r);
	conclude(r);
	snprintf(r->filtering_why, sizeof(r->filtering_why),
		 "no STUN server connects back over TCP");
	check_hairpin_tcp(c, r, ss_port(&r->local));
	for (i = 0; i < r->n_targets; i++)
		if (st.open[i])
			check_close(c, &st.s[i]);
}
