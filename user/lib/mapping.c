// SPDX-License-Identifier: GPL-2.0
/* Mappings: requests over struct natpunch_mapping. */
#include <string.h>

#include "internal.h"

#define MAPPING_FLUSH							\
	(NATPUNCH_HAS(MAPPING_WAN) | NATPUNCH_HAS(MAPPING_L4PROTO) |	\
	 NATPUNCH_HAS(MAPPING_INT_ADDR) |				\
	 NATPUNCH_HAS(MAPPING_INT_PORT) |				\
	 NATPUNCH_HAS(MAPPING_EXT_ADDR) |				\
	 NATPUNCH_HAS(MAPPING_EXT_PORT))
#define MAPPING_KEY	(MAPPING_FLUSH | NATPUNCH_HAS(MAPPING_ZONE))

int natpunch_mapping_get(struct natpunch *np,
			 const struct natpunch_mapping *key,
			 struct natpunch_mapping *mapping)
{
	return np_do_reply(np, NATPUNCH_CMD_MAPPING_GET, &np_mapping_set, key,
			   MAPPING_KEY, mapping, sizeof(*mapping));
}

struct dump {
	natpunch_mapping_cb *cb;
	void *data;
};

static int take_mapping(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct natpunch_mapping mapping;

	memset(&mapping, 0, sizeof(mapping));
	np_decode(nlh, &np_mapping_set, &mapping);
	return d->cb(&mapping, d->data);
}

int natpunch_mapping_dump(struct natpunch *np,
			  const struct natpunch_mapping *filter,
			  natpunch_mapping_cb *cb, void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_MAPPING_GET, &np_mapping_set, filter,
		       MAPPING_KEY, take_mapping, &d);
}

int natpunch_mapping_flush(struct natpunch *np,
			   const struct natpunch_mapping *filter,
			   uint32_t *count)
{
	struct natpunch_mapping reply;
	int err;

	err = np_do_reply(np, NATPUNCH_CMD_MAPPING_FLUSH, &np_mapping_set,
			  filter, MAPPING_FLUSH, &reply, sizeof(reply));
	if (!err && count)
		*count = reply.flows;
	return err;
}
