// SPDX-License-Identifier: GPL-2.0
/* The table, and the same as JSON; see bench.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static FILE *json;
static unsigned int over, rows;
static const char *row_group, *row_name;	/* the row that is being written */

/* What stands before a line that is no result. */
static const char *margin(void)
{
	return budget_quick() ? "# " : "";
}

void report_open(const char *path, const char *kernel)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (budget_quick())
		ktap_plan(budget_lines());
	printf("%sLinux %s. Instructions; mean, +- standard error.\n", margin(),
	       kernel);
	if (!path)
		return;
	json = fopen(path, "w");
	if (!json)
		ktap_bail("%s: %s", path, strerror(errno));
	fprintf(json, "{\"kernel\": \"%s\", \"figures\": [", kernel);
}

/* Part of a row's JSON. */
static void put(const char *fmt, ...) __printf(1, 2);
static void put(const char *fmt, ...)
{
	va_list args;

	if (!json)
		return;
	va_start(args, fmt);
	vfprintf(json, fmt, args);
	va_end(args);
}

static const char columns[] =
	"  no NAT    masq. natpunch  over masquerade  ceiling";

static void begin_under(const char *heading, const char *group,
			const char *name)
{
	static const char *last;

	put("%s\n{\"group\": \"%s\", \"name\": \"%s\"", rows++ ? "," : "",
	    group, name);
	if (!last || strcmp(group, last))
		printf("\n%s%-42s %s\n", margin(), group, heading);
	last = group;
	row_group = group;
	row_name = name;
	printf("%s  %-40s", margin(), name);
}

static void begin(const char *group, const char *name)
{
	begin_under(columns, group, name);
}

/* A row's figures that may have a ceiling. */
struct value {
	const char *figure, *unit;
	double is;
	bool floor;		/* it must not fall below */
};

static bool within(const struct value *v, double ceiling)
{
	return v->floor ? v->is >= ceiling : v->is <= ceiling;
}

/* One that has a ceiling; @nth of them in its row. */
static void judge(const struct value *v, double ceiling, unsigned int nth)
{
	bool ok = within(v, ceiling);

	over += !ok;
	printf("%s %6g%-2s %s", nth ? "," : "", ceiling, v->unit,
	       ok ? "ok" : "OVER");
	put("%s{\"figure\": \"%s\", \"is\": %.6g, \"ceiling\": %g, \"ok\": %s}",
	    nth ? ", " : "", v->figure, v->is, ceiling, ok ? "true" : "false");
}

/* As a result of a test. */
static void tell(const struct value *v, double ceiling)
{
	ktap_ok(within(v, ceiling), "%s: %s: %s is %.6g%s of at most %g%s",
		row_group, row_name, v->figure, v->is, v->unit, ceiling,
		v->unit);
}

/* The end of a row. */
static void end(unsigned int n, const struct value *v)
{
	unsigned int i, nth = 0;
	double ceiling;

	put(", \"ceilings\": [");
	for (i = 0; i < n; i++)
		if (budget_ceiling(row_group, row_name, v[i].figure, &ceiling))
			judge(&v[i], ceiling, nth++);
	put("]}");
	printf("\n");
	for (i = 0; i < n && budget_quick(); i++)
		if (budget_ceiling(row_group, row_name, v[i].figure, &ceiling))
			tell(&v[i], ceiling);
}

static void put_figure(const char *name, const struct figure *f)
{
	printf(" %8.0f", f->mean);
	put(", \"%s\": {\"mean\": %.1f, \"sd\": %.1f, \"median\": %.1f, \"windows\": %u}",
	    name, f->mean, f->sd, f->median, f->windows);
}

void report_trial(const struct trial *t, const struct result *r)
{
	static const char *const name[NATS] = { "no_nat", "masquerade",
						"natpunch" };
	bool both = r->of[MASQUERADE].windows && r->of[NATPUNCH].windows;
	const struct value values[] = {
		{ "natpunch", "", r->of[NATPUNCH].mean, false },
		{ "percent", "%", r->over, false },
		{ "median", "", r->of[NATPUNCH].median -
				r->of[MASQUERADE].median, false },
	};
	const struct figure *f;
	int nat;

	begin(t->group, t->name);
	for (nat = 0; nat < NATS; nat++) {
		f = &r->of[nat];
		if (!f->windows) {
			printf(" %8s", "-");
			continue;
		}
		put_figure(name[nat], f);
	}
	if (both) {
		printf(" %+8.2f +- %4.2f%%", r->over, r->error);
		put(", \"over_percent\": %.3f, \"standard_error\": %.3f",
		    r->over, r->error);
	}
	put(", \"packets\": %u, \"taken_again\": %u, \"disturbed\": %u", t->n,
	    r->again, r->disturbed);
	if (r->disturbed)
		printf(" (%u disturbed)", r->disturbed);
	end(both ? ARRAY_SIZE(values) : 1, values);
}

void report_ratio(const char *group, const char *name, double natpunch,
		  double masquerade)
{
	const struct value value = { "ratio", "x", natpunch, false };

	begin(group, name);
	printf(" %8s", "");
	if (masquerade)
		printf(" %7.3fx", masquerade);
	else
		printf(" %8s", "-");
	printf(" %7.3fx %16s", natpunch, "");
	put(", \"natpunch_ratio\": %.4f", natpunch);
	if (masquerade)
		put(", \"masquerade_ratio\": %.4f", masquerade);
	end(1, &value);
}

void report_contrast(const struct trial *t, const struct contrast *c)
{
	double difference = c->of[1].mean - c->of[0].mean;
	const struct value values[] = {
		{ "percent", "%", difference * 100 / c->of[0].mean, false },
		{ "difference", "", difference, false },
		{ "median", "", c->of[1].median - c->of[0].median, false },
	};

	begin_under("          without     with       difference  ceiling",
		    t->group, t->name);
	printf(" %8s", "");
	put_figure("without", &c->of[0]);
	put_figure("with", &c->of[1]);
	printf(" %+16.0f", difference);
	put(", \"difference\": %.1f, \"packets\": %u, \"taken_again\": %u, \"disturbed\": %u",
	    difference, t->n, c->again, c->disturbed);
	if (c->disturbed)
		printf(" (%u disturbed)", c->disturbed);
	end(ARRAY_SIZE(values), values);
}

/* A figure that stands alone. */
static void report_one(const char *group, const char *name, struct value v)
{
	begin(group, name);
	printf(" %17s %8.0f %16s", "", v.is, v.unit);
	put(", \"%s\": %.10g", v.figure, v.is);
	if (*v.unit)
		put(", \"unit\": \"%s\"", v.unit);
	v.unit = "";
	end(1, &v);
}

void report_bytes(const char *group, const char *name, unsigned int bytes)
{
	report_one(group, name, (struct value){ "bytes", "", bytes, false });
}

void report_value(const char *group, const char *name, double value,
		  const char *unit)
{
	report_one(group, name, (struct value){ "value", unit, value, false });
}

void report_rate(const char *group, const char *name, double per_second)
{
	report_one(group, name,
		   (struct value){ "rate", "a second", per_second, true });
}

static void tell_unmet(const char *group, const char *name, const char *figure)
{
	if (budget_quick())
		ktap_ok(false, "%s: %s, %s", group, name, figure);
	printf("%s%s: %s has no figure \"%s\", but a ceiling for it\n", margin(),
	       group, name, figure);
}

int report_close(bool whole)
{
	if (whole)
		over += budget_unmet(tell_unmet);
	put("\n], \"over_ceiling\": %u}\n", over);
	if (json)
		fclose(json);
	printf("\n%s%u over the ceiling\n", margin(), over);
	return budget_quick() ? ktap_exit() : over != 0;
}
