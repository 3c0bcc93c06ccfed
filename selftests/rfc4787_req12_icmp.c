// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-12: receipt of any ICMP error MUST NOT terminate a mapping, and
 * the error reaches the host.
 */
#include <errno.h>

#include "lab/behave.h"

static struct seen mapping_survives_error(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep before, after, closed = server(1, 9);
	struct sock_error e;

	(void)row;
	/* Whoever wants the port afterwards shows whether it was let go. */
	udp_deliver(a, server(1, 3478), s, &before);
	udp_send(a, closed);
	if (!sock_error_wait(a, &e, COMES_MS))
		return seen(false, "no error comes back");
	if (e.error != ECONNREFUSED || !ep_eq(e.about, closed))
		return seen(false, "error %d about %s", e.error,
			    ep_str(e.about));
	external(IPPROTO_UDP, A2, 5000, server(1, 9));
	udp_deliver(a, server(1, 3478), s, &after);
	return seen(ep_eq(before, after) && udp_deliver(s, before, a, NULL),
		    "error from %s; %s before, %s after",
		    ep_addr_str(e.offender), ep_str(before), ep_str(after));
}

static const struct row rows[] = {
	{ .name = "REQ-12 an ICMP error passes and ends nothing",
	  .measure = mapping_survives_error, .stock = STOCK_PASSES,
	  .families = BOTH },
};

ROWS_MAIN(rows)
