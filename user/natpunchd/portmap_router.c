// SPDX-License-Identifier: GPL-2.0
/*
 * The upstream router: the next hop of the kernel's route to PCP's anycast address
 * (RFC 7723), which is everywhere and so is the default route. Nothing is sent.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "portmap_request.h"

#define PCP_ANYCAST	0xc0000009	/* 192.0.0.9 */
#define BUFFER_SIZE	4096

static int on_attr(const struct nlattr *attr, void *data)
{
	union endpoint *router = data;

	if (mnl_attr_get_type(attr) != RTA_GATEWAY ||
	    mnl_attr_get_payload_len(attr) != sizeof(struct in_addr))
		return MNL_CB_OK;
	router->in.sin_family = AF_INET;
	memcpy(&router->in.sin_addr, mnl_attr_get_payload(attr),
	       sizeof(struct in_addr));
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	return mnl_attr_parse(nlh, sizeof(struct rtmsg), on_attr, data);
}

static void ask(struct mnl_socket *nl, const struct gateway *gw,
		union endpoint *router)
{
	char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm;
	ssize_t len;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = 32;
	mnl_attr_put_u32(nlh, RTA_DST, htonl(PCP_ANYCAST));
	if (gw->wan[0])
		mnl_attr_put_u32(nlh, RTA_OIF, if_nametoindex(gw->wan));
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return;
	len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (len > 0)
		mnl_cb_run(buf, (size_t)len, 0, mnl_socket_get_portid(nl),
			   on_route, router);
}

bool portmap_router(const struct gateway *gw, union endpoint *router)
{
	struct mnl_socket *nl;

	memset(router, 0, sizeof(*router));
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl)
		return false;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		ask(nl, gw, router);
	mnl_socket_close(nl);
	return router->sa.sa_family == AF_INET;
}
