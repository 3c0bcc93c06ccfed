// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: how long an idle UDP mapping lives (RFC 5780 section 4.6).
 *
 * One socket makes a mapping and is silent; after a while another one has the
 * server send to that mapping. Each socket serves for one time only, since what
 * comes in may refresh. Sockets for several times run at once, and a second round
 * looks closer, so that all takes two lifetimes, whatever the precision.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"

#define TIMES		12
#define SHORTEST	10	/* s */

struct idle {
	struct stun_socket s;
	struct probe p;
	uint32_t seconds;
	uint64_t due;
	uint8_t id[NP_STUN_ID];	/* of what is to come in */
	bool heard;
};

static void hear(struct stun_socket *s, const uint8_t *data, size_t len,
		 const struct sockaddr_storage *from)
{
	struct idle *idle = s->data;

	(void)from;
	if (len >= NP_STUN_HEADER && !memcmp(data + 4, idle->id, NP_STUN_ID))
		idle->heard = true;
}

/* Have the server send to that mapping. */
static void knock(struct check *c, const struct report *r,
		  struct stun_socket *asker, struct idle *idle)
{
	uint8_t port[4] = { 0 };
	uint16_t n = ss_port(&idle->p.mapped);
	struct probe p;
	unsigned int tries;

	port[0] = (uint8_t)(n >> 8);
	port[1] = (uint8_t)n;
	probe_init(&p, r, &r->primary);
	if (r->dialect == STUN_RFC3489)
		stun_add_addr(&p.req.message, STUN_A_RESPONSE_ADDRESS,
			      (void *)&idle->p.mapped);
	else
		stun_add(&p.req.message, STUN_A_RESPONSE_PORT, port, 4);
	memcpy(idle->id, p.req.message.data + 4, NP_STUN_ID);
	for (tries = 0; tries < 3 && !idle->heard; tries++) {
		stun_send(asker, p.req.message.data, p.req.message.len,
			  &r->primary, 0);
		check_pause(c, 3 * r->rtt + 200, &idle->heard);
	}
}

static bool open_idle(struct check *c, const struct report *r,
		      struct idle *idle, uint32_t seconds)
{
	int error;

	memset(idle, 0, sizeof(*idle));
	if (!check_udp(c, r, &idle->s, 0, &error))
		return false;
	idle->s.data = idle;
	idle->s.on_packet = hear;
	idle->seconds = seconds;
	probe_init(&idle->p, r, &r->primary);
	if (!probe_ask(c, &idle->s, &idle->p) ||
	    !ss_same_addr(&idle->p.mapped, &r->mapped)) {
		check_close(c, &idle->s);
		return false;
	}
	idle->due = stun_now() + (uint64_t)seconds * 1000;
	return true;
}

static bool is_alive(struct check *c, const struct report *r, struct idle *idle)
{
	struct stun_socket asker;
	uint64_t now = stun_now();
	int error;

	if (now < idle->due)
		check_pause(c, idle->due - now, NULL);
	if (!check_udp(c, r, &asker, 0, &error))
		return false;
	knock(c, r, &asker, idle);
	check_close(c, &asker);
	return idle->heard;
}

/* Ask at each of the times, which ascend, until one finds no mapping. */
static void ask_at(struct check *c, struct report *r, const uint32_t *seconds,
		   unsigned int n)
{
	static struct idle idle[TIMES];
	unsigned int i, opened;

	for (opened = 0; opened < n; opened++)
		if (!open_idle(c, r, &idle[opened], seconds[opened]))
			break;
	for (i = 0; i < opened; i++) {
		check_progress(c, "%s: idle for %u s ...",
			       "lifetime of a UDP mapping", seconds[i]);
		if (is_alive(c, r, &idle[i])) {
			r->lifetime_min = seconds[i];
			continue;
		}
		r->lifetime_max = seconds[i];
		break;
	}
	for (i = 0; i < opened; i++)
		check_close(c, &idle[i].s);
}

/* n times from min to max, the further apart the longer. */
static unsigned int first_times(uint32_t *seconds, uint32_t max)
{
	static const uint32_t usual[] = {
		SHORTEST, 20, 35, 65, 95, 125, 185, 245, 305, 605, 1205, 3605,
	};
	unsigned int n = 0;

	while (n < TIMES - 1 && usual[n] < max) {
		seconds[n] = usual[n];
		n++;
	}
	seconds[n++] = max;
	return n;
}

static unsigned int closer_times(const struct report *r, uint32_t *seconds)
{
	uint32_t from = r->lifetime_min, gap = r->lifetime_max - from;
	unsigned int n = 0, i;

	for (i = 1; i < TIMES && n < TIMES; i++) {
		uint32_t t = from + gap * i / TIMES;

		if (t > from && t < r->lifetime_max &&
		    (!n || t > seconds[n - 1]))
			seconds[n++] = t;
	}
	return n;
}

static bool server_can_knock(struct check *c, struct report *r)
{
	static struct idle idle;
	bool can;

	if (!open_idle(c, r, &idle, 0))
		return false;
	can = is_alive(c, r, &idle);
	check_close(c, &idle.s);
	return can;
}

void check_lifetime(struct check *c, struct report *r)
{
	uint32_t seconds[TIMES];
	unsigned int n;

	if (r->mapping == BEHAVIOUR_NONE) {
		snprintf(r->lifetime_why, sizeof(r->lifetime_why),
			 "there is no mapping");
		return;
	}
	r->lifetime_asked = true;
	if (!server_can_knock(c, r)) {
		snprintf(r->lifetime_why, sizeof(r->lifetime_why),
			 "the server does not send to another mapping when asked to (%s), or several external addresses are in use",
			 r->dialect == STUN_RFC3489 ? "RESPONSE-ADDRESS" :
						      "RESPONSE-PORT");
		return;
	}
	n = first_times(seconds, c->lifetime);
	ask_at(c, r, seconds, n);
	if (!r->lifetime_max)
		return;
	n = closer_times(r, seconds);
	if (n)
		ask_at(c, r, seconds, n);
}
