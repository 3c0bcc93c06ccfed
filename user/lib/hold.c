// SPDX-License-Identifier: GPL-2.0
/* Held SYNs: requests over struct natpunch_hold. */
#include <string.h>

#include "internal.h"

#define HOLD_PAIR							\
	(NATPUNCH_HAS(HOLD_EXT_ADDR) | NATPUNCH_HAS(HOLD_EXT_PORT) |	\
	 NATPUNCH_HAS(HOLD_REMOTE_ADDR) | NATPUNCH_HAS(HOLD_REMOTE_PORT))

int natpunch_hold_get(struct natpunch *np, const struct natpunch_hold *key,
		      struct natpunch_hold *hold)
{
	return np_do_reply(np, NATPUNCH_CMD_HOLD_GET, &np_hold_set, key,
			   HOLD_PAIR, hold, sizeof(*hold));
}

struct dump {
	natpunch_hold_cb *cb;
	void *data;
};

static int take_hold(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct natpunch_hold hold;

	memset(&hold, 0, sizeof(hold));
	np_decode(nlh, &np_hold_set, &hold);
	return d->cb(&hold, d->data);
}

int natpunch_hold_dump(struct natpunch *np, const struct natpunch_hold *filter,
		       natpunch_hold_cb *cb, void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_HOLD_GET, &np_hold_set, filter,
		       HOLD_PAIR, take_hold, &d);
}
