// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-6: outbound packets refresh a mapping (MUST); inbound ones may, and
 * REQ-6's sequel in RFC 7857 section 7 wants that configurable. Errors do not.
 */
#include <string.h>

#include "lab/behave.h"

#define TIMEOUT "--udp-timeout 120 "

static int a, s;
static struct ep mapped;

static bool begin(void)
{
	a = udp_open(A, host(A, 5000));
	s = udp_open(SERVER, server(1, 3478));
	return udp_deliver(a, server(1, 3478), s, &mapped);
}

static struct seen outbound_refreshes(const struct row *row)
{
	int i;

	(void)row;
	if (!begin())
		return seen(false, "the request is lost");
	for (i = 0; i < 8; i++) {
		sleep_s(25);
		udp_deliver(a, server(1, 3478), s, NULL);
	}
	sleep_s(25);
	return seen(udp_deliver(s, mapped, a, NULL),
		    "requests for 200 s, 25 s later an answer");
}

/* How many of four answers come, 100 s apart; row->arg of them should. */
static struct seen inbound_refreshes(const struct row *row)
{
	int i, came = 0;

	if (!begin())
		return seen(false, "the request is lost");
	for (i = 0; i < 4; i++) {
		sleep_s(100);
		came += udp_deliver(s, mapped, a, NULL);
	}
	return seen(came == row->arg, "%d of 4 answers, 100 s apart", came);
}

/* An error about our packet comes in every 50 s. */
static struct seen errors_do_not_refresh(const struct row *row)
{
	int wire = sniff_open(NET, "ga"), i;
	struct ep to = server(1, 3478);
	struct packet sent, error;

	(void)row;
	if (!begin() || !sniff_find(wire, &sent, is_to, &to, COMES_MS))
		return seen(false, "the request is lost");
	error = packet_icmp_error(server(1, 0), &sent,
				  lab_family() == AF_INET ? 3 : 1, 1, 0);
	for (i = 0; i < 5; i++) {
		sleep_s(50);
		packet_send(SERVER, &error);
	}
	return seen(!udp_deliver(s, mapped, a, NULL),
		    "250 s and 5 errors later: is the mapping gone?");
}

static const struct row rows[] = {
	{ .name = "REQ-6 outbound packets refresh",
	  .measure = outbound_refreshes, .stock = STOCK_PASSES,
	  .families = BOTH, .options = TIMEOUT },
	{ .name = "REQ-6 inbound packets refresh if configured",
	  .measure = inbound_refreshes, .arg = 4,
	  .options = TIMEOUT "--inbound-refresh on" },
	{ .name = "RFC 7857 section 7, inbound packets do not if configured",
	  .measure = inbound_refreshes, .arg = 1,
	  .options = TIMEOUT "--inbound-refresh off" },
	{ .name = "RFC 7857 section 7.1, ICMP errors do not refresh",
	  .measure = errors_do_not_refresh, .families = BOTH,
	  .options = TIMEOUT "--inbound-refresh on" },
};

ROWS_MAIN(rows)
