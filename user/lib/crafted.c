// SPDX-License-Identifier: GPL-2.0
/* Crafted flows and the devices that are watched for them. */
#include <string.h>

#include "internal.h"

#define CRAFTED_CONFIG							\
	(NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |				\
	 NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |				\
	 NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MAX) |				\
	 NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |				\
	 NATPUNCH_HAS(CRAFTED_REMOTE_LEN) |				\
	 NATPUNCH_HAS(CRAFTED_REMOTE_PORT) |				\
	 NATPUNCH_HAS(CRAFTED_LEASE) | NATPUNCH_HAS(CRAFTED_BOUND))

int natpunch_crafted_add(struct natpunch *np,
			 const struct natpunch_crafted *request,
			 struct natpunch_crafted *made)
{
	struct natpunch_crafted reply;

	return np_do_reply(np, NATPUNCH_CMD_CRAFTED_NEW, &np_crafted_set,
			   request, CRAFTED_CONFIG, made ? made : &reply,
			   sizeof(reply));
}

int natpunch_crafted_del(struct natpunch *np, uint32_t id)
{
	struct natpunch_crafted key = {
		.fields = NATPUNCH_HAS(CRAFTED_ID),
		.id = id,
	};

	return np_do(np, NATPUNCH_CMD_CRAFTED_DEL, &np_crafted_set, &key,
		     NATPUNCH_HAS(CRAFTED_ID));
}

int natpunch_crafted_get(struct natpunch *np, uint32_t id,
			 struct natpunch_crafted *flow)
{
	struct natpunch_crafted key = {
		.fields = NATPUNCH_HAS(CRAFTED_ID),
		.id = id,
	};

	return np_do_reply(np, NATPUNCH_CMD_CRAFTED_GET, &np_crafted_set, &key,
			   NATPUNCH_HAS(CRAFTED_ID), flow, sizeof(*flow));
}

struct dump {
	natpunch_crafted_cb *cb;
	void *data;
};

static int take_flow(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct natpunch_crafted flow;

	memset(&flow, 0, sizeof(flow));
	np_decode(nlh, &np_crafted_set, &flow);
	return d->cb(&flow, d->data);
}

int natpunch_crafted_dump(struct natpunch *np, natpunch_crafted_cb *cb,
			  void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_CRAFTED_GET, &np_crafted_set, NULL, 0,
		       take_flow, &d);
}

int natpunch_crafted_dev_set(struct natpunch *np, const char *dev, int on,
			     int bound)
{
	struct np_crafted_dev request = {
		.fields = NATPUNCH_HAS(CRAFTED_DEV_DEV) |
			  NATPUNCH_HAS(CRAFTED_DEV_ON) |
			  NATPUNCH_HAS(CRAFTED_DEV_BOUND),
		.on = on ? 1 : 0,
		.bound = bound ? 1 : 0,
	};
	int err = np_set_dev(np, request.dev, dev);

	if (err)
		return err;
	return np_do(np, NATPUNCH_CMD_CRAFTED_DEV_SET, &np_crafted_dev_set,
		     &request, request.fields);
}

struct dev_dump {
	natpunch_dev_cb *cb;
	void *data;
};

static int take_dev(const struct nlmsghdr *nlh, void *data)
{
	const struct dev_dump *d = data;
	struct np_crafted_dev dev;

	memset(&dev, 0, sizeof(dev));
	np_decode(nlh, &np_crafted_dev_set, &dev);
	return d->cb(dev.dev, d->data);
}

int natpunch_crafted_dev_dump(struct natpunch *np, natpunch_dev_cb *cb,
			      void *data)
{
	struct dev_dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_CRAFTED_DEV_GET, &np_crafted_dev_set,
		       NULL, 0, take_dev, &d);
}
