// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 4787 REQ-10: application level gateways are off by default.
 * RFC 5382 REQ-6: a NAT need have none but FTP's; ours leaves payloads alone.
 */
#include <string.h>

#include "lab/behave.h"

static struct seen same_text(int from, int to, const char *text)
{
	char got[256] = "";
	ssize_t n;

	if (send(from, text, strlen(text), 0) < 0)
		return seen(false, "not sent");
	sleep_ms(500);
	n = recv(to, got, sizeof(got) - 1, MSG_DONTWAIT);
	got[n > 0 ? n : 0] = '\0';
	return seen(!strcmp(got, text), "%s", *got ? "text arrives" :
		    "nothing arrives");
}

static struct seen sip_passes(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_UDP, A, 5060, server(1, 5060));

	(void)row;
	return same_text(f.in, f.out, "INVITE sip:b@example.net SIP/2.0\r\n"
			 "Contact: <sip:a@10.1.0.2:5060>\r\n"
			 "Content-Length: 0\r\n\r\n");
}

static struct seen ftp_passes(const struct row *row)
{
	struct flow f = flow_open(IPPROTO_TCP, A, 5000, server(1, 21));

	(void)row;
	return same_text(f.in, f.out, "PORT 10,1,0,2,19,137\r\n");
}

static const struct row rows[] = {
	{ .name = "REQ-10 SIP's addresses stay as they are",
	  .measure = sip_passes, .stock = STOCK_PASSES },
	{ .name = "RFC 5382 REQ-6 FTP's stay as they are",
	  .measure = ftp_passes, .stock = STOCK_PASSES },
};

ROWS_MAIN(rows)
