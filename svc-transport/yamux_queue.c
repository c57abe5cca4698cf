#include "svc-transport/yamux_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define CHUNK_MIN 1024 /* many small writes share one */

struct yamux_chunk {
	struct yamux_chunk *next;
	size_t cap;
	size_t off; /* first byte not yet taken */
	size_t end; /* behind the last byte held */
	uint8_t bytes[];
};

static void append(struct yamux_queue *q, const uint8_t *p, size_t n)
{
	size_t cap = n < CHUNK_MIN ? CHUNK_MIN : n;
	struct yamux_chunk *c = xmalloc(sizeof(*c) + cap);

	*c = (struct yamux_chunk){.cap = cap, .end = n};
	memcpy(c->bytes, p, n);
	if (q->last != NULL)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
}

static void copy(struct yamux_queue *q, const uint8_t *p, size_t n)
{
	struct yamux_chunk *c = q->last;
	size_t room = c == NULL ? 0 : c->cap - c->end;

	if (room > n)
		room = n;
	if (room > 0) {
		memcpy(c->bytes + c->end, p, room);
		c->end += room;
	}
	if (n > room)
		append(q, p + room, n - room);
}

void yamux_queue_put(struct yamux_queue *q, const void *p, size_t n)
{
	yamux_queue_settle(q);
	copy(q, p, n);
	q->len += n;
}

void yamux_queue_lend(struct yamux_queue *q, const void *p, size_t n)
{
	yamux_queue_settle(q);
	q->lent = (struct bytes){p, n};
	q->len += n;
}

void yamux_queue_settle(struct yamux_queue *q)
{
	if (q->lent.len > 0)
		copy(q, q->lent.data, q->lent.len);
	q->lent = (struct bytes){0};
}

static size_t take_chunk(
    struct yamux_queue *q, size_t max, struct bytes *piece, struct yamux_chunk **spent)
{
	struct yamux_chunk *c = q->first;
	size_t n = c->end - c->off < max ? c->end - c->off : max;

	*piece = (struct bytes){c->bytes + c->off, n};
	c->off += n;
	if (c->off < c->end)
		return n;
	q->first = c->next;
	if (q->first == NULL)
		q->last = NULL;
	c->next = *spent;
	*spent = c;
	return n;
}

static size_t take_lent(struct yamux_queue *q, size_t max, struct bytes *piece)
{
	size_t n = q->lent.len < max ? q->lent.len : max;

	*piece = (struct bytes){q->lent.data, n};
	q->lent.data += n;
	q->lent.len -= n;
	return n;
}

size_t yamux_queue_take(struct yamux_queue *q, size_t max, struct bytes *pieces, size_t count,
    size_t *used, struct yamux_chunk **spent)
{
	size_t total = 0;

	*used = 0;
	while (*used < count && total < max && q->len > 0) {
		struct bytes *piece = &pieces[(*used)++];
		size_t n = q->first != NULL ? take_chunk(q, max - total, piece, spent)
		                            : take_lent(q, max - total, piece);
		total += n;
		q->len -= n;
	}
	return total;
}

void yamux_queue_drop(struct yamux_queue *q, struct yamux_chunk **spent)
{
	if (q->last != NULL) {
		q->last->next = *spent;
		*spent = q->first;
	}
	*q = (struct yamux_queue){0};
}

void yamux_queue_free(struct yamux_chunk **spent)
{
	struct yamux_chunk *next;

	for (struct yamux_chunk *c = *spent; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*spent = NULL;
}
