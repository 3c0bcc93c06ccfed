/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A passage: a network namespace with a WAN, for tests that make and end many. NET
 * is both neighbours of it: its LAN's host ("inside", PASSAGE_HOST) and its
 * upstream ("outside"). What NET sends to PASSAGE_FAR goes through it and comes
 * back by the other device.
 */
#ifndef LAB_PASSAGE_H
#define LAB_PASSAGE_H

#include <stdbool.h>

#define PASSAGE_HOST	"10.50.0.2"
#define PASSAGE_WAN	"10.60.0.2"
#define PASSAGE_FAR	"192.0.2.200"

/**
 * passage_make() - make it, with a reservation if @reserve; false if a command fails,
 * and run_output() says why.
 */
bool passage_make(bool reserve);
/** passage_end() - its devices go first, or the namespace by itself. */
bool passage_end(bool devices_first);

#endif
