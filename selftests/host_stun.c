// SPDX-License-Identifier: GPL-2.0
/*
 * kernel/stun.c, the very source that the module is built of: messages of both
 * STUNs, those of RFC 5769, and messages that lie. What it reads comes in
 * fragments, and a read outside the message is a failure of its own.
 *
 * Needs no module.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernel/stun.h"
#include "lab/ktap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_READS	(2 * NP_STUN_MAX_ATTRS + 1)

/* A message, and how it is read. */
struct message {
	uint8_t data[4096];
	uint32_t len;		/* that there are */
	uint32_t cut;		/* where the second fragment begins */
	uint32_t reads;
	bool strayed;
};

static const uint8_t magic_id[NP_STUN_ID] = {
	0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01,
	0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
};

static const uint8_t old_id[NP_STUN_ID] = "sixteen octets!!";

/* In place if it does not cross the cut, else copied. */
static const void *reader(const void *from, __u32 off, __u32 len, void *buf)
{
	/* Counting is the test's, not the reader's. */
	struct message *m = (struct message *)from;

	m->reads++;
	if (off > m->len || len > m->len - off) {
		m->strayed = true;
		return NULL;
	}
	if (off >= m->cut || off + len <= m->cut)
		return m->data + off;
	memcpy(buf, m->data + off, len);
	return buf;
}

static enum np_stun_result parse_at(struct message *m, uint32_t off,
				    uint32_t avail, struct np_stun_msg *msg)
{
	enum np_stun_result res;

	memset(msg, 0xa5, sizeof(*msg));
	m->reads = 0;
	m->strayed = false;
	res = np_stun_parse(msg, reader, m, off, avail);
	if (m->strayed || m->reads > MAX_READS)
		ktap_diag("%u reads, %s the message", m->reads,
			  m->strayed ? "some outside" : "all in");
	return m->strayed || m->reads > MAX_READS ?
	       (enum np_stun_result)-1 : res;
}

static enum np_stun_result parse(struct message *m, struct np_stun_msg *msg)
{
	return parse_at(m, 0, m->len, msg);
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void begin(struct message *m, unsigned int type,
		  const uint8_t id[NP_STUN_ID])
{
	memset(m, 0, sizeof(*m));
	put16(m->data, type);
	memcpy(m->data + 4, id, NP_STUN_ID);
	m->len = NP_STUN_HEADER;
}

/* An attribute that says it has @says bytes, and has @len. */
static void add_lying(struct message *m, unsigned int attr, const void *value,
		      unsigned int len, unsigned int says)
{
	uint8_t *p = m->data + m->len;

	put16(p, attr);
	put16(p + 2, says);
	if (len)
		memcpy(p + 4, value, len);
	m->len += 4 + ((len + 3) & ~3u);
	put16(m->data + 2, m->len - NP_STUN_HEADER);
}

static void add(struct message *m, unsigned int attr, const void *value,
		unsigned int len)
{
	add_lying(m, attr, value, len, len);
}

/* An endpoint's value; its length. */
static unsigned int endpoint(uint8_t v[20], const char *addr, unsigned int port,
			     const uint8_t *mask)
{
	bool six = strchr(addr, ':');
	unsigned int i, len = six ? 20 : 8;

	v[0] = 0;
	v[1] = six ? 2 : 1;
	put16(v + 2, port);
	if (inet_pton(six ? AF_INET6 : AF_INET, addr, v + 4) != 1)
		ktap_bail("%s is no address", addr);
	for (i = 0; mask && i < 2; i++)
		v[2 + i] ^= mask[i];
	for (i = 0; mask && i < len - 4; i++)
		v[4 + i] ^= mask[i];
	return len;
}

static void add_ep(struct message *m, unsigned int attr, const char *addr,
		   unsigned int port, const uint8_t *mask)
{
	uint8_t v[20];

	add(m, attr, v, endpoint(v, addr, port, mask));
}

static bool is_ep(const struct np_stun_ep *ep, const char *addr,
		  unsigned int port)
{
	char text[INET6_ADDRSTRLEN] = "-";
	bool right;

	if (ep->len)
		inet_ntop(ep->len == 4 ? AF_INET : AF_INET6, ep->addr, text,
			  sizeof(text));
	right = !strcmp(text, addr) && ntohs(ep->port) == port;
	if (!right)
		ktap_diag("%s port %u, not %s port %u", text, ntohs(ep->port),
			  addr, port);
	return right;
}

/*
 * The messages of RFC 5769
 */

static const uint8_t vector_request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86"
	"\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client\x00\x24\x00\x04"
	"\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
	"\x00\x06\x00\011evtj:h6vY   \x00\x08\x00\x14\x9a\xea\xa7\x0c"
	"\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

static const uint8_t vector_v4[] =
	"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86"
	"\xfa\x87\xdf\xae\x80\x22\x00\x0btest vector \x00\x20\x00\x08"
	"\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99"
	"\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7"
	"\x80\x28\x00\x04\xc0\x7d\x4c\x96";

static const uint8_t vector_v6[] =
	"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86"
	"\xfa\x87\xdf\xae\x80\x22\x00\x0btest vector \x00\x20\x00\x14"
	"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5"
	"\xbe\xd2\xb9\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1"
	"\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\x80\x28\x00\x04"
	"\xc8\xfb\x0b\x4c";

static void load(struct message *m, const uint8_t *data, size_t len)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->data, data, len);
	m->len = (uint32_t)len;
}

static void test_vectors(void)
{
	struct np_stun_msg msg;
	struct message m;

	load(&m, vector_request, sizeof(vector_request) - 1);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		msg.type == NP_STUN_BINDING_REQUEST && !msg.unknown &&
		!msg.rfc3489 && msg.len == m.len &&
		!memcmp(msg.id, magic_id, sizeof(magic_id)) &&
		!np_stun_mapped(&msg)->len, "RFC 5769's request");
	load(&m, vector_v4, sizeof(vector_v4) - 1);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		msg.type == NP_STUN_BINDING_SUCCESS && !msg.unknown &&
		is_ep(np_stun_mapped(&msg), "192.0.2.1", 32853),
		"RFC 5769's IPv4 response");
	load(&m, vector_v6, sizeof(vector_v6) - 1);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		is_ep(np_stun_mapped(&msg),
		      "2001:db8:1234:5678:11:2233:4455:6677", 32853),
		"RFC 5769's IPv6 response");
}

/* Every way to cut a message into two fragments, or to cut it off. */
static void test_cuts(void)
{
	bool right = true, shorter = true;
	struct np_stun_msg msg;
	struct message m;
	uint32_t i;

	load(&m, vector_v6, sizeof(vector_v6) - 1);
	for (i = 0; i <= m.len; i++) {
		m.cut = i;
		right &= parse(&m, &msg) == NP_STUN_OK &&
			 msg.xor_mapped.len == 16;
	}
	ktap_ok(right, "wherever a fragment ends");
	m.cut = 0;
	for (i = 0; i < m.len; i++)
		shorter &= parse_at(&m, 0, i, &msg) == NP_STUN_SHORT &&
			   msg.type == (i < NP_STUN_HEADER ? 0 :
					NP_STUN_BINDING_SUCCESS);
	ktap_ok(shorter, "cut off anywhere it is short");
}

static void test_place(void)
{
	struct np_stun_msg msg;
	struct message m;
	bool ok;

	load(&m, vector_v4, sizeof(vector_v4) - 1);
	memmove(m.data + 28, m.data, m.len);
	memset(m.data, 0xff, 28);
	m.len += 28 + 7;
	ok = parse_at(&m, 28, m.len - 28, &msg) == NP_STUN_OK &&
	     msg.len == sizeof(vector_v4) - 1;
	ktap_ok(ok && is_ep(np_stun_mapped(&msg), "192.0.2.1", 32853),
		"behind a header, and with something behind it");
}

/*
 * Both STUNs
 */

static void test_rfc3489(void)
{
	struct np_stun_msg msg;
	struct message m;

	begin(&m, NP_STUN_BINDING_SUCCESS, old_id);
	add_ep(&m, NP_STUN_A_MAPPED, "198.51.100.7", 40000, NULL);
	add_ep(&m, NP_STUN_A_SOURCE, "203.0.113.1", 3478, NULL);
	add_ep(&m, NP_STUN_A_CHANGED, "203.0.113.2", 3479, NULL);
	add_ep(&m, NP_STUN_A_XOR_MAPPED_OLD, "198.51.100.8", 40001, old_id);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK && msg.rfc3489 &&
		is_ep(&msg.mapped, "198.51.100.7", 40000) &&
		is_ep(&msg.origin, "203.0.113.1", 3478) &&
		is_ep(&msg.other, "203.0.113.2", 3479) &&
		is_ep(&msg.xor_mapped, "198.51.100.8", 40001),
		"RFC 3489: every address, XOR with the whole id");
}

static void test_rfc5780(void)
{
	struct np_stun_msg msg;
	struct message m;

	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	add_ep(&m, NP_STUN_A_OTHER, "2001:db8::2", 3479, NULL);
	add_ep(&m, NP_STUN_A_ORIGIN, "2001:db8::1", 3478, NULL);
	add_ep(&m, NP_STUN_A_XOR_MAPPED, "2001:db8::3", 1, magic_id);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		is_ep(&msg.origin, "2001:db8::1", 3478) &&
		is_ep(&msg.other, "2001:db8::2", 3479) &&
		is_ep(np_stun_mapped(&msg), "2001:db8::3", 1),
		"RFC 5780: RESPONSE-ORIGIN and OTHER-ADDRESS");

	begin(&m, NP_STUN_BINDING_REQUEST, magic_id);
	add(&m, NP_STUN_A_CHANGE, "\0\0\0\6", 4);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		msg.change == (NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT),
		"RFC 5780: CHANGE-REQUEST");
}

static void test_which(void)
{
	struct np_stun_msg msg;
	struct message m;

	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	add_ep(&m, NP_STUN_A_MAPPED, "10.0.0.1", 1, NULL);
	add_ep(&m, NP_STUN_A_XOR_MAPPED, "192.0.2.1", 2, magic_id);
	add_ep(&m, NP_STUN_A_XOR_MAPPED, "192.0.2.9", 9, magic_id);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK &&
		is_ep(np_stun_mapped(&msg), "192.0.2.1", 2),
		"the XORed address before the plain one, the first of two");

	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	add_ep(&m, NP_STUN_A_XOR_MAPPED, "192.0.2.1", 2, magic_id);
	add(&m, NP_STUN_A_INTEGRITY, "twenty octets of hash", 20);
	add_ep(&m, NP_STUN_A_ORIGIN, "192.0.2.9", 9, NULL);
	add(&m, 0x7fff, "", 0);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK && !msg.origin.len &&
		!msg.unknown && is_ep(np_stun_mapped(&msg), "192.0.2.1", 2),
		"nothing from behind the integrity");
}

static void test_errors(void)
{
	struct np_stun_msg msg;
	struct message m;

	begin(&m, NP_STUN_BINDING_ERROR, magic_id);
	add(&m, NP_STUN_A_ERROR, "\0\0\4\x14Unknown Attribute", 21);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK && msg.error == 420,
		"an error response's code");
	begin(&m, NP_STUN_BINDING_ERROR, magic_id);
	ktap_ok(parse(&m, &msg) == NP_STUN_BAD, "an error without a code");
	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	add(&m, NP_STUN_A_ERROR, "\0\0\4\x14", 4);
	ktap_ok(parse(&m, &msg) == NP_STUN_BAD, "a success with an error code");
	begin(&m, NP_STUN_BINDING_ERROR, magic_id);
	add(&m, NP_STUN_A_ERROR, "\0\0\4\x64", 4);
	ktap_ok(parse(&m, &msg) == NP_STUN_BAD, "an error of number 100");
}

/*
 * Messages that lie
 */

/* A success response with one attribute as given. */
static enum np_stun_result with(unsigned int attr, const void *value,
				unsigned int len, unsigned int says,
				struct np_stun_msg *msg)
{
	struct message m;

	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	add_lying(&m, attr, value, len, says);
	return parse(&m, msg);
}

static const struct lie {
	const char *name;
	unsigned int attr;
	const char *value;
	unsigned int len;
	unsigned int says;
} lies[] = {
	{ "an address of length 0", NP_STUN_A_MAPPED, "", 0, 0 },
	{ "an XORed address of length 0", NP_STUN_A_XOR_MAPPED, "", 0, 0 },
	{ "an address cut off", NP_STUN_A_MAPPED, "\0\1\0\1\1\2\3\4", 8, 7 },
	{ "an IPv4 address too long", NP_STUN_A_MAPPED, "\0\1\0\1\1\2\3\4", 8,
	  9 },
	{ "an IPv6 address of 4 octets", NP_STUN_A_XOR_MAPPED,
	  "\0\2\0\1\1\2\3\4", 8, 8 },
	{ "an address of no family", NP_STUN_A_OTHER, "\0\3\0\1\1\2\3\4", 8,
	  8 },
	{ "a value that ends behind the message", NP_STUN_A_MAPPED,
	  "\0\1\0\1\1\2\3\4", 8, 20 },
	{ "a value of 65535 octets", 0x8022, "abcd", 4, 0xffff },
	{ "an error code cut off", NP_STUN_A_ERROR, "\0\0\4", 3, 3 },
	{ "a change request of length 0", NP_STUN_A_CHANGE, "", 0, 0 },
};

static void test_lies(void)
{
	struct np_stun_msg msg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lies); i++)
		ktap_ok(with(lies[i].attr, lies[i].value, lies[i].len,
			     lies[i].says, &msg) == NP_STUN_BAD, "%s",
			lies[i].name);
	ktap_ok(with(0x7ffe, "abcd", 4, 4, &msg) == NP_STUN_OK &&
		msg.unknown == 0x7ffe, "unknown, but to be understood");
	ktap_ok(with(0xfffe, "abc", 3, 3, &msg) == NP_STUN_OK && !msg.unknown,
		"unknown and optional, with padding");
}

static void test_lengths(void)
{
	struct np_stun_msg msg;
	struct message m;
	unsigned int i;

	load(&m, vector_v4, sizeof(vector_v4) - 1);
	put16(m.data + 2, m.len - NP_STUN_HEADER - 4);
	ktap_ok(parse(&m, &msg) == NP_STUN_BAD,
		"a message that ends within an attribute");
	put16(m.data + 2, m.len - NP_STUN_HEADER + 4);
	ktap_ok(parse(&m, &msg) == NP_STUN_SHORT,
		"a message longer than what came");
	put16(m.data + 2, m.len - NP_STUN_HEADER - 2);
	ktap_ok(parse(&m, &msg) == NP_STUN_NOT,
		"a length that is no multiple of 4");

	begin(&m, NP_STUN_BINDING_SUCCESS, magic_id);
	for (i = 0; i < NP_STUN_MAX_ATTRS; i++)
		add(&m, 0x8022, "", 0);
	ktap_ok(parse(&m, &msg) == NP_STUN_OK, "as many attributes as are read");
	add(&m, 0x8022, "", 0);
	ktap_ok(parse(&m, &msg) == NP_STUN_BAD, "one attribute more");
}

static void test_others(void)
{
	static const uint16_t types[] = {
		0x0011,		/* Binding indication */
		0x0003, 0x0103,	/* Allocate of TURN */
		0x4000,		/* TURN's channel data */
		0x8001,		/* RTP */
		0x16fe,		/* DTLS */
		0x0000, 0xffff,
	};
	struct np_stun_msg msg;
	struct message m;
	bool ok = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		begin(&m, types[i], magic_id);
		ok &= parse(&m, &msg) == NP_STUN_NOT && !msg.type;
	}
	ktap_ok(ok, "what is no Binding message");
}

/* Damage everywhere; the reader watches. */
static void test_damage(void)
{
	struct np_stun_msg msg;
	unsigned int i, seen = 0;
	struct message m;
	bool ok = true;

	srandom(20);
	for (i = 0; i < 200000; i++) {
		load(&m, vector_v6, sizeof(vector_v6) - 1);
		m.cut = (uint32_t)random() % (m.len + 1);
		m.data[4 + (unsigned long)random() % (m.len - 4)] =
			(uint8_t)random();
		m.data[NP_STUN_HEADER +
		       (unsigned long)random() % (m.len - NP_STUN_HEADER)] =
			(uint8_t)random();
		switch (parse(&m, &msg)) {
		case NP_STUN_OK:
			seen |= 1;
			break;
		case NP_STUN_BAD:
			seen |= 2;
			break;
		default:
			ok = false;
		}
	}
	ktap_ok(ok && seen == 3, "200000 damaged messages");
}

int main(void)
{
	ktap_plan(6 + 5 + 4 + ARRAY_SIZE(lies) + 2 + 5 + 2);
	test_vectors();
	test_cuts();
	test_place();
	test_rfc3489();
	test_rfc5780();
	test_which();
	test_errors();
	test_lies();
	test_lengths();
	test_others();
	test_damage();
	return ktap_exit();
}
