// SPDX-License-Identifier: GPL-2.0
/*
 * Prediction on the wire: a gateway with natpunch behind a NAT of the zoo, a LAN that
 * opens flows all the time, a real STUN server (coturn).
 *
 *	A, A2 --- GA natpunch === natzoo === NET --- SERVER coturn
 *
 * What `natpunchctl predict` says is compared with the endpoint that the server sees
 * then: 100 trials for each step, 60 for each rate of other subscribers; virtual time
 * and seeds make them repeatable. In each of them A asks the STUN server once, A2
 * opens 0 to 60 new flows at 500 a second, and then A opens the flow in question.
 *
 * needs: kernel=6.1 timeout=1200
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../user/stun/stun-message.h"
#include "lab/behave.h"
#include "lab/turn.h"
#include "lab/zoo.h"
#include "natzoo/zoo.h"

#define STUN_PORT	TURN_PORT
#define OTHER_PORT	19302
#define LAN_MOST	60	/* flows of the LAN in a trial */
#define LAN_BURST	5	/* of them at once ... */
#define LAN_PAUSE	10	/* ... and milliseconds until the next */
#define GUESSES		20

static struct job turn;

/* A new upstream that nothing is known of. */
static void begin(const char *kind)
{
	sock_close_all();
	zoo_start(GA, kind);
	gateway(GA, NAT_NATPUNCH, NULL);
}

/* Ask a STUN server from a port of A; whether it answers. */
static bool ask(unsigned int port, struct ep to)
{
	int sock = udp_open(A, host(A, port));
	struct stun_message request;
	uint8_t answer[STUN_MESSAGE_SIZE];
	struct timeval limit = { .tv_sec = 3 };
	bool good;

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	stun_begin_request(&request, STUN_RFC5389);
	good = !connect(sock, &to.sa, ep_len(to)) &&
	       send(sock, request.data, request.len, 0) > 0 &&
	       recv(sock, answer, sizeof(answer), 0) > 0;
	sock_close(sock);
	return good;
}

/*
 * From one port to all the server's endpoints, then from others of both parities;
 * twelve samples.
 */
static bool learn(void)
{
	static const struct {
		unsigned int port, which, to;
	} plan[] = {
		{ 6000, 1, STUN_PORT }, { 6000, 1, OTHER_PORT },
		{ 6000, 2, STUN_PORT }, { 6000, 2, OTHER_PORT },
		{ 6001, 1, STUN_PORT }, { 6001, 2, STUN_PORT },
		{ 6004, 1, STUN_PORT }, { 6007, 1, STUN_PORT },
		{ 6010, 1, OTHER_PORT }, { 6013, 2, STUN_PORT },
		{ 6016, 1, STUN_PORT }, { 6019, 1, STUN_PORT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(plan); i++)
		if (!ask(plan[i].port, server(plan[i].which, plan[i].to)))
			return false;
	return true;
}

/* --- the LAN ---------------------------------------------------------------- */

static void lan_flow(unsigned int port, struct ep to)
{
	int sock = udp_open(A2, host(A2, port));

	udp_send(sock, to);
	sock_close(sock);
}

/*
 * New flows of a neighbour, 500 a second: half of them from a new port, half from one
 * that has a mapping; to where nobody answers. Some are repeated, some are TCP,
 * which is no UDP flow of the upstream's.
 */
static void lan_traffic(unsigned int n)
{
	static unsigned int serial;
	struct ep to;
	unsigned int i;
	int tcp;

	for (i = 0; i < n; i++, serial++) {
		to = ep("192.0.2.129", 1 + serial % 60000);
		if (serial & 1)
			lan_flow(20000 + serial % 20000, to);
		else
			lan_flow(7000, to);
		if (serial % 16 == 1)
			lan_flow(20000 + serial % 20000, to);
		if (serial % 16 == 2) {
			tcp = stream_open(IPPROTO_TCP, A2,
					  host(A2, 20000 + serial % 20000));
			stream_connect(tcp, to);
			sock_close(tcp);
		}
		if (i % LAN_BURST == LAN_BURST - 1)
			sleep_ms(LAN_PAUSE);
	}
}

/* --- what natpunch says ----------------------------------------------------- */

static json_t *ask_natpunch(void)
{
	json_t *o = json_loads(run_output(), 0, NULL);

	if (!o)
		ktap_bail("no JSON: %s", run_output());
	return o;
}

/* The ports to try; how many there are. */
static size_t predict(unsigned int port, struct ep to, unsigned int *ports)
{
	json_t *o, *list, *guess;
	size_t i, n;

	if (natpunchctl("-j predict %s --to %s --ports %d",
			ep_str(host(A, port)), ep_str(to), GUESSES))
		ktap_bail("predict: %s", run_output());
	o = ask_natpunch();
	list = json_object_get(o, "ports");
	n = json_array_size(list);
	for (i = 0; i < n && i < GUESSES; i++) {
		guess = json_array_get(list, i);
		ports[i] = json_integer_value(json_object_get(guess, "port"));
	}
	json_decref(o);
	return i;
}

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "?";
}

/* "apd/step", say, of UDP. */
static void shown_class(char *text, size_t size)
{
	json_t *list, *o;
	size_t i;

	snprintf(text, size, "nothing");
	if (natpunchctl("-j upstream show wan"))
		ktap_bail("upstream show: %s", run_output());
	list = ask_natpunch();
	json_array_foreach(list, i, o)
		if (!strcmp(text_of(o, "proto"), "udp") &&
		    !strcmp(text_of(o, "addr"),
			    ep_addr_str(zoo_inside(GA, 0))))
			snprintf(text, size, "%s/%s", text_of(o, "mapping"),
				 text_of(o, "alloc"));
	json_decref(list);
}

/* --- trials ----------------------------------------------------------------- */

/* How often one of the first @ports was right, and the best there could be. */
struct result {
	unsigned int hits;
	double mean, best, variance;
};

static double poisson(double mean, unsigned int k)
{
	return exp(k * log(mean) - mean - lgamma(k + 1));
}

/* The most probable @n of all numbers of foreign mappings. */
static double best_of(double mean, unsigned int n)
{
	double p, most = 0;
	unsigned int from, i;

	for (from = 0; from < 4 * mean + n; from++) {
		for (p = 0, i = 0; i < n; i++)
			p += poisson(mean, from + i);
		most = fmax(most, p);
	}
	return most;
}

static struct result trials(unsigned int count, double rate,
			    unsigned int ports)
{
	struct result r = { .hits = 0 };
	struct ep to = server(2, 7000), seen;
	struct zoo_dice dice = { 4 };
	unsigned int i, guess[GUESSES];
	unsigned long asked;
	double p, mean;
	size_t n, k;

	for (i = 0; i < count; i++) {
		asked = now_ms();
		if (!ask(30000 + i, server(1, STUN_PORT)))
			ktap_bail("the STUN server is silent");
		lan_traffic(zoo_below(&dice, LAN_MOST + 1));
		n = predict(40000 + i, to, guess);
		mean = rate * (now_ms() - asked) / 1000;
		seen = external(IPPROTO_UDP, A, 40000 + i, to);
		for (k = 0; k < n && k < ports; k++)
			r.hits += guess[k] == ep_port(seen);
		p = mean > 0 ? best_of(mean, ports) : 1;
		r.mean += mean / count;
		r.best += p;
		r.variance += p * (1 - p);
		sock_close_all();
	}
	return r;
}

static void constant_step(int step)
{
	char kind[80];
	struct result r;

	sprintf(kind, "sequential,step=%d,seed=%d,mappings=65536", step,
		step + 100);
	begin(kind);
	if (!learn())
		ktap_bail("the STUN server is silent");
	r = trials(100, 0, 1);
	ktap_ok(r.hits >= 99,
		"step %+d, a busy LAN: the first port is right %u times in 100",
		step, r.hits);
}

static void with_others(double rate, unsigned int ports)
{
	struct result r;
	char kind[80];

	sprintf(kind, "sequential,seed=5,mappings=65536,cross=%g", rate);
	begin(kind);
	if (!learn())
		ktap_bail("the STUN server is silent");
	r = trials(60, rate, ports);
	/* A point below the best, and what chance may do. */
	ktap_ok(r.hits >= r.best - 0.6 - 3 * sqrt(r.variance),
		"others, %.1f mappings a trial: one of %u ports is right %u times in 60, at best %.1f",
		r.mean, ports, r.hits, r.best);
}

static void class_of(const struct zoo_preset *preset)
{
	static const char * const words[] = {
		[ZOO_CLASS_NONE] = "none/",
		[ZOO_CLASS_PRESERVING] = "ei/preserve",
		[ZOO_CLASS_EI] = "ei/",
		[ZOO_CLASS_AD] = "ad/",
		[ZOO_CLASS_STEP] = "apd/step",
		[ZOO_CLASS_PARITY] = "apd/parity",
		[ZOO_CLASS_PER_DEST] = "apd/per-dest",
		[ZOO_CLASS_BLOCK] = "apd/block",
		[ZOO_CLASS_BAND] = "apd/band",
		[ZOO_CLASS_RANDOM] = "apd/random",
	};
	struct zoo_kind kind;
	const char *want;
	char shown[64];

	zoo_preset(preset->name, &kind);
	want = words[zoo_class(&kind)];
	/* What a flow from a new port gets, which is what will be asked. */
	if (kind.preserve && kind.mapping == ZOO_APD && !kind.overload)
		want = "apd/preserve";
	begin(preset->name);
	/* What is not translated has to find back. */
	if (kind.mapping == ZOO_NONE)
		must(NET, "ip route add %s dev ga",
		     ep_addr_str(zoo_inside(GA, 0)));
	if (!learn())
		ktap_bail("%s: the STUN server is silent", preset->name);
	shown_class(shown, sizeof(shown));
	ktap_ok(!strncmp(shown, want, strlen(want)), "%s is seen as %s",
		preset->name, shown);
}

int main(int argc, char **argv)
{
	/* predict_lan trials: no classes. */
	size_t n = argc > 1 && !strcmp(argv[1], "trials") ? 0
							  : zoo_presets_count;
	const char *missing = natpunch_missing();
	char addresses[128];
	size_t i;

	if (missing)
		ktap_skip_all("%s", missing);
	lab_start();
	ktap_plan(n + 5);
	snprintf(addresses, sizeof(addresses), "%s -L %s",
		 ep_addr_str(server(1, 0)), ep_addr_str(server(2, 0)));
	turn = turn_start(addresses, OTHER_PORT);
	for (i = 0; i < n; i++)
		class_of(&zoo_presets[i]);
	constant_step(1);
	constant_step(-3);
	with_others(8, 5);
	with_others(40, 10);
	with_others(120, 20);
	job_stop(&turn);
	return ktap_exit();
}
