/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lab's homes as two sites that know each other: natpunchd on both gateways,
 * a broker (mosquitto) and a STUN server (coturn) on the server.
 */
#ifndef LAB_SITES_H
#define LAB_SITES_H

#include "lab.h"

#define SITES_DIR	"/run/sites"

/**
 * sites_start() - keys, configurations, broker and STUN server; once. Site A is
 * GA's, site B is GB's.
 */
void sites_start(void);

/**
 * sites_use_ipv6() - before that: STUN servers are reached by IPv6, too, and where
 * both sites have IPv6 there may be tunnels between them.
 */
void sites_use_ipv6(void);

/**
 * sites_relay_start() - a TURN server (coturn) that wants user "sites" and password
 * "secret"; sites_relay_stop() - it dies.
 */
void sites_relay_start(void);
void sites_relay_stop(void);
/** site_add_relay() - it is that site's, with @more options. */
void site_add_relay(enum node gw, const char *more);
/** site_add_conf() - lines at the end of its configuration; not while it runs. */
void site_add_conf(enum node gw, const char *text);
/** site_ctl() - natpunchctl's status; what it printed is in run_output(). */
int site_ctl(enum node gw, const char *fmt, ...) __printf(2, 3);
/** site_start() - its natpunchd, with the state that it had. Stopped before. */
void site_start(enum node gw);
/** site_stop() - end it properly; site_kill() - by SIGKILL. */
void site_stop(enum node gw);
void site_kill(enum node gw);
/** site_forget() - it starts without services and connections next time. */
void site_forget(enum node gw);
/** site_says() - wait until its log since site_start() has @text. */
bool site_says(enum node gw, const char *text, int timeout_ms);
const char *site_log(enum node gw);
/** sites_logs() - site A's and site B's, as diagnostics. */
void sites_logs(enum node a, enum node b);

/**
 * site_ask() - a request to its control socket, in JSON; whether it agrees. The
 * answer is in run_output().
 */
bool site_ask(enum node gw, const char *fmt, ...) __printf(2, 3);
/** site_value() - what jq finds in the answer: ".result[0].state"; "" if none. */
const char *site_value(enum node gw, const char *request, const char *jq);
/** site_remote() - where its first connection goes to; none: it has no way. */
struct ep site_remote(enum node gw);

#endif
