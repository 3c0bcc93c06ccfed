// SPDX-License-Identifier: GPL-2.0
/*
 * The ceilings of the figures, from bench.budget, which says how a line looks. A
 * line that cannot be read ends the program: else a ceiling would be no more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LINES_MAX 512
#define NAME_LEN 80

/* Repeats of what is measured with every change: fewer, but some. */
#define QUICK_PART 12
#define QUICK_LEAST 5

static struct line {
	bool check;		/* by make check, too */
	bool alone;		/* by a run that names its part */
	bool met;		/* its figure has been measured */
	char figure[16];
	double ceiling;
	char group[NAME_LEN], name[NAME_LEN];
} lines[LINES_MAX];

static unsigned int n_lines;
static bool quick;

/* "6.1" is any 6.1.x. */
static bool is_kernel(const char *word, const char *release)
{
	size_t len = strlen(word);

	if (!strcmp(word, "*"))
		return true;
	return !strncmp(word, release, len) &&
	       (release[len] == '.' || release[len] == '-');
}

static bool figure_exists(const char *name)
{
	static const char *const names[] = {
		"percent", "difference", "natpunch", "median", "ratio", "bytes",
		"value", "rate",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* Returns false if @text is no line. */
static bool read_line(const char *text, const char *group, const char *release)
{
	char when[8], kernel[16], end;
	struct line l = { .check = false };

	if (!*group ||
	    sscanf(text, "%7s %15s %15s %lf %79[^\n]%c", when, kernel, l.figure,
		   &l.ceiling, l.name, &end) != 6 || end != '\n' ||
	    !figure_exists(l.figure))
		return false;
	l.check = !strcmp(when, "check");
	l.alone = !strcmp(when, "alone");
	if (!l.check && !l.alone && strcmp(when, "bench"))
		return false;
	if (!is_kernel(kernel, release) || (quick && !l.check))
		return true;
	if (n_lines == LINES_MAX)
		return false;
	snprintf(l.group, sizeof(l.group), "%s", group);
	lines[n_lines++] = l;
	return true;
}

void budget_load(const char *path, const char *release, bool only_check)
{
	char text[256], group[NAME_LEN] = "";
	unsigned int nth = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		ktap_bail("%s: %s", path, strerror(errno));
	quick = only_check;
	while (fgets(text, sizeof(text), f)) {
		nth++;
		if (*text == '#' || *text == '\n' ||
		    sscanf(text, "[%79[^]\n]]", group) == 1)
			continue;
		if (!read_line(text, group, release))
			ktap_bail("%s:%u: what is this?", path, nth);
	}
	fclose(f);
}

bool budget_quick(void)
{
	return quick;
}

unsigned int budget_repeats(unsigned int repeats)
{
	unsigned int fewer = repeats / QUICK_PART;

	if (fewer < QUICK_LEAST)
		fewer = QUICK_LEAST;
	return quick && repeats > fewer ? fewer : repeats;
}

unsigned int budget_lines(void)
{
	return n_lines;
}

bool budget_wants(const char *group, const char *name)
{
	unsigned int i;

	if (!quick)
		return true;
	for (i = 0; i < n_lines; i++)
		if (!strcmp(lines[i].group, group) &&
		    !strcmp(lines[i].name, name))
			return true;
	return false;
}

bool budget_ceiling(const char *group, const char *name, const char *figure,
		    double *ceiling)
{
	unsigned int i;

	for (i = 0; i < n_lines; i++) {
		if (strcmp(lines[i].group, group) ||
		    strcmp(lines[i].name, name) ||
		    strcmp(lines[i].figure, figure))
			continue;
		lines[i].met = true;
		*ceiling = lines[i].ceiling;
		return true;
	}
	return false;
}

unsigned int budget_unmet(void (*tell)(const char *group, const char *name,
				       const char *figure))
{
	unsigned int i, n = 0;

	for (i = 0; i < n_lines; i++) {
		if (lines[i].met || lines[i].alone)
			continue;
		n++;
		tell(lines[i].group, lines[i].name, lines[i].figure);
	}
	return n;
}
