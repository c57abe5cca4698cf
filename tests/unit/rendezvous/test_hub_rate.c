#include "svc-rendezvous/hub_rate.h"

#include "tests/unit/testing.h"

static const struct hub_rate_limit sixty = {60, 60000};

static void test_limit_and_not_one_more(void **state)
{
	struct hub_rate r = {0};

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(hub_rate_take(&r, sixty, 1, 1000000 + i * 900), 0);
	assert_true(hub_rate_take(&r, sixty, 1, 1000000 + 59000) > 0);
}

static void test_waiting_as_told_is_enough(void **state)
{
	struct hub_rate r = {0};
	int64_t now = 5000;
	uint32_t wait;

	(void)state;
	for (int i = 0; i < 500; i++) {
		wait = hub_rate_take(&r, sixty, 1 + (uint32_t)i % 7, now);
		if (wait == 0)
			continue;
		now += wait;
		assert_int_equal(hub_rate_take(&r, sixty, 1 + (uint32_t)i % 7, now), 0);
	}
}

/* Over any minute, wherever it begins, about the limit passes and never twice as much. */
static void test_no_stretch_sees_much_more(void **state)
{
	struct hub_rate r = {0};
	static unsigned passed[600];
	unsigned sum;

	(void)state;
	for (int s = 0; s < 600; s++)
		for (int i = 0; i < 10; i++)
			passed[s] += hub_rate_take(&r, sixty, 1, 1000 + s * 1000 + i * 100) == 0;
	for (int from = 0; from < 540; from++) {
		sum = 0;
		for (int s = from; s < from + 60; s++)
			sum += passed[s];
		assert_in_range(sum, 0, 90);
	}
}

static void test_zero_means_no_limit(void **state)
{
	struct hub_rate r = {0};

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(hub_rate_take(&r, (struct hub_rate_limit){0, 60000}, 1, 5), 0);
}

static void test_cost_above_the_limit_never_fits(void **state)
{
	struct hub_rate r = {0};

	(void)state;
	assert_int_equal(hub_rate_take(&r, sixty, 61, 1000), 60000);
	assert_true(hub_rate_is_idle(&r, sixty, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limit_and_not_one_more),
	    cmocka_unit_test(test_waiting_as_told_is_enough),
	    cmocka_unit_test(test_no_stretch_sees_much_more),
	    cmocka_unit_test(test_zero_means_no_limit),
	    cmocka_unit_test(test_cost_above_the_limit_never_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
