// SPDX-License-Identifier: GPL-2.0
/*
 * One request and its replies over the handle's socket. A reply that belongs to
 * an earlier request (one whose reading was cut short) is told by its sequence
 * number and skipped.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Begin a request in np->tx. NULL: the handle is in use by a callback. */
struct nlmsghdr *np_request(struct natpunch *np, uint16_t family, uint8_t cmd,
			    uint16_t flags)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *nlh;

	if (np->busy)
		return NULL;
	np_error_clear(&np->error);
	nlh = mnl_nlmsg_put_header(np->tx);
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++np->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* How far the replies to a request have been read. */
struct progress {
	np_reply_cb *cb;
	void *data;
	const struct np_set *set;
	int stop;		/* what the callback said */
	bool interrupted;
	bool done;
	int result;		/* what the kernel said, when done */
};

static void take_reply(struct natpunch *np, struct progress *p,
		       const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		p->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		p->done = true;
		p->result = np_error_decode(&np->error, nlh, &np->request,
					    p->set);
		return;
	}
	if (nlh->nlmsg_type != np->request.nlmsg_type || !p->cb || p->stop ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return;
	np->busy = true;
	p->stop = p->cb(nlh, p->data);
	np->busy = false;
}

static int receive(struct natpunch *np, struct progress *p)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	while (!p->done) {
		n = mnl_socket_recvfrom(np->nl, np->rx, sizeof(np->rx));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return np_error_set(&np->error, -errno, NULL);
		left = (int)n;
		for (nlh = &np->reply; mnl_nlmsg_ok(nlh, left) && !p->done;
		     nlh = mnl_nlmsg_next(nlh, &left))
			if (nlh->nlmsg_seq == np->request.nlmsg_seq)
				take_reply(np, p, nlh);
	}
	return 0;
}

/*
 * Send the request in np->tx, whose attributes are those of set, and read what
 * comes, to the end even where the callback wants no more: what is left unread
 * would meet the next request.
 */
int np_talk(struct natpunch *np, const struct np_set *set, np_reply_cb *cb,
	    void *data)
{
	struct progress p = { .cb = cb, .data = data, .set = set };
	int err;

	if (mnl_socket_sendto(np->nl, np->tx, np->request.nlmsg_len) < 0)
		return np_error_set(&np->error, -errno, NULL);
	err = receive(np, &p);
	if (err)
		return err;
	if (p.stop)
		return p.stop;
	if (p.result)
		return p.result;
	return p.interrupted ? np_error_set(&np->error, -EINTR, NULL) : 0;
}

static int start(struct natpunch *np, uint8_t cmd, uint16_t flags,
		 const struct np_set *set, const void *obj, uint64_t allowed)
{
	struct nlmsghdr *nlh = np_request(np, np->family, cmd, flags);
	int err;

	if (!nlh)
		return -EBUSY;
	if (!obj)
		return 0;
	err = np_encode(nlh, set, obj, allowed);
	return err ? np_error_set(&np->error, err, NULL) : 0;
}

int np_do(struct natpunch *np, uint8_t cmd, const struct np_set *set,
	  const void *obj, uint64_t allowed)
{
	int err = start(np, cmd, NLM_F_ACK, set, obj, allowed);

	return err ? err : np_talk(np, set, NULL, NULL);
}

struct object {
	const struct np_set *set;
	void *obj;
	size_t size;
	bool seen;
};

static int take_object(const struct nlmsghdr *nlh, void *data)
{
	struct object *o = data;

	memset(o->obj, 0, o->size);
	np_decode(nlh, o->set, o->obj);
	o->seen = true;
	return 0;
}

/* reply may be obj: it is written only when the request is on its way. */
int np_do_reply(struct natpunch *np, uint8_t cmd, const struct np_set *set,
		const void *obj, uint64_t allowed, void *reply, size_t size)
{
	struct object o = { .set = set, .obj = reply, .size = size };
	int err;

	err = start(np, cmd, NLM_F_ACK, set, obj, allowed);
	if (err)
		return err;
	err = np_talk(np, set, take_object, &o);
	if (err)
		return err;
	return o.seen ? 0 : np_error_set(&np->error, -EPROTO, NULL);
}

int np_dump(struct natpunch *np, uint8_t cmd, const struct np_set *set,
	    const void *obj, uint64_t allowed, np_reply_cb *cb, void *data)
{
	int err = start(np, cmd, NLM_F_DUMP, set, obj, allowed);

	return err ? err : np_talk(np, set, cb, data);
}

int np_set_dev(struct natpunch *np, char to[NATPUNCH_DEV_SIZE],
	       const char *dev)
{
	size_t len = strlen(dev);

	if (np->busy)
		return -EBUSY;
	if (!len || len >= NATPUNCH_DEV_SIZE)
		return np_error_set(&np->error, -EINVAL,
				    "a device name has 1 to 15 characters");
	memcpy(to, dev, len + 1);
	return 0;
}
