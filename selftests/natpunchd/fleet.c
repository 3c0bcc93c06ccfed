// SPDX-License-Identifier: GPL-2.0
/*
 *	natpunchd_fleet HOST:PORT [SITES [CONNECTS [A-SECOND]]]
 *
 * Many sites at one broker, all of them in this process, each with natpunchd's own
 * keys, presence and sessions, and without a way to connect: how long until all see
 * their peers, and how long a connect's signalling takes, from the wish to when both
 * have the other's candidates. Exits with 1 if that is over its limit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "peer.h"
#include "rendezvous.h"
#include "service.h"
#include "session_private.h"

#define PEERS		10U	/* of each */
#define STARTS_EACH	20	/* every TICK_MS */
#define TICK_MS		100
#define SETTLE_S	300
#define LIMIT_MS	1000U	/* of 99 % */

struct site {
	struct daemon daemon;
	struct conf conf;
	struct conf_broker broker;
	struct conf_peer peers[PEERS];
	char names[PEERS][16];
	struct conf_service service;
	struct session *session;	/* it has asked for */
	uint64_t asked_ms;
	bool checked;
};

static struct fleet {
	struct event_base *base;
	struct event *timer;
	const char *host;
	struct site *sites;
	unsigned int n, started, connects, rate, asked, answered;
	unsigned int *took_ms;
	uint64_t began_ms, settled_ms, asking_ms;
} fleet;

/* --- a way to nowhere ------------------------------------------------------- */

static int gather(struct session *s)
{
	session_gathered(s, json_array());
	return 0;
}

static int check(struct session *s, unsigned int delay_ms)
{
	struct site *site = (struct site *)s->daemon;

	(void)delay_ms;
	if (s->role != SESSION_ASKS || site->session != s || site->checked)
		return 0;
	site->checked = true;
	fleet.took_ms[fleet.answered++] =
		(unsigned int)(clock_ms() - site->asked_ms);
	return 0;
}

static void let_go(struct session *s)
{
	s->path = NULL;
}

const struct path_ops path_ops = {
	.name = "none",
	.gather = gather,
	.check = check,
	.close = let_go,
	.forget = let_go,
};

/* --- the sites ------------------------------------------------------------- */

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(2);
}

static void *must_have(void *p)
{
	if (!p)
		must(-ENOMEM, "memory");
	return p;
}

static void make_site(struct site *site)
{
	site->daemon.base = fleet.base;
	site->daemon.path = &path_ops;
	site->daemon.key = must_have(site_key_new());
	site->broker.hosts.n = 1;
	site->broker.hosts.item = &fleet.host;
	site->service.name = "nothing";
	site->service.proto = IPPROTO_TCP;
	endpoint_parse(&site->service.to, "10.1.0.2:22");
}

/* Its neighbours in a ring. */
static void make_conf(unsigned int i)
{
	struct site *site = &fleet.sites[i];
	static const char *everybody[PEERS];
	unsigned int k, other;

	for (k = 0; k < PEERS; k++) {
		other = (i + fleet.n + k - PEERS / 2 + (k >= PEERS / 2)) %
			fleet.n;
		snprintf(site->names[k], sizeof(site->names[k]), "peer%u", k);
		site->peers[k].name = site->names[k];
		site->peers[k].key =
			*site_key_public(fleet.sites[other].daemon.key);
		everybody[k] = fleet.sites[0].names[k];
	}
	site->service.allow.n = PEERS;
	site->service.allow.item = everybody;
	site->conf = (struct conf) {
		.site = "a site", .prefix = "natpunch", .keepalive = 60,
		.offer_life = 60,
		.brokers = { 1, &site->broker },
		.peers = { PEERS, site->peers },
		.services = { 1, &site->service },
	};
	site->daemon.conf = &site->conf;
}

static void start_site(struct site *site)
{
	must(peer_reload(&site->daemon), "peers");
	must(service_reload(&site->daemon), "services");
	must(rendezvous_start(&site->daemon), "rendezvous");
}

static unsigned int count_online(void)
{
	const struct peer *peer;
	unsigned int i, online = 0;

	for (i = 0; i < fleet.started; i++)
		for (peer = fleet.sites[i].daemon.peers; peer;
		     peer = peer->next)
			online += peer->online;
	return online;
}

/* --- what they do ---------------------------------------------------------- */

static void ask(struct site *site)
{
	const struct wish wish = {
		.peer = site->daemon.peers,
		.service = "nothing",
		.proto = IPPROTO_TCP,
		.listen = site->service.to,
	};

	if (site->session)
		session_close(site->session, "enough");
	site->checked = false;
	site->asked_ms = clock_ms();
	site->session = session_connect(&site->daemon, &wish);
	if (site->session)
		fleet.asked++;
}

static void ask_some(void)
{
	uint64_t since = clock_ms() - fleet.asking_ms;
	unsigned int due = (unsigned int)(since * fleet.rate / 1000);

	while (fleet.asked < due && fleet.asked < fleet.connects)
		ask(&fleet.sites[(fleet.asked * 7919) % fleet.n]);
	/* What is not answered by then counts as that long. */
	if (fleet.asked == fleet.connects &&
	    (fleet.answered == fleet.asked ||
	     since > fleet.connects * 1000 / fleet.rate + 10000))
		event_base_loopbreak(fleet.base);
}

static void tick(evutil_socket_t fd, short what, void *data)
{
	uint64_t now = clock_ms();
	unsigned int i;

	(void)fd;
	(void)what;
	(void)data;
	for (i = 0; i < STARTS_EACH && fleet.started < fleet.n; i++)
		start_site(&fleet.sites[fleet.started++]);
	if (fleet.started < fleet.n) {
		fleet.began_ms = now;
	} else if (fleet.settled_ms) {
		ask_some();
	} else if (count_online() == fleet.n * PEERS) {
		fleet.settled_ms = now;
		fleet.asking_ms = now;
	} else if (now - fleet.began_ms > SETTLE_S * 1000) {
		event_base_loopbreak(fleet.base);
	}
}

static int compare(const void *a, const void *b)
{
	return *(const unsigned int *)a < *(const unsigned int *)b ? -1 :
	       *(const unsigned int *)a > *(const unsigned int *)b;
}

static int tell(void)
{
	unsigned int n = fleet.asked, lost = n - fleet.answered, p99;

	if (!fleet.settled_ms) {
		printf("presence does not settle: %u of %u\n", count_online(),
		       fleet.n * PEERS);
		return 1;
	}
	printf("%u sites with %u peers each: all are seen %llu ms after the last one was started\n",
	       fleet.n, PEERS,
	       (unsigned long long)(fleet.settled_ms - fleet.began_ms));
	while (fleet.answered < n)
		fleet.took_ms[fleet.answered++] = 10000;
	qsort(fleet.took_ms, n, sizeof(*fleet.took_ms), compare);
	p99 = fleet.took_ms[n * 99 / 100];
	printf("%u connects, %u a second: half of them in %u ms, 99 %% in %u ms (limit %u), the last in %u ms; %u without an answer\n",
	       n, fleet.rate, fleet.took_ms[n / 2], p99, LIMIT_MS,
	       fleet.took_ms[n - 1], lost);
	return p99 > LIMIT_MS || lost;
}

static unsigned int number(int argc, char **argv, int i, unsigned int otherwise)
{
	return argc > i ? (unsigned int)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const struct timeval every = { .tv_usec = TICK_MS * 1000 };
	unsigned int i;

	fleet.host = argc > 1 ? argv[1] : "127.0.0.1:1883";
	fleet.n = number(argc, argv, 2, 2000);
	fleet.connects = number(argc, argv, 3, 2000);
	fleet.rate = number(argc, argv, 4, 50);
	if (fleet.n <= PEERS || !fleet.connects || !fleet.rate)
		return 2;
	log_start(false, LOG_ERR);
	fleet.base = must_have(event_base_new());
	fleet.sites = must_have(calloc(fleet.n, sizeof(*fleet.sites)));
	fleet.took_ms = must_have(calloc(fleet.connects,
					 sizeof(*fleet.took_ms)));
	session_listen();
	for (i = 0; i < fleet.n; i++)
		make_site(&fleet.sites[i]);
	for (i = 0; i < fleet.n; i++)
		make_conf(i);
	fleet.timer = event_new(fleet.base, -1, EV_PERSIST, tick, NULL);
	must(event_add(must_have(fleet.timer), &every), "timer");
	event_base_dispatch(fleet.base);
	return tell();
}
