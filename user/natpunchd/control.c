// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket. Owns the clients. Who may connect is anybody, so that he
 * is told why he may not: the kernel says who he is, and root, the daemon's own
 * user and members of the configured group may ask for something.
 */
#define _GNU_SOURCE	/* struct ucred */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf.h"
#include "control.h"
#include "log.h"
#include "saved.h"

#define IDLE_S		60	/* for a request; who watches may wait */
#define WRITE_S		10
#define MAX_UNREAD	(1024 * 1024)
#define MAX_GROUPS	256

struct client {
	struct client *next;
	struct control *control;
	struct bufferevent *stream;
	struct client **later;		/* who holds on to it */
	bool busy;			/* a request is not answered yet */
	bool watches;
	bool closing;			/* when all is written */
	bool deaf;			/* what it sends goes nowhere */
};

struct control {
	struct daemon *daemon;
	struct evconnlistener *listener;
	struct client *clients;
	unsigned int n;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static const struct verb * const all_verbs[] = {
	service_verbs, connection_verbs, site_verbs,
};

static void free_client(struct client *c)
{
	struct client **link = &c->control->clients;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	c->control->n--;
	if (c->later)
		*c->later = NULL;
	bufferevent_free(c->stream);
	free(c);
}

/* --- answers -------------------------------------------------------------- */

static void send_json(struct client *c, json_t *json)
{
	struct evbuffer *out = bufferevent_get_output(c->stream);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (text && evbuffer_get_length(out) < MAX_UNREAD)
		evbuffer_add_printf(out, "%s\n", text);
	free(text);
}

static void answered(struct client *c)
{
	c->busy = false;
	if (c->later)
		*c->later = NULL;
	c->later = NULL;
}

void control_ok(struct client *c, json_t *result)
{
	json_t *json = json_pack("{sb}", "ok", 1);

	if (result)
		json_object_set_new(json, "result", result);
	saved_settle(c->control->daemon);
	answered(c);
	send_json(c, json);
}

void control_error(struct client *c, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answered(c);
	send_json(c, json_pack("{sb, si, ss*}", "ok", 0, "errno", code, "error",
			       text));
}

void control_watch(struct client *c)
{
	bufferevent_set_timeouts(c->stream, NULL,
				 &(struct timeval){ .tv_sec = WRITE_S });
	c->watches = true;
}

void control_later(struct client *c, struct client **at)
{
	c->later = at;
	*at = c;
}

void control_event(struct daemon *d, const char *what, json_t *json)
{
	struct client *c = d->control ? d->control->clients : NULL;

	for (; c; c = c->next)
		if (c->watches)
			send_json(c, json_pack("{ss, sO}", "event", what,
					       "data", json));
	json_decref(json);
}

/* --- requests ------------------------------------------------------------- */

json_t *control_parse(const char *line, size_t len, char *error, size_t size)
{
	json_error_t why;
	json_t *json;

	json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	if (!json) {
		snprintf(error, size, "no JSON, at character %d: %s",
			 why.column, why.text);
		return NULL;
	}
	if (json_string_value(json_object_get(json, "do")))
		return json;
	snprintf(error, size, "a request is an object with a string 'do'");
	json_decref(json);
	return NULL;
}

static const struct verb *find_verb(const char *name)
{
	const struct verb *v;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all_verbs); i++)
		for (v = all_verbs[i]; v->name; v++)
			if (!strcmp(v->name, name))
				return v;
	return NULL;
}

static void run_line(struct client *c, const char *line, size_t len)
{
	char error[256];
	json_t *request = control_parse(line, len, error, sizeof(error));
	const struct verb *verb;
	const char *name;

	c->busy = true;
	if (!request) {
		control_error(c, EINVAL, "%s", error);
		return;
	}
	name = json_string_value(json_object_get(request, "do"));
	verb = find_verb(name);
	if (verb)
		verb->run(c->control->daemon, c, request);
	else
		control_error(c, EOPNOTSUPP, "natpunchd knows no request '%.40s'; it may be older than natpunchctl",
			      name);
	json_decref(request);
}

/* One request at a time: what a client sends ahead waits. */
static void on_read(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct client *c = arg;
	size_t len;
	char *line;

	if (c->deaf)
		evbuffer_drain(in, evbuffer_get_length(in));
	while (!c->busy && !c->closing) {
		line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		if (!line)
			break;
		run_line(c, line, len);
		free(line);
	}
	if (evbuffer_get_length(in) <= CONTROL_MAX_LINE || c->closing)
		return;
	control_error(c, EMSGSIZE, "a request has at most %d bytes",
		      (int)CONTROL_MAX_LINE);
	c->deaf = true;		/* or he would not get to read it */
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_written(struct bufferevent *stream, void *arg)
{
	struct client *c = arg;

	if (c->closing)
		free_client(c);
	else
		on_read(stream, c);
}

/* Its end, an error, or a time that is over. An end may come before our answer. */
static void on_end(struct bufferevent *stream, short what, void *arg)
{
	struct evbuffer *out = bufferevent_get_output(stream);
	struct client *c = arg;

	if (what & BEV_EVENT_EOF && (c->busy || evbuffer_get_length(out))) {
		bufferevent_disable(stream, EV_READ);
		c->closing = true;
		return;
	}
	if (what & BEV_EVENT_TIMEOUT && what & BEV_EVENT_READING && c->busy) {
		bufferevent_enable(stream, EV_READ);
		return;
	}
	free_client(c);
}

/* --- clients -------------------------------------------------------------- */

/* Also the groups which he is in besides his own. */
static bool is_member(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[MAX_GROUPS];
	socklen_t len = sizeof(groups);
	size_t i;

	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

static bool may(const struct daemon *d, int fd)
{
	const struct group *group;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	if (!cred.uid || cred.uid == geteuid())
		return true;
	/* No other thread asks for groups. */
	/* cppcheck-suppress getgrnamCalled */
	group = d->conf->group ? getgrnam(d->conf->group) : NULL;
	return group && is_member(fd, cred.gid, group->gr_gid);
}

/* A refusal is small enough for any socket buffer. */
static void refuse(int fd, int code, const char *why)
{
	if (dprintf(fd, "{\"ok\": false, \"errno\": %d, \"error\": \"%s\"}\n",
		    code, why) < 0)
		log_debug("control: %s", strerror(errno));
	close(fd);
}

static void add_client(struct control *control, int fd)
{
	const struct timeval idle = { .tv_sec = IDLE_S };
	const struct timeval slow = { .tv_sec = WRITE_S };
	struct client *c = calloc(1, sizeof(*c));

	if (c)
		c->stream = bufferevent_socket_new(control->daemon->base, fd,
						   BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->stream) {
		free(c);
		close(fd);
		return;
	}
	c->control = control;
	c->next = control->clients;
	control->clients = c;
	control->n++;
	bufferevent_setcb(c->stream, on_read, on_written, on_end, c);
	bufferevent_setwatermark(c->stream, EV_READ, 0, CONTROL_MAX_LINE + 1);
	bufferevent_set_timeouts(c->stream, &idle, &slow);
	bufferevent_enable(c->stream, EV_READ | EV_WRITE);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *sa, int len, void *arg)
{
	struct control *control = arg;

	(void)listener;
	(void)sa;
	(void)len;
	if (!may(control->daemon, fd))
		refuse(fd, EPERM, "only root and the configured group may control natpunchd");
	else if (control->n >= CONTROL_MAX_CLIENTS)
		refuse(fd, EBUSY, "natpunchd has too many clients: try again");
	else
		add_client(control, fd);
}

/* --- the socket ----------------------------------------------------------- */

static bool somebody_listens(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = !connect(fd, (const struct sockaddr *)sun, sizeof(*sun));

	close(fd);
	return yes;
}

/* One left behind by a daemon that was killed is in the way, a live one is not. */
static int bind_socket(const struct sockaddr_un *sun)
{
	int fd, err;

	if (somebody_listens(sun))
		return -EADDRINUSE;
	unlink(sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) ||
	    chmod(sun->sun_path, 0666)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int control_start(struct daemon *d)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct control *control;
	int fd;

	if (strlen(d->conf->socket) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, d->conf->socket);
	fd = bind_socket(&sun);
	if (fd < 0)
		return fd;
	control = calloc(1, sizeof(*control));
	if (control)
		control->listener = evconnlistener_new(d->base, on_client,
						       control,
						       LEV_OPT_CLOSE_ON_FREE |
						       LEV_OPT_CLOSE_ON_EXEC,
						       16, fd);
	if (!control || !control->listener) {
		free(control);
		close(fd);
		return -ENOMEM;
	}
	control->daemon = d;
	strcpy(control->path, sun.sun_path);
	d->control = control;
	return 0;
}

void control_stop(struct daemon *d)
{
	struct control *control = d->control;

	if (!control)
		return;
	while (control->clients)
		free_client(control->clients);
	evconnlistener_free(control->listener);
	unlink(control->path);
	free(control);
	d->control = NULL;
}
