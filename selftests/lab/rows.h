/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rows: a requirement, how to measure it, and what stock Linux makes of it.
 *
 * Each row is measured on gateways that masquerade, if stock's result is known,
 * and then on gateways with natpunch. Where stock is known to fail, the lab has to
 * see it fail: a measurement that can not tell the difference proves nothing.
 */
#ifndef LAB_ROWS_H
#define LAB_ROWS_H

#include "flow.h"
#include "gateway.h"
#include "packet.h"

/** struct seen - what was seen on the wire, and whether it is right. */
struct seen {
	bool ok;
	char text[200];
};

struct seen seen(bool ok, const char *fmt, ...) __printf(2, 3);

enum stock { STOCK_UNTRIED, STOCK_FAILS, STOCK_PASSES };
enum families { IPV4, IPV6, BOTH };

/** struct row - one behaviour to measure. */
struct row {
	const char *name;
	struct seen (*measure)(const struct row *row);
	enum stock stock;
	enum families families;
	int protocol;		/* for measurements that serve several */
	long arg;		/* what the measurement makes of it */
	const char *options;	/* for `natpunchctl wan add wan` */
	bool both_homes;	/* GB translates, too */
	const char *masquerade;	/* nft's statement, if not `masquerade` */
};

/** rows_main() - the whole of a test: plan, lab, rows, exit status. */
int rows_main(const struct row *rows, size_t n);

/** row_measure() - one row on fresh gateways. */
struct seen row_measure(const struct row *row, enum nat nat);

#define ROWS_MAIN(rows)							\
	int main(void)							\
	{								\
		return rows_main(rows, ARRAY_SIZE(rows));		\
	}

#endif
