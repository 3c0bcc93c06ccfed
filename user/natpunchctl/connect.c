// SPDX-License-Identifier: GPL-2.0
/* natpunchctl connect; and what it has in common with natpunchctl offer */
#include <getopt.h>
#include <string.h>

#include "daemon.h"

const struct opt connection_options[] = {
	{ "listen", "ADDR:PORT", "where its clients come to; needed",
	  OPT_LISTEN },
	{ "proto", "tcp|udp", "the service's protocol (tcp)", OPT_PROTO },
	{ .name = NULL }
};

json_t *parse_connection(struct ctl *ctl, int argc, char **argv)
{
	const char *proto = "tcp", *service;
	char listen[ENDPOINT_SIZE] = "";
	json_t *request = json_object();
	int key;

	while ((key = next_option(ctl, argc, argv)) >= 0) {
		if (key == OPT_PROTO)
			proto = parse_stream(optarg);
		else
			parse_where(listen, "--listen", optarg);
	}
	service = needed_argument(ctl, argc, argv, "SITE/SERVICE");
	no_more_arguments(ctl, argc, argv);
	if (!strchr(service, '/'))
		usage("'%s' lacks the site: as siteA/%s", service, service);
	if (!*listen)
		usage("--listen ADDR:PORT is missing: where clients come to, as 10.2.0.1:2222");
	json_add(request, "service", json_string(service));
	json_add(request, "listen", json_string(listen));
	json_add(request, "proto", json_string(proto));
	return request;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *made = ask_daemon("connect", parse_connection(ctl, argc, argv));

	if (ctl->json)
		json_print(ctl, json_incref(made));
	json_decref(made);
	return 0;
}

const struct verb connect_run = {
	.name = "connect",
	.args = "SITE/SERVICE --listen ADDR:PORT [OPTION]...",
	.summary = "make a service of another site reachable from here",
	.notes =
"It stays until deleted, over restarts too; 'natpunchctl connection show' tells how\n"
"it goes. Any host that reaches ADDR:PORT may use it. Example:\n"
"  natpunchctl connect siteA/ssh --listen 10.2.0.1:2222\n"
"  ssh -p 2222 10.2.0.1\n",
	.options = connection_options,
	.run = run,
};
