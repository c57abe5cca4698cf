#include "svc-viewer/backlog.h"

#include "tests/unit/testing.h"

static void takes(struct backlog *b, size_t max, const char *expect)
{
	char got[64] = "";

	assert_int_equal(backlog_take(b, got, max), strlen(expect));
	assert_string_equal(got, expect);
}

static void test_bytes_come_out_in_order_whatever_the_pieces(void **state)
{
	struct backlog b;

	(void)state;
	backlog_init(&b);
	takes(&b, 10, "");
	backlog_put(&b, "abc", 3);
	backlog_put(&b, "", 0);
	backlog_put(&b, "defgh", 5);
	assert_int_equal(backlog_len(&b), 8);
	takes(&b, 2, "ab");
	takes(&b, 3, "cde");
	backlog_put(&b, "ij", 2);
	takes(&b, 0, "");
	takes(&b, 50, "fghij");
	assert_int_equal(backlog_len(&b), 0);
	takes(&b, 50, "");
}

static void test_cleared_is_empty_and_usable(void **state)
{
	struct backlog b;

	(void)state;
	backlog_init(&b);
	backlog_put(&b, "abc", 3);
	backlog_put(&b, "def", 3);
	backlog_clear(&b);
	assert_int_equal(backlog_len(&b), 0);
	backlog_put(&b, "x", 1);
	takes(&b, 5, "x");
	backlog_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bytes_come_out_in_order_whatever_the_pieces),
	    cmocka_unit_test(test_cleared_is_empty_and_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
