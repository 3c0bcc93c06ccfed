// SPDX-License-Identifier: GPL-2.0
/*
 * What a SYN carries survives the hold: a released SYN that is delivered is the
 * peer's, byte for byte, but for what NAT and routing change; one that is dropped
 * is not seen at all. Two kernels that connect by way of a hold agree on the same
 * options as without one.
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/behave.h"

#define PORT 5000
#define PEER 4000
#define WINDOW_MS 8000

struct variant {
	const char *name;
	uint8_t options[40];
	size_t len;
	const char *payload;
	bool keyed;		/* a kernel without the key does not refuse it */
};

#define VARIANT(text, data, ...)					\
	{ .name = text, .payload = data, .options = { __VA_ARGS__ },	\
	  .len = sizeof((uint8_t[]){ __VA_ARGS__ }) }
#define KEYED(text, ...)						\
	{ .name = text, .payload = "", .options = { __VA_ARGS__ },	\
	  .len = sizeof((uint8_t[]){ __VA_ARGS__ }), .keyed = true }

static const struct variant variants[] = {
	VARIANT("window scale", "", 2, 4, 5, 0xb4, 3, 3, 14),
	VARIANT("timestamps", "", 8, 10, 1, 2, 3, 4, 0, 0, 0, 0),
	VARIANT("SACK-permitted", "", 4, 2),
	VARIANT("as Linux sends it", "", 2, 4, 5, 0xb4, 4, 2,
		8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 1, 3, 3, 7),
	VARIANT("TCP Fast Open", "GET / HTTP/1.0\r\n\r\n", 34, 10,
		1, 2, 3, 4, 5, 6, 7, 8),
	VARIANT("a Fast Open cookie request", "", 34, 2),
	VARIANT("MP_CAPABLE", "", 30, 4, 0x01, 0x81),
	VARIANT("MP_CAPABLE with a key", "", 30, 12, 0x00, 0x81,
		1, 2, 3, 4, 5, 6, 7, 8),
	KEYED("MD5", 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	      15, 16),
	KEYED("AO", 29, 16, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
	VARIANT("an unknown option", "", 254, 4, 0xf9, 0x89),
	VARIANT("an odd number of bytes", "x", 2, 4, 5, 0xb4),
};

static struct packet variant_syn(const struct variant *v, size_t i,
				 struct ep to)
{
	struct packet p = packet_tcp(server(1, PEER + i), to, TCP_SYN,
				     1000000 * (i + 1), 0);

	return packet_tcp_options(&p, v->options, v->len, v->payload);
}

/* A's SYN for the same pair, made by hand: A's kernel has no socket. */
static void open_from_inside(unsigned int peer_port)
{
	struct packet p = packet_tcp(host(A, PORT), server(1, peer_port),
				     TCP_SYN, 77, 0);

	packet_send(A, &p);
}

/* What NAT and two routers may change is put back, the checksums left out. */
static bool same_but_for_nat(const struct packet *sent,
			     const struct packet *got)
{
	struct packet want = *sent, have = *got;
	bool v4 = lab_family() == AF_INET;
	size_t sum = want.l4 + 16;

	if (!got->checksum_ok || want.len != have.len || want.l4 != have.l4)
		return false;
	/* TTL, header checksum and address; or hop limit and address. */
	if (v4) {
		want.data[8] -= 2;
		memcpy(want.data + 10, have.data + 10, 2);
		memcpy(want.data + 16, have.data + 16, 4);
	} else {
		want.data[7] -= 2;
		memcpy(want.data + 24, have.data + 24, 16);
	}
	memcpy(want.data + want.l4 + 2, have.data + have.l4 + 2, 2);
	memcpy(want.data + sum, have.data + sum, 2);
	return !memcmp(want.data, have.data, want.len);
}

static bool is_inbound_syn(const struct packet *p, const void *from)
{
	struct ep me = host(A, PORT);

	return !p->outgoing && is_to(p, &me) && is_from(p, from) &&
	       p->tcp_flags == TCP_SYN;
}

/*
 * How many SYNs @from has at A in the time that a hold lasts; the last of them.
 * Sniffing is over then, for good.
 */
static unsigned int count_syns(int sniffer, struct ep from,
			       struct packet *last)
{
	unsigned long end = now_ms() + WINDOW_MS, now = now_ms();
	unsigned int n = 0;
	struct packet p;

	while (sniff_find(sniffer, &p, is_inbound_syn, &from,
			  now < end ? end - now : 0)) {
		*last = p;
		n++;
		now = now_ms();
	}
	return n;
}

/* One sniffer for each, as each looks through all that came. */
static struct seen all_variants(const struct row *row, unsigned int copies)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	int sniffer[ARRAY_SIZE(variants)];
	struct packet sent[ARRAY_SIZE(variants)], got;
	unsigned int n;
	size_t i;

	(void)row;
	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		sniffer[i] = sniff_open(A, "eth0");
		sent[i] = variant_syn(&variants[i], i, ext);
		packet_send(SERVER, &sent[i]);
	}
	sleep_ms(1000);
	for (i = 0; i < ARRAY_SIZE(variants); i++)
		open_from_inside(PEER + i);
	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		n = count_syns(sniffer[i], server(1, PEER + i), &got);
		if (n != copies && !(variants[i].keyed && n && n < copies))
			return seen(false, "%s: %u copies", variants[i].name,
				    n);
		if (n && !same_but_for_nat(&sent[i], &got))
			return seen(false, "%s: not the same",
				    variants[i].name);
	}
	return seen(true, "%zu kinds, %u of each", i, copies);
}

static struct seen delivered(const struct row *row)
{
	return all_variants(row, 1);
}

static struct seen dropped(const struct row *row)
{
	return all_variants(row, 0);
}

/*
 * The filter admits them: they reach A, whose kernel refuses, and once more. What
 * it does not refuse is not seen twice.
 */
static struct seen delivered_again(const struct row *row)
{
	return all_variants(row, 2);
}

/* The peer sends it again, and then begins anew: only the last is good. */
static struct seen retransmitted(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	int sniffer = sniff_open(A, "eth0");
	struct packet sent, got;
	unsigned int i, n;

	(void)row;
	for (i = 0; i < 4; i++) {
		sent = packet_tcp(server(1, PEER), ext, TCP_SYN,
				  i < 3 ? 1000 : 9999, 0);
		sent = packet_tcp_options(&sent, variants[3].options,
					  variants[3].len, "");
		/* Another timestamp. */
		sent.data[sent.l4 + 20 + 8 + i % 4] ^= 1 << i;
		packet_checksum(&sent);
		packet_send(SERVER, &sent);
		sleep_ms(1000);
	}
	open_from_inside(PEER);
	n = count_syns(sniffer, server(1, PEER), &got);
	return seen(n == 1 && same_but_for_nat(&sent, &got),
		    "%u copies, seq %u", n, n ? got.seq : 0);
}

static bool is_refusal(const struct packet *p, const void *peer)
{
	return !p->outgoing && ((is_to(p, peer) && is_tcp_rst(p, NULL)) ||
				is_icmp_error(p, NULL));
}

/* The peer has gone before A begins: A is refused by the peer, as ever. */
static struct seen gave_up(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	struct ep peer = server(1, PEER);
	struct packet p = variant_syn(&variants[3], 0, ext);
	int sniffer, sock, error;

	packet_send(SERVER, &p);
	sleep_ms(3000);
	sniffer = sniff_open(SERVER, "eth0");
	sock = stream_open(IPPROTO_TCP, A, host(A, PORT));
	error = stream_connect(sock, peer);
	if (!error)
		error = stream_connected(sock, 3000);
	/* A that has had a SYN is in another state when the RST comes. */
	if (error != ECONNREFUSED && (!row->arg || error != ECONNRESET))
		return seen(false, "A sees %s", strerror(error));
	if (sniff_find(sniffer, &p, is_refusal, &peer, WINDOW_MS))
		return seen(false, "answered: %s", packet_str(&p));
	return seen(still_taken(&(struct flow){
		.protocol = IPPROTO_TCP, .internal = host(A, PORT),
		.remote = server(2, 80), .external = ext }, &peer),
		"A is refused, its mapping stays");
}

/* The hold is over before A begins: nothing of it is left. */
static struct seen too_late(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	struct ep peer = server(1, PEER);
	struct packet p = variant_syn(&variants[3], 0, ext);
	int sniffer = sniff_open(SERVER, "eth0"), inside;

	(void)row;
	packet_send(SERVER, &p);
	if (!sniff_find(sniffer, &p, is_refusal, &peer, WINDOW_MS))
		return seen(false, "no answer");
	inside = sniff_open(A, "eth0");
	open_from_inside(PEER);
	return seen(!count_syns(inside, peer, &p), "is it delivered late?");
}

/* Two kernels */

static bool agreed(int sock, const char **what)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} options[] = {
		{ TCPI_OPT_TIMESTAMPS, "timestamps" },
		{ TCPI_OPT_SACK, "SACK" },
		{ TCPI_OPT_WSCALE, "window scaling" },
	};
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	size_t i;

	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len))
		ktap_bail("TCP_INFO: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (info.tcpi_options & options[i].bit)
			continue;
		*what = options[i].name;
		return false;
	}
	*what = "a window scale";
	return info.tcpi_snd_wscale && info.tcpi_rcv_wscale;
}

/* More than fits into a window that is not scaled. */
static bool bulk(int from, int to)
{
	static char data[512 << 10], got[sizeof(data)];
	struct pollfd poller[] = {
		{ .fd = from, .events = POLLOUT },
		{ .fd = to, .events = POLLIN },
	};
	size_t sent = 0, have = 0, i;
	ssize_t n;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	while (have < sizeof(data)) {
		poller[0].events = sent < sizeof(data) ? POLLOUT : 0;
		if (poll(poller, 2, 10000) <= 0)
			return false;
		n = write(from, data + sent, sizeof(data) - sent);
		sent += n > 0 ? n : 0;
		n = read(to, got + have, sizeof(got) - have);
		have += n > 0 ? n : 0;
		if (!n)
			return false;
	}
	return !memcmp(data, got, sizeof(data));
}

static struct seen kernels_agree(const struct row *row)
{
	struct ep ext_a = external(IPPROTO_TCP, A, PORT, server(1, 3478));
	struct ep ext_b = external(IPPROTO_TCP, B, PORT, server(1, 3478));
	int a = stream_open(IPPROTO_TCP, A, host(A, PORT));
	int b = stream_open(IPPROTO_TCP, B, host(B, PORT));
	const char *what;
	int error;

	error = stream_connect(a, ext_b);
	sleep_ms(row->arg);
	if (!error)
		error = stream_connect(b, ext_a);
	if (!error)
		error = stream_connected(b, COMES_MS);
	if (!error)
		error = stream_connected(a, COMES_MS);
	if (error)
		return seen(false, "not connected: %s", strerror(error));
	if (!agreed(a, &what))
		return seen(false, "A lacks %s", what);
	if (!agreed(b, &what))
		return seen(false, "B lacks %s", what);
	return seen(bulk(a, b) && bulk(b, a),
		    "all options; half a megabyte both ways");
}

static const struct row rows[] = {
	{ .name = "SYNs are delivered whole", .measure = delivered,
	  .options = "--filter apdf --release deliver", .families = BOTH },
	{ .name = "or are dropped", .measure = dropped,
	  .options = "--filter apdf --release drop", .families = BOTH },
	{ .name = "what was let in before is delivered again, whole",
	  .measure = delivered_again,
	  .options = "--filter eif --release deliver", .families = BOTH },
	{ .name = "of a repeated SYN the last is delivered, once",
	  .measure = retransmitted,
	  .options = "--filter apdf --release deliver", .families = BOTH },
	{ .name = "a peer that gave up, drop", .measure = gave_up,
	  .options = "--filter apdf --release drop", .families = BOTH },
	{ .name = "a peer that gave up, deliver", .measure = gave_up, .arg = 1,
	  .options = "--filter apdf --release deliver" },
	{ .name = "what has been answered is not delivered",
	  .measure = too_late,
	  .options = "--filter apdf --release deliver", .families = BOTH },
	{ .name = "two kernels agree on all options, drop",
	  .measure = kernels_agree, .arg = 500, .both_homes = true,
	  .options = "--filter apdf --release drop", .families = BOTH },
	{ .name = "two kernels agree on all options, deliver",
	  .measure = kernels_agree, .arg = 500, .both_homes = true,
	  .options = "--filter apdf --release deliver", .families = BOTH },
	{ .name = "and where the inside host refused, deliver",
	  .measure = kernels_agree, .arg = 2500, .both_homes = true,
	  .options = "--filter eif --release deliver", .families = BOTH },
};

ROWS_MAIN(rows)
