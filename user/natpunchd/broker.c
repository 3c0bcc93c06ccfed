// SPDX-License-Identifier: GPL-2.0
/*
 * A connection to a broker. Each attempt has a libmosquitto client of its own;
 * mosquitto_connect() resolves names and waits for TCP, so a thread does that,
 * and owns the client meanwhile.
 */
#include <errno.h>
#include <malloc.h>
#include <mqtt_protocol.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "log.h"
#include "work.h"

#define PORT_PLAIN	1883
#define PORT_TLS	8883
#define GREETING_MS	15000
#define PING_MS		10000
#define BACKOFF_MIN_MS	1000
#define BACKOFF_MAX_MS	300000
#define MAX_PACKET	(SEAL_MAX + 1024)
#define TOPIC_SIZE	256
#define ENOUGH_RTTS	4

static void on_timer(evutil_socket_t fd, short what, void *arg);
static void fail(struct broker *b, const char *why);

static void arm(struct broker *b, uint64_t ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(b->timer, &t);
}

/* A line of the log, once as long as it stays the same. */
static void tell(struct broker *b, int level, const char *text)
{
	char line[sizeof(b->told)];

	snprintf(line, sizeof(line), "%s", text);
	log_at(strcmp(line, b->told) ? level : LOG_DEBUG, "broker %s:%d: %s",
	       b->host, b->port, line);
	memcpy(b->told, line, sizeof(line));
}

/* --- libmosquitto's callbacks --------------------------------------------- */

/* The library tells in its log alone what it sent, and what TLS dislikes. */
static void on_log(struct mosquitto *mosq, void *arg, int level,
		   const char *text)
{
	struct broker *b = arg;
	const char *tail = strrchr(text, ':');

	(void)mosq;
	if (strstr(text, " sending "))
		b->sent_ms = clock_ms();
	if (strstr(text, "PINGREQ"))
		b->pinged = true;
	else if (strstr(text, "PINGRESP"))
		b->pinged = false;
	if (level == MOSQ_LOG_ERR && !*b->error)
		snprintf(b->error, sizeof(b->error), "%s",
			 tail ? tail + 1 : text);
}

static void on_connect(struct mosquitto *mosq, void *arg, int reason, int flags,
		       const mosquitto_property *props)
{
	struct broker *b = arg;

	(void)mosq;
	(void)flags;
	(void)props;
	if (reason) {
		snprintf(b->error, sizeof(b->error), "it refuses us: %s",
			 mosquitto_reason_string(reason));
		return;
	}
	b->state = BROKER_UP;
}

static void on_disconnect(struct mosquitto *mosq, void *arg, int reason,
			  const mosquitto_property *props)
{
	struct broker *b = arg;

	(void)mosq;
	(void)props;
	if (reason == MQTT_RC_SESSION_TAKEN_OVER)
		snprintf(b->error, sizeof(b->error),
			 "another natpunchd with our key has connected there");
	else if (reason >= 128 && !*b->error)
		snprintf(b->error, sizeof(b->error), "it sends us away: %s",
			 mosquitto_reason_string(reason));
}

static void on_message(struct mosquitto *mosq, void *arg,
		       const struct mosquitto_message *m,
		       const mosquitto_property *props)
{
	struct broker *b = arg;

	(void)mosq;
	(void)props;
	b->in++;
	if (m->payloadlen >= 0)
		rendezvous_got(b, m->topic, m->payload, (size_t)m->payloadlen);
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid, int reason,
		       const mosquitto_property *props)
{
	struct broker *b = arg;
	unsigned int i;

	(void)mosq;
	(void)props;
	if (reason >= 128)
		log_warning("broker %s:%d: a message was refused: %s", b->host,
			    b->port, mosquitto_reason_string(reason));
	for (i = 0; i < BROKER_RTTS; i++) {
		if (b->flying[i].mid != mid)
			continue;
		b->flying[i].mid = 0;
		b->rtt_ms[b->n_rtt++ % BROKER_RTTS] =
			(unsigned int)(clock_ms() - b->flying[i].at_ms);
	}
}

/* --- the loop ------------------------------------------------------------- */

/* The next ping is due when nothing was sent for the keepalive time. */
static void arm_keepalive(struct broker *b)
{
	uint64_t keepalive_ms = (uint64_t)b->keepalive * 1000;
	uint64_t due = b->sent_ms + keepalive_ms + 50, now = clock_ms();

	if (b->pinged)
		arm(b, PING_MS);
	else
		arm(b, due > now + 1000 ? due - now : 1000);
}

/* After each call into the library: has it more to write, is it still there? */
static void settle(struct broker *b, int rc)
{
	if (rc != MOSQ_ERR_SUCCESS) {
		b->result_errno = errno;
		fail(b, rc == MOSQ_ERR_ERRNO ? strerror(b->result_errno) :
					       mosquitto_strerror(rc));
		return;
	}
	if (mosquitto_want_write(b->mosq))
		event_add(b->write, NULL);
	else
		event_del(b->write);
}

static void come_up(struct broker *b)
{
	char text[64];

	b->failures = 0;
	snprintf(text, sizeof(text), "connected after %llu ms",
		 (unsigned long long)(clock_ms() - b->tried_ms));
	*b->told = '\0';
	tell(b, LOG_INFO, text);
	*b->told = '\0';
	rendezvous_up(b);
	/* TLS has taken much that is not needed again. */
	malloc_trim(0);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct broker *b = arg;
	bool was_up = b->state == BROKER_UP;
	int rc;

	(void)fd;
	if (what & EV_WRITE)
		rc = mosquitto_loop_write(b->mosq, 1);
	else
		rc = mosquitto_loop_read(b->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && !was_up && b->state == BROKER_UP)
		come_up(b);
	if (b->state == BROKER_UP)
		arm_keepalive(b);
	settle(b, rc);
}

static void drop_events(struct broker *b)
{
	if (b->read)
		event_free(b->read);
	if (b->write)
		event_free(b->write);
	b->read = NULL;
	b->write = NULL;
}

static void add_traffic(const struct broker *b, uint64_t *out, uint64_t *in)
{
	int fd = b->mosq && b->state > BROKER_CONNECTING ?
		 mosquitto_socket(b->mosq) : -1;
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return;
	*out += info.tcpi_bytes_acked;
	*in += info.tcpi_bytes_received;
}

/* What the kernel knows of the way, before enough was acknowledged to us. */
static unsigned int tcp_rtt_ms(const struct broker *b)
{
	int fd = b->state == BROKER_UP ? mosquitto_socket(b->mosq) : -1;
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_min_rtt < 1000 ? 1 : info.tcpi_min_rtt / 1000;
}

static void drop_client(struct broker *b)
{
	drop_events(b);
	memset(b->flying, 0, sizeof(b->flying));
	b->pinged = false;
	if (b->mosq)
		mosquitto_destroy(b->mosq);
	b->mosq = NULL;
}

/* Twice as long each time, and never at the same moment as everybody else. */
static uint64_t backoff_ms(const struct broker *b)
{
	unsigned int rounds = b->failures / (unsigned int)b->conf->hosts.n;
	uint64_t ms = BACKOFF_MAX_MS;

	if (b->failures % b->conf->hosts.n)
		return 0;	/* another node of the cluster: at once */
	if (rounds <= 9)
		ms = BACKOFF_MIN_MS << (rounds - 1);
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms / 2 + randombytes_uniform((uint32_t)ms / 2 + 1);
}

static void fail(struct broker *b, const char *why)
{
	enum broker_state was = b->state;
	char text[sizeof(b->told)];

	snprintf(text, sizeof(text), "%s", *b->error ? b->error : why);
	add_traffic(b, &b->bytes_out, &b->bytes_in);
	b->state = BROKER_WAITING;
	drop_client(b);
	b->failures++;
	b->next_host++;
	tell(b, LOG_WARNING, text);
	arm(b, backoff_ms(b));
	if (was == BROKER_UP)
		rendezvous_down(b);
}

/* --- connecting ----------------------------------------------------------- */

static int set_tls(struct broker *b)
{
	const struct conf_broker *conf = b->conf;
	int rc;

	if (!conf->tls)
		return MOSQ_ERR_SUCCESS;
	if (!conf->ca)
		mosquitto_int_option(b->mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
	rc = mosquitto_tls_set(b->mosq, conf->ca, NULL, conf->cert,
			       conf->cert_key, NULL);
	if (rc == MOSQ_ERR_INVAL)
		snprintf(b->error, sizeof(b->error),
			 "its certificate files (ca, cert, cert_key) can not be read");
	return rc;
}

static int set_password(struct broker *b)
{
	const struct conf_broker *conf = b->conf;
	char buf[512];
	const char *password;
	int rc;

	if (!conf->user)
		return MOSQ_ERR_SUCCESS;
	password = conf_password(conf->password, conf->password_file, buf,
				 sizeof(buf));
	if (!password && errno) {
		snprintf(b->error, sizeof(b->error), "%s: %s",
			 conf->password_file, strerror(errno));
		return MOSQ_ERR_INVAL;
	}
	rc = mosquitto_username_pw_set(b->mosq, conf->user, password);
	sodium_memzero(buf, sizeof(buf));
	return rc;
}

static int set_will(struct broker *b)
{
	uint8_t payload[SIGNED_OVERHEAD + SIGNED_MAX_TEXT];
	char topic[TOPIC_SIZE];
	size_t len = rendezvous_will(b, topic, sizeof(topic), payload);

	return mosquitto_will_set_v5(b->mosq, topic, (int)len, payload, 1,
				     true, NULL);
}

static int make_client(struct broker *b)
{
	char id[SITE_ID_SIZE + 16];
	int rc;

	b->boot = clock_real_ms();
	*b->error = '\0';
	snprintf(id, sizeof(id), "natpunch-%s",
		 site_key_public(b->daemon->key)->id);
	b->mosq = mosquitto_new(id, false, b);
	if (!b->mosq)
		return MOSQ_ERR_NOMEM;
	mosquitto_int_option(b->mosq, MOSQ_OPT_PROTOCOL_VERSION,
			     MQTT_PROTOCOL_V5);
	mosquitto_int_option(b->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_log_callback_set(b->mosq, on_log);
	mosquitto_connect_v5_callback_set(b->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(b->mosq, on_disconnect);
	mosquitto_message_v5_callback_set(b->mosq, on_message);
	mosquitto_publish_v5_callback_set(b->mosq, on_publish);
	rc = set_tls(b);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_password(b);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_will(b);
	return rc;
}

/* In the thread. */
static void connect_run(void *data)
{
	struct broker *b = data;
	mosquitto_property *props = NULL;

	mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
				     SEAL_MAX_LIFE_MS / 1000);
	mosquitto_property_add_int32(&props, MQTT_PROP_MAXIMUM_PACKET_SIZE,
				     MAX_PACKET);
	b->result = mosquitto_connect_bind_v5(b->mosq, b->host, b->port,
					      b->keepalive, NULL, props);
	b->result_errno = errno;
	mosquitto_property_free_all(&props);
}

static const char *connect_error(const struct broker *b)
{
	if (b->result == MOSQ_ERR_ERRNO)
		return strerror(b->result_errno);
	if (b->result == MOSQ_ERR_EAI)
		return "there is no such host, or no name server tells";
	return mosquitto_strerror(b->result);
}

static void connect_done(void *data)
{
	struct broker *b = data;
	int fd;

	if (b->dead) {
		b->state = BROKER_WAITING;
		broker_free(b);
		return;
	}
	b->state = BROKER_GREETING;
	fd = mosquitto_socket(b->mosq);
	if (b->result != MOSQ_ERR_SUCCESS || fd < 0) {
		fail(b, connect_error(b));
		return;
	}
	b->read = event_new(b->daemon->base, fd, EV_READ | EV_PERSIST,
			    on_socket, b);
	b->write = event_new(b->daemon->base, fd, EV_WRITE | EV_PERSIST,
			     on_socket, b);
	if (!b->read || !b->write || event_add(b->read, NULL)) {
		fail(b, "out of memory");
		return;
	}
	arm(b, GREETING_MS);
	settle(b, MOSQ_ERR_SUCCESS);
}

static void try(struct broker *b)
{
	const struct conf_list *hosts = &b->conf->hosts;
	int rc;

	b->port = b->conf->tls ? PORT_TLS : PORT_PLAIN;
	conf_split_host(hosts->item[b->next_host % hosts->n], b->host,
			sizeof(b->host), &b->port);
	b->keepalive = b->daemon->conf->keepalive;
	b->tried_ms = clock_ms();
	rc = make_client(b);
	if (rc != MOSQ_ERR_SUCCESS) {
		fail(b, mosquitto_strerror(rc));
		return;
	}
	b->state = BROKER_CONNECTING;
	if (work_start(b->daemon->base, connect_run, connect_done, b)) {
		b->state = BROKER_WAITING;
		fail(b, "no thread can be started to connect");
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct broker *b = arg;
	int rc;

	(void)fd;
	(void)what;
	switch (b->state) {
	case BROKER_WAITING:
		try(b);
		break;
	case BROKER_CONNECTING:
		break;
	case BROKER_GREETING:
		fail(b, "it does not answer");
		break;
	case BROKER_UP:
		if (b->pinged) {
			fail(b, "it has fallen silent");
			break;
		}
		rc = mosquitto_loop_misc(b->mosq);
		arm_keepalive(b);
		settle(b, rc);
		break;
	}
}

/* --- for rendezvous.c ----------------------------------------------------- */

struct broker *broker_new(struct daemon *d, const struct conf_broker *conf,
			  unsigned int bit)
{
	struct broker *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->daemon = d;
	b->conf = conf;
	b->bit = bit;
	b->timer = evtimer_new(d->base, on_timer, b);
	if (!b->timer) {
		free(b);
		return NULL;
	}
	arm(b, 0);
	return b;
}

void broker_renew(struct broker *b)
{
	if (b->state == BROKER_CONNECTING)
		return;		/* its thread comes back, and says how it went */
	if (b->state != BROKER_WAITING)
		fail(b, "our address has changed");
	b->failures = 0;
	arm(b, 0);
}

void broker_free(struct broker *b)
{
	if (b->state == BROKER_CONNECTING) {
		event_del(b->timer);
		b->dead = true;
		return;
	}
	if (b->state == BROKER_UP)
		mosquitto_disconnect_v5(b->mosq, 0, NULL);
	drop_client(b);
	event_free(b->timer);
	free(b);
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool broker_same(const struct conf_broker *a, const struct conf_broker *b)
{
	size_t i;

	if (a->hosts.n != b->hosts.n)
		return false;
	for (i = 0; i < a->hosts.n; i++)
		if (strcmp(a->hosts.item[i], b->hosts.item[i]))
			return false;
	return a->tls == b->tls && same_string(a->ca, b->ca) &&
	       same_string(a->cert, b->cert) &&
	       same_string(a->cert_key, b->cert_key) &&
	       same_string(a->user, b->user) &&
	       same_string(a->password, b->password) &&
	       same_string(a->password_file, b->password_file);
}

int broker_publish(struct broker *b, const char *topic, const void *payload,
		   size_t len, bool retain, unsigned int expires_s)
{
	mosquitto_property *props = NULL;
	int rc, mid = 0;

	if (b->state != BROKER_UP)
		return -ENOTCONN;
	if (expires_s)
		mosquitto_property_add_int32(&props,
					     MQTT_PROP_MESSAGE_EXPIRY_INTERVAL,
					     expires_s);
	rc = mosquitto_publish_v5(b->mosq, &mid, topic, (int)len, payload, 1,
				  retain, props);
	mosquitto_property_free_all(&props);
	if (rc != MOSQ_ERR_SUCCESS)
		return -EIO;
	b->flying[b->next_flying].mid = mid;
	b->flying[b->next_flying].at_ms = clock_ms();
	b->next_flying = (b->next_flying + 1) % BROKER_RTTS;
	b->out++;
	if (mosquitto_want_write(b->mosq))
		event_add(b->write, NULL);
	arm_keepalive(b);
	return 0;
}

int broker_subscribe(struct broker *b, char *const *topics, int n, int qos)
{
	if (b->state != BROKER_UP)
		return -ENOTCONN;
	if (mosquitto_subscribe_multiple(b->mosq, NULL, n, topics, qos, 0,
					 NULL))
		return -EIO;
	if (mosquitto_want_write(b->mosq))
		event_add(b->write, NULL);
	return 0;
}

int broker_unsubscribe(struct broker *b, const char *topic)
{
	if (b->state != BROKER_UP)
		return -ENOTCONN;
	if (mosquitto_unsubscribe(b->mosq, NULL, topic))
		return -EIO;
	if (mosquitto_want_write(b->mosq))
		event_add(b->write, NULL);
	return 0;
}

unsigned int broker_rtt_ms(const struct broker *b)
{
	unsigned int i, least = 0;

	if (b->n_rtt < ENOUGH_RTTS)
		return tcp_rtt_ms(b);
	for (i = 0; i < b->n_rtt && i < BROKER_RTTS; i++)
		if (!i || b->rtt_ms[i] < least)
			least = b->rtt_ms[i];
	return least ? least : 1;
}

json_t *broker_show(const struct broker *b)
{
	static const char * const states[] = {
		[BROKER_WAITING] = "waiting",
		[BROKER_CONNECTING] = "connecting",
		[BROKER_GREETING] = "connecting",
		[BROKER_UP] = "connected",
	};
	uint64_t out = b->bytes_out, in = b->bytes_in;

	add_traffic(b, &out, &in);
	return json_pack("{ss, si, ss, ss, si, sI, sI, sI, sI}", "host",
			 b->host, "port", b->port, "state", states[b->state],
			 "error", b->state == BROKER_UP ? "" : b->told,
			 "rtt_ms", (int)broker_rtt_ms(b),
			 "messages_out", (json_int_t)b->out,
			 "messages_in", (json_int_t)b->in,
			 "bytes_out", (json_int_t)out,
			 "bytes_in", (json_int_t)in);
}
