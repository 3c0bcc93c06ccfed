// SPDX-License-Identifier: GPL-2.0
/* Questions to conntrack; see tracked.h. */
#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <stdlib.h>
#include <string.h>

#include "tracked.h"

#define ENDED_AT_ONCE	256	/* of tracked_via(); then it looks again */

struct tracker {
	struct nfct_handle *handle;
	struct tracked *found;		/* where on_entry() writes to */

	/* tracked_list()'s, while it runs */
	struct tracked listed;
	int proto;
	const union endpoint *dst;
	void (*fn)(const union endpoint *src, void *data);
	void *data;

	/* tracked_via()'s, while it runs */
	const union endpoint *via;
	unsigned int n;
	union endpoint src[ENDED_AT_ONCE], to[ENDED_AT_ONCE];
};

/* An endpoint's place in an entry. */
enum place { ORIGINAL_SRC, ORIGINAL_DST, REPLY_SRC, REPLY_DST };

static const struct attributes {
	enum nf_conntrack_attr v4, v6, port;
} attributes[] = {
	[ORIGINAL_SRC] = { ATTR_IPV4_SRC, ATTR_IPV6_SRC, ATTR_PORT_SRC },
	[ORIGINAL_DST] = { ATTR_IPV4_DST, ATTR_IPV6_DST, ATTR_PORT_DST },
	[REPLY_SRC] = { ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC,
			ATTR_REPL_PORT_SRC },
	[REPLY_DST] = { ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST,
			ATTR_REPL_PORT_DST },
};

static union endpoint endpoint_of(const struct nf_conntrack *ct,
				  enum place place)
{
	const struct attributes *a = &attributes[place];
	const void *v6 = nfct_get_attr(ct, a->v6);
	union endpoint ep = {};

	if (v6) {
		ep.in6.sin6_family = AF_INET6;
		memcpy(&ep.in6.sin6_addr, v6, sizeof(ep.in6.sin6_addr));
	} else {
		ep.in.sin_family = AF_INET;
		ep.in.sin_addr.s_addr = nfct_get_attr_u32(ct, a->v4);
	}
	endpoint_set_port(&ep, ntohs(nfct_get_attr_u16(ct, a->port)));
	return ep;
}

/* One of the whole list: one of those that are wanted? */
static void on_listed(const struct tracker *t, const struct nf_conntrack *ct,
		      const struct tracked *tracked)
{
	union endpoint src, dst = endpoint_of(ct, ORIGINAL_DST);

	if (!tracked->answered ||
	    nfct_get_attr_u8(ct, ATTR_L4PROTO) != t->proto ||
	    !endpoint_equal(&dst, t->dst) ||
	    (t->proto == IPPROTO_TCP && !tracked->established))
		return;
	src = endpoint_of(ct, ORIGINAL_SRC);
	t->fn(&src, t->data);
}

static void on_via(struct tracker *t, const struct nf_conntrack *ct)
{
	union endpoint src = endpoint_of(ct, ORIGINAL_SRC);
	union endpoint reply = endpoint_of(ct, REPLY_SRC);
	uint8_t state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);

	if (nfct_get_attr_u8(ct, ATTR_L4PROTO) != t->proto ||
	    (!endpoint_same_addr(&src, t->via) &&
	     !endpoint_same_addr(&reply, t->via)) ||
	    (t->proto == IPPROTO_TCP && (state == TCP_CONNTRACK_TIME_WAIT ||
					 state == TCP_CONNTRACK_CLOSE)) ||
	    t->n == ENDED_AT_ONCE)
		return;
	t->src[t->n] = src;
	t->to[t->n++] = endpoint_of(ct, ORIGINAL_DST);
}

static int on_entry(enum nf_conntrack_msg_type type, struct nf_conntrack *ct,
		    void *data)
{
	struct tracker *t = data;
	struct tracked *f = t->found;

	(void)type;
	f->answered = nfct_get_attr_u32(ct, ATTR_STATUS) & IPS_SEEN_REPLY;
	f->established = nfct_get_attr_u8(ct, ATTR_TCP_STATE) ==
			 TCP_CONNTRACK_ESTABLISHED;
	f->counted = nfct_attr_is_set(ct, ATTR_ORIG_COUNTER_BYTES) > 0;
	if (f->counted) {
		f->bytes_out = nfct_get_attr_u64(ct, ATTR_ORIG_COUNTER_BYTES);
		f->bytes_in = nfct_get_attr_u64(ct, ATTR_REPL_COUNTER_BYTES);
	}
	f->timeout_s = nfct_get_attr_u32(ct, ATTR_TIMEOUT);
	f->from = endpoint_of(ct, REPLY_SRC);
	f->to = endpoint_of(ct, REPLY_DST);
	if (t->via)
		on_via(t, ct);
	else if (t->fn)
		on_listed(t, ct, f);
	return NFCT_CB_CONTINUE;
}

int tracker_open(struct tracker **tracker)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->handle = nfct_open(CONNTRACK, 0);
	if (!t->handle) {
		free(t);
		return -errno;
	}
	nfct_callback_register(t->handle, NFCT_T_ALL, on_entry, t);
	*tracker = t;
	return 0;
}

void tracker_close(struct tracker *t)
{
	if (!t)
		return;
	nfct_close(t->handle);
	free(t);
}

static void set_endpoint(struct nf_conntrack *ct, enum place place,
			 const union endpoint *ep)
{
	const struct attributes *a = &attributes[place];

	if (ep->sa.sa_family == AF_INET)
		nfct_set_attr_u32(ct, a->v4, ep->in.sin_addr.s_addr);
	else
		nfct_set_attr(ct, a->v6, &ep->in6.sin6_addr);
	nfct_set_attr_u16(ct, a->port, htons(endpoint_port(ep)));
}

static void set_flow(struct nf_conntrack *ct, int proto,
		     const union endpoint *src, const union endpoint *dst)
{
	nfct_set_attr_u8(ct, ATTR_L3PROTO, (uint8_t)src->sa.sa_family);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, (uint8_t)proto);
	set_endpoint(ct, ORIGINAL_SRC, src);
	set_endpoint(ct, ORIGINAL_DST, dst);
}

static int query(struct tracker *t, enum nf_conntrack_query what, int proto,
		 const union endpoint *src, const union endpoint *dst,
		 unsigned int timeout_s)
{
	struct nf_conntrack *ct;
	int err = 0;

	if (src->sa.sa_family != dst->sa.sa_family ||
	    (src->sa.sa_family != AF_INET && src->sa.sa_family != AF_INET6))
		return -EAFNOSUPPORT;
	ct = nfct_new();
	if (!ct)
		return -ENOMEM;
	set_flow(ct, proto, src, dst);
	if (timeout_s)
		nfct_set_attr_u32(ct, ATTR_TIMEOUT, timeout_s);
	if (nfct_query(t->handle, what, ct) < 0)
		err = -errno;
	nfct_destroy(ct);
	return err;
}

int tracked_get(struct tracker *t, int proto, const union endpoint *src,
		const union endpoint *dst, struct tracked *tracked)
{
	memset(tracked, 0, sizeof(*tracked));
	t->found = tracked;
	return query(t, NFCT_Q_GET, proto, src, dst, 0);
}

int tracked_kill(struct tracker *t, int proto, const union endpoint *src,
		 const union endpoint *dst)
{
	return query(t, NFCT_Q_DESTROY, proto, src, dst, 0);
}

int tracked_keep(struct tracker *t, int proto, const union endpoint *src,
		 const union endpoint *dst, unsigned int seconds)
{
	return query(t, NFCT_Q_UPDATE, proto, src, dst, seconds);
}

void tracked_list(struct tracker *t, int proto, const union endpoint *dst,
		  void (*fn)(const union endpoint *src, void *data), void *data)
{
	uint32_t family = dst->sa.sa_family;

	t->found = &t->listed;
	t->proto = proto;
	t->dst = dst;
	t->fn = fn;
	t->data = data;
	nfct_query(t->handle, NFCT_Q_DUMP, &family);
	t->fn = NULL;
}

unsigned int tracked_via(struct tracker *t, int proto,
			 const union endpoint *via, bool end)
{
	uint32_t family = via->sa.sa_family;
	unsigned int i, all = 0;

	do {
		t->found = &t->listed;
		t->proto = proto;
		t->via = via;
		t->n = 0;
		nfct_query(t->handle, NFCT_Q_DUMP, &family);
		t->via = NULL;
		all += t->n;
		for (i = 0; end && i < t->n; i++)
			tracked_kill(t, proto, &t->src[i], &t->to[i]);
	} while (end && t->n == ENDED_AT_ONCE);
	return all;
}
