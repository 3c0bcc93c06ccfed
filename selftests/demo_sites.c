// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration's last part: an sshd on a device behind a carrier's NAT, reached
 * from a home. Both gateways run natpunchd, the device and the client know nothing
 * of it. Printed is what the daemons say, and when (the VM's virtual time).
 *
 * Exit 0 only if the way is direct and ssh works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/visit.h"

#define KEYS "/run/demo"
#define PATIENCE_MS 20000

/* A device as one buys it. */
static struct job start_sshd(void)
{
	must(HOME, "mkdir -p /run/sshd " KEYS " && cd " KEYS " && "
	     "rm -f host host.pub client client.pub && "
	     "ssh-keygen -q -t ed25519 -N '' -f host && "
	     "ssh-keygen -q -t ed25519 -N '' -f client && "
	     "{ grep -q ^sshd: /etc/passwd || echo "
	     "sshd:x:110:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd; }");
	return job_start(A, "exec /usr/sbin/sshd -D -e -f /dev/null -h " KEYS
			 "/host -o AuthorizedKeysFile=" KEYS "/client.pub "
			 "-o StrictModes=no -o PidFile=none");
}

static void print_line(unsigned long ms, const char *who, const char *text,
		       int length)
{
	printf("  %6lu ms  %-9s  %.*s\n", ms, who, length, text);
	fflush(stdout);
}

/* What a daemon has said since the last time; @said is how much that was. */
static void print_news(enum node gw, const char *who, unsigned long ms,
		       size_t *said)
{
	const char *log = site_log(gw), *end;

	if (strlen(log) < *said)
		return;
	for (log += *said; (end = strchr(log, '\n')); log = end + 1) {
		if (!strncmp(log, "natpunchd: ", 11))
			log += 11;
		print_line(ms, who, log, (int)(end - log));
	}
	*said = (size_t)(log - site_log(gw));
}

static bool is_direct(void)
{
	unsigned long begin = now_ms(), ms;
	size_t said[2];
	bool direct = false;

	/* How they found their broker is another story. */
	said[0] = strlen(site_log(GA));
	said[1] = strlen(site_log(GB));
	print_line(0, "gateway B", "natpunchctl connect siteA/ssh --listen "
		   "10.2.0.1:2222", 80);
	if (!visit_want())
		return false;
	do {
		sleep_ms(5);
		ms = now_ms() - begin;
		print_news(GA, "gateway A", ms, &said[0]);
		print_news(GB, "gateway B", ms, &said[1]);
		direct = strstr(site_log(GB), "siteA/ssh: direct");
	} while (!direct && ms < PATIENCE_MS);
	return direct;
}

static bool ssh_works(void)
{
	unsigned long begin = now_ms();
	char line[256];
	int status;

	print_line(0, "B's host", "ssh -p 2222 10.2.0.1 ip -br -4 addr show eth0",
		   80);
	status = run(B2, "ssh -F none -p 2222 -i " KEYS "/client -o "
		     "StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
		     "-o LogLevel=ERROR root@10.2.0.1 "
		     "ip -br -4 addr show eth0");
	snprintf(line, sizeof(line), "%s", run_output());
	print_line(now_ms() - begin, "A's sshd", line,
		   (int)strcspn(line, "\n"));
	return !status && strstr(line, "10.1.0.2/24");
}

int main(void)
{
	struct job sshd;
	bool right;

	printf("\nA device's sshd behind a carrier's NAT (port blocks), and a home behind its router\n\n");
	lab_start();
	sites_start();
	if (!visit_set_up("carrier-blocks", "home")) {
		printf("  the sites do not find each other\n%s%s",
		       site_log(GA), site_log(GB));
		return EXIT_FAILURE;
	}
	visit_serve(false);
	sshd = start_sshd();
	job_wait_for(&sshd, "listening", 10000);
	right = is_direct() && ssh_works();
	site_stop(GA);
	site_stop(GB);
	job_stop(&sshd);
	printf("\n%s\n", right ? "Connected, directly." : "NOT CONNECTED.");
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
