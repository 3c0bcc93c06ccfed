// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces with a WAN come and go, each with live flows. NET is both
 * neighbours of each: its LAN's host and its upstream.
 *
 *	SPACES		how many (default 80)
 *
 * needs: timeout=900
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/chance.h"

#define FLOWS 4
#define NAME "churn"

static bool make(void)
{
	int fd;

	lab_space_add(NAME);
	lab_space_enter(NAME);
	fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY);
	if (write(fd, "1", 1) != 1)
		ktap_bail("ip_forward");
	close(fd);
	lab_enter(HOME);
	return !run_with(NET, "link add inside type veth peer name lan netns "
			 NAME "\n"
			 "link add outside type veth peer name wan netns " NAME
			 "\n"
			 "addr add 10.50.0.2/24 dev inside\n"
			 "addr add 10.60.0.1/24 dev outside\n"
			 "link set inside up\n"
			 "link set outside up\n"
			 "route add 192.0.2.200 via 10.50.0.1 dev inside\n",
			 "ip -batch -");
}

/* Every tenth has a reservation, too. */
static bool configure(bool reserve)
{
	return !run_with(HOME, "addr add 10.50.0.1/24 dev lan\n"
			 "addr add 10.60.0.2/24 dev wan\n"
			 "link set lan up\n"
			 "link set wan up\n"
			 "route add 192.0.2.128/25 via 10.60.0.1\n",
			 "ip -n " NAME " -batch - && "
			 "natpunchctl -n " NAME " wan add wan --filter eif"
			 "%s", reserve ? " && natpunchctl -n " NAME
			 " reserve add wan udp 10.50.0.2:7000" : "");
}

/* Out by "inside", back to us on "outside", whatever NET's routes say. */
static unsigned int send_flows(void)
{
	int wire = sniff_open(NET, "outside"), s;
	struct ep to = ep("192.0.2.200", 9);
	unsigned int i, translated = 0;
	struct packet p;

	for (i = 0; i < FLOWS; i++) {
		s = udp_open(NET, ep("10.50.0.2", 5000 + i));
		udp_send(s, to);
		if (sniff_find(wire, &p, is_to, &to, SILENCE_MS))
			translated += ep_eq(p.src, ep("10.60.0.2", 5000 + i));
	}
	sock_close_all();
	return translated;
}

/* The flows are still alive when their namespace goes. */
static bool take_away(void)
{
	bool gone = !run_with(NET, "link del inside\nlink del outside\n",
			      "ip -batch -");

	lab_space_del(NAME);
	return gone;
}

int main(void)
{
	unsigned int spaces = chance_count("SPACES", 80), made = 0, flows = 0;

	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(3);
	lab_start();
	while (made < spaces && make() &&
	       configure(made % 10 == 0)) {
		flows += send_flows();
		if (!take_away())
			break;
		made++;
	}
	if (!ktap_ok(made == spaces, "%u of %u namespaces came and went", made,
		     spaces))
		ktap_diag("%s", run_output());
	ktap_ok(flows == spaces * FLOWS, "%u of %u flows were translated",
		flows, spaces * FLOWS);
	/* What is left of a namespace would hold the module. */
	sleep_s(5);
	if (!ktap_ok(!run(HOME, "timeout 60 rmmod natpunch"),
		     "then the module goes"))
		ktap_diag("%s", run_output());
	run(HOME, "modprobe natpunch");
	return ktap_exit();
}
