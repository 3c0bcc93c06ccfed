// SPDX-License-Identifier: GPL-2.0
/*
 * A million mappings on sixteen external addresses: made, looked up, dumped,
 * flushed, expired, while a connection goes on. A thousand inside hosts have a
 * thousand ports each, and every port is wanted on every address.
 *
 * Needs a VM with 4 GiB of memory and nothing else to measure.
 */
#include <arpa/inet.h>
#include <natpunch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define MILLION		1000000
#define ADDRESSES	16
#define HOSTS		1000
#define HOSTS_ADDR	63	/* at most, on one external address */
#define CANDIDATES	2000
#define WINDOW		20
#define REPEATS		10
#define WINDOWS		(2 * REPEATS * WINDOW)	/* mappings that a trial makes */
#define UDP_TIMEOUT	120	/* the least */
#define BESIDE		50	/* the connection's packets, while a train is on its way */

#define WHOLE_GROUP	"1000000 mappings, each"
#define GOING_GROUP	"a connection meanwhile, us of a round trip"

static struct natpunch *natpunch;
static struct ep hosts[HOSTS];

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The first number of /proc/meminfo's line @what, in bytes. */
static double memory(const char *what)
{
	char line[256];
	double kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kb = strtod(line + strlen(what) + 1, NULL);
	if (kb < 0)
		ktap_bail("no %s in /proc/meminfo", what);
	fclose(f);
	return kb * 1024;
}

/* How long the processor has had nothing to do, in ns. */
static double idle(void)
{
	double up, idle;
	FILE *f = fopen("/proc/uptime", "r");

	if (!f || fscanf(f, "%lf %lf", &up, &idle) != 2)
		ktap_bail("no /proc/uptime");
	fclose(f);
	return idle * 1e9;
}

static void prepare(void)
{
	net_run(NATPUNCH,
		"set -e; nsenter -t 1 -n sysctl -qw"
		"  net.netfilter.nf_conntrack_buckets=1048576"
		"  net.netfilter.nf_conntrack_max=3000000\n"
		"echo 1200000 >/sys/module/natpunch/parameters/max_mappings\n"
		"echo 1500000 >/sys/module/natpunch/parameters/max_flows\n"
		"sysctl -qw net.netfilter.nf_conntrack_udp_timeout=60\n"
		"set --\n"
		"for i in $(seq 2 %u); do\n"
		"  [ $i = 2 ] || ip addr add 203.0.113.$i/24 dev wan\n"
		"  [ $i = 2 ] || ip -n s2 neigh add 203.0.113.$i"
		"    lladdr 02:00:00:00:00:03 dev eth0\n"
		"  set -- \"$@\" --address 203.0.113.$i\n"
		"done\n"
		"natpunchctl wan set wan --udp-timeout %u \"$@\"",
		ADDRESSES + 1, UDP_TIMEOUT);
	if (natpunch_open_netns(&natpunch, "g2"))
		ktap_bail("natpunch can not be opened");
}

static void flush_udp(void)
{
	struct natpunch_mapping udp = {
		.fields = NATPUNCH_HAS(MAPPING_L4PROTO),
		.l4proto = IPPROTO_UDP,
	};
	int err = natpunch_mapping_flush(natpunch, &udp, NULL);

	if (err)
		ktap_bail("flush: %s", natpunch_strerror(natpunch, err));
}

/* Hosts by the external address that they are paired with. */
static struct {
	unsigned int n[ADDRESSES], hosts;
} paired;

static int pair(const struct natpunch_mapping *m, void *data)
{
	unsigned int nth = (ntohl(m->ext_addr.in.s_addr) & 0xff) - 2;

	(void)data;
	if (m->l4proto != IPPROTO_UDP || nth >= ADDRESSES ||
	    paired.n[nth] == HOSTS_ADDR || paired.hosts == HOSTS)
		return 0;
	paired.n[nth]++;
	hosts[paired.hosts++] = ep_make(AF_INET, &m->int_addr.in, 0);
	return 0;
}

/* So many hosts that every external address can serve those it has. */
static void find_hosts(void)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, SRC_ADDR);
	int err;

	train_reach(NATPUNCH, &train, CANDIDATES);
	err = natpunch_mapping_dump(natpunch, NULL, pair, NULL);
	if (err)
		ktap_bail("dump: %s", natpunch_strerror(natpunch, err));
	if (paired.hosts != HOSTS)
		ktap_bail("%u hosts only", paired.hosts);
	flush_udp();
	sleep(1);
}

static struct train all(void)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, SRC_HOSTS);

	train.hosts = hosts;
	train.n_hosts = HOSTS;
	train.beside = BESIDE;
	return train;
}

/*
 * Make mappings until there are @n. Returns what it took, whoever did it, but
 * for what the packets' own making took.
 */
static double insert(struct train *train, unsigned int n)
{
	double start = now(CLOCK_MONOTONIC), own = 0, before;
	unsigned int some;

	while (train->next[NATPUNCH] < n) {
		some = n - train->next[NATPUNCH];
		before = now(CLOCK_PROCESS_CPUTIME_ID);
		train_ready(NATPUNCH, train, some < TRIAL_MAX ? some : TRIAL_MAX);
		own += now(CLOCK_PROCESS_CPUTIME_ID) - before;
		train_leave();
		train_check(NATPUNCH, train, "mapping");
	}
	return now(CLOCK_MONOTONIC) - start - own;
}

static void report_going(const char *name)
{
	struct trips t = going_end();
	char row[64];

	snprintf(row, sizeof(row), "%s, mean", name);
	report_value(GOING_GROUP, row, t.mean / 1e3, "us");
	snprintf(row, sizeof(row), "%s, worst of %lu", name, t.n);
	report_value(GOING_GROUP, row, t.worst / 1e3, "us");
}

/*
 * Points on the way to the million.
 */

static const struct {
	const char *name;
	unsigned int n;
} points[] = {
	{ "1", 1 },
	{ "1000", 1000 },
	{ "10000", 10000 },
	{ "100000", 100000 },
	{ "1000000", MILLION },
};

#define POINTS ARRAY_SIZE(points)

struct point {
	struct result made, found, inbound;
};

static struct trial natpunch_trial(struct train *train, const char *group,
				   const char *name)
{
	struct trial t = train_trial(train, group, name);

	t.n = WINDOW;
	t.repeats = REPEATS;
	t.without[NO_NAT] = true;
	t.without[MASQUERADE] = true;
	return t;
}

static void prepare_first(enum nat nat, struct trial *t)
{
	struct train *train = t->data;

	flush_udp();
	usleep(20000);
	train->next[nat] = 0;
	train_reach(nat, train, 1);
	train_prepare(nat, t);
}

/* A new mapping where there are about @n. */
static struct result make(struct train *train, unsigned int nth)
{
	struct trial t = natpunch_trial(train,
					"new mapping on 16 addresses, by mappings",
					points[nth].name);
	struct result r;

	if (points[nth].n == 1)
		t.prepare = prepare_first;
	r = measure(&t);
	report_trial(&t, &r);
	return r;
}

/* A new flow of a mapping that there is, beside one without NAT. */
static struct result find(unsigned int nth)
{
	static struct train train;
	struct trial t;
	struct result r;

	if (!train.protocol) {
		train = train_out(AF_INET, IPPROTO_UDP, DST_PORT);
		train.src = ep_at(hosts[0], net_scatter(0));
		train.beside = BESIDE;
	}
	t = natpunch_trial(&train, "look-up, by mappings", points[nth].name);
	t.without[NO_NAT] = false;
	train_reach(NATPUNCH, &train, train.next[NATPUNCH] + 1);
	r = measure(&t);
	report_trial(&t, &r);
	return r;
}

/* A packet from a stranger to a mapping that there is: it is not admitted. */
static struct result refuse(unsigned int nth)
{
	static struct train train;
	struct natpunch_mapping key = {
		.fields = NATPUNCH_HAS(MAPPING_WAN) |
			  NATPUNCH_HAS(MAPPING_L4PROTO) |
			  NATPUNCH_HAS(MAPPING_INT_ADDR) |
			  NATPUNCH_HAS(MAPPING_INT_PORT),
		.wan = "wan",
		.l4proto = IPPROTO_UDP,
		.int_addr.family = AF_INET,
		.int_addr.in = hosts[1].in.sin_addr,
		.int_port = net_scatter(1),
	};
	struct trial t;
	struct result r;
	int err;

	if (!train.protocol) {
		train = train_out(AF_INET, IPPROTO_UDP, SRC_PORT);
		train.from = AT_SERVER;
		train.to = AT_GATEWAY;
		train.src = net_ep(AF_INET, AWAY_EP, 7000);
		train.beside = BESIDE;
	}
	err = natpunch_mapping_get(natpunch, &key, &key);
	if (err)
		ktap_bail("mapping: %s", natpunch_strerror(natpunch, err));
	train.dst = ep_make(AF_INET, &key.ext_addr.in, key.ext_port);
	t = natpunch_trial(&train, "inbound, not admitted, by mappings",
			   points[nth].name);
	r = measure(&t);
	report_trial(&t, &r);
	return r;
}

static double natpunchs(const struct result *r)
{
	return r->of[NATPUNCH].mean;
}

/* natpunch's own part: less the same packet's way without NAT. */
static double part(const struct result *r)
{
	return r->of[NATPUNCH].mean - r->of[NO_NAT].mean;
}

static void compare_points(const struct point *few, const struct point *many)
{
	static const char group[] = "1000000 mappings to 1000";

	report_ratio(group, "new mapping", natpunchs(&many->made) /
					   natpunchs(&few->made), 0);
	report_ratio(group, "look-up, outbound", natpunchs(&many->found) /
						 natpunchs(&few->found), 0);
	report_ratio(group, "look-up, outbound, over no NAT",
		     part(&many->found) / part(&few->found), 0);
	report_ratio(group, "look-up, inbound", natpunchs(&many->inbound) /
						natpunchs(&few->inbound), 0);
}

/* All points; makes all mappings. */
static void measure_points(struct train *train)
{
	struct point p[POINTS];
	unsigned int i;

	for (i = 0; i < POINTS; i++) {
		insert(train, points[i].n < WINDOWS ? points[i].n :
						      points[i].n - WINDOWS);
		p[i].made = make(train, i);
		p[i].found = find(i);
		p[i].inbound = refuse(i);
	}
	compare_points(&p[1], &p[POINTS - 1]);
}

/*
 * All of them
 */

static int count_one(const struct natpunch_mapping *m, void *data)
{
	unsigned int *n = data;

	*n += m->l4proto == IPPROTO_UDP;
	return 0;
}

static unsigned int count_mappings(void)
{
	unsigned int n = 0;
	int err = natpunch_mapping_dump(natpunch, NULL, count_one, &n);

	if (err)
		ktap_bail("dump: %s", natpunch_strerror(natpunch, err));
	return n;
}

static void dump(unsigned int expected)
{
	unsigned int n;
	double start;

	going_begin(1000);
	start = now(CLOCK_MONOTONIC);
	n = count_mappings();
	report_value(WHOLE_GROUP, "dumped",
		     (now(CLOCK_MONOTONIC) - start) / n, "");
	if (n != expected)
		ktap_bail("%u mappings of %u in the dump", n, expected);
	report_going("dump");
}

static void flush(unsigned int n)
{
	double start;

	going_begin(10000);
	start = now(CLOCK_MONOTONIC);
	flush_udp();
	report_value(WHOLE_GROUP, "flushed, with its flow",
		     (now(CLOCK_MONOTONIC) - start) / n, "");
	report_going("flush");
	if (count_mappings())
		ktap_bail("mappings are left after the flush");
}

/* What the processor does in @s seconds. */
static double busy(unsigned int s)
{
	double start = now(CLOCK_MONOTONIC), before = idle();

	sleep(s);
	return now(CLOCK_MONOTONIC) - start - (idle() - before);
}

static void expire(unsigned int n, double quiet)
{
	/* Till the last flow's entry has gone, and its mapping's time is over. */
	const unsigned int s = 60 + UDP_TIMEOUT + 120;
	double taken;

	going_begin(10000);
	taken = busy(s) - quiet * s;
	report_value(WHOLE_GROUP, "expired, with its flow", taken / n, "");
	report_going("expiry");
	if (count_mappings())
		ktap_bail("mappings are left that should have expired");
}

static void start(void)
{
	prepare();
	going_start(NATPUNCH);
	find_hosts();
	going_begin(10000);
}

/* Made, looked up, dumped, flushed. */
void bench_million(void)
{
	struct train train;

	start();
	train = all();
	measure_points(&train);
	report_going("mappings made");
	/* Windows that were taken again have made some more. */
	dump(train.next[NATPUNCH]);
	flush(train.next[NATPUNCH]);
}

/* Made at once, and left to expire. */
void bench_million_expiry(void)
{
	double before, quiet;
	struct train train;

	start();
	quiet = busy(20) / 20;
	report_going("nothing else");

	train = all();
	before = memory("MemFree:");
	going_begin(10000);
	report_value(WHOLE_GROUP, "made, growth of tables included",
		     insert(&train, MILLION) / MILLION, "");
	report_going("mappings made at once");
	before -= memory("MemFree:");
	report_value(WHOLE_GROUP, "memory, bytes, with its flow and conntrack's entry",
		     before / MILLION, "");
	expire(MILLION, quiet);
}
