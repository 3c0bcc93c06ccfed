// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps of the netlink family: complete, each object once, in pieces of any
 * size, filtered, while objects come and go, and without holding anything up.
 */
#include "netlink_req.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define STEADY		3000		/* reservations of wan0 that stay */
#define FIRST_PORT	1		/* their internal ports begin here */
#define CHURN_PORT	20000		/* those that come and go */
#define CHURN		500

/* How often each internal port was in the dump. */
struct seen {
	unsigned int times[65536];
	unsigned int total;
	bool bad;
};

static uint16_t attr_be16(const struct nlattr *attr)
{
	return ntohs(mnl_attr_get_u16(attr));
}

/* Mapping or reservation: the attributes have the same numbers. */
static void note_port(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	struct seen *seen = data;
	bool has_port = false;

	seen->total++;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == NATPUNCH_A_MAPPING_INT_PORT) {
			seen->times[attr_be16(attr)]++;
			has_port = true;
		}
	}
	seen->bad |= !has_port;
}

/* All of the steady ones there, and, unless @twice, once? */
static bool complete(const struct seen *seen, bool twice)
{
	unsigned int port, missing = 0, repeated = 0;

	for (port = FIRST_PORT; port < FIRST_PORT + STEADY; port++) {
		missing += !seen->times[port];
		repeated += seen->times[port] > 1;
	}
	if (missing || (repeated && !twice) || seen->bad)
		ktap_diag("%u missing, %u repeated, %u in all", missing,
			  repeated, seen->total);
	return !missing && (!repeated || twice) && !seen->bad;
}

static struct seen seen;

static struct answer dump(uint8_t cmd, size_t size)
{
	memset(&seen, 0, sizeof(seen));
	return req_ask_with(req_new(cmd, NLM_F_DUMP), size, note_port, &seen);
}

static void reserve(uint8_t cmd, uint16_t port)
{
	req_must(req_reservation(cmd, "wan0", IPPROTO_UDP, "10.0.0.2", port),
		 "reservation");
}

static void test_sizes(uint8_t cmd, const char *what)
{
	static const size_t sizes[] = { 4096, 8192, 32768, 1 << 18 };
	struct answer a;
	size_t i;

	for (i = 0; i < N_ELEMENTS(sizes); i++) {
		if (req_open())
			ktap_bail("cannot open the socket again");
		a = dump(cmd, sizes[i]);
		ktap_ok(!a.err && a.multi && seen.total == STEADY &&
			complete(&seen, false),
			"%s, received in pieces of %zu bytes", what, sizes[i]);
	}
}

static void test_small_buffer(uint8_t cmd, const char *what)
{
	struct answer a;
	int least = 1;

	if (req_open() ||
	    setsockopt(mnl_socket_get_fd(req_sock), SOL_SOCKET, SO_RCVBUF,
		       &least, sizeof(least)))
		ktap_bail("cannot make the receive buffer small");
	a = dump(cmd, 8192);
	ktap_ok(!a.err && complete(&seen, false),
		"%s, with the smallest receive buffer", what);
	req_open();
}

/*
 * Filters. Beside the steady ones there is one mapping that differs in
 * everything: TCP, 10.0.0.3:7, wan1, 198.51.100.2:30000.
 */

static struct req *filter(uint8_t cmd)
{
	return req_new(cmd, NLM_F_DUMP);
}

static void expect_count(struct req *req, unsigned int n, const char *what)
{
	struct answer a = req_ask(req);

	if (a.err || a.replies != n)
		ktap_diag("%u replies, expected %u; %s %s", a.replies, n,
			  a.err ? strerror(a.err) : "", a.msg);
	ktap_ok(!a.err && a.replies == n, "%s", what);
}

#define FILTERS 13

static void test_filters(void)
{
	uint8_t get = NATPUNCH_CMD_MAPPING_GET;
	uint8_t res = NATPUNCH_CMD_RESERVATION_GET;
	struct req *r;

	r = req_reservation(NATPUNCH_CMD_RESERVATION_NEW, "wan1", IPPROTO_TCP,
			    "10.0.0.3", 7);
	req_be16(r, NATPUNCH_A_RESERVATION_EXT_PORT, 30000);
	req_must(r, "reservation");

	r = filter(get);
	req_str(r, NATPUNCH_A_MAPPING_WAN, "wan1");
	expect_count(r, 1, "mappings of a WAN");
	r = filter(get);
	req_u8(r, NATPUNCH_A_MAPPING_L4PROTO, IPPROTO_UDP);
	expect_count(r, STEADY, "mappings of a protocol");
	r = filter(get);
	req_ip(r, NATPUNCH_A_MAPPING_INT_ADDR, "10.0.0.3");
	expect_count(r, 1, "mappings of an internal address");
	r = filter(get);
	req_be16(r, NATPUNCH_A_MAPPING_INT_PORT, 7);
	expect_count(r, 2, "mappings of an internal port");
	r = filter(get);
	req_ip(r, NATPUNCH_A_MAPPING_EXT_ADDR, "198.51.100.2");
	expect_count(r, 1, "mappings of an external address");
	r = filter(get);
	req_be16(r, NATPUNCH_A_MAPPING_EXT_PORT, 30000);
	req_u8(r, NATPUNCH_A_MAPPING_L4PROTO, IPPROTO_TCP);
	expect_count(r, 1, "mappings of an external port and a protocol");
	r = filter(get);
	req_put(r, NATPUNCH_A_MAPPING_ZONE, 2, "\1\0");
	expect_count(r, 0, "mappings of a conntrack zone that has none");
	r = filter(get);
	req_put(r, NATPUNCH_A_MAPPING_ZONE, 2, "\0\0");
	expect_count(r, STEADY + 1, "mappings of the default conntrack zone");
	r = filter(get);
	req_ip(r, NATPUNCH_A_MAPPING_INT_ADDR, "fd00::3");
	expect_count(r, 0, "mappings of an IPv6 address, when there are none");

	r = filter(res);
	req_str(r, NATPUNCH_A_RESERVATION_WAN, "wan1");
	expect_count(r, 1, "reservations of a WAN");
	r = filter(res);
	req_u8(r, NATPUNCH_A_RESERVATION_L4PROTO, IPPROTO_TCP);
	expect_count(r, 1, "reservations of a protocol");
	r = filter(res);
	req_be16(r, NATPUNCH_A_RESERVATION_INT_PORT, 7);
	expect_count(r, 2, "reservations of an internal port");
	r = filter(NATPUNCH_CMD_WAN_GET);
	req_str(r, NATPUNCH_A_WAN_DEV, "wan1");
	expect_count(r, 1, "one WAN");

	req_must(req_reservation(NATPUNCH_CMD_RESERVATION_DEL, "wan1",
				 IPPROTO_TCP, "10.0.0.3", 7), "reservation");
}

/* Make and end reservations until killed. */
static pid_t start_churn(void)
{
	pid_t pid = fork();
	uint16_t i;

	if (pid)
		return pid;
	req_sock = NULL;
	if (req_open())
		_exit(1);
	for (;;) {
		for (i = 0; i < CHURN; i++)
			reserve(NATPUNCH_CMD_RESERVATION_NEW, CHURN_PORT + i);
		for (i = 0; i < CHURN; i++)
			reserve(NATPUNCH_CMD_RESERVATION_DEL, CHURN_PORT + i);
	}
}

static void test_churn(uint8_t cmd, const char *what)
{
	unsigned int i, interrupted = 0, changed = 0, good = 0;
	const unsigned int rounds = 30;
	pid_t pid = start_churn();
	int status;

	if (req_open())
		ktap_bail("cannot open the socket again");
	for (i = 0; i < rounds; i++) {
		struct answer a = dump(cmd, 4096);

		interrupted += a.interrupted;
		changed += seen.total != STEADY;
		good += !a.err && complete(&seen, a.interrupted);
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ktap_diag("%u of %u dumps saw others, %u were marked as interrupted",
		  changed, rounds, interrupted);
	ktap_ok(WIFSIGNALED(status) && changed, "%s came and went meanwhile",
		what);
	ktap_ok(good == rounds, "%s that stay are in every dump, once", what);
}

/* Leave only the steady ones. */
static void clean_churn(void)
{
	uint16_t i;

	for (i = 0; i < CHURN; i++)
		req_ask(req_reservation(NATPUNCH_CMD_RESERVATION_DEL, "wan0",
					IPPROTO_UDP, "10.0.0.2",
					CHURN_PORT + i));
}

static int module_refs(void)
{
	char text[16] = "";
	int fd = open("/sys/module/natpunch/refcnt", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		ktap_bail("no reference count");
	close(fd);
	return atoi(text);
}

/*
 * A reader that reads a piece and then nothing more for a while: others are not
 * held up, and when it goes away nothing of it stays.
 */
static void test_slow_reader(uint8_t cmd, const char *what)
{
	struct mnl_socket *slow;
	char piece[4096];
	struct answer a;
	int refs, i;

	refs = module_refs();
	slow = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!slow || mnl_socket_bind(slow, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(slow, req_new(cmd, NLM_F_DUMP)->nlh,
			      NLMSG_HDRLEN + sizeof(struct genlmsghdr)) < 0 ||
	    mnl_socket_recvfrom(slow, piece, sizeof(piece)) < 0)
		ktap_bail("slow reader: %s", strerror(errno));

	reserve(NATPUNCH_CMD_RESERVATION_NEW, CHURN_PORT);
	reserve(NATPUNCH_CMD_RESERVATION_DEL, CHURN_PORT);
	a = dump(cmd, 0);
	ktap_ok(!a.err && complete(&seen, false),
		"%s: a dump that nobody reads on holds nothing up", what);

	mnl_socket_close(slow);
	/* The socket's end is not waited for by close(). */
	for (i = 0; i < 100 && module_refs() != refs; i++)
		usleep(10000);
	ktap_ok(module_refs() == refs,
		"%s: a dump that is given up lets go of the module", what);
}

/* Many WANs with all the addresses and prefixes that they can have. */
#define WANS 60

static void add_big_wan(unsigned int n)
{
	struct req *req = req_new(NATPUNCH_CMD_WAN_NEW, 0);
	char text[32];
	unsigned int i;

	snprintf(text, sizeof(text), "big%u", n);
	req_str(req, NATPUNCH_A_WAN_DEV, text);
	req_u8(req, NATPUNCH_A_WAN_NAT66, 1);
	for (i = 0; i < NATPUNCH_MAX_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::%x", n + 1, i + 1);
		req_ip(req, NATPUNCH_A_WAN_ADDR, text);
	}
	for (i = 0; i < NATPUNCH_MAX_INTERNAL; i++) {
		snprintf(text, sizeof(text), "fd00:%x:%x::", n + 1, i);
		req_prefix(req, text, 48);
	}
	req_must(req, "big WAN");
}

struct wans {
	unsigned int times[WANS];
	unsigned int complete;
};

static void note_wan(const struct nlmsghdr *nlh, void *data)
{
	unsigned int n = 0, addrs = 0, prefixes = 0;
	const struct nlattr *attr;
	struct wans *wans = data;
	bool big = false;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case NATPUNCH_A_WAN_DEV:
			big = sscanf(mnl_attr_get_str(attr), "big%u", &n) == 1;
			break;
		case NATPUNCH_A_WAN_ADDR:
			addrs++;
			break;
		case NATPUNCH_A_WAN_INTERNAL:
			prefixes++;
			break;
		}
	}
	if (!big || n >= WANS)
		return;
	wans->times[n]++;
	wans->complete += addrs == NATPUNCH_MAX_ADDRESSES &&
			  prefixes == NATPUNCH_MAX_INTERNAL;
}

static void test_wans(void)
{
	struct wans wans = { 0 };
	bool once = true;
	struct answer a;
	unsigned int i;
	FILE *ip;

	ip = popen("ip -batch -", "w");
	for (i = 0; ip && i < WANS; i++)
		fprintf(ip, "link add big%u type dummy\n", i);
	if (!ip || pclose(ip))
		ktap_bail("cannot make %u devices", WANS);
	for (i = 0; i < WANS; i++)
		add_big_wan(i);

	if (req_open())
		ktap_bail("cannot open the socket again");
	a = req_ask_with(req_new(NATPUNCH_CMD_WAN_GET, NLM_F_DUMP), 4096,
			 note_wan, &wans);
	for (i = 0; i < WANS; i++)
		once &= wans.times[i] == 1;
	ktap_ok(!a.err && a.replies == WANS + 2 && once,
		"%u WANs, each once", WANS);
	ktap_ok(wans.complete == WANS, "with all their addresses and prefixes");
}

static void test_empty(void)
{
	req_own_net();
	if (req_open())
		ktap_bail("no family in a new namespace");
	expect_count(filter(NATPUNCH_CMD_WAN_GET), 0,
		     "no WANs where there never was one");
	expect_count(filter(NATPUNCH_CMD_MAPPING_GET), 0,
		     "no mappings where there never was a WAN");
	expect_count(filter(NATPUNCH_CMD_RESERVATION_GET), 0,
		     "no reservations where there never was a WAN");
}

int main(void)
{
	static const struct {
		uint8_t cmd;
		const char *what;
	} dumps[] = {
		{ NATPUNCH_CMD_MAPPING_GET, "mappings" },
		{ NATPUNCH_CMD_RESERVATION_GET, "reservations" },
	};
	uint16_t i;

	ktap_plan(2 * (4 + 1 + 2 + 2) + FILTERS + 2 + 3);
	req_own_net();
	if (req_open())
		ktap_bail("there is no family " NATPUNCH_GENL_NAME);
	req_add_wan("wan0");
	req_add_wan("wan1");
	for (i = 0; i < STEADY; i++)
		reserve(NATPUNCH_CMD_RESERVATION_NEW, FIRST_PORT + i);

	for (i = 0; i < N_ELEMENTS(dumps); i++) {
		test_sizes(dumps[i].cmd, dumps[i].what);
		test_small_buffer(dumps[i].cmd, dumps[i].what);
	}
	test_filters();
	for (i = 0; i < N_ELEMENTS(dumps); i++) {
		test_churn(dumps[i].cmd, dumps[i].what);
		clean_churn();
		test_slow_reader(dumps[i].cmd, dumps[i].what);
	}
	test_wans();
	test_empty();
	return ktap_exit();
}
