/* Peers, their streams and their standing. */
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/varint.h"
#include "svc-discovery/gossip_core.h"

static void reset_inbound(struct gossip *g, struct gossip_peer *p)
{
	g->in_bytes -= buf_len(&p->in);
	buf_clear(&p->in);
}

void gossip_peer_free(struct gossip *g, struct gossip_peer *p)
{
	reset_inbound(g, p);
	gossip_queue_clear(&p->queue);
	gossip_standing_release(p->standing);
	map_remove(g->by_id, p->id.bytes, p->id.len);
	TAILQ_REMOVE(&g->peers, p, next);
	free(p);
}

static struct gossip_peer *peer_get(const struct gossip *g, const struct peer_id *id)
{
	return map_get(g->by_id, id->bytes, id->len);
}

/* The peer, made when it is unknown; NULL when there are too many. */
static struct gossip_peer *peer_make(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (p != NULL)
		return p;
	if (map_count(g->by_id) >= GOSSIP_PEERS_MAX || peer_id_equal(id, &g->self))
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->id = *id;
	p->standing = gossip_standing_get(g->standings, id, now);
	gossip_standing_hold(p->standing);
	buf_init(&p->in, GOSSIP_RPC_IN_MAX + 2 * VARINT_MAX);
	gossip_queue_init(&p->queue);
	map_set(g->by_id, p->id.bytes, p->id.len, p);
	TAILQ_INSERT_TAIL(&g->peers, p, next);
	return p;
}

static void open_stream(struct gossip *g, struct gossip_peer *p, uint64_t now)
{
	if (p->out != GOSSIP_OUT_NONE)
		return;
	p->out = GOSSIP_OUT_OPENING;
	if (g->events->open(g->arg, &p->id) != 0)
		gossip_send_closed(p, now);
}

int gossip_peer_up(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	bool known = peer_get(g, id) != NULL;
	struct gossip_peer *p = peer_make(g, id, now);

	if (p == NULL)
		return -1;
	if (!known)
		open_stream(g, p, now);
	return 0;
}

void gossip_peer_down(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	(void)now;
	if (p != NULL)
		gossip_peer_free(g, p);
}

void gossip_peer_blame(struct gossip *g, const struct peer_id *id, int points, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (!gossip_standing_blame(gossip_standing_get(g->standings, id, now), points, now))
		return;
	g->count.ignored++;
	for (unsigned i = 0; p != NULL && i < g->topic_count; i++)
		if ((p->mesh & 1u << i) != 0)
			gossip_mesh_prune(g, p, i, GOSSIP_PRUNE_MS, now);
}

void gossip_peer_joined(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	if (!g->topics[topic].joined || (p->subscribed & 1u << topic) == 0 ||
	    !gossip_send_can(p, now))
		return;
	gossip_mesh_welcome(g, p, topic, now);
	if (g->events->joined != NULL)
		g->events->joined(g->arg, &p->id, g->topics[topic].name);
}

/* --- streams --------------------------------------------------------------------------------- */

static void send_subscriptions(struct gossip *g, struct gossip_peer *p, uint64_t now)
{
	for (unsigned i = 0; i < g->topic_count; i++) {
		if (!g->topics[i].joined)
			continue;
		if (gossip_mesh_invites(g, p, i, now))
			gossip_send_invitation(g, p, i, now);
		else
			gossip_send_subscription(g, p, i, now);
	}
}

void gossip_out_opened(
    struct gossip *g, const struct peer_id *id, enum gossip_protocol protocol, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (p == NULL || p->out == GOSSIP_OUT_OPEN)
		return;
	p->out = GOSSIP_OUT_OPEN;
	p->protocol = protocol;
	p->opened = now;
	p->moved = now;
	send_subscriptions(g, p, now);
	for (unsigned i = 0; i < g->topic_count; i++)
		gossip_peer_joined(g, p, i, now);
}

void gossip_out_closed(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (p != NULL)
		gossip_send_closed(p, now);
}

void gossip_out_writable(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (p != NULL)
		gossip_send_flush(g, p, now);
}

/* What the peer said on the stream before does not count any more. */
static void forget_inbound(struct gossip *g, struct gossip_peer *p)
{
	reset_inbound(g, p);
	p->subscribed = 0;
	p->mesh = 0;
	p->invited = 0;
}

static void end_inbound(struct gossip *g, struct gossip_peer *p)
{
	forget_inbound(g, p);
	p->inbound = false;
}

int gossip_in_opened(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_make(g, id, now);
	bool again;

	if (p == NULL)
		return -1;
	again = p->heard;
	if (again)
		forget_inbound(g, p);
	p->inbound = p->heard = true;
	/* A peer that has lost its stream has also forgotten what we subscribed to. */
	if (p->out != GOSSIP_OUT_OPEN)
		open_stream(g, p, now);
	else if (again)
		send_subscriptions(g, p, now);
	return 0;
}

void gossip_in_closed(struct gossip *g, const struct peer_id *id, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	(void)now;
	if (p != NULL)
		end_inbound(g, p);
}

static void refuse_inbound(struct gossip *g, struct gossip_peer *p)
{
	g->count.over_limit++;
	end_inbound(g, p);
	g->events->refuse(g->arg, &p->id);
}

/* Room for `n` more bytes of `p`: whoever holds most of the budget gives way, so that a few large
 * RPCs that never end shut nobody out. Returns 0, or -1 when that is `p` itself. */
static int make_in_room(struct gossip *g, const struct gossip_peer *p, size_t n)
{
	while (n > GOSSIP_IN_BUDGET - g->in_bytes) {
		struct gossip_peer *other, *most = NULL;

		TAILQ_FOREACH (other, &g->peers, next)
			if (other != p &&
			    (most == NULL || buf_len(&other->in) > buf_len(&most->in)))
				most = other;
		if (most == NULL || buf_len(&most->in) < buf_len(&p->in) + n) {
			g->count.over_limit++;
			return -1;
		}
		refuse_inbound(g, most);
	}
	return 0;
}

/* The RPCs at the front of the buffer. Returns 0, or -1 when one is malformed. */
static int take_rpcs(struct gossip *g, struct gossip_peer *p, uint64_t now)
{
	struct bytes rpc;

	for (;;) {
		long used = gossip_rpc_frame(buf_data(&p->in), buf_len(&p->in), &rpc);
		if (used < 0) {
			g->count.malformed++;
			gossip_peer_blame(g, &p->id, GOSSIP_BLAME_MANGLED, now);
			return -1;
		}
		if (used == 0)
			return 0;
		if (gossip_receive(g, p, rpc, now) != 0)
			return -1;
		buf_consume(&p->in, (size_t)used);
		g->in_bytes -= (size_t)used;
		p->in_since = now;
	}
}

/* Returns 0, or -1 when the bytes make no sense or there is no room for them. */
static int take_bytes(
    struct gossip *g, struct gossip_peer *p, const uint8_t *data, size_t n, uint64_t now)
{
	while (n > 0) {
		/* More than one RPC of the largest size is never held: the buffer empties. */
		size_t room = buf_room(&p->in), part = n < room ? n : room;
		if (make_in_room(g, p, part) != 0)
			return -1;
		if (buf_len(&p->in) == 0)
			p->in_since = now;
		buf_put(&p->in, data, part);
		g->in_bytes += part;
		data += part;
		n -= part;
		if (take_rpcs(g, p, now) != 0)
			return -1;
	}
	if (buf_len(&p->in) == 0)
		buf_clear(&p->in);
	return 0;
}

int gossip_in_data(
    struct gossip *g, const struct peer_id *id, const uint8_t *data, size_t n, uint64_t now)
{
	struct gossip_peer *p = peer_get(g, id);

	if (p == NULL || !p->inbound)
		return -1;
	if (take_bytes(g, p, data, n, now) == 0)
		return 0;
	end_inbound(g, p);
	return -1;
}

/* --- heartbeat ------------------------------------------------------------------------------- */

void gossip_peer_tick(struct gossip *g, struct gossip_peer *p, uint64_t now)
{
	p->ihaves = 0;
	p->asked = 0;
	p->served = 0;
	p->verified = 0;
	if (buf_len(&p->in) > 0 && now >= p->in_since + GOSSIP_IN_MS)
		refuse_inbound(g, p);
	if (p->out == GOSSIP_OUT_OPEN && gossip_queue_bytes(&p->queue) > 0 &&
	    now >= p->moved + GOSSIP_STUCK_MS) {
		g->events->reset(g->arg, &p->id);
		gossip_send_closed(p, now);
	}
	if (p->out == GOSSIP_OUT_NONE && now >= p->reopen_at)
		open_stream(g, p, now);
}
