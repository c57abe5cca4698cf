#include "base/clock.h"

#include <time.h>

#include "tests/unit/testing.h"

static void test_monotonic(void **state)
{
	uint64_t ms = clock_mono_ms(), us = clock_mono_us();

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t now = clock_mono_us();

		assert_true(now >= us);
		us = now;
	}
	assert_true(clock_mono_ms() >= ms);
	assert_true(us / 1000 >= ms);
}

static void test_wall(void **state)
{
	int64_t before = (int64_t)time(NULL);
	int64_t now = clock_wall_ms() / 1000;

	(void)state;
	/* time(2) may lag behind by a tick of the kernel. */
	assert_true(now >= before && now <= (int64_t)time(NULL) + 1);
}

static void assert_formatted(int64_t ms, const char *expected)
{
	char text[25];

	clock_format(ms, text);
	assert_string_equal(text, expected);
}

/* Expected values from `date -u -d @N +%FT%TZ` of coreutils. */
static void test_format(void **state)
{
	(void)state;
	assert_formatted(0, "1970-01-01T00:00:00.000Z");
	assert_formatted(-1, "1969-12-31T23:59:59.999Z");
	assert_formatted(951782399999, "2000-02-28T23:59:59.999Z");
	assert_formatted(951782400000, "2000-02-29T00:00:00.000Z");
	assert_formatted(951868800000, "2000-03-01T00:00:00.000Z");
	assert_formatted(1769903999123, "2026-01-31T23:59:59.123Z");
	assert_formatted(4107542400000, "2100-03-01T00:00:00.000Z");
	assert_formatted(253402300799999, "9999-12-31T23:59:59.999Z");
	assert_formatted(-62167219200000, "0000-01-01T00:00:00.000Z");
	/* Outside of four digits: no date rather than a wrong one. */
	assert_formatted(253402300800000, "0000-00-00T00:00:00.000Z");
	assert_formatted(INT64_MIN, "0000-00-00T00:00:00.000Z");
	assert_formatted(INT64_MAX, "0000-00-00T00:00:00.000Z");
}

/* Every day of four centuries, against the C library. */
static void test_format_like_gmtime(void **state)
{
	(void)state;
	for (int64_t day = -80000; day < 80000; day++) {
		time_t t = day * 86400 + (day * 7919 & 0xffff);
		char expected[32];
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
		assert_formatted((int64_t)t * 1000 + 7, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_monotonic),
	    cmocka_unit_test(test_wall),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_format_like_gmtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
