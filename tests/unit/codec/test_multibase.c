#include "../testing.h"

#include "codec/multibase.h"

static void check(enum multibase base, const char *bytes, size_t n, const char *text)
{
	char out[64];
	uint8_t back[64];

	assert_int_equal(multibase_encode(base, (const uint8_t *)bytes, n, out, sizeof(out)), 0);
	assert_string_equal(out, text);
	assert_int_equal(multibase_decode(base, text, strlen(text), back, sizeof(back)), n);
	assert_memory_equal(back, bytes, n);
}

/* multiformats multibase, tests/basic.csv and leading_zero.csv */
static void vectors_both_ways(void **state)
{
	(void)state;
	check(MULTIBASE_58BTC, "yes mani !", 10, "7paNL19xttacUY");
	check(MULTIBASE_36, "yes mani !", 10, "2lcpzo5yikidynfl");
	check(MULTIBASE_32, "yes mani !", 10, "pfsxgidnmfxgsibb");
	check(MULTIBASE_64URL, "yes mani !", 10, "eWVzIG1hbmkgIQ");
	check(MULTIBASE_58BTC, "\0yes mani !", 11, "17paNL19xttacUY");
	check(MULTIBASE_36, "\0yes mani !", 11, "02lcpzo5yikidynfl");
	check(MULTIBASE_58BTC, "\0\0yes mani !", 12, "117paNL19xttacUY");
	check(MULTIBASE_36, "\0\0yes mani !", 12, "002lcpzo5yikidynfl");
	check(MULTIBASE_32, "\0\0yes mani !", 12, "aaahszltebwwc3tjeaqq");
	check(MULTIBASE_64URL, "\0\0yes mani !", 12, "AAB5ZXMgbWFuaSAh");
	check(MULTIBASE_58BTC, "", 0, "");
	check(MULTIBASE_32, "", 0, "");
}

static void refuses(enum multibase base, const char *text, size_t room)
{
	uint8_t out[64];

	assert_int_equal(multibase_decode(base, text, strlen(text), out, room), -1);
}

static void wrong_text_is_refused(void **state)
{
	(void)state;
	refuses(MULTIBASE_58BTC, "7paNL0", 64);
	refuses(MULTIBASE_36, "ABC", 64);
	refuses(MULTIBASE_32, "pfsx1", 64);
	refuses((enum multibase)'f', "00", 64);
	/* Bits left over. */
	refuses(MULTIBASE_32, "pfsxgidnmfxgsibc", 10 - 1);
	refuses(MULTIBASE_32, "ab", 64);
	refuses(MULTIBASE_32, "a", 64);
	refuses(MULTIBASE_64URL, "eWVzIG1hbmkgIR", 64);
}

static void room_is_respected(void **state)
{
	char out[64];

	(void)state;
	refuses(MULTIBASE_58BTC, "7paNL19xttacUY", 9);
	refuses(MULTIBASE_64URL, "eWVzIG1hbmkgIQ", 9);
	refuses(MULTIBASE_58BTC, "1111", 3);
	assert_int_equal(
	    multibase_encode(MULTIBASE_58BTC, (const uint8_t *)"yes mani !", 10, out, 14), -1);
	assert_int_equal(
	    multibase_encode(MULTIBASE_58BTC, (const uint8_t *)"yes mani !", 10, out, 15), 0);
	assert_int_equal(
	    multibase_encode(MULTIBASE_32, (const uint8_t *)"yes mani !", 10, out, 16), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_both_ways),
	    cmocka_unit_test(wrong_text_is_refused),
	    cmocka_unit_test(room_is_respected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
