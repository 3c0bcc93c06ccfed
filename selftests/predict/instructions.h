/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts instructions exactly, without any help of the processor: a child runs
 * the function, and is stepped through it.
 */
#ifndef PREDICT_INSTRUCTIONS_H
#define PREDICT_INSTRUCTIONS_H

/**
 * instructions() - those of one call of @function; below 0 with errno if that can
 * not be found out. What the function changes is changed in a child only.
 */
double instructions(void (*function)(void));

#endif
