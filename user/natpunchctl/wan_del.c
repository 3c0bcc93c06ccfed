// SPDX-License-Identifier: GPL-2.0
/* natpunchctl wan del */
#include <errno.h>

#include "natpunchctl.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	char dev[NATPUNCH_DEV_SIZE];
	int err;

	next_option(ctl, argc, argv);
	parse_dev(dev, needed_argument(ctl, argc, argv, "the device"));
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_wan_del(ctl->np, dev);
	if (err == -ENOENT)
		fail_unmanaged(ctl, dev);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

const struct verb wan_del = {
	.name = "del",
	.args = "DEV",
	.summary = "leave a device alone; its mappings, reservations and flows end",
	.run = run,
};
