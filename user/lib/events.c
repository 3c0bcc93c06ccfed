// SPDX-License-Identifier: GPL-2.0
/*
 * Events of mappings, held SYNs, upstreams and crafted flows, over a socket of
 * their own in the handle's namespace. A busy gateway makes thousands of mappings a second, so the
 * socket's buffer is asked to be large; what it does not hold is reported as lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "internal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define RCVBUF	(4 * 1024 * 1024)

static void enlarge(const struct mnl_socket *nl)
{
	int fd = mnl_socket_get_fd(nl);
	int size = RCVBUF;

	/* Without CAP_NET_ADMIN in the first namespace: as far as allowed. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* An older kernel lacks the later groups. */
static int join(const struct natpunch *np, const struct mnl_socket *nl)
{
	uint32_t group;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(np->groups); i++) {
		group = np->groups[i];
		if (group &&
		    mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)))
			return -errno;
	}
	return 0;
}

int natpunch_events_open(struct natpunch *np)
{
	struct mnl_socket *nl;
	int netns, err = 0;

	if (np->busy)
		return -EBUSY;
	np_error_clear(&np->error);
	if (np->events)
		return 0;
	if (!np->groups[0])
		return np_error_set(&np->error, -EOPNOTSUPP,
				    "this kernel module sends no events");
	netns = ioctl(mnl_socket_get_fd(np->nl), SIOCGSKNS);
	if (netns < 0)
		return np_error_set(&np->error, -errno, NULL);
	nl = np_socket_in(netns);
	if (!nl)
		err = -errno;
	close(netns);
	if (!nl)
		return np_error_set(&np->error, err, NULL);
	enlarge(nl);
	err = join(np, nl);
	if (err) {
		mnl_socket_close(nl);
		return np_error_set(&np->error, err, NULL);
	}
	np->events = nl;
	return 0;
}

int natpunch_events_fd(const struct natpunch *np)
{
	return np->events ? mnl_socket_get_fd(np->events) : -EBADF;
}

/* False: an event of a newer kernel. */
static bool event_type(uint8_t cmd, enum natpunch_event_type *type)
{
	switch (cmd) {
	case NATPUNCH_CMD_MAPPING_NEW_NTF:
		*type = NATPUNCH_EVENT_NEW;
		return true;
	case NATPUNCH_CMD_MAPPING_DEL_NTF:
		*type = NATPUNCH_EVENT_ENDED;
		return true;
	case NATPUNCH_CMD_HOLD_NEW_NTF:
		*type = NATPUNCH_EVENT_HOLD_NEW;
		return true;
	case NATPUNCH_CMD_HOLD_DEL_NTF:
		*type = NATPUNCH_EVENT_HOLD_ENDED;
		return true;
	case NATPUNCH_CMD_HOLD_SWALLOW_NTF:
		*type = NATPUNCH_EVENT_HOLD_SWALLOWED;
		return true;
	case NATPUNCH_CMD_UPSTREAM_NTF:
		*type = NATPUNCH_EVENT_UPSTREAM;
		return true;
	case NATPUNCH_CMD_CRAFTED_RST_NTF:
		*type = NATPUNCH_EVENT_CRAFTED_RST;
		return true;
	}
	return false;
}

static int take_event(struct natpunch *np, const struct nlmsghdr *nlh,
		      natpunch_event_cb *cb, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct natpunch_upstream upstream;
	struct natpunch_crafted crafted;
	struct natpunch_mapping mapping;
	struct natpunch_event event;
	struct natpunch_hold hold;
	int ret;

	if (nlh->nlmsg_type != np->family ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
		return 0;
	memset(&event, 0, sizeof(event));
	if (!event_type(genl->cmd, &event.type))
		return 0;
	if (event.type == NATPUNCH_EVENT_NEW ||
	    event.type == NATPUNCH_EVENT_ENDED) {
		memset(&mapping, 0, sizeof(mapping));
		np_decode(nlh, &np_mapping_set, &mapping);
		event.mapping = &mapping;
	} else if (event.type == NATPUNCH_EVENT_UPSTREAM) {
		memset(&upstream, 0, sizeof(upstream));
		np_decode(nlh, &np_upstream_set, &upstream);
		event.upstream = &upstream;
	} else if (event.type == NATPUNCH_EVENT_CRAFTED_RST) {
		memset(&crafted, 0, sizeof(crafted));
		np_decode(nlh, &np_crafted_set, &crafted);
		event.crafted = &crafted;
	} else {
		memset(&hold, 0, sizeof(hold));
		np_decode(nlh, &np_hold_set, &hold);
		event.hold = &hold;
	}
	np->busy = true;
	ret = cb(&event, data);
	np->busy = false;
	return ret;
}

int natpunch_events_recv(struct natpunch *np, natpunch_event_cb *cb,
			 void *data)
{
	const struct nlmsghdr *nlh;
	int left, ret = 0;
	ssize_t n;

	if (np->busy)
		return -EBUSY;
	np_error_clear(&np->error);
	if (!np->events)
		return np_error_set(&np->error, -EBADF, NULL);
	n = mnl_socket_recvfrom(np->events, np->rx, sizeof(np->rx));
	if (n < 0)
		return np_error_set(&np->error, -errno, NULL);
	left = (int)n;
	for (nlh = &np->reply; mnl_nlmsg_ok(nlh, left) && !ret;
	     nlh = mnl_nlmsg_next(nlh, &left))
		ret = take_event(np, nlh, cb, data);
	return ret;
}

void natpunch_events_close(struct natpunch *np)
{
	if (np->events)
		mnl_socket_close(np->events);
	np->events = NULL;
}
