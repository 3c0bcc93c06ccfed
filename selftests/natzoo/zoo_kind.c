// SPDX-License-Identifier: GPL-2.0
/*
 * Kinds: the default one, presets, random members, and how they are written.
 *
 * A kind's text is words divided by commas, "mapping=apd,alloc=seq:+2,hairpin=no";
 * words[] lists them. "alloc" may carry its number: seq, parity and per-dest a step,
 * block its size, band its width. A yes-or-no word alone means yes. A preset's name
 * is a word, too: all others go back to what it says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoo.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* --- words ----------------------------------------------------------------- */

static const char * const depends_names[] = { "ei", "ad", "apd", "none", NULL };
static const char * const filter_names[] = { "ei", "ad", "apd", NULL };
static const char * const hairpins[] = { "no", "internal", "external", NULL };
static const char * const tcp_names[] = { "silence", "rst", "icmp", NULL };
static const char * const pooling_names[] = { "paired", "arbitrary", NULL };
static const char * const yes_names[] = { "no", "yes", NULL };
static const char * const dest_names[] = { "address", "endpoint", NULL };
static const char * const start_names[] = { "same", "hashed", NULL };
static const char * const order_names[] = { "random", "step", NULL };
static const char * const alloc_names[] = {
	"seq", "parity", "per-dest", "block", "band", "random", NULL
};

enum word_type { CHOICE, NUMBER, STEP, RATE, IP4, IP6 };

/* A word: where its value lies in struct zoo_kind, and what it may be. */
static const struct word {
	const char *name;
	enum word_type type;
	struct place {
		size_t offset, size;
	} at;
	const char * const *names;	/* CHOICE: of 0, 1, ... */
	double min, max;
} words[] = {
#define AT(f) { offsetof(struct zoo_kind, f), \
		sizeof(((struct zoo_kind *)0)->f) }
	{ "mapping", CHOICE, AT(mapping), depends_names, 0, 0 },
	{ "filter", CHOICE, AT(filtering), filter_names, 0, 0 },
	{ "preserve", CHOICE, AT(preserve), yes_names, 0, 0 },
	{ "overload", CHOICE, AT(overload), yes_names, 0, 0 },
	{ "alloc", CHOICE, AT(alloc), alloc_names, 0, 0 },
	{ "step", STEP, AT(step), NULL, -64, 64 },
	{ "port-min", NUMBER, AT(port_min), NULL, 1, 65535 },
	{ "port-max", NUMBER, AT(port_max), NULL, 1, 65535 },
	{ "first", NUMBER, AT(first), NULL, 0, 65535 },
	{ "counter", CHOICE, AT(per_dest_port), dest_names, 0, 0 },
	{ "start", CHOICE, AT(hashed_start), start_names, 0, 0 },
	{ "block", NUMBER, AT(block_size), NULL, 8, 32768 },
	{ "blocks", NUMBER, AT(blocks_max), NULL, 1, ZOO_BLOCKS_MAX },
	{ "order", CHOICE, AT(block_seq), order_names, 0, 0 },
	{ "band", NUMBER, AT(band), NULL, 1, 65535 },
	{ "external", IP4, AT(external4), NULL, 0, 0 },
	{ "external6", IP6, AT(external6), NULL, 0, 0 },
	{ "addresses", NUMBER, AT(addresses), NULL, 1, ZOO_ADDRESSES_MAX },
	{ "pooling", CHOICE, AT(pooling), pooling_names, 0, 0 },
	{ "nat66", CHOICE, AT(nat66), yes_names, 0, 0 },
	{ "hairpin", CHOICE, AT(hairpin), hairpins, 0, 0 },
	{ "tcp-refusal", CHOICE, AT(refuse_tcp), tcp_names, 0, 0 },
	{ "udp-refusal", CHOICE, AT(refuse_udp), tcp_names, 0, 0 },
	{ "rewrite", CHOICE, AT(rewrite_payload), yes_names, 0, 0 },
	{ "udp-first", NUMBER, AT(udp_first), NULL, 1, 1e6 },
	{ "udp", NUMBER, AT(udp), NULL, 1, 1e6 },
	{ "tcp-transitory", NUMBER, AT(tcp_transitory), NULL, 1, 1e6 },
	{ "tcp-established", NUMBER, AT(tcp_established), NULL, 1, 1e6 },
	{ "tcp-closed", NUMBER, AT(tcp_closed), NULL, 1, 1e6 },
	{ "icmp", NUMBER, AT(icmp), NULL, 1, 1e6 },
	{ "inbound-refresh", CHOICE, AT(inbound_refresh), yes_names, 0, 0 },
	{ "cross", RATE, AT(cross_rate), NULL, 0, 1e5 },
	{ "cross-burst", NUMBER, AT(cross_burst), NULL, 1, 1e4 },
	{ "cross-life", NUMBER, AT(cross_life), NULL, 1, 1e6 },
	{ "cross-subscribers", NUMBER, AT(cross_subscribers), NULL, 1, 65535 },
	{ "mappings", NUMBER, AT(mappings_max), NULL, 1, 65536 },
	{ "seed", NUMBER, AT(seed), NULL, 0, 1e18 },
#undef AT
};

static int64_t value_of(const struct zoo_kind *kind, const struct word *w)
{
	uint64_t value = 0;

	/* Little endian or not: the sizes are told apart. */
	switch (w->at.size) {
	case 1:
		return *((const uint8_t *)kind + w->at.offset);
	case 2: {
		uint16_t v;

		memcpy(&v, (const char *)kind + w->at.offset, 2);
		return v;
	}
	case 4: {
		int32_t v;

		memcpy(&v, (const char *)kind + w->at.offset, 4);
		return w->type == STEP ? v : (int64_t)(uint32_t)v;
	}
	default:
		memcpy(&value, (const char *)kind + w->at.offset, 8);
		return value;
	}
}

static void value_set(struct zoo_kind *kind, const struct word *w,
		      int64_t value)
{
	char *at = (char *)kind + w->at.offset;
	uint32_t v4 = value;
	uint16_t v2 = value;
	uint8_t v1 = value;

	memcpy(at, w->at.size == 1 ? (void *)&v1 : w->at.size == 2 ? (void *)&v2 :
		   w->at.size == 4 ? (void *)&v4 : (void *)&value, w->at.size);
}

static const struct word *find_word(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].name) == len &&
		    !memcmp(words[i].name, name, len))
			return &words[i];
	return NULL;
}

/* --- reading --------------------------------------------------------------- */

static char complaint[160];

static const char *complain(const char *what, const char *about, size_t len)
{
	snprintf(complaint, sizeof(complaint), "%s: '%.*s'", what, (int)len,
		 about);
	return complaint;
}

static const char *read_number(struct zoo_kind *kind, const struct word *w,
			       const char *text)
{
	double rate = 0;
	long long n = 0;
	char *end;

	errno = 0;
	if (w->type == RATE)
		rate = strtod(text, &end);
	else
		n = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return complain("not a number", text, strlen(text));
	if (w->type != RATE)
		rate = n;
	/* In this form because a rate may be NaN. */
	if (!(rate >= w->min && rate <= w->max))
		return complain("out of range", text, strlen(text));
	if (w->type == RATE)
		memcpy((char *)kind + w->at.offset, &rate, sizeof(rate));
	else
		value_set(kind, w, n);
	return NULL;
}

static const char *read_address(struct zoo_kind *kind, const struct word *w,
				const char *text)
{
	struct in_addr ip4;

	if (w->type == IP6 && inet_pton(AF_INET6, text, kind->external6) == 1)
		return NULL;
	if (w->type == IP6 || inet_pton(AF_INET, text, &ip4) != 1)
		return complain("not an address", text, strlen(text));
	kind->external4 = ntohl(ip4.s_addr);
	return NULL;
}

/* The number behind alloc's colon, in the word that it belongs to. */
static const char *read_alloc_number(struct zoo_kind *kind, const char *text)
{
	const char *name = kind->alloc == ZOO_BLOCK ? "block" :
			   kind->alloc == ZOO_BAND ? "band" : "step";

	if (kind->alloc == ZOO_RANDOM)
		return complain("random takes no number", text, strlen(text));
	return read_number(kind, find_word(name, strlen(name)), text);
}

static const char *read_choice(struct zoo_kind *kind, const struct word *w,
			       const char *text)
{
	size_t len = strcspn(text, ":"), i;
	bool alloc = w->names == alloc_names;

	if (text[len] && !alloc)
		return complain("takes no number", text, strlen(text));
	for (i = 0; w->names[i]; i++)
		if (strlen(w->names[i]) == len &&
		    !memcmp(w->names[i], text, len))
			break;
	if (!w->names[i])
		return complain("not one of its values", text, len);
	value_set(kind, w, i);
	if (!text[len])
		return NULL;
	return read_alloc_number(kind, text + len + 1);
}

static const char *read_word(struct zoo_kind *kind, const char *text)
{
	size_t len = strcspn(text, "=");
	const struct word *w = find_word(text, len);

	if (!w && !text[len] && zoo_preset(text, kind))
		return NULL;
	if (!w)
		return complain("no such word", text, len);
	if (!text[len] && w->names == yes_names)
		return read_choice(kind, w, "yes");
	if (!text[len])
		return complain("needs a value", text, len);
	text += len + 1;
	switch (w->type) {
	case CHOICE:
		return read_choice(kind, w, text);
	case IP4:
	case IP6:
		return read_address(kind, w, text);
	default:
		return read_number(kind, w, text);
	}
}

const char *zoo_parse(struct zoo_kind *kind, const char *text)
{
	char word[64];
	const char *wrong;
	size_t len;

	while (*text) {
		len = strcspn(text, ",");
		if (len >= sizeof(word))
			return complain("too long", text, len);
		memcpy(word, text, len);
		word[len] = '\0';
		wrong = read_word(kind, word);
		if (wrong)
			return wrong;
		text += len;
		if (*text == ',')
			text++;
	}
	return NULL;
}

/* --- writing --------------------------------------------------------------- */

static void write_word(const struct zoo_kind *kind, const struct word *w,
		       char *text, size_t size)
{
	uint32_t raw = htonl(kind->external4);
	char address[INET6_ADDRSTRLEN];

	switch (w->type) {
	case CHOICE:
		snprintf(text, size, "%s", w->names[value_of(kind, w)]);
		break;
	case RATE:
		snprintf(text, size, "%.17g", kind->cross_rate);
		break;
	case IP4:
		snprintf(text, size, "%s",
			 inet_ntop(AF_INET, &raw, address, sizeof(address)));
		break;
	case IP6:
		snprintf(text, size, "%s",
			 inet_ntop(AF_INET6, kind->external6, address,
				   sizeof(address)));
		break;
	default:
		snprintf(text, size, "%lld", (long long)value_of(kind, w));
	}
}

void zoo_text(const struct zoo_kind *kind, char *text, size_t size)
{
	char value[64];
	size_t i, n = 0;

	if (size)
		*text = '\0';
	for (i = 0; i < ARRAY_SIZE(words) && n < size; i++) {
		write_word(kind, &words[i], value, sizeof(value));
		n += snprintf(text + n, size - n, "%s%s=%s", i ? "," : "",
			      words[i].name, value);
	}
}

/* --- what is allowed ------------------------------------------------------- */

static const char *check_ports(const struct zoo_kind *k)
{
	unsigned int n = k->port_max - k->port_min + 1;

	if (k->port_min > k->port_max)
		return "port-min is above port-max";
	if (k->first && (k->first < k->port_min || k->first > k->port_max))
		return "first is outside of the ports";
	switch (k->alloc) {
	case ZOO_SEQ:
	case ZOO_PER_DEST:
		return k->step ? NULL : "step is 0";
	case ZOO_PARITY:
		if (!k->step || k->step % 2)
			return "parity needs an even step";
		return k->port_min % 2 || !(k->port_max % 2) ?
		       "parity needs an even port-min, an odd port-max" : NULL;
	case ZOO_BLOCK:
		if (!k->step)
			return "step is 0";
		return k->block_size > n ? "no block fits the ports" : NULL;
	case ZOO_BAND:
		return k->band > n ? "the band does not fit the ports" : NULL;
	case ZOO_RANDOM:
		break;
	}
	return NULL;
}

const char *zoo_check(const struct zoo_kind *k)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		const struct word *w = &words[i];

		if ((w->type == NUMBER || w->type == STEP) &&
		    (value_of(k, w) < w->min || value_of(k, w) > w->max))
			return complain("out of range", w->name,
					strlen(w->name));
	}
	if (!(k->cross_rate >= 0 && k->cross_rate <= 1e5))
		return "cross is out of range";
	if (k->refuse_udp == ZOO_SAY_RST)
		return "udp-refusal is silence or icmp";
	if (k->overload && k->mapping != ZOO_AD && k->mapping != ZOO_APD)
		return "overload needs a mapping that depends on something";
	if (k->alloc == ZOO_PER_DEST && k->mapping == ZOO_EI)
		return "per-dest needs a mapping that depends on something";
	return check_ports(k);
}

struct zoo_kind zoo_default(void)
{
	struct zoo_kind kind = {
		.mapping = ZOO_EI, .filtering = ZOO_APD,
		.alloc = ZOO_SEQ, .step = 1,
		.port_min = 1024, .port_max = 65535,
		.block_size = 512, .blocks_max = 1, .band = 251,
		.external4 = 0xcb007110,	/* 203.0.113.16 */
		.external6 = { 0x20, 0x01, 0x0d, 0xb8, [5] = 0x0a,
			       [15] = 0x10 },	/* 2001:db8:a::10 */
		.addresses = 1,
		.udp_first = 30, .udp = 120,
		.tcp_transitory = 240, .tcp_established = 7440,
		.tcp_closed = 10, .icmp = 60, .inbound_refresh = true,
		.cross_burst = 1, .cross_life = 30, .cross_subscribers = 50,
		.mappings_max = 4096,
		.seed = 1,
	};

	return kind;
}

/* --- classes --------------------------------------------------------------- */

enum zoo_class zoo_class(const struct zoo_kind *kind)
{
	static const enum zoo_class of_alloc[] = {
		[ZOO_SEQ] = ZOO_CLASS_STEP,
		[ZOO_PARITY] = ZOO_CLASS_PARITY,
		[ZOO_PER_DEST] = ZOO_CLASS_PER_DEST,
		[ZOO_BLOCK] = ZOO_CLASS_BLOCK,
		[ZOO_BAND] = ZOO_CLASS_BAND,
		[ZOO_RANDOM] = ZOO_CLASS_RANDOM,
	};

	if (kind->mapping == ZOO_NONE)
		return ZOO_CLASS_NONE;
	if (kind->preserve && (kind->mapping == ZOO_EI || kind->overload))
		return ZOO_CLASS_PRESERVING;
	if (kind->mapping == ZOO_EI)
		return ZOO_CLASS_EI;
	if (kind->mapping == ZOO_AD)
		return ZOO_CLASS_AD;
	if (kind->alloc == ZOO_BLOCK && kind->block_seq)
		return ZOO_CLASS_STEP;
	return of_alloc[kind->alloc];
}

const char *zoo_class_name(enum zoo_class class)
{
	static const char * const names[] = {
		[ZOO_CLASS_NONE] = "none",
		[ZOO_CLASS_PRESERVING] = "preserving",
		[ZOO_CLASS_EI] = "endpoint-independent",
		[ZOO_CLASS_AD] = "address-dependent",
		[ZOO_CLASS_STEP] = "step",
		[ZOO_CLASS_PARITY] = "parity",
		[ZOO_CLASS_PER_DEST] = "per-destination",
		[ZOO_CLASS_BLOCK] = "block",
		[ZOO_CLASS_BAND] = "band",
		[ZOO_CLASS_RANDOM] = "random",
	};

	return class < ZOO_CLASSES ? names[class] : "?";
}

/* --- random members -------------------------------------------------------- */

static int nonzero_step(struct zoo_dice *dice)
{
	int step = zoo_below(dice, 16) - 8;

	return step < 0 ? step : step + 1;
}

static enum zoo_alloc one_of(struct zoo_dice *dice, const enum zoo_alloc *these,
			     unsigned int n)
{
	return these[zoo_below(dice, n)];
}

static void random_alloc(struct zoo_kind *kind, enum zoo_class class,
			 struct zoo_dice *dice)
{
	static const enum zoo_alloc for_ei[] = {
		ZOO_SEQ, ZOO_BLOCK, ZOO_BAND, ZOO_RANDOM
	};
	static const enum zoo_alloc for_ad[] = { ZOO_SEQ, ZOO_RANDOM };

	switch (class) {
	case ZOO_CLASS_EI:
		kind->alloc = one_of(dice, for_ei, ARRAY_SIZE(for_ei));
		break;
	case ZOO_CLASS_AD:
		kind->alloc = one_of(dice, for_ad, ARRAY_SIZE(for_ad));
		break;
	case ZOO_CLASS_PARITY:
		kind->alloc = ZOO_PARITY;
		kind->step = zoo_below(dice, 2) ? 2 : -2;
		break;
	case ZOO_CLASS_PER_DEST:
		kind->alloc = ZOO_PER_DEST;
		kind->step = 1 + zoo_below(dice, 4);
		kind->per_dest_port = zoo_below(dice, 2);
		kind->hashed_start = zoo_below(dice, 2);
		break;
	case ZOO_CLASS_BLOCK:
		kind->alloc = ZOO_BLOCK;
		break;
	case ZOO_CLASS_BAND:
		kind->alloc = ZOO_BAND;
		break;
	case ZOO_CLASS_RANDOM:
		kind->alloc = ZOO_RANDOM;
		break;
	default:
		break;
	}
}

struct zoo_kind zoo_random_of(enum zoo_class class, uint64_t seed)
{
	struct zoo_dice dice = { seed ^ UINT64_C(0x6e61747a6f6f) };
	struct zoo_kind kind = zoo_default();

	kind.seed = zoo_roll(&dice) >> 8;
	kind.filtering = zoo_below(&dice, 3);
	kind.hairpin = zoo_below(&dice, 3);
	kind.refuse_tcp = zoo_below(&dice, 3);
	kind.refuse_udp = zoo_below(&dice, 2) ? ZOO_SAY_ICMP : ZOO_SILENCE;
	kind.step = nonzero_step(&dice);
	kind.block_size = 512 << zoo_below(&dice, 3);
	kind.band = 61 + zoo_below(&dice, 191);
	kind.mapping = class == ZOO_CLASS_NONE ? ZOO_NONE :
		       class == ZOO_CLASS_AD ? ZOO_AD :
		       class <= ZOO_CLASS_EI ? ZOO_EI : ZOO_APD;
	kind.preserve = class == ZOO_CLASS_PRESERVING;
	random_alloc(&kind, class, &dice);
	return kind;
}

struct zoo_kind zoo_random(uint64_t seed)
{
	struct zoo_dice dice = { seed };

	return zoo_random_of(zoo_below(&dice, ZOO_CLASSES), seed);
}

/* --- presets --------------------------------------------------------------- */

const struct zoo_preset zoo_presets[] = {
	{ "home", "a home router of today: endpoint-independent, ports kept",
	  "mapping=ei,filter=apd,preserve,hairpin=external" },
	{ "home-open", "a home router in its setting for games: anybody may enter",
	  "mapping=ei,filter=ei,preserve,hairpin=external" },
	{ "home-restricted", "a home router that filters by address",
	  "mapping=ei,filter=ad,preserve,hairpin=internal" },
	{ "home-rst", "a cheap home router: answers what it does not know",
	  "mapping=ei,filter=apd,preserve,tcp-refusal=rst,udp-refusal=icmp" },
	{ "home-alg", "a home router whose ALG rewrites addresses in payloads",
	  "mapping=ei,filter=apd,preserve,rewrite" },
	{ "home-fifty", "a home router that counts up and keeps no port",
	  "mapping=ei,filter=apd,alloc=seq:+1,port-min=50000" },
	{ "linux", "Linux with masquerade, and a policy of accept",
	  "mapping=apd,filter=apd,preserve,overload,alloc=random,"
	  "tcp-refusal=rst,udp-refusal=icmp,udp-first=30,udp=120,"
	  "tcp-established=432000,tcp-transitory=120,tcp-closed=10,icmp=30" },
	{ "carrier", "a carrier's NAT as RFC 6888 asks: blocks, four addresses",
	  "mapping=ei,filter=ei,alloc=block:1024,blocks=2,addresses=4,"
	  "hairpin=external,cross=20,tcp-closed=240,udp=300,udp-first=300" },
	{ "carrier-blocks", "a carrier's symmetric NAT, a block a subscriber",
	  "mapping=apd,filter=apd,alloc=block:512,addresses=4,cross=20" },
	{ "carrier-pool", "a carrier's NAT that takes any of its addresses",
	  "mapping=apd,filter=apd,alloc=random,addresses=4,"
	  "pooling=arbitrary,cross=50" },
	{ "mobile-band", "a mobile carrier's NAT that keeps to a narrow band",
	  "mapping=apd,filter=apd,alloc=band:251,udp-first=30,udp=60" },
	{ "sequential", "an old symmetric NAT: one port further each time",
	  "mapping=apd,filter=apd,alloc=seq:+1" },
	{ "sequential-busy", "the same with other subscribers, 20 flows a second",
	  "mapping=apd,filter=apd,alloc=seq:+1,cross=20" },
	{ "sequential-bursts", "the same, their flows come eight at once",
	  "mapping=apd,filter=apd,alloc=seq:+1,cross=20,cross-burst=8" },
	{ "sequential-two", "a symmetric NAT that reserves ports in pairs",
	  "mapping=apd,filter=apd,alloc=seq:+2" },
	{ "sequential-down", "a symmetric NAT that counts down by three",
	  "mapping=apd,filter=apd,alloc=seq:-3" },
	{ "first-kept", "a firewall: the first destination gets the own port",
	  "mapping=apd,filter=apd,preserve,alloc=seq:+1,tcp-refusal=rst" },
	{ "parity", "a symmetric NAT that keeps even ports even, for RTP",
	  "mapping=apd,filter=apd,alloc=parity:+2" },
	{ "per-destination", "a firewall that counts for each destination",
	  "mapping=apd,filter=apd,alloc=per-dest:+1,counter=endpoint" },
	{ "hashed", "a firewall with RFC 6056's simple hash-based ports",
	  "mapping=apd,filter=apd,alloc=per-dest:+1,start=hashed" },
	{ "address-dependent", "an enterprise NAT, a mapping for each address",
	  "mapping=ad,filter=ad,alloc=random" },
	{ "random", "a symmetric NAT with random ports, as cloud gateways are",
	  "mapping=apd,filter=apd,alloc=random" },
	{ "bsd", "a BSD packet filter's NAT: random above 50000",
	  "mapping=apd,filter=apd,alloc=random,port-min=50001" },
	{ "firewall", "a firewall that translates nothing",
	  "mapping=none,filter=apd" },
};

const size_t zoo_presets_count = ARRAY_SIZE(zoo_presets);

bool zoo_preset(const char *name, struct zoo_kind *kind)
{
	size_t i;

	for (i = 0; i < zoo_presets_count; i++) {
		if (strcmp(zoo_presets[i].name, name))
			continue;
		*kind = zoo_default();
		return !zoo_parse(kind, zoo_presets[i].text);
	}
	return false;
}
