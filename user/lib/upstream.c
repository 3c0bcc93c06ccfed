// SPDX-License-Identifier: GPL-2.0
/* Upstreams: what is known of them, samples for them, and predictions. */
#include <string.h>

#include "internal.h"

#define UPSTREAM_KEY							\
	(NATPUNCH_HAS(UPSTREAM_WAN) | NATPUNCH_HAS(UPSTREAM_ADDR) |	\
	 NATPUNCH_HAS(UPSTREAM_L4PROTO))

#define SAMPLE_ALL							\
	(NATPUNCH_HAS(SAMPLE_WAN) | NATPUNCH_HAS(SAMPLE_L4PROTO) |	\
	 NATPUNCH_HAS(SAMPLE_INT_ADDR) | NATPUNCH_HAS(SAMPLE_INT_PORT) | \
	 NATPUNCH_HAS(SAMPLE_DEST_ADDR) |				\
	 NATPUNCH_HAS(SAMPLE_DEST_PORT) |				\
	 NATPUNCH_HAS(SAMPLE_MAPPED_ADDR) |				\
	 NATPUNCH_HAS(SAMPLE_MAPPED_PORT) | NATPUNCH_HAS(SAMPLE_AGE) |	\
	 NATPUNCH_HAS(SAMPLE_FLOWS) | NATPUNCH_HAS(SAMPLE_MAPPINGS) |	\
	 NATPUNCH_HAS(SAMPLE_FLOWS_ODD) |				\
	 NATPUNCH_HAS(SAMPLE_MAPPINGS_ODD))

#define PREDICT_QUESTION						\
	(NATPUNCH_HAS(PREDICT_WAN) | NATPUNCH_HAS(PREDICT_L4PROTO) |	\
	 NATPUNCH_HAS(PREDICT_INT_ADDR) |				\
	 NATPUNCH_HAS(PREDICT_INT_PORT) |				\
	 NATPUNCH_HAS(PREDICT_DEST_ADDR) |				\
	 NATPUNCH_HAS(PREDICT_DEST_PORT) | NATPUNCH_HAS(PREDICT_FLOWS) | \
	 NATPUNCH_HAS(PREDICT_WITHIN) | NATPUNCH_HAS(PREDICT_PORTS) |	\
	 NATPUNCH_HAS(PREDICT_WANTED) | NATPUNCH_HAS(PREDICT_LIFETIME))

int natpunch_upstream_get(struct natpunch *np,
			  const struct natpunch_upstream *key,
			  struct natpunch_upstream *upstream)
{
	return np_do_reply(np, NATPUNCH_CMD_UPSTREAM_GET, &np_upstream_set, key,
			   UPSTREAM_KEY, upstream, sizeof(*upstream));
}

struct dump {
	natpunch_upstream_cb *cb;
	void *data;
};

static int take_upstream(const struct nlmsghdr *nlh, void *data)
{
	struct natpunch_upstream upstream;
	const struct dump *d = data;

	memset(&upstream, 0, sizeof(upstream));
	np_decode(nlh, &np_upstream_set, &upstream);
	return d->cb(&upstream, d->data);
}

int natpunch_upstream_dump(struct natpunch *np,
			   const struct natpunch_upstream *filter,
			   natpunch_upstream_cb *cb, void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_UPSTREAM_GET, &np_upstream_set, filter,
		       UPSTREAM_KEY, take_upstream, &d);
}

int natpunch_upstream_sample(struct natpunch *np,
			     const struct natpunch_sample *sample)
{
	return np_do(np, NATPUNCH_CMD_UPSTREAM_SAMPLE, &np_sample_set, sample,
		     SAMPLE_ALL);
}

int natpunch_predict(struct natpunch *np,
		     const struct natpunch_prediction *question,
		     struct natpunch_prediction *answer)
{
	return np_do_reply(np, NATPUNCH_CMD_PREDICT, &np_predict_set, question,
			   PREDICT_QUESTION, answer, sizeof(*answer));
}
