// SPDX-License-Identifier: GPL-2.0
/* The control socket of natpunchd, from the other side. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"

#define DEFAULT_SOCKET	"/run/natpunch/natpunchd.sock"
#define ANSWER_S	30
#define MAX_ANSWER	(16 * 1024 * 1024)

static const char *socket_path(void)
{
	const char *path = getenv("NATPUNCHD_SOCKET");

	return path && *path ? path : DEFAULT_SOCKET;
}

static int open_socket(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = ANSWER_S };
	const char *path = socket_path();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(sun.sun_path))
		fail("%s: a socket's name has at most %zu characters", path,
		     sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	if (fd < 0)
		fail("socket: %s", strerror(errno));
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		return fd;
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		fail("natpunchd is not running (nobody listens at %s): 'systemctl start natpunchd' starts it",
		     path);
	if (errno == EACCES)
		fail("may not open %s: try it as root", path);
	fail("%s: %s", path, strerror(errno));
}

static void send_request(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, done = 0;
	ssize_t n;

	if (!text)
		fail("out of memory");
	text[len++] = '\n';	/* in place of the NUL */
	while (done < len) {
		n = send(fd, text + done, len - done, MSG_NOSIGNAL);
		/* Who refuses us may have closed already: read why. */
		if (n < 0 && errno == EPIPE)
			break;
		if (n < 0)
			fail("natpunchd: %s", strerror(errno));
		done += (size_t)n;
	}
	free(text);
}

/* One line, of whatever length. */
static char *read_answer(int fd)
{
	size_t size = 4096, len = 0;
	char *text = NULL, *bigger;
	ssize_t n;

	do {
		size *= 2;
		bigger = size > MAX_ANSWER ? NULL : realloc(text, size);
		if (!bigger)
			fail("natpunchd's answer is too long");
		text = bigger;
		n = recv(fd, text + len, size - len - 1, 0);
		if (n < 0)
			fail("natpunchd does not answer: %s", strerror(errno));
		len += (size_t)n;
		text[len] = '\0';
	} while (n && !strchr(text, '\n'));
	return text;
}

json_t *ask_daemon(const char *verb, json_t *request)
{
	json_error_t error;
	json_t *answer, *result;
	char *text;
	int fd;

	if (!request)
		request = json_object();
	json_add(request, "do", json_string(verb));
	fd = open_socket();
	send_request(fd, request);
	json_decref(request);
	text = read_answer(fd);
	close(fd);
	answer = json_loads(text, 0, &error);
	free(text);
	if (!answer)
		fail("natpunchd has closed the connection without an answer");
	if (!json_is_true(json_object_get(answer, "ok")))
		fail("%s", text_of(answer, "error"));
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result ? result : json_null();
}

const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

void print_limit(const json_t *site)
{
	const char *limit = text_of(json_object_get(site, "natpunch"), "limit");

	if (*limit)
		printf("%s: over IPv4 only services and clients of this host itself can be connected\n",
		       limit);
}

const char *parse_stream(const char *s)
{
	static const char * const words[] = { "tcp", "udp", NULL };

	return words[find_word("protocol", s, words)];
}

const char *parse_where(char buf[ENDPOINT_SIZE], const char *what,
			const char *s)
{
	struct natpunch_addr addr;
	int port;

	parse_endpoint(what, s, NEED_ADDR | NEED_PORT, &addr, &port);
	if (!port)
		usage("%s: there is no port 0", what);
	return format_endpoint(buf, &addr, (uint16_t)port);
}
