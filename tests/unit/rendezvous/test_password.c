#include "svc-rendezvous/password.h"

#include "tests/unit/testing.h"

#define RIGHT "Basic YWRtaW46c2VjcmV0" /* admin:secret */
#define WRONG "Basic YWRtaW46c2VjcmV1"
#define NOW   1000000

static enum password_result check(
    struct password *p, const char *header, const char *client, int64_t now)
{
	uint32_t wait;

	return password_check(p, header, client, now, &wait);
}

static void test_right_wrong_and_none(void **state)
{
	struct password *p = password_new("secret");

	(void)state;
	assert_int_equal(check(p, RIGHT, "a", NOW), PASSWORD_RIGHT);
	assert_int_equal(check(p, "basic  YWRtaW46c2VjcmV0", "a", NOW), PASSWORD_RIGHT);
	assert_int_equal(check(p, WRONG, "a", NOW), PASSWORD_WRONG);
	assert_int_equal(check(p, NULL, "a", NOW), PASSWORD_WRONG);
	assert_int_equal(check(p, "Bearer YWRtaW46c2VjcmV0", "a", NOW), PASSWORD_WRONG);
	assert_int_equal(check(p, "Basic YWRtaW46c2VjcmV0!", "a", NOW), PASSWORD_WRONG);
	assert_int_equal(check(p, "Basic", "a", NOW), PASSWORD_WRONG);
	password_free(p);
}

static void test_empty_password_disables(void **state)
{
	struct password *p = password_new("");

	(void)state;
	assert_int_equal(check(p, "Basic YWRtaW46", "a", NOW), PASSWORD_DISABLED);
	password_free(p);
}

static void test_guessing_becomes_slow_for_that_address_alone(void **state)
{
	struct password *p = password_new("secret");
	uint32_t wait;

	(void)state;
	for (int i = 0; i <= PASSWORD_FREE_TRIES; i++)
		assert_int_equal(check(p, WRONG, "a", NOW), PASSWORD_WRONG);
	assert_int_equal(password_check(p, RIGHT, "a", NOW, &wait), PASSWORD_SLOW);
	assert_int_equal(wait, 1);
	assert_int_equal(check(p, RIGHT, "b", NOW), PASSWORD_RIGHT);
	assert_int_equal(check(p, WRONG, "a", NOW + 1000), PASSWORD_WRONG);
	assert_int_equal(password_check(p, RIGHT, "a", NOW + 1000, &wait), PASSWORD_SLOW);
	assert_int_equal(wait, 2);
	assert_int_equal(check(p, RIGHT, "a", NOW + 3000), PASSWORD_RIGHT);
	assert_int_equal(check(p, WRONG, "a", NOW + 3000), PASSWORD_WRONG);
	assert_int_equal(check(p, RIGHT, "a", NOW + 3000), PASSWORD_RIGHT);
	password_free(p);
}

static void test_many_guessers_are_bounded(void **state)
{
	struct password *p = password_new("secret");
	char client[16];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(client, sizeof(client), "%d", i);
		assert_int_equal(check(p, WRONG, client, NOW), PASSWORD_WRONG);
	}
	assert_int_equal(check(p, RIGHT, "19999", NOW), PASSWORD_RIGHT);
	password_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_right_wrong_and_none),
	    cmocka_unit_test(test_empty_password_disables),
	    cmocka_unit_test(test_guessing_becomes_slow_for_that_address_alone),
	    cmocka_unit_test(test_many_guessers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
