// SPDX-License-Identifier: GPL-2.0
/*
 * An unchanged program that makes its own TCP with Scapy: its kernel resets the
 * connection, unless natpunch watches the device or runs it.
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include "lab/behave.h"
#include "lab/script.h"

static struct seen killed(const struct row *row)
{
	struct script s = script_run("");

	(void)row;
	return seen(s.reset && !s.said && !s.answered, "%s, %s: %s",
		    s.reset ? "RST" : "no RST",
		    s.said ? "delivered" : "not delivered", s.output);
}

static struct seen alive(const char *prefix)
{
	struct script s = script_run(prefix);

	return seen(!s.reset && s.said && s.answered, "%s, %s: %s",
		    s.reset ? "RST" : "no RST",
		    s.said ? "delivered" : "not delivered", s.output);
}

static struct seen watched(const struct row *row)
{
	struct seen s;

	(void)row;
	must(A, "natpunchctl crafted auto eth0 on");
	s = alive("");
	must(A, "natpunchctl crafted auto eth0 off");
	return s;
}

static struct seen run_by(const struct row *row)
{
	(void)row;
	return alive("natpunchctl crafted run --");
}

static const struct row rows[] = {
	{ .name = "the kernel resets what it does not know",
	  .measure = killed },
	{ .name = "crafted auto: not on a watched device",
	  .measure = watched },
	{ .name = "crafted run: not what it runs",
	  .measure = run_by },
	{ .name = "and afterwards as ever",
	  .measure = killed },
};

ROWS_MAIN(rows)
