// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of a held SYN is told, with both its endpoints, by natpunchctl's
 * monitor, hold show and stats, as text and as JSON; and so is a RST that is
 * dropped for a crafted flow.
 */
#define _GNU_SOURCE
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lab/behave.h"

#define PORT 5000

static struct job text, json;

static void listen_to_events(void)
{
	text = job_start(HOME, "exec natpunchctl -n GA monitor");
	json = job_start(HOME, "exec natpunchctl -n GA -j monitor");
	sleep_ms(1000);
}

static const char *string_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static bool is_pair(json_t *object, struct ep ext, struct ep remote)
{
	return !strcmp(string_of(object, "external_addr"), ep_addr_str(ext)) &&
	       !strcmp(string_of(object, "remote_addr"), ep_addr_str(remote)) &&
	       json_integer_value(json_object_get(object, "external_port")) ==
	       ep_port(ext) &&
	       json_integer_value(json_object_get(object, "remote_port")) ==
	       ep_port(remote);
}

/* How many lines of JSON are about the pair and this event, this state or end. */
static unsigned int json_events(struct ep ext, struct ep remote,
				const char *event, const char *key,
				const char *value)
{
	const char *line = job_output(&json);
	unsigned int n = 0;
	json_t *object;

	for (; line && *line; line = strchr(line, '\n')) {
		line += strspn(line, "\n");
		object = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
		n += is_pair(object, ext, remote) &&
		     !strcmp(string_of(object, "event"), event) &&
		     !strcmp(string_of(object, key), value);
		json_decref(object);
	}
	return n;
}

/* Likewise of text, where a word ends the line. */
static unsigned int text_events(struct ep ext, struct ep remote,
				const char *word)
{
	char pair[160], end[32];
	const char *line;
	unsigned int n = 0;
	size_t len;

	snprintf(pair, sizeof(pair), "%s -> %s ", ep_str(remote), ep_str(ext));
	snprintf(end, sizeof(end), " %s", word);
	for (line = job_output(&text); *line; line += len + !!line[len]) {
		len = strcspn(line, "\n");
		n += memmem(line, len, pair, strlen(pair)) &&
		     len > strlen(end) &&
		     !memcmp(line + len - strlen(end), end, strlen(end));
	}
	return n;
}

/* Both monitors have told of it, just once. */
static bool told(struct ep ext, struct ep remote, const char *event,
		 const char *key, const char *word)
{
	bool t = text_events(ext, remote, word) == 1;
	bool j = json_events(ext, remote, event, key, word) == 1;

	if (!t)
		ktap_diag("text lacks '%s': %s", word, job_output(&text));
	if (!j)
		ktap_diag("JSON lacks '%s': %s", word, job_output(&json));
	return t && j;
}

static struct seen stop_listening(bool ok, const char *what)
{
	job_stop(&text);
	job_stop(&json);
	return seen(ok, "%s", what);
}

static long counter(const char *name)
{
	json_t *stats;
	long n;

	must(GA, "natpunchctl -j stats");
	stats = json_loads(run_output(), 0, NULL);
	n = json_is_integer(json_object_get(stats, name)) ?
	    json_integer_value(json_object_get(stats, name)) : -1;
	json_decref(stats);
	return n;
}

static void syn(struct ep from, struct ep to)
{
	struct packet p = packet_tcp(from, to, TCP_SYN, 1, 0);

	packet_send(SERVER, &p);
}

static struct seen held_and_expired(const struct row *row)
{
	struct ep ext = wan(GA, 7777), peer = server(1, 4000);
	long new = counter("holds_new"), expired = counter("holds_expired");
	bool ok;

	(void)row;
	listen_to_events();
	syn(peer, ext);
	sleep_ms(500);
	ok = told(ext, peer, "hold_new", "state", "held") &&
	     counter("holds_new") == new + 1 && counter("holds") == 1;
	sleep_s(8);
	ok &= told(ext, peer, "hold_ended", "end", "expired") &&
	      counter("holds_expired") == expired + 1 && !counter("holds");
	return stop_listening(ok, "held, expired");
}

static struct seen held_and_released(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	long released = counter("holds_released");
	struct ep peer = server(1, 4000);
	struct packet p;
	bool ok;

	(void)row;
	listen_to_events();
	syn(peer, ext);
	sleep_ms(500);
	p = packet_tcp(host(A, PORT), peer, TCP_SYN, 1, 0);
	packet_send(A, &p);
	sleep_ms(500);
	ok = told(ext, peer, "hold_new", "state", "held") &&
	     told(ext, peer, "hold_ended", "end", "released") &&
	     counter("holds_released") == released + 1;
	return stop_listening(ok, "held, released");
}

static struct seen parked_and_swallowed(const struct row *row)
{
	struct ep ext = external(IPPROTO_TCP, A, PORT, server(2, 80));
	long swallowed = counter("answers_swallowed");
	struct ep peer = server(1, 4000);
	bool ok;

	(void)row;
	listen_to_events();
	syn(peer, ext);
	sleep_ms(500);
	/* Text has a word of its own for it. */
	ok = told(ext, peer, "hold_new", "state", "parked") &&
	     text_events(ext, peer, "swallowed") == 1 &&
	     json_events(ext, peer, "hold_swallowed", "state", "held") == 1 &&
	     counter("answers_swallowed") == swallowed + 1;
	return stop_listening(ok, "parked, swallowed");
}

static struct seen flushed(const struct row *row)
{
	struct ep ext = wan(GA, 7777), peer = server(1, 4000);
	bool ok;

	listen_to_events();
	syn(peer, ext);
	sleep_ms(500);
	must(GA, "natpunchctl wan set wan --hold off");
	sleep_ms(500);
	ok = told(ext, peer, "hold_ended", "end", "flushed");
	must(GA, "natpunchctl wan set wan %s", row->options);
	return stop_listening(ok, "flushed");
}

static struct seen listed(const struct row *row)
{
	struct ep ext = wan(GA, 7777), peer = server(1, 4000);
	json_t *list, *hold;
	double left;
	bool ok;

	(void)row;
	syn(peer, ext);
	sleep_ms(1000);
	must(GA, "natpunchctl -j hold show");
	list = json_loads(run_output(), 0, NULL);
	hold = json_array_get(list, 0);
	left = json_real_value(json_object_get(hold, "left"));
	ok = json_array_size(list) == 1 && is_pair(hold, ext, peer) &&
	     !strcmp(string_of(hold, "wan"), "wan") &&
	     !strcmp(string_of(hold, "state"), "held") && left > 4 &&
	     left < 5.1;
	json_decref(list);
	must(GA, "natpunchctl hold show");
	return seen(ok && strstr(run_output(), ep_str(ext)) &&
		    strstr(run_output(), ep_str(peer)), "%.1f s left", left);
}

/* Events of RSTs from @local to @peer for flow @id, as text and as JSON. */
static bool told_rst(struct ep local, struct ep peer, unsigned int id)
{
	const char *line = job_output(&json);
	unsigned int n = 0;
	json_t *object;
	char want[200];

	snprintf(want, sizeof(want), "rst   tcp    %s -> %s flow %u dropped\n",
		 ep_str(local), ep_str(peer), id);
	for (; line && *line; line = strchr(line, '\n')) {
		line += strspn(line, "\n");
		object = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
		n += !strcmp(string_of(object, "event"), "crafted_rst") &&
		     !strcmp(string_of(object, "local_addr"),
			     ep_addr_str(local)) &&
		     !strcmp(string_of(object, "remote_addr"),
			     ep_addr_str(peer)) &&
		     json_integer_value(json_object_get(object, "local_port")) ==
		     ep_port(local) &&
		     json_integer_value(json_object_get(object, "remote_port")) ==
		     ep_port(peer) &&
		     json_integer_value(json_object_get(object, "id")) == id;
		json_decref(object);
	}
	return n == 1 && strstr(job_output(&text), want);
}

/* Both of the gateway's own flows and of those of hosts behind it. */
static struct seen rst_dropped(const struct row *row)
{
	struct ep local = row->arg ? host(A, PORT) : wan(GA, PORT + 1);
	struct ep peer = server(1, 4000);
	long rsts = counter("crafted_rsts");
	unsigned int id;
	struct packet p;
	json_t *made;
	bool ok;

	must(GA, "natpunchctl -j crafted add %s %s --lease 30", ep_str(local),
	     ep_addr_str(peer));
	made = json_loads(run_output(), 0, NULL);
	id = json_integer_value(json_object_get(made, "id"));
	json_decref(made);
	listen_to_events();
	if (row->arg) {
		p = packet_tcp(local, peer, TCP_RST, 1, 0);
		packet_send(A, &p);
	} else {
		/* No connection: the gateway's kernel answers with RST. */
		p = packet_tcp(peer, local, TCP_SYN | TCP_ACK, 1, 1);
		packet_send(SERVER, &p);
	}
	sleep_ms(500);
	ok = told_rst(local, peer, id) && counter("crafted_rsts") == rsts + 1;
	if (!ok)
		ktap_diag("flow %u: %s%s", id, job_output(&text),
			  job_output(&json));
	must(GA, "natpunchctl crafted del %u", id);
	return stop_listening(ok, "dropped");
}

static const struct row rows[] = {
	{ .name = "held, then expired", .measure = held_and_expired,
	  .options = "--hold icmp", .families = BOTH },
	{ .name = "held, then released", .measure = held_and_released,
	  .options = "--filter apdf", .families = BOTH },
	{ .name = "parked, and the answer swallowed",
	  .measure = parked_and_swallowed, .options = "--filter eif",
	  .families = BOTH },
	{ .name = "flushed", .measure = flushed, .options = "--hold icmp" },
	{ .name = "hold show has it", .measure = listed,
	  .options = "--hold icmp", .families = BOTH },
	{ .name = "a RST dropped for a crafted flow of the gateway",
	  .measure = rst_dropped, .families = BOTH },
	{ .name = "a RST dropped for a crafted flow of a host behind it",
	  .measure = rst_dropped, .arg = 1, .families = BOTH },
};

ROWS_MAIN(rows)
