/* SPDX-License-Identifier: GPL-2.0 */
/*
 * coturn on the server, which tells who asks by what endpoint it is seen.
 */
#ifndef LAB_TURN_H
#define LAB_TURN_H

#include "lab.h"

#define TURN_PORT	3478

/**
 * turn_start() - start it, and wait until it answers
 * @addresses: the first one, and " -L ADDRESS" for each further one
 * @other_port: where it answers besides TURN_PORT
 */
struct job turn_start(const char *addresses, unsigned int other_port);

#endif
