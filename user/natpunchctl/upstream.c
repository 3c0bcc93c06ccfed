// SPDX-License-Identifier: GPL-2.0
/* What the verbs that tell of upstreams share: words, and JSON. */
#include <stdio.h>
#include <string.h>

#include "natpunchctl.h"

double share(uint32_t p)
{
	return (double)p / NATPUNCH_PROBABILITY_ONE;
}

/* What the kernel counts in 1024 seconds, in one. */
double per_second(uint32_t rate)
{
	return (double)rate / 1024;
}

/* "99.8%"; never 100% or 0% for what is not certain. */
const char *format_share(char buf[SHARE_SIZE], uint32_t p)
{
	double percent = 100 * share(p);

	if (p == NATPUNCH_PROBABILITY_ONE || !p)
		snprintf(buf, SHARE_SIZE, "%s", p ? "100%" : "0%");
	else if (percent >= 99.95)
		snprintf(buf, SHARE_SIZE, ">99.9%%");
	else if (percent < 0.05)
		snprintf(buf, SHARE_SIZE, "<0.1%%");
	else
		snprintf(buf, SHARE_SIZE, "%.1f%%", percent);
	return buf;
}

/* How ports are given, as far as it is known: "step +2", "block 1024-1535". */
const char *format_alloc(char buf[ALLOC_SIZE], const struct natpunch_upstream *u)
{
	int n;

	n = snprintf(buf, ALLOC_SIZE, "%s", format_upstream_alloc(u->alloc));
	if (u->fields & NATPUNCH_HAS(UPSTREAM_STEP))
		n += snprintf(buf + n, ALLOC_SIZE - (size_t)n, " %+d", u->step);
	if (u->bounded)
		snprintf(buf + n, ALLOC_SIZE - (size_t)n, " %u-%u", u->port_min,
			 u->port_max);
	return buf;
}

json_t *json_wants(uint32_t want)
{
	json_t *array = json_array();
	const char *name;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		name = natpunch_upstream_want_name(bit);
		if (name && want >> bit & 1)
			json_array_append_new(array, json_string(name));
	}
	return array;
}

static void json_rate(json_t *o, const struct natpunch_upstream *u)
{
	if (!(u->fields & NATPUNCH_HAS(UPSTREAM_RATE)))
		return;
	json_add(o, "rate", json_real(per_second(u->rate)));
	json_add(o, "rate_min", json_real(per_second(u->rate_min)));
	json_add(o, "rate_max", json_real(per_second(u->rate_max)));
	json_add(o, "rate_time", json_real(u->rate_time / 1e6));
}

static void json_range(json_t *o, const struct natpunch_upstream *u)
{
	if (u->fields & NATPUNCH_HAS(UPSTREAM_STEP))
		json_add(o, "step", json_integer(u->step));
	if (u->fields & NATPUNCH_HAS(UPSTREAM_PORT_MIN)) {
		json_add(o, "port_min", json_integer(u->port_min));
		json_add(o, "port_max", json_integer(u->port_max));
	}
	json_add(o, "bounded", json_boolean(u->bounded));
}

json_t *json_upstream(const struct natpunch_upstream *u)
{
	json_t *o = json_object();
	char proto[PROTO_SIZE];

	json_add(o, "wan", json_string(u->wan));
	json_add(o, "addr", json_addr(&u->addr));
	json_add(o, "proto", json_string(format_proto(proto, u->l4proto)));
	json_add(o, "mapping",
		 json_string(format_upstream_mapping(u->mapping)));
	json_add(o, "alloc", json_string(format_upstream_alloc(u->alloc)));
	json_add(o, "certainty",
		 json_string(format_upstream_certainty(u->certainty)));
	json_add(o, "want", json_wants(u->want));
	json_add(o, "p", json_real(share(u->p)));
	json_add(o, "mapping_p", json_real(share(u->mapping_p)));
	json_range(o, u);
	if (u->fields & NATPUNCH_HAS(UPSTREAM_MAPPED_ADDR))
		json_add(o, "mapped_addr", json_addr(&u->mapped_addr));
	json_add(o, "addresses", json_integer(u->addresses));
	json_add(o, "samples", json_integer(u->samples));
	json_add(o, "lies", json_integer(u->lies));
	json_add(o, "refused", json_integer(u->refused));
	json_rate(o, u);
	json_add(o, "flows", json_integer(u->flows));
	json_add(o, "mappings", json_integer(u->mappings));
	json_add(o, "flows_odd", json_integer(u->flows_odd));
	json_add(o, "mappings_odd", json_integer(u->mappings_odd));
	return o;
}
