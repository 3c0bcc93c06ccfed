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

#define NAME(words, value) \
	((value) < ARRAY_SIZE(words) ? (words)[value] : NULL)
#define VALUE(words, name)	value_of((words), ARRAY_SIZE(words), (name))

static int value_of(const char * const *words, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(words[i], name))
			return (int)i;
	return -EINVAL;
}

const char *natpunch_filter_name(unsigned int filter)
{
	return NAME(filters, filter);
}

int natpunch_filter_value(const char *name)
{
	return VALUE(filters, name);
}

const char *natpunch_end_reason_name(unsigned int reason)
{
	return NAME(end_reasons, reason);
}

const char *natpunch_hold_answer_name(unsigned int answer)
{
	return NAME(hold_answers, answer);
}

int natpunch_hold_answer_value(const char *name)
{
	return VALUE(hold_answers, name);
}

const char *natpunch_hold_release_name(unsigned int release)
{
	return NAME(hold_releases, release);
}

int natpunch_hold_release_value(const char *name)
{
	return VALUE(hold_releases, name);
}

const char *natpunch_hold_state_name(unsigned int state)
{
	return NAME(hold_states, state);
}

const char *natpunch_hold_end_name(unsigned int end)
{
	return NAME(hold_ends, end);
}
