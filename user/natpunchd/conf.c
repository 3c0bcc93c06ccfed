// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration file: what may be in it, and reading it into struct conf.
 * How a setting is checked and stored is conf_value.c's affair.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "conf_value.h"

#define AT(type, member)	offsetof(struct conf_##type, member)
#define ROOM(type)		sizeof(struct conf_##type)

#define INCLUDE_DEPTH		10	/* libconfig's */
#define INCLUDE_MAX		1024

static const char * const log_targets[] = { "stderr", "syslog", NULL };
static const char * const log_levels[] = {
	"error", "warning", "info", "debug", NULL
};

static const char * const portmap_words[] = {
	"pcp", "nat-pmp", "upnp", NULL
};

static const struct setting broker_settings[] = {
	{ "host", HOSTS, .offset = AT(broker, hosts), .needed = true },
	{ "tls", BOOL, .offset = AT(broker, tls) },
	{ "ca", STRING, .offset = AT(broker, ca) },
	{ "cert", STRING, .offset = AT(broker, cert) },
	{ "cert_key", STRING, .offset = AT(broker, cert_key) },
	{ "user", STRING, .offset = AT(broker, user) },
	{ "password", STRING, .offset = AT(broker, password) },
	{ "password_file", STRING, .offset = AT(broker, password_file) },
	{ .name = NULL }
};

static const struct setting peer_settings[] = {
	{ "name", NAME, .offset = AT(peer, name), .needed = true },
	{ "key", KEY, .offset = AT(peer, key), .needed = true },
	{ .name = NULL }
};

static const struct setting service_settings[] = {
	{ "name", NAME, .offset = AT(service, name), .needed = true },
	{ "to", ENDPOINT, .offset = AT(service, to), .needed = true },
	{ "proto", PROTO, .offset = AT(service, proto) },
	{ "allow", NAMES, .offset = AT(service, allow), .needed = true },
	{ .name = NULL }
};

static const struct setting connect_settings[] = {
	{ "service", SITE_SERVICE, .offset = AT(connect, service), .needed = true },
	{ "listen", ENDPOINT, .offset = AT(connect, listen), .needed = true },
	{ "proto", PROTO, .offset = AT(connect, proto) },
	{ .name = NULL }
};

static const struct setting server_settings[] = {
	{ "host", HOST, .offset = AT(server, host), .needed = true },
	{ "tcp", BOOL, .offset = AT(server, tcp) },
	{ "tls", BOOL, .offset = AT(server, tls) },
	{ "ca", STRING, .offset = AT(server, ca) },
	{ "user", STRING, .offset = AT(server, user) },
	{ "password", STRING, .offset = AT(server, password) },
	{ "password_file", STRING, .offset = AT(server, password_file) },
	{ .name = NULL }
};

static const struct setting stun_settings[] = {
	{ "host", HOST, .offset = AT(server, host), .needed = true },
	{ .name = NULL }
};

#define CONF(member)	offsetof(struct conf, member)

static const struct setting settings[] = {
	{ "site", NAME, .offset = CONF(site) },
	{ "key", STRING, .offset = CONF(key) },
	{ "user", STRING, .offset = CONF(user) },
	{ "group", STRING, .offset = CONF(group) },
	{ "socket", STRING, .offset = CONF(socket) },
	{ "state", STRING, .offset = CONF(state) },
	{ "notify", STRING, .offset = CONF(notify) },
	{ "log", WORD, .offset = CONF(log_to), .words = log_targets },
	{ "log_level", WORD, .offset = CONF(log_level), .words = log_levels },
	{ "prefix", TOPIC, .offset = CONF(prefix) },
	{ "keepalive", INTEGER, .offset = CONF(keepalive), .min = 5, .max = 65535 },
	{ "offer_life", INTEGER, .offset = CONF(offer_life), .min = 30, .max = 604800 },
	{ "udp_keepalive", INTEGER, .offset = CONF(udp_keepalive), .min = 5, .max = 3600 },
	{ "tunnel", BOOL, .offset = CONF(tunnel) },
	{ "udp_idle", INTEGER, .offset = CONF(udp_idle), .min = 30, .max = 604800 },
	{ "punch_rate", INTEGER, .offset = CONF(punch_rate), .min = 10, .max = 10000 },
	{ "wan", STRINGS, .offset = CONF(wans) },
	{ "portmap", WORDS, .offset = CONF(portmap), .words = portmap_words },
	{ "brokers", GROUPS, .offset = CONF(brokers), .max = 8, .group = broker_settings,
	  .size = ROOM(broker) },
	{ "peers", GROUPS, .offset = CONF(peers), .max = 4096, .group = peer_settings,
	  .size = ROOM(peer) },
	{ "services", GROUPS, .offset = CONF(services), .max = 256,
	  .group = service_settings, .size = ROOM(service) },
	{ "connect", GROUPS, .offset = CONF(connect), .max = 256,
	  .group = connect_settings, .size = ROOM(connect) },
	{ "stun", GROUPS, .offset = CONF(stun), .max = 8, .group = stun_settings,
	  .size = ROOM(server) },
	{ "relays", GROUPS, .offset = CONF(relays), .max = 8, .group = server_settings,
	  .size = ROOM(server) },
	{ .name = NULL }
};

static void set_defaults(struct conf *conf)
{
	conf->site = "site";
	conf->key = "/etc/natpunch/site.key";
	conf->socket = "/run/natpunch/natpunchd.sock";
	conf->state = "/var/lib/natpunch";
	conf->log_to = log_targets[0];
	conf->log_level = log_levels[2];
	conf->prefix = "natpunch/v1";
	conf->keepalive = 60;
	conf->offer_life = 3600;
	conf->udp_idle = 600;
	conf->tunnel = true;
	conf->punch_rate = 500;
}

/* libconfig would read a directory or a device for ever, or exit(). */
static FILE *open_file(const char *path, FILE *errors)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fprintf(errors, "%s: %s\n", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		fprintf(errors, "%s: it is not a file\n", path);
	else if (st.st_size > CONF_MAX_BYTES)
		fprintf(errors, "%s: it has more than %d bytes\n", path,
			CONF_MAX_BYTES);
	else
		return fdopen(fd, "r");
	if (fd >= 0)
		close(fd);
	return NULL;
}

/*
 * ... and it does so with what is included, of which it knows the line if it is not
 * there. @budget: of files; @depth: libconfig ends at the same.
 */
static bool is_readable(const char *path, unsigned int depth,
			unsigned int *budget, FILE *errors)
{
	char *line = NULL, included[4096];
	bool right = true;
	size_t size = 0;
	FILE *file;

	if (depth && access(path, F_OK))
		return true;
	file = open_file(path, errors);
	if (!file)
		return false;
	while (right && getline(&line, &size, file) >= 0)
		if (depth < INCLUDE_DEPTH && *budget &&
		    sscanf(line, " @include \"%4095[^\"]", included) == 1) {
			--*budget;
			right = is_readable(included, depth + 1, budget,
					    errors);
		}
	free(line);
	fclose(file);
	return right;
}

static bool read_libconfig(struct conf *conf, const char *path, FILE *errors)
{
	unsigned int budget = INCLUDE_MAX;
	const char *file;

	if (!is_readable(path, 0, &budget, errors))
		return false;
	if (!budget) {
		fprintf(errors, "%s: it includes more than %d files\n", path,
			INCLUDE_MAX - 1);
		return false;
	}
	if (config_read_file(&conf->libconfig, path) == CONFIG_TRUE)
		return true;
	file = config_error_file(&conf->libconfig);
	fprintf(errors, "%s:%d: %s\n", file ? file : path,
		config_error_line(&conf->libconfig),
		config_error_text(&conf->libconfig));
	return false;
}

static bool has_password(const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->brokers.n; i++)
		if (conf->brokers.item[i].password)
			return true;
	for (i = 0; i < conf->relays.n; i++)
		if (conf->relays.item[i].password)
			return true;
	return false;
}

static void check_secrecy(struct checker *c, const struct conf *conf)
{
	struct stat st;

	if (has_password(conf) && !stat(conf->path, &st) &&
	    st.st_mode & 07)
		conf_complain(c, NULL, "it holds a password and may be read by everybody: chmod o= it, or use password_file");
}

struct conf *conf_read(const char *path, FILE *errors)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct checker c = { .path = path, .errors = errors };

	if (!conf)
		return NULL;
	config_init(&conf->libconfig);
	set_defaults(conf);
	conf->path = strdup(path);
	if (!conf->path || !read_libconfig(conf, path, errors)) {
		conf_free(conf);
		return NULL;
	}
	conf_read_group(&c, config_root_setting(&conf->libconfig), settings,
			conf);
	conf_check(&c, conf);
	check_secrecy(&c, conf);
	if (c.n) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

void conf_free(struct conf *conf)
{
	size_t i;

	if (!conf)
		return;
	for (i = 0; i < conf->brokers.n; i++)
		free(conf->brokers.item[i].hosts.item);
	for (i = 0; i < conf->services.n; i++)
		free(conf->services.item[i].allow.item);
	free(conf->brokers.item);
	free(conf->peers.item);
	free(conf->services.item);
	free(conf->connect.item);
	free(conf->stun.item);
	free(conf->relays.item);
	free(conf->wans.item);
	free(conf->portmap.item);
	free(conf->path);
	config_destroy(&conf->libconfig);
	free(conf);
}

const char *conf_password(const char *password, const char *file, char *buf,
			  size_t size)
{
	ssize_t n;
	int fd;

	errno = 0;
	if (!file)
		return password;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return NULL;
	buf[n] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return buf;
}
