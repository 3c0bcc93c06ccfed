// SPDX-License-Identifier: GPL-2.0
/*
 * A TCP connection through a gateway that goes on while other things are
 * measured: now and then a message there and one back. Its process comes before
 * all others, so what a message waits for is what the kernel does not interrupt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PORT 8000
#define PATIENCE_MS 60000

/* Written by one process each. */
static struct {
	volatile unsigned int every_us;	/* a message */
	volatile unsigned int epoch;	/* a new one: count from the start */
	volatile unsigned int counted;	/* the epoch that these belong to */
	volatile unsigned long trips;
	volatile double sum, worst;
	volatile bool broken;
} *going;

static double ns(struct timespec t)
{
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void one_way(int from, int to)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	char byte = 'x';

	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1 ||
	    poll(&p, 1, PATIENCE_MS) != 1 || recv(to, &byte, 1, 0) != 1)
		going->broken = true;
}

static void count(double taken)
{
	if (going->counted != going->epoch) {
		going->trips = 0;
		going->sum = 0;
		going->worst = 0;
		going->counted = going->epoch;
	}
	going->trips++;
	going->sum += taken;
	if (taken > going->worst)
		going->worst = taken;
}

/* A trip begins when it is due, not when we get to it. */
static void go(int near, int far)
{
	struct timespec due, now;

	clock_gettime(CLOCK_MONOTONIC, &due);
	while (!going->broken) {
		due.tv_nsec += going->every_us * 1000L;
		if (due.tv_nsec >= 1000000000L) {
			due.tv_nsec -= 1000000000L;
			due.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		one_way(near, far);
		one_way(far, near);
		clock_gettime(CLOCK_MONOTONIC, &now);
		count(ns(now) - ns(due));
		if (ns(now) - ns(due) > going->every_us * 1e3)
			due = now;
	}
}

static void connect_both(enum nat nat, int *near, int *far)
{
	struct ep server = net_ep(AF_INET, SERVER_EP, PORT);
	int listener, one = 1;

	listener = net_socket(nat, AT_SERVER, AF_INET, SOCK_STREAM, 0);
	*near = net_socket(nat, AT_HOST, AF_INET, SOCK_STREAM, 0);
	if (bind(listener, &server.sa, ep_len(server)) ||
	    listen(listener, 1) || connect(*near, &server.sa, ep_len(server)))
		ktap_bail("connection: %s", strerror(errno));
	*far = accept(listener, NULL, NULL);
	setsockopt(*near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
}

void going_start(enum nat nat)
{
	struct sched_param first = { .sched_priority = 1 };
	int near, far;

	going = mmap(NULL, sizeof(*going), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (going == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	going->every_us = 10000;
	connect_both(nat, &near, &far);
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		going->broken = true;
	go(near, far);
	_exit(1);
}

void going_begin(unsigned int every_us)
{
	going->every_us = every_us;
	going->epoch++;
}

struct trips going_end(void)
{
	struct trips t = { .n = going->trips, .worst = going->worst };

	if (going->broken)
		ktap_bail("the established flow broke");
	if (going->counted != going->epoch || !t.n)
		ktap_bail("the established flow stood still");
	t.mean = going->sum / t.n;
	return t;
}
