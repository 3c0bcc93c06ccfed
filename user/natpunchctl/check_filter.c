// SPDX-License-Identifier: GPL-2.0
/*
 * natpunchctl check: who may send to us (RFC 5780 section 4.4), and whether
 * neighbours reach each other by their external endpoints (RFC 4787 REQ-9).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define HAIRPIN_MS	1500
#define LAST		(4 + NP_STUN_ID - 1)
/* A SYN is sent again after 1 s and after 3 s. */
#define HAIRPIN_TCP_MS	3500

static void change(struct probe *p, const struct report *r, uint32_t flags)
{
	probe_init(p, r, &r->primary);
	stun_add_u32(&p->req.message, NP_STUN_A_CHANGE, flags);
	p->req.any_source = true;
}

/* Answered, and from where it was asked for. */
static bool changed(const struct report *r, const struct probe *p, bool addr)
{
	return p->answer.outcome == STUN_ANSWERED &&
	       ss_same_addr(&p->answer.from, &r->primary) != addr &&
	       ss_port(&p->answer.from) != ss_port(&r->primary);
}

enum { FROM_ADDRESS, FROM_PORT, N_FROM };

/* From a socket that has sent to nobody else: who is let in? */
static bool ask_changed(struct check *c, const struct report *r,
			struct stun_socket *s, struct probe p[N_FROM])
{
	struct probe first;

	probe_init(&first, r, &r->primary);
	if (!probe_ask(c, s, &first))
		return false;
	change(&p[FROM_ADDRESS], r, NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT);
	change(&p[FROM_PORT], r, NP_STUN_CHANGE_PORT);
	probe_start(s, &p[FROM_ADDRESS]);
	probe_start(s, &p[FROM_PORT]);
	probe_wait(c, p, N_FROM);
	return true;
}

/*
 * Silence may be the server's. The socket that has sent to all its endpoints lets
 * all of them in, if it has one mapping for all.
 */
static bool server_can_change(struct check *c, const struct report *r,
			      struct stun_socket *s)
{
	struct probe p;

	if (r->mapping != BEHAVIOUR_EI && r->mapping != BEHAVIOUR_NONE)
		return true;
	change(&p, r, NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT);
	probe_start(s, &p);
	probe_wait(c, &p, 1);
	return changed(r, &p, true);
}

static bool ignored(const struct probe *p)
{
	return p->answer.outcome == STUN_REFUSED ||
	       p->answer.outcome == STUN_ANSWERED;
}

static enum behaviour judge(struct check *c, struct report *r,
			    struct stun_socket *s, struct stun_socket *fresh)
{
	struct probe p[N_FROM];

	if (!ask_changed(c, r, fresh, p)) {
		snprintf(r->filtering_why, sizeof(r->filtering_why),
			 "the server stopped answering");
		return BEHAVIOUR_UNKNOWN;
	}
	if (changed(r, &p[FROM_ADDRESS], true))
		return BEHAVIOUR_EI;
	if (ignored(&p[FROM_ADDRESS]) || !server_can_change(c, r, s)) {
		snprintf(r->filtering_why, sizeof(r->filtering_why),
			 "the server does not answer from its second address when asked to (CHANGE-REQUEST)");
		return BEHAVIOUR_UNKNOWN;
	}
	return changed(r, &p[FROM_PORT], false) ? BEHAVIOUR_AD : BEHAVIOUR_APD;
}

/*
 * Where the outermost filter is: a packet to the server's second endpoint that
 * lives for h hops opens the filters that remember it. The fewest hops that let
 * that endpoint's answer in.
 */
static unsigned int find_filter(struct check *c, const struct report *r)
{
	static struct stun_socket s[CHECK_HOPS];
	static struct probe opener[CHECK_HOPS], p[CHECK_HOPS];
	unsigned int n = r->n_hops, i, found = 0;
	int error;

	for (i = 0; i < n; i++) {
		if (!check_udp(c, r, &s[i], 0, &error))
			break;
		probe_init(&opener[i], r, &r->second);
		opener[i].req.ttl = (int)i + 1;
		opener[i].req.timing = (struct stun_timing){
			.rto = 100, .tries = 2, .last = 2,
		};
		probe_start(&s[i], &opener[i]);
	}
	n = i;
	probe_wait(c, opener, n);
	for (i = 0; i < n; i++) {
		change(&p[i], r, NP_STUN_CHANGE_IP | NP_STUN_CHANGE_PORT);
		probe_start(&s[i], &p[i]);
	}
	probe_wait(c, p, n);
	for (i = n; i-- > 0;) {
		if (changed(r, &p[i], true))
			found = i + 1;
		check_close(c, &s[i]);
	}
	return found;
}

void check_filtering(struct check *c, struct report *r, struct stun_socket *s)
{
	struct stun_socket fresh;
	int error;

	if (!r->second.ss_family || !r->second_answers) {
		snprintf(r->filtering_why, sizeof(r->filtering_why),
			 r->second.ss_family ?
				 "the server's second address does not answer" :
				 "the server has no second address to send from");
		return;
	}
	if (!check_udp(c, r, &fresh, 0, &error)) {
		snprintf(r->filtering_why, sizeof(r->filtering_why), "%s",
			 strerror(error));
		return;
	}
	r->filtering = judge(c, r, s, &fresh);
	check_close(c, &fresh);
	if ((r->filtering == BEHAVIOUR_AD || r->filtering == BEHAVIOUR_APD) &&
	    (r->mapping == BEHAVIOUR_EI || r->mapping == BEHAVIOUR_NONE))
		r->filter_opens = find_filter(c, r);
}

/* --- hairpinning --------------------------------------------------------- */

/* The last byte of the id is how many hops the packet lived for; 0: any. */
struct ear {
	struct sockaddr_storage from;
	uint8_t id[NP_STUN_ID];		/* of what is waited for */
	bool heard;
	unsigned int hops;		/* the fewest */
};

static void hear(struct stun_socket *s, const uint8_t *data, size_t len,
		 const struct sockaddr_storage *from)
{
	struct ear *ear = s->data;

	if (len < NP_STUN_HEADER || memcmp(data + 4, ear->id, NP_STUN_ID - 1))
		return;
	ear->from = *from;
	ear->heard = true;
	if (data[LAST] && (!ear->hops || data[LAST] < ear->hops))
		ear->hops = data[LAST];
}

static void conclude(struct report *r, bool heard, bool external)
{
	if (heard) {
		r->hairpin = external ? HAIRPIN_EXTERNAL : HAIRPIN_INTERNAL;
	} else if (r->mapping == BEHAVIOUR_EI) {
		r->hairpin = HAIRPIN_NO;
	} else {
		r->hairpin = HAIRPIN_UNKNOWN;
		snprintf(r->hairpin_why, sizeof(r->hairpin_why),
			 "nothing came back, which this mapping explains as well");
	}
}

/* The filters are open now: with how many hops does it come back? */
static void count_hops(struct check *c, struct report *r, struct stun_socket *s,
		       struct stun_message *hello,
		       const struct sockaddr_storage *to, struct ear *ear)
{
	unsigned int i;

	ear->hops = 0;
	for (i = 1; i <= 2 * r->n_hops; i++) {
		hello->data[LAST] = (uint8_t)i;
		stun_send(s, hello->data, hello->len, to, (int)i);
	}
	check_pause(c, HAIRPIN_MS / 3, NULL);
	r->hairpin_hops = ear->hops;
}

/* Two sockets send to each other's external endpoint, as two hosts would. */
static void talk(struct check *c, struct report *r, struct stun_socket s[2],
		 struct probe known[2])
{
	struct stun_message hello;
	struct ear ear[2] = { 0 };
	unsigned int i, tries;

	stun_begin_request(&hello, STUN_RFC5389);
	hello.data[LAST] = 0;
	for (i = 0; i < 2; i++) {
		memcpy(ear[i].id, hello.data + 4, NP_STUN_ID);
		s[i].data = &ear[i];
		s[i].on_packet = hear;
	}
	for (tries = 0; tries < 3 && !ear[0].heard; tries++) {
		for (i = 0; i < 2; i++)
			stun_send(&s[i], hello.data, hello.len,
				  &known[!i].mapped, 0);
		check_pause(c, HAIRPIN_MS / 3, &ear[0].heard);
	}
	conclude(r, ear[0].heard || ear[1].heard,
		 stun_sockaddr_eq(&ear[0].from, &known[1].mapped) ||
		 stun_sockaddr_eq(&ear[1].from, &known[0].mapped));
	if (ear[0].heard)
		count_hops(c, r, &s[1], &hello, &known[0].mapped, &ear[0]);
}

static bool hairpin_applies(struct report *r)
{
	if (r->mapping != BEHAVIOUR_NONE)
		return true;
	r->hairpin = HAIRPIN_NOT_APPLICABLE;
	return false;
}

void check_hairpin_udp(struct check *c, struct report *r)
{
	struct stun_socket s[2];
	struct probe p[2];
	unsigned int i, n;
	int error;

	if (!hairpin_applies(r))
		return;
	snprintf(r->hairpin_why, sizeof(r->hairpin_why),
		 "the server stopped answering");
	for (n = 0; n < 2; n++) {
		if (!check_udp(c, r, &s[n], 0, &error))
			break;
		probe_init(&p[n], r, &r->primary);
		if (!probe_ask(c, &s[n], &p[n])) {
			check_close(c, &s[n]);
			break;
		}
	}
	if (n == 2) {
		r->hairpin_why[0] = '\0';
		talk(c, r, s, p);
	}
	for (i = 0; i < n; i++)
		check_close(c, &s[i]);
}

static bool connected(const struct stun_socket *s)
{
	return !s->connecting && !s->error;
}

static int listen_at(struct check *c, const struct report *r, uint16_t port)
{
	struct sockaddr_storage at = r->local;
	int one = 1, fd;

	(void)c;
	ss_set_port(&at, port);
	fd = socket(r->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (void *)&at, stun_sockaddr_len(&at)) || listen(fd, 4)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* @p: of the socket that calls; the port that is called has r->mapped. */
static void call(struct check *c, struct report *r, uint16_t port, int listener,
		 const struct probe *p, uint16_t from)
{
	struct stun_socket there, back;
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);
	bool has_there, has_back, heard = false;
	int error, fd = -1;
	unsigned int i;

	has_there = check_tcp(c, r, &there, from, &r->mapped, &error);
	has_back = check_tcp(c, r, &back, port, &p->mapped, &error);
	for (i = 0; i < HAIRPIN_TCP_MS / 50 && !heard && fd < 0; i++) {
		check_pause(c, 50, NULL);
		fd = accept(listener, (void *)&peer, &len);
		heard = (has_there && connected(&there)) || fd >= 0;
		if ((!has_there || there.error) && (!has_back || back.error))
			break;
	}
	if (heard && fd < 0) {
		check_pause(c, 50, NULL);
		fd = accept(listener, (void *)&peer, &len);
	}
	/* Without accept(), both called at once, and each other's mapping. */
	conclude(r, heard, fd < 0 || stun_sockaddr_eq(&peer, &p->mapped));
	if (fd >= 0)
		close(fd);
	if (has_there)
		check_close(c, &there);
	if (has_back)
		check_close(c, &back);
}

void check_hairpin_tcp(struct check *c, struct report *r, uint16_t port)
{
	struct sockaddr_storage local;
	struct stun_socket s;
	struct probe p;
	int listener, error;

	if (!hairpin_applies(r))
		return;
	listener = listen_at(c, r, port);
	if (listener < 0 || !check_tcp(c, r, &s, 0, &r->primary, &error)) {
		snprintf(r->hairpin_why, sizeof(r->hairpin_why),
			 "no socket: %s", strerror(errno));
		if (listener >= 0)
			close(listener);
		return;
	}
	probe_init(&p, r, &r->primary);
	if (probe_ask(c, &s, &p) && !stun_socket_name(&s, &local)) {
		check_learn(r, &local, &p);
		call(c, r, port, listener, &p, ss_port(&local));
	} else {
		snprintf(r->hairpin_why, sizeof(r->hairpin_why),
			 "the server stopped answering");
	}
	close(listener);
	check_close(c, &s);
}
