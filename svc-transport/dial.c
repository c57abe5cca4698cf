#include "svc-transport/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "svc-transport/limits.h"

enum attempt_state { WAITING, TRYING, FAILED };

struct attempt {
	enum attempt_state state;
	struct multiaddr addr;
	void *handle;      /* TRYING */
	uint64_t deadline; /* TRYING */
	char why[DIAL_WHY];
};

struct dial {
	struct peer_id peer;
	size_t count;
	uint64_t next_at; /* the next address may begin */
	struct attempt attempts[LIMIT_DIAL_ADDRS];
};

/* What is held against one address of one peer. By peer, too: somebody else's false claim to an
 * address must not keep us from its true owner. */
struct grudge {
	uint64_t until;
	unsigned failures;
	char why[DIAL_WHY];
};

struct dialer {
	const struct dial_io *io;
	void *arg;
	struct map *dials;   /* struct dial by peer id */
	struct map *grudges; /* struct grudge by peer id and address */
};

struct dialer *dialer_new(const struct dial_io *io, void *arg)
{
	struct dialer *d = xcalloc(1, sizeof *d);

	d->io = io;
	d->arg = arg;
	d->dials = map_new();
	d->grudges = map_new();
	return d;
}

static void abort_tries(struct dialer *d, struct dial *dial, const void *except)
{
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];

		if (a->state == TRYING && a->handle != except)
			d->io->abort(d->arg, a->handle);
	}
}

void dialer_free(struct dialer *d)
{
	struct dial *dial;
	struct grudge *grudge;

	if (d == NULL)
		return;
	MAP_FOREACH (d->dials, at, dial) {
		abort_tries(d, dial, NULL);
		free(dial);
	}
	MAP_FOREACH (d->grudges, at, grudge)
		free(grudge);
	map_free(d->dials);
	map_free(d->grudges);
	free(d);
}

/* ------------------------------------------------------------------------------------- grudges */

#define GRUDGE_KEY (1 + PEER_ID_MAX + MULTIADDR_MAX)

static size_t grudge_key(
    const struct peer_id *peer, const struct multiaddr *addr, uint8_t key[GRUDGE_KEY])
{
	key[0] = peer->len;
	memcpy(key + 1, peer->bytes, peer->len);
	memcpy(key + 1 + peer->len, addr->bytes, addr->len);
	return 1 + (size_t)peer->len + addr->len;
}

static struct grudge *grudge_get(
    const struct dialer *d, const struct peer_id *peer, const struct multiaddr *addr)
{
	uint8_t key[GRUDGE_KEY];

	return map_get(d->grudges, key, grudge_key(peer, addr, key));
}

static void grudge_drop(struct dialer *d, const struct peer_id *peer, const struct multiaddr *addr)
{
	uint8_t key[GRUDGE_KEY];

	free(map_remove(d->grudges, key, grudge_key(peer, addr, key)));
}

/* Makes room: all that have run out long enough, or else the one that runs out first. */
static void grudges_sweep(struct dialer *d, uint64_t now)
{
	const void *key, *soonest = NULL;
	size_t at = 0, len, soonest_len = 0;
	uint64_t until = UINT64_MAX;
	struct grudge *g;

	while ((g = map_next(d->grudges, &at, &key, &len)) != NULL) {
		if (g->until + LIMIT_BACKOFF_LAST_MS <= now) {
			free(map_remove(d->grudges, key, len));
		} else if (g->until < until) {
			until = g->until;
			soonest = key;
			soonest_len = len;
		}
	}
	if (map_count(d->grudges) >= LIMIT_BACKOFF_ROWS)
		free(map_remove(d->grudges, soonest, soonest_len));
}

static void grudge_add(struct dialer *d, const struct peer_id *peer, const struct multiaddr *addr,
    const char *why, uint64_t now)
{
	struct grudge *g = grudge_get(d, peer, addr);
	uint64_t wait = LIMIT_BACKOFF_FIRST_MS;
	uint8_t key[GRUDGE_KEY];

	if (g == NULL) {
		if (map_count(d->grudges) >= LIMIT_BACKOFF_ROWS)
			grudges_sweep(d, now);
		g = xcalloc(1, sizeof *g);
		map_set(d->grudges, key, grudge_key(peer, addr, key), g);
	}
	for (unsigned i = 0; i < g->failures && wait < LIMIT_BACKOFF_LAST_MS; i++)
		wait *= 2;
	g->until = now + (wait < LIMIT_BACKOFF_LAST_MS ? wait : LIMIT_BACKOFF_LAST_MS);
	g->failures++;
	str_copy(g->why, sizeof g->why, why);
}

void dialer_forgive(
    struct dialer *d, const struct peer_id *peer, const struct multiaddr *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct multiaddr addr = addrs[i];

		multiaddr_strip_peer(&addr);
		grudge_drop(d, peer, &addr);
	}
}

/* --------------------------------------------------------------------------------------- dials */

static struct dial *dial_get(const struct dialer *d, const struct peer_id *peer)
{
	return map_get(d->dials, peer->bytes, peer->len);
}

static void dial_add(struct dial *dial, const struct multiaddr *addr)
{
	for (size_t i = 0; i < dial->count; i++)
		if (multiaddr_equal(&dial->attempts[i].addr, addr))
			return;
	if (dial->count < LIMIT_DIAL_ADDRS)
		dial->attempts[dial->count++] = (struct attempt){.addr = *addr};
}

int dialer_start(struct dialer *d, const struct peer_id *peer, const struct multiaddr *addrs,
    size_t count, uint64_t now)
{
	struct dial *dial = dial_get(d, peer);

	if (dial == NULL) {
		if (map_count(d->dials) >= LIMIT_DIALS)
			return -1;
		dial = xcalloc(1, sizeof *dial);
		dial->peer = *peer;
		dial->next_at = now;
		map_set(d->dials, peer->bytes, peer->len, dial);
	}
	for (size_t i = 0; i < count; i++)
		dial_add(dial, &addrs[i]);
	return 0;
}

bool dialer_busy(const struct dialer *d, const struct peer_id *peer)
{
	return dial_get(d, peer) != NULL;
}

static struct attempt *attempt_by_handle(struct dial *dial, const void *handle)
{
	for (size_t i = 0; dial != NULL && handle != NULL && i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];

		if (a->state == TRYING && a->handle == handle)
			return a;
	}
	return NULL;
}

void dialer_progress(struct dialer *d, const struct peer_id *peer, const void *handle, uint64_t now)
{
	struct dial *dial = dial_get(d, peer);

	if (attempt_by_handle(dial, handle) != NULL)
		dial->next_at = now + LIMIT_DIAL_PROGRESS_MS;
}

static void attempt_fail(
    struct dialer *d, struct dial *dial, struct attempt *a, const char *why, uint64_t now)
{
	a->state = FAILED;
	a->handle = NULL;
	str_copy(a->why, sizeof a->why, why);
	grudge_add(d, &dial->peer, &a->addr, why, now);
	dial->next_at = now;
}

void dialer_failed(
    struct dialer *d, const struct peer_id *peer, const void *handle, const char *why, uint64_t now)
{
	struct dial *dial = dial_get(d, peer);
	struct attempt *a = attempt_by_handle(dial, handle);

	if (a != NULL)
		attempt_fail(d, dial, a, why, now);
}

static void dial_end(struct dialer *d, struct dial *dial)
{
	map_remove(d->dials, dial->peer.bytes, dial->peer.len);
	free(dial);
}

void dialer_connected(struct dialer *d, const struct peer_id *peer, const void *handle)
{
	struct dial *dial = dial_get(d, peer);
	struct attempt *a = attempt_by_handle(dial, handle);

	if (dial == NULL)
		return;
	if (a != NULL)
		grudge_drop(d, peer, &a->addr);
	abort_tries(d, dial, handle);
	dial_end(d, dial);
}

/* ---------------------------------------------------------------------------------------- tick */

static size_t count_in(const struct dial *dial, enum attempt_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < dial->count; i++)
		n += dial->attempts[i].state == state;
	return n;
}

static void expire(struct dialer *d, struct dial *dial, uint64_t now)
{
	for (size_t i = 0; i < dial->count; i++) {
		struct attempt *a = &dial->attempts[i];

		if (a->state != TRYING || now < a->deadline)
			continue;
		d->io->abort(d->arg, a->handle);
		attempt_fail(d, dial, a,
		    multiaddr_is_private(&a->addr) ? "no answer within 5 s"
						   : "no answer within 10 s",
		    now);
	}
}

static void attempt_begin(struct dialer *d, struct dial *dial, struct attempt *a, uint64_t now)
{
	struct grudge *g = grudge_get(d, &dial->peer, &a->addr);
	char why[DIAL_WHY] = "cannot be dialled";

	if (g != NULL && now < g->until) {
		a->state = FAILED;
		snprintf(a->why, sizeof a->why, "%.100s (not tried again for %u s)", g->why,
		    (unsigned)((g->until - now + 999) / 1000));
		return;
	}
	a->handle = d->io->start(d->arg, &dial->peer, &a->addr, why);
	if (a->handle == NULL) {
		/* Nothing has left this host: it tells nothing about the address. */
		a->state = FAILED;
		str_copy(a->why, sizeof a->why, why);
		return;
	}
	a->state = TRYING;
	a->deadline =
	    now + (multiaddr_is_private(&a->addr) ? LIMIT_DIAL_PRIVATE_MS : LIMIT_DIAL_PUBLIC_MS);
	dial->next_at = now + LIMIT_DIAL_STAGGER_MS;
}

static void begin_due(struct dialer *d, struct dial *dial, uint64_t now)
{
	for (size_t i = 0; i < dial->count; i++) {
		if (now < dial->next_at || count_in(dial, TRYING) >= LIMIT_DIAL_TRIES)
			return;
		if (dial->attempts[i].state == WAITING)
			attempt_begin(d, dial, &dial->attempts[i], now);
	}
}

/* A line for each address; what does not fit is left out. */
static void describe(const struct dial *dial, char text[DIAL_TEXT])
{
	char addr[MULTIADDR_TEXT];
	size_t n = 0;

	str_copy(text, DIAL_TEXT, "no address is known for this peer");
	for (size_t i = 0; i < dial->count && n < DIAL_TEXT; i++) {
		multiaddr_to_text(&dial->attempts[i].addr, addr);
		n += (size_t)snprintf(text + n, DIAL_TEXT - n, "%s%s: %s", i == 0 ? "" : "\n", addr,
		    dial->attempts[i].why);
	}
}

static void dial_give_up(struct dialer *d, struct dial *dial)
{
	struct peer_id peer = dial->peer;
	char text[DIAL_TEXT];

	describe(dial, text);
	dial_end(d, dial);
	d->io->failed(d->arg, &peer, text);
}

static uint64_t dial_next(const struct dial *dial)
{
	size_t waiting = count_in(dial, WAITING), trying = count_in(dial, TRYING);
	uint64_t next = UINT64_MAX;

	if (waiting > 0 && trying < LIMIT_DIAL_TRIES)
		next = dial->next_at;
	for (size_t i = 0; i < dial->count; i++) {
		const struct attempt *a = &dial->attempts[i];

		if (a->state == TRYING && a->deadline < next)
			next = a->deadline;
	}
	return next;
}

uint64_t dialer_tick(struct dialer *d, uint64_t now)
{
	uint64_t next = UINT64_MAX, due;
	struct dial *dial;

	MAP_FOREACH (d->dials, at, dial) {
		expire(d, dial, now);
		begin_due(d, dial, now);
		if (count_in(dial, FAILED) == dial->count) {
			dial_give_up(d, dial);
			continue;
		}
		due = dial_next(dial);
		if (due < next)
			next = due;
	}
	return next;
}
