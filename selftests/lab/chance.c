// SPDX-License-Identifier: GPL-2.0
/* Chance that can be repeated. */
#include <stdlib.h>
#include <string.h>

#include "chance.h"

static uint64_t state = 1;

unsigned long chance_count(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

unsigned long chance_seed(void)
{
	unsigned long seed = chance_count("FUZZ_SEED", 1);

	/* Small seeds are far apart, and none is 0. */
	state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	if (!state)
		state = 1;
	return seed;
}

uint64_t chance_bits(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

unsigned int chance(unsigned int n)
{
	return n ? (chance_bits() >> 32) % n : 0;
}

bool one_in(unsigned int n)
{
	return !chance(n);
}

void chance_fill(void *data, size_t len)
{
	uint8_t *bytes = data;
	uint64_t bits;
	size_t n;

	for (; len; len -= n, bytes += n) {
		bits = chance_bits();
		n = len < sizeof(bits) ? len : sizeof(bits);
		memcpy(bytes, &bits, n);
	}
}
