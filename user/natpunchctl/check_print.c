// SPDX-License-Identifier: GPL-2.0
/* natpunchctl check: the report as text and as JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define LABEL		"  %-14s"
#define INDENT		16
#define BULLET		4
#define WIDTH		79

static const char *family_word(const struct report *r)
{
	return r->family == AF_INET6 ? "IPv6" : "IPv4";
}

static const char *protocol_word(const struct report *r)
{
	return r->protocol == IPPROTO_TCP ? "TCP" : "UDP";
}

/* --- text ---------------------------------------------------------------- */

/* A paragraph, in lines that fit a terminal. Its first indent is there. */
static void wrap(const char *text, int indent)
{
	int column = indent;
	size_t len;

	while (*text) {
		len = strcspn(text, " ");
		if (column > indent && column + 1 + (int)len > WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		}
		printf("%s%.*s", column > indent ? " " : "", (int)len, text);
		column += (int)len + (column > indent);
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void line(const struct ctl *ctl, const char *label, const char *fmt, ...)
	__printf(3, 4);
static void line(const struct ctl *ctl, const char *label, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("%s" LABEL "%s", paint(ctl, PAINT_HEAD), label, unpaint(ctl));
	wrap(text, INDENT);
}

/* What a line means, below it. */
static void sentence(const char *text)
{
	if (!*text)
		return;
	printf("%*s", INDENT, "");
	wrap(text, INDENT);
}

/* "unknown: why" */
static void unknown(const struct ctl *ctl, const char *label, const char *why)
{
	line(ctl, label, "unknown%s%s", *why ? ": " : "", why);
}

static void print_server(const struct ctl *ctl, const struct report *r)
{
	char primary[SS_SIZE], second[SS_SIZE];

	line(ctl, "server", "%s, %s, %u ms%s%s",
	     format_ss(primary, &r->primary),
	     r->dialect == STUN_RFC3489 ? "RFC 3489" :
	     r->rfc5780 ? "RFC 5780" : "RFC 5389", r->rtt,
	     !r->second.ss_family ? "" :
	     r->second_answers ? "; second address " :
				 "; silent second address ",
	     r->second.ss_family ? format_ss_addr(second, &r->second) : "");
}

static void print_nat(const struct nat_place *nat, char *text, size_t size)
{
	char addr[SS_SIZE];

	if (!nat->lo)
		snprintf(text, size, "one at an unknown hop");
	else if (nat->lo != nat->hi)
		snprintf(text, size, "hop %u to %u", nat->lo, nat->hi);
	else
		snprintf(text, size, "%shop %u%s%s%s",
			 nat->likely ? "probably " : "", nat->lo,
			 nat->addr.ss_family ? " (" : "",
			 nat->addr.ss_family ?
				 format_ss_addr(addr, &nat->addr) : "",
			 nat->addr.ss_family ? ")" : "");
}

static void print_path(const struct ctl *ctl, const struct report *r)
{
	char text[400], nat[100];
	size_t len;
	unsigned int i;

	if (r->mapping == BEHAVIOUR_NONE) {
		line(ctl, "NATs", "none");
		return;
	}
	if (!r->n_nats) {
		unknown(ctl, "NATs", r->path_why);
		return;
	}
	len = (size_t)snprintf(text, sizeof(text), "%s%u, counted from here: ",
			       r->nats_exact ? "" : "at least ", r->n_nats);
	for (i = 0; i < r->n_nats && len < sizeof(text); i++) {
		print_nat(&r->nat[i], nat, sizeof(nat));
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					i ? ", " : "", nat);
	}
	line(ctl, "NATs", "%s", text);
	if (r->path_why[0])
		line(ctl, "", "%s", r->path_why);
	else if (!r->nats_exact)
		sentence("More that join no private address spaces of different kinds would not be seen.");
}

static void print_filtering(const struct ctl *ctl, const struct report *r)
{
	if (r->filtering == BEHAVIOUR_UNKNOWN) {
		unknown(ctl, "filtering", r->filtering_why);
		return;
	}
	if (r->filter_hop)
		line(ctl, "filtering", "%s, at hop %u",
		     behaviour_word(r->filtering), r->filter_hop);
	else
		line(ctl, "filtering", "%s", behaviour_word(r->filtering));
	sentence(filtering_sentence(r));
}

static void print_ports(const struct ctl *ctl, const struct report *r)
{
	if (r->mapping == BEHAVIOUR_NONE)
		return;
	if (r->ports_kept == r->ports_seen)
		line(ctl, "ports", "preserved (%u of %u)", r->ports_kept,
		     r->ports_seen);
	else
		line(ctl, "ports", "%spreserved (%u of %u)%s",
		     r->ports_kept ? "not always " : "not ", r->ports_kept,
		     r->ports_seen, r->parity_kept == r->ports_seen &&
		     r->ports_seen > 2 ? ", parity kept" : "");
	if (r->pooled)
		line(ctl, "pooling", "arbitrary: several external addresses for one host");
}

static void print_lifetime(const struct ctl *ctl, const struct report *r)
{
	char min[DURATION_SIZE], max[DURATION_SIZE];

	if (!r->lifetime_asked)
		return;
	format_duration(min, r->lifetime_min);
	format_duration(max, r->lifetime_max);
	if (r->lifetime_max)
		line(ctl, "lifetime", "%s to %s, idle after one exchange", min,
		     max);
	else if (r->lifetime_min)
		line(ctl, "lifetime", "%s at least", min);
	else
		unknown(ctl, "lifetime", r->lifetime_why);
	if (r->lifetime_max && r->lifetime_max <= 120)
		sentence("RFC 4787 asks for two minutes at least: send keepalives more often than that.");
}

static unsigned int percent(u32 p)
{
	return (unsigned int)(((u64)p * 100 + NP_P_ONE / 2) >> NP_P_BITS);
}

static void alloc_text(const struct np_verdict *v, char *text, size_t size)
{
	switch (v->alloc) {
	case NP_ALLOC_PRESERVE:
		snprintf(text, size, "the internal port");
		break;
	case NP_ALLOC_STEP:
		snprintf(text, size, "the last port %+d", v->step);
		break;
	case NP_ALLOC_PARITY:
		snprintf(text, size, "the last port %+d, parity kept", v->step);
		break;
	case NP_ALLOC_PER_DEST:
		snprintf(text, size, "counted anew for each destination, step %+d",
			 v->step);
		break;
	case NP_ALLOC_BLOCK:
		snprintf(text, size, "any of the block %u-%u", v->lo, v->hi);
		break;
	case NP_ALLOC_BAND:
		snprintf(text, size, "any of the band %u-%u", v->lo, v->hi);
		break;
	case NP_ALLOC_RANDOM:
		snprintf(text, size, "random");
		break;
	default:
		snprintf(text, size, "unknown");
	}
}

static void print_prediction(const struct ctl *ctl, const struct report *r)
{
	const struct np_answer *a = &r->answer;
	char text[100];

	if (r->mapping == BEHAVIOUR_NONE)
		return;
	if (r->verdict.certainty < NP_CERTAIN_AMBIGUOUS) {
		unknown(ctl, "next mapping", "too few samples");
		return;
	}
	alloc_text(&r->verdict, text, sizeof(text));
	line(ctl, "next mapping", "%s (%u %% sure, %u samples%s)", text,
	     percent(r->verdict.p), r->verdict.samples,
	     r->by_kernel ? " of the gateway's" : "");
	if (a->known)
		sentence("It is the one that is there.");
	else if (a->n)
		printf("%*sPort %u with %u %%, one of %u ports with %u %%.\n",
		       INDENT, "", r->guess[0].port, percent(r->guess[0].p),
		       a->n, percent(a->p));
}

static void print_report(const struct ctl *ctl, const struct report *r)
{
	char local[SS_SIZE], mapped[SS_SIZE];

	printf("%s%s, %s%s: ", paint(ctl, PAINT_NAME), family_word(r),
	       protocol_word(r), unpaint(ctl));
	if (r->reach != REACH_OK) {
		printf("nothing could be found out: %s\n", r->reach_why);
		return;
	}
	format_ss(local, &r->local);
	printf("%s%s%s is seen as %s%s%s\n", paint(ctl, PAINT_IN), local,
	       unpaint(ctl), paint(ctl, PAINT_OUT),
	       format_ss(mapped, &r->mapped), unpaint(ctl));
	print_server(ctl, r);
	if (r->mapping == BEHAVIOUR_UNKNOWN)
		unknown(ctl, "mapping", r->mapping_why);
	else
		line(ctl, "mapping", "%s", behaviour_word(r->mapping));
	if (r->mapping == BEHAVIOUR_DEPENDENT)
		line(ctl, "", "%s", r->mapping_why);
	sentence(mapping_sentence(r));
	print_filtering(ctl, r);
	if (r->hairpin == HAIRPIN_UNKNOWN)
		unknown(ctl, "hairpinning", r->hairpin_why);
	else if (r->hairpin != HAIRPIN_NOT_APPLICABLE)
		line(ctl, "hairpinning", "%s", hairpin_word(r->hairpin));
	print_ports(ctl, r);
	print_prediction(ctl, r);
	print_lifetime(ctl, r);
	if (r->protocol == IPPROTO_UDP) {
		print_path(ctl, r);
		if (r->asked_gateway && r->mapping != BEHAVIOUR_NONE)
			line(ctl, "gateway", "%s", r->pcp ? "speaks PCP" :
			     r->nat_pmp ? "speaks NAT-PMP" :
					  "speaks neither PCP nor NAT-PMP");
	}
}

static void print_advice(const char *what, const char *text, void *data)
{
	(void)what;
	(void)data;
	printf("  * ");
	wrap(text, BULLET);
}

static void note_advice(const char *what, const char *text, void *data)
{
	(void)what;
	(void)text;
	*(bool *)data = true;
}

void check_print(const struct check *c)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < c->n_reports; i++) {
		if (i)
			putchar('\n');
		print_report(c->ctl, &c->report[i]);
	}
	check_advice(c, note_advice, &any);
	if (!any)
		return;
	printf("\n%sWhat would help%s\n", paint(c->ctl, PAINT_NAME),
	       unpaint(c->ctl));
	check_advice(c, print_advice, NULL);
}

/* --- JSON ---------------------------------------------------------------- */

static json_t *json_ss(const struct sockaddr_storage *ss, bool with_port)
{
	char buf[SS_SIZE];
	json_t *o;

	if (!ss->ss_family)
		return json_null();
	if (!with_port)
		return json_string(format_ss_addr(buf, ss));
	o = json_object();
	json_add(o, "addr", json_string(format_ss_addr(buf, ss)));
	json_add(o, "port", json_integer(ss_port(ss)));
	return o;
}

static json_t *word_or_null(const char *word)
{
	return word ? json_string(word) : json_null();
}

/* Why a member is null: "KEY_unknown". */
static void add_why(json_t *o, const char *key, const char *why)
{
	char name[48];

	if (!*why)
		return;
	snprintf(name, sizeof(name), "%s_unknown", key);
	json_add(o, name, json_string(why));
}

static json_t *json_hops(const struct report *r)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < r->n_hops; i++)
		json_array_append_new(array, json_ss(&r->hop[i].addr, false));
	return array;
}

static json_t *json_nats(const struct report *r)
{
	json_t *array = json_array();
	unsigned int i;
	json_t *o;

	for (i = 0; i < r->n_nats; i++) {
		o = json_object();
		json_add(o, "hop_min", r->nat[i].lo ?
				 json_integer(r->nat[i].lo) : json_null());
		json_add(o, "hop_max", r->nat[i].hi ?
				 json_integer(r->nat[i].hi) : json_null());
		json_add(o, "addr", json_ss(&r->nat[i].addr, false));
		json_add(o, "likely", json_boolean(r->nat[i].likely));
		json_array_append_new(array, o);
	}
	return array;
}

static double probability(u32 p)
{
	return (double)p / NP_P_ONE;
}

static json_t *json_prediction(const struct report *r)
{
	const struct np_verdict *v = &r->verdict;
	json_t *o = json_object(), *ports = json_array(), *guess;
	unsigned int i;

	json_add(o, "by", json_string(r->by_kernel ? "kernel" : "check"));
	json_add(o, "samples", json_integer(v->samples));
	json_add(o, "sure", json_boolean(v->certainty == NP_CERTAIN_SURE));
	json_add(o, "probability", json_real(probability(v->p)));
	json_add(o, "mapping", json_string(class_word(v->mapping)));
	json_add(o, "allocation", json_string(alloc_word(v->alloc)));
	json_add(o, "step", json_integer(v->step));
	json_add(o, "port_min", json_integer(v->lo));
	json_add(o, "port_max", json_integer(v->hi));
	for (i = 0; i < r->answer.n; i++) {
		guess = json_object();
		json_add(guess, "port", json_integer(r->guess[i].port));
		json_add(guess, "probability",
			 json_real(probability(r->guess[i].p)));
		json_array_append_new(ports, guess);
	}
	json_add(o, "ports", ports);
	json_add(o, "ports_probability", json_real(probability(r->answer.p)));
	return o;
}

static json_t *json_hairpin(const struct report *r)
{
	static const char * const words[] = {
		[HAIRPIN_NOT_APPLICABLE] = NULL,
		[HAIRPIN_NO] = "no",
		[HAIRPIN_INTERNAL] = "internal-source",
		[HAIRPIN_EXTERNAL] = "external-source",
	};

	return word_or_null(words[r->hairpin]);
}

static void add_path(json_t *o, const struct report *r)
{
	if (r->protocol != IPPROTO_UDP)
		return;
	json_add(o, "hops", json_hops(r));
	json_add(o, "nats", json_nats(r));
	json_add(o, "nats_exact", json_boolean(r->nats_exact));
	add_why(o, "nats", r->path_why);
	json_add(o, "pcp", r->asked_gateway ? json_boolean(r->pcp) :
					      json_null());
	json_add(o, "nat_pmp", r->asked_gateway ? json_boolean(r->nat_pmp) :
						  json_null());
}

static void add_lifetime(json_t *o, const struct report *r)
{
	if (!r->lifetime_asked)
		return;
	json_add(o, "lifetime_min", r->lifetime_min ?
			 json_integer(r->lifetime_min) : json_null());
	json_add(o, "lifetime_max", r->lifetime_max ?
			 json_integer(r->lifetime_max) : json_null());
	add_why(o, "lifetime", r->lifetime_why);
}

static void add_findings(json_t *o, const struct report *r)
{
	json_add(o, "server", json_ss(&r->primary, true));
	json_add(o, "second_server", json_ss(&r->second, true));
	json_add(o, "dialect", json_string(r->dialect == STUN_RFC3489 ?
					   "rfc3489" : r->rfc5780 ? "rfc5780" :
					   "rfc5389"));
	json_add(o, "rtt", json_real(r->rtt / 1000.0));
	json_add(o, "local", json_ss(&r->local, true));
	json_add(o, "mapped", json_ss(&r->mapped, true));
	json_add(o, "mapping", word_or_null(behaviour_json(r->mapping)));
	add_why(o, "mapping", r->mapping_why);
	json_add(o, "filtering", word_or_null(behaviour_json(r->filtering)));
	add_why(o, "filtering", r->filtering_why);
	json_add(o, "filter_hop", r->filter_hop ?
			 json_integer(r->filter_hop) : json_null());
	json_add(o, "hairpinning", json_hairpin(r));
	add_why(o, "hairpinning", r->hairpin_why);
	json_add(o, "ports_seen", json_integer(r->ports_seen));
	json_add(o, "ports_preserved", json_integer(r->ports_kept));
	json_add(o, "ports_parity", json_integer(r->parity_kept));
	json_add(o, "prediction", json_prediction(r));
	add_lifetime(o, r);
	add_path(o, r);
}

static json_t *json_report(const struct report *r)
{
	json_t *o = json_object();

	json_add(o, "family", json_string(r->family == AF_INET6 ? "ipv6" :
								  "ipv4"));
	json_add(o, "proto", json_string(r->protocol == IPPROTO_TCP ? "tcp" :
								      "udp"));
	json_add(o, "reached", json_boolean(r->reach == REACH_OK));
	if (r->reach == REACH_OK)
		add_findings(o, r);
	else
		json_add(o, "why", json_string(r->reach_why));
	return o;
}

static void add_advice(const char *what, const char *text, void *data)
{
	json_t *o = json_object();

	json_add(o, "what", json_string(what));
	json_add(o, "text", json_string(text));
	json_array_append_new(data, o);
}

json_t *check_json(const struct check *c)
{
	json_t *o = json_object(), *reports = json_array();
	json_t *help = json_array();
	unsigned int i;

	for (i = 0; i < c->n_reports; i++)
		json_array_append_new(reports, json_report(&c->report[i]));
	json_add(o, "reports", reports);
	check_advice(c, add_advice, help);
	json_add(o, "help", help);
	return o;
}
