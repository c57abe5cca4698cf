#include "svc-db/emails.h"

#include "tests/unit/testing.h"

static void test_addresses(void **state)
{
	struct emails *e = emails_new();

	(void)state;
	assert_string_equal(emails_get(e, "a"), "");
	emails_set(e, "a", "a@x");
	emails_set(e, "b", "");
	assert_string_equal(emails_get(e, "a"), "a@x");
	assert_string_equal(emails_get(e, "b"), "");
	assert_int_equal(emails_count(e), 1);
	emails_set(e, "a", "a@y");
	assert_string_equal(emails_get(e, "a"), "a@y");
	emails_set(e, "a", "");
	assert_string_equal(emails_get(e, "a"), "");
	emails_set(e, "a", "a@z");
	emails_remove(e, "a");
	emails_remove(e, "a");
	assert_int_equal(emails_count(e), 0);
	emails_free(e);
}

static void test_snapshot(void **state)
{
	struct emails *e = emails_new();

	(void)state;
	emails_set(e, "a", "a@x");
	emails_set(e, "b", "b@x");
	emails_begin(e);
	assert_string_equal(emails_get(e, "a"), "a@x");
	emails_set(e, "b", "b@x");
	emails_set(e, "c", "c@x");
	emails_all(e);
	assert_string_equal(emails_get(e, "a"), "");
	assert_string_equal(emails_get(e, "b"), "b@x");
	assert_string_equal(emails_get(e, "c"), "c@x");
	emails_free(e);
}

static void test_number_is_bounded(void **state)
{
	struct emails *e = emails_new();
	char peer[16];

	(void)state;
	for (unsigned i = 0; i < EMAILS_MAX + 10; i++) {
		snprintf(peer, sizeof peer, "%u", i);
		emails_set(e, peer, "x@x");
	}
	assert_int_equal(emails_count(e), EMAILS_MAX);
	emails_set(e, "0", "new@x");
	assert_string_equal(emails_get(e, "0"), "new@x");
	emails_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_snapshot),
	    cmocka_unit_test(test_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
