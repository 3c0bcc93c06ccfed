/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The NAT lab: two homes, the Internet between them, and a server.
 *
 *    A  10.1.0.2 --+                                       +-- B  10.2.0.2
 *                  +-- lan GA wan -- NET -- wan GB lan --+
 *    A2 10.1.0.3 --+    10.1.0.1      |      10.2.0.1      +-- B2 10.2.0.3
 *                    203.0.113.2      |    198.51.100.2
 *                                     |
 *                                  SERVER  192.0.2.10, 192.0.2.11
 *
 * Every node is a network namespace, and one process owns sockets in all of
 * them, so a test is one straight line of sends and receives: no agents, no
 * threads, no guessing when the other side is ready. NET delays what it
 * forwards: a round trip between any two homes, or to the server, takes 40 ms.
 * IPv6 is there too: fd00:1::/64 and fd00:2::/64 in the homes, 2001:db8:a::2 and
 * 2001:db8:b::2 on the gateways, 2001:db8:5::10 and ::11 on the server.
 *
 * Hosts and server compute their checksums themselves (no offload), so that a
 * wrong one is seen.
 *
 * Teardown: there is none to forget. The namespaces are named in a private mount
 * namespace and live exactly as long as the process, however it ends.
 *
 * In the VM virtual time runs (an idle guest skips to its next timer), so sleeping
 * for two hours costs nothing and a wait for "nothing comes" is exact.
 */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ep.h"
#include "ktap.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum node { A, A2, GA, NET, GB, B, B2, SERVER, NODES, HOME = NODES };

/** node_name() - also the name for `ip -n` and `natpunchctl -n`. */
const char *node_name(enum node node);

/** lab_start() - build the whole lab; gateways route, but do not translate. */
void lab_start(void);

/*
 * Namespaces beside the lab's own; for `ip -n` and `natpunchctl -n` by name.
 */
void lab_space_add(const char *name);
void lab_space_enter(const char *name);
void lab_space_del(const char *name);

/**
 * lab_finds_mistakes() - is the kernel one that looks for mistakes of its own? It
 * keeps books of all memory, and does little in a millisecond of virtual time.
 */
bool lab_finds_mistakes(void);

/** lab_has_delay() - false where the kernel lacks netem (not in the VMs). */
bool lab_has_delay(void);

/** lab_delay() - set NET's one-way delay in milliseconds (20 at the start). */
void lab_delay(unsigned int ms);
/** lab_delay_again() - the same as now, for devices that are new. */
void lab_delay_again(void);
/**
 * lab_delay_errors() - from NET to GA ICMP time exceeded takes @ms instead, until
 * lab_delay() or another wire.
 */
void lab_delay_errors(unsigned int ms);
/** lab_wan_wire() - the wire between a gateway and NET, which must not be there. */
void lab_wan_wire(enum node gateway);

/**
 * lab_tx_checksum() - let a device leave checksums to those behind it, as all do by
 * themselves, or have them computed, as the hosts' and the server's.
 */
void lab_tx_checksum(enum node node, const char *dev, bool offload);

/*
 * Addresses, in the family that the test is looking at (IPv4 at the start).
 */
void lab_use_family(int family);
int lab_family(void);
/** host() - an endpoint of A, A2, B or B2, or of a gateway's LAN side. */
struct ep host(enum node node, unsigned int port);
/** wan() - an endpoint on a gateway's WAN address. */
struct ep wan(enum node gateway, unsigned int port);
/** GA's WAN has a second IPv4 address, for whoever wants two. */
#define SECOND_WAN_ADDRESS "203.0.113.3"
/** server() - an endpoint of the server; @which address: 1 or 2. */
struct ep server(int which, unsigned int port);

/*
 * Programs, run inside a node.
 */
/** lab_fork() - fork(); the child ends with us. */
pid_t lab_fork(void);
/** run() - run a shell command to its end; its status, 127 if not found. */
int run(enum node node, const char *fmt, ...) __printf(2, 3);
/** run_with() - the same, with @input as its standard input. */
int run_with(enum node node, const char *input, const char *fmt, ...)
	__printf(3, 4);
/** run_output() - what the last run() printed, both streams. */
const char *run_output(void);
/** must() - run(), and bail out if it fails. */
void must(enum node node, const char *fmt, ...) __printf(2, 3);
/** nft() - feed a ruleset to nft inside a node; bails out if refused. */
void nft(enum node node, const char *ruleset, ...) __printf(2, 3);

/** struct job - a program that runs beside the test. */
struct job {
	pid_t pid;
	int out;		/* its standard output and error */
};

struct job job_start(enum node node, const char *fmt, ...) __printf(2, 3);
/** job_wait_for() - wait until it has printed @text; false if it never does. */
bool job_wait_for(struct job *job, const char *text, int timeout_ms);
bool job_running(struct job *job);
/** job_stop() - end it (SIGTERM, then SIGKILL); its wait status. */
int job_stop(struct job *job);
/** job_output() - all that it has printed so far. */
const char *job_output(struct job *job);

/*
 * Small things.
 */
void sysctl_set(enum node node, const char *path, const char *value);
/** lab_enter() - make the calling process part of a node; HOME goes back. */
void lab_enter(enum node node);
void sleep_ms(unsigned long ms);
void sleep_s(unsigned long s);
/** now_ms() - monotonic (in the VM: virtual) milliseconds. */
unsigned long now_ms(void);

#endif
