/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows: one host talking to the server, whatever the protocol. That is how the
 * lab learns a mapping: by what the server saw.
 *
 *	struct flow a = flow_open(IPPROTO_UDP, A, 5000, server(1, 3478));
 *
 *	a.external		the endpoint that A has on the Internet
 *	flow_ask(&a)		talk again: is it still there, still the same?
 */
#ifndef LAB_FLOW_H
#define LAB_FLOW_H

#include "sock.h"

/** struct flow - a conversation between a host's endpoint and a server's. */
struct flow {
	int protocol;		/* IPPROTO_UDP, _TCP, _ICMP (echo) or _SCTP */
	struct ep internal, remote;
	struct ep external;	/* as the server saw it; nothing = silence */
	bool answered;		/* and the server's answer came back */
	int in, out;		/* the host's and the server's socket */
};

/**
 * flow_open() - talk to a server endpoint from @port (ICMP: identifier) of @node.
 * One host may open several from one port. They stay open until
 * sock_close_all().
 */
struct flow flow_open(int protocol, enum node node, unsigned int port,
		      struct ep remote);
/** flow_ask() - host to server and back; renews external and answered. */
struct ep flow_ask(struct flow *flow);
/** flow_push() - server to host, unasked; whether it arrives. */
bool flow_push(struct flow *flow);
/** external() - flow_open(), when only the mapping matters. */
struct ep external(int protocol, enum node node, unsigned int port,
		   struct ep remote);
const char *protocol_name(int protocol);

#endif
