// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target for natpunchd's configuration: any file. Who writes it is
 * trusted, but may err, and a reload must not end a daemon that works.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../user/natpunchd/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a string that a syntax error ends. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

static char path[32];
static FILE *nowhere;
static int file = -1;

static void start(void)
{
	file = memfd_create("conf", MFD_CLOEXEC);
	nowhere = fopen("/dev/null", "w");
	if (file < 0 || !nowhere)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (file < 0)
		start();
	if (ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	conf_free(conf_read(path, nowhere));
	return 0;
}
