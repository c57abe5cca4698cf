/* A list of people, what it tells, and those who say that they are there. */
#ifndef TESTS_UNIT_DISCOVERY_PEOPLE_TESTING_H
#define TESTS_UNIT_DISCOVERY_PEOPLE_TESTING_H

#include "tests/unit/testing.h"

#include "svc-discovery/people.h"

#include <sodium.h>

#include "codec/pubkey.h"

#define TTL 20000

struct somebody {
	struct peer_id id;
	char text[PEER_ID_TEXT];
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

static inline struct somebody somebody(uint32_t n)
{
	uint8_t seed[crypto_sign_SEEDBYTES] = {0}, raw[crypto_sign_PUBLICKEYBYTES];
	uint8_t key[PUBKEY_ED25519_SIZE];
	struct somebody who;

	memcpy(seed, &n, sizeof n);
	assert_int_equal(crypto_sign_seed_keypair(raw, who.secret, seed), 0);
	pubkey_from_ed25519(raw, key);
	assert_int_equal(peer_id_from_key(&who.id, key, sizeof key), 0);
	peer_id_to_text(&who.id, who.text);
	return who;
}

static inline char *plain(
    const struct somebody *who, const char *type, int64_t ts, const char *more)
{
	char *json = NULL;

	assert_true(asprintf(&json, "{\"type\":\"%s\",\"peerId\":\"%s\",\"ts\":%lld%s}", type,
			who->text, (long long)ts, more) > 0);
	return json;
}

static inline void parse(struct presence *p, char *json)
{
	const char *why = NULL;

	assert_int_equal(presence_parse(p, json, strlen(json), &why), 0);
	free(json);
}

static inline void sign(struct presence *p, const struct somebody *who)
{
	struct buf preimage;

	buf_init(&preimage, 65536);
	assert_int_equal(presence_preimage(&preimage, p), 0);
	crypto_sign_detached(p->sig, NULL, buf_data(&preimage), buf_len(&preimage), who->secret);
	p->signed_ = true;
	buf_clear(&preimage);
}

struct seen {
	const struct people *table;
	size_t left; /* after somebody has gone */
	unsigned new, changed, refreshed, gone;
	char label[64], why[16];
};

static inline void on_here(void *arg, const struct person *p, enum people_change change)
{
	struct seen *s = arg;

	s->new += change == PEOPLE_NEW;
	s->changed += change == PEOPLE_CHANGED;
	s->refreshed += change == PEOPLE_REFRESHED;
	snprintf(s->label, sizeof s->label, "%s", p->label);
}

static inline void on_gone(void *arg, const struct person *p, const char *why)
{
	struct seen *s = arg;

	assert_non_null(p->label);
	s->gone++;
	s->left = people_count(s->table);
	snprintf(s->why, sizeof s->why, "%s", why);
}

static const struct people_events events = {on_here, on_gone};

static inline struct people *people_of(struct seen *s)
{
	struct people *t = people_new(TTL, &events, s);

	memset(s, 0, sizeof *s);
	s->table = t;
	return t;
}

static inline struct people_time at(uint64_t mono)
{
	return (struct people_time){mono, (int64_t)mono + 1000000};
}

enum { SIGNED = 1, OVER_RENDEZVOUS = 2, ITSELF = 4 };

static inline enum people_verdict hear_more(struct people *t, const struct somebody *who,
    const char *type, int64_t ts, int flags, uint64_t now, const char *more)
{
	bool gossip = !(flags & OVER_RENDEZVOUS);
	enum people_via via = flags & ITSELF ? PEOPLE_VIA_ITSELF : PEOPLE_VIA_GOSSIP;
	enum people_verdict verdict;
	struct presence p;

	parse(&p, plain(who, type, ts, more));
	if (flags & SIGNED)
		sign(&p, who);
	verdict = people_hear(
	    t, &p, gossip ? &who->id : NULL, gossip ? via : PEOPLE_VIA_RENDEZVOUS, at(now));
	presence_clear(&p);
	return verdict;
}

static inline enum people_verdict hear(struct people *t, const struct somebody *who,
    const char *type, int64_t ts, int flags, uint64_t now)
{
	return hear_more(t, who, type, ts, flags, now, ",\"content\":\"Ann\"");
}

#endif
