#include "tests/unit/testing.h"

#include <sodium.h>

#include "base/buf.h"
#include "codec/peer_id.h"
#include "codec/pubkey.h"
#include "svc-transport/noise.h"

/* Both sides of one handshake with every key fixed: A dials, B answers. The payloads were accepted
 * by js-libp2p; hashes and keys are those of flynn/noise. */
static const char *const SEED_A =
    "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d";
static const char *const SEED_B =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char *const ID_A = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";
static const char *const ID_B = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB";
static const char *const STATIC_A =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char *const STATIC_B =
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
static const char *const EPHEMERAL_A =
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
static const char *const EPHEMERAL_B =
    "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60";
static const char *const MESSAGE_1 =
    "0020 358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254";
static const char *const MESSAGE_2 =
    "00d8 64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d484663414af878d3e46a2f58911a8"
    "16d6e8346d4ea17a6f2a0bb4ef4ed56c133cff4560a34e36ea82109f26cf2e5a5caf992b8b4dc7d75b054a033342db"
    "f265914e2d75a503d5cd8638097f1f7c78c1823545fb36868775ab87e84e207e8f24c789c8d7239959102ccc6861f1"
    "a381ab95a7f237c935ae54de962df0411f9c531d0100ed1971f9e74b54cd76b2af781e14eefa289f8c2fe27ba35b94"
    "216610cafd32b1ac73bf9b837316a6a5e6bc7d4877b2048fe76f9390438306";
static const char *const MESSAGE_3 =
    "00b8 87f864c11ba449f46a0a4f4e2eacbb7b0457784f4fca1937f572c93603e9c4d910eeda59c9686ec4e854b8b6"
    "f114f64702320cd7b9b479fd98c480fafdd61f5e93858f566ed8b6e39a20b486d45185eb32978db15c655ce1de6fbb"
    "dffb953a0c39f0b45a87a12bdc01aee67172c64b22b78e1170970225393bcdaf4d88e502fc1b160fd8ebc2f9bab60d"
    "b8d2f09cc148c20dbe810831018a8cbc9debef6fdb1c510dfc961b06f8a7dadf4965bc1d31cae482a293e09b5f3b";
static const char *const FINAL_HASH =
    "30a1ae82e8b2129d17176807291973962f46088b7f53dd248dfcb16ce1863820";
static const char *const KEY_1 = "4759d15f0f4cfb9c3cef133e60b44ea3479cae90880a7e71df96f111d78d5953";
static const char *const KEY_2 = "a8b5dce3cef845d63c9671c350eb15cbb50b6c6d5f0d3231d32d711dab1ed191";

#define PREFIX      "noise-libp2p-static-key:"
#define EXTENSION   16 /* bytes of our payload that name yamux: tag, length, tag, length, text */
#define YAMUX_BYTES 12

struct party {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t identity[PUBKEY_ED25519_SIZE];
	struct noise_self self;
	struct noise *noise;
	struct buf out;
};

struct pair {
	struct party a, b;
};

static void from_hex(const char *hex, void *out, size_t n)
{
	size_t got;
	uint8_t *bytes = unhex(hex, &got);

	assert_int_equal(got, n);
	memcpy(out, bytes, n);
	free(bytes);
}

static void expect_hex(const char *hex, const uint8_t *p, size_t n)
{
	size_t want_n;
	uint8_t *want = unhex(hex, &want_n);

	assert_int_equal(n, want_n);
	assert_memory_equal(p, want, n);
	free(want);
}

static void sign(void *arg, const uint8_t static_key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE])
{
	struct party *p = arg;
	uint8_t message[sizeof(PREFIX) - 1 + NOISE_KEY];

	memcpy(message, PREFIX, sizeof(PREFIX) - 1);
	memcpy(message + sizeof(PREFIX) - 1, static_key, NOISE_KEY);
	crypto_sign_detached(signature, NULL, message, sizeof(message), p->secret);
}

static void party_init(
    struct party *p, const char *seed_hex, const char *static_hex, const char *ephemeral_hex)
{
	uint8_t seed[32], fixed[NOISE_KEY], public[32];

	from_hex(seed_hex, seed, 32);
	from_hex(static_hex, fixed, NOISE_KEY);
	crypto_sign_seed_keypair(public, p->secret, seed);
	pubkey_from_ed25519(public, p->identity);
	noise_self_init(&p->self, p->identity, sizeof(p->identity), sign, p, fixed);
	buf_init(&p->out, 4096);
	p->noise = noise_new(&p->self, ephemeral_hex == EPHEMERAL_A, NULL);
	from_hex(ephemeral_hex, fixed, NOISE_KEY);
	noise_set_ephemeral(p->noise, fixed);
}

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	party_init(&pair->a, SEED_A, STATIC_A, EPHEMERAL_A);
	party_init(&pair->b, SEED_B, STATIC_B, EPHEMERAL_B);
	*state = pair;
	return 0;
}

static void party_clear(struct party *p)
{
	noise_free(p->noise);
	noise_self_clear(&p->self);
	buf_clear(&p->out);
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	party_clear(&pair->a);
	party_clear(&pair->b);
	free(pair);
	return 0;
}

static void restart(struct party *p, bool initiator, const char *expected)
{
	struct peer_id id;

	if (expected != NULL)
		assert_int_equal(peer_id_from_text(&id, expected, strlen(expected)), 0);
	noise_free(p->noise);
	p->noise = noise_new(&p->self, initiator, expected != NULL ? &id : NULL);
}

/* Moves what `from` has to say to `to`. */
static enum noise_result pass(struct party *from, struct party *to)
{
	size_t used, n = buf_len(&from->out);
	enum noise_result r = noise_input(to->noise, buf_data(&from->out), n, &used, &to->out);

	if (r != NOISE_FAILED)
		assert_int_equal(used, n);
	buf_consume(&from->out, n);
	return r;
}

static enum noise_result feed_hex(struct party *p, const char *hex)
{
	size_t used, n;
	uint8_t *in = unhex(hex, &n);
	enum noise_result r = noise_input(p->noise, in, n, &used, &p->out);

	assert_true(used <= n);
	free(in);
	return r;
}

static void expect_peer(const struct party *p, const char *id)
{
	char text[PEER_ID_TEXT];

	peer_id_to_text(noise_peer(p->noise), text);
	assert_string_equal(text, id);
}

static void vector_as_initiator(void **state)
{
	struct party *a = &((struct pair *)*state)->a;
	uint8_t sending[NOISE_KEY], receiving[NOISE_KEY];

	assert_int_equal(noise_start(a->noise, &a->out), 0);
	expect_hex(MESSAGE_1, buf_data(&a->out), buf_len(&a->out));
	buf_truncate(&a->out, 0);
	assert_int_equal(feed_hex(a, MESSAGE_2), NOISE_DONE);
	expect_hex(MESSAGE_3, buf_data(&a->out), buf_len(&a->out));
	expect_peer(a, ID_B);
	assert_true(noise_agreed_yamux(a->noise));
	noise_keys(a->noise, sending, receiving);
	expect_hex(KEY_1, sending, NOISE_KEY);
	expect_hex(KEY_2, receiving, NOISE_KEY);
	expect_hex(FINAL_HASH, noise_hash(a->noise), 32);
}

static void vector_as_responder(void **state)
{
	struct party *b = &((struct pair *)*state)->b;
	uint8_t sending[NOISE_KEY], receiving[NOISE_KEY];

	assert_int_equal(feed_hex(b, MESSAGE_1), NOISE_MORE);
	expect_hex(MESSAGE_2, buf_data(&b->out), buf_len(&b->out));
	assert_int_equal(feed_hex(b, MESSAGE_3), NOISE_DONE);
	expect_peer(b, ID_A);
	assert_true(noise_agreed_yamux(b->noise));
	noise_keys(b->noise, sending, receiving);
	expect_hex(KEY_2, sending, NOISE_KEY);
	expect_hex(KEY_1, receiving, NOISE_KEY);
	expect_hex(FINAL_HASH, noise_hash(b->noise), 32);
}

static void byte_by_byte_and_what_follows_is_left(void **state)
{
	struct party *b = &((struct pair *)*state)->b;
	size_t n, used;
	uint8_t *first = unhex(MESSAGE_1, &n);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(noise_input(b->noise, first + i, 1, &used, &b->out), NOISE_MORE);
		assert_int_equal(used, 1);
	}
	free(first);
	expect_hex(MESSAGE_2, buf_data(&b->out), buf_len(&b->out));
	uint8_t *third = unhex(MESSAGE_3, &n);
	third = realloc(third, n + 3);
	memcpy(third + n, "\0\x1c\xdc", 3);
	assert_int_equal(noise_input(b->noise, third, n + 3, &used, &b->out), NOISE_DONE);
	assert_int_equal(used, n);
	assert_int_equal(noise_input(b->noise, third, 3, &used, &b->out), NOISE_DONE);
	assert_int_equal(used, 0);
	free(third);
}

static void random_keys_meet(void **state)
{
	struct pair *pair = *state;
	uint8_t mine[2][NOISE_KEY], theirs[2][NOISE_KEY];

	noise_self_init(
	    &pair->a.self, pair->a.identity, sizeof(pair->a.identity), sign, &pair->a, NULL);
	restart(&pair->a, true, ID_B);
	restart(&pair->b, false, ID_A);
	noise_start(pair->a.noise, &pair->a.out);
	assert_memory_not_equal(buf_data(&pair->a.out) + 2, "\x35\x80\x72\xd6", 4);
	assert_int_equal(pass(&pair->a, &pair->b), NOISE_MORE);
	assert_int_equal(pass(&pair->b, &pair->a), NOISE_DONE);
	assert_int_equal(pass(&pair->a, &pair->b), NOISE_DONE);
	noise_keys(pair->a.noise, mine[0], mine[1]);
	noise_keys(pair->b.noise, theirs[1], theirs[0]);
	assert_memory_equal(mine, theirs, sizeof(mine));
	assert_memory_not_equal(mine[0], mine[1], NOISE_KEY);
	assert_string_equal(noise_error(pair->a.noise), "");
}

static void initiator_expected_somebody_else(void **state)
{
	struct pair *pair = *state;

	restart(&pair->a, true, ID_A);
	/* The id is what it stumbles over, although the signature is wrong too. */
	pair->b.self.payload[60] ^= 1;
	noise_start(pair->a.noise, &pair->a.out);
	pass(&pair->a, &pair->b);
	assert_int_equal(pass(&pair->b, &pair->a), NOISE_FAILED);
	assert_string_equal(noise_error(pair->a.noise), "another peer than expected");
	assert_int_equal(buf_len(&pair->a.out), 0);
}

static void signature_is_wrong(void **state)
{
	struct pair *pair = *state;

	pair->b.self.payload[60] ^= 1;
	noise_start(pair->a.noise, &pair->a.out);
	pass(&pair->a, &pair->b);
	assert_int_equal(pass(&pair->b, &pair->a), NOISE_FAILED);
	assert_string_equal(noise_error(pair->a.noise), "the identity's signature is wrong");
	assert_int_equal(buf_len(&pair->a.out), 0);
}

/* Somebody who replays a payload that he saw, with a static key of his own. */
static void payload_vouches_for_another_static_key(void **state)
{
	struct pair *pair = *state;

	randombytes_buf(pair->a.self.secret, NOISE_KEY);
	crypto_scalarmult_curve25519_base(pair->a.self.public, pair->a.self.secret);
	noise_start(pair->a.noise, &pair->a.out);
	pass(&pair->a, &pair->b);
	assert_int_equal(pass(&pair->b, &pair->a), NOISE_DONE);
	assert_int_equal(pass(&pair->a, &pair->b), NOISE_FAILED);
	assert_string_equal(noise_error(pair->b.noise), "the identity's signature is wrong");
}

static enum noise_result meet_with_payload(struct pair *pair, const void *payload, size_t n)
{
	memcpy(pair->b.self.payload, payload, n);
	pair->b.self.payload_len = n;
	noise_start(pair->a.noise, &pair->a.out);
	pass(&pair->a, &pair->b);
	return pass(&pair->b, &pair->a);
}

static void peer_that_names_no_muxer(void **state)
{
	struct pair *pair = *state;
	size_t n = pair->b.self.payload_len - EXTENSION;

	assert_int_equal(meet_with_payload(pair, pair->b.self.payload, n), NOISE_DONE);
	assert_false(noise_agreed_yamux(pair->a.noise));
	assert_int_equal(pass(&pair->a, &pair->b), NOISE_DONE);
}

static void peer_that_names_another_muxer(void **state)
{
	struct pair *pair = *state;
	size_t n = pair->b.self.payload_len;
	uint8_t payload[NOISE_PAYLOAD_MAX];

	memcpy(payload, pair->b.self.payload, n);
	memcpy(payload + n - YAMUX_BYTES, "/mplex/6.7.0", YAMUX_BYTES);
	assert_int_equal(meet_with_payload(pair, payload, n), NOISE_DONE);
	assert_false(noise_agreed_yamux(pair->a.noise));
}

static void peer_that_names_several_muxers(void **state)
{
	struct pair *pair = *state;
	size_t n = pair->b.self.payload_len - EXTENSION;
	uint8_t payload[NOISE_PAYLOAD_MAX];
	static const char extension[] = "\x22\x1c\x12\x0c/mplex/6.7.0\x12\x0c/yamux/1.0.0";

	memcpy(payload, pair->b.self.payload, n);
	memcpy(payload + n, extension, sizeof(extension) - 1);
	assert_int_equal(meet_with_payload(pair, payload, n + sizeof(extension) - 1), NOISE_DONE);
	assert_true(noise_agreed_yamux(pair->a.noise));
}

static void peer_without_identity(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(meet_with_payload(pair, "", 0), NOISE_FAILED);
	assert_string_equal(
	    noise_error(pair->a.noise), "the payload has no identity key or signature");
}

static void payload_that_is_no_protobuf(void **state)
{
	assert_int_equal(meet_with_payload(*state, "\xff\xff\xff", 3), NOISE_FAILED);
}

static void first_message_has_a_payload(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(feed_hex(&pair->b,
			     "0021 358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
			     "00"),
	    NOISE_FAILED);
	restart(&pair->b, false, NULL);
	assert_int_equal(feed_hex(&pair->b, "0000"), NOISE_FAILED);
}

static void key_of_small_order(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(
	    feed_hex(
		&pair->b, "0020 0000000000000000000000000000000000000000000000000000000000000000"),
	    NOISE_FAILED);
	assert_string_equal(noise_error(pair->b.noise), "a key of small order");
}

static void message_is_too_long(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(feed_hex(&pair->b, "2001"), NOISE_FAILED);
	assert_string_equal(noise_error(pair->b.noise), "a message is too long");
	restart(&pair->b, false, NULL);
	assert_int_equal(feed_hex(&pair->b, "2000"), NOISE_MORE);
}

static void message_is_too_short(void **state)
{
	struct pair *pair = *state;

	noise_start(pair->a.noise, &pair->a.out);
	assert_int_equal(feed_hex(&pair->a, "0002 abcd"), NOISE_FAILED);
	assert_string_equal(noise_error(pair->a.noise), "a message is too short");
	feed_hex(&pair->b, MESSAGE_1);
	assert_int_equal(feed_hex(&pair->b, "0000"), NOISE_FAILED);
	assert_string_equal(noise_error(pair->b.noise), "a message is too short");
}

static void no_room_for_the_answer(void **state)
{
	struct pair *pair = *state;

	pair->b.out.max = 100;
	assert_int_equal(feed_hex(&pair->b, MESSAGE_1), NOISE_FAILED);
	pair->a.out.max = 10;
	assert_int_equal(noise_start(pair->a.noise, &pair->a.out), -1);
}

struct cruelty {
	struct pair *pair;
	bool initiator;
};

static void hurt(const uint8_t *p, size_t n, void *arg)
{
	struct cruelty *c = arg;
	struct party *victim = c->initiator ? &c->pair->a : &c->pair->b;
	uint8_t fixed[NOISE_KEY];
	size_t used;

	restart(victim, c->initiator, NULL);
	from_hex(c->initiator ? EPHEMERAL_A : EPHEMERAL_B, fixed, NOISE_KEY);
	noise_set_ephemeral(victim->noise, fixed);
	buf_truncate(&victim->out, 0);
	if (c->initiator)
		noise_start(victim->noise, &victim->out);
	else
		feed_hex(victim, MESSAGE_1);
	assert_int_not_equal(noise_input(victim->noise, p, n, &used, &victim->out), NOISE_DONE);
	assert_true(used <= n);
}

static void no_cut_and_no_flipped_bit_is_accepted(void **state)
{
	struct cruelty c = {.pair = *state, .initiator = true};
	size_t n;
	uint8_t *second = unhex(MESSAGE_2, &n);

	cut_every_length(second, n, hurt, &c);
	flip_every_bit(second, n, hurt, &c);
	free(second);
	c.initiator = false;
	uint8_t *third = unhex(MESSAGE_3, &n);
	cut_every_length(third, n, hurt, &c);
	flip_every_bit(third, n, hurt, &c);
	free(third);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(vector_as_initiator),
	    TEST(vector_as_responder),
	    TEST(byte_by_byte_and_what_follows_is_left),
	    TEST(random_keys_meet),
	    TEST(initiator_expected_somebody_else),
	    TEST(signature_is_wrong),
	    TEST(payload_vouches_for_another_static_key),
	    TEST(peer_that_names_no_muxer),
	    TEST(peer_that_names_another_muxer),
	    TEST(peer_that_names_several_muxers),
	    TEST(peer_without_identity),
	    TEST(payload_that_is_no_protobuf),
	    TEST(first_message_has_a_payload),
	    TEST(key_of_small_order),
	    TEST(message_is_too_long),
	    TEST(message_is_too_short),
	    TEST(no_room_for_the_answer),
	    TEST(no_cut_and_no_flipped_bit_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
