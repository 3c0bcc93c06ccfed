/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the library's files share, in layers that know only those before:
 * fields.c (structures to attributes and back), error.c (what the kernel
 * objects to), request.c (one request and its replies), open.c (handles and
 * namespaces), and one file for each object.
 */
#ifndef _NATPUNCH_INTERNAL_H
#define _NATPUNCH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "natpunch.h"

/* How a structure's field travels as an attribute. */
enum np_kind {
	NP_NONE,	/* not carried (pad) */
	NP_U8,
	NP_U16,
	NP_PORT,	/* u16, network order on the wire */
	NP_U32,
	NP_U64,
	NP_FLAG,	/* uint8_t, 1 if the attribute is there */
	NP_DEV,		/* char[NATPUNCH_DEV_SIZE] */
	NP_ADDR,	/* struct natpunch_addr */
	NP_ADDRS,	/* array of them, with a count */
	NP_PREFIXES,	/* array of struct natpunch_prefix, with a count */
	NP_PORTS,	/* array of uint16_t, with a count; none: a single 0 */
	NP_GUESSES,	/* array of struct natpunch_guess, with a count */
};

/* One attribute; its place in the table is its number. */
struct np_attr {
	const char *name;	/* as in the specification */
	enum np_kind kind;
	size_t offset;		/* of the field in its structure */
	size_t count;		/* of the array's element count, a uint32_t */
	uint32_t max;		/* elements that the array holds */
	const struct np_set *nest;
};

/* The attributes of one structure, which begins with uint64_t fields. */
struct np_set {
	const struct np_attr *attr;
	uint16_t n;		/* one more than the highest number */
};

extern const struct np_set np_wan_set;
extern const struct np_set np_mapping_set;
extern const struct np_set np_reservation_set;
extern const struct np_set np_stats_set;
extern const struct np_set np_hold_set;
extern const struct np_set np_crafted_set;
extern const struct np_set np_crafted_dev_set;
extern const struct np_set np_upstream_set;
extern const struct np_set np_sample_set;
extern const struct np_set np_predict_set;

/* A watched device, as the ABI has it; callers see its name alone. */
struct np_crafted_dev {
	uint64_t fields;
	char dev[NATPUNCH_DEV_SIZE];
	uint8_t on, bound;
};

const struct np_attr *np_attr_info(const struct np_set *set, uint16_t type);
int np_encode(struct nlmsghdr *nlh, const struct np_set *set, const void *obj,
	      uint64_t allowed);
void np_decode(const struct nlmsghdr *nlh, const struct np_set *set,
	       void *obj);

/* What is known of the last request that failed. */
struct np_error {
	int code;		/* negative errno, 0: nothing is known */
	bool has_range;
	uint64_t min;
	uint64_t max;
	char message[160];	/* empty: none */
	char attr[48];		/* empty: none */
	char text[320];		/* all of it, as one sentence */
};

void np_error_clear(struct np_error *e);
int np_error_set(struct np_error *e, int code, const char *message);
int np_error_decode(struct np_error *e, const struct nlmsghdr *reply,
		    const struct nlmsghdr *request, const struct np_set *set);

/* The largest message that the kernel builds for a dump. */
#define NP_RX_SIZE	32768
/* Several times the largest request, a WAN with all its arrays full. */
#define NP_TX_SIZE	4096

struct natpunch {
	struct mnl_socket *nl;
	struct mnl_socket *events;
	uint16_t family;
	/* Groups of events, mappings' first; 0: the kernel has none. */
	uint32_t groups[4];
	uint32_t seq;
	bool busy;		/* a callback is running; rx is in use */
	struct np_error error;
	union {
		char tx[NP_TX_SIZE];
		struct nlmsghdr request;
	};
	union {
		char rx[NP_RX_SIZE];
		struct nlmsghdr reply;
	};
};

/* Called for each reply to a request; not 0: no more, and that is returned. */
typedef int np_reply_cb(const struct nlmsghdr *nlh, void *data);

struct nlmsghdr *np_request(struct natpunch *np, uint16_t family, uint8_t cmd,
			    uint16_t flags);
int np_talk(struct natpunch *np, const struct np_set *set, np_reply_cb *cb,
	    void *data);

/* The usual requests: obj's allowed fields out; perhaps an object back. */
int np_do(struct natpunch *np, uint8_t cmd, const struct np_set *set,
	  const void *obj, uint64_t allowed);
int np_do_reply(struct natpunch *np, uint8_t cmd, const struct np_set *set,
		const void *obj, uint64_t allowed, void *reply, size_t size);
int np_dump(struct natpunch *np, uint8_t cmd, const struct np_set *set,
	    const void *obj, uint64_t allowed, np_reply_cb *cb, void *data);

int np_set_dev(struct natpunch *np, char to[NATPUNCH_DEV_SIZE],
	       const char *dev);

struct mnl_socket *np_socket(void);
struct mnl_socket *np_socket_in(int netns);

#endif /* _NATPUNCH_INTERNAL_H */
