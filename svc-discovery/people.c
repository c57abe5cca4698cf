#include "svc-discovery/people.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/map.h"
#include "codec/multiaddr.h"

/* A peer that was heard: listed or only known. `person` is its first member, so that a listed
 * person leads back to its row. */
struct row {
	struct person person;
	TAILQ_ENTRY(row) entry;
	bool listed;
	bool signs; /* it has been seen signing */
	bool left;  /* it has said goodbye */
	int64_t ts; /* of its last message that was believed */
	uint64_t heard;
	uint64_t second; /* in which `burst` messages were believed */
	unsigned burst;
	uint64_t gossip; /* heard there; 0: never */
	size_t bytes;    /* of its texts */
};

TAILQ_HEAD(rows, row); /* the one silent longest is first */

struct people {
	const struct people_events *events;
	void *arg;
	uint64_t ttl;
	struct peer_id self;
	struct map *rows; /* all, by peer id */
	struct rows listed, known;
	size_t listed_count, known_count, bytes;
};

const char *people_via_name(enum people_via via)
{
	return via == PEOPLE_VIA_RENDEZVOUS ? "rendezvous" : "gossip";
}

const char *people_verdict_name(enum people_verdict verdict)
{
	static const char *const names[] = {"taken", "again", "own", "no matter", "stale",
	    "too often", "a clock is wrong, or it is a replay", "unsigned", "forged", "full"};

	return names[verdict];
}

struct people *people_new(uint64_t ttl_ms, const struct people_events *events, void *arg)
{
	struct people *t = xcalloc(1, sizeof *t);

	t->ttl = ttl_ms;
	t->events = events;
	t->arg = arg;
	t->rows = map_new();
	TAILQ_INIT(&t->listed);
	TAILQ_INIT(&t->known);
	return t;
}

static void texts_clear(struct person *p)
{
	free(p->label);
	free(p->email);
	free(p->avatar_hash);
	for (size_t i = 0; i < p->addr_count; i++)
		free(p->addrs[i]);
	free(p->addrs);
	p->label = p->email = p->avatar_hash = NULL;
	p->addrs = NULL;
	p->addr_count = 0;
}

static void row_free(struct row *row)
{
	texts_clear(&row->person);
	free(row);
}

void people_free(struct people *t)
{
	struct row *row;

	if (t == NULL)
		return;
	MAP_FOREACH (t->rows, at, row)
		row_free(row);
	map_free(t->rows);
	free(t);
}

void people_set_self(struct people *t, const struct peer_id *self)
{
	t->self = *self;
}

static struct row *row_find(const struct people *t, const struct peer_id *peer)
{
	return map_get(t->rows, peer->bytes, peer->len);
}

static void row_unlink(struct people *t, struct row *row)
{
	if (row->listed) {
		TAILQ_REMOVE(&t->listed, row, entry);
		t->listed_count--;
	} else {
		TAILQ_REMOVE(&t->known, row, entry);
		t->known_count--;
	}
}

static void row_link(struct people *t, struct row *row, bool listed)
{
	row->listed = listed;
	if (listed) {
		TAILQ_INSERT_TAIL(&t->listed, row, entry);
		t->listed_count++;
	} else {
		TAILQ_INSERT_TAIL(&t->known, row, entry);
		t->known_count++;
	}
}

/* To the end of its list, or of the other. */
static void touch(struct people *t, struct row *row, bool listed)
{
	row_unlink(t, row);
	row_link(t, row, listed);
}

/* It is in no list any more. */
static void row_end(struct people *t, struct row *row)
{
	map_remove(t->rows, row->person.peer.bytes, row->person.peer.len);
	row_free(row);
}

static void row_forget(struct people *t, struct row *row)
{
	row_unlink(t, row);
	row_end(t, row);
}

static void known_trim(struct people *t)
{
	while (t->known_count > PEOPLE_KNOWN_MAX)
		row_forget(t, TAILQ_FIRST(&t->known));
}

static struct row *row_add(struct people *t, const struct peer_id *peer)
{
	struct row *row = xcalloc(1, sizeof *row);

	row->person.peer = *peer;
	peer_id_to_text(peer, row->person.id);
	map_set(t->rows, peer->bytes, peer->len, row);
	row_link(t, row, false);
	return row;
}

/* --- believing -------------------------------------------------------------------------------- */

static bool is_of_our_time(const struct presence *p, int64_t wall)
{
	int64_t apart;

	return !__builtin_sub_overflow(p->ts, wall, &apart) && apart > -PEOPLE_CLOCK_MS &&
	       apart < PEOPLE_CLOCK_MS;
}

/* What is believed goes on to peers, browsers and the database. A goodbye counts at any time, once.
 */
static bool says_too_much(const struct row *row, const struct presence *p, uint64_t now)
{
	return row->burst >= PEOPLE_BURST && now / 1000 == row->second &&
	       !(row->listed && p->type == PRESENCE_OFFLINE);
}

static enum people_verdict judge(const struct people *t, const struct presence *p,
    const struct peer_id *signer, enum people_via via, struct people_time now)
{
	const struct row *row = row_find(t, &p->peer);
	bool signs = row != NULL && row->signs && now.mono < row->heard + PEOPLE_SILENCE_MS;

	if (signer != NULL && !peer_id_equal(signer, &p->peer))
		return PEOPLE_FORGED;
	if (peer_id_equal(&p->peer, &t->self))
		return PEOPLE_OWN;
	if (p->type == PRESENCE_PUNCH)
		return PEOPLE_NO_MATTER;
	if (row != NULL && says_too_much(row, p, now.mono))
		return PEOPLE_OFTEN;
	if (!p->signed_)
		return signs ? PEOPLE_UNSIGNED : PEOPLE_TAKEN;
	/* Before the check that costs most: replays are the common case, over two ways at once. */
	if (signs && p->ts < row->ts)
		return PEOPLE_STALE;
	if (via != PEOPLE_VIA_ITSELF && !is_of_our_time(p, now.wall))
		return PEOPLE_CLOCK;
	if (presence_verify(p) < 0)
		return PEOPLE_FORGED;
	return signs && p->ts == row->ts ? PEOPLE_AGAIN : PEOPLE_TAKEN;
}

/* --- listing ---------------------------------------------------------------------------------- */

static size_t texts_size(const struct presence *p)
{
	size_t n = strlen(p->content) + strlen(p->email) + strlen(p->avatar_hash) + 3;

	for (size_t i = 0; i < p->addr_count; i++)
		n += strlen(p->addrs[i]) + 1 + sizeof p->addrs[i];
	return n;
}

static bool same_face(const struct person *a, const struct presence *p)
{
	return strcmp(a->label, p->content) == 0 && strcmp(a->email, p->email) == 0 &&
	       strcmp(a->avatar_hash, p->avatar_hash) == 0;
}

static void texts_take(struct person *a, const struct presence *p)
{
	struct multiaddr addr;

	texts_clear(a);
	a->label = xstrdup(p->content);
	a->email = xstrdup(p->email);
	a->avatar_hash = xstrdup(p->avatar_hash);
	a->addrs = xcalloc(p->addr_count, sizeof *a->addrs);
	for (size_t i = 0; i < p->addr_count; i++)
		if (multiaddr_from_text(&addr, p->addrs[i], strlen(p->addrs[i])) == 0)
			a->addrs[a->addr_count++] = xstrdup(p->addrs[i]);
}

static enum people_verdict list(
    struct people *t, struct row *row, const struct presence *p, struct people_time now)
{
	enum people_change change = PEOPLE_NEW;
	size_t bytes = texts_size(p);

	if (!row->listed && t->listed_count == PEOPLE_LISTED_MAX)
		return PEOPLE_FULL;
	if (t->bytes - row->bytes + bytes > PEOPLE_BYTES_MAX)
		return PEOPLE_FULL;
	t->bytes += bytes - row->bytes;
	row->bytes = bytes;
	if (row->listed)
		change = same_face(&row->person, p) ? PEOPLE_REFRESHED : PEOPLE_CHANGED;
	texts_take(&row->person, p);
	row->person.last_seen = now.wall;
	if (change == PEOPLE_NEW)
		row->person.first_seen = now.wall;
	touch(t, row, true);
	t->events->here(t->arg, &row->person, change);
	return PEOPLE_TAKEN;
}

/* The row goes on as a known one, for the sake of its signatures; without any it is forgotten. */
static void unlist(struct people *t, struct row *row, const char *why)
{
	row_unlink(t, row);
	row->listed = false;
	t->events->gone(t->arg, &row->person, why);
	texts_clear(&row->person);
	t->bytes -= row->bytes;
	row->bytes = 0;
	if (!row->signs) {
		row_end(t, row);
		return;
	}
	row_link(t, row, false);
	known_trim(t);
}

static bool heard_by_gossip(const struct people *t, const struct row *row, uint64_t now)
{
	return row->gossip != 0 && now < row->gossip + t->ttl;
}

static void set_via(const struct people *t, struct row *row, uint64_t now)
{
	row->person.via = heard_by_gossip(t, row, now) ? PEOPLE_VIA_GOSSIP : PEOPLE_VIA_RENDEZVOUS;
}

static void note(
    struct people *t, struct row *row, const struct presence *p, enum people_via via, uint64_t now)
{
	touch(t, row, row->listed);
	row->heard = now;
	row->burst = now / 1000 == row->second ? row->burst + 1 : 1;
	row->second = now / 1000;
	row->signs = p->signed_;
	row->ts = p->ts;
	if (via != PEOPLE_VIA_RENDEZVOUS)
		row->gossip = now;
	row->left = p->type == PRESENCE_OFFLINE;
	set_via(t, row, now);
}

enum people_verdict people_hear(struct people *t, const struct presence *p,
    const struct peer_id *signer, enum people_via via, struct people_time now)
{
	enum people_verdict verdict = judge(t, p, signer, via, now);
	struct row *row = row_find(t, &p->peer);

	if (verdict == PEOPLE_AGAIN && via != PEOPLE_VIA_RENDEZVOUS)
		row->gossip = now.mono;
	if (verdict != PEOPLE_TAKEN)
		return verdict;
	if (row == NULL)
		row = row_add(t, &p->peer);
	note(t, row, p, via, now.mono);
	if (p->type != PRESENCE_OFFLINE)
		verdict = list(t, row, p, now);
	else if (row->listed) {
		unlist(t, row, "offline");
		return verdict;
	}
	/* Of who is not there only the signatures matter. */
	if (!row->listed && !row->signs)
		row_forget(t, row);
	known_trim(t);
	return verdict;
}

static uint64_t forget_after(const struct row *row)
{
	return row != NULL ? row->heard + PEOPLE_SILENCE_MS : UINT64_MAX;
}

void people_hear_back(struct people *t, const struct presence *p, struct people_time now)
{
	struct row *row = row_find(t, &p->peer);

	if (row == NULL || row->listed || row->left || p->type == PRESENCE_OFFLINE)
		return;
	row->heard = now.mono;
	set_via(t, row, now.mono);
	list(t, row, p, now);
}

void people_stand(struct people *t, const struct peer_id *peer, struct people_time now)
{
	struct row *row = row_find(t, peer);
	enum people_via before;

	if (row == NULL || !row->listed)
		return;
	before = row->person.via;
	row->heard = now.mono;
	row->person.last_seen = now.wall;
	touch(t, row, true);
	set_via(t, row, now.mono);
	if (row->person.via != before)
		t->events->here(t->arg, &row->person, PEOPLE_CHANGED);
}

void people_lose(struct people *t, const struct peer_id *peer, struct people_time now)
{
	struct row *row = row_find(t, peer);

	if (row != NULL && row->listed && !heard_by_gossip(t, row, now.mono))
		unlist(t, row, "offline");
}

uint64_t people_expire(struct people *t, uint64_t now)
{
	struct row *row, *next;
	uint64_t forget;

	for (row = TAILQ_FIRST(&t->known); forget_after(row) <= now; row = next) {
		next = TAILQ_NEXT(row, entry);
		row_forget(t, row);
	}
	forget = forget_after(row);
	for (row = TAILQ_FIRST(&t->listed); row != NULL && row->heard + t->ttl <= now; row = next) {
		next = TAILQ_NEXT(row, entry);
		if (forget_after(row) < forget)
			forget = forget_after(row);
		unlist(t, row, "silent");
	}
	return row != NULL ? row->heard + t->ttl : forget;
}

const struct person *people_get(const struct people *t, const struct peer_id *peer)
{
	const struct row *row = row_find(t, peer);

	return row != NULL && row->listed ? &row->person : NULL;
}

size_t people_count(const struct people *t)
{
	return t->listed_count;
}

const struct person *people_next(const struct people *t, const struct person *after)
{
	const struct row *row;

	if (after == NULL)
		row = TAILQ_FIRST(&t->listed);
	else
		row = TAILQ_NEXT((const struct row *)(const void *)after, entry);
	return row != NULL ? &row->person : NULL;
}
