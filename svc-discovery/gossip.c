#include "svc-discovery/gossip.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-discovery/gossip_core.h"

#define SEEN_ENTRIES  32768
#define SEEN_BYTES    (8 * 1024 * 1024)
#define ASKED_ENTRIES 8192
#define ASKED_BYTES   (2 * 1024 * 1024)
#define CACHE_ENTRIES 4096
#define CACHE_BYTES   (4 * 1024 * 1024)
#define STANDINGS     4096

struct gossip *gossip_new(const struct gossip_config *config)
{
	struct gossip *g = xcalloc(1, sizeof(*g));

	g->self = config->self;
	g->events = config->events;
	g->arg = config->arg;
	g->seqno = config->seqno;
	g->random = config->random;
	g->by_id = map_new();
	TAILQ_INIT(&g->peers);
	g->standings = gossip_standings_new(STANDINGS);
	g->seen = gossip_seen_new(GOSSIP_SEEN_MS, SEEN_ENTRIES, SEEN_BYTES);
	g->asked = gossip_seen_new(GOSSIP_ASKED_MS, ASKED_ENTRIES, ASKED_BYTES);
	g->cache = gossip_cache_new(CACHE_ENTRIES, CACHE_BYTES);
	return g;
}

void gossip_free(struct gossip *g)
{
	if (g == NULL)
		return;
	while (!TAILQ_EMPTY(&g->peers))
		gossip_peer_free(g, TAILQ_FIRST(&g->peers));
	map_free(g->by_id);
	for (unsigned i = 0; i < g->topic_count; i++)
		free(g->topics[i].name);
	gossip_standings_free(g->standings);
	gossip_seen_free(g->seen);
	gossip_seen_free(g->asked);
	gossip_cache_free(g->cache);
	free(g);
}

size_t gossip_random_below(struct gossip *g, size_t n)
{
	uint64_t z;

	/* splitmix64: no secret hangs on who is grafted. */
	g->random += 0x9e3779b97f4a7c15u;
	z = g->random;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (size_t)((z ^ z >> 31) % n);
}

/* --- topics ---------------------------------------------------------------------------------- */

struct bytes gossip_topic_name(const struct gossip *g, unsigned topic)
{
	const char *name = g->topics[topic].name;

	return (struct bytes){(const uint8_t *)name, strlen(name)};
}

int gossip_topic_find(const struct gossip *g, struct bytes name)
{
	for (unsigned i = 0; i < g->topic_count; i++) {
		struct bytes have = gossip_topic_name(g, i);
		if (have.len == name.len && memcmp(have.data, name.data, name.len) == 0)
			return (int)i;
	}
	return -1;
}

int gossip_topic_joined(const struct gossip *g, struct bytes name)
{
	int topic = gossip_topic_find(g, name);

	return topic >= 0 && g->topics[topic].joined ? topic : -1;
}

static struct bytes text_bytes(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static int topic_make(struct gossip *g, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > GOSSIP_TOPIC_MAX || g->topic_count == GOSSIP_TOPICS_MAX)
		return -1;
	g->topics[g->topic_count].name = xstrdup(name);
	return (int)g->topic_count++;
}

int gossip_join(struct gossip *g, const char *name, uint64_t now)
{
	int topic = gossip_topic_find(g, text_bytes(name));
	struct gossip_peer *p;

	if (topic < 0)
		topic = topic_make(g, name);
	if (topic < 0)
		return -1;
	if (g->topics[topic].joined)
		return 0;
	g->topics[topic].joined = true;
	TAILQ_FOREACH (p, &g->peers, next) {
		gossip_send_subscription(g, p, (unsigned)topic, now);
		gossip_peer_joined(g, p, (unsigned)topic, now);
	}
	return 0;
}

void gossip_leave(struct gossip *g, const char *name, uint64_t now)
{
	int topic = gossip_topic_joined(g, text_bytes(name));
	struct gossip_peer *p;

	if (topic < 0)
		return;
	g->topics[topic].joined = false;
	TAILQ_FOREACH (p, &g->peers, next) {
		bool member = (p->mesh & 1u << topic) != 0;
		gossip_send_subscription(g, p, (unsigned)topic, now);
		if (member)
			gossip_mesh_prune(g, p, (unsigned)topic, GOSSIP_LEAVE_MS, now);
	}
}

/* --- heartbeat ------------------------------------------------------------------------------- */

void gossip_tick(struct gossip *g, uint64_t now)
{
	struct gossip_peer *p;

	gossip_standings_tick(g->standings, now);
	gossip_seen_expire(g->seen, now);
	gossip_seen_expire(g->asked, now);
	TAILQ_FOREACH (p, &g->peers, next)
		gossip_peer_tick(g, p, now);
	for (unsigned i = 0; i < g->topic_count; i++)
		if (g->topics[i].joined)
			gossip_mesh_tick(g, i, now);
	gossip_cache_shift(g->cache);
}

/* --- own messages ---------------------------------------------------------------------------- */

uint64_t gossip_next_seqno(struct gossip *g)
{
	return ++g->seqno;
}

struct bytes gossip_message_id(const Gossip__Message *m, uint8_t out[GOSSIP_MESSAGE_ID])
{
	if (m->from.len == 0 || m->from.len > PEER_ID_MAX || m->seqno.len != GOSSIP_SEQNO)
		return (struct bytes){NULL, 0};
	memcpy(out, m->from.data, m->from.len);
	memcpy(out + m->from.len, m->seqno.data, GOSSIP_SEQNO);
	return (struct bytes){out, m->from.len + GOSSIP_SEQNO};
}

/* Beyond the spec's mesh: in a network of a few peers everybody hears it at first hand. */
static void flood(struct gossip *g, unsigned topic, struct gossip_frame *frame, uint64_t now)
{
	struct gossip_peer *p;

	TAILQ_FOREACH (p, &g->peers, next) {
		if (((p->subscribed | p->mesh) & 1u << topic) != 0 && gossip_send_can(p, now))
			gossip_send_frame(g, p, frame, GOSSIP_FRAME_MESSAGE, now);
	}
}

int gossip_publish(struct gossip *g, const char *name, uint64_t seqno, struct bytes data,
    struct bytes signature, uint64_t now)
{
	int topic = gossip_topic_joined(g, text_bytes(name));
	Gossip__Message m = GOSSIP__MESSAGE__INIT;
	uint8_t number[GOSSIP_SEQNO], raw[GOSSIP_MESSAGE_ID];
	struct gossip_frame *frame;
	struct bytes id;
	struct buf b;

	for (int i = 0; i < GOSSIP_SEQNO; i++)
		number[i] = (uint8_t)(seqno >> (8 * (GOSSIP_SEQNO - 1 - i)));
	m.has_from = m.has_data = m.has_seqno = m.has_topic = m.has_signature = true;
	m.from = pb_data(g->self.bytes, g->self.len);
	m.data = pb_data(data.data, data.len);
	m.seqno = pb_data(number, sizeof(number));
	m.topic = pb_data(name, strlen(name));
	m.signature = pb_data(signature.data, signature.len);
	buf_init(&b, GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX);
	if (topic < 0 || gossip__message__get_packed_size(&m) > GOSSIP_MESSAGE_MAX ||
	    gossip_rpc_put_message(&b, &m) != 0)
		return -1;
	id = gossip_message_id(&m, raw);
	frame = gossip_frame_new(&b);
	gossip_seen_add(g->seen, id, now);
	gossip_cache_add(g->cache, id, (unsigned)topic, frame);
	flood(g, (unsigned)topic, frame, now);
	gossip_frame_unref(frame);
	g->count.published++;
	return 0;
}

/* --- reports --------------------------------------------------------------------------------- */

struct gossip_count gossip_counted(const struct gossip *g)
{
	return g->count;
}

void gossip_each_peer(const struct gossip *g, gossip_peer_fn *fn, void *arg, uint64_t now)
{
	const struct gossip_peer *p;

	TAILQ_FOREACH (p, &g->peers, next) {
		struct gossip_peer_info info = {
		    .peer = &p->id,
		    .inbound = p->inbound,
		    .outbound = p->out == GOSSIP_OUT_OPEN,
		    .protocol = p->protocol,
		    .topics = (unsigned)__builtin_popcount(p->subscribed),
		    .meshes = (unsigned)__builtin_popcount(p->mesh),
		    .queued = gossip_queue_bytes(&p->queue),
		    .score = p->standing->score,
		    .ignored = gossip_standing_ignored(p->standing, now),
		};
		fn(arg, &info);
	}
}

size_t gossip_reach(const struct gossip *g, const char *name, uint64_t now)
{
	int topic = gossip_topic_joined(g, text_bytes(name));
	const struct gossip_peer *p;
	size_t count = 0;

	if (topic < 0)
		return 0;
	TAILQ_FOREACH (p, &g->peers, next)
		count += (p->subscribed & 1u << topic) != 0 && gossip_send_can(p, now);
	return count;
}
