/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work that may block (getaddrinfo(), connect()) and so has to be done beside
 * the loop: in a thread of its own, which ends with it.
 */
#ifndef _NATPUNCHD_WORK_H
#define _NATPUNCHD_WORK_H

#include "natpunchd.h"

struct addrinfo;

/**
 * work_start() - call @run in a thread, then @done in the loop. @run must touch
 * nothing but what @data points to, and nobody else may touch that meanwhile.
 * There is no way to cancel it: let @done see that nobody wants it any more.
 * Return: 0, -EAGAIN (WORK_MAX are running), or another -errno.
 */
#define WORK_MAX	32

int work_start(struct event_base *base, void (*run)(void *data),
	       void (*done)(void *data), void *data);

/**
 * resolve_start() - getaddrinfo() beside the loop. @done gets getaddrinfo()'s
 * result and, on 0, a list which is freed after it returned.
 */
int resolve_start(struct event_base *base, const char *host, int port,
		  int socktype,
		  void (*done)(void *data, int error,
			       const struct addrinfo *list),
		  void *data);

#endif /* _NATPUNCHD_WORK_H */
