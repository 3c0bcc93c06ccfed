// SPDX-License-Identifier: GPL-2.0
/* Endpoints as values: parse, compare, print. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ep.h"
#include "ktap.h"

struct ep ep_make(int family, const void *addr, unsigned int port)
{
	struct ep e = { .sa.sa_family = family };

	if (family == AF_INET) {
		memcpy(&e.in.sin_addr, addr, sizeof(e.in.sin_addr));
		e.in.sin_port = htons(port);
	} else {
		memcpy(&e.in6.sin6_addr, addr, sizeof(e.in6.sin6_addr));
		e.in6.sin6_port = htons(port);
	}
	return e;
}

struct ep ep(const char *addr, unsigned int port)
{
	int family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	struct in6_addr raw;

	if (inet_pton(family, addr, &raw) != 1)
		ktap_bail("not an address: %s", addr);
	return ep_make(family, &raw, port);
}

struct ep ep_from(const struct sockaddr *sa)
{
	const struct ep *e = (const struct ep *)sa;

	return ep_make(sa->sa_family, ep_addr(e), ep_port(*e));
}

struct ep ep_at(struct ep e, unsigned int port)
{
	return ep_make(e.sa.sa_family, ep_addr(&e), port);
}

unsigned int ep_port(struct ep e)
{
	/* sin_port and sin6_port share their place. */
	return ntohs(e.in.sin_port);
}

const void *ep_addr(const struct ep *e)
{
	if (e->sa.sa_family == AF_INET6)
		return &e->in6.sin6_addr;
	return &e->in.sin_addr;
}

socklen_t ep_len(struct ep e)
{
	return e.sa.sa_family == AF_INET6 ? sizeof(e.in6) : sizeof(e.in);
}

bool ep_none(struct ep e)
{
	return e.sa.sa_family == AF_UNSPEC;
}

bool ep_same_addr(struct ep a, struct ep b)
{
	size_t len = a.sa.sa_family == AF_INET6 ? 16 : 4;

	return a.sa.sa_family == b.sa.sa_family &&
	       !memcmp(ep_addr(&a), ep_addr(&b), len);
}

bool ep_eq(struct ep a, struct ep b)
{
	return !ep_none(a) && ep_same_addr(a, b) && ep_port(a) == ep_port(b);
}

static char *text_slot(void)
{
	static char slots[8][INET6_ADDRSTRLEN + 10];
	static unsigned int next;

	return slots[next++ % 8];
}

const char *ep_addr_str(struct ep e)
{
	char *text = text_slot();

	if (ep_none(e))
		return "nothing";
	inet_ntop(e.sa.sa_family, ep_addr(&e), text, INET6_ADDRSTRLEN);
	return text;
}

const char *ep_str(struct ep e)
{
	const char *addr = ep_addr_str(e);
	char *text = text_slot();

	if (ep_none(e))
		return addr;
	sprintf(text, e.sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
		ep_port(e));
	return text;
}
