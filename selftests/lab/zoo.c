// SPDX-License-Identifier: GPL-2.0
/* natzoo in front of a gateway. Owns the processes. */
#include <stdio.h>
#include <string.h>

#include "zoo.h"

static struct job zoos[NODES];	/* by gateway; pid 0: none */

static char home_digit(enum node gw)
{
	return gw == GA ? '1' : '2';
}

static char home_letter(enum node gw)
{
	return gw == GA ? 'a' : 'b';
}

struct ep zoo_router(enum node gw, unsigned int number)
{
	char text[64];

	if (lab_family() == AF_INET)
		sprintf(text, "100.%u.%c.1", 64 + number, home_digit(gw));
	else
		sprintf(text, "2001:db8:%c::f%u", home_letter(gw), number);
	return ep(text, 0);
}

struct ep zoo_inside(enum node gw, unsigned int port)
{
	if (lab_family() == AF_INET6)
		return wan(gw, port);
	return ep(gw == GA ? "100.64.1.2" : "100.64.2.2", port);
}

struct ep zoo_wan(enum node gw, unsigned int port)
{
	if (lab_family() == AF_INET6)
		return ep(gw == GA ? "2001:db8:a::10" : "2001:db8:b::10", port);
	return ep(gw == GA ? "203.0.113.16" : "198.51.100.16", port);
}

/* The arguments of one NAT: its router's addresses, its kind, its outside. */
static int describe(char *text, size_t size, enum node gw, unsigned int number,
		    const char *kind, bool last)
{
	char outside[32];

	if (last)
		sprintf(outside, "%s", gw == GA ? "203.0.113.16"
						: "198.51.100.16");
	else
		sprintf(outside, "100.%u.%c.16", 65 + number, home_digit(gw));
	return snprintf(text, size,
			" --router 100.%u.%c.1 --router 2001:db8:%c::f%u"
			" '%s,external=%s,external6=2001:db8:%c::10'",
			64 + number, home_digit(gw), home_letter(gw), number,
			kind, outside, home_letter(gw));
}

static void configure(enum node gw)
{
	const char *net4 = gw == GA ? "203.0.113.1" : "198.51.100.1";
	const char *dev = gw == GA ? "ga" : "gb";
	char digit = home_digit(gw), letter = home_letter(gw);
	char batch[512];

	snprintf(batch, sizeof(batch),
		 "addr add 100.64.%c.2/24 dev wan\n"
		 "addr add 2001:db8:%c::2/64 dev wan nodad\n"
		 "link set wan txqueuelen 10000 up\n"
		 "route add default via 100.64.%c.1\n"
		 "route add default via 2001:db8:%c::1\n",
		 digit, letter, digit, letter);
	if (run_with(gw, batch, "ip -batch -"))
		ktap_bail("%s behind natzoo: %s", node_name(gw), run_output());
	snprintf(batch, sizeof(batch),
		 "addr add %s/24 dev %s\n"
		 "addr add 2001:db8:%c::1/64 dev %s nodad\n"
		 "link set %s txqueuelen 10000 up\n",
		 net4, dev, letter, dev, dev);
	if (run_with(NET, batch, "ip -batch -"))
		ktap_bail("NET before natzoo: %s", run_output());
	lab_delay_again();
}

/* What is there goes away, the devices with it. */
static void clear(enum node gw)
{
	if (zoos[gw].pid)
		job_stop(&zoos[gw]);
	else
		must(NET, "ip link del %s", gw == GA ? "ga" : "gb");
	zoos[gw].pid = 0;
}

void zoo_start_row(enum node gw, const char *const *kinds)
{
	char text[4096];
	unsigned int i;
	int n;

	/* Not every kernel has it built in. */
	run(HOME, "modprobe -q tun");
	clear(gw);
	n = snprintf(text, sizeof(text),
		     "exec natzoo --inside %s/wan --outside NET/%s",
		     node_name(gw), gw == GA ? "ga" : "gb");
	for (i = 0; kinds[i]; i++) {
		n += describe(text + n, sizeof(text) - n, gw, i, kinds[i],
			      !kinds[i + 1]);
		if (n >= (int)sizeof(text))
			ktap_bail("too many NATs in a row");
	}
	zoos[gw] = job_start(HOME, "%s", text);
	if (!job_wait_for(&zoos[gw], "ready", 5000))
		ktap_bail("%s: %s", text, job_output(&zoos[gw]));
	configure(gw);
}

void zoo_stop(enum node gw)
{
	if (!zoos[gw].pid)
		return;
	clear(gw);
	lab_wan_wire(gw);
	lab_delay_again();
}
