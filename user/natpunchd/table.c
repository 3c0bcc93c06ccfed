// SPDX-License-Identifier: GPL-2.0
/* Our nftables table, through libnftables; see table.h. */
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

/*
 * Sets and maps are there for either family. @ip: "ip" or "ip6"; those of IPv6 have
 * their number at the end of their names. FLOW_REDIRECTED() is FLOW() before a
 * redirection, which leaves the port as it is.
 */
#define FLOW(ip) \
	"meta l4proto . " ip " saddr . th sport . " ip " daddr . th dport"
#define FLOW_REDIRECTED(ip) \
	"meta l4proto . " ip " saddr . th sport . ct original " ip " daddr . th dport"
#define ADDRESS		"ipv4_addr"
#define ADDRESS6	"ipv6_addr"
#define ENDPOINT(addr)	addr " . inet_service"
#define TO(ip)		"meta l4proto . " ip " daddr . th dport"
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
#define WATCH(ip, n) \
	"		ct state invalid,untracked meta mark != " STR(TABLE_MARK) \
	" " ip " saddr . tcp sport . " ip " daddr . tcp dport @watch" n \
	" tcp flags & (syn | rst | ack) != syn queue to " STR(TABLE_QUEUE) "\n"
#define EXPECT(ip, n) \
	"		ct state invalid,untracked meta l4proto tcp" \
	" " ip " saddr . " ip " daddr @expect" n \
	" tcp flags & (syn | rst | ack) != syn " QUEUE

/*
 * What is said of our packets that died on their way, in the name of the flow that
 * conntrack knows by now (RFC 792, RFC 4443 section 3.3).
 */
#define HUSH(ip, icmp, n) \
	"		" icmp " type time-exceeded ct original protocol" \
	" . ct original " ip " saddr . ct original " ip " daddr" \
	" . ct original proto-dst @hushed" n " drop\n"

/*
 * Binding requests and their answers (RFC 8489): the magic cookie, and the type
 * without its class. Before conntrack, which is not to hear of our checks.
 */
#define BINDING(set) \
	"		meta l4proto udp @th,96,32 0x2112a442" \
	" @th,64,16 & 0xfeef == 0x0001 " set " " QUEUE

#define SETS(addr, n) \
	"	map to" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) " . " \
		ENDPOINT(addr) " : " ENDPOINT(addr) "\n" \
	"		size 65536\n" \
	"		flags timeout\n" \
	"	}\n" \
	"	map from" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) " . " \
		ENDPOINT(addr) " : " ENDPOINT(addr) "\n" \
	"		size 65536\n" \
	"		flags timeout\n" \
	"	}\n" \
	"	set listen" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) "\n" \
	"	}\n" \
	"	map relay" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) " : " \
		ENDPOINT(addr) "\n" \
	"	}\n" \
	"	set own" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) "\n" \
	"	}\n" \
	"	set closed" n " {\n" \
	"		type inet_proto . " ENDPOINT(addr) " . " \
		ENDPOINT(addr) "\n" \
	"		size 65536\n" \
	"		timeout 1h\n" \
	"	}\n" \
	"	set hushed" n " {\n" \
	"		type inet_proto . " addr " . " ENDPOINT(addr) "\n" \
	"		size 65536\n" \
	"		flags timeout\n" \
	"	}\n" \
	"	set check" n " {\n" \
	"		type " ENDPOINT(addr) "\n" \
	"	}\n" \
	"	set watch" n " {\n" \
	"		type " ENDPOINT(addr) " . " ENDPOINT(addr) "\n" \
	"		size 65536\n" \
	"		flags timeout\n" \
	"	}\n" \
	"	set expect" n " {\n" \
	"		type " addr " . " addr "\n" \
	"		size 65536\n" \
	"		flags timeout\n" \
	"	}\n"

/*
 * What is refused on its way in is sent to the router itself here, and refused
 * there. A NAT chain may not do that to an IPv6 packet: Linux 6.1 looks at the
 * address of what it has freed. And what is forwarded need not pass another chain.
 * The rules for endpoints of the router's own need but keep out all other
 * destination NAT.
 */
#define IN(ip, n) \
	"		" FLOW(ip) " @closed" n " redirect\n" \
	"		dnat " ip " to " FLOW(ip) " map @to" n "\n" \
	"		meta l4proto tcp " ip " saddr . " ip " daddr @expect" \
		n " " QUEUE \
	"		iifname != " TUN_NAME " " TO(ip) " @own" n \
		" dnat " ip " to " ip " daddr\n" \
	"		dnat " ip " to " TO(ip) " map @relay" n "\n" \
	"		" TO(ip) " @listen" n " " QUEUE

#define REFUSE_CLOSED(flow, n) \
	"		" flow " @closed" n \
		" meta l4proto tcp reject with tcp reset\n" \
	"		" flow " @closed" n " drop\n"

#define REFUSE_OWN(ip, n) \
	"		iifname != " TUN_NAME " " TO(ip) " @own" n \
		" jump strangers" n "\n"

/* Those that are expected were queued, and we have let them go. */
#define STRANGERS(ip, n) \
	"	chain strangers" n " {\n" \
	"		meta l4proto tcp " ip " saddr . " ip " daddr @expect" \
		n " return\n" \
	"		drop\n" \
	"	}\n"

#define IN_LOCAL(ip, n) \
	REFUSE_CLOSED(FLOW(ip), n) \
	"		dnat " ip " to " FLOW(ip) " map @to" n "\n" \
	"		dnat " ip " to " TO(ip) " map @relay" n "\n" \
	"		" TO(ip) " @listen" n " " QUEUE

/*
 * Just before the admin's destination NAT and before natpunch's source NAT. The
 * queue is bypassed while no daemon has it: a client is refused then, not kept
 * waiting. A queued packet goes through the same rules again. Refused is what NAT
 * sees: first packets of flows.
 */
static const char ruleset[] =
	"table inet " TABLE_NAME "\n"
	"delete table inet " TABLE_NAME "\n"
	"table inet " TABLE_NAME " {\n"
	SETS(ADDRESS, "")
	SETS(ADDRESS6, "6")
	"	chain in {\n"
	"		type nat hook prerouting priority dstnat - 10\n"
	IN("ip", "")
	IN("ip6", "6")
	"	}\n"
	STRANGERS("ip", "")
	STRANGERS("ip6", "6")
	"	chain refuse {\n"
	"		type filter hook input priority filter - 10\n"
	"		ct state != { new, related } accept\n"
	"		ct status confirmed accept\n"
	REFUSE_CLOSED(FLOW_REDIRECTED("ip"), "")
	REFUSE_CLOSED(FLOW_REDIRECTED("ip6"), "6")
	"		ct status dnat accept\n"
	REFUSE_OWN("ip", "")
	REFUSE_OWN("ip6", "6")
	"	}\n"
	"	chain in-local {\n"
	"		type nat hook output priority -110\n"
	IN_LOCAL("ip", "")
	IN_LOCAL("ip6", "6")
	"	}\n"
	"	chain out {\n"
	"		type nat hook postrouting priority srcnat - 10\n"
	"		snat ip to " FLOW("ip") " map @from\n"
	"		snat ip6 to " FLOW("ip6") " map @from6\n"
	"		ip saddr " TUN_NET " masquerade\n"
	"		ip6 saddr " TUN_NET6 " masquerade\n"
	"		oifname " TUN_NAME " ct status dnat masquerade\n"
	"	}\n"
	"	chain crafted {\n"
	"		type filter hook output priority raw\n"
	"		meta mark " STR(TABLE_MARK) " notrack\n"
	"	}\n"
	"	chain watch-local {\n"
	"		type filter hook output priority -190\n"
	WATCH("ip", "")
	WATCH("ip6", "6")
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
	BINDING("ip6 daddr . udp dport @check6")
	BINDING("ip6 saddr . ip6 daddr @expect6")
	"	}\n"
	"	chain watch-in {\n"
	"		type filter hook prerouting priority -190\n"
	"		ct state established,new accept\n"
	HUSH("ip", "icmp", "")
	HUSH("ip6", "icmpv6", "6")
	"		ct state related accept\n"
	WATCH("ip", "")
	EXPECT("ip", "")
	WATCH("ip6", "6")
	EXPECT("ip6", "6")
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
		/* Somebody else may have taken them away. */
		if (run(t, not_looking))
			log_debug("nftables: %s", t->error);
		t->looks = false;
		return;
	}
	evtimer_add(t->timer, &again);
}

static int look(struct table *t, unsigned int seconds)
{
	const struct timeval wait = { .tv_sec = seconds };
	uint64_t until_ms = clock_ms() + (uint64_t)seconds * 1000;
	int err;

	if (t->until_ms < until_ms)
		t->until_ms = until_ms;
	if (t->looks)
		return 0;
	err = run(t, looking);
	t->looks = !err;
	if (t->looks)
		evtimer_add(t->timer, &wait);
	return err;
}

int table_look(struct table *t)
{
	return look(t, LOOK_S);
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

/* The chains stay, or the kernel would lose what waits in its queue. */
void table_rest(struct table *t)
{
	if (t)
		run(t, "flush table inet " TABLE_NAME "\n");
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
#define PART_SIZE	(ENDPOINT_SIZE + 12)

static const char *part(char buf[PART_SIZE], const union endpoint *ep)
{
	char addr[ENDPOINT_SIZE];

	snprintf(buf, PART_SIZE, "%s . %u", endpoint_addr_str(addr, ep),
		 endpoint_port(ep));
	return buf;
}

/* What the sets of that family end with; NULL: the endpoints are not of one. */
static const char *number(const union endpoint *a, const union endpoint *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return NULL;
	return a->sa.sa_family == AF_INET ? "" :
	       a->sa.sa_family == AF_INET6 ? "6" : NULL;
}

static int port_element(struct table *t, const char *verb, const char *set,
			int proto, const union endpoint *ep)
{
	const char *n = number(ep, ep);
	char p[PART_SIZE];

	if (!n)
		return -EAFNOSUPPORT;
	return runf(t, "%s element inet " TABLE_NAME " %s%s { %d . %s }\n",
		    verb, set, n, proto, part(p, ep));
}

int table_listen(struct table *t, int proto, const union endpoint *ep)
{
	return port_element(t, "add", "listen", proto, ep);
}

int table_unlisten(struct table *t, int proto, const union endpoint *ep)
{
	return port_element(t, "delete", "listen", proto, ep);
}

int table_own(struct table *t, int proto, const union endpoint *ep)
{
	return port_element(t, "add", "own", proto, ep);
}

void table_disown(struct table *t, int proto, const union endpoint *ep)
{
	port_element(t, "delete", "own", proto, ep);
}

int table_relay(struct table *t, int proto, const union endpoint *ep,
		const union endpoint *to)
{
	const char *n = number(ep, to);
	char p[PART_SIZE], v[PART_SIZE];

	if (!n)
		return -EAFNOSUPPORT;
	return runf(t, "add element inet " TABLE_NAME
		    " relay%s { %d . %s : %s }\n", n, proto, part(p, ep),
		    part(v, to));
}

void table_unrelay(struct table *t, int proto, const union endpoint *ep)
{
	const char *n = number(ep, ep);
	char p[PART_SIZE];

	if (n)
		runf(t, "delete element inet " TABLE_NAME
		     " relay%s { %d . %s }\n", n, proto, part(p, ep));
}

#define KEY_SIZE	(2 * PART_SIZE + 16)
#define HUSH_SIZE	768

static const char *key(char buf[KEY_SIZE], const struct table_flow *flow)
{
	char src[PART_SIZE], dst[PART_SIZE];

	snprintf(buf, KEY_SIZE, "%d . %s . %s", flow->proto,
		 part(src, flow->src), part(dst, flow->dst));
	return buf;
}

/*
 * Part of a transaction. The port of the other side is any: openers go to those that
 * it may have, and flows of before may have had them. In one go it is there all along.
 */
static const char *hush_text(char buf[HUSH_SIZE], const char *n,
			     const struct table_flow *flow, unsigned int seconds)
{
	char addr[ENDPOINT_SIZE], dst[PART_SIZE];
	char e[PART_SIZE + ENDPOINT_SIZE + 64];

	snprintf(e, sizeof(e), "element inet " TABLE_NAME " hushed%s { %d . %s . %s",
		 n, flow->proto, endpoint_addr_str(addr, flow->src),
		 part(dst, flow->dst));
	snprintf(buf, HUSH_SIZE, "add %s timeout %us }\ndelete %s }\n"
		 "add %s timeout %us }\n", e, seconds, e, e, seconds);
	return buf;
}

/* To add what is there leaves it as it is; so it is deleted and added. */
static int map_element(struct table *t, const char *map,
		       const struct table_flow *flow, const union endpoint *to,
		       unsigned int seconds)
{
	const char *n = number(flow->src, flow->dst);
	char k[KEY_SIZE], v[PART_SIZE], first[KEY_SIZE + 64];
	char hush[HUSH_SIZE] = "";

	if (!n || !number(flow->dst, to))
		return -EAFNOSUPPORT;
	key(k, flow);
	part(v, to);
	snprintf(first, sizeof(first), "delete element inet " TABLE_NAME
		 " %s%s { %s }\n", map, n, k);
	run(t, first);
	if (flow->hush)
		hush_text(hush, n, flow, seconds);
	return runf(t, "add element inet " TABLE_NAME " %s%s { %s timeout %us : "
		    "%s }\n%s", map, n, k, seconds, v, hush);
}

int table_to(struct table *t, const struct table_flow *flow,
	     const union endpoint *to, unsigned int seconds)
{
	int err = flow->hush ? look(t, seconds) : 0;

	return err ? err : map_element(t, "to", flow, to, seconds);
}

int table_from(struct table *t, const struct table_flow *flow,
	       const union endpoint *from, unsigned int seconds)
{
	return map_element(t, "from", flow, from, seconds);
}

int table_hush(struct table *t, const struct table_flow *flow,
	       unsigned int seconds)
{
	const char *n = number(flow->src, flow->dst);
	char hush[HUSH_SIZE];
	int err;

	if (!n)
		return -EAFNOSUPPORT;
	err = look(t, seconds);
	if (err)
		return err;
	return run(t, hush_text(hush, n, flow, seconds));
}

void table_forget(struct table *t, const struct table_flow *flow)
{
	const char *n = number(flow->src, flow->dst);
	char k[KEY_SIZE];

	if (!n)
		return;
	key(k, flow);
	runf(t, "delete element inet " TABLE_NAME " to%s { %s }\n", n, k);
	runf(t, "delete element inet " TABLE_NAME " from%s { %s }\n", n, k);
}

int table_ended(struct table *t, const struct table_flow *flow)
{
	const char *n = number(flow->src, flow->dst);
	char k[KEY_SIZE];

	if (!n)
		return -EAFNOSUPPORT;
	return runf(t, "add element inet " TABLE_NAME " closed%s { %s }\n", n,
		    key(k, flow));
}

static int check_element(struct table *t, const char *verb,
			 const union endpoint *ep)
{
	const char *n = number(ep, ep);
	char p[PART_SIZE];

	if (!n)
		return -EAFNOSUPPORT;
	return runf(t, "%s element inet " TABLE_NAME " check%s { %s }\n", verb,
		    n, part(p, ep));
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
	const char *n = number(src, dst);
	char s[PART_SIZE], d[PART_SIZE];
	int err;

	if (!n)
		return -EAFNOSUPPORT;
	err = table_look(t);
	if (err)
		return err;
	return runf(t, "add element inet " TABLE_NAME
		    " watch%s { %s . %s timeout %us }\n", n, part(s, src),
		    part(d, dst), seconds);
}

void table_unwatch(struct table *t, const union endpoint *src,
		   const union endpoint *dst)
{
	const char *n = number(src, dst);
	char s[PART_SIZE], d[PART_SIZE];

	if (n)
		runf(t, "delete element inet " TABLE_NAME
		     " watch%s { %s . %s }\n", n, part(s, src), part(d, dst));
}

/* Like map_element(): so that it lasts from now on. */
int table_expect(struct table *t, const union endpoint *src,
		 const union endpoint *dst, unsigned int seconds)
{
	char s[ENDPOINT_SIZE], d[ENDPOINT_SIZE];
	const char *n = number(src, dst);
	char first[2 * ENDPOINT_SIZE + 64];
	int err;

	if (!n)
		return -EAFNOSUPPORT;
	err = table_look(t);
	if (err)
		return err;
	endpoint_addr_str(s, src);
	endpoint_addr_str(d, dst);
	snprintf(first, sizeof(first), "delete element inet " TABLE_NAME
		 " expect%s { %s . %s }\n", n, s, d);
	run(t, first);
	return runf(t, "add element inet " TABLE_NAME
		    " expect%s { %s . %s timeout %us }\n", n, s, d, seconds);
}
