// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: an internal endpoint has its external one before any packet.
 */
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

/* "10.1.0.2:5000" or "[fd00:1::2]:5000", as ep_str() has it. */
static void reserve(const char *protocol, struct ep internal,
		    const char *options)
{
	must(HOME, "natpunchctl -n GA reserve add wan %s '%s' %s", protocol,
	     ep_str(internal), options);
}

static struct seen chosen_port_is_given(const struct row *row)
{
	bool udp = row->protocol == IPPROTO_UDP;
	struct ep first, second;

	reserve(udp ? "udp" : "tcp", host(A, 5000), "--external :6000");
	first = external(row->protocol, A, 5000, server(1, 3478));
	second = external(row->protocol, A, 5000, server(2, 3478));
	return seen(ep_eq(first, wan(GA, 6000)) && ep_eq(first, second),
		    "%s, %s", ep_str(first), ep_str(second));
}

static struct seen nobody_else_gets_it(const struct row *row)
{
	struct ep e;

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	e = external(IPPROTO_UDP, A2, 6000, server(1, 3478));
	return seen(!ep_none(e) && ep_port(e) != 6000, "A2 gets %s", ep_str(e));
}

/* Not one packet has gone out. */
static struct seen inbound_reaches_host(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep from, back;

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	if (!udp_deliver(s, wan(GA, 6000), a, &from))
		return seen(false, "silence");
	udp_deliver(a, from, s, &back);
	return seen(ep_eq(from, server(1, 3478)) && ep_eq(back, wan(GA, 6000)),
		    "from %s, and back from %s", ep_str(from), ep_str(back));
}

static struct seen inbound_tcp_reaches_host(const struct row *row)
{
	int l = stream_listen(IPPROTO_TCP, A, host(A, 5000));
	int c = stream_open(IPPROTO_TCP, SERVER, server(1, 4000)), got;

	(void)row;
	reserve("tcp", host(A, 5000), "--external :6000");
	stream_connect(c, wan(GA, 6000));
	if (stream_connected(c, SILENCE_MS))
		return seen(false, "no connection");
	got = stream_accept(l, NULL, SILENCE_MS);
	return seen(got >= 0 && stream_deliver(c, got) &&
		    stream_deliver(got, c), "connected");
}

/* Its own filtering, on a WAN that lets nobody in. */
static struct seen filter_of_its_own(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), a2 = udp_open(A2, host(A2, 5001));
	int s = udp_open(SERVER, server(1, 3478));

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000 --filter eif");
	reserve("udp", host(A2, 5001), "--external :6001");
	return seen(udp_deliver(s, wan(GA, 6000), a, NULL) &&
		    !udp_deliver(s, wan(GA, 6001), a2, NULL),
		    "A, eif; A2, the WAN's");
}

static struct seen taken_port_is_refused(const struct row *row)
{
	struct ep holder = external(IPPROTO_UDP, A2, 6000, server(1, 3478));
	int status;

	(void)row;
	status = natpunchctl("reserve add wan udp 10.1.0.2:5000 "
			     "--external :6000");
	if (ep_port(holder) != 6000)
		return seen(false, "A2 has %u", ep_port(holder));
	return seen(status == 1 && strstr(run_output(), "6000"),
		    "status %d, says %.120s", status, run_output());
}

static struct seen reserved_port_is_refused(const struct row *row)
{
	int status;

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	status = natpunchctl("reserve add wan udp 10.1.0.3:5000 "
			     "--external :6000");
	return seen(status == 1, "status %d, says %.120s", status,
		    run_output());
}

static struct seen lasts_as_long_as_asked(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	bool at_60, at_200;

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000 --for 100");
	sleep_s(60);
	at_60 = udp_deliver(s, wan(GA, 6000), a, NULL);
	/* That flow keeps its entry for 30 s, its mapping for 5 min. */
	sleep_s(500);
	at_200 = udp_deliver(s, wan(GA, 6000), a, NULL);
	return seen(at_60 && !at_200, "in after 60 s: %s, after 560 s: %s",
		    at_60 ? "yes" : "no", at_200 ? "yes" : "no");
}

static struct seen for_good_is_for_good(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	sleep_s(3 * 3600);
	return seen(udp_deliver(s, wan(GA, 6000), a, NULL),
		    "three hours later, not a packet since");
}

static struct seen ends_when_deleted(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	bool before;

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	before = udp_deliver(s, wan(GA, 6000), a, NULL);
	must(HOME, "natpunchctl -n GA reserve del wan udp '%s'",
	     ep_str(host(A, 5000)));
	must(HOME, "natpunchctl -n GA mapping flush");
	return seen(before && !udp_deliver(s, wan(GA, 6000), a, NULL),
		    "in before: %s", before ? "yes" : "no");
}

/* A flush ends mappings, not promises. */
static struct seen survives_flush(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));

	(void)row;
	reserve("udp", host(A, 5000), "--external :6000");
	must(HOME, "natpunchctl -n GA mapping flush");
	return seen(udp_deliver(s, wan(GA, 6000), a, NULL), "in after a flush");
}

#define EIF .options = "--filter eif"

static const struct row rows[] = {
	{ .name = "UDP gets the chosen port",
	  .measure = chosen_port_is_given, .protocol = IPPROTO_UDP,
	  .families = BOTH },
	{ .name = "TCP gets the chosen port",
	  .measure = chosen_port_is_given, .protocol = IPPROTO_TCP,
	  .families = BOTH },
	{ .name = "nobody else gets it",
	  .measure = nobody_else_gets_it, .families = BOTH },
	{ .name = "inbound first, UDP reaches the host",
	  .measure = inbound_reaches_host, EIF, .families = BOTH },
	{ .name = "inbound first, TCP reaches the host",
	  .measure = inbound_tcp_reaches_host, EIF, .families = BOTH },
	{ .name = "its own filtering", .measure = filter_of_its_own,
	  .options = "--filter apdf" },
	{ .name = "a taken port is refused",
	  .measure = taken_port_is_refused },
	{ .name = "a reserved port is refused",
	  .measure = reserved_port_is_refused },
	{ .name = "it lasts as long as was asked",
	  .measure = lasts_as_long_as_asked, EIF },
	{ .name = "for good is for good",
	  .measure = for_good_is_for_good, EIF, .families = BOTH },
	{ .name = "it ends when deleted", .measure = ends_when_deleted, EIF },
	{ .name = "it survives a flush", .measure = survives_flush, EIF },
};

ROWS_MAIN(rows)
