/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration file, read by libconfig and checked against a table of what
 * may be in it. A struct conf is never changed once it is read: a reload makes a
 * new one. Its strings belong to it.
 */
#ifndef _NATPUNCHD_CONF_H
#define _NATPUNCHD_CONF_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "endpoint.h"
#include "seal.h"

#define CONF_PATH	"/etc/natpunch/natpunchd.conf"
#define CONF_MAX_BYTES	(1024 * 1024)

/** struct conf_list - strings. */
struct conf_list {
	size_t n;
	const char **item;
};

/** struct conf_broker - one broker, or one cluster of equal nodes. */
struct conf_broker {
	struct conf_list hosts;		/* "name", "name:port", "[v6]:port" */
	bool tls;
	const char *ca;			/* file or directory; NULL: system's */
	const char *cert, *cert_key;	/* ours, or NULL */
	const char *user, *password, *password_file;
};

/** struct conf_peer - another site. */
struct conf_peer {
	const char *name;
	struct site_public key;
};

/** struct conf_service - what we offer. */
struct conf_service {
	const char *name;
	union endpoint to;
	int proto;			/* IPPROTO_TCP, IPPROTO_UDP */
	struct conf_list allow;
};

/** struct conf_connect - what we want of others. */
struct conf_connect {
	const char *service;		/* "siteA/ssh" */
	union endpoint listen;
	int proto;
};

/** struct conf_server - a STUN or TURN server. */
struct conf_server {
	const char *host;		/* "name", "name:port", "[v6]:port" */
	bool tcp, tls;			/* TURN over TCP, over TLS */
	const char *ca;
	const char *user, *password, *password_file;
};

#define CONF_ARRAY(type, name)	\
	struct { size_t n; struct type *item; } name

struct conf {
	config_t libconfig;		/* owns the strings */
	char *path;

	const char *site;		/* what we call ourselves in the log */
	const char *key;		/* file */
	const char *user;		/* to run as, or NULL */
	const char *group;		/* who may use the control socket */
	const char *socket;
	const char *state;		/* directory */
	const char *notify;		/* program, or NULL */
	const char *log_to;		/* "stderr", "syslog" */
	const char *log_level;		/* "error", "warning", "info", "debug" */
	const char *prefix;		/* of the topics */
	int keepalive;			/* seconds, towards brokers */
	int offer_life;			/* seconds */
	int udp_keepalive;		/* seconds; 0: as measured */
	int udp_idle;			/* seconds */
	bool tunnel;			/* relay.h */
	int punch_rate;			/* packets a second */
	struct conf_list wans;		/* devices towards the Internet */
	struct conf_list portmap;	/* "pcp", "nat-pmp", "upnp": in this order */

	CONF_ARRAY(conf_broker, brokers);
	CONF_ARRAY(conf_peer, peers);
	CONF_ARRAY(conf_service, services);
	CONF_ARRAY(conf_connect, connect);
	CONF_ARRAY(conf_server, stun);
	CONF_ARRAY(conf_server, relays);
};

/**
 * conf_read() - read and check the whole file. What is wrong is printed to
 * @errors, a line each: "FILE:LINE: what, and what would be right".
 * Return: NULL if anything is.
 */
struct conf *conf_read(const char *path, FILE *errors);
void conf_free(struct conf *conf);

/**
 * conf_password() - the password, from the file if one is named. *@buf has room
 * for @size. Return: it, or NULL: none, or the file can not be read (errno).
 */
const char *conf_password(const char *password, const char *file, char *buf,
			  size_t size);

/** conf_split_host() - "name:8883" to its parts; @port is left if none is. */
bool conf_split_host(const char *s, char *host, size_t size, int *port);

#endif /* _NATPUNCHD_CONF_H */
