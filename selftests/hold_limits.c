// SPDX-License-Identifier: GPL-2.0
/*
 * What a flood of SYNs may cost: 20 000 from as many sources are held up to the
 * cap, the oldest forgotten first, and mappings and connections go on. Nothing
 * that is held keeps a WAN, a device or a namespace.
 * needs: mem=1024 timeout=1200
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <jansson.h>

#include "lab/behave.h"

#define FLOOD 20000
#define CAP 4096
#define PER_SOURCE 64

static long holds(void)
{
	json_t *stats;
	long n;

	/* What was sent has to arrive first. */
	sleep_ms(500);
	must(GA, "natpunchctl -j stats");
	stats = json_loads(run_output(), 0, NULL);
	n = json_integer_value(json_object_get(stats, "holds"));
	json_decref(stats);
	return n;
}

static void syn(struct ep from, struct ep to)
{
	struct packet p = packet_tcp(from, to, TCP_SYN, 1, 0);

	packet_send(SERVER, &p);
}

/* 100.x.y.z, one of them a source. */
static struct ep stranger(unsigned int i)
{
	char text[32];

	snprintf(text, sizeof(text), "100.%u.%u.%u", 1 + (i >> 16),
		 (i >> 8) & 255, i & 255);
	return ep(text, 1024 + i % 50000);
}

static struct seen flood(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	unsigned int i;
	long n;

	(void)row;
	for (i = 0; i < FLOOD; i++)
		syn(stranger(i), wan(GA, 1024 + i % 60000));
	n = holds();
	if (n > CAP || n < CAP / 2)
		return seen(false, "%ld held", n);
	return seen(flow_push(&f) &&
		    ep_eq(external(IPPROTO_TCP, A, 5000, server(2, 80)),
			  f.external), "%ld held; does A go on?", n);
}

static struct seen one_source(const struct row *row)
{
	unsigned int i;
	long n;

	(void)row;
	for (i = 0; i < 1000; i++)
		syn(server(1, 2000 + i), wan(GA, 7000 + i));
	n = holds();
	return seen(n == PER_SOURCE, "%ld held", n);
}

static struct seen repeats(const struct row *row)
{
	unsigned int i;
	long n;

	(void)row;
	for (i = 0; i < 100; i++)
		syn(server(1, 4000), wan(GA, 7000));
	n = holds();
	return seen(n == 1, "%ld held", n);
}

static struct seen wan_deleted(const struct row *row)
{
	(void)row;
	syn(server(1, 4000), wan(GA, 7000));
	if (holds() != 1)
		return seen(false, "nothing held");
	must(GA, "natpunchctl wan del wan");
	must(GA, "natpunchctl wan add wan");
	return seen(!holds(), "%ld held", holds());
}

static struct seen device_gone(const struct row *row)
{
	bool gone;

	(void)row;
	must(GA, "ip link add extra type veth peer name other");
	must(GA, "ip addr add 192.168.77.1/24 dev extra");
	must(GA, "ip link set extra up; ip link set other up");
	must(GA, "natpunchctl wan add extra");
	syn(server(1, 4000), wan(GA, 7000));
	gone = !run(GA, "timeout 20 ip link del extra");
	must(GA, "natpunchctl wan del extra");
	return seen(gone && holds() == 1, "the device went; %ld held", holds());
}

static struct seen namespace_gone(const struct row *row)
{
	(void)row;
	syn(server(1, 4000), wan(GA, 7000));
	return seen(holds() == 1, "the lab's end shows the rest");
}

static const struct row rows[] = {
	{ .name = "a flood is held up to the cap", .measure = flood },
	{ .name = "one source is held up to its cap", .measure = one_source },
	{ .name = "a repeated SYN is held once", .measure = repeats },
	{ .name = "a WAN's holds go with it", .measure = wan_deleted },
	{ .name = "a device can go while SYNs are held",
	  .measure = device_gone },
	{ .name = "a namespace ends with SYNs held",
	  .measure = namespace_gone },
};

ROWS_MAIN(rows)
