// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for kernel/stun.c. The first byte of the input is where the
 * fragment ends that the message begins in; the rest is the message. What is read
 * across that border is read from a copy of its own, so that the sanitizer sees a
 * byte too much.
 *
 * The corpus beside it, stun/, has messages of both STUNs and messages that lie.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	__u32 len;
	__u32 cut;
	unsigned int reads;
};

static const void *reader(const void *from, __u32 off, __u32 len, void *buf)
{
	struct input *in = (struct input *)from;

	if (++in->reads > 2 * NP_STUN_MAX_ATTRS + 1)
		abort();	/* the work is not bounded */
	if (off > in->len || len > in->len - off)
		abort();	/* outside the message */
	if (off >= in->cut || off + len <= in->cut)
		return in->data + off;
	memcpy(buf, in->data + off, len);
	return buf;
}

static void check_ep(const struct np_stun_ep *ep)
{
	if (ep->len != 0 && ep->len != 4 && ep->len != 16)
		abort();
}

static void check(const struct np_stun_msg *msg, const struct input *in)
{
	if (msg->len < NP_STUN_HEADER || msg->len > in->len)
		abort();
	if (msg->error && (msg->error < 100 || msg->error > 699))
		abort();
	if (msg->type == NP_STUN_BINDING_ERROR ? !msg->error : msg->error)
		abort();
	check_ep(&msg->mapped);
	check_ep(&msg->xor_mapped);
	check_ep(&msg->origin);
	check_ep(&msg->other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct np_stun_msg msg;
	struct input in;

	if (size < 1 || size > 4096)
		return 0;
	in.data = data + 1;
	in.len = (__u32)size - 1;
	in.cut = data[0];
	in.reads = 0;
	if (np_stun_parse(&msg, reader, &in, 0, in.len) == NP_STUN_OK)
		check(&msg, &in);
	return 0;
}
