/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints: an address and a port, as sockets and as people want them. */
#ifndef _NATPUNCHD_ENDPOINT_H
#define _NATPUNCHD_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/** union endpoint - sa.sa_family is AF_INET, AF_INET6, or AF_UNSPEC: none. */
union endpoint {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

#define ENDPOINT_SIZE	56	/* "[v6 address]:65535" and its NUL */

/** endpoint_parse() - "10.0.0.2:80", "[fd00::2]:80"; false: it is none. */
bool endpoint_parse(union endpoint *ep, const char *s);
/** endpoint_str() - the same words; "" for none. Returns @buf. */
const char *endpoint_str(char buf[ENDPOINT_SIZE], const union endpoint *ep);
/** endpoint_addr_str() - the address alone; "" for none. Returns @buf. */
const char *endpoint_addr_str(char buf[ENDPOINT_SIZE], const union endpoint *ep);
bool endpoint_equal(const union endpoint *a, const union endpoint *b);
/** endpoint_same_addr() - whatever their ports are. */
bool endpoint_same_addr(const union endpoint *a, const union endpoint *b);
/** endpoint_is_loopback() - of 127.0.0.0/8, or ::1. */
bool endpoint_is_loopback(const union endpoint *ep);
uint16_t endpoint_port(const union endpoint *ep);
void endpoint_set_port(union endpoint *ep, uint16_t port);
socklen_t endpoint_len(const union endpoint *ep);

#endif /* _NATPUNCHD_ENDPOINT_H */
