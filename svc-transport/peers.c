#include "svc-transport/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "svc-transport/limits.h"

struct peers {
	struct map *by_id;
};

struct peers *peers_new(void)
{
	struct peers *ps = xcalloc(1, sizeof *ps);

	ps->by_id = map_new();
	return ps;
}

static void peer_free(struct peer *p)
{
	free(p->lanes);
	free(p);
}

void peers_free(struct peers *ps)
{
	struct peer *p;

	if (ps == NULL)
		return;
	MAP_FOREACH (ps->by_id, at, p)
		peer_free(p);
	map_free(ps->by_id);
	free(ps);
}

struct peer *peers_get(const struct peers *ps, const struct peer_id *id)
{
	return map_get(ps->by_id, id->bytes, id->len);
}

struct peer *peers_need(struct peers *ps, const struct peer_id *id)
{
	struct peer *p = peers_get(ps, id);

	if (p != NULL)
		return p;
	p = xcalloc(1, sizeof *p);
	p->id = *id;
	peer_id_to_text(id, p->text);
	map_set(ps->by_id, id->bytes, id->len, p);
	return p;
}

void peers_drop_if_idle(struct peers *ps, struct peer *p)
{
	if (p->lane_count > 0 || p->wanted)
		return;
	map_remove(ps->by_id, p->id.bytes, p->id.len);
	peer_free(p);
}

void peers_add_lane(struct peer *p, struct lane *l)
{
	p->lanes = xreallocarray(p->lanes, p->lane_count + 1, sizeof p->lanes[0]);
	p->lanes[p->lane_count++] = l;
}

void peers_remove_lane(struct peer *p, const struct lane *l)
{
	for (size_t i = 0; i < p->lane_count; i++) {
		if (p->lanes[i] != l)
			continue;
		p->lane_count--;
		memmove(p->lanes + i, p->lanes + i + 1, (p->lane_count - i) * sizeof p->lanes[0]);
		return;
	}
}

static int merit(const struct lane *l)
{
	const struct conn *c = lane_conn(l);

	if (!conn_is_open(c) || yamux_is_over(conn_yamux(c)))
		return 0;
	return lane_is_settled(l) ? 2 : 1;
}

struct lane *peers_lane(const struct peer *p)
{
	struct lane *best = NULL;

	for (size_t i = 0; i < p->lane_count; i++)
		if (merit(p->lanes[i]) > (best == NULL ? 0 : merit(best)))
			best = p->lanes[i];
	return best;
}

bool peers_may_push(struct peer *p, uint64_t now)
{
	if (now - p->pushed_at >= LIMIT_PUSHES_MS) {
		p->pushed_at = now;
		p->pushes = 0;
	}
	return ++p->pushes <= LIMIT_PUSHES;
}

struct peer *peers_next(const struct peers *ps, size_t *at)
{
	return map_next(ps->by_id, at, NULL, NULL);
}
