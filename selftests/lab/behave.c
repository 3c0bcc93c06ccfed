// SPDX-License-Identifier: GPL-2.0
/* Behaviours, measured from outside. No state of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "behave.h"

/* The port that every host wants. */
#define PORT 5000
/* A service as any other: flows to STUN ports are observed. */
#define SERVICE 7000

struct seen mapping_is_endpoint_independent(const struct row *row)
{
	struct ep first, second;

	external(row->protocol, A2, PORT, server(2, SERVICE));
	first = external(row->protocol, A, PORT, server(1, SERVICE));
	second = external(row->protocol, A, PORT, server(2, SERVICE));
	if (ep_eq(first, second))
		return seen(true, "1 port: %u", ep_port(first));
	if (ep_none(first) || ep_none(second))
		return seen(false, "silence: %s, then %s", ep_str(first),
			    ep_str(second));
	return seen(false, "2 ports: %u, %u", ep_port(first), ep_port(second));
}

struct seen ports_are_not_overloaded(const struct row *row)
{
	struct ep a = external(row->protocol, A, PORT, server(1, SERVICE));
	struct ep a2 = external(row->protocol, A2, PORT, server(2, SERVICE));
	bool ok = !ep_none(a) && !ep_none(a2) && !ep_eq(a, a2);

	return seen(ok, "%s: %u, %u", ok ? "1 host a port" : "2 hosts, 1 port",
		    ep_port(a), ep_port(a2));
}

struct seen port_is_preserved(const struct row *row)
{
	struct ep e = external(row->protocol, A, PORT, server(1, SERVICE));

	return seen(ep_eq(e, wan(GA, PORT)), "%u becomes %s", PORT, ep_str(e));
}

struct seen port_parity_is_kept(const struct row *row)
{
	unsigned int port, kept = 0, changed = 0;
	struct ep e;

	for (port = PORT; port < PORT + 16; port++) {
		external(row->protocol, A2, port, server(1, SERVICE));
		e = external(row->protocol, A, port, server(1, SERVICE));
		changed += !ep_none(e) && ep_port(e) != port;
		kept += !ep_none(e) && ep_port(e) % 2 == port % 2;
	}
	return seen(changed == 16 && kept == 16,
		    "%u of %u ports keep parity", kept, changed);
}

struct seen inbound_first_keeps_mapping(const struct row *row)
{
	int a = udp_open(A, host(A, PORT));
	int s = udp_open(SERVER, server(1, SERVICE));
	int peer = udp_open(SERVER, server(2, SERVICE));
	struct ep before, after;

	(void)row;
	udp_deliver(a, server(1, SERVICE), s, &before);
	/* Whether the peer's packet gets in is the filter's affair. */
	udp_send(peer, before);
	sleep_ms(200);
	udp_deliver(a, server(2, SERVICE), peer, &after);
	if (ep_none(after))
		return seen(false, "our packet is lost");
	return seen(ep_eq(before, after), "port %u before, %u after",
		    ep_port(before), ep_port(after));
}

/* Lifetime */

struct seen answer_passes_after(const struct row *row)
{
	int a = udp_open(A, host(A, PORT));
	int s = udp_open(SERVER, server(1, SERVICE));
	struct ep mapped;
	bool came;

	if (!udp_deliver(a, server(1, SERVICE), s, &mapped))
		return seen(false, "the request is lost");
	sleep_s(row->arg);
	came = udp_deliver(s, mapped, a, NULL);
	return seen(came, "%s after %ld s", came ? "delivered" : "silence",
		    row->arg);
}

bool still_taken(struct flow *f, struct ep *got)
{
	*got = external(f->protocol, A2, ep_port(f->internal), f->remote);
	return !ep_none(*got) && !ep_eq(*got, f->external);
}

struct seen endpoint_is_kept_for(const struct row *row)
{
	struct flow f = flow_open(row->protocol, A, PORT, server(1, SERVICE));
	struct ep got;
	bool kept;

	if (!f.answered)
		return seen(false, "no flow to begin with");
	sleep_s(row->arg);
	kept = still_taken(&f, &got);
	return seen(kept, "%s after %ld s; A2 gets %u",
		    kept ? "kept" : "lost", row->arg, ep_port(got));
}

struct seen endpoint_is_kept_after_rst(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, PORT, server(1, SERVICE));
	struct ep got;
	bool kept;

	if (!f.answered)
		return seen(false, "no connection to begin with");
	stream_abort(f.out);
	sleep_s(row->arg);
	kept = still_taken(&f, &got);
	return seen(kept, "%s after %ld s; A2 gets %u",
		    kept ? "kept" : "lost", row->arg, ep_port(got));
}

/* Filtering */

static bool stream_gets_in(int protocol, struct ep from, struct ep to,
			   int listener)
{
	int c = stream_open(protocol, SERVER, from);
	int got;

	stream_connect(c, to);
	if (stream_connected(c, SILENCE_MS))
		return false;
	got = stream_accept(listener, NULL, SILENCE_MS);
	return got >= 0 && stream_deliver(c, got);
}

static unsigned int who_gets_in_stream(int protocol)
{
	struct flow f = flow_open(protocol, A, PORT, server(1, SERVICE));
	int listener = stream_listen(protocol, A, host(A, PORT));
	unsigned int in = f.answered;

	if (stream_gets_in(protocol, server(1, SERVICE + 1), f.external,
			   listener))
		in |= 2;
	if (stream_gets_in(protocol, server(2, SERVICE), f.external, listener))
		in |= 4;
	return in;
}

static unsigned int who_gets_in_udp(void)
{
	int a = udp_open(A, host(A, PORT));
	int from[] = {
		udp_open(SERVER, server(1, SERVICE)),
		udp_open(SERVER, server(1, SERVICE + 1)),
		udp_open(SERVER, server(2, SERVICE)),
	};
	unsigned int in = 0;
	struct ep mapped;
	size_t i;

	if (!udp_deliver(a, server(1, SERVICE), from[0], &mapped))
		return 0;
	for (i = 0; i < ARRAY_SIZE(from); i++)
		if (udp_deliver(from[i], mapped, a, NULL))
			in |= 1 << i;
	return in;
}

struct seen filtering_is_as_configured(const struct row *row)
{
	static const char * const names[8] = {
		"nobody", "the endpoint", "?", "the address, any port", "?",
		"?", "?", "anybody",
	};
	unsigned int in = row->protocol == IPPROTO_UDP ?
			  who_gets_in_udp() : who_gets_in_stream(row->protocol);

	return seen(in == row->arg, "lets in %s", names[in]);
}

/* Hairpinning */

struct seen hairpin_both_ways(const struct row *row)
{
	int a = udp_open(A, host(A, PORT));
	int a2 = udp_open(A2, host(A2, PORT + 1));
	int s = udp_open(SERVER, server(1, SERVICE));
	struct ep ext_a, ext_a2, from;
	unsigned long number;

	(void)row;
	udp_deliver(a, server(1, SERVICE), s, &ext_a);
	udp_deliver(a2, server(1, SERVICE), s, &ext_a2);
	udp_send(a, ext_a2);
	number = udp_send(a2, ext_a);
	if (!udp_wait(a, number, &from, SILENCE_MS))
		return seen(false, "A hears nothing");
	if (!ep_eq(from, ext_a2))
		return seen(false, "A hears %s", ep_str(from));
	if (!udp_deliver(a, ext_a2, a2, &from))
		return seen(false, "A2 hears nothing");
	return seen(ep_eq(from, ext_a), "A2 hears %s", ep_str(from));
}

static const char *connect_result(int error)
{
	switch (error) {
	case 0:
		return "connected";
	case ECONNREFUSED:
		return "refused";
	case EADDRNOTAVAIL:
		return "port taken";
	case ETIMEDOUT:
		return "silence";
	default:
		return strerror(error);
	}
}

static struct seen hairpin_stream(int protocol)
{
	struct flow a = flow_open(protocol, A, PORT, server(1, SERVICE));
	struct flow a2 = flow_open(protocol, A2, PORT + 1, server(1, SERVICE));
	int listener = stream_listen(protocol, A2, host(A2, PORT + 1));
	int c = stream_open(protocol, A, host(A, PORT)), got, error;
	struct ep from;

	stream_connect(c, a2.external);
	error = stream_connected(c, SILENCE_MS);
	if (error)
		return seen(false, "A: %s", connect_result(error));
	got = stream_accept(listener, &from, SILENCE_MS);
	if (got < 0 || !stream_deliver(c, got) || !stream_deliver(got, c))
		return seen(false, "connected, but not to A2");
	return seen(ep_eq(from, a.external), "A2 is called by %s",
		    ep_str(from));
}

struct seen hairpin_shows_external_source(const struct row *row)
{
	struct ep ext_a, ext_a2, from;
	int a, a2, s;

	if (row->protocol != IPPROTO_UDP)
		return hairpin_stream(row->protocol);
	a = udp_open(A, host(A, PORT));
	a2 = udp_open(A2, host(A2, PORT + 1));
	s = udp_open(SERVER, server(1, SERVICE));
	udp_deliver(a, server(1, SERVICE), s, &ext_a);
	udp_deliver(a2, server(1, SERVICE), s, &ext_a2);
	if (!udp_deliver(a, ext_a2, a2, &from))
		return seen(false, "silence");
	if (!udp_deliver(a2, ext_a, a, NULL))
		return seen(false, "A2 hears %s, A no answer", ep_str(from));
	return seen(ep_eq(from, ext_a), "A2 hears %s", ep_str(from));
}

/* Punching */

/* A punching program: its socket, and the endpoint that the server told it. */
struct peer {
	int sock;
	struct ep mapped;
};

static struct peer punch_prepare(int protocol, enum node node, int which)
{
	struct ep to = server(which, SERVICE);
	struct peer peer;
	int s;

	if (protocol == IPPROTO_UDP) {
		s = sock_at(SERVER, IPPROTO_UDP, to);
		if (s < 0)
			s = udp_open(SERVER, to);
		peer.sock = udp_open(node, host(node, PORT));
		udp_deliver(peer.sock, to, s, &peer.mapped);
		return peer;
	}
	peer.mapped = external(protocol, node, PORT, to);
	peer.sock = stream_open(protocol, node, host(node, PORT));
	return peer;
}

static struct seen punch_udp(struct peer a, struct peer b, long skew)
{
	unsigned long number, start;
	bool a_hears = false, b_hears = false;
	int i;

	udp_send(a.sock, b.mapped);
	sleep_ms(skew);
	start = now_ms();
	for (i = 0; i < 25 && !(a_hears && b_hears); i++) {
		number = udp_send(b.sock, a.mapped);
		a_hears |= number && udp_wait(a.sock, number, NULL, 200);
		number = udp_send(a.sock, b.mapped);
		b_hears |= number && udp_wait(b.sock, number, NULL, 200);
	}
	if (a_hears && b_hears)
		return seen(true, "connected after %lu ms", now_ms() - start);
	return seen(false, "A hears %s, B hears %s", a_hears ? "B" : "nothing",
		    b_hears ? "A" : "nothing");
}

static struct seen punch_stream(struct peer a, struct peer b, long skew)
{
	unsigned long start;
	int error_a, error_b;

	error_a = stream_connect(a.sock, b.mapped);
	sleep_ms(skew);
	start = now_ms();
	error_b = stream_connect(b.sock, a.mapped);
	if (!error_b)
		error_b = stream_connected(b.sock, COMES_MS);
	if (!error_a)
		error_a = stream_connected(a.sock, COMES_MS);
	if (error_a || error_b)
		return seen(false, "A: %s, B: %s", connect_result(error_a),
			    connect_result(error_b));
	start = now_ms() - start;
	if (!stream_deliver(a.sock, b.sock) || !stream_deliver(b.sock, a.sock))
		return seen(false, "connected, but not to each other");
	return seen(true, "connected after %lu ms", start);
}

static struct seen punch(int protocol, struct peer a, struct peer b, long skew)
{
	if (ep_none(a.mapped) || ep_none(b.mapped))
		return seen(false, "the server was not reached");
	if (protocol == IPPROTO_UDP)
		return punch_udp(a, b, skew);
	return punch_stream(a, b, skew);
}

struct seen punch_connects(const struct row *row)
{
	struct peer a = punch_prepare(row->protocol, A, 1);
	struct peer b = punch_prepare(row->protocol, B, 1);

	return punch(row->protocol, a, b, row->arg);
}

struct seen punch_connects_beside_neighbour(const struct row *row)
{
	struct peer a2 = punch_prepare(row->protocol, A2, 2);
	struct peer b = punch_prepare(row->protocol, B, 1);
	struct seen s = punch(row->protocol, a2, b, 0);
	struct peer a;

	if (!s.ok)
		return seen(false, "A2 itself: %s", s.text);
	a = punch_prepare(row->protocol, A, 1);
	if (row->protocol != IPPROTO_UDP)
		b.sock = stream_open(row->protocol, B, host(B, PORT));
	return punch(row->protocol, a, b, row->arg);
}

/* Exhaustion */

struct seen exhaustion_is_told(const struct row *row)
{
	int type = lab_family() == AF_INET ? 3 : 1;
	int code = lab_family() == AF_INET ? 13 : 1;
	int s = udp_open(SERVER, server(1, SERVICE)), a;
	struct sock_error e;
	struct ep mapped;
	unsigned int i;

	(void)row;
	for (i = 0; i < 4; i++) {
		a = udp_open(A, host(A, PORT + i));
		if (!udp_deliver(a, server(1, SERVICE), s, &mapped))
			return seen(false, "only %u of 4 ports work", i);
		if (ep_port(mapped) < 40000 || ep_port(mapped) > 40003)
			return seen(false, "port %u", ep_port(mapped));
	}
	a = udp_open(A, host(A, PORT + 4));
	if (udp_deliver(a, server(1, SERVICE), s, &mapped))
		return seen(false, "a fifth host uses %s", ep_str(mapped));
	if (!sock_error_wait(a, &e, SILENCE_MS))
		return seen(false, "silence");
	return seen(e.type == type && e.code == code, "ICMP %d/%d", e.type,
		    e.code);
}
