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

/* One of the whole list: one of those that are wanted? */
static void on_listed(const struct tracker *t, const struct nf_conntrack *ct,
		      const struct tracked *tracked)
{
	union endpoint src = { .in.sin_family = AF_INET };

	if (!tracked->answered ||
	    nfct_get_attr_u8(ct, ATTR_L4PROTO) != t->proto ||
	    nfct_get_attr_u32(ct, ATTR_IPV4_DST) !=
			t->dst->in.sin_addr.s_addr ||
	    nfct_get_attr_u16(ct, ATTR_PORT_DST) != t->dst->in.sin_port ||
	    (t->proto == IPPROTO_TCP && !tracked->established))
		return;
	src.in.sin_addr.s_addr = nfct_get_attr_u32(ct, ATTR_IPV4_SRC);
	src.in.sin_port = nfct_get_attr_u16(ct, ATTR_PORT_SRC);
	t->fn(&src, t->data);
}

static union endpoint original(const struct nf_conntrack *ct,
			       enum nf_conntrack_attr addr,
			       enum nf_conntrack_attr port)
{
	union endpoint ep = { .in.sin_family = AF_INET };

	ep.in.sin_addr.s_addr = nfct_get_attr_u32(ct, addr);
	ep.in.sin_port = nfct_get_attr_u16(ct, port);
	return ep;
}

static void on_via(struct tracker *t, const struct nf_conntrack *ct)
{
	uint32_t via = t->via->in.sin_addr.s_addr;
	uint8_t state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);

	if (nfct_get_attr_u8(ct, ATTR_L4PROTO) != t->proto ||
	    (nfct_get_attr_u32(ct, ATTR_IPV4_SRC) != via &&
	     nfct_get_attr_u32(ct, ATTR_REPL_IPV4_SRC) != via) ||
	    (t->proto == IPPROTO_TCP && (state == TCP_CONNTRACK_TIME_WAIT ||
					 state == TCP_CONNTRACK_CLOSE)) ||
	    t->n == ENDED_AT_ONCE)
		return;
	t->src[t->n] = original(ct, ATTR_IPV4_SRC, ATTR_PORT_SRC);
	t->to[t->n++] = original(ct, ATTR_IPV4_DST, ATTR_PORT_DST);
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
	f->from.in.sin_family = AF_INET;
	f->from.in.sin_addr.s_addr = nfct_get_attr_u32(ct, ATTR_REPL_IPV4_SRC);
	f->from.in.sin_port = nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC);
	f->to.in.sin_family = AF_INET;
	f->to.in.sin_addr.s_addr = nfct_get_attr_u32(ct, ATTR_REPL_IPV4_DST);
	f->to.in.sin_port = nfct_get_attr_u16(ct, ATTR_REPL_PORT_DST);
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

static void set_v4(struct nf_conntrack *ct, int proto,
		   const union endpoint *src, const union endpoint *dst)
{
	nfct_set_attr_u8(ct, ATTR_L3PROTO, AF_INET);
	nfct_set_attr_u32(ct, ATTR_IPV4_SRC, src->in.sin_addr.s_addr);
	nfct_set_attr_u32(ct, ATTR_IPV4_DST, dst->in.sin_addr.s_addr);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, proto);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, src->in.sin_port);
	nfct_set_attr_u16(ct, ATTR_PORT_DST, dst->in.sin_port);
}

static int query(struct tracker *t, enum nf_conntrack_query what, int proto,
		 const union endpoint *src, const union endpoint *dst,
		 unsigned int timeout_s)
{
	struct nf_conntrack *ct;
	int err = 0;

	if (src->sa.sa_family != AF_INET || dst->sa.sa_family != AF_INET)
		return -EAFNOSUPPORT;
	ct = nfct_new();
	if (!ct)
		return -ENOMEM;
	set_v4(ct, proto, src, dst);
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
	uint32_t family = AF_INET;

	if (dst->sa.sa_family != AF_INET)
		return;
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
	uint32_t family = AF_INET;
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
