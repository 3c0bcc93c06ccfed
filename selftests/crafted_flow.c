// SPDX-License-Identifier: GPL-2.0
/*
 * Crafted flows on the wire: a program makes its own TCP handshake. Its kernel
 * does not know the connection and kills it with RST, unless the flow is
 * registered. Whatever else sends RST may go on doing so.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lab/behave.h"

#define SERVER_PORT 8080
#define MY_PORT 4000

/* What A's program does by itself, segment by segment. */
struct handshake {
	struct ep me, peer;
	int sniffer, listener, accepted;
	struct packet synack;
};

static bool is_synack(const struct packet *p, const void *me)
{
	return is_to(p, me) && p->tcp_flags == (TCP_SYN | TCP_ACK);
}

static bool is_my_rst(const struct packet *p, const void *me)
{
	return p->outgoing && is_from(p, me) && is_tcp_rst(p, NULL);
}

static bool crafted_syn(struct handshake *h, unsigned int port)
{
	struct packet p;

	h->me = host(A, port);
	h->peer = server(1, SERVER_PORT);
	h->listener = stream_listen(IPPROTO_TCP, SERVER, h->peer);
	h->sniffer = sniff_open(A, "eth0");
	p = packet_tcp(h->me, h->peer, TCP_SYN, 1000, 0);
	packet_send(A, &p);
	return sniff_find(h->sniffer, &h->synack, is_synack, &h->me, 2000);
}

/* Does A's own kernel put in a word? */
static bool kernel_resets(struct handshake *h)
{
	struct packet p;

	return sniff_find(h->sniffer, &p, is_my_rst, &h->me, 500);
}

static bool crafted_ack(struct handshake *h)
{
	struct packet p = packet_tcp(h->me, h->peer, TCP_ACK, 1001,
				     h->synack.seq + 1);

	packet_send(A, &p);
	h->accepted = stream_accept(h->listener, NULL, 2000);
	return h->accepted >= 0;
}

static struct seen handshake_by(struct handshake *h, unsigned int port,
				bool spared)
{
	bool reset, connected;

	if (!crafted_syn(h, port))
		return seen(false, "no SYN/ACK");
	reset = kernel_resets(h);
	connected = crafted_ack(h);
	return seen(reset != spared && connected == spared, "%s, %s",
		    reset ? "RST" : "no RST",
		    connected ? "connected" : "not connected");
}

static struct seen handshake(unsigned int port, bool spared)
{
	struct handshake h;

	return handshake_by(&h, port, spared);
}

static const char *me(unsigned int port)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s", ep_str(host(A, port)));
	return text;
}

static struct seen unregistered(const struct row *row)
{
	(void)row;
	return handshake(MY_PORT, false);
}

static struct seen registered(const struct row *row)
{
	struct seen s;

	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60", me(MY_PORT),
	     ep_str(server(1, SERVER_PORT)));
	s = handshake(MY_PORT, true);
	return s;
}

static struct seen another_is_not_spared(const struct row *row)
{
	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60", me(MY_PORT + 10),
	     ep_str(server(1, SERVER_PORT)));
	return handshake(MY_PORT + 11, false);
}

static struct seen a_lease_ends(const struct row *row)
{
	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 5", me(MY_PORT + 20),
	     ep_str(server(1, SERVER_PORT)));
	sleep_s(10);
	return handshake(MY_PORT + 20, false);
}

static struct seen watched_device(const struct row *row)
{
	struct seen s;

	(void)row;
	must(A, "natpunchctl crafted auto eth0 on");
	s = handshake(MY_PORT + 30, true);
	must(A, "natpunchctl crafted auto eth0 off");
	return s;
}

static struct job start_run(const char *what)
{
	struct job job;

	job = job_start(A, "exec natpunchctl crafted run %s -- sh -c 'echo up; exec sleep 1000'",
			what);
	if (!job_wait_for(&job, "up", COMES_MS))
		ktap_bail("crafted run: %s", job_output(&job));
	return job;
}

/*
 * Whatever ends the program, its connection is nobody's then, and another is not
 * spared either.
 */
static struct seen killed(unsigned int port, const char *what, int sig)
{
	struct job job = start_run(what);
	struct handshake h;
	struct seen s = handshake_by(&h, port, true);
	bool reset;

	if (s.ok) {
		kill(job.pid, sig);
		/* To tell what was held is the last that it does. */
		job_stop(&job);
		sleep_ms(100);
		if (send(h.accepted, "x", 1, MSG_NOSIGNAL) != 1)
			return seen(false, "the server has no connection");
		reset = kernel_resets(&h);
		s = handshake(port + 1, false);
		if (!reset)
			return seen(false, "the connection is spared still");
	}
	return s;
}

static struct seen killed_watching(const struct row *row)
{
	struct seen s = killed(MY_PORT + 60 + 2 * row->arg, "", row->arg);

	must(A, "natpunchctl crafted show");
	if (strstr(run_output(), "watched") || strstr(run_output(), " auto "))
		return seen(false, "left: %.150s", run_output());
	return s;
}

static struct seen killed_holding(const struct row *row)
{
	unsigned int port = MY_PORT + 150;
	char what[160];

	snprintf(what, sizeof(what), "%s %s", me(port),
		 ep_str(server(1, SERVER_PORT)));
	return killed(port, what, row->arg);
}

/* One watches until it ends, an admin until he says so. */
static struct seen two_watch(const struct row *row)
{
	struct job job;
	struct seen s;

	(void)row;
	must(A, "natpunchctl crafted auto eth0 on");
	job = start_run("");
	kill(job.pid, SIGKILL);
	job_stop(&job);
	sleep_ms(100);
	s = handshake(MY_PORT + 160, true);
	job = start_run("");
	must(A, "natpunchctl crafted auto eth0 off");
	if (s.ok)
		s = handshake(MY_PORT + 161, false);
	job_stop(&job);
	return s;
}

/* The gateway spares the flow: A's RST leaves A, but does not get out. */
static struct seen spared_by_the_gateway(unsigned int port)
{
	bool reset, connected;
	struct handshake h;

	must(GA, "natpunchctl crafted add %s %s --lease 60", me(port),
	     ep_str(server(1, SERVER_PORT)));
	if (!crafted_syn(&h, port))
		return seen(false, "no SYN/ACK");
	reset = kernel_resets(&h);
	connected = crafted_ack(&h);
	/* The next is to have the server's port to itself. */
	sock_close(h.listener);
	return seen(reset && connected, "A sends %s, %s",
		    reset ? "RST" : "no RST",
		    connected ? "connected" : "not connected");
}

static struct seen on_the_gateway(const struct row *row)
{
	(void)row;
	return spared_by_the_gateway(MY_PORT + 40);
}

/* The hold and crafted flows share a hook; either has it alone, too. */
static struct seen without_the_hold(const struct row *row)
{
	struct seen s;

	(void)row;
	must(GA, "natpunchctl wan set wan --hold off");
	s = spared_by_the_gateway(MY_PORT + 42);
	must(GA, "natpunchctl wan set wan --hold icmp");
	if (s.ok)
		s = spared_by_the_gateway(MY_PORT + 43);
	return s;
}

/* An address leaves the gateway for a host behind it: the flow moves along. */
static struct seen the_address_moves(const struct row *row)
{
	unsigned int port = MY_PORT + 45;
	struct handshake h;
	bool reset;

	(void)row;
	/* The rows before have flows that look at forwarded packets already. */
	sleep_s(61);
	must(GA, "ip address add %s/32 dev lo", ep_addr_str(host(A, port)));
	must(GA, "natpunchctl crafted add %s %s --lease 60", me(port),
	     ep_str(server(1, SERVER_PORT)));
	sleep_s(2);
	must(GA, "ip address del %s/32 dev lo", ep_addr_str(host(A, port)));
	sleep_s(2);
	if (!crafted_syn(&h, port))
		return seen(false, "no SYN/ACK");
	reset = kernel_resets(&h);
	return seen(reset && crafted_ack(&h), "A sends %s",
		    reset ? "RST" : "no RST");
}

/* A RST that a program makes for its registered flow gets out. */
static struct seen own_rst_passes(const struct row *row)
{
	struct ep from = host(A, MY_PORT + 50), to = server(1, SERVER_PORT);
	int sniffer = sniff_open(A, "eth0");
	struct packet p = packet_tcp(from, to, TCP_RST, 1000, 0);

	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60", me(MY_PORT + 50),
	     ep_str(to));
	packet_send(A, &p);
	return seen(sniff_find(sniffer, &p, is_my_rst, &from, 1000),
		    "does it leave?");
}

/* A listener has the port: its kernel's answer is no less its kernel's. */
static struct seen beside_a_listener(const struct row *row)
{
	unsigned int port = MY_PORT + 70;

	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60", me(port),
	     ep_str(server(1, SERVER_PORT)));
	stream_listen(IPPROTO_TCP, A, host(A, port));
	return handshake(port, true);
}

/* A real connection's goodbye gets out, whatever is registered. */
static struct seen real_socket(const struct row *row)
{
	unsigned int port = MY_PORT + 80;
	struct ep from = host(A, port), to = server(1, SERVER_PORT);
	int listener = stream_listen(IPPROTO_TCP, SERVER, to);
	int sock = stream_open(IPPROTO_TCP, A, from), got, error, sniffer;
	struct packet p;

	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60", me(port),
	     ep_str(to));
	error = stream_connect(sock, to);
	if (!error)
		error = stream_connected(sock, COMES_MS);
	got = stream_accept(listener, NULL, COMES_MS);
	if (error || got < 0 || !stream_deliver(got, sock))
		return seen(false, "not connected");
	sniffer = sniff_open(A, "eth0");
	stream_abort(sock);
	return seen(sniff_find(sniffer, &p, is_my_rst, &from, 1000),
		    "does the connection's RST leave?");
}

/* What a reject rule says is the admin's word. */
static struct seen reject_rule_passes(const struct row *row)
{
	struct ep from = host(A, MY_PORT + 90), to = server(1, SERVER_PORT);
	int sniffer = sniff_open(A, "eth0");
	struct packet p = packet_tcp(to, from, TCP_SYN, 1000, 0);
	bool found;

	(void)row;
	must(A, "natpunchctl crafted add %s %s --lease 60",
	     me(MY_PORT + 90), ep_str(to));
	nft(A, "table inet t {\n"
	    "	chain in {\n"
	    "		type filter hook input priority filter;\n"
	    "		tcp dport %u reject with tcp reset\n"
	    "	}\n"
	    "}\n", MY_PORT + 90);
	/* Past the gateway's NAT: from the home's own router. */
	packet_send(GA, &p);
	found = sniff_find(sniffer, &p, is_my_rst, &from, 1000);
	nft(A, "delete table inet t\n");
	return seen(found, "does it leave?");
}

static const struct row rows[] = {
	{ .name = "without a registration the kernel resets it",
	  .measure = unregistered, .families = BOTH },
	{ .name = "a registered flow connects",
	  .measure = registered, .families = BOTH },
	{ .name = "another flow is reset as ever",
	  .measure = another_is_not_spared, .families = BOTH },
	{ .name = "a lease ends by itself",
	  .measure = a_lease_ends },
	{ .name = "on a watched device no registration is needed",
	  .measure = watched_device, .families = BOTH },
	{ .name = "a program that watches is killed: nothing is left",
	  .measure = killed_watching, .arg = SIGKILL, .families = BOTH },
	{ .name = "or ends: nothing is left",
	  .measure = killed_watching, .arg = SIGTERM },
	{ .name = "a program that registered is killed: nothing is left",
	  .measure = killed_holding, .arg = SIGKILL, .families = BOTH },
	{ .name = "who watches, too, is not told by another's end",
	  .measure = two_watch },
	{ .name = "a gateway spares an inside host's flow",
	  .measure = on_the_gateway, .families = BOTH },
	{ .name = "with no hold, and when there is one again",
	  .measure = without_the_hold, .families = BOTH },
	{ .name = "also if the address was the gateway's at first",
	  .measure = the_address_moves },
	{ .name = "a registered flow beside a listener connects",
	  .measure = beside_a_listener, .families = BOTH },
	{ .name = "a real connection's RST gets out",
	  .measure = real_socket, .families = BOTH },
	{ .name = "a reject rule's RST gets out",
	  .measure = reject_rule_passes, .families = BOTH },
	{ .name = "a program's own RST gets out",
	  .measure = own_rst_passes, .families = BOTH },
};

ROWS_MAIN(rows)
