/* The bytes that a yamux stream has still to send: copies in chunks, and behind them at most one
 * piece of somebody else's memory. Nothing is moved once it is in. */
#ifndef SVC_TRANSPORT_YAMUX_QUEUE_H
#define SVC_TRANSPORT_YAMUX_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct yamux_chunk;

/* Embedded by value; zeroed is empty. */
struct yamux_queue {
	struct yamux_chunk *first, *last;
	struct bytes lent;
	size_t len; /* bytes in all, lent ones included */
};

/* Appends a copy; settles first. */
void yamux_queue_put(struct yamux_queue *q, const void *p, size_t n);

/* Appends without a copy; settles first. The bytes must stay until yamux_queue_settle(). */
void yamux_queue_lend(struct yamux_queue *q, const void *p, size_t n);

/* Copies what is left of the lent bytes. */
void yamux_queue_settle(struct yamux_queue *q);

/* Takes up to `max` bytes from the front as up to `count` pieces (> 0); returns how many bytes and
 * sets *used to how many pieces. Chunks used up are put in front of *spent: the pieces are good
 * until that list is freed, and the lent bytes go away. */
size_t yamux_queue_take(struct yamux_queue *q, size_t max, struct bytes *pieces, size_t count,
    size_t *used, struct yamux_chunk **spent);

/* Empties the queue; its chunks are put in front of *spent. */
void yamux_queue_drop(struct yamux_queue *q, struct yamux_chunk **spent);

/* Frees a list of chunks and sets it to NULL. */
void yamux_queue_free(struct yamux_chunk **spent);

#endif
