// SPDX-License-Identifier: GPL-2.0
/* The distance to the outermost NAT; see hops.h. */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hops.h"

struct hops {
	int fd;
	struct event *event, *timer;
	uint16_t id;
	bool answered[HOPS_MAX + 1], private[HOPS_MAX + 1];
	hops_fn *fn;
	void *data;
};

static bool is_private(uint32_t addr)
{
	uint32_t a = ntohl(addr);

	return a >> 24 == 10 ||				/* 10.0.0.0/8 */
	       a >> 20 == 0xac1 ||			/* 172.16.0.0/12 */
	       a >> 16 == 0xc0a8 ||			/* 192.168.0.0/16 */
	       a >> 22 == 0x64400000 >> 22;		/* 100.64.0.0/10 */
}

/* Which of our echo requests a router quotes, at which it died, or 0. */
static unsigned int quoted(const struct hops *h, const uint8_t *data,
			   size_t len)
{
	struct icmphdr icmp, echo;
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
	    len < at + sizeof(echo))
		return 0;
	memcpy(&echo, data + at, sizeof(echo));
	if (echo.type != ICMP_ECHO || echo.un.echo.id != h->id ||
	    ntohs(echo.un.echo.sequence) > HOPS_MAX)
		return 0;
	return ntohs(echo.un.echo.sequence);
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
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct hops *h = data;
	uint8_t packet[256];
	unsigned int n;
	ssize_t len;

	(void)what;
	len = recvfrom(fd, packet, sizeof(packet), 0, (void *)&from, &from_len);
	if (len <= 0)
		return;
	n = quoted(h, packet, (size_t)len);
	h->answered[n] = true;
	h->private[n] = is_private(from.sin_addr.s_addr);
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

static int send_echo(const struct hops *h, const union endpoint *to, int ttl)
{
	struct icmphdr icmp = {
		.type = ICMP_ECHO,
		.un.echo = { .id = h->id, .sequence = htons(ttl) },
	};
	union endpoint host = *to;
	const uint16_t *p = (const void *)&icmp;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < sizeof(icmp) / 2; i++)
		sum += p[i];
	icmp.checksum = ~((sum & 0xffff) + (sum >> 16));
	endpoint_set_port(&host, 0);
	if (setsockopt(h->fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) ||
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
	h->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       IPPROTO_ICMP);
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
