// SPDX-License-Identifier: GPL-2.0
/*
 * natzoo: one NAT of the zoo, or several in a row, translating real packets between
 * two TUN devices, as routers do: the TTL counts down at each, errors are
 * translated, what must be refused is answered.
 *
 *	inside device | KIND, KIND, ... | outside device
 *
 * Each device is a point-to-point link into some network namespace; whoever starts
 * natzoo gives it addresses and routes. For tests only: one thread, no timers, time
 * is CLOCK_MONOTONIC's. Owns the row of NATs and their fragments.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "natzoo.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NATS_MAX	8
#define TRAINS		64	/* packets whose fragments are being translated */
#define WAITING		32	/* fragments that are ahead of their first one */
#define FRAGMENT_LIFE	(2 * ZOO_NS_PER_S)
#define BATCH		64	/* packets from one side before the other's */

/* Where a packet goes, and as what. */
struct way {
	struct zoo_ep src, dst;
	bool inward;
};

/* What became of a packet's first fragment, for the others. */
struct train {
	struct zoo_ep src, dst;
	uint32_t id;
	int protocol;
	uint64_t ends;		/* 0: this slot is free */
	struct way way;
};

/* A fragment that came before the first one. */
struct waiting {
	uint64_t ends;
	size_t len;
	uint8_t data[2048];
};

static struct nat {
	struct zoo *zoo;
	struct zoo_ep router4, router6;	/* its own addresses, inside */
	struct train trains[TRAINS];
	struct waiting waiting[WAITING];
} nats[NATS_MAX];

static unsigned int n_nats;
static int inside, outside;	/* the devices */
static uint64_t now;

static void nat_out(unsigned int i, struct packet *p);
static void nat_in(unsigned int i, struct packet *p);

/* --- between the NATs ------------------------------------------------------ */

/* A full or missing device loses packets, as links do. */
static void emit(int device, const struct packet *p)
{
	if (write(device, p->data, p->len) < 0)
		return;
}

static void leave_inward(unsigned int i, struct packet *p)
{
	if (i)
		nat_in(i - 1, p);
	else
		emit(inside, p);
}

static void leave_outward(unsigned int i, struct packet *p)
{
	if (i + 1 < n_nats)
		nat_out(i + 1, p);
	else
		emit(outside, p);
}

static void leave(unsigned int i, struct packet *p, bool inward)
{
	if (inward)
		leave_inward(i, p);
	else
		leave_outward(i, p);
}

static struct zoo_ep router(unsigned int i, const struct packet *p)
{
	return p->v6 ? nats[i].router6 : nats[i].router4;
}

/* --- translating ----------------------------------------------------------- */

static struct train *train_of(struct nat *nat, const struct packet *p)
{
	size_t i;

	for (i = 0; i < TRAINS; i++) {
		struct train *t = &nat->trains[i];

		if (t->ends > now && t->id == p->fragment_id &&
		    t->protocol == p->protocol &&
		    zoo_same_addr(&t->src, &p->src) &&
		    zoo_same_addr(&t->dst, &p->dst))
			return t;
	}
	return NULL;
}

/* The first fragment has passed: so will the others. The oldest slot is taken. */
static void train_add(struct nat *nat, const struct packet *p,
		      const struct way *way)
{
	struct train *t = nat->trains;
	size_t i;

	for (i = 1; i < TRAINS; i++)
		if (nat->trains[i].ends < t->ends)
			t = &nat->trains[i];
	*t = (struct train){ .src = p->src, .dst = p->dst,
			     .id = p->fragment_id, .protocol = p->protocol,
			     .ends = now + FRAGMENT_LIFE, .way = *way };
}

/* A later fragment has the addresses, but no ports. */
static void fragment_go(unsigned int i, struct packet *p, const struct way *way)
{
	packet_set(p, way->src, way->dst);
	leave(i, p, way->inward);
}

static void fragment_wait(struct nat *nat, const struct packet *p)
{
	struct waiting *w = nat->waiting;
	size_t i;

	for (i = 1; i < WAITING; i++)
		if (nat->waiting[i].ends < w->ends)
			w = &nat->waiting[i];
	if (p->len > sizeof(w->data))
		return;
	w->ends = now + FRAGMENT_LIFE;
	w->len = p->len;
	memcpy(w->data, p->data, p->len);
}

static void fragments_release(unsigned int i, const struct train *t)
{
	struct waiting *w = nats[i].waiting;
	struct packet p;
	size_t k;

	for (k = 0; k < WAITING; k++, w++) {
		if (w->ends <= now || !packet_read(&p, w->data, w->len) ||
		    train_of(&nats[i], &p) != t)
			continue;
		w->ends = 0;
		fragment_go(i, &p, &t->way);
	}
}

/* What a careless ALG does to a payload. */
static void spoil_payload(const struct nat *nat, struct packet *p,
			  const struct way *way)
{
	unsigned int changes;
	size_t len = p->len - p->payload;

	if (p->fragment || p->protocol == IPPROTO_ICMP)
		return;
	changes = zoo_rewrite(nat->zoo, p->data + p->payload, len, p->src,
			      way->src);
	changes += zoo_rewrite(nat->zoo, p->data + p->payload, len, p->dst,
			       way->dst);
	if (changes)
		packet_checksum(p);
}

static void go(unsigned int i, struct packet *p, const struct way *way)
{
	struct nat *nat = &nats[i];
	struct packet before = *p;

	spoil_payload(nat, p, way);
	packet_set(p, way->src, way->dst);
	leave(i, p, way->inward);
	if (!before.fragment)
		return;
	train_add(nat, &before, way);
	fragments_release(i, train_of(nat, &before));
}

/* A fragment without ports: as the first one went. */
static void later_fragment(unsigned int i, struct packet *p)
{
	const struct train *t = train_of(&nats[i], p);

	if (t)
		fragment_go(i, p, &t->way);
	else
		fragment_wait(&nats[i], p);
}

/* --- answers --------------------------------------------------------------- */

static uint8_t answer_buffer[PACKET_MAX];

/* Tell the sender, who is that way, about a packet. */
static void say(unsigned int i, const struct packet *about, struct zoo_ep from,
		enum packet_error error, bool inward)
{
	struct packet answer;

	if (packet_make_error(&answer, answer_buffer, about, from, error))
		leave(i, &answer, inward);
}

/* @i may not let it in: whether, and how, it says so. */
static void refuse(unsigned int i, const struct packet *p,
		   enum zoo_verdict verdict)
{
	struct packet answer;

	if (verdict == ZOO_ICMP)
		say(i, p, p->dst, PORT_UNREACHABLE, false);
	else if (verdict == ZOO_RST &&
		 packet_make_rst(&answer, answer_buffer, p))
		leave_outward(i, &answer);
}

/* A router answers pings to itself, and to nothing else. */
static bool for_router(unsigned int i, const struct packet *p)
{
	struct zoo_ep self = router(i, p);
	struct packet answer;

	if (!zoo_same_addr(&self, &p->dst))
		return false;
	if (packet_make_echo_reply(&answer, answer_buffer, p))
		leave_inward(i, &answer);
	return true;
}

/* --- errors about packets -------------------------------------------------- */

/*
 * An error comes in about a packet that went out: @quoted's source is external.
 * False if no such packet can have been.
 */
static bool error_in(struct nat *nat, struct packet *p, struct packet *quoted)
{
	struct zoo_ep internal, dst = p->dst;

	if (!zoo_peek_in(nat->zoo, now, quoted->protocol, quoted->src,
			 quoted->dst, &internal))
		return false;
	packet_set(quoted, internal, quoted->dst);
	memcpy(dst.addr, internal.addr, sizeof(dst.addr));
	packet_set(p, p->src, dst);
	packet_checksum(p);
	return true;
}

/* An error goes out about a packet that came in: its destination is internal. */
static bool error_out(struct nat *nat, struct packet *p, struct packet *quoted)
{
	struct zoo_ep external, src = p->src;

	if (!zoo_peek_out(nat->zoo, now, quoted->protocol, quoted->dst,
			  quoted->src, &external))
		return false;
	packet_set(quoted, quoted->src, external);
	if (zoo_is_external(nat->zoo, &external))
		memcpy(src.addr, external.addr, sizeof(src.addr));
	packet_set(p, src, p->dst);
	packet_checksum(p);
	return true;
}

static void nat_error(unsigned int i, struct packet *p, bool inward)
{
	struct nat *nat = &nats[i];
	struct packet quoted;

	if (!packet_quoted(p, &quoted))
		return;
	if (!inward) {
		if (!error_out(nat, p, &quoted))
			return;
		/* Hairpinned: its sender is inside, too. */
		inward = zoo_is_external(nat->zoo, &p->dst);
		if (inward && !packet_quoted(p, &quoted))
			return;
		if (!inward) {
			leave_outward(i, p);
			return;
		}
	}
	if (error_in(nat, p, &quoted))
		leave_inward(i, p);
}

/* --- a NAT ----------------------------------------------------------------- */

static void nat_out(unsigned int i, struct packet *p)
{
	struct way way = { .src = p->src, .dst = p->dst };
	struct zoo *zoo = nats[i].zoo;
	enum zoo_verdict verdict;

	if (for_router(i, p))
		return;
	if (packet_ttl(p) <= 1) {
		say(i, p, router(i, p), TIME_EXCEEDED, true);
		return;
	}
	packet_decrement_ttl(p);
	if (packet_is_error(p)) {
		nat_error(i, p, false);
		return;
	}
	if (!p->header) {
		later_fragment(i, p);
		return;
	}
	way.inward = zoo_is_external(zoo, &p->dst);
	if (way.inward)
		verdict = zoo_hairpin(zoo, now, p->protocol,
				      packet_tcp_flags(p), p->src, p->dst,
				      &way.src, &way.dst);
	else
		verdict = zoo_out(zoo, now, p->protocol, packet_tcp_flags(p),
				  p->src, p->dst, &way.src);
	if (verdict == ZOO_PASS)
		go(i, p, &way);
}

static void nat_in(unsigned int i, struct packet *p)
{
	struct way way = { .src = p->src, .dst = p->dst, .inward = true };
	struct zoo *zoo = nats[i].zoo;
	enum zoo_verdict verdict;

	if (packet_is_error(p) || !p->header) {
		if (packet_ttl(p) <= 1)
			return;
		packet_decrement_ttl(p);
		if (p->header)
			nat_error(i, p, true);
		else
			later_fragment(i, p);
		return;
	}
	/* One that goes no further ends here, whatever its TTL. */
	if (packet_ttl(p) <= 1 &&
	    zoo_peek_in(zoo, now, p->protocol, p->dst, p->src, &way.dst)) {
		say(i, p, p->dst, TIME_EXCEEDED, false);
		return;
	}
	verdict = zoo_in(zoo, now, p->protocol, packet_tcp_flags(p), p->dst,
			 p->src, &way.dst);
	if (verdict != ZOO_PASS) {
		refuse(i, p, verdict);
		return;
	}
	packet_decrement_ttl(p);
	go(i, p, &way);
}

/* --- devices --------------------------------------------------------------- */

static void die(const char *what, const char *about)
{
	fprintf(stderr, "natzoo: %s: %s: %s\n", about, what, strerror(errno));
	exit(1);
}

/* Make a TUN device, @name as "IF" or "NETNS/IF"; natzoo stays where it is. */
static int tun_open(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	const char *slash = strchr(name, '/');
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[128];
	int there, fd;

	snprintf(path, sizeof(path), "/run/netns/%.*s",
		 slash ? (int)(slash - name) : 0, name);
	if (slash) {
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (there < 0 || setns(there, CLONE_NEWNET))
			die("network namespace", name);
		close(there);
	}
	strncpy(ifr.ifr_name, slash ? slash + 1 : name, IFNAMSIZ - 1);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		die("TUN device", name);
	if (home < 0 || setns(home, CLONE_NEWNET))
		die("network namespace", "own");
	close(home);
	return fd;
}

/* What is there to read, up to a batch. */
static void serve(int device)
{
	static uint8_t buffer[PACKET_MAX];
	struct timespec t;
	struct packet p;
	ssize_t len;
	int i;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec * ZOO_NS_PER_S + t.tv_nsec;
	for (i = 0; i < BATCH; i++) {
		len = read(device, buffer, sizeof(buffer));
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len < 0)
			die("read", device == inside ? "inside" : "outside");
		if (!packet_read(&p, buffer, len))
			continue;
		if (device == inside)
			nat_out(0, &p);
		else
			nat_in(n_nats - 1, &p);
	}
}

static void loop(void)
{
	struct epoll_event ready[2], event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), n;

	event.data.fd = inside;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, inside, &event))
		die("epoll", "inside");
	event.data.fd = outside;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, outside, &event))
		die("epoll", "outside");
	for (;;) {
		n = epoll_wait(epoll, ready, ARRAY_SIZE(ready), -1);
		while (n-- > 0)
			serve(ready[n].data.fd);
	}
}

/* --- the command line ------------------------------------------------------ */

static void help(void)
{
	printf("usage: natzoo [OPTION]... --inside IF --outside IF KIND...\n"
	       "\n"
	       "Be a NAT, or several in a row, between two TUN devices. KINDs are named from\n"
	       "the inside out: a preset, changes to one, or words alone:\n"
	       "\n"
	       "  home    sequential,step=-3,cross=20    mapping=apd,alloc=block:512\n"
	       "\n"
	       "  -i, --inside [NETNS/]IF    make this device, towards the hosts\n"
	       "  -o, --outside [NETNS/]IF   and this one, towards the Internet\n"
	       "  -r, --router ADDRESS       the next NAT's own address inside, which\n"
	       "                             answers pings and traceroute (may repeat)\n"
	       "  -s, --seed N               for all NATs, to repeat a run\n"
	       "  -l, --list                 the presets, and what they imitate\n"
	       "  -d, --describe KIND        all words of a kind\n"
	       "  -h, --help\n");
}

static void usage(const char *what, const char *about)
{
	fprintf(stderr, "natzoo: %s: %s (try --help)\n", about, what);
	exit(2);
}

static struct zoo_kind kind_of(const char *text)
{
	struct zoo_kind kind = zoo_default();
	const char *wrong = zoo_parse(&kind, text);

	if (!wrong)
		wrong = zoo_check(&kind);
	if (wrong)
		usage(wrong, text);
	return kind;
}

static void list(void)
{
	struct zoo_kind kind;
	size_t i;

	for (i = 0; i < zoo_presets_count; i++) {
		zoo_preset(zoo_presets[i].name, &kind);
		printf("%-18s %s\n%-18s %s\n%-18s class: %s\n",
		       zoo_presets[i].name, zoo_presets[i].imitates, "",
		       zoo_presets[i].text, "",
		       zoo_class_name(zoo_class(&kind)));
	}
}

static void describe(const char *text)
{
	struct zoo_kind kind = kind_of(text);
	char words[1024];
	char *c;

	zoo_text(&kind, words, sizeof(words));
	for (c = words; *c; c++)
		if (*c == ',')
			*c = '\n';
	printf("%s\n", words);
}

static void add_router(unsigned int *routers4, unsigned int *routers6,
		       const char *text)
{
	struct zoo_ep ep = { .port = 0 };
	struct in_addr ip4;

	if (inet_pton(AF_INET, text, &ip4) == 1 && *routers4 < NATS_MAX)
		nats[(*routers4)++].router4 = zoo_ep4(ntohl(ip4.s_addr), 0);
	else if (inet_pton(AF_INET6, text, ep.addr) == 1 &&
		 *routers6 < NATS_MAX)
		nats[(*routers6)++].router6 = ep;
	else
		usage("not an address, or one too many", text);
}

static void add_nat(const char *text, const char *seed)
{
	struct zoo_kind kind = kind_of(text);
	char word[64];

	if (n_nats == NATS_MAX)
		usage("too many in a row", text);
	if (seed) {
		snprintf(word, sizeof(word), "seed=%s", seed);
		if (zoo_parse(&kind, word))
			usage("not a seed", seed);
		kind.seed += n_nats;
	}
	nats[n_nats].zoo = zoo_new(&kind);
	if (!nats[n_nats++].zoo)
		die("memory", text);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "inside", required_argument, NULL, 'i' },
		{ "outside", required_argument, NULL, 'o' },
		{ "router", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' },
		{ "list", no_argument, NULL, 'l' },
		{ "describe", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *in = NULL, *out = NULL, *seed = NULL;
	unsigned int routers4 = 0, routers6 = 0;
	int c;

	while ((c = getopt_long(argc, argv, "i:o:r:s:ld:h", options,
				NULL)) != -1) {
		switch (c) {
		case 'i':
			in = optarg;
			break;
		case 'o':
			out = optarg;
			break;
		case 'r':
			add_router(&routers4, &routers6, optarg);
			break;
		case 's':
			seed = optarg;
			break;
		case 'l':
			list();
			return 0;
		case 'd':
			describe(optarg);
			return 0;
		case 'h':
			help();
			return 0;
		default:
			return 2;
		}
	}
	for (; optind < argc; optind++)
		add_nat(argv[optind], seed);
	if (!in || !out || !n_nats)
		usage("are needed", "--inside, --outside and a KIND");
	inside = tun_open(in);
	outside = tun_open(out);
	puts("ready");
	fflush(stdout);
	loop();
}
