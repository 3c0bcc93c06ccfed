// SPDX-License-Identifier: GPL-2.0
/*
 * Who may use the netlink family: whoever has CAP_NET_ADMIN in the user
 * namespace that owns the network namespace, and nobody else; and the module
 * is loaded by asking for the family.
 */
#include "netlink_req.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NOBODY 65534

static const struct command {
	const char *name;
	uint8_t cmd;
	uint16_t flags;
} commands[] = {
	{ "wan-new", NATPUNCH_CMD_WAN_NEW, 0 },
	{ "wan-set", NATPUNCH_CMD_WAN_SET, 0 },
	{ "wan-del", NATPUNCH_CMD_WAN_DEL, 0 },
	{ "wan-get", NATPUNCH_CMD_WAN_GET, 0 },
	{ "wan-get dump", NATPUNCH_CMD_WAN_GET, NLM_F_DUMP },
	{ "mapping-get", NATPUNCH_CMD_MAPPING_GET, 0 },
	{ "mapping-get dump", NATPUNCH_CMD_MAPPING_GET, NLM_F_DUMP },
	{ "mapping-flush", NATPUNCH_CMD_MAPPING_FLUSH, 0 },
	{ "reservation-new", NATPUNCH_CMD_RESERVATION_NEW, 0 },
	{ "reservation-del", NATPUNCH_CMD_RESERVATION_DEL, 0 },
	{ "reservation-get", NATPUNCH_CMD_RESERVATION_GET, 0 },
	{ "reservation-get dump", NATPUNCH_CMD_RESERVATION_GET, NLM_F_DUMP },
	{ "stats-get", NATPUNCH_CMD_STATS_GET, 0 },
	{ "hold-get", NATPUNCH_CMD_HOLD_GET, 0 },
	{ "hold-get dump", NATPUNCH_CMD_HOLD_GET, NLM_F_DUMP },
	{ "crafted-new", NATPUNCH_CMD_CRAFTED_NEW, 0 },
	{ "crafted-del", NATPUNCH_CMD_CRAFTED_DEL, 0 },
	{ "crafted-get", NATPUNCH_CMD_CRAFTED_GET, 0 },
	{ "crafted-get dump", NATPUNCH_CMD_CRAFTED_GET, NLM_F_DUMP },
	{ "crafted-dev-set", NATPUNCH_CMD_CRAFTED_DEV_SET, 0 },
	{ "crafted-dev-get", NATPUNCH_CMD_CRAFTED_DEV_GET, 0 },
	{ "crafted-dev-get dump", NATPUNCH_CMD_CRAFTED_DEV_GET, NLM_F_DUMP },
	{ "upstream-get", NATPUNCH_CMD_UPSTREAM_GET, 0 },
	{ "upstream-get dump", NATPUNCH_CMD_UPSTREAM_GET, NLM_F_DUMP },
	{ "upstream-sample", NATPUNCH_CMD_UPSTREAM_SAMPLE, 0 },
	{ "predict", NATPUNCH_CMD_PREDICT, 0 },
};

/* A complete request on wan0, so that rights are all that can be wrong. */
static struct req *complete(const struct command *c)
{
	struct req *req;

	switch (c->cmd) {
	case NATPUNCH_CMD_MAPPING_GET:
	case NATPUNCH_CMD_RESERVATION_NEW:
	case NATPUNCH_CMD_RESERVATION_DEL:
	case NATPUNCH_CMD_RESERVATION_GET:
		req = req_reservation(c->cmd, "wan0", IPPROTO_UDP, "10.0.0.2",
				      5000);
		break;
	case NATPUNCH_CMD_WAN_NEW:
	case NATPUNCH_CMD_WAN_SET:
	case NATPUNCH_CMD_WAN_DEL:
	case NATPUNCH_CMD_WAN_GET:
		req = req_new(c->cmd, 0);
		req_str(req, NATPUNCH_A_WAN_DEV, "wan0");
		break;
	case NATPUNCH_CMD_CRAFTED_NEW:
		req = req_new(c->cmd, 0);
		req_ip(req, NATPUNCH_A_CRAFTED_LOCAL_ADDR, "203.0.113.2");
		req_ip(req, NATPUNCH_A_CRAFTED_REMOTE_ADDR, "192.0.2.9");
		req_u32(req, NATPUNCH_A_CRAFTED_LEASE, 100);
		break;
	case NATPUNCH_CMD_CRAFTED_DEL:
	case NATPUNCH_CMD_CRAFTED_GET:
		req = req_new(c->cmd, 0);
		req_u32(req, NATPUNCH_A_CRAFTED_ID, 1);
		break;
	case NATPUNCH_CMD_UPSTREAM_GET:
		req = req_new(c->cmd, 0);
		req_ip(req, NATPUNCH_A_UPSTREAM_ADDR, "203.0.113.2");
		req_u8(req, NATPUNCH_A_UPSTREAM_L4PROTO, IPPROTO_UDP);
		break;
	case NATPUNCH_CMD_UPSTREAM_SAMPLE:
		req = req_new(c->cmd, 0);
		req_u8(req, NATPUNCH_A_SAMPLE_L4PROTO, IPPROTO_UDP);
		req_ip(req, NATPUNCH_A_SAMPLE_INT_ADDR, "203.0.113.2");
		req_be16(req, NATPUNCH_A_SAMPLE_INT_PORT, 5000);
		req_ip(req, NATPUNCH_A_SAMPLE_DEST_ADDR, "192.0.2.9");
		req_be16(req, NATPUNCH_A_SAMPLE_DEST_PORT, 3478);
		req_ip(req, NATPUNCH_A_SAMPLE_MAPPED_ADDR, "198.51.100.7");
		req_be16(req, NATPUNCH_A_SAMPLE_MAPPED_PORT, 1024);
		break;
	case NATPUNCH_CMD_PREDICT:
		req = req_new(c->cmd, 0);
		req_u8(req, NATPUNCH_A_PREDICT_L4PROTO, IPPROTO_UDP);
		req_ip(req, NATPUNCH_A_PREDICT_INT_ADDR, "10.0.0.3");
		req_be16(req, NATPUNCH_A_PREDICT_INT_PORT, 5000);
		req_ip(req, NATPUNCH_A_PREDICT_DEST_ADDR, "192.0.2.9");
		break;
	case NATPUNCH_CMD_CRAFTED_DEV_SET:
		req = req_new(c->cmd, 0);
		req_str(req, NATPUNCH_A_CRAFTED_DEV_DEV, "wan0");
		req_u8(req, NATPUNCH_A_CRAFTED_DEV_ON, 1);
		break;
	default:
		req = req_new(c->cmd, 0);
	}
	req->nlh->nlmsg_flags |= c->flags;
	return req;
}

/* The status of @fn, run by a process of its own. */
static int in_child(int (*fn)(int), int arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ktap_bail("fork: %s", strerror(errno));
	if (!pid)
		_exit(fn(arg));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		ktap_bail("a child died");
	return WEXITSTATUS(status);
}

static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) ==
			       (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* root in a user namespace of nobody's, which owns what @flags say besides. */
static bool become_root_of_own(int flags)
{
	char map[64];

	/* Dumpable, or /proc/self is root's. */
	if (!become_nobody() || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER | flags))
		return false;
	snprintf(map, sizeof(map), "0 %d 1", NOBODY);
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", map) &&
	       write_file("/proc/self/gid_map", map);
}

#define SETUP_FAILED 255

/* The children's work: each returns an errno. */

static int nobody_asks(int i)
{
	if (!become_nobody() || req_open())
		return SETUP_FAILED;
	return req_ask(complete(&commands[i])).err;
}

static int nobody_inherits(int i)
{
	if (req_open() || !become_nobody())
		return SETUP_FAILED;
	return req_ask(complete(&commands[i])).err;
}

static int root_elsewhere_asks(int i)
{
	if (!become_root_of_own(0) || req_open())
		return SETUP_FAILED;
	return req_ask(complete(&commands[i])).err;
}

/* The groups, each to be joined for itself. */
static const char * const groups[] = {
	"mappings", "held SYNs", "upstreams", "crafted flows"
};

static int join(int group)
{
	const uint32_t ids[] = {
		req_group, req_hold_group, req_upstream_group,
		req_crafted_group
	};
	uint32_t id = ids[group];

	return mnl_socket_setsockopt(req_sock, NETLINK_ADD_MEMBERSHIP, &id,
				     sizeof(id)) ? errno : 0;
}

static int root_joins(int group)
{
	return req_open() ? SETUP_FAILED : join(group);
}

static int nobody_joins(int group)
{
	return !become_nobody() || req_open() ? SETUP_FAILED : join(group);
}

static int root_elsewhere_joins(int group)
{
	return !become_root_of_own(0) || req_open() ? SETUP_FAILED :
	       join(group);
}

static int owner_joins(int group)
{
	return !become_root_of_own(CLONE_NEWNET) || req_open() ? SETUP_FAILED :
	       join(group);
}

/* All commands in the order of a life: what is made is asked for and ended. */
static int owner_asks(int unused)
{
	static const struct command life[] = {
		{ "wan-new", NATPUNCH_CMD_WAN_NEW, 0 },
		{ "wan-set", NATPUNCH_CMD_WAN_SET, 0 },
		{ "wan-get", NATPUNCH_CMD_WAN_GET, 0 },
		{ "wan-get dump", NATPUNCH_CMD_WAN_GET, NLM_F_DUMP },
		{ "reservation-new", NATPUNCH_CMD_RESERVATION_NEW, 0 },
		{ "reservation-get", NATPUNCH_CMD_RESERVATION_GET, 0 },
		{ "mapping-get", NATPUNCH_CMD_MAPPING_GET, 0 },
		{ "mapping-get dump", NATPUNCH_CMD_MAPPING_GET, NLM_F_DUMP },
		{ "mapping-flush", NATPUNCH_CMD_MAPPING_FLUSH, 0 },
		{ "stats-get", NATPUNCH_CMD_STATS_GET, 0 },
		{ "upstream-get", NATPUNCH_CMD_UPSTREAM_GET, 0 },
		{ "upstream-get dump", NATPUNCH_CMD_UPSTREAM_GET, NLM_F_DUMP },
		{ "upstream-sample", NATPUNCH_CMD_UPSTREAM_SAMPLE, 0 },
		{ "predict", NATPUNCH_CMD_PREDICT, 0 },
		{ "reservation-del", NATPUNCH_CMD_RESERVATION_DEL, 0 },
		{ "wan-del", NATPUNCH_CMD_WAN_DEL, 0 },
		{ "hold-get dump", NATPUNCH_CMD_HOLD_GET, NLM_F_DUMP },
		{ "crafted-new", NATPUNCH_CMD_CRAFTED_NEW, 0 },
		{ "crafted-get", NATPUNCH_CMD_CRAFTED_GET, 0 },
		{ "crafted-del", NATPUNCH_CMD_CRAFTED_DEL, 0 },
		{ "crafted-dev-set", NATPUNCH_CMD_CRAFTED_DEV_SET, 0 },
		{ "crafted-dev-get dump", NATPUNCH_CMD_CRAFTED_DEV_GET,
		  NLM_F_DUMP },
	};
	struct answer a;
	size_t i;

	(void)unused;
	if (!become_root_of_own(CLONE_NEWNET))
		return SETUP_FAILED;
	req_own_net();
	if (req_open())
		return SETUP_FAILED;
	for (i = 0; i < N_ELEMENTS(life); i++) {
		a = req_ask(complete(&life[i]));
		if (a.err) {
			ktap_diag("%s: %s (%s)", life[i].name, strerror(a.err),
				  a.msg);
			return a.err;
		}
	}
	return 0;
}

static void expect(int got, int err, const char *what, const char *name)
{
	if (got == SETUP_FAILED) {
		ktap_diag("the test could not change its credentials");
	} else if (got != err) {
		ktap_diag("errno is %d (%s), expected %d", got, strerror(got),
			  err);
	}
	ktap_ok(got == err, "%s: %s", what, name);
}

/*
 * Autoload
 */

static bool loaded(void)
{
	return !access("/sys/module/natpunch", F_OK);
}

static void test_autoload(void)
{
	int err;

	if (loaded() && system("modprobe -r natpunch"))
		ktap_diag("natpunch is in use");
	ktap_ok(!loaded(), "the module is not there at first");
	err = req_open();
	ktap_ok(!err && loaded(), "asking for the family loads the module");
}

/*
 * Namespaces
 */

static unsigned int n_wans(void)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_GET, NLM_F_DUMP);

	return req_ask(req).replies;
}

/* A socket is for the namespace that it was opened in, wherever its owner is. */
static void test_netns(void)
{
	struct mnl_socket *first;

	req_add_wan("wan0");
	first = req_sock;
	req_sock = NULL;
	req_own_net();
	if (req_open())
		ktap_bail("no family in the second namespace");
	ktap_ok(n_wans() == 0, "a WAN of another namespace is not seen");
	req_add_wan("wan0");
	req_add_wan("wan1");
	ktap_ok(n_wans() == 2, "the same name can be managed in both");
	mnl_socket_close(req_sock);
	req_sock = first;
	ktap_ok(n_wans() == 1, "a socket stays with its namespace");
}

int main(void)
{
	size_t i;

	ktap_plan(2 + 3 + 3 * N_ELEMENTS(commands) + 4 * N_ELEMENTS(groups) +
		  1);
	test_autoload();

	/* The module is there now: nobody could load it. */
	req_own_net();
	if (req_open())
		ktap_bail("there is no family " NATPUNCH_GENL_NAME);
	test_netns();

	for (i = 0; i < N_ELEMENTS(commands); i++) {
		expect(in_child(nobody_asks, i), EPERM, "an ordinary user",
		       commands[i].name);
		expect(in_child(nobody_inherits, i), EPERM,
		       "an ordinary user with root's socket",
		       commands[i].name);
		expect(in_child(root_elsewhere_asks, i), EPERM,
		       "root of another user namespace", commands[i].name);
	}
	for (i = 0; i < N_ELEMENTS(groups); i++) {
		expect(in_child(nobody_joins, i), EPERM,
		       "an ordinary user joins the group of", groups[i]);
		expect(in_child(root_elsewhere_joins, i), EPERM,
		       "root of another user namespace joins the group of",
		       groups[i]);
		expect(in_child(root_joins, i), 0,
		       "root joins the group of", groups[i]);
		expect(in_child(owner_joins, i), 0,
		       "the owner of a network namespace joins the group of",
		       groups[i]);
	}
	expect(in_child(owner_asks, 0), 0, "the owner of a network namespace",
	       "all commands");
	return ktap_exit();
}
