// SPDX-License-Identifier: GPL-2.0
/* natpunchctl wan add, wan set: the same options, to begin with or to change. */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

static const struct opt options[] = {
	{ "filter", "eif|adf|apdf",
	  "who may open a flow inwards: anyone, addresses or\n"
	  "                                   endpoints that were sent to (adf)",
	  OPT_FILTER },
	{ "ports", "MIN-MAX", "external ports (1024-65535)", OPT_PORTS },
	{ "host-ports", "N",
	  "external ports of a protocol that one inside host can\n"
	  "                                   have at a time (65536, all)",
	  OPT_HOST_PORTS },
	{ "address", "ADDR",
	  "external address, may be repeated; auto: the one that\n"
	  "                                   masquerade would take (auto)",
	  OPT_ADDRESS },
	{ "internal", "PREFIX",
	  "translate these hosts, may be repeated; default: RFC 1918,\n"
	  "                                   100.64.0.0/10, with NAT66 fc00::/7 (default)",
	  OPT_INTERNAL },
	{ "nat66", "[=on|off]", "translate IPv6 too (off)", OPT_NAT66 },
	{ "inbound-refresh", "on|off", "inbound packets refresh a mapping (on)",
	  OPT_INBOUND_REFRESH },
	{ "udp-timeout", "TIME", "of idle UDP, 120 at least (300)",
	  OPT_UDP_TIMEOUT },
	{ "icmp-timeout", "TIME", "of idle ICMP queries, 60 at least (60)",
	  OPT_ICMP_TIMEOUT },
	{ "tcp-timeout", "TIME",
	  "of idle, established TCP, 7440 at least (7440)",
	  OPT_TCP_TIMEOUT },
	{ "tcp-transitory", "TIME",
	  "of opening, closing, reset TCP, 240 at least (240)",
	  OPT_TCP_TRANSITORY },
	{ "hold", "icmp|rst|silence|off",
	  "what an unsolicited SYN gets after it was held for 6 s,\n"
	  "                                   off: SYNs are not held (icmp)",
	  OPT_HOLD },
	{ "release", "drop|deliver",
	  "what is done with a held SYN when ours leaves (drop)",
	  OPT_RELEASE },
	{ "stun-ports", "PORT[,PORT]...|none",
	  "observe what STUN servers answer on these, up to 4\n"
	  "                                   (3478,19302)",
	  OPT_STUN_PORTS },
	{ .name = NULL }
};

static void add_address(struct natpunch_wan *wan, const char *s)
{
	wan->fields |= NATPUNCH_HAS(WAN_ADDR);
	if (!strcmp(s, "auto")) {
		wan->n_addr = 0;
		return;
	}
	if (wan->n_addr == NATPUNCH_MAX_ADDRESSES)
		usage("--address: a WAN has at most %d addresses",
		      NATPUNCH_MAX_ADDRESSES);
	parse_addr("--address", s, &wan->addr[wan->n_addr++]);
}

static void add_internal(struct natpunch_wan *wan, const char *s)
{
	wan->fields |= NATPUNCH_HAS(WAN_INTERNAL);
	if (!strcmp(s, "default")) {
		wan->n_internal = 0;
		return;
	}
	if (wan->n_internal == NATPUNCH_MAX_INTERNAL)
		usage("--internal: a WAN has at most %d prefixes",
		      NATPUNCH_MAX_INTERNAL);
	parse_prefix("--internal", s, &wan->internal[wan->n_internal++]);
}

static void take_stun_ports(struct natpunch_wan *wan, const char *s)
{
	char *word, *end, *list;

	wan->fields |= NATPUNCH_HAS(WAN_STUN_PORT);
	wan->n_stun_port = 0;
	if (!strcmp(s, "none"))
		return;
	list = strdup(s);
	if (!list)
		fail("out of memory");
	for (word = list; word; word = end) {
		end = strchr(word, ',');
		if (end)
			*end++ = '\0';
		if (wan->n_stun_port == NATPUNCH_MAX_STUN_PORTS)
			usage("--stun-ports: a WAN has at most %d of them",
			      NATPUNCH_MAX_STUN_PORTS);
		wan->stun_port[wan->n_stun_port++] =
			(uint16_t)parse_count("--stun-ports", word, 1, 65535);
	}
	free(list);
}

static void take_timeout(struct natpunch_wan *wan, int key)
{
	switch (key) {
	case OPT_UDP_TIMEOUT:
		wan->udp_timeout = parse_seconds("--udp-timeout", optarg);
		wan->fields |= NATPUNCH_HAS(WAN_UDP_TIMEOUT);
		break;
	case OPT_ICMP_TIMEOUT:
		wan->icmp_timeout = parse_seconds("--icmp-timeout", optarg);
		wan->fields |= NATPUNCH_HAS(WAN_ICMP_TIMEOUT);
		break;
	case OPT_TCP_TIMEOUT:
		wan->tcp_timeout = parse_seconds("--tcp-timeout", optarg);
		wan->fields |= NATPUNCH_HAS(WAN_TCP_TIMEOUT);
		break;
	case OPT_TCP_TRANSITORY:
		wan->tcp_transitory = parse_seconds("--tcp-transitory", optarg);
		wan->fields |= NATPUNCH_HAS(WAN_TCP_TRANSITORY);
		break;
	}
}

static void take_hold(struct natpunch_wan *wan, int key)
{
	static const char * const answers[] = {
		"icmp", "rst", "silence", "off", NULL
	};
	static const char * const releases[] = { "drop", "deliver", NULL };
	int word;

	switch (key) {
	case OPT_HOLD:
		word = find_word("--hold", optarg, answers);
		word = natpunch_hold_answer_value(answers[word]);
		wan->hold_answer = (uint8_t)word;
		wan->fields |= NATPUNCH_HAS(WAN_HOLD_ANSWER);
		break;
	case OPT_RELEASE:
		word = find_word("--release", optarg, releases);
		word = natpunch_hold_release_value(releases[word]);
		wan->hold_release = (uint8_t)word;
		wan->fields |= NATPUNCH_HAS(WAN_HOLD_RELEASE);
		break;
	}
}

static void take_option(struct natpunch_wan *wan, int key)
{
	switch (key) {
	case OPT_FILTER:
		wan->filter = parse_filter(optarg, true);
		wan->fields |= NATPUNCH_HAS(WAN_FILTER);
		break;
	case OPT_PORTS:
		parse_ports(optarg, &wan->port_min, &wan->port_max);
		wan->fields |= NATPUNCH_HAS(WAN_PORT_MIN) |
			       NATPUNCH_HAS(WAN_PORT_MAX);
		break;
	case OPT_HOST_PORTS:
		wan->host_ports = (uint32_t)parse_count("--host-ports", optarg, 1,
							NATPUNCH_MAX_HOST_PORTS);
		wan->fields |= NATPUNCH_HAS(WAN_HOST_PORTS);
		break;
	case OPT_ADDRESS:
		add_address(wan, optarg);
		break;
	case OPT_INTERNAL:
		add_internal(wan, optarg);
		break;
	case OPT_NAT66:
		wan->nat66 = !optarg || parse_on_off("--nat66", optarg);
		wan->fields |= NATPUNCH_HAS(WAN_NAT66);
		break;
	case OPT_INBOUND_REFRESH:
		wan->inbound_refresh = parse_on_off("--inbound-refresh",
						    optarg);
		wan->fields |= NATPUNCH_HAS(WAN_INBOUND_REFRESH);
		break;
	case OPT_HOLD:
	case OPT_RELEASE:
		take_hold(wan, key);
		break;
	case OPT_STUN_PORTS:
		take_stun_ports(wan, optarg);
		break;
	default:
		take_timeout(wan, key);
	}
}

static void parse(struct ctl *ctl, int argc, char **argv,
		  struct natpunch_wan *wan)
{
	int key;

	memset(wan, 0, sizeof(*wan));
	while ((key = next_option(ctl, argc, argv)) >= 0)
		take_option(wan, key);
	parse_dev(wan->dev, needed_argument(ctl, argc, argv, "the device"));
	wan->fields |= NATPUNCH_HAS(WAN_DEV);
	no_more_arguments(ctl, argc, argv);
}

/* Our own namespace's devices can be looked through for a similar name. */
static void fail_no_device(const struct ctl *ctl, const char *dev)
{
	struct if_nameindex *list = ctl->netns ? NULL : if_nameindex();
	const char **words = NULL;
	const char *near;
	size_t n = 0;

	for (; list && list[n].if_name; n++) {
		words = more(words, n, sizeof(*words));
		words[n] = list[n].if_name;
	}
	words = more(words, n, sizeof(*words));
	words[n] = NULL;
	near = nearest_word(dev, words);
	if (near)
		fail("there is no device %s, did you mean %s?", dev, near);
	fail("there is no device %s: 'ip link' lists them", dev);
}

static int run_add(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_wan wan;
	int err;

	parse(ctl, argc, argv, &wan);
	open_natpunch(ctl);
	err = natpunch_wan_add(ctl->np, &wan);
	if (err == -EEXIST)
		fail("%s is managed already: change it with 'natpunchctl wan set %s', see it with 'natpunchctl wan show %s'",
		     wan.dev, wan.dev, wan.dev);
	if (err == -ENODEV)
		fail_no_device(ctl, wan.dev);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

static int run_set(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_wan wan;
	int err;

	parse(ctl, argc, argv, &wan);
	if (wan.fields == NATPUNCH_HAS(WAN_DEV))
		usage("nothing to change: natpunchctl wan set %s", wan_set.args);
	open_natpunch(ctl);
	err = natpunch_wan_set(ctl->np, &wan);
	if (err == -ENOENT)
		fail_unmanaged(ctl, wan.dev);
	if (err)
		fail_kernel(ctl, err);
	return 0;
}

const struct verb wan_add = {
	.name = "add",
	.args = "DEV [OPTION]...",
	.summary = "translate what leaves through a device",
	.notes =
"In brackets: what holds where the option is not given. TIME is in seconds, or\n"
"as 5m, 2h4m. Examples:\n"
"  natpunchctl wan add eth0\n"
"  natpunchctl wan add ppp0 --filter eif --internal 192.168.1.0/24\n",
	.options = options,
	.run = run_add,
};

const struct verb wan_set = {
	.name = "set",
	.args = "DEV OPTION...",
	.summary = "change what is given, keep the rest",
	.notes =
"Mappings that the new configuration would not make end, with their flows.\n"
"In brackets: what a new WAN has.\n",
	.options = options,
	.run = run_set,
};
