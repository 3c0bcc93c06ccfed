// SPDX-License-Identifier: GPL-2.0
/*
 * The model, see bench_punch.h. Of a range of ports: who has such a NAT opens @flows,
 * the other side tries @tries of the range ("birthday"). Of a counter: 5 foreign
 * flows come, on the average, between the sample and the flow; the list of ports
 * has those that make up 98 %.
 */
#include <math.h>
#include <string.h>

#include "bench_punch.h"

#define LISTED	0.98

#define RANDOM	64512

#define BUSY	",cross=50"	/* a second: 5 in the 100 ms until the flow */
#define APD	"mapping=apd,filter=apd"

const struct kind kinds[] = {
	{ .name = "public", .lets_in = true },
	{ .name = "eif", .zoo = "home-open", .lets_in = true },
	{ .name = "adf", .zoo = "home-restricted", .lets_in = true },
	{ .name = "apdf", .zoo = "home" },
	{ .name = "ad", .zoo = "address-dependent", .ports = PORT_ANY,
	  .lets_in = true, .range = RANDOM, .flows = 256, .tries = 1024 },
	{ .name = "+1", .zoo = APD ",alloc=seq:+1", .ports = PORT_COUNTED },
	{ .name = "+2", .zoo = APD ",alloc=seq:+2", .ports = PORT_COUNTED },
	{ .name = "-3", .zoo = APD ",alloc=seq:-3", .ports = PORT_COUNTED },
	{ .name = "+1m5", .zoo = APD ",alloc=seq:+1" BUSY,
	  .ports = PORT_COUNTED_BUSY },
	{ .name = "+2m5", .zoo = APD ",alloc=seq:+2" BUSY,
	  .ports = PORT_COUNTED_BUSY },
	{ .name = "-3m5", .zoo = APD ",alloc=seq:-3" BUSY,
	  .ports = PORT_COUNTED_BUSY },
	{ .name = "block", .zoo = APD ",alloc=block:512", .ports = PORT_ANY,
	  .range = 512, .flows = 64, .tries = 32 },
	{ .name = "band", .zoo = APD ",alloc=band:251", .ports = PORT_ANY,
	  .range = 251, .flows = 32, .tries = 32 },
	{ .name = "random", .zoo = APD ",alloc=random", .ports = PORT_ANY,
	  .range = RANDOM, .flows = 256, .tries = 1024 },
};

const size_t n_kinds = ARRAY_SIZE(kinds);

const struct kind *kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < n_kinds; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* One of @flows ports of the range is one of @tries. */
static double birthday(const struct kind *k)
{
	double none = 1;
	unsigned int i;

	for (i = 0; i < k->tries; i++)
		none *= 1 - (double)k->flows / (k->range - i);
	return 1 - none;
}

/*
 * Who is let in by @open finds it, and is found by that. Each try takes a port of his:
 * of a narrow range no more than natpunch advises.
 */
static double by_address(struct kind open, const struct kind *tries)
{
	if (tries->ports == PORT_ANY && tries->range < open.tries)
		open.tries = tries->flows;
	return birthday(&open);
}

static double counted(const struct kind *k)
{
	return k->ports == PORT_COUNTED_BUSY ? LISTED : 1;
}

/*
 * Both filter by port, so each has to send to the port that the other gets for just
 * that: of a range that is one in its size for each packet.
 */
static double both_by_port(const struct kind *a, const struct kind *b)
{
	const struct kind *any = a->ports == PORT_ANY ? a : b;
	const struct kind *other = any == a ? b : a;
	double met = any->tries;

	if (any->ports != PORT_ANY)
		return counted(a) * counted(b);
	if (other->ports == PORT_ANY)
		met *= (double)other->tries / other->range;
	return 1 - exp(-met / any->range);
}

double model(const struct kind *a, const struct kind *b)
{
	const struct kind *moves = a->ports != PORT_KNOWN ? a : b;
	const struct kind *stays = moves == a ? b : a;

	if (moves->ports == PORT_KNOWN)
		return 1;
	if (stays->ports == PORT_KNOWN && stays->lets_in)
		return 1;
	if (stays->ports == PORT_KNOWN)
		return moves->ports == PORT_ANY ? birthday(moves) :
						  counted(moves);
	if (a->lets_in || b->lets_in)
		return by_address(a->lets_in ? *a : *b, a->lets_in ? b : a);
	return both_by_port(a, b);
}
