// SPDX-License-Identifier: GPL-2.0
/* Packets through a relay, and checks whether they arrive; see relay.h. */
#include <arpa/inet.h>
#include <string.h>

#include "relay_private.h"

#define CHECK_MS	200	/* between checks while it is not open */
#define CHECK_TRIES	25
#define TUNNEL_TRIES	10	/* as servers are tried after that */
#define KEEP_MS		10000	/* between checks of one that is open */
#define AGAIN_MS	1000	/* ... and their repetitions */
#define KEEP_TRIES	4

/* --- checks ---------------------------------------------------------------- */

static void send_stun(struct relay *r, const struct stun_message *m)
{
	if (m->len)
		relay_server_send(r, m->data, m->len, NULL, 0);
}

static void send_check(struct relay *r)
{
	const char *id = r->path->session->id;

	if (!r->checks++) {
		stun_begin_request(&r->check, STUN_RFC5389);
		stun_add(&r->check, STUN_A_USERNAME, id, strlen(id));
		stun_add_integrity(&r->check, r->key, sizeof(r->key));
		stun_add_fingerprint(&r->check);
	}
	r->checked_ms = clock_ms();
	send_stun(r, &r->check);
}

void relay_check(struct relay *r)
{
	bool open = r->state == RELAY_OPEN;

	if (r->tunnel && !open && r->checks >= TUNNEL_TRIES) {
		relay_untunnel(r, "nothing came through");
		return;
	}
	if (r->checks >= (open ? KEEP_TRIES : CHECK_TRIES)) {
		relay_fail(r, open ? "nothing comes through any more" :
				     "nothing came through");
		return;
	}
	send_check(r);
	relay_arm(r, open ? AGAIN_MS : CHECK_MS);
}

static void answer(struct relay *r, const uint8_t *request)
{
	struct stun_message m;

	stun_begin(&m, NP_STUN_BINDING_SUCCESS, request + 4);
	turn_add_endpoint(&m, NP_STUN_A_XOR_MAPPED, &r->remote);
	stun_add_integrity(&m, r->key, sizeof(r->key));
	stun_add_fingerprint(&m);
	send_stun(r, &m);
}

static void on_stun(struct relay *r, const union endpoint *from,
		    const uint8_t *data, size_t len)
{
	struct np_stun_msg msg;

	if (stun_parse(&msg, data, len) != NP_STUN_OK ||
	    !stun_integrity_is_right(data, len, r->key, sizeof(r->key)))
		return;
	if (msg.type == NP_STUN_BINDING_REQUEST) {
		if (r->any_port)
			relay_learned(r, from);
		answer(r, data);
		return;
	}
	if (msg.type != NP_STUN_BINDING_SUCCESS || !r->checks ||
	    memcmp(msg.id, r->check.data + 4, NP_STUN_ID))
		return;
	r->checks = 0;
	r->rtt_ms = (unsigned int)(clock_ms() - r->checked_ms);
	if (r->state == RELAY_CHECKING)
		relay_opened(r);
	if (r->state == RELAY_OPEN)
		relay_arm(r, KEEP_MS);
}

/* --- packets --------------------------------------------------------------- */

/* From the peer: to the service, or to who has asked. */
static void deliver(struct relay *r, uint8_t *segment, size_t len)
{
	const struct session *s = r->path->session;
	struct tun_packet p = { .proto = s->proto, .segment = segment,
				.len = len };
	int family = path_family(r->path);
	uint16_t other;

	if (len < 4 || !r->path->gateway->tun)
		return;
	r->bytes_in += len;
	if (s->role == SESSION_SERVES) {
		other = (uint16_t)(segment[0] << 8 | segment[1]);
		p.src = tun_virtual(family, r->number, other);
		p.dst = r->path->place;
	} else {
		other = (uint16_t)(segment[2] << 8 | segment[3]);
		p.src = tun_virtual(family, r->number,
				    endpoint_port(&r->path->place));
		p.dst = tun_self(family);
		endpoint_set_port(&p.dst, other);
	}
	tun_put(r->path->gateway->tun, &p);
}

static bool is_peer(const struct relay *r, const union endpoint *from)
{
	if (r->any_port)
		return endpoint_same_addr(from, &r->remote);
	return endpoint_equal(from, &r->remote);
}

void relay_on_packet(void *relay, const union endpoint *from,
		     const uint8_t *packet, size_t len)
{
	static uint8_t segment[TUN_MTU];
	struct relay *r = relay;
	uint32_t tag;

	if (!is_peer(r, from) || len < sizeof(tag))
		return;
	/* The tag's first bit is set, STUN's is not (RFC 7983). */
	if (!(packet[0] & 0x80)) {
		if (stun_is_message(packet, len))
			on_stun(r, from, packet, len);
		return;
	}
	memcpy(&tag, packet, sizeof(tag));
	len -= sizeof(tag);
	if (ntohl(tag) != (r->tag_in | UINT32_C(0x80000000)) || r->any_port ||
	    len > sizeof(segment))
		return;
	memcpy(segment, packet + sizeof(tag), len);
	deliver(r, segment, len);
}

/* Is it what our rules send, or the service's answer? */
static bool may_leave(const struct relay *r, const struct tun_packet *p)
{
	const struct session *s = r->path->session;
	union endpoint self = tun_self(p->dst.sa.sa_family);

	if (p->proto != s->proto ||
	    (r->state != RELAY_OPEN && r->state != RELAY_RETIRING &&
	     r->state != RELAY_CHECKING))
		return false;
	if (s->role == SESSION_SERVES)
		return endpoint_equal(&p->src, &r->path->place);
	return endpoint_same_addr(&p->src, &self) &&
	       endpoint_port(&p->dst) == endpoint_port(&r->path->place);
}

static struct relay *find(const struct gateway *gw, const union endpoint *ep)
{
	const struct session *s;
	const struct path *p;
	unsigned int number;

	if (!tun_number(&number, ep))
		return NULL;
	for (s = gw->daemon->sessions; s; s = s->next) {
		p = s->path;
		if (p && p->relay && p->relay->number == number)
			return p->relay;
	}
	return NULL;
}

void relay_from_tun(void *gateway, struct tun_packet *p)
{
	struct relay *r = find(gateway, &p->dst);
	uint32_t tag;

	if (!r || p->dst.sa.sa_family != path_family(r->path) ||
	    !may_leave(r, p))
		return;
	r->bytes_out += p->len;
	tag = htonl(r->tag_out | UINT32_C(0x80000000));
	relay_server_send(r, &tag, sizeof(tag), p->segment, p->len);
}
