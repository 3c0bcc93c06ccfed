// SPDX-License-Identifier: GPL-2.0
/* Endpoints to words and back. */
#include <arpa/inet.h>
#include <event2/util.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

bool endpoint_parse(union endpoint *ep, const char *s)
{
	int len = sizeof(*ep);

	memset(ep, 0, sizeof(*ep));
	return !evutil_parse_sockaddr_port(s, &ep->sa, &len) &&
	       endpoint_port(ep);
}

const char *endpoint_addr_str(char buf[ENDPOINT_SIZE], const union endpoint *ep)
{
	buf[0] = '\0';
	if (ep->sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &ep->in.sin_addr, buf, ENDPOINT_SIZE);
	else if (ep->sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &ep->in6.sin6_addr, buf, ENDPOINT_SIZE);
	return buf;
}

const char *endpoint_str(char buf[ENDPOINT_SIZE], const union endpoint *ep)
{
	char addr[ENDPOINT_SIZE];

	endpoint_addr_str(addr, ep);
	buf[0] = '\0';
	if (*addr)
		snprintf(buf, ENDPOINT_SIZE, ep->sa.sa_family == AF_INET ?
			 "%.45s:%u" : "[%.45s]:%u", addr, endpoint_port(ep));
	return buf;
}

bool endpoint_same_addr(const union endpoint *a, const union endpoint *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	if (a->sa.sa_family == AF_INET6)
		return !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
			       sizeof(a->in6.sin6_addr)) &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
	return true;
}

bool endpoint_equal(const union endpoint *a, const union endpoint *b)
{
	return endpoint_port(a) == endpoint_port(b) && endpoint_same_addr(a, b);
}

bool endpoint_is_loopback(const union endpoint *ep)
{
	if (ep->sa.sa_family == AF_INET)
		return ntohl(ep->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return ep->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&ep->in6.sin6_addr);
}

uint16_t endpoint_port(const union endpoint *ep)
{
	if (ep->sa.sa_family == AF_INET)
		return ntohs(ep->in.sin_port);
	if (ep->sa.sa_family == AF_INET6)
		return ntohs(ep->in6.sin6_port);
	return 0;
}

void endpoint_set_port(union endpoint *ep, uint16_t port)
{
	if (ep->sa.sa_family == AF_INET)
		ep->in.sin_port = htons(port);
	else if (ep->sa.sa_family == AF_INET6)
		ep->in6.sin6_port = htons(port);
}

socklen_t endpoint_len(const union endpoint *ep)
{
	return ep->sa.sa_family == AF_INET6 ? sizeof(ep->in6) : sizeof(ep->in);
}
