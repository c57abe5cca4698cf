#include "svc-rendezvous/hub_log.h"

#include "tests/unit/testing.h"

static void test_place_after_a_number(void **state)
{
	struct hub_log log;
	uint64_t place;

	(void)state;
	hub_log_init(&log, 3, 1);
	assert_true(hub_log_after(&log, 1, 0, &place));
	assert_int_equal(place, 0);
	hub_log_add(&log, 5, 100);
	hub_log_add(&log, 9, 200);
	assert_true(hub_log_after(&log, 1, 300, &place));
	assert_int_equal(place, 100);
	assert_true(hub_log_after(&log, 5, 300, &place));
	assert_int_equal(place, 200);
	assert_true(hub_log_after(&log, 7, 300, &place));
	assert_int_equal(place, 200);
	assert_true(hub_log_after(&log, 9, 300, &place));
	assert_int_equal(place, 300);
	hub_log_clear(&log);
}

static void test_what_fell_out_is_not_known(void **state)
{
	struct hub_log log;
	uint64_t place;

	(void)state;
	hub_log_init(&log, 3, 1);
	for (uint64_t i = 2; i <= 6; i++)
		hub_log_add(&log, i, i * 10);
	assert_false(hub_log_after(&log, 0, 70, &place));
	assert_false(hub_log_after(&log, 2, 70, &place));
	assert_true(hub_log_after(&log, 3, 70, &place));
	assert_int_equal(place, 40);
	assert_int_equal(hub_log_count_from(&log, 50), 2);
	assert_int_equal(hub_log_count_from(&log, 0), 3);
	hub_log_clear(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_place_after_a_number),
	    cmocka_unit_test(test_what_fell_out_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
