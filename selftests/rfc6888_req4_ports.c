// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 6888 REQ-4: how many external ports an inside host can have is limited, by
 * protocol, so that one that takes all it can get leaves the others theirs.
 * needs: kernel=6.1
 */
#include <stdio.h>

#include "lab/behave.h"
#include "lab/flood.h"

#define SHARE 8

/* Of @n flows from as many ports of @node, how many are answered. */
static unsigned int works(int protocol, enum node node, unsigned int first,
			  unsigned int n)
{
	unsigned int i, answered = 0;

	for (i = 0; i < n; i++) {
		struct flow f = flow_open(protocol, node, first + i,
					  server(1, 3478));

		answered += f.answered;
		/* It would get the answers to the next one. */
		if (!f.answered)
			sock_close(f.in);
	}
	return answered;
}

static bool is_told(enum node node, unsigned int port)
{
	bool v6 = lab_family() == AF_INET6;
	int s = udp_open(node, host(node, port));
	struct sock_error e;

	udp_send(s, server(1, 3478));
	return sock_error_wait(s, &e, SILENCE_MS) &&
	       e.type == (v6 ? 1 : 3) && e.code == (v6 ? 1 : 13);
}

static struct seen share(const struct row *row)
{
	unsigned int a = works(row->protocol, A, 5000, SHARE), more, a2, other;
	long refused = stat_of("quota");

	more = works(row->protocol, A, 5000 + SHARE, 2);
	refused = stat_of("quota") - refused;
	a2 = works(row->protocol, A2, 5000, SHARE);
	/* Another protocol has ports of its own. */
	other = works(row->protocol == IPPROTO_UDP ? IPPROTO_TCP : IPPROTO_UDP,
		      A, 5000, SHARE);
	return seen(a == SHARE && !more && refused && a2 == SHARE &&
		    other == SHARE,
		    "A has %u, then %u and %ld refused; A2 %u; of another protocol A has %u",
		    a, more, refused, a2, other);
}

/* What a host has is not touched by what it does not get. */
static struct seen mappings_go_on(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(1, 80));
	unsigned int a = works(IPPROTO_UDP, A, 5001, 2 * SHARE);
	struct ep again;

	(void)row;
	again = external(IPPROTO_UDP, A, 5000, server(2, 80));
	return seen(a == SHARE - 1 && flow_push(&f) && is_told(A, 6000) &&
		    ep_eq(again, f.external), "%s, %s after %u more",
		    ep_str(f.external), ep_str(again), a);
}

static struct seen ports_come_back(const struct row *row)
{
	unsigned int first = works(IPPROTO_UDP, A, 5000, SHARE + 1), again;

	(void)row;
	/* The host has something else, so it is not forgotten as a whole. */
	must(GA, "natpunchctl reserve add wan tcp 10.1.0.2:7000");
	sock_close_all();
	sleep_s(400);
	again = works(IPPROTO_UDP, A, 7000, SHARE + 1);
	return seen(first == SHARE && again == SHARE,
		    "%u, and 400 s later %u", first, again);
}

static struct seen share_can_change(const struct row *row)
{
	unsigned int first = works(IPPROTO_UDP, A, 5000, SHARE + 1), more, less;
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(2, 80));

	(void)row;
	must(GA, "natpunchctl wan set wan --host-ports %u", SHARE + 2);
	more = works(IPPROTO_UDP, A, 6000, SHARE);
	must(GA, "natpunchctl wan set wan --host-ports 1");
	less = works(IPPROTO_UDP, A, 7000, 1);
	return seen(first == SHARE && more == 2 && !less && flow_push(&f),
		    "%u, %u more, then %u", first, more, less);
}

/* The admin has asked for it; it counts all the same. */
static struct seen reservations_count(const struct row *row)
{
	unsigned int before = works(IPPROTO_UDP, A, 5000, SHARE), after;
	bool reserved, fulfilled;

	(void)row;
	reserved = !run(GA, "natpunchctl reserve add wan udp 10.1.0.2:7000 --external 7100");
	fulfilled = ep_port(external(IPPROTO_UDP, A, 7000,
				     server(1, 80))) == 7100;
	must(GA, "natpunchctl wan set wan --host-ports %u", SHARE + 1);
	after = works(IPPROTO_UDP, A, 8000, 1);
	return seen(before == SHARE && reserved && fulfilled && !after,
		    "%u; reserved: %s", before, run_output());
}

/* Of 200 ports one host may have 150, and tries 2000. */
static struct seen attack(const struct row *row)
{
	struct flow t = flow_open(IPPROTO_TCP, A2, 4000, server(1, 80));
	struct flow u = flow_open(IPPROTO_UDP, A2, 4001, server(1, 3478));
	long mappings = stat_of("mappings"), refused = stat_of("quota");
	unsigned int i, a2, over;
	int raw = flood_open(A);
	struct packet p;

	(void)row;
	flood_sink();
	for (i = 0; i < 2000; i++) {
		p = packet_udp(host(A, 5000 + i), flood_stranger(0, 9), "");
		flood_send(raw, &p);
		if (i % 500 == 250 && (!flow_push(&t) || !flow_push(&u)))
			return seen(false, "A2's flows stop after %u", i);
	}
	sleep_ms(200);
	mappings = stat_of("mappings") - mappings;
	refused = stat_of("quota") - refused;
	/* One of the 50 has a flow. */
	a2 = works(IPPROTO_UDP, A2, 6000, 49);
	over = works(IPPROTO_UDP, A2, 6100, 1);
	return seen(mappings == 150 && refused == 1850 && a2 == 49 && !over,
		    "A got %ld ports, %ld refused; A2 then %u of 49, and %u",
		    mappings, refused, a2, over);
}

#define LIMITED .options = "--host-ports 8"

static const struct row rows[] = {
	{ .name = "UDP: a host has its share", .protocol = IPPROTO_UDP,
	  .measure = share, LIMITED, .families = BOTH },
	{ .name = "TCP: a host has its share", .protocol = IPPROTO_TCP,
	  .measure = share, LIMITED },
	{ .name = "ICMP: a host has its share", .protocol = IPPROTO_ICMP,
	  .measure = share, LIMITED },
	{ .name = "what a host has goes on", .measure = mappings_go_on,
	  LIMITED, .families = BOTH },
	{ .name = "ports come back", .measure = ports_come_back, LIMITED },
	{ .name = "the share can change", .measure = share_can_change, LIMITED },
	{ .name = "reservations count, but are made",
	  .measure = reservations_count, LIMITED },
	{ .name = "who takes all it can get leaves others theirs",
	  .measure = attack, .options = "--ports 40000-40199 --host-ports 150" },
};

ROWS_MAIN(rows)
