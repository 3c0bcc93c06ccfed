// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings by UPnP's Internet Gateway Device, over libminiupnpc, which blocks: in a
 * thread (work.h) for each request. Whoever is on the link may answer a search; only
 * what is at the router's own address is asked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "portmap_request.h"
#include "work.h"

#define SEARCH_MS	1000
#define TRIES		4	/* of ports, if one is taken */
#define PORT_SIZE	8
#define HIGH_MIN	49152

/* UPnP's IGD: WANIPConnection section 2.4.16, IGD2's too. */
enum {
	UPNP_INVALID_ACTION = 401,
	UPNP_NOT_AUTHORIZED = 606,
	UPNP_CONFLICT = 718,
	UPNP_SAME_PORT_ONLY = 724,
	UPNP_PERMANENT_ONLY = 725,
	UPNP_NO_MAPS_AVAILABLE = 728,
	UPNP_CONFLICT_OTHER = 729,
};

/* The thread's, until it is done. */
struct upnp {
	struct portmap_request *request;	/* the loop's; NULL: cancelled */
	char control[256], service[128];	/* "": not found yet */
	char router[INET_ADDRSTRLEN];
	char internal[INET_ADDRSTRLEN];
	uint16_t port, external_port;
	const char *proto;
	uint32_t lifetime;
	int error;
	int code;				/* the library's, or the router's */
	struct in_addr external;
};

/* Is the URL at the router itself? */
static bool is_at_router(const struct upnp *u, const char *url)
{
	static const char scheme[] = "http://";
	size_t len = strlen(u->router);

	if (strncmp(url, scheme, sizeof(scheme) - 1))
		return false;
	url += sizeof(scheme) - 1;
	return !strncmp(url, u->router, len) &&
	       (url[len] == ':' || url[len] == '/');
}

static bool take_control(struct upnp *u, const char *description)
{
	struct UPNPUrls urls = {};
	struct IGDdatas data = {};
	char lan[INET6_ADDRSTRLEN];
	bool found = false;

	if (!UPNP_GetIGDFromUrl(description, &urls, &data, lan, sizeof(lan)))
		return false;
	if (urls.controlURL && is_at_router(u, urls.controlURL) &&
	    strlen(urls.controlURL) < sizeof(u->control) &&
	    *data.first.servicetype) {
		strcpy(u->control, urls.controlURL);
		snprintf(u->service, sizeof(u->service), "%s",
			 data.first.servicetype);
		found = true;
	}
	FreeUPNPUrls(&urls);
	return found;
}

static bool find(struct upnp *u)
{
	struct UPNPDev *list, *dev;
	bool found = false;
	int error;

	list = upnpDiscover(SEARCH_MS, u->internal, NULL, UPNP_LOCAL_PORT_ANY,
			    0, 2, &error);
	for (dev = list; dev && !found; dev = dev->pNext)
		found = is_at_router(u, dev->descURL) &&
			take_control(u, dev->descURL);
	freeUPNPDevlist(list);
	return found;
}

static int add_once(struct upnp *u, uint32_t lifetime)
{
	char external[PORT_SIZE], internal[PORT_SIZE], lease[16];

	snprintf(external, sizeof(external), "%u", u->external_port);
	snprintf(internal, sizeof(internal), "%u", u->port);
	snprintf(lease, sizeof(lease), "%u", lifetime);
	return UPNP_AddPortMapping(u->control, u->service, external, internal,
				   u->internal, "natpunch", u->proto, NULL,
				   lease);
}

/* A mapping without end is ours to take back, as any other. */
static int add(struct upnp *u)
{
	uint32_t lifetime = u->lifetime;
	int tries, code = UPNP_CONFLICT;

	for (tries = 0; tries < TRIES; tries++) {
		code = add_once(u, lifetime);
		if (code == UPNP_PERMANENT_ONLY && lifetime)
			lifetime = 0;
		else if (code == UPNP_SAME_PORT_ONLY)
			u->external_port = u->port;
		else if (code == UPNP_CONFLICT || code == UPNP_CONFLICT_OTHER)
			u->external_port = (uint16_t)(HIGH_MIN +
				randombytes_uniform(65536 - HIGH_MIN));
		else
			break;
	}
	return code;
}

static int take_back(const struct upnp *u)
{
	char external[PORT_SIZE];

	snprintf(external, sizeof(external), "%u", u->external_port);
	return UPNP_DeletePortMapping(u->control, u->service, external,
				      u->proto, NULL);
}

static void run(void *data)
{
	char address[64] = "";
	struct upnp *u = data;

	if (!*u->control && !find(u)) {
		u->error = -EPROTONOSUPPORT;
		return;
	}
	if (!u->lifetime) {
		u->code = take_back(u);
		return;
	}
	u->code = UPNP_GetExternalIPAddress(u->control, u->service, address);
	if (!u->code && inet_pton(AF_INET, address, &u->external) != 1) {
		u->error = -ENETDOWN;
		return;
	}
	if (!u->code)
		u->code = add(u);
}

/* --- in the loop ----------------------------------------------------------- */

/* Where it was found the last time. */
static struct {
	char control[256], service[128], router[INET_ADDRSTRLEN];
} known;

static void remember(const struct upnp *u)
{
	bool lost = u->error || u->code < 0;

	snprintf(known.control, sizeof(known.control), "%s",
		 lost ? "" : u->control);
	snprintf(known.service, sizeof(known.service), "%s", u->service);
	snprintf(known.router, sizeof(known.router), "%s", u->router);
}

static int explain(struct portmap_request *r, int code)
{
	switch (code) {
	case UPNP_NOT_AUTHORIZED:
		snprintf(r->why, sizeof(r->why), "not authorized");
		break;
	case UPNP_CONFLICT:
	case UPNP_CONFLICT_OTHER:
		snprintf(r->why, sizeof(r->why), "the port is taken");
		break;
	case UPNP_NO_MAPS_AVAILABLE:
		snprintf(r->why, sizeof(r->why), "out of resources");
		break;
	default:
		if (code < 0)
			return -ETIMEDOUT;
		snprintf(r->why, sizeof(r->why), "error %d%s%s", code,
			 strupnperror(code) ? ", " : "",
			 strupnperror(code) ? strupnperror(code) : "");
	}
	return -EACCES;
}

static void done(void *data)
{
	struct upnp *u = data;
	struct portmap_request *r = u->request;
	int error = u->error;

	remember(u);
	if (!r) {
		free(u);
		return;
	}
	if (error == -ENETDOWN) {
		snprintf(r->why, sizeof(r->why), "it has no address itself");
		error = -EACCES;
	} else if (!error && u->code) {
		error = explain(r, u->code);
	} else if (!error && r->lifetime) {
		r->external.in.sin_family = AF_INET;
		r->external.in.sin_addr = u->external;
		endpoint_set_port(&r->external, u->external_port);
	}
	r->private = NULL;
	free(u);
	r->done(r, error);
}

static int start(struct portmap_request *r)
{
	struct upnp *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->request = r;
	inet_ntop(AF_INET, &r->router.in.sin_addr, u->router,
		  sizeof(u->router));
	inet_ntop(AF_INET, &r->internal.in.sin_addr, u->internal,
		  sizeof(u->internal));
	u->port = endpoint_port(&r->internal);
	u->external_port = endpoint_port(&r->external);
	if (!u->external_port)
		u->external_port = u->port;
	u->proto = r->proto == IPPROTO_UDP ? "UDP" : "TCP";
	u->lifetime = r->lifetime;
	if (!strcmp(known.router, u->router)) {
		strcpy(u->control, known.control);
		strcpy(u->service, known.service);
	}
	err = work_start(r->gateway->daemon->base, run, done, u);
	if (err)
		free(u);
	else
		r->private = u;
	return err;
}

/* The thread can not be stopped. */
static void cancel(struct portmap_request *r)
{
	struct upnp *u = r->private;

	u->request = NULL;
	r->private = NULL;
}

const struct portmap_method portmap_upnp = {
	.word = "upnp",
	.name = "UPnP",
	.start = start,
	.cancel = cancel,
};
