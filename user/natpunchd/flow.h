/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows: the connections of a session, one for each endpoint of a client that
 * comes to the listener. How one begins with TCP (udp.h has the other):
 *
 *   asks                                     serves
 *   the client's SYN waits in the queue
 *   its external endpoint is reserved, and
 *   asked of a STUN server if need be
 *           --- open: endpoints, SYN -->
 *                                            if NATs upstream are to be opened:
 *                                            shows the SYN to the service, sees
 *                                            its SYN/ACK, sends a SYN with that
 *                                            sequence number and a short life
 *                                            the peer's endpoint may enter
 *           <-- opened -----------------
 *   the SYN goes, and reaches the service,
 *   which answers as before
 *
 * The kernel does the rest: both sides only look whether the flow lives.
 *
 * Why the SYN is shown first: NATs that look at sequence numbers (Linux does)
 * want the service's SYN/ACK to continue the SYN that opened them.
 *
 * Where NATs give each destination another endpoint, the ports of one side are
 * guessed (guess.h), and found out with copies of the client's SYN:
 *
 *   asks                                     serves
 *   guesses its own ports
 *           --- open: these ports ----->
 *                                            opens NATs upstream towards them,
 *                                            or guesses its own ports, and opens
 *                                            from those
 *           <-- opened: these ports -----
 *   copies of the SYN to these ports, from
 *   as many of ours as it takes
 *                                            one comes in: its sequence number
 *                                            is known, its endpoint may enter
 *   the SYN/ACK tells which one it was; the
 *   SYN itself goes that very way
 *
 * A probe between endpoints that are known does not wait for "opened": its copies
 * leave when "open" will have arrived.
 *
 * Ports that were tried are used up: another attempt takes others of ours.
 *
 * What the serving site's router forwards (portmap.h), or what has no NAT before it,
 * needs none of that. It is *forwarded*:
 *
 *           --- open: forwarded, SYN -->
 *                                            the peer's addresses may enter, with
 *                                            this SYN
 *           <-- opened -----------------
 *   the SYN goes, and reaches the service
 *
 * A *probe* is a flow without a client: it ends with the service's SYN/ACK, which
 * is answered with RST. The service's accept() never hears of it. It finds out
 * which of the peer's endpoints answers, before any client comes.
 */
#ifndef _NATPUNCHD_FLOW_H
#define _NATPUNCHD_FLOW_H

#include "check.h"
#include "gateway.h"
#include "guess.h"
#include "pace.h"
#include "path.h"
#include "segment.h"

#define FLOW_ID_SIZE	17
#define MAX_FLOWS	256	/* of a session */
#define MAX_FLOWS_OPENING 32	/* ... that do not live yet */
#define FLOW_ENDPOINTS	8	/* of the other side, for one flow */

#define FLOW_OPEN_MS	10000	/* so long it may take to open one */

enum flow_state {
	FLOW_MAPPING,		/* asks: waits for a STUN server */
	FLOW_ASKED,		/* asks: waits for the peer */
	FLOW_PUNCHING,		/* asks: copies of the SYN are on their way */
	FLOW_LEARNING,		/* serves: waits for the service's SYN/ACK */
	FLOW_CHECKING,		/* UDP: connectivity checks run */
	FLOW_OPENED,		/* the client's packet is on its way */
	FLOW_LIVE,
};

/** struct flow_peer - serves: an endpoint that the client may come from. */
struct flow_peer {
	union endpoint ep;
	union endpoint at;		/* ... at this one of ours */
	struct segment synack;		/* the service's answer to it */
	bool watched, learned;
};

struct flow {
	struct flow *next;
	struct path *path;
	char id[FLOW_ID_SIZE];
	enum flow_state state;
	bool probe;
	bool forwarded;			/* nothing upstream of serves is to be opened */
	struct event *timer;
	unsigned int tries;
	uint64_t began_ms;		/* clock_ms() */
	uint64_t live_ms;
	struct segment syn;		/* src: the client, dst: the listener */

	/* endpoints that are not known for sure; NULL if they are */
	struct samples *samples;
	struct guess *guess;		/* the other side's */
	struct locals *locals;		/* ours */
	struct pace *pace;
	unsigned int attempts;
	enum candidate_kind way;	/* that worked the last time, or KINDS */
	uint64_t punched_ms;		/* clock_ms() */
	bool early;			/* does not wait for "opened" */

	/* asks */
	uint32_t packet;		/* its SYN in the queue */
	bool parked;
	struct external *external;
	union endpoint public;		/* the external endpoint from outside */
	unsigned int n_targets;
	union endpoint target[MAX_CANDIDATES];	/* known ones */
	unsigned int refused;		/* bit n: by target n */

	/* serves */
	uint32_t blind;			/* sequence number of blind openers */
	bool came;			/* src and dst are known */
	unsigned int n_peers;
	struct flow_peer peer[FLOW_ENDPOINTS];

	struct mapped *mapped;

	/* UDP: udp*.c */
	char key[CHECK_KEY_SIZE];
	struct checks *checks;
	union endpoint from;		/* serves: the client's, as it was told */
	uint64_t busy_ms;		/* clock_ms() when it last had packets */
	uint64_t kept_ms;		/* ... when NATs upstream were reminded */
	uint64_t ends_ms;		/* ... when conntrack would forget it */

	/* how conntrack knows it */
	union endpoint src, dst;
};

/* flow.c */
struct flow *flow_new(struct path *p, const char *id);
/** flow_free() - forget it; a parked SYN is let go, so that it is refused. */
void flow_free(struct flow *f);
/** flow_end() - the same, and end it in the kernel. */
void flow_end(struct flow *f);
struct flow *flow_by_id(const struct path *p, const char *id);
void flow_arm(struct flow *f, unsigned int ms);
/** flow_say() - tell the peer's side; @more is stolen, may be NULL. */
int flow_say(const struct flow *f, const char *what, json_t *more);
/** flow_look() - does conntrack have it? Moves it to FLOW_LIVE and out. */
bool flow_look(struct flow *f);
/** flow_adopt() - those that conntrack has already are ours. */
void flow_adopt(struct path *p);
/** flow_ends() - where live ones come in that are not at the service's endpoint. */
json_t *flow_ends(const struct path *p);
/** flow_adopt_at() - those at such places. */
void flow_adopt_at(struct path *p, const json_t *ends);
json_t *flow_show(const struct path *p);
/** flow_count_opening() - how many do not live yet. */
unsigned int flow_count_opening(const struct path *p);

/** flow_message() - from the peer. */
void flow_message(struct path *p, const json_t *body);
/** flow_on_packet() - a queue_fn for all sessions of the gateway. */
void flow_on_packet(void *gateway, uint32_t id, const uint8_t *packet,
		    size_t len);

/* flow_ask.c */
/** flow_probe() - @forwarded: to candidates alone that need no opening. */
void flow_probe(struct path *p, bool forwarded);
/** flow_end_probes() - those that run are over, without a word. */
void flow_end_probes(struct path *p);
void flow_client(struct path *p, const struct segment *syn, uint32_t packet);
void flow_opened(struct flow *f, const json_t *body);
void flow_refused(struct flow *f, const char *why);
void flow_ask_timer(struct flow *f);
struct flow *flow_ask_new(struct path *p);
/** flow_ask() - all is known: ask the peer. @mine: what is guessed; stolen. */
void flow_ask(struct flow *f, struct guess *mine);
/** flow_fail() - it is over before it began: say so. Frees. */
void flow_fail(struct flow *f, const char *why);
/** flow_release() - let the client's packet go, to @to. */
void flow_release(struct flow *f, const union endpoint *to);
/** flow_probe_answer() - true: it was meant for this one. */
bool flow_probe_answer(struct flow *f, const struct segment *answer);
void flow_ask_free(struct flow *f);
/** flow_reroute() - clients that wait go by the relay, which is open now. */
void flow_reroute(struct path *p);

/** flow_met() - a SYN from the peer to one of ours that opened many? */
bool flow_met(struct flow *f, const struct segment *syn, uint32_t packet);

/* flow_serve.c */
void flow_open(struct path *p, const char *id, const json_t *body);
void flow_serve_timer(struct flow *f);
bool flow_learn(struct flow *f, const struct segment *answer);
/** flow_knock() - a SYN that is expected? True: it had its verdict. */
bool flow_knock(struct flow *f, const struct segment *syn, uint32_t packet);
void flow_serve_free(struct flow *f);
/** flow_refuse() - tell the peer why it does not open. Frees. */
void flow_refuse(struct flow *f, const char *why);
/** flow_admit() - @peer may enter at our @at, for a few seconds. */
bool flow_admit(struct flow *f, const union endpoint *peer,
		const union endpoint *at);

#endif /* _NATPUNCHD_FLOW_H */
