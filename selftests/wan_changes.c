// SPDX-License-Identifier: GPL-2.0
/*
 * The WAN's address changes, or its device goes away, comes back, is renamed: old
 * mappings end, their flows too, and new ones start on what is there now.
 */
#include "lab/behave.h"

#define NEW_ADDRESS "203.0.113.9"

static void change_address(void)
{
	must(GA, "ip addr flush dev wan scope global");
	must(GA, "ip addr add " NEW_ADDRESS "/24 dev wan");
	must(GA, "ip route replace default via 203.0.113.1");
	sleep_s(3);
}

static void put_back(void)
{
	run(GA, "ip link set wan2 down; ip link set wan2 name wan");
	must(GA, "ip link set wan up");
	must(GA, "ip addr flush dev wan scope global");
	must(GA, "ip addr add 203.0.113.2/24 dev wan");
	must(GA, "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan");
	must(GA, "ip addr add 2001:db8:a::2/64 dev wan nodad");
	must(GA, "ip route replace default via 203.0.113.1");
	must(GA, "ip route replace default via 2001:db8:a::1");
	sleep_s(3);
}

/* The same UDP socket, the same server: its packets must take the new address. */
static struct seen udp_moves(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep before, after;
	bool answer;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &before);
	udp_deliver(s, before, a, NULL);
	change_address();
	udp_deliver(a, server(1, 3478), s, &after);
	answer = udp_deliver(s, after, a, NULL);
	put_back();
	return seen(ep_eq(before, wan(GA, 5000)) &&
		    ep_eq(after, ep(NEW_ADDRESS, 5000)) && answer,
		    "%s, then %s", ep_str(before), ep_str(after));
}

static struct seen new_tcp_works(const struct row *row)
{
	struct flow old = flow_open(IPPROTO_TCP, A, 5000, server(1, 80)), f;

	(void)row;
	change_address();
	f = flow_open(IPPROTO_TCP, A, 5001, server(1, 80));
	put_back();
	return seen(old.answered && f.answered &&
		    ep_same_addr(f.external, ep(NEW_ADDRESS, 0)), "%s, then %s",
		    ep_str(old.external), ep_str(f.external));
}

/* A given address goes and comes back; then it is used again. */
static struct seen given_address_comes_back(const struct row *row)
{
	struct ep before, after;

	(void)row;
	before = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	must(GA, "ip addr del " SECOND_WAN_ADDRESS "/24 dev wan");
	sleep_s(3);
	external(IPPROTO_UDP, A, 5001, server(1, 3478));
	must(GA, "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan");
	sleep_s(3);
	after = external(IPPROTO_UDP, A, 5002, server(1, 3478));
	return seen(ep_eq(before, ep(SECOND_WAN_ADDRESS, 5000)) &&
		    ep_eq(after, ep(SECOND_WAN_ADDRESS, 5002)), "%s, then %s",
		    ep_str(before), ep_str(after));
}

/* An address that is not ours: nothing private may leak, nothing may stick. */
static struct seen lost_address_leaks_nothing(const struct row *row)
{
	int wire = sniff_open(NET, "ga"), a = udp_open(A, host(A, 5000));
	struct packet p;
	bool leak;

	(void)row;
	must(GA, "ip addr del " SECOND_WAN_ADDRESS "/24 dev wan");
	sleep_s(3);
	udp_send(a, server(1, 3478));
	sleep_ms(200);
	leak = false;
	while (sniff_next(wire, &p, 0))
		leak |= ep_same_addr(p.src, host(A, 0));
	must(GA, "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan");
	sleep_s(3);
	return seen(!leak, "does an internal address leave?");
}

static struct seen device_comes_back(const struct row *row)
{
	struct ep before, after;

	(void)row;
	before = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	must(NET, "ip link del ga");
	sleep_s(3);
	must(NET, "ip link add ga type veth peer name wan netns GA");
	must(NET, "ip addr add 203.0.113.1/24 dev ga; ip link set ga up;"
	     "ip addr add 2001:db8:a::1/64 dev ga nodad;"
	     "tc qdisc replace dev ga root netem delay 20ms limit 200000");
	put_back();
	after = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	return seen(ep_eq(before, after), "%s, then %s", ep_str(before),
		    ep_str(after));
}

/* Under its new name it is another device, not ours to translate, until told. */
static struct seen device_is_renamed(const struct row *row)
{
	struct ep before, after, back, to = server(1, 3478);
	int wire = sniff_open(NET, "ga"), a;
	struct packet p;
	bool untouched;

	(void)row;
	before = external(IPPROTO_UDP, A, 5000, to);
	must(GA, "ip link set wan down; ip link set wan name wan2;"
	     "ip link set wan2 up");
	must(GA, "ip route replace default via 203.0.113.1");
	sleep_s(3);
	while (sniff_next(wire, &p, 0))
		;
	a = udp_open(A, host(A, 5001));
	udp_send(a, to);
	untouched = sniff_find(wire, &p, is_to, &to, SILENCE_MS) &&
		    ep_eq(p.src, host(A, 5001));
	must(HOME, "natpunchctl -n GA wan add wan2");
	run(GA, "conntrack -F");
	after = external(IPPROTO_UDP, A, 5002, to);
	must(HOME, "natpunchctl -n GA wan del wan2");
	put_back();
	back = external(IPPROTO_UDP, A, 5003, to);
	return seen(ep_eq(before, wan(GA, 5000)) && untouched &&
		    ep_eq(after, wan(GA, 5002)) && ep_eq(back, wan(GA, 5003)),
		    "%s; unmanaged %s; wan2 %s; back %s", ep_str(before),
		    untouched ? "as is" : "translated", ep_str(after),
		    ep_str(back));
}

static struct seen deleted_wan_ends_flows(const struct row *row)
{
	int wire = sniff_open(NET, "ga");
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	struct ep to = server(1, 3478);
	struct packet p;

	(void)row;
	must(HOME, "natpunchctl -n GA wan del wan");
	while (sniff_next(wire, &p, 100))
		;
	send(f.in, "packet 0", 8, 0);
	if (!sniff_find(wire, &p, is_to, &to, SILENCE_MS))
		return seen(false, "nothing leaves");
	must(HOME, "natpunchctl -n GA wan add wan");
	return seen(ep_eq(p.src, host(A, 5000)), "then it leaves as %s",
		    ep_str(p.src));
}

#define GIVEN .options = "--address " SECOND_WAN_ADDRESS

static const struct row rows[] = {
	{ .name = "address changed, UDP moves", .measure = udp_moves },
	{ .name = "address changed, new TCP works", .measure = new_tcp_works },
	{ .name = "a given address goes and comes back",
	  .measure = given_address_comes_back, GIVEN },
	{ .name = "without its address nothing leaks",
	  .measure = lost_address_leaks_nothing, GIVEN },
	{ .name = "the device goes and comes back",
	  .measure = device_comes_back },
	{ .name = "the device is renamed", .measure = device_is_renamed },
	{ .name = "a deleted WAN's flows end",
	  .measure = deleted_wan_ends_flows },
};

ROWS_MAIN(rows)
