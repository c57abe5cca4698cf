#include "../testing.h"

#include <sodium.h>

#include "codec/envelope.h"
#include "keys.h"

/* A's record, made and accepted by js-libp2p */
#define SEQ 1700000000000000000u
#define PAYLOAD                                                                                    \
	"0a260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e108080a8" \
	"b1e39f"                                                                                   \
	"e7cb171a0a0a0804c0a80105060fa1"
#define PREIMAGE "12 6c69627032702d706565722d7265636f7264 02 0301 3e" PAYLOAD
#define SIGNATURE                                                                                  \
	"12974994438c010132b5b7b0c9acc781f3c733093a9d044a346bcdf1befd52dfa41dc4bf27a9002dbf1afab6" \
	"594686"                                                                                   \
	"b78d2e1d3a7494f9ac09f4a733a824d20c"
#define ENVELOPE "0a24" KEY_A "12020301 1a3e" PAYLOAD "2a40" SIGNATURE

static void is_hex(struct buf *b, const char *hex)
{
	size_t n;
	uint8_t *want = unhex(hex, &n);

	assert_int_equal(buf_len(b), n);
	assert_memory_equal(buf_data(b), want, n);
	free(want);
	buf_clear(b);
}

static struct peer_id peer(const char *text)
{
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, text, strlen(text)), 0);
	return id;
}

static void the_vector_is_made(void **state)
{
	struct peer_id a = peer(TEXT_A);
	struct multiaddr addrs[2] = {{.len = 0}};
	struct buf out;
	size_t key_len, payload_len, sig_len;
	uint8_t *key = unhex(KEY_A, &key_len), *payload = unhex(PAYLOAD, &payload_len);
	uint8_t *sig = unhex(SIGNATURE, &sig_len);

	(void)state;
	buf_init(&out, 1024);
	assert_int_equal(multiaddr_from_text(&addrs[1], "/ip4/192.168.1.5/tcp/4001", 25), 0);
	/* The empty address in front must not appear. */
	assert_int_equal(envelope_peer_record(&out, &a, SEQ, addrs, 2), 0);
	is_hex(&out, PAYLOAD);
	assert_int_equal(envelope_preimage(&out, "libp2p-peer-record", (const uint8_t *)"\3\1", 2,
			     payload, payload_len),
	    0);
	is_hex(&out, PREIMAGE);
	assert_int_equal(envelope_seal(&out, key, key_len, (const uint8_t *)"\3\1", 2, payload,
			     payload_len, sig, sig_len),
	    0);
	is_hex(&out, ENVELOPE);
	free(key);
	free(payload);
	free(sig);
}

static void the_vector_is_opened(void **state)
{
	size_t n;
	uint8_t *raw = unhex(ENVELOPE, &n);
	struct peer_id id, a = peer(TEXT_A);
	struct multiaddr addrs[4];
	char text[MULTIADDR_TEXT];
	uint64_t seq;

	(void)state;
	assert_int_equal(envelope_open_peer_record(raw, n, &id, &seq, addrs, 4), 1);
	assert_true(peer_id_equal(&id, &a));
	assert_true(seq == SEQ);
	multiaddr_to_text(&addrs[0], text);
	assert_string_equal(text, "/ip4/192.168.1.5/tcp/4001");
	assert_int_equal(envelope_open_peer_record(raw, n, &id, &seq, addrs, 0), 0);
	free(raw);
}

static void must_not_open(const uint8_t *p, size_t n, void *arg)
{
	struct peer_id id;
	struct multiaddr addrs[4];
	uint64_t seq;

	(void)arg;
	assert_int_equal(envelope_open_peer_record(p, n, &id, &seq, addrs, 4), -1);
}

static void cut_or_flipped_does_not_open(void **state)
{
	size_t n;
	uint8_t *raw = unhex(ENVELOPE, &n);

	(void)state;
	cut_every_length(raw, n, must_not_open, NULL);
	flip_every_bit(raw, n, must_not_open, NULL);
	free(raw);
}

/* Seals a payload with A's key, whatever it says. */
static void seal_as_a(
    struct buf *out, const char *domain, const char *type, const struct buf *payload)
{
	size_t n;
	uint8_t *seed = unhex(SEED_A, &n), *key = unhex(KEY_A, &n);
	uint8_t public_key[32], secret[64], sig[64];
	struct buf preimage;

	crypto_sign_seed_keypair(public_key, secret, seed);
	buf_init(&preimage, 4096);
	assert_int_equal(envelope_preimage(&preimage, domain, (const uint8_t *)type, 2,
			     buf_data(payload), buf_len(payload)),
	    0);
	crypto_sign_detached(sig, NULL, buf_data(&preimage), buf_len(&preimage), secret);
	assert_int_equal(envelope_seal(out, key, n, (const uint8_t *)type, 2, buf_data(payload),
			     buf_len(payload), sig, sizeof(sig)),
	    0);
	buf_clear(&preimage);
	free(seed);
	free(key);
}

static void what_is_rightly_signed_but_wrong_does_not_open(void **state)
{
	struct peer_id a = peer(TEXT_A), b = peer(TEXT_B), id;
	struct buf payload, out;
	uint64_t seq;

	(void)state;
	buf_init(&payload, 1024);
	buf_init(&out, 4096);
	assert_int_equal(envelope_peer_record(&payload, &a, 1, NULL, 0), 0);
	seal_as_a(&out, "libp2p-peer-record", "\3\1", &payload);
	assert_int_equal(
	    envelope_open_peer_record(buf_data(&out), buf_len(&out), &id, &seq, NULL, 0), 0);
	buf_clear(&out);
	/* For another purpose, of another type, about another peer. */
	seal_as_a(&out, "libp2p-relay-rsvp", "\3\1", &payload);
	must_not_open(buf_data(&out), buf_len(&out), NULL);
	buf_clear(&out);
	seal_as_a(&out, "libp2p-peer-record", "\3\2", &payload);
	must_not_open(buf_data(&out), buf_len(&out), NULL);
	buf_clear(&out);
	buf_clear(&payload);
	assert_int_equal(envelope_peer_record(&payload, &b, 1, NULL, 0), 0);
	seal_as_a(&out, "libp2p-peer-record", "\3\1", &payload);
	must_not_open(buf_data(&out), buf_len(&out), NULL);
	buf_clear(&out);
	buf_clear(&payload);
}

static void addresses_that_do_not_parse_are_left_out(void **state)
{
	/* peer A, seq 1, addresses: unknown protocol, empty, /ip4/1.2.3.4, no bytes at all */
	size_t n;
	uint8_t *raw =
	    unhex("0a260024" KEY_A "1001 1a040a02ff01 1a020a00 1a070a050401020304 1a00", &n);
	struct buf payload, out;
	struct peer_id id;
	struct multiaddr addrs[4];
	uint64_t seq;

	(void)state;
	buf_init(&payload, 1024);
	buf_init(&out, 4096);
	buf_put(&payload, raw, n);
	seal_as_a(&out, "libp2p-peer-record", "\3\1", &payload);
	assert_int_equal(
	    envelope_open_peer_record(buf_data(&out), buf_len(&out), &id, &seq, addrs, 4), 1);
	assert_int_equal(addrs[0].len, 5);
	buf_clear(&out);
	buf_clear(&payload);
	free(raw);
}

static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 23);
	buf_puts(&out, "x");
	assert_int_equal(
	    envelope_preimage(&out, "libp2p-peer-record", (const uint8_t *)"\3\1", 2, NULL, 0), -1);
	assert_int_equal(buf_len(&out), 1);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_vector_is_made),
	    cmocka_unit_test(the_vector_is_opened),
	    cmocka_unit_test(cut_or_flipped_does_not_open),
	    cmocka_unit_test(what_is_rightly_signed_but_wrong_does_not_open),
	    cmocka_unit_test(addresses_that_do_not_parse_are_left_out),
	    cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
