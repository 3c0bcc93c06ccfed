/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's life: start, signals, reload, end. */
#ifndef _NATPUNCHD_DAEMON_H
#define _NATPUNCHD_DAEMON_H

#include "natpunchd.h"

/** daemon_run() - until it is told to end; the exit status. */
int daemon_run(const char *conf_path);

/**
 * privileges_prepare() - as root: the directories that the user who we become
 * needs. privileges_drop() - become that user, with CAP_NET_ADMIN and
 * CAP_NET_RAW and nothing else. 0, or -errno with a line in the log.
 */
int privileges_prepare(const struct conf *conf);
int privileges_drop(const struct conf *conf);

#endif /* _NATPUNCHD_DAEMON_H */
