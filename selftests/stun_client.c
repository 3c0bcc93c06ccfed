// SPDX-License-Identifier: GPL-2.0
/*
 * user/stun, which natpunchctl and natpunchd ask servers with: against coturn over
 * UDP and TCP, IPv4 and IPv6, against the RFC 3489 server stund, against servers
 * that refuse, stay silent or lie, and against the vectors of RFC 5769. The gateway
 * asks, which has an address that they can answer to.
 *
 * No module is needed, but the servers are: one kernel will do.
 *
 * needs: kernel=6.1
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../user/stun/stun-socket.h"
#include "lab/lab.h"
#include "lab/sock.h"

static const struct stun_timing quick = {
	.rto = 100, .tries = 3, .last = 4, .reliable = 3000,
};

static struct stun_answer last;
static unsigned int answers;
static struct stun_icmp last_icmp;

static struct sockaddr_storage ss_of(struct ep e)
{
	struct sockaddr_storage ss = { 0 };

	memcpy(&ss, &e, sizeof(e));
	return ss;
}

static struct ep ep_of(const struct np_stun_ep *e)
{
	struct sockaddr_storage ss;

	return stun_sockaddr(&ss, e) ? ep_from((void *)&ss) : (struct ep){ 0 };
}

static void remember(struct stun_request *req, const struct stun_answer *answer)
{
	(void)req;
	last = *answer;
	answers++;
}

static void remember_icmp(struct stun_socket *s, const struct stun_icmp *icmp)
{
	(void)s;
	last_icmp = *icmp;
}

/* The loop that the library leaves to its users, until @n answers are there. */
static void run_until(struct stun_socket *s, unsigned int n, uint64_t ms)
{
	uint64_t end = stun_now() + ms, now, next;
	struct pollfd p;

	for (;;) {
		now = stun_now();
		stun_socket_tick(s, now);
		if (answers >= n || now >= end)
			return;
		next = stun_socket_deadline(s);
		if (next > end)
			next = end;
		p.fd = stun_socket_events(s) ? s->fd : -1;
		p.events = stun_socket_events(s);
		now = stun_now();
		if (poll(&p, 1, next > now ? (int)(next - now) : 0) > 0)
			stun_socket_ready(s, p.revents);
	}
}

static struct stun_request request(struct ep to, enum stun_dialect dialect)
{
	struct stun_request req = {
		.to = ss_of(to), .timing = quick, .done = remember,
	};

	stun_begin_request(&req.message, dialect);
	return req;
}

static struct stun_answer ask(struct stun_socket *s, struct stun_request *req)
{
	memset(&last, 0, sizeof(last));
	answers = 0;
	stun_request_send(s, req);
	run_until(s, 1, 10000);
	if (!answers) {
		stun_request_cancel(req);
		last.outcome = STUN_FAILED;
		last.error = ETIME;
	}
	return last;
}

static void open_udp(struct stun_socket *s, struct ep local)
{
	struct sockaddr_storage ss = ss_of(local);
	int err;

	lab_enter(GA);
	err = stun_udp_open(s, &ss, NULL);
	lab_enter(HOME);
	if (err)
		ktap_bail("socket: %s", strerror(-err));
	s->on_icmp = remember_icmp;
}

static int open_tcp(struct stun_socket *s, struct ep local, struct ep to)
{
	struct sockaddr_storage ss = ss_of(local), remote = ss_of(to);
	int err;

	lab_enter(GA);
	err = stun_tcp_open(s, &ss, NULL, &remote);
	lab_enter(HOME);
	return err;
}

/* --- real servers -------------------------------------------------------- */

static void check_server(const char *name, enum stun_dialect dialect)
{
	struct stun_request req = request(server(1, 3478), dialect);
	struct stun_answer answer;
	struct stun_socket s;

	open_udp(&s, wan(GA, 5000));
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED &&
		ep_eq(ep_of(np_stun_mapped(&answer.msg)), wan(GA, 5000)),
		"%s: it tells our endpoint", name);
	ktap_ok(ep_eq(ep_of(&answer.msg.other), server(2, 3479)),
		"%s: it tells its second endpoint, %s", name,
		ep_str(ep_of(&answer.msg.other)));

	req = request(server(1, 3478), dialect);
	stun_add_u32(&req.message, NP_STUN_A_CHANGE,
		     NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT);
	req.any_source = true;
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED &&
		ep_eq(ep_from((void *)&answer.from), server(2, 3479)),
		"%s: CHANGE-REQUEST is answered from there", name);

	req = request(server(1, 3478), dialect);
	stun_add_u32(&req.message, NP_STUN_A_CHANGE, NP_STUN_CHANGE_PORT);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_SILENCE,
		"%s: an answer from elsewhere is none if it was not wanted",
		name);
	stun_socket_close(&s);
}

#define SERVER_RESULTS	4

static void check_many(void)
{
	struct stun_request req[20] = { 0 };
	struct stun_socket s;
	size_t i;

	open_udp(&s, wan(GA, 0));
	answers = 0;
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		req[i] = request(server(1 + i % 2, 3478 + i / 2 % 2),
				 STUN_RFC5389);
		stun_request_send(&s, &req[i]);
	}
	run_until(&s, ARRAY_SIZE(req), 5000);
	ktap_ok(answers == ARRAY_SIZE(req) && !s.requests &&
		stun_socket_deadline(&s) == STUN_NEVER,
		"twenty transactions on one socket");
	stun_socket_close(&s);
}

static void check_tcp(void)
{
	struct stun_request req = request(server(1, 3478), STUN_RFC5389);
	struct stun_request req2 = request(server(2, 3479), STUN_RFC5389);
	struct stun_answer answer, answer2;
	struct stun_socket s, s2;
	int err;

	err = open_tcp(&s, wan(GA, 5001), server(1, 3478));
	answer = ask(&s, &req);
	ktap_ok(!err && answer.outcome == STUN_ANSWERED &&
		ep_eq(ep_of(np_stun_mapped(&answer.msg)), wan(GA, 5001)),
		"TCP: it tells our endpoint");
	err = open_tcp(&s2, wan(GA, 5001), server(2, 3479));
	answer2 = ask(&s2, &req2);
	ktap_ok(!err && answer2.outcome == STUN_ANSWERED &&
		ep_eq(ep_of(np_stun_mapped(&answer2.msg)), wan(GA, 5001)),
		"TCP: a second connection from the same port");
	req = request(server(1, 3478), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED,
		"TCP: a second request on the first one");
	stun_socket_close(&s);
	stun_socket_close(&s2);

	err = open_tcp(&s, wan(GA, 5001), server(1, 9));
	req = request(server(1, 9), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(!err && answer.outcome == STUN_FAILED && answer.error == ECONNREFUSED,
		"TCP: no server: refused");
	stun_socket_close(&s);
}

static void check_refusal(void)
{
	static const uint8_t odd[4] = { 1, 2, 3, 4 };
	struct stun_request req = request(server(1, 3478), STUN_RFC5389);
	struct stun_answer answer;
	struct stun_socket s;

	open_udp(&s, wan(GA, 0));
	stun_add(&req.message, 0x7f01, odd, sizeof(odd));
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_REFUSED && answer.msg.error == 420,
		"an attribute that no server knows is refused (%d, %u)",
		answer.outcome, answer.msg.error);
	req = request(server(1, 9), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_FAILED && answer.error == ECONNREFUSED &&
		ep_same_addr(ep_from((void *)&last_icmp.from), server(1, 0)),
		"no server: ICMP tells");
	req = request(server(1, 3478), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED,
		"the next request does not suffer for it");
	stun_socket_close(&s);
}

static void check_ttl(void)
{
	struct stun_request req = request(server(1, 3478), STUN_RFC5389);
	struct stun_answer answer;
	struct stun_socket s;

	memset(&last_icmp, 0, sizeof(last_icmp));
	open_udp(&s, wan(GA, 0));
	req.ttl = 1;
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_FAILED &&
		ep_same_addr(ep_from((void *)&last_icmp.from), ep("203.0.113.1", 0)) &&
		ep_eq(ep_from((void *)&last_icmp.to), server(1, 3478)),
		"a packet of one hop is answered by the first router");
	stun_socket_close(&s);
}

static void check_family(int family)
{
	struct stun_request req;
	struct stun_answer answer;
	struct stun_socket s;

	lab_use_family(family);
	req = request(server(1, 3478), STUN_RFC5389);
	open_udp(&s, wan(GA, 5000));
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED &&
		ep_eq(ep_of(np_stun_mapped(&answer.msg)), wan(GA, 5000)),
		"IPv6, UDP: %s", ep_str(ep_of(np_stun_mapped(&answer.msg))));
	req = request(server(1, 9), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_FAILED && answer.error == ECONNREFUSED,
		"IPv6, UDP: no server: ICMPv6 tells");
	stun_socket_close(&s);
	if (open_tcp(&s, wan(GA, 5002), server(1, 3478)))
		ktap_bail("IPv6: no TCP socket");
	req = request(server(1, 3478), STUN_RFC5389);
	answer = ask(&s, &req);
	ktap_ok(answer.outcome == STUN_ANSWERED &&
		ep_eq(ep_of(np_stun_mapped(&answer.msg)), wan(GA, 5002)),
		"IPv6, TCP: %s", ep_str(ep_of(np_stun_mapped(&answer.msg))));
	stun_socket_close(&s);
	lab_use_family(AF_INET);
}

/* --- silence and lies ---------------------------------------------------- */

static void check_silence(void)
{
	struct stun_request req = request(server(1, 4000), STUN_RFC5389);
	int sink = udp_open(SERVER, server(1, 4000));
	struct stun_answer answer;
	struct stun_socket s;
	uint64_t start;
	char buf[64];
	int n = 0;

	open_udp(&s, wan(GA, 0));
	start = stun_now();
	answer = ask(&s, &req);
	while (recv(sink, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	/* 100 + 200 + 4 * 100 */
	ktap_ok(answer.outcome == STUN_SILENCE && n == 3 &&
		stun_now() - start >= 700,
		"silence: sent three times, given up after %u ms (%d)",
		(unsigned int)(stun_now() - start), n);
	stun_request_send(&s, &req);
	stun_request_cancel(&req);
	ktap_ok(!s.requests && stun_socket_deadline(&s) == STUN_NEVER,
		"a cancelled request is none");
	stun_socket_close(&s);
	sock_close(sink);
}

/* An answer by hand: what is wrong with it is the bit set in @wrong. */
enum {
	WRONG_ID = 1, WRONG_SOURCE = 2, WRONG_ATTR = 4, WRONG_LENGTH = 8,
	WRONG_TYPE = 16,
};

static struct stun_answer lied_to(unsigned int wrong)
{
	int fd = udp_open(SERVER, server(1, 4000));
	int other = udp_open(SERVER, server(2, 4000));
	struct stun_request req = request(server(1, 4000), STUN_RFC5389);
	struct sockaddr_storage ss = ss_of(wan(GA, 77)), to;
	struct stun_message answer;
	struct stun_socket s;

	open_udp(&s, wan(GA, 0));
	if (stun_socket_name(&s, &to))
		ktap_bail("no local endpoint");
	stun_begin(&answer, wrong & WRONG_TYPE ? NP_STUN_BINDING_REQUEST :
						 NP_STUN_BINDING_SUCCESS,
		   req.message.data + 4);
	stun_add_xor_addr(&answer, NP_STUN_A_XOR_MAPPED, (void *)&ss);
	if (wrong & WRONG_ATTR)
		stun_add_u32(&answer, 0x7f02, 1);
	if (wrong & WRONG_ID)
		answer.data[19] ^= 1;
	if (wrong & WRONG_LENGTH)
		answer.data[3] += 4;
	sendto(wrong & WRONG_SOURCE ? other : fd, answer.data, answer.len, 0,
	       (void *)&to, stun_sockaddr_len(&to));
	ask(&s, &req);
	stun_socket_close(&s);
	sock_close(fd);
	sock_close(other);
	return last;
}

static void check_lies(void)
{
	static const struct {
		unsigned int wrong;
		const char *name;
	} lies[] = {
		{ WRONG_ID, "another transaction's id" },
		{ WRONG_SOURCE, "another source" },
		{ WRONG_ATTR, "an attribute that is not understood but must be" },
		{ WRONG_LENGTH, "a length beyond the packet" },
		{ WRONG_TYPE, "a request in place of an answer" },
	};
	size_t i;

	ktap_ok(lied_to(0).outcome == STUN_ANSWERED,
		"an answer made by hand is believed");
	for (i = 0; i < ARRAY_SIZE(lies); i++)
		ktap_ok(lied_to(lies[i].wrong).outcome == STUN_SILENCE,
			"not with %s", lies[i].name);
}

/* A stream's bytes come as they like, and some are no STUN at all. */
static void check_stream(void)
{
	int listener = stream_listen(IPPROTO_TCP, SERVER, server(1, 4001));
	struct sockaddr_storage ss = ss_of(wan(GA, 77));
	struct stun_request req = request(server(1, 4001), STUN_RFC5389);
	struct stun_message answer;
	struct stun_socket s;
	struct ep peer;
	int fd;

	if (open_tcp(&s, wan(GA, 0), server(1, 4001)))
		ktap_bail("no TCP socket");
	fd = stream_accept(listener, &peer, COMES_MS);
	stun_begin(&answer, NP_STUN_BINDING_SUCCESS, req.message.data + 4);
	stun_add_xor_addr(&answer, NP_STUN_A_XOR_MAPPED, (void *)&ss);
	memset(&last, 0, sizeof(last));
	answers = 0;
	stun_request_send(&s, &req);
	send(fd, answer.data, 7, MSG_NOSIGNAL);
	run_until(&s, 1, 200);
	ktap_ok(!answers, "a part of an answer is none");
	send(fd, answer.data + 7, answer.len - 7, MSG_NOSIGNAL);
	run_until(&s, 1, COMES_MS);
	ktap_ok(answers == 1 && last.outcome == STUN_ANSWERED,
		"with the rest it is one");
	stun_request_send(&s, &req);
	send(fd, "SSH-2.0-OpenSSH_9.2p1\r\n", 23, MSG_NOSIGNAL);
	run_until(&s, 2, COMES_MS);
	ktap_ok(answers == 2 && last.outcome == STUN_FAILED &&
		last.error == EPROTO && !stun_socket_events(&s),
		"a server that speaks something else");
	stun_request_send(&s, &req);
	run_until(&s, 3, COMES_MS);
	ktap_ok(answers == 3 && last.outcome == STUN_FAILED,
		"no request on a dead stream");
	stun_socket_close(&s);
	sock_close(fd);
	sock_close(listener);
}

/* --- messages ------------------------------------------------------------ */

/* RFC 5769 section 2.1: a sample request, its password is the key. */
static const uint8_t sample[] =
"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
"\x80\x22\x00\x10STUN test client"
"\x00\x24\x00\x04\x6e\x00\x01\xff"
"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
"\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5"
"\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
static const char key[] = "VOkJxbRl1RmTxUk/WvJxBt";

static void check_sample(void)
{
	size_t len = sizeof(sample) - 1, n;
	struct np_stun_msg msg;
	uint8_t copy[sizeof(sample)];
	const uint8_t *value;

	ktap_ok(stun_parse(&msg, sample, len) == NP_STUN_OK &&
		stun_is_message(sample, len) &&
		stun_integrity_is_right(sample, len, key, sizeof(key) - 1) &&
		stun_fingerprint_is_right(sample, len),
		"RFC 5769's request is signed rightly");
	value = stun_find(sample, len, STUN_A_USERNAME, &n);
	ktap_ok(value && n == 9 && !memcmp(value, "evtj:h6vY", 9),
		"its user's name is found");
	ktap_ok(!stun_integrity_is_right(sample, len, "wrong", 5),
		"another key is wrong");
	memcpy(copy, sample, sizeof(copy));
	copy[30] ^= 1;
	ktap_ok(!stun_integrity_is_right(copy, len, key, sizeof(key) - 1) &&
		!stun_fingerprint_is_right(copy, len),
		"a changed bit is seen by both");
}

static void check_building(void)
{
	struct stun_message m, same;
	struct np_stun_msg msg;
	struct sockaddr_storage ss = ss_of(ep("2001:db8::7", 4711));
	uint8_t big[STUN_MESSAGE_SIZE];

	stun_begin(&same, NP_STUN_BINDING_REQUEST, sample + 4);
	stun_add(&same, STUN_A_SOFTWARE, "STUN test client", 16);
	stun_add_u32(&same, STUN_A_PRIORITY, 0x6e0001ff);
	stun_add_u64(&same, STUN_A_ICE_CONTROLLED, 0x932ff9b151263b36);
	stun_add(&same, STUN_A_USERNAME, "evtj:h6vY", 9);
	stun_add_integrity(&same, key, sizeof(key) - 1);
	stun_add_fingerprint(&same);
	/* Its padding is blanks, ours is zero: sign as far as they agree. */
	ktap_ok(same.len == sizeof(sample) - 1 &&
		!memcmp(same.data, sample, 73) &&
		stun_integrity_is_right(same.data, same.len, key,
					sizeof(key) - 1) &&
		stun_fingerprint_is_right(same.data, same.len),
		"a request like it can be made");

	stun_begin(&m, NP_STUN_BINDING_ERROR, sample + 4);
	stun_add_error(&m, 487, "Role Conflict");
	stun_add_xor_addr(&m, NP_STUN_A_XOR_MAPPED, (void *)&ss);
	stun_add_addr(&m, NP_STUN_A_OTHER, (void *)&ss);
	ktap_ok(stun_parse(&msg, m.data, m.len) == NP_STUN_OK &&
		msg.error == 487 &&
		ep_eq(ep_of(&msg.xor_mapped), ep("2001:db8::7", 4711)) &&
		ep_eq(ep_of(&msg.other), ep("2001:db8::7", 4711)),
		"an error and addresses are read back as they were written");

	memset(big, 0, sizeof(big));
	stun_add(&m, STUN_A_SOFTWARE, big, sizeof(big) - 100);
	stun_add_u32(&m, STUN_A_PRIORITY, 1);
	stun_add_fingerprint(&m);
	ktap_ok(!m.len && !stun_add_integrity(&m, key, 4),
		"a message that grew too long is none");
}

static void check_timers(void)
{
	static const uint64_t rfc[] = {
		0, 500, 1500, 3500, 7500, 15500, 31500,
	};
	struct stun_transaction t;
	struct stun_message m;
	uint64_t now = 0;
	size_t n = 0;
	bool right = true;

	stun_begin_request(&m, STUN_RFC5389);
	stun_transaction_start(&t, &m, &stun_timing_rfc, false, 0);
	while (stun_transaction_step(&t, now) == STUN_SEND) {
		right = right && n < ARRAY_SIZE(rfc) && now == rfc[n];
		right = right && stun_transaction_step(&t, now) == STUN_WAIT;
		n++;
		now = t.next;
	}
	ktap_ok(right && n == ARRAY_SIZE(rfc) && now == 39500,
		"RFC 8489's timers: seven times, and 39.5 s");
	stun_transaction_start(&t, &m, &stun_timing_rfc, true, 100);
	right = stun_transaction_step(&t, 100) == STUN_SEND &&
		stun_transaction_step(&t, 39599) == STUN_WAIT &&
		stun_transaction_step(&t, 39600) == STUN_GIVE_UP;
	ktap_ok(right, "and on a stream once, and 39.5 s");
}

/* ------------------------------------------------------------------------- */

static bool start(struct job *job, const char *ready, const char *command)
{
	*job = job_start(SERVER, "%s", command);
	return job_wait_for(job, ready, 30000);
}

static void with_coturn(void)
{
	struct job job;
	char command[600];

	snprintf(command, sizeof(command), "exec turnserver -n --no-cli --no-auth "
		 "--no-tls --no-dtls -r lab -L %s -L %s -L 2001:db8:5::10 "
		 "-L 2001:db8:5::11 -p 3478 --alt-listening-port 3479 "
		 "--relay-threads 1 -b /run/netns/turndb "
		 "--pidfile /run/netns/turn.pid --log-file stdout --simple-log",
		 ep_addr_str(server(1, 0)), ep_addr_str(server(2, 0)));
	if (!start(&job, "Total General servers", command))
		ktap_bail("no coturn: %s", job_output(&job));
	check_server("coturn, RFC 5780", STUN_RFC5389);
	check_server("coturn, RFC 3489", STUN_RFC3489);
	check_many();
	check_tcp();
	check_refusal();
	check_ttl();
	check_family(AF_INET6);
	job_stop(&job);
}

static void with_stund(void)
{
	struct job job;
	int i;

	if (run(SERVER, "command -v stund")) {
		for (i = 0; i < 2 * SERVER_RESULTS; i++)
			ktap_skip("stund", "no stund here (Debian: stun-server)");
		return;
	}
	/* It prints nothing that would tell that it is ready. */
	job = job_start(SERVER, "exec stund -h %s -a %s -p 3478 -o 3479",
			ep_addr_str(server(1, 0)), ep_addr_str(server(2, 0)));
	for (i = 0; i < 100 && run(SERVER, "ss -Hlun | grep -q 3479"); i++)
		sleep_ms(50);
	check_server("stund, RFC 3489", STUN_RFC3489);
	check_server("stund, asked as RFC 5389 does", STUN_RFC5389);
	job_stop(&job);
}

int main(void)
{
	ktap_plan(4 * SERVER_RESULTS + 1 + 4 + 3 + 1 + 3 + 2 + 6 + 4 + 4 + 3 +
		  2);
	lab_start();
	check_sample();
	check_building();
	check_timers();
	check_silence();
	check_lies();
	check_stream();
	with_coturn();
	with_stund();
	return ktap_exit();
}
