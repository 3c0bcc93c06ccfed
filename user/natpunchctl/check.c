// SPDX-License-Identifier: GPL-2.0
/* natpunchctl check: options, servers, and the order in which things are asked. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define DEFAULT_PORT	"3478"
#define LIFETIME_MIN	10
#define LIFETIME_USUAL	360

static const struct opt options[] = {
	{ "server", "HOST[:PORT]",
	  "a STUN server (port 3478); several may be given", OPT_SERVER },
	{ "proto", "udp|tcp", "only that (both)", OPT_PROTO },
	{ "ipv4", NULL, "only IPv4 (both)", '4' },
	{ "ipv6", NULL, "only IPv6", '6' },
	{ "interface", "DEV", "leave by that device", OPT_INTERFACE },
	{ "bind", "ADDR", "from that address of this machine", OPT_BIND },
	{ "local-port", "PORT", "from that port, the first socket of each kind",
	  OPT_LOCAL_PORT },
	{ "lifetime", "[=TIME]",
	  "measure a UDP mapping's lifetime, up to TIME (6m)",
	  OPT_LIFETIME },
	{ .name = NULL }
};

static const char notes[] =
"Needs neither the module nor any privilege. A server with two addresses\n"
"(RFC 5780 or RFC 3489) tells all; of two that have one each, filtering remains\n"
"unknown.\n"
"\n"
"Example: natpunchctl check --server stun.example.net\n";

/* --- the command line ---------------------------------------------------- */

static void wrong_server(const char *s)
{
	usage("--server: '%s' is not a server: as stun.example.net, 192.0.2.1:3478 or [2001:db8::1]:3478",
	      s);
}

static void take_port(struct server *server, const char *s, const char *port)
{
	char *end;
	unsigned long n;

	n = strtoul(port, &end, 10);
	if (*port < '0' || *port > '9' || *end || !n || n > 65535)
		usage("--server: '%s' has no port 1 to 65535 behind its colon",
		      s);
	snprintf(server->port, sizeof(server->port), "%lu", n);
}

/* "HOST", "HOST:PORT", "[V6]", "[V6]:PORT", "V6" */
static void parse_server(struct check *c, const char *s)
{
	struct server *server = &c->server[c->n_servers];
	const char *colon = strrchr(s, ':');
	char *end;

	if (c->n_servers == CHECK_SERVERS)
		usage("--server: more than %d of them", CHECK_SERVERS);
	if (!*s || strlen(s) >= sizeof(server->host))
		wrong_server(s);
	server->text = s;
	snprintf(server->port, sizeof(server->port), "%s", DEFAULT_PORT);
	if (s[0] == '[') {
		snprintf(server->host, sizeof(server->host), "%s", s + 1);
		end = strchr(server->host, ']');
		if (!end || (end[1] && end[1] != ':'))
			wrong_server(s);
		if (end[1])
			take_port(server, s, strchr(s, ']') + 2);
		*end = '\0';
	} else {
		snprintf(server->host, sizeof(server->host), "%s", s);
		if (colon && strchr(s, ':') == colon) {
			take_port(server, s, colon + 1);
			server->host[colon - s] = '\0';
		}
	}
	if (!server->host[0])
		wrong_server(s);
	c->n_servers++;
}

static void parse_bind(struct check *c, const char *s)
{
	struct natpunch_addr addr;

	parse_addr("--bind", s, &addr);
	c->bind.ss_family = addr.family;
	if (addr.family == AF_INET)
		((struct sockaddr_in *)&c->bind)->sin_addr = addr.in;
	else
		((struct sockaddr_in6 *)&c->bind)->sin6_addr = addr.in6;
}

static void parse_local_port(struct check *c, const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || !n || n > 65535)
		usage("--local-port: '%s' is not a port: 1 to 65535", s);
	c->local_port = (uint16_t)n;
}

static void parse_lifetime(struct check *c, const char *s)
{
	c->lifetime = s ? parse_seconds("--lifetime", s) : LIFETIME_USUAL;
	if (c->lifetime < LIFETIME_MIN || c->lifetime > 86400)
		usage("--lifetime: 10s to 1d, not '%s'", s);
}

static int parse_protocol(const char *s)
{
	static const char * const words[] = { "udp", "tcp", NULL };

	return find_word("protocol", s, words) ? IPPROTO_TCP : IPPROTO_UDP;
}

static void take_option(struct check *c, int key)
{
	int family = key == '4' ? AF_INET : AF_INET6;

	switch (key) {
	case OPT_SERVER:
		parse_server(c, optarg);
		break;
	case OPT_PROTO:
		c->protocol = parse_protocol(optarg);
		break;
	case '4':
	case '6':
		if (c->family && c->family != family)
			usage("-4 and -6 exclude each other: leave both out for both");
		c->family = family;
		break;
	case OPT_INTERFACE:
		c->device = optarg;
		break;
	case OPT_BIND:
		parse_bind(c, optarg);
		break;
	case OPT_LOCAL_PORT:
		parse_local_port(c, optarg);
		break;
	case OPT_LIFETIME:
		parse_lifetime(c, optarg);
		break;
	}
}

static void parse(struct check *c, int argc, char **argv)
{
	char dev[NATPUNCH_DEV_SIZE];
	int key;

	while ((key = next_option(c->ctl, argc, argv)) >= 0)
		take_option(c, key);
	no_more_arguments(c->ctl, argc, argv);
	if (!c->n_servers)
		usage("no server to ask: give one, --server HOST[:PORT]");
	if (c->device)
		parse_dev(dev, c->device);
	if (c->bind.ss_family && c->family && c->bind.ss_family != c->family)
		usage("--bind and -%c: the address is of the other family",
		      c->family == AF_INET ? '4' : '6');
	if (c->bind.ss_family)
		c->family = c->bind.ss_family;
}

/* --- surroundings -------------------------------------------------------- */

/* All that follows happens in there, names are resolved there as well. */
static void enter_netns(const struct ctl *ctl)
{
	char path[512];
	int fd;

	if (!ctl->netns)
		return;
	snprintf(path, sizeof(path), "%s%s",
		 strchr(ctl->netns, '/') ? "" : "/run/netns/", ctl->netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		fail("there is no network namespace '%s': 'ip netns' lists them",
		     ctl->netns);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (setns(fd, CLONE_NEWNET))
		fail(errno == EINVAL ? "'%s' is not a network namespace" :
				       "may not enter network namespace '%s'; it needs CAP_SYS_ADMIN: try it as root",
		     ctl->netns);
	close(fd);
}

static bool resolve(struct server *server)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list, *a;
	unsigned int i;
	int err;

	err = getaddrinfo(server->host, server->port, &hints, &list);
	if (err) {
		warn("--server %s: %s", server->text,
		     err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
		return false;
	}
	for (a = list; a; a = a->ai_next) {
		i = a->ai_family == AF_INET6;
		if ((a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
		    !server->addr[i].ss_family)
			memcpy(&server->addr[i], a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(list);
	return true;
}

static void resolve_all(struct check *c)
{
	unsigned int i, known = 0;

	for (i = 0; i < c->n_servers; i++)
		known += resolve(&c->server[i]);
	if (!known)
		exit(output_status(1));
}

static bool has_address(const struct check *c, int family)
{
	unsigned int i;

	for (i = 0; i < c->n_servers; i++)
		if (c->server[i].addr[family == AF_INET6].ss_family)
			return true;
	return false;
}

/* --- the reports --------------------------------------------------------- */

static struct report *new_report(struct check *c, int family, int protocol)
{
	struct report *r = &c->report[c->n_reports++];

	r->family = family;
	r->protocol = protocol;
	return r;
}

static void no_socket(struct report *r, int error)
{
	r->reach = error == ENETUNREACH || error == EAFNOSUPPORT ?
			   REACH_NO_ROUTE : REACH_REFUSED;
	snprintf(r->reach_why, sizeof(r->reach_why), "%s", strerror(error));
}

static void report_udp(struct check *c, struct report *r)
{
	struct stun_socket s;
	int error;

	if (!check_udp(c, r, &s, c->local_port, &error)) {
		no_socket(r, error);
		return;
	}
	check_progress(c, "UDP: mapping ...");
	check_mapping_udp(c, r, &s);
	if (r->reach == REACH_OK) {
		check_progress(c, "UDP: hops ...");
		check_hops(c, r);
		check_gateway(c, r);
		check_progress(c, "UDP: filtering ...");
		check_filtering(c, r, &s);
		check_progress(c, "UDP: hairpinning ...");
		check_hairpin_udp(c, r);
		check_progress(c, "UDP: NATs ...");
		check_nats(c, r);
		check_predict(r);
		if (c->lifetime)
			check_lifetime(c, r);
	}
	check_close(c, &s);
}

static void report_family(struct check *c, int family)
{
	struct report *udp = NULL, *tcp;

	if (c->protocol != IPPROTO_TCP) {
		udp = new_report(c, family, IPPROTO_UDP);
		report_udp(c, udp);
	}
	if (c->protocol != IPPROTO_UDP) {
		tcp = new_report(c, family, IPPROTO_TCP);
		check_progress(c, "TCP ...");
		check_tcp_report(c, tcp, udp);
		check_predict(tcp);
	}
}

/* Where both families are asked, one that this machine lacks is no news. */
static void drop_missing(struct check *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->n_reports; i++)
		if (c->report[i].reach != REACH_NO_ROUTE)
			c->report[n++] = c->report[i];
	if (n)
		c->n_reports = n;
}

static int status(const struct check *c)
{
	unsigned int i;

	for (i = 0; i < c->n_reports; i++)
		if (c->report[i].reach == REACH_OK)
			return 0;
	return 1;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static struct check c;
	size_t i;

	c.ctl = ctl;
	parse(&c, argc, argv);
	enter_netns(ctl);
	if (c.device && !if_nametoindex(c.device))
		fail("--interface: there is no device '%s'", c.device);
	resolve_all(&c);
	for (i = 0; i < ARRAY_SIZE(families); i++)
		if ((!c.family || c.family == families[i]) &&
		    has_address(&c, families[i]))
			report_family(&c, families[i]);
	if (!c.n_reports)
		fail("no server has an IPv%c address",
		     c.family == AF_INET ? '4' : '6');
	if (!c.family)
		drop_missing(&c);
	check_progress(&c, "%s", "");
	if (ctl->json)
		json_print(ctl, check_json(&c));
	else
		check_print(&c);
	return status(&c);
}

const struct verb check_run = {
	.name = "check",
	.args = "--server HOST[:PORT] [OPTION]...",
	.summary = "ask STUN servers what NATs stand in front of this machine",
	.notes = notes,
	.options = options,
	.run = run,
};
