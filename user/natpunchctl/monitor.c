// SPDX-License-Identifier: GPL-2.0
/* natpunchctl monitor */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "natpunchctl.h"

static const struct opt options[] = {
	{ "timestamp", NULL, "begin each line with the time of day", 't' },
	{ .name = NULL }
};

struct monitor {
	const struct ctl *ctl;
	bool timestamp;
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static double now(struct timespec *ts)
{
	clock_gettime(CLOCK_REALTIME, ts);
	return (double)ts->tv_sec + (double)(ts->tv_nsec / 1000000) / 1000;
}

/* The common part; what happened to what follows. */
static json_t *json_event(const char *event)
{
	json_t *object = json_object();
	struct timespec ts;

	json_add(object, "event", json_string(event));
	json_add(object, "time", json_real(now(&ts)));
	return object;
}

static void json_merge(json_t *object, json_t *more)
{
	if (json_object_update(object, more))
		fail("out of memory");
	json_decref(more);
}

static void json_mapping_event(bool ended, const struct natpunch_mapping *m)
{
	json_t *object = json_event(ended ? "ended" : "new");

	json_merge(object, json_mapping(m));
	if (m->fields & NATPUNCH_HAS(MAPPING_REASON))
		json_add(object, "reason",
			 json_string(format_reason(m->reason)));
	json_line(object);
}

static void json_hold_event(enum natpunch_event_type type,
			    const struct natpunch_hold *hold)
{
	json_t *object;

	object = json_event(type == NATPUNCH_EVENT_HOLD_NEW ? "hold_new" :
			    type == NATPUNCH_EVENT_HOLD_ENDED ? "hold_ended" :
								"hold_swallowed");
	json_merge(object, json_hold(hold));
	if (hold->fields & NATPUNCH_HAS(HOLD_END))
		json_add(object, "end",
			 json_string(format_hold_end(hold->end)));
	json_line(object);
}

static void json_upstream_event(const struct natpunch_upstream *upstream)
{
	json_t *object = json_event("upstream");

	json_merge(object, json_upstream(upstream));
	json_line(object);
}

static void json_crafted_event(const struct natpunch_crafted *rst)
{
	json_t *object = json_event("crafted_rst");

	json_add(object, "id", json_integer(rst->id));
	json_add(object, "local_addr", json_addr(&rst->local_addr));
	json_add(object, "local_port", json_integer(rst->local_port_min));
	json_add(object, "remote_addr", json_addr(&rst->remote_addr));
	json_add(object, "remote_port", json_integer(rst->remote_port));
	json_line(object);
}

static void print_time(void)
{
	struct timespec ts;
	struct tm tm;
	char buf[16];

	now(&ts);
	if (!localtime_r(&ts.tv_sec, &tm) ||
	    !strftime(buf, sizeof(buf), "%T", &tm))
		return;
	printf("%s.%03ld ", buf, ts.tv_nsec / 1000000);
}

static void print_mapping(const struct monitor *mon, bool ended,
			  const struct natpunch_mapping *m)
{
	char proto[PROTO_SIZE], in[ENDPOINT_SIZE], out[ENDPOINT_SIZE];
	const struct ctl *ctl = mon->ctl;
	char age[DURATION_SIZE];

	if (mon->timestamp)
		print_time();
	printf("%s %-6s %s%s%s -> %s%s%s wan %s", ended ? "ended" : "new  ",
	       format_proto(proto, m->l4proto), paint(ctl, PAINT_IN),
	       format_endpoint(in, &m->int_addr, m->int_port), unpaint(ctl),
	       paint(ctl, PAINT_OUT),
	       format_endpoint(out, &m->ext_addr, m->ext_port), unpaint(ctl),
	       m->wan);
	if (m->zone)
		printf(" zone %u", m->zone);
	if (ended)
		printf(" after %s: %s", format_duration(age, m->age),
		       format_reason(m->reason));
	else
		printf(" filter %s", format_filter(m->filter));
	puts(m->reserved ? " reserved" : "");
	fflush(stdout);
}

static const char *hold_word(enum natpunch_event_type type,
			     const struct natpunch_hold *hold)
{
	if (type == NATPUNCH_EVENT_HOLD_SWALLOWED)
		return "swallowed";
	if (type == NATPUNCH_EVENT_HOLD_ENDED)
		return format_hold_end(hold->end);
	return format_hold_state(hold->state);
}

static void print_hold(const struct monitor *mon, enum natpunch_event_type type,
		       const struct natpunch_hold *hold)
{
	char out[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	const struct ctl *ctl = mon->ctl;

	if (mon->timestamp)
		print_time();
	printf("syn   %-6s %s -> %s%s%s", "tcp",
	       format_endpoint(remote, &hold->remote_addr, hold->remote_port),
	       paint(ctl, PAINT_OUT),
	       format_endpoint(out, &hold->ext_addr, hold->ext_port),
	       unpaint(ctl));
	if (hold->fields & NATPUNCH_HAS(HOLD_WAN))
		printf(" wan %s", hold->wan);
	printf(" %s\n", hold_word(type, hold));
	fflush(stdout);
}

static void print_upstream(const struct monitor *mon,
			   const struct natpunch_upstream *u)
{
	bool known = u->fields & NATPUNCH_HAS(UPSTREAM_MAPPED_ADDR);
	char addr[ADDR_SIZE], mapped[ADDR_SIZE];
	char proto[PROTO_SIZE], alloc[ALLOC_SIZE];
	const struct ctl *ctl = mon->ctl;

	if (mon->timestamp)
		print_time();
	printf("above %-6s %s%s%s -> %s%s%s wan %s mapping %s ports %s: %s\n",
	       format_proto(proto, u->l4proto), paint(ctl, PAINT_IN),
	       format_addr(addr, &u->addr), unpaint(ctl),
	       paint(ctl, PAINT_OUT),
	       known ? format_addr(mapped, &u->mapped_addr) : "-",
	       unpaint(ctl), u->wan, format_upstream_mapping(u->mapping),
	       format_alloc(alloc, u), format_upstream_certainty(u->certainty));
	fflush(stdout);
}

static void print_crafted(const struct monitor *mon,
			  const struct natpunch_crafted *rst)
{
	char local[ENDPOINT_SIZE], remote[ENDPOINT_SIZE];
	const struct ctl *ctl = mon->ctl;

	if (mon->timestamp)
		print_time();
	printf("rst   %-6s %s%s%s -> %s flow %u dropped\n", "tcp",
	       paint(ctl, PAINT_IN),
	       format_endpoint(local, &rst->local_addr, rst->local_port_min),
	       unpaint(ctl),
	       format_endpoint(remote, &rst->remote_addr, rst->remote_port),
	       rst->id);
	fflush(stdout);
}

static int take_event(const struct natpunch_event *event, void *data)
{
	bool ended = event->type == NATPUNCH_EVENT_ENDED;
	const struct monitor *mon = data;

	if (event->crafted && mon->ctl->json)
		json_crafted_event(event->crafted);
	else if (event->crafted)
		print_crafted(mon, event->crafted);
	else if (event->upstream && mon->ctl->json)
		json_upstream_event(event->upstream);
	else if (event->upstream)
		print_upstream(mon, event->upstream);
	else if (event->hold && mon->ctl->json)
		json_hold_event(event->type, event->hold);
	else if (event->hold)
		print_hold(mon, event->type, event->hold);
	else if (mon->ctl->json)
		json_mapping_event(ended, event->mapping);
	else
		print_mapping(mon, ended, event->mapping);
	/* Nobody reads any more. */
	return ferror(stdout) ? 1 : 0;
}

static int take_events(struct ctl *ctl, struct monitor *mon)
{
	int err = natpunch_events_recv(ctl->np, take_event, mon);

	if (err == -ENOBUFS && ctl->json)
		json_line(json_event("lost"));
	else if (err == -ENOBUFS)
		warn("events were lost: see 'natpunchctl mapping show', 'hold show', 'upstream show'");
	else if (err < 0 && err != -EAGAIN && err != -EINTR)
		fail_kernel(ctl, err);
	return err > 0;
}

/* The signals come in during ppoll() only, so none is overlooked. */
static int watch(struct ctl *ctl, struct monitor *mon)
{
	struct sigaction sa = { .sa_handler = stop };
	struct pollfd fd = { .events = POLLIN };
	sigset_t ours, before;

	fd.fd = natpunch_events_fd(ctl->np);
	fcntl(fd.fd, F_SETFL, fcntl(fd.fd, F_GETFL) | O_NONBLOCK);
	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigprocmask(SIG_BLOCK, &ours, &before);
	sigdelset(&before, SIGINT);
	sigdelset(&before, SIGTERM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	while (!stopped) {
		if (ppoll(&fd, 1, NULL, &before) > 0 && take_events(ctl, mon))
			return 1;
	}
	return 0;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct monitor mon = { .ctl = ctl };
	int err;

	while (next_option(ctl, argc, argv) == 't')
		mon.timestamp = true;
	no_more_arguments(ctl, argc, argv);
	open_natpunch(ctl);
	err = natpunch_events_open(ctl->np);
	if (err)
		fail_kernel(ctl, err);
	return watch(ctl, &mon);
}

const struct verb monitor_run = {
	.name = "monitor",
	.args = "[OPTION]...",
	.summary = "print mappings, held SYNs, upstreams and dropped RSTs, until SIGINT",
	.notes =
"A mapping ends because it was idle or flushed, or because its address, its WAN\n"
"or its reservation went away. A SYN is parked (sent on inwards, with a copy\n"
"kept) or held; then released as ours left, expired, evicted or flushed.\n"
"Swallowed: an answer to it was kept from leaving. Above: what is thought of the\n"
"NATs in front of an external address has changed. Rst: the kernel's RST for a\n"
"crafted flow was dropped. With -j: one object a line; an event 'lost' says that\n"
"some came too fast to be read.\n",
	.options = options,
	.run = run,
};
