// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl: what it says when something is wrong (a line that names it, exit 1;
 * 2 for a wrong command line), that -j is JSON, and who may use it.
 *
 * The command is the same on every kernel: one will do.
 *
 * needs: kernel=6.1
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/behave.h"

static const struct wrong {
	const char *command;
	int status;
	const char *says;	/* must be in the message */
} wrong[] = {
	{ "wan add nosuch0", 1, "nosuch0" },
	{ "wan add wan", 1, "already" },
	{ "wan del nosuch0", 1, "nosuch0" },
	{ "wan set nosuch0 --filter eif", 1, "nosuch0" },
	{ "wan show nosuch0", 1, "nosuch0" },
	{ "wan set wan --filter eiff", 2, "eif" },
	{ "wan set wan --ports 70000-80000", 2, "70000" },
	{ "wan set wan --ports 2000-1000", 2, "2000" },
	{ "wan set wan --internal 10.0.0.0/40", 2, "10.0.0.0/40" },
	{ "wan set wan --udp-timeout soon", 2, "soon" },
	{ "wan set wan --udp-timeout 60", 1, "udp-timeout" },
	{ "wan set wan --frobnicate", 2, "frobnicate" },
	{ "wan", 0, "wan" },
	{ "wna show", 2, "wan" },
	{ "wan ad", 2, "add" },
	{ "wan frobnicate", 2, "frobnicate" },
	{ "reserve add wan udp 10.1.0.2", 2, "10.1.0.2" },
	{ "reserve add wan icmp 10.1.0.2:5000", 2, "icmp" },
	{ "reserve add nosuch0 udp 10.1.0.2:5000", 1, "nosuch0" },
	{ "reserve add wan udp 10.1.0.2:5000 --external :70000", 2, "70000" },
	{ "reserve add wan udp 10.1.0.2:5000 --external :39999", 1, "40000" },
	{ "reserve add wan udp 192.0.2.10:5000", 1, "internal" },
	{ "reserve del wan udp 10.1.0.9:5000", 1, "10.1.0.9:5000" },
	{ "mapping flush --proto foo", 2, "foo" },
	{ "mapping show --internal nowhere", 2, "nowhere" },
	{ "-n NOSUCH stats", 1, "NOSUCH" },
	{ "wan set wan --hold never", 2, "never" },
	{ "wan set wan --release later", 2, "later" },
	{ "hold flush", 2, "flush" },
	{ "wan set wan --stun-ports 0", 2, "0" },
	{ "wan set wan --stun-ports 3478,", 2, "''" },
	{ "wan set wan --stun-ports 1,2,3,4,5", 2, "4" },
	{ "wan set wan --stun-ports 1,1", 1, "twice" },
	{ "upstream show nosuch0", 1, "nosuch0" },
	{ "upstream flush", 2, "flush" },
	{ "predict", 2, "internal endpoint" },
	{ "predict 10.1.0.2:5000", 2, "--to" },
	{ "predict 10.1.0.2 --to 192.0.2.10:80", 2, "10.1.0.2" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --proto sctp", 2, "sctp" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --flows 0", 2, "1024" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --flows 1025", 2, "1025" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --within 60001", 2,
	  "60001" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --ports many", 2, "many" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --wanted 101", 2, "101" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --wan nosuch0", 1,
	  "nosuch0" },
	{ "predict 10.1.0.2:5000 --to 192.0.2.10:80 --for 0", 1, "--for" },
	{ "predict 192.0.2.99:5000 --to 192.0.2.10:80", 1, "internal" },
	{ "predict 10.1.0.2:5000 --to fd00::1", 1, "family" },
	{ "crafted add 10.1.0.2:4000 any", 2, "--lease" },
	{ "crafted add 10.1.0.2:4000 any --lease 0", 1, "--lease" },
	{ "crafted add 10.1.0.2:4000 --lease 60", 2, "remote" },
	{ "crafted add :4000 any --lease 60", 2, ":4000" },
	{ "crafted add 10.1.0.2:4001-4000 any --lease 60", 2, "4001-4000" },
	{ "crafted add 10.1.0.2:0 any --lease 60", 2, "port 0" },
	{ "crafted add 10.1.0.2 192.0.2.9/24 --lease 60", 2, "192.0.2.0/24" },
	{ "crafted add 10.1.0.2 [fd00::]/8:80 --lease 60", 2, "IPv6" },
	{ "crafted add 224.0.0.1 any --lease 60", 1, "unicast" },
	{ "crafted del 4000000", 1, "4000000" },
	{ "crafted del all", 2, "all" },
	{ "crafted auto nosuch0 on", 1, "nosuch0" },
	{ "crafted auto wan maybe", 2, "maybe" },
	{ "crafted auto wan off", 1, "wan" },
	{ "crafted run", 2, "command" },
	{ "crafted run 10.1.0.2:4000 -- true", 2, "remote" },
	{ "crafted run 10.1.0.2 any -- nosuchcommand", 127, "nosuchcommand" },
	{ "crafted run 10.1.0.2:4000 any -- sh -c 'exit 7'", 7,
	  "10.1.0.2:4000" },
};

static const char * const fine[] = {
	"--help", "wan --help", "wan add --help", "reserve add --help",
	"--version", "w sh", "map s", "wan show wan", "mapping show", "stats",
	"reserve show", "hold show", "hold", "crafted show", "crafted auto",
	"crafted run --help", "crafted add 10.1.0.2:4000 any --lease 1m",
	"crafted add fd00::2 [fd00::]/8:80 --lease 60", "upstream",
	"upstream show wan", "predict --help",
	"predict 10.1.0.2:5000 --to 192.0.2.10 --for 1m",
	"predict 203.0.113.2:5000 --to 192.0.2.10:80 --proto tcp --flows 3"
		" --within 100 --ports 4 --wanted 99.9% --wan wan",
};

static const char * const json[] = {
	"-j wan show", "-j wan show wan", "-j mapping show",
	"-j reserve show", "-j stats", "wan show -j -p", "-j hold show",
	"-j crafted show", "-j crafted auto",
	"-j crafted add 10.1.0.2:4000-4010 192.0.2.0/24:80 --lease 5",
	"-j crafted run 10.1.0.2:4000 any -- true", "-j upstream show",
	"-j predict 10.1.0.2:5000 --to 192.0.2.10:80",
};

#define MORE 6

static void check_wrong(void)
{
	const struct wrong *w;
	int status;

	for (w = wrong; w < wrong + ARRAY_SIZE(wrong); w++) {
		status = natpunchctl("%s", w->command);
		if (!ktap_ok(status == w->status &&
			     strstr(run_output(), w->says),
			     "\"%s\": status %d, says \"%s\"", w->command,
			     w->status, w->says))
			ktap_diag("status %d: %s", status, run_output());
	}
}

static void check_fine(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fine); i++)
		ktap_ok(!natpunchctl("%s", fine[i]) && *run_output(),
			"\"%s\" is fine", fine[i]);
}

static void check_json(void)
{
	json_t *parsed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(json); i++) {
		natpunchctl("%s", json[i]);
		parsed = json_loads(run_output(), 0, NULL);
		if (!ktap_ok(parsed, "\"%s\" prints JSON", json[i]))
			ktap_diag("%s", run_output());
		json_decref(parsed);
	}
}

static void check_rights(void)
{
	int status = run(GA, "setpriv --reuid 65534 --regid 65534 "
			 "--clear-groups natpunchctl wan set wan --filter eif");

	ktap_ok(status == 1 && strstr(run_output(), "not permitted"),
		"an ordinary user is refused");
	status = run(GA, "unshare -Ur natpunchctl wan set wan --filter eif");
	ktap_ok(status == 1 && strstr(run_output(), "not permitted"),
		"root of a user namespace is refused in another's netns");
	status = run(HOME, "unshare -Urn sh -c 'ip link add w type dummy && "
		     "natpunchctl wan add w && natpunchctl wan show w'");
	if (!ktap_ok(!status, "and is let in to its own"))
		ktap_diag("%s", run_output());
}

static void check_monitor(void)
{
	struct job job = job_start(HOME, "exec natpunchctl -n GA monitor");

	sleep_ms(1000);
	external(IPPROTO_UDP, A, 40001, server(1, 3478));
	ktap_ok(job_wait_for(&job, "10.1.0.2:40001", COMES_MS),
		"monitor tells of a new mapping");
	natpunchctl("mapping show");
	ktap_ok(strstr(run_output(), "10.1.0.2:40001"),
		"mapping show shows it");
	job_stop(&job);
}

/* Nobody may load it, either. */
static void check_missing_module(void)
{
	char modprobe[256];
	bool says;

	must(HOME, "cat /proc/sys/kernel/modprobe");
	snprintf(modprobe, sizeof(modprobe), "%s", run_output());
	sysctl_set(HOME, "kernel/modprobe", "/bin/false");
	must(HOME, "rmmod natpunch");
	says = natpunchctl("wan show") == 1 &&
	       strstr(run_output(), "modprobe natpunch");
	ktap_diag("%s", run_output());
	sysctl_set(HOME, "kernel/modprobe", modprobe);
	ktap_ok(says, "without the module it says how to get it");
	must(HOME, "modprobe natpunch");
}

int main(void)
{
	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(ARRAY_SIZE(wrong) + ARRAY_SIZE(fine) + ARRAY_SIZE(json) +
		  MORE);
	lab_start();
	gateways(NAT_NATPUNCH, NAT_NONE, "--ports 40000-50000");
	check_wrong();
	check_fine();
	external(IPPROTO_UDP, A, 5000, server(1, 3478));
	check_json();
	check_rights();
	check_monitor();
	gateways(NAT_NONE, NAT_NONE, NULL);
	check_missing_module();
	return ktap_exit();
}
