#include "tests/unit/testing.h"

#include "svc-discovery/drafts.h"

static void test_found_by_number_until_removed(void **state)
{
	struct drafts d = {0};
	uint32_t a, b;

	(void)state;
	assert_true(drafts_empty(&d));
	a = drafts_add(&d, 7, "one", 3, 100)->request;
	b = drafts_add(&d, 8, "three", 5, 100)->request;
	assert_int_not_equal(a, b);
	assert_int_equal(drafts_find(&d, b)->seqno, 8);
	assert_int_equal(drafts_find(&d, b)->data.len, 5);
	assert_memory_equal(drafts_find(&d, b)->data.data, "three", 5);
	drafts_remove(&d, b);
	drafts_remove(&d, b);
	assert_null(drafts_find(&d, b));
	assert_non_null(drafts_find(&d, a));
	assert_false(drafts_empty(&d));
	drafts_remove(&d, a);
	assert_true(drafts_empty(&d));
}

static void test_free_rows_are_not_found(void **state)
{
	struct drafts d = {0};

	(void)state;
	assert_null(drafts_find(&d, 0));
	drafts_remove(&d, 0);
}

static void test_only_so_many_wait(void **state)
{
	struct drafts d = {0};

	(void)state;
	for (int i = 0; i < DRAFTS_MAX; i++)
		assert_non_null(drafts_add(&d, 1, "x", 1, 100));
	assert_null(drafts_add(&d, 1, "x", 1, 100));
	drafts_expire(&d, UINT64_MAX);
	assert_true(drafts_empty(&d));
}

static void test_nobody_waits_for_ever(void **state)
{
	struct drafts d = {0};

	(void)state;
	drafts_add(&d, 1, "x", 1, 100);
	drafts_add(&d, 2, "y", 1, 200);
	drafts_expire(&d, 100 + DRAFTS_WAIT_MS);
	assert_false(drafts_empty(&d));
	assert_int_equal(drafts_find(&d, 2)->seqno, 2);
	drafts_expire(&d, 200 + DRAFTS_WAIT_MS);
	assert_true(drafts_empty(&d));
}

static void test_numbers_stay_below_half(void **state)
{
	struct drafts d = {.last = INT32_MAX - 1};

	(void)state;
	assert_int_equal(drafts_add(&d, 1, "x", 1, 0)->request, INT32_MAX);
	assert_int_equal(drafts_add(&d, 1, "x", 1, 0)->request, 1);
	drafts_expire(&d, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found_by_number_until_removed),
	    cmocka_unit_test(test_free_rows_are_not_found),
	    cmocka_unit_test(test_only_so_many_wait),
	    cmocka_unit_test(test_nobody_waits_for_ever),
	    cmocka_unit_test(test_numbers_stay_below_half),
	};

	return cmocka_run_group_tests_name("drafts", tests, NULL, NULL);
}
