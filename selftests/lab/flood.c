// SPDX-License-Identifier: GPL-2.0
/* Floods, and what they leave in memory; see flood.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "flood.h"
#include "sock.h"

#define MAX_FLOWS "/sys/module/natpunch/parameters/max_flows"

unsigned int flood_size(unsigned int small)
{
	const char *many = getenv("FLOOD");

	return many ? (unsigned int)atoi(many) : small;
}

int flood_open(enum node node)
{
	return sock_open(node, AF_INET, SOCK_RAW, IPPROTO_RAW);
}

void flood_send(int flood, const struct packet *p)
{
	struct ep to = ep_at(p->dst, 0);

	/* What the kernel refuses for want of memory is lost as on a wire. */
	if (sendto(flood, p->data, p->len, 0, &to.sa, ep_len(to)) !=
	    (ssize_t)p->len && errno != ENOBUFS && errno != ENOMEM)
		ktap_bail("raw packet: %s", strerror(errno));
}

struct ep flood_stranger(unsigned int i, unsigned int port)
{
	struct in_addr in = {
		.s_addr = htonl(0x64010000 + i % (200 << 16)),
	};

	return ep_make(AF_INET, &in, port);
}

void flood_sink(void)
{
	must(NET, "ip route replace blackhole 100.0.0.0/8");
}

long stat_of(const char *name)
{
	json_t *stats, *value;
	long n;

	must(GA, "natpunchctl -j stats");
	stats = json_loads(run_output(), 0, NULL);
	value = json_object_get(stats, name);
	if (!value)
		ktap_bail("there is no counter %s", name);
	n = json_integer_value(value);
	json_decref(stats);
	return n;
}

void max_flows_set(unsigned int max)
{
	static char loaded[16];
	char text[16];
	ssize_t len;
	int fd;

	fd = open(MAX_FLOWS, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ktap_bail("%s: %s", MAX_FLOWS, strerror(errno));
	if (!loaded[0] && read(fd, loaded, sizeof(loaded) - 1) < 0)
		ktap_bail("%s: %s", MAX_FLOWS, strerror(errno));
	snprintf(text, sizeof(text), "%u", max);
	len = (ssize_t)strlen(max ? text : loaded);
	if (pwrite(fd, max ? text : loaded, (size_t)len, 0) != len)
		ktap_bail("%s: %s", MAX_FLOWS, strerror(errno));
	close(fd);
}

/*
 * Both can be told only where everything began. Conntrack refuses entries when its
 * hash chains grow long, and looks for one to evict in a few of them.
 */
void conntrack_size(unsigned int max)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", max ? max / 2 : 262144);
	sysctl_set(HOME, "net/netfilter/nf_conntrack_buckets", text);
	snprintf(text, sizeof(text), "%u", max ? max : 1000000);
	sysctl_set(HOME, "net/netfilter/nf_conntrack_max", text);
}

long conntrack_entries(enum node node)
{
	must(node, "cat /proc/sys/net/netfilter/nf_conntrack_count");
	return atol(run_output());
}

/*
 * The product of the @a'th and the @b'th word (0: none) of the line of @path that
 * begins with @name.
 */
static long words_of(const char *path, const char *name, unsigned int a,
		     unsigned int b)
{
	static const char blanks[] = "\n\t ";
	char line[256];
	long res = -1;
	FILE *f;

	f = fopen(path, "r");
	while (f && res < 0 && fgets(line, sizeof(line), f)) {
		char *save, *word = strtok_r(line, blanks, &save);
		unsigned int i;

		if (!word || strcmp(word, name))
			continue;
		res = 1;
		for (i = 1; (word = strtok_r(NULL, blanks, &save)); i++)
			if (i == a || i == b)
				res *= atol(word);
	}
	if (f)
		fclose(f);
	if (res < 0)
		ktap_bail("%s has no %s", path, name);
	return res;
}

long slab_bytes(void)
{
	if (lab_finds_mistakes())
		return 0;
	return words_of("/proc/meminfo", "Slab:", 1, 0) * 1024;
}

/* Pages of a slab, and slabs. */
long slab_of(const char *cache)
{
	if (lab_finds_mistakes())
		return 0;
	return words_of("/proc/slabinfo", cache, 5, 14) *
	       sysconf(_SC_PAGESIZE);
}
