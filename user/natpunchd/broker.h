/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One MQTT broker (or cluster): connected, kept, tried again. libmosquitto in
 * libevent's loop. For rendezvous.c, which is told of what happens by the
 * functions at the end.
 */
#ifndef _NATPUNCHD_BROKER_H
#define _NATPUNCHD_BROKER_H

#include <mosquitto.h>

#include "conf.h"
#include "natpunchd.h"
#include "seal.h"

#define BROKER_RTTS	8

enum broker_state {
	BROKER_WAITING,		/* to try again: the timer */
	BROKER_CONNECTING,	/* a thread has mosq */
	BROKER_GREETING,	/* for the broker's answer to CONNECT */
	BROKER_UP,
};

struct broker {
	struct daemon *daemon;
	const struct conf_broker *conf;
	unsigned int bit;		/* in struct peer's brokers */
	enum broker_state state;
	bool dead;			/* freed when the thread is back */

	struct mosquitto *mosq;		/* of this attempt */
	struct event *read, *write, *timer;
	char host[256];
	int port;
	int keepalive;			/* seconds, of this attempt */
	size_t next_host;
	unsigned int failures;
	uint64_t boot;			/* when this attempt was made: its date */
	uint64_t tried_ms;		/* clock_ms() */

	/* What the thread or libmosquitto's callbacks leave. */
	int result;
	int result_errno;
	char error[160];
	uint64_t sent_ms;		/* when last something was */
	bool pinged;			/* and it was not answered yet */

	char told[256];			/* what was logged last */

	/* Round trips, by the acknowledgements of what we publish. */
	struct { int mid; uint64_t at_ms; } flying[BROKER_RTTS];
	unsigned int rtt_ms[BROKER_RTTS];
	unsigned int n_rtt, next_flying;

	uint64_t out, in;		/* messages */
	uint64_t bytes_out, bytes_in;	/* of connections that are over */
};

struct broker *broker_new(struct daemon *d, const struct conf_broker *conf,
			  unsigned int bit);
/** broker_renew() - our address is another one: connect anew, at once. */
void broker_renew(struct broker *b);
/** broker_free() - say goodbye; freed at once, or when its thread is back. */
void broker_free(struct broker *b);
/** broker_same() - would it be the same connection? */
bool broker_same(const struct conf_broker *a, const struct conf_broker *b);

/**
 * broker_publish() - @expires_s: how long it is worth to be kept; 0: for good.
 * Return: 0, -ENOTCONN, -EIO.
 */
int broker_publish(struct broker *b, const char *topic, const void *payload,
		   size_t len, bool retain, unsigned int expires_s);
int broker_subscribe(struct broker *b, char *const *topics, int n, int qos);
int broker_unsubscribe(struct broker *b, const char *topic);
/** broker_rtt_ms() - the least of the last ones; 0: none. */
unsigned int broker_rtt_ms(const struct broker *b);
json_t *broker_show(const struct broker *b);

/* --- rendezvous.c's ------------------------------------------------------- */

/** rendezvous_will() - what the broker is to publish when we are gone. */
size_t rendezvous_will(struct broker *b, char *topic, size_t topic_size,
		       uint8_t *payload);
void rendezvous_up(struct broker *b);
void rendezvous_down(struct broker *b);
void rendezvous_got(struct broker *b, const char *topic, const void *payload,
		    size_t len);

#endif /* _NATPUNCHD_BROKER_H */
