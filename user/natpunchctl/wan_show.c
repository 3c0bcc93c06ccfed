// SPDX-License-Identifier: GPL-2.0
/* natpunchctl wan show */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "natpunchctl.h"

#define TRIES	5

struct wans {
	struct natpunch_wan *wan;
	size_t n;
};

static int take_wan(const struct natpunch_wan *wan, void *data)
{
	struct wans *wans = data;

	wans->wan = more(wans->wan, wans->n, sizeof(*wan));
	wans->wan[wans->n++] = *wan;
	return 0;
}

static const char *filter_words(unsigned int filter)
{
	switch (filter) {
	case NATPUNCH_FILTER_EIF:
		return " (endpoint-independent)";
	case NATPUNCH_FILTER_ADF:
		return " (address-dependent)";
	case NATPUNCH_FILTER_APDF:
		return " (address and port-dependent)";
	}
	return "";
}

static void show_addrs(const char *name, const struct natpunch_addr *addr,
		       uint32_t n, const char *none)
{
	char buf[ADDR_SIZE];
	uint32_t i;

	printf("  %s: %s", name, n ? "" : none);
	for (i = 0; i < n; i++)
		printf("%s%s", i ? ", " : "", format_addr(buf, &addr[i]));
	putchar('\n');
}

static void show_internal(const struct natpunch_wan *wan)
{
	char buf[ADDR_SIZE];
	uint32_t i;

	printf("  internal: ");
	if (!wan->n_internal)
		printf("10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10%s (default)",
		       wan->nat66 ? ", fc00::/7" : "");
	for (i = 0; i < wan->n_internal; i++)
		printf("%s%s/%u", i ? ", " : "",
		       format_addr(buf, &wan->internal[i].addr),
		       wan->internal[i].len);
	putchar('\n');
}

static void show_timeouts(const struct natpunch_wan *wan)
{
	char udp[DURATION_SIZE], icmp[DURATION_SIZE];
	char tcp[DURATION_SIZE], transitory[DURATION_SIZE];

	printf("  timeouts: udp %s, icmp %s, tcp %s, tcp transitory %s\n",
	       format_duration(udp, wan->udp_timeout),
	       format_duration(icmp, wan->icmp_timeout),
	       format_duration(tcp, wan->tcp_timeout),
	       format_duration(transitory, wan->tcp_transitory));
}

static void show_hold(const struct natpunch_wan *wan)
{
	if (!(wan->fields & NATPUNCH_HAS(WAN_HOLD_ANSWER)))
		return;
	if (wan->hold_answer == NATPUNCH_HOLD_ANSWER_OFF)
		printf("  syn hold: off\n");
	else
		printf("  syn hold: 6s, then %s; release %s\n",
		       format_hold_answer(wan->hold_answer),
		       format_hold_release(wan->hold_release));
}

static void show_stun_ports(const struct natpunch_wan *wan)
{
	uint32_t i;

	if (!(wan->fields & NATPUNCH_HAS(WAN_STUN_PORT)))
		return;
	printf("  stun ports: %s", wan->n_stun_port ? "" : "none");
	for (i = 0; i < wan->n_stun_port; i++)
		printf("%s%u", i ? ", " : "", wan->stun_port[i]);
	putchar('\n');
}

static void show(const struct ctl *ctl, const struct natpunch_wan *wan)
{
	bool present = wan->fields & NATPUNCH_HAS(WAN_IFINDEX);

	printf("%swan%s: %s%s%s\n", paint(ctl, PAINT_HEAD), unpaint(ctl),
	       paint(ctl, PAINT_NAME), wan->dev, unpaint(ctl));
	if (present)
		printf("  device: index %u\n", wan->ifindex);
	else
		printf("  device: absent, the WAN rests until one has the name\n");
	show_addrs("external addresses", wan->ext_addr, wan->n_ext_addr,
		   "none at present");
	show_addrs("  chosen from", wan->addr, wan->n_addr,
		   "the device, as masquerade would");
	printf("  ports: %u-%u", wan->port_min, wan->port_max);
	if (wan->fields & NATPUNCH_HAS(WAN_HOST_PORTS))
		printf(", at most %u for a host", wan->host_ports);
	putchar('\n');
	printf("  filter: %s%s\n", format_filter(wan->filter),
	       filter_words(wan->filter));
	show_internal(wan);
	printf("  ipv6: %s\n", wan->nat66 ? "translated (NAT66)" :
					    "not translated");
	printf("  inbound refresh: %s\n", wan->inbound_refresh ? "on" : "off");
	show_timeouts(wan);
	show_hold(wan);
	show_stun_ports(wan);
	printf("  mappings: %u\n", wan->mappings);
}

static json_t *json_addrs(const struct natpunch_addr *addr, uint32_t n)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, json_addr(&addr[i]));
	return array;
}

static json_t *json_internal(const struct natpunch_wan *wan)
{
	const struct natpunch_prefix *p = wan->internal;
	json_t *array = json_array();
	char buf[ADDR_SIZE];
	json_t *text;

	for (; p < wan->internal + wan->n_internal; p++) {
		text = json_sprintf("%s/%u", format_addr(buf, &p->addr), p->len);
		json_array_append_new(array, text);
	}
	return array;
}

static json_t *json_stun_ports(const struct natpunch_wan *wan)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < wan->n_stun_port; i++)
		json_array_append_new(array, json_integer(wan->stun_port[i]));
	return array;
}

static json_t *json_wan(const struct natpunch_wan *wan)
{
	json_t *o = json_object();

	json_add(o, "dev", json_string(wan->dev));
	if (wan->fields & NATPUNCH_HAS(WAN_IFINDEX))
		json_add(o, "ifindex", json_integer(wan->ifindex));
	json_add(o, "external", json_addrs(wan->ext_addr, wan->n_ext_addr));
	json_add(o, "addresses", json_addrs(wan->addr, wan->n_addr));
	json_add(o, "port_min", json_integer(wan->port_min));
	json_add(o, "port_max", json_integer(wan->port_max));
	if (wan->fields & NATPUNCH_HAS(WAN_HOST_PORTS))
		json_add(o, "host_ports", json_integer(wan->host_ports));
	json_add(o, "filter", json_string(format_filter(wan->filter)));
	json_add(o, "internal", json_internal(wan));
	json_add(o, "nat66", json_boolean(wan->nat66));
	json_add(o, "inbound_refresh", json_boolean(wan->inbound_refresh));
	json_add(o, "udp_timeout", json_integer(wan->udp_timeout));
	json_add(o, "icmp_timeout", json_integer(wan->icmp_timeout));
	json_add(o, "tcp_timeout", json_integer(wan->tcp_timeout));
	json_add(o, "tcp_transitory", json_integer(wan->tcp_transitory));
	if (wan->fields & NATPUNCH_HAS(WAN_HOLD_ANSWER)) {
		json_add(o, "hold",
			 json_string(format_hold_answer(wan->hold_answer)));
		json_add(o, "release",
			 json_string(format_hold_release(wan->hold_release)));
	}
	if (wan->fields & NATPUNCH_HAS(WAN_STUN_PORT))
		json_add(o, "stun_ports", json_stun_ports(wan));
	json_add(o, "mappings", json_integer(wan->mappings));
	return o;
}

static void print(const struct ctl *ctl, const struct wans *wans)
{
	size_t i;

	if (ctl->json)
		json_list_begin();
	else if (!wans->n)
		printf("no WANs: begin with 'natpunchctl wan add DEV'\n");
	for (i = 0; i < wans->n; i++) {
		if (ctl->json) {
			json_list_item(ctl, json_wan(&wans->wan[i]), !i);
			continue;
		}
		if (i)
			putchar('\n');
		show(ctl, &wans->wan[i]);
	}
	if (ctl->json)
		json_list_end();
}

/* A list that changed while it was read is read again. */
static int read_wans(struct ctl *ctl, struct wans *wans)
{
	int tries, err = -EINTR;

	for (tries = 0; tries < TRIES && err == -EINTR; tries++) {
		wans->n = 0;
		free(wans->wan);
		wans->wan = NULL;
		err = natpunch_wan_dump(ctl->np, take_wan, wans);
	}
	return err;
}

static int read_one(struct ctl *ctl, const char *dev, struct wans *wans)
{
	struct natpunch_wan wan;
	int err = natpunch_wan_get(ctl->np, dev, &wan);

	if (err == -ENOENT)
		fail_unmanaged(ctl, dev);
	return err ? err : take_wan(&wan, wans);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct wans wans = { .n = 0 };
	char dev[NATPUNCH_DEV_SIZE];
	bool one;
	int err;

	next_option(ctl, argc, argv);
	one = optind < argc;
	if (one)
		parse_dev(dev, needed_argument(ctl, argc, argv, "the device"));
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = one ? read_one(ctl, dev, &wans) : read_wans(ctl, &wans);
	if (err && err != -EINTR)
		fail_kernel(ctl, err);
	print(ctl, &wans);
	free(wans.wan);
	if (err)
		warn("WANs changed meanwhile, the list may be incomplete");
	return 0;
}

const struct verb wan_show = {
	.name = "show",
	.args = "[DEV]",
	.summary = "show WANs: configuration, external addresses, state",
	.run = run,
};
