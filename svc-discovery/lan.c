#include "svc-discovery/lan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"

enum state {
	LAN_WAITING,  /* to be dialled at `at` */
	LAN_DIALLING, /* counts as failed at `at` */
	LAN_UP
};

struct row {
	struct peer_id peer;
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
	size_t dialling;
};

struct lan *lan_new(uint64_t seed, lan_dial_fn *dial, void *arg)
{
	struct lan *l = xcalloc(1, sizeof *l);

	l->random = seed | 1;
	l->dial = dial;
	l->arg = arg;
	l->rows = map_new();
	return l;
}

void lan_free(struct lan *l)
{
	struct row *row;

	if (l == NULL)
		return;
	MAP_FOREACH (l->rows, at, row)
		free(row);
	map_free(l->rows);
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

/* xorshift64: it only spreads retries. */
static uint64_t draw(struct lan *l, uint64_t below)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % below;
}

static void set_state(struct lan *l, struct row *row, enum state state, uint64_t at)
{
	l->dialling -= row->state == LAN_DIALLING;
	row->state = state;
	row->at = at;
	l->dialling += state == LAN_DIALLING;
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
	set_state(l, row, LAN_WAITING, now + wait + draw(l, wait / 2));
}

void lan_heard(struct lan *l, const struct peer_id *peer, bool fresh, uint64_t now)
{
	struct row *row = row_find(l, peer);
	uint64_t at;

	if (l->ready && peer_id_equal(peer, &l->self))
		return;
	if (row == NULL) {
		if (map_count(l->rows) == LAN_MAX)
			return;
		row = xcalloc(1, sizeof *row);
		row->peer = *peer;
		map_set(l->rows, peer->bytes, peer->len, row);
		set_state(l, row, LAN_WAITING, now + head_start(l, peer));
		return;
	}
	if (!fresh || row->state != LAN_WAITING)
		return;
	at = now + head_start(l, peer);
	if (row->dialled != 0 && at < row->dialled + LAN_FRESH_GAP_MS)
		at = row->dialled + LAN_FRESH_GAP_MS;
	if (at < row->at)
		row->at = at;
}

void lan_gone(struct lan *l, const struct peer_id *peer)
{
	struct row *row = row_find(l, peer);

	if (row == NULL)
		return;
	set_state(l, row, LAN_WAITING, 0);
	map_remove(l->rows, peer->bytes, peer->len);
	free(row);
}

void lan_up(struct lan *l, const struct peer_id *peer, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (row == NULL || row->state == LAN_UP)
		return;
	set_state(l, row, LAN_UP, UINT64_MAX);
	row->up = now;
}

void lan_down(struct lan *l, const struct peer_id *peer, uint64_t now)
{
	struct row *row = row_find(l, peer);

	if (row == NULL || row->state != LAN_UP)
		return;
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
		row->failures = 0;
		set_state(l, row, LAN_WAITING, now + head_start(l, &row->peer));
	}
}

uint64_t lan_run(struct lan *l, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct row *row;

	if (!l->ready)
		return UINT64_MAX;
	MAP_FOREACH (l->rows, at, row) {
		if (row->state == LAN_DIALLING && row->at <= now)
			retry_later(l, row, now);
		if (row->state == LAN_WAITING && row->at <= now) {
			/* Whoever finds no room waits for the next answer, or this one's end. */
			if (l->dialling == LAN_DIALS_MAX)
				continue;
			set_state(l, row, LAN_DIALLING, now + LAN_DIAL_MS);
			row->dialled = now;
			l->dial(l->arg, &row->peer);
		}
		if (row->at < next)
			next = row->at;
	}
	return next;
}

bool lan_knows(const struct lan *l, const struct peer_id *peer)
{
	return row_find(l, peer) != NULL;
}

size_t lan_count(const struct lan *l)
{
	return map_count(l->rows);
}
