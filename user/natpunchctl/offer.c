// SPDX-License-Identifier: GPL-2.0
/* natpunchctl offer */
#include <stdio.h>

#include "daemon.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *made = ask_daemon("offer", parse_connection(ctl, argc, argv));

	if (ctl->json)
		json_print(ctl, json_incref(made));
	else
		puts(text_of(made, "line"));
	json_decref(made);
	return 0;
}

const struct verb offer_run = {
	.name = "offer",
	.args = "SITE/SERVICE --listen ADDR:PORT [OPTION]...",
	.summary = "as connect, without a broker: print a line for the other site",
	.notes =
"Bring the line to the other site, by mail or chat; give it to 'natpunchctl accept'\n"
"there; bring the line which that prints back, and give it to 'natpunchctl accept'\n"
"here: all within ten minutes. Nobody on the way can read or change the lines. The\n"
"same words again make a new line, should the way be lost.\n",
	.options = connection_options,
	.run = run,
};
