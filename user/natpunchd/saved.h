/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state directory: what was added by the control socket, and open paths.
 * Files are replaced as a whole, so that one is never half written.
 */
#ifndef _NATPUNCHD_SAVED_H
#define _NATPUNCHD_SAVED_H

#include "natpunchd.h"

/** saved_write() - write what has changed, once the loop is back. */
void saved_write(struct daemon *d);
/** saved_settle() - write it now: somebody is about to be told that it is so. */
void saved_settle(struct daemon *d);
/** saved_flush() - write all. */
void saved_flush(struct daemon *d);
/** saved_read() - services and sessions from before the start. */
void saved_read(struct daemon *d);

/** state_path() - a file of the state directory; NULL: too long. */
const char *state_path(const struct daemon *d, char *buf, size_t size,
		       const char *name);
/** state_write(), state_load() - JSON. 0 or -errno; NULL: there is none. */
int state_write(const struct daemon *d, const char *name, const json_t *json);
json_t *state_load(const struct daemon *d, const char *name);

#endif /* _NATPUNCHD_SAVED_H */
