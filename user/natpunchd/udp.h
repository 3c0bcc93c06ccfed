/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows over UDP: what is different from TCP's (flow.h).
 *
 *   asks                                     serves
 *   the client's first packet waits in the
 *   queue; its external endpoint is reserved,
 *   and asked of a STUN server if need be
 *           --- open: endpoints, key --->
 *                                            asks for its own endpoint again if
 *                                            it was idle; opens its NATs by
 *                                            checks with a short life
 *           <-- opened: endpoints -------
 *           === checks (check.h) ========>   their authentic source may enter
 *           <============================
 *   the packet goes to who has answered
 *
 * The one who serves sends checks, too, a little later: behind NATs whose mapping
 * depends on the destination they say where he comes from.
 *
 * Where one side's NATs give each destination another endpoint, its ports are guessed
 * (guess.h) from fresh samples and told, in "open" or in "opened"; the other side
 * opens towards all of these, or checks all of them. Only one of both sides can be
 * guessed so, unless the first port is right.
 *
 * A flow that lives is kept alive in conntrack and in the NATs upstream while it is
 * idle, for as long as the configuration's udp_idle: by STUN indications that die
 * behind the outermost NAT in front of us.
 */
#ifndef _NATPUNCHD_UDP_H
#define _NATPUNCHD_UDP_H

#include "flow.h"

struct datagram;

/** udp_take() - a STUN message to one of our endpoints; true: it was for us. */
bool udp_take(struct gateway *gw, const struct datagram *d);
/** udp_keep() - keep a live flow alive, and look at it again later. */
void udp_keep(struct flow *f);
/** udp_parse() - endpoints in a message, those that the WAN reaches. */
void udp_parse(struct flow *f, const json_t *array);

/* udp_ask.c */
/** udp_guess() - our NATs' ports are guessed; then flow_ask(). */
void udp_guess(struct flow *f);
/** udp_ask() - what to send for "open"; @from is stolen. */
json_t *udp_ask(struct flow *f, json_t *from);
void udp_opened(struct flow *f, const json_t *body);
/** udp_widen() - a probe: check the others, too, if they waited (ways.h). */
bool udp_widen(struct flow *f);
/** udp_early() - check what is known, without waiting for "opened". */
void udp_early(struct flow *f);

/* udp_serve.c */
void udp_serve(struct flow *f, const json_t *body);

#define UDP_SAMPLES	2	/* of a moment ago, to guess from */
#define UDP_REPEAT_MS	500	/* from one round of guessed ports to the next */

#endif /* _NATPUNCHD_UDP_H */
