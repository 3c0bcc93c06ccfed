// SPDX-License-Identifier: GPL-2.0
/* Requests about services: service-add, service-del, service-show. */
#include <errno.h>
#include <string.h>

#include "control.h"
#include "service.h"
#include "session.h"

/* Names of peers that there are not: the first of them, or NULL. */
static const char *unknown_peer(const struct daemon *d, const struct service *s)
{
	unsigned int i;

	for (i = 0; i < s->n_allowed; i++)
		if (!peer_by_name(d, s->allowed[i]))
			return s->allowed[i];
	return NULL;
}

static void add(struct daemon *d, struct client *c, const json_t *request)
{
	struct service s;
	const char *who, *limit;
	int err;

	err = service_from_json(&s, request);
	if (err) {
		control_error(c, EINVAL, "service-add needs name, to (an endpoint), proto (tcp or udp) and allow (names of peers)");
		return;
	}
	who = unknown_peer(d, &s);
	if (who) {
		control_error(c, ENOENT, "'%s' is not among the peers: 'natpunchctl peer show' lists them",
			      who);
		return;
	}
	limit = d->path->limit ? d->path->limit(d, &s.to) : NULL;
	if (limit) {
		control_error(c, ENODEV, "'%s' is on another host than natpunchd: that takes natpunch ('modprobe natpunch', 'natpunchctl wan add'), but %s",
			      s.name, limit);
		return;
	}
	err = service_add(d, &s);
	if (err == -EEXIST)
		control_error(c, EEXIST, "service '%s' is in the configuration file: change it there",
			      s.name);
	else if (err == -ENOSPC)
		control_error(c, ENOSPC, "there are %d services, and may not be more",
			      MAX_SERVICES);
	else if (err)
		control_error(c, -err, "%s", strerror(-err));
	else
		control_ok(c, service_show(service_by_name(d, s.name)));
}

static void del(struct daemon *d, struct client *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	int err = name ? service_del(d, name) : -EINVAL;

	if (err == -EINVAL)
		control_error(c, EINVAL, "service-del needs a name");
	else if (err == -ENOENT)
		control_error(c, ENOENT, "there is no service '%.40s': 'natpunchctl service show' lists them",
			      name);
	else if (err)
		control_error(c, EPERM, "service '%s' is in the configuration file: delete it there",
			      name);
	else
		control_ok(c, NULL);
}

static void show(struct daemon *d, struct client *c, const json_t *request)
{
	json_t *list = json_array();
	const struct service *s;

	(void)request;
	for (s = d->services; s; s = s->next)
		json_array_append_new(list, service_show(s));
	control_ok(c, list);
}

const struct verb service_verbs[] = {
	{ "service-add", add },
	{ "service-del", del },
	{ "service-show", show },
	{ .name = NULL }
};
