#include "tests/unit/testing.h"

#include "base/buf.h"
#include "svc-transport/record.h"

/* Records of the handshake in test_noise.c. */
static const char *const KEY = "4759d15f0f4cfb9c3cef133e60b44ea3479cae90880a7e71df96f111d78d5953";
static const char *const PING = "000200010000000000000000";
static const char *const SEALED_PING =
    "001cdc499c46c979611c0f700aecaf6a37577ff17a06dc5963de61fe52aa";

static struct record sealer, opener;

static int setup(void **state)
{
	size_t n;
	uint8_t *key = unhex(KEY, &n);
	(void)state;

	record_init_seal(&sealer, key);
	record_init_open(&opener, key);
	free(key);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	record_clear(&sealer);
	record_clear(&opener);
	return 0;
}

static long seal_one(const uint8_t *p, size_t n, uint8_t *out)
{
	struct bytes piece = {p, n};

	return record_seal(&sealer, &piece, 1, out);
}

static void seals_the_vector(void **state)
{
	size_t n, sealed_n;
	uint8_t *ping = unhex(PING, &n), *sealed = unhex(SEALED_PING, &sealed_n);
	uint8_t out[64];
	(void)state;

	assert_int_equal(seal_one(ping, n, out), sealed_n);
	assert_memory_equal(out, sealed, sealed_n);
	free(ping);
	free(sealed);
}

static void opens_the_vector(void **state)
{
	size_t n, sealed_n;
	uint8_t *ping = unhex(PING, &n), *sealed = unhex(SEALED_PING, &sealed_n);
	uint8_t out[64];
	(void)state;

	assert_int_equal(record_size(sealed, sealed_n), sealed_n);
	assert_int_equal(record_open(&opener, sealed, sealed_n, out), n);
	assert_memory_equal(out, ping, n);
	free(ping);
	free(sealed);
}

static void pieces_give_the_same_record_as_one(void **state)
{
	static uint8_t plain[RECORD_PLAIN_MAX], whole[RECORD_MAX], parts[RECORD_MAX];
	struct bytes one = {plain, sizeof(plain)};
	struct bytes many[] = {{plain, 12}, {plain + 12, 1}, {NULL, 0}, {plain + 13, 30000},
	    {plain + 30013, sizeof(plain) - 30013}};
	struct record again;
	size_t n;
	uint8_t *key = unhex(KEY, &n);
	(void)state;

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * 7);
	record_init_seal(&again, key);
	assert_int_equal(record_seal(&sealer, &one, 1, whole), RECORD_MAX);
	assert_int_equal(record_seal(&again, many, 5, parts), RECORD_MAX);
	assert_memory_equal(whole, parts, RECORD_MAX);
	record_clear(&again);
	free(key);
}

static void round_trip_of_many_sizes(void **state)
{
	static const size_t sizes[] = {1, 2, 12, 63, 64, 65, 4096, 65518, RECORD_PLAIN_MAX};
	static uint8_t plain[RECORD_PLAIN_MAX], sealed[RECORD_MAX], out[RECORD_PLAIN_MAX];
	(void)state;

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i / 2];
		bool in_place = i % 2 == 0;
		uint8_t *to = in_place ? sealed + RECORD_HEADER : out;
		memset(plain, (int)i, n);
		assert_int_equal(seal_one(plain, n, sealed), n + RECORD_OVERHEAD);
		assert_int_equal(record_size(sealed, 2), n + RECORD_OVERHEAD);
		assert_int_equal(record_open(&opener, sealed, n + RECORD_OVERHEAD, to), n);
		assert_memory_equal(to, plain, n);
	}
}

/* Other implementations may send one; ours never does. */
static void empty_record_is_opened(void **state)
{
	size_t n;
	uint8_t *empty = unhex("0010 a4b4df47acb75d9129397aa568355ae9", &n);
	uint8_t out[1] = {'-'};
	(void)state;

	assert_int_equal(record_size(empty, n), RECORD_OVERHEAD);
	assert_int_equal(record_open(&opener, empty, n, out), 0);
	assert_int_equal(out[0], '-');
	opener.count = 0;
	empty[n - 1] ^= 1;
	assert_int_equal(record_open(&opener, empty, n, out), -1);
	free(empty);
}

static void sizes_out_of_bounds(void **state)
{
	(void)state;
	assert_int_equal(record_size((const uint8_t *)"", 0), 0);
	assert_int_equal(record_size((const uint8_t *)"\0", 1), 0);
	assert_int_equal(record_size((const uint8_t *)"\0\0", 2), -1);
	assert_int_equal(record_size((const uint8_t *)"\0\x0f", 2), -1);
	assert_int_equal(record_size((const uint8_t *)"\0\x10", 2), RECORD_OVERHEAD);
	assert_int_equal(record_size((const uint8_t *)"\xff\xff", 2), RECORD_MAX);
}

static void forged(const uint8_t *p, size_t n, void *arg)
{
	uint8_t out[64];
	(void)arg;

	if (record_size(p, n) != (long)n)
		return;
	opener.count = 0;
	assert_int_equal(record_open(&opener, p, n, out), -1);
}

static void any_flipped_bit_is_seen(void **state)
{
	size_t n;
	uint8_t *sealed = unhex(SEALED_PING, &n);
	uint8_t out[64];
	(void)state;

	flip_every_bit(sealed, n, forged, NULL);
	/* The opener still works afterwards: what failed was the record. */
	opener.count = 0;
	assert_int_equal(record_open(&opener, sealed, n, out), 12);
	free(sealed);
}

static void replayed_and_reordered_records_are_seen(void **state)
{
	uint8_t first[64], second[64], out[64];
	(void)state;

	seal_one((const uint8_t *)"one", 3, first);
	seal_one((const uint8_t *)"two", 3, second);
	assert_memory_not_equal(first, second, 3 + RECORD_OVERHEAD);
	assert_int_equal(record_open(&opener, first, 3 + RECORD_OVERHEAD, out), 3);
	assert_int_equal(record_open(&opener, first, 3 + RECORD_OVERHEAD, out), -1);
	opener.count = 0;
	assert_int_equal(record_open(&opener, second, 3 + RECORD_OVERHEAD, out), -1);
}

static void key_is_used_up(void **state)
{
	uint8_t sealed[64], out[64];
	(void)state;

	sealer.count = opener.count = UINT64_MAX - 1;
	assert_int_equal(seal_one((const uint8_t *)"last", 4, sealed), 4 + RECORD_OVERHEAD);
	assert_int_equal(record_open(&opener, sealed, 4 + RECORD_OVERHEAD, out), 4);
	assert_int_equal(seal_one((const uint8_t *)"x", 1, sealed), -1);
	assert_int_equal(record_open(&opener, sealed, 4 + RECORD_OVERHEAD, out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(seals_the_vector, setup, teardown),
	    cmocka_unit_test_setup_teardown(opens_the_vector, setup, teardown),
	    cmocka_unit_test_setup_teardown(pieces_give_the_same_record_as_one, setup, teardown),
	    cmocka_unit_test_setup_teardown(round_trip_of_many_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(empty_record_is_opened, setup, teardown),
	    cmocka_unit_test_setup_teardown(sizes_out_of_bounds, setup, teardown),
	    cmocka_unit_test_setup_teardown(any_flipped_bit_is_seen, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		replayed_and_reordered_records_are_seen, setup, teardown),
	    cmocka_unit_test_setup_teardown(key_is_used_up, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
