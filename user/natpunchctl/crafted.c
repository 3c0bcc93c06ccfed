// SPDX-License-Identifier: GPL-2.0
/* What the verbs of crafted flows share: words to flows, and flows to words. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

#define TRIES	5

/* The two ends; a lease is the caller's to add. */
void parse_crafted(struct natpunch_crafted *flow, const char *local,
		   const char *remote)
{
	struct natpunch_prefix prefix;

	memset(flow, 0, sizeof(*flow));
	parse_local("local endpoint", local, &flow->local_addr,
		    &flow->local_port_min, &flow->local_port_max);
	parse_remote("remote endpoint", remote, flow->local_addr.family,
		     &prefix, &flow->remote_port);
	if (prefix.addr.family != flow->local_addr.family)
		usage("'%s' and '%s' must be both IPv4 or both IPv6", local,
		      remote);
	flow->remote_addr = prefix.addr;
	flow->remote_len = prefix.len;
	flow->fields = NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |
		       NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |
		       NATPUNCH_HAS(CRAFTED_REMOTE_LEN) |
		       NATPUNCH_HAS(CRAFTED_REMOTE_PORT);
	if (flow->local_port_max)
		flow->fields |= NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |
				NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MAX);
}

void refuse_crafted(struct ctl *ctl, const struct natpunch_crafted *flow,
		    int err)
{
	bool range = flow->local_port_min != flow->local_port_max ||
		     !flow->local_port_max;

	if (err == -ENOSPC)
		fail("there are too many crafted flows%s: 'natpunchctl crafted show' lists them",
		     range ? ", or too many with port ranges" : "");
	fail_kernel(ctl, err);
}

const char *format_local(char buf[CRAFTED_SIZE],
			 const struct natpunch_crafted *flow)
{
	bool v6 = flow->local_addr.family == AF_INET6;
	char addr[ADDR_SIZE], ports[16] = "*";

	if (flow->local_port_min == flow->local_port_max)
		snprintf(ports, sizeof(ports), "%u", flow->local_port_min);
	else if (flow->local_port_min || flow->local_port_max != UINT16_MAX)
		snprintf(ports, sizeof(ports), "%u-%u", flow->local_port_min,
			 flow->local_port_max);
	snprintf(buf, CRAFTED_SIZE, "%s%s%s:%s", v6 ? "[" : "",
		 format_addr(addr, &flow->local_addr), v6 ? "]" : "", ports);
	return buf;
}

const char *format_remote(char buf[CRAFTED_SIZE],
			  const struct natpunch_crafted *flow)
{
	bool v6 = flow->remote_addr.family == AF_INET6;
	char addr[ADDR_SIZE], len[8] = "", port[8] = "*";

	if (flow->remote_len != (v6 ? 128 : 32))
		snprintf(len, sizeof(len), "/%u", flow->remote_len);
	if (flow->remote_port)
		snprintf(port, sizeof(port), "%u", flow->remote_port);
	snprintf(buf, CRAFTED_SIZE, "%s%s%s%s:%s", v6 ? "[" : "",
		 format_addr(addr, &flow->remote_addr), v6 ? "]" : "", len,
		 port);
	return buf;
}

json_t *json_crafted(const struct natpunch_crafted *flow)
{
	json_t *object = json_object();

	json_add(object, "id", json_integer(flow->id));
	json_add(object, "local_addr", json_addr(&flow->local_addr));
	json_add(object, "local_port_min", json_integer(flow->local_port_min));
	json_add(object, "local_port_max", json_integer(flow->local_port_max));
	json_add(object, "remote_addr", json_addr(&flow->remote_addr));
	json_add(object, "remote_len", json_integer(flow->remote_len));
	json_add(object, "remote_port", json_integer(flow->remote_port));
	json_add(object, "lease", json_integer(flow->lease));
	json_add(object, "bound", json_boolean(flow->bound));
	json_add(object, "auto", json_boolean(flow->automatic));
	return object;
}

static int take_flow(const struct natpunch_crafted *flow, void *data)
{
	struct crafted_list *list = data;

	list->flow = more(list->flow, list->n, sizeof(*flow));
	list->flow[list->n++] = *flow;
	return 0;
}

int read_crafted(struct ctl *ctl, struct crafted_list *list)
{
	int tries, err = -EINTR;

	list->flow = NULL;
	for (tries = 0; tries < TRIES && err == -EINTR; tries++) {
		free(list->flow);
		list->flow = NULL;
		list->n = 0;
		err = natpunch_crafted_dump(ctl->np, take_flow, list);
	}
	return err;
}

static int take_dev(const char *dev, void *data)
{
	struct dev_list *list = data;

	list->dev = more(list->dev, list->n, sizeof(*list->dev));
	snprintf(list->dev[list->n++], sizeof(*list->dev), "%s", dev);
	return 0;
}

int read_watched(struct ctl *ctl, struct dev_list *list)
{
	int tries, err = -EINTR;

	list->dev = NULL;
	for (tries = 0; tries < TRIES && err == -EINTR; tries++) {
		free(list->dev);
		list->dev = NULL;
		list->n = 0;
		err = natpunch_crafted_dev_dump(ctl->np, take_dev, list);
	}
	return err;
}
