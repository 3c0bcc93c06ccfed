// SPDX-License-Identifier: GPL-2.0
/* natpunchctl reserve add */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "natpunchctl.h"

static const struct opt options[] = {
	{ "external", "[ADDR:]PORT",
	  "the external port, or endpoint (as a packet would get)",
	  OPT_EXTERNAL },
	{ "for", "TIME", "how long it is held (for good)", OPT_FOR },
	{ "filter", "eif|adf|apdf|default",
	  "who may open a flow inwards (default: as the WAN says)",
	  OPT_FILTER },
	{ .name = NULL }
};

static void take_external(struct natpunch_reservation *r, const char *s)
{
	int port;

	parse_endpoint("--external", s, 0, &r->ext_addr, &port);
	if (r->ext_addr.family)
		r->fields |= NATPUNCH_HAS(RESERVATION_EXT_ADDR);
	if (port < 0)
		return;
	if (!port)
		usage("--external: there is no port 0: leave the port out for any");
	r->ext_port = (uint16_t)port;
	r->fields |= NATPUNCH_HAS(RESERVATION_EXT_PORT);
}

static void parse(struct ctl *ctl, int argc, char **argv,
		  struct natpunch_reservation *r)
{
	int key, port;

	memset(r, 0, sizeof(*r));
	while ((key = next_option(ctl, argc, argv)) >= 0) {
		switch (key) {
		case OPT_EXTERNAL:
			take_external(r, optarg);
			break;
		case OPT_FOR:
			r->lifetime = parse_seconds("--for", optarg);
			r->fields |= NATPUNCH_HAS(RESERVATION_LIFETIME);
			break;
		case OPT_FILTER:
			r->filter = parse_filter(optarg, false);
			r->fields |= NATPUNCH_HAS(RESERVATION_FILTER);
			break;
		}
	}
	parse_dev(r->wan, needed_argument(ctl, argc, argv, "the device"));
	r->l4proto = parse_proto(needed_argument(ctl, argc, argv,
						 "the protocol"), false);
	parse_endpoint("internal endpoint",
		       needed_argument(ctl, argc, argv,
				       "the internal endpoint"),
		       NEED_ADDR | NEED_PORT, &r->int_addr, &port);
	r->int_port = (uint16_t)port;
	r->fields |= NATPUNCH_HAS(RESERVATION_WAN) |
		     NATPUNCH_HAS(RESERVATION_L4PROTO) |
		     NATPUNCH_HAS(RESERVATION_INT_ADDR) |
		     NATPUNCH_HAS(RESERVATION_INT_PORT);
	no_more_arguments(ctl, argc, argv);
}

static void list_addrs(char *text, size_t size, const struct natpunch_wan *wan)
{
	char buf[ADDR_SIZE];
	size_t len = 0;
	uint32_t i;

	snprintf(text, size, "none at present");
	for (i = 0; i < wan->n_ext_addr && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
					i ? ", " : "",
					format_addr(buf, &wan->ext_addr[i]));
}

static int take_holder(const struct natpunch_mapping *m, void *data)
{
	*(struct natpunch_mapping *)data = *m;
	return 1;
}

static void fail_taken(struct ctl *ctl, const struct natpunch_reservation *r,
		       const char *message)
{
	static const char advice[] =
		"choose another --external, or leave it out for any that is free";
	struct natpunch_mapping m = {
		.fields = NATPUNCH_HAS(MAPPING_WAN) |
			  NATPUNCH_HAS(MAPPING_L4PROTO) |
			  NATPUNCH_HAS(MAPPING_EXT_PORT),
		.l4proto = r->l4proto,
		.ext_port = r->ext_port,
		.ext_addr = r->ext_addr,
	};
	char in[ENDPOINT_SIZE];

	memcpy(m.wan, r->wan, sizeof(m.wan));
	if (r->ext_addr.family)
		m.fields |= NATPUNCH_HAS(MAPPING_EXT_ADDR);
	if (natpunch_mapping_dump(ctl->np, &m, take_holder, &m) > 0)
		fail("external port %u is taken by the %smapping of %s: %s",
		     r->ext_port, m.reserved ? "reserved " : "",
		     format_endpoint(in, &m.int_addr, m.int_port), advice);
	fail("%s: %s", message, advice);
}

/* The kernel's words, and what the WAN does have. */
static void refuse(struct ctl *ctl, const struct natpunch_reservation *r,
		   int err)
{
	char message[256], addrs[512];
	struct natpunch_wan wan;
	uint64_t min, max;

	snprintf(message, sizeof(message), "%s",
		 natpunch_error_message(ctl->np) ?
			 natpunch_error_message(ctl->np) :
			 natpunch_strerror(ctl->np, err));
	if (err == -ENOENT)
		fail_unmanaged(ctl, r->wan);
	if (err == -EADDRINUSE)
		fail_taken(ctl, r, message);
	if ((err != -ERANGE && err != -EADDRNOTAVAIL) ||
	    natpunch_error_range(ctl->np, &min, &max))
		fail_kernel(ctl, err);
	if (natpunch_wan_get(ctl->np, r->wan, &wan))
		fail("%s", message);
	if (err == -ERANGE)
		fail("%s: %s has %u-%u, 'natpunchctl wan set %s --ports' changes it",
		     message, r->wan, wan.port_min, wan.port_max, r->wan);
	list_addrs(addrs, sizeof(addrs), &wan);
	fail("%s: %s has %s", message, r->wan, addrs);
}

static void show(const struct natpunch_reservation *r)
{
	char in[ENDPOINT_SIZE], out[ENDPOINT_SIZE];
	char time[DURATION_SIZE], proto[PROTO_SIZE];

	printf("%s %s reserved for %s", format_proto(proto, r->l4proto),
	       format_endpoint(out, &r->ext_addr, r->ext_port),
	       format_endpoint(in, &r->int_addr, r->int_port));
	if (r->fields & NATPUNCH_HAS(RESERVATION_LIFETIME))
		printf(" for %s", format_duration(time, r->lifetime));
	putchar('\n');
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_reservation r, made;
	int err;

	parse(ctl, argc, argv, &r);
	open_natpunch(ctl);
	err = natpunch_reservation_add(ctl->np, &r, &made);
	if (err)
		refuse(ctl, &r, err);
	resolve_reservation(ctl, &made);
	if (ctl->json)
		json_print(ctl, json_reservation(&made));
	else
		show(&made);
	return 0;
}

const struct verb reserve_add = {
	.name = "add",
	.args = "DEV PROTO INT_ADDR:PORT [OPTION]...",
	.summary = "give an internal endpoint an external port ahead of any packet",
	.notes =
"PROTO: tcp, udp, sctp. When TIME is over the mapping goes on as any other. What\n"
"was given is printed. Examples:\n"
"  natpunchctl reserve add eth0 udp 192.168.1.20:5000\n"
"  natpunchctl reserve add eth0 tcp 192.168.1.20:22 --external 2222 --for 1h --filter eif\n",
	.options = options,
	.run = run,
};
