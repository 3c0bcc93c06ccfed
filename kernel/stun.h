/* SPDX-License-Identifier: GPL-2.0 */
/*
 * STUN messages: Binding requests and their answers, as RFC 3489 had them and as
 * RFC 5389 and RFC 8489 have them, with RFC 5780's attributes.
 *
 * Pure C that calls nothing, allocates nothing and keeps nothing; user space
 * compiles it, too. The message is read through a function, so that it may be
 * spread over the fragments of a packet, and no length in it is believed.
 *
 * One call looks at one message, which begins where it is told. A message on TCP
 * has its length in its header and no other frame; what does not hold the whole
 * of it is NP_STUN_SHORT. A caller who does not put streams together sees the
 * messages that begin and end with a segment, which is how servers send them.
 *
 * Neither FINGERPRINT nor MESSAGE-INTEGRITY is verified: a Binding answer is
 * believed for its transaction id and its source, or it is not.
 */
#ifndef _NP_STUN_H
#define _NP_STUN_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#endif

#define NP_STUN_HEADER		20
#define NP_STUN_ID		16	/* with the magic cookie */
#define NP_STUN_MAGIC		0x2112a442
#define NP_STUN_MAX_ATTRS	32	/* what has more is not believed */

/* Message types, RFC 8489 section 5. */
#define NP_STUN_BINDING_REQUEST	0x0001
#define NP_STUN_BINDING_SUCCESS	0x0101
#define NP_STUN_BINDING_ERROR	0x0111

/* Attributes: RFC 8489 section 18.3, RFC 5780 section 7, RFC 3489 section 11. */
#define NP_STUN_A_MAPPED	0x0001
#define NP_STUN_A_CHANGE	0x0003
#define NP_STUN_A_SOURCE	0x0004	/* RFC 3489 */
#define NP_STUN_A_CHANGED	0x0005	/* RFC 3489 */
#define NP_STUN_A_INTEGRITY	0x0008
#define NP_STUN_A_ERROR		0x0009
#define NP_STUN_A_INTEGRITY256	0x001c
#define NP_STUN_A_XOR_MAPPED	0x0020
#define NP_STUN_A_XOR_MAPPED_OLD	0x8020	/* before RFC 5389 */
#define NP_STUN_A_ORIGIN	0x802b
#define NP_STUN_A_OTHER		0x802c

/* CHANGE-REQUEST */
#define NP_STUN_CHANGE_PORT	0x2
#define NP_STUN_CHANGE_IP	0x4

enum np_stun_result {
	NP_STUN_OK,
	NP_STUN_NOT,		/* no Binding request, nor an answer to one */
	NP_STUN_SHORT,		/* there is less than the message is long */
	NP_STUN_BAD,		/* it contradicts itself or the RFCs */
};

struct np_stun_ep {
	__u8 len;		/* of the address: 4, 16; 0: not given */
	__be16 port;
	__u8 addr[16];
};

struct np_stun_msg {
	__u16 type;
	__u16 len;		/* of the message with its header */
	__u8 id[NP_STUN_ID];	/* RFC 3489's, or magic cookie and id */
	bool rfc3489;		/* no magic cookie */
	__u8 change;		/* NP_STUN_CHANGE_, of a request */
	__u16 error;		/* of an error response: 300 to 699 */
	/*
	 * The first attribute that has to be understood and is not, else 0. RFC
	 * 8489 section 6.3.3: an answer that has one is to be discarded.
	 */
	__u16 unknown;
	struct np_stun_ep mapped;	/* as it stands in the message */
	struct np_stun_ep xor_mapped;	/* XOR undone */
	struct np_stun_ep origin;	/* RESPONSE-ORIGIN, SOURCE-ADDRESS */
	struct np_stun_ep other;	/* OTHER-ADDRESS, CHANGED-ADDRESS */
};

/*
 * @len bytes at @off of @from: where they are, or copied to @buf; NULL if they
 * are not all there. As skb_header_pointer().
 */
typedef const void *(*np_stun_read_fn)(const void *from, __u32 off, __u32 len,
				       void *buf);

/*
 * Read the message that begins at @off of @from, where @avail bytes are. For
 * NP_STUN_SHORT and NP_STUN_BAD, too, all of @msg up to id is right once the
 * header has been read, and type is 0 if it has not.
 */
enum np_stun_result np_stun_parse(struct np_stun_msg *msg,
				  np_stun_read_fn read, const void *from,
				  __u32 off, __u32 avail);

/* The endpoint that the server saw; len is 0 if it does not say. */
static inline const struct np_stun_ep *
np_stun_mapped(const struct np_stun_msg *msg)
{
	/* What a meddling gateway rewrites is the plain one. */
	return msg->xor_mapped.len ? &msg->xor_mapped : &msg->mapped;
}

#endif /* _NP_STUN_H */
