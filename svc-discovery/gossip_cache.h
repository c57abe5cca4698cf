/* What gossip remembers of messages: which ids were seen, and the messages of the last heartbeats.
 * No I/O; the time is an argument.
 * Source: libp2p specs, gossipsub v1.0, "Message Cache"; pubsub, seen cache. */
#ifndef SVC_DISCOVERY_GOSSIP_CACHE_H
#define SVC_DISCOVERY_GOSSIP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/peer_id.h"

/* A set of ids, each forgotten `ttl` after it came in, not refreshed. When it is full the oldest
 * gives way. */
struct gossip_seen;
struct gossip_seen *gossip_seen_new(uint64_t ttl_ms, size_t max_entries, size_t max_bytes);
void gossip_seen_free(struct gossip_seen *s); /* NULL is fine */

/* True when the id is new; it is in the set afterwards. */
bool gossip_seen_add(struct gossip_seen *s, struct bytes id, uint64_t now);
bool gossip_seen_has(const struct gossip_seen *s, struct bytes id, uint64_t now);
void gossip_seen_expire(struct gossip_seen *s, uint64_t now);
size_t gossip_seen_count(const struct gossip_seen *s);

/* A serialised RPC, shared by the queues of many peers and by the cache. */
struct gossip_frame {
	unsigned refs;
	size_t len;
	uint8_t data[];
};

/* Takes the bytes out of `b`, which is cleared. One reference is the caller's. */
struct gossip_frame *gossip_frame_new(struct buf *b);
struct gossip_frame *gossip_frame_ref(struct gossip_frame *f);
void gossip_frame_unref(struct gossip_frame *f); /* NULL is fine */

/* Messages of the last GOSSIP_HISTORY heartbeats, bounded in number and bytes (when full the oldest
 * gives way). */
#define GOSSIP_HISTORY       5
#define GOSSIP_HISTORY_SHOWN 3 /* windows that are announced by IHAVE */
#define GOSSIP_SERVED_MAX    3 /* times that one peer gets the same message by IWANT */

struct gossip_cache;
struct gossip_cache *gossip_cache_new(size_t max_entries, size_t max_bytes);
void gossip_cache_free(struct gossip_cache *c); /* NULL is fine */

/* Remembers a message in the present window; takes a reference of its own. Nothing happens when the
 * id is there already. `topic` is the caller's number for it. */
void gossip_cache_add(
    struct gossip_cache *c, struct bytes id, unsigned topic, struct gossip_frame *frame);

/* The message, lent, for a peer that asked for it; NULL when it is not there or the peer had it
 * GOSSIP_SERVED_MAX times. */
struct gossip_frame *gossip_cache_serve(
    struct gossip_cache *c, struct bytes id, const struct peer_id *peer);

/* Up to `max` ids of a topic in the shown windows, newest first, lent until the next change.
 * Returns their number. */
size_t gossip_cache_ids(
    const struct gossip_cache *c, unsigned topic, struct bytes *ids, size_t max);

/* A heartbeat: begins a window and forgets the oldest one. */
void gossip_cache_shift(struct gossip_cache *c);

/* Messages held. */
size_t gossip_cache_count(const struct gossip_cache *c);

#endif
