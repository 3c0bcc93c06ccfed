/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The log: a line for each thing that an administrator wants to know, to stderr
 * (with the priority prefixes of sd-daemon(3) under systemd) or syslog. May be
 * used from any thread.
 */
#ifndef _NATPUNCHD_LOG_H
#define _NATPUNCHD_LOG_H

#include <stdbool.h>
#include <syslog.h>

/** log_start() - from now on so; by default everything up to info, to stderr. */
void log_start(bool to_syslog, int level);

void log_at(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)		log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...)	log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...)		log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)		log_at(LOG_DEBUG, __VA_ARGS__)

#endif /* _NATPUNCHD_LOG_H */
