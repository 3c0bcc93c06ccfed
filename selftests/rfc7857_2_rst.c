// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 7857 section 2.2: after a RST the mapping stays for four minutes, in case it
 * was forged or the connection is picked up again; and the RST is translated.
 */
#include "lab/behave.h"

static struct seen rst_is_translated(const struct row *row)
{
	int wire = sniff_open(A, "eth0");
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 80));
	struct packet p;

	(void)row;
	stream_abort(f.out);
	if (!sniff_find(wire, &p, is_tcp_rst, NULL, SILENCE_MS))
		return seen(false, "no RST arrives");
	return seen(ep_eq(p.src, f.remote) && ep_eq(p.dst, f.internal), "%s",
		    packet_str(&p));
}

static struct seen mapping_ends(const struct row *row)
{
	struct seen s = endpoint_is_kept_after_rst(row);

	s.ok = !s.ok;
	return s;
}

static const struct row rows[] = {
	{ .name = "section 2.2, RST is translated",
	  .measure = rst_is_translated, .stock = STOCK_PASSES,
	  .families = BOTH },
	{ .name = "section 2.2, the mapping stays for four minutes",
	  .measure = endpoint_is_kept_after_rst, .arg = 230,
	  .stock = STOCK_FAILS, .families = BOTH },
	{ .name = "and then it ends",
	  .measure = mapping_ends, .arg = 340 },
};

ROWS_MAIN(rows)
