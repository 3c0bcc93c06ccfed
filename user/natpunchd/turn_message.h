/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TURN's messages (RFC 8656), on top of user/stun: types, attributes and the
 * long-term credentials. Nothing here sends, allocates or keeps time.
 *
 * Why no library: Debian 12 has libnice (GLib's loop), libre and pjproject (loops
 * of their own), none of which runs in ours, and coturn's libturnclient, which
 * makes and reads messages only, as user/stun does already, and is part of the
 * server's package.
 */
#ifndef _NATPUNCHD_TURN_MESSAGE_H
#define _NATPUNCHD_TURN_MESSAGE_H

#include "../stun/stun-message.h"
#include "endpoint.h"

/* Methods (RFC 8656 section 17), and what is added for the classes. */
enum {
	TURN_ALLOCATE = 0x003,
	TURN_REFRESH = 0x004,
	TURN_SEND = 0x016,		/* an indication */
	TURN_DATA = 0x017,		/* an indication */
	TURN_PERMIT = 0x008,
	TURN_BIND = 0x009,
	TURN_SUCCESS = 0x100,
	TURN_ERROR = 0x110,
};

enum {
	TURN_A_CHANNEL = 0x000c,
	TURN_A_LIFETIME = 0x000d,
	TURN_A_PEER = 0x0012,
	TURN_A_DATA = 0x0013,
	TURN_A_REALM = 0x0014,
	TURN_A_NONCE = 0x0015,
	TURN_A_RELAYED = 0x0016,
	TURN_A_TRANSPORT = 0x0019,
};

#define TURN_CHANNEL_MIN	0x4000	/* to 0x4fff */
#define TURN_CHANNEL_HEADER	4
#define TURN_KEY_SIZE		16
#define TURN_WORD_SIZE		256	/* user, password, realm, nonce */

/** struct turn_credentials - long-term ones (RFC 8489 section 9.2). */
struct turn_credentials {
	char user[TURN_WORD_SIZE];	/* "": none */
	char password[TURN_WORD_SIZE];
	char realm[TURN_WORD_SIZE];	/* the server's; "": not known yet */
	char nonce[TURN_WORD_SIZE];
	uint8_t key[TURN_KEY_SIZE];	/* of user, realm and password */
};

/** turn_begin() - a message of the type with a new random id. */
void turn_begin(struct stun_message *m, uint16_t type);
void turn_add_endpoint(struct stun_message *m, uint16_t attr,
		       const union endpoint *ep);
/** turn_sign() - as far as the credentials are complete; last. */
void turn_sign(struct stun_message *m, const struct turn_credentials *c);

/** turn_challenged() - the realm and nonce of an error response are ours now. */
bool turn_challenged(struct turn_credentials *c, const uint8_t *data,
		     size_t len);

/** turn_type() - of what stun_is_message() found to be one. */
uint16_t turn_type(const uint8_t *data);
/** turn_endpoint() - of a XOR- attribute; false: it is not there, or broken. */
bool turn_endpoint(union endpoint *ep, const uint8_t *data, size_t len,
		   uint16_t attr);
/** turn_lifetime() - in seconds; 0: it is not there. */
uint32_t turn_lifetime(const uint8_t *data, size_t len);
/**
 * turn_error() - the code, 0: none; @reason: what the server says of it, with
 * nothing that a log could not bear.
 */
unsigned int turn_error(const uint8_t *data, size_t len, char *reason,
			size_t size);

#endif /* _NATPUNCHD_TURN_MESSAGE_H */
