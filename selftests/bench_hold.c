// SPDX-License-Identifier: GPL-2.0
/*
 * What holding SYNs and sparing crafted flows costs. natpunch is compared with
 * itself, the same packets with and without, so these are differences in
 * instructions, each for one packet:
 *
 *   hold: a SYN that is held, against one that the gateway's policy drops; or,
 *   where filtering admits it, one that is copied as well as sent on inwards.
 *   Its later end, in a timer, is not in it.
 *
 *   release: our own SYN that releases a held one, against one that finds none.
 *   A delivered SYN's further way is that of any SYN, and not counted: it is
 *   measured as one that comes by the wire, less what sending and dropping it
 *   at the gateway's door costs.
 *
 *   in use: packets that have nothing to do with either, while a SYN is held
 *   and crafted flows are registered, of the gateway itself or of an inside host.
 */
#include <time.h>

#include "bench.h"
#include "lab/packet.h"

#define CAP 4096	/* np_max_holds */

static const char hold_group[] = "SYN hold, one SYN";
static const char use_group[] = "hold and crafted flows in use, one packet";
static const char own_group[] = "in use, the gateway's own, one packet";
static const char inside_group[] = "in use, flows of an inside host, one packet";

/* A row: who sends what, and which of the settings are compared. */
struct hold_row {
	struct train peer;	/* SYNs from outside */
	struct train own;	/* ours, for the same pairs */
	unsigned int before;	/* SYNs that are held already */
	bool deliver, flood;
	unsigned int which;	/* of the settings */
	unsigned long delivered; /* until now, to the host */
};

enum { WITHOUT, WITH, FROM_WIRE, SENT_ONLY };

/* What @more costs over @less is no part of @f. */
static void take_off(struct figure *f, const struct figure *more,
		     const struct figure *less)
{
	f->mean -= more->mean - less->mean;
	f->median -= more->median - less->median;
}

/* Holding */

static void choose_hold(unsigned int which, struct trial *t)
{
	struct hold_row *row = t->data;

	net_set_hold(which == WITH, false);
	if (which == WITH)
		train_send(NATPUNCH, &row->peer, row->before);
	else
		row->peer.next[NATPUNCH] += row->before;
}

static void prepare_hold(enum nat nat, struct trial *t)
{
	struct hold_row *row = t->data;

	train_ready(nat, &row->peer, t->n);
}

static void go_ready(enum nat nat, struct trial *t)
{
	(void)nat;
	(void)t;
	train_leave();
}

static void finish_hold(enum nat nat, struct trial *t)
{
	struct hold_row *row = t->data;

	train_check(nat, &row->peer, t->name);
}

static void hold(const char *name, struct hold_row *row)
{
	struct trial t = {
		.group = hold_group, .name = name, .n = 50,
		.repeats = row->flood ? 2 : row->before ? 5 : 20,
		.all_tasks = row->flood,
		.prepare = prepare_hold, .go = go_ready, .finish = finish_hold,
		.data = row,
	};
	struct contrast c;

	if (!budget_wants(t.group, name))
		return;
	if (row->flood)
		t.n = TRIAL_MAX;
	c = compare(&t, 2, choose_hold);
	report_contrast(&t, &c);
	net_set_hold(true, false);
	net_forget_all();
}

/* SYNs from strangers to a port of the gateway that is nobody's. */
static struct hold_row strangers(int family)
{
	return (struct hold_row) {
		.peer = {
			.from = AT_SERVER, .to = AT_GATEWAY,
			.protocol = IPPROTO_TCP,
			.src = net_ep(family, FAR_EP, 7000),
			.dst = net_ep(family, GATEWAY_EP, 4000),
			.vary = SRC_ADDR,
		},
	};
}

static void holds(void)
{
	struct hold_row row = strangers(AF_INET);

	hold("held", &row);
	row = strangers(AF_INET6);
	row.peer.vary = SRC_NET;
	hold("IPv6, held", &row);
	row = strangers(AF_INET);
	row.before = CAP;
	hold("held in place of the oldest, at the cap", &row);
	row = strangers(AF_INET);
	row.before = CAP;
	row.flood = true;
	hold("flood: with all that timers and workers do", &row);
	row = strangers(AF_INET);
	row.peer.vary = SRC_PORT;
	row.before = 64;
	hold("not held: its source has its share", &row);
}

static void holds_admitted(void)
{
	struct train open = train_out(AF_INET, IPPROTO_TCP, SAME);
	struct hold_row row = strangers(AF_INET);

	net_run(NATPUNCH, "natpunchctl wan set wan --filter eif");
	train_send(NATPUNCH, &open, 1);
	row.peer.to = AT_HOST;
	row.peer.dst = net_ep(AF_INET, GATEWAY_EP, ep_port(open.src));
	row.peer.next[NATPUNCH] = 1;
	hold("admitted: a copy is kept", &row);
	net_run(NATPUNCH, "natpunchctl wan set wan --filter adf");
}

/* Releasing */

static void choose_release(unsigned int which, struct trial *t)
{
	struct hold_row *row = t->data;

	net_set_hold(which == WITH, row->deliver);
	row->which = which;
	row->peer.stray = which == SENT_ONLY;
	row->peer.to = which == FROM_WIRE ? AT_HOST : AT_GATEWAY;
}

/* What is timed: our SYNs, or the peer's that come by the wire after ours. */
static bool timed_is_own(const struct hold_row *row)
{
	return row->which == WITHOUT || row->which == WITH;
}

static void prepare_release(enum nat nat, struct trial *t)
{
	struct hold_row *row = t->data;

	if (timed_is_own(row)) {
		train_send(nat, &row->peer, t->n);
		train_ready(nat, &row->own, t->n);
	} else {
		train_send(nat, &row->own, t->n);
		train_ready(nat, &row->peer, t->n);
	}
	row->delivered = net_arrived(nat, AT_HOST);
}

static void finish_release(enum nat nat, struct trial *t)
{
	struct hold_row *row = t->data;
	unsigned long want = row->deliver && row->which == WITH ? t->n : 0;
	unsigned long got = net_arrived(nat, AT_HOST) - row->delivered;

	if (timed_is_own(row) && got != want)
		ktap_bail("%s: %lu of %lu delivered", t->name, got, want);
	train_check(nat, timed_is_own(row) ? &row->own : &row->peer, t->name);
}

static void release(const char *name, bool deliver)
{
	struct train own = train_out(AF_INET, IPPROTO_TCP, DST_ADDR);
	struct hold_row row = { .own = own, .deliver = deliver };
	struct trial t = {
		.group = hold_group, .name = name, .n = 50, .repeats = 20,
		.prepare = prepare_release, .go = go_ready,
		.finish = finish_release, .data = &row,
	};
	struct contrast c;

	if (!budget_wants(t.group, name))
		return;
	row.peer = (struct train) {
		.from = AT_SERVER, .protocol = IPPROTO_TCP, .src = own.dst,
		.dst = net_ep(AF_INET, GATEWAY_EP, ep_port(own.src)),
		.vary = SRC_ADDR, .next = { 1, 1, 1 },
	};
	train_send(NATPUNCH, &row.own, 1);
	c = compare(&t, deliver ? 4 : 2, choose_release);
	take_off(&c.of[WITH], &c.of[FROM_WIRE], &c.of[SENT_ONLY]);
	report_contrast(&t, &c);
	net_set_hold(true, false);
	net_forget_all();
}

/* In use */

static void choose_use(unsigned int which, struct trial *t)
{
	(void)t;
	net_set_hold(which == WITH, false);
	net_set_crafted(which == WITH ? 100 : 0, GATEWAY_EP);
}

static void choose_inside(unsigned int which, struct trial *t)
{
	(void)t;
	net_set_hold(which == WITH, false);
	net_set_crafted(which == WITH ? 100 : 0, HOST_EP);
}

/* So that one is held. */
static void hold_one(void)
{
	static struct train stranger;

	if (!stranger.protocol) {
		stranger = strangers(AF_INET).peer;
		/* Nobody else's. */
		stranger.dst = net_ep(AF_INET, GATEWAY_EP, 4001);
	}
	train_send(NATPUNCH, &stranger, 1);
}

static void prepare_reset(enum nat nat, struct trial *t)
{
	hold_one();
	train_prepare(nat, t);
}

static void finish_reset(enum nat nat, struct trial *t)
{
	train_check(nat, t->data, t->name);
}

/*
 * RSTs that the gateway makes, and RSTs that it forwards. Of the former what
 * they answer comes in through a hook, too; that is measured where there is no
 * answer, and taken off.
 */
static void resets(void)
{
	struct train local = {
		.from = AT_SERVER, .to = AT_SERVER, .protocol = IPPROTO_TCP,
		.flags = TCP_SYN | TCP_ACK,
		.src = net_ep(AF_INET, FAR_EP, 7000),
		.dst = net_ep(AF_INET, GATEWAY_EP, 9), .vary = SRC_ADDR,
	};
	struct train unanswered = local;
	struct train forwarded = train_out(AF_INET, IPPROTO_TCP, DST_ADDR);
	struct trial t = {
		.group = use_group,
		.name = "RST of an unregistered flow, made here", .n = 50,
		.repeats = 20, .prepare = prepare_reset, .go = go_ready,
		.finish = finish_reset, .data = &local,
	};
	struct contrast c = compare(&t, 2, choose_use), in;

	unanswered.to = AT_GATEWAY;
	unanswered.dst = ep_at(local.dst, 10);
	t.data = &unanswered;
	in = compare(&t, 2, choose_use);
	take_off(&c.of[WITH], &in.of[WITH], &in.of[WITHOUT]);
	report_contrast(&t, &c);
	choose_use(WITHOUT, NULL);
	t.name = "RST of an unregistered flow, forwarded";
	t.data = &forwarded;
	forwarded.flags = TCP_RST;
	c = compare(&t, 2, choose_inside);
	choose_inside(WITHOUT, NULL);
	report_contrast(&t, &c);
}

void bench_hold(void)
{
	holds();
	holds_admitted();
	release("released: dropped", false);
	release("released: delivered", true);
}

void bench_use(void)
{
	resets();
	established_contrast(use_group, AT_HOST, choose_use);
	established_contrast(own_group, AT_GATEWAY, choose_use);
	choose_use(WITHOUT, NULL);
	established_contrast(inside_group, AT_HOST, choose_inside);
	choose_inside(WITHOUT, NULL);
	net_set_hold(true, false);
	net_forget_all();
}

/* For what is held for 6 s it need not be each time. */
void hold_window(void)
{
	static time_t last;

	if (time(NULL) < last + 3)
		return;
	last = time(NULL);
	hold_one();
}
