/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packets that our table's rules hand to us (NFQUEUE): clients' first SYNs,
 * and answers that are watched for. Each waits in the kernel until it has its
 * verdict; there may be QUEUE_MAX of them, more are dropped.
 */
#ifndef _NATPUNCHD_QUEUE_H
#define _NATPUNCHD_QUEUE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUEUE_MAX	1024

enum queue_verdict {
	QUEUE_DROP,
	QUEUE_LET_GO,		/* on, past the rule that queued it */
	QUEUE_AGAIN,		/* through the rules once more */
};

struct queue;

/** typedef queue_fn - a packet, from its IP header on; @id is for the verdict. */
typedef void queue_fn(void *data, uint32_t id, const uint8_t *packet,
		      size_t len);

int queue_open(struct queue **q, struct event_base *base, unsigned int number,
	       queue_fn *fn, void *data);
/** queue_close() - what waits goes on. No more may come. NULL is allowed. */
void queue_close(struct queue *q);
int queue_verdict(struct queue *q, uint32_t id, enum queue_verdict verdict);

/** queues_open() - a list of all queues of the network namespace; for root. -1 */
int queues_open(void);
/** queues_are_empty() - all of them, whosoever they are? If @list is -1: no. */
bool queues_are_empty(int list);

#endif /* _NATPUNCHD_QUEUE_H */
