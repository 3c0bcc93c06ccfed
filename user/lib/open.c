// SPDX-License-Identifier: GPL-2.0
/*
 * Handles: a generic netlink socket in some network namespace, and the number
 * that the kernel gave our family there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define NETNS_DIR	"/run/netns"

/* A socket that explains refusals. NULL: errno. */
struct mnl_socket *np_socket(void)
{
	struct mnl_socket *nl;
	int one = 1;

	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl)
		return NULL;
	if (mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    mnl_socket_setsockopt(nl, NETLINK_GET_STRICT_CHK, &one,
				  sizeof(one)) ||
	    mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID)) {
		mnl_socket_close(nl);
		return NULL;
	}
	return nl;
}

/* The same in another namespace. */
struct mnl_socket *np_socket_in(int netns)
{
	struct mnl_socket *nl = NULL;
	int self, err = 0;

	self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return NULL;
	/* Who may not enter his own namespace could not come back. */
	if (!setns(self, CLONE_NEWNET) && !setns(netns, CLONE_NEWNET)) {
		nl = np_socket();
		err = errno;
		if (setns(self, CLONE_NEWNET)) {
			err = errno;
			if (nl)
				mnl_socket_close(nl);
			nl = NULL;
		}
	} else {
		err = errno;
	}
	close(self);
	errno = err;
	return nl;
}

static void get_group(struct natpunch *np, const struct nlattr *groups)
{
	const struct nlattr *group, *attr;
	const char *name;
	uint32_t id;

	mnl_attr_for_each_nested(group, groups) {
		name = "";
		id = 0;
		mnl_attr_for_each_nested(attr, group) {
			switch (mnl_attr_get_type(attr)) {
			case CTRL_ATTR_MCAST_GRP_NAME:
				name = mnl_attr_get_str(attr);
				break;
			case CTRL_ATTR_MCAST_GRP_ID:
				id = mnl_attr_get_u32(attr);
				break;
			}
		}
		if (!strcmp(name, NATPUNCH_MCGRP_MAPPING))
			np->groups[0] = id;
		else if (!strcmp(name, NATPUNCH_MCGRP_HOLD))
			np->groups[1] = id;
		else if (!strcmp(name, NATPUNCH_MCGRP_UPSTREAM))
			np->groups[2] = id;
		else if (!strcmp(name, NATPUNCH_MCGRP_CRAFTED))
			np->groups[3] = id;
	}
}

static int get_family(const struct nlmsghdr *nlh, void *data)
{
	struct natpunch *np = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			np->family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			get_group(np, attr);
			break;
		}
	}
	return 0;
}

/* The kernel tries to load a family that it does not have before it says so. */
static int find_family(struct natpunch *np)
{
	struct nlmsghdr *nlh;
	int err;

	nlh = np_request(np, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NATPUNCH_GENL_NAME);
	err = np_talk(np, NULL, get_family, np);
	return err == -ENOENT ? -EPROTONOSUPPORT : err;
}

static int open_with(struct natpunch **res, struct mnl_socket *nl, int err)
{
	struct natpunch *np;

	*res = NULL;
	if (!nl)
		return err;
	np = calloc(1, sizeof(*np));
	if (!np) {
		mnl_socket_close(nl);
		return -ENOMEM;
	}
	np->nl = nl;
	err = find_family(np);
	if (err) {
		natpunch_close(np);
		return err;
	}
	*res = np;
	return 0;
}

int natpunch_open(struct natpunch **np)
{
	struct mnl_socket *nl = np_socket();

	return open_with(np, nl, -errno);
}

int natpunch_open_netns_fd(struct natpunch **np, int netns)
{
	struct mnl_socket *nl = np_socket_in(netns);

	return open_with(np, nl, -errno);
}

int natpunch_open_netns(struct natpunch **np, const char *netns)
{
	char path[PATH_MAX];
	int fd, err;

	*np = NULL;
	if (!netns[0])
		return -ENOENT;
	if (snprintf(path, sizeof(path), "%s%s",
		     strchr(netns, '/') ? "" : NETNS_DIR "/", netns) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = natpunch_open_netns_fd(np, fd);
	close(fd);
	return err;
}

void natpunch_close(struct natpunch *np)
{
	if (!np)
		return;
	natpunch_events_close(np);
	mnl_socket_close(np->nl);
	free(np);
}
