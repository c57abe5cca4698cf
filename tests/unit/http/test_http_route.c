#include "http/http_route.h"

#include "tests/unit/testing.h"

static const struct http_route routes[] = {
    {"GET", "/", 0, NULL},
    {"POST", "/publish", 10, NULL},
    {"GET", "/p/*", 0, NULL},
    {"POST", "/p/x", 20, NULL},
};

static void finds(const char *method, const char *path, int expect, bool expect_known)
{
	bool known = !expect_known;
	const struct http_route *r = http_route_find(routes, 4, method, path, &known);

	if (expect < 0)
		assert_null(r);
	else
		assert_ptr_equal(r, &routes[expect]);
	assert_int_equal(known, expect_known);
}

static void test_first_match_in_the_table(void **state)
{
	(void)state;
	finds("GET", "/", 0, true);
	finds("HEAD", "/", 0, true);
	finds("GET", "/p/", 2, true);
	finds("GET", "/p/a/b", 2, true);
	finds("GET", "/p/x", 2, true);
	finds("POST", "/p/x", 3, true);
}

static void test_unknown_path_and_wrong_method_differ(void **state)
{
	(void)state;
	finds("GET", "/x", -1, false);
	finds("GET", "/p", -1, false);
	finds("GET", "", -1, false);
	finds("GET", "/publish", -1, true);
	finds("HEAD", "/publish", -1, true);
	finds("DELETE", "/", -1, true);
	finds("get", "/", -1, true);
}

static void allows(const char *path, const char *expect)
{
	char allow[HTTP_ROUTE_ALLOW];

	http_route_allow(routes, 4, path, allow);
	assert_string_equal(allow, expect);
}

static void test_what_a_path_takes(void **state)
{
	(void)state;
	allows("/", "GET, HEAD");
	allows("/publish", "POST");
	allows("/p/x", "GET, HEAD, POST");
	allows("/nothing", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first_match_in_the_table),
	    cmocka_unit_test(test_unknown_path_and_wrong_method_differ),
	    cmocka_unit_test(test_what_a_path_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
