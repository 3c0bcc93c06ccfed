/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets inside nodes. Every socket is also remembered here, so a test need not
 * close what it opens: sock_close_all() does, without a goodbye on the wire
 * other than TCP's RST.
 */
#ifndef LAB_SOCK_H
#define LAB_SOCK_H

#include "lab.h"

/* How long to wait for what must come, and for what must not. */
#define COMES_MS 5000
#define SILENCE_MS 1500

int sock_open(enum node node, int domain, int type, int protocol);
void sock_close(int sock);
void sock_close_all(void);
/** sock_name() - the local endpoint. */
struct ep sock_name(int sock);
/** sock_at() - the open socket of @node bound to @local; -1 if there is none. */
int sock_at(enum node node, int protocol, struct ep local);

/*
 * UDP. Each packet carries its own number, so a late one is never mistaken
 * for the one that is being waited for.
 */
/** udp_open() - a socket bound to @local (shareable: SO_REUSEPORT). */
int udp_open(enum node node, struct ep local);
/** udp_open_alone() - bound and not shareable; -1 if the port is taken. */
int udp_open_alone(enum node node, struct ep local);
/** udp_send() - returns the packet's number, or 0 if the kernel refused. */
unsigned long udp_send(int sock, struct ep to);
/** udp_wait() - wait for packet @number; who sent it goes to @from. */
bool udp_wait(int sock, unsigned long number, struct ep *from, int timeout_ms);
/** udp_deliver() - send, and see whether it comes out of @at; from whom. */
bool udp_deliver(int sock, struct ep to, int at, struct ep *from);

/** struct sock_error - an ICMP error as the sending socket sees it. */
struct sock_error {
	int error;		/* ECONNREFUSED, EMSGSIZE, EHOSTUNREACH ... */
	int type, code;		/* ICMP's own */
	unsigned int mtu;
	struct ep about;	/* where the failed packet was sent */
	struct ep offender;	/* who complained */
};

bool sock_error_wait(int sock, struct sock_error *e, int timeout_ms);

/*
 * Streams: IPPROTO_TCP, and IPPROTO_SCTP where the kernel has it. A socket bound
 * here shares its port, so one host can listen and connect from the same
 * endpoint, as a punching program does.
 */
bool stream_supported(int protocol);
int stream_open(int protocol, enum node node, struct ep local);
int stream_listen(int protocol, enum node node, struct ep local);
/** stream_connect() - begin to connect; an errno if not even that was possible. */
int stream_connect(int sock, struct ep to);
/** stream_connected() - wait: 0 when connected, an errno, or ETIMEDOUT. */
int stream_connected(int sock, int timeout_ms);
/** stream_accept() - -1 if nobody comes; else a socket, and who it is. */
int stream_accept(int listener, struct ep *peer, int timeout_ms);
/** stream_deliver() - whether bytes written to @from come out of @to. */
bool stream_deliver(int from, int to);
/** stream_is_reset() - whether bytes written to it are answered by RST. */
bool stream_is_reset(int sock);
/** stream_refused() - neither is @to reached nor does anybody come to @listener. */
bool stream_refused(enum node node, struct ep local, struct ep to, int listener);
/** stream_abort() - close with RST. */
void stream_abort(int sock);

/*
 * ICMP echo. ping_open() binds an identifier; icmp_raw() sees every ICMP packet
 * that a node receives.
 */
int ping_open(enum node node, struct ep local);
/** ping_send() - one echo request; its sequence number, 0 if refused. */
unsigned int ping_send(int sock, struct ep to);
bool ping_wait(int sock, unsigned int seq, int timeout_ms);
int icmp_raw(enum node node);
/** icmp_raw_request() - wait for echo request @seq; sender and identifier. */
bool icmp_raw_request(int raw, unsigned int seq, struct ep *from,
		      int timeout_ms);

#endif
