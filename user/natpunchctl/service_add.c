// SPDX-License-Identifier: GPL-2.0
/* natpunchctl service add */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"

static const struct opt options[] = {
	{ "proto", "tcp|udp", "its protocol (tcp)", OPT_PROTO },
	{ "allow", "SITE,...", "the peers that may use it; may be given again",
	  OPT_ALLOW },
	{ .name = NULL }
};

static void allow(json_t *list, char *words)
{
	char *word, *rest;

	for (word = strtok_r(words, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest))
		if (json_array_append_new(list, json_string(word)))
			fail("'%s' is not UTF-8", word);
}

/* "10.1.0.2:53/udp" says what --proto udp does; the word is cut off. */
static const char *protocol_of(char *where, const char *option)
{
	char *slash = strrchr(where, '/');
	const char *proto;

	if (!slash)
		return option ? option : "tcp";
	*slash = '\0';
	proto = parse_stream(slash + 1);
	if (option && strcmp(option, proto))
		usage("%s/%s is not --proto %s: say one of them", where, proto,
		      option);
	return proto;
}

static json_t *parse(struct ctl *ctl, int argc, char **argv)
{
	json_t *request = json_object(), *list = json_array();
	const char *proto = NULL, *name;
	char to[ENDPOINT_SIZE], where[256];
	int key;

	while ((key = next_option(ctl, argc, argv)) >= 0) {
		if (key == OPT_PROTO)
			proto = parse_stream(optarg);
		else
			allow(list, optarg);
	}
	name = needed_argument(ctl, argc, argv, "the service's name");
	snprintf(where, sizeof(where), "%s",
		 needed_argument(ctl, argc, argv, "the service's endpoint"));
	proto = protocol_of(where, proto);
	parse_where(to, "ADDR:PORT", where);
	/* "--allow siteB siteC" is what people write. */
	while (json_array_size(list) && optind < argc)
		allow(list, argv[optind++]);
	no_more_arguments(ctl, argc, argv);
	if (!json_array_size(list))
		usage("--allow SITE is missing: nobody could use the service");
	json_add(request, "name", json_string(name));
	json_add(request, "to", json_string(to));
	json_add(request, "proto", json_string(proto));
	json_add(request, "allow", list);
	return request;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *made = ask_daemon("service-add", parse(ctl, argc, argv));

	if (ctl->json)
		json_print(ctl, json_incref(made));
	json_decref(made);
	return 0;
}

const struct verb service_add = {
	.name = "add",
	.args = "NAME ADDR:PORT[/PROTO] --allow SITE[,SITE]... [OPTION]...",
	.summary = "offer a service of this site to others",
	.notes =
"It is kept until deleted, over restarts too; one of the same name is replaced.\n"
"ADDR may be any host that this one reaches. Example:\n"
"  natpunchctl service add ssh 10.1.0.2:22 --allow siteB\n"
"  natpunchctl service add dns 10.1.0.2:53/udp --allow siteB\n",
	.options = options,
	.run = run,
};
