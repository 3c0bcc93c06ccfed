// SPDX-License-Identifier: GPL-2.0
/* The two clocks: one that only counts, one that people set. */
#include <time.h>

#include "natpunchd.h"

static uint64_t now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_ms(void)
{
	return now_ms(CLOCK_MONOTONIC);
}

uint64_t clock_real_ms(void)
{
	return now_ms(CLOCK_REALTIME);
}
