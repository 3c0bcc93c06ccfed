// SPDX-License-Identifier: GPL-2.0
/* natpunchctl reserve del */
#include <errno.h>
#include <string.h>

#include "natpunchctl.h"

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_reservation r = {
		.fields = NATPUNCH_HAS(RESERVATION_WAN) |
			  NATPUNCH_HAS(RESERVATION_L4PROTO) |
			  NATPUNCH_HAS(RESERVATION_INT_ADDR) |
			  NATPUNCH_HAS(RESERVATION_INT_PORT),
	};
	const char *attr, *endpoint;
	int err, port;

	next_option(ctl, argc, argv);
	parse_dev(r.wan, needed_argument(ctl, argc, argv, "the device"));
	r.l4proto = parse_proto(needed_argument(ctl, argc, argv,
						"the protocol"), false);
	endpoint = needed_argument(ctl, argc, argv, "the internal endpoint");
	parse_endpoint("internal endpoint", endpoint, NEED_ADDR | NEED_PORT,
		       &r.int_addr, &port);
	r.int_port = (uint16_t)port;
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_reservation_del(ctl->np, &r);
	attr = natpunch_error_attr(ctl->np);
	if (err == -ENOENT && attr && !strcmp(attr, "wan"))
		fail_unmanaged(ctl, r.wan);
	if (err == -ENOENT)
		fail("%s has no reservation: 'natpunchctl reserve show' lists them",
		     endpoint);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

const struct verb reserve_del = {
	.name = "del",
	.args = "DEV PROTO INT_ADDR:PORT",
	.summary = "end a reservation, its mapping and its flows",
	.run = run,
};
