// SPDX-License-Identifier: GPL-2.0
/*
 * STUN messages; see stun.h.
 *
 * Everything is read bytewise, in the order of the wire, so that neither the
 * machine's byte order nor its alignment matters.
 *
 * Locking: none, there is no state.
 */
#include <linux/string.h>

#include "stun.h"

/* The longest value that is read: an address. */
#define NP_STUN_VALUE	20

struct np_stun_reader {
	np_stun_read_fn read;
	const void *from;
	__u32 off;		/* of the message */
	__u32 len;		/* that the message has for sure */
};

static __u16 np_stun_u16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

static const __u8 *np_stun_at(const struct np_stun_reader *r, __u32 off,
			      __u32 len, void *buf)
{
	if (off > r->len || len > r->len - off)
		return NULL;
	return r->read(r->from, r->off + off, len, buf);
}

/*
 * RFC 8489 section 14.1: family and port, then the address. Some servers leave
 * rubbish in the byte before the family, which is to be ignored.
 */
static bool np_stun_address(struct np_stun_ep *ep, const __u8 *v, __u16 len,
			    const __u8 *mask)
{
	__u8 want = len == 8 ? 4 : 16;
	__u8 port[2];
	__u8 i;

	if ((len != 8 && len != 20) || v[1] != (want == 4 ? 1 : 2))
		return false;
	if (ep->len)
		return true;	/* the first one counts */
	ep->len = want;
	for (i = 0; i < 2; i++)
		port[i] = v[2 + i] ^ (mask ? mask[i] : 0);
	memcpy(&ep->port, port, sizeof(port));
	for (i = 0; i < want; i++)
		ep->addr[i] = v[4 + i] ^ (mask ? mask[i] : 0);
	return true;
}

/* RFC 8489 section 14.8; RFC 3489 has the classes 1 and 2 besides. */
static bool np_stun_error(struct np_stun_msg *msg, const __u8 *v, __u16 len)
{
	__u8 class;

	if (len < 4)
		return false;
	class = v[2] & 7;
	if (class < 1 || class > 6 || v[3] > 99)
		return false;
	if (!msg->error)
		msg->error = (__u16)(class * 100 + v[3]);
	return true;
}

/* Attributes that are understood so far as there is nothing in them for us. */
static bool np_stun_harmless(__u16 attr)
{
	switch (attr) {
	case 0x0002:	/* RESPONSE-ADDRESS, RFC 3489 */
	case 0x0006:	/* USERNAME */
	case 0x0007:	/* PASSWORD, RFC 3489 */
	case 0x000a:	/* UNKNOWN-ATTRIBUTES */
	case 0x000b:	/* REFLECTED-FROM, RFC 3489 */
	case 0x0014:	/* REALM */
	case 0x0015:	/* NONCE */
	case 0x001d:	/* PASSWORD-ALGORITHM */
	case 0x001e:	/* USERHASH */
	case 0x0024:	/* PRIORITY, RFC 8445 */
	case 0x0025:	/* USE-CANDIDATE, RFC 8445 */
	case 0x0026:	/* PADDING, RFC 5780 */
	case 0x0027:	/* RESPONSE-PORT, RFC 5780 */
		return true;
	default:
		return attr & 0x8000;
	}
}

/* @v: the first NP_STUN_VALUE bytes of the value, or all of it. */
static bool np_stun_attr(struct np_stun_msg *msg, __u16 attr, const __u8 *v,
			 __u16 len)
{
	switch (attr) {
	case NP_STUN_A_MAPPED:
		return np_stun_address(&msg->mapped, v, len, NULL);
	case NP_STUN_A_XOR_MAPPED:
	case NP_STUN_A_XOR_MAPPED_OLD:
		return np_stun_address(&msg->xor_mapped, v, len, msg->id);
	case NP_STUN_A_ORIGIN:
	case NP_STUN_A_SOURCE:
		return np_stun_address(&msg->origin, v, len, NULL);
	case NP_STUN_A_OTHER:
	case NP_STUN_A_CHANGED:
		return np_stun_address(&msg->other, v, len, NULL);
	case NP_STUN_A_ERROR:
		return np_stun_error(msg, v, len);
	case NP_STUN_A_CHANGE:
		if (len != 4)
			return false;
		msg->change = v[3] & (NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT);
		return true;
	default:
		if (!np_stun_harmless(attr) && !msg->unknown)
			msg->unknown = attr;
		return true;
	}
}

/*
 * RFC 8489 section 14.5: what follows the integrity is not covered by it, and to
 * be ignored.
 */
static bool np_stun_is_end(__u16 attr)
{
	return attr == NP_STUN_A_INTEGRITY || attr == NP_STUN_A_INTEGRITY256;
}

static enum np_stun_result np_stun_attrs(struct np_stun_msg *msg,
					 const struct np_stun_reader *r)
{
	__u8 head_buf[4], value_buf[NP_STUN_VALUE];
	__u32 off = NP_STUN_HEADER;
	bool end = false;
	const __u8 *p;
	__u16 attr, len;
	int n;

	for (n = 0; off < msg->len; n++) {
		if (n == NP_STUN_MAX_ATTRS)
			return NP_STUN_BAD;
		p = np_stun_at(r, off, sizeof(head_buf), head_buf);
		if (!p)
			return NP_STUN_BAD;
		attr = np_stun_u16(p);
		len = np_stun_u16(p + 2);
		off += sizeof(head_buf);
		if (len > msg->len - off)
			return NP_STUN_BAD;
		p = np_stun_at(r, off, len < NP_STUN_VALUE ? len :
			       NP_STUN_VALUE, value_buf);
		if (!p)
			return NP_STUN_BAD;
		end = end || np_stun_is_end(attr);
		if (!end && !np_stun_attr(msg, attr, p, len))
			return NP_STUN_BAD;
		/* To the next multiple of 4; the message's length is one. */
		off += (len + 3u) & ~3u;
	}
	return NP_STUN_OK;
}

static bool np_stun_is_binding(__u16 type)
{
	return type == NP_STUN_BINDING_REQUEST ||
	       type == NP_STUN_BINDING_SUCCESS || type == NP_STUN_BINDING_ERROR;
}

/* An error says which, and anything else says none. */
static bool np_stun_is_whole(const struct np_stun_msg *msg)
{
	return msg->type == NP_STUN_BINDING_ERROR ? msg->error : !msg->error;
}

enum np_stun_result np_stun_parse(struct np_stun_msg *msg,
				  np_stun_read_fn read, const void *from,
				  __u32 off, __u32 avail)
{
	static const __u8 magic[] = { 0x21, 0x12, 0xa4, 0x42 };
	struct np_stun_reader r = {
		.read = read,
		.from = from,
		.off = off,
		.len = avail,
	};
	__u8 buf[NP_STUN_HEADER];
	enum np_stun_result res;
	const __u8 *p;
	__u32 len;

	memset(msg, 0, sizeof(*msg));
	p = np_stun_at(&r, 0, sizeof(buf), buf);
	if (!p)
		return NP_STUN_SHORT;
	len = np_stun_u16(p + 2);
	if (!np_stun_is_binding(np_stun_u16(p)) || len % 4 ||
	    len > 0xffff - NP_STUN_HEADER)
		return NP_STUN_NOT;
	msg->type = np_stun_u16(p);
	msg->len = (__u16)(NP_STUN_HEADER + len);
	memcpy(msg->id, p + 4, sizeof(msg->id));
	msg->rfc3489 = memcmp(msg->id, magic, sizeof(magic));
	if (msg->len > avail)
		return NP_STUN_SHORT;
	r.len = msg->len;
	res = np_stun_attrs(msg, &r);
	if (res == NP_STUN_OK && !np_stun_is_whole(msg))
		res = NP_STUN_BAD;
	return res;
}
