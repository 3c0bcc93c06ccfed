/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program that makes its own TCP: selftests/handshake.py, which uses Scapy and
 * knows nothing of natpunch. A runs it against a listener of the server's.
 */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

#include "lab.h"

/** struct script - what came of it */
struct script {
	bool said;		/* the server has heard what it had to say */
	bool answered;		/* and it the server's answer */
	bool reset;		/* A's kernel sent a RST for its connection */
	char output[200];	/* its last line */
};

/** script_run() - run it in A, behind @prefix ("natpunchctl ... --" or ""). */
struct script script_run(const char *prefix);

#endif
