/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of natpunchctl share. A verb is one file with one struct verb;
 * main.c lists them. Whatever cannot go on says so and exits: 2 where the
 * command line is wrong, 1 where the kernel refuses.
 */
#ifndef _NATPUNCHCTL_H
#define _NATPUNCHCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <natpunch.h>

#include "nearest.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __noreturn	__attribute__((noreturn))

/* An option of a verb, for getopt_long() and for the help. */
struct opt {
	const char *name;
	const char *arg;	/* NULL: none; "[=X]": optional */
	const char *help;
	int key;		/* a character: also the short option */
};

/* Keys of the options that are no characters. */
enum {
	OPT_ADDRESS = 256,
	OPT_ALLOW,
	OPT_BIND,
	OPT_EXTERNAL,
	OPT_FILTER,
	OPT_FLOWS,
	OPT_FOR,
	OPT_HOLD,
	OPT_HOST_PORTS,
	OPT_ICMP_TIMEOUT,
	OPT_INBOUND_REFRESH,
	OPT_INTERFACE,
	OPT_INTERNAL,
	OPT_LEASE,
	OPT_LIFETIME,
	OPT_LISTEN,
	OPT_LOCAL_PORT,
	OPT_NAT66,
	OPT_PORTS,
	OPT_PROTO,
	OPT_RELEASE,
	OPT_SERVER,
	OPT_STUN_PORTS,
	OPT_TCP_TIMEOUT,
	OPT_TCP_TRANSITORY,
	OPT_TO,
	OPT_UDP_TIMEOUT,
	OPT_WAN,
	OPT_WANTED,
	OPT_WITHIN,
};

struct ctl;

struct verb {
	const char *name;
	const char *args;		/* "DEV [OPTION]..." */
	const char *summary;
	const char *notes;		/* examples and the like, or NULL */
	const struct opt *options;	/* to an empty name, or NULL */
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

struct object {
	const char *name;
	const char *summary;
	const struct verb * const *verbs;	/* to NULL */
	const struct verb *usual;		/* where no verb is given */
	const struct verb *only;		/* the object is the verb */
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct ctl {
	struct natpunch *np;
	const char *netns;
	const struct object *object;
	const struct verb *verb;
	bool json;
	bool pretty;
	enum color color;
};

extern const struct verb wan_add, wan_set, wan_del, wan_show;
extern const struct verb mapping_show, mapping_flush;
extern const struct verb reserve_add, reserve_del, reserve_show;
extern const struct verb hold_show;
extern const struct verb crafted_add, crafted_del, crafted_show;
extern const struct verb crafted_auto, crafted_run;
extern const struct verb upstream_show, predict_run;
extern const struct verb stats_show, monitor_run, check_run;
extern const struct verb service_add, service_del, service_show;
extern const struct verb connect_run, connection_show, connection_del;
extern const struct verb offer_run, accept_run;
extern const struct verb peer_show, site_key, site_show;

/* options.c: one option after the other; the common ones are dealt with. */
int next_option(struct ctl *ctl, int argc, char **argv);
int next_global_option(struct ctl *ctl, int argc, char **argv);
void no_more_arguments(const struct ctl *ctl, int argc, char **argv);
const char *needed_argument(const struct ctl *ctl, int argc, char **argv,
			    const char *what);

/* help.c */
void help_all(void);
void help_object(const struct object *object);
void help_verb(const struct object *object, const struct verb *verb);
extern const struct object * const objects[];

/* words.c */
int find_word(const char *kind, const char *word, const char * const *words);

/* fail.c */
void start_messages(const struct ctl *ctl);
void usage(const char *fmt, ...) __printf(1, 2) __noreturn;
void fail(const char *fmt, ...) __printf(1, 2) __noreturn;
void warn(const char *fmt, ...) __printf(1, 2);
void fail_kernel(const struct ctl *ctl, int err) __noreturn;
void fail_unmanaged(struct ctl *ctl, const char *dev) __noreturn;
int output_status(int status);
void open_natpunch(struct ctl *ctl);
void *more(void *array, size_t n, size_t size);

/* parse.c: words to values; what is the option or argument that they are. */
bool parse_on_off(const char *what, const char *s);
uint32_t parse_seconds(const char *what, const char *s);
uint32_t parse_count(const char *what, const char *s, uint32_t min,
		     uint32_t max);
uint8_t parse_filter(const char *s, bool is_wan);
uint8_t parse_proto(const char *s, bool with_icmp);
void parse_dev(char dev[NATPUNCH_DEV_SIZE], const char *s);
void parse_ports(const char *s, uint16_t *min, uint16_t *max);
void parse_addr(const char *what, const char *s, struct natpunch_addr *addr);
void parse_prefix(const char *what, const char *s,
		  struct natpunch_prefix *prefix);

/* What an endpoint may lack. */
enum {
	NEED_ADDR = 1,
	NEED_PORT = 2,
};

void parse_endpoint(const char *what, const char *s, unsigned int need,
		    struct natpunch_addr *addr, int *port);

/* "10.0.0.2", "10.0.0.2:80", "10.0.0.2:80-90"; max 0: any port. */
void parse_local(const char *what, const char *s, struct natpunch_addr *addr,
		 uint16_t *min, uint16_t *max);

/* "10.0.0.2:80", "10.0.0.0/8", "[fd00::]/8:80", "any:80"; port 0: any. */
void parse_remote(const char *what, const char *s, uint16_t family,
		  struct natpunch_prefix *prefix, uint16_t *port);

/* crafted.c: what the verbs of crafted flows share. */
#define CRAFTED_SIZE	72

void parse_crafted(struct natpunch_crafted *flow, const char *local,
		   const char *remote);
void refuse_crafted(struct ctl *ctl, const struct natpunch_crafted *flow,
		    int err) __noreturn;
const char *format_local(char buf[CRAFTED_SIZE],
			 const struct natpunch_crafted *flow);
const char *format_remote(char buf[CRAFTED_SIZE],
			  const struct natpunch_crafted *flow);
json_t *json_crafted(const struct natpunch_crafted *flow);

/* Any object's list, read anew where it changed under the dump. */
struct crafted_list {
	struct natpunch_crafted *flow;
	size_t n;
};

struct dev_list {
	char (*dev)[NATPUNCH_DEV_SIZE];
	size_t n;
};

int read_crafted(struct ctl *ctl, struct crafted_list *list);
int read_watched(struct ctl *ctl, struct dev_list *list);

/* reserve_show.c */
void resolve_reservation(struct ctl *ctl, struct natpunch_reservation *r);

/* mapping_filter.c: what "mapping show" and "mapping flush" share. */
extern const struct opt mapping_filter_options[];
void parse_mapping_filter(struct ctl *ctl, int argc, char **argv,
			  struct natpunch_mapping *filter);

/* format.c: values to words, into buffers of these sizes. */
#define ADDR_SIZE	48
#define ENDPOINT_SIZE	56
#define DURATION_SIZE	32
#define PROTO_SIZE	12

const char *format_addr(char buf[ADDR_SIZE], const struct natpunch_addr *addr);
const char *format_endpoint(char buf[ENDPOINT_SIZE],
			    const struct natpunch_addr *addr, uint16_t port);
const char *format_duration(char buf[DURATION_SIZE], uint32_t seconds);
const char *format_proto(char buf[PROTO_SIZE], uint8_t l4proto);
const char *format_filter(unsigned int filter);
const char *format_reason(unsigned int reason);
const char *format_hold_answer(unsigned int answer);
const char *format_hold_release(unsigned int release);
const char *format_hold_state(unsigned int state);
const char *format_hold_end(unsigned int end);
const char *format_upstream_mapping(unsigned int mapping);
const char *format_upstream_alloc(unsigned int alloc);
const char *format_upstream_certainty(unsigned int certainty);
const char *format_advice(unsigned int advice);

/* upstream.c */
#define SHARE_SIZE	12
#define ALLOC_SIZE	40

double share(uint32_t p);
double per_second(uint32_t rate);
const char *format_share(char buf[SHARE_SIZE], uint32_t p);
const char *format_alloc(char buf[ALLOC_SIZE],
			 const struct natpunch_upstream *u);
json_t *json_wants(uint32_t want);
json_t *json_upstream(const struct natpunch_upstream *u);

/* output.c: JSON. What is given to them is theirs. */
void json_print(const struct ctl *ctl, json_t *value);
void json_list_begin(void);
void json_list_item(const struct ctl *ctl, json_t *value, bool first);
void json_list_end(void);
void json_line(json_t *value);
void json_add(json_t *object, const char *key, json_t *value);
json_t *json_addr(const struct natpunch_addr *addr);
json_t *json_mapping(const struct natpunch_mapping *m);
json_t *json_reservation(const struct natpunch_reservation *r);
json_t *json_hold(const struct natpunch_hold *hold);

/* output.c: colours, empty where there are none. */
enum paint { PAINT_NONE, PAINT_HEAD, PAINT_NAME, PAINT_IN, PAINT_OUT };

const char *paint(const struct ctl *ctl, enum paint paint);
const char *unpaint(const struct ctl *ctl);

/* output.c: tables. Cells come row by row; the widths follow. */
#define TABLE_COLUMNS	12

struct column {
	const char *head;
	bool right;
	enum paint paint;
};

struct table {
	const struct column *columns;
	unsigned int n;
	unsigned int width[TABLE_COLUMNS];
	unsigned int next;	/* column of the next cell */
	char *text;		/* cells, each with its NUL */
	size_t len;
	size_t size;
};

void table_begin(struct table *t, const struct column *columns, unsigned int n);
void table_cell(struct table *t, const char *fmt, ...) __printf(2, 3);
void table_end(struct table *t, const struct ctl *ctl);

#endif /* _NATPUNCHCTL_H */
