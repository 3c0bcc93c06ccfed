// SPDX-License-Identifier: GPL-2.0
/* Visits. Owns the service's listening socket. */
#include "gateway.h"
#include "sock.h"
#include "visit.h"
#include "zoo.h"

static int listener;		/* the service, on A */

void visit_serve(bool listens)
{
	if (listener)
		sock_close(listener);
	listener = listens ? stream_listen(IPPROTO_TCP, A, host(A, 22)) : 0;
}

int visit_listener(void)
{
	return listener;
}

static bool offer_service(void)
{
	return site_ask(GA, "{\"do\":\"service-add\",\"name\":\"ssh\","
			"\"to\":\"10.1.0.2:22\",\"proto\":\"tcp\","
			"\"allow\":[\"siteB\"]}");
}

bool visit_want(void)
{
	return site_ask(GB, "{\"do\":\"connect\",\"service\":\"siteA/ssh\","
			"\"listen\":\"10.2.0.1:2222\",\"proto\":\"tcp\"}");
}

static void clear(enum node gw)
{
	site_stop(gw);
	site_forget(gw);
	zoo_stop(gw);
}

bool visit_begin(const char *zoo_a, const char *zoo_b)
{
	sock_close_all();
	listener = 0;
	clear(GA);
	clear(GB);
	if (zoo_a)
		zoo_start(GA, zoo_a);
	if (zoo_b)
		zoo_start(GB, zoo_b);
	gateways(NAT_NATPUNCH, NAT_NATPUNCH, NULL);
	visit_serve(true);
	site_start(GA);
	site_start(GB);
	return offer_service();
}

bool visit_set_up(const char *zoo_a, const char *zoo_b)
{
	return visit_begin(zoo_a, zoo_b) &&
	       site_says(GB, "siteA is online", 10000) &&
	       site_says(GA, "siteB is online", 10000);
}

long visit_session(const char *zoo_a, const char *zoo_b)
{
	unsigned long begin;

	if (!visit_set_up(zoo_a, zoo_b))
		return -1;
	begin = now_ms();
	if (!visit_want() ||
	    !site_says(GB, "siteA/ssh: direct", SESSION_MS))
		return -1;
	return (long)(now_ms() - begin);
}

void visit_logs(void)
{
	sites_logs(GA, GB);
}

bool visit_open(struct visit *v, enum node node)
{
	return visit_open_from(v, node, host(node, 0));
}

bool visit_open_from(struct visit *v, enum node node, struct ep local)
{
	unsigned long begin = now_ms();

	*v = (struct visit){ .service = -1 };
	v->client = stream_open(IPPROTO_TCP, node, local);
	stream_connect(v->client, ep("10.2.0.1", 2222));
	if (stream_connected(v->client, 10000))
		return false;
	v->ms = (long)(now_ms() - begin);
	v->service = stream_accept(listener, &v->peer, 2000);
	return v->service >= 0 && visit_lives(v);
}

bool visit_lives(const struct visit *v)
{
	return stream_deliver(v->client, v->service) &&
	       stream_deliver(v->service, v->client);
}

void visit_close(struct visit *v)
{
	sock_close(v->client);
	if (v->service >= 0)
		sock_close(v->service);
}
