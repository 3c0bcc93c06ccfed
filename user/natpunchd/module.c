// SPDX-License-Identifier: GPL-2.0
/* Is natpunch there? Over libmnl; see module.h. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "external.h"
#include "log.h"
#include "module.h"
#include "path.h"
#include "service.h"

#define LOOK_S		60	/* for WANs of the module's, of which nobody tells */
#define BUFFER_SIZE	8192

struct module {
	struct gateway *gateway;
	struct mnl_socket *nl;
	struct event *event, *timer;
	const char *limit;		/* gateway_limit(), as it was said last */
	bool said;
};

void module_warn(const struct module *m)
{
	const struct daemon *d = m->gateway->daemon;
	const struct service *s;
	const char *why;

	for (s = d->services; s; s = s->next) {
		why = gateway_limit_at(m->gateway, &s->to);
		if (why)
			log_warning("service '%s' is on another host, and can not be reached: %s",
				    s->name, why);
	}
}

void module_say(struct module *m)
{
	const char *limit = gateway_limit(m->gateway);

	if (m->said && limit == m->limit)
		return;
	if (limit)
		log_warning("%s: over IPv4 only services and clients of this host itself can be connected",
			    limit);
	else if (m->said)
		log_info("natpunch.ko is there, and manages a WAN");
	m->limit = limit;
	m->said = true;
	module_warn(m);
}

/* Is its external endpoint kept by what would keep it now? */
static bool is_outdated(const struct session *s)
{
	const struct path *p = s->path;

	return p && p->external && p->external->reserved !=
	       external_is_natpunch(p->gateway, &p->external->internal);
}

static void settle(struct module *m)
{
	struct gateway *gw = m->gateway;
	const char *limit;
	struct session *s;

	/* Without an address nothing can begin: change.c waits for one. */
	if (!gateway_look(gw) && gw->managed)
		return;
	limit = gateway_limit(gw);
	for (s = gw->daemon->sessions; s; s = s->next)
		if (is_outdated(s))
			session_lost(s, "%s", limit ? limit :
				     "natpunch.ko manages the WAN from now on");
}

static void open_natpunch(struct gateway *gw)
{
	int err = natpunch_open(&gw->np);

	if (!err)
		return;
	gw->np = NULL;
	if (err != -EPROTONOSUPPORT)
		log_warning("natpunch: %s", natpunch_strerror(NULL, err));
}

static void close_natpunch(struct gateway *gw)
{
	natpunch_close(gw->np);
	gw->np = NULL;
}

/* --- generic netlink's families ---------------------------------------------- */

static bool is_natpunch(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME)
			return !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) &&
			       !strcmp(mnl_attr_get_str(attr),
				       NATPUNCH_GENL_NAME);
	return false;
}

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct module *m = data;

	if (nlh->nlmsg_type != GENL_ID_CTRL ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    !is_natpunch(nlh))
		return MNL_CB_OK;
	if (genl->cmd == CTRL_CMD_DELFAMILY) {
		close_natpunch(m->gateway);
		settle(m);
	} else if (genl->cmd == CTRL_CMD_NEWFAMILY && !m->gateway->np) {
		open_natpunch(m->gateway);
		settle(m);
	}
	return MNL_CB_OK;
}

static void on_ready(evutil_socket_t fd, short what, void *data)
{
	struct module *m = data;
	char buf[BUFFER_SIZE];
	ssize_t n;

	(void)fd;
	(void)what;
	n = mnl_socket_recvfrom(m->nl, buf, sizeof(buf));
	if (n > 0)
		mnl_cb_run(buf, (size_t)n, 0, 0, on_message, m);
}

static int listen_for_families(struct module *m)
{
	/* The group that has the number of the family which tells of families. */
	int group = GENL_ID_CTRL, err;

	m->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!m->nl || mnl_socket_bind(m->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(m->nl, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)))
		return -errno;
	m->event = event_new(m->gateway->daemon->base,
			     mnl_socket_get_fd(m->nl), EV_READ | EV_PERSIST,
			     on_ready, m);
	err = m->event ? event_add(m->event, NULL) : -1;
	return err ? -ENOMEM : 0;
}

/* --- its WANs ---------------------------------------------------------------- */

static void on_look(evutil_socket_t fd, short what, void *data)
{
	struct module *m = data;

	(void)fd;
	(void)what;
	if (m->gateway->np)
		settle(m);
}

void module_check(struct module *m)
{
	if (m)
		settle(m);
}

int module_open(struct module **module, struct gateway *gw)
{
	const struct timeval every = { .tv_sec = LOOK_S };
	struct module *m = calloc(1, sizeof(*m));
	int err;

	open_natpunch(gw);
	*module = m;
	if (!m)
		return -ENOMEM;
	m->gateway = gw;
	err = listen_for_families(m);
	gateway_look(gw);
	m->timer = event_new(gw->daemon->base, -1, EV_PERSIST, on_look, m);
	if (!err && (!m->timer || event_add(m->timer, &every)))
		err = -ENOMEM;
	return err;
}

void module_close(struct module *m)
{
	if (!m)
		return;
	if (m->event)
		event_free(m->event);
	if (m->timer)
		event_free(m->timer);
	if (m->nl)
		mnl_socket_close(m->nl);
	free(m);
}
