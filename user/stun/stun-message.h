/* SPDX-License-Identifier: GPL-2.0 */
/*
 * STUN messages: made, signed, searched. To read one is kernel/stun.h's part,
 * which stun_parse() calls for a message that lies in one piece.
 *
 * RFC 8489 and 5389, RFC 3489, RFC 5780, and what RFC 8445 (ICE) needs of them.
 * Nothing here allocates or keeps anything.
 */
#ifndef STUN_MESSAGE_H
#define STUN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "../../kernel/stun.h"

/* RFC 8489 section 6.1: what fits IPv4's smallest MTU. */
#define STUN_MESSAGE_SIZE	548

/* Attributes that kernel/stun.h has no use for. */
enum {
	STUN_A_RESPONSE_ADDRESS = 0x0002,	/* RFC 3489 */
	STUN_A_USERNAME = 0x0006,
	STUN_A_PRIORITY = 0x0024,		/* RFC 8445 */
	STUN_A_USE_CANDIDATE = 0x0025,
	STUN_A_RESPONSE_PORT = 0x0027,		/* RFC 5780 */
	STUN_A_SOFTWARE = 0x8022,
	STUN_A_FINGERPRINT = 0x8028,
	STUN_A_ICE_CONTROLLED = 0x8029,
	STUN_A_ICE_CONTROLLING = 0x802a,
};

enum stun_dialect { STUN_RFC5389, STUN_RFC3489 };

/**
 * struct stun_message - a message in the making
 * @len: with the header; 0 once something did not fit: then it can not be sent
 */
struct stun_message {
	uint8_t data[STUN_MESSAGE_SIZE];
	size_t len;
};

/** stun_begin() - a message with the id of another, as an answer has. */
void stun_begin(struct stun_message *m, uint16_t type,
		const uint8_t id[NP_STUN_ID]);

/** stun_begin_request() - a Binding request with a new random id. */
void stun_begin_request(struct stun_message *m, enum stun_dialect dialect);

/* Attributes, in the order of the calls. */
void stun_add(struct stun_message *m, uint16_t attr, const void *value,
	      size_t len);
void stun_add_u32(struct stun_message *m, uint16_t attr, uint32_t value);
void stun_add_u64(struct stun_message *m, uint16_t attr, uint64_t value);
/** stun_add_addr() - as MAPPED-ADDRESS is written. */
void stun_add_addr(struct stun_message *m, uint16_t attr,
		   const struct sockaddr *sa);
/** stun_add_xor_addr() - as XOR-MAPPED-ADDRESS is written. */
void stun_add_xor_addr(struct stun_message *m, uint16_t attr,
		       const struct sockaddr *sa);
void stun_add_error(struct stun_message *m, unsigned int code,
		    const char *reason);

/*
 * MESSAGE-INTEGRITY (HMAC-SHA1) with a short-term key, and then FINGERPRINT: the
 * last two, in this order. False if the library refused.
 */
bool stun_add_integrity(struct stun_message *m, const void *key, size_t len);
void stun_add_fingerprint(struct stun_message *m);

/*
 * Whether a message that stun_parse() found good has them, and they are right. For
 * the integrity, whatever attributes follow it were not covered: stun_find()
 * does not see them.
 */
bool stun_integrity_is_right(const void *data, size_t len, const void *key,
			     size_t key_len);
bool stun_fingerprint_is_right(const void *data, size_t len);

/** stun_parse() - np_stun_parse() of @len bytes at @data. */
enum np_stun_result stun_parse(struct np_stun_msg *msg, const void *data,
			       size_t len);

/**
 * stun_find() - the value of the first such attribute, its length in @value_len;
 * NULL if there is none. @data: a message that stun_parse() found good.
 */
const uint8_t *stun_find(const void *data, size_t len, uint16_t attr,
			 size_t *value_len);

/** stun_is_message() - RFC 7983: STUN, or something else on that socket. */
bool stun_is_message(const void *data, size_t len);

/** stun_sockaddr() - an endpoint of a message for the system; 0: not given. */
socklen_t stun_sockaddr(struct sockaddr_storage *ss,
			const struct np_stun_ep *ep);

#endif
