#include "../testing.h"

#include "codec/varint.h"

static void check(uint64_t v, const char *hex)
{
	size_t n;
	uint8_t *want = unhex(hex, &n);
	uint8_t out[VARINT_MAX];
	uint64_t back = ~v;

	assert_int_equal(varint_put(out, v), n);
	assert_memory_equal(out, want, n);
	assert_int_equal(varint_get(want, n, &back), n);
	assert_true(back == v);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(varint_get(want, cut, &back), 0);
	free(want);
}

static void vectors_both_ways(void **state)
{
	(void)state;
	check(0, "00");
	check(1, "01");
	check(127, "7f");
	check(128, "8001");
	check(255, "ff01");
	check(300, "ac02");
	check(16384, "808001");
	check(INT64_MAX, "ffffffffffffffff7f");
}

static void refuses(const char *hex)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);
	uint64_t v;

	assert_int_equal(varint_get(p, n, &v), -1);
	free(p);
}

static void longer_forms_are_refused(void **state)
{
	(void)state;
	refuses("8000");
	refuses("ff00");
	refuses("81808000");
}

static void more_than_nine_bytes_are_refused(void **state)
{
	(void)state;
	refuses("ffffffffffffffffff01");
	refuses("808080808080808080");
}

static void bytes_behind_are_left_alone(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(varint_get((const uint8_t *)"\xac\x02\xff\xff", 4, &v), 2);
	assert_int_equal(v, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_both_ways),
	    cmocka_unit_test(longer_forms_are_refused),
	    cmocka_unit_test(more_than_nine_bytes_are_refused),
	    cmocka_unit_test(bytes_behind_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
