// SPDX-License-Identifier: GPL-2.0
/*
 * Two gateways in one kernel: what one knows is nothing to the other.
 */
#include "lab/behave.h"

/* Both have a mapping on the same port, for different hosts. */
static struct seen mappings_are_apart(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), b = udp_open(B, host(B, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	struct ep ext_a, ext_b;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &ext_a);
	udp_deliver(b, server(1, 3478), s, &ext_b);
	return seen(ep_eq(ext_a, wan(GA, 5000)) &&
		    ep_eq(ext_b, wan(GB, 5000)) &&
		    udp_deliver(s2, ext_a, a, NULL) &&
		    udp_deliver(s2, ext_b, b, NULL), "%s and %s",
		    ep_str(ext_a), ep_str(ext_b));
}

/* A has a mapping that lets everybody in; nobody behind GB has. */
static struct seen one_does_not_serve_the_other(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	struct sock_error e;

	(void)row;
	udp_deliver(a, server(1, 3478), s, NULL);
	udp_send(s2, wan(GB, 5000));
	return seen(sock_error_wait(s2, &e, SILENCE_MS) &&
		    ep_same_addr(e.offender, wan(GB, 0)), "GB refuses?");
}

static struct seen deleting_one_keeps_the_other(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	int s2 = udp_open(SERVER, server(2, 3478));
	bool in;

	(void)row;
	udp_deliver(a, server(1, 3478), s, NULL);
	must(HOME, "natpunchctl -n GB wan del wan");
	in = udp_deliver(s2, wan(GA, 5000), a, NULL);
	must(HOME, "natpunchctl -n GB wan add wan");
	return seen(in, "GA's mapping after GB's WAN is deleted");
}

/* The flow crosses both, and each translates its own side. */
static struct seen flow_through_both(const struct row *row)
{
	int a = udp_open(A, host(A, 5000)), b = udp_open(B, host(B, 6000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep ext_b, a_is, b_is;

	(void)row;
	udp_deliver(b, server(1, 3478), s, &ext_b);
	if (!udp_deliver(a, ext_b, b, &a_is))
		return seen(false, "B hears nothing");
	if (!udp_deliver(b, a_is, a, &b_is))
		return seen(false, "A hears nothing");
	return seen(ep_eq(a_is, wan(GA, 5000)) && ep_eq(b_is, ext_b),
		    "B hears %s, A hears %s", ep_str(a_is), ep_str(b_is));
}

static const struct row rows[] = {
	{ .name = "one port, two gateways", .both_homes = true,
	  .measure = mappings_are_apart,
	  .options = "--filter eif", .families = BOTH },
	{ .name = "a mapping serves its own gateway only", .both_homes = true,
	  .measure = one_does_not_serve_the_other,
	  .options = "--filter eif", .families = BOTH },
	{ .name = "deleting one WAN keeps the other", .both_homes = true,
	  .measure = deleting_one_keeps_the_other,
	  .options = "--filter eif" },
	{ .name = "a flow crosses both", .both_homes = true,
	  .measure = flow_through_both,
	  .options = "--filter eif", .families = BOTH },
};

ROWS_MAIN(rows)
