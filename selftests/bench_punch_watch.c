// SPDX-License-Identifier: GPL-2.0
/* A monitor of natpunchd's, by its control socket; see bench_punch.h. */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bench_punch.h"
#include "lab/sites.h"

#define SESSION_MS	30000	/* for any path at all */

static struct {
	int sock;
	char buf[65536];
	size_t len;
	double begin;
} watch = { .sock = -1 };

double watch_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void watch_open(enum node gw, const char *request)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char text[512];

	snprintf(text, sizeof(text), "%s\n{\"do\":\"monitor\"}\n", request);
	snprintf(to.sun_path, sizeof(to.sun_path), SITES_DIR "/%s.sock",
		 gw == GA ? "A" : "B");
	watch_close();
	watch.sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	watch.begin = watch_ms();
	if (connect(watch.sock, (struct sockaddr *)&to, sizeof(to)) ||
	    write(watch.sock, text, strlen(text)) < 0)
		ktap_bail("%s: %s", to.sun_path, strerror(errno));
}

void watch_close(void)
{
	if (watch.sock >= 0)
		close(watch.sock);
	watch.sock = -1;
	watch.len = 0;
}

static void take(struct times *t, const char *line, const char *service,
		 double now)
{
	json_t *json = json_loads(line, 0, NULL);
	const char *name, *state;

	if (!json_unpack(json, "{s:{ss, ss}}", "data", "service", &name,
			 "state", &state) && !strcmp(name, service)) {
		if (!strcmp(state, "checking"))
			t->checking = now;
		else if (!strcmp(state, "relayed"))
			t->relayed = now;
		else if (!strcmp(state, "direct"))
			t->direct = now;
	}
	json_decref(json);
}

static void take_lines(struct times *t, const char *service, double now)
{
	char *end;

	while ((end = memchr(watch.buf, '\n', watch.len))) {
		*end++ = '\0';
		take(t, watch.buf, service, now);
		watch.len -= (size_t)(end - watch.buf);
		memmove(watch.buf, end, watch.len);
	}
}

struct times watch_session(const char *service, int patience_ms)
{
	struct pollfd p = { .fd = watch.sock, .events = POLLIN };
	struct times t = { NEVER, NEVER, NEVER };
	double begin = watch.begin, end = begin + SESSION_MS, now = begin;
	bool relayed = false;
	ssize_t n;

	while (t.direct < 0 && now < end) {
		if (poll(&p, 1, (int)(end - now) + 1) == 1) {
			n = read(watch.sock, watch.buf + watch.len,
				 sizeof(watch.buf) - watch.len);
			if (n <= 0)
				break;
			watch.len += (size_t)n;
		}
		now = watch_ms();
		take_lines(&t, service, now - begin);
		if (t.relayed >= 0 && !relayed)
			end = now + patience_ms;
		relayed = t.relayed >= 0;
	}
	return t;
}
