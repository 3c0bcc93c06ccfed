// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of a channel, in pieces. Owns those that wait, and the one that comes in.
 * A piece is the attribute
 *
 *   number of the message (8) | which piece (1) | of how many (1) | 0 (2) | bytes
 *
 * of a Binding request; all but the last have PIECE_MAX bytes. Numbers grow, over
 * restarts too: they are dates, unless two are of the same millisecond.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "channel_private.h"

#define A_PIECE		0xc05e	/* RFC 8489: need not be understood */
#define PIECE_HEADER	12

static_assert(PIECES_MAX < 256, "a byte tells which piece it is");

/* 0, 200, 600, 1400, 3000 ms; given up after 6.2 s. */
static const struct stun_timing piece_timing = {
	.rto = 200, .tries = 5, .last = 16,
};

struct parcel {
	struct parcel *next;
	struct channel *channel;
	unsigned int n, left;
	bool sent;
	struct stun_request piece[];
};

void channel_add_role(const struct channel *c, struct stun_message *m)
{
	stun_add_u64(m, c->asks ? STUN_A_ICE_CONTROLLING :
				  STUN_A_ICE_CONTROLLED, 0);
}

bool channel_is_of_peer(const struct channel *c, const uint8_t *data,
			size_t len)
{
	size_t n;

	return stun_find(data, len, c->asks ? STUN_A_ICE_CONTROLLED :
					      STUN_A_ICE_CONTROLLING, &n);
}

/* --- out ------------------------------------------------------------------- */

static void on_piece(struct stun_request *request,
		     const struct stun_answer *answer);

/* The first, if it is not on its way yet. */
static void send_next(struct channel *c)
{
	struct parcel *p = c->parcels;
	unsigned int i;

	if (!p || p->sent)
		return;
	p->sent = true;
	for (i = 0; i < p->n; i++)
		channel_request(c, &p->piece[i], &c->peer, &piece_timing,
				on_piece);
}

static void drop_first(struct channel *c)
{
	struct parcel *p = c->parcels;
	unsigned int i;

	c->parcels = p->next;
	for (i = 0; i < p->n; i++)
		stun_request_cancel(&p->piece[i]);
	free(p);
}

void channel_drop_messages(struct channel *c)
{
	while (c->parcels)
		drop_first(c);
}

static void on_piece(struct stun_request *request,
		     const struct stun_answer *answer)
{
	struct parcel *p = request->data;
	struct channel *c = p->channel;

	if (answer->outcome != STUN_ANSWERED ||
	    !channel_is_signed(c, answer->data, answer->len)) {
		channel_lost(c);
		return;
	}
	if (--p->left)
		return;
	drop_first(c);
	send_next(c);
}

static void make_piece(const struct channel *c, struct stun_message *m,
		       const uint8_t *message, size_t len, unsigned int i,
		       unsigned int n)
{
	size_t off = (size_t)i * PIECE_MAX, left = len - off;
	uint8_t piece[PIECE_HEADER + PIECE_MAX] = { 0 };
	int k;

	if (left > PIECE_MAX)
		left = PIECE_MAX;
	for (k = 0; k < 8; k++)
		piece[k] = (uint8_t)(c->last_out >> (56 - 8 * k));
	piece[8] = (uint8_t)i;
	piece[9] = (uint8_t)n;
	memcpy(piece + PIECE_HEADER, message + off, left);
	stun_begin_request(m, STUN_RFC5389);
	channel_add_role(c, m);
	stun_add(m, A_PIECE, piece, PIECE_HEADER + left);
	channel_sign(c, m);
}

static struct parcel **last_link(struct channel *c, unsigned int *n)
{
	struct parcel **link = &c->parcels;

	for (*n = 0; *link; link = &(*link)->next)
		++*n;
	return link;
}

int channel_send(struct channel *c, const uint8_t *message, size_t len)
{
	unsigned int n = (unsigned int)((len + PIECE_MAX - 1) / PIECE_MAX);
	struct parcel **link, *p;
	unsigned int i, queued;

	if (!c->up)
		return -ENOTCONN;
	if (!len || len > SEAL_MAX)
		return -EMSGSIZE;
	link = last_link(c, &queued);
	if (queued >= CHANNEL_QUEUE)
		return -ENOBUFS;
	p = calloc(1, sizeof(*p) + n * sizeof(p->piece[0]));
	if (!p)
		return -ENOMEM;
	p->channel = c;
	p->n = n;
	p->left = n;
	c->last_out = clock_real_ms() > c->last_out ? clock_real_ms() :
						      c->last_out + 1;
	for (i = 0; i < n; i++) {
		p->piece[i].data = p;
		make_piece(c, &p->piece[i].message, message, len, i, n);
	}
	*link = p;
	send_next(c);
	return 0;
}

bool channel_is_idle(const struct channel *c)
{
	return !c->parcels;
}

/* --- in -------------------------------------------------------------------- */

static bool begin_message(struct channel *c, uint64_t number, unsigned int n)
{
	if (!c->in.data)
		c->in.data = malloc((size_t)PIECES_MAX * PIECE_MAX);
	if (!c->in.data)
		return false;
	c->in.number = number;
	c->in.n = n;
	c->in.left = n;
	c->in.len = 0;
	memset(c->in.have, 0, sizeof(c->in.have));
	return true;
}

static void whole(struct channel *c)
{
	c->in.last = c->in.number;
	c->ops->message(c->data, c->in.data, c->in.len);
	if (c->dead)
		return;
	free(c->in.data);
	c->in.data = NULL;
}

bool channel_is_piece(const uint8_t *data, size_t len)
{
	size_t size;

	return stun_find(data, len, A_PIECE, &size);
}

void channel_take_piece(struct channel *c, const uint8_t *data, size_t len)
{
	unsigned int i, n, k;
	const uint8_t *piece;
	uint64_t number = 0;
	size_t size;

	piece = stun_find(data, len, A_PIECE, &size);
	if (!piece || size <= PIECE_HEADER || size > PIECE_HEADER + PIECE_MAX)
		return;
	for (k = 0; k < 8; k++)
		number = number << 8 | piece[k];
	i = piece[8];
	n = piece[9];
	size -= PIECE_HEADER;
	if (!n || n > PIECES_MAX || i >= n || number <= c->in.last ||
	    number < c->in.number || (i < n - 1 && size != PIECE_MAX))
		return;
	if ((number != c->in.number || !c->in.data) &&
	    !begin_message(c, number, n))
		return;
	if (n != c->in.n || c->in.have[i])
		return;
	memcpy(c->in.data + (size_t)i * PIECE_MAX, piece + PIECE_HEADER, size);
	c->in.have[i] = true;
	c->in.len += size;
	if (!--c->in.left)
		whole(c);
}
