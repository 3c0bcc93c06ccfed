// SPDX-License-Identifier: GPL-2.0
/* What came of it: a table for each protocol, and the limits; see bench_punch.h. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_punch.h"

#define TRIALS_MAX	64
#define KINDS_MAX	16

#define LIKELY		0.5	/* what the model gives more must go directly */
#define KNOWN_MS	(3 * RTT_MS)
#define GUESSED_MS	2000
#define RELAYED_MS	5000
#define LOAD_OVER	2.0	/* % */

/* All trials of one pair over one protocol. */
struct cell {
	unsigned int trials, connected, direct, relayed;
	double direct_ms[TRIALS_MAX], relayed_ms[TRIALS_MAX];
	double client_ms[TRIALS_MAX];
};

/* Instructions of two packets; NEVER. */
static struct load {
	double plain;		/* by one port forwarding */
	double twice;		/* ... and one of the client's gateway */
	double young;		/* through a connection that was just opened */
	double through;
} loads[2];

static struct cell cells[2][KINDS_MAX][KINDS_MAX];
static const char * const protos[2] = { "tcp", "udp" };
static unsigned int over;

static double get(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);

	return json_is_number(value) ? json_number_value(value) : NEVER;
}

/* The newest one counts. */
static bool take_load(const json_t *json)
{
	const char *proto = json_string_value(json_object_get(json, "load"));
	struct load *l;

	if (!proto)
		return false;
	l = &loads[!strcmp(proto, protos[1])];
	l->plain = get(json, "plain");
	l->twice = get(json, "twice");
	l->young = get(json, "young");
	l->through = get(json, "through");
	return true;
}

static void take(const json_t *json)
{
	const char *serves, *asks, *proto;
	const struct kind *a, *b;
	double ms;
	struct cell *c;

	if (take_load(json) ||
	    json_unpack((json_t *)json, "{ss, ss, ss}", "serves", &serves,
			"asks", &asks, "proto", &proto))
		return;
	a = kind_find(serves);
	b = kind_find(asks);
	if (!a || !b)
		return;
	c = &cells[!strcmp(proto, protos[1])][a - kinds][b - kinds];
	if (c->trials == TRIALS_MAX)
		return;
	c->trials++;
	ms = get(json, "client");
	if (ms >= 0)
		c->client_ms[c->connected++] = ms;
	ms = get(json, "direct");
	if (ms >= 0)
		c->direct_ms[c->direct++] = ms;
	ms = get(json, "relayed");
	if (ms >= 0)
		c->relayed_ms[c->relayed++] = ms;
}

static int compare(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 :
	       *(const double *)a > *(const double *)b;
}

static double median(double *value, unsigned int n)
{
	qsort(value, n, sizeof(*value), compare);
	if (!n)
		return NEVER;
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* --- tables ---------------------------------------------------------------- */

static void head(void)
{
	size_t j;

	printf("    %-7s", "");
	for (j = 0; j < n_kinds; j++)
		printf(" %9s", kinds[j].name);
	printf("\n");
}

static void print_cell(struct cell *c)
{
	char text[64];
	bool direct = 2 * c->direct > c->trials;

	if (!c->trials)
		snprintf(text, sizeof(text), ".");
	else if (!c->connected)
		snprintf(text, sizeof(text), "FAILED");
	else
		snprintf(text, sizeof(text), "%s%.0f/%.0f", direct ? "" : "R",
			 direct ? median(c->direct_ms, c->direct) :
				  median(c->relayed_ms, c->relayed),
			 median(c->client_ms, c->connected));
	printf(" %9s", text);
}

static void table(unsigned int proto)
{
	size_t i, j;

	printf("\n%s: from both having the offer to the session, from the client's first packet\n"
	       "to being connected; median, ms. R: relayed. Rows serve, columns ask.\n\n",
	       proto ? "UDP" : "TCP");
	head();
	for (i = 0; i < n_kinds; i++) {
		printf("    %-7s", kinds[i].name);
		for (j = 0; j < n_kinds; j++)
			print_cell(&cells[proto][i][j]);
		printf("\n");
	}
}

static void table_model(void)
{
	size_t i, j;

	printf("\nThe model: the first attempt goes directly, %%\n\n");
	head();
	for (i = 0; i < n_kinds; i++) {
		printf("    %-7s", kinds[i].name);
		for (j = 0; j < n_kinds; j++)
			printf(" %9.1f", 100 * model(&kinds[i], &kinds[j]));
		printf("\n");
	}
}

/* --- limits ---------------------------------------------------------------- */

/* Which pairs, and what of them; NEVER: nothing to be said. */
struct row {
	const char *name;
	bool (*is_of)(const struct kind *a, const struct kind *b);
	double (*value)(struct cell *c);
	double limit;
	bool at_least;
};

static bool any(const struct kind *a, const struct kind *b)
{
	(void)a;
	(void)b;
	return true;
}

static bool is_likely(const struct kind *a, const struct kind *b)
{
	return model(a, b) >= LIKELY;
}

static bool is_known(const struct kind *a, const struct kind *b)
{
	return a->ports == PORT_KNOWN && b->ports == PORT_KNOWN;
}

static bool is_ranked(const struct kind *a, const struct kind *b)
{
	return !is_known(a, b) && a->ports != PORT_ANY && b->ports != PORT_ANY;
}

static bool is_many(const struct kind *a, const struct kind *b)
{
	return is_likely(a, b) && !is_known(a, b) && !is_ranked(a, b);
}

static double connected(struct cell *c)
{
	return 100. * c->connected / c->trials;
}

static double direct(struct cell *c)
{
	return 2 * c->direct > c->trials ? 100 : 100. * c->direct / c->trials;
}

static double session_ms(struct cell *c)
{
	return median(c->direct_ms, c->direct);
}

static double relayed_ms(struct cell *c)
{
	double most = NEVER;
	unsigned int i;

	for (i = 0; i < c->relayed; i++)
		if (c->relayed_ms[i] > most)
			most = c->relayed_ms[i];
	return most;
}

static const struct row rows[] = {
	{ "connected, %", any, connected, 100, true },
	{ "direct where the model gives 50 % or more, % of most trials",
	  is_likely, direct, 100, true },
	{ "session, endpoint-independent pairs, ms", is_known, session_ms,
	  KNOWN_MS, false },
	{ "session, predicted pairs, ms", is_ranked, session_ms, GUESSED_MS,
	  false },
	{ "session, one of many ports, ms", is_many, session_ms, GUESSED_MS,
	  false },
	{ "relayed, at most, ms", any, relayed_ms, RELAYED_MS, false },
};

static void check_cell(const struct row *row, unsigned int proto, size_t i,
		       size_t j, double value)
{
	if (row->at_least ? value >= row->limit : value <= row->limit)
		return;
	over++;
	printf("      OVER: %s, %s serves, %s asks: %.0f\n", protos[proto],
	       kinds[i].name, kinds[j].name, value);
}

/* The median cell for the reader; each for the limit. */
static void check(const struct row *row)
{
	static double all[2 * KINDS_MAX * KINDS_MAX];
	unsigned int proto, n = 0;
	double value;
	size_t i, j;

	printf("  %s: limit %s %g\n", row->name,
	       row->at_least ? "at least" : "at most", row->limit);
	for (proto = 0; proto < 2; proto++)
		for (i = 0; i < n_kinds; i++)
			for (j = 0; j < n_kinds; j++) {
				if (!cells[proto][i][j].trials ||
				    !row->is_of(&kinds[i], &kinds[j]))
					continue;
				value = row->value(&cells[proto][i][j]);
				if (value < 0)
					continue;
				all[n++] = value;
				check_cell(row, proto, i, j, value);
			}
	value = median(all, n);
	if (n)
		printf("      %u cells, from %.0f to %.0f, half of them up to %.0f\n",
		       n, all[0], all[n - 1], value);
}

static void check_load(unsigned int proto)
{
	const struct load *l = &loads[proto];
	double more = 100 * l->through / l->plain - 100;

	printf("  instructions, %s, 2 x 1400 bytes, over a port forwarding: limit %g %%\n"
	       "      %.0f, %.0f with it, %+.2f %%\n", protos[proto], LOAD_OVER,
	       l->plain, l->through, more);
	if (l->twice > 0)
		printf("      over one at each gateway: %.0f, %+.2f %%\n",
		       l->twice, 100 * l->through / l->twice - 100);
	if (l->young > 0)
		printf("      in the first 20 s: %.0f, %+.2f %%\n", l->young,
		       100 * l->young / l->plain - 100);
	if (more > LOAD_OVER) {
		over++;
		printf("      OVER\n");
	}
}

int report(const char *path)
{
	FILE *f = fopen(path, "r");
	json_error_t error;
	json_t *json;
	size_t i;

	if (!f)
		ktap_bail("%s can not be read", path);
	while ((json = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error))) {
		take(json);
		json_decref(json);
	}
	fclose(f);
	table(0);
	table(1);
	table_model();
	printf("\nLimits\n");
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		check(&rows[i]);
	for (i = 0; i < 2; i++)
		if (loads[i].plain > 0)
			check_load((unsigned int)i);
	printf("\n%u over the limit\n", over);
	return over != 0;
}
