// SPDX-License-Identifier: GPL-2.0
/* Flows between a host and the server, for every protocol alike. */
#include <errno.h>
#include <string.h>

#include "flow.h"

const char *protocol_name(int protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_SCTP:
		return "SCTP";
	default:
		return "ICMP";
	}
}

static void ask_udp(struct flow *f)
{
	unsigned long number = udp_send(f->in, f->remote);

	if (!number || !udp_wait(f->out, number, &f->external, SILENCE_MS))
		return;
	number = udp_send(f->out, f->external);
	f->answered = udp_wait(f->in, number, NULL, SILENCE_MS);
}

static void ask_stream(struct flow *f)
{
	struct ep peer;
	socklen_t len = sizeof(peer);

	if (f->out < 0 || !stream_deliver(f->in, f->out))
		return;
	if (!getpeername(f->out, &peer.sa, &len))
		f->external = ep_from(&peer.sa);
	f->answered = stream_deliver(f->out, f->in);
}

static void ask_icmp(struct flow *f)
{
	unsigned int seq = ping_send(f->in, f->remote);

	if (!seq || !icmp_raw_request(f->out, seq, &f->external, SILENCE_MS))
		return;
	f->answered = ping_wait(f->in, seq, SILENCE_MS);
}

struct ep flow_ask(struct flow *f)
{
	f->external = (struct ep){ 0 };
	f->answered = false;
	if (f->protocol == IPPROTO_UDP)
		ask_udp(f);
	else if (f->protocol == IPPROTO_ICMP)
		ask_icmp(f);
	else
		ask_stream(f);
	return f->external;
}

bool flow_push(struct flow *f)
{
	if (f->protocol == IPPROTO_UDP)
		return udp_deliver(f->out, f->external, f->in, NULL);
	if (f->protocol == IPPROTO_ICMP)
		return false;
	return stream_deliver(f->out, f->in);
}

static int icmp_protocol(void)
{
	return lab_family() == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static void open_stream(struct flow *f, enum node node)
{
	int listener = stream_listen(f->protocol, SERVER, f->remote);
	int error;

	f->in = stream_open(f->protocol, node, f->internal);
	stream_connect(f->in, f->remote);
	error = stream_connected(f->in, COMES_MS);
	f->out = error ? -1 : stream_accept(listener, NULL, SILENCE_MS);
	/* It would take a share of the next flow's SYNs. */
	sock_close(listener);
}

struct flow flow_open(int protocol, enum node node, unsigned int port,
		      struct ep remote)
{
	struct flow f = {
		.protocol = protocol,
		.internal = host(node, port),
		.remote = remote,
	};

	if (protocol == IPPROTO_UDP) {
		f.out = sock_at(SERVER, IPPROTO_UDP, remote);
		if (f.out < 0)
			f.out = udp_open(SERVER, remote);
		f.in = udp_open(node, f.internal);
		if (connect(f.in, &remote.sa, ep_len(remote)))
			ktap_bail("connect: %s", strerror(errno));
	} else if (protocol == IPPROTO_ICMP) {
		f.out = icmp_raw(SERVER);
		f.in = sock_at(node, icmp_protocol(), f.internal);
		if (f.in < 0)
			f.in = ping_open(node, f.internal);
	} else {
		open_stream(&f, node);
	}
	flow_ask(&f);
	return f;
}

struct ep external(int protocol, enum node node, unsigned int port,
		   struct ep remote)
{
	return flow_open(protocol, node, port, remote).external;
}
