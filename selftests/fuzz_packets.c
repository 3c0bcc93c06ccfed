// SPDX-License-Identifier: GPL-2.0
/*
 * Packets as nobody would send them, into both sides of a managed WAN: IPv4 and
 * IPv6, TCP, UDP, ICMP and its errors, SCTP and others, whole and in fragments,
 * right and broken, between few endpoints, so that they meet mappings, flows,
 * held SYNs and crafted flows.
 *
 * What is checked is that the kernel does not complain (whoever runs the test looks
 * at its log), that connections of before go on, and that packets came through.
 *
 *	FUZZ_PACKETS	how many (default 20000); `make fuzz-kernel` sends many
 *	FUZZ_SEED	which (default 1)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/chance.h"
#include "lab/flow.h"
#include "lab/gateway.h"
#include "lab/packet.h"

#define REMEMBERED	64
#define QUIET_PORT	6900	/* what no random packet is about */
#define MAX_LEN		1400

enum side { LAN, WAN, SIDES };

/* A place to put packets on a wire towards the gateway. */
struct wire {
	int sock;
	struct sockaddr_ll to;
};

static const uint16_t inside_ports[] = { 5000, 5001, 5002, 5003, 3478, 0 };
static const uint16_t outside_ports[] = { 7000, 7001, 80, 3478, 0 };
static const uint8_t protocols[] = {
	IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP,
	IPPROTO_ICMP, IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_UDPLITE,
	IPPROTO_DCCP, IPPROTO_GRE, IPPROTO_IPIP, 0, 255,
};

static struct wire wires[SIDES];
static struct packet seen_packets[SIDES][REMEMBERED];

static void hardware_address(enum node node, const char *dev, uint8_t *mac)
{
	struct ifreq ifr = { 0 };
	int sock;

	lab_enter(node);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strncpy(ifr.ifr_name, dev, IFNAMSIZ - 1);
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &ifr))
		ktap_bail("%s: %s", dev, strerror(errno));
	memcpy(mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	close(sock);
	lab_enter(HOME);
}

static void open_wire(struct wire *wire, enum node node, const char *dev,
		      const char *gateway_dev)
{
	int on = 1;

	wire->to.sll_family = AF_PACKET;
	wire->to.sll_halen = ETH_ALEN;
	hardware_address(GA, gateway_dev, wire->to.sll_addr);
	lab_enter(node);
	wire->sock = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	wire->to.sll_ifindex = if_nametoindex(dev);
	lab_enter(HOME);
	if (wire->sock < 0 || !wire->to.sll_ifindex ||
	    setsockopt(wire->sock, SOL_PACKET, PACKET_QDISC_BYPASS, &on,
		       sizeof(on)))
		ktap_bail("%s: %s", dev, strerror(errno));
}

static struct ep with_port(struct ep e, const uint16_t *ports, size_t n)
{
	unsigned int port = ports[chance(n)];

	if (!port)
		port = chance(65536);
	/* Leave the connection alone that has to go on. */
	if (port == QUIET_PORT)
		port++;
	return ep_at(e, port);
}

static struct ep inside(void)
{
	struct ep e = host(one_in(2) ? A : A2, 0);

	return with_port(e, inside_ports, ARRAY_SIZE(inside_ports));
}

static struct ep outside(void)
{
	struct ep e = one_in(4) ? wan(GB, 0) : server(1 + chance(2), 0);

	return with_port(e, outside_ports, ARRAY_SIZE(outside_ports));
}

/* The gateway, by whatever address, or who is behind it. */
static struct ep towards_inside(void)
{
	struct ep e = wan(GA, 0);

	switch (chance(16)) {
	case 0:
		e = host(GA, 0);
		break;
	case 1:
		e = inside();
		break;
	}
	return with_port(e, inside_ports, ARRAY_SIZE(inside_ports));
}

static void choose_endpoints(enum side side, struct ep *src, struct ep *dst)
{
	if (side == LAN) {
		*src = inside();
		*dst = one_in(6) ? towards_inside() : outside();
	} else {
		*src = one_in(32) ? towards_inside() : outside();
		*dst = towards_inside();
	}
}

static unsigned int some_flags(void)
{
	static const uint8_t flags[] = {
		TCP_SYN, TCP_SYN, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
		TCP_RST, TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK,
	};

	return one_in(8) ? chance(256) : chance_of(flags);
}

/* Put what is random behind the headers, as a STUN message at times. */
static void add_payload(struct packet *p, size_t max)
{
	static const uint8_t stun[] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	size_t n = chance(one_in(8) ? max : 64);
	uint8_t *at = p->data + p->len;

	if (p->len + n > MAX_LEN)
		return;
	chance_fill(at, n);
	if (one_in(2) && n >= 20) {
		memcpy(at, stun, sizeof(stun));
		at[0] = one_in(2);
		at[3] = one_in(4) ? chance(256) : n - 20;
		/* The transaction is a known one, so answers are believed. */
		memset(at + 8, 7, 12);
	}
	p->len += n;
}

static void set_lengths(struct packet *p)
{
	struct ip *ip = (struct ip *)p->data;
	struct ip6_hdr *ip6 = (struct ip6_hdr *)p->data;
	uint16_t udp_len = htons(p->len - p->l4);

	if (ip->ip_v == 4)
		ip->ip_len = htons(p->len);
	else
		ip6->ip6_plen = htons(p->len - sizeof(*ip6));
	if (p->protocol == IPPROTO_UDP)
		memcpy(p->data + p->l4 + 4, &udp_len, 2);
}

static void set_protocol(struct packet *p, unsigned int protocol)
{
	struct ip *ip = (struct ip *)p->data;
	struct ip6_hdr *ip6 = (struct ip6_hdr *)p->data;

	p->protocol = protocol;
	if (ip->ip_v == 4)
		ip->ip_p = protocol;
	else
		ip6->ip6_nxt = protocol;
}

/* An error about something that came from the other side, or might have. */
static struct packet some_error(enum side side, struct ep src)
{
	const struct packet *about =
		&seen_packets[!side][chance(REMEMBERED)];
	bool v4 = lab_family() == AF_INET;

	if (!about->len || (about->data[0] >> 4) != (v4 ? 4 : 6))
		return packet_echo(src, src, chance(3));
	return packet_icmp_error(src, about, v4 ? 3 + chance(10) : chance(6),
				 one_in(2) ? chance(16) : 3 + chance(2),
				 chance(2000));
}

static struct packet some_packet(enum side side)
{
	unsigned int protocol = chance_of(protocols);
	uint8_t options[40];
	struct packet p;
	struct ep src, dst;

	lab_use_family(one_in(2) ? AF_INET : AF_INET6);
	choose_endpoints(side, &src, &dst);
	switch (protocol) {
	case IPPROTO_TCP:
		p = packet_tcp(src, dst, some_flags(), chance_bits(),
			       chance_bits());
		chance_fill(options, sizeof(options));
		if (one_in(4))
			p = packet_tcp_options(&p, options, chance(41), "");
		break;
	case IPPROTO_ICMP:
		if (one_in(2))
			return some_error(side, src);
		p = packet_echo(src, dst, chance(3));
		break;
	case IPPROTO_UDP:
		p = packet_udp(src, dst, "");
		break;
	default:
		p = packet_udp(src, dst, "12345678");
		set_protocol(&p, protocol);
	}
	add_payload(&p, MAX_LEN);
	set_lengths(&p);
	packet_checksum(&p);
	return p;
}

/* Bits anywhere, mostly in the headers; at times the checksums stay right. */
static void spoil(struct packet *p)
{
	size_t headers = p->l4 + 20 < p->len ? p->l4 + 20 : p->len;
	unsigned int n;

	for (n = chance(4); n; n--)
		p->data[chance(one_in(4) ? p->len : headers)] ^=
			1 << chance(8);
	if (one_in(4))
		p->len = 1 + chance(p->len);
	else if (!one_in(4) && p->len >= p->l4 + 20)
		packet_checksum(p);
}

static void put(enum side side, const void *data, size_t len)
{
	struct wire *wire = &wires[side];
	uint8_t version = *(const uint8_t *)data >> 4;

	wire->to.sll_protocol = htons(version == 6 ? ETH_P_IPV6 : ETH_P_IP);
	sendto(wire->sock, data, len, 0, (void *)&wire->to, sizeof(wire->to));
}

/* A piece of an IPv4 packet; offsets overlap and lie at times. */
static void put_piece4(enum side side, const struct packet *p, size_t from,
		       size_t to, bool more)
{
	struct packet piece = *p;
	struct ip *ip = (struct ip *)piece.data;

	memmove(piece.data + p->l4, p->data + p->l4 + from, to - from);
	piece.len = p->l4 + to - from;
	ip->ip_len = htons(piece.len);
	ip->ip_id = htons(chance(8));
	ip->ip_off = htons((one_in(16) ? chance(8192) : from / 8) |
			   (more ? IP_MF : 0));
	piece.protocol = 0;	/* no checksum but the header's */
	packet_checksum(&piece);
	put(side, piece.data, piece.len);
}

static void put_piece6(enum side side, const struct packet *p, size_t from,
		       size_t to, bool more)
{
	uint8_t data[sizeof(p->data) + sizeof(struct ip6_frag)];
	struct ip6_hdr *ip6 = (struct ip6_hdr *)data;
	struct ip6_frag frag = {
		.ip6f_nxt = p->protocol,
		.ip6f_offlg = htons((one_in(16) ? chance(65536) : from) |
				    more),
		.ip6f_ident = htonl(chance(8)),
	};

	memcpy(data, p->data, p->l4);
	memcpy(data + p->l4, &frag, sizeof(frag));
	memcpy(data + p->l4 + sizeof(frag), p->data + p->l4 + from, to - from);
	ip6->ip6_nxt = IPPROTO_FRAGMENT;
	ip6->ip6_plen = htons(sizeof(frag) + to - from);
	put(side, data, p->l4 + sizeof(frag) + to - from);
}

static void put_fragmented(enum side side, const struct packet *p)
{
	size_t len = p->len - p->l4, cut = chance(len) & ~7UL;
	void (*piece)(enum side side, const struct packet *p, size_t from,
		      size_t to, bool more);

	piece = p->data[0] >> 4 == 4 ? put_piece4 : put_piece6;
	if (one_in(2)) {
		piece(side, p, cut, len, one_in(16));
		piece(side, p, 0, cut, true);
	} else {
		piece(side, p, 0, cut, true);
		if (!one_in(8))
			piece(side, p, cut, len, false);
	}
}

static void fuzz(unsigned long packets)
{
	unsigned long i;
	enum side side;
	struct packet p;

	for (i = 0; i < packets; i++) {
		side = chance(SIDES);
		p = some_packet(side);
		seen_packets[side][chance(REMEMBERED)] = p;
		if (one_in(8) && p.len > p.l4 + 8) {
			put_fragmented(side, &p);
			continue;
		}
		if (one_in(3))
			spoil(&p);
		put(side, p.data, p.len);
		/* Timers: holds end after six seconds. */
		if (i % 4096 == 4095)
			sleep_ms(chance(8) * 1000);
	}
	sleep_ms(100);
}

struct living {
	const char *name;
	struct flow flow;
};

static struct living living[] = {
	{ .name = "UDP, IPv4" }, { .name = "TCP, IPv4" },
	{ .name = "UDP, IPv6" }, { .name = "TCP, IPv6" },
};

static void begin(struct living *l, int family, int protocol)
{
	lab_use_family(family);
	l->flow = flow_open(protocol, A, QUIET_PORT, server(1, QUIET_PORT));
	if (!l->flow.answered)
		ktap_bail("%s does not even begin", l->name);
}

static void goes_on(struct living *l)
{
	struct ep before = l->flow.external, now = flow_ask(&l->flow);

	ktap_diag("%s: %s before, %s now", l->name, ep_str(before),
		  ep_str(now));
	ktap_ok(ep_eq(before, now) && l->flow.answered,
		"%s goes on", l->name);
}

/* The fuzzer has to be in the module's ways: it held, mapped and denied. */
static bool got_far(void)
{
	static const char * const counters[] = {
		"mappings_new", "flows_in", "flows_hairpin", "filtered",
		"holds_new", "holds_released", "answers_swallowed",
		"crafted_rsts",
	};
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		run(GA, "natpunchctl -j stats | jq -j .%s", counters[i]);
		ktap_diag("%s: %s", counters[i], run_output());
		ok &= strtoul(run_output(), NULL, 10) > 0;
	}
	return ok;
}

int main(void)
{
	unsigned long packets = chance_count("FUZZ_PACKETS", 20000);
	const char *missing;
	size_t i;

	lab_start();
	missing = natpunch_missing();
	if (missing)
		ktap_skip_all("%s", missing);
	ktap_plan(ARRAY_SIZE(living) + 1);
	ktap_diag("FUZZ_SEED=%lu FUZZ_PACKETS=%lu", chance_seed(), packets);
	lab_use_family(AF_INET6);	/* which adds --nat66 */
	gateway(GA, NAT_NATPUNCH, "--filter apdf --release deliver");
	natpunchctl("crafted add 10.1.0.2:5001 192.0.2.10 --lease 86400");
	natpunchctl("crafted add 203.0.113.2:1-65535 192.0.2.0/24 --lease 86400");
	begin(&living[0], AF_INET, IPPROTO_UDP);
	begin(&living[1], AF_INET, IPPROTO_TCP);
	begin(&living[2], AF_INET6, IPPROTO_UDP);
	begin(&living[3], AF_INET6, IPPROTO_TCP);
	open_wire(&wires[LAN], A, "eth0", "lan");
	open_wire(&wires[WAN], NET, "ga", "wan");

	fuzz(packets);
	ktap_ok(got_far(), "packets met mappings, holds and crafted flows");
	for (i = 0; i < ARRAY_SIZE(living); i++)
		goes_on(&living[i]);
	return ktap_exit();
}
