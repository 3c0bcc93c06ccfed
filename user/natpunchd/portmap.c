// SPDX-License-Identifier: GPL-2.0
/*
 * The lives of mappings on the upstream router; see portmap.h. Owns gw->portmaps and
 * gw->portmapper. A struct portmap whose external endpoint is gone lives on until
 * the router has taken its mapping back.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "external.h"
#include "log.h"
#include "portmap.h"
#include "portmap_request.h"
#include "saved.h"

#define LIFE_S		600	/* a router that forgets is noticed by then */
#define RENEW_MIN_S	30
#define AGAIN_S		300	/* after all have refused, or were silent */
#define SILENT_S	240	/* who was silent is not asked for so long */
#define DOUBT_MS	2000	/* between two doubts */
#define CLOSE_MS	3000
#define EPOCH_SLACK_S	2	/* RFC 6886 section 3.6 */
#define FILE_NAME	"portmap.json"

static const struct portmap_method * const methods[] = {
	&portmap_pcp, &portmap_natpmp, &portmap_upnp,
};

#define METHODS	ARRAY_SIZE(methods)

/* What is known of the router. */
struct portmapper {
	union endpoint router;
	uint64_t silent_ms[METHODS];	/* clock_ms() until when it is left out */
	uint32_t epoch[METHODS];
	uint64_t epoch_ms[METHODS];	/* clock_ms() of that; 0: not known */
	uint8_t nonce[PORTMAP_NONCE];
	char said[256];			/* the last complaint */
};

struct portmap {
	struct portmap *next;
	struct gateway *gateway;
	struct external *external;	/* NULL: it is gone */
	portmap_fn *changed;
	int proto;
	union endpoint internal;
	struct event *timer;
	unsigned int trying;		/* of the configuration's protocols */
	bool settled, renewing;
	struct portmap_request request;	/* method: NULL if none runs */

	const struct portmap_method *method;	/* NULL: there is no mapping */
	union endpoint mapped;
	uint64_t ends_ms, asked_ms;	/* clock_ms() */
	char why[256];
};

static void ask_next(struct portmap *pm);

static const char *proto_word(int proto)
{
	return proto == IPPROTO_UDP ? "udp" : "tcp";
}

static unsigned int number_of(const struct portmap_method *method)
{
	unsigned int i;

	for (i = 0; methods[i] != method; i++)
		;
	return i;
}

static const struct conf_list *wanted(const struct gateway *gw)
{
	return &gw->daemon->conf->portmap;
}

/* conf.c lets no other words through. */
static const struct portmap_method *method_of(const char *word)
{
	unsigned int i;

	for (i = 0; i < METHODS; i++)
		if (!strcmp(methods[i]->word, word))
			return methods[i];
	return NULL;
}

/*
 * PCP's servers let only him change a mapping who knows its nonce: it must
 * outlive a daemon that was killed.
 */
static void get_nonce(struct gateway *gw, uint8_t nonce[PORTMAP_NONCE])
{
	char hex[2 * PORTMAP_NONCE + 1];
	const char *saved;
	json_t *json = state_load(gw->daemon, FILE_NAME);
	size_t len;
	int err;

	saved = json_string_value(json_object_get(json, "nonce"));
	if (saved && !sodium_hex2bin(nonce, PORTMAP_NONCE, saved, strlen(saved),
				     NULL, &len, NULL) &&
	    len == PORTMAP_NONCE) {
		json_decref(json);
		return;
	}
	json_decref(json);
	randombytes_buf(nonce, PORTMAP_NONCE);
	sodium_bin2hex(hex, sizeof(hex), nonce, PORTMAP_NONCE);
	json = json_pack("{ss}", "nonce", hex);
	err = state_write(gw->daemon, FILE_NAME, json);
	if (err)
		log_warning(FILE_NAME ": %s", strerror(-err));
	json_decref(json);
}

static struct portmapper *mapper_of(struct gateway *gw)
{
	if (gw->portmapper)
		return gw->portmapper;
	gw->portmapper = calloc(1, sizeof(*gw->portmapper));
	if (gw->portmapper)
		get_nonce(gw, gw->portmapper->nonce);
	return gw->portmapper;
}

static void arm(struct portmap *pm, uint64_t ms)
{
	const struct timeval t = { .tv_sec = (time_t)(ms / 1000),
				   .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	evtimer_add(pm->timer, &t);
}

static void portmap_free(struct portmap *pm)
{
	struct portmap **link = &pm->gateway->portmaps;

	while (*link && *link != pm)
		link = &(*link)->next;
	if (*link)
		*link = pm->next;
	if (pm->request.method)
		pm->request.method->cancel(&pm->request);
	event_free(pm->timer);
	free(pm);
}

static void tell(struct portmap *pm)
{
	pm->settled = true;
	if (pm->external)
		pm->changed(pm->external);
}

/* --- what the router says -------------------------------------------------- */

/* It counts from its start on: is it younger than it must be by now? */
static void look_at_epoch(struct portmap *pm)
{
	struct portmapper *mapper = pm->gateway->portmapper;
	unsigned int i = number_of(pm->request.method);
	uint64_t now = clock_ms(), since;
	struct portmap *other;
	bool forgot = false;

	if (!pm->request.has_epoch)
		return;
	if (mapper->epoch_ms[i]) {
		since = (now - mapper->epoch_ms[i]) / 1000;
		forgot = (uint64_t)pm->request.epoch + EPOCH_SLACK_S <
			 mapper->epoch[i] + since * 7 / 8;
	}
	mapper->epoch[i] = pm->request.epoch;
	mapper->epoch_ms[i] = now;
	if (!forgot)
		return;
	log_warning("the upstream router has restarted: its mappings are asked for again");
	for (other = pm->gateway->portmaps; other; other = other->next)
		if (other != pm && other->external && other->method)
			arm(other, 0);
}

static void mapped(struct portmap *pm)
{
	const struct portmap_request *r = &pm->request;
	char to[ENDPOINT_SIZE], from[ENDPOINT_SIZE];
	bool is_new = !pm->method || !endpoint_equal(&pm->mapped, &r->external);

	pm->method = r->method;
	pm->request.method = NULL;
	pm->mapped = r->external;
	pm->renewing = false;
	pm->ends_ms = clock_ms() + (uint64_t)r->lifetime * 1000;
	arm(pm, (uint64_t)(r->lifetime > 2 * RENEW_MIN_S ? r->lifetime / 2 :
							   RENEW_MIN_S) * 1000);
	if (!is_new && pm->settled)
		return;
	log_info("the upstream router forwards %s to our %s, %s, for %u s (%s)",
		 endpoint_str(from, &pm->mapped), endpoint_str(to, &pm->internal),
		 proto_word(pm->proto), r->lifetime, pm->method->name);
	*pm->gateway->portmapper->said = '\0';
	tell(pm);
}

/* The same is not said again. */
static void complain(struct portmap *pm)
{
	struct portmapper *mapper = pm->gateway->portmapper;
	char router[ENDPOINT_SIZE];

	if (!mapper || !strcmp(mapper->said, pm->why))
		return;
	snprintf(mapper->said, sizeof(mapper->said), "%s", pm->why);
	endpoint_str(router, &mapper->router);
	router[strcspn(router, ":")] = '\0';
	log_warning("the upstream router %s forwards no port to us: %s", router,
		    pm->why);
}

static void unmapped(struct portmap *pm)
{
	bool was_mapped = pm->method;

	/* Silence is not yet the end of what was granted. */
	if (was_mapped && !*pm->why && clock_ms() < pm->ends_ms) {
		arm(pm, RENEW_MIN_S * 1000);
		return;
	}
	if (!*pm->why)
		snprintf(pm->why, sizeof(pm->why),
			 "it speaks none of the protocols in 'portmap'");
	complain(pm);
	pm->method = NULL;
	pm->renewing = false;
	arm(pm, AGAIN_S * 1000);
	if (was_mapped || !pm->settled)
		tell(pm);
}

static void note(struct portmap *pm, const char *what)
{
	size_t len = strlen(pm->why);

	snprintf(pm->why + len, sizeof(pm->why) - len, "%s%s: %s",
		 len ? "; " : "", pm->request.method->name, what);
}

/* Whatever was wrong with the one that gave it, the others are asked, too. */
static void refused(struct portmap *pm, int error)
{
	struct portmapper *mapper = pm->gateway->portmapper;
	unsigned int i = number_of(pm->request.method);

	if (error == -EACCES)
		note(pm, pm->request.why);
	else if (error != -ETIMEDOUT && error != -EPROTONOSUPPORT)
		note(pm, strerror(-error));
	else if (!pm->method)
		mapper->silent_ms[i] = clock_ms() + SILENT_S * 1000;
	pm->request.method = NULL;
	if (pm->renewing) {
		pm->renewing = false;
		pm->trying = 0;
	} else {
		pm->trying++;
	}
	ask_next(pm);
}

static void take_back(struct portmap *pm);

static void on_done(struct portmap_request *r, int error)
{
	struct portmap *pm = r->data;

	if (!error)
		look_at_epoch(pm);
	if (!pm->external) {
		if (!error) {
			pm->method = r->method;
			pm->mapped = r->external;
		}
		r->method = NULL;
		take_back(pm);
	} else if (error) {
		refused(pm, error);
	} else {
		mapped(pm);
	}
}

/* --- asking ---------------------------------------------------------------- */

static int ask(struct portmap *pm, const struct portmap_method *method)
{
	struct portmapper *mapper = pm->gateway->portmapper;
	struct portmap_request *r = &pm->request;
	int err;

	*r = (struct portmap_request){
		.gateway = pm->gateway,
		.method = method,
		.router = mapper->router,
		.proto = pm->proto,
		.internal = pm->internal,
		.external = pm->mapped,
		.lifetime = LIFE_S,
		.done = on_done,
		.data = pm,
	};
	memcpy(r->nonce, mapper->nonce, sizeof(r->nonce));
	/* The same port as here, if we have a say. */
	if (!endpoint_port(&r->external))
		endpoint_set_port(&r->external, endpoint_port(&pm->internal));
	pm->asked_ms = clock_ms();
	err = method->start(r);
	if (err) {
		note(pm, strerror(-err));
		r->method = NULL;
	}
	return err;
}

/* Another router, or none: nothing is known of it. */
static bool look_for_router(struct portmap *pm)
{
	struct portmapper *mapper = mapper_of(pm->gateway);
	union endpoint router;

	if (!mapper)
		return false;
	if (!portmap_router(pm->gateway, &router)) {
		snprintf(pm->why, sizeof(pm->why), "no route leads to one");
		return false;
	}
	if (endpoint_equal(&router, &mapper->router))
		return true;
	mapper->router = router;
	memset(mapper->silent_ms, 0, sizeof(mapper->silent_ms));
	memset(mapper->epoch_ms, 0, sizeof(mapper->epoch_ms));
	return true;
}

static void ask_next(struct portmap *pm)
{
	const struct conf_list *words = wanted(pm->gateway);
	const struct portmapper *mapper = pm->gateway->portmapper;
	const struct portmap_method *method;

	for (; pm->trying < words->n; pm->trying++) {
		method = method_of(words->item[pm->trying]);
		if (clock_ms() >= mapper->silent_ms[number_of(method)] &&
		    !ask(pm, method))
			return;
	}
	unmapped(pm);
}

static void begin(struct portmap *pm)
{
	pm->trying = 0;
	*pm->why = '\0';
	pm->renewing = pm->method;
	if (!look_for_router(pm))
		unmapped(pm);
	else if (!pm->renewing || ask(pm, pm->method))
		ask_next(pm);
}

static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct portmap *pm = data;

	(void)fd;
	(void)what;
	if (pm->external && !pm->request.method)
		begin(pm);
}

/* --- the end --------------------------------------------------------------- */

/* It is taken back, or stays until its time is over. */
static void on_taken_back(struct portmap_request *r, int error)
{
	struct portmap *pm = r->data;
	char ep[ENDPOINT_SIZE];

	if (error)
		log_debug("the upstream router does not say that it no longer forwards %s",
			  endpoint_str(ep, &pm->mapped));
	r->method = NULL;
	pm->method = NULL;
	memset(&pm->mapped, 0, sizeof(pm->mapped));
	if (pm->external)	/* it is wanted again */
		arm(pm, 0);
	else
		portmap_free(pm);
}

static void take_back(struct portmap *pm)
{
	struct portmap_request *r = &pm->request;

	if (!pm->method) {
		portmap_free(pm);
		return;
	}
	*r = (struct portmap_request){
		.gateway = pm->gateway,
		.method = pm->method,
		.router = pm->gateway->portmapper->router,
		.proto = pm->proto,
		.internal = pm->internal,
		.external = pm->mapped,
		.done = on_taken_back,
		.data = pm,
	};
	memcpy(r->nonce, pm->gateway->portmapper->nonce, sizeof(r->nonce));
	if (!pm->method->start(r))
		return;
	r->method = NULL;
	portmap_free(pm);
}

void portmap_drop(struct external *e)
{
	struct portmap *pm = e->portmap;

	e->portmap = NULL;
	if (!pm)
		return;
	pm->external = NULL;
	evtimer_del(pm->timer);
	/* What is being asked for may be granted: wait, then take it back. */
	if (!pm->request.method)
		take_back(pm);
}

void portmap_close(struct gateway *gw)
{
	const struct timeval wait = { .tv_sec = CLOSE_MS / 1000 };
	uint64_t end_ms = clock_ms() + CLOSE_MS;

	if (gw->portmaps) {
		event_base_loopexit(gw->daemon->base, &wait);
		while (gw->portmaps && clock_ms() < end_ms)
			if (event_base_loop(gw->daemon->base, EVLOOP_ONCE))
				break;
	}
	while (gw->portmaps)
		portmap_free(gw->portmaps);
	free(gw->portmapper);
	gw->portmapper = NULL;
}

/* --- for others ------------------------------------------------------------ */

static struct portmap *find_ending(const struct gateway *gw,
				   const struct external *e)
{
	struct portmap *pm;

	for (pm = gw->portmaps; pm; pm = pm->next)
		if (!pm->external && pm->proto == e->proto &&
		    endpoint_equal(&pm->internal, &e->external))
			return pm;
	return NULL;
}

static struct portmap *portmap_new(struct external *e)
{
	struct gateway *gw = e->gateway;
	struct portmap *pm = calloc(1, sizeof(*pm));

	if (!pm)
		return NULL;
	pm->timer = evtimer_new(gw->daemon->base, on_timer, pm);
	if (!pm->timer) {
		free(pm);
		return NULL;
	}
	pm->gateway = gw;
	pm->proto = e->proto;
	pm->internal = e->external;
	pm->next = gw->portmaps;
	gw->portmaps = pm;
	arm(pm, 0);
	return pm;
}

void portmap_want(struct external *e, portmap_fn *changed)
{
	if (e->portmap || !wanted(e->gateway)->n)
		return;
	e->portmap = find_ending(e->gateway, e);
	if (!e->portmap)
		e->portmap = portmap_new(e);
	if (!e->portmap)
		return;
	e->portmap->external = e;
	e->portmap->changed = changed;
	e->portmap->settled = false;
}

void portmap_moved(struct external *e)
{
	portmap_fn *changed = e->portmap ? e->portmap->changed : NULL;

	if (!changed)
		return;
	portmap_drop(e);
	portmap_want(e, changed);
}

bool portmap_is_pending(const struct external *e)
{
	return e->portmap && !e->portmap->settled;
}

const union endpoint *portmap_endpoint(const struct external *e)
{
	return e->portmap && e->portmap->method ? &e->portmap->mapped : NULL;
}

const char *portmap_protocol(const struct external *e)
{
	return e->portmap && e->portmap->method ? e->portmap->method->word :
						  NULL;
}

void portmap_doubt(struct external *e)
{
	struct portmap *pm = e->portmap;

	if (pm && pm->method && !pm->request.method &&
	    clock_ms() - pm->asked_ms >= DOUBT_MS)
		arm(pm, 0);
}

/* Where none was wanted before, the sessions' next attempts ask. */
void portmap_reload(struct gateway *gw)
{
	struct portmap *pm, *next;
	portmap_fn *changed;
	struct external *e;

	if (gw->portmapper)
		memset(gw->portmapper->silent_ms, 0,
		       sizeof(gw->portmapper->silent_ms));
	for (pm = gw->portmaps; pm; pm = next) {
		next = pm->next;
		e = pm->external;
		if (!e)
			continue;
		if (wanted(gw)->n) {
			arm(pm, 0);
			continue;
		}
		changed = pm->changed;
		portmap_drop(e);
		changed(e);
	}
}
