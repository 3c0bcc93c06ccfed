// SPDX-License-Identifier: GPL-2.0
/*
 * coturn on the server; see turn.h. It is slow to start: who can keeps it.
 */
#include <string.h>

#include "ktap.h"
#include "turn.h"

#define COMES_MS	30000

struct job turn_start(const char *addresses, unsigned int other_port)
{
	int len = (int)strcspn(addresses, " ");	/* of the first one */
	struct job j = job_start(SERVER, "exec turnserver -n --no-cli --no-auth "
				 "--no-tls --no-dtls -r lab -L %s -p %d "
				 "--alt-listening-port %u --relay-threads 1 "
				 "-b /run/netns/turndb%.*s "
				 "--pidfile /run/netns/turn%.*s "
				 "--log-file stdout --simple-log", addresses,
				 TURN_PORT, other_port, len, addresses, len,
				 addresses);

	if (!job_wait_for(&j, "Total General servers", COMES_MS))
		ktap_bail("no coturn: %s", job_output(&j));
	return j;
}
