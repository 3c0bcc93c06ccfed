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

/*
 * Mappings made at any time of a few seconds, whose conntrack entries outlive them:
 * none of them may begin a second life when its entry is gone.
 */
static struct seen all_gone_after(const struct row *row)
{
	enum { MANY = 48, APART_MS = 190, ENTRY_S = 310 };
	struct flow f[MANY];
	unsigned int i, late = 0;
	struct ep got;

	/* Of one packet each way, conntrack says it is no stream. */
	must(GA, "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=%d",
	     ENTRY_S);
	for (i = 0; i < MANY; i++) {
		f[i] = flow_open(IPPROTO_UDP, A, 5000 + i, server(1, 3478));
		sleep_ms(APART_MS);
	}
	must(GA, "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=30");
	sleep_s(ENTRY_S + row->arg);
	for (i = 0; i < MANY; i++)
		late += still_taken(&f[i], &got);
	return seen(!late, "%u of %d are taken %ld s after their entries' end",
		    late, MANY, row->arg);
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
	{ .name = "REQ-5 mappings whose conntrack entries live longer end",
	  .measure = all_gone_after, .arg = 60 },
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
