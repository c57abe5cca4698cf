#include "svc-discovery/lan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "svc-discovery/chance.h"

enum state {
	LAN_WAITING,  /* to be dialled at `at` */
	LAN_DIALLING, /* counts as failed at `at` */
	LAN_UP
};

/* Who spoke of peers: whoever invents some, with addresses of others, shall not have us knock at
 * all of them at once, nor without an end, nor keep us from those that are there. Kept until its
 * dials have been paid for, also when it takes back all that it said. */
struct source {
	uint64_t key;
	size_t rows, dialling;
	uint64_t spent; /* when all dials have been paid for, by gaps */
};

struct row {
	struct peer_id peer;
	struct source *source; /* NULL unless it is heard */
	bool heard;            /* otherwise it is only connected */
	enum state state;
	uint64_t at;
	uint64_t dialled; /* last; 0: never */
	uint64_t up;      /* since */
	unsigned failures;
};

struct lan {
	lan_dial_fn *dial;
	void *arg;
	uint64_t random;
	bool ready;
	struct peer_id self;
	struct map *rows;
	struct map *sources;
	size_t heard, dialling;
};

struct lan *lan_new(uint64_t seed, lan_dial_fn *dial, void *arg)
{
	struct lan *l = xcalloc(1, sizeof *l);

	l->random = seed;
	l->dial = dial;
	l->arg = arg;
	l->rows = map_new();
	l->sources = map_new();
	return l;
}

void lan_free(struct lan *l)
{
	struct source *source;
	struct row *row;

	if (l == NULL)
		return;
	MAP_FOREACH (l->rows, at, row)
		free(row);
	map_free(l->rows);
	MAP_FOREACH (l->sources, at, source)
		free(source);
	map_free(l->sources);
	free(l);
}

void lan_set_self(struct lan *l, const struct peer_id *self)
{
	l->self = *self;
	l->ready = true;
	/* It may have been heard before we knew that it was ours. */
	lan_gone(l, self);
}

static struct row *row_find(const struct lan *l, const struct peer_id *peer)
{
	return map_get(l->rows, peer->bytes, peer->len);
}

static void set_state(struct lan *l, struct row *row, enum state state, uint64_t at)
{
	size_t before = row->state == LAN_DIALLING, after = state == LAN_DIALLING;

	l->dialling += after - before;
	if (row->source != NULL)
		row->source->dialling += after - before;
	row->state = state;
	row->at = at;
}

/* --- who speaks of it --- */

static struct source *source_find(const struct lan *l, uint64_t key)
{
	return map_get(l->sources, &key, sizeof key);
}

static void source_leave(struct row *row)
{
	struct source *s = row->source;

	row->source = NULL;
	if (s == NULL)
		return;
	s->dialling -= row->state == LAN_DIALLING;
	s->rows--;
}

static void source_drop(struct lan *l, struct source *s)
{
	map_remove(l->sources, &s->key, sizeof s->key);
	free(s);
}

/* Those without peers that owe nothing any more; when there are too many, others, too. */
static void sources_sweep(struct lan *l, uint64_t now)
{
	struct source *s;

	MAP_FOREACH (l->sources, at, s)
		if (s->rows == 0 && (s->spent <= now || map_count(l->sources) > LAN_MAX))
			source_drop(l, s);
}

static void source_enter(struct lan *l, struct row *row, uint64_t key)
{
	struct source *s = source_find(l, key);

	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		s->key = key;
		map_set(l->sources, &s->key, sizeof s->key, s);
	}
	s->rows++;
	s->dialling += row->state == LAN_DIALLING;
	source_leave(row);
	row->source = s;
}

/* May it speak of one more? */
static bool source_may(const struct lan *l, uint64_t key)
{
	const struct source *s = source_find(l, key);

	return s == NULL || s->rows < LAN_SOURCE_MAX;
}

/* We first, when our id is the smaller one. */
static uint64_t head_start(const struct lan *l, const struct peer_id *peer)
{
	return peer_id_compare(&l->self, peer) < 0 ? 0 : LAN_OTHER_FIRST_MS;
}

static void retry_later(struct lan *l, struct row *row, uint64_t now)
{
	uint64_t wait = LAN_BACKOFF_MAX_MS;

	if (row->failures < 6) /* 5 s << 6 is above the maximum */
		wait = (uint64_t)LAN_BACKOFF_MS << row->failures;
	row->failures++;
	set_state(l, row, LAN_WAITING, now + wait + chance_below(&l->random, wait / 2));
}

static struct row *row_add(struct lan *l, const struct peer_id *peer)
{
	struct row *row = xcalloc(1, sizeof *row);

	row->peer = *peer;
	map_set(l->rows, peer->bytes, peer->len, row);
	return row;
}

static void row_drop(struct lan *l, struct row *row)
{
	set_state(l, row, LAN_WAITING, 0);
	source_leave(row);
	map_remove(l->rows, row->peer.bytes, row->peer.len);
	free(row);
}

static void heard_first(struct lan *l, struct row *row, uint64_t now)
{
	row->heard = true;
	l->heard++;
	if (row->state != LAN_UP)
		set_state(l, row, LAN_WAITING, now + head_start(l, &row->peer));
}

/* New addresses: sooner than the back-off would have it, but not in a row. */
static void heard_fresh(struct lan *l, struct row *row, uint64_t now)
{
	uint64_t at = now + head_start(l, &row->peer);

	if (row->dialled != 0 && at < row->dialled + LAN_FRESH_GAP_MS)
		at = row->dialled + LAN_FRESH_GAP_MS;
	if (row->state == LAN_WAITING && at < row->at)
		row->at = at;
}

void lan_heard(struct lan *l, const struct peer_id *peer, uint64_t source, bool fresh, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (l->ready && peer_id_equal(peer, &l->self))
		return;
	if ((row == NULL || !row->heard) && (l->heard == LAN_MAX || !source_may(l, source)))
		return;
	if (row == NULL)
		row = row_add(l, peer);
	source_enter(l, row, source);
	if (!row->heard)
		heard_first(l, row, now);
	else if (fresh)
		heard_fresh(l, row, now);
}

void lan_gone(struct lan *l, const struct peer_id *peer)
{
	struct row *row = row_find(l, peer);

	if (row == NULL || !row->heard)
		return;
	row->heard = false;
	source_leave(row);
	l->heard--;
	if (row->state != LAN_UP)
		row_drop(l, row);
}

void lan_up(struct lan *l, const struct peer_id *peer, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (row == NULL)
		row = row_add(l, peer);
	if (row->state == LAN_UP)
		return;
	set_state(l, row, LAN_UP, UINT64_MAX);
	row->up = now;
}

void lan_down(struct lan *l, const struct peer_id *peer, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (row == NULL || row->state != LAN_UP)
		return;
	if (!row->heard) {
		row_drop(l, row);
		return;
	}
	if (now >= row->up + LAN_STEADY_MS)
		row->failures = 0;
	retry_later(l, row, now);
}

void lan_failed(struct lan *l, const struct peer_id *peer, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (row != NULL && row->state == LAN_DIALLING)
		retry_later(l, row, now);
}

void lan_restart(struct lan *l, uint64_t now)
{
	struct row *row;

	MAP_FOREACH (l->rows, at, row) {
		if (!row->heard) {
			row_drop(l, row);
			continue;
		}
		row->failures = 0;
		set_state(l, row, LAN_WAITING, now + head_start(l, &row->peer));
	}
}

static bool has_room(const struct lan *l, const struct row *row)
{
	return l->dialling < LAN_DIALS_MAX &&
	       (row->source == NULL || row->source->dialling < LAN_SOURCE_DIALS);
}

/* When its source may have us dial the next one. */
static uint64_t paid_at(const struct row *row)
{
	const uint64_t ahead = (uint64_t)(LAN_SOURCE_BURST - 1) * LAN_SOURCE_GAP_MS;

	return row->source != NULL && row->source->spent > ahead ? row->source->spent - ahead : 0;
}

static void dial(struct lan *l, struct row *row, uint64_t now)
{
	struct source *s = row->source;

	if (s != NULL)
		s->spent = (s->spent > now ? s->spent : now) + LAN_SOURCE_GAP_MS;
	set_state(l, row, LAN_DIALLING, now + LAN_DIAL_MS);
	row->dialled = now;
	l->dial(l->arg, &row->peer);
}

uint64_t lan_run(struct lan *l, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct row *row;

	if (!l->ready)
		return UINT64_MAX;
	sources_sweep(l, now);
	MAP_FOREACH (l->rows, at, row) {
		if (row->state == LAN_DIALLING && row->at <= now)
			retry_later(l, row, now);
		if (row->state == LAN_WAITING && row->at <= now) {
			/* Whoever finds no room waits for the next answer, or this one's end. */
			if (!has_room(l, row))
				continue;
			if (paid_at(row) <= now)
				dial(l, row, now);
			else
				row->at = paid_at(row);
		}
		if (row->at < next)
			next = row->at;
	}
	return next;
}

size_t lan_count(const struct lan *l)
{
	return l->heard;
}
