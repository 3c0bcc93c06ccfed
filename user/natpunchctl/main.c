// SPDX-License-Identifier: GPL-2.0
/* natpunchctl: finds the verb that is meant and runs it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define MAX_WORDS	32

static const struct object *find_object(const char *word)
{
	const char *words[MAX_WORDS] = { NULL };
	int i;

	for (i = 0; objects[i]; i++)
		words[i] = objects[i]->name;
	return objects[find_word("object", word, words)];
}

static const struct verb *find_verb(const struct object *object,
				    const char *word)
{
	const char *words[MAX_WORDS] = { NULL };
	char kind[32];
	int i;

	snprintf(kind, sizeof(kind), "%s verb", object->name);
	for (i = 0; object->verbs[i]; i++)
		words[i] = object->verbs[i]->name;
	return object->verbs[find_word(kind, word, words)];
}

/* "help", "help OBJECT", "help OBJECT VERB" */
static int run_help(int argc, char **argv)
{
	const struct object *object;

	if (argc < 2) {
		help_all();
		return 0;
	}
	object = find_object(argv[1]);
	if (argc < 3 || object->only)
		help_object(object);
	else
		help_verb(object, find_verb(object, argv[2]));
	return 0;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "-h") ||
	       !strcmp(word, "--help");
}

/* The verb that argv[1] names, or the usual one. Returns the words used. */
static int choose_verb(struct ctl *ctl, int argc, char **argv)
{
	const struct object *object = ctl->object;

	if (object->only) {
		ctl->verb = object->only;
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-') {
		ctl->verb = object->usual;
		return 0;
	}
	ctl->verb = find_verb(object, argv[1]);
	return 1;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	int used;

	if (!strcmp(argv[0], "help"))
		return run_help(argc, argv);
	ctl->object = find_object(argv[0]);
	start_messages(ctl);
	if (argc > 1 && is_help(argv[1])) {
		help_object(ctl->object);
		return 0;
	}
	used = choose_verb(ctl, argc, argv);
	start_messages(ctl);
	if (argc > 1 + used && !strcmp(argv[1 + used], "help")) {
		help_verb(ctl->object, ctl->verb);
		return 0;
	}
	optind = 0;	/* begin anew with the verb as the program's name */
	return ctl->verb->run(ctl, argc - used, argv + used);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .color = COLOR_AUTO };
	int ret;

	start_messages(&ctl);
	while (next_global_option(&ctl, argc, argv) >= 0)
		;
	if (optind == argc)
		usage("what to do is missing: natpunchctl OBJECT VERB");
	ret = run(&ctl, argc - optind, argv + optind);
	natpunch_close(ctl.np);
	return output_status(ret);
}
