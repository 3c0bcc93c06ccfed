// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 5508, ICMP errors.
 * REQ-3: one with a wrong checksum is dropped; IP options in the quoted packet are
 *        stepped over.
 * REQ-4: from outside: translated, outer and inner; without a mapping, dropped.
 * REQ-5: from inside: likewise, and it comes from the external address.
 * REQ-6: it neither refreshes nor deletes the mapping.
 */
#include <errno.h>
#include <string.h>

#include "lab/behave.h"

static int outside, inside;
static struct flow f;
static struct packet sent;

static int unreachable(void)
{
	return lab_family() == AF_INET ? 3 : 1;
}

static struct ep router(void)
{
	return lab_family() == AF_INET ? ep("203.0.113.1", 0)
				       : ep("2001:db8:a::1", 0);
}

/* One packet out, caught behind the gateway; sniffers on both sides. */
static bool begin(int protocol)
{
	bool (*match)(const struct packet *p, const void *arg) = is_to;
	struct ep to;

	outside = sniff_open(NET, "ga");
	f = flow_open(protocol, A, 5000, server(1, 3478));
	to = protocol == IPPROTO_ICMP ? ep_at(f.remote, ep_port(f.external))
				      : f.remote;
	if (!sniff_find(outside, &sent, match, &to, COMES_MS))
		return false;
	inside = sniff_open(A, "eth0");
	return f.answered;
}

/* Seen on A's wire, whichever way it goes. */
static bool error_arrives(struct packet *error)
{
	return sniff_find(inside, error, is_icmp_error, NULL, SILENCE_MS);
}

static struct seen wrong_checksum_is_dropped(const struct row *row)
{
	struct packet error, arrived;

	if (!begin(row->protocol))
		return seen(false, "no flow");
	error = packet_icmp_error(router(), &sent, unreachable(), 1, 0);
	error.data[error.l4 + 2] ^= 0xff;
	packet_send(NET, &error);
	return seen(!error_arrives(&arrived), "is it dropped?");
}

/* The quoted packet grows by four bytes of no-operation options. */
static struct seen options_are_stepped_over(const struct row *row)
{
	struct packet quoted, error, inner;
	uint8_t data[2048];

	if (!begin(row->protocol))
		return seen(false, "no flow");
	memcpy(data, sent.data, sent.l4);
	memset(data + sent.l4, 1, 4);
	memcpy(data + sent.l4 + 4, sent.data + sent.l4, sent.len - sent.l4);
	data[0]++;
	data[2] = (sent.len + 4) >> 8;
	data[3] = sent.len + 4;
	packet_parse(&quoted, data, sent.len + 4);
	packet_checksum(&quoted);
	error = packet_icmp_error(router(), &quoted, unreachable(), 1, 0);
	packet_send(NET, &error);
	if (!error_arrives(&error))
		return seen(false, "the error does not arrive");
	packet_inner(&error, &inner);
	return seen(ep_eq(inner.src, f.internal) && inner.l4 == 24, "%s",
		    packet_str(&error));
}

static struct seen inbound_is_translated(const struct row *row)
{
	struct packet error, inner;
	struct ep dst;

	if (!begin(row->protocol))
		return seen(false, "no flow");
	error = packet_icmp_error(router(), &sent, unreachable(), 1, 0);
	packet_send(NET, &error);
	if (!error_arrives(&error))
		return seen(false, "the error does not arrive");
	packet_inner(&error, &inner);
	dst = row->protocol == IPPROTO_ICMP ? ep_at(f.remote, 5000) : f.remote;
	return seen(ep_eq(inner.src, f.internal) && ep_eq(inner.dst, dst) &&
		    ep_same_addr(error.src, router()) && error.checksum_ok &&
		    error.icmp_code == 1, "%s", packet_str(&error));
}

/* About a packet that no host of ours can have sent. */
static struct seen without_mapping_is_dropped(const struct row *row)
{
	struct packet fake, error;
	int answers;

	(void)row;
	inside = sniff_open(A, "eth0");
	answers = sniff_open(NET, "ga");
	fake = packet_udp(wan(GA, 7777), server(1, 3478), "packet 1");
	error = packet_icmp_error(router(), &fake, unreachable(), 1, 0);
	packet_send(NET, &error);
	if (error_arrives(&error))
		return seen(false, "A gets %s", packet_str(&error));
	/* Ours went out of "ga" too; nothing else may. */
	while (sniff_find(answers, &error, is_icmp_error, NULL, 0))
		if (!error.outgoing)
			return seen(false, "answered: %s", packet_str(&error));
	return seen(true, "dropped, no answer");
}

/* A's socket is closed; the server's packet is refused by A itself. */
static struct seen outbound_is_translated(const struct row *row)
{
	struct sock_error e;
	struct packet asked;
	struct ep to;
	int s2;

	if (!begin(row->protocol))
		return seen(false, "no flow");
	to = f.external;
	sock_close(f.in);
	s2 = udp_open(SERVER, server(2, 3478));
	udp_send(s2, to);
	if (!sock_error_wait(s2, &e, SILENCE_MS))
		return seen(false, "the error does not arrive");
	if (!error_arrives(&asked))
		return seen(false, "the gateway refuses, A was not asked");
	return seen(e.error == ECONNREFUSED && ep_eq(e.about, to) &&
		    ep_same_addr(e.offender, wan(GA, 0)), "about %s, from %s",
		    ep_str(e.about), ep_addr_str(e.offender));
}

static struct seen error_deletes_nothing(const struct row *row)
{
	struct packet error;
	struct ep got;
	bool kept;

	if (!begin(row->protocol))
		return seen(false, "no flow");
	error = packet_icmp_error(router(), &sent, unreachable(), 1, 0);
	packet_send(NET, &error);
	sleep_ms(100);
	kept = still_taken(&f, &got);
	return seen(kept, "neighbour gets %s", ep_str(got));
}

static struct seen error_refreshes_nothing(const struct row *row)
{
	struct packet error;
	struct ep got;
	bool kept;
	int i;

	if (!begin(row->protocol))
		return seen(false, "no flow");
	error = packet_icmp_error(router(), &sent, unreachable(), 1, 0);
	for (i = 0; i < 4; i++) {
		sleep_s(25);
		packet_send(NET, &error);
	}
	sleep_s(35);
	kept = still_taken(&f, &got);
	return seen(!kept && ep_eq(got, f.external),
		    "135 s and 4 errors later the neighbour gets %s",
		    ep_str(got));
}

static const struct row rows[] = {
	{ .name = "REQ-3 wrong checksum",
	  .measure = wrong_checksum_is_dropped, .protocol = IPPROTO_UDP,
	  .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-3b IP options in the quoted packet",
	  .measure = options_are_stepped_over, .protocol = IPPROTO_UDP,
	  .stock = STOCK_PASSES },
	{ .name = "REQ-4 an error about UDP from outside",
	  .measure = inbound_is_translated, .protocol = IPPROTO_UDP,
	  .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-4 an error about a query from outside",
	  .measure = inbound_is_translated, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-4 an error that belongs to no mapping",
	  .measure = without_mapping_is_dropped, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "REQ-5 an error from inside",
	  .measure = outbound_is_translated, .protocol = IPPROTO_UDP,
	  .options = "--filter eif", .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "REQ-6 an error does not delete a query's mapping",
	  .measure = error_deletes_nothing, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-6 an error does not refresh a query's mapping",
	  .measure = error_refreshes_nothing, .protocol = IPPROTO_ICMP,
	  .stock = STOCK_PASSES, .families = BOTH },
};

ROWS_MAIN(rows)
