// SPDX-License-Identifier: GPL-2.0
/* natpunchctl accept */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

#define MAX_LINE	32768

/* From stdin, broken as it may be. */
static char *read_line(void)
{
	static char text[MAX_LINE];
	size_t len = fread(text, 1, sizeof(text) - 1, stdin);

	if (!len)
		usage("the line is missing: natpunchctl accept LINE, or on stdin");
	if (len == sizeof(text) - 1)
		fail("what is on stdin is too long to be such a line");
	return text;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *request = json_object(), *answer, *text;
	const char *line;

	next_option(ctl, argc, argv);
	line = optind < argc ? argv[optind++] : "-";
	no_more_arguments(ctl, argc, argv);
	if (!strcmp(line, "-"))
		line = read_line();
	text = json_string(line);
	if (!text)
		fail("that is no line of 'natpunchctl offer' or 'accept'");
	json_add(request, "line", text);
	answer = ask_daemon("accept", request);
	if (ctl->json)
		json_print(ctl, json_incref(answer));
	else if (*text_of(answer, "line"))
		puts(text_of(answer, "line"));
	json_decref(answer);
	return 0;
}

const struct verb accept_run = {
	.name = "accept",
	.args = "[LINE]",
	.summary = "take the line that offer or accept printed at the other site",
	.notes =
"Without LINE, or with '-', it is read from stdin. An offer's line is answered by a\n"
"line, to be brought back. When that was taken the sites have found each other.\n",
	.run = run,
};
