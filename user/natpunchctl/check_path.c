// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: the hops to the server, and which of them translate.
 *
 * Packets that live for 1, 2, 3 ... hops go to the server, as traceroute's, and
 * to our own external address. A packet to that address never passes the NAT that
 * owns it: where the two ways part is the outermost NAT, or, if it looks at the
 * hops left before it looks where a packet goes, the hop behind it. Then the
 * filter tells: it was opened by packets that this NAT had to forward. Of a NAT
 * that hairpins the way there and back is known to be twice as long.
 *
 * NATs inside of it are concluded from the hops' addresses: who joins two private
 * address spaces translates between them, most likely.
 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define PORT_DISCARD	9
#define PORT_PCP	5351

static const struct stun_timing timing_hop = {
	.rto = 300, .tries = 3, .last = 3,
};

/* What became of a packet that lives for so many hops. */
struct echo {
	struct stun_socket s;
	struct probe p;
	struct sockaddr_storage from;	/* who told; family 0: nobody */
	bool exceeded;			/* time exceeded, else unreachable */
};

static void hear(struct stun_socket *s, const struct stun_icmp *icmp)
{
	struct echo *e = s->data;
	bool v6 = s->family == AF_INET6;

	if (e->from.ss_family || !icmp->from.ss_family)
		return;
	e->from = icmp->from;
	ss_set_port(&e->from, 0);
	e->exceeded = icmp->type == (v6 ? ICMP6_TIME_EXCEEDED :
					  ICMP_TIME_EXCEEDED);
	/* It is known now: do not send again. */
	e->p.req.transaction.next = 0;
	e->p.req.transaction.sent = UINT32_MAX;
}

static unsigned int trace(struct check *c, const struct report *r,
			  const struct sockaddr_storage *to,
			  struct echo e[CHECK_HOPS], unsigned int max)
{
	unsigned int i, n;
	int error;

	for (n = 0; n < max; n++) {
		memset(&e[n], 0, sizeof(e[n]));
		if (!check_udp(c, r, &e[n].s, 0, &error))
			break;
		e[n].s.data = &e[n];
		e[n].s.on_icmp = hear;
		probe_init(&e[n].p, r, to);
		e[n].p.req.ttl = (int)n + 1;
		e[n].p.req.timing = timing_hop;
		probe_start(&e[n].s, &e[n].p);
	}
	for (i = 0; i < n; i++) {
		probe_wait(c, &e[i].p, 1);
		check_close(c, &e[i].s);
	}
	return n;
}

/* --- address spaces ------------------------------------------------------ */

static const struct {
	uint32_t net, mask;
	const char *name;
} spaces[] = {
	{ 0x0a000000, 0xff000000, "10.0.0.0/8" },
	{ 0xac100000, 0xfff00000, "172.16.0.0/12" },
	{ 0xc0a80000, 0xffff0000, "192.168.0.0/16" },
	{ 0x64400000, 0xffc00000, "100.64.0.0/10" },
	{ 0xa9fe0000, 0xffff0000, "169.254.0.0/16" },
};

/* 0: public; else which private space it is of. */
static unsigned int space(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	uint32_t addr;
	unsigned int i;

	if (ss->ss_family == AF_INET6)
		return (in6->sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
	addr = ntohl(((const struct sockaddr_in *)ss)->sin_addr.s_addr);
	for (i = 0; i < ARRAY_SIZE(spaces); i++)
		if ((addr & spaces[i].mask) == spaces[i].net)
			return i + 1;
	return 0;
}

/* --- where the NATs are -------------------------------------------------- */

static void take_hops(struct report *r, const struct echo *e, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (e[i].from.ss_family && e[i].exceeded) {
			r->hop[i].addr = e[i].from;
			continue;
		}
		if (e[i].p.answer.outcome != STUN_ANSWERED)
			continue;
		r->hop[i].addr = r->primary;
		r->hop[i].reached = true;
		r->n_hops = i + 1;
		return;
	}
	/* Not even with the most hops; what is beyond is not asked again. */
	r->n_hops = n;
	while (r->n_hops && !r->hop[r->n_hops - 1].addr.ss_family)
		r->n_hops--;
}

/*
 * Who owns our external address: the first hop that did not send the packet on
 * (it would have told with one hop less that time was exceeded).
 */
static struct nat_place outermost(const struct report *r, const struct echo *e,
				  unsigned int n)
{
	struct nat_place nat = { .lo = 1 };
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (e[i].from.ss_family && !e[i].exceeded) {
			nat.lo = i + 1;	/* it says so itself */
			nat.hi = i + 1;
			break;
		}
		if (e[i].from.ss_family)
			nat.lo = i + 2;
	}
	for (i = nat.lo; !nat.hi && i <= r->n_hops; i++)
		if (r->hop[i - 1].addr.ss_family && !r->hop[i - 1].reached)
			nat.hi = i;
	if (nat.hi == nat.lo && nat.lo <= r->n_hops)
		nat.addr = r->hop[nat.lo - 1].addr;
	return nat;
}

/* See above; what the trace alone says is in @nat. */
static void correct(const struct report *r, struct nat_place *nat)
{
	unsigned int hop = 0;

	if (r->hairpin_hops)
		hop = (r->hairpin_hops + 1) / 2;
	else if (nat->lo == nat->hi && nat->lo > 1 &&
		 r->filter_opens == nat->lo)
		hop = nat->lo - 1;
	if (!hop)
		return;
	*nat = (struct nat_place){ .lo = hop, .hi = hop };
	if (hop <= r->n_hops)
		nat->addr = r->hop[hop - 1].addr;
}

/* A filter remembers what it forwards, so one hop more than its own opens it. */
static void place_filter(struct report *r)
{
	if (r->filter_opens > 1)
		r->filter_hop = r->filter_opens - 1;
}

/* Those inside of hop @end. */
static void find_inner(struct report *r, unsigned int end)
{
	const struct sockaddr_storage *here, *next;
	unsigned int i;

	for (i = 0; i + 1 < end && i + 1 < r->n_hops; i++) {
		here = &r->hop[i].addr;
		next = &r->hop[i + 1].addr;
		if (!here->ss_family || !next->ss_family ||
		    !space(here) || space(here) == space(next))
			continue;
		r->nat[r->n_nats++] = (struct nat_place){
			.lo = i + 1, .hi = i + 1, .addr = *here, .likely = true,
		};
	}
}

void check_hops(struct check *c, struct report *r)
{
	static struct echo e[CHECK_HOPS];

	take_hops(r, e, trace(c, r, &r->primary, e, CHECK_HOPS));
}

void check_nats(struct check *c, struct report *r)
{
	static struct echo e[CHECK_HOPS];
	struct sockaddr_storage own = r->mapped;
	struct nat_place nat;
	unsigned int n;

	place_filter(r);
	if (r->mapping == BEHAVIOUR_NONE) {
		r->nats_exact = true;
		return;
	}
	ss_set_port(&own, PORT_DISCARD);
	n = trace(c, r, &own, e, r->n_hops ? r->n_hops : 1);
	nat = outermost(r, e, n);
	correct(r, &nat);
	if (!nat.hi || nat.lo > nat.hi) {
		snprintf(r->path_why, sizeof(r->path_why),
			 r->n_hops ? "the hops in question do not answer" :
				     "no hop answers");
		nat = (struct nat_place){ 0 };
	}
	find_inner(r, nat.lo ? nat.lo : r->n_hops);
	r->nat[r->n_nats++] = nat;
	/* Nobody stands before the first hop. */
	r->nats_exact = nat.lo == 1 && nat.hi == 1;
}

/* --- what the first hop offers ------------------------------------------- */

struct pcp_ear {
	bool pcp, nat_pmp, heard;
};

static void hear_pcp(struct stun_socket *s, const uint8_t *data, size_t len,
		     const struct sockaddr_storage *from)
{
	struct pcp_ear *ear = s->data;

	/* RFC 6887 section 7.2; RFC 6886 section 3.5 answers version 0. */
	if (ss_port(from) != PORT_PCP || len < 4 || !(data[1] & 0x80))
		return;
	if (data[0] == 2)
		ear->pcp = true;
	else if (data[0] == 0)
		ear->nat_pmp = true;
	ear->heard = ear->pcp || ear->nat_pmp;
}

/*
 * PCP's ANNOUNCE asks for nothing, and whoever speaks NAT-PMP alone should answer
 * that he does not speak version 2. Who does not answer is asked in NAT-PMP, for the
 * external address.
 */
void check_gateway(struct check *c, struct report *r)
{
	static const uint8_t nat_pmp[2];
	uint8_t announce[24] = { 2 };
	const struct sockaddr_in6 *in6 = (const void *)&r->local;
	const struct sockaddr_in *in = (const void *)&r->local;
	struct sockaddr_storage to = r->hop[0].addr;
	struct pcp_ear ear = { false };
	struct stun_socket s;
	unsigned int tries;
	int error;

	if (!r->n_hops || !to.ss_family || r->hop[0].reached ||
	    !check_udp(c, r, &s, 0, &error))
		return;
	r->asked_gateway = true;
	if (r->family == AF_INET6) {
		memcpy(announce + 8, &in6->sin6_addr, 16);
	} else {
		announce[18] = 0xff;
		announce[19] = 0xff;
		memcpy(announce + 20, &in->sin_addr, 4);
	}
	s.data = &ear;
	s.on_packet = hear_pcp;
	ss_set_port(&to, PORT_PCP);
	for (tries = 0; tries < 4 && !ear.heard; tries++) {
		if (tries < 2 ?
		    stun_send(&s, announce, sizeof(announce), &to, 0) :
		    stun_send(&s, nat_pmp, sizeof(nat_pmp), &to, 0))
			break;
		check_pause(c, 250, &ear.heard);
	}
	r->pcp = ear.pcp;
	r->nat_pmp = ear.nat_pmp;
	check_close(c, &s);
}
