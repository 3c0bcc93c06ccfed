// SPDX-License-Identifier: GPL-2.0
/* A program that makes its own TCP; see script.h. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "packet.h"
#include "script.h"
#include "sock.h"

#define PORT 8080
#define SAYS "by hand"
#define ANSWER "understood"

static bool is_rst_to(const struct packet *p, const void *peer)
{
	return p->outgoing && is_to(p, peer) && is_tcp_rst(p, NULL);
}

/* Answer who says what is expected, if it ever comes. */
static bool serve(int listener, struct job *job)
{
	char heard[64] = "";
	int sock;

	do {
		sock = stream_accept(listener, NULL, 200);
	} while (sock < 0 && job_running(job));
	if (sock < 0)
		return false;
	sleep_ms(500);
	if (recv(sock, heard, sizeof(heard) - 1, MSG_DONTWAIT) <= 0 ||
	    strcmp(heard, SAYS))
		return false;
	return send(sock, ANSWER, strlen(ANSWER), MSG_NOSIGNAL) ==
	       (ssize_t)strlen(ANSWER);
}

static void last_line(char *line, size_t size, const char *text)
{
	size_t len = strlen(text), start;

	while (len && text[len - 1] == '\n')
		len--;
	for (start = len; start && text[start - 1] != '\n'; start--)
		;
	snprintf(line, size, "%.*s", (int)(len - start), text + start);
}

struct script script_run(const char *prefix)
{
	struct ep peer = server(1, PORT);
	int listener = stream_listen(IPPROTO_TCP, SERVER, peer);
	int sniffer = sniff_open(A, "eth0");
	struct script s = { 0 };
	struct packet p;
	struct job job;

	job = job_start(A, "%s python3 selftests/handshake.py %s %u '%s'",
			prefix, ep_addr_str(peer), PORT, SAYS);
	s.said = serve(listener, &job);
	while (job_running(&job))
		sleep_ms(50);
	s.answered = strstr(job_output(&job), ANSWER);
	last_line(s.output, sizeof(s.output), job_output(&job));
	s.reset = sniff_find(sniffer, &p, is_rst_to, &peer, 100);
	return s;
}
