// SPDX-License-Identifier: GPL-2.0
/*
 * libnatpunch against the module: handles and namespaces, callbacks that stop or
 * misbehave, refusals that name the attribute, events that are lost.
 *
 * The gateway is GA of the lab; packets of A make the mappings.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <natpunch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/gateway.h"
#include "lab/flow.h"
#include "lab/sock.h"

#define RESULTS		41

static struct natpunch *np;

/* A number that tells namespaces apart. */
static ino_t netns_here(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) ? 0 : st.st_ino;
}

static void check_open(void)
{
	ino_t here = netns_here();
	struct natpunch *other;
	char path[64];
	int err, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", node_name(GA));
	err = natpunch_open_netns(&np, node_name(GA));
	if (!ktap_ok(!err, "a namespace by its name"))
		ktap_bail("%s", natpunch_strerror(NULL, err));
	ktap_ok(netns_here() == here, "the thread is where it was");
	err = natpunch_open_netns(&other, path);
	ktap_ok(!err, "a namespace by its path");
	natpunch_close(other);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = natpunch_open_netns_fd(&other, fd);
	ktap_ok(!err && !fcntl(fd, F_GETFD, 0) == 0,
		"a namespace by its descriptor, which stays open");
	natpunch_close(other);
	close(fd);
	ktap_ok(natpunch_open_netns(&other, "no-such") == -ENOENT && !other,
		"no such namespace");
	ktap_ok(natpunch_open_netns(&other, "/proc/self/ns/uts") == -EINVAL &&
		!other && netns_here() == here, "not a network namespace");
	natpunch_close(NULL);
}

static struct natpunch_wan get_wan(void)
{
	struct natpunch_wan wan;

	memset(&wan, 0, sizeof(wan));
	if (natpunch_wan_get(np, "wan", &wan))
		ktap_diag("no WAN");
	return wan;
}

static void check_wan(void)
{
	struct natpunch_wan wan = get_wan();
	struct natpunch_wan set = wan;

	ktap_ok(!strcmp(wan.dev, "wan") && wan.port_min == 40000 &&
		wan.port_max == 50000 &&
		wan.filter == NATPUNCH_FILTER_ADF && wan.udp_timeout == 300 &&
		!wan.nat66 && wan.inbound_refresh, "the WAN as it was made");
	ktap_ok(wan.n_ext_addr && !wan.n_addr &&
		wan.ext_addr[0].family == AF_INET, "its address in use");

	set.filter = NATPUNCH_FILTER_EIF;
	set.n_internal = 1;
	set.internal[0].addr.family = AF_INET;
	set.internal[0].addr.in.s_addr = htonl(0x0a010000);
	set.internal[0].len = 16;
	set.fields |= NATPUNCH_HAS(WAN_INTERNAL);
	ktap_ok(!natpunch_wan_set(np, &set),
		"what a reply filled in can be given back");
	wan = get_wan();
	ktap_ok(wan.filter == NATPUNCH_FILTER_EIF && wan.n_internal == 1 &&
		wan.internal[0].len == 16, "and has been changed");
	set.n_internal = 0;
	set.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_INTERNAL);
	ktap_ok(!natpunch_wan_set(np, &set) && !get_wan().n_internal,
		"an empty array goes back to the default");
}

static void check_refusals(void)
{
	struct natpunch_wan wan = {
		.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_UDP_TIMEOUT),
		.dev = "wan",
		.udp_timeout = 119,
	};
	uint64_t min = 0, max = 0;
	const char *attr;
	int err;

	err = natpunch_wan_set(np, &wan);
	attr = natpunch_error_attr(np);
	if (!ktap_ok(err == -ERANGE && attr && !strcmp(attr, "udp-timeout") &&
		     natpunch_error_range(np, &min, &max) == 1 &&
		     min == NATPUNCH_MIN_UDP_TIMEOUT &&
		     max == NATPUNCH_MAX_TIMEOUT, "out of range: by how much"))
		ktap_diag("%d: %s", err, natpunch_strerror(np, err));

	wan.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_INTERNAL);
	wan.n_internal = 1;
	wan.internal[0].addr.family = AF_INET;
	wan.internal[0].len = 33;
	err = natpunch_wan_set(np, &wan);
	attr = natpunch_error_attr(np);
	if (!ktap_ok(err == -EINVAL && attr && !strcmp(attr, "internal.len") &&
		     natpunch_error_message(np),
		     "the attribute in a nest is named"))
		ktap_diag("%d: %s", err, natpunch_strerror(np, err));

	wan.fields = 0;
	err = natpunch_wan_set(np, &wan);
	attr = natpunch_error_attr(np);
	if (!ktap_ok(err == -EINVAL && attr && !strcmp(attr, "dev"),
		     "the missing attribute is named"))
		ktap_diag("%d: %s", err, natpunch_strerror(np, err));

	wan.fields = NATPUNCH_HAS(WAN_DEV) | NATPUNCH_HAS(WAN_ADDR);
	wan.n_addr = NATPUNCH_MAX_ADDRESSES + 1;
	ktap_ok(natpunch_wan_set(np, &wan) == -E2BIG,
		"a count beyond the array does not go out");
	ktap_ok(natpunch_wan_get(np, "0123456789abcdef", &wan) == -EINVAL &&
		natpunch_wan_get(np, "nosuch", &wan) == -ENOENT,
		"no such WAN");
	ktap_ok(!natpunch_wan_get(np, "wan", &wan) &&
		!natpunch_error_message(np) && !natpunch_error_attr(np),
		"what went well has no message");
}

static int count_mapping(const struct natpunch_mapping *m, void *data)
{
	(void)m;
	++*(int *)data;
	return 0;
}

static int stop_at_three(const struct natpunch_mapping *m, void *data)
{
	(void)m;
	return ++*(int *)data == 3 ? 42 : 0;
}

static int use_own_handle(const struct natpunch_mapping *m, void *data)
{
	struct natpunch_stats stats;

	(void)m;
	*(int *)data = natpunch_stats_get(np, &stats);
	return 0;
}

static void check_mappings(void)
{
	struct natpunch_mapping key = {
		.fields = NATPUNCH_HAS(MAPPING_WAN) |
			  NATPUNCH_HAS(MAPPING_L4PROTO) |
			  NATPUNCH_HAS(MAPPING_INT_ADDR) |
			  NATPUNCH_HAS(MAPPING_INT_PORT),
		.wan = "wan",
		.l4proto = IPPROTO_UDP,
		.int_addr.family = AF_INET,
		.int_port = 41001,
	};
	struct natpunch_mapping m;
	int n = 0, result = 0;
	uint32_t count = 0;
	struct ep seen;
	unsigned int i;

	for (i = 1; i <= 5; i++)
		seen = external(IPPROTO_UDP, A, 41000 + i, server(1, 3478));
	inet_pton(AF_INET, "10.1.0.2", &key.int_addr.in);
	ktap_ok(!natpunch_mapping_get(np, &key, &m) && m.ext_port == 41001 &&
		m.fields & NATPUNCH_HAS(MAPPING_EXPIRES) && !m.reserved,
		"a mapping by its internal endpoint");
	key.fields = NATPUNCH_HAS(MAPPING_L4PROTO) |
		     NATPUNCH_HAS(MAPPING_EXT_ADDR) |
		     NATPUNCH_HAS(MAPPING_EXT_PORT);
	key.ext_addr.family = AF_INET;
	key.ext_addr.in = seen.in.sin_addr;
	key.ext_port = (uint16_t)ep_port(seen);
	ktap_ok(!natpunch_mapping_get(np, &key, &key) && key.int_port == 41005,
		"a mapping by its external endpoint, in the key's place");

	ktap_ok(!natpunch_mapping_dump(np, NULL, count_mapping, &n) && n == 5,
		"a dump has all");
	n = 0;
	ktap_ok(natpunch_mapping_dump(np, NULL, stop_at_three, &n) == 42 &&
		n == 3, "a callback can stop it");
	n = 0;
	ktap_ok(!natpunch_mapping_dump(np, NULL, count_mapping, &n) && n == 5,
		"the next dump is whole");
	ktap_ok(!natpunch_mapping_dump(np, NULL, use_own_handle, &result) &&
		result == -EBUSY, "a callback can not use its handle");
	key.fields = NATPUNCH_HAS(MAPPING_INT_PORT) |
		     NATPUNCH_HAS(MAPPING_INT_ADDR);
	n = 0;
	natpunch_mapping_dump(np, &key, count_mapping, &n);
	ktap_ok(n == 1, "a filter leaves one");
	ktap_ok(!natpunch_mapping_flush(np, &key, &count) && count == 1,
		"a flush with a filter ends one");
	ktap_ok(!natpunch_mapping_flush(np, NULL, NULL) &&
		!natpunch_mapping_dump(np, NULL, count_mapping, &n) && n == 1,
		"a flush ends all");
}

struct seen_events {
	int made, ended;
	unsigned int reason;
};

static int take_event(const struct natpunch_event *event, void *data)
{
	struct seen_events *seen = data;

	if (!event->mapping)
		return 0;
	if (event->type == NATPUNCH_EVENT_NEW)
		seen->made++;
	else
		seen->ended++;
	seen->reason = event->mapping->reason;
	return 0;
}

static int receive_all(struct seen_events *seen)
{
	int err;

	do {
		err = natpunch_events_recv(np, take_event, seen);
	} while (!err);
	return err;
}

static void check_events(void)
{
	struct seen_events seen = { .made = 0 };
	ino_t here = netns_here();
	int err, fd;

	ktap_ok(natpunch_events_fd(np) == -EBADF &&
		natpunch_events_recv(np, take_event, &seen) == -EBADF,
		"no events before they are asked for");
	err = natpunch_events_open(np);
	ktap_ok(!err && netns_here() == here, "events of the handle's namespace");
	fd = natpunch_events_fd(np);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ktap_ok(natpunch_events_recv(np, take_event, &seen) == -EAGAIN,
		"none have come");
	external(IPPROTO_UDP, A, 42001, server(1, 3478));
	natpunch_mapping_flush(np, NULL, NULL);
	err = receive_all(&seen);
	if (!ktap_ok(err == -EAGAIN && seen.made == 1 && seen.ended == 1 &&
		     seen.reason == NATPUNCH_END_REASON_FLUSHED,
		     "one made, one flushed"))
		ktap_diag("%d: %d made, %d ended, reason %u", err, seen.made,
			  seen.ended, seen.reason);
}

/* A small buffer, so that the loss needs no flood. */
static void check_lost_events(void)
{
	struct seen_events seen = { .made = 0 };
	int size = 1, err;
	unsigned int i;

	setsockopt(natpunch_events_fd(np), SOL_SOCKET, SO_RCVBUF, &size,
		   sizeof(size));
	for (i = 1; i <= 60; i++)
		external(IPPROTO_UDP, A, 43000 + i, server(1, 3478));
	err = receive_all(&seen);
	if (err == -EAGAIN)
		err = receive_all(&seen);
	ktap_ok(err == -ENOBUFS && seen.made < 60, "lost events are told (%d)",
		seen.made);
	receive_all(&seen);
	natpunch_mapping_flush(np, NULL, NULL);
	/* More than the buffer holds, again. */
	err = receive_all(&seen);
	if (err == -ENOBUFS)
		err = receive_all(&seen);
	ktap_ok(err == -EAGAIN && seen.ended, "and the next are heard (%d)",
		seen.ended);
	natpunch_events_close(np);
}

static int count_flow(const struct natpunch_crafted *flow, void *data)
{
	unsigned int *n = data;

	*n += flow->bound;
	return 0;
}

static int note_dev(const char *dev, void *data)
{
	memcpy(data, dev, NATPUNCH_DEV_SIZE);
	return 0;
}

static int count_hold(const struct natpunch_hold *hold, void *data)
{
	(void)hold;
	++*(unsigned int *)data;
	return 0;
}

static void check_crafted(void)
{
	struct natpunch_crafted flow = {
		.fields = NATPUNCH_HAS(CRAFTED_LOCAL_ADDR) |
			  NATPUNCH_HAS(CRAFTED_LOCAL_PORT_MIN) |
			  NATPUNCH_HAS(CRAFTED_REMOTE_ADDR) |
			  NATPUNCH_HAS(CRAFTED_REMOTE_LEN) |
			  NATPUNCH_HAS(CRAFTED_LEASE) |
			  NATPUNCH_HAS(CRAFTED_BOUND),
		.local_addr.family = AF_INET,
		.remote_addr.family = AF_INET,
		.remote_len = 8,
		.local_port_min = 4000,
		.lease = 60,
		.bound = 1,
	}, made, found;
	char dev[NATPUNCH_DEV_SIZE] = "";
	unsigned int n = 0;

	inet_pton(AF_INET, "10.1.0.2", &flow.local_addr.in);
	inet_pton(AF_INET, "10.0.0.0", &flow.remote_addr.in);
	ktap_ok(!natpunch_crafted_add(np, &flow, &made) && made.id &&
		made.local_port_min == 4000 && made.local_port_max == 4000 &&
		!made.remote_port && made.bound && !made.automatic,
		"a crafted flow is registered");
	ktap_ok(!natpunch_crafted_get(np, made.id, &found) &&
		found.id == made.id && found.remote_len == 8 &&
		found.lease && found.lease <= 60, "and found");
	ktap_ok(!natpunch_crafted_dump(np, count_flow, &n) && n == 1,
		"and dumped");
	ktap_ok(!natpunch_crafted_del(np, made.id) &&
		natpunch_crafted_del(np, made.id) == -ENOENT &&
		!strcmp(natpunch_error_attr(np), "id"), "and ended");
	ktap_ok(!natpunch_crafted_dev_set(np, "wan", 1, 0) &&
		!natpunch_crafted_dev_dump(np, note_dev, dev) &&
		!strcmp(dev, "wan") &&
		!natpunch_crafted_dev_set(np, "wan", 0, 0) &&
		natpunch_crafted_dev_set(np, "wan", 0, 0) == -ENOENT,
		"a device is watched, then no more");
}

static void check_hold(void)
{
	struct natpunch_wan wan = {
		.fields = NATPUNCH_HAS(WAN_DEV) |
			  NATPUNCH_HAS(WAN_HOLD_ANSWER) |
			  NATPUNCH_HAS(WAN_HOLD_RELEASE),
		.dev = "wan",
		.hold_answer = NATPUNCH_HOLD_ANSWER_RST,
		.hold_release = NATPUNCH_HOLD_RELEASE_DELIVER,
	}, now;
	struct natpunch_hold key = { .fields = 0 };
	unsigned int n = 0;

	ktap_ok(!natpunch_wan_set(np, &wan) &&
		!natpunch_wan_get(np, "wan", &now) &&
		now.hold_answer == NATPUNCH_HOLD_ANSWER_RST &&
		now.hold_release == NATPUNCH_HOLD_RELEASE_DELIVER,
		"a WAN's SYN hold is set");
	ktap_ok(!natpunch_hold_dump(np, NULL, count_hold, &n) && !n,
		"no SYN is held");
	ktap_ok(natpunch_hold_get(np, &key, &key) == -EINVAL &&
		!strcmp(natpunch_error_attr(np), "ext-addr"),
		"half a pair is refused");
}

static void check_words(void)
{
	ktap_ok(!strcmp(natpunch_filter_name(NATPUNCH_FILTER_APDF), "apdf") &&
		natpunch_filter_value("apdf") == NATPUNCH_FILTER_APDF &&
		natpunch_filter_value("full") == -EINVAL &&
		!natpunch_filter_name(200) && !natpunch_end_reason_name(200),
		"words of the enums");
}

int main(void)
{
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(RESULTS);
	lab_start();
	gateways(NAT_NATPUNCH, NAT_NONE, "--ports 40000-50000");
	check_open();
	check_wan();
	check_refusals();
	check_mappings();
	check_events();
	check_lost_events();
	check_crafted();
	check_hold();
	check_words();
	natpunch_close(np);
	return ktap_exit();
}
