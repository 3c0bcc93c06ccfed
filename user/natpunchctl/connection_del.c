// SPDX-License-Identifier: GPL-2.0
/* natpunchctl connection del */
#include "daemon.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *request = json_object();

	next_option(ctl, argc, argv);
	json_add(request, "connection",
		 json_string(needed_argument(ctl, argc, argv,
					     "the connection")));
	no_more_arguments(ctl, argc, argv);
	json_decref(ask_daemon("connection-del", request));
	return 0;
}

const struct verb connection_del = {
	.name = "del",
	.args = "ID|SITE/SERVICE|ADDR:PORT",
	.summary = "close a connection for good",
	.notes = "ADDR:PORT is where it listens.\n",
	.run = run,
};
