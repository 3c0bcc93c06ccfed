// SPDX-License-Identifier: GPL-2.0
/*
 * Requests as nobody would send them, beside traffic: most are of the right shape
 * with odd values, others are broken. The grammar is the ABI's own, the policies
 * that the spec makes (kernel/netlink-gen.c).
 *
 * What is checked is that the kernel does not complain (whoever runs the test looks
 * at its log), that each command is both accepted and refused at times (else
 * the grammar does not get far), and that the gateway does its work afterwards.
 *
 *	FUZZ_MESSAGES	how many (default 20000); `make fuzz-kernel` sends many
 *	FUZZ_SEED	which (default 1)
 */
#include "netlink_req.h"

#include "../kernel/netlink-gen.c"
#include "lab/behave.h"
#include "lab/chance.h"
#include "lab/flow.h"
#include "lab/gateway.h"
#include "lab/packet.h"

#define BATCH		16
#define SOCKETS		3
#define MAX_CMD		64

static const char * const devices[] = {
	"wan", "wan", "wan", "wan1", "lan", "lo", "absent", "",
	"fifteen-letters", "sixteen-letters!",
};

static const char * const addresses[] = {
	"203.0.113.2", "203.0.113.3", "10.1.0.2", "10.1.0.3", "10.1.0.1",
	"192.0.2.10", "192.0.2.11", "198.51.100.2", "0.0.0.0", "127.0.0.1",
	"224.0.0.1", "255.255.255.255", "10.1.0.255",
	"2001:db8:a::2", "fd00:1::2", "fd00:1::3", "2001:db8:5::10",
	"fe80::1", "::", "::1", "ff02::1", "::ffff:10.1.0.2",
};

/* What belongs together more often than not. */
static const char * const sane_devices[] = { "wan", "wan", "wan", "wan1" };

static const char * const sane_addresses[] = {
	"10.1.0.2", "10.1.0.2", "203.0.113.2",
};

static const uint8_t sane_bytes[] = { 6, 17 };
static const uint8_t sane_lengths[] = { 0, 8, 24, 32 };
static const uint16_t sane_ports[] = { 5000, 5001, 5002, 7000 };

static const uint8_t bytes[] = { 0, 1, 2, 3, 4, 6, 17, 33, 58, 132, 136, 255 };
static const uint16_t ports[] = {
	0, 1, 80, 1023, 1024, 3478, 5000, 5001, 5002, 5003, 7000, 7001, 65535,
};

/* The present request is of the right shape, each value within its range. */
static bool sane;

static struct mnl_socket *sockets[SOCKETS], *listener;
static unsigned long accepted[MAX_CMD], refused[MAX_CMD], unanswered;
static uint8_t sent_cmd[1 << 16];	/* by the low bits of the number */

static void put_value(struct nlmsghdr *nlh, unsigned int type,
		      const struct nla_policy *p, unsigned int depth);

static void put_address(struct nlmsghdr *nlh, unsigned int type)
{
	const char *text = sane ? chance_of(sane_addresses) :
				  chance_of(addresses);
	uint8_t ip[24];

	chance_fill(ip, sizeof(ip));
	if (!sane && one_in(16)) {
		mnl_attr_put(nlh, type, chance(sizeof(ip)), ip);
		return;
	}
	inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ip);
	mnl_attr_put(nlh, type, strchr(text, ':') ? 16 : 4, ip);
}

/* At a border of the range, within it, or anything. */
static uint64_t number(const struct nla_policy *p)
{
	uint64_t min = p->range ? p->range->min : p->min;
	uint64_t max = p->range ? p->range->max : p->max;

	if (!max && sane)	/* a protocol, or the number of something */
		return p->type == NLA_U8 ? chance_of(sane_bytes) : chance(16);
	if (max == 128 && sane)	/* the length of a prefix */
		return chance_of(sane_lengths);
	if (!max)
		return one_in(4) ? chance_bits() : chance_of(bytes);
	if (sane)
		return min + chance_bits() % (max - min + 1);
	switch (chance(16)) {
	case 0:
		return min - 1;
	case 1:
		return max + 1;
	case 2:
		return chance_bits();
	case 3:
		return max;
	case 4:
		return min;
	default:
		return min + chance_bits() % (max - min + 1);
	}
}

static void put_nested(struct nlmsghdr *nlh, unsigned int type,
		       const struct nla_policy *p, unsigned int depth)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	unsigned int i;

	for (i = 1; i <= p->nested_max && depth; i++)
		if (sane || !one_in(12))
			put_value(nlh, i, &p->nested[i], depth - 1);
	if (!sane && one_in(16))
		put_nested(nlh, chance(4), p, depth);
	mnl_attr_nest_end(nlh, nest);
}

static void put_value(struct nlmsghdr *nlh, unsigned int type,
		      const struct nla_policy *p, unsigned int depth)
{
	uint64_t v = number(p);

	switch (p->type) {
	case NLA_FLAG:
		mnl_attr_put(nlh, type, !sane && one_in(16) ? 4 : 0, &v);
		break;
	case NLA_NUL_STRING:
		mnl_attr_put_strz(nlh, type, sane ? chance_of(sane_devices) :
						    chance_of(devices));
		break;
	case NLA_BINARY:
		put_address(nlh, type);
		break;
	case NLA_NESTED:
		if (depth)
			put_nested(nlh, type, p, depth - 1);
		break;
	case NLA_BE16:
		v = htons(sane ? chance_of(sane_ports) :
			  one_in(8) ? chance_bits() : chance_of(ports));
		mnl_attr_put(nlh, type, 2, &v);
		break;
	case NLA_U8:
		mnl_attr_put(nlh, type, 1, &v);
		break;
	case NLA_U16:
		mnl_attr_put(nlh, type, 2, &v);
		break;
	case NLA_U32:
		mnl_attr_put(nlh, type, 4, &v);
		break;
	default:
		mnl_attr_put(nlh, type, chance(16), &v);
	}
}

/* A spoilt copy of what is there: bytes, lengths, types. */
static void spoil(struct nlmsghdr *nlh)
{
	size_t head = NLMSG_HDRLEN + GENL_HDRLEN, len = nlh->nlmsg_len;
	uint8_t *data = (uint8_t *)nlh;
	struct nlattr *attr;
	unsigned int n;

	for (n = 1 + chance(3); n; n--) {
		switch (chance(5)) {
		case 0:
			data[NLMSG_HDRLEN + chance(len - NLMSG_HDRLEN)] ^=
				1 << chance(8);
			break;
		case 1:		/* the first attribute's length or type */
			if (len < head + NLA_HDRLEN)
				break;
			attr = (struct nlattr *)(data + head);
			if (one_in(2))
				attr->nla_len = chance_bits();
			else
				attr->nla_type = chance_bits();
			break;
		case 2:		/* cut short */
			nlh->nlmsg_len = NLMSG_HDRLEN +
				chance(len - NLMSG_HDRLEN + 1);
			len = nlh->nlmsg_len;
			if (len < head)
				return;
			break;
		case 3:		/* an attribute that nobody knows */
			mnl_attr_put_u32(nlh, chance(300), chance_bits());
			len = nlh->nlmsg_len;
			break;
		case 4:
			((struct genlmsghdr *)(data + NLMSG_HDRLEN))->cmd =
				chance_bits();
			break;
		}
	}
}

static const struct genl_ops *some_op(void)
{
	const struct genl_ops *op = &chance_of(natpunch_nl_ops);

	/* Without a WAN there is not much to talk about. */
	if (op->cmd == NATPUNCH_CMD_WAN_DEL && !one_in(8))
		op = &chance_of(natpunch_nl_ops);
	return op;
}

/* Make a request at @nlh; its length. */
static size_t make_request(struct nlmsghdr *nlh, uint32_t seq)
{
	const struct genl_ops *op = some_op();
	struct genlmsghdr *genl;
	unsigned int i, n;
	/*
	 * All attributes, most of them, or few: some commands need many, and
	 * much of what the policies allow excludes each other.
	 */
	unsigned int few = chance(4), most = chance(4);

	sane = one_in(2);
	mnl_nlmsg_put_header(nlh);
	nlh->nlmsg_type = req_family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = seq;
	if (op->dumpit && one_in(3))
		nlh->nlmsg_flags |= NLM_F_DUMP;
	if (!sane && one_in(16))
		nlh->nlmsg_flags |= chance_bits() & 0xff00;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = op->cmd;
	genl->version = !sane && one_in(32) ? chance_bits() : NATPUNCH_GENL_VERSION;
	sent_cmd[seq & 0xffff] = op->cmd;

	for (i = 1; i <= op->maxattr; i++) {
		if ((few && chance(few)) || (most && one_in(1 + most)))
			continue;
		for (n = !sane && one_in(12) ? chance(20) : 1; n; n--)
			put_value(nlh, i, &op->policy[i], 3);
	}
	if (!sane && one_in(2))
		spoil(nlh);
	return NLMSG_ALIGN(nlh->nlmsg_len);
}

static struct mnl_socket *open_socket(void)
{
	struct mnl_socket *nl;

	lab_enter(GA);
	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	lab_enter(HOME);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		ktap_bail("netlink socket: %s", strerror(errno));
	return nl;
}

/* Who listens to all and reads nothing until there is no room. */
static void open_listener(void)
{
	const uint32_t groups[] = { req_group, req_hold_group,
				    req_upstream_group, req_crafted_group };
	size_t i;

	if (listener)
		mnl_socket_close(listener);
	listener = open_socket();
	for (i = 0; i < N_ELEMENTS(groups); i++)
		mnl_socket_setsockopt(listener, NETLINK_ADD_MEMBERSHIP,
				      (void *)&groups[i], sizeof(groups[i]));
}

static unsigned int read_answers(struct mnl_socket *nl)
{
	static char buf[1 << 17];
	const struct nlmsgerr *e;
	struct nlmsghdr *nlh;
	unsigned int n = 0;
	uint8_t cmd;
	int len;

	while ((len = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0) {
		for (nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			cmd = sent_cmd[nlh->nlmsg_seq & 0xffff];
			e = mnl_nlmsg_get_payload(nlh);
			if (nlh->nlmsg_type == NLMSG_DONE)
				accepted[cmd % MAX_CMD]++;
			else if (nlh->nlmsg_type != NLMSG_ERROR)
				continue;
			else if (e->error)
				refused[cmd % MAX_CMD]++;
			else
				accepted[cmd % MAX_CMD]++;
			n++;
		}
	}
	return n;
}

/* Traffic that makes mappings, held SYNs and samples. */
static void some_traffic(void)
{
	static const uint8_t binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42,
					     1 };
	struct ep inside = host(one_in(2) ? A : A2, 5000 + chance(4));
	struct ep there = server(1 + chance(2), 7000 + chance(2));
	struct packet p;

	p = packet_udp(inside, one_in(3) ? ep_at(there, 3478) : there,
		       "traffic");
	if (one_in(2) && p.len >= p.payload + sizeof(binding))
		memcpy(p.data + p.payload, binding, sizeof(binding));
	packet_send(ep_same_addr(inside, host(A, 0)) ? A : A2, &p);
	p = packet_tcp(there, wan(GA, chance_of(ports)), TCP_SYN,
		       chance_bits(), 0);
	packet_send(SERVER, &p);
	p = packet_tcp(inside, there, one_in(2) ? TCP_SYN : TCP_RST,
		       chance_bits(), 0);
	packet_send(ep_same_addr(inside, host(A, 0)) ? A : A2, &p);
}

static void send_batch(unsigned long *number)
{
	static char buf[1 << 18];
	struct mnl_socket *nl = sockets[chance(SOCKETS)];
	unsigned int i, n = 1 + chance(BATCH), answers = 0;
	size_t len = 0;

	memset(buf, 0, 8192);
	for (i = 0; i < n; i++)
		len += make_request((struct nlmsghdr *)(buf + len),
				    (*number)++);
	/* The kernel takes no more than the send buffer; some do not fit. */
	if (mnl_socket_sendto(nl, buf, len) < 0)
		return;
	answers = read_answers(nl);
	if (answers < n)
		unanswered += n - answers;
}

static void keep_wan(void)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_NEW, 0);

	req_str(req, NATPUNCH_A_WAN_DEV, "wan");
	req_ask(req);
}

static void fuzz(unsigned long messages)
{
	unsigned long number = 1, batch = 0;
	unsigned int i;

	while (number <= messages) {
		if (batch % 4 == 0)
			some_traffic();
		if (batch % 16 == 0)
			keep_wan();
		if (batch % 64 == 0) {
			/* Leases are bound to a socket's life. */
			i = chance(SOCKETS);
			mnl_socket_close(sockets[i]);
			sockets[i] = open_socket();
		}
		if (batch % 256 == 0)
			open_listener();
		if (batch % 1024 == 0)
			sleep_ms(chance(9) * 1000);
		send_batch(&number);
		batch++;
	}
}

/* Every command must have come through, and been refused. */
static bool grammar_gets_far(void)
{
	unsigned int i, cmd;
	bool ok = true;

	for (i = 0; i < N_ELEMENTS(natpunch_nl_ops); i++) {
		cmd = natpunch_nl_ops[i].cmd;
		ktap_diag("command %2u: %lu accepted, %lu refused", cmd,
			  accepted[cmd], refused[cmd]);
		ok &= accepted[cmd] && refused[cmd];
	}
	ktap_diag("%lu without an answer (broken, or after one that was)",
		  unanswered);
	return ok;
}

static bool still_works(void)
{
	struct flow udp, tcp;

	/* As gateway() left it, so that it can begin anew. */
	natpunchctl("wan del lan");
	natpunchctl("wan del wan1");
	natpunchctl("wan del lo");
	keep_wan();
	gateway(GA, NAT_NATPUNCH, "");
	udp = flow_open(IPPROTO_UDP, A, 6000, server(1, 7000));
	tcp = flow_open(IPPROTO_TCP, A, 6000, server(1, 7000));
	ktap_diag("afterwards UDP from %s", ep_str(udp.external));
	ktap_diag("afterwards TCP from %s", ep_str(tcp.external));
	return udp.answered && tcp.answered;
}

int main(void)
{
	unsigned long messages = chance_count("FUZZ_MESSAGES", 20000);
	const char *missing;
	unsigned int i;

	lab_start();
	missing = natpunch_missing();
	if (missing)
		ktap_skip_all("%s", missing);
	ktap_plan(2);
	ktap_diag("FUZZ_SEED=%lu FUZZ_MESSAGES=%lu", chance_seed(), messages);
	gateway(GA, NAT_NATPUNCH, "--filter eif");
	must(GA, "ip link add wan1 type dummy && ip link set wan1 up");
	lab_enter(GA);
	if (req_open())
		ktap_bail("no family natpunch");
	lab_enter(HOME);
	for (i = 0; i < SOCKETS; i++)
		sockets[i] = open_socket();

	fuzz(messages);
	ktap_ok(grammar_gets_far(), "each command was accepted and refused");
	for (i = 0; i < SOCKETS; i++)
		mnl_socket_close(sockets[i]);
	mnl_socket_close(listener);
	ktap_ok(still_works(), "the gateway works as before");
	return ktap_exit();
}
