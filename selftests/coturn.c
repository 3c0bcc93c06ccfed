// SPDX-License-Identifier: GPL-2.0
/*
 * An independent judge: coturn's turnutils_natdiscovery (RFC 5780), against a coturn
 * with two addresses, names the mapping and the filtering that were configured.
 */
#include <string.h>

#include "lab/behave.h"

static struct job turn;

static bool start_server(void)
{
	/* Its database would be written to otherwise. */
	turn = job_start(SERVER, "exec turnserver -n --no-cli --no-auth "
			 "--no-tls --no-dtls -r lab -L %s -L %s -p 3478 "
			 "--alt-listening-port 3479 --relay-threads 1 "
			 "-b /run/netns/turndb --pidfile /run/netns/turn.pid "
			 "--log-file stdout --simple-log",
			 ep_addr_str(server(1, 0)), ep_addr_str(server(2, 0)));
	return job_wait_for(&turn, "Total General servers", 30000);
}

static const char *found(const char *text, const char * const *kinds)
{
	const char *last = "nothing known";

	for (; *kinds; kinds++)
		if (strstr(text, *kinds))
			last = *kinds;
	return last;
}

/* row->arg: the filtering that should be found. */
static struct seen natdiscovery_agrees(const struct row *row)
{
	static const char * const mappings[] = {
		"NAT with Endpoint Independent Mapping",
		"NAT with Address Dependent Mapping",
		"NAT with Address and Port Dependent Mapping", NULL,
	};
	static const char * const filters[] = {
		"NAT with Endpoint Independent Filtering",
		"NAT with Address Dependent Filtering",
		"NAT with Address and Port Dependent Filtering", NULL,
	};
	const char *mapping, *filtering, *want;

	want = filters[row->arg == FILTER_EIF ? 0 : row->arg == FILTER_ADF ? 1
									   : 2];
	if (!start_server())
		return seen(false, "no coturn: %.100s", job_output(&turn));
	/* The neighbour that makes it hard. */
	external(IPPROTO_UDP, A2, 5000, server(2, 3478));
	external(IPPROTO_UDP, A2, 5000, server(2, 3479));
	sock_close_all();
	run(A, "timeout 60 turnutils_natdiscovery -m -f -L %s -l 5000 %s",
	    ep_addr_str(host(A, 0)), ep_addr_str(server(1, 0)));
	job_stop(&turn);
	mapping = found(run_output(), mappings);
	filtering = found(run_output(), filters);
	return seen(mapping == mappings[0] && filtering == want, "%s, %s",
		    mapping, filtering);
}

static const struct row rows[] = {
	{ .name = "coturn finds endpoint-independent filtering",
	  .measure = natdiscovery_agrees, .options = "--filter eif",
	  .arg = FILTER_EIF, .stock = STOCK_FAILS },
	{ .name = "coturn finds address-dependent filtering",
	  .measure = natdiscovery_agrees, .options = "--filter adf",
	  .arg = FILTER_ADF },
	{ .name = "coturn finds address and port-dependent filtering",
	  .measure = natdiscovery_agrees, .options = "--filter apdf",
	  .arg = FILTER_APDF },
};

ROWS_MAIN(rows)
