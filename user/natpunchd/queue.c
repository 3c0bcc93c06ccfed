// SPDX-License-Identifier: GPL-2.0
/* NFQUEUE, by libnetfilter_queue over libmnl; see queue.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "natpunchd.h"
#include "queue.h"

/* Both headers, with all their options: 120 bytes; a STUN message is 548. */
#define COPY_BYTES	640
#define BUFFER_SIZE	8192
#define LIST		"/proc/net/netfilter/nfnetlink_queue"

struct queue {
	struct mnl_socket *nl;
	struct event *event;
	unsigned int number;
	queue_fn *fn;
	void *data;
};

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	struct nlattr *attr[NFQA_MAX + 1] = {};
	const struct nfqnl_msg_packet_hdr *header;
	struct queue *q = data;

	if (nfq_nlmsg_parse(nlh, attr) < 0 || !attr[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	header = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	if (attr[NFQA_PAYLOAD])
		q->fn(q->data, ntohl(header->packet_id),
		      mnl_attr_get_payload(attr[NFQA_PAYLOAD]),
		      mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]));
	else
		queue_verdict(q, ntohl(header->packet_id), QUEUE_DROP);
	return MNL_CB_OK;
}

static void on_ready(evutil_socket_t fd, short what, void *data)
{
	char buf[BUFFER_SIZE];
	struct queue *q = data;
	ssize_t n;

	(void)fd;
	(void)what;
	n = mnl_socket_recvfrom(q->nl, buf, sizeof(buf));
	if (n > 0)
		mnl_cb_run(buf, n, 0, mnl_socket_get_portid(q->nl), on_message,
			   q);
	else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		log_error("the packet queue: %m");
}

static int on_ack(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;
	(void)data;
	return MNL_CB_OK;
}

/* One request of two: be told by the kernel whether it agrees. */
static int configure(struct queue *q, struct nlmsghdr *nlh)
{
	char buf[BUFFER_SIZE];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(q->nl, buf, sizeof(buf));
	if (n < 0 || mnl_cb_run(buf, n, 1, mnl_socket_get_portid(q->nl),
				on_ack, NULL) < 0)
		return -errno;
	return 0;
}

static int set_up(struct queue *q)
{
	char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh;
	int err;

	nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->number);
	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	err = configure(q, nlh);
	if (err)
		return err;
	nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->number);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, COPY_BYTES);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, QUEUE_MAX);
	return configure(q, nlh);
}

int queue_open(struct queue **queue, struct event_base *base,
	       unsigned int number, queue_fn *fn, void *data)
{
	struct queue *q = calloc(1, sizeof(*q));
	int err = -ENOMEM;

	if (!q)
		return err;
	q->number = number;
	q->fn = fn;
	q->data = data;
	q->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!q->nl || mnl_socket_bind(q->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		goto fail;
	}
	err = set_up(q);
	if (err)
		goto fail;
	evutil_make_socket_nonblocking(mnl_socket_get_fd(q->nl));
	q->event = event_new(base, mnl_socket_get_fd(q->nl),
			     EV_READ | EV_PERSIST, on_ready, q);
	if (!q->event || event_add(q->event, NULL)) {
		err = -ENOMEM;
		goto fail;
	}
	*queue = q;
	return 0;
fail:
	queue_close(q);
	return err;
}

static void let_go(void *queue, uint32_t id, const uint8_t *packet, size_t len)
{
	(void)packet;
	(void)len;
	queue_verdict(queue, id, QUEUE_LET_GO);
}

/*
 * The kernel would do so itself, by and by, when our chains are gone from under the
 * packets: it warns of that.
 */
static void let_all_go(struct queue *q)
{
	char buf[BUFFER_SIZE];
	ssize_t n;

	q->fn = let_go;
	q->data = q;
	while ((n = mnl_socket_recvfrom(q->nl, buf, sizeof(buf))) > 0)
		mnl_cb_run(buf, n, 0, mnl_socket_get_portid(q->nl), on_message,
			   q);
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	if (q->event) {
		let_all_go(q);
		event_free(q->event);
	}
	if (q->nl)
		mnl_socket_close(q->nl);
	free(q);
}

int queue_verdict(struct queue *q, uint32_t id, enum queue_verdict verdict)
{
	static const int words[] = {
		[QUEUE_DROP] = NF_DROP,
		[QUEUE_LET_GO] = NF_ACCEPT,
		[QUEUE_AGAIN] = NF_REPEAT,
	};
	char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh;

	nlh = nfq_nlmsg_put(buf, NFQNL_MSG_VERDICT, q->number);
	nfq_nlmsg_verdict_put(nlh, id, words[verdict]);
	if (mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return 0;
}

/* --- those of everybody ---------------------------------------------------- */

/* A request that means nothing since Linux 3.8; but the module is there then. */
static void load_module(void)
{
	struct queue q = { .nl = mnl_socket_open2(NETLINK_NETFILTER,
						  SOCK_CLOEXEC) };
	char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh;

	if (!q.nl)
		return;
	nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, 0);
	nfq_nlmsg_cfg_put_cmd(nlh, AF_INET, NFQNL_CFG_CMD_PF_UNBIND);
	if (!mnl_socket_bind(q.nl, 0, MNL_SOCKET_AUTOPID))
		configure(&q, nlh);
	mnl_socket_close(q.nl);
}

int queues_open(void)
{
	if (access(LIST, F_OK))
		load_module();
	return open(LIST, O_RDONLY | O_CLOEXEC);
}

bool queues_are_empty(int list)
{
	unsigned int waiting;
	char buf[4096], *line, *rest;
	ssize_t n = pread(list, buf, sizeof(buf) - 1, 0);

	/* So many queues that not all are told: unlikely. */
	if (n < 0 || n == sizeof(buf) - 1)
		return false;
	buf[n] = '\0';
	for (line = strtok_r(buf, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		/* queue, its owner, packets */
		if (sscanf(line, "%*u %*u %u", &waiting) != 1 || waiting)
			return false;
	return true;
}
