// SPDX-License-Identifier: GPL-2.0
/*
 * The stock tools see what natpunch does, and it stays out of their way.
 */
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

/* The reply tuple that conntrack prints is what the wire has. */
static struct seen conntrack_lists_binding(const struct row *row)
{
	char want[64];
	struct ep e;

	(void)row;
	external(IPPROTO_UDP, A2, 5000, server(2, 3478));
	e = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	snprintf(want, sizeof(want), "dst=%s sport=3478 dport=%u",
		 ep_addr_str(e), ep_port(e));
	must(GA, "conntrack -L -p udp --src %s", ep_addr_str(host(A, 0)));
	return seen(strstr(run_output(), want), "looked for \"%s\"", want);
}

static struct seen ruleset_is_the_admins(const struct row *row)
{
	char before[4096], after[4096];

	(void)row;
	nft(GA, "table inet admin {\n"
	    "	chain in { type filter hook input priority 0; }\n"
	    "}\n");
	must(HOME, "natpunchctl -n GA wan del wan");
	must(GA, "nft list ruleset");
	snprintf(before, sizeof(before), "%s", run_output());
	must(HOME, "natpunchctl -n GA wan add wan");
	external(IPPROTO_UDP, A, 5000, server(1, 3478));
	must(GA, "nft list ruleset");
	snprintf(after, sizeof(after), "%s", run_output());
	return seen(!strcmp(before, after), "the same with and without us?");
}

/* Its events come all the while, each of our flows' among them. */
static struct seen conntrack_events_come(const struct row *row)
{
	struct job job = job_start(GA, "exec conntrack -E -p udp");
	char want[64];
	bool all = true, running;
	struct ep e;
	int i;

	(void)row;
	sleep_ms(500);
	for (i = 0; i < 20; i++) {
		e = external(IPPROTO_UDP, i % 2 ? A : A2, 5000 + i / 2,
			     server(1, 3478));
		snprintf(want, sizeof(want), "dst=%s sport=3478 dport=%u",
			 ep_addr_str(e), ep_port(e));
		all &= job_wait_for(&job, want, COMES_MS);
	}
	must(HOME, "natpunchctl -n GA mapping flush");
	all &= job_wait_for(&job, "[DESTROY]", COMES_MS);
	running = job_running(&job);
	job_stop(&job);
	return seen(all && running, "20 flows, all of them seen?");
}

/* conntrack -F takes entries, not mappings. */
static struct seen conntrack_flush_keeps_mappings(const struct row *row)
{
	struct ep before, after;

	(void)row;
	external(IPPROTO_UDP, A2, 5000, server(2, 3478));
	before = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	must(GA, "conntrack -F");
	after = external(IPPROTO_UDP, A, 5000, server(2, 3478));
	return seen(ep_eq(before, after), "%s, then %s", ep_str(before),
		    ep_str(after));
}

/* A namespace without a WAN is none of our business, modules loaded or not. */
static struct seen other_namespaces_are_untouched(const struct row *row)
{
	(void)row;
	external(IPPROTO_UDP, A, 5000, server(1, 3478));
	must(NET, "conntrack -L; conntrack -C");
	return seen(strstr(run_output(), "0 flow entries"),
		    "no entry where nobody tracks: %.60s", run_output());
}

static const struct row rows[] = {
	{ .name = "conntrack -L shows the external endpoint",
	  .measure = conntrack_lists_binding, .families = BOTH },
	{ .name = "nft list ruleset shows what it showed before",
	  .measure = ruleset_is_the_admins },
	{ .name = "conntrack -E runs all the while",
	  .measure = conntrack_events_come },
	{ .name = "conntrack -F ends no mapping",
	  .measure = conntrack_flush_keeps_mappings },
	{ .name = "other namespaces track no connections",
	  .measure = other_namespaces_are_untouched },
};

ROWS_MAIN(rows)
