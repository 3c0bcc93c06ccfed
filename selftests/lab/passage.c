// SPDX-License-Identifier: GPL-2.0
/* A passage. There is one at a time. */
#include <fcntl.h>
#include <unistd.h>

#include "lab.h"
#include "passage.h"

#define NAME "passage"

static void forward(void)
{
	int fd;

	lab_space_enter(NAME);
	fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY);
	if (write(fd, "1", 1) != 1)
		ktap_bail("ip_forward");
	close(fd);
	lab_enter(HOME);
}

static bool connect_net(void)
{
	return !run_with(NET, "link add inside type veth peer name lan netns "
			 NAME "\n"
			 "link add outside type veth peer name wan netns " NAME
			 "\n"
			 "addr add " PASSAGE_HOST "/24 dev inside\n"
			 "addr add 10.60.0.1/24 dev outside\n"
			 "link set inside up\n"
			 "link set outside up\n"
			 "route add " PASSAGE_FAR " via 10.50.0.1 dev inside\n",
			 "ip -batch -");
}

static bool configure(bool reserve)
{
	return !run_with(HOME, "addr add 10.50.0.1/24 dev lan\n"
			 "addr add " PASSAGE_WAN "/24 dev wan\n"
			 "link set lan up\n"
			 "link set wan up\n"
			 "route add 192.0.2.128/25 via 10.60.0.1\n",
			 "ip -n " NAME " -batch - && "
			 "natpunchctl -n " NAME " wan add wan --filter eif"
			 "%s", reserve ? " && natpunchctl -n " NAME
			 " reserve add wan udp " PASSAGE_HOST ":7000" : "");
}

bool passage_make(bool reserve)
{
	lab_space_add(NAME);
	forward();
	return connect_net() && configure(reserve);
}

bool passage_end(bool devices_first)
{
	bool gone = true;

	if (devices_first)
		gone = !run_with(NET, "link del inside\nlink del outside\n",
				 "ip -batch -");
	lab_space_del(NAME);
	/* With the namespace end its devices, and so their peers, some time. */
	if (!devices_first)
		gone = !run(NET, "timeout 60 sh -c 'while ip link show inside "
			    "|| ip link show outside; do sleep 0.05; done "
			    ">/dev/null 2>&1'");
	return gone;
}
