/* Who is in the mesh of a topic.
 * Source: libp2p specs, gossipsub v1.0 "Mesh Maintenance", "Control messages"; v1.1 "Prune
 * Backoff". */
#include <stdlib.h>

#include "base/alloc.h"
#include "svc-discovery/gossip_core.h"

#define IHAVE_IDS 1000 /* most that a heartbeat announces */

static bool in_mesh(const struct gossip_peer *p, unsigned topic)
{
	return (p->mesh & 1u << topic) != 0;
}

static size_t mesh_size(const struct gossip *g, unsigned topic)
{
	const struct gossip_peer *p;
	size_t count = 0;

	TAILQ_FOREACH (p, &g->peers, next)
		count += in_mesh(p, topic);
	return count;
}

static bool speaks_mesh(const struct gossip_peer *p, unsigned topic, uint64_t now)
{
	return gossip_send_can(p, now) && p->protocol != GOSSIP_FLOODSUB &&
	       (p->subscribed & 1u << topic) != 0;
}

static bool may_graft(const struct gossip_peer *p, unsigned topic, uint64_t now)
{
	return speaks_mesh(p, topic, now) && !in_mesh(p, topic) &&
	       !gossip_standing_backs_off(p->standing, topic, now);
}

/* Those who are to be in the mesh when they come into the topic. */
static size_t invited(const struct gossip *g, unsigned topic)
{
	const struct gossip_peer *p;
	size_t count = 0;

	TAILQ_FOREACH (p, &g->peers, next)
		count += (p->invited & 1u << topic) != 0;
	return count;
}

void gossip_mesh_graft(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	p->mesh |= 1u << topic;
	gossip_send_graft(g, p, topic, now);
}

void gossip_mesh_prune(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_ms, uint64_t now)
{
	p->mesh &= ~(1u << topic);
	gossip_standing_back_off(p->standing, topic, backoff_ms, now);
	gossip_send_prune(g, p, topic, backoff_ms, now);
}

void gossip_mesh_grafted(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	if (in_mesh(p, topic) || (p->out == GOSSIP_OUT_OPEN && p->protocol == GOSSIP_FLOODSUB))
		return;
	if (gossip_standing_backs_off(p->standing, topic, now)) {
		gossip_mesh_prune(g, p, topic, GOSSIP_PRUNE_MS, now);
		gossip_peer_blame(g, &p->id, GOSSIP_BLAME_EARLY, now);
		return;
	}
	if (mesh_size(g, topic) >= GOSSIP_D_HIGH) {
		gossip_mesh_prune(g, p, topic, GOSSIP_PRUNE_MS, now);
		return;
	}
	p->mesh |= 1u << topic;
}

void gossip_mesh_pruned(
    struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t backoff_s, uint64_t now)
{
	uint64_t ms = GOSSIP_PRUNE_MS;

	(void)g;
	if (backoff_s > GOSSIP_BACKOFF_MAX_S)
		ms = GOSSIP_BACKOFF_MAX_S * 1000;
	else if (backoff_s > 0)
		ms = backoff_s * 1000;
	p->mesh &= ~(1u << topic);
	p->invited &= ~(1u << topic);
	gossip_standing_back_off(p->standing, topic, ms, now);
}

bool gossip_mesh_invites(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	if (!gossip_send_can(p, now) || p->protocol == GOSSIP_FLOODSUB || in_mesh(p, topic) ||
	    gossip_standing_backs_off(p->standing, topic, now) ||
	    mesh_size(g, topic) + invited(g, topic) >= GOSSIP_D)
		return false;
	if ((p->subscribed & 1u << topic) != 0)
		p->mesh |= 1u << topic;
	else
		p->invited |= 1u << topic;
	return true;
}

void gossip_mesh_welcome(struct gossip *g, struct gossip_peer *p, unsigned topic, uint64_t now)
{
	/* Who was invited before it was in the topic itself has not heeded it: it hears it again.
	 */
	bool was = (p->invited & 1u << topic) != 0;

	p->invited &= ~(1u << topic);
	if (may_graft(p, topic, now) && mesh_size(g, topic) < (was ? GOSSIP_D_HIGH : GOSSIP_D))
		gossip_mesh_graft(g, p, topic, now);
}

typedef bool choose_fn(const struct gossip_peer *p, unsigned topic, uint64_t now);

/* Up to `want` peers of those chosen, at random. Returns how many; *picked is for free(3). */
static size_t pick(struct gossip *g, choose_fn *choose, unsigned topic, size_t want, uint64_t now,
    struct gossip_peer ***picked)
{
	struct gossip_peer **list = xcalloc(map_count(g->by_id), sizeof(struct gossip_peer *));
	struct gossip_peer *p;
	size_t count = 0;

	TAILQ_FOREACH (p, &g->peers, next) {
		if (choose(p, topic, now))
			list[count++] = p;
	}
	if (want > count)
		want = count;
	for (size_t i = 0; i < want; i++) {
		size_t j = i + gossip_random_below(g, count - i);
		p = list[i];
		list[i] = list[j];
		list[j] = p;
	}
	*picked = list;
	return want;
}

static bool is_member(const struct gossip_peer *p, unsigned topic, uint64_t now)
{
	(void)now;
	return in_mesh(p, topic);
}

static bool is_lazy(const struct gossip_peer *p, unsigned topic, uint64_t now)
{
	return speaks_mesh(p, topic, now) && !in_mesh(p, topic);
}

static void keep_size(struct gossip *g, unsigned topic, uint64_t now)
{
	size_t size = mesh_size(g, topic), count;
	struct gossip_peer **list;

	if (size < GOSSIP_D_LOW) {
		count = pick(g, may_graft, topic, GOSSIP_D - size, now, &list);
		for (size_t i = 0; i < count; i++)
			gossip_mesh_graft(g, list[i], topic, now);
		free(list);
	} else if (size >= GOSSIP_D_HIGH) {
		count = pick(g, is_member, topic, size - GOSSIP_D, now, &list);
		for (size_t i = 0; i < count; i++)
			gossip_mesh_prune(g, list[i], topic, GOSSIP_PRUNE_MS, now);
		free(list);
	}
}

/* Tells some of those outside the mesh which messages there were. */
static void announce(struct gossip *g, unsigned topic, uint64_t now)
{
	struct bytes ids[IHAVE_IDS];
	size_t id_count = gossip_cache_ids(g->cache, topic, ids, IHAVE_IDS);
	struct gossip_peer **list;
	size_t count, some;

	if (id_count == 0)
		return;
	count = pick(g, is_lazy, topic, GOSSIP_PEERS_MAX, now, &list);
	some = count / 4 > GOSSIP_LAZY ? count / 4 : GOSSIP_LAZY;
	if (count > some)
		count = some;
	for (size_t i = 0; i < count; i++)
		gossip_send_ihave(g, list[i], topic, ids, id_count, now);
	free(list);
}

void gossip_mesh_tick(struct gossip *g, unsigned topic, uint64_t now)
{
	keep_size(g, topic, now);
	announce(g, topic, now);
}
