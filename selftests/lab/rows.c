// SPDX-License-Identifier: GPL-2.0
/* Rows: measure each on masquerade and on natpunch, and report. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rows.h"

struct seen seen(bool ok, const char *fmt, ...)
{
	struct seen s = { .ok = ok };
	va_list args;

	va_start(args, fmt);
	vsnprintf(s.text, sizeof(s.text), fmt, args);
	va_end(args);
	return s;
}

struct seen row_measure(const struct row *row, enum nat nat)
{
	gateways(nat, row->both_homes ? nat : NAT_NONE,
		 nat == NAT_MASQUERADE ? row->masquerade : row->options);
	return row->measure(row);
}

static void report(const struct row *row, enum nat nat, bool expect)
{
	struct seen s = row_measure(row, nat);
	const char *who = nat == NAT_MASQUERADE ? "masquerade" : "natpunch";

	ktap_diag("%s: %s", who, s.text);
	ktap_ok(s.ok == expect, "%s, IPv%d, %s%s", row->name,
		lab_family() == AF_INET ? 4 : 6, who,
		expect ? "" : " is seen to fail");
}

static void run_row(const struct row *row)
{
	const char *missing = natpunch_missing();

	if (row->stock != STOCK_UNTRIED)
		report(row, NAT_MASQUERADE, row->stock == STOCK_PASSES);
	if (missing)
		ktap_skip(row->name, "%s", missing);
	else
		report(row, NAT_NATPUNCH, true);
}

static bool row_wants(const struct row *row, int family)
{
	return row->families == BOTH ||
	       row->families == (family == AF_INET ? IPV4 : IPV6);
}

static unsigned int results(const struct row *row)
{
	return (row->stock == STOCK_UNTRIED ? 1 : 2) *
	       (row->families == BOTH ? 2 : 1);
}

/* Something that not every kernel here has. */
static bool lacking(const struct row *row)
{
	return row->protocol == IPPROTO_SCTP && !stream_supported(IPPROTO_SCTP);
}

int rows_main(const struct row *rows, size_t n)
{
	static const int families[] = { AF_INET, AF_INET6 };
	unsigned int planned = 0;
	size_t i, f;

	for (i = 0; i < n; i++)
		planned += results(&rows[i]);
	ktap_plan(planned);
	lab_start();
	for (i = 0; i < n; i++) {
		if (lacking(&rows[i])) {
			for (f = 0; f < results(&rows[i]); f++)
				ktap_skip(rows[i].name, "no SCTP sockets here");
			continue;
		}
		for (f = 0; f < ARRAY_SIZE(families); f++) {
			lab_use_family(families[f]);
			if (row_wants(&rows[i], families[f]))
				run_row(&rows[i]);
		}
	}
	gateways(NAT_NONE, NAT_NONE, NULL);
	return ktap_exit();
}
