/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP output, the format that the kernel's selftests speak.
 *
 * A test prints one plan and then one line a result. ktap_exit() compares the
 * two, so a test that stops half-way can not pass.
 */
#ifndef LAB_KTAP_H
#define LAB_KTAP_H

#include <stdbool.h>

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))

/** ktap_plan() - say how many results will follow; once, and first. */
void ktap_plan(unsigned int results);

/** ktap_ok() - one result: "ok N name" or "not ok N name"; returns @pass. */
bool ktap_ok(bool pass, const char *name, ...) __printf(2, 3);

/** ktap_skip() - one result that could not be had; the text is the reason. */
void ktap_skip(const char *name, const char *reason, ...) __printf(2, 3);

/** ktap_skip_all() - the whole test can not be run here; does not return. */
void ktap_skip_all(const char *reason, ...)
	__printf(1, 2) __attribute__((noreturn));

/** ktap_diag() - a line for the reader, "# ...". */
void ktap_diag(const char *fmt, ...) __printf(1, 2);

/** ktap_bail() - the lab itself is broken; does not return. */
void ktap_bail(const char *fmt, ...)
	__printf(1, 2) __attribute__((noreturn));

/** ktap_exit() - check the plan; the status main() returns (0, 1, 4 = skip). */
int ktap_exit(void);

#endif
