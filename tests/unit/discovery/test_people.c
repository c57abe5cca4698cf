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

static struct somebody somebody(uint32_t n)
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

static char *plain(const struct somebody *who, const char *type, int64_t ts, const char *more)
{
	char *json = NULL;

	assert_true(asprintf(&json, "{\"type\":\"%s\",\"peerId\":\"%s\",\"ts\":%lld%s}", type,
			who->text, (long long)ts, more) > 0);
	return json;
}

static void parse(struct presence *p, char *json)
{
	const char *why = NULL;

	assert_int_equal(presence_parse(p, json, strlen(json), &why), 0);
	free(json);
}

static void sign(struct presence *p, const struct somebody *who)
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

static void on_here(void *arg, const struct person *p, enum people_change change)
{
	struct seen *s = arg;

	s->new += change == PEOPLE_NEW;
	s->changed += change == PEOPLE_CHANGED;
	s->refreshed += change == PEOPLE_REFRESHED;
	snprintf(s->label, sizeof s->label, "%s", p->label);
}

static void on_gone(void *arg, const struct person *p, const char *why)
{
	struct seen *s = arg;

	assert_non_null(p->label);
	s->gone++;
	s->left = people_count(s->table);
	snprintf(s->why, sizeof s->why, "%s", why);
}

static const struct people_events events = {on_here, on_gone};

static struct people *people_of(struct seen *s)
{
	struct people *t = people_new(TTL, &events, s);

	memset(s, 0, sizeof *s);
	s->table = t;
	return t;
}

static struct people_time at(uint64_t mono)
{
	return (struct people_time){mono, (int64_t)mono + 1000000};
}

enum { SIGNED = 1, OVER_RENDEZVOUS = 2, ITSELF = 4 };

static enum people_verdict hear_more(struct people *t, const struct somebody *who, const char *type,
    int64_t ts, int flags, uint64_t now, const char *more)
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

static enum people_verdict hear(struct people *t, const struct somebody *who, const char *type,
    int64_t ts, int flags, uint64_t now)
{
	return hear_more(t, who, type, ts, flags, now, ",\"content\":\"Ann\"");
}

static void test_online_lists_update_refreshes_offline_drops(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	assert_int_equal(hear_more(t, &ann, "online", 1, 0, 1000,
			     ",\"content\":\"Ann\",\"email\":\"a@b\",\"avatarHash\":\"ff\","
			     "\"addrs\":[\"/ip4/10.0.0.1/tcp/1\",\"nonsense\"]"),
	    PEOPLE_TAKEN);
	assert_int_equal(s.new, 1);
	p = people_get(t, &ann.id);
	assert_non_null(p);
	assert_string_equal(p->id, ann.text);
	assert_string_equal(p->label, "Ann");
	assert_string_equal(p->email, "a@b");
	assert_string_equal(p->avatar_hash, "ff");
	assert_int_equal(p->addr_count, 1);
	assert_string_equal(p->addrs[0], "/ip4/10.0.0.1/tcp/1");
	assert_int_equal(p->first_seen, 1001000);
	hear_more(t, &ann, "update", 2, 0, 2000,
	    ",\"content\":\"Ann\",\"email\":\"a@b\",\"avatarHash\":\"ff\"");
	assert_int_equal(s.refreshed, 1);
	hear(t, &ann, "update", 3, 0, 3000);
	assert_int_equal(s.changed, 1);
	assert_int_equal(p->first_seen, 1001000);
	assert_int_equal(p->last_seen, 1003000);
	hear(t, &ann, "offline", 4, 0, 4000);
	assert_int_equal(s.gone, 1);
	assert_int_equal(s.left, 0);
	assert_string_equal(s.why, "offline");
	assert_null(people_get(t, &ann.id));
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_an_update_lists_too(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "update", 1, 0, 1000), PEOPLE_TAKEN);
	assert_int_equal(s.new, 1);
	people_free(t);
}

static void test_offline_of_a_stranger_does_nothing(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "offline", 1, 0, 1000), PEOPLE_TAKEN);
	assert_int_equal(s.gone, 0);
	people_free(t);
}

static void test_the_silent_are_dropped_after_the_ttl(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(people_expire(t, 0), UINT64_MAX);
	hear(t, &ann, "online", 1, 0, 1000);
	hear(t, &bob, "online", 1, SIGNED, 2000);
	assert_int_equal(people_expire(t, 3000), 1000 + TTL);
	hear(t, &ann, "update", 2, 0, 3000);
	assert_int_equal(people_expire(t, 2000 + TTL), 3000 + TTL);
	assert_int_equal(s.gone, 1);
	assert_string_equal(s.why, "silent");
	assert_null(people_get(t, &bob.id));
	assert_non_null(people_get(t, &ann.id));
	people_expire(t, 3000 + TTL);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_we_are_not_among_the_people(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	people_set_self(t, &ann.id);
	assert_int_equal(hear(t, &ann, "online", 1, SIGNED, 1000), PEOPLE_OWN);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_nobody_speaks_for_another(void **state)
{
	struct somebody ann = somebody(1), eve = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	struct presence p;

	(void)state;
	parse(&p, plain(&ann, "online", 1, ""));
	assert_int_equal(people_hear(t, &p, &eve.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	sign(&p, &ann);
	assert_int_equal(people_hear(t, &p, &eve.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

static void test_a_wrong_signature_is_refused_everywhere(void **state)
{
	struct somebody ann = somebody(1), eve = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	struct presence p;

	(void)state;
	parse(&p, plain(&ann, "online", 1, ""));
	sign(&p, &eve);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_hear(t, &p, &ann.id, PEOPLE_VIA_GOSSIP, at(1)), PEOPLE_FORGED);
	sign(&p, &ann);
	p.ts++;
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1)), PEOPLE_FORGED);
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

static void test_who_signs_is_not_believed_unsigned(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &bob, "online", 1, OVER_RENDEZVOUS, 1000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 1000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "offline", 6, OVER_RENDEZVOUS, 2000), PEOPLE_UNSIGNED);
	assert_int_equal(hear(t, &ann, "update", 7, 0, 2000), PEOPLE_UNSIGNED);
	assert_non_null(people_get(t, &ann.id));
	people_free(t);
}

static void test_older_messages_of_a_signer_are_refused(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 5, SIGNED, 1000);
	assert_int_equal(hear(t, &ann, "offline", 4, SIGNED | OVER_RENDEZVOUS, 2000), PEOPLE_STALE);
	/* The very message, on another way: true, but nothing new. */
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 2000), PEOPLE_AGAIN);
	assert_int_equal(s.refreshed, 0);
	assert_int_equal(hear(t, &ann, "offline", 6, SIGNED, 3000), PEOPLE_TAKEN);
	/* Also after it has left. */
	assert_int_equal(hear(t, &ann, "online", 5, SIGNED, 4000), PEOPLE_STALE);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_a_signer_is_forgotten_after_a_day_of_silence(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	uint64_t day = 1000 + PEOPLE_SILENCE_MS;

	(void)state;
	hear(t, &ann, "online", 5, SIGNED, 1000);
	assert_int_equal(people_expire(t, 1000 + TTL), day);
	assert_int_equal(hear(t, &ann, "update", 9, 0, day - 1), PEOPLE_UNSIGNED);
	/* What was refused does not count as having been heard. */
	assert_int_equal(hear(t, &ann, "update", 9, 0, day), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "update", 3, 0, day + 1), PEOPLE_TAKEN);
	hear(t, &ann, "update", (int64_t)day, SIGNED, day + 2);
	people_expire(t, day + 2 + TTL);
	assert_int_equal(people_expire(t, day + 2 + PEOPLE_SILENCE_MS), UINT64_MAX);
	people_free(t);
}

static void test_what_was_signed_does_not_outlive_the_signers_row(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t start = 2 * PEOPLE_SILENCE_MS;
	int64_t last = at(start).wall + PEOPLE_CLOCK_MS - 1; /* a clock as far ahead as may be */

	(void)state;
	assert_int_equal(hear(t, &ann, "online", last, SIGNED, start), PEOPLE_TAKEN);
	/* Replayed to the end, by whatever way; at last there is no row any more. */
	for (int flags = SIGNED; flags <= (SIGNED | OVER_RENDEZVOUS); flags += OVER_RENDEZVOUS) {
		assert_int_equal(
		    hear(t, &ann, "update", last - 1, flags, start + PEOPLE_SILENCE_MS - 1),
		    PEOPLE_STALE);
		assert_int_equal(
		    hear(t, &ann, "update", last, flags, start + PEOPLE_SILENCE_MS - 1),
		    PEOPLE_CLOCK);
	}
	people_expire(t, start + TTL);
	people_expire(t, start + PEOPLE_SILENCE_MS);
	assert_int_equal(
	    hear(t, &ann, "update", last, SIGNED, start + PEOPLE_SILENCE_MS), PEOPLE_CLOCK);
	assert_int_equal(people_count(t), 0);
	people_free(t);
}

static void test_a_clock_may_be_wrong_by_hours(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t now = 2 * PEOPLE_SILENCE_MS;
	const int64_t wall = at(now).wall;

	(void)state;
	assert_int_equal(
	    hear(t, &ann, "update", wall - PEOPLE_CLOCK_MS, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(
	    hear(t, &ann, "update", wall + PEOPLE_CLOCK_MS, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", 0, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", INT64_C(1) << 53, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(
	    hear(t, &ann, "update", wall - PEOPLE_CLOCK_MS + 1, SIGNED, now), PEOPLE_TAKEN);
	assert_int_equal(
	    hear(t, &ann, "update", wall + PEOPLE_CLOCK_MS - 1, SIGNED, now), PEOPLE_TAKEN);
	people_free(t);
}

/* Two machines without the time of day still meet. */
static void test_a_peers_own_connection_needs_no_clock(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const uint64_t now = 2 * PEOPLE_SILENCE_MS;

	(void)state;
	assert_int_equal(hear(t, &ann, "online", 1, SIGNED | ITSELF, now), PEOPLE_TAKEN);
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_GOSSIP);
	assert_int_equal(hear(t, &ann, "update", 2, SIGNED, now), PEOPLE_CLOCK);
	assert_int_equal(hear(t, &ann, "update", 2, SIGNED | ITSELF, now), PEOPLE_TAKEN);
	/* What is not signed has no time to rely on. */
	hear(t, &ann, "offline", 3, SIGNED | ITSELF, now + 1);
	people_expire(t, now + 1 + PEOPLE_SILENCE_MS);
	assert_int_equal(hear(t, &ann, "update", 2, 0, now + 1 + PEOPLE_SILENCE_MS), PEOPLE_TAKEN);
	people_free(t);
}

static void test_others_may_go_back_in_time(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 5, 0, 1000);
	assert_int_equal(hear(t, &ann, "update", 3, 0, 2000), PEOPLE_TAKEN);
	people_free(t);
}

static void test_gossip_outweighs_the_rendezvous(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	hear(t, &ann, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	p = people_get(t, &ann.id);
	assert_int_equal(p->via, PEOPLE_VIA_RENDEZVOUS);
	hear(t, &ann, "online", 1, SIGNED, 1001);
	hear(t, &ann, "update", 2, SIGNED | OVER_RENDEZVOUS, 6000);
	assert_int_equal(p->via, PEOPLE_VIA_GOSSIP);
	hear(t, &ann, "update", 3, SIGNED | OVER_RENDEZVOUS, 1001 + TTL);
	assert_int_equal(p->via, PEOPLE_VIA_RENDEZVOUS);
	people_free(t);
}

static struct presence message(const struct somebody *who, const char *type, int64_t ts, int flags)
{
	struct presence p;

	parse(&p, plain(who, type, ts, ",\"content\":\"label\""));
	if (flags & SIGNED)
		sign(&p, who);
	return p;
}

static void test_whom_a_server_sees_stays_without_a_word(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	hear(t, &bob, "online", 1, SIGNED | OVER_RENDEZVOUS, 1000);
	people_stand(t, &ann.id, at(15000));
	assert_true(people_expire(t, 1000 + TTL) == 15000 + TTL);
	assert_int_equal(s.gone, 1);
	assert_non_null(people_get(t, &ann.id));
	assert_int_equal(people_get(t, &ann.id)->last_seen, 1015000);
	assert_int_equal(s.refreshed + s.changed, 0);
	/* Nobody comes back by that alone. */
	people_stand(t, &bob.id, at(16000));
	assert_null(people_get(t, &bob.id));
	people_free(t);
}

static void test_gossip_that_falls_silent_leaves_the_rendezvous(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED, 1000);
	people_stand(t, &ann.id, at(11000));
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_GOSSIP);
	assert_int_equal(s.changed, 0);
	people_stand(t, &ann.id, at(1000 + TTL));
	assert_int_equal(people_get(t, &ann.id)->via, PEOPLE_VIA_RENDEZVOUS);
	assert_int_equal(s.changed, 1);
	people_free(t);
}

static void test_a_servers_word_counts_less_than_gossip(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 1, SIGNED, 1000);
	hear(t, &ann, "update", 2, SIGNED | OVER_RENDEZVOUS, 15000);
	people_lose(t, &ann.id, at(1000 + TTL - 1));
	assert_int_equal(s.gone, 0);
	people_lose(t, &ann.id, at(1000 + TTL));
	assert_int_equal(s.gone, 1);
	assert_string_equal(s.why, "offline");
	/* It is still known as a signer, and may come back at once. */
	assert_int_equal(hear(t, &ann, "update", 3, OVER_RENDEZVOUS, 22000), PEOPLE_UNSIGNED);
	assert_int_equal(hear(t, &ann, "update", 3, SIGNED | OVER_RENDEZVOUS, 22000), PEOPLE_TAKEN);
	people_free(t);
}

/* The last message of somebody who was silent here, from a server that still sees him. */
static void test_a_server_brings_back_whom_we_lost_sight_of(void **state)
{
	struct somebody ann = somebody(1);
	struct presence p = message(&ann, "update", 7, SIGNED);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	people_hear_back(t, &p, at(500));
	assert_int_equal(people_count(t), 0);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(1000)), PEOPLE_TAKEN);
	people_expire(t, 1000 + TTL);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(30000)), PEOPLE_AGAIN);
	assert_int_equal(people_count(t), 0);
	people_hear_back(t, &p, at(30000));
	assert_int_equal(people_count(t), 1);
	assert_int_equal(s.new, 2);
	assert_true(people_expire(t, 30000) == 30000 + TTL);
	presence_clear(&p);
	people_free(t);
}

static void test_nobody_is_brought_back_after_a_goodbye(void **state)
{
	struct somebody ann = somebody(1);
	struct presence p = message(&ann, "update", 7, SIGNED);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &ann, "online", 6, SIGNED, 1000);
	hear(t, &ann, "offline", 7, SIGNED, 2000);
	assert_int_equal(people_hear(t, &p, NULL, PEOPLE_VIA_RENDEZVOUS, at(3000)), PEOPLE_AGAIN);
	people_hear_back(t, &p, at(3000));
	assert_int_equal(people_count(t), 0);
	presence_clear(&p);
	people_free(t);
}

static void test_a_punch_is_no_presence(void **state)
{
	struct somebody ann = somebody(1);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	assert_int_equal(hear(t, &ann, "punch", 1, OVER_RENDEZVOUS, 1), PEOPLE_NO_MATTER);
	people_free(t);
}

static void test_those_present_stay_when_the_table_is_full(void **state)
{
	struct seen s;
	struct people *t = people_of(&s);
	struct somebody who, first = somebody(0);

	(void)state;
	for (uint32_t n = 0; n < PEOPLE_LISTED_MAX; n++) {
		who = somebody(n);
		assert_int_equal(hear(t, &who, "online", 1, 0, 1000 + n), PEOPLE_TAKEN);
	}
	who = somebody(PEOPLE_LISTED_MAX);
	assert_int_equal(hear(t, &who, "online", 1, 0, 10000), PEOPLE_FULL);
	assert_int_equal(hear(t, &first, "update", 1, 0, 10000), PEOPLE_TAKEN);
	assert_int_equal(people_count(t), PEOPLE_LISTED_MAX);
	hear(t, &first, "offline", 1, 0, 10001);
	assert_int_equal(hear(t, &who, "online", 1, 0, 10002), PEOPLE_TAKEN);
	people_free(t);
}

static void test_texts_are_bounded_altogether(void **state)
{
	struct seen s;
	struct people *t = people_of(&s);
	enum people_verdict verdict = PEOPLE_TAKEN;
	struct somebody who;
	char *big = NULL, *label = malloc(4097);
	char addrs[32 * 260] = "";
	uint32_t n;

	(void)state;
	memset(label, 'x', 4096);
	label[4096] = '\0';
	for (int i = 0; i < 32; i++) {
		size_t used = strlen(addrs);
		snprintf(addrs + used, sizeof addrs - used, "%s\"/dns4/%.200s/tcp/1\"",
		    i ? "," : "", label);
	}
	assert_true(asprintf(&big, ",\"content\":\"%s\",\"addrs\":[%s]", label, addrs) > 0);
	for (n = 0; n < PEOPLE_LISTED_MAX && verdict == PEOPLE_TAKEN; n++) {
		who = somebody(n);
		verdict = hear_more(t, &who, "online", 1, 0, 1000, big);
	}
	assert_int_equal(verdict, PEOPLE_FULL);
	assert_in_range(n, PEOPLE_BYTES_MAX / 12000, PEOPLE_BYTES_MAX / 10000);
	/* Everybody leaves, so there is room again. */
	people_expire(t, 1000 + TTL);
	assert_int_equal(people_count(t), 0);
	assert_int_equal(hear_more(t, &who, "online", 1, 0, 50000, big), PEOPLE_TAKEN);
	free(big);
	free(label);
	people_free(t);
}

static void test_signers_remembered_are_bounded(void **state)
{
	struct somebody first = somebody(0), second = somebody(1), who;
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	hear(t, &second, "online", 5, SIGNED, 1);
	hear(t, &second, "offline", 6, SIGNED, 1);
	hear(t, &first, "online", 5, SIGNED, 2);
	hear(t, &first, "offline", 6, SIGNED, 2);
	hear(t, &second, "offline", 7, SIGNED, 3);
	for (uint32_t n = 2; n < PEOPLE_KNOWN_MAX + 1; n++) {
		who = somebody(n);
		hear(t, &who, "offline", 1, SIGNED, 4);
	}
	/* The one silent longest had to go, the next has not. */
	assert_int_equal(hear(t, &second, "online", 1, SIGNED, 5), PEOPLE_STALE);
	assert_int_equal(hear(t, &first, "online", 1, SIGNED, 5), PEOPLE_TAKEN);
	/* A flood of such as do not sign drives nobody out, be they listed or not. */
	for (uint32_t n = 100000; n < 100000 + PEOPLE_LISTED_MAX + 100; n++) {
		who = somebody(n);
		hear(t, &who, "offline", 1, 0, 6);
		hear(t, &who, "online", 1, 0, 6);
	}
	assert_int_equal(people_count(t), PEOPLE_LISTED_MAX);
	assert_int_equal(hear(t, &second, "offline", 1, SIGNED, 7), PEOPLE_STALE);
	/* Who was listed and falls silent is counted, too: the next one has to go. */
	hear(t, &first, "offline", 2, SIGNED, 8);
	assert_int_equal(hear(t, &second, "offline", 1, SIGNED, 9), PEOPLE_TAKEN);
	people_free(t);
}

static void test_nobody_speaks_all_the_time(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		assert_int_equal(hear(t, &ann, "update", i, SIGNED, 5000 + (uint64_t)i),
		    i < PEOPLE_BURST ? PEOPLE_TAKEN : PEOPLE_OFTEN);
	assert_int_equal(s.new + s.refreshed, PEOPLE_BURST);
	assert_int_equal(hear(t, &bob, "update", 1, 0, 5500), PEOPLE_TAKEN);
	/* In the next second again; a goodbye at any time, once. */
	for (int64_t i = 0; i < PEOPLE_BURST; i++)
		assert_int_equal(hear(t, &ann, "update", 200 + i, SIGNED, 6000), PEOPLE_TAKEN);
	assert_int_equal(hear(t, &ann, "update", 300, SIGNED, 6999), PEOPLE_OFTEN);
	assert_int_equal(hear(t, &ann, "offline", 301, SIGNED, 6999), PEOPLE_TAKEN);
	assert_null(people_get(t, &ann.id));
	assert_int_equal(hear(t, &ann, "offline", 302, SIGNED, 6999), PEOPLE_OFTEN);
	people_free(t);
}

static void test_walk(void **state)
{
	struct somebody ann = somebody(1), bob = somebody(2);
	struct seen s;
	struct people *t = people_of(&s);
	const struct person *p;

	(void)state;
	assert_null(people_next(t, NULL));
	hear(t, &ann, "online", 1, 0, 1);
	hear(t, &bob, "online", 1, 0, 2);
	hear(t, &ann, "update", 1, 0, 3);
	p = people_next(t, NULL);
	assert_string_equal(p->id, bob.text);
	p = people_next(t, p);
	assert_string_equal(p->id, ann.text);
	assert_null(people_next(t, p));
	people_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_online_lists_update_refreshes_offline_drops),
	    cmocka_unit_test(test_an_update_lists_too),
	    cmocka_unit_test(test_offline_of_a_stranger_does_nothing),
	    cmocka_unit_test(test_the_silent_are_dropped_after_the_ttl),
	    cmocka_unit_test(test_we_are_not_among_the_people),
	    cmocka_unit_test(test_nobody_speaks_for_another),
	    cmocka_unit_test(test_a_wrong_signature_is_refused_everywhere),
	    cmocka_unit_test(test_who_signs_is_not_believed_unsigned),
	    cmocka_unit_test(test_older_messages_of_a_signer_are_refused),
	    cmocka_unit_test(test_a_signer_is_forgotten_after_a_day_of_silence),
	    cmocka_unit_test(test_what_was_signed_does_not_outlive_the_signers_row),
	    cmocka_unit_test(test_a_clock_may_be_wrong_by_hours),
	    cmocka_unit_test(test_a_peers_own_connection_needs_no_clock),
	    cmocka_unit_test(test_others_may_go_back_in_time),
	    cmocka_unit_test(test_gossip_outweighs_the_rendezvous),
	    cmocka_unit_test(test_whom_a_server_sees_stays_without_a_word),
	    cmocka_unit_test(test_gossip_that_falls_silent_leaves_the_rendezvous),
	    cmocka_unit_test(test_a_servers_word_counts_less_than_gossip),
	    cmocka_unit_test(test_a_server_brings_back_whom_we_lost_sight_of),
	    cmocka_unit_test(test_nobody_is_brought_back_after_a_goodbye),
	    cmocka_unit_test(test_a_punch_is_no_presence),
	    cmocka_unit_test(test_those_present_stay_when_the_table_is_full),
	    cmocka_unit_test(test_texts_are_bounded_altogether),
	    cmocka_unit_test(test_signers_remembered_are_bounded),
	    cmocka_unit_test(test_nobody_speaks_all_the_time),
	    cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
