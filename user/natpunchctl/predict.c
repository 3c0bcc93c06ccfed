// SPDX-License-Identifier: GPL-2.0
/* natpunchctl predict */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natpunchctl.h"

static const struct opt options[] = {
	{ "to", "ADDR[:PORT]", "where the flow will go; required", OPT_TO },
	{ "proto", "udp|tcp", "its protocol (udp)", OPT_PROTO },
	{ "flows", "N", "flows that will be opened, up to 1024 (1)", OPT_FLOWS },
	{ "within", "MS", "milliseconds in which they will (0)", OPT_WITHIN },
	{ "ports", "N", "ports wanted, up to 1024 (16)", OPT_PORTS },
	{ "wanted", "PERCENT", "probability wanted for the advice (95)",
	  OPT_WANTED },
	{ "for", "TIME",
	  "how long our own NAT keeps its word where it has to give it (2m)",
	  OPT_FOR },
	{ "wan", "DEV", "the WAN that it will leave by (the only one)",
	  OPT_WAN },
	{ .name = NULL }
};

static void take_proto(struct natpunch_prediction *q, const char *s)
{
	static const char * const words[] = { "udp", "tcp", NULL };

	q->l4proto = find_word("protocol", s, words) ? IPPROTO_TCP :
						       IPPROTO_UDP;
}

static void take_to(struct natpunch_prediction *q, const char *s)
{
	int port;

	parse_endpoint("--to", s, NEED_ADDR, &q->dest_addr, &port);
	q->fields |= NATPUNCH_HAS(PREDICT_DEST_ADDR);
	if (port < 0)
		return;
	q->dest_port = (uint16_t)port;
	q->fields |= NATPUNCH_HAS(PREDICT_DEST_PORT);
}

static void take_wanted(struct natpunch_prediction *q, const char *s)
{
	double percent;
	char *end;

	percent = strtod(s, &end);
	if (end == s || (*end && strcmp(end, "%")) ||
	    !(percent > 0 && percent <= 100))
		usage("--wanted: '%s' is not a probability: 0.1 to 100 percent",
		      s);
	q->wanted = (uint32_t)(percent / 100 * NATPUNCH_PROBABILITY_ONE);
	if (!q->wanted)
		q->wanted = 1;
	q->fields |= NATPUNCH_HAS(PREDICT_WANTED);
}

static void take_option(struct natpunch_prediction *q, int key)
{
	switch (key) {
	case OPT_TO:
		take_to(q, optarg);
		break;
	case OPT_PROTO:
		take_proto(q, optarg);
		break;
	case OPT_FLOWS:
		q->flows = parse_count("--flows", optarg, 1,
				       NATPUNCH_MAX_PREDICT_FLOWS);
		q->fields |= NATPUNCH_HAS(PREDICT_FLOWS);
		break;
	case OPT_WITHIN:
		q->within = parse_count("--within", optarg, 0,
					NATPUNCH_MAX_PREDICT_WITHIN);
		q->fields |= NATPUNCH_HAS(PREDICT_WITHIN);
		break;
	case OPT_PORTS:
		q->ports = parse_count("--ports", optarg, 0,
				       NATPUNCH_MAX_GUESSES);
		q->fields |= NATPUNCH_HAS(PREDICT_PORTS);
		break;
	case OPT_WANTED:
		take_wanted(q, optarg);
		break;
	case OPT_FOR:
		q->lifetime = parse_seconds("--for", optarg);
		q->fields |= NATPUNCH_HAS(PREDICT_LIFETIME);
		break;
	case OPT_WAN:
		parse_dev(q->wan, optarg);
		q->fields |= NATPUNCH_HAS(PREDICT_WAN);
		break;
	}
}

static void parse(struct ctl *ctl, int argc, char **argv,
		  struct natpunch_prediction *q)
{
	int key, port;

	memset(q, 0, sizeof(*q));
	q->l4proto = IPPROTO_UDP;
	q->fields = NATPUNCH_HAS(PREDICT_L4PROTO) |
		    NATPUNCH_HAS(PREDICT_INT_ADDR) |
		    NATPUNCH_HAS(PREDICT_INT_PORT);
	while ((key = next_option(ctl, argc, argv)) >= 0)
		take_option(q, key);
	parse_endpoint("internal endpoint",
		       needed_argument(ctl, argc, argv,
				       "the internal endpoint"),
		       NEED_ADDR | NEED_PORT, &q->int_addr, &port);
	q->int_port = (uint16_t)port;
	no_more_arguments(ctl, argc, argv);
	if (!(q->fields & NATPUNCH_HAS(PREDICT_DEST_ADDR)))
		usage("--to is missing: where the flow will go, as 203.0.113.1:3478");
}

static void show_own(const struct ctl *ctl, const struct natpunch_prediction *a)
{
	char in[ENDPOINT_SIZE], out[ENDPOINT_SIZE];
	char proto[PROTO_SIZE], time[DURATION_SIZE];

	printf("%s %s%s%s -> %s%s%s wan %s", format_proto(proto, a->l4proto),
	       paint(ctl, PAINT_IN),
	       format_endpoint(in, &a->int_addr, a->int_port), unpaint(ctl),
	       paint(ctl, PAINT_OUT),
	       format_endpoint(out, &a->ext_addr, a->ext_port), unpaint(ctl),
	       a->wan);
	if (a->fields & NATPUNCH_HAS(PREDICT_LIFETIME))
		printf(", reserved for %s", format_duration(time, a->lifetime));
	putchar('\n');
}

static void show_wants(uint32_t want)
{
	static const char * const sentences[] = {
		"more samples",
		"one from the same endpoint to another port of the server",
		"one from the same endpoint to another address of the server",
		"one from another internal port",
		"one of now",
	};
	bool first = true;
	size_t bit;

	for (bit = 0; bit < ARRAY_SIZE(sentences); bit++) {
		if (!(want >> bit & 1))
			continue;
		printf("%s%s", first ? "it would help to have: " : "; ",
		       sentences[bit]);
		first = false;
	}
	if (!first)
		putchar('\n');
}

static void show_upstream(const struct natpunch_prediction *a)
{
	char mapped[ADDR_SIZE], p[SHARE_SIZE];

	if (!(a->fields & NATPUNCH_HAS(PREDICT_MAPPED_ADDR))) {
		puts("upstream: nothing is known of it");
	} else {
		printf("upstream: %s (%s), mapping %s, ports %s; %s, %u samples\n",
		       format_addr(mapped, &a->mapped_addr),
		       format_share(p, a->address_p),
		       format_upstream_mapping(a->mapping),
		       format_upstream_alloc(a->alloc),
		       format_upstream_certainty(a->certainty), a->samples);
		if (a->known)
			puts("it has the mapping already");
	}
	show_wants(a->want);
}

static void show_guesses(const struct ctl *ctl,
			 const struct natpunch_prediction *a)
{
	static const struct column columns[] = {
		{ .head = "PORT", .right = true, .paint = PAINT_OUT },
		{ .head = "CHANCE", .right = true },
		{ .head = "SO FAR", .right = true },
	};
	char p[SHARE_SIZE];
	struct table t;
	uint32_t i;

	if (!a->n_guess)
		return;
	table_begin(&t, columns, ARRAY_SIZE(columns));
	for (i = 0; i < a->n_guess; i++) {
		table_cell(&t, "%u", a->guess[i].port);
		table_cell(&t, "%s", format_share(p, a->guess[i].p));
		table_cell(&t, "%s", format_share(p, a->guess[i].sum));
	}
	table_end(&t, ctl);
}

static void show_advice(const struct natpunch_prediction *a)
{
	char p[SHARE_SIZE];

	switch (a->advice) {
	case NATPUNCH_PREDICT_ADVICE_NONE:
		puts("advice: none, nothing is known: let a program ask a STUN server first");
		break;
	case NATPUNCH_PREDICT_ADVICE_LIST:
		printf("advice: try these ports (%s)\n", format_share(p, a->p));
		break;
	case NATPUNCH_PREDICT_ADVICE_BIRTHDAY:
		printf("advice: open %u flows and let the peer try %u ports (%s)\n",
		       a->advice_flows, a->advice_ports,
		       format_share(p, a->advice_p));
		break;
	case NATPUNCH_PREDICT_ADVICE_RELAY:
		puts("advice: use a relay, nothing reasonable reaches what is wanted");
		break;
	}
}

static void show(const struct ctl *ctl, const struct natpunch_prediction *a)
{
	show_own(ctl, a);
	show_upstream(a);
	show_guesses(ctl, a);
	show_advice(a);
}

static json_t *json_guesses(const struct natpunch_prediction *a)
{
	json_t *array = json_array(), *o;
	uint32_t i;

	for (i = 0; i < a->n_guess; i++) {
		o = json_object();
		json_add(o, "port", json_integer(a->guess[i].port));
		json_add(o, "p", json_real(share(a->guess[i].p)));
		json_add(o, "sum", json_real(share(a->guess[i].sum)));
		json_array_append_new(array, o);
	}
	return array;
}

static void json_advice(json_t *o, const struct natpunch_prediction *a)
{
	json_add(o, "advice", json_string(format_advice(a->advice)));
	if (!(a->fields & NATPUNCH_HAS(PREDICT_ADVICE_FLOWS)))
		return;
	json_add(o, "advice_flows", json_integer(a->advice_flows));
	json_add(o, "advice_ports", json_integer(a->advice_ports));
	json_add(o, "advice_p", json_real(share(a->advice_p)));
}

static json_t *json_prediction(const struct natpunch_prediction *a)
{
	json_t *o = json_object();
	char proto[PROTO_SIZE];

	json_add(o, "wan", json_string(a->wan));
	json_add(o, "proto", json_string(format_proto(proto, a->l4proto)));
	json_add(o, "internal_addr", json_addr(&a->int_addr));
	json_add(o, "internal_port", json_integer(a->int_port));
	json_add(o, "to_addr", json_addr(&a->dest_addr));
	json_add(o, "to_port", json_integer(a->dest_port));
	json_add(o, "flows", json_integer(a->flows));
	json_add(o, "within", json_real(a->within / 1000.0));
	json_add(o, "external_addr", json_addr(&a->ext_addr));
	json_add(o, "external_port", json_integer(a->ext_port));
	if (a->fields & NATPUNCH_HAS(PREDICT_LIFETIME))
		json_add(o, "reserved", json_integer(a->lifetime));
	json_add(o, "mapping",
		 json_string(format_upstream_mapping(a->mapping)));
	json_add(o, "alloc", json_string(format_upstream_alloc(a->alloc)));
	json_add(o, "certainty",
		 json_string(format_upstream_certainty(a->certainty)));
	json_add(o, "want", json_wants(a->want));
	json_add(o, "samples", json_integer(a->samples));
	if (a->fields & NATPUNCH_HAS(PREDICT_MAPPED_ADDR)) {
		json_add(o, "mapped_addr", json_addr(&a->mapped_addr));
		json_add(o, "address_p", json_real(share(a->address_p)));
	}
	json_add(o, "known", json_boolean(a->known));
	json_add(o, "p", json_real(share(a->p)));
	json_add(o, "ports", json_guesses(a));
	json_advice(o, a);
	return o;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct natpunch_prediction q;
	int err;

	parse(ctl, argc, argv, &q);
	open_natpunch(ctl);
	err = natpunch_predict(ctl->np, &q, &q);
	if (err == -ENOENT && q.fields & NATPUNCH_HAS(PREDICT_WAN))
		fail_unmanaged(ctl, q.wan);
	if (err)
		fail_kernel(ctl, err);
	if (ctl->json)
		json_print(ctl, json_prediction(&q));
	else
		show(ctl, &q);
	return 0;
}

const struct verb predict_run = {
	.name = "predict",
	.args = "INT_ADDR:PORT --to ADDR[:PORT] [OPTION]...",
	.summary = "tell the external endpoint of a flow that is not there yet",
	.notes =
"Our own NAT tells it exactly, and keeps its word: by the mapping that there is, or\n"
"a reservation. What the NATs in front of this gateway make of that is told from\n"
"what was seen of them: the ports that are most worth trying, with their chance,\n"
"and the chance that one of those so far is right. Example:\n"
"  natpunchctl predict 192.168.1.20:5000 --to 198.51.100.9:7000 --flows 3\n",
	.options = options,
	.run = run,
};
