// SPDX-License-Identifier: GPL-2.0
/*
 * Threads for what may block. A thread owns what its work's data points to until
 * it writes to the event descriptor; then the loop does. The struct work itself
 * is the loop's.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "work.h"

#define STACK_BYTES	(256 * 1024)

struct work {
	pthread_t thread;
	struct event *event;
	int fd;
	void (*run)(void *data);
	void (*done)(void *data);
	void *data;
};

static unsigned int running;

static void *thread_main(void *arg)
{
	struct work *w = arg;
	uint64_t one = 1;

	w->run(w->data);
	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static void free_work(struct work *w)
{
	if (w->event)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct work *w = arg;
	void (*done)(void *data) = w->done;
	void *data = w->data;

	(void)fd;
	(void)what;
	pthread_join(w->thread, NULL);
	free_work(w);
	running--;
	done(data);
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int start_thread(struct work *w)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, &attr, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int work_start(struct event_base *base, void (*run)(void *data),
	       void (*done)(void *data), void *data)
{
	struct work *w;
	int err;

	if (running == WORK_MAX)
		return -EAGAIN;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->run = run;
	w->done = done;
	w->data = data;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd >= 0)
		w->event = event_new(base, w->fd, EV_READ, on_done, w);
	if (!w->event || event_add(w->event, NULL)) {
		free_work(w);
		return -ENOMEM;
	}
	err = start_thread(w);
	if (err)
		free_work(w);
	else
		running++;
	return err;
}

struct resolve {
	char host[256];
	char port[8];
	struct addrinfo hints;
	struct addrinfo *list;
	int error;
	void (*done)(void *data, int error, const struct addrinfo *list);
	void *data;
};

static void resolve_run(void *data)
{
	struct resolve *r = data;

	r->error = getaddrinfo(r->host, r->port, &r->hints, &r->list);
}

static void resolve_done(void *data)
{
	struct resolve *r = data;

	r->done(r->data, r->error, r->error ? NULL : r->list);
	if (!r->error)
		freeaddrinfo(r->list);
	free(r);
}

int resolve_start(struct event_base *base, const char *host, int port,
		  int socktype,
		  void (*done)(void *data, int error,
			       const struct addrinfo *list),
		  void *data)
{
	struct resolve *r;
	int err;

	if (strlen(host) >= sizeof(r->host))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	snprintf(r->host, sizeof(r->host), "%s", host);
	snprintf(r->port, sizeof(r->port), "%u", (unsigned int)port & 0xffff);
	r->hints.ai_socktype = socktype;
	r->hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
	r->done = done;
	r->data = data;
	err = work_start(base, resolve_run, resolve_done, r);
	if (err)
		free(r);
	return err;
}
