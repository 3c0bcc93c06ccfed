/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sessions: one for each connection of two sites to a service, at both of them.
 * The one that *asks* wants a service of the peer's at an endpoint of its own;
 * the one that *serves* has it. session.c owns the states, the timers and the
 * messages; how packets get through (candidates, checks, punching, relaying) is
 * struct path_ops' affair and not known here.
 *
 *            asks                               serves
 *   idle     gathers candidates                 gathers candidates
 *   offered  has sent the offer                 -
 *   answered has the answer                     has sent the answer
 *   checking path->check() runs                 path->check() runs
 *   direct, relayed   data flows; a relayed one goes on checking
 *   closed   over, and about to be freed
 *
 *   idle -> offered -> answered -> checking -> direct | relayed
 *   idle -> answered                 (serves)
 *   relayed -> direct                (a better path opened later)
 *   direct -> relayed                (clients do not come through any more)
 *   any but closed -> idle           (asks: it failed or broke; tried again)
 *   any but closed -> closed
 *
 * Nothing else happens: session_set_state() refuses it loudly.
 */
#ifndef _NATPUNCHD_SESSION_H
#define _NATPUNCHD_SESSION_H

#include "endpoint.h"
#include "natpunchd.h"
#include "peer.h"
#include "rendezvous.h"

#define SESSION_ID_SIZE		17	/* 16 hex digits and a NUL */
#define SESSION_REASON_SIZE	224
#define MAX_SESSIONS		1024
#define MAX_SESSIONS_OF_PEER	64

enum session_role { SESSION_ASKS, SESSION_SERVES };

enum session_state {
	SESSION_IDLE,
	SESSION_OFFERED,
	SESSION_ANSWERED,
	SESSION_CHECKING,
	SESSION_DIRECT,
	SESSION_RELAYED,
	SESSION_CLOSED,
};

struct session {
	struct session *next;
	struct daemon *daemon;
	char id[SESSION_ID_SIZE];	/* the asker's choice, of this attempt */
	enum session_role role;
	enum session_state state;
	struct peer *peer;
	char service[NAME_SIZE];
	uint8_t proto;			/* IPPROTO_TCP or IPPROTO_UDP */
	union endpoint listen;		/* asks: where clients come to */
	union endpoint to;		/* serves: the service */
	bool by_hand;			/* there is a line for it: hand.h */
	bool configured;		/* asks: from the file */

	json_t *local;			/* our candidates, an array */
	json_t *remote;			/* the peer's, as it sent them: check! */
	unsigned int one_way_ms;	/* a message's way to the peer, or 0 */
	unsigned int attempt;		/* asks: failures since it last was up */
	uint64_t created_ms;		/* clock_ms() */
	uint64_t since_ms;		/* ... of the state */
	uint64_t sent_ms;		/* ... of the offer */
	char reason[SESSION_REASON_SIZE];	/* why it last failed, or "" */
	struct event *timer;		/* session.c's: the state's deadline */
	enum { SESSION_SOUND, SESSION_FAILING, SESSION_LOSING } doom;
	bool has_path;			/* gather() or adopt() was called */
	bool repeat;			/* the peer woke up: the offer again */
	char instead[SESSION_ID_SIZE];	/* asks: the attempt before this */
	unsigned int peer_rtt_ms;	/* serves: the peer's way to the broker */
	uint64_t gone_ms;		/* clock_ms() when it is to be freed */
	bool replaced;			/* serves: by the asker's next attempt */
	void *path;			/* path_ops' own */
};

/**
 * struct path_ops - how sessions connect. All are called from the loop. None may
 * block. Those that return an int return 0 or -errno, and have called
 * session_explain() if they fail; the session then fails.
 */
struct path_ops {
	const char *name;
	const struct outside_ops *outside;	/* outside.h; NULL: unknown */

	/**
	 * @start, @stop: the daemon begins (the configuration is read, the
	 * privileges are dropped) and ends (no session is left).
	 * @reload: the configuration is another one.
	 */
	int (*start)(struct daemon *d);
	void (*stop)(struct daemon *d);
	int (*reload)(struct daemon *d);

	/**
	 * @limit: why a service at @to can not be served here, in words; NULL: it
	 * can be. @describe: add what the ways depend on to @into. Both may be
	 * NULL.
	 */
	const char *(*limit)(const struct daemon *d, const union endpoint *to);
	void (*describe)(const struct daemon *d, json_t *into);

	/**
	 * @gather: collect candidates for the service (serves: s->to) or the
	 * listener (asks: s->listen). Calls session_gathered(), now or later,
	 * within SESSION_GATHER_MS: then the session fails.
	 */
	int (*gather)(struct session *s);

	/**
	 * @check: s->local and s->remote are there. Both sides begin @delay_ms
	 * from now, as well as the signalling tells. Ends with session_open() or
	 * session_fail(); a deadline of SESSION_CHECK_MS is kept by session.c.
	 * Called again for a relayed session when the peer sends new candidates.
	 */
	int (*check)(struct session *s, unsigned int delay_ms);

	/** @signal: what the peer's session_signal() sent. NULL: none wanted */
	void (*signal)(struct session *s, const json_t *body);

	/**
	 * @close: let go of everything that s->path has, on the wire too;
	 * called in every state once gather() was, also before a new attempt.
	 * @forget: free s->path and close descriptors, but leave what flows:
	 * the daemon ends, and adopts it when it is back.
	 */
	void (*close)(struct session *s);
	void (*forget)(struct session *s);

	/**
	 * @show: add what is known of the path to @into: "way" (the kind of
	 * candidate), "local", "remote", "rtt_ms", "bytes_in", "bytes_out".
	 */
	void (*show)(const struct session *s, json_t *into);
	/** @show_site: of all sessions; NULL: nothing */
	json_t *(*show_site)(const struct daemon *d);

	/**
	 * @save: what adopt() needs to take over a live path after a restart;
	 * NULL: nothing. It is asked for at every change of the state, and at
	 * saved_write() (saved.h), for the daemon may be killed. @adopt: do
	 * so; the state is that which was saved.
	 */
	json_t *(*save)(const struct session *s);
	int (*adopt)(struct session *s, const json_t *saved);
};

#define SESSION_GATHER_MS	5000
#define SESSION_ANSWER_MS	10000	/* from a peer that is online */
#define SESSION_CHECK_MS	20000
#define SESSION_OFFER_LIFE_S	3600	/* it waits so long for a sleeper */

/* --- for path_ops --------------------------------------------------------- */

/** session_gathered() - our candidates: an array, stolen. */
void session_gathered(struct session *s, json_t *candidates);
/** session_open() - it is SESSION_DIRECT or SESSION_RELAYED now. */
void session_open(struct session *s, enum session_state how);
/**
 * session_lost() - an open path is gone: the asker begins anew, at once.
 * session_fail() - this attempt is over: the asker begins anew, later.
 *
 * Both take effect when the loop is back: path->close() is never called from
 * within, and what path_ops calls until then is ignored.
 */
void session_lost(struct session *s, const char *why, ...) __printf(2, 3);
void session_fail(struct session *s, const char *why, ...) __printf(2, 3);
/** session_explain() - why it is about to fail: s->reason. */
void session_explain(struct session *s, const char *why, ...) __printf(2, 3);
/**
 * session_signal() - tell the peer's path_ops something about this session. 0, or
 * as rendezvous_send().
 */
int session_signal(struct session *s, const json_t *body);
/**
 * session_update() - our candidates have changed: s->local is replaced (stolen)
 * and sent; the peer's check() is called again, in whatever state it is from
 * SESSION_CHECKING on. 0, or as session_signal().
 */
int session_update(struct session *s, json_t *candidates);

/* --- for control.c and the daemon ----------------------------------------- */

/** struct wish - a connection that is wanted. */
struct wish {
	struct peer *peer;
	const char *service;
	uint8_t proto;
	union endpoint listen;
	bool configured;
	bool by_hand;
};

/**
 * session_connect() - ask for a service; it is tried until deleted. By hand it waits
 * until the peer is online.
 * Return: NULL, and errno: EEXIST (something listens there already), ENOSPC,
 * ENOMEM.
 */
struct session *session_connect(struct daemon *d, const struct wish *wish);
/** session_by_hand() - the one by hand that this wish made before, or NULL. */
struct session *session_by_hand(const struct daemon *d,
				const struct wish *wish);
/** session_close() - tell the peer, let go, free. */
void session_close(struct session *s, const char *why, ...) __printf(2, 3);
struct session *session_by_id(const struct daemon *d, const char *id);
json_t *session_show(const struct session *s);

/** session_set_state() - what the table above allows; notifies monitors. */
bool session_set_state(struct session *s, enum session_state state);
bool session_may(enum session_role role, enum session_state from,
		 enum session_state to);
const char *session_state_name(enum session_state state);

int session_start(struct daemon *d);
/** session_reload() - wishes of the file; what is allowed no more is closed. */
int session_reload(struct daemon *d);
/** session_stop() - the daemon ends: free all, close none: flows go on. */
void session_stop(struct daemon *d);
/** session_peer_gone(), session_service_gone() - close what hangs on it. */
void session_peer_gone(struct daemon *d, const struct peer *peer);
void session_service_gone(struct daemon *d, const char *service);
/** session_peer_online() - it woke up (NULL: we are back at a broker). */
void session_peer_online(struct daemon *d, const struct peer *peer);
/** session_saved(), session_restore() - for the state file: saved.c. */
json_t *session_saved(const struct daemon *d);
void session_restore(struct daemon *d, const json_t *saved);

/* path.c: the path_ops that this build has. */
extern const struct path_ops path_ops;

#endif /* _NATPUNCHD_SESSION_H */
