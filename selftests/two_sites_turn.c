// SPDX-License-Identifier: GPL-2.0
/*
 * Two sites that need a relay, and what may be wrong with the TURN servers (coturn)
 * of one of them, or of both: certificates, passwords, servers that are gone or go,
 * nonces that become stale, none at all. Each ends in a connection, or in a line
 * that says why not.
 *
 * needs: kernel=6.1
 */
#include <stdio.h>
#include <string.h>

#include "lab/certificate.h"
#include "lab/gateway.h"
#include "lab/visit.h"

#define RANDOM_NAT	"mapping=apd,filter=apd,alloc=random"
#define RELAYED		"siteA/ssh: relayed"
#define ALLOCATIONS	"sport >= :49152"
#define CERTIFICATE	SITES_DIR "/right"

/* At the servers' addresses; the second server has the first's address alone. */
#define FIRST_PORT	3480
#define TLS_PORT	5350
#define SECOND_PORT	3490
#define NO_PORT		3600

static struct job first, second;
static struct visit visit = { .client = -1 };

static void close_visit(void)
{
	if (visit.client >= 0)
		visit_close(&visit);
	visit.client = -1;
}

static struct job start_turn(unsigned int port, const char *more)
{
	struct job j = job_start(SERVER, "exec turnserver -n --no-cli "
				 "--lt-cred-mech -u sites:secret -r lab "
				 "-L %s -p %u --relay-threads 1 "
				 "-b " SITES_DIR "/db%u --pidfile " SITES_DIR
				 "/%u.pid --log-file stdout --simple-log %s",
				 ep_addr_str(server(1, 0)), port, port, port,
				 more);

	if (!job_wait_for(&j, "Total General servers", 30000))
		ktap_bail("no coturn: %.200s", job_output(&j));
	return j;
}

static void start_first(void)
{
	char more[256];

	snprintf(more, sizeof(more), "-L %s --tls-listening-port %d --no-dtls "
		 "--cert " CERTIFICATE ".pem --pkey " CERTIFICATE ".key "
		 "--stale-nonce=60 -E %s", ep_addr_str(server(2, 0)), TLS_PORT,
		 ep_addr_str(server(1, 0)));
	first = start_turn(FIRST_PORT, more);
}

static void start_second(void)
{
	second = start_turn(SECOND_PORT, "--no-tls --no-dtls");
}

/* The only relays of that site from now on, none if NULL; it starts anew. */
static void restart(enum node gw, const char *relays)
{
	char text[768];

	close_visit();
	site_stop(gw);
	if (gw == GB)
		site_forget(gw);
	must(HOME, "sed -i '/^relays/d' " SITES_DIR "/%s.conf",
	     gw == GA ? "A" : "B");
	if (relays) {
		snprintf(text, sizeof(text), "relays = ( %s );\n", relays);
		site_add_conf(gw, text);
	}
	must(HOME, "chmod o= " SITES_DIR "/%s.conf", gw == GA ? "A" : "B");
	site_start(gw);
	if (!site_says(GB, "siteA is online", 10000) ||
	    !site_says(GA, "siteB is online", 10000))
		ktap_bail("the sites do not find each other");
}

/* One of a list; two results may be used at a time. */
static const char *relay(struct ep at, const char *password, const char *more)
{
	static char text[2][256];
	static unsigned int turn;

	turn = !turn;
	snprintf(text[turn], sizeof(text[turn]), "{ host = \"%s\"; "
		 "user = \"sites\"; password = \"%s\"; %s }", ep_str(at),
		 password, more);
	return text[turn];
}

static const char *good(void)
{
	return relay(server(1, FIRST_PORT), "secret", "");
}

/* @says: in B's log on the way there; NULL: nothing of the kind. */
static void expect_relayed(const char *says, const char *by, const char *what)
{
	unsigned long begin = now_ms();
	bool relayed = visit_want() && site_says(GB, RELAYED, SESSION_MS);
	long ms = (long)(now_ms() - begin);
	bool told = says ? !!strstr(site_log(GB), says) :
			   !strstr(site_log(GB), "warning: relay ");
	bool used = !strcmp(site_value(GB, "connection-show",
				       ".result[0].relay"), by);

	if (!ktap_ok(relayed && told && used && visit_open(&visit, B2), "%s",
		     what))
		visit_logs();
	ktap_diag("relayed after %ld ms", ms);
}

/* --- TLS ------------------------------------------------------------------- */

static void over_tls(void)
{
	char more[96];

	snprintf(more, sizeof(more), "tls = true; ca = \"" CERTIFICATE
		 ".pem\";");
	restart(GB, relay(server(1, TLS_PORT), "secret", more));
	expect_relayed(NULL, ep_str(server(1, TLS_PORT)),
		       "TLS: the certificate is right");
	restart(GB, relay(server(2, TLS_PORT), "secret", more));
	expect_relayed("TLS: IP address mismatch", "siteA's",
		       "TLS: it is for another name: told, and by the peer's");
	snprintf(more, sizeof(more), "tls = true; ca = \"" SITES_DIR
		 "/wrong.pem\";");
	restart(GB, relay(server(1, TLS_PORT), "secret", more));
	expect_relayed("TLS: self-signed certificate", "siteA's",
		       "TLS: nobody we know has signed it: told, and by the peer's");
}

/* --- servers that are not as they should be -------------------------------- */

static void another_server(void)
{
	char two[600];

	snprintf(two, sizeof(two), "%s, %s",
		 relay(server(1, FIRST_PORT), "guess", ""),
		 relay(server(1, SECOND_PORT), "secret", ""));
	restart(GB, two);
	expect_relayed("it refuses user 'sites' or the password",
		       ep_str(server(1, SECOND_PORT)),
		       "the first server refuses the password: by the second");
	ktap_ok(!strstr(site_log(GB), "guess"), "... which is not told");

	snprintf(two, sizeof(two), "%s, %s",
		 relay(server(1, NO_PORT), "secret", ""),
		 relay(server(1, SECOND_PORT), "secret", "tcp = true;"));
	restart(GB, two);
	expect_relayed("nobody listens there", ep_str(server(1, SECOND_PORT)),
		       "the first server is not there: by the second, TCP");

	nft(SERVER, "table inet mute {\n"
	    "	chain in {\n"
	    "		type filter hook input priority 0\n"
	    "		udp dport %d drop\n"
	    "	}\n"
	    "}\n", NO_PORT);
	restart(GB, two);
	expect_relayed("it does not answer", ep_str(server(1, SECOND_PORT)),
		       "the first server is silent: by the second");
	must(SERVER, "nft delete table inet mute");
}

static void server_dies(void)
{
	char two[600];
	bool told;

	snprintf(two, sizeof(two), "%s, %s",
		 relay(server(1, SECOND_PORT), "secret", ""), good());
	restart(GB, two);
	expect_relayed(NULL, ep_str(server(1, SECOND_PORT)),
		       "with two servers: by the first");
	job_stop(&second);
	close_visit();
	told = site_says(GB, "relay: ", 30000);
	sleep_ms(SESSION_MS);
	if (!ktap_ok(told && !strcmp(site_value(GB, "connection-show",
						".result[0].relay"),
				     ep_str(server(1, FIRST_PORT))) &&
		     visit_open(&visit, B2),
		     "it dies: told, and by the second"))
		visit_logs();
}

/*
 * Nonces last a minute, permissions five, allocations ten. So the nonce is stale when the
 * allocation is given back: see nothing_is_left().
 */
static void it_stays(void)
{
	restart(GB, good());
	expect_relayed(NULL, ep_str(server(1, FIRST_PORT)), "by one server");
	sleep_s(660);
	if (!ktap_ok(visit_lives(&visit),
		     "after 11 minutes the connection still lives"))
		visit_logs();
}

/* --- at one site ----------------------------------------------------------- */

static void one_site_has_it(void)
{
	restart(GB, NULL);
	expect_relayed(NULL, "siteA's", "the site that serves alone has a relay");
	restart(GA, NULL);
	restart(GB, good());
	expect_relayed(NULL, ep_str(server(1, FIRST_PORT)),
		       "the site that asks alone has a relay");
	restart(GB, relay(server(1, FIRST_PORT), "guess", ""));
	if (!ktap_ok(visit_want() &&
		     site_says(GB, "it refuses user 'sites' or the password; "
			       "the peer has none that it can use",
			       SESSION_MS),
		     "none has one that it can use: told"))
		visit_logs();
	restart(GB, NULL);
	if (!ktap_ok(visit_want() &&
		     site_says(GB, "a relay is needed\n", SESSION_MS),
		     "none has one: told"))
		visit_logs();
}

static void nothing_is_left(void)
{
	site_stop(GA);
	site_stop(GB);
	sleep_s(5);
	run(SERVER, "ss -Huan '" ALLOCATIONS "'");
	if (!ktap_ok(!*run_output(), "no allocation is left at a server"))
		ktap_diag("%s", run_output());
}

int main(void)
{
	const char *why = natpunch_missing();

	if (why)
		ktap_skip_all("%s", why);
	ktap_plan(16);
	lab_start();
	must(HOME, "modprobe tun");
	sites_start();
	if (!certificate_make(CERTIFICATE, "IP:192.0.2.10") ||
	    !certificate_make(SITES_DIR "/wrong", "IP:192.0.2.10"))
		ktap_bail("no certificate");
	start_first();
	start_second();
	if (!visit_set_up(RANDOM_NAT ",seed=1", RANDOM_NAT ",seed=2"))
		ktap_bail("the sites do not find each other");
	restart(GA, good());
	over_tls();
	another_server();
	server_dies();
	it_stays();
	one_site_has_it();
	nothing_is_left();
	return ktap_exit();
}
