// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces with a WAN come and go, each with live flows.
 *
 *	SPACES		how many (default 80)
 *
 * needs: timeout=900
 */
#include "lab/behave.h"
#include "lab/chance.h"
#include "lab/passage.h"

#define FLOWS 4

/* Out by "inside", back to us on "outside", whatever NET's routes say. */
static unsigned int send_flows(void)
{
	int wire = sniff_open(NET, "outside"), s;
	struct ep to = ep(PASSAGE_FAR, 9);
	unsigned int i, translated = 0;
	struct packet p;

	for (i = 0; i < FLOWS; i++) {
		s = udp_open(NET, ep(PASSAGE_HOST, 5000 + i));
		udp_send(s, to);
		if (sniff_find(wire, &p, is_to, &to, SILENCE_MS))
			translated += ep_eq(p.src, ep(PASSAGE_WAN, 5000 + i));
	}
	sock_close_all();
	return translated;
}

int main(void)
{
	unsigned int spaces = chance_count("SPACES", 80), made = 0, flows = 0;

	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(3);
	lab_start();
	/* Every tenth has a reservation, too. */
	while (made < spaces && passage_make(made % 10 == 0)) {
		flows += send_flows();
		/* The flows are still alive when their namespace goes. */
		if (!passage_end(true))
			break;
		made++;
	}
	if (!ktap_ok(made == spaces, "%u of %u namespaces came and went", made,
		     spaces))
		ktap_diag("%s", run_output());
	ktap_ok(flows == spaces * FLOWS, "%u of %u flows were translated",
		flows, spaces * FLOWS);
	/* What is left of a namespace would hold the module. */
	sleep_s(5);
	if (!ktap_ok(!run(HOME, "timeout 60 rmmod natpunch"),
		     "then the module goes"))
		ktap_diag("%s", run_output());
	run(HOME, "modprobe natpunch");
	return ktap_exit();
}
