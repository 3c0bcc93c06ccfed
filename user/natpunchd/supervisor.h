/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who has started us and wants to be told how we are: systemd, or what speaks its
 * protocol (sd_notify(3), "Notes"; a datagram to the socket in $NOTIFY_SOCKET).
 * Spoken here because libsystemd would take a tenth of our memory for it.
 */
#ifndef _NATPUNCHD_SUPERVISOR_H
#define _NATPUNCHD_SUPERVISOR_H

#include <stdint.h>

/** supervisor_tell() - "READY=1" and the like; nothing if nobody wants to know. */
void supervisor_tell(const char *what);
/** supervisor_watchdog_us() - so often he wants "WATCHDOG=1"; 0: never. */
uint64_t supervisor_watchdog_us(void);

#endif /* _NATPUNCHD_SUPERVISOR_H */
