// SPDX-License-Identifier: GPL-2.0
/* The distance to the outermost NAT; see hops.h. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hops.h"

struct hops {
	int fd;
	int family;
	struct event *event, *timer;
	uint16_t id;
	bool answered[HOPS_MAX + 1], private[HOPS_MAX + 1];
	hops_fn *fn;
	void *data;
};

static bool is_private(const union endpoint *ep)
{
	uint32_t a = ntohl(ep->in.sin_addr.s_addr);

	if (ep->sa.sa_family == AF_INET6)		/* fc00::/7 */
		return (ep->in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
	return a >> 24 == 10 ||				/* 10.0.0.0/8 */
	       a >> 20 == 0xac1 ||			/* 172.16.0.0/12 */
	       a >> 16 == 0xc0a8 ||			/* 192.168.0.0/16 */
	       a >> 22 == 0x64400000 >> 22;		/* 100.64.0.0/10 */
}

/* @type: of an echo request; both kinds of ICMP have its number where TTLs are. */
static unsigned int number_of(const struct hops *h, const uint8_t *data,
			      size_t len, uint8_t type)
{
	struct icmphdr echo;

	if (len < sizeof(echo))
		return 0;
	memcpy(&echo, data, sizeof(echo));
	if (echo.type != type || echo.un.echo.id != h->id ||
	    ntohs(echo.un.echo.sequence) > HOPS_MAX)
		return 0;
	return ntohs(echo.un.echo.sequence);
}

static unsigned int quoted_v6(const struct hops *h, const uint8_t *data,
			      size_t len)
{
	const size_t at = sizeof(struct icmp6_hdr) + sizeof(struct ip6_hdr);
	struct ip6_hdr ip;

	if (len < at || data[0] != ICMP6_TIME_EXCEEDED)
		return 0;
	memcpy(&ip, data + sizeof(struct icmp6_hdr), sizeof(ip));
	if (ip.ip6_nxt != IPPROTO_ICMPV6)
		return 0;
	return number_of(h, data + at, len - at, ICMP6_ECHO_REQUEST);
}

/* Which of our echo requests a router quotes, at which it died, or 0. */
static unsigned int quoted(const struct hops *h, const uint8_t *data,
			   size_t len)
{
	struct icmphdr icmp;
	struct iphdr ip;
	size_t at;

	if (len < sizeof(ip))
		return 0;
	at = (data[0] & 0xf) * 4;
	if (len < at + sizeof(icmp) + sizeof(ip))
		return 0;
	memcpy(&icmp, data + at, sizeof(icmp));
	at += sizeof(icmp);
	memcpy(&ip, data + at, sizeof(ip));
	at += ip.ihl * 4;
	if (icmp.type != ICMP_TIME_EXCEEDED || ip.protocol != IPPROTO_ICMP ||
	    len < at)
		return 0;
	return number_of(h, data + at, len - at, ICMP_ECHO);
}

/* All answered up to the first that is public: the rest does not matter. */
static bool is_complete(const struct hops *h)
{
	unsigned int i;

	for (i = 1; i <= HOPS_MAX && h->answered[i]; i++)
		if (!h->private[i])
			return true;
	return false;
}

static void on_icmp(evutil_socket_t fd, short what, void *data)
{
	union endpoint from = {};
	socklen_t from_len = sizeof(from);
	struct hops *h = data;
	uint8_t packet[256];
	unsigned int n;
	ssize_t len;

	(void)what;
	len = recvfrom(fd, packet, sizeof(packet), 0, &from.sa, &from_len);
	if (len <= 0)
		return;
	n = h->family == AF_INET6 ? quoted_v6(h, packet, (size_t)len) :
				    quoted(h, packet, (size_t)len);
	h->answered[n] = true;
	h->private[n] = is_private(&from);
	if (is_complete(h))
		event_active(h->timer, EV_TIMEOUT, 0);
}

static void on_time(evutil_socket_t fd, short what, void *data)
{
	struct hops *h = data;
	unsigned int hops = 0, i;

	(void)fd;
	(void)what;
	for (i = 1; i <= HOPS_MAX; i++)
		if (h->private[i])
			hops = i;
	h->fn(h->data, hops);
}

static int set_ttl(const struct hops *h, int ttl)
{
	if (h->family == AF_INET6)
		return setsockopt(h->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl,
				  sizeof(ttl));
	return setsockopt(h->fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
}

static int send_echo(const struct hops *h, const union endpoint *to, int ttl)
{
	struct icmphdr icmp = {
		.type = h->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.un.echo = { .id = h->id, .sequence = htons(ttl) },
	};
	union endpoint host = *to;
	const uint16_t *p = (const void *)&icmp;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < sizeof(icmp) / 2; i++)
		sum += p[i];
	icmp.checksum = ~((sum & 0xffff) + (sum >> 16));	/* v6: the kernel's */
	endpoint_set_port(&host, 0);
	if (set_ttl(h, ttl) ||
	    sendto(h->fd, &icmp, sizeof(icmp), 0, &host.sa,
		   endpoint_len(&host)) < 0)
		return -errno;
	return 0;
}

struct hops *hops_measure(struct gateway *gw, const union endpoint *towards,
			  hops_fn *fn, void *data)
{
	const struct timeval wait = { .tv_usec = HOPS_MS * 1000 };
	struct hops *h = calloc(1, sizeof(*h));
	int ttl, err = 0;

	if (!h)
		return NULL;
	h->fn = fn;
	h->data = data;
	h->id = (uint16_t)randombytes_random();
	h->family = towards->sa.sa_family;
	h->fd = socket(h->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       h->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (h->fd < 0) {
		err = -errno;
		goto fail;
	}
	h->event = event_new(gw->daemon->base, h->fd, EV_READ | EV_PERSIST,
			     on_icmp, h);
	h->timer = evtimer_new(gw->daemon->base, on_time, h);
	if (!h->event || !h->timer || event_add(h->event, NULL) ||
	    evtimer_add(h->timer, &wait)) {
		err = -ENOMEM;
		goto fail;
	}
	for (ttl = 1; ttl <= HOPS_MAX && !err; ttl++)
		err = send_echo(h, towards, ttl);
	if (!err)
		return h;
fail:
	hops_free(h);
	errno = -err;
	return NULL;
}

void hops_free(struct hops *h)
{
	if (!h)
		return;
	if (h->event)
		event_free(h->event);
	if (h->timer)
		event_free(h->timer);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}
