// SPDX-License-Identifier: GPL-2.0
/* WANs: requests over struct natpunch_wan. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define WAN_CONFIG							\
	(NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_FILTER) |		\
	 NATPUNCH_HAS(WAN_PORT_MIN) | NATPUNCH_HAS(WAN_PORT_MAX) |	\
	 NATPUNCH_HAS(WAN_ADDR) | NATPUNCH_HAS(WAN_INTERNAL) |		\
	 NATPUNCH_HAS(WAN_NAT66) | NATPUNCH_HAS(WAN_INBOUND_REFRESH) |	\
	 NATPUNCH_HAS(WAN_UDP_TIMEOUT) |				\
	 NATPUNCH_HAS(WAN_ICMP_TIMEOUT) |				\
	 NATPUNCH_HAS(WAN_TCP_TIMEOUT) |				\
	 NATPUNCH_HAS(WAN_TCP_TRANSITORY) |				\
	 NATPUNCH_HAS(WAN_HOLD_ANSWER) |				\
	 NATPUNCH_HAS(WAN_HOLD_RELEASE) | NATPUNCH_HAS(WAN_STUN_PORT) |	\
	 NATPUNCH_HAS(WAN_HOST_PORTS))

int natpunch_wan_add(struct natpunch *np, const struct natpunch_wan *wan)
{
	uint64_t allowed = WAN_CONFIG;

	/* An empty array means the default, which a new WAN has anyway. */
	if (!wan->n_addr)
		allowed &= ~NATPUNCH_HAS(WAN_ADDR);
	if (!wan->n_internal)
		allowed &= ~NATPUNCH_HAS(WAN_INTERNAL);
	return np_do(np, NATPUNCH_CMD_WAN_NEW, &np_wan_set, wan, allowed);
}

int natpunch_wan_set(struct natpunch *np, const struct natpunch_wan *wan)
{
	return np_do(np, NATPUNCH_CMD_WAN_SET, &np_wan_set, wan, WAN_CONFIG);
}

int natpunch_wan_del(struct natpunch *np, const char *dev)
{
	struct natpunch_wan wan = { .fields = NATPUNCH_HAS(WAN_DEV) };
	int err = np_set_dev(np, wan.dev, dev);

	if (err)
		return err;
	return np_do(np, NATPUNCH_CMD_WAN_DEL, &np_wan_set, &wan, WAN_CONFIG);
}

int natpunch_wan_get(struct natpunch *np, const char *dev,
		     struct natpunch_wan *wan)
{
	struct natpunch_wan key = { .fields = NATPUNCH_HAS(WAN_DEV) };
	int err = np_set_dev(np, key.dev, dev);

	if (err)
		return err;
	return np_do_reply(np, NATPUNCH_CMD_WAN_GET, &np_wan_set, &key,
			   WAN_CONFIG, wan, sizeof(*wan));
}

struct dump {
	natpunch_wan_cb *cb;
	void *data;
};

static int take_wan(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct natpunch_wan wan;

	memset(&wan, 0, sizeof(wan));
	np_decode(nlh, &np_wan_set, &wan);
	return d->cb(&wan, d->data);
}

int natpunch_wan_dump(struct natpunch *np, natpunch_wan_cb *cb, void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_WAN_GET, &np_wan_set, NULL, 0,
		       take_wan, &d);
}
