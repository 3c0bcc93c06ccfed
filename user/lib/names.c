// SPDX-License-Identifier: GPL-2.0
/* The enums' words. */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const char * const filters[] = {
	[NATPUNCH_FILTER_DEFAULT] = "default",
	[NATPUNCH_FILTER_EIF] = "eif",
	[NATPUNCH_FILTER_ADF] = "adf",
	[NATPUNCH_FILTER_APDF] = "apdf",
};

static const char * const end_reasons[] = {
	[NATPUNCH_END_REASON_NONE] = "none",
	[NATPUNCH_END_REASON_IDLE] = "idle",
	[NATPUNCH_END_REASON_FLUSHED] = "flushed",
	[NATPUNCH_END_REASON_ADDRESS] = "address",
	[NATPUNCH_END_REASON_WAN] = "wan",
	[NATPUNCH_END_REASON_RESERVATION] = "reservation",
};

static const char * const hold_answers[] = {
	[NATPUNCH_HOLD_ANSWER_ICMP] = "icmp",
	[NATPUNCH_HOLD_ANSWER_RST] = "rst",
	[NATPUNCH_HOLD_ANSWER_SILENCE] = "silence",
	[NATPUNCH_HOLD_ANSWER_OFF] = "off",
};

static const char * const hold_releases[] = {
	[NATPUNCH_HOLD_RELEASE_DROP] = "drop",
	[NATPUNCH_HOLD_RELEASE_DELIVER] = "deliver",
};

static const char * const hold_states[] = {
	[NATPUNCH_HOLD_STATE_PARKED] = "parked",
	[NATPUNCH_HOLD_STATE_HELD] = "held",
};

static const char * const hold_ends[] = {
	[NATPUNCH_HOLD_END_NONE] = "none",
	[NATPUNCH_HOLD_END_RELEASED] = "released",
	[NATPUNCH_HOLD_END_EXPIRED] = "expired",
	[NATPUNCH_HOLD_END_EVICTED] = "evicted",
	[NATPUNCH_HOLD_END_FLUSHED] = "flushed",
};

static const char * const upstream_mappings[] = {
	[NATPUNCH_UPSTREAM_MAPPING_UNKNOWN] = "unknown",
	[NATPUNCH_UPSTREAM_MAPPING_NONE] = "none",
	[NATPUNCH_UPSTREAM_MAPPING_EI] = "ei",
	[NATPUNCH_UPSTREAM_MAPPING_AD] = "ad",
	[NATPUNCH_UPSTREAM_MAPPING_APD] = "apd",
};

static const char * const upstream_allocs[] = {
	[NATPUNCH_UPSTREAM_ALLOC_UNKNOWN] = "unknown",
	[NATPUNCH_UPSTREAM_ALLOC_PRESERVE] = "preserve",
	[NATPUNCH_UPSTREAM_ALLOC_STEP] = "step",
	[NATPUNCH_UPSTREAM_ALLOC_PARITY] = "parity",
	[NATPUNCH_UPSTREAM_ALLOC_PER_DEST] = "per-dest",
	[NATPUNCH_UPSTREAM_ALLOC_BLOCK] = "block",
	[NATPUNCH_UPSTREAM_ALLOC_BAND] = "band",
	[NATPUNCH_UPSTREAM_ALLOC_RANDOM] = "random",
};

static const char * const upstream_certainties[] = {
	[NATPUNCH_UPSTREAM_CERTAINTY_NOTHING] = "nothing",
	[NATPUNCH_UPSTREAM_CERTAINTY_TOO_FEW] = "too-few",
	[NATPUNCH_UPSTREAM_CERTAINTY_AMBIGUOUS] = "ambiguous",
	[NATPUNCH_UPSTREAM_CERTAINTY_SURE] = "sure",
};

/* By the number of the bit. */
static const char * const upstream_wants[] = {
	"more", "port", "address", "internal",
};

static const char * const predict_advices[] = {
	[NATPUNCH_PREDICT_ADVICE_NONE] = "none",
	[NATPUNCH_PREDICT_ADVICE_LIST] = "list",
	[NATPUNCH_PREDICT_ADVICE_BIRTHDAY] = "birthday",
	[NATPUNCH_PREDICT_ADVICE_RELAY] = "relay",
};

struct words {
	const char * const *word;
	size_t n;
};

#define WORDS(array)	((struct words){ (array), ARRAY_SIZE(array) })

static const char *name_of(struct words words, unsigned int value)
{
	return value < words.n ? words.word[value] : NULL;
}

static int value_of(struct words words, const char *name)
{
	size_t i;

	for (i = 0; i < words.n; i++)
		if (!strcmp(words.word[i], name))
			return (int)i;
	return -EINVAL;
}

const char *natpunch_filter_name(unsigned int filter)
{
	return name_of(WORDS(filters), filter);
}

int natpunch_filter_value(const char *name)
{
	return value_of(WORDS(filters), name);
}

const char *natpunch_end_reason_name(unsigned int reason)
{
	return name_of(WORDS(end_reasons), reason);
}

const char *natpunch_hold_answer_name(unsigned int answer)
{
	return name_of(WORDS(hold_answers), answer);
}

int natpunch_hold_answer_value(const char *name)
{
	return value_of(WORDS(hold_answers), name);
}

const char *natpunch_hold_release_name(unsigned int release)
{
	return name_of(WORDS(hold_releases), release);
}

int natpunch_hold_release_value(const char *name)
{
	return value_of(WORDS(hold_releases), name);
}

const char *natpunch_hold_state_name(unsigned int state)
{
	return name_of(WORDS(hold_states), state);
}

const char *natpunch_hold_end_name(unsigned int end)
{
	return name_of(WORDS(hold_ends), end);
}

const char *natpunch_upstream_mapping_name(unsigned int mapping)
{
	return name_of(WORDS(upstream_mappings), mapping);
}

const char *natpunch_upstream_alloc_name(unsigned int alloc)
{
	return name_of(WORDS(upstream_allocs), alloc);
}

const char *natpunch_upstream_certainty_name(unsigned int certainty)
{
	return name_of(WORDS(upstream_certainties), certainty);
}

const char *natpunch_upstream_want_name(unsigned int bit)
{
	return name_of(WORDS(upstream_wants), bit);
}

const char *natpunch_predict_advice_name(unsigned int advice)
{
	return name_of(WORDS(predict_advices), advice);
}
