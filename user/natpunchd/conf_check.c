// SPDX-License-Identifier: GPL-2.0
/* The configuration as a whole: names that must be unique, or known. */
#include <stdlib.h>
#include <string.h>

#include "conf_value.h"
#include "nearest.h"

/* The line of the i-th group of a list, for the complaint. */
static const config_setting_t *group_at(const struct conf *conf,
					const char *list, size_t i)
{
	config_setting_t *s = config_lookup(&conf->libconfig, list);

	return config_setting_get_elem(s, (unsigned int)i);
}

static void check_peers(struct checker *c, const struct conf *conf)
{
	const struct conf_peer *peer = conf->peers.item;
	size_t i, j;

	for (i = 0; i < conf->peers.n; i++) {
		for (j = 0; j < i && peer[i].name && peer[j].name; j++) {
			if (!strcmp(peer[i].name, peer[j].name))
				conf_complain(c, group_at(conf, "peers", i),
					      "there are two peers '%s'",
					      peer[i].name);
			else if (!strcmp(peer[i].key.id, peer[j].key.id) &&
				 *peer[i].key.id)
				conf_complain(c, group_at(conf, "peers", i),
					      "'%s' has the key of '%s'",
					      peer[i].name, peer[j].name);
		}
	}
}

/* Is there such a peer? @what says who asks for it. */
static void need_peer(struct checker *c, const struct conf *conf,
		      const config_setting_t *at, const char *what,
		      const char *name)
{
	const char **words = calloc(conf->peers.n + 1, sizeof(*words));
	const char *near;
	bool found = false;
	size_t i, n = 0;

	for (i = 0; words && i < conf->peers.n; i++) {
		if (!conf->peers.item[i].name)
			continue;
		words[n++] = conf->peers.item[i].name;
		found |= !strcmp(words[n - 1], name);
	}
	near = words && !found ? nearest_word(name, words) : NULL;
	if (near)
		conf_complain(c, at, "%s '%s' is not among the peers, did you mean '%s'?",
			      what, name, near);
	else if (!found)
		conf_complain(c, at, "%s '%s' is not among the peers", what,
			      name);
	free(words);
}

static void check_services(struct checker *c, const struct conf *conf)
{
	const struct conf_service *s = conf->services.item;
	const config_setting_t *at;
	size_t i, j;

	for (i = 0; i < conf->services.n; i++) {
		at = group_at(conf, "services", i);
		for (j = 0; j < i && s[i].name && s[j].name; j++)
			if (!strcmp(s[i].name, s[j].name))
				conf_complain(c, at, "there are two services '%s'",
					      s[i].name);
		for (j = 0; j < s[i].allow.n; j++)
			need_peer(c, conf, at, "allow:", s[i].allow.item[j]);
	}
}

static void check_connects(struct checker *c, const struct conf *conf)
{
	const struct conf_connect *s = conf->connect.item;
	const config_setting_t *at;
	char site[64];
	size_t i, j;

	for (i = 0; i < conf->connect.n; i++) {
		at = group_at(conf, "connect", i);
		for (j = 0; j < i; j++)
			if (endpoint_port(&s[i].listen) &&
			    s[i].proto == s[j].proto &&
			    endpoint_equal(&s[i].listen, &s[j].listen))
				conf_complain(c, at, "two connections listen at the same endpoint");
		if (!s[i].service)
			continue;
		snprintf(site, sizeof(site), "%.*s",
			 (int)strcspn(s[i].service, "/"), s[i].service);
		need_peer(c, conf, at, "service: site", site);
	}
}

static void check_brokers(struct checker *c, const struct conf *conf)
{
	const struct conf_broker *b = conf->brokers.item;
	const config_setting_t *at;
	size_t i;

	for (i = 0; i < conf->brokers.n; i++) {
		at = group_at(conf, "brokers", i);
		if (!b[i].cert != !b[i].cert_key)
			conf_complain(c, at, "cert and cert_key go together");
		if ((b[i].ca || b[i].cert) && !b[i].tls)
			conf_complain(c, at, "it has certificates, but tls is not true");
		if (b[i].password && b[i].password_file)
			conf_complain(c, at, "it has both a password and a password_file");
		if ((b[i].password || b[i].password_file) && !b[i].user)
			conf_complain(c, at, "it has a password, but no user");
	}
}

static void check_relays(struct checker *c, const struct conf *conf)
{
	const struct conf_server *r = conf->relays.item;
	const config_setting_t *at;
	bool secret;
	size_t i;

	for (i = 0; i < conf->relays.n; i++) {
		at = group_at(conf, "relays", i);
		secret = r[i].password || r[i].password_file;
		if (r[i].ca && !r[i].tls)
			conf_complain(c, at, "it has a ca, but tls is not true");
		if (r[i].password && r[i].password_file)
			conf_complain(c, at, "it has both a password and a password_file");
		if (secret != !!r[i].user)
			conf_complain(c, at, "user and password go together");
	}
}

/* What is not there has the protocol's default. */
static void set_protos(const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->services.n; i++)
		if (!conf->services.item[i].proto)
			conf->services.item[i].proto = IPPROTO_TCP;
	for (i = 0; i < conf->connect.n; i++)
		if (!conf->connect.item[i].proto)
			conf->connect.item[i].proto = IPPROTO_TCP;
}

void conf_check(struct checker *c, const struct conf *conf)
{
	set_protos(conf);
	check_peers(c, conf);
	check_services(c, conf);
	check_connects(c, conf);
	check_brokers(c, conf);
	check_relays(c, conf);
}
