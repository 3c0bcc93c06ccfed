// SPDX-License-Identifier: GPL-2.0
/* Reservations: requests over struct natpunch_reservation. */
#include <string.h>

#include "internal.h"

#define RESERVATION_KEY							\
	(NATPUNCH_HAS(RESERVATION_WAN) |				\
	 NATPUNCH_HAS(RESERVATION_L4PROTO) |				\
	 NATPUNCH_HAS(RESERVATION_INT_ADDR) |				\
	 NATPUNCH_HAS(RESERVATION_INT_PORT))
#define RESERVATION_ALL							\
	(RESERVATION_KEY | NATPUNCH_HAS(RESERVATION_EXT_ADDR) |		\
	 NATPUNCH_HAS(RESERVATION_EXT_PORT) |				\
	 NATPUNCH_HAS(RESERVATION_FILTER) |				\
	 NATPUNCH_HAS(RESERVATION_LIFETIME))

int natpunch_reservation_add(struct natpunch *np,
			     const struct natpunch_reservation *request,
			     struct natpunch_reservation *made)
{
	struct natpunch_reservation reply;

	return np_do_reply(np, NATPUNCH_CMD_RESERVATION_NEW,
			   &np_reservation_set, request, RESERVATION_ALL,
			   made ? made : &reply, sizeof(reply));
}

int natpunch_reservation_del(struct natpunch *np,
			     const struct natpunch_reservation *key)
{
	return np_do(np, NATPUNCH_CMD_RESERVATION_DEL, &np_reservation_set,
		     key, RESERVATION_KEY);
}

int natpunch_reservation_get(struct natpunch *np,
			     const struct natpunch_reservation *key,
			     struct natpunch_reservation *reservation)
{
	return np_do_reply(np, NATPUNCH_CMD_RESERVATION_GET,
			   &np_reservation_set, key, RESERVATION_KEY,
			   reservation, sizeof(*reservation));
}

struct dump {
	natpunch_reservation_cb *cb;
	void *data;
};

static int take_reservation(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *d = data;
	struct natpunch_reservation reservation;

	memset(&reservation, 0, sizeof(reservation));
	np_decode(nlh, &np_reservation_set, &reservation);
	return d->cb(&reservation, d->data);
}

int natpunch_reservation_dump(struct natpunch *np, natpunch_reservation_cb *cb,
			      void *data)
{
	struct dump d = { cb, data };

	return np_dump(np, NATPUNCH_CMD_RESERVATION_GET, &np_reservation_set,
		       NULL, 0, take_reservation, &d);
}
