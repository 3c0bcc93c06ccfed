/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to packets: what TCP or ICMP they carry. All read headers through
 * skb_header_pointer() and believe no length; none changes the packet.
 */
#ifndef _NP_PACKET_H
#define _NP_PACKET_H

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "synhold.h"

/* Where the transport header is, -1 for fragments; @l4proto gets its kind. */
static inline int np_packet_l4(const struct sk_buff *skb, u8 family,
			       u8 *l4proto)
{
	int off = skb_network_offset(skb), thoff;
	const struct iphdr *iph;
	__be16 frag = 0;
	u8 nexthdr;

	/* The IP header has been looked at, and is in one piece. */
	if (family == NFPROTO_IPV4) {
		iph = ip_hdr(skb);
		if (iph->frag_off & htons(IP_OFFSET) || iph->ihl < 5)
			return -1;
		*l4proto = iph->protocol;
		return off + iph->ihl * 4;
	}
	nexthdr = ipv6_hdr(skb)->nexthdr;
	thoff = ipv6_skip_exthdr(skb, off + sizeof(struct ipv6hdr), &nexthdr,
				 &frag);
	if (thoff < 0 || frag & htons(~0x7))
		return -1;
	*l4proto = nexthdr;
	return thoff;
}

static inline const struct tcphdr *np_packet_tcp(const struct sk_buff *skb,
						 u8 family,
						 struct tcphdr *buf)
{
	u8 l4proto = 0;
	int off = np_packet_l4(skb, family, &l4proto);

	if (off < 0 || l4proto != IPPROTO_TCP)
		return NULL;
	return skb_header_pointer(skb, off, sizeof(*buf), buf);
}

static inline bool np_packet_is_syn(const struct sk_buff *skb, u8 family)
{
	const struct tcphdr *th;
	struct tcphdr _th;

	th = np_packet_tcp(skb, family, &_th);
	return th && th->syn && !th->ack && !th->rst && !th->fin &&
	       th->doff >= 5;
}

/*
 * Surely neither a segment that opens or refuses, nor ICMP, nor anything odd? For
 * hooks that every packet passes, where the IP header begins the packet and
 * fragments have been put together: most are told in a few instructions.
 */
static inline bool np_packet_is_plain(const struct sk_buff *skb, u8 l4proto,
				      unsigned int ip_len)
{
	const struct tcphdr *th = (const void *)(skb->data + ip_len);

	if (l4proto != IPPROTO_TCP)
		return false;
	/* READ_ONCE() only to keep this from being read for UDP. */
	return READ_ONCE(skb->len) - skb->data_len >= ip_len + sizeof(*th) &&
	       !(tcp_flag_word(th) & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

static inline bool np_packet_is_udp_v4(const struct sk_buff *skb)
{
	return ((const struct iphdr *)skb->data)->protocol == IPPROTO_UDP;
}

static inline bool np_packet_is_udp_v6(const struct sk_buff *skb)
{
	return ((const struct ipv6hdr *)skb->data)->nexthdr == IPPROTO_UDP;
}

static inline bool np_packet_is_plain_v4(const struct sk_buff *skb)
{
	const struct iphdr *iph = (const void *)skb->data;

	if (np_packet_is_udp_v4(skb))
		return true;
	/* Options are odd. */
	return np_packet_is_plain(skb, iph->protocol, sizeof(*iph)) &&
	       skb->data[0] == (4 << 4 | 5);
}

static inline bool np_packet_is_plain_v6(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = (const void *)skb->data;

	if (np_packet_is_udp_v6(skb))
		return true;
	/* And so is what has other headers between the two. */
	return np_packet_is_plain(skb, ip6h->nexthdr, sizeof(*ip6h));
}

/*
 * May it be a RST, and from which port (0: any)? For hooks that every packet
 * passes: what is none is known in a few instructions, what is in pieces may be
 * one.
 */
static inline bool np_packet_maybe_rst(const struct sk_buff *skb, u8 family,
				       u16 *port)
{
	const unsigned char *ip = skb_network_header(skb);
	const struct tcphdr *th;

	*port = 0;
	if (family == NFPROTO_IPV4) {
		if (((const struct iphdr *)ip)->protocol != IPPROTO_TCP)
			return false;
		th = (const void *)(ip + ((const struct iphdr *)ip)->ihl * 4);
	} else {
		if (((const struct ipv6hdr *)ip)->nexthdr == IPPROTO_UDP)
			return false;
		/* There may be other headers between the two. */
		if (((const struct ipv6hdr *)ip)->nexthdr != IPPROTO_TCP)
			return true;
		th = (const void *)(ip + sizeof(struct ipv6hdr));
	}
	if ((const unsigned char *)(th + 1) > skb->data + skb_headlen(skb))
		return true;
	if (!th->rst)
		return false;
	*port = ntohs(th->source);
	return true;
}

static inline bool np_packet_is_rst(const struct sk_buff *skb, u8 family)
{
	const struct tcphdr *th;
	struct tcphdr _th;

	th = np_packet_tcp(skb, family, &_th);
	return th && th->rst;
}

/* Unreachable by somebody's will, not because the network is broken. */
static inline bool np_icmp_refuses(u8 family, u8 type, u8 code)
{
	if (family == NFPROTO_IPV6)
		return type == ICMPV6_DEST_UNREACH &&
		       (code == ICMPV6_ADM_PROHIBITED ||
			code == ICMPV6_PORT_UNREACH ||
			code == ICMPV6_POLICY_FAIL ||
			code == ICMPV6_REJECT_ROUTE);
	return type == ICMP_DEST_UNREACH &&
	       (code == ICMP_PROT_UNREACH || code == ICMP_PORT_UNREACH ||
		code == ICMP_NET_ANO || code == ICMP_HOST_ANO ||
		code == ICMP_PKT_FILTERED);
}

/* An ICMP error that refuses: where the packet is that it quotes, else -1. */
static inline int np_packet_icmp(const struct sk_buff *skb, u8 family)
{
	const struct icmphdr *ih;
	struct icmphdr _ih;
	u8 l4proto = 0;
	int off = np_packet_l4(skb, family, &l4proto);

	if (off < 0 || l4proto != (family == NFPROTO_IPV4 ? IPPROTO_ICMP :
							    IPPROTO_ICMPV6))
		return -1;
	ih = skb_header_pointer(skb, off, sizeof(_ih), &_ih);
	if (!ih || !np_icmp_refuses(family, ih->type, ih->code))
		return -1;
	return off + sizeof(_ih);
}

/* A RST, or an ICMP error that refuses. */
static inline bool np_packet_refuses(const struct sk_buff *skb, u8 family)
{
	return np_packet_is_rst(skb, family) ||
	       np_packet_icmp(skb, family) >= 0;
}

/*
 * An ICMPv6 error that refuses a SYN: the pair that the quoted packet was for, as
 * one that came in. The quoted extension headers are not gone through.
 */
static inline bool np_packet_refused(const struct sk_buff *skb, u8 family,
				     struct np_pair *pair)
{
	const struct ipv6hdr *ip6;
	const struct tcphdr *th;
	struct ipv6hdr _ip6;
	struct tcphdr _th;
	int off;

	if (family != NFPROTO_IPV6)
		return false;
	off = np_packet_icmp(skb, family);
	if (off < 0)
		return false;
	ip6 = skb_header_pointer(skb, off, sizeof(_ip6), &_ip6);
	if (!ip6 || ip6->nexthdr != IPPROTO_TCP)
		return false;
	th = skb_header_pointer(skb, off + sizeof(_ip6), sizeof(_th), &_th);
	if (!th || !th->syn || th->ack)
		return false;
	memset(pair, 0, sizeof(*pair));
	pair->family = family;
	pair->rem_ip.in6 = ip6->saddr;
	pair->rem_port = th->source;
	pair->ext_ip.in6 = ip6->daddr;
	pair->ext_port = th->dest;
	return true;
}

/*
 * Is TCP's checksum right? Conntrack has looked, unless the admin told it not
 * to; where the packet is not ours to answer nobody asks.
 */
static inline bool np_packet_csum_ok(struct sk_buff *skb, u8 family,
				     unsigned int hook)
{
	u8 l4proto = 0;
	int off;

	if (skb_csum_unnecessary(skb) || hook == NF_INET_FORWARD)
		return true;
	off = np_packet_l4(skb, family, &l4proto);
	return off >= 0 && !nf_checksum(skb, hook, off, IPPROTO_TCP, family);
}

#endif /* _NP_PACKET_H */
