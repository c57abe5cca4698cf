/* Writing to peers. */
#include "svc-discovery/gossip_core.h"

#define FRAME_MAX (GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX)

bool gossip_send_can(const struct gossip_peer *p, uint64_t now)
{
	return p->out == GOSSIP_OUT_OPEN && !gossip_standing_ignored(p->standing, now);
}

void gossip_send_closed(struct gossip_peer *p, uint64_t now)
{
	uint64_t wait = GOSSIP_REOPEN_MS;

	if (p->out == GOSSIP_OUT_OPEN && now >= p->opened + GOSSIP_REOPEN_MAX)
		p->failures = 0;
	gossip_queue_clear(&p->queue);
	p->out = GOSSIP_OUT_NONE;
	p->mesh = 0;
	p->invited = 0;
	for (unsigned i = 0; i < p->failures && wait < GOSSIP_REOPEN_MAX; i++)
		wait *= 2;
	p->failures++;
	p->reopen_at = now + (wait < GOSSIP_REOPEN_MAX ? wait : GOSSIP_REOPEN_MAX);
}

void gossip_send_flush(struct gossip *g, struct gossip_peer *p, uint64_t now)
{
	struct bytes next;

	if (p->out != GOSSIP_OUT_OPEN)
		return;
	while ((next = gossip_queue_next(&p->queue)).len > 0) {
		size_t n = g->events->send(g->arg, &p->id, next.data, next.len);
		if (n > 0)
			p->moved = now;
		gossip_queue_sent(&p->queue, n);
		if (n < next.len)
			return;
	}
	p->moved = now;
}

void gossip_send_frame(struct gossip *g, struct gossip_peer *p, struct gossip_frame *frame,
    enum gossip_frame_kind kind, uint64_t now)
{
	if (p->out != GOSSIP_OUT_OPEN)
		return;
	/* While nothing waits, nothing is stuck. */
	if (gossip_queue_bytes(&p->queue) == 0)
		p->moved = now;
	g->count.dropped += gossip_queue_put(&p->queue, frame, kind);
	gossip_send_flush(g, p, now);
	if (p->queue.bytes[GOSSIP_FRAME_CONTROL] > GOSSIP_QUEUE_CONTROL) {
		g->events->reset(g->arg, &p->id);
		gossip_send_closed(p, now);
	}
}

/* Sends what was put into `b`, which is cleared. */
static void send_buf(struct gossip *g, struct gossip_peer *p, struct buf *b,
    enum gossip_frame_kind kind, uint64_t now)
{
	struct gossip_frame *frame = gossip_frame_new(b);

	gossip_send_frame(g, p, frame, kind, now);
	gossip_frame_unref(frame);
}

void gossip_send_subscription(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	gossip_rpc_put_subscription(&b, gossip_topic_name(g, topic), g->topics[topic].joined);
	send_buf(g, p, &b, GOSSIP_FRAME_CONTROL, now);
}

void gossip_send_invitation(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	gossip_rpc_put_invitation(&b, gossip_topic_name(g, topic));
	send_buf(g, p, &b, GOSSIP_FRAME_CONTROL, now);
}

void gossip_send_graft(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	gossip_rpc_put_graft(&b, gossip_topic_name(g, topic));
	send_buf(g, p, &b, GOSSIP_FRAME_CONTROL, now);
}

void gossip_send_prune(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_ms, uint64_t now)
{
	struct buf b;

	if (p->protocol == GOSSIP_FLOODSUB)
		return;
	buf_init(&b, FRAME_MAX);
	gossip_rpc_put_prune(&b, gossip_topic_name(g, topic),
	    p->protocol == GOSSIP_MESHSUB_10 ? 0 : backoff_ms / 1000);
	send_buf(g, p, &b, GOSSIP_FRAME_CONTROL, now);
}

/* Losing an IHAVE or IWANT does no harm, so these are shed like messages. */
void gossip_send_ihave(struct gossip *g, struct gossip_peer *p, unsigned topic,
    const struct bytes *ids, size_t count, uint64_t now)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	while (count > 0) {
		size_t n = gossip_rpc_ids_fit(ids, count);
		gossip_rpc_put_ihave(&b, gossip_topic_name(g, topic), ids, n);
		send_buf(g, p, &b, GOSSIP_FRAME_MESSAGE, now);
		ids += n;
		count -= n;
	}
}

void gossip_send_iwant(
    struct gossip *g, struct gossip_peer *p, const struct bytes *ids, size_t count, uint64_t now)
{
	struct buf b;

	buf_init(&b, FRAME_MAX);
	while (count > 0) {
		size_t n = gossip_rpc_ids_fit(ids, count);
		gossip_rpc_put_iwant(&b, ids, n);
		send_buf(g, p, &b, GOSSIP_FRAME_MESSAGE, now);
		ids += n;
		count -= n;
	}
}
