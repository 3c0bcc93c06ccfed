/* SPDX-License-Identifier: GPL-2.0 */
/* What session*.c share. */
#ifndef _NATPUNCHD_SESSION_PRIVATE_H
#define _NATPUNCHD_SESSION_PRIVATE_H

#include "session.h"

struct service;

/* session.c */
struct session *session_new(struct daemon *d, enum session_role role,
			    struct peer *peer, const char *service);
void session_gather(struct session *s);
void session_check(struct session *s, unsigned int delay_ms);
void session_arm(struct session *s, uint64_t ms);
bool session_doomed(const struct session *s);
/* It is over: let go of the path; freed when the loop is back. */
void session_bury(struct session *s);

/* session_message.c */
int session_send(struct session *s, const char *type, json_t *body,
		 unsigned int life_s);
void session_send_offer(struct session *s);
void session_send_answer(struct session *s);
void session_send_close(struct session *s);
void session_listen(void);
/* NULL: it may be served. What may not and what is not are told alike. */
const char *session_refusal(const struct daemon *d, const struct peer *peer,
			    const struct service *service, uint8_t proto);

/* session_list.c */
const char *proto_name(uint8_t proto);
bool proto_parse(uint8_t *proto, const char *s);

#endif /* _NATPUNCHD_SESSION_PRIVATE_H */
