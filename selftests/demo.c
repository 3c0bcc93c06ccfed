// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration: two hosts behind two Linux gateways, before and after.
 *
 * Each row is measured twice, on gateways that masquerade and on the same gateways
 * with natpunch; a cell says what was seen on the wire. Exit 0 only if every
 * natpunch cell is right.
 *
 * Colour on a terminal, or with CLICOLOR_FORCE=1; never with NO_COLOR.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/behave.h"

#define WHAT_WIDTH 33
#define CELL_WIDTH 34

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

static void print_progress(size_t i, const char *who)
{
	if (!terminal)
		return;
	printf("\r\033[K%s%zu/%zu %s: %s, %s ...%s", DIM, i + 1,
	       ARRAY_SIZE(demo), who, demo[i].row.name, demo[i].why, PLAIN);
	fflush(stdout);
}

static void print_cell(const struct seen *s, int width)
{
	printf("%s%s %-*s%s", s->ok ? GREEN : RED, s->ok ? "+" : "-",
	       width - 2, s->text, PLAIN);
}

static void print_row(const struct demo_row *d, const struct seen *before,
		      const struct seen *after)
{
	if (terminal)
		printf("\r\033[K");
	printf("%-*s ", WHAT_WIDTH, d->row.name);
	print_cell(before, CELL_WIDTH);
	putchar(' ');
	print_cell(after, 2);
	printf("\n  %s%s%s\n", DIM, d->why, PLAIN);
}

int main(void)
{
	size_t i, right = 0, right_before = 0;

	choose_looks();
	print_heading();
	lab_start();
	for (i = 0; i < ARRAY_SIZE(demo); i++) {
		struct seen before, after;

		print_progress(i, "masquerade");
		before = row_measure(&demo[i].row, NAT_MASQUERADE);
		print_progress(i, "natpunch");
		after = natpunch_missing() ?
			seen(false, "%s", natpunch_missing()) :
			row_measure(&demo[i].row, NAT_NATPUNCH);
		print_row(&demo[i], &before, &after);
		right_before += before.ok;
		right += after.ok;
	}
	printf("\n%sRight: %zu of %zu with masquerade, %zu of %zu with natpunch.%s\n",
	       BOLD, right_before, i, right, i, PLAIN);
	return right == i ? EXIT_SUCCESS : EXIT_FAILURE;
}
