// SPDX-License-Identifier: GPL-2.0
/*
 * The life of crafted flows' registrations: leases end and are renewed, what is
 * bound to a socket ends with it whatever ends its program, and nothing keeps a
 * namespace or the module. Long lists are dumped whole, in small pieces, too.
 */
#include "netlink_req.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define LOCAL	"203.0.113.2"

struct list {
	unsigned int n;
	uint32_t id[NATPUNCH_MAX_CRAFTED + 1];
	uint32_t lease;		/* of the last one */
	bool bound;
};

static void note_flow(const struct nlmsghdr *nlh, void *data)
{
	struct list *list = data;
	const struct nlattr *attr;

	list->bound = false;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case NATPUNCH_A_CRAFTED_ID:
			if (list->n < N_ELEMENTS(list->id))
				list->id[list->n] = mnl_attr_get_u32(attr);
			break;
		case NATPUNCH_A_CRAFTED_LEASE:
			list->lease = mnl_attr_get_u32(attr);
			break;
		case NATPUNCH_A_CRAFTED_BOUND:
			list->bound = true;
			break;
		}
	}
	list->n++;
}

/* All flows, read in pieces of @size bytes. */
static struct list flows(size_t size)
{
	struct list list = { 0 };
	struct answer a;

	a = req_ask_with(req_new(NATPUNCH_CMD_CRAFTED_GET, NLM_F_DUMP), size,
			 note_flow, &list);
	if (a.err)
		ktap_bail("dump: %s", strerror(a.err));
	return list;
}

static int add_flow(uint16_t port, uint32_t lease, bool bound,
		    struct list *made)
{
	struct req *req = req_new(NATPUNCH_CMD_CRAFTED_NEW, 0);

	req_ip(req, NATPUNCH_A_CRAFTED_LOCAL_ADDR, LOCAL);
	req_be16(req, NATPUNCH_A_CRAFTED_LOCAL_PORT_MIN, port);
	req_ip(req, NATPUNCH_A_CRAFTED_REMOTE_ADDR, "192.0.2.9");
	req_u32(req, NATPUNCH_A_CRAFTED_LEASE, lease);
	if (bound)
		req_put(req, NATPUNCH_A_CRAFTED_BOUND, 0, NULL);
	/* A large buffer once seen makes later pieces of dumps as large. */
	return req_ask_with(req, 4096, made ? note_flow : NULL, made).err;
}

static int del_flow(uint32_t id)
{
	struct req *req = req_new(NATPUNCH_CMD_CRAFTED_DEL, 0);

	req_u32(req, NATPUNCH_A_CRAFTED_ID, id);
	return req_ask(req).err;
}

static void wait_seconds(unsigned int seconds)
{
	struct timespec ts = { .tv_sec = seconds };

	while (nanosleep(&ts, &ts))
		;
}

static void test_lease(void)
{
	struct list made = { 0 }, again = { 0 }, list;

	ktap_ok(!add_flow(4000, 5, false, &made) && made.n == 1 && made.id[0],
		"a flow is registered and gets an id");
	wait_seconds(3);
	ktap_ok(flows(0).n == 1, "it is there before its lease is over");
	add_flow(4000, 60, false, &again);
	list = flows(0);
	ktap_ok(again.id[0] == made.id[0] && list.n == 1,
		"to register it again renews it");
	wait_seconds(10);
	list = flows(0);
	ktap_ok(list.n == 1 && list.lease <= 50 && list.lease >= 40,
		"a renewed one outlives its first lease and has what is left");
	add_flow(4000, 2, false, NULL);
	wait_seconds(4);
	ktap_ok(!flows(0).n, "at the end of its lease it is gone");
	ktap_ok(del_flow(made.id[0]) == ENOENT, "and can not be ended again");
}

static void test_bound_close(void)
{
	struct mnl_socket *first = req_sock;
	struct list list;

	req_sock = NULL;
	if (req_open())
		ktap_bail("no family");
	add_flow(4001, 1000, true, NULL);
	add_flow(4001, 1000, false, NULL);
	list = flows(0);
	ktap_ok(list.n == 2, "bound and unbound registrations are two");
	mnl_socket_close(req_sock);
	req_sock = first;
	list = flows(0);
	ktap_ok(list.n == 1 && !list.bound,
		"the bound one ends with its socket, the other does not");
	del_flow(list.id[0]);
	ktap_ok(!flows(0).n, "which is ended by its id");
}

/* A program that registers 20 flows, says so, and waits to be killed. */
static pid_t start_holder(void)
{
	int ready[2], i;
	char c;
	pid_t pid;

	if (pipe(ready))
		ktap_bail("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ktap_bail("fork: %s", strerror(errno));
	if (!pid) {
		req_sock = NULL;
		if (req_open())
			_exit(1);
		for (i = 0; i < 20; i++)
			if (add_flow(5000 + i, 86400, true, NULL))
				_exit(1);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		ktap_bail("the holder failed");
	close(ready[0]);
	return pid;
}

static void test_killed(int signal, const char *name)
{
	struct list list;
	pid_t pid;

	pid = start_holder();
	list = flows(0);
	ktap_ok(list.n == 20 && list.bound, "a program holds 20 flows");
	kill(pid, signal);
	waitpid(pid, NULL, 0);
	ktap_ok(!flows(0).n, "%s leaves nothing of them", name);
}

static unsigned int count_distinct(const struct list *list)
{
	unsigned int i, n = 0;

	for (i = 0; i < list->n; i++)
		n += !i || list->id[i] > list->id[i - 1];
	return n;
}

static void test_many(void)
{
	struct mnl_socket *first = req_sock;
	struct list list;
	unsigned int i;
	int err = 0;

	req_sock = NULL;
	if (req_open())
		ktap_bail("no family");
	for (i = 0; i < NATPUNCH_MAX_CRAFTED && !err; i++)
		err = add_flow(10000 + i, 1000, true, NULL);
	ktap_ok(!err, "as many flows as there may be");
	ktap_ok(add_flow(9999, 1000, true, NULL) == ENOSPC,
		"one more is refused");
	list = flows(0);
	ktap_ok(list.n == NATPUNCH_MAX_CRAFTED &&
		count_distinct(&list) == list.n, "a dump has each of them once");
	mnl_socket_close(req_sock);
	req_sock = NULL;
	if (req_open())
		ktap_bail("no family");
	for (i = 0; i < NATPUNCH_MAX_CRAFTED && !err; i++)
		err = add_flow(10000 + i, 1000, true, NULL);
	ktap_ok(!err, "the end of a socket makes room for all of them again");
	list = flows(4096);
	ktap_ok(list.n == NATPUNCH_MAX_CRAFTED &&
		count_distinct(&list) == list.n, "a dump in pieces, too");
	mnl_socket_close(req_sock);
	req_sock = first;
	ktap_ok(!flows(0).n, "and none is left");
}

static int watch_bound(const char *dev, uint8_t on, bool bound)
{
	struct req *req = req_new(NATPUNCH_CMD_CRAFTED_DEV_SET, 0);

	req_str(req, NATPUNCH_A_CRAFTED_DEV_DEV, dev);
	req_u8(req, NATPUNCH_A_CRAFTED_DEV_ON, on);
	if (bound)
		req_put(req, NATPUNCH_A_CRAFTED_DEV_BOUND, 0, NULL);
	return req_ask(req).err;
}

static int watch(const char *dev, uint8_t on)
{
	return watch_bound(dev, on, false);
}

static unsigned int n_watched(void)
{
	return req_ask(req_new(NATPUNCH_CMD_CRAFTED_DEV_GET,
			       NLM_F_DUMP)).replies;
}

static void test_watched(void)
{
	unsigned int i;
	char cmd[64];
	int err = 0;

	ktap_ok(!watch("wan0", 1) && !watch("wan0", 1) && n_watched() == 1,
		"a device is watched once");
	ktap_ok(!watch("wan1", 1) && n_watched() == 2, "and another one");
	if (system("ip link del wan1"))
		ktap_bail("cannot delete wan1");
	ktap_ok(n_watched() == 1, "a device that vanishes is watched no more");
	ktap_ok(!watch("wan0", 0) && !n_watched(), "nor one that is left alone");
	for (i = 0; i < 300 && !err; i++) {
		snprintf(cmd, sizeof(cmd), "ip link add d%u type dummy", i);
		err = system(cmd);
		snprintf(cmd, sizeof(cmd), "d%u", i);
		err = err ? err : watch(cmd, 1);
	}
	ktap_ok(!err && n_watched() == 300, "300 devices are dumped");
}

static void test_watched_bound(void)
{
	struct mnl_socket *first = req_sock;

	req_sock = NULL;
	if (req_open())
		ktap_bail("no family");
	watch_bound("wan0", 1, true);
	watch_bound("lo", 1, true);
	ktap_ok(!watch("lo", 1) && n_watched() == 2,
		"two sockets watch two devices");
	ktap_ok(!watch_bound("wan0", 0, true) && n_watched() == 1 &&
		watch_bound("wan0", 0, true) == ENOENT,
		"one stops watching one of them");
	mnl_socket_close(req_sock);
	req_sock = first;
	ktap_ok(n_watched() == 1, "its end does not stop the other");
	ktap_ok(!watch("lo", 0) && !n_watched(), "which stops by itself");
	req_sock = NULL;
	if (req_open())
		ktap_bail("no family");
	watch_bound("wan0", 1, true);
	watch_bound("lo", 1, true);
	mnl_socket_close(req_sock);
	req_sock = first;
	ktap_ok(!n_watched() && watch("lo", 0) == ENOENT,
		"what is bound to a socket is watched until it closes");
	ktap_ok(!watch_bound("wan0", 1, true) && !watch("wan0", 0) &&
		!n_watched(), "an unbound request ends all watches");
}

/* In a namespace that ends with its only process. */
static void test_namespace_ends(void)
{
	int status, tries;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		mnl_socket_close(req_sock);
		req_sock = NULL;
		req_own_net();
		if (req_open() || add_flow(4000, 86400, false, NULL) ||
		    watch("wan0", 1))
			_exit(1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ktap_ok(pid > 0 && !status, "a namespace dies with a registered flow and a watched device");
	if (req_sock)
		mnl_socket_close(req_sock);
	/* Our own namespace, with its 300 devices, is left behind, too. */
	if (unshare(CLONE_NEWNET))
		ktap_bail("unshare: %s", strerror(errno));
	for (tries = 0; tries < 60; tries++) {
		if (!system("rmmod natpunch 2>/dev/null"))
			break;
		wait_seconds(1);
	}
	ktap_ok(tries < 60, "the module can be unloaded then");
	if (system("modprobe natpunch"))
		ktap_bail("cannot load natpunch");
}

int main(void)
{
	ktap_plan(6 + 3 + 2 * 2 + 6 + 6 + 5 + 2);
	req_own_net();
	if (req_open())
		ktap_bail("there is no family " NATPUNCH_GENL_NAME);
	test_lease();
	test_bound_close();
	test_killed(SIGKILL, "SIGKILL");
	test_killed(SIGTERM, "SIGTERM");
	test_many();
	test_watched_bound();
	test_watched();
	test_namespace_ends();
	return ktap_exit();
}
