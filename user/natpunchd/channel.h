/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A channel: messages between two sites over UDP, where there is no broker. Both
 * ends are sockets of the gateways themselves, which know each other's endpoints
 * and a key from lines that people have carried over (hand.h).
 *
 * The one who *asks* sends Binding requests to where the other is said to be, and
 * goes on until one is answered. The other one opens his NATs meanwhile, with
 * packets that die behind them. All requests and answers have MESSAGE-INTEGRITY;
 * whoever sends one from elsewhere is asked there himself before he is believed.
 *
 * A message goes in pieces, each of them the attribute of a request, which is
 * repeated until it is answered; the next message follows when all of its pieces
 * were. So none comes twice, nor before another. The layout: rendezvous.rst.
 */
#ifndef _NATPUNCHD_CHANNEL_H
#define _NATPUNCHD_CHANNEL_H

#include "check.h"
#include "endpoint.h"
#include "natpunchd.h"

#define CHANNEL_QUEUE	64	/* messages that wait to be sent */

struct channel;

/**
 * struct channel_ops - out of the loop; the owner may free the channel from within
 * @ready: our endpoints are known, channel_endpoints()
 * @failed: they will not be; @why is for people
 * @changed: channel_is_up() tells something else now
 * @message: one has come, whole
 */
struct channel_ops {
	void (*ready)(void *data);
	void (*failed)(void *data, const char *why);
	void (*changed)(void *data);
	void (*message)(void *data, const uint8_t *message, size_t len);
};

/**
 * channel_open() - find out our endpoints.
 * @local: NULL, or that of before: it is not asked for anew, ready() not called.
 * Return: NULL: errno says why.
 */
struct channel *channel_open(struct daemon *d, bool asks, const char *key,
			     const union endpoint *local,
			     const struct channel_ops *ops, void *data);
/** channel_free() - NULL is allowed. */
void channel_free(struct channel *c);

/** channel_endpoints() - "at" and "dependent", for the other site. */
void channel_endpoints(const struct channel *c, json_t *into);
/** channel_peer_at() - what the other site's says. False: nothing of use. */
bool channel_peer_at(struct channel *c, const json_t *from);
/** channel_connect() - look for the other one, as often as it takes. */
void channel_connect(struct channel *c);

/**
 * channel_send() - 0, -ENOTCONN, -ENOMEM, -ENOBUFS (CHANNEL_QUEUE), -EMSGSIZE.
 * It may be lost if the channel is.
 */
int channel_send(struct channel *c, const uint8_t *message, size_t len);
bool channel_is_up(const struct channel *c);
/** channel_is_idle() - all that was sent has come. */
bool channel_is_idle(const struct channel *c);
unsigned int channel_rtt_ms(const struct channel *c);
const union endpoint *channel_local(const struct channel *c);
const union endpoint *channel_remote(const struct channel *c);
/** channel_looks_hopeless() - both sites' ports are others for each destination. */
bool channel_looks_hopeless(const struct channel *c);
/** channel_renew() - if its address is no longer ours: the same from another one. */
void channel_renew(struct channel *c);

#endif /* _NATPUNCHD_CHANNEL_H */
