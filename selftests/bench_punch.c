// SPDX-License-Identifier: GPL-2.0
/*
 *	bench_punch run FILE TRIALS PAIR...
 *	bench_punch report FILE
 *
 * run: each PAIR, SERVES/ASKS, where nothing stands for all kinds, TRIALS times over
 * TCP and UDP; one line of JSON for each is added to FILE. "load" for a pair: what
 * packets cost. To be run in the VM. With LOGS=1 in the environment the daemons' logs
 * of what does not connect directly are printed. report: tables of such a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_punch.h"
#include "lab/gateway.h"
#include "lab/sock.h"
#include "lab/visit.h"

#define PATIENCE_MS	15000	/* for a direct path, when it is relayed */
#define CLIENT_MS	10000

static FILE *file;
static int udp_service;

struct proto {
	const char *name, *service;
	unsigned int listen;
};

static const struct proto tcp = { "tcp", "ssh", 2222 };
static const struct proto udp = { "udp", "echo", 5353 };

static const char *seeded(char *text, size_t size, const struct kind *k,
			  unsigned int seed)
{
	if (!k->zoo)
		return NULL;
	snprintf(text, size, "%s,seed=%u", k->zoo, seed);
	return text;
}

static void set_up(const struct kind *a, const struct kind *b,
		   unsigned int trial)
{
	char zoo_a[128], zoo_b[128];

	if (!visit_set_up(seeded(zoo_a, sizeof(zoo_a), a, 2 * trial + 11),
			  seeded(zoo_b, sizeof(zoo_b), b, 2 * trial + 12)))
		ktap_bail("the sites do not see each other: %s", site_log(GB));
	udp_service = udp_open(A, host(A, 53));
	if (!site_ask(GA, "{\"do\":\"service-add\",\"name\":\"echo\","
		      "\"to\":\"10.1.0.2:53\",\"proto\":\"udp\","
		      "\"allow\":[\"siteB\"]}"))
		ktap_bail("service-add: %s", run_output());
}

static struct times connect_sites(const struct proto *proto)
{
	char request[256];
	struct times t;

	snprintf(request, sizeof(request),
		 "{\"do\":\"connect\",\"service\":\"siteA/%s\","
		 "\"listen\":\"10.2.0.1:%u\",\"proto\":\"%s\"}",
		 proto->service, proto->listen, proto->name);
	watch_open(GB, request);
	t = watch_session(proto->service, PATIENCE_MS);
	watch_close();
	return t;
}

/* Milliseconds from the client's SYN to being connected, and data goes both ways. */
static double tcp_client(void)
{
	double begin = watch_ms(), took;
	struct visit v = { .service = -1 };
	struct ep peer;

	v.client = stream_open(IPPROTO_TCP, B2, host(B2, 0));
	stream_connect(v.client, ep("10.2.0.1", tcp.listen));
	if (stream_connected(v.client, CLIENT_MS))
		return NEVER;
	took = watch_ms() - begin;
	v.service = stream_accept(visit_listener(), &peer, 2000);
	return v.service >= 0 && visit_lives(&v) ? took : NEVER;
}

/* ... from its packet to the answer; the packet is not sent twice. */
static double udp_client(void)
{
	int client = udp_open(B2, host(B2, 0));
	double begin = watch_ms(), took;
	struct ep peer, from, to = ep("10.2.0.1", udp.listen);
	unsigned long number = udp_send(client, to);

	if (!udp_wait(udp_service, number, &peer, CLIENT_MS) ||
	    !udp_deliver(udp_service, peer, client, &from) || !ep_eq(from, to))
		return NEVER;
	took = watch_ms() - begin;
	return udp_deliver(client, to, udp_service, &from) ? took : NEVER;
}

static void put(const char *name, double ms)
{
	if (ms < 0)
		fprintf(file, ", \"%s\": null", name);
	else
		fprintf(file, ", \"%s\": %.1f", name, ms);
}

static double since(double ms, double begin)
{
	return ms < 0 || begin < 0 ? NEVER : ms - begin;
}

static void one(const struct kind *a, const struct kind *b, unsigned int trial,
		const struct proto *proto)
{
	struct times t = connect_sites(proto);
	double client = NEVER;

	if (t.direct >= 0 || t.relayed >= 0)
		client = proto == &tcp ? tcp_client() : udp_client();
	fprintf(file, "{\"serves\": \"%s\", \"asks\": \"%s\", \"proto\": \"%s\"",
		a->name, b->name, proto->name);
	put("checking", t.checking);
	put("relayed", since(t.relayed, t.checking));
	put("direct", since(t.direct, t.checking));
	put("client", client);
	fprintf(file, "}\n");
	fflush(file);
	printf("%-7s %-7s %s %u: offer %4.0f direct %5.0f relayed %5.0f client %5.0f ms, model %5.1f %%\n",
	       a->name, b->name, proto->name, trial, t.checking,
	       since(t.direct, t.checking), since(t.relayed, t.checking),
	       client, 100 * model(a, b));
	if (getenv("LOGS") && (client < 0 || t.direct < 0))
		visit_logs();
	site_ask(GB, "{\"do\":\"connection-del\",\"connection\":\"siteA/%s\"}",
		 proto->service);
}

static void pair(const struct kind *a, const struct kind *b,
		 unsigned int trials)
{
	unsigned int i;

	for (i = 0; i < trials; i++) {
		set_up(a, b, i);
		one(a, b, i, &tcp);
		one(a, b, i, &udp);
	}
}

static void pairs(const char *text, unsigned int trials)
{
	const char *slash = strchr(text, '/');
	char serves[32];
	size_t i, j;

	if (!slash)
		ktap_bail("'%s' is no pair: SERVES/ASKS", text);
	snprintf(serves, sizeof(serves), "%.*s", (int)(slash - text), text);
	if ((*serves && !kind_find(serves)) ||
	    (slash[1] && !kind_find(slash + 1)))
		ktap_bail("'%s': there is no such kind", text);
	for (i = 0; i < n_kinds; i++)
		for (j = 0; j < n_kinds; j++)
			if ((!*serves || !strcmp(serves, kinds[i].name)) &&
			    (!slash[1] || !strcmp(slash + 1, kinds[j].name)))
				pair(&kinds[i], &kinds[j], trials);
}

static int measure(int argc, char **argv)
{
	int i;

	if (!getenv("NATPUNCH_VM"))
		ktap_bail("what is measured is the VM's virtual time");
	file = fopen(argv[2], "a");
	if (!file)
		ktap_bail("%s can not be written", argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	lab_start();
	sites_start();
	sites_relay_start();
	site_add_relay(GA, "");
	site_add_relay(GB, "");
	for (i = 4; i < argc; i++) {
		if (strcmp(argv[i], "load"))
			pairs(argv[i], (unsigned int)atoi(argv[3]));
		else
			load(file);
	}
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[1], "run"))
		return measure(argc, argv);
	if (argc == 3 && !strcmp(argv[1], "report"))
		return report(argv[2]);
	fprintf(stderr, "usage: bench_punch run FILE TRIALS PAIR... | report FILE\n");
	return 2;
}
