/* Who gives way when all connections are taken. */
#include "svc-transport/claim.h"
#include "tests/unit/testing.h"

static const struct claim newcomer = {.neighbours = 1, .idle_since = 1000};

static struct claim claim(unsigned neighbours, uint64_t idle_since)
{
	return (struct claim){neighbours, idle_since};
}

static void who_has_streams_keeps_its_place(void **state)
{
	struct claim busy = claim(1, CLAIM_BUSY), idle = claim(1, 500);

	(void)state;
	assert_false(claim_yields(&busy, &newcomer));
	assert_true(claim_yields(&idle, &newcomer));
	assert_true(claim_yields_before(&idle, &busy));
	assert_false(claim_yields_before(&busy, &idle));
}

static void an_address_keeps_no_more_than_others_by_being_busy(void **state)
{
	struct claim crowd = claim(2, CLAIM_BUSY), pair = claim(2, 1000);

	(void)state;
	assert_true(claim_yields(&crowd, &newcomer));
	assert_false(claim_yields(&crowd, &pair));
}

static void the_address_with_the_most_goes_first(void **state)
{
	struct claim many = claim(16, 900), one = claim(1, 500);
	struct claim busy_many = claim(16, CLAIM_BUSY), busy_few = claim(15, CLAIM_BUSY);

	(void)state;
	assert_true(claim_yields_before(&many, &one));
	assert_false(claim_yields_before(&one, &many));
	assert_true(claim_yields_before(&busy_many, &busy_few));
	assert_false(claim_yields_before(&busy_few, &busy_many));
}

static void among_equals_the_longest_idle_or_the_youngest(void **state)
{
	struct claim longer = claim(1, 500), shorter = claim(1, 501);
	struct claim busy = claim(3, CLAIM_BUSY), younger = claim(3, CLAIM_BUSY);

	(void)state;
	assert_true(claim_yields_before(&longer, &shorter));
	assert_false(claim_yields_before(&shorter, &longer));
	assert_false(claim_yields_before(&longer, &longer));
	assert_true(claim_yields_before(&younger, &busy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_has_streams_keeps_its_place),
	    cmocka_unit_test(an_address_keeps_no_more_than_others_by_being_busy),
	    cmocka_unit_test(the_address_with_the_most_goes_first),
	    cmocka_unit_test(among_equals_the_longest_idle_or_the_youngest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
