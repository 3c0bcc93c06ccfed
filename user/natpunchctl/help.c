// SPDX-License-Identifier: GPL-2.0
/* The objects and verbs, and what --help says of them. */
#include <stdio.h>
#include <string.h>

#include "natpunchctl.h"

static const struct verb * const wan_verbs[] = {
	&wan_add, &wan_set, &wan_del, &wan_show, NULL
};

static const struct verb * const mapping_verbs[] = {
	&mapping_show, &mapping_flush, NULL
};

static const struct verb * const reserve_verbs[] = {
	&reserve_add, &reserve_del, &reserve_show, NULL
};

static const struct verb * const hold_verbs[] = { &hold_show, NULL };

static const struct verb * const crafted_verbs[] = {
	&crafted_add, &crafted_del, &crafted_show, &crafted_auto, &crafted_run,
	NULL
};

static const struct verb * const service_verbs[] = {
	&service_add, &service_del, &service_show, NULL
};

static const struct verb * const connection_verbs[] = {
	&connection_show, &connection_del, NULL
};

static const struct verb * const peer_verbs[] = { &peer_show, NULL };

static const struct verb * const site_verbs[] = {
	&site_show, &site_key, NULL
};

static const struct object wan = {
	.name = "wan",
	.summary = "devices whose outward flows are translated",
	.verbs = wan_verbs,
	.usual = &wan_show,
};

static const struct object mapping = {
	.name = "mapping",
	.summary = "internal endpoints and their external endpoints",
	.verbs = mapping_verbs,
	.usual = &mapping_show,
};

static const struct object reserve = {
	.name = "reserve",
	.summary = "external ports given ahead of any packet",
	.verbs = reserve_verbs,
	.usual = &reserve_show,
};

static const struct object hold = {
	.name = "hold",
	.summary = "SYNs that came before the inside host's own",
	.verbs = hold_verbs,
	.usual = &hold_show,
};

static const struct object crafted = {
	.name = "crafted",
	.summary = "TCP flows whose segments a program makes itself",
	.verbs = crafted_verbs,
	.usual = &crafted_show,
};

static const struct verb * const upstream_verbs[] = { &upstream_show, NULL };

static const struct object upstream = {
	.name = "upstream",
	.summary = "the NATs in front of this gateway",
	.verbs = upstream_verbs,
	.usual = &upstream_show,
};

static const struct object predict = {
	.name = "predict",
	.summary = "the external endpoint of a flow that is not there yet",
	.only = &predict_run,
};

static const struct object stats = {
	.name = "stats",
	.summary = "counters",
	.only = &stats_show,
};

static const struct object monitor = {
	.name = "monitor",
	.summary = "mappings, held SYNs and upstreams as they come and go",
	.only = &monitor_run,
};

static const struct object check = {
	.name = "check",
	.summary = "what NATs stand in front of this machine, as servers see it",
	.only = &check_run,
};

static const struct object service = {
	.name = "service",
	.summary = "what this site offers to others (natpunchd)",
	.verbs = service_verbs,
	.usual = &service_show,
};

static const struct object connecting = {
	.name = "connect",
	.summary = "make a service of another site reachable from here",
	.only = &connect_run,
};

static const struct object connection = {
	.name = "connection",
	.summary = "connections with other sites (natpunchd)",
	.verbs = connection_verbs,
	.usual = &connection_show,
};

static const struct object peer = {
	.name = "peer",
	.summary = "the sites that this one knows (natpunchd)",
	.verbs = peer_verbs,
	.usual = &peer_show,
};

static const struct object site = {
	.name = "site",
	.summary = "this site (natpunchd)",
	.verbs = site_verbs,
	.usual = &site_show,
};

static const struct object offer = {
	.name = "offer",
	.summary = "as connect, without a broker: print a line for the other site",
	.only = &offer_run,
};

static const struct object accept_line = {
	.name = "accept",
	.summary = "take the line that offer or accept printed at the other site",
	.only = &accept_run,
};

const struct object * const objects[] = {
	&wan, &mapping, &reserve, &hold, &crafted, &upstream, &predict, &stats,
	&monitor, &check, &service, &connecting, &connection, &peer, &site,
	&offer, &accept_line, NULL
};

static const char global_options[] =
"Options, before the object or anywhere after the verb:\n"
"  -n, --netns NETNS      work in that network namespace (a name or a path)\n"
"  -j, --json             JSON; times in seconds\n"
"  -p, --pretty           JSON over several lines\n"
"  -c, --color[=WHEN]     auto (default: on a terminal), always, never\n"
"  -h, --help             help on what was named so far\n"
"  -V, --version          print the version\n";

void help_all(void)
{
	const struct verb * const *v;
	int i;

	printf("Usage: natpunchctl [OPTION]... OBJECT [VERB] [ARGUMENT]...\n"
	       "Manage natpunch, the endpoint-independent NAT.\n\n");
	for (i = 0; objects[i]; i++) {
		if (objects[i]->only)
			printf("  %-18s  %s\n", objects[i]->name,
			       objects[i]->only->summary);
		for (v = objects[i]->verbs; v && *v; v++)
			printf("  %-11s%-7s  %s\n", objects[i]->name,
			       (*v)->name, (*v)->summary);
	}
	printf("\nWords can be shortened as long as they are unambiguous. Without a verb: show.\n"
	       "\n%s\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrong command line.\n"
	       "More: natpunchctl OBJECT VERB --help, natpunchctl(8), natpunch(4)\n",
	       global_options);
}

void help_object(const struct object *object)
{
	const struct verb * const *v;

	if (object->only) {
		help_verb(object, object->only);
		return;
	}
	printf("natpunchctl %s: %s\n\n", object->name, object->summary);
	for (v = object->verbs; *v; v++)
		printf("  natpunchctl %s %s %s\n        %s\n", object->name,
		       (*v)->name, (*v)->args, (*v)->summary);
	printf("\nMore: natpunchctl %s VERB --help\n", object->name);
}

static void help_option(const struct opt *o)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%c%s --%s%s%s",
		 o->key < 256 ? "-" : " ", o->key < 256 ? o->key : ' ',
		 o->key < 256 ? "," : " ", o->name,
		 o->arg && strncmp(o->arg, "[=", 2) ? " " : "",
		 o->arg ? o->arg : "");
	printf("  %-31s  %s\n", text, o->help);
}

void help_verb(const struct object *object, const struct verb *verb)
{
	const struct opt *o;

	printf("Usage: natpunchctl %s%s%s%s%s\n", object->name,
	       object->only ? "" : " ", object->only ? "" : verb->name,
	       *verb->args ? " " : "", verb->args);
	printf("%c%s.\n", verb->summary[0] & ~0x20, verb->summary + 1);
	if (verb->options && verb->options->name) {
		printf("\n");
		for (o = verb->options; o->name; o++)
			help_option(o);
	}
	if (verb->notes)
		printf("\n%s", verb->notes);
	printf("\n%s", global_options);
}
