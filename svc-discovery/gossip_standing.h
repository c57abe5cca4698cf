/* What is remembered of peers beyond their connections: a score, and the back-off of each topic.
 * No I/O; the time is an argument. Bounded: when the table is full, one who is not held gives
 * way: who is ignored last, before them who lost points or is in a back-off; of equals who was met
 * longest ago.
 * Source: libp2p specs, gossipsub v1.1, "Prune Backoff"; the score is our own. */
#ifndef SVC_DISCOVERY_GOSSIP_STANDING_H
#define SVC_DISCOVERY_GOSSIP_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "codec/peer_id.h"
#include "svc-discovery/gossip.h"

#define GOSSIP_SCORE_IGNORED  (-60) /* at this score the peer is ignored for GOSSIP_IGNORED_MS */
#define GOSSIP_SCORE_AFTER    (-40) /* what it starts with afterwards */
#define GOSSIP_IGNORED_MS     (5 * 60 * 1000)
#define GOSSIP_SCORE_DECAY_MS (10 * 1000) /* a point is forgiven */

/* How much the score falls. */
#define GOSSIP_BLAME_FORGED  20 /* no or wrong signature, a message that cannot be true */
#define GOSSIP_BLAME_MANGLED 20 /* an RPC that cannot be parsed */
#define GOSSIP_BLAME_EARLY   10 /* GRAFT during the back-off */
#define GOSSIP_BLAME_RELAYED 2  /* passed on what others could not know to be false */

/* Fields are gossip_standing.c's, except for reading. */
struct gossip_standing {
	TAILQ_ENTRY(gossip_standing) by_age;
	struct peer_id peer;
	int score; /* 0 is fine, less is worse */
	uint64_t scored;
	uint64_t ignored_until;
	uint64_t backoff_until[GOSSIP_TOPICS_MAX];
	unsigned holds;
};

struct gossip_standings;
struct gossip_standings *gossip_standings_new(size_t max);
void gossip_standings_free(struct gossip_standings *t); /* NULL is fine */
size_t gossip_standings_count(const struct gossip_standings *t);

/* The peer's standing, a fresh one when it is unknown. Valid until the next call that may make one,
 * or for as long as it is held. */
struct gossip_standing *gossip_standing_get(
    struct gossip_standings *t, const struct peer_id *peer, uint64_t now);
/* NULL when unknown. */
struct gossip_standing *gossip_standing_find(
    const struct gossip_standings *t, const struct peer_id *peer);
void gossip_standing_hold(struct gossip_standing *s);
void gossip_standing_release(struct gossip_standing *s);

/* Lowers the score. True when the peer is ignored from now on, and was not before. */
bool gossip_standing_blame(struct gossip_standing *s, int points, uint64_t now);
bool gossip_standing_ignored(const struct gossip_standing *s, uint64_t now);

/* The peer may not be grafted for `ms` from now; a longer back-off stays. */
void gossip_standing_back_off(struct gossip_standing *s, unsigned topic, uint64_t ms, uint64_t now);
bool gossip_standing_backs_off(const struct gossip_standing *s, unsigned topic, uint64_t now);

/* Forgives, and forgets those of whom nothing is worth remembering. */
void gossip_standings_tick(struct gossip_standings *t, uint64_t now);

#endif
