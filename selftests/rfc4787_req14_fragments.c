// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-14: fragments that arrive out of order are handled, both ways.
 */
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

#define NUMBER 1000000UL	/* above any that udp_send() gives */

static const char *long_text(void)
{
	static char text[1201];
	int n = sprintf(text, "packet %lu ", NUMBER);

	memset(text + n, 'x', sizeof(text) - 1 - n);
	return text;
}

static struct seen fragments_pass(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep mapped, from;
	struct packet p;

	(void)row;
	p = packet_udp(host(A, 5000), server(1, 3478), long_text());
	packet_send_fragmented(A, &p, 800);
	if (!udp_wait(s, NUMBER, &mapped, SILENCE_MS))
		return seen(false, "outbound fragments are lost");
	p = packet_udp(server(1, 3478), mapped, long_text());
	packet_send_fragmented(SERVER, &p, 800);
	if (!udp_wait(a, NUMBER, &from, SILENCE_MS))
		return seen(false, "inbound fragments are lost");
	return seen(ep_eq(from, server(1, 3478)), "both ways, as %s",
		    ep_str(mapped));
}

/* A NEW inbound flow that begins with a fragment. */
static struct seen first_inbound_in_fragments(const struct row *row)
{
	int a = udp_open(A, host(A, 5000));
	int s = udp_open(SERVER, server(1, 3478));
	struct ep mapped, from;
	struct packet p;

	(void)row;
	udp_deliver(a, server(1, 3478), s, &mapped);
	p = packet_udp(server(2, 3478), mapped, long_text());
	packet_send_fragmented(SERVER, &p, 800);
	if (!udp_wait(a, NUMBER, &from, SILENCE_MS))
		return seen(false, "silence");
	return seen(ep_eq(from, server(2, 3478)), "from %s", ep_str(from));
}

static const struct row rows[] = {
	{ .name = "REQ-14 fragments out of order",
	  .measure = fragments_pass, .stock = STOCK_PASSES, .families = BOTH },
	{ .name = "REQ-14 a new inbound flow begins with fragments",
	  .measure = first_inbound_in_fragments, .options = "--filter eif",
	  .stock = STOCK_FAILS, .families = BOTH },
};

ROWS_MAIN(rows)
