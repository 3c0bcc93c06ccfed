/* SPDX-License-Identifier: GPL-2.0 */
/* The names by which nft says what is to become of a flow; see helper.h. */
#ifndef _NP_POLICY_H
#define _NP_POLICY_H

#define NP_POLICY_NAME		"natpunch"
#define NP_POLICY_NAME_EIF	"natpunch-eif"
#define NP_POLICY_NAME_ADF	"natpunch-adf"
#define NP_POLICY_NAME_APDF	"natpunch-apdf"
#define NP_POLICY_NAME_OFF	"natpunch-off"

/* Slots for np_helper_register(). */
#define NP_SLOT_WATCHER		1
#define NP_SLOT_POLICY		2

/* Not for rules: what we give to flows ourselves. */
#define NP_WATCHER_NAME		"natpunch-watch"

#endif /* _NP_POLICY_H */
