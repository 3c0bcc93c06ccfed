// SPDX-License-Identifier: GPL-2.0
/* A budget of packets, shared by all that send; see pace.h. */
#include <stdlib.h>

#include "conf.h"
#include "pace.h"

struct pace {
	struct gateway *gateway;
	struct event *timer;
	unsigned int total, next, every_ms;
	uint64_t round_ms;		/* clock_ms() when it began */
	unsigned int credit;		/* thousandths of packets */
	pace_fn *fn;
	void *data;
};

static void arm(struct pace *p, unsigned int ms)
{
	const struct timeval t = { .tv_sec = ms / 1000,
				   .tv_usec = ms % 1000 * 1000 };

	evtimer_add(p->timer, &t);
}

/* A tick's part of the budget; what others need is theirs. */
static void send_some(struct pace *p)
{
	unsigned int rate = p->gateway->daemon->conf->punch_rate;

	p->credit += rate * PACE_TICK_MS / p->gateway->n_paced;
	if (p->credit < 1000)
		return;
	for (; p->credit >= 1000 && p->next < p->total; p->credit -= 1000)
		p->fn(p->data, p->next++);
	p->credit %= 1000;
}

static void tick(struct pace *p)
{
	uint64_t now = clock_ms();

	if (!p->next)
		p->round_ms = now;
	send_some(p);
	if (p->next < p->total) {
		arm(p, PACE_TICK_MS);
		return;
	}
	p->next = 0;
	arm(p, now - p->round_ms < p->every_ms ?
	       p->every_ms - (unsigned int)(now - p->round_ms) : PACE_TICK_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	(void)fd;
	(void)what;
	tick(data);
}

struct pace *pace_burst(struct gateway *gw, unsigned int total,
			unsigned int at_once, unsigned int every_ms,
			pace_fn *fn, void *data)
{
	struct pace *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->timer = evtimer_new(gw->daemon->base, on_timer, p);
	if (!p->timer) {
		free(p);
		return NULL;
	}
	p->gateway = gw;
	p->total = total;
	p->every_ms = every_ms;
	p->fn = fn;
	p->data = data;
	p->credit = 1000 * at_once;
	gw->n_paced++;
	tick(p);
	return p;
}

struct pace *pace_start(struct gateway *gw, unsigned int total,
			unsigned int every_ms, pace_fn *fn, void *data)
{
	/* Never less than one at once. */
	return pace_burst(gw, total, 1, every_ms, fn, data);
}

void pace_free(struct pace *p)
{
	if (!p)
		return;
	p->gateway->n_paced--;
	event_free(p->timer);
	free(p);
}
