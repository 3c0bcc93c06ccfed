// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever the WAN is, the hold works on it: a VLAN, a bridge, a bridge whose
 * packets netfilter sees twice, a device that leaves checksums to others. GA has
 * a second way to the server by such a device.
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "lab/behave.h"

#define PORT 5000
#define PEER 4000
#define HELD_MS 6000UL

/* How to make the device up0 of GA, and up0 of the server behind it. */
struct input {
	const char *name;
	const char *router, *server;
	bool offload;		/* checksums are computed late */
};

enum { OFFLOAD, VLAN, BRIDGE, BRIDGE_NF, VLAN_BRIDGE };

static const struct input inputs[] = {
	[OFFLOAD] = { "veth",
		"ip link set x0 name up0", "ip link set x1 name up0", true },
	[VLAN] = { "VLAN",
		"ip link set x0 up;"
		"ip link add up0 link x0 type vlan id 7",
		"ip link set x1 up;"
		"ip link add up0 link x1 type vlan id 7", true },
	[BRIDGE] = { "bridge",
		"ip link add up0 type bridge;"
		"ip link set x0 master up0 up", "ip link set x1 name up0",
		false },
	[BRIDGE_NF] = { "bridge",
		"modprobe br_netfilter;"
		"sysctl -q net.bridge.bridge-nf-call-iptables=1;"
		"sysctl -q net.bridge.bridge-nf-call-ip6tables=1;"
		"ip link add up0 type bridge nf_call_iptables 1 nf_call_ip6tables 1;"
		"ip link set x0 master up0 up", "ip link set x1 name up0",
		true },
	[VLAN_BRIDGE] = { "VLAN",
		"ip link add br0 type bridge vlan_filtering 1;"
		"ip link set x0 master br0 up;"
		"bridge vlan add dev x0 vid 7;"
		"bridge vlan add dev br0 vid 7 self;"
		"ip link set br0 up;"
		"ip link add up0 link br0 type vlan id 7",
		"ip link set x1 up;"
		"ip link add up0 link x1 type vlan id 7", false },
};

static struct ep up_addr(enum node node, unsigned int port)
{
	if (lab_family() == AF_INET)
		return ep(node == GA ? "198.18.0.1" : "198.18.0.2", port);
	return ep(node == GA ? "2001:db8:f::1" : "2001:db8:f::2", port);
}

static void make_link(const struct input *in)
{
	static const char up[] =
		"ip addr add 198.18.0.%d/24 dev up0;"
		"ip addr add 2001:db8:f::%d/64 dev up0 nodad;"
		"ip link set up0 up";

	must(GA, "ip link add x0 type veth peer name x1 netns SERVER");
	lab_tx_checksum(SERVER, "x1", in->offload);
	/* Or all is over before the released SYN has a chance to be first. */
	must(SERVER, "tc qdisc add dev x1 root netem delay 20ms");
	must(GA, "%s", in->router);
	must(SERVER, "%s", in->server);
	must(GA, up, 1, 1);
	must(SERVER, up, 2, 2);
	/* A sees what GA has computed, not what was left out. */
	lab_tx_checksum(GA, "p1", false);
}

static void remove_link(void)
{
	lab_tx_checksum(GA, "p1", true);
	must(GA, "ip link del up0; ip link del x0 2>/dev/null; "
	     "ip link del br0 2>/dev/null; "
	     "sysctl -q net.bridge.bridge-nf-call-iptables=0 "
	     "net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null; true");
}

static void manage(const char *options)
{
	run(GA, "natpunchctl wan del up0");
	must(GA, "natpunchctl wan add up0 --filter apdf %s %s",
	     lab_family() == AF_INET6 ? "--nat66" : "", options);
	sock_close_all();
	sleep_ms(100);
}

/* A real socket is refused, after the time that a hold takes. */
static struct seen refused_late(const char *options)
{
	unsigned long start = now_ms(), took;
	int sock, error;

	manage(options);
	sock = stream_open(IPPROTO_TCP, SERVER, up_addr(SERVER, PEER));
	start = now_ms();
	error = stream_connect(sock, up_addr(GA, 7777));
	if (!error)
		error = stream_connected(sock, 20000);
	took = now_ms() - start;
	return seen(error == ECONNREFUSED && took >= HELD_MS &&
		    took < HELD_MS + 2000, "%s: %s after %lu ms", options,
		    strerror(error), took);
}

static bool is_syn_inwards(const struct packet *p, const void *from)
{
	return !p->outgoing && is_from(p, from) && p->tcp_flags == TCP_SYN;
}

static unsigned int syns_at(int sniffer, bool *whole)
{
	struct ep peer = up_addr(SERVER, PEER);
	unsigned int n = 0;
	struct packet p;

	*whole = true;
	while (sniff_find(sniffer, &p, is_syn_inwards, &peer, 500)) {
		*whole &= p.checksum_ok;
		n++;
	}
	return n;
}

static struct seen released(const char *options, unsigned int copies)
{
	int sniffer, peer, a, error;
	unsigned int n;
	struct ep ext;
	bool whole;

	manage(options);
	ext = external(IPPROTO_TCP, A, PORT, up_addr(SERVER, 80));
	sniffer = sniff_open(A, "eth0");
	peer = stream_open(IPPROTO_TCP, SERVER, up_addr(SERVER, PEER));
	a = stream_open(IPPROTO_TCP, A, host(A, PORT));
	error = stream_connect(peer, ext);
	sleep_ms(500);
	if (!error)
		error = stream_connect(a, up_addr(SERVER, PEER));
	if (!error)
		error = stream_connected(a, COMES_MS);
	if (!error)
		error = stream_connected(peer, COMES_MS);
	if (error)
		return seen(false, "%s: %s", options, strerror(error));
	n = syns_at(sniffer, &whole);
	return seen(n == copies && whole && stream_deliver(a, peer) &&
		    stream_deliver(peer, a), "%s: %u copies, checksum %s",
		    options, n, whole ? "right" : "wrong");
}

static struct seen hold_works(const struct row *row)
{
	struct seen s;

	make_link(&inputs[row->arg]);
	s = refused_late("--hold icmp");
	if (s.ok)
		s = refused_late("--hold rst");
	if (s.ok)
		s = released("--release drop", 0);
	if (s.ok)
		s = released("--release deliver", 1);
	must(GA, "natpunchctl wan del up0");
	remove_link();
	return s;
}

static const struct row rows[] = {
	{ .name = "a device that leaves checksums to others",
	  .measure = hold_works, .arg = OFFLOAD, .families = BOTH },
	{ .name = "a VLAN", .measure = hold_works, .arg = VLAN,
	  .families = BOTH },
	{ .name = "a bridge", .measure = hold_works, .arg = BRIDGE,
	  .families = BOTH },
	{ .name = "a bridge whose packets netfilter sees",
	  .measure = hold_works, .arg = BRIDGE_NF, .families = BOTH },
	{ .name = "a VLAN of a bridge", .measure = hold_works,
	  .arg = VLAN_BRIDGE, .families = BOTH },
};

ROWS_MAIN(rows)
