// SPDX-License-Identifier: GPL-2.0
/*
 * Which ways two sites try, and when: what worked the last time in this network goes
 * first, and nothing is sent elsewhere in vain; a probe leaves when the message that
 * announces it will have arrived; what has no chance is not tried at all.
 *
 * needs: kernel=6.1
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "lab/gateway.h"
#include "lab/packet.h"
#include "lab/sock.h"
#include "lab/visit.h"
#include "lab/zoo.h"

#define BROKER_PORT	1883
#define MESSAGE_MIN	200	/* bytes: a sealed one, none that only acknowledges */
#define ONE_WAY_MS	40	/* to the broker and on to the peer */

static bool connects(const char *service, const char *proto)
{
	unsigned long until = now_ms() + SESSION_MS;

	if (site_ctl(GB, "connect siteA/%s --listen 10.2.0.1:2222 --proto %s",
		     service, proto))
		return false;
	for (; now_ms() < until; sleep_ms(100))
		if (!strcmp(site_value(GB, "connection-show",
				       ".result[0].state"), "direct"))
			return true;
	return false;
}

/* A's address behind its NAT is none that can be reached from B. */
static bool is_in_vain(const struct packet *p, const void *unused)
{
	(void)unused;
	return p->outgoing && ep_same_addr(p->dst, zoo_inside(GA, 0));
}

/* From nothing to a direct session; how many packets are sent in vain? */
static int in_vain(const char *service, const char *proto, bool *up)
{
	int wire = sniff_open(GB, "wan"), n = 0;
	struct packet p;

	*up = connects(service, proto);
	sleep_ms(1000);
	while (n < 1000 && sniff_find(wire, &p, is_in_vain, NULL, 0))
		n++;
	sock_close(wire);
	site_ctl(GB, "connection del siteA/%s", service);
	sleep_ms(200);
	return n;
}

static void what_worked_is_first(const char *service, const char *proto)
{
	bool up[3];
	int first, again, restarted;

	first = in_vain(service, proto, &up[0]);
	again = in_vain(service, proto, &up[1]);
	site_stop(GB);
	site_start(GB);
	site_says(GB, "siteA is online", 10000);
	restarted = in_vain(service, proto, &up[2]);
	if (!ktap_ok(up[0] && first,
		     "%s: in a network that is not known all ways are tried",
		     proto))
		visit_logs();
	if (!ktap_ok(up[1] && !again, "%s: then only the one that worked",
		     proto))
		visit_logs();
	ktap_ok(up[2] && !restarted, "%s: ... after a restart, too", proto);
	ktap_diag("packets in vain: %d, %d, %d", first, again, restarted);
}

static void elsewhere(void)
{
	bool up;
	int n;

	must(GB, "ip addr flush dev wan scope global; "
	     "ip addr add 198.51.100.77/24 dev wan; "
	     "ip route replace default via 198.51.100.1");
	site_says(GB, "siteA is offline", 5000);
	site_says(GB, "siteA is online", 20000);
	sleep_s(2);
	n = in_vain("ssh", "tcp", &up);
	if (!ktap_ok(up && n, "in another network all are tried again: %d", n))
		visit_logs();
	must(GB, "ip addr flush dev wan scope global; "
	     "ip addr add 198.51.100.2/24 dev wan; "
	     "ip route replace default via 198.51.100.1");
}

/* --- when a probe leaves --------------------------------------------------- */

static bool is_message(const struct packet *p)
{
	return p->protocol == IPPROTO_TCP &&
	       p->len - p->payload >= MESSAGE_MIN;
}

static bool is_probe(const struct packet *p)
{
	return p->outgoing && ep_same_addr(p->dst, zoo_wan(GA, 0)) &&
	       (p->protocol == IPPROTO_UDP || p->tcp_flags == TH_SYN);
}

/* Within what time after the message, in ways: that of the message, and its work. */
static unsigned long ways_at_most(void)
{
	return lab_finds_mistakes() ? 4 : 2;
}

/*
 * "open" is the last message before the probe, "opened" the first one to come after
 * it: so the probe has not waited for that.
 */
static void early(const char *service, const char *proto)
{
	int wire = sniff_open(GB, "wan");
	unsigned long until = now_ms() + SESSION_MS, said = 0, probed = 0;
	bool asked = !site_ctl(GB, "connect siteA/%s --listen 10.2.0.1:2222 "
			       "--proto %s", service, proto);
	bool waited = false;
	struct packet p;

	while (asked && !probed && now_ms() < until) {
		if (!sniff_next(wire, &p, 1000))
			continue;
		if (is_probe(&p)) {
			probed = now_ms();
		} else if (is_message(&p) && p.outgoing) {
			said = now_ms();
			waited = false;
		} else if (is_message(&p)) {
			waited = true;
		}
	}
	if (!ktap_ok(probed && !waited && probed - said >= ONE_WAY_MS / 2 &&
		     probed - said < ways_at_most() * ONE_WAY_MS,
		     "%s: a probe leaves when its message arrives: %lu ms after",
		     proto, probed - said))
		visit_logs();
	site_says(GB, "direct", SESSION_MS);
	site_ctl(GB, "connection del siteA/%s", service);
	sock_close(wire);
}

/* --- what has no chance ---------------------------------------------------- */

/* From many ports of few to one address: they would soon be used up. */
static void hopeless(const char *a, const char *b)
{
	unsigned long begin;
	bool up, told;

	up = visit_set_up(a, b);
	begin = now_ms();
	told = visit_want() && site_says(GB, "a relay is needed", SESSION_MS);
	if (!ktap_ok(up && told && now_ms() - begin < 5000 &&
		     !strstr(site_log(GB), "trying ") &&
		     !strstr(site_log(GA), "opened towards"),
		     "%s and %s: a relay is needed, said after %lu ms", a, b,
		     now_ms() - begin))
		visit_logs();
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(11);
	lab_start();
	sites_start();
	if (!visit_set_up("home", NULL) ||
	    site_ctl(GA, "service add echo 10.1.0.2:53/udp --allow siteB"))
		ktap_bail("the sites do not find each other");
	what_worked_is_first("ssh", "tcp");
	what_worked_is_first("echo", "udp");
	early("ssh", "tcp");
	early("echo", "udp");
	elsewhere();
	hopeless("carrier-blocks", "address-dependent");
	hopeless("address-dependent", "mobile-band");
	return ktap_exit();
}
