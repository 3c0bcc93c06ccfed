/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where packets meet mappings: source NAT, destination NAT, hairpinning.
 *
 * We are an entry in the NAT core's list of chains, not a packet hook: it calls
 * us for the first packet of a flow only. Established packets never come here.
 */
#ifndef _NP_NAT_H
#define _NP_NAT_H

struct np_net;

void np_nat_ops_init(struct np_net *npn);

#endif /* _NP_NAT_H */
