// SPDX-License-Identifier: GPL-2.0
/* natpunchctl service del */
#include "daemon.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *request = json_object();

	next_option(ctl, argc, argv);
	json_add(request, "name",
		 json_string(needed_argument(ctl, argc, argv,
					     "the service's name")));
	no_more_arguments(ctl, argc, argv);
	json_decref(ask_daemon("service-del", request));
	return 0;
}

const struct verb service_del = {
	.name = "del",
	.args = "NAME",
	.summary = "offer a service no longer; its connections are closed",
	.run = run,
};
