// SPDX-License-Identifier: GPL-2.0
/*
 * nft loads natpunch_policy.ko by alias, while it holds its commit mutex. Devices and
 * namespaces that come and go meanwhile hold RTNL and wait for that mutex: a module
 * that waits for them at load time would block all three for ever.
 */
#include <string.h>

#include "lab/behave.h"

#define ROUNDS 10

static void unload_policy(void)
{
	run(HOME, "modprobe -r natpunch; modprobe -r natpunch_policy; "
	    "rmmod natpunch natpunch_policy");
}

static bool policy_loaded(void)
{
	run(HOME, "cat /proc/modules");
	return strstr(run_output(), "natpunch_policy ");
}

/* Give up after a minute; a deadlock takes for ever. */
static bool add_object(const char *type)
{
	bool done = !run(GA, "timeout 60 nft 'add table inet t; add ct helper "
			 "inet t h { type \"%s\" protocol udp; }'", type);

	if (!done)
		ktap_diag("%s", run_output());
	run(GA, "timeout 60 nft delete table inet t");
	return done;
}

static void check_alias(const char *type)
{
	unload_policy();
	if (policy_loaded())
		ktap_bail("natpunch_policy can not be unloaded");
	ktap_ok(add_object(type) && policy_loaded(), "type \"%s\" loads it",
		type);
}

/* The module is loaded while RTNL and the list of namespaces are busy. */
static bool add_while_all_is_in_motion(void)
{
	struct job links = job_start(GA, "while :; do ip link add v1 type veth "
				     "peer name v2; ip link del v1; done");
	struct job spaces = job_start(HOME, "while :; do ip netns add churn; "
				      "ip netns del churn; done");
	bool done;

	sleep_ms(100);
	done = add_object("natpunch-eif");
	job_stop(&links);
	job_stop(&spaces);
	run(GA, "ip link del v1");
	run(HOME, "ip netns del churn");
	return done;
}

static void check_deadlock(void)
{
	int i, done = 0;

	for (i = 0; i < ROUNDS; i++) {
		unload_policy();
		done += add_while_all_is_in_motion();
	}
	ktap_ok(done == ROUNDS,
		"%d of %d loads while devices and namespaces come and go",
		done, ROUNDS);
	ktap_ok(!run(GA, "timeout 60 sh -c 'ip link add v3 type veth peer "
		     "name v4 && ip link del v3'"), "RTNL is free");
}

/* An object in use holds the module. */
static void check_in_use(void)
{
	nft(GA, "table inet t {\n"
	    "	ct helper h { type \"natpunch-eif\" protocol udp; }\n"
	    "}\n");
	ktap_ok(run(HOME, "rmmod natpunch_policy"), "in use, it stays");
	nft(GA, "delete table inet t\n");
	ktap_ok(!run(HOME, "rmmod natpunch_policy"), "out of use, it goes");
}

int main(void)
{
	static const char * const types[] = {
		"natpunch", "natpunch-eif", "natpunch-adf", "natpunch-apdf",
		"natpunch-off",
	};
	size_t i;

	if (natpunch_missing())
		ktap_skip_all("%s", natpunch_missing());
	ktap_plan(ARRAY_SIZE(types) + 4);
	lab_start();
	for (i = 0; i < ARRAY_SIZE(types); i++)
		check_alias(types[i]);
	check_deadlock();
	check_in_use();
	return ktap_exit();
}
