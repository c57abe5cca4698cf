/* What waits to be written to one peer. Messages are shed when the peer is slow, the oldest first;
 * what changes the mesh or the subscriptions never is. No I/O. */
#ifndef SVC_DISCOVERY_GOSSIP_QUEUE_H
#define SVC_DISCOVERY_GOSSIP_QUEUE_H

#include <stddef.h>
#include <sys/queue.h>

#include "svc-discovery/gossip_cache.h"

#define GOSSIP_QUEUE_FRAMES  64           /* messages */
#define GOSSIP_QUEUE_BYTES   (256 * 1024) /* of messages */
#define GOSSIP_QUEUE_CONTROL (64 * 1024)  /* bytes of the rest: beyond, the peer does not read */

enum gossip_frame_kind { GOSSIP_FRAME_CONTROL, GOSSIP_FRAME_MESSAGE };

struct gossip_queued;

/* Embedded by value; fields are gossip_queue.c's, except for reading. */
struct gossip_queue {
	TAILQ_HEAD(gossip_queued_list, gossip_queued) frames;
	size_t count[2], bytes[2]; /* by kind */
	size_t sent;               /* of the first frame */
};

/* Empty; and empty again, its references given back. */
void gossip_queue_init(struct gossip_queue *q);
void gossip_queue_clear(struct gossip_queue *q);

/* Appends, with a reference of its own. Returns how many older messages were shed for it. */
size_t gossip_queue_put(
    struct gossip_queue *q, struct gossip_frame *frame, enum gossip_frame_kind kind);

/* What is to be written next, lent; len 0 when there is nothing. */
struct bytes gossip_queue_next(const struct gossip_queue *q);
/* `n` bytes of that have been written. */
void gossip_queue_sent(struct gossip_queue *q, size_t n);

/* Bytes of both kinds not yet written. */
size_t gossip_queue_bytes(const struct gossip_queue *q);

#endif
