// SPDX-License-Identifier: GPL-2.0
/* Punches: see punch.h. One run at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"
#include "punch.h"
#include "sock.h"

#define SERVICE 3478
#define PATIENCE_MS 10000
#define BATCH 32

static const struct {
	const char *name, *verdict;
} policies[] = {
	[PUNCH_ACCEPT] = { "accept", "accept" },
	[PUNCH_REJECT] = { "reject", "reject" },
	[PUNCH_REJECT_RST] = { "reject with RST", "reject with tcp reset" },
	[PUNCH_DROP] = { "drop", "drop" },
};

/* What an end is to do. */
struct step {
	double at;
	struct punch *punch;
	int which;
};

static struct {
	struct punch *punches;
	struct step steps[2 * PUNCH_MAX];
	unsigned int n_steps;
	int epoll;
} run_now;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Policies */

static unsigned int first_port(enum punch_policy policy)
{
	return 20000 + policy * PUNCH_MAX;
}

const char *punch_policy_name(enum punch_policy policy)
{
	return policies[policy].name;
}

void punch_policies(void)
{
	char rules[1024] = "";
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		n += sprintf(rules + n, "iifname wan ct state new "
			     "tcp dport %u-%u %s\n", first_port(i),
			     first_port(i + 1) - 1, policies[i].verdict);
	for (i = 0; i < 2; i++)
		nft(i ? GB : GA, "table inet lab_policy {\n"
		    "	chain input {\n"
		    "		type filter hook input priority filter;\n%s"
		    "	}\n"
		    "	chain forward {\n"
		    "		type filter hook forward priority filter;\n%s"
		    "	}\n"
		    "}\n", rules, rules);
}

/* Learning one's external endpoint: the server tells who calls, as STUN does. */

static void assign(struct punch *punches, unsigned int n)
{
	unsigned int used[PUNCH_POLICIES] = { 0 }, i, port;
	struct punch *p;

	if (n > PUNCH_MAX)
		ktap_bail("%u punches at once", n);
	for (i = 0; i < n; i++) {
		p = &punches[i];
		port = first_port(p->policy) + used[p->policy]++;
		p->peer[0] = (struct punch_peer){ p->first, .port = port };
		p->peer[1] = (struct punch_peer){ p->first == A ? B : A,
						  .port = port };
	}
}

static void ask(struct punch_peer *p)
{
	p->sock = stream_open(IPPROTO_TCP, p->node, host(p->node, p->port));
	stream_connect(p->sock, server(1, SERVICE));
}

static void tell(int listener)
{
	struct ep caller;
	int sock = stream_accept(listener, &caller, COMES_MS);

	if (sock < 0)
		ktap_bail("a host does not reach the server");
	if (send(sock, &caller, sizeof(caller), 0) != sizeof(caller))
		ktap_bail("send: %s", strerror(errno));
}

static void learn(struct punch_peer *p)
{
	int error = stream_connected(p->sock, COMES_MS);

	if (error || recv(p->sock, &p->mapped, sizeof(p->mapped), 0) !=
		     sizeof(p->mapped))
		ktap_bail("the server says nothing: %s", strerror(error));
}

static void learn_some(struct punch *p, unsigned int n, int listener)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		ask(&p[i].peer[0]);
		ask(&p[i].peer[1]);
	}
	for (i = 0; i < 2 * n; i++)
		tell(listener);
	/* The last words are on their way. */
	sleep_ms(500);
	for (i = 0; i < n; i++) {
		learn(&p[i].peer[0]);
		learn(&p[i].peer[1]);
	}
}

void punch_learn(struct punch *punches, unsigned int n)
{
	int listener = stream_listen(IPPROTO_TCP, SERVER, server(1, SERVICE));
	unsigned int i;

	assign(punches, n);
	for (i = 0; i < n; i += BATCH)
		learn_some(&punches[i], n - i < BATCH ? n - i : BATCH,
			   listener);
	sock_close_all();
	sleep_ms(500);
}

/* The punches */

static int by_time(const void *a, const void *b)
{
	double x = ((const struct step *)a)->at;
	double y = ((const struct step *)b)->at;

	return (x > y) - (x < y);
}

static void plan(struct punch *punches, unsigned int n)
{
	double start = now(), first;
	struct punch *p;
	unsigned int i;

	run_now.punches = punches;
	run_now.n_steps = 2 * n;
	for (i = 0; i < n; i++) {
		p = &punches[i];
		first = start + p->delay_ms;
		run_now.steps[2 * i] = (struct step){ first, p, 0 };
		run_now.steps[2 * i + 1] = (struct step){
			first + p->skew_ms, p, 1 };
	}
	qsort(run_now.steps, 2 * n, sizeof(*run_now.steps), by_time);
}

/* An event tells which end of which punch it is about. */
static void watch(int op, struct punch *p, int which, uint32_t events)
{
	struct epoll_event e = {
		.events = events,
		.data.u64 = (p - run_now.punches) * 2 + which,
	};

	if (epoll_ctl(run_now.epoll, op, p->peer[which].sock, &e))
		ktap_bail("epoll: %s", strerror(errno));
}

static void begin(const struct step *s)
{
	struct punch_peer *p = &s->punch->peer[s->which];

	p->sock = stream_open(IPPROTO_TCP, p->node, host(p->node, p->port));
	if (s->which)
		s->punch->second = now();
	p->error = stream_connect(p->sock, s->punch->peer[!s->which].mapped);
	if (!p->error)
		watch(EPOLL_CTL_ADD, s->punch, s->which, EPOLLOUT);
}

/* What an end says is its own external endpoint. */
static void on_connected(struct punch *punch, int which)
{
	struct punch_peer *p = &punch->peer[which];

	p->error = stream_connected(p->sock, 0);
	if (!p->error) {
		p->connected = now();
		if (send(p->sock, &p->mapped, sizeof(p->mapped),
			 MSG_NOSIGNAL) != sizeof(p->mapped))
			p->error = EPIPE;
	}
	watch(p->error ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, punch, which, EPOLLIN);
}

static void on_data(struct punch *punch, int which)
{
	struct punch_peer *p = &punch->peer[which];
	ssize_t n;
	struct ep got;

	n = recv(p->sock, &got, sizeof(got), 0);
	if (n == sizeof(got))
		p->heard = ep_eq(got, punch->peer[!which].mapped);
	if (!p->heard)
		p->error = n < 0 ? errno : EPROTO;
	watch(EPOLL_CTL_DEL, punch, which, 0);
}

static void serve(double until)
{
	struct epoll_event events[64];
	double left = until - now();
	struct punch *punch;
	int i, n;

	n = epoll_wait(run_now.epoll, events, ARRAY_SIZE(events),
		       left > 0 ? (int)left + 1 : 0);
	for (i = 0; i < n; i++) {
		punch = &run_now.punches[events[i].data.u64 / 2];
		if (punch->peer[events[i].data.u64 % 2].connected)
			on_data(punch, events[i].data.u64 % 2);
		else
			on_connected(punch, events[i].data.u64 % 2);
	}
}

static bool all_ended(void)
{
	const struct punch_peer *p;
	unsigned int i;

	for (i = 0; i < run_now.n_steps; i++) {
		p = &run_now.steps[i].punch->peer[run_now.steps[i].which];
		if (!p->heard && !p->error)
			return false;
	}
	return true;
}

void punch_run(struct punch *punches, unsigned int n)
{
	unsigned int i = 0;
	double end;

	run_now.epoll = epoll_create1(EPOLL_CLOEXEC);
	plan(punches, n);
	end = (n ? run_now.steps[2 * n - 1].at : 0) + PATIENCE_MS;
	while (now() < end && !(i == 2 * n && all_ended())) {
		for (; i < 2 * n && run_now.steps[i].at <= now(); i++)
			begin(&run_now.steps[i]);
		serve(i < 2 * n ? run_now.steps[i].at : now() + 100);
	}
	close(run_now.epoll);
}

void punch_all(struct punch *punches, unsigned int n)
{
	punch_learn(punches, n);
	punch_run(punches, n);
}

/* What came of it */

bool punch_ok(const struct punch *p)
{
	return p->peer[0].heard && p->peer[1].heard;
}

double punch_ms(const struct punch *p)
{
	double last = p->peer[0].connected;

	if (p->peer[1].connected > last)
		last = p->peer[1].connected;
	return last - p->second;
}

int punch_error(const struct punch *p)
{
	int error = p->peer[0].error ? p->peer[0].error : p->peer[1].error;

	return error ? error : ETIMEDOUT;
}
