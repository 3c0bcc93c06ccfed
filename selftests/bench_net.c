// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's networks; see bench.h. Nothing in them speaks unless spoken
 * to: neighbours are permanent, IPv6 neither looks for duplicates nor for
 * routers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <natpunch.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const char *const names[NATS][PLACES] = {
	{ "h0", "g0", "s0" }, { "h1", "g1", "s1" }, { "h2", "g2", "s2" },
};

static int namespaces[NATS][PLACES];
static struct mnl_socket *conntrack[NATS];
static struct natpunch *natpunch;

static const char *const address[][2] = {
	[HOST_EP] = { "10.1.0.2", "fd00:1::2" },
	[SERVER_EP] = { "203.0.113.1", "2001:db8:a::1" },
	[GATEWAY_EP] = { "203.0.113.2", "2001:db8:a::2" },
	[NEAR_EP] = { "10.2.0.1", "fd00:2::1" },
	[FAR_EP] = { "198.18.0.1", "2001:db8:f::1" },
	[AWAY_EP] = { "198.19.0.1", "2001:db8:e::1" },
};

/* "$1" to "$3" are host, gateway and server. */
static const char build[] =
	"set -e; h=$1 g=$2 s=$3\n"
	"ip -batch - <<END\n"
	"netns add $h\n"
	"netns add $g\n"
	"netns add $s\n"
	"END\n"
	"for n in $h $g $s; do\n"
	"  ip netns exec $n sysctl -qw net.ipv6.conf.default.accept_dad=0"
	"    net.ipv6.conf.default.router_solicitations=0"
	"    net.ipv6.conf.default.accept_ra=0\n"
	"done\n"
	"ip -n $g -batch - <<END\n"
	"link add lan address 02:00:00:00:00:01 type veth"
	"  peer name eth0 address 02:00:00:00:00:02 netns $h\n"
	"link add wan address 02:00:00:00:00:03 type veth"
	"  peer name eth0 address 02:00:00:00:00:04 netns $s\n"
	"END\n"
	"ip -n $h -batch - <<END\n"
	"link set lo up\n"
	"addr add 10.1.0.2/24 dev eth0\n"
	"addr add fd00:1::2/64 dev eth0 nodad\n"
	"link set eth0 up\n"
	"neigh add 10.1.0.1 lladdr 02:00:00:00:00:01 dev eth0\n"
	"neigh add fd00:1::1 lladdr 02:00:00:00:00:01 dev eth0\n"
	"route add default via 10.1.0.1\n"
	"route add default via fd00:1::1\n"
	"route add blackhole 10.2.0.0/16\n"
	"route add blackhole fd00:2::/64\n"
	"END\n"
	"ip -n $s -batch - <<END\n"
	"link set lo up\n"
	"addr add 203.0.113.1/24 dev eth0\n"
	"addr add 2001:db8:a::1/64 dev eth0 nodad\n"
	"link set eth0 up\n"
	"neigh add 203.0.113.2 lladdr 02:00:00:00:00:03 dev eth0\n"
	"neigh add 2001:db8:a::2 lladdr 02:00:00:00:00:03 dev eth0\n"
	"route add 10.1.0.0/24 via 203.0.113.2\n"
	"route add fd00:1::/64 via 2001:db8:a::2\n"
	"route add blackhole 198.18.0.0/16\n"
	"route add blackhole 2001:db8:f::/48\n"
	"route add local 198.19.0.0/16 dev lo\n"
	"route add local 2001:db8:e::/48 dev lo\n"
	"END\n"
	"ip -n $g -batch - <<END\n"
	"link set lo up\n"
	"addr add 10.1.0.1/24 dev lan\n"
	"addr add fd00:1::1/64 dev lan nodad\n"
	"addr add 203.0.113.2/24 dev wan\n"
	"addr add 2001:db8:a::2/64 dev wan nodad\n"
	"link set lan up\n"
	"link set wan up\n"
	"neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev lan\n"
	"neigh add fd00:1::2 lladdr 02:00:00:00:00:02 dev lan\n"
	"neigh add 203.0.113.1 lladdr 02:00:00:00:00:04 dev wan\n"
	"neigh add 2001:db8:a::1 lladdr 02:00:00:00:00:04 dev wan\n"
	"route add 10.2.0.0/16 via 10.1.0.2\n"
	"route add fd00:2::/64 via fd00:1::2\n"
	"route add 198.18.0.0/15 via 203.0.113.1\n"
	"route add 2001:db8:e::/47 via 2001:db8:a::1\n"
	"END\n"
	/* Early demultiplexing helps only while a socket is alone in its hash
	 * slot, so chance would decide.
	 */
	"for n in $h $s; do\n"
	"  ip netns exec $n sysctl -qw net.ipv4.ip_early_demux=0\n"
	"done\n"
	/* Flows are there to stay for as long as it takes. */
	"ip netns exec $g sysctl -qw net.ipv4.ip_forward=1"
	"  net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0"
	"  net.ipv4.conf.lan.send_redirects=0"
	"  net.netfilter.nf_conntrack_udp_timeout=600\n"
	/* The router answers nobody who has no business with it. */
	"ip netns exec $g nft -f - <<'END'\n"
	"table inet filter { chain input {\n"
	"  type filter hook input priority filter; policy drop;\n"
	"  th dport 9 accept\n"
	"}; }\n"
	"END\n";

/* nf_conntrack's table is one for all, and big enough for all. */
static const char prepare[] =
	"modprobe -a natpunch nf_conntrack_netlink &&"
	" sysctl -qw net.netfilter.nf_conntrack_buckets=262144"
	"  net.netfilter.nf_conntrack_max=1000000";

static const char masquerade[] =
	"nft -f - <<'END'\n"
	"table ip nat { chain post {\n"
	"  type nat hook postrouting priority srcnat;\n"
	"  oifname wan masquerade\n"
	"}; }\n"
	"table ip6 nat { chain post {\n"
	"  type nat hook postrouting priority srcnat;\n"
	"  oifname wan masquerade\n"
	"}; }\n"
	"END\n";

static void enter(enum nat nat, enum place place)
{
	if (setns(namespaces[nat][place], CLONE_NEWNET))
		ktap_bail("setns: %s", strerror(errno));
}

static void shell(const char *command)
{
	if (system(command))
		ktap_bail("failed: %s", command);
}

void net_run(enum nat nat, const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	enter(nat, AT_GATEWAY);
	shell(command);
}

int net_socket(enum nat nat, enum place place, int domain, int type,
	       int protocol)
{
	int fd;

	enter(nat, place);
	fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		ktap_bail("socket: %s", strerror(errno));
	return fd;
}

struct ep net_ep(int family, enum endpoint which, unsigned int port)
{
	return ep(address[which][family == AF_INET6], port);
}

struct ep net_nth(struct ep e, unsigned int n)
{
	uint32_t *last = e.sa.sa_family == AF_INET ?
			 &e.in.sin_addr.s_addr :
			 &e.in6.sin6_addr.s6_addr32[3];

	*last = htonl(ntohl(*last) + n);
	return e;
}

unsigned int net_scatter(unsigned int i)
{
	/* The factor and the number of ports have no divisor in common. */
	return 1024 + i * 25717ULL % 64512;
}

static void start_one(enum nat nat)
{
	char command[sizeof(build) + 64], path[64];
	int place;

	snprintf(command, sizeof(command), "set -- %s %s %s; %s",
		 names[nat][AT_HOST], names[nat][AT_GATEWAY],
		 names[nat][AT_SERVER], build);
	shell(command);
	for (place = 0; place < PLACES; place++) {
		snprintf(path, sizeof(path), "/run/netns/%s",
			 names[nat][place]);
		namespaces[nat][place] = open(path, O_RDONLY | O_CLOEXEC);
		if (namespaces[nat][place] < 0)
			ktap_bail("%s: %s", path, strerror(errno));
	}
}

static void open_conntrack(enum nat nat)
{
	enter(nat, AT_GATEWAY);
	conntrack[nat] = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!conntrack[nat] ||
	    mnl_socket_bind(conntrack[nat], 0, MNL_SOCKET_AUTOPID))
		ktap_bail("conntrack: %s", strerror(errno));
}

void net_start(void)
{
	int nat, err;

	shell(prepare);
	for (nat = 0; nat < NATS; nat++)
		start_one(nat);
	for (nat = 0; nat < NATS; nat++)
		open_conntrack(nat);
	net_run(MASQUERADE, masquerade);
	net_run(NATPUNCH, "natpunchctl wan add wan --nat66");
	err = natpunch_open_netns(&natpunch, names[NATPUNCH][AT_GATEWAY]);
	if (err)
		ktap_bail("natpunch: %s", natpunch_strerror(NULL, err));
	sleep(5);	/* IPv6 does talk a little at first. */
}

unsigned long net_arrived(enum nat nat, enum place place)
{
	char text[4096], *device;
	ssize_t len;
	int fd;

	enter(nat, place);
	fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	device = strstr(text, "eth0:");
	if (!device)
		ktap_bail("%s has no eth0", names[nat][place]);
	strtoul(device + strlen("eth0:"), &device, 10);	/* bytes */
	return strtoul(device, NULL, 10);
}

static void forget_conntrack(enum nat nat)
{
	char buf[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (mnl_socket_sendto(conntrack[nat], nlh, nlh->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(conntrack[nat], buf, sizeof(buf)) < 0)
		ktap_bail("conntrack: %s", strerror(errno));
}

static void flush(const struct natpunch_mapping *what)
{
	int err = natpunch_mapping_flush(natpunch, what, NULL);

	if (err)
		ktap_bail("flush: %s", natpunch_strerror(natpunch, err));
}

void net_forget(enum nat nat)
{
	if (nat == NATPUNCH)
		flush(NULL);
	if (nat != NO_NAT)
		forget_conntrack(nat);
	usleep(20000);	/* RCU frees what has gone. */
}

void net_forget_all(void)
{
	int nat;

	for (nat = 0; nat < NATS; nat++)
		net_forget(nat);
}

void net_enter_gateway(enum nat nat)
{
	enter(nat, AT_GATEWAY);
}

unsigned int net_mappings(void)
{
	struct natpunch_wan wan;
	int err = natpunch_wan_get(natpunch, "wan", &wan);

	if (err)
		ktap_bail("wan: %s", natpunch_strerror(natpunch, err));
	return wan.mappings;
}

void net_set_hold(bool on, bool deliver)
{
	struct natpunch_wan wan = {
		.fields = NATPUNCH_HAS(WAN_DEV) |
			  NATPUNCH_HAS(WAN_HOLD_ANSWER) |
			  NATPUNCH_HAS(WAN_HOLD_RELEASE),
		.dev = "wan",
		/* So that the end of what is held is not to be heard. */
		.hold_answer = on ? NATPUNCH_HOLD_ANSWER_SILENCE :
				    NATPUNCH_HOLD_ANSWER_OFF,
		.hold_release = deliver ? NATPUNCH_HOLD_RELEASE_DELIVER :
					  NATPUNCH_HOLD_RELEASE_DROP,
	};
	int err = natpunch_wan_set(natpunch, &wan);

	if (err)
		ktap_bail("hold: %s", natpunch_strerror(natpunch, err));
}

/* With a server that is never spoken to. */
static void crafted_add(const char *local, unsigned int port, uint32_t *id)
{
	struct natpunch_crafted flow = {
		.fields = NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |
			  NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LEASE),
		.local_addr.family = AF_INET,
		.remote_addr.family = AF_INET,
		.local_port_min = port,
		.lease = 3600,
	};
	int err;

	inet_pton(AF_INET, local, &flow.local_addr.in);
	inet_pton(AF_INET, "192.0.2.1", &flow.remote_addr.in);
	err = natpunch_crafted_add(natpunch, &flow, &flow);
	if (err)
		ktap_bail("crafted: %s", natpunch_strerror(natpunch, err));
	*id = flow.id;
}

void net_set_crafted(unsigned int n, enum endpoint whose)
{
	static uint32_t ids[1024];
	static unsigned int have;

	while (have < n) {
		crafted_add(address[whose][0], 10000 + have, &ids[have]);
		have++;
	}
	if (have == n)
		return;
	while (have > n)
		natpunch_crafted_del(natpunch, ids[--have]);
	if (!n)
		sleep(3);	/* The hooks are taken out at leisure. */
}

void net_forget_internal(struct ep internal)
{
	struct natpunch_mapping what = {
		.fields = NATPUNCH_HAS(MAPPING_INT_ADDR),
		.int_addr.family = internal.sa.sa_family,
	};

	memcpy(&what.int_addr.in6, ep_addr(&internal),
	       internal.sa.sa_family == AF_INET ? 4 : 16);
	flush(&what);
	usleep(20000);
}
