/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Services: what our site offers, and to which peers. They come from the
 * configuration or from the control socket; the latter are kept in the state
 * file until deleted.
 */
#ifndef _NATPUNCHD_SERVICE_H
#define _NATPUNCHD_SERVICE_H

#include "endpoint.h"
#include "natpunchd.h"
#include "peer.h"

#define MAX_SERVICES	256
#define MAX_ALLOWED	64

struct service {
	struct service *next;
	char name[NAME_SIZE];
	union endpoint to;
	uint8_t proto;			/* IPPROTO_TCP or IPPROTO_UDP */
	bool configured;		/* in the file: not ours to delete */
	bool listed;			/* service.c's, while it reloads */
	unsigned int n_allowed;
	char allowed[MAX_ALLOWED][NAME_SIZE];	/* names of peers */
};

struct service *service_by_name(const struct daemon *d, const char *name);
bool service_allows(const struct service *s, const struct peer *peer);

/**
 * service_add() - copies *@s; one of this name that came by the control socket
 * is replaced. Return: 0, -EEXIST (it is in the configuration), -ENOSPC, -ENOMEM
 */
int service_add(struct daemon *d, const struct service *s);
/** service_del() - its sessions are closed. 0, -ENOENT, -EPERM (configured) */
int service_del(struct daemon *d, const char *name);

int service_reload(struct daemon *d);
void service_free_all(struct daemon *d);
json_t *service_show(const struct service *s);
/** service_from_json() - what service_show() made, checked. 0 or -EINVAL */
int service_from_json(struct service *s, const json_t *json);
/** service_saved(), service_restore() - for the state file: saved.c. */
json_t *service_saved(const struct daemon *d);
void service_restore(struct daemon *d, const json_t *saved);

#endif /* _NATPUNCHD_SERVICE_H */
