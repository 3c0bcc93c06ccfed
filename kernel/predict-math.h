/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixed-point mathematics for the predictor: logarithms to base 2 in Q16,
 * probabilities in Q30. Good to some 1e-4, which is more than samples are.
 */
#ifndef _NP_PREDICT_MATH_H
#define _NP_PREDICT_MATH_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/string.h>
#else
#include <stddef.h>
#include <string.h>
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)
#define div64_u64(a, b)		((u64)(a) / (u64)(b))
#define div_u64(a, b)		((u64)(a) / (u32)(b))
#endif

#include "predict.h"

#define NP_Q16			65536
#define NP_LOG2_NEVER		(-(64 << 16))

/* log2(1 + i/64), Q16 */
static const u32 np_log2_table[] = {
	0, 1466, 2909, 4331, 5732, 7112, 8473, 9814, 11136, 12440, 13727,
	14996, 16248, 17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711,
	26830, 27936, 29029, 30109, 31178, 32234, 33279, 34312, 35334, 36346,
	37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068, 44990, 45904,
	46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584,
	55410, 56229, 57040, 57845, 58643, 59434, 60219, 60997, 61769, 62534,
	63294, 64047, 64794, 65536,
};

/* 2^(-i/64), Q30 */
static const u32 np_exp2_table[] = {
	1073741824, 1062175491, 1050733751, 1039415261, 1028218693,
	1017142735, 1006186087, 995347464, 984625594, 974019220, 963527098,
	953147997, 942880699, 932724001, 922676710, 912737649, 902905651,
	893179563, 883558244, 874040567, 864625413, 855311680, 846098274,
	836984114, 827968132, 819049271, 810226483, 801498734, 792865000,
	784324269, 775875538, 767517817, 759250125, 751071493, 742980960,
	734977579, 727060411, 719228525, 711481005, 703816941, 696235434,
	688735596, 681316545, 673977412, 666717336, 659535466, 652430958,
	645402981, 638450708, 631573326, 624770026, 618040012, 611382493,
	604796689, 598281827, 591837143, 585461881, 579155293, 572916640,
	566745190, 560640218, 554601009, 548626854, 542717053, 536870912,
};

/* log2 of Gamma(i/4), Q16, from i = 1 on */
static const s32 np_gamma_table[] = {
	121781, 54116, 19220, 0, -9291, -11420, -7980, 0, 11806, 26916, 44931,
	65536, 88479, 113550, 140576, 169408, 199919, 231997, 265546, 300480,
	336723, 374205, 412866, 452650, 493506, 535387, 578250, 622058,
	666773, 712363, 758795, 806041, 854074, 902869, 952401, 1002649,
	1053591, 1105208, 1157482, 1210393, 1263926, 1318065, 1372794,
	1428099, 1483967, 1540384, 1597337, 1654816, 1712809, 1771304,
	1830291, 1889760, 1949702, 2010108, 2070967, 2132272, 2194015,
	2256188, 2318782, 2381791, 2445208, 2509024, 2573235, 2637833,
};

/* log2 of @x, which is not 0. */
static inline u32 np_log2(u64 x)
{
	u32 n = (u32)fls64(x) - 1, i, rest;

	x <<= 63 - n;
	i = (u32)(x >> 57) & 63;
	rest = (u32)(x >> 41) & 0xffff;
	return (n << 16) + np_log2_table[i] +
	       (((np_log2_table[i + 1] - np_log2_table[i]) * rest) >> 16);
}

/*
 * @n times log2(@a / @b), @a being at least @b and below 2^33, @n below 2^16: exact
 * where the two are close, as many of them are added up.
 */
static inline s64 np_log2_ratio(u64 a, u64 b, u32 n)
{
	if ((a - b) * 8 < a)
		return (s64)div64_u64((a - b) * 189097 * n, a + b);
	return (s64)(np_log2(a) - np_log2(b)) * n;
}

/* 2^-y of @y in Q16, as Q30; 1 for what is below 0. */
static inline u32 np_exp2_minus(s64 y)
{
	u32 i, rest, p;

	if (y <= 0)
		return NP_P_ONE;
	if (y >= 31 << 16)
		return 0;
	i = (u32)(y >> 10) & 63;
	rest = (u32)y & 1023;
	p = np_exp2_table[i] -
	    (((np_exp2_table[i] - np_exp2_table[i + 1]) * rest) >> 10);
	return p >> (y >> 16);
}

/* log2 of Gamma(@x), @x in Q8 and at least 1/4: Stirling, or the table. */
static inline s64 np_log2_gamma(u64 x)
{
	s64 lg;
	u32 i;

	if (x < 64)
		x = 64;
	if (x < 256)	/* too curved for the table */
		return np_log2_gamma(x + 256) - ((s64)np_log2(x) - (8 << 16));
	if (x < 15 << 8) {
		i = (u32)(x >> 6);
		return np_gamma_table[i - 1] +
		       (((s64)np_gamma_table[i] - np_gamma_table[i - 1]) *
			(s32)(x & 63)) / 64;
	}
	lg = (s64)np_log2(x) - (8 << 16);
	return (((s64)x - 128) * lg - (s64)x * 94548) / 256 + 86885 +
	       (s64)div64_u64(7879 << 8, x);
}

/* The square root of @x, rounded down. */
static inline u32 np_sqrt(u64 x)
{
	u64 r, bit = 1ULL << 62;

	if (!x)
		return 0;
	r = 0;
	bit >>= (64 - (u32)fls64(x)) & ~1U;
	while (bit) {
		if (x >= r + bit) {
			x -= r + bit;
			r = (r >> 1) + bit;
		} else {
			r >>= 1;
		}
		bit >>= 2;
	}
	return (u32)r;
}

/* Of 0 and another number it is that one. */
static inline u32 np_gcd(u32 a, u32 b)
{
	u32 rest;

	while (b) {
		rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* @a times @b, both Q30. */
static inline u32 np_mul(u32 a, u32 b)
{
	return (u32)((u64)a * b >> NP_P_BITS);
}

/* log2(2^a + 2^b). */
static inline s64 np_log2_add(s64 a, s64 b)
{
	s64 more = a > b ? a : b;
	u32 p = NP_P_ONE + np_exp2_minus(a > b ? a - b : b - a);

	return more + np_log2(p) - (NP_P_BITS << 16);
}

#endif
