/* SPDX-License-Identifier: GPL-2.0 */
/* Settings: how they are checked and stored. For conf*.c alone. */
#ifndef _NATPUNCHD_CONF_VALUE_H
#define _NATPUNCHD_CONF_VALUE_H

#include "conf.h"

/* What a setting is, and what it is stored as. */
enum kind {
	STRING,		/* const char *, not empty */
	NAME,		/* ... of a site or a service */
	TOPIC,		/* ... the beginning of MQTT topics */
	HOST,		/* ... "name", "name:port", "[v6]:port" */
	SITE_SERVICE,	/* ... "site/service" */
	WORD,		/* ... one of words */
	KEY,		/* struct site_public */
	ENDPOINT,	/* union endpoint */
	PROTO,		/* int: IPPROTO_TCP, IPPROTO_UDP */
	INTEGER,	/* int, min to max */
	BOOL,		/* bool */
	STRINGS,	/* struct conf_list: one string, or a list of them */
	NAMES,		/* ... of names */
	HOSTS,		/* ... of hosts */
	WORDS,		/* ... of words, none of them twice */
	GROUPS,		/* CONF_ARRAY: a list of at most max groups */
};

struct setting {
	const char *name;
	enum kind kind;
	size_t offset;			/* in what the group is stored as */
	int min, max;
	const char * const *words;
	const struct setting *group;	/* what may be in each of GROUPS */
	size_t size;			/* ... and what it is stored as */
	bool needed;
};

/* struct checker - complains, and counts. */
struct checker {
	const char *path;
	FILE *errors;
	unsigned int n;
};

void conf_complain(struct checker *c, const config_setting_t *at,
		   const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* conf_read_group() - the settings of a group into @into. */
void conf_read_group(struct checker *c, const config_setting_t *group,
		     const struct setting *settings, void *into);

/* conf_check() - what concerns more than one setting (conf_check.c). */
void conf_check(struct checker *c, const struct conf *conf);

#endif /* _NATPUNCHD_CONF_VALUE_H */
