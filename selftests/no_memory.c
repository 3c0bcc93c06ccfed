// SPDX-License-Identifier: GPL-2.0
/*
 * Memory is short for a moment: each allocation that natpunch.ko makes fails once,
 * each in turn, wherever it is made - when the module is loaded, in a request, for
 * a packet, by a timer. So does each registration with the kernel.
 *
 * For every one the module is loaded and does all that it can do, in steps. A step
 * that meets the failure may be refused with ENOMEM, or lose a packet, but has to
 * work when it is tried again; every other step must not notice. In the end the
 * module has to be unloadable. (Whoever runs this looks at the kernel's log, and for
 * what was lost where the kernel has kmemleak.)
 *
 *	NO_MEMORY	only calls in functions whose name begins so
 *
 * needs: kernel=6.1 kernel=7.3 timeout=1200
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <natpunch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/calls.h"
#include "lab/flow.h"
#include "lab/gateway.h"
#include "lab/packet.h"

#define FAULTS		"/sys/module/natpunch_faults/parameters/"
#define HELD_S		7	/* until a held SYN has been answered */

/* What fails, by the begin of its name, and what it then returns. */
static const struct failing {
	const char *name;
	int result;
} failing[] = {
	{ "__alloc_skb", 0 },
	{ "__kmalloc", 0 },
	{ "kmalloc_", 0 },
	{ "kmem_cache_alloc", 0 },
	{ "kvmalloc_", 0 },
	{ "__kvmalloc_", 0 },
	{ "kmemdup", 0 },
	{ "kmem_cache_create", 0 },
	{ "__kmem_cache_create", 0 },
	{ "__alloc_percpu", 0 },
	{ "pcpu_alloc", 0 },
	{ "alloc_workqueue", 0 },
	{ "skb_copy_expand", 0 },
	{ "__pskb_pull_tail", 0 },
	{ "nf_reject_skb_", 0 },
	{ "nf_ct_helper_ext_add", 0 },
	{ "genl_register_family", -ENOMEM },
	{ "netlink_register_notifier", -ENOMEM },
	{ "nf_conntrack_helper_register", -ENOMEM },
	{ "nf_ct_netns_get", -ENOMEM },
	{ "nf_nat_ipv4_register_fn", -ENOMEM },
	{ "nf_nat_ipv6_register_fn", -ENOMEM },
	{ "nf_register_net_hook", -ENOMEM },
	{ "register_inet", -ENOMEM },
	{ "register_netdevice_notifier", -ENOMEM },
	{ "register_pernet_subsys", -ENOMEM },
	{ "rhashtable_init", -ENOMEM },
	{ "rhashtable_insert_slow", -ENOMEM },
	{ "__rhashtable_init", -ENOMEM },
};

static struct natpunch *np;
static struct flow udp, tcp, echo, udp6;
static uint32_t crafted_id;

static const struct failing *failing_of(const char *callee)
{
	const struct failing *f;

	for (f = failing; f < failing + ARRAY_SIZE(failing); f++)
		if (!strncmp(callee, f->name, strlen(f->name)))
			return f;
	return NULL;
}

static bool may_fail(const char *callee)
{
	return failing_of(callee);
}

/*
 * The module of the faults.
 */
static void faults_write(const char *text)
{
	int fd = open(FAULTS "call", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ktap_bail("natpunch_faults refuses '%s': %s", text,
			  strerror(errno));
	close(fd);
}

static void fault_arm(const struct call *call)
{
	char text[200];

	snprintf(text, sizeof(text), "natpunch:%s %zu %d", call->anchor,
		 call->offset, failing_of(call->callee)->result);
	faults_write(text);
}

static unsigned int fault_reached(void)
{
	int fd = open(FAULTS "reached", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		ktap_bail(FAULTS "reached: %s", strerror(errno));
	close(fd);
	return strtoul(text, NULL, 10);
}

/*
 * The steps. Each returns 0, -ENOMEM (also if a packet was lost) or what else is
 * wrong.
 */
static const char *module_path(void)
{
	static char path[200];
	struct utsname name;

	uname(&name);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/natpunch.ko",
		 name.release);
	return path;
}

static int load(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err = -errno;
	close(fd);
	return err;
}

static int open_handle(void)
{
	return natpunch_open_netns(&np, node_name(GA));
}

static int listen_to_events(void)
{
	return natpunch_events_open(np);
}

static int wan_add(void)
{
	struct natpunch_wan w = {
		.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_FILTER) |
			  NATPUNCH_HAS(WAN_NAT66) |
			  NATPUNCH_HAS(WAN_INTERNAL) |
			  NATPUNCH_HAS(WAN_HOLD_RELEASE),
		.dev = "wan",
		.filter = NATPUNCH_FILTER_EIF,
		.nat66 = 1,
		.hold_release = NATPUNCH_HOLD_RELEASE_DELIVER,
		.n_internal = 2,
		.internal = {
			{ .addr.family = AF_INET, .len = 8 },
			{ .addr.family = AF_INET6, .len = 16 },
		},
	};

	inet_pton(AF_INET, "10.0.0.0", &w.internal[0].addr.in);
	inet_pton(AF_INET6, "fd00::", &w.internal[1].addr.in6);
	return natpunch_wan_add(np, &w);
}

static int wan_set(void)
{
	struct natpunch_wan w = {
		.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_INTERNAL) |
			  NATPUNCH_HAS(WAN_ADDR),
		.dev = "wan",
		.n_addr = 1,
		.addr[0].family = AF_INET,
	};

	inet_pton(AF_INET, "203.0.113.2", &w.addr[0].in);
	return natpunch_wan_set(np, &w);
}

static struct natpunch_addr addr(struct ep e)
{
	struct natpunch_addr a = { .family = e.sa.sa_family };

	memcpy(&a.in6, ep_addr(&e), a.family == AF_INET ? 4 : 16);
	return a;
}

static struct natpunch_reservation reservation(void)
{
	return (struct natpunch_reservation) {
		.fields = NATPUNCH_HAS(RESERVATION_WAN) |
			  NATPUNCH_HAS(RESERVATION_L4PROTO) |
			  NATPUNCH_HAS(RESERVATION_INT_ADDR) |
			  NATPUNCH_HAS(RESERVATION_INT_PORT),
		.wan = "wan",
		.l4proto = IPPROTO_UDP,
		.int_addr = addr(host(A2, 0)),
		.int_port = 4400,
	};
}

static int reserve(void)
{
	struct natpunch_reservation r = reservation(), made;

	return natpunch_reservation_add(np, &r, &made);
}

static int unreserve(void)
{
	struct natpunch_reservation r = reservation();

	return natpunch_reservation_del(np, &r);
}

static int craft_in(struct natpunch *handle, uint32_t *id)
{
	struct natpunch_crafted flow = {
		.fields = NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |
			  NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LEASE) |
			  NATPUNCH_HAS(CRAFTED_BOUND),
		.local_addr = addr(host(A, 0)),
		.local_port_min = 4500,
		.remote_addr = addr(server(1, 0)),
		.lease = 600,
		.bound = 1,
	}, made;
	int err = natpunch_crafted_add(handle, &flow, &made);

	*id = made.id;
	return err;
}

static int craft(void)
{
	return craft_in(np, &crafted_id);
}

/* Where nothing else is registered. */
static int craft_at_b(void)
{
	struct natpunch *gb;
	uint32_t id;
	int err = natpunch_open_netns(&gb, node_name(GB));

	if (err)
		return err;
	err = craft_in(gb, &id);
	if (!err)
		err = natpunch_crafted_del(gb, id);
	natpunch_close(gb);
	return err;
}

static int watch(void)
{
	return natpunch_crafted_dev_set(np, "wan", 1, 1);
}

static int unwatch(void)
{
	return natpunch_crafted_dev_set(np, "wan", 0, 1);
}

static int uncraft(void)
{
	return natpunch_crafted_del(np, crafted_id);
}

static int flow_works(struct flow *flow, int protocol, unsigned int port)
{
	*flow = flow_open(protocol, A, port, server(1, port));
	if (flow->answered)
		return 0;
	/* It would get the answers to the next one. */
	sock_close(flow->in);
	return -ENOMEM;
}

static int send_udp(void)
{
	return flow_works(&udp, IPPROTO_UDP, 4700);
}

/* To a STUN port: its flow is observed. */
static int send_stun(void)
{
	int s = udp_open(A, host(A, 4800));
	int at_server = udp_open(SERVER, server(1, 3478));
	int err = udp_deliver(s, server(1, 3478), at_server, NULL) ? 0 :
								   -ENOMEM;

	sock_close(s);
	sock_close(at_server);
	return err;
}

static int send_tcp(void)
{
	return flow_works(&tcp, IPPROTO_TCP, 4701);
}

static int send_echo(void)
{
	return flow_works(&echo, IPPROTO_ICMP, 4702);
}

static int send_udp6(void)
{
	int err;

	lab_use_family(AF_INET6);
	err = flow_works(&udp6, IPPROTO_UDP, 4703);
	lab_use_family(AF_INET);
	return err;
}

/* To A's mapping, from an endpoint that A has never sent to. */
static int send_in_from(int from)
{
	/* The flow's own socket is connected. */
	int in = udp_open(A, udp.internal);
	int err = udp_deliver(from, udp.external, in, NULL) ? 0 : -ENOMEM;

	sock_close(in);
	sock_close(from);
	return err;
}

static int send_in(void)
{
	return send_in_from(udp_open(SERVER, server(2, 4704)));
}

static int hairpin(void)
{
	return send_in_from(udp_open(A2, host(A2, 4705)));
}

/*
 * A SYN that A refuses, as it does not listen: it is kept, and delivered when A
 * calls back.
 */
static int hold(void)
{
	struct packet syn = packet_tcp(server(2, 4706), wan(GA, 4701), TCP_SYN,
				       1000, 0);

	packet_send(SERVER, &syn);
	sleep_ms(200);
	return 0;
}

static int release(void)
{
	int a = stream_open(IPPROTO_TCP, A, host(A, 4701));

	stream_connect(a, server(2, 4706));
	sleep_ms(200);
	stream_abort(a);
	return 0;
}

static int answer_one(struct packet *p)
{
	int sniffer = sniff_open(SERVER, "eth0");
	bool came;

	packet_send(SERVER, p);
	came = sniff_find(sniffer, p, is_icmp_error, NULL, HELD_S * 1000);
	sock_close(sniffer);
	return came ? 0 : -ENOMEM;
}

/* A SYN that nobody wants: it is answered when its time is over. */
static int refuse(void)
{
	struct packet syn = packet_tcp(server(2, 4707), wan(GA, 4707), TCP_SYN,
				       1000, 0);

	return answer_one(&syn);
}

static int refuse6(void)
{
	struct packet syn;
	int err;

	lab_use_family(AF_INET6);
	syn = packet_tcp(server(2, 4707), wan(GA, 4707), TCP_SYN, 1000, 0);
	err = answer_one(&syn);
	lab_use_family(AF_INET);
	return err;
}

static int answer_by_rst(void)
{
	struct natpunch_wan w = {
		.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_HOLD_ANSWER),
		.dev = "wan",
		.hold_answer = NATPUNCH_HOLD_ANSWER_RST,
	};

	return natpunch_wan_set(np, &w);
}

static int reset_one(struct packet *p)
{
	int sniffer = sniff_open(SERVER, "eth0");
	bool came;

	packet_send(SERVER, p);
	came = sniff_find(sniffer, p, is_tcp_rst, NULL, HELD_S * 1000);
	sock_close(sniffer);
	return came ? 0 : -ENOMEM;
}

static int reset(void)
{
	struct packet syn = packet_tcp(server(2, 4708), wan(GA, 4708), TCP_SYN,
				       1000, 0);

	return reset_one(&syn);
}

static int reset6(void)
{
	struct packet syn;
	int err;

	lab_use_family(AF_INET6);
	syn = packet_tcp(server(2, 4708), wan(GA, 4708), TCP_SYN, 1000, 0);
	err = reset_one(&syn);
	lab_use_family(AF_INET);
	return err;
}

/* A's kernel knows nothing of the crafted flow: its RST is dropped. */
static int crafted_rst(void)
{
	struct packet p = packet_tcp(host(A, 4500), server(1, 4500), TCP_SYN,
				     1000, 0);
	int listener = stream_listen(IPPROTO_TCP, SERVER, server(1, 4500));

	packet_send(A, &p);
	sleep_ms(100);
	sock_close(listener);
	return 0;
}

/* The router's own raw socket: registered by itself, as the device is watched. */
static int crafted_auto(void)
{
	struct packet p = packet_tcp(wan(GA, 4501), server(1, 4501), TCP_SYN,
				     1000, 0);

	packet_send(GA, &p);
	sleep_ms(100);
	return 0;
}

static int feed_one(unsigned int n)
{
	struct natpunch_sample s = {
		.fields = NATPUNCH_HAS(SAMPLE_L4PROTO) |
			  NATPUNCH_HAS(SAMPLE_INT_ADDR) |
			  NATPUNCH_HAS(SAMPLE_INT_PORT) |
			  NATPUNCH_HAS(SAMPLE_DEST_ADDR) |
			  NATPUNCH_HAS(SAMPLE_DEST_PORT) |
			  NATPUNCH_HAS(SAMPLE_MAPPED_ADDR) |
			  NATPUNCH_HAS(SAMPLE_MAPPED_PORT),
		.l4proto = IPPROTO_UDP,
		.int_addr = addr(host(A, 0)),
		.int_port = 4700,
		.dest_addr = addr(server(1, 0)),
		.dest_port = 4700 + n,
		.mapped_addr = addr(server(2, 0)),
		.mapped_port = 50000 + n,
	};

	return natpunch_upstream_sample(np, &s);
}

/* Enough to say what NAT that is, which is told to who listens. */
static int feed(void)
{
	unsigned int n;
	int err = 0;

	for (n = 0; !err && n < 10; n++)
		err = feed_one(n);
	sleep_ms(200);
	return err;
}

static int predict(void)
{
	struct natpunch_prediction q = {
		.fields = NATPUNCH_HAS(PREDICT_L4PROTO) |
			  NATPUNCH_HAS(PREDICT_INT_ADDR) |
			  NATPUNCH_HAS(PREDICT_INT_PORT) |
			  NATPUNCH_HAS(PREDICT_DEST_ADDR) |
			  NATPUNCH_HAS(PREDICT_DEST_PORT),
		.l4proto = IPPROTO_UDP,
		.int_addr = addr(host(A, 0)),
		.int_port = 4710,
		.dest_addr = addr(server(1, 0)),
		.dest_port = 4710,
	}, answer;

	return natpunch_predict(np, &q, &answer);
}

static int one_mapping(const struct natpunch_mapping *mapping, void *data)
{
	*(struct natpunch_mapping *)data = *mapping;
	return 0;
}

static int look_at_mappings(void)
{
	struct natpunch_mapping one, got;
	int err;

	memset(&one, 0, sizeof(one));
	err = natpunch_mapping_dump(np, NULL, one_mapping, &one);
	if (err)
		return err;
	one.fields = NATPUNCH_HAS(MAPPING_WAN) |
		     NATPUNCH_HAS(MAPPING_L4PROTO) |
		     NATPUNCH_HAS(MAPPING_INT_ADDR) |
		     NATPUNCH_HAS(MAPPING_INT_PORT);
	return natpunch_mapping_get(np, &one, &got);
}

static int any_wan(const struct natpunch_wan *wan, void *data)
{
	(void)wan;
	(void)data;
	return 0;
}

static int look_at_wans(void)
{
	struct natpunch_wan w;

	return natpunch_wan_get(np, "wan", &w) ?:
	       natpunch_wan_dump(np, any_wan, NULL);
}

static int any_reservation(const struct natpunch_reservation *r, void *data)
{
	(void)r;
	(void)data;
	return 0;
}

static int look_at_reservations(void)
{
	struct natpunch_reservation r = reservation(), got;

	return natpunch_reservation_get(np, &r, &got) ?:
	       natpunch_reservation_dump(np, any_reservation, NULL);
}

static int one_hold(const struct natpunch_hold *h, void *data)
{
	*(struct natpunch_hold *)data = *h;
	return 0;
}

/* hold() comes before: there may be one, or there was no memory for it. */
static int look_at_holds(void)
{
	struct natpunch_hold one, got;
	int err;

	memset(&one, 0, sizeof(one));
	err = natpunch_hold_dump(np, NULL, one_hold, &one);
	if (err || !one.fields)
		return err;
	one.fields = NATPUNCH_HAS(HOLD_EXT_ADDR) | NATPUNCH_HAS(HOLD_EXT_PORT) |
		     NATPUNCH_HAS(HOLD_REMOTE_ADDR) |
		     NATPUNCH_HAS(HOLD_REMOTE_PORT);
	return natpunch_hold_get(np, &one, &got);
}

static int any_crafted(const struct natpunch_crafted *flow, void *data)
{
	(void)flow;
	(void)data;
	return 0;
}

static int any_dev(const char *dev, void *data)
{
	(void)dev;
	(void)data;
	return 0;
}

static int look_at_crafted(void)
{
	struct natpunch_crafted flow;

	return natpunch_crafted_get(np, crafted_id, &flow) ?:
	       natpunch_crafted_dump(np, any_crafted, NULL) ?:
	       natpunch_crafted_dev_dump(np, any_dev, NULL);
}

static int any_upstream(const struct natpunch_upstream *u, void *data)
{
	(void)u;
	(void)data;
	return 0;
}

static int look_at_upstreams(void)
{
	struct natpunch_upstream key = {
		.fields = NATPUNCH_HAS(UPSTREAM_ADDR) |
			  NATPUNCH_HAS(UPSTREAM_L4PROTO),
		.addr = addr(wan(GA, 0)),
		.l4proto = IPPROTO_UDP,
	}, got;

	return natpunch_upstream_get(np, &key, &got) ?:
	       natpunch_upstream_dump(np, NULL, any_upstream, NULL);
}

static int look_at_stats(void)
{
	struct natpunch_stats stats;

	return natpunch_stats_get(np, &stats);
}

static int flush(void)
{
	struct natpunch_mapping filter = {
		.fields = NATPUNCH_HAS(MAPPING_WAN),
		.wan = "wan",
	};
	uint32_t count;

	return natpunch_mapping_flush(np, &filter, &count);
}

static int any_event(const struct natpunch_event *event, void *data)
{
	(void)event;
	(void)data;
	return 0;
}

/* ENOBUFS says that some were lost, for which there was no memory. */
static int hear_events(void)
{
	struct pollfd some = { natpunch_events_fd(np), POLLIN, 0 };
	int err = 0;

	while (!err && poll(&some, 1, 0) > 0)
		err = natpunch_events_recv(np, any_event, NULL);
	return err == -ENOBUFS && fault_reached() ? 0 : err;
}

static int wan_del(void)
{
	return natpunch_wan_del(np, "wan");
}

static int new_namespace(void)
{
	lab_space_add("short");
	lab_space_del("short");
	return 0;
}

static int close_handle(void)
{
	natpunch_close(np);
	np = NULL;
	return 0;
}

static const struct step {
	const char *name;
	int (*fn)(void);
} steps[] = {
	{ "load the module", load },
	{ "open a handle", open_handle },
	{ "listen to events", listen_to_events },
	{ "add a WAN", wan_add },
	{ "change the WAN", wan_set },
	{ "reserve a port", reserve },
	{ "watch a device", watch },
	{ "watch it no more", unwatch },
	{ "register a crafted flow", craft },
	{ "watch it again", watch },
	{ "register one where no other is", craft_at_b },
	{ "UDP", send_udp },
	{ "TCP", send_tcp },
	{ "echo", send_echo },
	{ "UDP over IPv6", send_udp6 },
	{ "UDP to a STUN port", send_stun },
	{ "a stranger's UDP", send_in },
	{ "hairpinning", hairpin },
	{ "a SYN to be held", hold },
	{ "show what is held", look_at_holds },
	{ "a SYN that releases it", release },
	{ "a SYN that is answered late", refuse },
	{ "the same over IPv6", refuse6 },
	{ "change the answer", answer_by_rst },
	{ "a SYN that is reset late", reset },
	{ "the same over IPv6", reset6 },
	{ "a crafted flow's RST", crafted_rst },
	{ "a crafted flow by itself", crafted_auto },
	{ "feed a sample", feed },
	{ "predict", predict },
	{ "show WANs", look_at_wans },
	{ "show mappings", look_at_mappings },
	{ "show reservations", look_at_reservations },
	{ "show crafted flows", look_at_crafted },
	{ "show upstreams", look_at_upstreams },
	{ "show counters", look_at_stats },
	{ "flush", flush },
	{ "hear events", hear_events },
	{ "end a crafted flow", uncraft },
	{ "end a reservation", unreserve },
	{ "end the WAN", wan_del },
	{ "another namespace", new_namespace },
	{ "close the handle", close_handle },
};

/* Namespaces are torn down in the background, which may take a moment. */
static bool unload(void)
{
	unsigned long end = now_ms() + 10000;

	while (syscall(SYS_delete_module, "natpunch", O_NONBLOCK)) {
		if (errno == ENOENT)
			return true;
		if (now_ms() > end)
			return false;
		sleep_ms(50);
	}
	return true;
}

struct outcome {
	bool ok;
	char text[160];
};

/* All steps. Who met the failure may do so once. */
static struct outcome go_through(void)
{
	struct outcome o = { .ok = true };
	unsigned int before = 0, after;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i].fn();
		after = fault_reached();
		if (!before && after && !o.text[0])
			snprintf(o.text, sizeof(o.text), "%s%s", steps[i].name,
				 err ? ", refused" : "");
		if (err == -ENOMEM && !before && after)
			err = steps[i].fn();
		before = after;
		if (!err)
			continue;
		o.ok = false;
		snprintf(o.text, sizeof(o.text), "%s: %s", steps[i].name,
			 natpunch_strerror(np, err));
		break;
	}
	close_handle();
	sock_close_all();
	if (!unload()) {
		o.ok = false;
		snprintf(o.text, sizeof(o.text), "it can not be unloaded");
	}
	return o;
}

static void fail_one(const struct call *call, unsigned int *reached)
{
	struct outcome o;

	fault_arm(call);
	o = go_through();
	faults_write("off");
	if (o.text[0])
		++*reached;
	ktap_ok(o.ok, "%s in %s+%#zx: %s", call->callee, call->caller,
		call->into, o.text[0] ? o.text : "not reached");
}

/* What is called by trace events only is there for those who trace. */
static bool is_wanted(const struct call *call)
{
	const char *only = getenv("NO_MEMORY");

	if (strstr(call->caller, "trace"))
		return false;
	return !only || !strncmp(call->caller, only, strlen(only));
}

int main(void)
{
	size_t n, i, wanted = 0;
	unsigned int reached = 0;
	struct outcome o;
	struct call *calls;

	lab_start();
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	/* What natpunch.ko needs is then there, and stays. */
	must(HOME, "modprobe natpunch_faults");
	must(HOME, "modprobe natpunch");
	must(HOME, "rmmod natpunch");
	n = calls_read(module_path(), may_fail, &calls);
	for (i = 0; i < n; i++)
		if (is_wanted(&calls[i]))
			calls[wanted++] = calls[i];
	ktap_plan(wanted + 2);
	o = go_through();
	ktap_ok(o.ok && !o.text[0], "all steps, while nothing fails%s%s",
		o.text[0] ? ": " : "", o.text);
	for (i = 0; i < wanted; i++)
		fail_one(&calls[i], &reached);
	/* Not: tables that grow at this very moment, packets of odd shapes. */
	ktap_ok(reached * 20 >= wanted * 17, "%u of %zu calls were reached",
		reached, wanted);
	must(HOME, "rmmod natpunch_faults");
	return ktap_exit();
}
