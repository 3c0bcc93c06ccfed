// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: getopt_long() for the options, ours and a verb's own in one
 * table, and messages that are better than its own.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#ifndef NATPUNCH_VERSION
#define NATPUNCH_VERSION	"0.1"
#endif

#define MAX_OPTIONS	32

static const struct opt common_options[] = {
	{ .name = "netns", .arg = "NETNS", .key = 'n' },
	{ .name = "json", .key = 'j' },
	{ .name = "pretty", .key = 'p' },
	{ .name = "color", .arg = "[=WHEN]", .key = 'c' },
	{ .name = "help", .key = 'h' },
	{ .name = "version", .key = 'V' },
	{ .name = NULL }
};

/* The tables of getopt_long(), made of ours. */
struct table_of_options {
	struct option longs[MAX_OPTIONS];
	const char *words[MAX_OPTIONS];		/* with the dashes */
	char word[MAX_OPTIONS][24];
	char shorts[3 * MAX_OPTIONS];
	int n;
};

static int arg_kind(const struct opt *o)
{
	if (!o->arg)
		return no_argument;
	return strncmp(o->arg, "[=", 2) ? required_argument :
					  optional_argument;
}

static void add_options(struct table_of_options *t, const struct opt *o)
{
	size_t len;

	for (; o && o->name && t->n < MAX_OPTIONS - 1; o++) {
		t->longs[t->n] = (struct option){ .name = o->name,
						  .has_arg = arg_kind(o),
						  .val = o->key };
		snprintf(t->word[t->n], sizeof(t->word[0]), "--%s", o->name);
		t->words[t->n] = t->word[t->n];
		t->n++;
		if (o->key >= 256)
			continue;
		len = strlen(t->shorts);
		snprintf(t->shorts + len, sizeof(t->shorts) - len, "%c%.*s",
			 o->key, arg_kind(o), "::");
	}
}

static const char *option_name(const struct table_of_options *t, int key)
{
	int i;

	for (i = 0; i < t->n; i++)
		if (t->longs[i].val == key)
			return t->longs[i].name;
	return "?";
}

/* getopt_long() has refused the word before optind. */
static void refuse(const struct table_of_options *t, char **argv)
{
	char word[64];
	int i;

	for (i = 0; i < t->n; i++)
		if (optopt && t->longs[i].val == optopt)
			usage("option --%s takes no value", t->longs[i].name);
	if (optopt)
		usage("unknown option -%c", optopt);
	snprintf(word, sizeof(word), "%s", argv[optind - 1]);
	word[strcspn(word, "=")] = '\0';
	find_word("option", word, t->words);
}

static void set_color(struct ctl *ctl, const char *when)
{
	static const char * const words[] = { "auto", "always", "never", NULL };
	static const enum color colors[] = {
		COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER
	};

	if (!when) {
		ctl->color = COLOR_ALWAYS;
		return;
	}
	if (when[0] == '=')	/* -c=always, as ip takes it */
		when++;
	ctl->color = colors[find_word("--color", when, words)];
}

static void help(const struct ctl *ctl)
{
	if (ctl->verb)
		help_verb(ctl->object, ctl->verb);
	else
		help_all();
	exit(output_status(0));
}

static bool set_common(struct ctl *ctl, int key)
{
	switch (key) {
	case 'n':
		ctl->netns = optarg;
		return true;
	case 'j':
		ctl->json = true;
		return true;
	case 'p':
		ctl->json = true;
		ctl->pretty = true;
		return true;
	case 'c':
		set_color(ctl, optarg);
		return true;
	case 'h':
		help(ctl);
		return true;
	case 'V':
		printf("natpunchctl %s\n", NATPUNCH_VERSION);
		exit(output_status(0));
	}
	return false;
}

static int next(struct ctl *ctl, int argc, char **argv, const char *how,
		const struct opt *own)
{
	struct table_of_options t = { 0 };
	int key;

	snprintf(t.shorts, sizeof(t.shorts), "%s:", how);
	add_options(&t, own);
	add_options(&t, common_options);
	opterr = 0;
	do {
		key = getopt_long(argc, argv, t.shorts, t.longs, NULL);
		if (key == '?')
			refuse(&t, argv);
		if (key == ':')
			usage("option --%s needs a value",
			      option_name(&t, optopt));
	} while (set_common(ctl, key));
	return key;
}

/* The options before the object. */
int next_global_option(struct ctl *ctl, int argc, char **argv)
{
	return next(ctl, argc, argv, "+", NULL);
}

/* The key of the verb's next option, its value in optarg; -1: no more. */
int next_option(struct ctl *ctl, int argc, char **argv)
{
	return next(ctl, argc, argv, "", ctl->verb->options);
}

const char *needed_argument(const struct ctl *ctl, int argc, char **argv,
			    const char *what)
{
	if (optind == argc)
		usage("%s is missing: natpunchctl %s%s%s %s", what,
		      ctl->object->name, ctl->object->only ? "" : " ",
		      ctl->object->only ? "" : ctl->verb->name,
		      ctl->verb->args);
	return argv[optind++];
}

void no_more_arguments(const struct ctl *ctl, int argc, char **argv)
{
	if (optind < argc)
		usage("'%s' is one word too many: natpunchctl %s%s%s %s",
		      argv[optind], ctl->object->name,
		      ctl->object->only ? "" : " ",
		      ctl->object->only ? "" : ctl->verb->name,
		      ctl->verb->args);
}
