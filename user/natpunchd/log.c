// SPDX-License-Identifier: GPL-2.0
/*
 * The log. Its settings are written before threads are, or by a reload, where an
 * old value for one line does no harm.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define LINE_SIZE	1024

static bool use_syslog;
static int max_level = LOG_INFO;

void log_start(bool to_syslog, int level)
{
	if (to_syslog && !use_syslog)
		openlog("natpunchd", LOG_PID, LOG_DAEMON);
	use_syslog = to_syslog;
	max_level = level;
}

/* What peers or brokers say may hold anything: one line, no control codes. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

/* One write, so that lines of threads do not mix. */
static void to_stderr(int level, const char *text)
{
	static const char * const words[] = {
		[LOG_ERR] = "error: ", [LOG_WARNING] = "warning: ",
	};
	const char *word = level <= LOG_WARNING ? words[level] : "";
	char line[LINE_SIZE + 32];
	int len;

	if (getenv("JOURNAL_STREAM"))
		len = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		len = snprintf(line, sizeof(line), "natpunchd: %s%s\n", word,
			       text);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;		/* nobody is there to be told */
}

void log_at(int level, const char *fmt, ...)
{
	char text[LINE_SIZE];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean(text);
	if (use_syslog)
		syslog(level, "%s", text);
	else
		to_stderr(level, text);
}
