// SPDX-License-Identifier: GPL-2.0
/* KTAP output. Owns the counters; a test has one thread. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ktap.h"

#define EXIT_SKIPPED 4		/* kselftest's KSFT_SKIP */

static unsigned int planned, passed, failed, skipped;

static void start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("KTAP version 1");
}

static void print_text(const char *fmt, va_list args)
{
	vprintf(fmt, args);
	putchar('\n');
	fflush(stdout);
}

void ktap_plan(unsigned int results)
{
	start();
	planned = results;
	printf("1..%u\n", results);
}

bool ktap_ok(bool pass, const char *name, ...)
{
	va_list args;

	*(pass ? &passed : &failed) += 1;
	printf("%s %u ", pass ? "ok" : "not ok", passed + failed + skipped);
	va_start(args, name);
	print_text(name, args);
	va_end(args);
	return pass;
}

void ktap_skip(const char *name, const char *reason, ...)
{
	va_list args;

	skipped++;
	printf("ok %u %s # SKIP ", passed + failed + skipped, name);
	va_start(args, reason);
	print_text(reason, args);
	va_end(args);
}

void ktap_skip_all(const char *reason, ...)
{
	va_list args;

	if (!planned)
		start();
	printf("1..0 # SKIP ");
	va_start(args, reason);
	print_text(reason, args);
	va_end(args);
	exit(EXIT_SKIPPED);
}

void ktap_diag(const char *fmt, ...)
{
	va_list args;

	printf("# ");
	va_start(args, fmt);
	print_text(fmt, args);
	va_end(args);
}

void ktap_bail(const char *fmt, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, fmt);
	print_text(fmt, args);
	va_end(args);
	exit(EXIT_FAILURE);
}

int ktap_exit(void)
{
	unsigned int seen = passed + failed + skipped;

	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n",
	       passed, failed, skipped);
	if (seen != planned) {
		ktap_diag("%u results were planned, %u came", planned, seen);
		return EXIT_FAILURE;
	}
	if (failed)
		return EXIT_FAILURE;
	return skipped == seen && seen ? EXIT_SKIPPED : EXIT_SUCCESS;
}
