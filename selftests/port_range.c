// SPDX-License-Identifier: GPL-2.0
/*
 * Which external ports are given: the WAN's range, less ip_local_reserved_ports,
 * and never one twice until they are all gone.
 */
#include "lab/behave.h"

static struct seen ports_lie_in_range(const struct row *row)
{
	unsigned int i, out = 0;
	struct ep e;

	for (i = 0; i < 32; i++) {
		e = external(row->protocol, i % 2 ? A : A2, 5000 + i / 2,
			     server(1, 3478));
		out += ep_port(e) < 40000 || ep_port(e) > 40031;
	}
	return seen(!out, "%u of 32 outside of 40000-40031", out);
}

static struct seen port_in_range_is_preserved(const struct row *row)
{
	struct ep e = external(row->protocol, A, 40007, server(1, 3478));

	return seen(ep_port(e) == 40007, "%u", ep_port(e));
}

static struct seen reserved_ports_are_left_out(const struct row *row)
{
	unsigned int i, port, bad = 0;

	sysctl_set(GA, "net/ipv4/ip_local_reserved_ports", "40000-40023,5000");
	/* Known from when the address comes, so let it come. */
	must(HOME, "natpunchctl -n GA wan del wan");
	must(HOME, "natpunchctl -n GA wan add wan %s %s", row->options,
	     lab_family() == AF_INET6 ? "--nat66" : "");
	for (i = 0; i < 8; i++) {
		port = ep_port(external(row->protocol, A, 40000 + i,
					server(1, 3478)));
		bad += port < 40024 || port > 40031;
	}
	sysctl_set(GA, "net/ipv4/ip_local_reserved_ports", "\n");
	return seen(!bad, "%u of 8 outside of 40024-40031", bad);
}

/* Changed while the WAN runs. */
static struct seen range_can_change(const struct row *row)
{
	struct ep before, after, other;

	before = external(row->protocol, A, 5000, server(1, 3478));
	must(HOME, "natpunchctl -n GA wan set wan --ports 50000-50010");
	other = external(row->protocol, A2, 6000, server(1, 3478));
	after = external(row->protocol, A, 5001, server(1, 3478));
	return seen(ep_port(before) == 5000 &&
		    ep_port(other) >= 50000 && ep_port(other) <= 50010 &&
		    ep_port(after) >= 50000 && ep_port(after) <= 50010,
		    "before %u, after %u and %u", ep_port(before),
		    ep_port(other), ep_port(after));
}

/* Given back when the mapping ends. */
static struct seen ports_come_back(const struct row *row)
{
	struct seen s = exhaustion_is_told(row);
	struct ep e;

	if (!s.ok)
		return s;
	sleep_s(400);
	e = external(IPPROTO_UDP, A2, 6000, server(1, 3478));
	return seen(ep_port(e) >= 40000 && ep_port(e) <= 40003,
		    "%s; 400 s later a port is free: %u", s.text, ep_port(e));
}

#define RANGE .options = "--ports 40000-40031"

static const struct row rows[] = {
	{ .name = "UDP ports lie in the range", .protocol = IPPROTO_UDP,
	  .measure = ports_lie_in_range, RANGE, .families = BOTH },
	{ .name = "TCP ports lie in the range", .protocol = IPPROTO_TCP,
	  .measure = ports_lie_in_range, RANGE },
	{ .name = "a port in the range is preserved", .protocol = IPPROTO_UDP,
	  .measure = port_in_range_is_preserved, RANGE },
	{ .name = "reserved ports are left out", .protocol = IPPROTO_UDP,
	  .measure = reserved_ports_are_left_out, RANGE, .families = BOTH },
	{ .name = "the range can change", .protocol = IPPROTO_UDP,
	  .measure = range_can_change },
	{ .name = "ports come back when mappings end",
	  .measure = ports_come_back, .options = FOUR_PORTS_NATPUNCH },
};

ROWS_MAIN(rows)
