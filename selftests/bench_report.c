// SPDX-License-Identifier: GPL-2.0
/* The table, and the same as JSON; see bench.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static FILE *json;
static unsigned int over, rows;

void report_open(const char *path, const char *kernel)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("Linux %s. Instructions; mean, +- standard error.\n", kernel);
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
	"  no NAT    masq. natpunch  over masquerade    limit";

static void begin_under(const char *heading, const char *group,
			const char *name)
{
	static const char *last;

	put("%s\n{\"group\": \"%s\", \"name\": \"%s\"", rows++ ? "," : "",
	    group, name);
	if (!last || strcmp(group, last))
		printf("\n%-42s %s\n", group, heading);
	last = group;
	printf("  %-40s", name);
}

static void begin(const char *group, const char *name)
{
	begin_under(columns, group, name);
}

/* The end of a row; @limit 0: there is none. */
static void end(double value, double limit, const char *unit)
{
	bool ok = value <= limit;

	if (limit) {
		over += !ok;
		printf(" %6g%-2s %s", limit, unit, ok ? "ok" : "OVER");
		put(", \"limit\": %g, \"ok\": %s", limit, ok ? "true" : "false");
	}
	put("}");
	printf("\n");
}

static void put_figure(const char *name, const struct figure *f)
{
	printf(" %8.0f", f->mean);
	put(", \"%s\": {\"mean\": %.1f, \"sd\": %.1f, \"windows\": %u}",
	    name, f->mean, f->sd, f->windows);
}

void report_trial(const struct trial *t, const struct result *r)
{
	static const char *const name[NATS] = { "no_nat", "masquerade",
						"natpunch" };
	bool both = r->of[MASQUERADE].windows && r->of[NATPUNCH].windows;
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
	end(r->over, t->limit, "%");
}

void report_ratio(const char *group, const char *name, double natpunch,
		  double masquerade, double limit)
{
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
	end(natpunch, limit, "x");
}

void report_contrast(const struct trial *t, const struct contrast *c,
		     double limit)
{
	double difference = c->of[1].mean - c->of[0].mean;

	begin_under("          without     with       difference    limit",
		    t->group, t->name);
	printf(" %8s", "");
	put_figure("without", &c->of[0]);
	put_figure("with", &c->of[1]);
	printf(" %+16.0f", difference);
	put(", \"difference\": %.1f, \"packets\": %u, \"taken_again\": %u, \"disturbed\": %u",
	    difference, t->n, c->again, c->disturbed);
	if (c->disturbed)
		printf(" (%u disturbed)", c->disturbed);
	end(difference, limit, "");
}

void report_bytes(const char *name, unsigned int object, unsigned int slot,
		  unsigned int limit)
{
	begin("memory, bytes of the slab's", name);
	printf(" %17s %8u %16s", "", slot, "");
	put(", \"object_size\": %u, \"slab_size\": %u", object, slot);
	end(slot, limit, "");
}

int report_close(void)
{
	put("\n], \"over_limit\": %u}\n", over);
	if (json)
		fclose(json);
	printf("\n%u over the limit\n", over);
	return over != 0;
}
