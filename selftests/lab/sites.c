// SPDX-License-Identifier: GPL-2.0
/* Two sites. Owns the daemons and the servers. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sites.h"

#define RELAY_PORT	3480U

static struct job broker, turn, relay, daemons[NODES];

static bool ipv6;

static const char *letter(enum node gw)
{
	return gw == GA || gw == A ? "A" : "B";
}

static void write_file(const char *name, const char *text)
{
	if (run_with(HOME, text, "cat >" SITES_DIR "/%s", name))
		ktap_bail("%s: %s", name, run_output());
}

static void make_key(enum node gw, char key[64])
{
	must(HOME, "natpunchd --make-key " SITES_DIR "/%s.key", letter(gw));
	snprintf(key, 64, "%.*s", (int)strcspn(run_output(), "\n"),
		 run_output());
}

static void start_broker(void)
{
	write_file("mosquitto.conf", "listener 1883 0.0.0.0\n"
		   "allow_anonymous true\n"
		   "persistence false\n"
		   "set_tcp_nodelay true\n"
		   "user root\n");
	broker = job_start(SERVER, "exec mosquitto -c " SITES_DIR
			   "/mosquitto.conf");
}

/* @name: of its files. */
static struct job start_coturn(const char *name, const char *args)
{
	struct job j = job_start(SERVER, "exec turnserver -n --no-cli --no-tls "
				 "--no-dtls -r lab --relay-threads 1 "
				 "-b " SITES_DIR "/%sdb "
				 "--pidfile " SITES_DIR "/%s.pid "
				 "--log-file stdout --simple-log %s", name, name,
				 args);

	if (!job_wait_for(&j, "Total General servers", 30000))
		ktap_bail("no coturn: %.200s", job_output(&j));
	return j;
}

static void start_turn(void)
{
	char args[128];
	int n;

	n = snprintf(args, sizeof(args), "--no-auth -p 3478 -L %s -L %s",
		     ep_addr_str(server(1, 0)), ep_addr_str(server(2, 0)));
	if (ipv6)
		snprintf(args + n, sizeof(args) - (size_t)n,
			 " -L 2001:db8:5::10 -L 2001:db8:5::11");
	turn = start_coturn("turn", args);
}

void sites_relay_start(void)
{
	char args[128];

	snprintf(args, sizeof(args), "--lt-cred-mech -u sites:secret "
		 "--stale-nonce=600 -p %u -L %s", RELAY_PORT,
		 ep_addr_str(server(1, 0)));
	relay = start_coturn("relay", args);
}

void sites_relay_stop(void)
{
	job_stop(&relay);
}

void site_add_relay(enum node gw, const char *more)
{
	char text[256];

	snprintf(text, sizeof(text), "relays = ( { host = \"%s\"; "
		 "user = \"sites\"; password = \"secret\"; %s } );\n",
		 ep_str(server(1, RELAY_PORT)), more);
	site_add_conf(gw, text);
	must(HOME, "chmod o= " SITES_DIR "/%s.conf", letter(gw));
}

static void write_conf(enum node gw, enum node peer, const char *key)
{
	const char *name = letter(gw);
	char text[2048], file[32];

	snprintf(text, sizeof(text),
		 "site = \"site%s\";\n"
		 "key = \"" SITES_DIR "/%s.key\";\n"
		 "socket = \"" SITES_DIR "/%s.sock\";\n"
		 "state = \"" SITES_DIR "/%s\";\n"
		 "log_level = \"debug\";\n"
		 "brokers = ( { host = \"%s\"; } );\n"
		 "stun = ( { host = \"%s\"; }, { host = \"%s\"; } );\n"
		 "tunnel = %s;\n"
		 "peers = ( { name = \"site%s\"; key = \"%s\"; } );\n",
		 name, name, name, name, ep_str(server(1, 1883)),
		 ipv6 ? "stun1.lab" : ep_str(server(1, 3478)),
		 ipv6 ? "stun2.lab" : ep_str(server(2, 3478)),
		 ipv6 ? "true" : "false", letter(peer), key);
	snprintf(file, sizeof(file), "%s.conf", name);
	write_file(file, text);
}

void sites_use_ipv6(void)
{
	ipv6 = true;
}

/* For us alone: the lab has mounts of its own. */
static void add_names(void)
{
	write_file("hosts", "127.0.0.1 localhost\n"
		   "192.0.2.10 stun1.lab\n192.0.2.11 stun2.lab\n"
		   "2001:db8:5::10 stun1.lab\n2001:db8:5::11 stun2.lab\n");
	must(HOME, "mount --bind " SITES_DIR "/hosts /etc/hosts");
}

void sites_start(void)
{
	char key_a[64], key_b[64];

	must(HOME, "rm -rf " SITES_DIR " && mkdir -p " SITES_DIR);
	if (ipv6)
		add_names();
	make_key(GA, key_a);
	make_key(GB, key_b);
	write_conf(GA, GB, key_b);
	write_conf(GB, GA, key_a);
	start_broker();
	start_turn();
}

void site_add_conf(enum node gw, const char *text)
{
	if (run_with(HOME, text, "cat >>" SITES_DIR "/%s.conf", letter(gw)))
		ktap_bail("%s.conf: %s", letter(gw), run_output());
}

void site_start(enum node gw)
{
	site_stop(gw);
	daemons[gw] = job_start(gw, "exec natpunchd -c " SITES_DIR "/%s.conf",
				letter(gw));
	if (!site_says(gw, ": ready", 10000))
		ktap_bail("natpunchd: %s", site_log(gw));
}

static void end(enum node gw, int sig)
{
	if (!daemons[gw].pid)
		return;
	if (sig == SIGKILL)
		kill(daemons[gw].pid, SIGKILL);
	job_stop(&daemons[gw]);
	daemons[gw].pid = 0;
}

void site_stop(enum node gw)
{
	end(gw, SIGTERM);
}

void site_kill(enum node gw)
{
	end(gw, SIGKILL);
}

void site_forget(enum node gw)
{
	must(HOME, "rm -rf " SITES_DIR "/%s", letter(gw));
}

bool site_says(enum node gw, const char *text, int timeout_ms)
{
	return job_wait_for(&daemons[gw], text, timeout_ms);
}

const char *site_log(enum node gw)
{
	return job_output(&daemons[gw]);
}

void sites_logs(enum node a, enum node b)
{
	/* What they say last is still in the pipes. */
	site_says(a, "\n\n", 100);
	site_says(b, "\n\n", 100);
	ktap_diag("site A:");
	ktap_diag("%s", site_log(a));
	ktap_diag("site B:");
	ktap_diag("%s", site_log(b));
}

int site_ctl(enum node gw, const char *fmt, ...)
{
	char command[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	return run(HOME, "NATPUNCHD_SOCKET=" SITES_DIR
		   "/%s.sock natpunchctl %s", letter(gw), command);
}

bool site_ask(enum node gw, const char *fmt, ...)
{
	char request[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(request, sizeof(request), fmt, args);
	va_end(args);
	run_with(HOME, request, "{ cat; echo; } | socat -t 10 - "
		 "UNIX-CONNECT:" SITES_DIR "/%s.sock", letter(gw));
	return strstr(run_output(), "\"ok\":true");
}

const char *site_value(enum node gw, const char *request, const char *jq)
{
	static char value[256];
	char answer[16384];

	value[0] = '\0';
	if (!site_ask(gw, "{\"do\":\"%s\"}", request))
		return value;
	snprintf(answer, sizeof(answer), "%s", run_output());
	if (!run_with(HOME, answer, "jq -r '%s // \"\"'", jq))
		snprintf(value, sizeof(value), "%.*s",
			 (int)strcspn(run_output(), "\n"), run_output());
	return value;
}

struct ep site_remote(enum node gw)
{
	char addr[64];
	unsigned int port;

	const char *text;

	text = site_value(gw, "connection-show", ".result[0].remote");
	if (sscanf(text, "%63[0-9.]:%u", addr, &port) != 2 &&
	    sscanf(text, "[%63[0-9a-f:]]:%u", addr, &port) != 2)
		return (struct ep){ 0 };
	return ep(addr, port);
}
