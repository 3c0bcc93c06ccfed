/* SPDX-License-Identifier: GPL-2.0 */
/* Certificates for the servers of a test; the VM has no program that makes them. */
#ifndef LAB_CERTIFICATE_H
#define LAB_CERTIFICATE_H

#include <stdbool.h>

/**
 * certificate_make() - NAME.pem and NAME.key, signed by itself, valid for an hour.
 * @names: "IP:192.0.2.1", "DNS:turn.test,IP:..."
 */
bool certificate_make(const char *name, const char *names);

#endif
