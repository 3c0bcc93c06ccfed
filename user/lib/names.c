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

const char *natpunch_filter_name(unsigned int filter)
{
	return filter < ARRAY_SIZE(filters) ? filters[filter] : NULL;
}

int natpunch_filter_value(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(filters); i++)
		if (!strcmp(filters[i], name))
			return (int)i;
	return -EINVAL;
}

const char *natpunch_end_reason_name(unsigned int reason)
{
	return reason < ARRAY_SIZE(end_reasons) ? end_reasons[reason] : NULL;
}
