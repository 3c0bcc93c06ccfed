// SPDX-License-Identifier: GPL-2.0
/*
 * A program's question which external endpoint its next flow gets, from the
 * system call to the answer, less what the kernel takes to tell what is known of
 * the same NAT, which is as long a message. The library's part is not in it.
 */
#include "netlink_req.h"

#include "bench.h"

#define SAMPLES 16
#define PORT 5000	/* the flows' internal one */

/* The two that are compared. */
static struct req requests[2];

static void put_port(struct req *req, uint16_t type, unsigned int port)
{
	req_be16(req, type, (uint16_t)port);
}

static void put_ep(struct req *req, uint16_t type, struct ep e)
{
	req_put(req, type, 4, ep_addr(&e));
}

/* A copy, which is sent many times: nobody acknowledges it. */
static void keep(struct req *kept, const struct req *req)
{
	*kept = *req;
	kept->nlh = (struct nlmsghdr *)kept->buf;
	kept->nlh->nlmsg_flags = NLM_F_REQUEST;
}

static void make_requests(void)
{
	struct req *req = req_new(NATPUNCH_CMD_UPSTREAM_GET, 0);

	put_ep(req, NATPUNCH_A_UPSTREAM_ADDR, net_ep(AF_INET, GATEWAY_EP, 0));
	req_u8(req, NATPUNCH_A_UPSTREAM_L4PROTO, IPPROTO_UDP);
	keep(&requests[0], req);
	req = req_new(NATPUNCH_CMD_PREDICT, 0);
	req_u8(req, NATPUNCH_A_PREDICT_L4PROTO, IPPROTO_UDP);
	put_ep(req, NATPUNCH_A_PREDICT_INT_ADDR, net_ep(AF_INET, NEAR_EP, 0));
	put_port(req, NATPUNCH_A_PREDICT_INT_PORT, PORT);
	put_ep(req, NATPUNCH_A_PREDICT_DEST_ADDR, net_ep(AF_INET, FAR_EP, 0));
	put_port(req, NATPUNCH_A_PREDICT_DEST_PORT, 7000);
	keep(&requests[1], req);
}

/* Of a NAT beyond that maps by destination, to one port after the other. */
static void tell(unsigned int nth)
{
	struct req *req = req_new(NATPUNCH_CMD_UPSTREAM_SAMPLE, 0);

	req_u8(req, NATPUNCH_A_SAMPLE_L4PROTO, IPPROTO_UDP);
	put_ep(req, NATPUNCH_A_SAMPLE_INT_ADDR, net_ep(AF_INET, NEAR_EP, 0));
	put_port(req, NATPUNCH_A_SAMPLE_INT_PORT, PORT);
	put_ep(req, NATPUNCH_A_SAMPLE_DEST_ADDR,
	       net_nth(net_ep(AF_INET, AWAY_EP, 0), nth));
	put_port(req, NATPUNCH_A_SAMPLE_DEST_PORT, 7000);
	req_ip(req, NATPUNCH_A_SAMPLE_MAPPED_ADDR, "192.0.2.77");
	put_port(req, NATPUNCH_A_SAMPLE_MAPPED_PORT, 30000 + nth);
	req_must(req, "sample");
	usleep(200000);		/* it is thought about */
}

static void choose(unsigned int which, struct trial *t)
{
	t->data = &requests[which];
}

static void ask(enum nat nat, struct trial *t)
{
	int fd = mnl_socket_get_fd(req_sock);
	const struct req *req = t->data;
	static char answer[16384];
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
	unsigned int i;

	(void)nat;
	for (i = 0; i < t->n; i++)
		if (send(fd, req->nlh, req->nlh->nlmsg_len, 0) < 0 ||
		    recv(fd, answer, sizeof(answer), 0) < 0 ||
		    nlh->nlmsg_type != req_family)
			ktap_bail("%s: no answer", t->name);
}

static void question(const char *name)
{
	struct trial t = {
		.group = "prediction, one question", .name = name, .n = 50,
		.repeats = 20, .go = ask,
	};
	struct contrast c;

	if (!budget_wants(t.group, name))
		return;
	c = compare(&t, 2, choose);
	report_contrast(&t, &c);
}

void bench_predict(void)
{
	struct train train = train_out(AF_INET, IPPROTO_UDP, DST_ADDR);
	unsigned int i;

	train.src = net_ep(AF_INET, NEAR_EP, PORT);
	train_send(NATPUNCH, &train, 1);
	net_enter_gateway(NATPUNCH);
	if (req_open())
		ktap_bail("the family is not there");
	make_requests();
	question("nothing is known");
	for (i = 0; i < SAMPLES; i++)
		tell(i);
	question("16 samples");
	mnl_socket_close(req_sock);
	net_forget_all();
}
