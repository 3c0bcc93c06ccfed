// SPDX-License-Identifier: GPL-2.0
/* natpunchctl mapping flush */
#include <errno.h>
#include <stdio.h>

#include "natpunchctl.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_mapping filter;
	uint32_t count;
	int err;

	parse_mapping_filter(ctl, argc, argv, &filter);
	open_natpunch(ctl);
	err = natpunch_mapping_flush(ctl->np, &filter, &count);
	if (err == -ENOENT)
		fail_unmanaged(ctl, filter.wan);
	if (err)
		fail_kernel(ctl, err);
	if (ctl->json)
		json_print(ctl, json_pack("{sI}", "flushed",
					  (json_int_t)count));
	else
		printf("%u mapping%s flushed\n", count, count == 1 ? "" : "s");
	return 0;
}

const struct verb mapping_flush = {
	.name = "flush",
	.args = "[OPTION]...",
	.summary = "end mappings and their flows, all or those that have what is given",
	.notes =
"A mapping that a reservation holds is made anew at once. Examples:\n"
"  natpunchctl mapping flush --internal 192.168.1.20\n"
"  natpunchctl mapping flush --proto udp --external :40000\n",
	.options = mapping_filter_options,
	.run = run,
};
