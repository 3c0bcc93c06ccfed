// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-5: a UDP mapping MUST NOT expire in less than two minutes; REQ-5a:
 * the value may be configurable; REQ-5b: five minutes or more by default.
 */
#include "lab/behave.h"

/* How late a mapping may end is not the RFC's affair; a minute or so is fine. */
static struct seen gone_after(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
	struct ep got;

	sleep_s(row->arg);
	if (still_taken(&f, &got))
		return seen(false, "neighbour gets %s", ep_str(got));
	return seen(ep_eq(got, f.external), "%ld s later: neighbour gets %s",
		    row->arg, ep_str(got));
}

static const struct row rows[] = {
	{ .name = "REQ-5 no answer for 100 s, then one",
	  .measure = answer_passes_after, .arg = 100, .stock = STOCK_FAILS,
	  .families = BOTH },
	{ .name = "REQ-5b no answer for almost five minutes, then one",
	  .measure = answer_passes_after, .arg = 295, .stock = STOCK_FAILS },
	{ .name = "REQ-5b answered, then idle for almost five minutes",
	  .measure = endpoint_is_kept_for, .protocol = IPPROTO_UDP, .arg = 295,
	  .stock = STOCK_FAILS },
	{ .name = "REQ-5 a mapping that nobody uses ends",
	  .measure = gone_after, .arg = 400 },
	{ .name = "REQ-5a configured: two minutes, not yet over",
	  .measure = answer_passes_after, .arg = 115,
	  .options = "--udp-timeout 120" },
	{ .name = "REQ-5a configured: two minutes, over",
	  .measure = gone_after, .arg = 220,
	  .options = "--udp-timeout 120" },
	{ .name = "REQ-5a configured: ten minutes, not yet over",
	  .measure = answer_passes_after, .arg = 595,
	  .options = "--udp-timeout 600" },
};

ROWS_MAIN(rows)
