// SPDX-License-Identifier: GPL-2.0
/*
 * The module goes and comes while traffic flows. (That the kernel does
 * not complain is for whoever runs this to see.)
 *
 *	ROUNDS		how often (default 30; 4 in a kernel that finds mistakes, where
 *			each takes a minute or more)
 *
 * needs: timeout=900
 */
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/behave.h"
#include "lab/chance.h"

/* New flows and old ones, both ways, UDP, TCP and pings, until it is killed. */
static pid_t start_traffic(void)
{
	unsigned int i;
	pid_t pid = lab_fork();
	struct ep wan_ga = wan(GA, 5000);
	int s;

	if (pid)
		return pid;
	s = udp_open(SERVER, server(1, 3478));
	for (i = 0;; i++) {
		int a = udp_open(A, host(A, 5000 + i % 500));
		int t = stream_open(IPPROTO_TCP, A, host(A, 6000 + i % 500));

		udp_send(a, server(1, 3478));
		udp_send(a, server(2, 3478));
		udp_send(s, ep_at(wan_ga, 5000 + i % 500));
		stream_connect(t, server(1, 80));
		udp_send(a, wan_ga);
		sleep_ms(5);
		sock_close(a);
		stream_abort(t);
	}
}

static bool unload(void)
{
	return !run(HOME, "timeout 60 rmmod natpunch");
}

int main(void)
{
	pid_t traffic;
	struct ep e;
	unsigned int rounds = chance_count("ROUNDS",
					   lab_finds_mistakes() ? 4 : 30);
	unsigned int i, unloaded = 0;
	int status;

	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(3);
	lab_start();
	stream_listen(IPPROTO_TCP, SERVER, server(1, 80));
	traffic = start_traffic();
	for (i = 0; i < rounds; i++) {
		must(HOME, "modprobe natpunch");
		must(HOME, "natpunchctl -n GA wan add wan --filter eif "
		     "--inbound-refresh %s", i % 2 ? "on" : "off");
		must(HOME, "natpunchctl -n GB wan add wan");
		sleep_ms(i % 5 * 40);
		if (unload())
			unloaded++;
		else
			ktap_diag("round %u: %s", i, run_output());
	}
	ktap_ok(!waitpid(traffic, NULL, WNOHANG), "traffic flowed all the time");
	kill(traffic, SIGKILL);
	waitpid(traffic, &status, 0);
	ktap_ok(unloaded == rounds, "unloaded %u of %u times", unloaded, rounds);
	sleep_s(1);
	gateways(NAT_NATPUNCH, NAT_NONE, NULL);
	e = external(IPPROTO_UDP, A, 5000, server(1, 3478));
	ktap_ok(ep_eq(e, wan(GA, 5000)), "and it works: %s", ep_str(e));
	return ktap_exit();
}
