// SPDX-License-Identifier: GPL-2.0
/*
 * The zoo's machine: mappings, sessions, ports, other subscribers, for any kind.
 *
 * A mapping joins an internal and an external endpoint; its sessions say which
 * remote endpoints it was used with, for the filter and the lifetimes. Whatever has
 * ended is taken away when it is met, or when room is needed. Owns all of struct
 * zoo; no locking.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "zoo.h"

#define PORTS		65536
#define PROTOCOLS	3
#define SESSIONS_EACH	4	/* sessions_max / mappings_max */
#define DESTS_MAX	4096	/* destinations with a counter of their own */
#define DESTS_PROBED	8
#define FOREIGN_MAX	16384	/* foreign mappings that hold a port */
#define SUBSCRIBERS_MAX	1024
#define DRAWS		32	/* before free ports are counted */
#define UNTRANSLATED	(-1)

struct session {
	LIST_ENTRY(session) of_mapping, hashed;
	struct mapping *mapping;
	struct zoo_ep remote;
	uint64_t expires;
	unsigned int out_flags, in_flags; /* TCP flags seen so far */
	bool answered, closed;
};

LIST_HEAD(sessions, session);

struct mapping {
	LIST_ENTRY(mapping) by_internal, by_external, in_use;
	struct sessions sessions;
	struct zoo_ep internal, external, dest;
	uint64_t expires;
	int address;		/* index of the external one, or UNTRANSLATED */
	int protocol;		/* index, as protocol_index() */
};

LIST_HEAD(mappings, mapping);

struct foreign {
	uint64_t expires;
	uint16_t port;
	uint8_t protocol, address;
};

struct subscriber {
	uint8_t addr[16];
	uint8_t address;	/* index: all his blocks are there */
	unsigned int blocks;
	uint16_t block[ZOO_BLOCKS_MAX];
	uint32_t cursor[PROTOCOLS];
};

/* A counter: where, as an offset into its range, the last port was. */
struct counter {
	bool started;
	uint32_t at;
};

struct dest_counter {
	struct zoo_ep dest;
	uint8_t protocol, address;
	struct counter counter;
};

struct zoo {
	struct zoo_kind kind;
	struct zoo_dice dice, cross_dice;
	struct zoo_counts counts;
	uint64_t now, swept;

	/* Own mappings. */
	unsigned int room;	/* mappings that the tables are made for */
	uint32_t mask;		/* of the three hash tables */
	struct mapping *mapping_slots;
	struct session *session_slots;
	struct mappings free_mappings, in_use;
	struct sessions free_sessions;
	unsigned int fresh_mapping, fresh_session; /* slots never used yet */
	struct mappings *by_internal, *by_external;
	struct sessions *by_remote;

	/* Ports. */
	unsigned int addresses;	/* that used[] is made for */
	uint8_t *used;		/* a bit for each port; unless overload */
	struct counter counters[PROTOCOLS][ZOO_ADDRESSES_MAX][2];
	uint32_t band_from;
	struct dest_counter *dests;

	/* Blocks: own subscribers first found by address; foreign ones. */
	struct subscriber *own_subscribers, *foreign_subscribers;
	unsigned int own_count;
	uint8_t *block_taken;	/* a byte for each block of each address */

	/* Other subscribers' mappings: a ring, the oldest at head. */
	struct foreign *foreign;
	unsigned int foreign_head, foreign_count;
	uint64_t cross_next;
	bool cross_started;
};

/* What a new mapping wants a port for. */
struct want {
	int protocol;
	unsigned int address;
	const struct zoo_ep *internal, *dest; /* NULL: a foreign one */
	struct zoo_dice *dice;
};

/* --- small things ---------------------------------------------------------- */

uint64_t zoo_roll(struct zoo_dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t zoo_below(struct zoo_dice *dice, uint32_t n)
{
	return (zoo_roll(dice) >> 32) * n >> 32;
}

double zoo_exponential(struct zoo_dice *dice)
{
	/* Of 53 bits; 1 - u is in (0, 1]. */
	return -log(1.0 - (zoo_roll(dice) >> 11) / 9007199254740992.0);
}

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct zoo_ep zoo_ep4(uint32_t addr, unsigned int port)
{
	struct zoo_ep ep = { .port = port };
	uint32_t raw = htonl(addr);

	memcpy(ep.addr, v4_prefix, 12);
	memcpy(ep.addr + 12, &raw, 4);
	return ep;
}

bool zoo_is_ip4(const struct zoo_ep *ep)
{
	return !memcmp(ep->addr, v4_prefix, 12);
}

uint32_t zoo_addr4(const struct zoo_ep *ep)
{
	uint32_t raw;

	memcpy(&raw, ep->addr + 12, 4);
	return ntohl(raw);
}

bool zoo_same_addr(const struct zoo_ep *a, const struct zoo_ep *b)
{
	return !memcmp(a->addr, b->addr, sizeof(a->addr));
}

bool zoo_ep_eq(const struct zoo_ep *a, const struct zoo_ep *b)
{
	return a->port == b->port && zoo_same_addr(a, b);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	struct zoo_dice dice = { hash ^ value };

	return zoo_roll(&dice);
}

static uint64_t hash_addr(uint64_t hash, const struct zoo_ep *ep)
{
	uint64_t half[2];

	memcpy(half, ep->addr, sizeof(half));
	return mix(hash + half[0], half[1]);
}

static uint64_t hash_ep(uint64_t hash, const struct zoo_ep *ep)
{
	return hash_addr(hash + ep->port + 1, ep);
}

static int protocol_index(int protocol)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return 0;
	case IPPROTO_TCP:
		return 1;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return -1;
	}
}

#define UDP	0
#define TCP	1

static bool translates(const struct zoo *zoo, const struct zoo_ep *internal)
{
	return zoo->kind.mapping != ZOO_NONE &&
	       (zoo_is_ip4(internal) || zoo->kind.nat66);
}

/* The kind's mapping behaviour towards this internal endpoint. */
static enum zoo_depends depends(const struct zoo *zoo,
				const struct zoo_ep *internal)
{
	return translates(zoo, internal) ? zoo->kind.mapping : ZOO_EI;
}

static bool overloads(const struct zoo *zoo)
{
	return zoo->kind.overload || zoo->kind.alloc == ZOO_PER_DEST;
}

/* --- external addresses ---------------------------------------------------- */

/* External address number @i, in the family of @like. */
static struct zoo_ep external_at(const struct zoo *zoo, unsigned int i,
				 const struct zoo_ep *like, unsigned int port)
{
	struct zoo_ep ep = zoo_ep4(zoo->kind.external4 + i, port);

	if (!zoo_is_ip4(like)) {
		memcpy(ep.addr, zoo->kind.external6, sizeof(ep.addr));
		ep.addr[15] += i;
	}
	return ep;
}

static int external_index(const struct zoo *zoo, const struct zoo_ep *ep)
{
	struct zoo_ep own;
	unsigned int i;

	if (!translates(zoo, ep))
		return -1;
	for (i = 0; i < zoo->kind.addresses; i++) {
		own = external_at(zoo, i, ep, 0);
		if (zoo_same_addr(&own, ep))
			return i;
	}
	return -1;
}

bool zoo_is_external(const struct zoo *zoo, const struct zoo_ep *ep)
{
	return external_index(zoo, ep) >= 0;
}

static unsigned int choose_address(struct zoo *zoo,
				   const struct zoo_ep *internal)
{
	if (zoo->kind.addresses == 1)
		return 0;
	if (zoo->kind.pooling == ZOO_ARBITRARY)
		return zoo_below(&zoo->dice, zoo->kind.addresses);
	return hash_addr(zoo->kind.seed, internal) % zoo->kind.addresses;
}

/* --- hash tables ----------------------------------------------------------- */

static struct mappings *internal_bucket(const struct zoo *zoo, int protocol,
					const struct zoo_ep *internal,
					const struct zoo_ep *dest)
{
	uint64_t hash = hash_ep(protocol, internal);

	switch (depends(zoo, internal)) {
	case ZOO_APD:
		hash = hash_ep(hash, dest);
		break;
	case ZOO_AD:
		hash = hash_addr(hash, dest);
		break;
	default:
		break;
	}
	return &zoo->by_internal[hash & zoo->mask];
}

static struct mappings *external_bucket(const struct zoo *zoo, int protocol,
					const struct zoo_ep *external)
{
	return &zoo->by_external[hash_ep(protocol, external) & zoo->mask];
}

static struct sessions *session_bucket(const struct zoo *zoo,
				       const struct mapping *m,
				       const struct zoo_ep *remote)
{
	uint64_t number = m - zoo->mapping_slots;

	return &zoo->by_remote[hash_ep(number << 20, remote) & zoo->mask];
}

/* --- the port bits --------------------------------------------------------- */

static uint8_t *used_byte(const struct zoo *zoo, int protocol,
			  unsigned int address, unsigned int port)
{
	size_t set = (size_t)address * PROTOCOLS + protocol;

	return &zoo->used[(set * PORTS + port) / 8];
}

static bool port_bit(const struct zoo *zoo, int protocol, unsigned int address,
		     unsigned int port)
{
	return *used_byte(zoo, protocol, address, port) & 1 << port % 8;
}

static void port_set(const struct zoo *zoo, int protocol, unsigned int address,
		     unsigned int port, bool used)
{
	uint8_t *byte = used_byte(zoo, protocol, address, port);

	if (used)
		*byte |= 1 << port % 8;
	else
		*byte &= ~(1 << port % 8);
}

/* --- sessions and mappings ------------------------------------------------- */

static void session_free(struct zoo *zoo, struct session *s)
{
	LIST_REMOVE(s, of_mapping);
	LIST_REMOVE(s, hashed);
	LIST_INSERT_HEAD(&zoo->free_sessions, s, hashed);
}

static void mapping_free(struct zoo *zoo, struct mapping *m)
{
	while (!LIST_EMPTY(&m->sessions))
		session_free(zoo, LIST_FIRST(&m->sessions));
	LIST_REMOVE(m, by_internal);
	LIST_REMOVE(m, by_external);
	LIST_REMOVE(m, in_use);
	if (m->address != UNTRANSLATED && !overloads(zoo))
		port_set(zoo, m->protocol, m->address, m->external.port, false);
	LIST_INSERT_HEAD(&zoo->free_mappings, m, in_use);
	zoo->counts.live--;
}

/* Whether @m still is; if not, it is taken away. */
static bool mapping_lives(struct zoo *zoo, struct mapping *m)
{
	if (m->expires > zoo->now)
		return true;
	mapping_free(zoo, m);
	return false;
}

/* Take away all that has ended; once a second at most, it is a long walk. */
static void sweep(struct zoo *zoo)
{
	struct mapping *m, *next_m;
	struct session *s, *next_s;

	if (zoo->swept && zoo->now - zoo->swept < ZOO_NS_PER_S)
		return;
	zoo->swept = zoo->now;
	for (m = LIST_FIRST(&zoo->in_use); m; m = next_m) {
		next_m = LIST_NEXT(m, in_use);
		if (!mapping_lives(zoo, m))
			continue;
		for (s = LIST_FIRST(&m->sessions); s; s = next_s) {
			next_s = LIST_NEXT(s, of_mapping);
			if (s->expires <= zoo->now)
				session_free(zoo, s);
		}
	}
}

static struct mapping *mapping_slot(struct zoo *zoo)
{
	struct mapping *m;

	if (zoo->counts.live == zoo->kind.mappings_max)
		sweep(zoo);
	if (zoo->counts.live == zoo->kind.mappings_max)
		return NULL;
	m = LIST_FIRST(&zoo->free_mappings);
	if (m)
		LIST_REMOVE(m, in_use);
	else
		m = &zoo->mapping_slots[zoo->fresh_mapping++];
	return m;
}

static struct session *session_slot(struct zoo *zoo)
{
	struct session *s;

	if (LIST_EMPTY(&zoo->free_sessions) &&
	    zoo->fresh_session == zoo->room * SESSIONS_EACH)
		sweep(zoo);
	s = LIST_FIRST(&zoo->free_sessions);
	if (s)
		LIST_REMOVE(s, hashed);
	else if (zoo->fresh_session < zoo->room * SESSIONS_EACH)
		s = &zoo->session_slots[zoo->fresh_session++];
	return s;
}

static bool same_dest(enum zoo_depends on, const struct zoo_ep *a,
		      const struct zoo_ep *b)
{
	return on == ZOO_EI || (on == ZOO_AD && zoo_same_addr(a, b)) ||
	       zoo_ep_eq(a, b);
}

static struct mapping *find_internal(struct zoo *zoo, int protocol,
				     const struct zoo_ep *internal,
				     const struct zoo_ep *dest)
{
	struct mappings *bucket = internal_bucket(zoo, protocol, internal, dest);
	enum zoo_depends on = depends(zoo, internal);
	struct mapping *m;

	LIST_FOREACH(m, bucket, by_internal)
		if (m->protocol == protocol &&
		    zoo_ep_eq(&m->internal, internal) &&
		    same_dest(on, &m->dest, dest))
			return mapping_lives(zoo, m) ? m : NULL;
	return NULL;
}

static struct session *find_session(const struct zoo *zoo,
				    const struct mapping *m,
				    const struct zoo_ep *remote)
{
	struct session *s;

	LIST_FOREACH(s, session_bucket(zoo, m, remote), hashed)
		if (s->mapping == m && zoo_ep_eq(&s->remote, remote))
			return s;
	return NULL;
}

/* Whether @source is one that the filter lets in by @m. */
static bool admits(const struct zoo *zoo, const struct mapping *m,
		   const struct zoo_ep *source)
{
	const struct session *s = find_session(zoo, m, source);

	if (zoo->kind.filtering == ZOO_EI || (s && s->expires > zoo->now))
		return true;
	if (zoo->kind.filtering == ZOO_APD)
		return false;
	LIST_FOREACH(s, &m->sessions, of_mapping)
		if (s->expires > zoo->now && zoo_same_addr(&s->remote, source))
			return true;
	return false;
}

/*
 * The mapping for a packet from @source. With overload several may have that
 * external endpoint: the one that has talked to the source goes first.
 */
static struct mapping *find_external(struct zoo *zoo, int protocol,
				     const struct zoo_ep *external,
				     const struct zoo_ep *source)
{
	struct mapping *m, *next, *any = NULL;

	m = LIST_FIRST(external_bucket(zoo, protocol, external));
	for (; m; m = next) {
		next = LIST_NEXT(m, by_external);
		if (m->protocol != protocol ||
		    !zoo_ep_eq(&m->external, external) ||
		    !mapping_lives(zoo, m))
			continue;
		if (find_session(zoo, m, source))
			return m;
		if (!any && admits(zoo, m, source))
			any = m;
	}
	return any;
}

/* --- finding a port -------------------------------------------------------- */

/* With overload: whether another mapping has this port for this destination. */
static bool overloaded(struct zoo *zoo, const struct want *w,
		       const struct zoo_ep *external)
{
	enum zoo_depends on = zoo->kind.mapping == ZOO_AD ? ZOO_AD : ZOO_APD;
	struct mapping *m, *next;

	m = LIST_FIRST(external_bucket(zoo, w->protocol, external));
	for (; m; m = next) {
		next = LIST_NEXT(m, by_external);
		if (m->protocol == w->protocol &&
		    zoo_ep_eq(&m->external, external) &&
		    same_dest(on, &m->dest, w->dest) && mapping_lives(zoo, m))
			return true;
	}
	return false;
}

/* A port whose bit is set may be one of a mapping that has ended meanwhile. */
static bool still_used(struct zoo *zoo, const struct want *w,
		       const struct zoo_ep *external)
{
	struct mapping *m, *next;

	m = LIST_FIRST(external_bucket(zoo, w->protocol, external));
	for (; m; m = next) {
		next = LIST_NEXT(m, by_external);
		if (m->protocol == w->protocol &&
		    zoo_ep_eq(&m->external, external))
			mapping_lives(zoo, m);
	}
	return port_bit(zoo, w->protocol, w->address, external->port);
}

static bool port_is_free(struct zoo *zoo, const struct want *w,
			 unsigned int port)
{
	static const struct zoo_ep v4 = { .addr = { [10] = 0xff, [11] = 0xff } };
	struct zoo_ep external;

	if (overloads(zoo) && !w->dest)
		return true;
	if (!overloads(zoo) &&
	    !port_bit(zoo, w->protocol, w->address, port))
		return true;
	external = external_at(zoo, w->address, w->internal ?: &v4, port);
	return overloads(zoo) ? !overloaded(zoo, w, &external)
			      : !still_used(zoo, w, &external);
}

/* Uniformly among the free ones of @n ports from @from on; 0: none is free. */
static unsigned int draw(struct zoo *zoo, const struct want *w,
			 unsigned int from, unsigned int n)
{
	unsigned int i, port, found = 0, chosen = 0;

	for (i = 0; i < DRAWS; i++) {
		port = from + zoo_below(w->dice, n);
		if (port_is_free(zoo, w, port))
			return port;
	}
	for (port = from; port < from + n; port++)
		if (port_is_free(zoo, w, port) &&
		    !zoo_below(w->dice, ++found))
			chosen = port;
	return chosen;
}

/*
 * The next free one of @n ports from @from on, @step after *@at (an offset, which
 * moves). A step that shares a factor with @n does not reach all ports, so after
 * each round one is added, or two where parity counts. 0: none is free.
 */
static unsigned int walk(struct zoo *zoo, const struct want *w, uint32_t *at,
			 unsigned int from, unsigned int n, int step)
{
	uint32_t start = *at, forward = (n + step % (int)n) % n;
	unsigned int i, shift = zoo->kind.alloc == ZOO_PARITY ? 2 : 1;

	for (i = 0; i < n; i++) {
		*at = (*at + forward) % n;
		if (port_is_free(zoo, w, from + *at))
			return from + *at;
		if (*at != start)
			continue;
		start = (start + shift) % n;
		*at = start;
	}
	return 0;
}

/* A counter that has not started yet begins at @first (an offset). */
static unsigned int count_on(struct zoo *zoo, const struct want *w,
			     struct counter *c, uint32_t first)
{
	const struct zoo_kind *k = &zoo->kind;
	unsigned int n = k->port_max - k->port_min + 1;

	if (!c->started)
		c->at = (first + n - (n + k->step % (int)n) % n) % n;
	c->started = true;
	return walk(zoo, w, &c->at, k->port_min, n, k->step);
}

/* Where counters begin, as an offset. */
static uint32_t first_port(const struct zoo *zoo, uint64_t salt)
{
	const struct zoo_kind *k = &zoo->kind;

	if (k->first)
		return k->first - k->port_min;
	return mix(k->seed + 1, salt) % (k->port_max - k->port_min + 1);
}

static unsigned int alloc_seq(struct zoo *zoo, const struct want *w)
{
	return count_on(zoo, w, &zoo->counters[w->protocol][w->address][0],
			first_port(zoo, w->protocol << 8 | w->address));
}

static unsigned int alloc_parity(struct zoo *zoo, const struct want *w)
{
	unsigned int odd = w->internal ? w->internal->port & 1
				       : zoo_below(w->dice, 2);
	uint32_t first = first_port(zoo, w->protocol << 8 | w->address << 4 |
					 odd);

	if (((first + zoo->kind.port_min) & 1) != odd)
		first ^= 1;
	return count_on(zoo, w, &zoo->counters[w->protocol][w->address][odd],
			first);
}

/* The counter of a destination; the longest known of a few gives way. */
static struct dest_counter *dest_counter(struct zoo *zoo, const struct want *w)
{
	struct zoo_ep dest = *w->dest;
	struct dest_counter *c;
	unsigned int i;
	uint64_t hash;

	if (!zoo->kind.per_dest_port)
		dest.port = 0;
	hash = hash_ep(w->protocol << 8 | w->address, &dest);
	for (i = 0; i < DESTS_PROBED; i++) {
		c = &zoo->dests[(hash + i) % DESTS_MAX];
		if (!c->counter.started ||
		    (c->protocol == w->protocol && c->address == w->address &&
		     zoo_ep_eq(&c->dest, &dest)))
			break;
	}
	if (i == DESTS_PROBED) {
		c = &zoo->dests[hash % DESTS_MAX];
		c->counter.started = false;
	}
	c->dest = dest;
	c->protocol = w->protocol;
	c->address = w->address;
	return c;
}

static unsigned int alloc_per_dest(struct zoo *zoo, const struct want *w)
{
	struct dest_counter *c;
	uint64_t salt = 0;

	/* Nobody else talks to our destinations. */
	if (!w->dest)
		return 0;
	c = dest_counter(zoo, w);
	if (zoo->kind.hashed_start)
		return count_on(zoo, w, &c->counter,
				mix(zoo->kind.seed, hash_ep(salt, &c->dest)) %
				(zoo->kind.port_max - zoo->kind.port_min + 1));
	return count_on(zoo, w, &c->counter, first_port(zoo, salt));
}

static unsigned int alloc_band(struct zoo *zoo, const struct want *w)
{
	return draw(zoo, w, zoo->band_from, zoo->kind.band);
}

static unsigned int alloc_random(struct zoo *zoo, const struct want *w)
{
	return draw(zoo, w, zoo->kind.port_min,
		    zoo->kind.port_max - zoo->kind.port_min + 1);
}

/* --- blocks ---------------------------------------------------------------- */

static unsigned int blocks_each(const struct zoo_kind *k)
{
	return (k->port_max - k->port_min + 1) / k->block_size;
}

static struct subscriber *own_subscriber(struct zoo *zoo,
					 const struct zoo_ep *internal,
					 unsigned int address, bool make)
{
	struct subscriber *s = zoo->own_subscribers;
	unsigned int i;

	for (i = 0; i < zoo->own_count; i++, s++)
		if (!memcmp(s->addr, internal->addr, sizeof(s->addr)) &&
		    s->address == address)
			return s;
	if (!make || zoo->own_count == SUBSCRIBERS_MAX)
		return NULL;
	zoo->own_count++;
	*s = (struct subscriber){ .address = address };
	memcpy(s->addr, internal->addr, sizeof(s->addr));
	return s;
}

/* A block for him: any free one. False if he or we have enough of them. */
static bool new_block(struct zoo *zoo, struct subscriber *s,
		      struct zoo_dice *dice)
{
	unsigned int n = blocks_each(&zoo->kind), i, at;
	uint8_t *taken = zoo->block_taken + (size_t)s->address * n;

	if (s->blocks == zoo->kind.blocks_max)
		return false;
	at = zoo_below(dice, n);
	for (i = 0; i < n && taken[at]; i++)
		at = (at + 1) % n;
	if (taken[at])
		return false;
	taken[at] = 1;
	s->block[s->blocks++] = at;
	for (i = 0; i < PROTOCOLS; i++)
		s->cursor[i] = zoo->kind.block_size - 1;
	return true;
}

static unsigned int block_port(struct zoo *zoo, const struct want *w,
			       struct subscriber *s, unsigned int block)
{
	unsigned int size = zoo->kind.block_size;
	unsigned int from = zoo->kind.port_min + s->block[block] * size;

	if (zoo->kind.block_seq)
		return walk(zoo, w, &s->cursor[w->protocol], from, size,
			    zoo->kind.step);
	return draw(zoo, w, from, size);
}

/* The newest block first; the others may have ports again. */
static unsigned int alloc_block(struct zoo *zoo, const struct want *w)
{
	struct subscriber *s;
	unsigned int i, port;

	if (w->internal) {
		s = own_subscriber(zoo, w->internal, w->address, true);
		if (!s)
			return 0;
	} else {
		s = &zoo->foreign_subscribers
			[zoo_below(w->dice, zoo->kind.cross_subscribers)];
		s->address = s->blocks ? s->address : w->address;
		if (s->address != w->address)
			return 0;
	}
	for (i = s->blocks; i-- > 0;) {
		port = block_port(zoo, w, s, i);
		if (port)
			return port;
	}
	if (!new_block(zoo, s, w->dice))
		return 0;
	return block_port(zoo, w, s, s->blocks - 1);
}

bool zoo_block_of(const struct zoo *zoo, struct zoo_ep internal, uint16_t *min,
		  uint16_t *max)
{
	const struct subscriber *s = zoo->own_subscribers;
	unsigned int i;

	if (zoo->kind.alloc != ZOO_BLOCK)
		return false;
	for (i = 0; i < zoo->own_count; i++, s++) {
		if (memcmp(s->addr, internal.addr, sizeof(s->addr)) ||
		    !s->blocks)
			continue;
		*min = zoo->kind.port_min +
		       s->block[s->blocks - 1] * zoo->kind.block_size;
		*max = *min + zoo->kind.block_size - 1;
		return true;
	}
	return false;
}

static unsigned int allocate(struct zoo *zoo, const struct want *w)
{
	switch (zoo->kind.alloc) {
	case ZOO_SEQ:
		return alloc_seq(zoo, w);
	case ZOO_PARITY:
		return alloc_parity(zoo, w);
	case ZOO_PER_DEST:
		return alloc_per_dest(zoo, w);
	case ZOO_BLOCK:
		return alloc_block(zoo, w);
	case ZOO_BAND:
		return alloc_band(zoo, w);
	case ZOO_RANDOM:
		return alloc_random(zoo, w);
	}
	return 0;
}

/* A port for @w, which would like @wish; 0 if there is none. */
static unsigned int find_port(struct zoo *zoo, const struct want *w,
			      unsigned int wish)
{
	if (zoo->kind.preserve && wish >= zoo->kind.port_min &&
	    wish <= zoo->kind.port_max && port_is_free(zoo, w, wish))
		return wish;
	return allocate(zoo, w);
}

/* --- other subscribers ----------------------------------------------------- */

static void foreign_end(struct zoo *zoo, uint64_t now)
{
	struct foreign *f;

	while (zoo->foreign_count) {
		f = &zoo->foreign[zoo->foreign_head];
		if (f->expires > now && zoo->foreign_count < FOREIGN_MAX)
			return;
		port_set(zoo, f->protocol, f->address, f->port, false);
		zoo->foreign_head = (zoo->foreign_head + 1) % FOREIGN_MAX;
		zoo->foreign_count--;
	}
}

static void foreign_mapping(struct zoo *zoo, uint64_t now,
			    const struct want *w)
{
	unsigned int port, last;

	port = find_port(zoo, w, 32768 + zoo_below(w->dice, 28232));
	zoo->counts.foreign++;
	if (!port || overloads(zoo))
		return;
	port_set(zoo, w->protocol, w->address, port, true);
	last = (zoo->foreign_head + zoo->foreign_count++) % FOREIGN_MAX;
	zoo->foreign[last] = (struct foreign){
		.expires = now + zoo->kind.cross_life * ZOO_NS_PER_S,
		.port = port, .protocol = w->protocol, .address = w->address,
	};
}

/* The time until the next burst, of all addresses and of UDP and TCP. */
static uint64_t cross_pause(struct zoo *zoo)
{
	double rate = zoo->kind.cross_rate * zoo->kind.addresses * 2 /
		      zoo->kind.cross_burst;

	return zoo_exponential(&zoo->cross_dice) / rate * ZOO_NS_PER_S + 1;
}

static void cross_burst(struct zoo *zoo, uint64_t now)
{
	struct want w = {
		.protocol = zoo_below(&zoo->cross_dice, 2),
		.address = zoo_below(&zoo->cross_dice, zoo->kind.addresses),
		.dice = &zoo->cross_dice,
	};
	unsigned int i;

	for (i = 0; i < zoo->kind.cross_burst; i++) {
		foreign_end(zoo, now);
		foreign_mapping(zoo, now, &w);
	}
}

void zoo_advance(struct zoo *zoo, uint64_t now)
{
	if (now > zoo->now)
		zoo->now = now;
	if (!(zoo->kind.cross_rate > 0) || zoo->kind.mapping == ZOO_NONE)
		return;
	if (!zoo->cross_started)
		zoo->cross_next = zoo->now + cross_pause(zoo);
	zoo->cross_started = true;
	while (zoo->cross_next <= zoo->now) {
		cross_burst(zoo, zoo->cross_next);
		zoo->cross_next += cross_pause(zoo);
	}
	foreign_end(zoo, zoo->now);
}

/* --- lifetimes ------------------------------------------------------------- */

static uint64_t tcp_life(const struct zoo *zoo, const struct session *s)
{
	if (s->closed)
		return zoo->kind.tcp_closed;
	if (s->out_flags & s->in_flags & ZOO_ACK)
		return zoo->kind.tcp_established;
	return zoo->kind.tcp_transitory;
}

static uint64_t life(const struct zoo *zoo, const struct session *s)
{
	switch (s->mapping->protocol) {
	case UDP:
		return s->answered ? zoo->kind.udp : zoo->kind.udp_first;
	case TCP:
		return tcp_life(zoo, s);
	default:
		return zoo->kind.icmp;
	}
}

/* A session ends sooner than it was thought to: so may its mapping. */
static void mapping_shorten(struct mapping *m)
{
	const struct session *s;

	m->expires = 0;
	LIST_FOREACH(s, &m->sessions, of_mapping)
		if (s->expires > m->expires)
			m->expires = s->expires;
}

/* True if that closed it. A SYN from inside opens it again. */
static bool tcp_track(struct session *s, unsigned int flags, bool outbound)
{
	bool was_closed = s->closed;

	if (outbound && flags == ZOO_SYN && s->closed) {
		s->out_flags = 0;
		s->in_flags = 0;
		s->closed = false;
		was_closed = false;
	}
	if (outbound)
		s->out_flags |= flags;
	else
		s->in_flags |= flags;
	if (flags & ZOO_TCP_RST || s->out_flags & s->in_flags & ZOO_FIN)
		s->closed = true;
	return s->closed && !was_closed;
}

/* A packet of a session has passed. */
static void session_touch(struct zoo *zoo, struct session *s,
			  unsigned int flags, bool outbound)
{
	struct mapping *m = s->mapping;
	bool closed = m->protocol == TCP && tcp_track(s, flags, outbound);

	if (!outbound)
		s->answered = true;
	if (!closed && (s->closed || (!outbound && !zoo->kind.inbound_refresh)))
		return;
	s->expires = zoo->now + life(zoo, s) * ZOO_NS_PER_S;
	if (closed)
		mapping_shorten(m);
	else if (s->expires > m->expires)
		m->expires = s->expires;
}

/* The session of @m with @remote, made if need be; NULL: no room. */
static struct session *session_get(struct zoo *zoo, struct mapping *m,
				   const struct zoo_ep *remote)
{
	struct session *s = find_session(zoo, m, remote);

	if (s && s->expires > zoo->now)
		return s;
	if (s)
		session_free(zoo, s);
	s = session_slot(zoo);
	if (!s)
		return NULL;
	*s = (struct session){ .mapping = m, .remote = *remote };
	LIST_INSERT_HEAD(&m->sessions, s, of_mapping);
	LIST_INSERT_HEAD(session_bucket(zoo, m, remote), s, hashed);
	return s;
}

/* --- packets --------------------------------------------------------------- */

static struct mapping *mapping_new(struct zoo *zoo, int protocol,
				   const struct zoo_ep *internal,
				   const struct zoo_ep *dest)
{
	struct mapping *m = mapping_slot(zoo), new = {
		.internal = *internal, .external = *internal, .dest = *dest,
		.expires = UINT64_MAX, .address = UNTRANSLATED,
		.protocol = protocol,
	};
	struct want w = { .protocol = protocol, .internal = internal,
			  .dest = dest, .dice = &zoo->dice };
	unsigned int port;

	if (!m)
		return NULL;
	if (translates(zoo, internal)) {
		w.address = choose_address(zoo, internal);
		port = find_port(zoo, &w, internal->port);
		if (!port) {
			LIST_INSERT_HEAD(&zoo->free_mappings, m, in_use);
			return NULL;
		}
		if (!overloads(zoo))
			port_set(zoo, protocol, w.address, port, true);
		new.address = w.address;
		new.external = external_at(zoo, w.address, internal, port);
	}
	*m = new;
	LIST_INSERT_HEAD(internal_bucket(zoo, protocol, internal, dest), m,
			 by_internal);
	LIST_INSERT_HEAD(external_bucket(zoo, protocol, &m->external), m,
			 by_external);
	LIST_INSERT_HEAD(&zoo->in_use, m, in_use);
	zoo->counts.own++;
	zoo->counts.live++;
	return m;
}

enum zoo_verdict zoo_out(struct zoo *zoo, uint64_t now, int protocol,
			 unsigned int tcp_flags, struct zoo_ep internal,
			 struct zoo_ep dest, struct zoo_ep *external)
{
	int index = protocol_index(protocol);
	struct session *s;
	struct mapping *m;

	zoo_advance(zoo, now);
	if (index < 0)
		return ZOO_DROP;
	m = find_internal(zoo, index, &internal, &dest);
	if (!m)
		m = mapping_new(zoo, index, &internal, &dest);
	s = m ? session_get(zoo, m, &dest) : NULL;
	if (!s) {
		if (m && LIST_EMPTY(&m->sessions))
			mapping_free(zoo, m);
		zoo->counts.full++;
		return ZOO_FULL;
	}
	if (m->expires == UINT64_MAX)
		m->expires = 0;		/* it is new: the session will tell */
	session_touch(zoo, s, tcp_flags, true);
	*external = m->external;
	return ZOO_PASS;
}

static enum zoo_verdict refusal(const struct zoo *zoo, int protocol,
				unsigned int tcp_flags)
{
	enum zoo_refusal how = protocol == TCP ? zoo->kind.refuse_tcp :
			       protocol == UDP ? zoo->kind.refuse_udp :
						 ZOO_SILENCE;

	if (tcp_flags & ZOO_TCP_RST || how == ZOO_SILENCE)
		return ZOO_DROP;
	return how == ZOO_SAY_ICMP ? ZOO_ICMP : ZOO_RST;
}

enum zoo_verdict zoo_in(struct zoo *zoo, uint64_t now, int protocol,
			unsigned int tcp_flags, struct zoo_ep external,
			struct zoo_ep source, struct zoo_ep *internal)
{
	int index = protocol_index(protocol);
	struct session *s = NULL;
	struct mapping *m;

	zoo_advance(zoo, now);
	if (index < 0)
		return ZOO_DROP;
	m = find_external(zoo, index, &external, &source);
	if (!m || !admits(zoo, m, &source))
		return refusal(zoo, index, tcp_flags);
	s = session_get(zoo, m, &source);
	if (!s)
		return ZOO_DROP;
	session_touch(zoo, s, tcp_flags, false);
	if (s->expires <= zoo->now)
		s->expires = m->expires; /* new, and does not refresh */
	*internal = m->internal;
	return ZOO_PASS;
}

enum zoo_verdict zoo_hairpin(struct zoo *zoo, uint64_t now, int protocol,
			     unsigned int tcp_flags, struct zoo_ep internal,
			     struct zoo_ep dest, struct zoo_ep *source,
			     struct zoo_ep *neighbour)
{
	enum zoo_verdict verdict;

	if (zoo->kind.hairpin == ZOO_HAIRPIN_NONE)
		return ZOO_DROP;
	verdict = zoo_out(zoo, now, protocol, tcp_flags, internal, dest,
			  source);
	if (verdict == ZOO_PASS)
		verdict = zoo_in(zoo, now, protocol, tcp_flags, dest, *source,
				 neighbour);
	if (zoo->kind.hairpin == ZOO_HAIRPIN_INTERNAL)
		*source = internal;
	return verdict;
}

bool zoo_peek_out(struct zoo *zoo, uint64_t now, int protocol,
		  struct zoo_ep internal, struct zoo_ep dest,
		  struct zoo_ep *external)
{
	int index = protocol_index(protocol);
	const struct mapping *m;

	zoo_advance(zoo, now);
	if (index < 0)
		return false;
	m = find_internal(zoo, index, &internal, &dest);
	if (m)
		*external = m->external;
	return m;
}

bool zoo_peek_in(struct zoo *zoo, uint64_t now, int protocol,
		 struct zoo_ep external, struct zoo_ep source,
		 struct zoo_ep *internal)
{
	int index = protocol_index(protocol);
	const struct mapping *m;

	zoo_advance(zoo, now);
	if (index < 0)
		return false;
	m = find_external(zoo, index, &external, &source);
	if (m)
		*internal = m->internal;
	return m;
}

unsigned int zoo_rewrite(const struct zoo *zoo, uint8_t *payload, size_t len,
			 struct zoo_ep from, struct zoo_ep to)
{
	uint16_t from_port = htons(from.port), to_port = htons(to.port);
	unsigned int changes = 0;
	size_t i;

	if (!zoo->kind.rewrite_payload || !zoo_is_ip4(&from) ||
	    !zoo_is_ip4(&to))
		return 0;
	for (i = 0; i + 4 <= len; i++) {
		if (memcmp(payload + i, from.addr + 12, 4))
			continue;
		memcpy(payload + i, to.addr + 12, 4);
		if (i >= 2 && !memcmp(payload + i - 2, &from_port, 2))
			memcpy(payload + i - 2, &to_port, 2);
		changes++;
		i += 3;
	}
	return changes;
}

/* --- several in a row ------------------------------------------------------ */

enum zoo_verdict zoo_row_out(struct zoo **zoos, unsigned int n, uint64_t now,
			     int protocol, unsigned int tcp_flags,
			     struct zoo_ep internal, struct zoo_ep dest,
			     struct zoo_ep *external)
{
	enum zoo_verdict verdict;
	unsigned int i;

	*external = internal;
	for (i = 0; i < n; i++) {
		verdict = zoo_out(zoos[i], now, protocol, tcp_flags, *external,
				  dest, external);
		if (verdict != ZOO_PASS)
			return verdict;
	}
	return ZOO_PASS;
}

enum zoo_verdict zoo_row_in(struct zoo **zoos, unsigned int n, uint64_t now,
			    int protocol, unsigned int tcp_flags,
			    struct zoo_ep external, struct zoo_ep source,
			    struct zoo_ep *internal)
{
	enum zoo_verdict verdict;

	*internal = external;
	while (n-- > 0) {
		verdict = zoo_in(zoos[n], now, protocol, tcp_flags, *internal,
				 source, internal);
		if (verdict != ZOO_PASS)
			return verdict;
	}
	return ZOO_PASS;
}

/* --- life and death -------------------------------------------------------- */

static void release(struct zoo *zoo)
{
	free(zoo->mapping_slots);
	free(zoo->session_slots);
	free(zoo->by_internal);
	free(zoo->by_external);
	free(zoo->by_remote);
	free(zoo->used);
	free(zoo->dests);
	free(zoo->own_subscribers);
	free(zoo->foreign_subscribers);
	free(zoo->block_taken);
	free(zoo->foreign);
	memset(zoo, 0, sizeof(*zoo));
}

static bool reserve_mappings(struct zoo *zoo)
{
	uint32_t buckets = 16;

	while (buckets < zoo->kind.mappings_max)
		buckets *= 2;
	zoo->mask = buckets - 1;
	zoo->room = zoo->kind.mappings_max;
	zoo->mapping_slots = calloc(zoo->room, sizeof(struct mapping));
	zoo->session_slots = calloc((size_t)zoo->room * SESSIONS_EACH,
				    sizeof(struct session));
	zoo->by_internal = calloc(buckets, sizeof(struct mappings));
	zoo->by_external = calloc(buckets, sizeof(struct mappings));
	zoo->by_remote = calloc(buckets, sizeof(struct sessions));
	return zoo->mapping_slots && zoo->session_slots && zoo->by_internal &&
	       zoo->by_external && zoo->by_remote;
}

static bool reserve_ports(struct zoo *zoo)
{
	const struct zoo_kind *k = &zoo->kind;

	zoo->addresses = k->addresses;
	zoo->used = calloc((size_t)k->addresses * PROTOCOLS, PORTS / 8);
	if (k->alloc == ZOO_PER_DEST)
		zoo->dests = calloc(DESTS_MAX, sizeof(*zoo->dests));
	if (k->cross_rate > 0)
		zoo->foreign = calloc(FOREIGN_MAX, sizeof(*zoo->foreign));
	if (k->alloc == ZOO_BLOCK) {
		zoo->own_subscribers =
			calloc(SUBSCRIBERS_MAX, sizeof(struct subscriber));
		zoo->foreign_subscribers =
			calloc(k->cross_subscribers, sizeof(struct subscriber));
		zoo->block_taken = calloc(k->addresses, blocks_each(k));
	}
	return zoo->used && (k->alloc != ZOO_PER_DEST || zoo->dests) &&
	       (!(k->cross_rate > 0) || zoo->foreign) &&
	       (k->alloc != ZOO_BLOCK ||
		(zoo->own_subscribers && zoo->foreign_subscribers &&
		 zoo->block_taken));
}

static bool populate(struct zoo *zoo, const struct zoo_kind *kind)
{
	struct zoo_dice where;

	zoo->kind = *kind;
	zoo->dice.state = mix(kind->seed, 1);
	zoo->cross_dice.state = mix(kind->seed, 2);
	where.state = mix(kind->seed, 3);
	if (kind->alloc == ZOO_BAND)
		zoo->band_from = kind->port_min +
				 zoo_below(&where, kind->port_max -
						   kind->port_min + 2 -
						   kind->band);
	return reserve_mappings(zoo) && reserve_ports(zoo);
}

struct zoo *zoo_new(const struct zoo_kind *kind)
{
	struct zoo *zoo = calloc(1, sizeof(*zoo));

	if (zoo && populate(zoo, kind))
		return zoo;
	zoo_free(zoo);
	return NULL;
}

void zoo_free(struct zoo *zoo)
{
	if (!zoo)
		return;
	release(zoo);
	free(zoo);
}

bool zoo_reset(struct zoo *zoo, const struct zoo_kind *kind)
{
	struct zoo_kind new = kind ? *kind : zoo->kind;

	release(zoo);
	return populate(zoo, &new);
}

const struct zoo_kind *zoo_kind_of(const struct zoo *zoo)
{
	return &zoo->kind;
}

struct zoo_counts zoo_counts(const struct zoo *zoo)
{
	return zoo->counts;
}
