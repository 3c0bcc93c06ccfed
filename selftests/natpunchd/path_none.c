// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchd without a way to connect, for tests of its signalling on systems
 * whose kernel has neither nftables nor natpunch: it gathers no candidates, and
 * every attempt ends with a line that says so.
 */
#include <errno.h>

#include "session.h"

static int gather(struct session *s)
{
	session_gathered(s, json_array());
	return 0;
}

static int check(struct session *s, unsigned int delay_ms)
{
	(void)delay_ms;
	session_explain(s, "this natpunchd was built without a way to connect");
	return -EOPNOTSUPP;
}

static void let_go(struct session *s)
{
	s->path = NULL;
}

const struct path_ops path_ops = {
	.name = "none",
	.gather = gather,
	.check = check,
	.close = let_go,
	.forget = let_go,
};
