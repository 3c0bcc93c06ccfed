// SPDX-License-Identifier: GPL-2.0
/*
 * What the gateway learns from STUN answers that pass by (RFC 8489, RFC 3489), and
 * what it does not believe. Another NAT stands between the gateway and the server:
 * NET gives what leaves GA another address.
 *
 * What is known is what `natpunchctl upstream show` tells; the answers are those of
 * coturn, or made by hand where they lie.
 *
 * The oldest and the newest kernel will do.
 * needs: kernel=6.1 kernel=7.3
 */
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../user/stun/stun-message.h"
#include "lab/behave.h"
#include "lab/turn.h"

#define STUN_PORT	3478
#define OTHER_PORT	5349	/* nobody's STUN port by itself */

#define ABOVE_V4	"192.0.2.77"
#define ABOVE_V6	"2001:db8:5::77"
#define ABOVE_NEW	"192.0.2.78"

/* What is known of one upstream. */
struct known {
	bool found;
	char mapped[INET6_ADDRSTRLEN];
	long samples, refused, flows, mappings;
};

static void get_known(struct known *k, json_t *o)
{
	const char *mapped = json_string_value(json_object_get(o,
							       "mapped_addr"));

	k->found = true;
	snprintf(k->mapped, sizeof(k->mapped), "%s", mapped ? mapped : "-");
	k->samples = json_integer_value(json_object_get(o, "samples"));
	k->refused = json_integer_value(json_object_get(o, "refused"));
	k->flows = json_integer_value(json_object_get(o, "flows"));
	k->mappings = json_integer_value(json_object_get(o, "mappings"));
}

static struct known known_of(int protocol, struct ep ours)
{
	const char *proto = protocol == IPPROTO_TCP ? "tcp" : "udp";
	struct known k = { .found = false };
	json_t *list, *o;
	size_t i;

	if (natpunchctl("-j upstream show wan"))
		ktap_bail("upstream show: %s", run_output());
	list = json_loads(run_output(), 0, NULL);
	json_array_foreach(list, i, o) {
		if (!strcmp(json_string_value(json_object_get(o, "addr")),
			    ep_addr_str(ours)) &&
		    !strcmp(json_string_value(json_object_get(o, "proto")),
			    proto))
			get_known(&k, o);
	}
	json_decref(list);
	return k;
}

static struct known known(int protocol)
{
	return known_of(protocol, wan(GA, 0));
}

static const char *above(void)
{
	return lab_family() == AF_INET6 ? ABOVE_V6 : ABOVE_V4;
}

/* The NAT that GA does not know of: GA's packets get @addr. */
static void set_above(const char *addr)
{
	nft(NET, "table inet above\n"
	    "delete table inet above\n"
	    "table inet above {\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat;\n"
	    "		oifname \"srv\" %s saddr %s snat %s to %s\n"
	    "	}\n"
	    "}\n", strchr(addr, ':') ? "ip6" : "ip",
	    ep_addr_str(wan(GA, 0)), strchr(addr, ':') ? "ip6" : "ip", addr);
}

/* On NET, so that it answers for the address. */
static void begin_above(void)
{
	set_above(above());
	run(NET, "ip addr add %s/%d dev srv nodad; ip addr add " ABOVE_NEW
	    "/32 dev srv", above(), lab_family() == AF_INET6 ? 128 : 32);
}

static struct seen end_above(struct seen s)
{
	nft(NET, "delete table inet above\n");
	run(NET, "ip addr del %s/%d dev srv; ip addr del " ABOVE_NEW
	    "/32 dev srv", above(), lab_family() == AF_INET6 ? 128 : 32);
	run(NET, "conntrack -F");
	return s;
}

static struct seen seen_known(bool ok, struct known k)
{
	return end_above(seen(ok, "%s: %ld samples, %ld refused", k.mapped,
			      k.samples, k.refused));
}

/*
 * A real server
 */

static struct job turn;

/* It stays, for it is slow to start. */
static void start_coturn(void)
{
	if (turn.pid)
		return;
	turn = turn_start("192.0.2.10 -L 192.0.2.11 -L 2001:db8:5::10 "
			  "-L 2001:db8:5::11", OTHER_PORT);
}

static void stop_coturn(void)
{
	if (turn.pid)
		job_stop(&turn);
	turn.pid = 0;
}

static struct ep *connect_udp(int sock, struct ep *to)
{
	return connect(sock, &to->sa, ep_len(*to)) ? NULL : to;
}

/* Ask over @sock, which is connected; what the answer says, len 0: nothing. */
static struct np_stun_ep ask_over(int sock, enum stun_dialect dialect)
{
	struct pollfd readable = { .fd = sock, .events = POLLIN };
	struct np_stun_ep none = { .len = 0 };
	struct stun_message request;
	struct np_stun_msg msg;
	uint8_t buf[1500];
	ssize_t n;

	stun_begin_request(&request, dialect);
	if (send(sock, request.data, request.len, 0) < 0)
		return none;
	poll(&readable, 1, COMES_MS);
	n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT);
	if (n < 0 || stun_parse(&msg, buf, (size_t)n) != NP_STUN_OK ||
	    memcmp(msg.id, request.data + 4, sizeof(msg.id)))
		return none;
	return *np_stun_mapped(&msg);
}

static struct np_stun_ep ask(int protocol, enum node node, unsigned int port,
			     struct ep to, enum stun_dialect dialect)
{
	struct np_stun_ep none = { .len = 0 };
	struct ep local = node == GA ? wan(GA, port) : host(node, port);
	int sock;

	if (protocol == IPPROTO_UDP) {
		sock = udp_open(node, local);
		if (!connect_udp(sock, &to))
			return none;
		return ask_over(sock, dialect);
	}
	sock = stream_open(IPPROTO_TCP, node, local);
	if (stream_connect(sock, to) || stream_connected(sock, COMES_MS))
		return none;
	return ask_over(sock, dialect);
}

static bool is_above(const struct np_stun_ep *e)
{
	struct ep want = ep(above(), 0);

	return e->len && !memcmp(e->addr, ep_addr(&want), e->len);
}

/* row->arg: STUN_RFC5389 or STUN_RFC3489. */
static struct seen coturn_tells(const struct row *row)
{
	struct np_stun_ep mapped;
	struct known k;

	begin_above();
	start_coturn();
	mapped = ask(row->protocol, A, 5000, server(1, STUN_PORT),
		     (enum stun_dialect)row->arg);
	k = known(row->protocol);
	return seen_known(is_above(&mapped) && k.samples == 1 &&
			  !k.refused && !strcmp(k.mapped, above()), k);
}

static struct seen stock_client_tells(const struct row *row)
{
	struct known k;

	(void)row;
	begin_above();
	start_coturn();
	run(A, "timeout 20 turnutils_stunclient -p %d %s", STUN_PORT,
	    ep_addr_str(server(1, 0)));
	k = known(IPPROTO_UDP);
	return seen_known(k.samples > 0 && !k.refused &&
			  !strcmp(k.mapped, above()), k);
}

/* The router's own question tells as much. */
static struct seen own_question_tells(const struct row *row)
{
	struct np_stun_ep mapped;
	struct known k;

	begin_above();
	start_coturn();
	mapped = ask(row->protocol, GA, 5000, server(1, STUN_PORT),
		     STUN_RFC5389);
	k = known(row->protocol);
	return seen_known(is_above(&mapped) && k.samples == 1, k);
}

/* Beside the watcher, which sees every packet of such a WAN. */
static struct seen no_refresh_tells(const struct row *row)
{
	return coturn_tells(row);
}

static struct seen other_port_tells_nothing(const struct row *row)
{
	struct np_stun_ep mapped;
	struct known k;

	begin_above();
	start_coturn();
	mapped = ask(row->protocol, A, 5000, server(1, OTHER_PORT),
		     STUN_RFC5389);
	k = known(row->protocol);
	return seen_known(is_above(&mapped) && !k.samples && !k.refused, k);
}

/* row->options name the port. */
static struct seen given_port_tells(const struct row *row)
{
	struct np_stun_ep mapped;
	struct known k;

	begin_above();
	start_coturn();
	mapped = ask(row->protocol, A, 5000, server(1, OTHER_PORT),
		     STUN_RFC5389);
	/* It has taken the place of the usual ones. */
	ask(row->protocol, A, 5001, server(1, STUN_PORT), STUN_RFC5389);
	k = known(row->protocol);
	return seen_known(is_above(&mapped) && k.samples == 1, k);
}

/* An nft rule names what is to be observed. */
static struct seen rule_tells(const struct row *row)
{
	struct np_stun_ep mapped;
	struct known k;

	begin_above();
	nft(GA, "table inet pick {\n"
	    "	ct helper stun-udp {\n"
	    "		type \"natpunch-stun\" protocol udp; l3proto inet;\n"
	    "	}\n"
	    "	ct helper stun-tcp {\n"
	    "		type \"natpunch-stun\" protocol tcp; l3proto inet;\n"
	    "	}\n"
	    "	chain post {\n"
	    "		type nat hook postrouting priority srcnat - 5;\n"
	    "		udp dport %d ct helper set \"stun-udp\"\n"
	    "		tcp dport %d ct helper set \"stun-tcp\"\n"
	    "	}\n"
	    "}\n", OTHER_PORT, OTHER_PORT);
	start_coturn();
	mapped = ask(row->protocol, A, 5000, server(1, OTHER_PORT),
		     STUN_RFC5389);
	k = known(row->protocol);
	return seen_known(is_above(&mapped) && k.samples == 1, k);
}

/*
 * A server that lies. It answers to a request that it has got, on a flow that
 * works; A sees what the gateway lets pass.
 */

enum lie {
	LIE_NONE,
	LIE_ID,
	LIE_TRUNCATED,
	LIE_ZERO_LENGTH,
	LIE_UNKNOWN,
	LIE_TOO_LONG,
	LIE_TOO_SHORT,
	LIE_PORT_ZERO,
	LIE_LOOPBACK,
	LIE_MULTICAST,
	LIE_OTHER_FAMILY,
	LIE_SOURCE_PORT,
	LIE_SOURCE_ADDRESS,
};

struct dialogue {
	int a, server, other_port, other_addr;
	struct ep external;	/* of A, as the server sees it */
	uint8_t id[NP_STUN_ID];
};

/* A asks; the request is at the server then. */
static bool begin_dialogue(struct dialogue *d)
{
	struct ep to = server(1, STUN_PORT);
	struct stun_message request;
	socklen_t len = sizeof(d->external);
	uint8_t buf[1500];
	ssize_t n;

	stop_coturn();
	memset(d, 0, sizeof(*d));
	d->a = udp_open(A, host(A, 5000));
	d->server = udp_open(SERVER, to);
	d->other_port = udp_open(SERVER, server(1, STUN_PORT + 1));
	d->other_addr = udp_open(SERVER, server(2, STUN_PORT));
	stun_begin_request(&request, STUN_RFC5389);
	memcpy(d->id, request.data + 4, sizeof(d->id));
	sendto(d->a, request.data, request.len, 0, &to.sa, ep_len(to));
	sleep_ms(100);
	n = recvfrom(d->server, buf, sizeof(buf), MSG_DONTWAIT,
		     &d->external.sa, &len);
	return n == (ssize_t)request.len;
}

static struct ep lie_endpoint(const struct dialogue *d, enum lie lie)
{
	bool six = lab_family() == AF_INET6;

	switch (lie) {
	case LIE_PORT_ZERO:
		return ep_at(d->external, 0);
	case LIE_LOOPBACK:
		return ep(six ? "::1" : "127.0.0.1", 5000);
	case LIE_MULTICAST:
		return ep(six ? "ff0e::1" : "224.0.0.1", 5000);
	case LIE_OTHER_FAMILY:
		return ep(six ? "192.0.2.9" : "2001:db8::9", 5000);
	default:
		return d->external;
	}
}

static void make_answer(struct stun_message *m, const struct dialogue *d,
			enum lie lie)
{
	struct ep mapped = lie_endpoint(d, lie);
	uint8_t id[NP_STUN_ID];

	memcpy(id, d->id, sizeof(id));
	if (lie == LIE_ID)
		id[NP_STUN_ID - 1] ^= 1;
	stun_begin(m, NP_STUN_BINDING_SUCCESS, id);
	if (lie == LIE_ZERO_LENGTH)
		stun_add(m, NP_STUN_A_XOR_MAPPED, "", 0);
	else
		stun_add_xor_addr(m, NP_STUN_A_XOR_MAPPED, &mapped.sa);
	switch (lie) {
	case LIE_UNKNOWN:
		stun_add(m, 0x7ffe, "what?", 5);
		break;
	case LIE_TRUNCATED:
		m->data[m->len - (lab_family() == AF_INET6 ? 21 : 9)] += 4;
		break;
	case LIE_TOO_LONG:
		m->data[3] += 4;
		break;
	case LIE_TOO_SHORT:
		memset(m->data + m->len, 0, 4);
		m->len += 4;
		break;
	default:
		break;
	}
}

/* Does the answer come to A as it was sent? */
static bool answer(const struct dialogue *d, int from,
		   const struct stun_message *m)
{
	uint8_t buf[1500];
	ssize_t n;

	sendto(from, m->data, m->len, 0, &d->external.sa,
	       ep_len(d->external));
	sleep_ms(100);
	n = recv(d->a, buf, sizeof(buf), MSG_DONTWAIT);
	return n == (ssize_t)m->len && !memcmp(buf, m->data, m->len);
}

/* row->arg: the lie. After it the truth is still believed. */
static struct seen lie_is_refused(const struct row *row)
{
	enum lie lie = (enum lie)row->arg;
	struct stun_message m;
	struct known before, k;
	struct dialogue d;
	bool passed, refused;

	begin_above();
	if (!begin_dialogue(&d))
		return end_above(seen(false, "no request came"));
	make_answer(&m, &d, lie);
	passed = answer(&d, lie == LIE_SOURCE_PORT ? d.other_port :
			    lie == LIE_SOURCE_ADDRESS ? d.other_addr :
							d.server, &m);
	before = known(IPPROTO_UDP);
	refused = !before.samples && before.refused == 1;
	/* Another NAT's filtering is in the way of these. */
	if (lie == LIE_SOURCE_PORT || lie == LIE_SOURCE_ADDRESS) {
		passed = true;
		refused = !before.samples;
	}
	make_answer(&m, &d, LIE_NONE);
	passed &= answer(&d, d.server, &m);
	k = known(IPPROTO_UDP);
	return seen_known(passed && refused && k.samples == 1 &&
			  k.refused == before.refused, k);
}

/* The message from the server's @from to @to. */
static struct packet datagram(struct ep from, struct ep to,
			      const struct stun_message *m)
{
	char room[STUN_MESSAGE_SIZE + 1];
	struct packet p;

	memset(room, 'x', m->len);
	room[m->len] = '\0';
	p = packet_udp(from, to, room);
	memcpy(p.data + p.payload, m->data, m->len);
	packet_checksum(&p);
	return p;
}

static struct seen spoofed_source_is_no_answer(const struct row *row)
{
	struct stun_message m;
	struct packet spoofed;
	uint8_t buf[1500];
	struct dialogue d;
	struct known k;
	bool passed;

	(void)row;
	begin_above();
	if (!begin_dialogue(&d))
		return end_above(seen(false, "no request came"));
	make_answer(&m, &d, LIE_NONE);
	/* From next door, past the other NAT, to GA's external endpoint. */
	spoofed = datagram(server(2, STUN_PORT), wan(GA, 5000), &m);
	packet_send(NET, &spoofed);
	sleep_ms(100);
	passed = recv(d.a, buf, sizeof(buf), MSG_DONTWAIT) == (ssize_t)m.len;
	k = known(IPPROTO_UDP);
	return seen_known(passed && !k.samples, k);
}

/* The same answer again tells nothing new. */
static struct seen replay_is_refused(const struct row *row)
{
	struct stun_message m;
	struct dialogue d;
	struct known k;
	bool passed;

	(void)row;
	begin_above();
	if (!begin_dialogue(&d))
		return end_above(seen(false, "no request came"));
	make_answer(&m, &d, LIE_NONE);
	passed = answer(&d, d.server, &m) && answer(&d, d.server, &m);
	k = known(IPPROTO_UDP);
	return seen_known(passed && k.samples == 1 && k.refused == 1, k);
}

/* What the server was not asked it may say; nobody believes it. */
static struct seen unasked_is_refused(const struct row *row)
{
	struct stun_message m;
	struct dialogue d;
	struct flow flow;
	struct known k;
	bool passed;

	(void)row;
	stop_coturn();
	begin_above();
	flow = flow_open(IPPROTO_UDP, A, 5000, server(1, STUN_PORT));
	memset(&d, 0, sizeof(d));
	d.a = flow.in;
	d.external = flow.external;
	stun_begin_request(&m, STUN_RFC5389);
	memcpy(d.id, m.data + 4, sizeof(d.id));
	make_answer(&m, &d, LIE_NONE);
	passed = answer(&d, flow.out, &m);
	k = known(IPPROTO_UDP);
	return seen_known(passed && !k.samples && k.refused == 1, k);
}

/* The address lies in the second fragment, which comes first. */
static struct seen fragments_are_read(const struct row *row)
{
	struct stun_message m;
	uint8_t buf[1500];
	struct dialogue d;
	struct packet p;
	struct known k;
	ssize_t n;

	(void)row;
	begin_above();
	if (!begin_dialogue(&d))
		return end_above(seen(false, "no request came"));
	stun_begin(&m, NP_STUN_BINDING_SUCCESS, d.id);
	stun_add(&m, STUN_A_SOFTWARE,
		 "a server that has much to say of itself, and does", 49);
	stun_add_xor_addr(&m, NP_STUN_A_XOR_MAPPED, &d.external.sa);
	p = datagram(server(1, STUN_PORT), d.external, &m);
	packet_send_fragmented(SERVER, &p, 64);
	sleep_ms(200);
	n = recv(d.a, buf, sizeof(buf), MSG_DONTWAIT);
	k = known(IPPROTO_UDP);
	return seen_known(n == (ssize_t)m.len && k.samples == 1, k);
}

/*
 * TCP: what begins and ends with a segment is read, and the rest left alone.
 */

static struct seen split_message_is_left_alone(const struct row *row)
{
	int a = stream_open(IPPROTO_TCP, A, host(A, 5000)), s, listener;
	struct stun_message request, m;
	struct ep external;
	struct known k;
	uint8_t buf[1500];
	ssize_t n;

	(void)row;
	stop_coturn();
	listener = stream_listen(IPPROTO_TCP, SERVER, server(1, STUN_PORT));
	begin_above();
	stream_connect(a, server(1, STUN_PORT));
	s = stream_accept(listener, &external, COMES_MS);
	if (s < 0 || stream_connected(a, COMES_MS))
		return end_above(seen(false, "no connection"));
	stun_begin_request(&request, STUN_RFC5389);
	send(a, request.data, request.len, 0);
	sleep_ms(100);
	stun_begin(&m, NP_STUN_BINDING_SUCCESS, request.data + 4);
	stun_add_xor_addr(&m, NP_STUN_A_XOR_MAPPED, &external.sa);
	send(s, m.data, 24, 0);
	sleep_ms(100);
	send(s, m.data + 24, m.len - 24, 0);
	sleep_ms(100);
	n = recv(a, buf, sizeof(buf), MSG_DONTWAIT);
	k = known(IPPROTO_TCP);
	return seen_known(n == (ssize_t)m.len && !k.samples && !k.refused, k);
}

/*
 * Changes
 */

/* The WAN gets another address: nothing is known beyond that, nor of the old. */
static struct seen own_address_forgets(const struct row *row)
{
	struct known before, without, after;

	(void)row;
	begin_above();
	start_coturn();
	ask(IPPROTO_UDP, A, 5000, server(1, STUN_PORT), STUN_RFC5389);
	before = known(IPPROTO_UDP);
	must(GA, "ip addr del 203.0.113.2/24 dev wan");
	sleep_s(3);
	without = known(IPPROTO_UDP);
	must(GA, "ip addr flush dev wan scope global;"
	     "ip addr add 203.0.113.2/24 dev wan;"
	     "ip addr add " SECOND_WAN_ADDRESS "/24 dev wan;"
	     "ip addr add 2001:db8:a::2/64 dev wan nodad;"
	     "ip route replace default via 203.0.113.1;"
	     "ip -6 route replace default via 2001:db8:a::1");
	sleep_s(3);
	after = known(IPPROTO_UDP);
	return end_above(seen(before.samples == 1 && !without.found &&
			      after.found && !after.samples,
			      "%ld samples, %s, then %ld", before.samples,
			      without.found ? "still there" : "gone",
			      after.samples));
}

/* The NAT above gets another address, on a flow that was known. */
static struct seen address_above_forgets(const struct row *row)
{
	struct known before, after;
	struct ep to = server(1, STUN_PORT);
	int sock;

	(void)row;
	begin_above();
	start_coturn();
	ask(IPPROTO_UDP, A, 5001, to, STUN_RFC5389);
	ask(IPPROTO_UDP, A, 5002, to, STUN_RFC5389);
	sock = udp_open(A, host(A, 5000));
	connect_udp(sock, &to);
	ask_over(sock, STUN_RFC5389);
	before = known(IPPROTO_UDP);
	set_above(ABOVE_NEW);
	run(NET, "conntrack -F");
	ask_over(sock, STUN_RFC5389);
	after = known(IPPROTO_UDP);
	return end_above(seen(before.samples == 3 && after.samples == 1 &&
			      !strcmp(after.mapped, ABOVE_NEW),
			      "%ld samples, then %ld from %s", before.samples,
			      after.samples, after.mapped));
}

/*
 * What this gateway makes itself
 */

static struct seen flows_are_counted(const struct row *row)
{
	struct known before = known(row->protocol), k;
	unsigned int i;

	/* Two endpoints; the first one talks to two, and again to one. */
	external(row->protocol, A, 5000, server(1, 7000));
	external(row->protocol, A, 5000, server(2, 7000));
	external(row->protocol, A2, 5000, server(1, 7001));
	/* And the router's own. */
	for (i = 0; i < 3; i++) {
		if (row->protocol == IPPROTO_UDP)
			udp_send(udp_open(GA, wan(GA, 6000 + i)),
				 server(1, 7002));
		else
			stream_connect(stream_open(IPPROTO_TCP, GA,
						   wan(GA, 6000 + i)),
				       server(1, 7002));
	}
	sleep_ms(100);
	k = known(row->protocol);
	return seen(k.flows - before.flows == 6 &&
		    k.mappings - before.mappings == 5,
		    "%ld flows, %ld mappings", k.flows - before.flows,
		    k.mappings - before.mappings);
}

#define LIE(_name, _lie)						\
	{ .name = "refused: " _name, .measure = lie_is_refused,		\
	  .arg = (_lie), .families = BOTH }

static const struct row rows[] = {
	{ .name = "coturn over UDP", .measure = coturn_tells,
	  .protocol = IPPROTO_UDP, .families = BOTH },
	{ .name = "coturn over TCP", .measure = coturn_tells,
	  .protocol = IPPROTO_TCP, .families = BOTH },
	{ .name = "coturn, asked as RFC 3489 has it", .measure = coturn_tells,
	  .protocol = IPPROTO_UDP, .arg = STUN_RFC3489 },
	{ .name = "coturn's own client", .measure = stock_client_tells },
	{ .name = "the router's own question", .measure = own_question_tells,
	  .protocol = IPPROTO_UDP, .families = BOTH },
	{ .name = "the router's own question over TCP",
	  .measure = own_question_tells, .protocol = IPPROTO_TCP },
	{ .name = "where inbound packets do not refresh",
	  .measure = no_refresh_tells, .protocol = IPPROTO_UDP,
	  .options = "--inbound-refresh off" },
	{ .name = "another port is none of our business",
	  .measure = other_port_tells_nothing, .protocol = IPPROTO_UDP },
	{ .name = "another port that is given", .measure = given_port_tells,
	  .protocol = IPPROTO_UDP, .options = "--stun-ports 5349" },
	{ .name = "another port by an nft rule", .measure = rule_tells,
	  .protocol = IPPROTO_UDP },
	{ .name = "another TCP port by an nft rule", .measure = rule_tells,
	  .protocol = IPPROTO_TCP },
	LIE("another transaction", LIE_ID),
	LIE("an attribute cut off", LIE_TRUNCATED),
	LIE("an address of length 0", LIE_ZERO_LENGTH),
	LIE("an unknown attribute that must be understood", LIE_UNKNOWN),
	LIE("a message longer than its datagram", LIE_TOO_LONG),
	LIE("a datagram longer than its message", LIE_TOO_SHORT),
	LIE("port 0", LIE_PORT_ZERO),
	LIE("a loopback address", LIE_LOOPBACK),
	LIE("a multicast address", LIE_MULTICAST),
	LIE("an address of the other family", LIE_OTHER_FAMILY),
	LIE("an answer from another port", LIE_SOURCE_PORT),
	LIE("an answer from another address", LIE_SOURCE_ADDRESS),
	{ .name = "refused: a spoofed source",
	  .measure = spoofed_source_is_no_answer, .options = "--filter eif" },
	{ .name = "refused: an answer twice", .measure = replay_is_refused },
	{ .name = "refused: an answer to no question",
	  .measure = unasked_is_refused },
	{ .name = "read from fragments", .measure = fragments_are_read,
	  .families = BOTH },
	{ .name = "left alone: a message in two segments",
	  .measure = split_message_is_left_alone },
	{ .name = "another address of ours forgets",
	  .measure = own_address_forgets },
	{ .name = "another address above forgets",
	  .measure = address_above_forgets },
	{ .name = "UDP flows and mappings are counted",
	  .measure = flows_are_counted, .protocol = IPPROTO_UDP },
	{ .name = "TCP flows and mappings are counted",
	  .measure = flows_are_counted, .protocol = IPPROTO_TCP },
};

ROWS_MAIN(rows)
