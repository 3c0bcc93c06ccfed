// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508 REQ-2: an ICMP query's mapping MUST NOT expire in less than 60 s; REQ-2a:
 * configurable.
 * RFC 7857 section 11: it lasts as long as its last query session.
 */
#include "lab/behave.h"

/* Ping S1 at once and S2 40 s later; see at row->arg seconds after that. */
static bool kept_by_second_session(const struct row *row, struct ep *got)
{
	struct flow f = flow_open(IPPROTO_ICMP, A, 5000, server(1, 0));

	sleep_s(40);
	external(IPPROTO_ICMP, A, 5000, server(2, 0));
	sleep_s(row->arg);
	return still_taken(&f, got);
}

static struct seen lives_with_last_session(const struct row *row)
{
	struct ep got;
	bool kept = kept_by_second_session(row, &got);

	return seen(kept, "%ld s after the second: neighbour gets %u", row->arg,
		    ep_port(got));
}

static struct seen ends_with_last_session(const struct row *row)
{
	struct ep got;
	bool kept = kept_by_second_session(row, &got);

	return seen(!kept && ep_port(got) == 5000,
		    "%ld s after the second: neighbour gets %u", row->arg,
		    ep_port(got));
}

static const struct row rows[] = {
	{ .name = "REQ-2 the identifier is kept for 60 s",
	  .measure = endpoint_is_kept_for, .protocol = IPPROTO_ICMP, .arg = 57,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-2a configured: two minutes",
	  .measure = endpoint_is_kept_for, .protocol = IPPROTO_ICMP, .arg = 115,
	  .options = "--icmp-timeout 120" },
	{ .name = "RFC 7857 section 11, lives with the last session",
	  .measure = lives_with_last_session, .arg = 55,
	  .stock = STOCK_FAILS },
	{ .name = "RFC 7857 section 11, ends with the last session",
	  .measure = ends_with_last_session, .arg = 160 },
};

ROWS_MAIN(rows)
