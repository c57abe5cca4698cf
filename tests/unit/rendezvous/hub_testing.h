/* A hub with what it says, and peers that sign. */
#ifndef TESTS_UNIT_RENDEZVOUS_HUB_TESTING_H
#define TESTS_UNIT_RENDEZVOUS_HUB_TESTING_H

#include <sodium.h>

#include "base/alloc.h"
#include "codec/pubkey.h"
#include "svc-rendezvous/hub.h"
#include "tests/unit/testing.h"

#define NOW   1700000000000LL
#define ADDR  "192.0.2.1"
#define OTHER "192.0.2.2"

struct stage {
	struct hub *hub;
	struct buf said[HUB_CHANNELS];
	unsigned stored, stored_gone;
	struct hub_answer answer;
	struct peer_db *db;
	void *user;
};

static inline void stage_send(void *arg, enum hub_channel c, const char *p, size_t n)
{
	struct stage *s = arg;

	if (buf_room(&s->said[c]) < n)
		buf_consume(&s->said[c], buf_len(&s->said[c]));
	buf_put(&s->said[c], p, n);
}

static inline void stage_note(void *arg, int64_t now, const char *text)
{
	(void)arg, (void)now, (void)text;
}

static inline void stage_store(void *arg, const struct hub_row *row)
{
	struct stage *s = arg;

	s->stored++;
	s->stored_gone += row->gone;
}

static inline struct hub_limits stage_limits(void)
{
	return (struct hub_limits){.unsigned_per_minute = 60,
	    .signed_per_minute = 6000,
	    .signed_per_peer = 30,
	    .new_ids_per_hour = 600,
	    .bytes_per_minute = 16 << 20,
	    .subscribers_per_address = 64,
	    .connections_per_address = 8,
	    .peers_max = 20000,
	    .peer_bytes_max = 64 << 20,
	    .signers_max = 100000,
	    .clients_max = 1000};
}

static inline void stage_open_with(struct stage *s, const struct hub_limits *limits)
{
	struct hub_config config = {.limits = *limits,
	    .events = {.send = stage_send, .note = stage_note, .store = stage_store, .arg = s},
	    .epoch = "00112233aabbccdd",
	    .ring = 1 << 20};

	if (sodium_init() < 0)
		abort();
	*s = (struct stage){0};
	for (int c = 0; c < HUB_CHANNELS; c++)
		buf_init(&s->said[c], 1 << 20);
	s->hub = hub_new(&config);
}

static inline void stage_open(struct stage *s)
{
	const struct hub_limits limits = stage_limits();

	stage_open_with(s, &limits);
}

static inline void stage_close(struct stage *s)
{
	hub_free(s->hub);
	for (int c = 0; c < HUB_CHANNELS; c++)
		buf_clear(&s->said[c]);
}

/* What a channel has said since the last call, as text for free(3). */
static inline char *stage_said(struct stage *s, enum hub_channel c)
{
	size_t n = buf_len(&s->said[c]);
	char *text = n == 0 ? xstrdup("") : xstrndup((const char *)buf_data(&s->said[c]), n);

	buf_consume(&s->said[c], buf_len(&s->said[c]));
	return text;
}

static inline size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

struct key {
	uint8_t secret[64];
	struct peer_id id;
	char text[PEER_ID_TEXT];
};

static inline void key_make(struct key *k, uint32_t number)
{
	uint8_t seed[32] = {0}, raw[32], serialised[PUBKEY_ED25519_SIZE];

	memcpy(seed, &number, sizeof(number));
	crypto_sign_seed_keypair(raw, k->secret, seed);
	pubkey_from_ed25519(raw, serialised);
	peer_id_from_key(&k->id, serialised, sizeof(serialised));
	peer_id_to_text(&k->id, k->text);
}

/* A message of that peer for free(3); a small `ts` counts from NOW. */
static inline char *key_says(
    const struct key *k, enum presence_type type, const char *label, int64_t ts, bool sign)
{
	struct presence p = {
	    .type = type, .peer = k->id, .ts = ts < 1000000 ? NOW + ts : ts, .signed_ = sign};
	struct buf b;
	char *json;

	p.peer_text = xstrdup(k->text);
	p.content = xstrdup(label);
	p.email = xstrdup("");
	p.avatar_hash = xstrdup("");
	p.target = xstrdup("");
	buf_init(&b, 65536);
	presence_preimage(&b, &p);
	crypto_sign_detached(p.sig, NULL, buf_data(&b), buf_len(&b), k->secret);
	buf_clear(&b);
	json = presence_to_json(&p);
	presence_clear(&p);
	return json;
}

/* Publishes text; returns the status. */
static inline unsigned publish(struct stage *s, const char *client, const char *json, int64_t now)
{
	hub_publish(s->hub, client, json, strlen(json), now, &s->answer);
	return s->answer.status;
}

static inline unsigned say(struct stage *s, const char *client, const struct key *k,
    enum presence_type type, const char *label, int64_t ts, bool sign, int64_t now)
{
	char *json = key_says(k, type, label, ts, sign);
	unsigned status = publish(s, client, json, now);

	free(json);
	return status;
}

#endif
