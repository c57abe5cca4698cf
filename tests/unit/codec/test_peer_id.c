#include "../testing.h"

#include "codec/peer_id.h"
#include "keys.h"

static struct peer_id from_text(const char *text)
{
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, text, strlen(text)), 0);
	return id;
}

static void check_key(const char *key_hex, const char *text)
{
	size_t n;
	uint8_t *key = unhex(key_hex, &n);
	struct peer_id id, back;
	char out[PEER_ID_TEXT];

	assert_int_equal(peer_id_from_key(&id, key, n), 0);
	peer_id_to_text(&id, out);
	assert_string_equal(out, text);
	back = from_text(text);
	assert_true(peer_id_equal(&id, &back));
	if (n <= 42) {
		assert_int_equal(peer_id_key(&id).len, n);
		assert_memory_equal(peer_id_key(&id).data, key, n);
	} else {
		assert_int_equal(peer_id_key(&id).len, 0);
	}
	free(key);
}

static void keys_of_every_kind_give_their_id(void **state)
{
	(void)state;
	check_key(KEY_A, TEXT_A);
	check_key(KEY_B, TEXT_B);
	check_key(KEY_K1, TEXT_K1);
	check_key(KEY_EC, TEXT_EC);
	check_key(KEY_RSA, TEXT_RSA);
	check_key(GO_P256, TEXT_GO_P256);
	check_key(GO_P384, TEXT_GO_P384);
}

static void cids_give_the_same_id(void **state)
{
	struct peer_id a = from_text(TEXT_A), b = from_text(TEXT_B);
	struct peer_id a32 = from_text(CID32_A), b32 = from_text(CID32_B);
	struct peer_id a36 = from_text(CID36_A), b36 = from_text(CID36_B);
	char out[PEER_ID_CID];

	(void)state;
	assert_true(peer_id_equal(&a, &a32) && peer_id_equal(&a, &a36));
	assert_true(peer_id_equal(&b, &b32) && peer_id_equal(&b, &b36));
	peer_id_to_cid36(&a, out);
	assert_string_equal(out, CID36_A);
	peer_id_to_cid36(&b, out);
	assert_string_equal(out, CID36_B);
}

static void text_that_is_no_id_is_refused(void **state)
{
	static const char *const bad[] = {"", "1", "Q", "12D3KooW",
	    /* a character too few, one too many, one outside the alphabet */
	    "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3p",
	    "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pqq",
	    "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R30q",
	    /* a content id, not a peer's */
	    "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "hello", "kk51"};
	struct peer_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(peer_id_from_text(&id, bad[i], strlen(bad[i])), -1);
	assert_int_equal(peer_id_from_text(&id, TEXT_A "\0", sizeof(TEXT_A)), -1);
}

static void longest_inlined_key_round_trips(void **state)
{
	uint8_t key[43];
	struct peer_id id, back;
	char text[PEER_ID_TEXT], cid[PEER_ID_CID];

	(void)state;
	memset(key, 0xff, sizeof(key));
	assert_int_equal(peer_id_from_key(&id, key, 42), 0);
	assert_int_equal(id.len, PEER_ID_MAX);
	peer_id_to_text(&id, text);
	back = from_text(text);
	assert_true(peer_id_equal(&id, &back));
	peer_id_to_cid36(&id, cid);
	back = from_text(cid);
	assert_true(peer_id_equal(&id, &back));
	assert_int_equal(peer_id_from_key(&id, key, 43), 0);
	assert_int_equal(id.bytes[0], 0x12);
	assert_int_equal(peer_id_from_key(&id, key, 0), -1);
}

static void must_fail(const uint8_t *p, size_t n, void *arg)
{
	struct peer_id id;

	(void)arg;
	assert_int_equal(peer_id_from_bytes(&id, p, n), -1);
}

static void a_cut_multihash_is_refused(void **state)
{
	struct peer_id a = from_text(TEXT_A), ec = from_text(TEXT_EC);

	(void)state;
	cut_every_length(a.bytes, a.len, must_fail, NULL);
	cut_every_length(ec.bytes, ec.len, must_fail, NULL);
}

static void round_trip_or_refused(const uint8_t *p, size_t n, void *arg)
{
	struct peer_id id, back;
	char text[PEER_ID_TEXT];

	(void)arg;
	if (peer_id_from_bytes(&id, p, n) != 0)
		return;
	peer_id_to_text(&id, text);
	/* Only what begins like an id of the two kinds of hash is read as base58. */
	if (text[0] == '1' || strncmp(text, "Qm", 2) == 0) {
		assert_int_equal(peer_id_from_text(&back, text, strlen(text)), 0);
		assert_true(peer_id_equal(&id, &back));
	}
}

static void flipped_bits_round_trip_or_are_refused(void **state)
{
	struct peer_id a = from_text(TEXT_A), ec = from_text(TEXT_EC);

	(void)state;
	flip_every_bit(a.bytes, a.len, round_trip_or_refused, NULL);
	flip_every_bit(ec.bytes, ec.len, round_trip_or_refused, NULL);
}

static void order_is_that_of_the_bytes(void **state)
{
	struct peer_id a = from_text(TEXT_A), b = from_text(TEXT_B), ec = from_text(TEXT_EC);

	(void)state;
	assert_true(peer_id_compare(&a, &b) > 0);
	assert_true(peer_id_compare(&b, &a) < 0);
	assert_true(peer_id_compare(&a, &ec) < 0);
	assert_int_equal(peer_id_compare(&a, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_of_every_kind_give_their_id),
	    cmocka_unit_test(cids_give_the_same_id),
	    cmocka_unit_test(text_that_is_no_id_is_refused),
	    cmocka_unit_test(longest_inlined_key_round_trips),
	    cmocka_unit_test(a_cut_multihash_is_refused),
	    cmocka_unit_test(flipped_bits_round_trip_or_are_refused),
	    cmocka_unit_test(order_is_that_of_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
