// SPDX-License-Identifier: GPL-2.0
/*
 * natzoo on the wire: real sockets through each preset see just what the zoo's
 * library says that a NAT of this kind does: external endpoints, filtering,
 * refusals, hairpinning. Then what a library can not have: TTLs, errors, fragments,
 * payloads, NATs in a row. The gateway only routes.
 *
 *	natzoo_wire [PRESET]...		only these
 *
 * It tests a program of ours that moves the packets itself: one kernel will do.
 *
 * needs: kernel=6.1
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/flow.h"
#include "lab/packet.h"
#include "lab/zoo.h"
#include "natzoo/zoo.h"

#define QUIET	"cross=0,seed=7"	/* nobody else, so it is repeatable */

/* The same NAT as a library, which goes through the same. */
static struct zoo *shadow;

static void start(const char *preset)
{
	struct zoo_kind kind = zoo_default();
	char text[256];

	sock_close_all();
	snprintf(text, sizeof(text), "%s," QUIET, preset);
	zoo_start(GA, text);
	/* What is not translated has to find back. */
	must(NET, "ip route add 10.1.0.0/24 dev ga");
	must(NET, "ip route add fd00:1::/64 dev ga");
	if (zoo_parse(&kind, text) || zoo_check(&kind))
		ktap_bail("%s: no kind", text);
	zoo_free(shadow);
	shadow = zoo_new(&kind);
	if (!shadow)
		ktap_bail("no memory");
}

static struct zoo_ep zep(struct ep e)
{
	struct zoo_ep ep = zoo_ep4(0, ep_port(e));

	memcpy(ep.addr + 12, ep_addr(&e), 4);
	return ep;
}

static struct ep unzep(struct zoo_ep e)
{
	return ep_make(AF_INET, e.addr + 12, e.port);
}

static uint64_t now_ns(void)
{
	return now_ms() * ZOO_NS_PER_MS;
}

/* What the library gives a new flow; no endpoint if nothing. */
static struct ep shadow_out(int protocol, struct ep internal, struct ep dest)
{
	struct zoo_ep ext;

	if (zoo_out(shadow, now_ns(), protocol,
		    protocol == IPPROTO_TCP ? ZOO_SYN : 0, zep(internal),
		    zep(dest), &ext) != ZOO_PASS)
		return (struct ep){ 0 };
	return unzep(ext);
}

static enum zoo_verdict shadow_in(int protocol, struct ep external,
				  struct ep source)
{
	struct zoo_ep internal;

	return zoo_in(shadow, now_ns(), protocol,
		      protocol == IPPROTO_TCP ? ZOO_SYN : 0, zep(external),
		      zep(source), &internal);
}

/* --- what every preset is asked -------------------------------------------- */

static bool same_endpoints(int protocol)
{
	const struct {
		enum node node;
		unsigned int port;
		struct ep dest;
	} flows[] = {
		{ A, 5000, server(1, 3478) }, { A, 5000, server(1, 3479) },
		{ A, 5000, server(2, 3478) }, { A, 5001, server(1, 3478) },
		{ A2, 5000, server(1, 3478) }, { A2, 5001, server(2, 3480) },
	};
	struct ep want;
	struct flow f;
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flows); i++) {
		f = flow_open(protocol, flows[i].node, flows[i].port,
			      flows[i].dest);
		want = shadow_out(protocol, f.internal, flows[i].dest);
		if (ep_eq(f.external, want) && f.answered)
			continue;
		good = false;
		ktap_diag("%s, flow %zu: %s and %sanswered, not %s",
			  protocol_name(protocol), i, ep_str(f.external),
			  f.answered ? "" : "not ", ep_str(want));
	}
	return good;
}

/* The server's sockets, contacted or not, send to A's external endpoint. */
static bool same_filtering(void)
{
	const struct ep sources[] = {
		server(1, 3478), server(1, 3490), server(2, 3490)
	};
	int a = sock_at(A, IPPROTO_UDP, host(A, 5000)), s;
	struct ep ext = shadow_out(IPPROTO_UDP, host(A, 5000), sources[0]);
	bool want, seen, good = true;
	size_t i;

	/* The lab's sockets there are connected; that one is not. */
	sock_close_all();
	a = udp_open(A, host(A, 5000));
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		s = udp_open(SERVER, sources[i]);
		want = shadow_in(IPPROTO_UDP, ext, sources[i]) == ZOO_PASS;
		seen = udp_deliver(s, ext, a, NULL);
		if (seen == want)
			continue;
		good = false;
		ktap_diag("from %s: %s", ep_str(sources[i]),
			  seen ? "came" : "nothing came");
	}
	return good;
}

static bool is_answer(const struct packet *p, const void *unused)
{
	(void)unused;
	return !p->outgoing && (is_tcp_rst(p, NULL) || is_icmp_error(p, NULL));
}

/* How a packet that nobody asked for is answered. */
static enum zoo_verdict answer_to(const struct packet *unsolicited)
{
	int sniffer = sniff_open(SERVER, "eth0");
	struct packet p;

	packet_send(SERVER, unsolicited);
	if (!sniff_find(sniffer, &p, is_answer, NULL, SILENCE_MS))
		return ZOO_DROP;
	if (!p.checksum_ok || !ep_same_addr(p.src, unsolicited->dst))
		ktap_diag("a bad answer: %s", packet_str(&p));
	return is_tcp_rst(&p, NULL) ? ZOO_RST : ZOO_ICMP;
}

static bool same_refusals(void)
{
	struct ep from = server(2, 3495), to = zoo_wan(GA, 7);
	struct packet syn = packet_tcp(from, to, TCP_SYN, 1, 0);
	struct packet udp = packet_udp(from, to, "packet 0");
	enum zoo_verdict tcp_seen = answer_to(&syn), udp_seen = answer_to(&udp);

	if (tcp_seen == shadow_in(IPPROTO_TCP, to, from) &&
	    udp_seen == shadow_in(IPPROTO_UDP, to, from))
		return true;
	ktap_diag("TCP: verdict %d, UDP: verdict %d", tcp_seen, udp_seen);
	return false;
}

static bool same_hairpin(void)
{
	struct ep ext = shadow_out(IPPROTO_UDP, host(A, 5000), server(1, 3478));
	struct zoo_ep source, neighbour;
	bool want, came;
	struct ep from;
	int a, a2;

	sock_close_all();
	a = udp_open(A, host(A, 5000));
	a2 = udp_open(A2, host(A2, 5002));
	want = zoo_hairpin(shadow, now_ns(), IPPROTO_UDP, 0,
			   zep(host(A2, 5002)), zep(ext), &source,
			   &neighbour) == ZOO_PASS;
	came = udp_deliver(a2, ext, a, &from);
	if (came == want && (!came || ep_eq(from, unzep(source))))
		return true;
	ktap_diag("%s, from %s", came ? "came" : "nothing came", ep_str(from));
	return false;
}

static bool wanted(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

static void preset(const char *name)
{
	bool udp, tcp;

	start(name);
	udp = same_endpoints(IPPROTO_UDP);
	tcp = same_endpoints(IPPROTO_TCP);
	ktap_ok(udp && tcp, "%s: external endpoints of UDP and TCP", name);
	ktap_ok(same_filtering(), "%s: filtering", name);
	/* Without translation nothing is sent to an address of its own. */
	if (zoo_kind_of(shadow)->mapping == ZOO_NONE)
		return;
	ktap_ok(same_refusals(), "%s: refusals", name);
	ktap_ok(same_hairpin(), "%s: hairpinning", name);
}

/* --- packets ---------------------------------------------------------------- */

static void streams(void)
{
	struct flow f;
	unsigned int i;
	bool good = true;

	start("sequential");
	f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	for (i = 0; i < 200 && good; i++)
		good = f.answered && stream_deliver(f.in, f.out) &&
		       stream_deliver(f.out, f.in);
	ktap_ok(good, "TCP: 400 messages");
	f = flow_open(IPPROTO_ICMP, A, 6000, server(1, 0));
	ktap_ok(f.answered && !ep_eq(f.external, host(A, 6000)),
		"ICMP: an echo, as %s", ep_str(f.external));
}

static bool error_about(enum node sender, struct ep local, struct ep to,
			struct sock_error *e)
{
	int s = udp_open(sender, local);
	bool came;

	came = udp_send(s, to) && sock_error_wait(s, e, SILENCE_MS);
	sock_close(s);
	return came;
}

static void errors(void)
{
	struct sock_error e = { 0 };
	int sniffer;
	struct packet p, inner;
	struct ep ext;
	bool came;

	start("home-open");
	sniffer = sniff_open(A, "eth0");
	came = error_about(A, host(A, 5000), server(1, 9), &e);
	ktap_ok(came && e.error == ECONNREFUSED && ep_eq(e.about, server(1, 9)) &&
		ep_eq(ep_at(e.offender, 9), server(1, 9)),
		"errors: one comes in, about %s", ep_str(e.about));
	ktap_ok(sniff_find(sniffer, &p, is_icmp_error, NULL, 0) &&
		p.checksum_ok && packet_inner(&p, &inner) &&
		inner.checksum_ok && ep_eq(inner.src, host(A, 5000)),
		"errors: ... with all checksums right");

	/* The port is closed by now, so A itself complains. */
	ext = external(IPPROTO_UDP, A, 5001, server(1, 3478));
	sock_close_all();
	came = error_about(SERVER, server(2, 99), ext, &e);
	ktap_ok(came && e.error == ECONNREFUSED && ep_same_addr(e.offender, ext),
		"errors: one goes out, from %s", ep_str(e.offender));
}

/* Who complains about a packet from A with this TTL; nothing: nobody. */
static struct ep hop(unsigned int ttl)
{
	struct packet p = packet_udp(host(A, 5000), server(1, 3478),
				     "packet 0");
	int sniffer = sniff_open(A, "eth0");
	struct packet error;
	struct ep from = { 0 };

	p.data[lab_family() == AF_INET ? 8 : 7] = ttl;
	packet_checksum(&p);
	packet_send(A, &p);
	if (sniff_find(sniffer, &error, is_icmp_error, NULL, SILENCE_MS) &&
	    error.checksum_ok)
		from = error.src;
	sock_close(sniffer);
	return from;
}

static void hops(const char *name, unsigned int n)
{
	unsigned int i;
	struct ep net, end;
	bool good = true;

	sock_close_all();
	for (i = 0; i < n; i++)
		if (!ep_eq(hop(2 + i), zoo_router(GA, i))) {
			ktap_diag("hop %u: %s", 2 + i, ep_str(hop(2 + i)));
			good = false;
		}
	/* Then NET's router, then the server has no such port. */
	net = hop(2 + n);
	end = hop(3 + n);
	ktap_ok(good && !ep_none(net) && ep_same_addr(end, server(1, 0)) &&
		!ep_same_addr(net, end), "%s: each NAT is a hop", name);
}

/* A TTL that ends at NET, behind the NAT, opens the mapping all the same. */
static void short_ttl(void)
{
	struct packet p = packet_udp(host(A, 5000), server(1, 3478),
				     "packet 0");
	int a, s;

	start("home");
	s = udp_open(SERVER, server(1, 3478));
	a = udp_open(A, host(A, 5000));
	p.data[8] = 3;
	packet_checksum(&p);
	packet_send(A, &p);
	sleep_ms(100);
	ktap_ok(udp_deliver(s, zoo_wan(GA, 5000), a, NULL),
		"TTL: a packet that dies behind the NAT opens it");
}

static void pings(void)
{
	int s = ping_open(GA, zoo_inside(GA, 77));
	unsigned int seq = ping_send(s, zoo_router(GA, 0));

	ktap_ok(seq && ping_wait(s, seq, SILENCE_MS),
		"the router answers pings");
}

#define NUMBER 1000000UL	/* above any that udp_send() gives */

static void fragments(void)
{
	static char text[1201];
	int n = sprintf(text, "packet %lu ", NUMBER), a, s;
	struct ep mapped = { 0 }, from = { 0 };
	struct packet p;
	bool out, in;

	memset(text + n, 'x', sizeof(text) - 1 - n);
	start("sequential");
	a = udp_open(A, host(A, 5000));
	s = udp_open(SERVER, server(1, 3478));
	p = packet_udp(host(A, 5000), server(1, 3478), text);
	packet_send_fragmented(A, &p, 800);
	out = udp_wait(s, NUMBER, &mapped, SILENCE_MS);
	ktap_ok(out && !ep_same_addr(mapped, host(A, 0)),
		"fragments: out, the second one first");
	p = packet_udp(server(1, 3478), mapped, text);
	packet_send_fragmented(SERVER, &p, 800);
	in = udp_wait(a, NUMBER, &from, SILENCE_MS);
	ktap_ok(in && ep_eq(from, server(1, 3478)),
		"fragments: in, the second one first");
}

/* The bytes that arrive when the server tells A its external endpoint. */
static bool payload_becomes(const char *kind, bool spoiled)
{
	unsigned char sent[6], got[16] = { 0 };
	struct ep at = host(A, 5000), ext;
	struct flow f;
	uint16_t port;

	start(kind);
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	ext = f.external;
	port = htons(ep_port(ext));
	memcpy(sent, &port, 2);
	memcpy(sent + 2, ep_addr(&ext), 4);
	if (sendto(f.out, sent, 6, 0, &ext.sa, ep_len(ext)) != 6)
		return false;
	sleep_ms(300);
	if (recv(f.in, got, sizeof(got), MSG_DONTWAIT) != 6)
		return false;
	port = htons(ep_port(at));
	if (spoiled)
		return !memcmp(got, &port, 2) &&
		       !memcmp(got + 2, ep_addr(&at), 4);
	return !memcmp(got, sent, 6);
}

static void lifetimes(void)
{
	struct flow f;
	bool before, after;

	start("sequential,udp-first=4,udp=4");
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	sleep_ms(3000);
	before = flow_push(&f);
	sleep_ms(5000);
	after = flow_push(&f);
	ktap_ok(before && !after, "lifetime: 4 s");
}

static void ip6(void)
{
	struct flow f;
	int s, a;

	lab_use_family(AF_INET6);
	start("home");
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	ktap_ok(f.answered && ep_eq(f.external, host(A, 5000)),
		"IPv6: not translated");
	sock_close_all();
	a = udp_open(A, host(A, 5000));
	s = udp_open(SERVER, server(2, 3478));
	ktap_ok(!udp_deliver(s, host(A, 5000), a, NULL),
		"IPv6: but filtered");
	hops("IPv6", 1);

	start("home,nat66");
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	ktap_ok(f.answered && ep_eq(f.external, zoo_wan(GA, 5000)),
		"IPv6: translated, UDP");
	f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	ktap_ok(f.answered && ep_eq(f.external, zoo_wan(GA, 5000)),
		"IPv6: translated, TCP");
	f = flow_open(IPPROTO_ICMP, A, 5000, server(1, 0));
	ktap_ok(f.answered && ep_eq(f.external, zoo_wan(GA, 5000)),
		"IPv6: translated, ICMP");
	sock_close_all();
	lab_use_family(AF_INET);
}

static void in_a_row(void)
{
	struct flow f, g;

	sock_close_all();
	zoo_start(GA, "home", "sequential,first=2000,step=3");
	f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	g = flow_open(IPPROTO_UDP, A, 5000, server(1, 3479));
	ktap_ok(f.answered && ep_eq(f.external, zoo_wan(GA, 2000)) &&
		g.answered && ep_eq(g.external, zoo_wan(GA, 2003)),
		"two in a row: %s and %s", ep_str(f.external),
		ep_str(g.external));
	f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	ktap_ok(f.answered, "two in a row: TCP");
	hops("two in a row", 2);
	sock_close_all();
}

static void both_sides(void)
{
	struct ep a_ext, b_ext;
	int a, b;

	start("home");
	zoo_start(GB, "home-restricted");
	a_ext = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	b_ext = external(IPPROTO_UDP, B, 5000, server(1, 3478));
	sock_close_all();
	a = udp_open(A, host(A, 5000));
	b = udp_open(B, host(B, 5000));
	udp_send(a, b_ext);
	ktap_ok(udp_deliver(b, a_ext, a, NULL) &&
		udp_deliver(a, b_ext, b, NULL),
		"UDP punches through two zoos: %s, %s", ep_str(a_ext),
		ep_str(b_ext));
	zoo_stop(GB);
	zoo_stop(GA);
	must(NET, "ip route add 10.1.0.0/24 via 203.0.113.2");
	ktap_ok(flow_open(IPPROTO_UDP, A, 5000, server(1, 3478)).answered,
		"without the zoo all is as before");
}

static void wrong_arguments(void)
{
	bool none = run(HOME, "natzoo") == 2;
	bool kind = run(HOME, "natzoo -i a -o b sequential,stop=2") == 2 &&
		    strstr(run_output(), "no such word: 'stop'");
	bool seed = run(HOME, "natzoo -i a -o b -s x home") == 2;
	bool space = run(HOME, "natzoo -i nowhere/a -o b home") == 1 &&
		     strstr(run_output(), "nowhere/a");
	bool help = run(HOME, "natzoo --help") == 0;

	ktap_ok(none && kind && seed && space && help,
		"natzoo says what is wrong");
}

int main(int argc, char **argv)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < zoo_presets_count; i++)
		if (wanted(argc, argv, zoo_presets[i].name))
			n += strcmp(zoo_presets[i].name, "firewall") ? 4 : 2;
	ktap_plan(n + 25);
	lab_start();
	for (i = 0; i < zoo_presets_count; i++)
		if (wanted(argc, argv, zoo_presets[i].name))
			preset(zoo_presets[i].name);
	streams();
	errors();
	hops("one", 1);
	short_ttl();
	pings();
	fragments();
	ktap_ok(payload_becomes("home-alg", true),
		"payload: an ALG rewrites it");
	ktap_ok(payload_becomes("home", false), "payload: left alone");
	lifetimes();
	ip6();
	in_a_row();
	both_sides();
	wrong_arguments();
	zoo_free(shadow);
	return ktap_exit();
}
