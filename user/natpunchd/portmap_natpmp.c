// SPDX-License-Identifier: GPL-2.0
/* Mappings by NAT-PMP (RFC 6886), over libnatpmp; see portmap_request.h. */
#include <errno.h>
#include <fcntl.h>
#include <natpmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portmap_request.h"

struct natpmp {
	struct portmap_request *request;
	natpmp_t lib;
	struct event *event;
	uint64_t began_ms;		/* clock_ms(), of the message */
	bool asks_address;		/* RFC 6886: that is a message of its own */
};

static void natpmp_free(struct natpmp *n)
{
	if (n->event)
		event_free(n->event);
	closenatpmp(&n->lib);
	free(n);
}

static void cancel(struct portmap_request *r)
{
	natpmp_free(r->private);
	r->private = NULL;
}

static void end(struct natpmp *n, int error)
{
	struct portmap_request *r = n->request;

	cancel(r);
	r->done(r, error);
}

static const char *refusal(int error)
{
	switch (error) {
	case NATPMP_ERR_NOTAUTHORIZED:
		return "not authorized";
	case NATPMP_ERR_NETWORKFAILURE:
		return "it has no address itself";
	case NATPMP_ERR_OUTOFRESOURCES:
		return "out of resources";
	case NATPMP_ERR_UNSUPPORTEDOPCODE:
		return "it does not know such requests";
	}
	return NULL;
}

static void failed(struct natpmp *n, int error)
{
	const char *why = refusal(error);

	if (why) {
		snprintf(n->request->why, PORTMAP_WHY, "%s", why);
		end(n, -EACCES);
	} else if (error == NATPMP_ERR_NOGATEWAYSUPPORT ||
		   error == NATPMP_ERR_UNSUPPORTEDVERSION) {
		end(n, -EPROTONOSUPPORT);
	} else {
		end(n, -EIO);
	}
}

static void wait_for_it(struct natpmp *n)
{
	struct timeval left;

	/* It sends again by itself when that is over. */
	if (getnatpmprequesttimeout(&n->lib, &left))
		left = (struct timeval){ .tv_usec = 250000 };
	event_add(n->event, &left);
}

static int send_message(struct natpmp *n)
{
	const struct portmap_request *r = n->request;

	if (n->asks_address)
		return sendpublicaddressrequest(&n->lib);
	return sendnewportmappingrequest(&n->lib, r->proto == IPPROTO_UDP ?
					 NATPMP_PROTOCOL_UDP :
					 NATPMP_PROTOCOL_TCP,
					 endpoint_port(&r->internal),
					 r->lifetime ?
					 endpoint_port(&r->external) : 0,
					 r->lifetime);
}

static void send_next(struct natpmp *n)
{
	if (clock_ms() - n->began_ms >= PORTMAP_ANSWER_MS)
		end(n, -ETIMEDOUT);
	else if (send_message(n) < 0)
		failed(n, NATPMP_ERR_SENDERR);
	else
		wait_for_it(n);
}

static void take_mapping(struct natpmp *n, const natpmpresp_t *answer)
{
	struct portmap_request *r = n->request;

	if (r->lifetime) {
		endpoint_set_port(&r->external,
				  answer->pnu.newportmapping.mappedpublicport);
		r->lifetime = answer->pnu.newportmapping.lifetime;
	}
	end(n, 0);
}

static void answered(struct natpmp *n, const natpmpresp_t *answer)
{
	struct portmap_request *r = n->request;
	bool is_address = answer->type == NATPMP_RESPTYPE_PUBLICADDRESS;

	r->has_epoch = true;
	r->epoch = answer->epoch;
	if (n->asks_address && is_address) {
		r->external.in.sin_family = AF_INET;
		r->external.in.sin_addr = answer->pnu.publicaddress.addr;
		n->asks_address = false;
		n->began_ms = clock_ms();
	} else if (!n->asks_address && !is_address &&
		   answer->pnu.newportmapping.privateport ==
		   endpoint_port(&r->internal)) {
		take_mapping(n, answer);
		return;
	}
	/* To the library any answer will do; to the same twice, this comes. */
	send_next(n);
}

static void on_event(evutil_socket_t fd, short what, void *data)
{
	struct natpmp *n = data;
	natpmpresp_t answer;
	int err;

	(void)fd;
	(void)what;
	err = readnatpmpresponseorretry(&n->lib, &answer);
	if (!err)
		answered(n, &answer);
	else if (err != NATPMP_TRYAGAIN)
		failed(n, err);
	else if (clock_ms() - n->began_ms >= PORTMAP_ANSWER_MS)
		end(n, -ETIMEDOUT);
	else
		wait_for_it(n);
}

static int start(struct portmap_request *r)
{
	struct natpmp *n = calloc(1, sizeof(*n));
	int err = -ENOMEM;

	if (!n)
		return err;
	if (initnatpmp(&n->lib, 1, r->router.in.sin_addr.s_addr)) {
		free(n);
		return -EHOSTUNREACH;
	}
	fcntl(n->lib.s, F_SETFD, FD_CLOEXEC);
	n->request = r;
	n->began_ms = clock_ms();
	n->event = event_new(r->gateway->daemon->base, n->lib.s, EV_READ,
			     on_event, n);
	n->asks_address = r->lifetime != 0;
	if (n->event)
		err = send_message(n);
	if (err < 0) {
		natpmp_free(n);
		return err == -ENOMEM ? err : -EHOSTUNREACH;
	}
	r->private = n;
	wait_for_it(n);
	return 0;
}

const struct portmap_method portmap_natpmp = {
	.word = "nat-pmp",
	.name = "NAT-PMP",
	.start = start,
	.cancel = cancel,
};
