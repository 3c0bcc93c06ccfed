// SPDX-License-Identifier: GPL-2.0
/* Words of the command line to values. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

bool parse_on_off(const char *what, const char *s)
{
	static const char * const words[] = { "off", "on", NULL };

	return find_word(what, s, words);
}

/* Digits only, at most max. Returns what follows them, NULL: no such number. */
static const char *get_number(const char *s, unsigned long max,
			      unsigned long *n)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return NULL;
	errno = 0;
	*n = strtoul(s, &end, 10);
	return errno || *n > max ? NULL : end;
}

/* "300", "5m", "2h4m". What is beyond any limit is left to the kernel. */
uint32_t parse_seconds(const char *what, const char *s)
{
	static const char units[] = "smhd";
	static const uint32_t factor[] = { 1, 60, 3600, 86400 };
	const char *p = s, *unit = NULL;
	uint64_t sum = 0;
	unsigned long n;

	do {
		p = get_number(p, 100000000, &n);
		if (p)
			unit = *p ? strchr(units, *p) : units;
		if (!p || !unit)
			usage("%s: '%s' is not a time: seconds, or as 30s, 5m, 2h4m, 1d",
			      what, s);
		sum += (uint64_t)n * factor[unit - units];
		if (*p)
			p++;
	} while (*p);
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* A WAN has no default to follow. */
uint32_t parse_count(const char *what, const char *s, uint32_t min,
		     uint32_t max)
{
	const char *end;
	unsigned long n;

	end = get_number(s, max, &n);
	if (!end || *end || n < min)
		usage("%s: '%s' is not a number from %u to %u", what, s, min,
		      max);
	return (uint32_t)n;
}

uint8_t parse_filter(const char *s, bool is_wan)
{
	static const char * const all[] = {
		"default", "eif", "adf", "apdf", NULL
	};
	const char * const *words = is_wan ? all + 1 : all;

	return (uint8_t)natpunch_filter_value(words[find_word("filter", s,
							      words)]);
}

/* A word, or a number, which the kernel judges. */
uint8_t parse_proto(const char *s, bool with_icmp)
{
	static const char * const words[] = {
		"icmp", "icmpv6", "tcp", "udp", "sctp", NULL
	};
	static const uint8_t protos[] = {
		IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP,
		IPPROTO_SCTP
	};
	int from = with_icmp ? 0 : 2;
	const char *end;
	unsigned long n;

	end = get_number(s, 255, &n);
	if (end && !*end)
		return (uint8_t)n;
	return protos[from + find_word("protocol", s, words + from)];
}

void parse_dev(char dev[NATPUNCH_DEV_SIZE], const char *s)
{
	size_t len = strlen(s);

	if (!len || len >= NATPUNCH_DEV_SIZE)
		usage("'%s' is not a device name: 1 to %d characters", s,
		      NATPUNCH_DEV_SIZE - 1);
	memcpy(dev, s, len + 1);
}

static bool get_addr(const char *s, struct natpunch_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, s, &addr->in) == 1)
		addr->family = AF_INET;
	else if (inet_pton(AF_INET6, s, &addr->in6) == 1)
		addr->family = AF_INET6;
	return addr->family;
}

void parse_addr(const char *what, const char *s, struct natpunch_addr *addr)
{
	if (!get_addr(s, addr))
		usage("%s: '%s' is not an IPv4 or IPv6 address", what, s);
}

static bool get_port(const char *s, uint16_t *port)
{
	unsigned long n;
	const char *end = get_number(s, 65535, &n);

	if (!end || *end)
		return false;
	*port = (uint16_t)n;
	return true;
}

void parse_ports(const char *s, uint16_t *min, uint16_t *max)
{
	char word[16];
	char *dash;

	snprintf(word, sizeof(word), "%s", s);
	dash = strchr(word, '-');
	if (dash)
		*dash = '\0';
	if (strlen(s) >= sizeof(word) || !dash || !get_port(word, min) ||
	    !get_port(dash + 1, max))
		usage("--ports: '%s' is not a port range: MIN-MAX, as 1024-65535",
		      s);
	if (!*min || *min > *max)
		usage("--ports: '%s' is an empty range: MIN-MAX, 1 to 65535, the lower first",
		      s);
}

/* Clear the bits behind the prefix. True: all were. */
static bool clear_rest(struct natpunch_prefix *p)
{
	uint8_t *byte = (uint8_t *)&p->addr.in6;
	size_t size = p->addr.family == AF_INET ? 4 : 16;
	bool clear = true;
	uint8_t rest;
	size_t i;

	for (i = p->len / 8; i < size; i++) {
		rest = i == p->len / 8 ? (uint8_t)(0xff >> (p->len % 8)) : 0xff;
		if (byte[i] & rest)
			clear = false;
		byte[i] &= (uint8_t)~rest;
	}
	return clear;
}

/* "10.0.0.0/8"; a mere address is a host. */
void parse_prefix(const char *what, const char *s,
		  struct natpunch_prefix *prefix)
{
	char word[ADDR_SIZE + 4], net[ADDR_SIZE];
	unsigned long len, max;
	const char *end;
	char *slash;

	snprintf(word, sizeof(word), "%s", s);
	slash = strchr(word, '/');
	if (slash)
		*slash = '\0';
	if (strlen(s) >= sizeof(word) || !get_addr(word, &prefix->addr))
		usage("%s: '%s' is not a prefix: as 10.0.0.0/8 or fd00::/8",
		      what, s);
	max = prefix->addr.family == AF_INET ? 32 : 128;
	len = max;
	if (slash) {
		end = get_number(slash + 1, max, &len);
		if (!end || *end)
			usage("%s: '%s' is not a prefix: its length is 0 to %lu",
			      what, s, max);
	}
	prefix->len = (uint8_t)len;
	if (!clear_rest(prefix))
		usage("%s: '%s' has bits behind the prefix, did you mean %s/%lu?",
		      what, s, format_addr(net, &prefix->addr), len);
}

/* Split "ADDR", "PORT", "ADDR:PORT", "[ADDR]", "[ADDR]:PORT", ":PORT". */
static bool split_endpoint(char *word, char **addr, char **port)
{
	struct natpunch_addr any;
	char *end;

	*addr = NULL;
	*port = NULL;
	if (word[0] == '[') {
		end = strchr(word, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*end = '\0';
		*addr = word + 1;
		*port = end[1] ? end + 2 : NULL;
		return strchr(*addr, ':');
	}
	if (get_addr(word, &any)) {
		*addr = word;
		return true;
	}
	end = strrchr(word, ':');
	if (end) {
		*end = '\0';
		*addr = end == word ? NULL : word;
		*port = end + 1;
		return !*addr || !strchr(*addr, ':');
	}
	*port = word;
	return true;
}

/* addr->family AF_UNSPEC or port -1: not given, and not needed. */
void parse_endpoint(const char *what, const char *s, unsigned int need,
		    struct natpunch_addr *addr, int *port)
{
	char word[ENDPOINT_SIZE + 8];
	char *a, *p;
	uint16_t n = 0;

	memset(addr, 0, sizeof(*addr));
	*port = -1;
	snprintf(word, sizeof(word), "%s", s);
	if (strlen(s) >= sizeof(word) || !split_endpoint(word, &a, &p) ||
	    (a && !get_addr(a, addr)) || (p && !get_port(p, &n)))
		usage("%s: '%s' is not an endpoint: as 10.0.0.2:80 or [fd00::2]:80",
		      what, s);
	if (need & NEED_ADDR && !a)
		usage("%s: '%s' lacks the address: as 10.0.0.2:80", what, s);
	if (need & NEED_PORT && !p)
		usage("%s: '%s' lacks the port: as 10.0.0.2:80 or [fd00::2]:80",
		      what, s);
	if (p)
		*port = n;
}

void parse_local(const char *what, const char *s, struct natpunch_addr *addr,
		 uint16_t *min, uint16_t *max)
{
	char word[ENDPOINT_SIZE + 16];
	char *dash;
	int port;

	snprintf(word, sizeof(word), "%s", s);
	dash = strrchr(word, '-');
	if (dash)
		*dash++ = '\0';
	if (strlen(s) >= sizeof(word) || (dash && !get_port(dash, max)))
		usage("%s: '%s' is not an endpoint: as 10.0.0.2:80 or 10.0.0.2:80-90",
		      what, s);
	parse_endpoint(what, word, NEED_ADDR | (dash ? NEED_PORT : 0), addr,
		       &port);
	*min = port < 0 ? 0 : (uint16_t)port;
	if (!dash)
		*max = *min;
	if (port >= 0 && !*min)
		usage("%s: there is no port 0: leave the port out for any",
		      what);
	if (*min > *max)
		usage("%s: '%s' has an empty port range: the lower port first",
		      what, s);
}

/* What follows "any" or a prefix: nothing, or ":80". */
static bool get_port_suffix(const char *s, uint16_t *port)
{
	*port = 0;
	return !*s || (*s == ':' && get_port(s + 1, port) && *port);
}

void parse_remote(const char *what, const char *s, uint16_t family,
		  struct natpunch_prefix *prefix, uint16_t *port)
{
	char word[ENDPOINT_SIZE + 16], suffix[16] = "";
	char *slash, *rest, *end;
	int n;

	memset(prefix, 0, sizeof(*prefix));
	snprintf(word, sizeof(word), "%s", s);
	slash = strchr(word, '/');
	if (!strncmp(word, "any", 3) && get_port_suffix(word + 3, port)) {
		prefix->addr.family = family;
		return;
	}
	if (!slash) {
		parse_endpoint(what, s, NEED_ADDR, &prefix->addr, &n);
		if (!n)
			usage("%s: there is no port 0: leave the port out for any",
			      what);
		prefix->len = prefix->addr.family == AF_INET ? 32 : 128;
		*port = n < 0 ? 0 : (uint16_t)n;
		return;
	}
	rest = strchr(slash, ':');
	if (rest) {
		snprintf(suffix, sizeof(suffix), "%s", rest);
		*rest = '\0';
	}
	end = strchr(word, ']');
	if (end)
		memmove(end, end + 1, strlen(end));
	if (strlen(s) >= sizeof(word) || (word[0] == '[') != !!end ||
	    !get_port_suffix(suffix, port))
		usage("%s: '%s' is not a prefix and port: as 10.0.0.0/8:80 or [fd00::]/8:80",
		      what, s);
	parse_prefix(what, word + (word[0] == '['), prefix);
}
