/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chance that can be repeated: xorshift64*, seeded by the environment's FUZZ_SEED
 * (else 1). One sequence a process.
 */
#ifndef LAB_CHANCE_H
#define LAB_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** chance_seed() - begin the sequence; returns the seed, for the log. */
unsigned long chance_seed(void);
/** chance_count() - @name of the environment as a number, else @otherwise. */
unsigned long chance_count(const char *name, unsigned long otherwise);
uint64_t chance_bits(void);
/** chance() - 0 to @n - 1; 0 if @n is 0. */
unsigned int chance(unsigned int n);
/** one_in() - true once in @n times. */
bool one_in(unsigned int n);
/** chance_fill() - @len random bytes. */
void chance_fill(void *data, size_t len);

#define chance_of(array) ((array)[chance(sizeof(array) / sizeof((array)[0]))])

#endif
