// SPDX-License-Identifier: GPL-2.0
/* Values to words. */
#include <arpa/inet.h>
#include <stdio.h>

#include "natpunchctl.h"

const char *format_addr(char buf[ADDR_SIZE], const struct natpunch_addr *addr)
{
	if (addr->family == AF_UNSPEC ||
	    !inet_ntop(addr->family, &addr->in6, buf, ADDR_SIZE))
		snprintf(buf, ADDR_SIZE, "*");
	return buf;
}

const char *format_endpoint(char buf[ENDPOINT_SIZE],
			    const struct natpunch_addr *addr, uint16_t port)
{
	char text[ADDR_SIZE];

	snprintf(buf, ENDPOINT_SIZE, addr->family == AF_INET6 ? "[%s]:%u" :
								"%s:%u",
		 format_addr(text, addr), port);
	return buf;
}

/* The two largest units: 4m12s, 2h4m, 5d. */
const char *format_duration(char buf[DURATION_SIZE], uint32_t seconds)
{
	static const struct {
		uint32_t seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	uint32_t n, rest;
	size_t i = 0;

	while (i < ARRAY_SIZE(units) - 1 && seconds < units[i].seconds)
		i++;
	n = seconds / units[i].seconds;
	rest = seconds % units[i].seconds;
	if (i + 1 < ARRAY_SIZE(units))
		rest /= units[i + 1].seconds;
	if (rest)
		snprintf(buf, DURATION_SIZE, "%u%c%u%c", n, units[i].name,
			 rest, units[i + 1].name);
	else
		snprintf(buf, DURATION_SIZE, "%u%c", n, units[i].name);
	return buf;
}

const char *format_proto(char buf[PROTO_SIZE], uint8_t l4proto)
{
	switch (l4proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	}
	snprintf(buf, PROTO_SIZE, "%u", l4proto);
	return buf;
}

const char *format_filter(unsigned int filter)
{
	const char *name = natpunch_filter_name(filter);

	return name ? name : "unknown";
}

const char *format_reason(unsigned int reason)
{
	const char *name = natpunch_end_reason_name(reason);

	return name ? name : "unknown";
}

static const char *or_unknown(const char *name)
{
	return name ? name : "unknown";
}

const char *format_hold_answer(unsigned int answer)
{
	return or_unknown(natpunch_hold_answer_name(answer));
}

const char *format_hold_release(unsigned int release)
{
	return or_unknown(natpunch_hold_release_name(release));
}

const char *format_hold_state(unsigned int state)
{
	return or_unknown(natpunch_hold_state_name(state));
}

const char *format_hold_end(unsigned int end)
{
	return or_unknown(natpunch_hold_end_name(end));
}

const char *format_upstream_mapping(unsigned int mapping)
{
	return or_unknown(natpunch_upstream_mapping_name(mapping));
}

const char *format_upstream_alloc(unsigned int alloc)
{
	return or_unknown(natpunch_upstream_alloc_name(alloc));
}

const char *format_upstream_certainty(unsigned int certainty)
{
	return or_unknown(natpunch_upstream_certainty_name(certainty));
}

const char *format_advice(unsigned int advice)
{
	return or_unknown(natpunch_predict_advice_name(advice));
}
