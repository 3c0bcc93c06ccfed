// SPDX-License-Identifier: GPL-2.0
/* What worked; see ways.h. Owns the file ways.json, and gw->ways. */
#include <stdio.h>
#include <string.h>

#include "gateway.h"
#include "log.h"
#include "saved.h"
#include "ways.h"

#define FILE_NAME	"ways.json"
#define KEY_SIZE	96

static json_t *all(struct gateway *gw)
{
	if (!gw->ways)
		gw->ways = state_load(gw->daemon, FILE_NAME);
	if (!json_is_object(gw->ways)) {
		json_decref(gw->ways);
		gw->ways = json_object();
	}
	return gw->ways;
}

static const char *key(char buf[KEY_SIZE], const struct path *p)
{
	const struct session *s = p->session;
	char addr[ENDPOINT_SIZE];

	snprintf(buf, KEY_SIZE, "%s %s %s", s->peer->key.id,
		 s->proto == IPPROTO_UDP ? "udp" : "tcp",
		 endpoint_addr_str(addr, &p->public));
	return buf;
}

const char *ways_known(const struct path *p)
{
	char k[KEY_SIZE];

	return json_string_value(json_object_get(all(p->gateway), key(k, p)));
}

bool ways_wait(const struct path *p, enum candidate_kind way,
	       const union endpoint *remote)
{
	bool is_known = false, is_this = false;
	unsigned int i;

	for (i = 0; i < p->n_remote; i++) {
		if (p->remote[i].kind != way)
			continue;
		is_known = true;
		is_this |= endpoint_equal(&p->remote[i].ep, remote);
	}
	return is_known && !is_this;
}

/* The oldest come first; what worked again is among the youngest. */
static void make_room(json_t *ways)
{
	void *oldest;

	while (json_object_size(ways) >= WAYS_MAX) {
		oldest = json_object_iter(ways);
		json_object_del(ways, json_object_iter_key(oldest));
	}
}

void ways_worked(const struct path *p, const char *way)
{
	json_t *ways = all(p->gateway);
	const char *before = ways_known(p);
	char k[KEY_SIZE];
	int err;

	if (before && !strcmp(before, way))
		return;
	json_object_del(ways, key(k, p));
	make_room(ways);
	json_object_set_new(ways, k, json_string(way));
	err = state_write(p->gateway->daemon, FILE_NAME, ways);
	if (err)
		log_warning(FILE_NAME ": %s: which way worked will be forgotten",
			    strerror(-err));
}
