/* What peers send. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-discovery/gossip_core.h"

static void receive_subscription(
    struct gossip *g, struct gossip_peer *p, const Gossip__Subscription *s, uint64_t now)
{
	int topic = gossip_topic_find(g, pb_bytes(&s->topic));
	unsigned bit;

	if (topic < 0)
		return;
	bit = 1u << topic;
	if (!s->subscribe) {
		p->subscribed &= ~bit;
		p->mesh &= ~bit;
		return;
	}
	if ((p->subscribed & bit) != 0)
		return;
	p->subscribed |= bit;
	gossip_peer_joined(g, p, (unsigned)topic, now);
}

/* To the mesh and to those who know no mesh, but neither back nor to the author. */
static void relay(struct gossip *g, const struct gossip_peer *sender, const struct peer_id *author,
    unsigned topic, struct gossip_frame *frame, uint64_t now)
{
	struct gossip_peer *p;
	unsigned bit = 1u << topic;

	TAILQ_FOREACH (p, &g->peers, next) {
		bool wants = (p->mesh & bit) != 0 ||
		             (p->protocol == GOSSIP_FLOODSUB && (p->subscribed & bit) != 0);
		if (p == sender || !wants || !gossip_send_can(p, now) ||
		    peer_id_equal(&p->id, author))
			continue;
		gossip_send_frame(g, p, frame, GOSSIP_FRAME_MESSAGE, now);
		g->count.relayed++;
	}
}

/* A new message of `author`, rightly signed. */
static void accept_message(struct gossip *g, struct gossip_peer *p, const struct peer_id *author,
    unsigned topic, const Gossip__Message *m, uint64_t now)
{
	uint8_t raw[GOSSIP_MESSAGE_ID];
	struct bytes id = gossip_message_id(m, raw);
	struct gossip_frame *frame;
	struct buf b;

	gossip_seen_add(g->seen, id, now);
	g->count.received++;
	switch (
	    g->events->message(g->arg, &p->id, author, g->topics[topic].name, pb_bytes(&m->data))) {
	case GOSSIP_ACCEPT: break;
	case GOSSIP_IGNORE: return;
	case GOSSIP_REJECT:
		g->count.rejected++;
		gossip_peer_blame(g, author, GOSSIP_BLAME_FORGED, now);
		/* Other implementations pass on whatever is signed. */
		if (!peer_id_equal(&p->id, author))
			gossip_peer_blame(g, &p->id, GOSSIP_BLAME_RELAYED, now);
		return;
	}
	buf_init(&b, GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX);
	if (gossip_rpc_put_message(&b, m) != 0)
		return;
	frame = gossip_frame_new(&b);
	gossip_cache_add(g->cache, id, topic, frame);
	relay(g, p, author, topic, frame, now);
	gossip_frame_unref(frame);
}

/* Nobody has to be believed before these are left alone. */
static bool is_unwanted(struct gossip *g, const Gossip__Message *m, uint64_t now)
{
	const struct gossip_standing *s;
	struct peer_id author;

	if (peer_id_from_bytes(&author, m->from.data, m->from.len) != 0)
		return false;
	if (peer_id_equal(&author, &g->self))
		return true;
	s = gossip_standing_find(g->standings, &author);
	if (s == NULL || !gossip_standing_ignored(s, now))
		return false;
	g->count.from_ignored++;
	return true;
}

static void receive_message(
    struct gossip *g, struct gossip_peer *p, const Gossip__Message *m, uint64_t now)
{
	int topic = gossip_topic_joined(g, pb_bytes(&m->topic));
	uint8_t raw[GOSSIP_MESSAGE_ID];
	struct bytes id = gossip_message_id(m, raw);
	struct peer_id author;

	if (topic < 0 || is_unwanted(g, m, now))
		return;
	if (id.len > 0 && gossip_seen_has(g->seen, id, now)) {
		g->count.duplicates++;
		return;
	}
	if (++p->verified > GOSSIP_VERIFIED_MAX ||
	    gossip__message__get_packed_size(m) > GOSSIP_MESSAGE_MAX) {
		g->count.over_limit++;
		return;
	}
	/* Whoever passes on a message has checked its signature, or is to blame. */
	if (id.len == 0 || gossip_rpc_verify(m, &author) != 0) {
		g->count.unsigned_++;
		gossip_peer_blame(g, &p->id, GOSSIP_BLAME_FORGED, now);
		return;
	}
	accept_message(g, p, &author, (unsigned)topic, m, now);
}

/* The ids of an IHAVE that are worth asking for, appended to `ids`. */
static size_t collect_unknown(struct gossip *g, struct gossip_peer *p, const Gossip__Ihave *ihave,
    struct bytes *ids, size_t count, uint64_t now)
{
	if (gossip_topic_joined(g, pb_bytes(&ihave->topic)) < 0)
		return count;
	for (size_t i = 0; i < ihave->n_ids; i++) {
		struct bytes id = pb_bytes(&ihave->ids[i]);
		if (p->asked >= GOSSIP_ASKED_MAX) {
			g->count.over_limit += ihave->n_ids - i;
			break;
		}
		if (id.len == 0 || id.len > GOSSIP_ID_MAX || gossip_seen_has(g->seen, id, now) ||
		    !gossip_seen_add(g->asked, id, now))
			continue;
		p->asked++;
		ids[count++] = id;
	}
	return count;
}

static void receive_ihave(
    struct gossip *g, struct gossip_peer *p, const Gossip__Control *c, uint64_t now)
{
	struct bytes ids[GOSSIP_ASKED_MAX];
	size_t count = 0;

	if (c->n_ihave == 0 || p->out != GOSSIP_OUT_OPEN)
		return;
	if (++p->ihaves > GOSSIP_IHAVES_MAX) {
		g->count.over_limit++;
		return;
	}
	for (size_t i = 0; i < c->n_ihave; i++)
		count = collect_unknown(g, p, c->ihave[i], ids, count, now);
	gossip_send_iwant(g, p, ids, count, now);
}

static void receive_iwant(
    struct gossip *g, struct gossip_peer *p, const Gossip__Iwant *iwant, uint64_t now)
{
	for (size_t i = 0; i < iwant->n_ids; i++) {
		struct gossip_frame *frame;
		if (p->served >= GOSSIP_SERVED_IDS) {
			g->count.over_limit += iwant->n_ids - i;
			return;
		}
		frame = gossip_cache_serve(g->cache, pb_bytes(&iwant->ids[i]), &p->id);
		if (frame == NULL)
			continue;
		p->served++;
		g->count.served++;
		gossip_send_frame(g, p, frame, GOSSIP_FRAME_MESSAGE, now);
	}
}

static void receive_control(
    struct gossip *g, struct gossip_peer *p, const Gossip__Control *c, uint64_t now)
{
	int topic;

	for (size_t i = 0; i < c->n_graft && !gossip_standing_ignored(p->standing, now); i++) {
		topic = gossip_topic_joined(g, pb_bytes(&c->graft[i]->topic));
		if (topic >= 0)
			gossip_mesh_grafted(g, p, (unsigned)topic, now);
	}
	for (size_t i = 0; i < c->n_prune; i++) {
		topic = gossip_topic_joined(g, pb_bytes(&c->prune[i]->topic));
		if (topic >= 0)
			gossip_mesh_pruned(g, p, (unsigned)topic, c->prune[i]->backoff, now);
	}
	if (gossip_standing_ignored(p->standing, now))
		return;
	receive_ihave(g, p, c, now);
	for (size_t i = 0; i < c->n_iwant; i++)
		receive_iwant(g, p, c->iwant[i], now);
}

int gossip_receive(struct gossip *g, struct gossip_peer *p, struct bytes rpc, uint64_t now)
{
	struct pb pb;
	Gossip__Rpc *m = gossip_rpc_parse(&pb, rpc);

	if (m == NULL) {
		g->count.malformed++;
		gossip_peer_blame(g, &p->id, GOSSIP_BLAME_MANGLED, now);
		return -1;
	}
	/* Subscriptions count even of a peer that is ignored: it will not repeat them. */
	for (size_t i = 0; i < m->n_subscriptions; i++)
		receive_subscription(g, p, m->subscriptions[i], now);
	for (size_t i = 0; i < m->n_publish && !gossip_standing_ignored(p->standing, now); i++)
		receive_message(g, p, m->publish[i], now);
	if (m->control != NULL && !gossip_standing_ignored(p->standing, now))
		receive_control(g, p, m->control, now);
	gossip_rpc_free(&pb, m);
	return 0;
}
