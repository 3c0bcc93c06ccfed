// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites without any broker: a line that B's gateway prints is brought to A's,
 * and the line that this prints is brought back. From then on it is as with a
 * broker. Lines that are wrong are refused with one line that says why.
 *
 * needs: kernel=6.1
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sock.h"
#include "lab/visit.h"
#include "lab/zoo.h"

#define LINE_SIZE	4096
#define LISTEN		"10.2.0.1:2222"

/* What people carry over. */
struct line {
	char text[LINE_SIZE];
};

/* What natpunchctl printed is a line to bring over. */
static bool is_line(struct line *l)
{
	snprintf(l->text, sizeof(l->text), "%.*s",
		 (int)strcspn(run_output(), "\n"), run_output());
	return !strncmp(l->text, "natpunch:", strlen("natpunch:"));
}

static bool offer(struct line *l)
{
	return !site_ctl(GB, "offer siteA/ssh --listen " LISTEN) && is_line(l);
}

static bool accept_offer(const struct line *l, struct line *answer)
{
	return !site_ctl(GA, "accept %s", l->text) && is_line(answer);
}

static bool accept_answer(const struct line *l)
{
	return !site_ctl(GB, "accept %s", l->text);
}

static void show(void)
{
	ktap_diag("%s", run_output());
	visit_logs();
}

/* @wait_s: so long the person takes, each way. */
static bool by_hand(unsigned int wait_s)
{
	struct line l, answer;

	if (!offer(&l))
		return false;
	sleep_s(wait_s);
	if (!accept_offer(&l, &answer))
		return false;
	sleep_s(wait_s);
	return accept_answer(&answer) &&
	       site_says(GB, "siteA/ssh: direct", SESSION_MS);
}

/* --- both gateways have public addresses ----------------------------------- */

static struct visit first;

/* Every third packet between the gateways' own sockets is lost meanwhile. */
static void it_connects(void)
{
	struct visit second;
	bool up = visit_begin(NULL, NULL);

	nft(NET, "table ip lossy {\n"
	    "	chain forward {\n"
	    "		type filter hook forward priority 0;\n"
	    "		meta l4proto udp iifname != \"srv\" oifname != \"srv\" "
	    "numgen inc mod 3 == 2 drop\n"
	    "	}\n"
	    "}\n");
	if (!ktap_ok(up && by_hand(0),
		     "two lines make a connection, though packets are lost"))
		show();
	nft(NET, "delete table ip lossy\n");
	if (!ktap_ok(visit_open(&first, B2), "a LAN client reaches the service"))
		show();
	sleep_s(100);
	if (!ktap_ok(visit_open(&second, B) && visit_lives(&first),
		     "later another one does"))
		show();
	visit_close(&second);
}

static void told(int status, const char *text, const char *what)
{
	if (!ktap_ok(status == 1 && strstr(run_output(), text) &&
		     strchr(run_output(), '\n') ==
		     strrchr(run_output(), '\n'), "%s: '%s'", what, text))
		show();
}

/* While a connection is open; it is not disturbed. */
static void lines_that_are_wrong(void)
{
	struct line l, answer, garbled, other;
	bool made = offer(&l) && accept_offer(&l, &answer);

	told(site_ctl(GA, "accept %s", l.text), "seen before", "an offer again");
	garbled = answer;
	garbled.text[300] = garbled.text[300] == 'x' ? 'y' : 'x';
	told(site_ctl(GB, "accept %s", garbled.text), "garbled", "a wrong letter");
	told(site_ctl(GB, "accept %.200s", answer.text), "not a whole one",
	     "half of it");
	told(site_ctl(GA, "accept %s", answer.text), "meant for another site",
	     "to the wrong site");
	made &= offer(&other);
	told(site_ctl(GB, "accept %s", answer.text), "no offer that still stands",
	     "an answer to the offer before");
	site_ctl(GB, "offer siteA/none --listen 10.2.0.1:2223");
	is_line(&l);
	told(site_ctl(GA, "accept %s", l.text), "no such service",
	     "for a service that is not there");
	site_ctl(GB, "connection del siteA/none");
	made &= accept_offer(&other, &answer);
	must(HOME, "date -s '+13 minutes'");
	told(site_ctl(GB, "accept %s", answer.text), "it has expired",
	     "after 13 minutes");
	ktap_ok(made && visit_lives(&first), "what was open has not noticed");
}

/* The last: nothing works afterwards. */
static void a_stranger(void)
{
	struct line l;

	site_stop(GB);
	must(HOME, "rm " SITES_DIR "/B.key && "
	     "natpunchd --make-key " SITES_DIR "/B.key");
	site_start(GB);
	offer(&l);
	told(site_ctl(GA, "accept %s", l.text), "not among the peers",
	     "of a site with another key");
}

/* --- what happens later ---------------------------------------------------- */

static void visitor(const char *what)
{
	struct visit v;

	if (!ktap_ok(visit_open(&v, B2), "%s", what))
		show();
	visit_close(&v);
}

static bool is_channel(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->protocol == IPPROTO_UDP && !p->outgoing &&
	       ep_same_addr(p->src, wan(GB, 0)) &&
	       ep_same_addr(p->dst, wan(GA, 0));
}

/* A packet of theirs, sent again by somebody else, does not move it there. */
static void nobody_takes_it_over(void)
{
	int wire = sniff_open(NET, "gb"), stranger;
	struct packet p;
	bool caught = sniff_find(wire, &p, is_channel, NULL, 60000);

	stranger = sniff_open(SERVER, "eth0");
	if (caught) {
		p.src = server(1, 5555);
		packet_checksum(&p);
		packet_send(SERVER, &p);
	}
	sleep_s(10);
	visitor("somebody repeats their packets: all goes on");
	ktap_diag("%s", caught ? "one was caught" : "none was caught");
	sock_close(wire);
	sock_close(stranger);
}

static void daemons_start_anew(void)
{
	struct visit v;
	bool up = visit_open(&v, B2);

	site_kill(GA);
	site_kill(GB);
	site_start(GA);
	site_start(GB);
	if (!ktap_ok(up && site_says(GB, "by hand: siteA is at", 10000) &&
		     site_says(GA, "adopted", 10000) && visit_lives(&v),
		     "killed and back, the daemons find each other again"))
		show();
	visitor("... and a client is served");
}

static bool is_direct_from(const char *address)
{
	unsigned long until = now_ms() + SESSION_MS;
	char at[64];

	for (; now_ms() < until; sleep_ms(500)) {
		snprintf(at, sizeof(at), "%s",
			 site_value(GB, "connection-show", ".result[0].local"));
		if (!strncmp(at, address, strlen(address)) &&
		    !strcmp(site_value(GB, "connection-show",
				       ".result[0].state"), "direct"))
			return true;
	}
	return false;
}

static void an_address_changes(void)
{
	must(GB, "ip addr flush dev wan scope global; "
	     "ip addr add 198.51.100.77/24 dev wan; "
	     "ip route replace default via 198.51.100.1");
	if (!ktap_ok(site_says(GB, "our address has changed", 10000) &&
		     site_says(GA, "siteB is at 198.51.100.77", 10000) &&
		     is_direct_from("198.51.100.77:"),
		     "the asking gateway's address changes: it is found there"))
		show();
	visitor("... and a client is served");
}

static bool is_from_gateway(const struct packet *p, const void *unused)
{
	(void)unused;
	return ep_same_addr(p->src, wan(GA, 0)) ||
	       ep_same_addr(p->dst, wan(GA, 0));
}

static void it_ends(void)
{
	struct packet p;
	bool up;
	int wire;

	up = !site_ctl(GB, "connection del siteA/ssh") &&
	      site_says(GA, "closed", 5000);
	/* A's site has lines that it waits for, and packets for its NATs. */
	sleep_s(600);
	ktap_ok(site_says(GA, "nobody has come", 0),
		"lines that nobody brought are given up");
	wire = sniff_open(NET, "ga");
	sleep_s(100);
	if (!ktap_ok(up && !sniff_find(wire, &p, is_from_gateway, NULL, 0),
		     "deleted: not a packet any more"))
		show();
	sock_close(wire);
	must(GB, "ip addr flush dev wan scope global; "
	     "ip addr add 198.51.100.2/24 dev wan; "
	     "ip route replace default via 198.51.100.1");
}

/* --- NATs in front --------------------------------------------------------- */

/* @wait_s: more than such NATs remember what is idle. */
static void pair_connects(const char *a, const char *b, unsigned int wait_s)
{
	if (!ktap_ok(visit_begin(a, b) && by_hand(wait_s),
		     "%s at the service, %s at the client, %u s each way", a, b,
		     wait_s))
		show();
	visitor("... and a client is served");
}

static void pair_does_not(const char *a, const char *b, const char *text)
{
	struct line l, answer = { "" };
	bool made = visit_begin(a, b) && offer(&l) && accept_offer(&l, &answer);

	if (!ktap_ok(made && site_ctl(GB, "accept %s", answer.text) == 1 &&
		     strstr(run_output(), text) &&
		     !site_ctl(GB, "connection show") &&
		     strstr(run_output(), "there are no connections"),
		     "%s and %s: '%s'", a, b, text))
		show();
}

static void udp_too(void)
{
	int service, client;
	unsigned long number;
	struct ep peer;
	struct line l, answer;
	bool up;

	service = udp_open(A, host(A, 53));
	up = !site_ctl(GA, "service add echo 10.1.0.2:53/udp --allow siteB") &&
	      !site_ctl(GB, "offer siteA/echo --listen 10.2.0.1:5353 --proto udp") &&
	      is_line(&l) && accept_offer(&l, &answer) && accept_answer(&answer) &&
	      site_says(GB, "siteA/echo: direct", SESSION_MS);
	client = udp_open(B2, host(B2, 0));
	number = udp_send(client, ep("10.2.0.1", 5353));
	if (!ktap_ok(up && udp_wait(service, number, &peer, 10000) &&
		     udp_deliver(service, peer, client, NULL),
		     "a UDP service, by lines of its own"))
		show();
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(27);
	lab_start();
	sites_start();
	must(HOME, "sed -i /^brokers/d " SITES_DIR "/*.conf");
	it_connects();
	lines_that_are_wrong();
	nobody_takes_it_over();
	an_address_changes();
	it_ends();
	pair_connects("home", "home", 130);
	daemons_start_anew();
	udp_too();
	pair_connects("linux", "linux", 40);
	/* The service's site needs no answer to find the other one. */
	pair_connects("sequential", "home-open", 20);
	pair_does_not("home", "sequential", "another port for each");
	a_stranger();
	return ktap_exit();
}
