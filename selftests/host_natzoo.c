// SPDX-License-Identifier: GPL-2.0
/*
 * The NAT zoo does what its data says: mapping, filtering, allocation, lifetimes,
 * other subscribers, and the same again with the same seed. No packets here.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/ktap.h"
#include "natzoo/zoo.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define S		ZOO_NS_PER_S
#define INSIDE		0x0a000002	/* 10.0.0.2 */
#define SERVER		0xc000020a	/* 192.0.2.10 */
#define OTHER		0xc000020b

/* One zoo at a time, and its time. */
static struct zoo *zoo;
static uint64_t now;

static void use(const char *text)
{
	struct zoo_kind kind = zoo_default();
	const char *wrong = zoo_parse(&kind, text) ?: zoo_check(&kind);

	if (wrong)
		ktap_bail("%s: %s", text, wrong);
	zoo_free(zoo);
	zoo = zoo_new(&kind);
	if (!zoo)
		ktap_bail("no memory");
	now = S;
}

/* The external port of a UDP packet; 0: refused. */
static unsigned int out_from(uint32_t addr, unsigned int port, uint32_t dest,
			     unsigned int dport)
{
	struct zoo_ep external;

	if (zoo_out(zoo, now, IPPROTO_UDP, 0, zoo_ep4(addr, port),
		    zoo_ep4(dest, dport), &external) != ZOO_PASS)
		return 0;
	return external.port;
}

static unsigned int out(unsigned int port, uint32_t dest, unsigned int dport)
{
	return out_from(INSIDE, port, dest, dport);
}

static enum zoo_verdict in(int protocol, unsigned int flags, unsigned int port,
			   uint32_t source, unsigned int sport)
{
	struct zoo_ep internal, external;

	external = zoo_ep4(zoo_kind_of(zoo)->external4, port);
	return zoo_in(zoo, now, protocol, flags, external,
		      zoo_ep4(source, sport), &internal);
}

static bool enters(unsigned int port, uint32_t source, unsigned int sport)
{
	return in(IPPROTO_UDP, 0, port, source, sport) == ZOO_PASS;
}

static unsigned int tcp(unsigned int flags)
{
	struct zoo_ep external = { .port = 0 };

	zoo_out(zoo, now, IPPROTO_TCP, flags, zoo_ep4(INSIDE, 5000),
		zoo_ep4(SERVER, 80), &external);
	return external.port;
}

/* --- mapping --------------------------------------------------------------- */

static void mapping(void)
{
	unsigned int a, port, addr;

	use("mapping=ei,alloc=random");
	a = out(5000, SERVER, 1);
	ktap_ok(a && out(5000, SERVER, 2) == a && out(5000, OTHER, 1) == a &&
		out(5001, SERVER, 1) != a, "mapping: endpoint-independent");

	use("mapping=ad,alloc=random");
	a = out(5000, SERVER, 1);
	port = out(5000, SERVER, 2);
	addr = out(5000, OTHER, 1);
	ktap_ok(port == a && addr != a && out(5000, OTHER, 2) == addr,
		"mapping: address-dependent");

	use("mapping=apd,alloc=random");
	a = out(5000, SERVER, 1);
	port = out(5000, SERVER, 2);
	addr = out(5000, OTHER, 1);
	ktap_ok(port != a && addr != a && addr != port &&
		out(5000, SERVER, 1) == a,
		"mapping: address and port-dependent");

	use("mapping=none");
	ktap_ok(out(5000, SERVER, 1) == 5000 && out(5000, OTHER, 1) == 5000,
		"mapping: none");
}

static void mapping_of_family(void)
{
	struct zoo_ep inside = { .addr = { 0x20, [15] = 2 }, .port = 5000 };
	struct zoo_ep dest = { .addr = { 0x20, [15] = 9 }, .port = 1 };
	struct zoo_ep ext, back;

	use("mapping=apd,alloc=seq,first=2000");
	zoo_out(zoo, now, IPPROTO_UDP, 0, inside, dest, &ext);
	ktap_ok(zoo_ep_eq(&ext, &inside), "IPv6 is not translated");
	use("mapping=apd,alloc=seq,first=2000,nat66");
	zoo_out(zoo, now, IPPROTO_UDP, 0, inside, dest, &ext);
	ktap_ok(zoo_is_external(zoo, &ext) && ext.port == 2000 &&
		zoo_in(zoo, now, IPPROTO_UDP, 0, ext, dest, &back) ==
		ZOO_PASS && zoo_ep_eq(&back, &inside), "... but with nat66");
}

/* --- filtering ------------------------------------------------------------- */

static void filtering(void)
{
	static const struct {
		const char *text;
		bool port, addr;
	} rows[] = {
		{ "ei", true, true },
		{ "ad", true, false },
		{ "apd", false, false },
	};
	char text[64];
	unsigned int a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		sprintf(text, "alloc=random,filter=%s", rows[i].text);
		use(text);
		a = out(5000, SERVER, 1);
		ktap_ok(enters(a, SERVER, 1) &&
			enters(a, SERVER, 2) == rows[i].port &&
			enters(a, OTHER, 1) == rows[i].addr &&
			!enters(a ^ 1, SERVER, 1), "filtering: %s",
			rows[i].text);
	}
}

static void refusals(void)
{
	static const struct {
		const char *text;
		enum zoo_verdict tcp, udp;
	} rows[] = {
		{ "tcp-refusal=silence", ZOO_DROP, ZOO_DROP },
		{ "tcp-refusal=rst,udp-refusal=icmp", ZOO_RST, ZOO_ICMP },
		{ "tcp-refusal=icmp", ZOO_ICMP, ZOO_DROP },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		use(rows[i].text);
		ktap_ok(in(IPPROTO_TCP, ZOO_SYN, 7, SERVER, 1) == rows[i].tcp &&
			in(IPPROTO_UDP, 0, 7, SERVER, 1) == rows[i].udp &&
			in(IPPROTO_TCP, ZOO_TCP_RST, 7, SERVER, 1) == ZOO_DROP,
			"refusal: %s", rows[i].text);
	}
}

/* --- allocation ------------------------------------------------------------ */

/* Whether new mappings, each to another port, get these external ports. */
static bool gives(const unsigned int *ports, size_t n)
{
	unsigned int got;
	size_t i;

	for (i = 0; i < n; i++) {
		got = out(5000, SERVER, 1 + i);
		if (got != ports[i]) {
			ktap_diag("number %zu got %u, not %u", i, got,
				  ports[i]);
			return false;
		}
	}
	return true;
}

#define GIVES(...) gives((const unsigned int[]){ __VA_ARGS__ }, \
	ARRAY_SIZE(((const unsigned int[]){ __VA_ARGS__ })))

static void sequential(void)
{
	use("mapping=apd,alloc=seq:+2,first=2000");
	ktap_ok(GIVES(2000, 2002, 2004, 2006), "sequential: +2");
	use("mapping=apd,alloc=seq:-3,first=2000");
	ktap_ok(GIVES(2000, 1997, 1994), "sequential: -3");
	use("mapping=apd,alloc=seq:+3,port-min=2000,port-max=2009,first=2006");
	ktap_ok(GIVES(2006, 2009, 2002, 2005), "sequential: wraps upwards");
	use("mapping=apd,alloc=seq:-3,port-min=2000,port-max=2009,first=2004");
	ktap_ok(GIVES(2004, 2001, 2008, 2005), "sequential: wraps downwards");
	use("mapping=apd,alloc=seq:+2,port-min=2000,port-max=2003,first=2000");
	ktap_ok(GIVES(2000, 2002, 2001, 2003, 0),
		"sequential: a step that divides the range finds every port");
	use("mapping=apd,alloc=seq:+1,preserve,first=4999");
	ktap_ok(GIVES(5000, 4999, 5001),
		"preserve: the first gets its port, which is stepped over");
}

static void parity(void)
{
	use("mapping=apd,alloc=parity:+2,first=2000");
	ktap_ok(out(5000, SERVER, 1) == 2000 && out(5001, SERVER, 1) == 2001 &&
		out(5001, SERVER, 2) == 2003 && out(5003, SERVER, 1) == 2005 &&
		out(5002, SERVER, 1) == 2002, "parity: two counters");
	use("mapping=apd,alloc=parity:+2,port-min=2000,port-max=2003");
	ktap_ok(out(5000, SERVER, 1) && out(5000, SERVER, 2) &&
		!out(5000, SERVER, 3) && out(5001, SERVER, 3),
		"parity: the other one's ports are not taken");
}

static void per_destination(void)
{
	unsigned int a, b;

	use("mapping=apd,alloc=per-dest:+1,first=2000");
	ktap_ok(out(5000, SERVER, 1) == 2000 && out(5000, SERVER, 2) == 2001 &&
		out(5000, OTHER, 1) == 2000 && out(5001, OTHER, 1) == 2001,
		"per destination: counts for each address");
	use("mapping=apd,alloc=per-dest:+1,first=2000,counter=endpoint");
	ktap_ok(out(5000, SERVER, 1) == 2000 && out(5000, SERVER, 2) == 2000 &&
		out(5001, SERVER, 2) == 2001,
		"per destination: counts for each endpoint");
	use("mapping=apd,alloc=per-dest:+2,start=hashed");
	a = out(5000, SERVER, 1);
	b = out(5000, OTHER, 1);
	ktap_ok(a != b && out(5000, SERVER, 2) == a + 2 &&
		out(5000, OTHER, 2) == b + 2, "per destination: hashed starts");
}

static bool block_is(uint32_t addr, unsigned int size, uint16_t *min)
{
	uint16_t max;

	return zoo_block_of(zoo, zoo_ep4(addr, 0), min, &max) &&
	       max - *min == (int)size - 1 && (*min - 1024) % size == 0;
}

static void blocks(void)
{
	unsigned int i, got, inside = 0, distinct = 0;
	uint16_t min, min_two;
	bool seen[64] = { 0 };

	use("mapping=apd,alloc=block:64");
	out(5000, SERVER, 1);
	if (!block_is(INSIDE, 64, &min))
		min = 1;
	for (i = 1; i <= 64; i++) {
		got = out(5000, SERVER, i) - min;
		inside += got < 64;
		distinct += got < 64 && !seen[got];
		if (got < 64)
			seen[got] = true;
	}
	ktap_ok(inside == 64 && distinct == 64 && !out(5000, SERVER, 65),
		"block: 64 ports of its own, and not one more");
	ktap_ok(out_from(INSIDE + 1, 5000, SERVER, 1) &&
		block_is(INSIDE + 1, 64, &min_two) && min_two != min,
		"block: the neighbour has another one");
	now += 1000 * S;
	ktap_ok(out(5000, SERVER, 70) - min < 64,
		"block: ports come back when mappings have ended");

	use("mapping=apd,alloc=block:64,blocks=2");
	for (i = 1; i <= 128; i++)
		if (!out(5000, SERVER, i))
			break;
	ktap_ok(i == 129 && !out(5000, SERVER, 129), "block: or two of them");

	use("mapping=apd,alloc=block:64,order=step");
	got = out(5000, SERVER, 1);
	block_is(INSIDE, 64, &min);
	ktap_ok(got == min && out(5000, SERVER, 2) == min + 1u,
		"block: step by step");

	use("alloc=block:1024,port-max=3071");
	ktap_ok(out_from(INSIDE, 1, SERVER, 1) &&
		out_from(INSIDE + 1, 1, SERVER, 1) &&
		!out_from(INSIDE + 2, 1, SERVER, 1),
		"block: no block is left for the third subscriber");
}

static void spread(const char *text, unsigned int least, unsigned int most)
{
	unsigned int i, got, min = 65535, max = 0;

	use(text);
	for (i = 0; i < 200; i++) {
		got = out(5000, SERVER, 1 + i);
		min = got < min ? got : min;
		max = got > max ? got : max;
	}
	ktap_ok(max - min >= least && max - min <= most,
		"%s: 200 ports lie within %u", text, max - min);
}

/* Each of 16 sixteenths of the range is hit as often as the others. */
static void uniform(void)
{
	unsigned int hits[16] = { 0 }, i;
	double chi = 0;

	use("mapping=apd,alloc=random,mappings=20000");
	for (i = 0; i < 16000; i++)
		hits[(out(5000, SERVER + i / 60000, 1 + i) - 1024) / 4032]++;
	for (i = 0; i < 16; i++)
		chi += pow(hits[i] - 1000.0, 2) / 1000;
	/* 15 degrees of freedom: 37.7 is exceeded once in a thousand. */
	ktap_ok(chi < 37.7, "random: uniform (chi square %.1f)", chi);
}

static void overload(void)
{
	use("mapping=apd,preserve,overload,alloc=random");
	ktap_ok(out(5000, SERVER, 1) == 5000 && out(5000, OTHER, 1) == 5000 &&
		out_from(INSIDE + 1, 5000, SERVER, 2) == 5000 &&
		out_from(INSIDE + 1, 5000, SERVER, 1) != 5000,
		"overload: one port for several, but not to one destination");
	use("mapping=ei,preserve,alloc=random");
	ktap_ok(out(5000, SERVER, 1) == 5000 &&
		out_from(INSIDE + 1, 5000, OTHER, 1) != 5000,
		"no overload: a port has one owner");
}

static void addresses(void)
{
	struct zoo_ep first, ext;
	unsigned int i, others = 0;

	use("mapping=apd,alloc=random,addresses=8");
	zoo_out(zoo, now, IPPROTO_UDP, 0, zoo_ep4(INSIDE, 1),
		zoo_ep4(SERVER, 1), &first);
	for (i = 0; i < 64; i++) {
		zoo_out(zoo, now, IPPROTO_UDP, 0, zoo_ep4(INSIDE, 1 + i),
			zoo_ep4(SERVER, 2), &ext);
		others += !zoo_same_addr(&first, &ext);
	}
	ktap_ok(!others && zoo_is_external(zoo, &first), "pooling: paired");
	use("mapping=apd,alloc=random,addresses=8,pooling=arbitrary");
	for (i = 0; i < 64; i++) {
		zoo_out(zoo, now, IPPROTO_UDP, 0, zoo_ep4(INSIDE, 1 + i),
			zoo_ep4(SERVER, 2), &ext);
		others += !zoo_same_addr(&first, &ext);
	}
	ktap_ok(others > 40, "pooling: arbitrary");
}

/* --- lifetimes ------------------------------------------------------------- */

/* Whether a mapping is there after @s seconds of nothing. */
static bool still_there(unsigned int port, uint64_t s)
{
	struct zoo_ep internal;

	return zoo_peek_in(zoo, now + s * S, IPPROTO_UDP,
			   zoo_ep4(zoo_kind_of(zoo)->external4, port),
			   zoo_ep4(SERVER, 1), &internal);
}

static void udp_lifetime(void)
{
	unsigned int a;

	use("alloc=seq,udp-first=30,udp=120,filter=apd");
	a = out(5000, SERVER, 1);
	now += 29 * S;
	ktap_ok(enters(a, SERVER, 1) && still_there(a, 119),
		"lifetime: an answer extends it");
	now += 120 * S;
	ktap_ok(!enters(a, SERVER, 1), "lifetime: to 120 s, not longer");
	ktap_ok(out(5000, SERVER, 1) == a + 1, "lifetime: the next is new");

	use("alloc=seq,udp-first=30,udp=120,filter=apd");
	a = out(5000, SERVER, 1);
	now += 30 * S;
	ktap_ok(!enters(a, SERVER, 1), "lifetime: 30 s without an answer");

	use("alloc=seq,udp-first=30,udp=30,inbound-refresh=no");
	a = out(5000, SERVER, 1);
	now += 20 * S;
	enters(a, SERVER, 1);
	now += 10 * S;
	ktap_ok(!enters(a, SERVER, 1), "lifetime: inbound need not refresh");

	use("alloc=seq,filter=ad,udp-first=30,udp=30");
	a = out(5000, SERVER, 1);
	out(5000, OTHER, 1);
	now += 20 * S;
	out(5000, SERVER, 1);
	now += 10 * S;
	ktap_ok(enters(a, SERVER, 2) && !enters(a, OTHER, 1),
		"lifetime: each remote endpoint has its own");

	use("alloc=seq,port-min=2000,port-max=2000");
	a = out(5000, SERVER, 1);
	ktap_ok(a && !out(5001, SERVER, 1), "lifetime: one port, one mapping");
	now += 30 * S;
	ktap_ok(out(5001, SERVER, 1) == a,
		"lifetime: its port is free when it ends");
}

static void tcp_lifetime(void)
{
	const char *text = "alloc=seq,filter=ei,tcp-transitory=60,"
			   "tcp-established=7440,tcp-closed=10";
	unsigned int a;

	use(text);
	a = tcp(ZOO_SYN);
	now += 60 * S;
	ktap_ok(tcp(ZOO_SYN) == a + 1, "lifetime: TCP in transition");

	use(text);
	a = tcp(ZOO_SYN);
	in(IPPROTO_TCP, ZOO_SYN | ZOO_ACK, a, SERVER, 80);
	tcp(ZOO_ACK);
	now += 7439 * S;
	ktap_ok(tcp(ZOO_ACK) == a, "lifetime: TCP established");
	in(IPPROTO_TCP, ZOO_TCP_RST, a, SERVER, 80);
	now += 9 * S;
	ktap_ok(tcp(ZOO_ACK) == a, "lifetime: TCP after RST");
	now += S;
	ktap_ok(tcp(ZOO_ACK) == a + 1, "lifetime: TCP, then it has ended");
}

static void bounds(void)
{
	unsigned int i;

	use("mapping=apd,alloc=seq,mappings=100");
	for (i = 0; i < 100; i++)
		if (!out(5000, SERVER, 1 + i))
			break;
	ktap_ok(i == 100 && !out(5000, SERVER, 200) &&
		zoo_counts(zoo).full == 1, "bounds: mappings");
	now += 31 * S;
	ktap_ok(out(5000, SERVER, 200), "bounds: room when they have ended");

	use("mapping=ei,filter=ei,alloc=seq,mappings=10");
	for (i = 0; i < 1000; i++)
		out(5000, SERVER, 1 + i);
	ktap_ok(zoo_counts(zoo).live == 1 && zoo_counts(zoo).full == 960,
		"bounds: four remote endpoints for each mapping");
}

/* --- other subscribers ----------------------------------------------------- */

/* Mean and variance of how many ports are skipped in a tenth of a second. */
static void cross_traffic(const char *text, double mean, double variance,
			  const char *name)
{
	double sum = 0, squares = 0, skipped, n = 4000, m, v;
	unsigned int i, last, got;

	use(text);
	last = out(1, SERVER, 1);
	for (i = 0; i < n; i++) {
		now += S / 10;
		got = out(2 + i, SERVER, 1);
		skipped = (got - last - 1 + 64512) % 64512;
		last = got;
		sum += skipped;
		squares += skipped * skipped;
	}
	m = sum / n;
	v = squares / n - m * m;
	ktap_ok(fabs(m - mean) < mean * 0.1 &&
		fabs(v - variance) < variance * 0.2,
		"%s: mean %.2f, variance %.2f", name, m, v);
}

static void others(void)
{
	struct zoo_counts c;
	unsigned int i;

	cross_traffic("mapping=apd,alloc=seq:+1,cross=50", 5, 5,
		      "cross traffic: Poisson");
	cross_traffic("mapping=apd,alloc=seq:+1,cross=50,cross-burst=5", 5, 25,
		      "cross traffic: bursts");
	use("mapping=apd,alloc=band:100,cross=100,cross-life=1000");
	out(1, SERVER, 1);
	now += 100 * S;
	ktap_ok(!out(2, SERVER, 1), "cross traffic: takes ports");
	/* Ten a second that stay for 2 s hold twenty, of UDP. */
	use("mapping=apd,alloc=band:100,cross=10,cross-life=2");
	zoo_advance(zoo, now);
	now += 1000 * S;
	for (i = 0; out(1 + i, SERVER, 1); i++)
		;
	ktap_ok(i > 60 && i < 95, "cross traffic: gives them back: %u are free",
		i);
	use("mapping=apd,alloc=band:100,cross=100,cross-life=1000");
	out(1, SERVER, 1);
	now += 100 * S;
	zoo_advance(zoo, now);
	c = zoo_counts(zoo);
	ktap_ok(c.own == 1 && c.foreign > 18000 && c.foreign < 22000,
		"cross traffic: is counted: %llu",
		(unsigned long long)c.foreign);
}

/* --- hairpinning, rows, payloads ------------------------------------------- */

static enum zoo_verdict hairpin_to(unsigned int port, struct zoo_ep *source)
{
	struct zoo_ep neighbour;

	return zoo_hairpin(zoo, now, IPPROTO_UDP, 0, zoo_ep4(INSIDE + 1, 6000),
			   zoo_ep4(zoo_kind_of(zoo)->external4, port), source,
			   &neighbour);
}

static void hairpin(void)
{
	struct zoo_ep source = { .port = 0 };
	unsigned int a;

	use("filter=ei,hairpin=external");
	a = out(5000, SERVER, 1);
	ktap_ok(hairpin_to(a, &source) == ZOO_PASS &&
		zoo_is_external(zoo, &source), "hairpin: external source");
	use("filter=ei,hairpin=internal");
	a = out(5000, SERVER, 1);
	ktap_ok(hairpin_to(a, &source) == ZOO_PASS && source.port == 6000 &&
		!zoo_is_external(zoo, &source), "hairpin: internal source");
	use("filter=ei,hairpin=no");
	a = out(5000, SERVER, 1);
	ktap_ok(hairpin_to(a, &source) == ZOO_DROP, "hairpin: none");
	use("filter=apd,hairpin=external");
	a = out(5000, SERVER, 1);
	ktap_ok(hairpin_to(a, &source) == ZOO_DROP, "hairpin: filtered, too");
}

static void in_a_row(void)
{
	struct zoo_kind inner = zoo_default(), outer = zoo_default();
	struct zoo_ep inside = zoo_ep4(INSIDE, 5000), ext = { .port = 0 };
	struct zoo_ep dest = zoo_ep4(SERVER, 1), back = { .port = 0 };
	struct zoo *row[2];

	zoo_preset("home", &inner);
	inner.external4 = 0x64400102;
	zoo_parse(&outer, "alloc=seq,first=2000");
	row[0] = zoo_new(&inner);
	row[1] = zoo_new(&outer);
	ktap_ok(row[0] && row[1] &&
		zoo_row_out(row, 2, S, IPPROTO_UDP, 0, inside, dest, &ext) ==
		ZOO_PASS && ext.port == 2000 && zoo_is_external(row[1], &ext) &&
		zoo_row_in(row, 2, S, IPPROTO_UDP, 0, ext, dest, &back) ==
		ZOO_PASS && zoo_ep_eq(&back, &inside), "two in a row");
	zoo_free(row[0]);
	zoo_free(row[1]);
}

static void payloads(void)
{
	uint8_t mapped[] = { 0, 1, 0x13, 0x88, 10, 0, 0, 2 };
	uint8_t text[] = "PORT 10,0,0,2,19,136";
	struct zoo_ep from = zoo_ep4(INSIDE, 5000), to = zoo_ep4(SERVER, 80);

	use("rewrite");
	ktap_ok(zoo_rewrite(zoo, mapped, sizeof(mapped), from, to) == 1 &&
		!memcmp(mapped, "\0\1\0\120\300\0\2\12", 8) &&
		!zoo_rewrite(zoo, text, sizeof(text), from, to),
		"payload: a binary address is rewritten, with its port");
	use("rewrite=no");
	ktap_ok(!zoo_rewrite(zoo, mapped, sizeof(mapped), to, from),
		"payload: left alone");
}

/* --- kinds ----------------------------------------------------------------- */

static void presets(void)
{
	struct zoo_kind kind, again;
	unsigned int bad = 0;
	char text[1024];
	size_t i;

	for (i = 0; i < zoo_presets_count; i++) {
		if (!zoo_preset(zoo_presets[i].name, &kind) ||
		    zoo_check(&kind)) {
			ktap_diag("%s", zoo_presets[i].name);
			bad++;
		}
		zoo_text(&kind, text, sizeof(text));
		again = zoo_default();
		if (zoo_parse(&again, text) ||
		    memcmp(&kind, &again, sizeof(kind))) {
			ktap_diag("%s", text);
			bad++;
		}
	}
	ktap_ok(!bad && !zoo_preset("nonsense", &kind),
		"presets: %zu that can be, and can be written",
		zoo_presets_count);
}

static void wrong_words(void)
{
	static const char * const wrong[] = {
		"nonsense=1", "mapping", "mapping=full", "mapping=ei:1",
		"step=65", "step=x", "alloc=random:5", "alloc=seq:", "udp=0",
		"external=10.0.0", "external6=1.2.3.4", "cross=nan",
		"cross=-1", "seed=99999999999999999999",
	};
	static const char * const impossible[] = {
		"port-min=2000,port-max=1000", "alloc=parity:+3", "step=0",
		"alloc=parity:2,port-min=1025", "overload", "first=80",
		"alloc=per-dest", "udp-refusal=rst", "alloc=band:5000,"
		"port-max=2000", "alloc=block:2048,port-max=2000",
	};
	struct zoo_kind kind;
	unsigned int bad = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		kind = zoo_default();
		if (zoo_parse(&kind, wrong[i]))
			continue;
		ktap_diag("%s was taken", wrong[i]);
		bad++;
	}
	for (i = 0; i < ARRAY_SIZE(impossible); i++) {
		kind = zoo_default();
		if (!zoo_parse(&kind, impossible[i]) && zoo_check(&kind))
			continue;
		ktap_diag("%s was taken", impossible[i]);
		bad++;
	}
	ktap_ok(!bad, "text: what makes no sense is refused");
}

static void random_members(void)
{
	unsigned int members[ZOO_CLASSES] = { 0 }, i, bad = 0, least = ~0u;
	struct zoo_kind kind, again;

	for (i = 0; i < 5000; i++) {
		kind = zoo_random(i);
		again = zoo_random(i);
		if (zoo_check(&kind) || memcmp(&kind, &again, sizeof(kind)))
			bad++;
		members[zoo_class(&kind)]++;
	}
	for (i = 0; i < ZOO_CLASSES; i++) {
		kind = zoo_random_of(i, 4711 + i);
		bad += zoo_class(&kind) != i;
		least = members[i] < least ? members[i] : least;
	}
	ktap_ok(!bad && least > 400,
		"random: 5000 members, at least %u of each class", least);
}

/* All that a busy member of the kind does in 20 s, as one number. */
static uint64_t history(uint64_t seed)
{
	struct zoo_kind kind = zoo_random(seed);
	struct zoo_dice dice = { 5 };
	uint64_t sum = 0;
	unsigned int i;

	kind.cross_rate = 200;
	zoo_free(zoo);
	zoo = zoo_new(&kind);
	now = S;
	for (i = 0; i < 2000; i++) {
		now += S / 100;
		sum = sum * 31 + out_from(INSIDE + zoo_below(&dice, 20),
					  1024 + zoo_below(&dice, 100),
					  SERVER, 1 + zoo_below(&dice, 100));
	}
	return sum;
}

static void seeds(void)
{
	unsigned int i, same = 0, bad = 0;

	for (i = 0; i < 100; i++) {
		bad += history(i) != history(i);
		same += history(i) == history(i + 1000);
	}
	ktap_ok(!bad, "seed: the same seed does the same again");
	ktap_ok(same < 5, "seed: another one does not");
	i = out(9, SERVER, 1);
	zoo_reset(zoo, NULL);
	ktap_ok(zoo_counts(zoo).own == 0 && zoo_counts(zoo).live == 0,
		"reset: as new");
}

int main(void)
{
	ktap_plan(69);
	mapping();
	mapping_of_family();
	filtering();
	refusals();
	sequential();
	parity();
	per_destination();
	blocks();
	spread("mapping=apd,alloc=band:251", 200, 250);
	spread("mapping=apd,alloc=random", 50000, 64511);
	uniform();
	overload();
	addresses();
	udp_lifetime();
	tcp_lifetime();
	bounds();
	others();
	hairpin();
	in_a_row();
	payloads();
	presets();
	wrong_words();
	random_members();
	seeds();
	zoo_free(zoo);
	return ktap_exit();
}
