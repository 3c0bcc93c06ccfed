// SPDX-License-Identifier: GPL-2.0
/* Settings of the configuration file: each is what the table says, or told. */
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf_value.h"
#include "nearest.h"
#include "peer.h"

#define MAX_COMPLAINTS	20
#define MAX_SETTINGS	24
#define MAX_STRINGS	64

void conf_complain(struct checker *c, const config_setting_t *at,
		   const char *fmt, ...)
{
	const char *file = at ? config_setting_source_file(at) : NULL;
	va_list ap;

	c->n++;
	if (c->n > MAX_COMPLAINTS)
		return;
	fprintf(c->errors, "%s:", file ? file : c->path);
	if (at)
		fprintf(c->errors, "%u:", config_setting_source_line(at));
	fputc(' ', c->errors);
	if (at && config_setting_name(at))
		fprintf(c->errors, "%s: ", config_setting_name(at));
	va_start(ap, fmt);
	vfprintf(c->errors, fmt, ap);
	va_end(ap);
	fputc('\n', c->errors);
	if (c->n == MAX_COMPLAINTS)
		fprintf(c->errors, "%s: and so on\n", c->path);
}

bool may_name(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (!isalnum((unsigned char)*p) &&
		    (p == name || !strchr("-_.", *p)))
			return false;
	return p > name && p - name < NAME_SIZE;
}

bool conf_split_host(const char *s, char *host, size_t size, int *port)
{
	const char *end = strrchr(s, ':'), *start = s;
	size_t len = strlen(s);
	char *rest;
	long n;

	if (*s == '[') {
		start = s + 1;
		end = strchr(s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		len = (size_t)(end - start);
		end = end[1] ? end + 1 : NULL;
	} else if (end && strchr(s, ':') == end) {
		len = (size_t)(end - s);
	} else {
		end = NULL;	/* no colon, or a bare IPv6 address */
	}
	if (end) {
		n = strtol(end + 1, &rest, 10);
		if (!isdigit((unsigned char)end[1]) || *rest || n < 1 ||
		    n > 65535)
			return false;
		*port = (int)n;
	}
	if (!len || len >= size || strcspn(start, " \t/") < len)
		return false;
	memcpy(host, start, len);
	host[len] = '\0';
	return true;
}

static bool is_host(const char *s)
{
	char host[256];
	int port;

	return conf_split_host(s, host, sizeof(host), &port);
}

static bool is_site_service(const char *s)
{
	char site[NAME_SIZE];
	const char *slash = strchr(s, '/');

	if (!slash || slash - s >= NAME_SIZE)
		return false;
	memcpy(site, s, (size_t)(slash - s));
	site[slash - s] = '\0';
	return may_name(site) && may_name(slash + 1);
}

/* No wildcards, no empty levels; '$' is the broker's own. */
static bool is_topic(const char *s)
{
	return strlen(s) <= 128 && !strpbrk(s, "+#") && *s != '$' &&
	       *s != '/' && !strstr(s, "//") && s[strlen(s) - 1] != '/';
}

/* Whether a string is of the kind; tells if it is not. */
static bool check_string(struct checker *c, const config_setting_t *s,
			 const char *value, enum kind kind)
{
	if (!*value)
		conf_complain(c, s, "it is empty");
	else if ((kind == NAME || kind == NAMES) && !may_name(value))
		conf_complain(c, s, "'%s' is no name: 1 to 32 letters, digits, '-', '_', '.'; a letter or digit first",
			      value);
	else if ((kind == HOST || kind == HOSTS) && !is_host(value))
		conf_complain(c, s, "'%s' is no host: as broker.example.net, broker.example.net:8883, [2001:db8::1]:8883",
			      value);
	else if (kind == SITE_SERVICE && !is_site_service(value))
		conf_complain(c, s, "'%s' is no service of a site: as siteA/ssh",
			      value);
	else if (kind == TOPIC && !is_topic(value))
		conf_complain(c, s, "'%s' can not begin a topic: as natpunch/v1, without '+', '#' and a '/' at its ends",
			      value);
	else
		return true;
	return false;
}

static void read_word(struct checker *c, const config_setting_t *s,
		      const struct setting *what, const char *value,
		      const char **into)
{
	const char *near;
	char list[128] = "";
	int i;

	for (i = 0; what->words[i]; i++) {
		if (!strcmp(what->words[i], value)) {
			*into = what->words[i];
			return;
		}
		if (i)
			strncat(list, ", ", sizeof(list) - strlen(list) - 1);
		strncat(list, what->words[i], sizeof(list) - strlen(list) - 1);
	}
	near = nearest_word(value, what->words);
	conf_complain(c, s, "unknown word '%s'%s%s%s: one of %s", value,
		      near ? ", did you mean '" : "", near ? near : "",
		      near ? "'" : "", list);
}

static void read_proto(struct checker *c, const config_setting_t *s,
		       const char *value, int *into)
{
	static const char * const words[] = { "tcp", "udp", NULL };
	const struct setting what = { .words = words };
	const char *word = NULL;

	read_word(c, s, &what, value, &word);
	*into = word == words[1] ? IPPROTO_UDP : IPPROTO_TCP;
}

static void read_string(struct checker *c, const config_setting_t *s,
			const struct setting *what, void *into)
{
	const char *value = config_setting_get_string(s);

	if (!value)
		conf_complain(c, s, "it must be a string: \"...\"");
	else if (!check_string(c, s, value, what->kind))
		return;
	else if (what->kind == WORD)
		read_word(c, s, what, value, into);
	else if (what->kind == PROTO)
		read_proto(c, s, value, into);
	else if (what->kind == ENDPOINT && !endpoint_parse(into, value))
		conf_complain(c, s, "'%s' is not an endpoint: as 10.1.0.2:22 or [fd00::2]:22",
			      value);
	else if (what->kind == KEY && !site_public_parse(into, value))
		conf_complain(c, s, "'%s' is not a site's public key: 'natpunchctl site key' of that site tells it, npk-...",
			      value);
	else if (what->kind != ENDPOINT && what->kind != KEY)
		*(const char **)into = value;
}

static void read_integer(struct checker *c, const config_setting_t *s,
			 const struct setting *what, int *into)
{
	int value = config_setting_get_int(s);

	if (config_setting_type(s) != CONFIG_TYPE_INT)
		conf_complain(c, s, "it must be a whole number, %d to %d",
			      what->min, what->max);
	else if (value < what->min || value > what->max)
		conf_complain(c, s, "%d is out of range: %d to %d", value,
			      what->min, what->max);
	else
		*into = value;
}

static void read_bool(struct checker *c, const config_setting_t *s, bool *into)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		conf_complain(c, s, "it must be true or false");
	else
		*into = config_setting_get_bool(s);
}

static void add_word(struct checker *c, const config_setting_t *s,
		     const struct setting *what, const char *value,
		     struct conf_list *list)
{
	const char *word = NULL;
	size_t i;

	read_word(c, s, what, value, &word);
	for (i = 0; word && i < list->n; i++) {
		if (list->item[i] != word)
			continue;
		conf_complain(c, s, "'%s' is there twice", word);
		return;
	}
	if (word)
		list->item[list->n++] = word;
}

/* One string alone stands for a list of it. */
static void read_strings(struct checker *c, const config_setting_t *s,
			 const struct setting *what, struct conf_list *list)
{
	bool single = config_setting_type(s) == CONFIG_TYPE_STRING;
	int n = single ? 1 : config_setting_length(s), i;
	const char *value;

	if (!single && !config_setting_is_list(s) &&
	    !config_setting_is_array(s)) {
		conf_complain(c, s, "it must be a string, or a list of them: ( \"...\", \"...\" )");
		return;
	}
	if (n > MAX_STRINGS) {
		conf_complain(c, s, "it has %d strings; there may be %d", n,
			      MAX_STRINGS);
		return;
	}
	list->item = calloc((size_t)n + 1, sizeof(*list->item));
	for (i = 0; list->item && i < n; i++) {
		value = single ? config_setting_get_string(s) :
				 config_setting_get_string_elem(s, i);
		if (!value)
			conf_complain(c, s, "it must hold nothing but strings");
		else if (what->kind == WORDS)
			add_word(c, s, what, value, list);
		else if (check_string(c, s, value, what->kind))
			list->item[list->n++] = value;
	}
	if (!list->item)
		conf_complain(c, s, "out of memory");
	else if (what->needed && !n)
		conf_complain(c, s, "the list is empty");
}

static void read_groups(struct checker *c, const config_setting_t *s,
			const struct setting *what, void *into)
{
	struct { size_t n; char *item; } array = { .n = 0 };
	int n = config_setting_length(s), i;
	config_setting_t *group;

	if (!config_setting_is_list(s)) {
		conf_complain(c, s, "it must be a list of groups: ( { ... }, { ... } )");
		return;
	}
	if (n > what->max) {
		conf_complain(c, s, "it has %d groups; there may be %d", n,
			      what->max);
		return;
	}
	array.item = calloc((size_t)n + 1, what->size);
	if (!array.item) {
		conf_complain(c, s, "out of memory");
		return;
	}
	for (i = 0; i < n; i++) {
		group = config_setting_get_elem(s, (unsigned int)i);
		if (config_setting_is_group(group))
			conf_read_group(c, group, what->group, array.item +
					array.n++ * what->size);
		else
			conf_complain(c, group, "%s must be a list of groups: ( { ... }, { ... } )",
				      what->name);
	}
	/* Any CONF_ARRAY is like it. */
	memcpy(into, &array, sizeof(array));
	/* cppcheck-suppress memleak */
}

static void read_setting(struct checker *c, const config_setting_t *s,
			 const struct setting *what, void *into)
{
	switch (what->kind) {
	case INTEGER:
		read_integer(c, s, what, into);
		break;
	case BOOL:
		read_bool(c, s, into);
		break;
	case STRINGS:
	case NAMES:
	case HOSTS:
	case WORDS:
		read_strings(c, s, what, into);
		break;
	case GROUPS:
		read_groups(c, s, what, into);
		break;
	default:
		read_string(c, s, what, into);
	}
}

static const struct setting *find_setting(const struct setting *settings,
					  const char *name)
{
	for (; settings->name; settings++)
		if (!strcmp(settings->name, name))
			return settings;
	return NULL;
}

/* A setting that there is not; the complaint begins with its name. */
static void complain_unknown(struct checker *c, const config_setting_t *s,
			     const struct setting *settings)
{
	const char *words[MAX_SETTINGS] = { NULL };
	char list[256] = "";
	const char *near;
	size_t len = 0;
	int i;

	for (i = 0; i < MAX_SETTINGS - 1 && settings[i].name; i++) {
		words[i] = settings[i].name;
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len,
						"%s%s", i ? ", " : "",
						words[i]);
	}
	near = nearest_word(config_setting_name(s), words);
	if (near)
		conf_complain(c, s, "there is no such setting, did you mean '%s'?",
			      near);
	else
		conf_complain(c, s, "there is no such setting; there are %s",
			      list);
}

void conf_read_group(struct checker *c, const config_setting_t *group,
		     const struct setting *settings, void *into)
{
	const struct setting *what;
	config_setting_t *s;
	int i, n = config_setting_length(group);

	for (i = 0; i < n; i++) {
		s = config_setting_get_elem(group, (unsigned int)i);
		what = find_setting(settings, config_setting_name(s));
		if (what)
			read_setting(c, s, what, (char *)into + what->offset);
		else
			complain_unknown(c, s, settings);
	}
	for (what = settings; what->name; what++)
		if (what->needed && !config_setting_get_member(group,
							       what->name))
			conf_complain(c, group, "'%s' is missing here",
				      what->name);
}
