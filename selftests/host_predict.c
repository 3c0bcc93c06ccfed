// SPDX-License-Identifier: GPL-2.0
/*
 * The predictor (kernel/predict*.c): every class, few samples, lies, the ring,
 * clocks and counters that jump. Samples are made here, by hand or by rule; what
 * it reaches against whole NATs is bench-predict's matter.
 *
 * Needs no module: it is the same code.
 */
#include <stdint.h>
#include <string.h>

#include "../kernel/predict.h"
#include "lab/ktap.h"

#define RESULTS		54
#define MS		UINT64_C(1000000)
#define SURE		(NP_P_ONE / 20 * 19)

static struct np_predict predict;
static struct np_guess guesses[NP_PREDICT_GUESSES];
static struct np_sample sample;		/* the last one fed */
static uint32_t noise;

static struct np_endpoint endpoint(unsigned int last, unsigned int port)
{
	struct np_endpoint ep;

	memset(&ep, 0, sizeof(ep));
	ep.family = NP_FAMILY_IPV4;
	ep.addr[0] = 100;
	ep.addr[3] = (uint8_t)last;
	ep.port = (uint16_t)port;
	return ep;
}

static void begin(void)
{
	np_predict_reset(&predict);
	memset(&sample, 0, sizeof(sample));
	sample.time = 1000 * MS;
	noise = 1;
}

/* Anything from 0 to @n - 1, the same in each run. */
static uint32_t any(uint32_t n)
{
	noise = noise * 1664525 + 1013904223;
	return (noise >> 8) % n;
}

static enum np_sample_result feed(unsigned int port, unsigned int server,
				  unsigned int server_port, unsigned int mapped)
{
	sample.time += 50 * MS;
	sample.own.flows[port & 1]++;
	sample.own.mappings[port & 1]++;
	sample.internal = endpoint(1, port);
	sample.dest = endpoint(server, server_port);
	sample.mapped = endpoint(200, mapped);
	return np_predict_sample(&predict, &sample);
}

/* The plan: same port to another port and another address, another port. */
static const unsigned int plan[][3] = {
	{ 5000, 10, 1 }, { 5000, 10, 2 }, { 5001, 10, 1 }, { 5001, 20, 1 },
	{ 5000, 20, 1 }, { 5001, 10, 2 }, { 5000, 20, 2 }, { 5001, 20, 2 },
	{ 5000, 10, 3 }, { 5001, 20, 3 }, { 5000, 20, 3 }, { 5001, 10, 3 },
};

static void feed_all(const unsigned int *mapped, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		feed(plan[i][0], plan[i][1], plan[i][2], mapped[i]);
}

static struct np_verdict verdict(void)
{
	struct np_verdict v;

	np_predict_class(&predict, &v);
	return v;
}

static struct np_answer ask(unsigned int port, uint32_t flows, uint32_t ports)
{
	struct np_question q;
	struct np_answer a;

	memset(&q, 0, sizeof(q));
	q.internal = endpoint(1, port);
	q.dest = endpoint(77, 0);
	q.flows = flows;
	q.ports = ports;
	q.now = sample.time + 50 * MS;
	q.own = sample.own;
	np_predict_ask(&predict, &q, &a, guesses);
	return a;
}

static bool is(const struct np_verdict *v, int mapping, int alloc, int step)
{
	if (v->mapping == mapping && (v->alloc == alloc || !alloc) &&
	    (v->step == step || !step))
		return true;
	ktap_diag("mapping %u, alloc %u, step %d, p %u %%", v->mapping,
		  v->alloc, v->step, (unsigned int)(v->p >> 20) * 100 / 1024);
	return false;
}

/* All of a class, and then the next port, if one is sure. */
static void check_class(const char *name, const unsigned int *mapped,
			unsigned int n, int mapping, int alloc, int step,
			unsigned int next)
{
	struct np_verdict v;
	struct np_answer a;

	begin();
	feed_all(mapped, n);
	v = verdict();
	ktap_ok(is(&v, mapping, alloc, step) &&
		v.certainty == NP_CERTAIN_SURE, "%s is recognised", name);
	if (!next)
		return;
	a = ask(5000, 1, 4);
	if (!a.n || guesses[0].port != next)
		ktap_diag("%u instead of %u", a.n ? guesses[0].port : 0, next);
	ktap_ok(a.n && guesses[0].port == next && guesses[0].p > NP_P_ONE / 2,
		"%s: the next port is foreseen", name);
}

static void check_classes(void)
{
	static const unsigned int keep[] = { 5000, 5000, 5001, 5001, 5000 };
	static const unsigned int ei[] = { 700, 700, 9000, 9000, 700 };
	static const unsigned int ad[] = { 7000, 7000, 30000, 52001, 1500 };
	static const unsigned int up[] = { 7000, 7002, 7004, 7006, 7008 };
	static const unsigned int down[] = { 7000, 6997, 6994, 6991, 6988 };
	static const unsigned int wrap[] = { 65530, 65533, 1024, 1027, 1030 };
	static const unsigned int par[] = { 7000, 7002, 901, 903, 7004 };
	static const unsigned int dest[] = { 9000, 9001, 9002, 9000, 9001 };
	static const unsigned int hash[] = { 9000, 9001, 9002, 41000, 41001 };
	static const unsigned int block[] = {
		2050, 2500, 2101, 2555, 2333, 2200, 2411, 2071, 2290, 2499,
		2160, 2390,
	};
	static const unsigned int band[] = {
		20440, 20500, 20601, 20655, 20433, 20520, 20411, 20571, 20590,
		20499, 20467, 20645,
	};
	static const unsigned int random[] = {
		2050, 62500, 22101, 42555, 12333, 52200, 32411, 2071, 18290,
		58499, 36160, 8390,
	};

	check_class("a preserving NAT", keep, 5, NP_MAPPING_EI,
		    NP_ALLOC_PRESERVE, 0, 5000);
	check_class("endpoint-independent mapping", ei, 5, NP_MAPPING_EI, 0, 0,
		    700);
	check_class("address-dependent mapping", ad, 5, NP_MAPPING_AD, 0, 0, 0);
	check_class("a step of +2", up, 5, NP_MAPPING_APD, NP_ALLOC_STEP, 2,
		    7010);
	check_class("a step of -3", down, 5, NP_MAPPING_APD, NP_ALLOC_STEP, -3,
		    6985);
	check_class("a step over the range's end", wrap, 5, NP_MAPPING_APD,
		    NP_ALLOC_STEP, 3, 1033);
	check_class("parity", par, 5, NP_MAPPING_APD, NP_ALLOC_PARITY, 2, 7006);
	check_class("a counter for each destination", dest, 5, NP_MAPPING_APD,
		    NP_ALLOC_PER_DEST, 1, 9000);
	check_class("... that begins anywhere", hash, 5, NP_MAPPING_APD,
		    NP_ALLOC_PER_DEST, 1, 0);
	check_class("a block", block, 12, NP_MAPPING_APD, NP_ALLOC_BLOCK, 0, 0);
	ktap_ok(verdict().bounds_known && verdict().lo == 2048 &&
		verdict().hi == 2559, "the block's bounds are found: %u to %u",
		verdict().lo, verdict().hi);
	check_class("a band", band, 12, NP_MAPPING_APD, NP_ALLOC_BAND, 0, 0);
	check_class("any port at all", random, 12, NP_MAPPING_APD,
		    NP_ALLOC_RANDOM, 0, 0);
	ktap_ok(ask(5002, 1, 16).advice == NP_ADVICE_BIRTHDAY,
		"any port at all: many ports are advised");
}

static void check_no_nat(void)
{
	struct np_verdict v;

	begin();
	sample.internal = endpoint(1, 5000);
	sample.dest = endpoint(10, 1);
	sample.mapped = endpoint(1, 5000);
	np_predict_sample(&predict, &sample);
	v = verdict();
	ktap_ok(is(&v, NP_MAPPING_NONE, 0, 0) && v.p > SURE,
		"one sample shows that there is no NAT");
}

static void check_few(void)
{
	struct np_answer a;

	begin();
	a = ask(5000, 1, 16);
	ktap_ok(a.verdict.certainty == NP_CERTAIN_NOTHING && !a.n &&
		a.advice == NP_ADVICE_NONE, "nothing is said of nothing");
	feed(5000, 10, 1, 7000);
	ktap_ok(verdict().certainty == NP_CERTAIN_TOO_FEW &&
		verdict().want & NP_WANT_ADDRESS &&
		verdict().want & NP_WANT_PORT &&
		verdict().want & NP_WANT_INTERNAL,
		"one sample is too few, and it says what is missing");
	feed(5000, 20, 1, 7000);
	ktap_ok(verdict().mapping == NP_MAPPING_EI &&
		verdict().mapping_p > NP_P_ONE / 2 &&
		!(verdict().want & NP_WANT_ADDRESS),
		"another address with the same mapping points to EI");
}

/* A chain of @n samples by @step, each fifth a lie. */
static void feed_lies(unsigned int n, int step)
{
	unsigned int i, port = 30000;

	for (i = 0; i < n; i++) {
		port += (unsigned int)step;
		feed(5000 + i % 2, 10 + i / 2, 1 + i % 2,
		     i % 5 == 2 ? 1024 + any(64000) : port);
	}
}

static void check_lies(void)
{
	struct np_verdict v;

	begin();
	feed_lies(20, -3);
	v = verdict();
	ktap_ok(is(&v, NP_MAPPING_APD, NP_ALLOC_STEP, -3),
		"each fifth sample a lie: the step is seen");
	ktap_ok(v.lies >= 3, "the lies are counted: %u", v.lies);
	ask(5000, 1, 1);
	ktap_ok(guesses[0].port == 30000 - 63, "the next port is foreseen");
}

static void check_own(void)
{
	static const unsigned int up[] = { 7000, 7002, 7004, 7006, 7008 };
	struct np_question q;
	struct np_answer a;

	begin();
	sample.own.flows[0] = UINT32_MAX - 1;
	sample.own.mappings[1] = UINT32_MAX;
	feed_all(up, 5);
	memset(&q, 0, sizeof(q));
	q.internal = endpoint(1, 5003);
	q.dest = endpoint(77, 0);
	q.now = sample.time + 10 * MS;
	q.own = sample.own;
	q.own.flows[1] += 100;
	q.ports = 1;
	np_predict_ask(&predict, &q, &a, guesses);
	ktap_ok(a.n == 1 && guesses[0].port == 7010 + 200,
		"our own flows are counted, over the counter's end");
	q.own.flows[0] -= 1000;
	np_predict_ask(&predict, &q, &a, guesses);
	ktap_ok(a.n == 1, "a counter set back does no harm");
}

static void check_clock(void)
{
	unsigned int i;
	bool sane = true;

	for (i = 0; i < 4; i++) {
		begin();
		feed(5000, 10, 1, 7000);
		feed(5000, 10, 2, 7001);
		if (i == 0)
			sample.time -= 900 * MS;
		else if (i == 1)
			sample.time += UINT64_C(86400000) * 30 * MS;
		else if (i == 2)
			sample.time = UINT64_MAX - MS;
		else
			sample.time = 0;
		feed(5001, 10, 1, 7002);
		feed(5001, 20, 1, 7003);
		feed(5000, 20, 1, 7004);
		sane &= verdict().alloc == NP_ALLOC_STEP &&
			verdict().step == 1;
		ask(5000, 1, 1);
		sane &= guesses[0].port == 7005;
	}
	ktap_ok(sane, "a clock that jumps does not hide the step");
}

static void check_rate(void)
{
	unsigned int i, port = 10000;
	struct np_answer a;

	begin();
	for (i = 0; i < 21; i++) {
		feed(5000 + i % 2, 10 + i / 2, 1 + i % 2, port);
		port += 1 + 2 + i % 2;	/* 2.5 foreign ones in 50 ms */
	}
	ktap_ok(verdict().rate >> NP_RATE_BITS >= 45 &&
		verdict().rate >> NP_RATE_BITS <= 55,
		"foreign mappings are counted: %u/s",
		verdict().rate >> NP_RATE_BITS);
	ktap_ok(verdict().rate_lo < verdict().rate &&
		verdict().rate_hi > verdict().rate &&
		verdict().rate_time <= 1100 * MS,
		"over a second, and no better than that");
	a = ask(5000, 1, 16);
	ktap_ok(a.n == 16 && a.p > SURE && guesses[0].p < NP_P_ONE / 2,
		"several ports are needed then");
}

static void check_ring(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < 100; i++)
		feed(5000 + i % 2, 10 + i / 8, 1 + i % 8, 2000 + i * 5);
	ktap_ok(verdict().samples == NP_PREDICT_SAMPLES &&
		verdict().step == 5, "the ring wraps");
	ask(5000, 1, 1);
	ktap_ok(guesses[0].port == 2500, "the newest sample counts");
	for (i = 0; i < NP_PREDICT_SAMPLES; i++)
		feed(6000 + i % 2, 10 + i / 8, 1 + i % 8, 6000 + i % 2);
	ktap_ok(verdict().alloc == NP_ALLOC_PRESERVE,
		"what has left the ring is forgotten");
}

static void check_reset(void)
{
	static const unsigned int up[] = { 7000, 7002, 7004, 7006, 7008 };

	begin();
	feed_all(up, 5);
	ktap_ok(np_predict_sample(&predict, &sample) == NP_SAMPLE_KNOWN &&
		verdict().samples == 5, "the same again is no new sample");
	sample.mapped.port = 9999;
	ktap_ok(np_predict_sample(&predict, &sample) == NP_SAMPLE_CHANGED,
		"a flow with another mapping is noticed");
	sample.internal = endpoint(2, 5000);
	ktap_ok(np_predict_sample(&predict, &sample) == NP_SAMPLE_RESET &&
		verdict().samples == 1, "another address of ours forgets all");
	np_predict_reset(&predict);
	ktap_ok(verdict().certainty == NP_CERTAIN_NOTHING, "so does a reset");
}

/* Thinking about a copy, as the kernel does. */
static void check_copy(void)
{
	static const unsigned int up[] = { 7000, 7002, 7004, 7006, 7008 };
	static struct np_predict copy;
	struct np_verdict v;

	begin();
	feed_all(up, 5);
	np_predict_copy(&copy, &predict);
	np_predict_class(&copy, &v);
	ktap_ok(v.alloc == NP_ALLOC_STEP && v.step == 2 &&
		np_predict_adopt(&predict, &copy) && !predict.stale &&
		verdict().step == 2, "what a copy has worked out is taken over");
	np_predict_copy(&copy, &predict);
	feed(5001, 11, 7, 9999);
	np_predict_class(&copy, &v);
	ktap_ok(v.samples == 5 && !np_predict_adopt(&predict, &copy) &&
		verdict().samples == 6, "but not after another sample");
	np_predict_copy(&copy, &predict);
	np_predict_reset(&predict);
	ktap_ok(!np_predict_adopt(&predict, &copy) && !verdict().samples,
		"nor after all was forgotten");
}

/* A band that was seen in one place reaches further than that. */
static void check_band_reach(void)
{
	static const unsigned int near[] = { 30010, 30070, 30030, 30055, 30002,
					     30044, 30061, 30021 };
	struct np_answer a;
	uint32_t i, k, beyond = 0;
	uint16_t port;

	begin();
	feed_all(near, 8);
	a = ask(5002, 1, 256);
	for (i = 0; i < a.n; i++)
		for (k = 0; k < guesses[i].count; k++) {
			port = np_guess_port(&guesses[i], k);
			if (port < 30002 || port > 30070)
				beyond += guesses[i].p;
		}
	ktap_ok(a.verdict.alloc == NP_ALLOC_BAND && beyond > NP_P_ONE / 1000,
		"ports beside those of a band that were seen may be next");
}

static void check_invalid(void)
{
	begin();
	ktap_ok(feed(0, 10, 1, 7000) == NP_SAMPLE_INVALID &&
		feed(5000, 10, 1, 0) == NP_SAMPLE_INVALID,
		"port 0 is refused");
	sample.mapped = endpoint(200, 7000);
	sample.mapped.family = NP_FAMILY_IPV6;
	ktap_ok(np_predict_sample(&predict, &sample) == NP_SAMPLE_INVALID &&
		!verdict().samples, "mixed families are refused");
}

static void check_limits(void)
{
	static const unsigned int ends[] = { 1, 65535, 1, 65535, 1024 };
	struct np_answer a;
	uint32_t i;
	bool sane = true;

	begin();
	feed_all(ends, 5);
	a = ask(5002, NP_PREDICT_FLOWS + 5, 70000);
	for (i = 0; i < a.n; i++)
		sane &= guesses[i].port != 0;
	ktap_ok(sane && a.n <= NP_PREDICT_GUESSES &&
		a.ports <= NP_PREDICT_PORTS,
		"ports at the range's ends, more flows and ports than can be");
	/* 1 - (255/256)^1024 = 98.2 %, and without repeats a little more. */
	i = np_predict_birthday(65536, 256, 1024);
	ktap_ok(i > NP_P_ONE / 1000 * 980 && i < NP_P_ONE / 1000 * 985,
		"256 x 1024 ports meet in 98 of 100 cases");
	ktap_ok(np_predict_birthday(512, 64, 64) > NP_P_ONE / 1000 * 999 &&
		np_predict_birthday(100, 60, 60) == NP_P_ONE &&
		!np_predict_birthday(0, 1, 1), "in a block nearly always");
}

/* How many different ports are listed between @lo and @hi. */
static uint32_t count_ports(const struct np_answer *a, uint32_t lo, uint32_t hi)
{
	static bool seen[65536];
	uint32_t i, k, n = 0;
	uint16_t port;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < a->n; i++)
		for (k = 0; k < guesses[i].count; k++) {
			port = np_guess_port(&guesses[i], k);
			n += !seen[port] && port >= lo && port <= hi;
			seen[port] = true;
		}
	return n;
}

/* Few guesses stand for many ports, and say what these are worth. */
static void check_long_lists(void)
{
	static const unsigned int random[] = {
		2050, 62500, 22101, 42555, 12333, 52200, 32411, 2071, 18290,
		58499, 36160, 8390,
	};
	struct np_answer a;
	unsigned int i, port = 50000;
	uint32_t listed;

	begin();
	feed_all(random, 12);
	a = ask(5002, 256, 1024);
	listed = count_ports(&a, 1024, 65535);
	ktap_ok(a.n <= NP_PREDICT_GUESSES && a.ports == 1024 && listed >= 1016,
		"any port at all: %u different ones in %u guesses", listed,
		a.n);
	ktap_ok(a.p > NP_P_ONE / 1000 * 975 && a.p < NP_P_ONE / 1000 * 990,
		"... that 256 flows meet with %u in 1000",
		(unsigned int)((uint64_t)a.p * 1000 / NP_P_ONE));

	/* Foreign ones, some 400 a second: 200 in the time that is asked for. */
	begin();
	for (i = 0; i < 12; i++) {
		feed(plan[i][0], plan[i][1], plan[i][2], port);
		port -= 3 * (1 + 16 + any(9));
	}
	sample.time += 450 * MS;
	a = ask(5002, 1, 512);
	listed = count_ports(&a, 30000, 50000);
	ktap_ok(a.verdict.step == -3 && a.n <= NP_PREDICT_GUESSES &&
		listed >= 100 && listed == a.ports,
		"a step among many others: %u ports in %u guesses", listed,
		a.n);
	port = sample.mapped.port - 3 * 201;
	ktap_ok(a.p > NP_P_ONE / 100 * 98 && count_ports(&a, port, port),
		"... and the one in the middle is one of them");
}

int main(void)
{
	ktap_plan(RESULTS);
	check_classes();
	check_no_nat();
	check_few();
	check_lies();
	check_own();
	check_clock();
	check_rate();
	check_ring();
	check_reset();
	check_copy();
	check_band_reach();
	check_invalid();
	check_limits();
	check_long_lists();
	return ktap_exit();
}
