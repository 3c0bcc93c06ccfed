/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the gateways do: nothing, masquerade, natpunch, or both at once.
 */
#ifndef LAB_GATEWAY_H
#define LAB_GATEWAY_H

#include "lab.h"

enum nat { NAT_NONE, NAT_MASQUERADE, NAT_NATPUNCH, NAT_BOTH };

/**
 * gateway() - set one gateway up, anew: nft's ruleset, natpunch's WAN and
 * conntrack's entries are gone first. @options go to `natpunchctl wan add wan`;
 * for NAT_MASQUERADE they are the nft statement in place of `masquerade`.
 *
 * For IPv6 the option --nat66 is added.
 */
void gateway(enum node gw, enum nat nat, const char *options);

/**
 * gateways() - close all sockets, then set up GA and GB. A GB that has nothing to do
 * is left as it is.
 */
void gateways(enum nat nat_a, enum nat nat_b, const char *options);

/**
 * gateway_input() - what a gateway does with NEW packets to itself that come in by
 * its WAN: "accept" (as without rules), "drop" or "reject".
 */
void gateway_input(enum node gw, const char *verdict);

/** natpunch_missing() - why natpunch can not be tested here; NULL if it can. */
const char *natpunch_missing(void);

/**
 * natpunchctl() - run it for GA; its exit status. run_output() has the text.
 */
int natpunchctl(const char *fmt, ...) __printf(1, 2);

#endif
