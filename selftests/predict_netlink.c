// SPDX-License-Identifier: GPL-2.0
/*
 * Questions about the next flow, and samples that programs tell, over libnatpunch:
 * what our own NAT promises is what the packet gets.
 *
 * The gateway is GA of the lab. What is wrong in a request is netlink_errors', who
 * may send it netlink_access' part.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <natpunch.h>

#include "lab/behave.h"

#define RING	32	/* samples that are remembered */

/* One for all; the namespace is there when the first row is measured. */
static struct natpunch *handle(void)
{
	static struct natpunch *np;
	int err = np ? 0 : natpunch_open_netns(&np, node_name(GA));

	if (err)
		ktap_bail("natpunch_open: %s", natpunch_strerror(NULL, err));
	return np;
}

static struct natpunch_addr address(struct ep e)
{
	struct natpunch_addr a;

	memset(&a, 0, sizeof(a));
	a.family = e.sa.sa_family;
	memcpy(&a.in6, ep_addr(&e), a.family == AF_INET ? 4 : 16);
	return a;
}

static struct ep endpoint(const struct natpunch_addr *a, uint16_t port)
{
	return ep_make(a->family, &a->in6, port);
}

/* The question for a flow from @from to @to. */
static struct natpunch_prediction question(int protocol, struct ep from,
					   struct ep to)
{
	struct natpunch_prediction q;

	memset(&q, 0, sizeof(q));
	q.fields = NATPUNCH_HAS(PREDICT_L4PROTO) |
		   NATPUNCH_HAS(PREDICT_INT_ADDR) |
		   NATPUNCH_HAS(PREDICT_INT_PORT) |
		   NATPUNCH_HAS(PREDICT_DEST_ADDR) |
		   NATPUNCH_HAS(PREDICT_DEST_PORT);
	q.l4proto = (uint8_t)protocol;
	q.int_addr = address(from);
	q.int_port = (uint16_t)ep_port(from);
	q.dest_addr = address(to);
	q.dest_port = (uint16_t)ep_port(to);
	return q;
}

/* Ask, or bail out; the answer replaces the question. */
static struct ep predicted(struct natpunch_prediction *q)
{
	int err = natpunch_predict(handle(), q, q);

	if (err)
		ktap_bail("predict: %s", natpunch_strerror(handle(), err));
	return endpoint(&q->ext_addr, q->ext_port);
}

static struct ep predict(int protocol, struct ep from, struct ep to)
{
	struct natpunch_prediction q = question(protocol, from, to);

	return predicted(&q);
}

static int count_reservation(const struct natpunch_reservation *r, void *data)
{
	(void)r;
	++*(unsigned int *)data;
	return 0;
}

static unsigned int reservations(void)
{
	unsigned int n = 0;

	natpunch_reservation_dump(handle(), count_reservation, &n);
	return n;
}

static struct natpunch_upstream upstream(int protocol)
{
	struct natpunch_upstream u;
	int err;

	memset(&u, 0, sizeof(u));
	u.fields = NATPUNCH_HAS(UPSTREAM_ADDR) | NATPUNCH_HAS(UPSTREAM_L4PROTO);
	u.addr = address(wan(GA, 0));
	u.l4proto = (uint8_t)protocol;
	err = natpunch_upstream_get(handle(), &u, &u);
	if (err)
		ktap_bail("upstream: %s", natpunch_strerror(handle(), err));
	return u;
}

static int tell(int protocol, struct ep from, struct ep to, struct ep mapped)
{
	struct natpunch_sample s;

	memset(&s, 0, sizeof(s));
	s.fields = NATPUNCH_HAS(SAMPLE_L4PROTO) | NATPUNCH_HAS(SAMPLE_INT_ADDR) |
		   NATPUNCH_HAS(SAMPLE_INT_PORT) |
		   NATPUNCH_HAS(SAMPLE_DEST_ADDR) |
		   NATPUNCH_HAS(SAMPLE_DEST_PORT) |
		   NATPUNCH_HAS(SAMPLE_MAPPED_ADDR) |
		   NATPUNCH_HAS(SAMPLE_MAPPED_PORT);
	s.l4proto = (uint8_t)protocol;
	s.int_addr = address(from);
	s.int_port = (uint16_t)ep_port(from);
	s.dest_addr = address(to);
	s.dest_port = (uint16_t)ep_port(to);
	s.mapped_addr = address(mapped);
	s.mapped_port = (uint16_t)ep_port(mapped);
	return natpunch_upstream_sample(handle(), &s);
}

static struct ep above(unsigned int port)
{
	return ep(lab_family() == AF_INET6 ? "2001:db8:5::77" : "192.0.2.77",
		  port);
}

/*
 * Our own NAT
 */

static struct seen promise_is_kept(const struct row *row)
{
	struct ep want, got;

	want = predict(row->protocol, host(A, 5000), server(1, 7000));
	got = external(row->protocol, A, 5000, server(1, 7000));
	return seen(ep_eq(want, got), "promised %s, got %s", ep_str(want),
		    ep_str(got));
}

/* The neighbour has the port that the packet would like. */
static struct seen promise_beside_a_neighbour(const struct row *row)
{
	struct ep taken, want, other, got;

	taken = external(row->protocol, A2, 5000, server(1, 7000));
	want = predict(row->protocol, host(A, 5000), server(1, 7000));
	/* It is promised: nobody else gets it. */
	other = external(row->protocol, A2, ep_port(want), server(1, 7000));
	got = external(row->protocol, A, 5000, server(2, 7001));
	return seen(!ep_eq(want, taken) && ep_eq(want, got) &&
		    !ep_eq(other, want), "promised %s, got %s, neighbour %s",
		    ep_str(want), ep_str(got), ep_str(other));
}

static struct seen mapping_needs_no_promise(const struct row *row)
{
	struct natpunch_prediction q;
	struct ep has, want;

	has = external(row->protocol, A, 5000, server(1, 7000));
	q = question(row->protocol, host(A, 5000), server(2, 7000));
	want = predicted(&q);
	return seen(ep_eq(has, want) && !reservations() &&
		    !(q.fields & NATPUNCH_HAS(PREDICT_LIFETIME)),
		    "has %s, told %s, %u reservations", ep_str(has),
		    ep_str(want), reservations());
}

static struct seen promise_ends(const struct row *row)
{
	struct natpunch_prediction q;
	unsigned int before;
	uint32_t lifetime;

	q = question(row->protocol, host(A, 5000), server(1, 7000));
	q.fields |= NATPUNCH_HAS(PREDICT_LIFETIME);
	q.lifetime = 30;
	predicted(&q);
	lifetime = q.fields & NATPUNCH_HAS(PREDICT_LIFETIME) ? q.lifetime : 0;
	before = reservations();
	sleep_s(40);
	return seen(lifetime == 30 && before == 1 && !reservations(),
		    "%u s, %u reservations, then %u", lifetime, before,
		    reservations());
}

/* The router's own flows are not translated. */
static struct seen own_endpoint_is_itself(const struct row *row)
{
	struct ep want = predict(row->protocol, wan(GA, 5000), server(1, 7000));

	return seen(ep_eq(want, wan(GA, 5000)) && !reservations(), "%s",
		    ep_str(want));
}

static struct seen nothing_is_known(const struct row *row)
{
	struct natpunch_prediction q;

	q = question(row->protocol, host(A, 5000), server(1, 7000));
	predicted(&q);
	return seen(!q.n_guess && !q.samples && !q.p &&
		    q.advice == NATPUNCH_PREDICT_ADVICE_NONE &&
		    q.certainty == NATPUNCH_UPSTREAM_CERTAINTY_NOTHING &&
		    q.want & NATPUNCH_UPSTREAM_WANT_MORE,
		    "%u ports, advice %s, %s", q.n_guess,
		    natpunch_predict_advice_name(q.advice),
		    natpunch_upstream_certainty_name(q.certainty));
}

static struct seen no_address_no_promise(const struct row *row)
{
	struct natpunch_prediction q;
	int err;

	must(GA, "ip addr flush dev wan scope global");
	sleep_s(2);
	q = question(row->protocol, host(A, 5000), server(1, 7000));
	err = natpunch_predict(handle(), &q, &q);
	must(GA, "ip addr add 203.0.113.2/24 dev wan;"
	     "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan;"
	     "ip addr add 2001:db8:a::2/64 dev wan nodad;"
	     "ip route replace default via 203.0.113.1;"
	     "ip -6 route replace default via 2001:db8:a::1");
	sleep_s(2);
	return seen(err == -EADDRNOTAVAIL, "%s, %u reservations",
		    strerror(-err), reservations());
}

/*
 * Samples that are told
 */

static struct seen samples_are_learned(const struct row *row)
{
	struct natpunch_upstream u, other;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 3 && !err; i++)
		err = tell(row->protocol, wan(GA, 6000 + i), server(1, 3478),
			   above(20000 + i));
	u = upstream(row->protocol);
	other = upstream(row->protocol == IPPROTO_UDP ? IPPROTO_TCP :
							IPPROTO_UDP);
	return seen(!err && u.samples == 3 && !other.samples &&
		    ep_same_addr(endpoint(&u.mapped_addr, 0), above(0)),
		    "%u samples of it, %u of the other protocol, %s",
		    u.samples, other.samples, strerror(-err));
}

static struct seen ring_is_bounded(const struct row *row)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < 3 * RING && !err; i++)
		err = tell(row->protocol, wan(GA, 6000 + i), server(1, 3478),
			   above(20000 + i));
	return seen(!err && upstream(row->protocol).samples == RING,
		    "%u samples, %s", upstream(row->protocol).samples,
		    strerror(-err));
}

/* An internal endpoint stands for its mapping's external one. */
static struct seen internal_endpoint_is_understood(const struct row *row)
{
	struct ep ext;
	int err, unmapped;

	external(row->protocol, A2, 5000, server(1, 7000));
	ext = external(row->protocol, A, 5000, server(1, 7000));
	err = tell(row->protocol, host(A, 5000), server(1, 7000), above(20000));
	/* The same sample again is none. */
	err = err ? err : tell(row->protocol, ext, server(1, 7000),
			       above(20000));
	unmapped = tell(row->protocol, host(A, 5999), server(1, 7000),
			above(20001));
	return seen(!err && upstream(row->protocol).samples == 1 &&
		    unmapped == -ENOENT, "%u samples, unmapped: %s",
		    upstream(row->protocol).samples, strerror(-unmapped));
}

static struct seen wan_del_forgets(const struct row *row)
{
	tell(row->protocol, wan(GA, 6000), server(1, 3478), above(20000));
	natpunchctl("wan del wan");
	natpunchctl("wan add wan");
	return seen(!upstream(row->protocol).samples, "%u samples",
		    upstream(row->protocol).samples);
}

/*
 * An upstream with address and port-dependent mapping that counts upwards: what the
 * LAN makes in the meantime moves the next port on. The samples are told, the flows
 * are real.
 */
static struct seen lan_flows_move_the_port(const struct row *row)
{
	struct natpunch_prediction q;
	unsigned int port = 30000;
	int i, err = 0;

	for (i = 0; i < 6 && !err; i++, port++) {
		/* Each is a flow of its own, and the upstream's next port. */
		external(row->protocol, A, 5000, server(1 + i % 2, 7000 + i));
		err = tell(row->protocol, host(A, 5000),
			   server(1 + i % 2, 7000 + i), above(port));
	}
	/* Neighbours take three ports. */
	for (i = 0; i < 3; i++, port++)
		external(row->protocol, A2, 6000 + i, server(2, 7000));
	q = question(row->protocol, host(A, 5000), server(1, 7777));
	predicted(&q);
	return seen(!err && q.mapping == NATPUNCH_UPSTREAM_MAPPING_APD &&
		    q.alloc == NATPUNCH_UPSTREAM_ALLOC_STEP && q.n_guess &&
		    q.guess[0].port == port,
		    "mapping %s, ports %s, next %u of %u, not %u",
		    natpunch_upstream_mapping_name(q.mapping),
		    natpunch_upstream_alloc_name(q.alloc),
		    q.n_guess ? q.guess[0].port : 0, q.n_guess, port);
}

/* What the upstream keeps, it gives again. */
static struct seen known_mapping_is_told(const struct row *row)
{
	struct natpunch_prediction q;
	unsigned int i;

	external(row->protocol, A, 5000, server(1, 7000));
	for (i = 0; i < 4; i++)
		tell(row->protocol, host(A, 5000),
		     server(1 + (int)i % 2, 7000 + i / 2), above(30000));
	q = question(row->protocol, host(A, 5000), server(2, 7777));
	predicted(&q);
	return seen(q.mapping == NATPUNCH_UPSTREAM_MAPPING_EI && q.known &&
		    q.n_guess && q.guess[0].port == 30000 &&
		    ep_same_addr(endpoint(&q.mapped_addr, 0), above(0)),
		    "mapping %s, %s, next %u",
		    natpunch_upstream_mapping_name(q.mapping),
		    q.known ? "known" : "new",
		    q.n_guess ? q.guess[0].port : 0);
}

static int by_port(const void *a, const void *b)
{
	return ((const struct natpunch_guess *)a)->port -
	       ((const struct natpunch_guess *)b)->port;
}

/* The kernel tells them in runs; here each stands for itself, and but once. */
static struct seen many_ports_are_listed(const struct row *row)
{
	static const unsigned int mapped[] = {
		2050, 62500, 22101, 42555, 12333, 52200, 32411, 2071, 18290,
		58499, 36160, 8390,
	};
	unsigned int i, n = NATPUNCH_MAX_GUESSES, fell = 0, twice = 0;
	struct natpunch_prediction q;
	uint32_t last;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(mapped) && !err; i++)
		err = tell(row->protocol, wan(GA, 5000 + i / 6),
			   server(1 + (int)i % 2, 7000 + i / 2 % 3),
			   above(mapped[i]));
	q = question(row->protocol, wan(GA, 5999), server(1, 7777));
	q.fields |= NATPUNCH_HAS(PREDICT_PORTS) | NATPUNCH_HAS(PREDICT_FLOWS);
	q.flows = 256;
	q.ports = n;
	predicted(&q);
	for (i = 1; i < q.n_guess; i++)
		fell += q.guess[i].sum < q.guess[i - 1].sum;
	last = q.n_guess ? q.guess[q.n_guess - 1].sum : 0;
	qsort(q.guess, q.n_guess, sizeof(*q.guess), by_port);
	for (i = 1; i < q.n_guess; i++)
		twice += q.guess[i].port == q.guess[i - 1].port;
	return seen(!err && q.n_guess > n - 32 && q.n_guess <= n && !twice &&
		    !fell && last == q.p &&
		    q.p > NATPUNCH_PROBABILITY_ONE / 100 * 97,
		    "%s, %u ports, %u twice, %u times less, p %.3f",
		    natpunch_upstream_alloc_name(q.alloc), q.n_guess, twice,
		    fell, (double)q.p / NATPUNCH_PROBABILITY_ONE);
}

/*
 * Events
 */

struct heard {
	unsigned int n;
	struct natpunch_upstream last;
};

static int hear(const struct natpunch_event *event, void *data)
{
	struct heard *h = data;

	if (event->type != NATPUNCH_EVENT_UPSTREAM)
		return 0;
	h->n++;
	h->last = *event->upstream;
	return 0;
}

static struct heard listen_ms(int ms)
{
	struct pollfd fd = { .fd = natpunch_events_fd(handle()), .events = POLLIN };
	unsigned long end = now_ms() + (unsigned long)ms, now;
	struct heard h = { .n = 0 };

	for (now = now_ms(); now < end; now = now_ms())
		if (poll(&fd, 1, (int)(end - now)) > 0)
			natpunch_events_recv(handle(), hear, &h);
	return h;
}

static struct seen change_is_told(const struct row *row)
{
	struct heard first, again;

	natpunch_events_open(handle());
	tell(row->protocol, wan(GA, 6000), server(1, 3478), above(20000));
	first = listen_ms(500);
	tell(row->protocol, wan(GA, 6000), server(1, 3478), above(20000));
	again = listen_ms(500);
	natpunch_events_close(handle());
	return seen(first.n == 1 && first.last.samples == 1 &&
		    first.last.l4proto == row->protocol && !again.n,
		    "%u events, then %u", first.n, again.n);
}

static struct seen monitor_prints_it(const struct row *row)
{
	struct job job = job_start(GA, "exec natpunchctl monitor");
	char line[200];
	bool said;

	snprintf(line, sizeof(line), "above %-6s %s -> %s wan wan mapping",
		 row->protocol == IPPROTO_TCP ? "tcp" : "udp",
		 ep_addr_str(wan(GA, 0)), ep_addr_str(above(0)));
	sleep_ms(500);
	tell(row->protocol, wan(GA, 6000), server(1, 3478), above(20000));
	said = job_wait_for(&job, line, 5000);
	job_stop(&job);
	return seen(said, "%.150s", job_output(&job));
}

static const struct row rows[] = {
	{ .name = "UDP: a promise is kept", .measure = promise_is_kept,
	  .protocol = IPPROTO_UDP, .families = BOTH },
	{ .name = "TCP: a promise is kept", .measure = promise_is_kept,
	  .protocol = IPPROTO_TCP, .families = BOTH },
	{ .name = "UDP: a promise beside a neighbour",
	  .measure = promise_beside_a_neighbour, .protocol = IPPROTO_UDP },
	{ .name = "TCP: a promise beside a neighbour",
	  .measure = promise_beside_a_neighbour, .protocol = IPPROTO_TCP },
	{ .name = "UDP: a mapping needs no promise",
	  .measure = mapping_needs_no_promise, .protocol = IPPROTO_UDP },
	{ .name = "TCP: a mapping needs no promise",
	  .measure = mapping_needs_no_promise, .protocol = IPPROTO_TCP },
	{ .name = "a promise ends", .measure = promise_ends,
	  .protocol = IPPROTO_UDP },
	{ .name = "UDP: the router's own endpoint",
	  .measure = own_endpoint_is_itself, .protocol = IPPROTO_UDP },
	{ .name = "TCP: the router's own endpoint",
	  .measure = own_endpoint_is_itself, .protocol = IPPROTO_TCP },
	{ .name = "UDP: nothing is known above",
	  .measure = nothing_is_known, .protocol = IPPROTO_UDP },
	{ .name = "TCP: nothing is known above",
	  .measure = nothing_is_known, .protocol = IPPROTO_TCP },
	{ .name = "no address, no promise", .measure = no_address_no_promise,
	  .protocol = IPPROTO_UDP },
	{ .name = "UDP: samples are learned", .measure = samples_are_learned,
	  .protocol = IPPROTO_UDP, .families = BOTH },
	{ .name = "TCP: samples are learned", .measure = samples_are_learned,
	  .protocol = IPPROTO_TCP },
	{ .name = "the ring is bounded", .measure = ring_is_bounded,
	  .protocol = IPPROTO_UDP },
	{ .name = "UDP: an internal endpoint is understood",
	  .measure = internal_endpoint_is_understood, .protocol = IPPROTO_UDP },
	{ .name = "TCP: an internal endpoint is understood",
	  .measure = internal_endpoint_is_understood, .protocol = IPPROTO_TCP },
	{ .name = "UDP: the LAN's flows move the next port",
	  .measure = lan_flows_move_the_port, .protocol = IPPROTO_UDP,
	  .families = BOTH },
	{ .name = "TCP: the LAN's flows move the next port",
	  .measure = lan_flows_move_the_port, .protocol = IPPROTO_TCP },
	{ .name = "UDP: the upstream's mapping is used again",
	  .measure = known_mapping_is_told, .protocol = IPPROTO_UDP },
	{ .name = "as many ports are listed as are wanted",
	  .measure = many_ports_are_listed, .protocol = IPPROTO_UDP },
	{ .name = "the end of the WAN forgets", .measure = wan_del_forgets,
	  .protocol = IPPROTO_UDP },
	{ .name = "a change is told once", .measure = change_is_told,
	  .protocol = IPPROTO_UDP },
	{ .name = "monitor prints it", .measure = monitor_prints_it,
	  .protocol = IPPROTO_UDP },
};

ROWS_MAIN(rows)
