// SPDX-License-Identifier: GPL-2.0
/* Routes, of the kernel by rtnetlink; see route.h. */
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "route.h"

#define BUFFER_SIZE	4096

static void set_address(union endpoint *ep, const struct nlattr *attr)
{
	if (mnl_attr_get_payload_len(attr) == sizeof(ep->in.sin_addr)) {
		ep->in.sin_family = AF_INET;
		memcpy(&ep->in.sin_addr, mnl_attr_get_payload(attr),
		       sizeof(ep->in.sin_addr));
	} else if (mnl_attr_get_payload_len(attr) ==
		   sizeof(ep->in6.sin6_addr)) {
		ep->in6.sin6_family = AF_INET6;
		memcpy(&ep->in6.sin6_addr, mnl_attr_get_payload(attr),
		       sizeof(ep->in6.sin6_addr));
	}
}

static int on_attr(const struct nlattr *attr, void *data)
{
	struct route *r = data;

	if (mnl_attr_get_type(attr) == RTA_PREFSRC)
		set_address(&r->src, attr);
	else if (mnl_attr_get_type(attr) == RTA_GATEWAY)
		set_address(&r->next_hop, attr);
	else if (mnl_attr_get_type(attr) == RTA_OIF)
		r->dev = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* Of local, prohibited and other routes nothing is known: they lead nowhere. */
static int on_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	return mnl_attr_parse(nlh, sizeof(*rtm), on_attr, data);
}

static void ask(struct mnl_socket *nl, const union endpoint *to,
		unsigned int dev, struct route *r)
{
	char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	ssize_t len;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = to->sa.sa_family;
	if (to->sa.sa_family == AF_INET6) {
		rtm->rtm_dst_len = 128;
		mnl_attr_put(nlh, RTA_DST, sizeof(to->in6.sin6_addr),
			     &to->in6.sin6_addr);
	} else {
		rtm->rtm_dst_len = 32;
		mnl_attr_put(nlh, RTA_DST, sizeof(to->in.sin_addr),
			     &to->in.sin_addr);
	}
	if (dev)
		mnl_attr_put_u32(nlh, RTA_OIF, dev);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return;
	len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (len > 0)
		mnl_cb_run(buf, (size_t)len, 0, mnl_socket_get_portid(nl),
			   on_route, r);
}

bool route_get(struct route *r, const union endpoint *to, unsigned int dev)
{
	struct mnl_socket *nl;

	memset(r, 0, sizeof(*r));
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl)
		return false;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		ask(nl, to, dev, r);
	mnl_socket_close(nl);
	return r->dev && r->src.sa.sa_family == to->sa.sa_family;
}
