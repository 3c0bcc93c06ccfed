// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 7857 section 9: a port that can not be preserved is random (RFC 6056): one who
 * has seen some of them can not tell the next.
 */
#include <stdlib.h>

#include "lab/behave.h"

#define PORTS 32

static struct seen changed_ports_are_random(const struct row *row)
{
	unsigned int i, port, last = 0, near = 0, low = 0, changed = 0;
	struct ep e;

	(void)row;
	for (i = 0; i < PORTS; i++) {
		external(IPPROTO_UDP, A2, 5000 + i, server(1, 3478));
		e = external(IPPROTO_UDP, A, 5000 + i, server(1, 3478));
		port = ep_port(e);
		changed += port && port != 5000 + i;
		/* Near the last one, or near the port that was wanted. */
		near += abs((int)port - (int)last) < 64 ||
			abs((int)port - (int)(5000 + i)) < 64;
		low += port < 32768;
		last = port;
	}
	/* By chance: near < 0.5 % each, low 49 % each. */
	return seen(changed == PORTS && near < 8 && low > 2 && low < PORTS - 2,
		    "%u changed, %u near the last or the wanted, %u below 32768",
		    changed, near, low);
}

static const struct row rows[] = {
	{ .name = "section 9, changed ports are random",
	  .measure = changed_ports_are_random, .stock = STOCK_PASSES },
};

ROWS_MAIN(rows)
