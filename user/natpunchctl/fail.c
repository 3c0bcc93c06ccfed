// SPDX-License-Identifier: GPL-2.0
/* Messages: one line on stderr that says what failed and what to do. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

/* How far the command line is understood, "natpunchctl: wan add: ". */
static char context[64] = "natpunchctl: ";
static char help[64] = "natpunchctl --help";

void start_messages(const struct ctl *ctl)
{
	bool verb = ctl->verb && !ctl->object->only;

	if (!ctl->object)
		return;
	snprintf(context, sizeof(context), "natpunchctl: %s%s%s: ",
		 ctl->object->name, verb ? " " : "",
		 verb ? ctl->verb->name : "");
	snprintf(help, sizeof(help), "natpunchctl %s%s%s --help",
		 ctl->object->name, verb ? " " : "",
		 verb ? ctl->verb->name : "");
}

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs(context, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	fprintf(stderr, "See '%s'.\n", help);
	exit(2);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(1);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* The exit status: that given, but 1 if the output did not get out. */
int output_status(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		warn("cannot write the output: %s", strerror(errno));
	return 1;
}

/* What the command line calls an attribute; NULL: the message is enough. */
static const char *attr_words(const char *attr)
{
	static const struct {
		const char *attr;
		const char *words;
	} map[] = {
		{ "addr", "--address" },
		{ "dev", NULL },
		{ "ext-addr", "--external" },
		{ "ext-port", "--external" },
		{ "int-addr", "internal endpoint" },
		{ "int-port", "internal endpoint" },
		{ "hold-answer", "--hold" },
		{ "hold-release", "--release" },
		{ "id", NULL },
		{ "internal", "--internal" },
		{ "internal.addr", "--internal" },
		{ "internal.len", "--internal" },
		{ "l4proto", "protocol" },
		{ "lifetime", "--for" },
		{ "local-addr", "local endpoint" },
		{ "local-port-max", "local endpoint" },
		{ "local-port-min", "local endpoint" },
		{ "port-max", "--ports" },
		{ "port-min", "--ports" },
		{ "remote-addr", "remote endpoint" },
		{ "remote-len", "remote endpoint" },
		{ "remote-port", "remote endpoint" },
		{ "wan", NULL },
	};
	static char option[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (!strcmp(map[i].attr, attr))
			return map[i].words;
	snprintf(option, sizeof(option), "--%s", attr);
	return option;
}

/* Tell what the kernel said, in the command line's words. */
void fail_kernel(const struct ctl *ctl, int err)
{
	const char *message = natpunch_error_message(ctl->np);
	const char *attr = natpunch_error_attr(ctl->np);
	const char *words = attr ? attr_words(attr) : NULL;
	uint64_t min, max;

	if (err == -EPERM)
		fail("not permitted; it needs CAP_NET_ADMIN: try it as root");
	if (!message)
		fail("%s", natpunch_strerror(ctl->np, err));
	if (natpunch_error_range(ctl->np, &min, &max))
		fail("%s%smust be %llu to %llu", words ? words : "",
		     words ? " " : "", (unsigned long long)min,
		     (unsigned long long)max);
	if (!words || strstr(message, words))
		fail("%s", message);
	fail("%s: %s", words, message);
}

struct names {
	char text[256];
	const char *words[64];
	char word[64][NATPUNCH_DEV_SIZE];
	size_t n;
};

static int take_name(const struct natpunch_wan *wan, void *data)
{
	struct names *names = data;
	size_t len = strlen(names->text);

	snprintf(names->text + len, sizeof(names->text) - len, "%s%s",
		 len ? ", " : "", wan->dev);
	if (names->n < ARRAY_SIZE(names->words) - 1) {
		memcpy(names->word[names->n], wan->dev, sizeof(wan->dev));
		names->words[names->n] = names->word[names->n];
		names->n++;
	}
	return 0;
}

void fail_unmanaged(struct ctl *ctl, const char *dev)
{
	struct names names = { .n = 0 };
	const char *near;

	if (natpunch_wan_dump(ctl->np, take_name, &names) || !names.n)
		fail("%s is not managed, nor is any other device: begin with 'natpunchctl wan add %s'",
		     dev, dev);
	near = nearest_word(dev, names.words);
	if (near)
		fail("%s is not managed, did you mean %s? Managed: %s", dev,
		     near, names.text);
	fail("%s is not managed; managed: %s", dev, names.text);
}

void open_natpunch(struct ctl *ctl)
{
	int err;

	if (ctl->netns)
		err = natpunch_open_netns(&ctl->np, ctl->netns);
	else
		err = natpunch_open(&ctl->np);
	if (!err)
		return;
	if (ctl->netns && err == -ENOENT)
		fail("there is no network namespace '%s': 'ip netns' lists them",
		     ctl->netns);
	if (ctl->netns && err == -EINVAL)
		fail("'%s' is not a network namespace", ctl->netns);
	if (ctl->netns && (err == -EPERM || err == -EACCES))
		fail("may not enter network namespace '%s'; it needs CAP_SYS_ADMIN: try it as root",
		     ctl->netns);
	fail("%s", natpunch_strerror(NULL, err));
}

/* Room for one more element in an array of n, whose room doubles. */
void *more(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		fail("out of memory");
	return array;
}
