// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for the packets that natpunchd reads: what its queue gets from
 * the kernel, and what TURN servers and other sites send to its sockets. The first
 * byte says as what the others are read. What was read and is made again has to
 * be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/natpunchd/datagram.h"
#include "../../user/natpunchd/segment.h"
#include "../../user/natpunchd/turn_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
	if (!right)
		abort();
}

static void read_segment(const uint8_t *data, size_t size)
{
	uint8_t made[SEGMENT_SIZE];
	struct segment s, again;
	json_t *json;
	size_t len;

	if (!segment_parse(&s, data, size))
		return;
	len = segment_make(&s, made);
	if (len) {
		must(len <= sizeof(made) && segment_parse(&again, made, len));
		must(endpoint_equal(&s.src, &again.src) &&
		     endpoint_equal(&s.dst, &again.dst) && s.seq == again.seq &&
		     s.flags == again.flags && s.n_options == again.n_options &&
		     !memcmp(s.options, again.options, s.n_options));
	}
	json = segment_to_json(&s);
	segment_from_json(&again, json);
	json_decref(json);
}

static void read_datagram(const uint8_t *data, size_t size)
{
	uint8_t made[DATAGRAM_SIZE];
	struct datagram d, again;
	size_t len;

	if (!datagram_parse(&d, data, size))
		return;
	must(d.data >= data && d.len <= size &&
	     (size_t)(d.data - data) <= size - d.len);
	len = datagram_make(&d, made);
	if (len)
		must(len <= sizeof(made) &&
		     datagram_parse(&again, made, len) && d.len == again.len &&
		     !memcmp(d.data, again.data, d.len));
}

static void read_turn(const uint8_t *data, size_t size)
{
	static const char key[] = "a key";
	struct turn_credentials c = {};
	union endpoint ep;
	char reason[64];
	size_t len;

	if (!stun_is_message(data, size))
		return;
	turn_type(data);
	turn_challenged(&c, data, size);
	must(memchr(c.realm, 0, sizeof(c.realm)) &&
	     memchr(c.nonce, 0, sizeof(c.nonce)));
	turn_endpoint(&ep, data, size, TURN_A_PEER);
	turn_endpoint(&ep, data, size, TURN_A_RELAYED);
	turn_lifetime(data, size);
	turn_error(data, size, reason, sizeof(reason));
	stun_find(data, size, TURN_A_DATA, &len);
	stun_integrity_is_right(data, size, key, sizeof(key) - 1);
	stun_fingerprint_is_right(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (* const read[])(const uint8_t *data, size_t size) = {
		read_segment, read_datagram, read_turn,
	};
	uint8_t *copy;

	if (!size)
		return 0;
	/* Its own allocation, so that a byte beyond it is noticed. */
	copy = malloc(size - 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	read[data[0] % 3](copy, size - 1);
	free(copy);
	return 0;
}
