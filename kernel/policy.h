/* SPDX-License-Identifier: GPL-2.0 */
/* The names by which nft says what is to become of a flow; see helper.h. */
#ifndef _NP_POLICY_H
#define _NP_POLICY_H

#define NP_POLICY_NAME		"natpunch"
#define NP_POLICY_NAME_EIF	"natpunch-eif"
#define NP_POLICY_NAME_ADF	"natpunch-adf"
#define NP_POLICY_NAME_APDF	"natpunch-apdf"
#define NP_POLICY_NAME_OFF	"natpunch-off"
#define NP_POLICY_NAME_STUN	"natpunch-stun"

/* Slots for np_helper_register(). */
#define NP_SLOT_OURS		0	/* and what is seen, 1 to 3 */
#define NP_SLOT_POLICY		8

/* Not for rules: what we give to flows ourselves. */
#define NP_WATCHER_NAME		"natpunch-watch"
#define NP_OBSERVER_NAME	"natpunch-sniff"
#define NP_BOTH_NAME		"natpunch-both"

#endif /* _NP_POLICY_H */
