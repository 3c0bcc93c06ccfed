// SPDX-License-Identifier: GPL-2.0
/* Our nftables table, through libnftables; see table.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "natpunchd.h"
#include "queue.h"
#include "table.h"
#include "tun.h"

#define FLOW	"meta l4proto . ip saddr . th sport . ip daddr . th dport"
#define FLOW_TYPE \
	"inet_proto . ipv4_addr . inet_service . ipv4_addr . inet_service"
#define STR(x)	STR_(x)
#define STR_(x)	#x
#define QUEUE	"queue flags bypass to " STR(TABLE_QUEUE) "\n"

#define LOOK_S	20		/* at all packets, after the last need of it */
#define AGAIN_S	1		/* ... and more, if packets wait in a queue */

struct table {
	struct nft_ctx *nft;
	struct event *timer;
	int queues;			/* the daemon's */
	bool looks;			/* check and watch-in are there */
	uint64_t until_ms;		/* clock_ms() */
	char error[256];
};

/*
 * After conntrack: an answer that conntrack knows the question of is none of
 * ours. What a service says to a SYN that we crafted is.
 */
#define WATCH \
	"		ct state invalid,untracked meta mark != " STR(TABLE_MARK) \
	" ip saddr . tcp sport . ip daddr . tcp dport @watch" \
	" tcp flags & (syn | rst | ack) != syn queue to " STR(TABLE_QUEUE) "\n"
#define EXPECT \
	"		ct state invalid,untracked meta l4proto tcp" \
	" ip saddr . ip daddr @expect" \
	" tcp flags & (syn | rst | ack) != syn " QUEUE

/*
 * Binding requests and their answers (RFC 8489): the magic cookie, and the type
 * without its class. Before conntrack, which is not to hear of our checks.
 */
#define BINDING(set) \
	"		meta l4proto udp @th,96,32 0x2112a442" \
	" @th,64,16 & 0xfeef == 0x0001 " set " " QUEUE

/*
 * Just before the admin's destination NAT and before natpunch's source NAT. The
 * queue is bypassed while no daemon has it: a client is refused then, not kept
 * waiting. A queued packet goes through the same rules again.
 */
static const char ruleset[] =
	"table inet " TABLE_NAME "\n"
	"delete table inet " TABLE_NAME "\n"
	"table inet " TABLE_NAME " {\n"
	"	map to {\n"
	"		type " FLOW_TYPE " : ipv4_addr . inet_service\n"
	"		size 65536\n"
	"		flags timeout\n"
	"	}\n"
	"	map from {\n"
	"		type " FLOW_TYPE " : ipv4_addr . inet_service\n"
	"		size 65536\n"
	"		flags timeout\n"
	"	}\n"
	"	set listen {\n"
	"		type inet_proto . ipv4_addr . inet_service\n"
	"	}\n"
	"	map relay {\n"
	"		type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service\n"
	"	}\n"
	"	set closed {\n"
	"		type " FLOW_TYPE "\n"
	"		size 65536\n"
	"		timeout 1h\n"
	"	}\n"
	"	set check {\n"
	"		type ipv4_addr . inet_service\n"
	"	}\n"
	"	set watch {\n"
	"		type ipv4_addr . inet_service . ipv4_addr . inet_service\n"
	"		size 65536\n"
	"		flags timeout\n"
	"	}\n"
	"	set expect {\n"
	"		type ipv4_addr . ipv4_addr\n"
	"		size 65536\n"
	"		flags timeout\n"
	"	}\n"
	"	chain in {\n"
	"		type nat hook prerouting priority dstnat - 10\n"
	"		" FLOW " @closed meta l4proto tcp reject with tcp reset\n"
	"		" FLOW " @closed drop\n"
	"		dnat ip to " FLOW " map @to\n"
	"		dnat ip to meta l4proto . ip daddr . th dport map @relay\n"
	"		meta l4proto . ip daddr . th dport @listen " QUEUE
	"		meta l4proto tcp ip saddr . ip daddr @expect " QUEUE
	"	}\n"
	"	chain in-local {\n"
	"		type nat hook output priority -110\n"
	"		dnat ip to " FLOW " map @to\n"
	"		dnat ip to meta l4proto . ip daddr . th dport map @relay\n"
	"		meta l4proto . ip daddr . th dport @listen " QUEUE
	"	}\n"
	"	chain out {\n"
	"		type nat hook postrouting priority srcnat - 10\n"
	"		snat ip to " FLOW " map @from\n"
	"		ip saddr " TUN_NET " masquerade\n"
	"		oifname " TUN_NAME " ct status dnat masquerade\n"
	"	}\n"
	"	chain crafted {\n"
	"		type filter hook output priority raw\n"
	"		meta mark " STR(TABLE_MARK) " notrack\n"
	"	}\n"
	"	chain watch-local {\n"
	"		type filter hook output priority -190\n"
	WATCH
	"	}\n"
	"}\n";

/*
 * What every packet that is forwarded meets, but only while somebody is looked out
 * for: what is none of theirs is let go at once. (A datagram that is too short for a
 * cookie is not, but then no rule with a cookie takes it.)
 */
static const char looking[] =
	"table inet " TABLE_NAME " {\n"
	"	chain check {\n"
	"		type filter hook prerouting priority raw\n"
	"		meta l4proto != udp accept\n"
	"		@th,96,32 != 0x2112a442 accept\n"
	BINDING("ip daddr . udp dport @check")
	BINDING("ip saddr . ip daddr @expect")
	"	}\n"
	"	chain watch-in {\n"
	"		type filter hook prerouting priority -190\n"
	"		ct state established,related,new accept\n"
	WATCH
	EXPECT
	"	}\n"
	"}\n";

static const char not_looking[] =
	"flush chain inet " TABLE_NAME " check\n"
	"delete chain inet " TABLE_NAME " check\n"
	"flush chain inet " TABLE_NAME " watch-in\n"
	"delete chain inet " TABLE_NAME " watch-in\n";

static int run(struct table *t, const char *text)
{
	const char *said;

	if (!nft_run_cmd_from_buffer(t->nft, text))
		return 0;
	said = nft_ctx_get_error_buffer(t->nft);
	snprintf(t->error, sizeof(t->error), "%.*s",
		 (int)strcspn(said, "\n"), said);
	return -EIO;
}

static int runf(struct table *t, const char *fmt, ...) __printf(2, 3);

static int runf(struct table *t, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return run(t, text);
}

/* --- looking at all packets ------------------------------------------------ */

/*
 * A hook that goes takes all packets with it that wait in a queue of this network
 * namespace, whosoever they are. (One that comes is met by those that wait, if they
 * have passed its place: that does no harm.)
 */
static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct timeval again = { .tv_sec = AGAIN_S };
	struct table *t = data;
	uint64_t now = clock_ms(), left;

	(void)fd;
	(void)what;
	if (now < t->until_ms) {
		left = t->until_ms - now;
		again.tv_sec = (time_t)(left / 1000);
		again.tv_usec = (suseconds_t)(left % 1000 * 1000);
	} else if (queues_are_empty(t->queues)) {
		t->looks = run(t, not_looking);
		if (!t->looks)
			return;
		log_debug("nftables: %s", t->error);
	}
	evtimer_add(t->timer, &again);
}

int table_look(struct table *t)
{
	const struct timeval wait = { .tv_sec = LOOK_S };
	int err;

	t->until_ms = clock_ms() + LOOK_S * 1000;
	if (t->looks)
		return 0;
	err = run(t, looking);
	t->looks = !err;
	if (t->looks)
		evtimer_add(t->timer, &wait);
	return err;
}

/* --- the whole ------------------------------------------------------------- */

static void table_free(struct table *t)
{
	if (t->timer)
		event_free(t->timer);
	if (t->nft)
		nft_ctx_free(t->nft);
	free(t);
}

int table_open(struct table **t, struct event_base *base, int queues)
{
	struct table *new = calloc(1, sizeof(*new));
	int err;

	*t = NULL;
	if (!new)
		return -ENOMEM;
	new->timer = evtimer_new(base, on_timer, new);
	new->queues = queues;
	new->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!new->timer || !new->nft || nft_ctx_buffer_error(new->nft) ||
	    nft_ctx_buffer_output(new->nft)) {
		table_free(new);
		return -ENOMEM;
	}
	err = run(new, ruleset);
	*t = new;
	return err;
}

void table_close(struct table *t)
{
	if (!t)
		return;
	run(t, "delete table inet " TABLE_NAME "\n");
	table_free(t);
}

const char *table_error(const struct table *t)
{
	return t ? t->error : "out of memory";
}

/* "192.0.2.1 . 80": as nft wants a part of a key. */
#define PART_SIZE	(INET_ADDRSTRLEN + 12)

static const char *part(char buf[PART_SIZE], const union endpoint *ep)
{
	char addr[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &ep->in.sin_addr, addr, sizeof(addr));
	snprintf(buf, PART_SIZE, "%s . %u", addr, endpoint_port(ep));
	return buf;
}

static bool is_v4(const union endpoint *ep)
{
	return ep->sa.sa_family == AF_INET;
}

static int listen_element(struct table *t, const char *verb, int proto,
			  const union endpoint *ep)
{
	char p[PART_SIZE];

	if (!is_v4(ep))
		return -EAFNOSUPPORT;
	return runf(t, "%s element inet " TABLE_NAME " listen { %d . %s }\n",
		    verb, proto, part(p, ep));
}

int table_listen(struct table *t, int proto, const union endpoint *ep)
{
	return listen_element(t, "add", proto, ep);
}

int table_unlisten(struct table *t, int proto, const union endpoint *ep)
{
	return listen_element(t, "delete", proto, ep);
}

int table_relay(struct table *t, int proto, const union endpoint *ep,
		const union endpoint *to)
{
	char p[PART_SIZE], v[PART_SIZE];

	if (!is_v4(ep) || !is_v4(to))
		return -EAFNOSUPPORT;
	return runf(t, "add element inet " TABLE_NAME
		    " relay { %d . %s : %s }\n", proto, part(p, ep),
		    part(v, to));
}

void table_unrelay(struct table *t, int proto, const union endpoint *ep)
{
	char p[PART_SIZE];

	if (is_v4(ep))
		runf(t, "delete element inet " TABLE_NAME
		     " relay { %d . %s }\n", proto, part(p, ep));
}

#define KEY_SIZE	(2 * PART_SIZE + 16)

static const char *key(char buf[KEY_SIZE], const struct table_flow *flow)
{
	char src[PART_SIZE], dst[PART_SIZE];

	snprintf(buf, KEY_SIZE, "%d . %s . %s", flow->proto,
		 part(src, flow->src), part(dst, flow->dst));
	return buf;
}

/* To add what is there leaves it as it is; so it is added, deleted and added. */
static int map_element(struct table *t, const char *map,
		       const struct table_flow *flow, const union endpoint *to,
		       unsigned int seconds)
{
	char k[KEY_SIZE], v[PART_SIZE], first[KEY_SIZE + 64];

	if (!is_v4(flow->src) || !is_v4(flow->dst) || !is_v4(to))
		return -EAFNOSUPPORT;
	key(k, flow);
	part(v, to);
	snprintf(first, sizeof(first), "delete element inet " TABLE_NAME
		 " %s { %s }\n", map, k);
	run(t, first);
	return runf(t, "add element inet " TABLE_NAME " %s { %s timeout %us : "
		    "%s }\n", map, k, seconds, v);
}

int table_to(struct table *t, const struct table_flow *flow,
	     const union endpoint *to, unsigned int seconds)
{
	return map_element(t, "to", flow, to, seconds);
}

int table_from(struct table *t, const struct table_flow *flow,
	       const union endpoint *from, unsigned int seconds)
{
	return map_element(t, "from", flow, from, seconds);
}

void table_forget(struct table *t, const struct table_flow *flow)
{
	char k[KEY_SIZE];

	if (!is_v4(flow->src) || !is_v4(flow->dst))
		return;
	key(k, flow);
	runf(t, "delete element inet " TABLE_NAME " to { %s }\n", k);
	runf(t, "delete element inet " TABLE_NAME " from { %s }\n", k);
}

int table_ended(struct table *t, const struct table_flow *flow)
{
	char k[KEY_SIZE];

	if (!is_v4(flow->src) || !is_v4(flow->dst))
		return -EAFNOSUPPORT;
	return runf(t, "add element inet " TABLE_NAME " closed { %s }\n",
		    key(k, flow));
}

static int check_element(struct table *t, const char *verb,
			 const union endpoint *ep)
{
	char p[PART_SIZE];

	if (!is_v4(ep))
		return -EAFNOSUPPORT;
	return runf(t, "%s element inet " TABLE_NAME " check { %s }\n", verb,
		    part(p, ep));
}

int table_check(struct table *t, const union endpoint *ep)
{
	return check_element(t, "add", ep);
}

int table_uncheck(struct table *t, const union endpoint *ep)
{
	return check_element(t, "delete", ep);
}

int table_watch(struct table *t, const union endpoint *src,
		const union endpoint *dst, unsigned int seconds)
{
	char s[PART_SIZE], d[PART_SIZE];
	int err;

	if (!is_v4(src) || !is_v4(dst))
		return -EAFNOSUPPORT;
	err = table_look(t);
	if (err)
		return err;
	return runf(t, "add element inet " TABLE_NAME
		    " watch { %s . %s timeout %us }\n", part(s, src),
		    part(d, dst), seconds);
}

void table_unwatch(struct table *t, const union endpoint *src,
		   const union endpoint *dst)
{
	char s[PART_SIZE], d[PART_SIZE];

	runf(t, "delete element inet " TABLE_NAME " watch { %s . %s }\n",
	     part(s, src), part(d, dst));
}

/* Like map_element(): so that it lasts from now on. */
int table_expect(struct table *t, const union endpoint *src,
		 const union endpoint *dst, unsigned int seconds)
{
	char s[INET_ADDRSTRLEN], d[INET_ADDRSTRLEN];
	char first[128];
	int err;

	if (!is_v4(src) || !is_v4(dst))
		return -EAFNOSUPPORT;
	err = table_look(t);
	if (err)
		return err;
	inet_ntop(AF_INET, &src->in.sin_addr, s, sizeof(s));
	inet_ntop(AF_INET, &dst->in.sin_addr, d, sizeof(d));
	snprintf(first, sizeof(first), "delete element inet " TABLE_NAME
		 " expect { %s . %s }\n", s, d);
	run(t, first);
	return runf(t, "add element inet " TABLE_NAME
		    " expect { %s . %s timeout %us }\n", s, d, seconds);
}
