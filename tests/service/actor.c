#include "tests/service/actor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/varint.h"

#define ROOM 65536

void actor_init(struct actor *a, uint8_t number)
{
	uint8_t seed[crypto_sign_SEEDBYTES], raw[crypto_sign_PUBLICKEYBYTES];

	*a = (struct actor){.seqno = (uint64_t)number << 32, .ts = clock_wall_ms()};
	memset(seed, number, sizeof seed);
	crypto_sign_seed_keypair(raw, a->secret, seed);
	pubkey_from_ed25519(raw, a->key);
	if (peer_id_from_key(&a->id, a->key, sizeof a->key) < 0)
		abort();
	peer_id_to_text(&a->id, a->text);
}

void actor_sign_presence(const struct actor *a, struct presence *p)
{
	struct buf preimage;

	buf_init(&preimage, ROOM);
	if (presence_preimage(&preimage, p) < 0)
		abort();
	crypto_sign_detached(p->sig, NULL, buf_data(&preimage), buf_len(&preimage), a->secret);
	p->signed_ = true;
	buf_clear(&preimage);
}

char *actor_presence(
    struct actor *a, enum presence_type type, const char *label, const char *addr, bool with_sig)
{
	struct presence p = {.type = type, .peer = a->id, .ts = ++a->ts};
	char *json;

	p.peer_text = xstrdup(a->text);
	p.content = xstrdup(label);
	p.email = xstrdup("");
	p.avatar_hash = xstrdup("");
	p.target = xstrdup("");
	if (addr != NULL)
		p.addrs[p.addr_count++] = xstrdup(addr);
	if (with_sig)
		actor_sign_presence(a, &p);
	json = presence_to_json(&p);
	presence_clear(&p);
	return json;
}

/* --- protobuf by hand: a second opinion on what the service writes and reads -------------------
 */

static void put_varint(struct buf *out, uint64_t v)
{
	uint8_t raw[VARINT_MAX];

	buf_put(out, raw, varint_put(raw, v));
}

static void put_field(struct buf *out, unsigned field, const void *p, size_t n)
{
	put_varint(out, field << 3 | 2);
	put_varint(out, n);
	buf_put(out, p, n);
}

static void put_framed(struct buf *out, unsigned field, struct buf *inner)
{
	struct buf rpc;

	buf_init(&rpc, ROOM);
	put_field(&rpc, field, buf_data(inner), buf_len(inner));
	put_varint(out, buf_len(&rpc));
	buf_put(out, buf_data(&rpc), buf_len(&rpc));
	buf_clear(&rpc);
	buf_clear(inner);
}

void actor_subscribe(struct buf *out, const char *topic)
{
	struct buf subscription;

	buf_init(&subscription, ROOM);
	put_varint(&subscription, 1 << 3);
	put_varint(&subscription, 1);
	put_field(&subscription, 2, topic, strlen(topic));
	put_framed(out, 1, &subscription);
}

static void put_message(
    struct buf *m, const struct actor *a, const char *topic, uint64_t seqno, struct bytes data)
{
	uint8_t number[8];

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(seqno >> (56 - 8 * i));
	put_field(m, 1, a->id.bytes, a->id.len);
	put_field(m, 2, data.data, data.len);
	put_field(m, 3, number, sizeof number);
	put_field(m, 4, topic, strlen(topic));
}

void actor_sign_publish(const struct actor *a, const char *topic, uint64_t seqno, struct bytes data,
    uint8_t signature[64])
{
	struct buf preimage;

	buf_init(&preimage, ROOM);
	buf_puts(&preimage, "libp2p-pubsub:");
	put_message(&preimage, a, topic, seqno, data);
	crypto_sign_detached(signature, NULL, buf_data(&preimage), buf_len(&preimage), a->secret);
	buf_clear(&preimage);
}

void actor_publish(struct buf *out, struct actor *author, const char *topic, const char *json)
{
	struct bytes data = {(const uint8_t *)json, strlen(json)};
	uint8_t signature[64];
	struct buf m;

	buf_init(&m, ROOM);
	author->seqno++;
	put_message(&m, author, topic, author->seqno, data);
	actor_sign_publish(author, topic, author->seqno, data, signature);
	put_field(&m, 5, signature, sizeof signature);
	put_framed(out, 2, &m);
}

/* --- the neighbours of svc-discovery ------------------------------------------------------------
 */

static void say_signature(struct puppet_end *end, uint32_t request, const uint8_t signature[64])
{
	struct msg m;

	msg_begin(&m, MSG_SIGNATURE, 0);
	msg_put_u32(&m, request);
	msg_put_bytes(&m, signature, 64);
	puppet_say(end, &m);
}

static int sign_presence(const struct actor *us, struct puppet_end *transport, struct msg *m)
{
	struct presence p = {.peer = us->id};
	uint32_t request = msg_get_u32(m);
	char *type = puppet_text(m);

	while (strcmp(presence_type_name(p.type), type) != 0)
		p.type++;
	free(type);
	p.peer_text = xstrdup(us->text);
	p.content = puppet_text(m);
	p.email = puppet_text(m);
	p.avatar_hash = puppet_text(m);
	p.target = xstrdup("");
	p.ts = msg_get_i64(m);
	for (size_t n = msg_get_u16(m); n > 0; n--)
		p.addrs[p.addr_count++] = puppet_text(m);
	assert_true(msg_end(m));
	actor_sign_presence(us, &p);
	say_signature(transport, request, p.sig);
	presence_clear(&p);
	return 1;
}

static int sign_publish(const struct actor *us, struct puppet_end *transport, struct msg *m)
{
	uint32_t request = msg_get_u32(m);
	char *topic = puppet_text(m);
	uint64_t seqno = msg_get_u64(m);
	struct bytes data = msg_get_bytes(m);
	uint8_t signature[64];

	assert_true(msg_end(m));
	actor_sign_publish(us, topic, seqno, data, signature);
	say_signature(transport, request, signature);
	free(topic);
	return 1;
}

int actor_desk(void *arg, struct puppet_end *transport, struct msg *m)
{
	switch (m->type) {
	case MSG_SIGN_PRESENCE: return sign_presence(arg, transport, m);
	case MSG_SIGN_PUBLISH: return sign_publish(arg, transport, m);
	default: return 0;
	}
}

void actor_say_self(const struct actor *us, struct puppet_end *transport, uint16_t port)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, us->text);
	msg_put_bytes(&m, us->key, sizeof us->key);
	msg_put_u16(&m, port);
	puppet_say(transport, &m);
}

static void assert_text(struct msg *m, const char *want)
{
	char *text = puppet_text(m);

	assert_string_equal(text, want);
	free(text);
}

void actor_assert_person(struct puppet_end *end, const struct actor *who, const char *label)
{
	struct msg m;

	puppet_next(end, MSG_PERSON, &m);
	assert_text(&m, who->text);
	assert_text(&m, label);
}

void actor_assert_gone(struct puppet_end *end, const struct actor *who)
{
	struct msg m;

	puppet_next(end, MSG_PERSON_GONE, &m);
	assert_text(&m, who->text);
	assert_true(msg_end(&m));
}
