#include "svc-discovery/gossip_queue.h"

#include <stdlib.h>

#include "base/alloc.h"

struct gossip_queued {
	TAILQ_ENTRY(gossip_queued) next;
	struct gossip_frame *frame;
	enum gossip_frame_kind kind;
};

void gossip_queue_init(struct gossip_queue *q)
{
	*q = (struct gossip_queue){0};
	TAILQ_INIT(&q->frames);
}

static void drop(struct gossip_queue *q, struct gossip_queued *e)
{
	TAILQ_REMOVE(&q->frames, e, next);
	q->count[e->kind]--;
	q->bytes[e->kind] -= e->frame->len;
	gossip_frame_unref(e->frame);
	free(e);
}

void gossip_queue_clear(struct gossip_queue *q)
{
	while (!TAILQ_EMPTY(&q->frames))
		drop(q, TAILQ_FIRST(&q->frames));
	q->sent = 0;
}

/* The oldest message of which nothing has been written yet. */
static struct gossip_queued *oldest_message(const struct gossip_queue *q)
{
	struct gossip_queued *e;

	TAILQ_FOREACH (e, &q->frames, next) {
		if (e->kind == GOSSIP_FRAME_MESSAGE &&
		    !(e == TAILQ_FIRST(&q->frames) && q->sent > 0))
			return e;
	}
	return NULL;
}

size_t gossip_queue_put(
    struct gossip_queue *q, struct gossip_frame *frame, enum gossip_frame_kind kind)
{
	struct gossip_queued *e;
	size_t shed = 0;

	while (kind == GOSSIP_FRAME_MESSAGE &&
	       (q->count[kind] >= GOSSIP_QUEUE_FRAMES ||
		   q->bytes[kind] + frame->len > GOSSIP_QUEUE_BYTES) &&
	       (e = oldest_message(q)) != NULL) {
		drop(q, e);
		shed++;
	}
	e = xcalloc(1, sizeof(*e));
	e->frame = gossip_frame_ref(frame);
	e->kind = kind;
	TAILQ_INSERT_TAIL(&q->frames, e, next);
	q->count[kind]++;
	q->bytes[kind] += frame->len;
	return shed;
}

struct bytes gossip_queue_next(const struct gossip_queue *q)
{
	const struct gossip_queued *e = TAILQ_FIRST(&q->frames);

	if (e == NULL)
		return (struct bytes){NULL, 0};
	return (struct bytes){e->frame->data + q->sent, e->frame->len - q->sent};
}

void gossip_queue_sent(struct gossip_queue *q, size_t n)
{
	struct gossip_queued *e = TAILQ_FIRST(&q->frames);

	if (e == NULL)
		return;
	q->sent += n;
	if (q->sent < e->frame->len)
		return;
	q->sent = 0;
	drop(q, e);
}

size_t gossip_queue_bytes(const struct gossip_queue *q)
{
	return q->bytes[GOSSIP_FRAME_CONTROL] + q->bytes[GOSSIP_FRAME_MESSAGE] - q->sent;
}
