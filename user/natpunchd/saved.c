// SPDX-License-Identifier: GPL-2.0
/* The state directory. Owns the file state.json, and the writing of others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "hand.h"
#include "log.h"
#include "saved.h"
#include "service.h"
#include "session.h"

#define FILE_NAME	"state.json"

const char *state_path(const struct daemon *d, char *buf, size_t size,
		       const char *name)
{
	int n = snprintf(buf, size, "%s/%s", d->conf->state, name);

	return n > 0 && (size_t)n < size ? buf : NULL;
}

/* A file that is not whole is never seen under its name. */
int state_write(const struct daemon *d, const char *name, const json_t *json)
{
	char path[512], new[520];
	int err = 0;

	if (!state_path(d, path, sizeof(path), name))
		return -ENAMETOOLONG;
	snprintf(new, sizeof(new), "%s.new", path);
	errno = 0;
	if (json_dump_file(json, new, JSON_COMPACT) || rename(new, path)) {
		err = errno ? -errno : -EIO;
		unlink(new);
	}
	return err;
}

json_t *state_load(const struct daemon *d, const char *name)
{
	char path[512];
	json_error_t error;
	json_t *json;

	if (!state_path(d, path, sizeof(path), name) || access(path, F_OK))
		return NULL;
	json = json_load_file(path, 0, &error);
	if (!json)
		log_warning("%s:%d: %s: it is passed over", path, error.line,
			    error.text);
	return json;
}

void saved_flush(struct daemon *d)
{
	json_t *json = json_object();
	int err;

	json_object_set_new(json, "version", json_integer(1));
	json_object_set_new(json, "services", service_saved(d));
	json_object_set_new(json, "sessions", session_saved(d));
	json_object_set_new(json, "hands", hand_saved(d));
	err = state_write(d, FILE_NAME, json);
	if (err)
		log_warning("%s/" FILE_NAME ": %s: what was added will be forgotten",
			    d->conf->state, strerror(-err));
	json_decref(json);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	saved_settle(d);
}

void saved_settle(struct daemon *d)
{
	if (d->save_pending)
		saved_flush(d);
	d->save_pending = false;
}

void saved_write(struct daemon *d)
{
	static const struct timeval soon = { .tv_usec = 1 };

	if (d->save_pending || !d->running)
		return;
	d->save_pending = !event_base_once(d->base, -1, EV_TIMEOUT, on_write,
					   d, &soon);
}

void saved_read(struct daemon *d)
{
	json_t *json = state_load(d, FILE_NAME);

	if (!json)
		return;
	service_restore(d, json_object_get(json, "services"));
	session_restore(d, json_object_get(json, "sessions"));
	hand_restore(d, json_object_get(json, "hands"));
	json_decref(json);
}
