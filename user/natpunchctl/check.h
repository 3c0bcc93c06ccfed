/* SPDX-License-Identifier: GPL-2.0 */
/*
 * natpunchctl check: what stands between this machine and its peers. A report is
 * what was found with one address family and one protocol; each file check_*.c
 * finds out a part of it and fills in that part. What could not be found out has
 * a reason instead.
 *
 * Everything is asked by STUN, in this process, without privileges.
 */
#ifndef _NATPUNCHCTL_CHECK_H
#define _NATPUNCHCTL_CHECK_H

#include "../stun/stun-socket.h"
#include "../../kernel/predict.h"
#include "natpunchctl.h"

#define CHECK_SERVERS	8
#define CHECK_TARGETS	12
#define CHECK_SOCKETS	96
#define CHECK_HOPS	16
#define CHECK_REPORTS	4
#define CHECK_GUESSES	10
#define WHY_SIZE	160

/* RFC 4787 sections 4.1 and 5; of a mapping and of a filter. */
enum behaviour {
	BEHAVIOUR_UNKNOWN,
	BEHAVIOUR_NONE,		/* a mapping's: there is no NAT */
	BEHAVIOUR_EI,
	BEHAVIOUR_AD,
	BEHAVIOUR_APD,
	BEHAVIOUR_DEPENDENT,	/* one of the two before it */
};

enum reach {
	REACH_NO_ADDRESS,	/* no server has one of this family */
	REACH_NO_ROUTE,		/* this machine has none */
	REACH_SILENCE,
	REACH_REFUSED,		/* ICMP or RST */
	REACH_NO_STUN,		/* it speaks something else */
	REACH_OK,
};

enum hairpin {
	HAIRPIN_UNKNOWN,
	HAIRPIN_NOT_APPLICABLE,
	HAIRPIN_NO,
	HAIRPIN_INTERNAL,	/* works, but shows the internal source */
	HAIRPIN_EXTERNAL,	/* RFC 4787 REQ-9a */
};

/* A server's endpoint, and what it saw of our one socket. */
struct target {
	struct sockaddr_storage to;
	struct sockaddr_storage mapped;	/* family 0: no answer */
	bool other;			/* of another server */
};

struct hop {
	struct sockaddr_storage addr;	/* family 0: silent */
	bool reached;			/* it is the server itself */
};

/* Where a NAT stands, counted as traceroute does: hop lo to hi, 0: unknown. */
struct nat_place {
	unsigned int lo, hi;
	struct sockaddr_storage addr;	/* its near side, if known */
	bool likely;			/* concluded from addresses alone */
};

struct report {
	int family;
	int protocol;
	enum reach reach;
	char reach_why[WHY_SIZE];

	const char *server;		/* as it was given */
	enum stun_dialect dialect;
	bool rfc5780;			/* it sent OTHER-ADDRESS */
	struct sockaddr_storage primary, second;	/* family 0: none */
	bool second_answers;
	uint32_t rtt;
	struct sockaddr_storage local, mapped;

	struct target target[CHECK_TARGETS];
	unsigned int n_targets;
	enum behaviour mapping;
	char mapping_why[WHY_SIZE];

	enum behaviour filtering;
	char filtering_why[WHY_SIZE];
	unsigned int filter_hop;	/* of the outermost filter; 0: unknown */
	unsigned int filter_opens;	/* hops that open it; 0: unknown */

	enum hairpin hairpin;
	char hairpin_why[WHY_SIZE];
	unsigned int hairpin_hops;	/* there and back; 0: unknown */

	unsigned int ports_seen, ports_kept, parity_kept;
	bool pooled;			/* more than one external address */

	struct hop hop[CHECK_HOPS];
	unsigned int n_hops;		/* 0: not traced */
	struct nat_place nat[CHECK_HOPS];
	unsigned int n_nats;
	bool nats_exact;
	char path_why[WHY_SIZE];

	bool lifetime_asked;
	uint32_t lifetime_min, lifetime_max;	/* seconds; 0: unknown */
	char lifetime_why[WHY_SIZE];

	struct np_predict predict;
	struct np_verdict verdict;
	struct np_answer answer;
	struct np_guess guess[CHECK_GUESSES];
	struct np_count own;		/* flows made by us */
	bool by_kernel;			/* it has said verdict and answer */

	/* what hop 1 offers */
	bool pcp, nat_pmp, asked_gateway;
};

struct server {
	const char *text;
	char host[256];
	char port[8];
	struct sockaddr_storage addr[2];	/* IPv4, IPv6; family 0: none */
};

struct check {
	struct ctl *ctl;
	int family;			/* AF_UNSPEC: both */
	int protocol;			/* 0: both */
	const char *device;
	struct sockaddr_storage bind;	/* family 0: any */
	uint16_t local_port;		/* 0: any */
	uint32_t lifetime;		/* 0: not asked */
	struct server server[CHECK_SERVERS];
	unsigned int n_servers;
	struct report report[CHECK_REPORTS];
	unsigned int n_reports;
	/* check_probe.c */
	struct stun_socket *socket[CHECK_SOCKETS];
	unsigned int n_sockets;
};

/*
 * check_probe.c: requests in straight lines of code.
 */

/**
 * struct probe - a request and what became of it
 * @mapped: what the answer tells; family 0: nothing
 * @is_old: the answer is in RFC 3489's words
 */
struct probe {
	struct stun_request req;
	struct stun_answer answer;
	struct sockaddr_storage mapped;
	uint64_t sent;
	bool is_old;
	bool done;
};

/* How long a silence has to be. */
extern const struct stun_timing timing_first;
struct stun_timing timing_of(const struct report *r);

/* A socket of the report's family, watched; false: errno is in @error. */
bool check_udp(struct check *c, const struct report *r, struct stun_socket *s,
	       uint16_t port, int *error);
bool check_tcp(struct check *c, const struct report *r, struct stun_socket *s,
	       uint16_t port, const struct sockaddr_storage *to, int *error);
void check_close(struct check *c, struct stun_socket *s);

void probe_init(struct probe *p, const struct report *r,
		const struct sockaddr_storage *to);
void probe_start(struct stun_socket *s, struct probe *p);
/* Wait until all are done. */
void probe_wait(struct check *c, struct probe *p, size_t n);
/* Start one and wait for it. True: it was answered with an endpoint. */
bool probe_ask(struct check *c, struct stun_socket *s, struct probe *p);
/* Let time pass, or until *stop. */
void check_pause(struct check *c, uint64_t ms, const bool *stop);

void check_progress(const struct check *c, const char *fmt, ...) __printf(2, 3);

uint16_t ss_port(const struct sockaddr_storage *ss);
void ss_set_port(struct sockaddr_storage *ss, uint16_t port);
bool ss_same_addr(const struct sockaddr_storage *a,
		  const struct sockaddr_storage *b);
bool ss_is_any(const struct sockaddr_storage *ss);

#define SS_SIZE		ENDPOINT_SIZE
const char *format_ss(char buf[SS_SIZE], const struct sockaddr_storage *ss);
const char *format_ss_addr(char buf[SS_SIZE],
			   const struct sockaddr_storage *ss);

/*
 * The parts of a report, in the order in which they are found out.
 */

/* check_mapping.c: @s stays open, it is the report's one socket. */
void check_mapping_udp(struct check *c, struct report *r,
		       struct stun_socket *s);
void check_tcp_report(struct check *c, struct report *r,
		      const struct report *udp);
/* A sample for the predictor and the counts of kept ports. */
void check_learn(struct report *r, const struct sockaddr_storage *local,
		 const struct probe *p);

/* check_filter.c */
void check_filtering(struct check *c, struct report *r, struct stun_socket *s);
void check_hairpin_udp(struct check *c, struct report *r);
void check_hairpin_tcp(struct check *c, struct report *r, uint16_t port);

/* check_path.c: the hops first, the NATs when all else is known. */
void check_hops(struct check *c, struct report *r);
void check_nats(struct check *c, struct report *r);
void check_gateway(struct check *c, struct report *r);

/* check_lifetime.c */
void check_lifetime(struct check *c, struct report *r);

/* check_predict.c */
void check_predict(struct report *r);

/* check_print.c */
void check_print(const struct check *c);
json_t *check_json(const struct check *c);

/* check_words.c: values to words and sentences. */
const char *behaviour_word(enum behaviour b);
const char *behaviour_json(enum behaviour b);
const char *mapping_sentence(const struct report *r);
const char *filtering_sentence(const struct report *r);
const char *hairpin_word(enum hairpin h);
const char *alloc_word(unsigned int alloc);
const char *class_word(unsigned int mapping);

/* What would help: called for each piece of advice. */
typedef void advice_fn(const char *what, const char *sentence, void *data);
void check_advice(const struct check *c, advice_fn *tell, void *data);

#endif /* _NATPUNCHCTL_CHECK_H */
