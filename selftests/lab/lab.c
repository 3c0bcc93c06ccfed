// SPDX-License-Identifier: GPL-2.0
/*
 * The lab's topology. Owns the namespaces, named in a mount namespace of our
 * own, so the kernel takes everything down when the process ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

#define NETNS_DIR "/run/netns"

static const struct {
	const char *name, *v4, *v6, *wan4, *wan6;
} nodes[NODES] = {
	[A]  = { "A",  "10.1.0.2", "fd00:1::2", NULL, NULL },
	[A2] = { "A2", "10.1.0.3", "fd00:1::3", NULL, NULL },
	[GA] = { "GA", "10.1.0.1", "fd00:1::1", "203.0.113.2", "2001:db8:a::2" },
	[NET] = { "NET", NULL, NULL, NULL, NULL },
	[GB] = { "GB", "10.2.0.1", "fd00:2::1", "198.51.100.2", "2001:db8:b::2" },
	[B]  = { "B",  "10.2.0.2", "fd00:2::2", NULL, NULL },
	[B2] = { "B2", "10.2.0.3", "fd00:2::3", NULL, NULL },
	[SERVER] = { "SERVER", NULL, NULL, NULL, NULL },
};

static int ns_fd[NODES + 1];		/* [HOME] is where we came from */
static int family = AF_INET;
static bool has_delay;
static unsigned int delay_ms;

const char *node_name(enum node node)
{
	return nodes[node].name;
}

int lab_family(void)
{
	return family;
}

void lab_use_family(int f)
{
	family = f;
}

struct ep host(enum node node, unsigned int port)
{
	return ep(family == AF_INET ? nodes[node].v4 : nodes[node].v6, port);
}

struct ep wan(enum node gateway, unsigned int port)
{
	return ep(family == AF_INET ? nodes[gateway].wan4 : nodes[gateway].wan6,
		  port);
}

struct ep server(int which, unsigned int port)
{
	static const char * const v4[] = { "192.0.2.10", "192.0.2.11" };
	static const char * const v6[] = { "2001:db8:5::10", "2001:db8:5::11" };

	return ep((family == AF_INET ? v4 : v6)[which - 1], port);
}

unsigned long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000UL + t.tv_nsec / 1000000;
}

void sleep_ms(unsigned long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void sleep_s(unsigned long s)
{
	sleep_ms(s * 1000);
}

void lab_enter(enum node node)
{
	if (setns(ns_fd[node], CLONE_NEWNET))
		ktap_bail("setns: %s", strerror(errno));
}

void sysctl_set(enum node node, const char *path, const char *value)
{
	char file[256];
	int fd;

	snprintf(file, sizeof(file), "/proc/sys/%s", path);
	lab_enter(node);
	fd = open(file, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		ktap_bail("%s: %s", file, strerror(errno));
	close(fd);
	lab_enter(HOME);
}

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		ktap_bail("the lab needs root: %s", strerror(errno));
	mkdir(NETNS_DIR, 0755);
	if (mount("lab", NETNS_DIR, "tmpfs", 0, NULL))
		ktap_bail("tmpfs on " NETNS_DIR ": %s", strerror(errno));
}

static void space_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, NETNS_DIR "/%s", name);
}

void lab_space_add(const char *name)
{
	char path[64];
	int fd;

	space_path(path, sizeof(path), name);
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	if (fd < 0 || close(fd) || unshare(CLONE_NEWNET) ||
	    mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL))
		ktap_bail("namespace %s: %s", path, strerror(errno));
	lab_enter(HOME);
}

static int space_open(const char *name)
{
	char path[64];
	int fd;

	space_path(path, sizeof(path), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ktap_bail("namespace %s: %s", path, strerror(errno));
	return fd;
}

void lab_space_enter(const char *name)
{
	int fd = space_open(name);

	if (setns(fd, CLONE_NEWNET))
		ktap_bail("setns: %s", strerror(errno));
	close(fd);
}

void lab_space_del(const char *name)
{
	char path[64];

	space_path(path, sizeof(path), name);
	if (umount2(path, MNT_DETACH) || unlink(path))
		ktap_bail("namespace %s: %s", path, strerror(errno));
}

static void make_namespace(enum node node)
{
	lab_space_add(nodes[node].name);
	ns_fd[node] = space_open(nodes[node].name);
}

static void set_sysctls(enum node node)
{
	static const char * const everywhere[][2] = {
		/* Addresses are usable at once, links and labs are quiet. */
		{ "net/ipv6/conf/all/accept_dad", "0" },
		{ "net/ipv6/conf/default/accept_dad", "0" },
		{ "net/ipv6/conf/default/accept_ra", "0" },
		{ "net/ipv4/ping_group_range", "0 2147483647" },
		/* Each error is part of a test: none may be held back. */
		{ "net/ipv4/icmp_ratelimit", "0" },
		{ "net/ipv6/icmp/ratelimit", "0" },
	};
	static const char * const routers[][2] = {
		{ "net/ipv4/ip_forward", "1" },
		{ "net/ipv6/conf/all/forwarding", "1" },
		{ "net/ipv4/conf/all/send_redirects", "0" },
		{ "net/ipv4/conf/default/send_redirects", "0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(everywhere); i++)
		sysctl_set(node, everywhere[i][0], everywhere[i][1]);
	if (node != GA && node != GB && node != NET)
		return;
	for (i = 0; i < ARRAY_SIZE(routers); i++)
		sysctl_set(node, routers[i][0], routers[i][1]);
}

/* The wires of one home: a bridge "lan" with a port to each host. */
static void wire_home(enum node gw, enum node first, enum node second, int n)
{
	char batch[1024];

	snprintf(batch, sizeof(batch),
		 "link add lan type bridge\n"
		 "link add p1 type veth peer name eth0 netns %s\n"
		 "link add p2 type veth peer name eth0 netns %s\n"
		 "link set p1 up master lan\n"
		 "link set p2 up master lan\n"
		 "addr add 10.%d.0.1/24 dev lan\n"
		 "addr add fd00:%d::1/64 dev lan nodad\n"
		 "link set lo up\n"
		 "link set lan up\n", nodes[first].name, nodes[second].name, n,
		 n);
	if (run_with(gw, batch, "ip -batch -"))
		ktap_bail("home %d: %s", n, run_output());
	/* An earlier test may have loaded br_netfilter, which is on then. */
	run(gw, "sysctl -q net.bridge.bridge-nf-call-iptables=0 "
	    "net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null");
}

static void wire_host(enum node node, enum node gw)
{
	char batch[512];

	snprintf(batch, sizeof(batch),
		 "addr add %s/24 dev eth0\n"
		 "addr add %s/64 dev eth0 nodad\n"
		 "link set lo up\n"
		 "link set eth0 up\n"
		 "route add default via %s\n"
		 "route add default via %s\n", nodes[node].v4,
		 nodes[node].v6, nodes[gw].v4, nodes[gw].v6);
	if (run_with(node, batch, "ip -batch -"))
		ktap_bail("%s: %s", nodes[node].name, run_output());
}

static void wire_gateway(enum node gw, const char *next4, const char *next6)
{
	char batch[512];

	snprintf(batch, sizeof(batch),
		 "addr add %s/24 dev wan\n"
		 "addr add %s/64 dev wan nodad\n"
		 "link set wan up\n"
		 "route add default via %s\n"
		 "route add default via %s\n", nodes[gw].wan4,
		 nodes[gw].wan6, next4, next6);
	if (run_with(gw, batch, "ip -batch -"))
		ktap_bail("%s: %s", nodes[gw].name, run_output());
}

void lab_wan_wire(enum node gw)
{
	const char *dev = gw == GA ? "ga" : "gb";
	const char *next4 = gw == GA ? "203.0.113.1" : "198.51.100.1";
	const char *next6 = gw == GA ? "2001:db8:a::1" : "2001:db8:b::1";
	char batch[512];

	snprintf(batch, sizeof(batch),
		 "link add %s type veth peer name wan netns %s\n"
		 "addr add %s/24 dev %s\n"
		 "addr add %s/64 dev %s nodad\n"
		 "link set %s up\n", dev, node_name(gw), next4, dev, next6,
		 dev, dev);
	if (run_with(NET, batch, "ip -batch -"))
		ktap_bail("%s: %s", dev, run_output());
	wire_gateway(gw, next4, next6);
	if (gw == GA)
		must(GA, "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan");
}

static void wire_internet(void)
{
	static const char batch[] =
		"link add srv type veth peer name eth0 netns SERVER\n"
		"addr add 192.0.2.1/24 dev srv\n"
		"addr add 2001:db8:5::1/64 dev srv nodad\n"
		"link set lo up\n"
		"link set srv up\n"
		/* A place where packets vanish, for whoever needs silence. */
		"route add blackhole 192.0.2.128/25\n"
		"route add blackhole 2001:db8:5:dead::/64\n";
	static const char server_batch[] =
		"addr add 192.0.2.10/24 dev eth0\n"
		"addr add 192.0.2.11/24 dev eth0\n"
		"addr add 2001:db8:5::10/64 dev eth0 nodad\n"
		"addr add 2001:db8:5::11/64 dev eth0 nodad\n"
		"link set lo up\n"
		"link set eth0 up\n"
		"route add default via 192.0.2.1\n"
		"route add default via 2001:db8:5::1\n";

	if (run_with(NET, batch, "ip -batch -") ||
	    run_with(SERVER, server_batch, "ip -batch -"))
		ktap_bail("internet: %s", run_output());
	lab_wan_wire(GA);
	lab_wan_wire(GB);
}

/* Without offload the sender writes real checksums and the receiver looks. */
void lab_tx_checksum(enum node node, const char *dev, bool offload)
{
	struct ethtool_value value = {
		.cmd = ETHTOOL_STXCSUM, .data = offload
	};
	struct ifreq ifr = { .ifr_data = (char *)&value };
	int fd;

	lab_enter(node);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strncpy(ifr.ifr_name, dev, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		ktap_bail("%s: tx checksumming: %s", dev, strerror(errno));
	close(fd);
	lab_enter(HOME);
}

bool lab_finds_mistakes(void)
{
	return getenv("NATPUNCH_DEBUG");
}

bool lab_has_delay(void)
{
	return has_delay;
}

void lab_delay(unsigned int ms)
{
	char batch[512] = "";
	static const char * const devs[] = { "ga", "gb", "srv" };
	size_t i, n = 0;

	delay_ms = ms;
	for (i = 0; i < ARRAY_SIZE(devs); i++)
		n += sprintf(batch + n, "qdisc replace dev %s root netem "
			     "delay %ums limit 200000\n", devs[i], ms);
	has_delay = !run_with(NET, batch, "tc -batch -");
	if (!has_delay)
		ktap_diag("no netem here, so no delay: %s", run_output());
}

void lab_delay_again(void)
{
	if (has_delay)
		lab_delay(delay_ms);
}

void lab_delay_errors(unsigned int ms)
{
	char batch[512];

	snprintf(batch, sizeof(batch),
		 "qdisc replace dev ga root handle 1: prio "
		 "priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
		 "qdisc replace dev ga parent 1:1 netem delay %ums limit 200000\n"
		 "qdisc replace dev ga parent 1:2 netem delay %ums limit 200000\n",
		 delay_ms, ms);
	if (run_with(NET, batch, "tc -batch -"))
		ktap_bail("delay errors: %s", run_output());
	nft(NET, "table inet errors\n"
	    "delete table inet errors\n"
	    "table inet errors {\n"
	    "	chain out {\n"
	    "		type filter hook postrouting priority filter;\n"
	    "		icmp type time-exceeded meta priority set 1:2\n"
	    "		icmpv6 type time-exceeded meta priority set 1:2\n"
	    "	}\n"
	    "}\n");
}

void lab_start(void)
{
	static const enum node leaves[] = { A, A2, B, B2, SERVER };
	enum node n;
	size_t i;

	ns_fd[HOME] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	own_mounts();
	for (n = 0; n < NODES; n++) {
		make_namespace(n);
		set_sysctls(n);
	}
	wire_home(GA, A, A2, 1);
	wire_home(GB, B, B2, 2);
	wire_host(A, GA);
	wire_host(A2, GA);
	wire_host(B, GB);
	wire_host(B2, GB);
	wire_internet();
	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		lab_tx_checksum(leaves[i], "eth0", false);
	lab_delay(20);
}
