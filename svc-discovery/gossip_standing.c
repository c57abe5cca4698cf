#include "svc-discovery/gossip_standing.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"

struct gossip_standings {
	struct map *peers;
	TAILQ_HEAD(standing_list, gossip_standing) by_age; /* first met first */
	size_t max;
};

struct gossip_standings *gossip_standings_new(size_t max)
{
	struct gossip_standings *t = xcalloc(1, sizeof(*t));

	t->peers = map_new();
	TAILQ_INIT(&t->by_age);
	t->max = max;
	return t;
}

static void drop(struct gossip_standings *t, struct gossip_standing *s)
{
	map_remove(t->peers, s->peer.bytes, s->peer.len);
	TAILQ_REMOVE(&t->by_age, s, by_age);
	free(s);
}

void gossip_standings_free(struct gossip_standings *t)
{
	if (t == NULL)
		return;
	while (!TAILQ_EMPTY(&t->by_age))
		drop(t, TAILQ_FIRST(&t->by_age));
	map_free(t->peers);
	free(t);
}

size_t gossip_standings_count(const struct gossip_standings *t)
{
	return map_count(t->peers);
}

struct gossip_standing *gossip_standing_find(
    const struct gossip_standings *t, const struct peer_id *peer)
{
	return map_get(t->peers, peer->bytes, peer->len);
}

/* What is lost with a row: nothing, a back-off or a few points, or that the peer is ignored. */
enum worth { WORTH_NOTHING, WORTH_A_LITTLE, WORTH_MUCH };

static enum worth worth_of(const struct gossip_standing *s, uint64_t now)
{
	if (gossip_standing_ignored(s, now))
		return WORTH_MUCH;
	if (s->score < 0)
		return WORTH_A_LITTLE;
	for (unsigned i = 0; i < GOSSIP_TOPICS_MAX; i++)
		if (gossip_standing_backs_off(s, i, now))
			return WORTH_A_LITTLE;
	return WORTH_NOTHING;
}

/* Nobody is to wash off what is known of it with a flood of names. */
static void make_room(struct gossip_standings *t, uint64_t now)
{
	struct gossip_standing *s, *least = NULL;

	if (map_count(t->peers) < t->max)
		return;
	TAILQ_FOREACH (s, &t->by_age, by_age)
		if (s->holds == 0 && (least == NULL || worth_of(s, now) < worth_of(least, now)))
			least = s;
	if (least != NULL)
		drop(t, least);
}

struct gossip_standing *gossip_standing_get(
    struct gossip_standings *t, const struct peer_id *peer, uint64_t now)
{
	struct gossip_standing *s = gossip_standing_find(t, peer);

	if (s != NULL)
		return s;
	make_room(t, now);
	s = xcalloc(1, sizeof(*s));
	s->peer = *peer;
	s->scored = now;
	map_set(t->peers, s->peer.bytes, s->peer.len, s);
	TAILQ_INSERT_TAIL(&t->by_age, s, by_age);
	return s;
}

void gossip_standing_hold(struct gossip_standing *s)
{
	s->holds++;
}

void gossip_standing_release(struct gossip_standing *s)
{
	s->holds--;
}

bool gossip_standing_ignored(const struct gossip_standing *s, uint64_t now)
{
	return now < s->ignored_until;
}

bool gossip_standing_blame(struct gossip_standing *s, int points, uint64_t now)
{
	if (gossip_standing_ignored(s, now))
		return false;
	s->score -= points;
	if (s->score > GOSSIP_SCORE_IGNORED)
		return false;
	s->ignored_until = now + GOSSIP_IGNORED_MS;
	s->score = GOSSIP_SCORE_AFTER;
	s->scored = s->ignored_until;
	return true;
}

void gossip_standing_back_off(struct gossip_standing *s, unsigned topic, uint64_t ms, uint64_t now)
{
	if (s->backoff_until[topic] < now + ms)
		s->backoff_until[topic] = now + ms;
}

bool gossip_standing_backs_off(const struct gossip_standing *s, unsigned topic, uint64_t now)
{
	return now < s->backoff_until[topic];
}

void gossip_standings_tick(struct gossip_standings *t, uint64_t now)
{
	struct gossip_standing *s, *next;

	for (s = TAILQ_FIRST(&t->by_age); s != NULL; s = next) {
		next = TAILQ_NEXT(s, by_age);
		while (s->score < 0 && now >= s->scored + GOSSIP_SCORE_DECAY_MS) {
			s->score++;
			s->scored += GOSSIP_SCORE_DECAY_MS;
		}
		if (s->score == 0)
			s->scored = now;
		if (s->holds == 0 && worth_of(s, now) == WORTH_NOTHING)
			drop(t, s);
	}
}
