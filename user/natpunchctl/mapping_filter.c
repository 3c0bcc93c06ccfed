// SPDX-License-Identifier: GPL-2.0
/* The options that choose mappings, of "mapping show" and "mapping flush". */
#include <getopt.h>
#include <string.h>

#include "natpunchctl.h"

const struct opt mapping_filter_options[] = {
	{ "wan", "DEV", "of this WAN", OPT_WAN },
	{ "proto", "PROTO", "tcp, udp, sctp, icmp, icmpv6", OPT_PROTO },
	{ "internal", "ADDR[:PORT]", "of this internal host or endpoint",
	  OPT_INTERNAL },
	{ "external", "[ADDR]:PORT", "with this external port or endpoint",
	  OPT_EXTERNAL },
	{ .name = NULL }
};

static void take_internal(struct natpunch_mapping *filter, const char *s)
{
	int port;

	parse_endpoint("--internal", s, NEED_ADDR, &filter->int_addr, &port);
	filter->fields |= NATPUNCH_HAS(MAPPING_INT_ADDR);
	if (port < 0)
		return;
	filter->int_port = (uint16_t)port;
	filter->fields |= NATPUNCH_HAS(MAPPING_INT_PORT);
}

static void take_external(struct natpunch_mapping *filter, const char *s)
{
	int port;

	parse_endpoint("--external", s, 0, &filter->ext_addr, &port);
	if (filter->ext_addr.family)
		filter->fields |= NATPUNCH_HAS(MAPPING_EXT_ADDR);
	if (port < 0)
		return;
	filter->ext_port = (uint16_t)port;
	filter->fields |= NATPUNCH_HAS(MAPPING_EXT_PORT);
}

/* filter->fields 0: nothing was chosen, all are meant. */
void parse_mapping_filter(struct ctl *ctl, int argc, char **argv,
			  struct natpunch_mapping *filter)
{
	int key;

	memset(filter, 0, sizeof(*filter));
	while ((key = next_option(ctl, argc, argv)) >= 0) {
		switch (key) {
		case OPT_WAN:
			parse_dev(filter->wan, optarg);
			filter->fields |= NATPUNCH_HAS(MAPPING_WAN);
			break;
		case OPT_PROTO:
			filter->l4proto = parse_proto(optarg, true);
			filter->fields |= NATPUNCH_HAS(MAPPING_L4PROTO);
			break;
		case OPT_INTERNAL:
			take_internal(filter, optarg);
			break;
		case OPT_EXTERNAL:
			take_external(filter, optarg);
			break;
		}
	}
	no_more_arguments(ctl, argc, argv);
}
