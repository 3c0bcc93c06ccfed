// SPDX-License-Identifier: GPL-2.0
/* STUN messages, made and searched. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "stun-message.h"

/* The length in the header is always that of what is there. */
static void set_length(struct stun_message *m)
{
	size_t len = m->len - NP_STUN_HEADER;

	m->data[2] = (uint8_t)(len >> 8);
	m->data[3] = (uint8_t)len;
}

void stun_begin(struct stun_message *m, uint16_t type,
		const uint8_t id[NP_STUN_ID])
{
	memset(m, 0, sizeof(*m));
	m->data[0] = (uint8_t)(type >> 8);
	m->data[1] = (uint8_t)type;
	memcpy(m->data + 4, id, NP_STUN_ID);
	m->len = NP_STUN_HEADER;
}

void stun_begin_request(struct stun_message *m, enum stun_dialect dialect)
{
	static const uint8_t magic[] = { 0x21, 0x12, 0xa4, 0x42 };
	uint8_t id[NP_STUN_ID];

	/* So few bytes are there, or there is no randomness to be had. */
	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		abort();
	if (dialect == STUN_RFC5389)
		memcpy(id, magic, sizeof(magic));
	stun_begin(m, NP_STUN_BINDING_REQUEST, id);
}

/* Room for a value and its padding, which is 0; NULL if there is none. */
static uint8_t *add_header(struct stun_message *m, uint16_t attr, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;
	uint8_t *p;

	if (!m->len || len > STUN_MESSAGE_SIZE ||
	    padded + 4 > STUN_MESSAGE_SIZE - m->len) {
		m->len = 0;
		return NULL;
	}
	p = m->data + m->len;
	p[0] = (uint8_t)(attr >> 8);
	p[1] = (uint8_t)attr;
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	m->len += padded + 4;
	set_length(m);
	return p + 4;
}

void stun_add(struct stun_message *m, uint16_t attr, const void *value,
	      size_t len)
{
	uint8_t *p = add_header(m, attr, len);

	if (p && len)
		memcpy(p, value, len);
}

void stun_add_u32(struct stun_message *m, uint16_t attr, uint32_t value)
{
	uint32_t be = htonl(value);

	stun_add(m, attr, &be, sizeof(be));
}

void stun_add_u64(struct stun_message *m, uint16_t attr, uint64_t value)
{
	uint32_t be[2] = { htonl((uint32_t)(value >> 32)),
			   htonl((uint32_t)value) };

	stun_add(m, attr, be, sizeof(be));
}

/* RFC 8489 section 14.1 and 14.2: the mask is the id with its cookie, or 0. */
static void add_addr(struct stun_message *m, uint16_t attr,
		     const struct sockaddr *sa, const uint8_t *mask)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;
	bool v6 = sa->sa_family == AF_INET6;
	uint8_t v[20] = { 0, v6 ? 2 : 1 };
	size_t len = v6 ? 20 : 8, i;

	memcpy(v + 2, v6 ? &in6->sin6_port : &in->sin_port, 2);
	if (v6)
		memcpy(v + 4, &in6->sin6_addr, 16);
	else
		memcpy(v + 4, &in->sin_addr, 4);
	for (i = 2; i < len && mask; i++)
		v[i] ^= mask[i < 4 ? i - 2 : i - 4];
	stun_add(m, attr, v, len);
}

void stun_add_addr(struct stun_message *m, uint16_t attr,
		   const struct sockaddr *sa)
{
	add_addr(m, attr, sa, NULL);
}

void stun_add_xor_addr(struct stun_message *m, uint16_t attr,
		       const struct sockaddr *sa)
{
	add_addr(m, attr, sa, m->data + 4);
}

void stun_add_error(struct stun_message *m, unsigned int code,
		    const char *reason)
{
	size_t len = strlen(reason);
	uint8_t *p = add_header(m, NP_STUN_A_ERROR, 4 + len);

	if (!p)
		return;
	p[2] = (uint8_t)(code / 100);
	p[3] = (uint8_t)(code % 100);
	memcpy(p + 4, reason, len);
}

struct piece {
	const uint8_t *data;
	size_t len;
};

static const void *read_piece(const void *from, __u32 off, __u32 len, void *buf)
{
	const struct piece *piece = from;

	(void)buf;
	if (off > piece->len || len > piece->len - off)
		return NULL;
	return piece->data + off;
}

enum np_stun_result stun_parse(struct np_stun_msg *msg, const void *data,
			       size_t len)
{
	struct piece piece = { .data = data, .len = len };

	if (len > UINT16_MAX)
		len = UINT16_MAX;
	return np_stun_parse(msg, read_piece, &piece, 0, (__u32)len);
}

const uint8_t *stun_find(const void *data, size_t len, uint16_t attr,
			 size_t *value_len)
{
	const uint8_t *p = (const uint8_t *)data + NP_STUN_HEADER;
	const uint8_t *end = (const uint8_t *)data + len;
	uint16_t type, n;
	bool covered = true;

	for (; end - p >= 4; p += 4 + ((n + 3) & ~3)) {
		type = (uint16_t)(p[0] << 8 | p[1]);
		n = (uint16_t)(p[2] << 8 | p[3]);
		if (n > end - p - 4)
			return NULL;
		if (type == attr && (covered || type == STUN_A_FINGERPRINT)) {
			*value_len = n;
			return p + 4;
		}
		if (type == NP_STUN_A_INTEGRITY)
			covered = false;
		if (((n + 3) & ~3) > end - p - 4)
			return NULL;
	}
	return NULL;
}

bool stun_is_message(const void *data, size_t len)
{
	const uint8_t *p = data;

	/* RFC 3489's are known by their type alone. */
	return len >= NP_STUN_HEADER && p[0] < 4 && !(p[3] & 3) &&
	       (size_t)(p[2] << 8 | p[3]) + NP_STUN_HEADER <= len;
}

socklen_t stun_sockaddr(struct sockaddr_storage *ss,
			const struct np_stun_ep *ep)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (ep->len == 4) {
		in->sin_family = AF_INET;
		in->sin_port = ep->port;
		memcpy(&in->sin_addr, ep->addr, 4);
		return sizeof(*in);
	}
	if (ep->len == 16) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = ep->port;
		memcpy(&in6->sin6_addr, ep->addr, 16);
		return sizeof(*in6);
	}
	return 0;
}
