/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints: an address and a port (ICMP: an identifier), passed by value.
 */
#ifndef LAB_EP_H
#define LAB_EP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/** struct ep - an endpoint; all zero means "nothing was seen". */
struct ep {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/** ep() - from text, IPv4 or IPv6: ep("203.0.113.2", 5000). */
struct ep ep(const char *addr, unsigned int port);

/** ep_from() - from what the kernel filled in. */
struct ep ep_from(const struct sockaddr *sa);

/** ep_make() - from an address in network byte order and a port in ours. */
struct ep ep_make(int family, const void *addr, unsigned int port);

/** ep_at() - the same address, another port. */
struct ep ep_at(struct ep e, unsigned int port);

unsigned int ep_port(struct ep e);
const void *ep_addr(const struct ep *e);
socklen_t ep_len(struct ep e);
bool ep_none(struct ep e);
bool ep_eq(struct ep a, struct ep b);
bool ep_same_addr(struct ep a, struct ep b);

/**
 * ep_str() - "203.0.113.2:5000", "[2001:db8::2]:5000" or "nothing";
 * ep_addr_str() leaves the port out. The text lives until eight more are asked.
 */
const char *ep_str(struct ep e);
const char *ep_addr_str(struct ep e);

#endif
