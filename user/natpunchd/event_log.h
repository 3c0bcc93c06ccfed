/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what happens to sessions, told to those who watch the control socket
 * and to the program that the configuration names.
 */
#ifndef _NATPUNCHD_EVENT_LOG_H
#define _NATPUNCHD_EVENT_LOG_H

struct session;

/** event_session() - its state is another one. */
void event_session(const struct session *s);

#endif /* _NATPUNCHD_EVENT_LOG_H */
