#include "svc-discovery/sightings.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"

struct sighting {
	struct peer_id peer;
	uint32_t by; /* a bit for each server */
};

struct sightings {
	struct map *peers;
};

struct sightings *sightings_new(void)
{
	struct sightings *t = xcalloc(1, sizeof *t);

	t->peers = map_new();
	return t;
}

void sightings_free(struct sightings *t)
{
	struct sighting *s;

	if (t == NULL)
		return;
	MAP_FOREACH (t->peers, at, s)
		free(s);
	map_free(t->peers);
	free(t);
}

static struct sighting *find(const struct sightings *t, const struct peer_id *peer)
{
	return map_get(t->peers, peer->bytes, peer->len);
}

void sightings_see(struct sightings *t, const struct peer_id *peer, unsigned server)
{
	struct sighting *s = find(t, peer);

	if (s == NULL) {
		if (map_count(t->peers) == SIGHTINGS_MAX)
			return;
		s = xcalloc(1, sizeof *s);
		s->peer = *peer;
		map_set(t->peers, peer->bytes, peer->len, s);
	}
	s->by |= UINT32_C(1) << server;
}

void sightings_forget(struct sightings *t, const struct peer_id *peer)
{
	free(map_remove(t->peers, peer->bytes, peer->len));
}

bool sightings_unsee(struct sightings *t, const struct peer_id *peer, unsigned server)
{
	struct sighting *s = find(t, peer);

	if (s == NULL)
		return true;
	s->by &= ~(UINT32_C(1) << server);
	if (s->by != 0)
		return false;
	sightings_forget(t, peer);
	return true;
}

void sightings_clear(struct sightings *t, unsigned server)
{
	const struct peer_id *peer;

	for (size_t at = 0; (peer = sightings_next(t, &at, server)) != NULL;) {
		struct peer_id copy = *peer;

		sightings_unsee(t, &copy, server);
	}
}

bool sightings_any(const struct sightings *t, const struct peer_id *peer)
{
	return find(t, peer) != NULL;
}

const struct peer_id *sightings_next(const struct sightings *t, size_t *at, unsigned server)
{
	const struct sighting *s;

	while ((s = map_next(t->peers, at, NULL, NULL)) != NULL)
		if (s->by & UINT32_C(1) << server)
			return &s->peer;
	return NULL;
}
