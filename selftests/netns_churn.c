// SPDX-License-Identifier: GPL-2.0
/*
 * 200 network namespaces with a WAN come and go, each with live flows and a
 * reservation. NET is both neighbours of each: its LAN's host and its upstream.
 * needs: timeout=900
 */
#include <string.h>

#include "lab/behave.h"

#define SPACES 200
#define FLOWS 8

static bool make(int i)
{
	return !run(NET, "ip netns add churn%d && "
		    "ip link add inside type veth peer name lan netns churn%d && "
		    "ip link add outside type veth peer name wan netns churn%d && "
		    "ip addr add 10.50.0.2/24 dev inside && "
		    "ip addr add 10.60.0.1/24 dev outside && "
		    "ip link set inside up && ip link set outside up", i, i, i);
}

static bool configure(int i)
{
	return !run(HOME, "printf '%%s\\n' 'addr add 10.50.0.1/24 dev lan' "
		    "'addr add 10.60.0.2/24 dev wan' 'link set lan up' "
		    "'link set wan up' "
		    "'route add 192.0.2.128/25 via 10.60.0.1' "
		    "| ip -n churn%d -batch - && "
		    "ip netns exec churn%d sysctl -qw net.ipv4.ip_forward=1 && "
		    "natpunchctl -n churn%d wan add wan --filter eif && "
		    "natpunchctl -n churn%d reserve add wan udp 10.50.0.2:7000",
		    i, i, i, i);
}

/* Out by "inside", back to us on "outside", whatever NET's routes say. */
static unsigned int send_flows(void)
{
	int wire = sniff_open(NET, "outside"), s;
	struct ep to = ep("192.0.2.200", 9);
	unsigned int i, seen_flows = 0;
	struct packet p;

	for (i = 0; i < FLOWS; i++) {
		s = udp_open(NET, ep("10.50.0.2", 5000 + i));
		setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "inside", 6);
		udp_send(s, to);
		if (sniff_find(wire, &p, is_to, &to, SILENCE_MS))
			seen_flows += ep_eq(p.src, ep("10.60.0.2", 5000 + i));
	}
	return seen_flows;
}

int main(void)
{
	unsigned int made = 0, flows = 0;
	int i;

	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(3);
	lab_start();
	for (i = 0; i < SPACES; i++) {
		if (!make(i) || !configure(i)) {
			ktap_diag("%d: %s", i, run_output());
			break;
		}
		made++;
		run(NET, "ip route add 192.0.2.200 via 10.50.0.1 dev inside");
		flows += send_flows();
		sock_close_all();
		must(NET, "ip link del inside; ip link del outside;"
		     "ip netns del churn%d", i);
	}
	ktap_ok(made == SPACES, "%u of %d namespaces came and went", made,
		SPACES);
	ktap_ok(flows == SPACES * FLOWS, "%u of %d flows were translated",
		flows, SPACES * FLOWS);
	/* What is left of a namespace would hold the module. */
	sleep_s(5);
	ktap_ok(!run(HOME, "timeout 60 rmmod natpunch"), "nothing is left: %s",
		*run_output() ? run_output() : "the module goes");
	run(HOME, "modprobe natpunch");
	return ktap_exit();
}
