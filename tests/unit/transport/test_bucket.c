/* Token buckets: the burst, the pace, and that neither is lost to rounding. */
#include "svc-transport/bucket.h"

#include "tests/unit/testing.h"

static const struct bucket_size size = {.burst = 10, .second = 4};

static void a_fresh_one_is_full(void **state)
{
	struct bucket b = {0};

	(void)state;
	assert_true(bucket_is_full(&b, 5));
	assert_true(bucket_has(&b, &size, 10, 5));
	assert_false(bucket_has(&b, &size, 11, 5));
	assert_true(bucket_is_full(&b, 5)); /* asking takes nothing */
}

static void what_is_not_there_is_not_taken(void **state)
{
	struct bucket b = {0};

	(void)state;
	assert_true(bucket_take(&b, &size, 7, 1000));
	assert_false(bucket_take(&b, &size, 4, 1000));
	assert_true(bucket_take(&b, &size, 3, 1000));
	assert_false(bucket_take(&b, &size, 1, 1000));
}

static void tokens_come_back_one_by_one(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_take(&b, &size, 10, 1000);
	assert_false(bucket_has(&b, &size, 1, 1249));
	assert_true(bucket_has(&b, &size, 1, 1250));
	assert_false(bucket_has(&b, &size, 2, 1250));
	assert_false(bucket_is_full(&b, 3499));
	assert_true(bucket_is_full(&b, 3500));
	/* And no more than fit. */
	assert_true(bucket_take(&b, &size, 10, 100000));
	assert_false(bucket_take(&b, &size, 1, 100000));
}

static void asking_often_costs_nothing(void **state)
{
	struct bucket b = {0};
	unsigned taken = 0;

	(void)state;
	for (uint64_t now = 0; now <= 100000; now++)
		taken += bucket_take(&b, &size, 1, now);
	assert_int_equal(taken, 10 + 100 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fresh_one_is_full),
	    cmocka_unit_test(what_is_not_there_is_not_taken),
	    cmocka_unit_test(tokens_come_back_one_by_one),
	    cmocka_unit_test(asking_often_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
