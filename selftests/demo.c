// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration: two hosts behind two Linux gateways, before and after.
 *
 * Each row is measured twice, on gateways that masquerade and on the same gateways
 * with natpunch; a cell says what was seen on the wire. A second table is of TCP
 * simultaneous opens only, under every policy, filtering and skew. Exit 0 only if
 * every natpunch cell is right.
 *
 * Colour on a terminal, or with CLICOLOR_FORCE=1; never with NO_COLOR.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/punch.h"
#include "lab/script.h"

#define WHAT_WIDTH 33
#define CELL_WIDTH 34

/* A program that makes its own TCP, with Scapy; see handshake.py. */
static struct seen scapy(const char *prefix)
{
	struct script s = script_run(prefix);

	return seen(s.said && s.answered && !s.reset, "%s, %s",
		    s.reset ? "A's kernel: RST" : "no RST",
		    s.answered ? "data delivered" : "no connection");
}

static struct seen scapy_alone(const struct row *row)
{
	(void)row;
	return scapy("");
}

static struct seen scapy_run(const struct row *row)
{
	(void)row;
	return scapy("natpunchctl crafted run --");
}

static const struct demo_row {
	const char *why;
	struct row row;
} demo[] = {
	{ "A asks two servers; A2 has the port",
	  { .name = "One mapping per socket", .protocol = IPPROTO_UDP,
	    .measure = mapping_is_endpoint_independent } },
	{ "A and A2 both use port 5000",
	  { .name = "No port for two hosts", .protocol = IPPROTO_UDP,
	    .measure = ports_are_not_overloaded } },
	{ "even stays even (RTP, RTCP)",
	  { .name = "Port parity", .protocol = IPPROTO_UDP,
	    .measure = port_parity_is_kept } },
	{ "ping's identifier, as for ports",
	  { .name = "One mapping per ping", .protocol = IPPROTO_ICMP,
	    .measure = mapping_is_endpoint_independent } },
	{ "the answer takes 100 s",
	  { .name = "UDP lifetime", .arg = 100,
	    .measure = answer_passes_after } },
	{ "the answer takes almost 5 min",
	  { .name = "UDP lifetime", .arg = 295,
	    .measure = answer_passes_after } },
	{ "the server resets; 230 s pass",
	  { .name = "RST keeps the mapping", .arg = 230,
	    .measure = endpoint_is_kept_after_rst } },
	{ "--filter adf: the friend's address",
	  { .name = "Filtering as configured", .protocol = IPPROTO_UDP,
	    .options = "--filter adf", .arg = FILTER_ADF,
	    .measure = filtering_is_as_configured } },
	{ "--filter eif: everybody",
	  { .name = "Filtering as configured", .protocol = IPPROTO_UDP,
	    .options = "--filter eif", .arg = FILTER_EIF,
	    .measure = filtering_is_as_configured } },
	{ "A calls A2 by its public endpoint",
	  { .name = "Hairpinning, UDP", .protocol = IPPROTO_UDP,
	    .options = "--filter eif",
	    .measure = hairpin_shows_external_source } },
	{ "the same",
	  { .name = "Hairpinning, TCP", .protocol = IPPROTO_TCP,
	    .options = "--filter eif",
	    .measure = hairpin_shows_external_source } },
	{ "the peer's packet beats ours",
	  { .name = "Inbound first",
	    .measure = inbound_first_keeps_mapping } },
	{ "five hosts want four ports",
	  { .name = "Full: tell the sender", .options = FOUR_PORTS_NATPUNCH,
	    .masquerade = FOUR_PORTS_MASQUERADE,
	    .measure = exhaustion_is_told } },
	{ "B starts half a second later",
	  { .name = "A <-> B, UDP", .protocol = IPPROTO_UDP, .arg = 500,
	    .both_homes = true,
	    .measure = punch_connects } },
	{ "A2 is connected to B already",
	  { .name = "A <-> B, UDP", .protocol = IPPROTO_UDP,
	    .both_homes = true,
	    .measure = punch_connects_beside_neighbour } },
	{ "B starts half a second later",
	  { .name = "A <-> B, TCP", .protocol = IPPROTO_TCP, .arg = 500,
	    .both_homes = true,
	    .measure = punch_connects } },
	{ "B starts 5 s later, --filter eif",
	  { .name = "A <-> B, TCP", .protocol = IPPROTO_TCP, .arg = 5000,
	    .both_homes = true, .options = "--filter eif",
	    .measure = punch_connects } },
	{ "A2 is connected to B already",
	  { .name = "A <-> B, TCP", .protocol = IPPROTO_TCP,
	    .both_homes = true,
	    .measure = punch_connects_beside_neighbour } },
	{ "A's Scapy script; crafted run -- script",
	  { .name = "TCP made by hand", .measure = scapy_alone } },
};

static bool colour, terminal;

static void choose_looks(void)
{
	const char *force = getenv("CLICOLOR_FORCE");

	terminal = isatty(STDOUT_FILENO);
	colour = (terminal || (force && strcmp(force, "0"))) &&
		 !getenv("NO_COLOR");
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static const char *paint(const char *code)
{
	return colour ? code : "";
}

#define BOLD paint("\033[1m")
#define DIM paint("\033[2m")
#define RED paint("\033[31m")
#define GREEN paint("\033[32m")
#define PLAIN paint("\033[0m")

static void print_heading(void)
{
	struct utsname u;

	uname(&u);
	printf("%snatpunch: two homes, two Linux gateways, one Internet%s"
	       "  (Linux %s)\n\n", BOLD, PLAIN, u.release);
	puts("   A  10.1.0.2 --+                        +-- B  10.2.0.2\n"
	     "                 +-- gateway .. gateway --+\n"
	     "   A2 10.1.0.3 --+      40 ms apart       +-- B2 10.2.0.3\n");
	printf("%s%-*s %-*s %s%s\n", BOLD, WHAT_WIDTH, "", CELL_WIDTH,
	       "masquerade", "natpunch", PLAIN);
}

/* On a terminal the next line takes its place. */
static void print_progress(const char *fmt, ...) __printf(1, 2);
static void print_progress(const char *fmt, ...)
{
	va_list args;

	if (!terminal)
		return;
	printf("\r\033[K%s", DIM);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" ...%s", PLAIN);
	fflush(stdout);
}

static void clear_progress(void)
{
	if (terminal)
		printf("\r\033[K");
}

static void print_cell(const struct seen *s, int width)
{
	printf("%s%s %-*s%s", s->ok ? GREEN : RED, s->ok ? "+" : "-",
	       width - 2, s->text, PLAIN);
}

static void print_row(const struct demo_row *d, const struct seen *before,
		      const struct seen *after)
{
	clear_progress();
	printf("%-*s ", WHAT_WIDTH, d->row.name);
	print_cell(before, CELL_WIDTH);
	putchar(' ');
	print_cell(after, 2);
	printf("\n  %s%s%s\n", DIM, d->why, PLAIN);
}

static struct seen measure_after(const struct demo_row *d)
{
	struct row row = d->row;

	if (natpunch_missing())
		return seen(false, "%s", natpunch_missing());
	/* Here A itself, not its gateway, has natpunch. */
	if (row.measure == scapy_alone)
		row.measure = scapy_run;
	return row_measure(&row, NAT_NATPUNCH);
}

static bool demo_behaviours(void)
{
	size_t i, n = ARRAY_SIZE(demo), right = 0, right_before = 0;

	for (i = 0; i < n; i++) {
		const char *name = demo[i].row.name, *why = demo[i].why;
		struct seen before, after;

		print_progress("%zu/%zu masquerade: %s, %s", i + 1, n, name,
			       why);
		before = row_measure(&demo[i].row, NAT_MASQUERADE);
		print_progress("%zu/%zu natpunch: %s, %s", i + 1, n, name,
			       why);
		after = measure_after(&demo[i]);
		print_row(&demo[i], &before, &after);
		right_before += before.ok;
		right += after.ok;
	}
	printf("\n%sRight: %zu of %zu with masquerade, %zu of %zu with natpunch.%s\n",
	       BOLD, right_before, n, right, n, PLAIN);
	return right == n;
}

/* TCP simultaneous open: policies, filterings, skews, either side first */

static const struct {
	enum punch_policy policy;
	const char *name;
} skew_policies[] = {
	{ PUNCH_ACCEPT, "accept" },
	{ PUNCH_REJECT, "reject" },
	{ PUNCH_DROP, "drop" },
};

static const struct {
	unsigned int ms;
	const char *name;
} skews[] = {
	{ 0, "0" }, { 50, "50 ms" }, { 500, "0.5 s" }, { 2000, "2 s" },
	{ 5000, "5 s" },
};

#define SKEWS ARRAY_SIZE(skews)
#define SKEW_PUNCHES (ARRAY_SIZE(skew_policies) * SKEWS * 2)

static const struct {
	const char *name, *options;
	enum nat nat;
	int width;
} skew_columns[] = {
	{ "masquerade", NULL, NAT_MASQUERADE, 20 },
	{ "eif", "--filter eif", NAT_NATPUNCH, 11 },
	{ "adf", "--filter adf", NAT_NATPUNCH, 11 },
	{ "apdf", "--filter apdf", NAT_NATPUNCH, 2 },
};

/* Those that differ in who is first lie side by side. */
static void skew_measure(size_t column, struct punch punches[SKEW_PUNCHES])
{
	enum nat nat = skew_columns[column].nat;
	unsigned int i;

	for (i = 0; i < SKEW_PUNCHES; i++)
		punches[i] = (struct punch){
			.policy = skew_policies[i / (2 * SKEWS)].policy,
			.skew_ms = skews[i / 2 % SKEWS].ms,
			.first = i % 2 ? B : A,
			.delay_ms = 20 * i,
		};
	if (nat == NAT_NATPUNCH && natpunch_missing())
		return;
	gateways(nat, nat, skew_columns[column].options);
	punch_policies();
	punch_all(punches, SKEW_PUNCHES);
}

static void skew_one(char *text, const struct punch *p)
{
	if (punch_ok(p))
		sprintf(text, "%.0f", punch_ms(p));
	else
		strcpy(text, punch_error(p) == ECONNREFUSED ? "refused" :
			     "silence");
}

/* A first and B first. */
static void print_skew_cell(const struct punch *p, int width)
{
	bool ok = punch_ok(&p[0]) && punch_ok(&p[1]);
	char text[2][16], both[40];

	skew_one(text[0], &p[0]);
	skew_one(text[1], &p[1]);
	snprintf(both, sizeof(both), "%s, %s", text[0], text[1]);
	printf("%s%s %-*s%s", ok ? GREEN : RED, ok ? "+" : "-", width - 2,
	       both, PLAIN);
}

static void print_skew_heading(void)
{
	printf("\n%sTCP simultaneous open: milliseconds from the second SYN until both are connected,%s\n"
	       "%sA first and B first; by policy for new connections from outside, and skew%s\n\n"
	       "%s%-17s %-20s natpunch: %-11s %-11s %s%s\n", BOLD, PLAIN, BOLD,
	       PLAIN, BOLD, "", "masquerade", "eif", "adf", "apdf", PLAIN);
}

static bool demo_skews(void)
{
	static struct punch punches[ARRAY_SIZE(skew_columns)][SKEW_PUNCHES];
	size_t i, column, connected[2] = { 0, 0 };

	for (column = 0; column < ARRAY_SIZE(skew_columns); column++) {
		print_progress("simultaneous opens %zu/%zu: %s", column + 1,
			       ARRAY_SIZE(skew_columns),
			       skew_columns[column].name);
		skew_measure(column, punches[column]);
		for (i = 0; i < SKEW_PUNCHES; i++)
			connected[column > 0] += punch_ok(&punches[column][i]);
	}
	clear_progress();
	print_skew_heading();
	for (i = 0; i < SKEW_PUNCHES; i += 2) {
		printf("%-8s %-8s", i % (2 * SKEWS) ? "" :
		       skew_policies[i / (2 * SKEWS)].name,
		       skews[i / 2 % SKEWS].name);
		for (column = 0; column < ARRAY_SIZE(skew_columns); column++) {
			printf(column == 1 ? "           " : " ");
			print_skew_cell(&punches[column][i],
					skew_columns[column].width);
		}
		putchar('\n');
	}
	printf("\n%sConnected: %zu of %zu with masquerade, %zu of %zu with natpunch.%s\n",
	       BOLD, connected[0], SKEW_PUNCHES, connected[1],
	       3 * SKEW_PUNCHES, PLAIN);
	return connected[1] == 3 * SKEW_PUNCHES;
}

int main(void)
{
	bool right;

	choose_looks();
	print_heading();
	lab_start();
	right = demo_behaviours();
	right &= demo_skews();
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
