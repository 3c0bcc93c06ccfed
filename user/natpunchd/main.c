// SPDX-License-Identifier: GPL-2.0
/* natpunchd: the command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "daemon.h"
#include "seal.h"

static const char help[] =
"Usage: natpunchd [--config FILE] [--check]\n"
"       natpunchd --make-key FILE\n"
"Let sites behind NATs find and reach each other's services.\n\n"
"  -c, --config FILE    the configuration (" CONF_PATH ")\n"
"  -C, --check          check the configuration, and end\n"
"  -k, --make-key FILE  make a site key, print its public half, and end\n"
"  -h, --help           this\n"
"  -V, --version        print the version\n\n"
"It stays in the foreground; SIGHUP makes it read the configuration again.\n"
"More: natpunchd(8), natpunchd.conf(5), natpunchctl(8)\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 'C' },
	{ "make-key", required_argument, NULL, 'k' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ .name = NULL }
};

static int check(const char *path)
{
	struct conf *conf = conf_read(path, stderr);

	if (!conf)
		return EXIT_FAILURE;
	conf_free(conf);
	return EXIT_SUCCESS;
}

static int make_key(const char *path)
{
	char words[SITE_KEY_STR_SIZE];
	int err = site_key_make(path);
	struct site_key *key = err ? NULL : site_key_read(path);

	if (!key) {
		fprintf(stderr, "natpunchd: %s: %s\n", path, strerror(-err));
		return EXIT_FAILURE;
	}
	puts(site_public_str(words, site_key_public(key)));
	site_key_free(key);
	return EXIT_SUCCESS;
}

static int usage(void)
{
	fputs("See 'natpunchd --help': it knows --config, --check, --make-key, --help, --version.\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *path = CONF_PATH;
	bool only_check = false;
	int key;

	while ((key = getopt_long(argc, argv, "c:Ck:hV", options, NULL)) >= 0) {
		switch (key) {
		case 'c':
			path = optarg;
			break;
		case 'C':
			only_check = true;
			break;
		case 'k':
			return make_key(optarg);
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("natpunchd " NATPUNCH_VERSION);
			return EXIT_SUCCESS;
		default:
			return usage();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "natpunchd: '%s' is one word too many\n",
			argv[optind]);
		return usage();
	}
	return only_check ? check(path) : daemon_run(path);
}
