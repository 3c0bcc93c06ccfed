// SPDX-License-Identifier: GPL-2.0
/* natpunchctl check: what would help, concluded from all reports. */
#include <stdio.h>

#include "check.h"

enum advice {
	ADVICE_DIRECT,
	ADVICE_BOTH,
	ADVICE_PREDICTION,
	ADVICE_MANY_PORTS,
	ADVICE_RELAY,
	ADVICE_PCP,
	ADVICE_NAT_PMP,
	ADVICE_NESTED_PCP,
	ADVICE_TCP,
	ADVICE_IPV6,
};

static const struct {
	const char *what;
	const char *sentence;
} advices[] = {
	[ADVICE_DIRECT] = { "direct",
		"Nothing: peers reach this machine directly." },
	[ADVICE_BOTH] = { "simultaneous-open",
		"Both sides send at the same time, after a server has told "
		"each the other's endpoint: works with every peer whose "
		"mapping is endpoint-independent or can be predicted." },
	[ADVICE_PREDICTION] = { "prediction",
		"Both sides send at the same time, the peer to the endpoints "
		"that are predicted: works with peers whose own mapping is "
		"endpoint-independent." },
	[ADVICE_MANY_PORTS] = { "many-ports",
		"Many ports at once on this side and many probes from the "
		"peer: works, slowly, with peers whose own mapping is "
		"endpoint-independent." },
	[ADVICE_RELAY] = { "relay",
		"A relay (TURN), for peers whose mapping depends on the "
		"destination, too." },
	[ADVICE_PCP] = { "pcp",
		"The gateway opens ports on request (PCP): a mapping that is "
		"asked for is endpoint-independent and lets everybody in." },
	[ADVICE_NAT_PMP] = { "nat-pmp",
		"The gateway opens ports on request (NAT-PMP): a mapping that "
		"is asked for is endpoint-independent and lets everybody in." },
	[ADVICE_NESTED_PCP] = { "pcp",
		"The gateway opens ports on request (PCP or NAT-PMP), but "
		"another NAT may stand behind it: that helps only if it passes "
		"requests on." },
	[ADVICE_TCP] = { "tcp",
		"TCP: UDP does not pass. Connect both sides at the same time, "
		"or carry everything in a TCP connection to a relay." },
	[ADVICE_IPV6] = { "ipv6",
		"IPv6, which is not translated here: peers that have it, too, "
		"need no prediction and no relay." },
};

struct listener {
	advice_fn *tell;
	void *data;
};

static void give(const struct listener *to, enum advice advice)
{
	to->tell(advices[advice].what, advices[advice].sentence, to->data);
}

static const struct report *find(const struct check *c, int family,
				 int protocol)
{
	const struct report *r;

	for (r = c->report; r < c->report + c->n_reports; r++)
		if (r->family == family && r->protocol == protocol)
			return r;
	return NULL;
}

static bool reached(const struct report *r)
{
	return r && r->reach == REACH_OK;
}

/* Peers that know our endpoint reach it, if both sides send. */
static bool is_simple(const struct report *r)
{
	return reached(r) && (r->mapping == BEHAVIOUR_EI ||
			      r->mapping == BEHAVIOUR_NONE);
}

static bool is_dependent(const struct report *r)
{
	return reached(r) && (r->mapping == BEHAVIOUR_AD ||
			      r->mapping == BEHAVIOUR_APD ||
			      r->mapping == BEHAVIOUR_DEPENDENT);
}

static void about_mapping(const struct report *udp, const struct listener *to)
{
	bool open = udp->filtering == BEHAVIOUR_EI;

	if (is_simple(udp))
		give(to, open && udp->mapping == BEHAVIOUR_NONE ?
				 ADVICE_DIRECT : ADVICE_BOTH);
	if (!is_dependent(udp))
		return;
	if (udp->answer.advice == NP_ADVICE_LIST)
		give(to, ADVICE_PREDICTION);
	else if (udp->answer.advice == NP_ADVICE_BIRTHDAY)
		give(to, ADVICE_MANY_PORTS);
	give(to, ADVICE_RELAY);
}

static void about_gateway(const struct report *r, const struct listener *to)
{
	if (!reached(r) || r->mapping == BEHAVIOUR_NONE ||
	    (!r->pcp && !r->nat_pmp))
		return;
	if (r->n_nats > 1 || !r->nats_exact)
		give(to, ADVICE_NESTED_PCP);
	else
		give(to, r->pcp ? ADVICE_PCP : ADVICE_NAT_PMP);
}

static bool is_free(const struct report *r)
{
	return reached(r) && r->mapping == BEHAVIOUR_NONE;
}

void check_advice(const struct check *c, advice_fn *tell, void *data)
{
	const struct report *udp4 = find(c, AF_INET, IPPROTO_UDP);
	const struct report *tcp4 = find(c, AF_INET, IPPROTO_TCP);
	const struct report *udp6 = find(c, AF_INET6, IPPROTO_UDP);
	const struct report *tcp6 = find(c, AF_INET6, IPPROTO_TCP);
	const struct report *udp = reached(udp4) || !udp6 ? udp4 : udp6;
	const struct report *tcp = reached(tcp4) || !tcp6 ? tcp4 : tcp6;
	const struct listener to = { .tell = tell, .data = data };

	if (reached(udp))
		about_mapping(udp, &to);
	else if (udp && reached(tcp))
		give(&to, ADVICE_TCP);
	about_gateway(udp4, &to);
	if ((is_free(udp6) || is_free(tcp6)) && reached(udp4) &&
	    udp4->mapping != BEHAVIOUR_NONE)
		give(&to, ADVICE_IPV6);
}
