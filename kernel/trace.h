/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, group natpunch: the life of mappings, and inbound flows that
 * filtering did not admit. Addresses are printed as 16 bytes, IPv4 in the first
 * four; family is NFPROTO_IPV4 (2) or NFPROTO_IPV6 (10).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM natpunch

#if !defined(_NP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _NP_TRACE_H

#include <linux/tracepoint.h>

#include "mapping.h"
#include "synhold.h"

DECLARE_EVENT_CLASS(np_mapping_class,
	TP_PROTO(const struct np_mapping *m, u8 reason),
	TP_ARGS(m, reason),
	TP_STRUCT__entry(
		__array(u8, int_ip, 16)
		__array(u8, ext_ip, 16)
		__field(u16, int_port)
		__field(u16, ext_port)
		__field(u8, family)
		__field(u8, l4proto)
		__field(u8, reason)
	),
	TP_fast_assign(
		memcpy(__entry->int_ip, &m->internal.ip, 16);
		memcpy(__entry->ext_ip, &m->external.ip, 16);
		__entry->int_port = ntohs(m->internal.port);
		__entry->ext_port = ntohs(m->external.port);
		__entry->family = m->internal.family;
		__entry->l4proto = m->internal.l4proto;
		__entry->reason = reason;
	),
	TP_printk("family=%u l4proto=%u internal=%16phN port=%u external=%16phN port=%u reason=%u",
		  __entry->family, __entry->l4proto, __entry->int_ip,
		  __entry->int_port, __entry->ext_ip, __entry->ext_port,
		  __entry->reason)
);

DEFINE_EVENT(np_mapping_class, np_mapping_new,
	TP_PROTO(const struct np_mapping *m, u8 reason),
	TP_ARGS(m, reason));

DEFINE_EVENT(np_mapping_class, np_mapping_end,
	TP_PROTO(const struct np_mapping *m, u8 reason),
	TP_ARGS(m, reason));

TRACE_EVENT(np_filtered,
	TP_PROTO(const struct np_mapping *m, const union nf_inet_addr *ip,
		 __be16 port),
	TP_ARGS(m, ip, port),
	TP_STRUCT__entry(
		__array(u8, ext_ip, 16)
		__array(u8, ip, 16)
		__field(u16, ext_port)
		__field(u16, port)
		__field(u8, family)
		__field(u8, l4proto)
	),
	TP_fast_assign(
		memcpy(__entry->ext_ip, &m->external.ip, 16);
		memcpy(__entry->ip, ip, 16);
		__entry->ext_port = ntohs(m->external.port);
		__entry->port = ntohs(port);
		__entry->family = m->internal.family;
		__entry->l4proto = m->internal.l4proto;
	),
	TP_printk("family=%u l4proto=%u external=%16phN port=%u remote=%16phN port=%u",
		  __entry->family, __entry->l4proto, __entry->ext_ip,
		  __entry->ext_port, __entry->ip, __entry->port)
);

DECLARE_EVENT_CLASS(np_pair_class,
	TP_PROTO(const struct np_pair *pair, u8 what),
	TP_ARGS(pair, what),
	TP_STRUCT__entry(
		__array(u8, ext_ip, 16)
		__array(u8, rem_ip, 16)
		__field(u16, ext_port)
		__field(u16, rem_port)
		__field(u8, family)
		__field(u8, what)
	),
	TP_fast_assign(
		memcpy(__entry->ext_ip, &pair->ext_ip, 16);
		memcpy(__entry->rem_ip, &pair->rem_ip, 16);
		__entry->ext_port = ntohs(pair->ext_port);
		__entry->rem_port = ntohs(pair->rem_port);
		__entry->family = pair->family;
		__entry->what = what;
	),
	TP_printk("family=%u external=%16phN port=%u remote=%16phN port=%u what=%u",
		  __entry->family, __entry->ext_ip, __entry->ext_port,
		  __entry->rem_ip, __entry->rem_port, __entry->what)
);

DEFINE_EVENT(np_pair_class, np_hold_new,
	TP_PROTO(const struct np_pair *pair, u8 what),
	TP_ARGS(pair, what));

DEFINE_EVENT(np_pair_class, np_hold_end,
	TP_PROTO(const struct np_pair *pair, u8 what),
	TP_ARGS(pair, what));

DEFINE_EVENT(np_pair_class, np_hold_swallow,
	TP_PROTO(const struct np_pair *pair, u8 what),
	TP_ARGS(pair, what));

TRACE_EVENT(np_crafted_rst,
	TP_PROTO(const union nf_inet_addr *src, u16 sport,
		 const union nf_inet_addr *dst, u16 dport, u8 family),
	TP_ARGS(src, sport, dst, dport, family),
	TP_STRUCT__entry(
		__array(u8, src, 16)
		__array(u8, dst, 16)
		__field(u16, sport)
		__field(u16, dport)
		__field(u8, family)
	),
	TP_fast_assign(
		memcpy(__entry->src, src, 16);
		memcpy(__entry->dst, dst, 16);
		__entry->sport = sport;
		__entry->dport = dport;
		__entry->family = family;
	),
	TP_printk("family=%u src=%16phN port=%u dst=%16phN port=%u",
		  __entry->family, __entry->src, __entry->sport, __entry->dst,
		  __entry->dport)
);

#endif /* _NP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
