/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family natpunch: what it is told goes to wan.c and
 * mapping.c, what it is asked it reads there. The ABI is described in
 * Documentation/netlink/specs/natpunch.yaml.
 */
#ifndef _NP_NETLINK_H
#define _NP_NETLINK_H

#include <linux/types.h>

struct np_addr;
struct np_crafted;
struct np_mapping;
struct np_net;
struct np_pair;

/*
 * Tell who listens that a mapping was made (@cmd NATPUNCH_CMD_MAPPING_NEW_NTF)
 * or has ended (NATPUNCH_CMD_MAPPING_DEL_NTF, for @reason, enum
 * natpunch_end_reason). Costs next to nothing if nobody does. In any context;
 * @m must not go away meanwhile.
 */
void np_nl_mapping_event(struct np_net *npn, struct np_mapping *m,
			 u8 cmd, u8 reason);

/*
 * Tell who listens that a SYN is held (NATPUNCH_CMD_HOLD_NEW_NTF), that it is no
 * longer (NATPUNCH_CMD_HOLD_DEL_NTF, for @reason, enum natpunch_hold_end), or
 * that an answer to it was swallowed (NATPUNCH_CMD_HOLD_SWALLOW_NTF). @wan is
 * its WAN's name or NULL where that is not known. In any context.
 */
void np_nl_hold_event(struct np_net *npn, const struct np_pair *pair,
		      const char *wan, u8 state, u8 cmd, u8 reason);

/*
 * Tell who listens that a RST was dropped for a crafted flow: @rst has its
 * endpoints, and the flow's id. In any context.
 */
void np_nl_crafted_event(struct np_net *npn, const struct np_crafted *rst);

/* Tell who listens that what is known of an upstream is other than it was. */
void np_nl_upstream_event(struct np_net *npn, struct np_addr *addr,
			  unsigned int l4);

int np_nl_init(void);
void np_nl_exit(void);

#endif /* _NP_NETLINK_H */
