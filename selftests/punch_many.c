// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand TCP simultaneous opens with each way of releasing a held SYN: random
 * skew of 0 to 5.5 s, either side first, two round trips, under every filtering
 * and under every policy that an admin may have for new connections from outside.
 * All have to connect, and soon after the second SYN.
 *
 * Some hundreds are under way at once, each with ports of its own; the port says
 * which policy it meets.
 *
 * usage: punch_many [SEED]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

#include "lab/gateway.h"
#include "lab/sock.h"

#define SERVICE 3478
#define SKEW_MS 5500
/* Starts are spread: at most 64 SYNs of one address are held at a time. */
#define SPREAD_MS 15000
#define PATIENCE_MS 10000
#define PER_POLICY 84		/* with 3 filterings and 4 policies 1008 */
#define BATCH 32

static const unsigned int rtts[] = { 40, 200 };	/* ms; one for each half */
static const char * const filters[] = { "eif", "adf", "apdf" };
static const struct {
	const char *name, *verdict;
	unsigned int port;	/* its first */
} policies[] = {
	{ "accept", "accept", 20000 },
	{ "reject", "reject", 21000 },
	{ "reject with RST", "reject with tcp reset", 22000 },
	{ "drop", "drop", 23000 },
};

#define PUNCHES (PER_POLICY * ARRAY_SIZE(policies))

/* One end of a punch. */
struct peer {
	enum node node;
	unsigned int port;
	struct ep mapped;	/* as the server saw it */
	int sock, error;
	bool heard;		/* what the other end wrote */
	double connected;	/* when, ms; 0: not yet */
};

struct punch {
	struct peer peer[2];	/* in the order of their SYNs */
	double first, second;	/* when to send them, then when they were */
};

/* What a connection is to do next. */
struct step {
	double at;
	struct punch *punch;
	int which;
};

static struct punch punches[PUNCHES];
static struct step steps[2 * PUNCHES];
static unsigned int n_steps;
static int epoll;

/* How long punches took, for each round trip. */
static struct {
	double ms[3 * PUNCHES];
	unsigned int n;
} taken[ARRAY_SIZE(rtts)];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double uniform(double below)
{
	return below * random() / ((double)RAND_MAX + 1);
}

/* Learning one's external endpoint: the server tells who calls, as STUN does. */

static void ask(struct peer *p)
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

static void learn(struct peer *p)
{
	int error = stream_connected(p->sock, COMES_MS);

	if (error || recv(p->sock, &p->mapped, sizeof(p->mapped), MSG_WAITALL) !=
		     sizeof(p->mapped))
		ktap_bail("the server says nothing: %s", strerror(error));
}

static void learn_all(void)
{
	int listener = stream_listen(IPPROTO_TCP, SERVER, server(1, SERVICE));
	unsigned int i, j;

	for (i = 0; i < PUNCHES; i += BATCH) {
		for (j = i; j < i + BATCH && j < PUNCHES; j++) {
			ask(&punches[j].peer[0]);
			ask(&punches[j].peer[1]);
		}
		for (j = i; j < i + BATCH && j < PUNCHES; j++) {
			tell(listener);
			tell(listener);
		}
		/* The server's words are on their way as long as a SYN is. */
		sleep_ms(500);
		for (j = i; j < i + BATCH && j < PUNCHES; j++) {
			learn(&punches[j].peer[0]);
			learn(&punches[j].peer[1]);
		}
	}
	sock_close_all();
	sleep_ms(500);
}

/* The punches */

static void draw(struct punch *p, unsigned int policy, unsigned int i)
{
	int first = random() & 1;
	struct peer a = { .node = A, .port = policies[policy].port + i };
	struct peer b = { .node = B, .port = policies[policy].port + i };

	p->peer[first] = a;
	p->peer[!first] = b;
	p->first = uniform(SPREAD_MS);
	p->second = p->first + uniform(SKEW_MS);
}

static int by_time(const void *a, const void *b)
{
	double x = ((const struct step *)a)->at, y = ((const struct step *)b)->at;

	return (x > y) - (x < y);
}

static unsigned int rtt_of(const struct punch *p)
{
	return (p - punches) % ARRAY_SIZE(rtts);
}

static void plan(unsigned int rtt, double start)
{
	struct punch *p;

	n_steps = 0;
	for (p = punches; p < punches + PUNCHES; p++) {
		if (rtt_of(p) != rtt)
			continue;
		steps[n_steps++] = (struct step){ start + p->first, p, 0 };
		steps[n_steps++] = (struct step){ start + p->second, p, 1 };
	}
	qsort(steps, n_steps, sizeof(*steps), by_time);
}

/* Which end of which punch an event is about. */
static struct epoll_event event(struct punch *p, int which, uint32_t events)
{
	return (struct epoll_event){
		.events = events,
		.data.u64 = (p - punches) * 2 + which,
	};
}

static void begin(const struct step *s)
{
	struct epoll_event e = event(s->punch, s->which, EPOLLOUT);
	struct peer *p = &s->punch->peer[s->which];

	p->sock = stream_open(IPPROTO_TCP, p->node, host(p->node, p->port));
	*(s->which ? &s->punch->second : &s->punch->first) = now();
	p->error = stream_connect(p->sock, s->punch->peer[!s->which].mapped);
	if (!p->error && epoll_ctl(epoll, EPOLL_CTL_ADD, p->sock, &e))
		ktap_bail("epoll: %s", strerror(errno));
}

/* What an end writes: its own external endpoint. */
static void on_connected(struct punch *punch, int which)
{
	struct epoll_event e = event(punch, which, EPOLLIN);
	struct peer *p = &punch->peer[which];

	p->error = stream_connected(p->sock, 0);
	if (!p->error) {
		p->connected = now();
		if (send(p->sock, &p->mapped, sizeof(p->mapped),
			 MSG_NOSIGNAL) != sizeof(p->mapped))
			p->error = EPIPE;
	}
	epoll_ctl(epoll, p->error ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, p->sock, &e);
}

static void on_data(struct punch *punch, int which)
{
	struct peer *p = &punch->peer[which];
	struct ep got;

	p->heard = recv(p->sock, &got, sizeof(got), 0) == sizeof(got) &&
		   ep_eq(got, punch->peer[!which].mapped);
	epoll_ctl(epoll, EPOLL_CTL_DEL, p->sock, NULL);
}

static void serve(double until)
{
	struct epoll_event events[64];
	double left = until - now();
	struct punch *punch;
	int i, n;

	n = epoll_wait(epoll, events, ARRAY_SIZE(events),
		       left > 0 ? (int)left + 1 : 0);
	for (i = 0; i < n; i++) {
		punch = &punches[events[i].data.u64 / 2];
		if (punch->peer[events[i].data.u64 % 2].connected)
			on_data(punch, events[i].data.u64 % 2);
		else
			on_connected(punch, events[i].data.u64 % 2);
	}
}

static bool succeeded(const struct punch *p)
{
	return p->peer[0].heard && p->peer[1].heard;
}

static bool failed(const struct punch *p)
{
	return p->peer[0].error || p->peer[1].error;
}

static bool all_ended(void)
{
	unsigned int i;

	for (i = 0; i < n_steps; i++)
		if (!succeeded(steps[i].punch) && !failed(steps[i].punch))
			return false;
	return true;
}

static void run_all(unsigned int rtt)
{
	double end = now() + SPREAD_MS + SKEW_MS + PATIENCE_MS;
	unsigned int i = 0;

	lab_delay(rtts[rtt] / 2);
	plan(rtt, now());
	while (now() < end && !(i == n_steps && all_ended())) {
		for (; i < n_steps && steps[i].at <= now(); i++)
			begin(&steps[i]);
		serve(i < n_steps ? steps[i].at : now() + 100);
	}
}

/* What came of them */

static void tell_failure(const struct punch *p)
{
	const struct peer *first = &p->peer[0], *second = &p->peer[1];

	ktap_diag("%s:%u first, %.0f ms apart: %s %s, %s %s",
		  node_name(first->node), first->port, p->second - p->first,
		  node_name(first->node),
		  first->connected ? "connected" : strerror(first->error),
		  node_name(second->node),
		  second->connected ? "connected" : strerror(second->error));
}

/* From the second SYN until both are connected. */
static double duration(const struct punch *p)
{
	double last = p->peer[0].connected;

	if (p->peer[1].connected > last)
		last = p->peer[1].connected;
	return last - p->second;
}

static unsigned int count(unsigned int policy)
{
	struct punch *p = &punches[policy * PER_POLICY];
	unsigned int i, good = 0, told = 0, rtt;

	for (i = 0; i < PER_POLICY; i++, p++) {
		rtt = rtt_of(p);
		if (succeeded(p)) {
			good++;
			taken[rtt].ms[taken[rtt].n++] = duration(p);
		} else if (told++ < 5) {
			tell_failure(p);
		}
	}
	return good;
}

/* For new connections, to the gateway and through it. */
static void set_policies(enum node gw)
{
	char rules[1024] = "";
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		n += sprintf(rules + n, "iifname wan ct state new "
			     "tcp dport %u-%u %s\n", policies[i].port,
			     policies[i].port + PER_POLICY,
			     policies[i].verdict);
	nft(gw, "table inet lab_policy {\n"
	    "	chain input {\n"
	    "		type filter hook input priority filter;\n%s"
	    "	}\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority filter;\n%s"
	    "	}\n"
	    "}\n", rules, rules);
}

static void punch_all(enum nat nat, const char *options)
{
	unsigned int i;

	gateways(nat, nat, options);
	set_policies(GA);
	set_policies(GB);
	lab_delay(rtts[0] / 2);
	for (i = 0; i < PUNCHES; i++)
		draw(&punches[i], i / PER_POLICY, i % PER_POLICY);
	learn_all();
	for (i = 0; i < ARRAY_SIZE(rtts); i++)
		run_all(i);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In round trips. */
static double quantile(unsigned int rtt, double q)
{
	unsigned int n = taken[rtt].n;
	double *ms = taken[rtt].ms;

	if (!n)
		return 0;
	qsort(ms, n, sizeof(*ms), by_size);
	return ms[(unsigned int)(q * (n - 1) + 0.5)] / rtts[rtt];
}

static void forget_times(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rtts); i++)
		taken[i].n = 0;
}

static void report_times(const char *release, double limit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rtts); i++) {
		ktap_ok(taken[i].n && quantile(i, 0.5) <= limit,
			"release %s, %u ms: median at most %g round trips",
			release, rtts[i], limit);
		ktap_diag("of %u: median %.3f round trips, 99 %% %.3f, last %.3f",
			  taken[i].n, quantile(i, 0.5), quantile(i, 0.99),
			  quantile(i, 1));
	}
}

static void thousand(const char *release, double limit)
{
	unsigned int good, policy, filter;
	char options[64];

	forget_times();
	for (filter = 0; filter < ARRAY_SIZE(filters); filter++) {
		snprintf(options, sizeof(options),
			 "--hold icmp --release %s --filter %s", release,
			 filters[filter]);
		punch_all(NAT_NATPUNCH, options);
		for (policy = 0; policy < ARRAY_SIZE(policies); policy++) {
			good = count(policy);
			ktap_ok(good == PER_POLICY,
				"release %s, %s, %s: %u of %u connected",
				release, filters[filter],
				policies[policy].name, good, PER_POLICY);
		}
	}
	report_times(release, limit);
}

/* Where nobody answers, stock is as fast; where somebody does, it fails. */
static void stock(void)
{
	unsigned int policy, good;
	bool drops;

	punch_all(NAT_MASQUERADE, NULL);
	for (policy = 0; policy < ARRAY_SIZE(policies); policy++) {
		forget_times();
		good = count(policy);
		drops = !strcmp(policies[policy].verdict, "drop");
		ktap_ok(drops ? good == PER_POLICY : good < PER_POLICY / 4,
			"masquerade, %s is seen to %s", policies[policy].name,
			drops ? "connect" : "fail");
		ktap_diag("%u of %u connected, median %.3f round trips", good,
			  PER_POLICY, quantile(0, 0.5));
	}
}

static unsigned int choose_seed(int argc, char **argv)
{
	unsigned int seed;

	if (argc > 1)
		return strtoul(argv[1], NULL, 0);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ktap_bail("getrandom: %s", strerror(errno));
	return seed;
}

int main(int argc, char **argv)
{
	unsigned int seed = choose_seed(argc, argv);

	ktap_plan(4 + 2 * (12 + 2));
	ktap_diag("seed %u", seed);
	srandom(seed);
	lab_start();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	stock();
	thousand("drop", 1.6);
	thousand("deliver", 1.1);
	gateways(NAT_NONE, NAT_NONE, NULL);
	return ktap_exit();
}
