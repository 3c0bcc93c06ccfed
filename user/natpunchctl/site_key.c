// SPDX-License-Identifier: GPL-2.0
/* natpunchctl site key */
#include <stdio.h>

#include "daemon.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	json_t *key;

	next_option(ctl, argc, argv);
	no_more_arguments(ctl, argc, argv);
	key = ask_daemon("site-key", NULL);
	if (ctl->json)
		json_print(ctl, json_incref(key));
	else
		puts(text_of(key, "key"));
	json_decref(key);
	return 0;
}

const struct verb site_key = {
	.name = "key",
	.args = "",
	.summary = "print this site's public key, for the peers' configuration",
	.notes =
"natpunchd makes the key when it starts for the first time; 'natpunchd --make-key'\n"
"makes one without it.\n",
	.run = run,
};
