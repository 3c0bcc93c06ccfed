/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A socket that asks STUN servers (and peers) and can carry other things as well.
 *
 * Event-driven: nothing here waits. Whoever owns the loop watches fd for
 * stun_socket_events() and calls stun_socket_ready() when one comes, and calls
 * stun_socket_tick() at stun_socket_deadline(), be it with poll() or with
 * libevent. The callbacks come out of these two calls; they may send and cancel
 * requests, but not close the socket.
 *
 * The memory is the caller's: a struct stun_request is in use from
 * stun_request_send() until its callback is called or it is cancelled.
 *
 * Time: milliseconds of CLOCK_MONOTONIC, stun_now(). Errors: 0 or -errno.
 */
#ifndef STUN_SOCKET_H
#define STUN_SOCKET_H

#include "stun-transaction.h"

#define STUN_NEVER	UINT64_MAX

struct stun_socket;
struct stun_request;

enum stun_outcome {
	STUN_ANSWERED,		/* Binding success */
	STUN_REFUSED,		/* Binding error: msg->error */
	STUN_SILENCE,		/* given up */
	STUN_FAILED,		/* error: ICMP's, TCP's or the system's own */
};

/**
 * struct stun_answer - how a request ended
 * @msg: of ANSWERED and REFUSED; @data, @len: the message itself
 * @from: who answered; it need not be who was asked (CHANGE-REQUEST)
 * @rtt: in milliseconds; a guess (since the first try) if it was sent twice
 * @error: of FAILED, positive
 */
struct stun_answer {
	enum stun_outcome outcome;
	struct np_stun_msg msg;
	const uint8_t *data;
	size_t len;
	struct sockaddr_storage from;
	uint32_t rtt;
	int error;
};

typedef void stun_answer_fn(struct stun_request *req,
			    const struct stun_answer *answer);

/**
 * struct stun_request - filled in by the caller as far as "in use"
 * @any_source: take the answer from anybody, as CHANGE-REQUEST means it; else
 *	from whom was asked alone
 * @ttl: of the packets; 0: the system's
 */
struct stun_request {
	struct stun_message message;
	struct sockaddr_storage to;	/* TCP: unused */
	struct stun_timing timing;
	bool any_source;
	int ttl;
	stun_answer_fn *done;
	void *data;
	/* in use */
	struct stun_socket *socket;
	struct stun_transaction transaction;
	struct stun_request *next;
	int soft_error;		/* told by ICMP, but it may pass */
};

/** struct stun_icmp - an ICMP error about a packet of ours. */
struct stun_icmp {
	uint8_t type, code;
	int error;			/* the system's word for it */
	struct sockaddr_storage from;	/* the router or host that sent it */
	struct sockaddr_storage to;	/* where our packet went */
	const uint8_t *data;		/* as much of its payload as came back */
	size_t len;
};

#define STUN_STREAM_SIZE	2048

/**
 * struct stun_socket - opened by one of the functions below
 * @on_packet: a datagram that is no answer to a request; may be NULL
 * @on_icmp: an ICMP error, before the request fails for it; may be NULL
 * @error: of a stream, positive, once it is dead
 */
struct stun_socket {
	int fd;
	int protocol;			/* IPPROTO_UDP, IPPROTO_TCP */
	int family;
	bool borrowed;			/* the fd is not closed */
	bool connecting;
	int error;
	void *data;			/* the caller's */
	void (*on_packet)(struct stun_socket *s, const uint8_t *data,
			  size_t len, const struct sockaddr_storage *from);
	void (*on_icmp)(struct stun_socket *s, const struct stun_icmp *icmp);
	struct stun_request *requests;
	uint8_t stream[STUN_STREAM_SIZE];
	size_t stream_len;
};

uint64_t stun_now(void);

/** stun_udp_open() - @local may have port 0; @device may be NULL. */
int stun_udp_open(struct stun_socket *s, const struct sockaddr_storage *local,
		  const char *device);

/**
 * stun_udp_use() - a socket that exists and is not to be closed here. ICMP errors
 * are seen if its owner has set IP_RECVERR.
 */
int stun_udp_use(struct stun_socket *s, int fd);

/**
 * stun_tcp_open() - begin to connect to a server. The local port can be shared
 * by connections to other endpoints that are opened so, too, and by a listener
 * with SO_REUSEADDR and SO_REUSEPORT.
 */
int stun_tcp_open(struct stun_socket *s, const struct sockaddr_storage *local,
		  const char *device, const struct sockaddr_storage *remote);

/** stun_socket_close() - its requests are forgotten; TCP: by RST. */
void stun_socket_close(struct stun_socket *s);

/** stun_socket_name() - the local endpoint. */
int stun_socket_name(const struct stun_socket *s, struct sockaddr_storage *ss);

/** stun_socket_events() - for poll(); 0: it is dead, do not watch it. */
short stun_socket_events(const struct stun_socket *s);
uint64_t stun_socket_deadline(const struct stun_socket *s);
void stun_socket_ready(struct stun_socket *s, short revents);
void stun_socket_tick(struct stun_socket *s, uint64_t now);

/** stun_request_send() - its answer comes by @req->done, never from here. */
void stun_request_send(struct stun_socket *s, struct stun_request *req);
void stun_request_cancel(struct stun_request *req);

/** stun_send() - one message (or anything else) at once, without an answer. */
int stun_send(struct stun_socket *s, const void *data, size_t len,
	      const struct sockaddr_storage *to, int ttl);

socklen_t stun_sockaddr_len(const struct sockaddr_storage *ss);
bool stun_sockaddr_eq(const struct sockaddr_storage *a,
		      const struct sockaddr_storage *b);

#endif
