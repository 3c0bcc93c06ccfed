// SPDX-License-Identifier: GPL-2.0
/* The list of services. Owns struct daemon's services. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "saved.h"
#include "service.h"
#include "session.h"

struct service *service_by_name(const struct daemon *d, const char *name)
{
	struct service *s;

	for (s = d->services; s; s = s->next)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

bool service_allows(const struct service *s, const struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < s->n_allowed; i++)
		if (!strcmp(s->allowed[i], peer->name))
			return true;
	return false;
}

/* Does the new one take something away from those who use the old one? */
static bool takes_away(const struct service *old, const struct service *new)
{
	return old->proto != new->proto ||
	       !endpoint_equal(&old->to, &new->to);
}

/* Those whose peer may no more, or who lead elsewhere, are closed. */
static void replace(struct daemon *d, struct service *old,
		    const struct service *new)
{
	struct service *next = old->next;
	bool gone = takes_away(old, new);

	*old = *new;
	old->next = next;
	if (gone)
		session_service_gone(d, old->name);
	else
		session_reload(d);
}

static int put(struct daemon *d, const struct service *new)
{
	struct service *s = service_by_name(d, new->name);
	unsigned int n = 0;

	if (s) {
		replace(d, s, new);
		return 0;
	}
	for (s = d->services; s; s = s->next)
		n++;
	if (n >= MAX_SERVICES)
		return -ENOSPC;
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = *new;
	s->next = d->services;
	d->services = s;
	return 0;
}

int service_add(struct daemon *d, const struct service *new)
{
	const struct service *s = service_by_name(d, new->name);
	int err;

	if (s && s->configured)
		return -EEXIST;
	err = put(d, new);
	if (!err)
		saved_write(d);
	return err;
}

static void drop(struct daemon *d, struct service **link)
{
	struct service *s = *link;

	*link = s->next;
	session_service_gone(d, s->name);
	free(s);
}

int service_del(struct daemon *d, const char *name)
{
	struct service **link = &d->services;

	while (*link && strcmp((*link)->name, name))
		link = &(*link)->next;
	if (!*link)
		return -ENOENT;
	if ((*link)->configured)
		return -EPERM;
	drop(d, link);
	saved_write(d);
	return 0;
}

static int put_configured(struct daemon *d, const struct conf_service *from)
{
	struct service new = {
		.to = from->to, .proto = (uint8_t)from->proto,
		.configured = true, .listed = true,
	};
	size_t i;

	snprintf(new.name, sizeof(new.name), "%s", from->name);
	for (i = 0; i < from->allow.n && i < MAX_ALLOWED; i++)
		snprintf(new.allowed[new.n_allowed++], NAME_SIZE, "%s",
			 from->allow.item[i]);
	return put(d, &new);
}

int service_reload(struct daemon *d)
{
	struct service *s, **link;
	size_t i;
	int err;

	for (s = d->services; s; s = s->next)
		s->listed = !s->configured;
	for (i = 0; i < d->conf->services.n; i++) {
		err = put_configured(d, &d->conf->services.item[i]);
		if (err)
			return err;
	}
	for (link = &d->services; *link;) {
		if ((*link)->listed)
			link = &(*link)->next;
		else
			drop(d, link);
	}
	return 0;
}

void service_free_all(struct daemon *d)
{
	struct service *s;

	while (d->services) {
		s = d->services;
		d->services = s->next;
		free(s);
	}
}

json_t *service_show(const struct service *s)
{
	json_t *allow = json_array();
	char to[ENDPOINT_SIZE];
	unsigned int i;

	for (i = 0; i < s->n_allowed; i++)
		json_array_append_new(allow, json_string(s->allowed[i]));
	return json_pack("{ss, ss, ss, so, sb}", "name", s->name, "proto",
			 s->proto == IPPROTO_UDP ? "udp" : "tcp", "to",
			 endpoint_str(to, &s->to), "allow", allow,
			 "configured", s->configured);
}

json_t *service_saved(const struct daemon *d)
{
	json_t *list = json_array();
	const struct service *s;

	for (s = d->services; s; s = s->next)
		if (!s->configured)
			json_array_append_new(list, service_show(s));
	return list;
}

int service_from_json(struct service *s, const json_t *json)
{
	const char *name, *to, *proto = "tcp", *who;
	json_t *allow, *item;
	size_t i;

	memset(s, 0, sizeof(*s));
	if (json_unpack((json_t *)json, "{ss, ss, s?s, so}", "name", &name,
			"to", &to, "proto", &proto, "allow", &allow) ||
	    !json_is_array(allow) || !may_name(name) || !endpoint_parse(&s->to, to) ||
	    (strcmp(proto, "tcp") && strcmp(proto, "udp")))
		return -EINVAL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->proto = strcmp(proto, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	s->listed = true;
	json_array_foreach(allow, i, item) {
		who = json_string_value(item);
		if (!who || !may_name(who) || s->n_allowed == MAX_ALLOWED)
			return -EINVAL;
		snprintf(s->allowed[s->n_allowed++], NAME_SIZE, "%s", who);
	}
	return 0;
}

/* What the file now has is the file's. */
void service_restore(struct daemon *d, const json_t *saved)
{
	struct service s;
	json_t *item;
	size_t i;

	json_array_foreach(saved, i, item) {
		if (service_from_json(&s, item))
			log_warning("a saved service is garbled, and passed over");
		else if (!service_by_name(d, s.name))
			put(d, &s);
	}
}
