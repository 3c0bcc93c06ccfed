/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls: where a kernel module calls functions of the kernel, read from its file.
 */
#ifndef LAB_CALLS_H
#define LAB_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/** struct call - an instruction that calls */
struct call {
	const char *callee;
	const char *caller;	/* the function that it is in */
	size_t into;		/* bytes from that one's begin */
	/*
	 * The same place, in a way that is unambiguous: from a symbol whose name
	 * is the only one of its kind, at the begin of the section.
	 */
	const char *anchor;
	size_t offset;
};

/**
 * calls_read() - all calls of functions outside of the module's file @path that
 * @match likes, in their order in the file. The texts stay; the array is the
 * caller's.
 * Return: how many; ends the test if the file can not be read
 */
size_t calls_read(const char *path, bool (*match)(const char *callee),
		  struct call **calls);

#endif
