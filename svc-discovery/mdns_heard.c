#include "svc-discovery/mdns_heard.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

struct place {
	struct multiaddr addr;
	uint64_t until;
};

/* A machine that speaks of peers. */
struct source {
	uint64_t key;
	size_t rows; /* never 0 */
};

struct row {
	struct peer_id peer;
	struct source *source; /* for which it counts */
	char instance[MDNS_LABEL];
	size_t instance_len;
	uint64_t until; /* the last of its places */
	uint64_t last;  /* heard */
	uint64_t told;
	size_t count;
	struct place places[MDNS_ADDRS_MAX];
};

struct mdns_heard {
	const struct mdns_heard_events *events;
	void *arg;
	struct map *rows;     /* by peer id */
	struct map *sources;  /* by key */
	uint64_t next_expiry; /* not later than the first `until` */
};

struct mdns_heard *mdns_heard_new(const struct mdns_heard_events *events, void *arg)
{
	struct mdns_heard *h = xcalloc(1, sizeof *h);

	h->events = events;
	h->arg = arg;
	h->rows = map_new();
	h->sources = map_new();
	h->next_expiry = UINT64_MAX;
	return h;
}

void mdns_heard_free(struct mdns_heard *h)
{
	struct source *source;
	struct row *row;

	if (h == NULL)
		return;
	MAP_FOREACH (h->rows, at, row)
		free(row);
	map_free(h->rows);
	MAP_FOREACH (h->sources, at, source)
		free(source);
	map_free(h->sources);
	free(h);
}

/* --- for whom a peer counts ------------------------------------------------------------------- */

static size_t rows_of(const struct mdns_heard *h, uint64_t key)
{
	const struct source *s = map_get(h->sources, &key, sizeof key);

	return s != NULL ? s->rows : 0;
}

static void source_leave(struct mdns_heard *h, struct row *row)
{
	struct source *s = row->source;

	row->source = NULL;
	if (s == NULL || --s->rows > 0)
		return;
	map_remove(h->sources, &s->key, sizeof s->key);
	free(s);
}

static void source_enter(struct mdns_heard *h, struct row *row, uint64_t key)
{
	struct source *s = map_get(h->sources, &key, sizeof key);

	source_leave(h, row);
	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		s->key = key;
		map_set(h->sources, &s->key, sizeof s->key, s);
	}
	s->rows++;
	row->source = s;
}

/* --- peers ------------------------------------------------------------------------------------ */

static void forget(struct mdns_heard *h, struct row *row)
{
	source_leave(h, row);
	map_remove(h->rows, row->peer.bytes, row->peer.len);
	free(row);
}

static void lose(struct mdns_heard *h, struct row *row)
{
	struct peer_id peer = row->peer;

	forget(h, row);
	h->events->gone(h->arg, &peer);
}

static void make_room(struct mdns_heard *h)
{
	struct row *row, *silent = NULL;

	if (map_count(h->rows) < MDNS_HEARD_MAX)
		return;
	MAP_FOREACH (h->rows, at, row)
		if (silent == NULL || row->last < silent->last)
			silent = row;
	if (silent != NULL)
		lose(h, silent);
}

static bool same_instance(const struct row *row, const struct mdns_entry *e)
{
	return row->instance_len == e->instance_len &&
	       memcmp(row->instance, e->instance, e->instance_len) == 0;
}

static struct row *row_for(struct mdns_heard *h, const struct mdns_entry *e, uint64_t source)
{
	struct row *row = map_get(h->rows, e->peer.bytes, e->peer.len);
	size_t others = rows_of(h, source);

	if (row == NULL && others >= MDNS_HEARD_SOURCE_MAX)
		return NULL;
	if (row == NULL) {
		make_room(h);
		row = xcalloc(1, sizeof *row);
		row->peer = e->peer;
		map_set(h->rows, row->peer.bytes, row->peer.len, row);
		source_enter(h, row, source);
	} else if (row->source->key != source && others + 1 < row->source->rows) {
		source_enter(h, row, source);
	}
	/* Another name is another life of the peer: its old addresses are history. */
	if (!same_instance(row, e)) {
		row->instance_len = e->instance_len;
		memcpy(row->instance, e->instance, e->instance_len);
		row->count = 0;
		row->until = 0;
	}
	return row;
}

static struct place *place_for(struct row *row, const struct multiaddr *addr, bool *fresh)
{
	struct place *oldest = &row->places[0];

	for (size_t i = 0; i < row->count; i++) {
		if (multiaddr_equal(&row->places[i].addr, addr))
			return &row->places[i];
		if (row->places[i].until < oldest->until)
			oldest = &row->places[i];
	}
	*fresh = true;
	if (row->count < MDNS_ADDRS_MAX)
		oldest = &row->places[row->count++];
	oldest->addr = *addr;
	return oldest;
}

static void tell(const struct row *row, uint64_t now, bool fresh,
    void (*fn)(void *arg, const struct mdns_heard_peer *peer), void *arg)
{
	struct multiaddr addrs[MDNS_ADDRS_MAX];
	struct mdns_heard_peer peer = {
	    .peer = row->peer, .addrs = addrs, .fresh = fresh, .source = row->source->key};

	for (size_t i = 0; i < row->count; i++)
		if (row->places[i].until > now)
			addrs[peer.count++] = row->places[i].addr;
	peer.ttl_ms = (uint32_t)(row->until - now);
	fn(arg, &peer);
}

static void take_goodbye(struct mdns_heard *h, const struct mdns_entry *e)
{
	struct row *row;

	MAP_FOREACH (h->rows, at, row) {
		if (!same_instance(row, e))
			continue;
		lose(h, row);
		return;
	}
}

void mdns_heard_take(
    struct mdns_heard *h, const struct mdns_entry *e, uint64_t source, uint64_t now)
{
	uint64_t ttl = e->ttl < MDNS_HEARD_TTL_MAX ? e->ttl : MDNS_HEARD_TTL_MAX;
	uint64_t until = now + ttl * 1000;
	bool fresh = false;
	struct row *row;

	if (e->ttl == 0) {
		take_goodbye(h, e);
		return;
	}
	if (e->count == 0)
		return;
	row = row_for(h, e, source);
	if (row == NULL)
		return;
	for (size_t i = 0; i < e->count; i++)
		place_for(row, &e->addrs[i], &fresh)->until = until;
	if (until > row->until)
		row->until = until;
	row->last = now;
	if (row->until < h->next_expiry)
		h->next_expiry = row->until;
	if (!fresh && now < row->told + MDNS_HEARD_TELL_MS)
		return;
	row->told = now;
	tell(row, now, fresh, h->events->heard, h->arg);
}

uint64_t mdns_heard_expire(struct mdns_heard *h, uint64_t now)
{
	struct row *row;

	if (h->next_expiry > now)
		return h->next_expiry;
	h->next_expiry = UINT64_MAX;
	MAP_FOREACH (h->rows, at, row) {
		if (row->until <= now)
			lose(h, row);
		else if (row->until < h->next_expiry)
			h->next_expiry = row->until;
	}
	return h->next_expiry;
}

void mdns_heard_each(const struct mdns_heard *h, uint64_t now,
    void (*fn)(void *arg, const struct mdns_heard_peer *peer), void *arg)
{
	struct row *row;

	MAP_FOREACH (h->rows, at, row)
		if (row->until > now)
			tell(row, now, true, fn, arg);
}

size_t mdns_heard_count(const struct mdns_heard *h)
{
	return map_count(h->rows);
}
