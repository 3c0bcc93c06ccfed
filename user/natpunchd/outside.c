// SPDX-License-Identifier: GPL-2.0
/* What sockets have to know of the way out, from the gateway; see outside.h. */
#include <assert.h>

#include "gateway.h"
#include "hops.h"
#include "lifetime.h"
#include "outside.h"

static_assert(OUTSIDE_SERVERS == MAX_STUN_SERVERS, "there is room for all");

static bool is_ready(struct daemon *d)
{
	return !d->gateway || gateway_ready(d->gateway);
}

static bool address(struct daemon *d, union endpoint *into)
{
	struct gateway *gw = d->gateway;

	if (!gw || !gateway_look(gw))
		return false;
	*into = gw->address.sa.sa_family ? gw->address : gw->address6;
	return true;
}

static unsigned int servers(struct daemon *d,
			    union endpoint server[OUTSIDE_SERVERS])
{
	const struct gateway *gw = d->gateway;
	unsigned int i, n = 0;

	for (i = 0; gw && i < gw->n_servers; i++)
		if (endpoint_port(&gw->servers[i].addr))
			server[n++] = gw->servers[i].addr;
	return n;
}

static bool leads_out(struct daemon *d, const union endpoint *ep)
{
	return d->gateway && gateway_leads_out(d->gateway, ep);
}

static struct hops *measure(struct daemon *d, const union endpoint *towards,
			    void (*fn)(void *data, unsigned int hops),
			    void *data)
{
	return hops_measure(d->gateway, towards, fn, data);
}

const struct outside_ops outside_ops = {
	.is_ready = is_ready,
	.address = address,
	.servers = servers,
	.leads_out = leads_out,
	.is_own = gateway_is_own,
	.measure = measure,
	.forget = hops_free,
	.keepalive_s = lifetime_keepalive_s,
};
