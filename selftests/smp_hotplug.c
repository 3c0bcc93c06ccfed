// SPDX-License-Identifier: GPL-2.0
/*
 * A processor is taken away: what was counted on it still counts, flows that began
 * there go on, a SYN that is held there is answered in time, and while it goes and
 * comes no packet is lost.
 * needs: smp=2 noicount kernel=6.1 timeout=900
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/race.h"

#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define FLOWS	16
#define TURNS	4

static struct flow flows[FLOWS];
static int sender;

static bool processor(bool on)
{
	int fd = open(ONLINE, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, on ? "1" : "0", 1) == 1;

	if (!done)
		ktap_diag(ONLINE ": %s", strerror(errno));
	close(fd);
	return done;
}

/* What per-CPU counters tell, as text. */
static void counted(char *text, size_t size)
{
	must(GA, "natpunchctl -j stats | "
	     "jq -c '[.mappings_new, .flows_out, .filtered, .holds_new]'; "
	     "natpunchctl -j upstream show wan | "
	     "jq -c '[.. | objects | .flows? // empty]'");
	snprintf(text, size, "%s", run_output());
}

static void begin_there(void)
{
	struct packet syn = packet_tcp(server(1, 80), wan(GA, 80), TCP_SYN,
				       1, 0);
	int i;

	race_pin(1);
	for (i = 0; i < FLOWS; i++)
		flows[i] = flow_open(i % 2 ? IPPROTO_UDP : IPPROTO_TCP, A,
				     5000 + i, server(1, 7000 + i));
	packet_send(SERVER, &syn);
	sleep_ms(100);
	race_pin(0);
}

static unsigned int go_on(void)
{
	unsigned int i, n = 0;
	struct ep before;

	for (i = 0; i < FLOWS; i++) {
		before = flows[i].external;
		n += ep_eq(flow_ask(&flows[i]), before) && flows[i].answered;
	}
	return n;
}

static void counters_and_timers(void)
{
	int wire = sniff_open(SERVER, "eth0");
	char before[256], after[256];
	unsigned int n;
	struct packet p;

	begin_there();
	counted(before, sizeof(before));
	if (!ktap_ok(processor(false), "processor 1 goes"))
		ktap_bail("so there is nothing to see");
	counted(after, sizeof(after));
	if (!ktap_ok(!strcmp(before, after), "what it counted still counts"))
		ktap_diag("before:\n%safter:\n%s", before, after);
	n = go_on();
	ktap_ok(n == FLOWS, "%u of %u flows that began there go on", n, FLOWS);
	ktap_ok(sniff_find(wire, &p, is_icmp_error, NULL, 8000),
		"a SYN that was held there is answered");
	ktap_ok(processor(true), "processor 1 comes back");
}

static void busy(unsigned int i)
{
	struct ep to = server(1, 9);

	sendto(sender, &i, sizeof(i), 0, &to.sa, ep_len(to));
	sleep_ms(1);
}

static unsigned int arrived(int wire)
{
	struct ep to = server(1, 9);
	unsigned int n = 0;
	struct packet p;

	while (sniff_next(wire, &p, 0))
		n += ep_eq(p.dst, to);
	return n;
}

static void nothing_is_lost(void)
{
	int wire = sniff_open(SERVER, "eth0"), i;
	unsigned int n = 0, turns = 0;
	pid_t pid;
	long sent;

	sender = udp_open(A, host(A, 9000));
	/* Else ICMP errors would keep it from sending. */
	udp_open(SERVER, server(1, 9));
	pid = race_keep(1, busy);
	for (i = 0; i < 2 * TURNS; i++) {
		sleep_ms(100);
		turns += processor(i % 2);
		/* Where it was taken away from, the scheduler put it elsewhere. */
		race_pin_other(pid, 1);
		n += arrived(wire);
	}
	sent = race_end(pid);
	sleep_ms(500);
	n += arrived(wire);
	ktap_ok(turns == 2 * TURNS, "it went and came %u times", turns / 2);
	/* The last one may have been killed before it was counted. */
	ktap_ok(sent > 0 && (n == sent || n == sent + 1),
		"%u of %ld packets arrived meanwhile", n, sent);
}

int main(void)
{
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	if (!race_possible() || access(ONLINE, W_OK))
		ktap_skip_all("no processor to take away");
	ktap_plan(7);
	lab_start();
	gateway(GA, NAT_NATPUNCH, "");
	counters_and_timers();
	nothing_is_lost();
	return ktap_exit();
}
