// SPDX-License-Identifier: GPL-2.0
/* The TUN device; see tun.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "header.h"
#include "log.h"
#include "tun.h"

#define NET		UINT32_C(0xf06e7000)	/* 240.110.112.0 */
#define NETMASK		UINT32_C(0xfffff000)
#define NET6		UINT32_C(0x6e700000)	/* 100::6e70:0, its end */
#define NET6_LEN	116
#define AT_ONCE		64	/* packets, before others have their turn */

/*
 * What is wrapped for the relay should pass IPv6's least MTU, so that nobody needs
 * to find out a smaller one; TCP is told so.
 */
#define MSS		1160

struct tun {
	int fd;
	struct event *event;
	tun_fn *fn;
	void *data;
};

static union endpoint address(uint32_t addr, uint16_t port)
{
	union endpoint ep = { .in.sin_family = AF_INET };

	ep.in.sin_addr.s_addr = htonl(addr);
	endpoint_set_port(&ep, port);
	return ep;
}

static union endpoint address6(uint32_t end, uint16_t port)
{
	union endpoint ep = { .in6.sin6_family = AF_INET6 };

	end = htonl(end);
	ep.in6.sin6_addr.s6_addr[0] = 1;
	memcpy(ep.in6.sin6_addr.s6_addr + 12, &end, sizeof(end));
	endpoint_set_port(&ep, port);
	return ep;
}

static union endpoint numbered(int family, unsigned int number, uint16_t port)
{
	return family == AF_INET6 ? address6(NET6 + number, port) :
				    address(NET + number, port);
}

union endpoint tun_self(int family)
{
	return numbered(family, 1, 0);
}

union endpoint tun_virtual(int family, unsigned int number, uint16_t port)
{
	return numbered(family, 2 + number, port);
}

bool tun_number(unsigned int *number, const union endpoint *ep)
{
	union endpoint net = numbered(ep->sa.sa_family, 0, 0);
	uint32_t end;

	if (ep->sa.sa_family == AF_INET6) {
		memcpy(&end, ep->in6.sin6_addr.s6_addr + 12, sizeof(end));
		*number = ntohl(end) - NET6 - 2;
		if (memcmp(&ep->in6.sin6_addr, &net.in6.sin6_addr, 12) != 0)
			return false;
	} else {
		*number = ntohl(ep->in.sin_addr.s_addr) - NET - 2;
	}
	return *number < TUN_NUMBERS;
}

/* --- checksums ------------------------------------------------------------- */

/* RFC 1624: @sum is the checksum's complement while it is worked on. */
static uint32_t add(uint32_t sum, const void *data, size_t len, bool remove)
{
	const uint8_t *p = data;
	uint16_t word;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		word = (uint16_t)(p[i] << 8 | p[i + 1]);
		sum += remove ? (uint16_t)~word : word;
	}
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint8_t *checksum_of(int proto, uint8_t *segment)
{
	return segment + (proto == IPPROTO_TCP ?
			  offsetof(struct tcphdr, th_sum) :
			  offsetof(struct udphdr, uh_sum));
}

/* UDP without one stays without. */
static bool has_checksum(int proto, const uint8_t *sum)
{
	return proto == IPPROTO_TCP || sum[0] || sum[1];
}

static void set_checksum(int proto, uint8_t *at, uint32_t sum)
{
	uint16_t value = (uint16_t)~fold(sum);

	if (!value && proto == IPPROTO_UDP)
		value = 0xffff;
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get_checksum(const uint8_t *at)
{
	return (uint16_t)~(at[0] << 8 | at[1]);
}

static uint32_t add_addresses(uint32_t sum, const struct tun_packet *p,
			      bool remove)
{
	if (p->src.sa.sa_family == AF_INET6) {
		sum = add(sum, &p->src.in6.sin6_addr, 16, remove);
		return add(sum, &p->dst.in6.sin6_addr, 16, remove);
	}
	sum = add(sum, &p->src.in.sin_addr, 4, remove);
	return add(sum, &p->dst.in.sin_addr, 4, remove);
}

/* --- out of the kernel ----------------------------------------------------- */

static void set_mss(uint8_t *option, uint8_t *sum)
{
	const uint8_t mss[2] = { MSS >> 8, MSS & 0xff };
	uint32_t value = get_checksum(sum);
	uint8_t old[2] = { option[2], option[3] };

	if ((old[0] << 8 | old[1]) <= MSS)
		return;
	memcpy(option + 2, mss, sizeof(mss));
	value += (uint16_t)~(old[0] << 8 | old[1]);
	value += MSS;
	set_checksum(IPPROTO_TCP, sum, value);
}

/* A SYN says how long segments may be that come to its sender. */
static void clamp_mss(uint8_t *segment, size_t len)
{
	size_t end = (size_t)(segment[12] >> 4) * 4, i;

	if (!(segment[13] & TH_SYN) || end > len)
		return;
	for (i = sizeof(struct tcphdr); i + 1 < end;) {
		if (segment[i] == TCPOPT_NOP) {
			i++;
			continue;
		}
		if (segment[i] == TCPOPT_EOL || segment[i + 1] < 2 ||
		    segment[i + 1] > end - i)
			return;
		/* At an odd place it would not be where anybody puts it. */
		if (segment[i] == TCPOPT_MAXSEG && segment[i + 1] == 4 &&
		    i % 2 == 0)
			set_mss(segment + i, checksum_of(IPPROTO_TCP,
							 segment));
		i += segment[i + 1];
	}
}

/* Of the protocol, and the length of the packet; 0: it is a fragment, or garbled. */
static size_t read_v4(struct header *h, const uint8_t *data, size_t len)
{
	struct iphdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, data, sizeof(ip));
	h->proto = ip.protocol;
	return ntohs(ip.frag_off) & 0x3fff ? 0 : ntohs(ip.tot_len);
}

static size_t read_v6(struct header *h, const uint8_t *data, size_t len)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, data, sizeof(ip));
	h->proto = ip.ip6_nxt;
	return sizeof(ip) + ntohs(ip.ip6_plen);
}

/* Fragments and what is neither TCP nor UDP are not relayed. */
static bool parse(struct tun_packet *p, uint8_t *data, size_t len)
{
	struct header h = {};
	size_t all, at;

	all = data[0] >> 4 == 6 ? read_v6(&h, data, len) :
				  read_v4(&h, data, len);
	if (!all || all > len ||
	    (h.proto != IPPROTO_TCP && h.proto != IPPROTO_UDP))
		return false;
	at = header_parse(&h, data, all);
	if (!at || all < at + (h.proto == IPPROTO_TCP ? sizeof(struct tcphdr) :
							sizeof(struct udphdr)))
		return false;
	p->proto = h.proto;
	p->segment = data + at;
	p->len = all - at;
	p->src = h.src;
	p->dst = h.dst;
	return true;
}

static void on_ready(evutil_socket_t fd, short what, void *data)
{
	static uint8_t buf[TUN_MTU + 100];
	struct tun *t = data;
	struct tun_packet p;
	uint32_t value;
	uint8_t *sum;
	ssize_t n;
	int i;

	(void)what;
	for (i = 0; i < AT_ONCE; i++) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return;
		if (!parse(&p, buf, (size_t)n))
			continue;
		if (p.proto == IPPROTO_TCP)
			clamp_mss(p.segment, p.len);
		sum = checksum_of(p.proto, p.segment);
		value = add_addresses(get_checksum(sum), &p, true);
		if (has_checksum(p.proto, sum))
			set_checksum(p.proto, sum, value);
		t->fn(t->data, &p);
	}
}

/* --- into it --------------------------------------------------------------- */

static void set_port(uint8_t *at, const union endpoint *ep)
{
	at[0] = (uint8_t)(endpoint_port(ep) >> 8);
	at[1] = (uint8_t)endpoint_port(ep);
}

static void set_ports(struct tun_packet *p)
{
	uint8_t *sum = checksum_of(p->proto, p->segment);
	uint32_t value = get_checksum(sum);
	bool has = has_checksum(p->proto, sum);

	value = add(value, p->segment, 4, true);
	set_port(p->segment, &p->src);
	set_port(p->segment + 2, &p->dst);
	value = add(value, p->segment, 4, false);
	value = add_addresses(value, p, false);
	if (has)
		set_checksum(p->proto, sum, value);
}

/* With IPv6 there has to be one (RFC 8200 8.1). */
static void make_checksum(const struct header *h, struct tun_packet *p)
{
	uint8_t *sum = checksum_of(p->proto, p->segment);
	uint16_t value;

	if (h->src.sa.sa_family == AF_INET || has_checksum(p->proto, sum))
		return;
	value = header_checksum(h, p->segment, p->len);
	memcpy(sum, &value, sizeof(value));
}

void tun_put(struct tun *t, struct tun_packet *p)
{
	const struct header h = {
		.proto = p->proto, .src = p->src, .dst = p->dst,
	};
	uint8_t ip[HEADER_SIZE];
	struct iovec part[2] = {
		{ .iov_base = ip },
		{ .iov_base = p->segment, .iov_len = p->len },
	};
	size_t least = p->proto == IPPROTO_TCP ? sizeof(struct tcphdr) :
						 sizeof(struct udphdr);

	if (p->len < least || p->len > TUN_MTU - sizeof(ip))
		return;
	set_ports(p);
	make_checksum(&h, p);
	part[0].iov_len = header_make(&h, ip, p->len);
	/* The kernel takes it or drops it. */
	if (writev(t->fd, part, 2) < 0)
		return;
}

/* --- the device ------------------------------------------------------------ */

static int add_address6(const char *name)
{
	struct {
		struct in6_addr addr;
		uint32_t prefix_len;
		int dev;
	} request = {
		.addr = tun_self(AF_INET6).in6.sin6_addr,
		.prefix_len = NET6_LEN,
		.dev = (int)if_nametoindex(name),
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCSIFADDR, &request))
		err = -errno;
	close(fd);
	return err;
}

static int configure(const char *name)
{
	struct ifreq ifr = { .ifr_mtu = TUN_MTU };
	union endpoint self = tun_self(AF_INET);
	union endpoint mask = address(NETMASK, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	int err6;

	if (fd < 0)
		return -errno;
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, SIOCSIFMTU, &ifr))
		err = -errno;
	memcpy(&ifr.ifr_addr, &self.in, sizeof(self.in));
	if (!err && ioctl(fd, SIOCSIFADDR, &ifr))
		err = -errno;
	memcpy(&ifr.ifr_netmask, &mask.in, sizeof(mask.in));
	if (!err && ioctl(fd, SIOCSIFNETMASK, &ifr))
		err = -errno;
	ifr.ifr_flags = IFF_UP | IFF_POINTOPOINT | IFF_NOARP;
	if (!err && ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	err6 = err ? 0 : add_address6(name);
	if (err6)
		log_debug("%s: no IPv6: %s", name, strerror(-err6));
	return err;
}

int tun_open(struct tun **tun, struct event_base *base, tun_fn *fn, void *data)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct tun *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (!t)
		return err;
	t->fn = fn;
	t->data = data;
	strcpy(ifr.ifr_name, TUN_NAME);
	t->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0 || ioctl(t->fd, TUNSETIFF, &ifr)) {
		err = -errno;
		goto fail;
	}
	err = configure(ifr.ifr_name);
	if (err)
		goto fail;
	err = -ENOMEM;
	t->event = event_new(base, t->fd, EV_READ | EV_PERSIST, on_ready, t);
	if (!t->event || event_add(t->event, NULL))
		goto fail;
	*tun = t;
	return 0;
fail:
	tun_close(t);
	return err;
}

void tun_close(struct tun *t)
{
	if (!t)
		return;
	if (t->event)
		event_free(t->event);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}
