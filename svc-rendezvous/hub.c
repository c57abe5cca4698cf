#include "svc-rendezvous/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "svc-rendezvous/hub_private.h"

#define MINUTE    60000
#define HOUR      (60 * MINUTE)
#define LOG_SIZE  16384
#define FIRST_SEQ 1
#define FULL_S    30

struct hub *hub_new(const struct hub_config *config)
{
	struct hub *hub = xcalloc(1, sizeof(*hub));

	hub->config = *config;
	hub->seq = FIRST_SEQ;
	hub_clients_init(&hub->clients, config->limits.clients_max);
	hub_peers_init(&hub->peers, &hub->clients, config->limits.peers_max,
	    config->limits.peer_bytes_max, config->limits.signers_max);
	for (int c = 0; c < HUB_CHANNELS; c++)
		hub_log_init(&hub->streams[c].log, LOG_SIZE, FIRST_SEQ);
	return hub;
}

void hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	hub_peers_clear(&hub->peers);
	hub_clients_clear(&hub->clients);
	hub_order_clear(&hub->order);
	for (int c = 0; c < HUB_CHANNELS; c++)
		hub_log_clear(&hub->streams[c].log);
	free(hub);
}

/* --- what becomes of a message ---------------------------------------------------------------- */

static int64_t signer_ts(const struct hub *hub, const struct peer_id *id, int64_t now)
{
	const struct hub_signer *s = hub_signers_get(&hub->peers, id, now);

	return s == NULL ? -1 : s->ts;
}

static void store(struct hub *hub, struct hub_peer *p, const struct peer_id *id, int64_t now)
{
	const struct hub_row row = {.id = p->id,
	    .client = p->client->key,
	    .json = p->json,
	    .len = p->len,
	    .signed_ = p->signed_,
	    .signer_ts = signer_ts(hub, id, now),
	    .heard = p->heard,
	    .bytes_published = p->bytes_published};

	p->stored = p->heard;
	if (hub->config.events.store != NULL)
		hub->config.events.store(hub->config.events.arg, &row);
}

static void store_gone(struct hub *hub, const struct hub_peer *p, const struct peer_id *id,
    const char *json, size_t len, int64_t heard)
{
	const struct hub_row row = {.id = p->id,
	    .client = p->client->key,
	    .json = json,
	    .len = len,
	    .gone = true,
	    .signed_ = p->signed_,
	    .signer_ts = signer_ts(hub, id, heard),
	    .heard = heard,
	    .bytes_published = p->bytes_published};

	if (hub->config.events.store != NULL)
		hub->config.events.store(hub->config.events.arg, &row);
}

void hub_changed(struct hub *hub, struct hub_peer *p)
{
	hub->version++;
	hub_order_remove(&hub->order, p->changed);
	p->changed = hub->seq;
	hub_order_add(&hub->order, p->changed, p);
}

void hub_remove(struct hub *hub, struct hub_peer *p)
{
	hub->version++;
	hub_order_remove(&hub->order, p->changed);
	hub_peers_remove(&hub->peers, p);
}

/* The server speaks for who can no longer: unsigned. */
static void say_gone(struct hub *hub, struct hub_peer *p, int64_t now, bool tell_others)
{
	char *json = xasprintf(
	    "{\"type\":\"offline\",\"peerId\":\"%s\",\"ts\":%lld}", p->id, (long long)now);
	struct peer_id id;

	hub_emit(hub, json, strlen(json), true);
	if (tell_others && peer_id_from_text(&id, p->id, strlen(p->id)) == 0)
		store_gone(hub, p, &id, json, strlen(json), p->heard);
	free(json);
	hub_remove(hub, p);
}

void hub_tick(struct hub *hub, int64_t now)
{
	struct hub_peer *p, *next;

	for (p = TAILQ_FIRST(&hub->peers.list); p != NULL && now - p->heard >= HUB_PEER_MS;
	     p = next) {
		next = TAILQ_NEXT(p, entry);
		if (p->foreign && now - p->heard < HUB_FOREIGN_MS)
			continue;
		hub->count.expired++;
		hub_note(hub, now, "silent", p->id, p->label);
		say_gone(hub, p, now, true);
	}
	hub_signers_expire(&hub->peers, now);
}

/* The message counts: none with a smaller `ts` does any more. */
static void note_signature(
    struct hub *hub, struct hub_client *client, const struct hub_message *m, int64_t now)
{
	struct hub_signer *s;

	if (!m->p.signed_)
		return;
	s = hub_signers_make(&hub->peers, &m->p.peer, client, now);
	if (s != NULL)
		hub_signers_heard(&hub->peers, s, m->p.ts, now);
}

static void leave(
    struct hub *hub, struct hub_client *client, const struct hub_message *m, int64_t now)
{
	struct hub_peer *p = hub_peers_get(&hub->peers, m->p.peer_text);

	note_signature(hub, client, m, now);
	hub_emit(hub, m->json, m->len, p != NULL);
	if (p == NULL)
		return;
	hub->count.left++;
	hub_note(hub, now, "left", p->id, p->label);
	p->signed_ = m->p.signed_;
	store_gone(hub, p, &m->p.peer, m->json, m->len, now);
	hub_remove(hub, p);
}

/* False when there is no room for it. */
static bool fits(struct hub *hub, struct hub_client *client, size_t len, bool is_new, int64_t now)
{
	struct hub_peer *victim;

	while (!hub_peers_fit(&hub->peers, client, len, is_new, &victim)) {
		if (victim == NULL)
			return false;
		hub->count.evicted++;
		hub_note(hub, now, "no room for", victim->id, victim->label);
		say_gone(hub, victim, now, true);
	}
	return true;
}

/* A peer that was here stays in its place even when its message can no longer be larger. */
static bool enter(struct hub *hub, struct hub_client *client, struct hub_message *m, int64_t now)
{
	struct hub_peer *p = hub_peers_get(&hub->peers, m->p.peer_text);
	size_t had = p == NULL ? 0 : p->len;
	bool is_new = p == NULL, changed;

	if ((is_new || m->len > had) && !fits(hub, client, m->len - had, is_new, now))
		return false;
	note_signature(hub, client, m, now);
	p = hub_peers_get(&hub->peers, m->p.peer_text); /* room may have been made at its cost */
	is_new = p == NULL;
	if (is_new) {
		p = hub_peers_add(&hub->peers, m->p.peer_text, client, now);
		hub->count.joined++;
		hub_note(hub, now, "came", p->id, m->p.content);
	}
	changed = is_new || memcmp(p->digest, m->digest, sizeof(p->digest)) != 0;
	hub_emit(hub, m->json, m->len, changed);
	hub_peers_update(&hub->peers, p, client, m, now);
	p->foreign = false;
	if (changed)
		hub_changed(hub, p);
	if (changed || now - p->stored >= HUB_STORE_MS)
		store(hub, p, &m->p.peer, now);
	return true;
}

/* --- who may say it --------------------------------------------------------------------------- */

static enum hub_result refuse(struct hub_answer *a, enum hub_result result, const char *why)
{
	static const unsigned status[HUB_RESULTS] = {204, 400, 400, 409, 429, 503};

	*a = (struct hub_answer){.status = status[result], .why = why, .after = -1};
	if (result == HUB_FULL)
		a->retry_s = FULL_S;
	return result;
}

static enum hub_result limited(struct hub_answer *a, uint32_t wait_ms, const char *why)
{
	refuse(a, HUB_LIMITED, why);
	a->retry_s = (wait_ms + 999) / 1000;
	return HUB_LIMITED;
}

static uint32_t take(struct hub_rate *r, uint32_t limit, uint32_t span, uint32_t cost, int64_t now)
{
	return hub_rate_take(r, (struct hub_rate_limit){limit, span}, cost, now);
}

#define LIMITED(rate, limit, span, cost, why)                                                      \
	do {                                                                                       \
		uint32_t wait_ = take(rate, limit, span, cost, now);                               \
		if (wait_ > 0)                                                                     \
			return limited(a, wait_, why);                                             \
	} while (0)

static enum hub_result check_unsigned(struct hub *hub, struct hub_client *client,
    const struct hub_message *m, int64_t now, struct hub_answer *a)
{
	LIMITED(&client->unsigned_, hub->config.limits.unsigned_per_minute, MINUTE, 1,
	    "too many unsigned messages from your address");
	if (hub_signers_get(&hub->peers, &m->p.peer, now) != NULL)
		return refuse(a, HUB_CONFLICT, "sig: this peer signs its messages");
	if (hub_peers_get(&hub->peers, m->p.peer_text) == NULL)
		LIMITED(&client->new_ids, hub->config.limits.new_ids_per_hour, HOUR, 1,
		    "too many new peers from your address");
	return HUB_ACCEPTED;
}

void hub_set_wall_ahead(struct hub *hub, int64_t ms)
{
	hub->wall_ahead = ms;
}

/* What a peer has signed is too old by the time that the signer is forgotten: it cannot be said
 * again by somebody else then. */
static bool is_of_our_time(const struct hub *hub, int64_t ts, int64_t now)
{
	int64_t apart;

	return !__builtin_sub_overflow(ts, now + hub->wall_ahead, &apart) &&
	       apart > -HUB_CLOCK_MS && apart < HUB_CLOCK_MS;
}

/* The peer's own rate comes after its `ts`, so that nobody uses it up by repeating what everybody
 * has heard. */
static enum hub_result check_signed(struct hub *hub, struct hub_client *client,
    const struct hub_message *m, int64_t now, struct hub_answer *a)
{
	struct hub_signer *s;

	LIMITED(&client->signed_, hub->config.limits.signed_per_minute, MINUTE, 1,
	    "too many signed messages from your address");
	if (presence_verify(&m->p) != 0)
		return refuse(a, HUB_FORGED, "sig: wrong signature");
	if (!is_of_our_time(hub, m->p.ts, now))
		return refuse(a, HUB_CONFLICT, "ts: half a day or more from this server's clock");
	s = hub_signers_get(&hub->peers, &m->p.peer, now);
	if (s != NULL && m->p.ts <= s->ts) {
		refuse(a, HUB_CONFLICT, "ts: expected to be greater");
		a->after = s->ts;
		return HUB_CONFLICT;
	}
	if (s == NULL && hub_peers_get(&hub->peers, m->p.peer_text) == NULL)
		LIMITED(&client->new_ids, hub->config.limits.new_ids_per_hour, HOUR, 1,
		    "too many new peers from your address");
	s = hub_signers_make(&hub->peers, &m->p.peer, client, now);
	if (s == NULL)
		return refuse(a, HUB_FULL, "too many peers");
	LIMITED(&s->rate, hub->config.limits.signed_per_peer, MINUTE, 1,
	    "too many messages from this peer");
	return HUB_ACCEPTED;
}

static enum hub_result judge(struct hub *hub, struct hub_client *client, struct hub_message *m,
    int64_t now, struct hub_answer *a)
{
	enum hub_result r = m->p.signed_ ? check_signed(hub, client, m, now, a)
	                                 : check_unsigned(hub, client, m, now, a);

	if (r != HUB_ACCEPTED)
		return r;
	if (m->p.type != PRESENCE_OFFLINE && !enter(hub, client, m, now))
		return refuse(a, HUB_FULL, "too many peers");
	if (m->p.type == PRESENCE_OFFLINE)
		leave(hub, client, m, now);
	return refuse(a, HUB_ACCEPTED, "");
}

static enum hub_result publish(
    struct hub *hub, const char *key, const void *json, size_t n, int64_t now, struct hub_answer *a)
{
	struct hub_client *client = hub_clients_get(&hub->clients, key);
	struct hub_message m;
	enum hub_result r;
	const char *why;

	LIMITED(&client->bytes, hub->config.limits.bytes_per_minute, MINUTE, (uint32_t)n,
	    "too many bytes from your address");
	if (hub_message_parse(&m, json, n, &why) != 0) {
		LIMITED(&client->unsigned_, hub->config.limits.unsigned_per_minute, MINUTE, 1,
		    "too many messages from your address");
		return refuse(a, HUB_MALFORMED, why);
	}
	r = judge(hub, client, &m, now, a);
	hub_message_clear(&m);
	return r;
}

enum hub_result hub_publish(struct hub *hub, const char *client, const void *json, size_t n,
    int64_t now, struct hub_answer *answer)
{
	enum hub_result r = publish(hub, client, json, n, now, answer);

	hub->count.publishes[r]++;
	return r;
}
