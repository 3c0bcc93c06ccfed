// SPDX-License-Identifier: GPL-2.0
/* Output: JSON, colours, aligned tables. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natpunchctl.h"

static void dump(json_t *value, size_t flags)
{
	if (!value)
		fail("out of memory");
	json_dumpf(value, stdout, flags);
	json_decref(value);
}

static size_t json_flags(const struct ctl *ctl)
{
	return JSON_REAL_PRECISION(13) |
	       (ctl->pretty ? JSON_INDENT(2) : JSON_COMPACT);
}

void json_print(const struct ctl *ctl, json_t *value)
{
	dump(value, json_flags(ctl));
	putchar('\n');
}

/* A long list is printed as it goes, not collected. */
void json_list_begin(void)
{
	putchar('[');
}

void json_list_item(const struct ctl *ctl, json_t *value, bool first)
{
	if (!first)
		fputs(",\n", stdout);
	dump(value, json_flags(ctl));
}

void json_list_end(void)
{
	puts("]");
}

/* One object on one line, at once: somebody is reading along. */
void json_line(json_t *value)
{
	dump(value, JSON_COMPACT | JSON_REAL_PRECISION(13));
	putchar('\n');
	fflush(stdout);
}

void json_add(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		fail("out of memory");
}

json_t *json_addr(const struct natpunch_addr *addr)
{
	char buf[ADDR_SIZE];

	if (addr->family == AF_UNSPEC)
		return json_null();
	return json_string(format_addr(buf, addr));
}

static json_t *json_endpoints(const char *wan, uint8_t l4proto,
			      const struct natpunch_addr *int_addr,
			      uint16_t int_port,
			      const struct natpunch_addr *ext_addr,
			      uint16_t ext_port)
{
	json_t *object = json_object();
	char buf[PROTO_SIZE];

	json_add(object, "wan", json_string(wan));
	json_add(object, "proto", json_string(format_proto(buf, l4proto)));
	json_add(object, "internal_addr", json_addr(int_addr));
	json_add(object, "internal_port", json_integer(int_port));
	json_add(object, "external_addr", json_addr(ext_addr));
	json_add(object, "external_port", json_integer(ext_port));
	return object;
}

json_t *json_mapping(const struct natpunch_mapping *m)
{
	json_t *object = json_endpoints(m->wan, m->l4proto, &m->int_addr,
					m->int_port, &m->ext_addr,
					m->ext_port);

	json_add(object, "zone", json_integer(m->zone));
	json_add(object, "filter", json_string(format_filter(m->filter)));
	json_add(object, "flows", json_integer(m->flows));
	json_add(object, "age", json_integer(m->age));
	if (m->fields & NATPUNCH_HAS(MAPPING_EXPIRES))
		json_add(object, "expires", json_integer(m->expires));
	json_add(object, "reserved", json_boolean(m->reserved));
	return object;
}

json_t *json_reservation(const struct natpunch_reservation *r)
{
	json_t *object = json_endpoints(r->wan, r->l4proto, &r->int_addr,
					r->int_port, &r->ext_addr,
					r->ext_port);

	json_add(object, "filter", json_string(format_filter(r->filter)));
	if (r->fields & NATPUNCH_HAS(RESERVATION_LIFETIME))
		json_add(object, "lifetime", json_integer(r->lifetime));
	return object;
}

json_t *json_hold(const struct natpunch_hold *hold)
{
	json_t *object = json_object();

	if (hold->fields & NATPUNCH_HAS(HOLD_WAN))
		json_add(object, "wan", json_string(hold->wan));
	json_add(object, "external_addr", json_addr(&hold->ext_addr));
	json_add(object, "external_port", json_integer(hold->ext_port));
	json_add(object, "remote_addr", json_addr(&hold->remote_addr));
	json_add(object, "remote_port", json_integer(hold->remote_port));
	json_add(object, "state", json_string(format_hold_state(hold->state)));
	if (hold->fields & NATPUNCH_HAS(HOLD_LEFT))
		json_add(object, "left", json_real(hold->left / 1000.0));
	return object;
}

static bool colored(const struct ctl *ctl)
{
	const char *no = getenv("NO_COLOR");

	if (ctl->color != COLOR_AUTO)
		return ctl->color == COLOR_ALWAYS;
	return !(no && *no) && isatty(STDOUT_FILENO);
}

const char *paint(const struct ctl *ctl, enum paint paint)
{
	static const char * const codes[] = {
		[PAINT_NONE] = "",
		[PAINT_HEAD] = "\033[1m",
		[PAINT_NAME] = "\033[1;36m",
		[PAINT_IN] = "\033[33m",
		[PAINT_OUT] = "\033[32m",
	};

	return colored(ctl) ? codes[paint] : "";
}

const char *unpaint(const struct ctl *ctl)
{
	return colored(ctl) ? "\033[0m" : "";
}

void table_begin(struct table *t, const struct column *columns, unsigned int n)
{
	unsigned int i;

	memset(t, 0, sizeof(*t));
	t->columns = columns;
	t->n = n;
	for (i = 0; i < n; i++)
		table_cell(t, "%s", columns[i].head);
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char cell[128];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(cell, sizeof(cell), fmt, ap);
	va_end(ap);
	len = strlen(cell);
	if (t->len + len + 1 > t->size) {
		t->size = 2 * t->size + sizeof(cell);
		t->text = realloc(t->text, t->size);
		if (!t->text)
			fail("out of memory");
	}
	memcpy(t->text + t->len, cell, len + 1);
	t->len += len + 1;
	if (len > t->width[t->next])
		t->width[t->next] = (unsigned int)len;
	t->next = (t->next + 1) % t->n;
}

/* Two blanks stand between columns, none at the end of a line. */
static void print_cell(const struct table *t, size_t i, const char *cell,
		       const char *on, const char *off)
{
	bool last = i == t->n - 1;
	int pad = (int)(t->width[i] - strlen(cell));

	if (t->columns[i].right)
		printf("%*s", pad, "");
	printf("%s%s%s", on, cell, off);
	if (!last && !t->columns[i].right)
		printf("%*s", pad, "");
	/* An empty last cell needs no blanks before it. */
	if (last)
		putchar('\n');
	else if (i < t->n - 2 || *(cell + strlen(cell) + 1))
		fputs("  ", stdout);
}

void table_end(struct table *t, const struct ctl *ctl)
{
	const char *off = unpaint(ctl);
	const char *p = t->text;
	enum paint color;
	size_t i = 0;

	for (; p < t->text + t->len; p += strlen(p) + 1) {
		color = i < t->n ? PAINT_HEAD : t->columns[i % t->n].paint;
		print_cell(t, i % t->n, p, *p ? paint(ctl, color) : "",
			   *p && color ? off : "");
		i++;
	}
	free(t->text);
}
