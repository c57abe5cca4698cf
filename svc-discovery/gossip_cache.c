#include "svc-discovery/gossip_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/map.h"

/* What an entry costs beside its id, as far as bounds are concerned. */
#define ENTRY_COST 128

/* --- seen ids ------------------------------------------------------------------------------- */

struct seen_entry {
	TAILQ_ENTRY(seen_entry) by_age;
	uint64_t until;
	size_t len;
	uint8_t id[];
};

struct gossip_seen {
	struct map *ids;
	TAILQ_HEAD(seen_list, seen_entry) by_age; /* oldest first */
	uint64_t ttl;
	size_t max_entries, max_bytes, bytes;
};

struct gossip_seen *gossip_seen_new(uint64_t ttl_ms, size_t max_entries, size_t max_bytes)
{
	struct gossip_seen *s = xcalloc(1, sizeof(*s));

	s->ids = map_new();
	TAILQ_INIT(&s->by_age);
	s->ttl = ttl_ms;
	s->max_entries = max_entries;
	s->max_bytes = max_bytes;
	return s;
}

static void seen_drop(struct gossip_seen *s, struct seen_entry *e)
{
	map_remove(s->ids, e->id, e->len);
	TAILQ_REMOVE(&s->by_age, e, by_age);
	s->bytes -= ENTRY_COST + e->len;
	free(e);
}

void gossip_seen_free(struct gossip_seen *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->by_age))
		seen_drop(s, TAILQ_FIRST(&s->by_age));
	map_free(s->ids);
	free(s);
}

bool gossip_seen_has(const struct gossip_seen *s, struct bytes id, uint64_t now)
{
	const struct seen_entry *e = map_get(s->ids, id.data, id.len);

	return e != NULL && now < e->until;
}

void gossip_seen_expire(struct gossip_seen *s, uint64_t now)
{
	struct seen_entry *e;

	while ((e = TAILQ_FIRST(&s->by_age)) != NULL && now >= e->until)
		seen_drop(s, e);
}

bool gossip_seen_add(struct gossip_seen *s, struct bytes id, uint64_t now)
{
	struct seen_entry *e;
	size_t cost = ENTRY_COST + id.len;

	gossip_seen_expire(s, now);
	if (map_get(s->ids, id.data, id.len) != NULL)
		return false;
	while ((e = TAILQ_FIRST(&s->by_age)) != NULL &&
	       (map_count(s->ids) >= s->max_entries || s->bytes + cost > s->max_bytes))
		seen_drop(s, e);
	e = xmalloc(sizeof(*e) + id.len);
	e->until = now + s->ttl;
	e->len = id.len;
	memcpy(e->id, id.data, id.len);
	map_set(s->ids, e->id, e->len, e);
	TAILQ_INSERT_TAIL(&s->by_age, e, by_age);
	s->bytes += cost;
	return true;
}

size_t gossip_seen_count(const struct gossip_seen *s)
{
	return map_count(s->ids);
}

/* --- frames --------------------------------------------------------------------------------- */

struct gossip_frame *gossip_frame_new(struct buf *b)
{
	struct gossip_frame *f = xmalloc(sizeof(*f) + buf_len(b));

	f->refs = 1;
	f->len = buf_len(b);
	memcpy(f->data, buf_data(b), f->len);
	buf_clear(b);
	return f;
}

struct gossip_frame *gossip_frame_ref(struct gossip_frame *f)
{
	f->refs++;
	return f;
}

void gossip_frame_unref(struct gossip_frame *f)
{
	if (f != NULL && --f->refs == 0)
		free(f);
}

/* --- messages ------------------------------------------------------------------------------- */

/* How often a peer was given the message. */
struct served {
	struct peer_id peer;
	unsigned times;
};

struct entry {
	TAILQ_ENTRY(entry) by_age;
	uint64_t window; /* number of the heartbeat in which it came */
	unsigned topic;
	struct gossip_frame *frame;
	struct served *served;
	size_t served_count;
	size_t len;
	uint8_t id[];
};

struct gossip_cache {
	struct map *ids;
	TAILQ_HEAD(entry_list, entry) by_age; /* newest first */
	uint64_t window;
	size_t max_entries, max_bytes, bytes;
};

struct gossip_cache *gossip_cache_new(size_t max_entries, size_t max_bytes)
{
	struct gossip_cache *c = xcalloc(1, sizeof(*c));

	c->ids = map_new();
	TAILQ_INIT(&c->by_age);
	c->max_entries = max_entries;
	c->max_bytes = max_bytes;
	return c;
}

static void drop(struct gossip_cache *c, struct entry *e)
{
	map_remove(c->ids, e->id, e->len);
	TAILQ_REMOVE(&c->by_age, e, by_age);
	c->bytes -= ENTRY_COST + e->len + e->frame->len;
	gossip_frame_unref(e->frame);
	free(e->served);
	free(e);
}

void gossip_cache_free(struct gossip_cache *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->by_age))
		drop(c, TAILQ_FIRST(&c->by_age));
	map_free(c->ids);
	free(c);
}

void gossip_cache_add(
    struct gossip_cache *c, struct bytes id, unsigned topic, struct gossip_frame *frame)
{
	size_t cost = ENTRY_COST + id.len + frame->len;
	struct entry *e;

	if (cost > c->max_bytes || map_get(c->ids, id.data, id.len) != NULL)
		return;
	while (map_count(c->ids) >= c->max_entries || c->bytes + cost > c->max_bytes)
		drop(c, TAILQ_LAST(&c->by_age, entry_list));
	e = xcalloc(1, sizeof(*e) + id.len);
	e->window = c->window;
	e->topic = topic;
	e->frame = gossip_frame_ref(frame);
	e->len = id.len;
	memcpy(e->id, id.data, id.len);
	map_set(c->ids, e->id, e->len, e);
	TAILQ_INSERT_HEAD(&c->by_age, e, by_age);
	c->bytes += cost;
}

static struct served *served_of(struct entry *e, const struct peer_id *peer)
{
	for (size_t i = 0; i < e->served_count; i++)
		if (peer_id_equal(&e->served[i].peer, peer))
			return &e->served[i];
	e->served = xreallocarray(e->served, e->served_count + 1, sizeof(*e->served));
	e->served[e->served_count] = (struct served){.peer = *peer};
	return &e->served[e->served_count++];
}

struct gossip_frame *gossip_cache_serve(
    struct gossip_cache *c, struct bytes id, const struct peer_id *peer)
{
	struct entry *e = map_get(c->ids, id.data, id.len);
	struct served *served;

	if (e == NULL)
		return NULL;
	served = served_of(e, peer);
	if (served->times >= GOSSIP_SERVED_MAX)
		return NULL;
	served->times++;
	return e->frame;
}

size_t gossip_cache_ids(const struct gossip_cache *c, unsigned topic, struct bytes *ids, size_t max)
{
	const struct entry *e;
	size_t count = 0;

	TAILQ_FOREACH (e, &c->by_age, by_age) {
		if (count == max || c->window - e->window >= GOSSIP_HISTORY_SHOWN)
			break;
		if (e->topic == topic)
			ids[count++] = (struct bytes){e->id, e->len};
	}
	return count;
}

void gossip_cache_shift(struct gossip_cache *c)
{
	struct entry *e;

	c->window++;
	while ((e = TAILQ_LAST(&c->by_age, entry_list)) != NULL &&
	       c->window - e->window >= GOSSIP_HISTORY)
		drop(c, e);
}

size_t gossip_cache_count(const struct gossip_cache *c)
{
	return map_count(c->ids);
}
