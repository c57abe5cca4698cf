#include <stdbool.h>

#include "tests/unit/testing.h"

#include "svc-discovery/proxy_env.h"

static const char *const names[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
    "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

static int clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	return 0;
}

static void is(const char *scheme, const char *host, const char *want)
{
	const char *proxy = proxy_env(scheme, host);

	if (want == NULL)
		assert_null(proxy);
	else
		assert_string_equal(proxy, want);
}

static void test_by_scheme(void **state)
{
	(void)state;
	is("http", "a.example", NULL);
	setenv("HTTP_PROXY", "http://evil", 1);
	is("http", "a.example", NULL);
	setenv("ALL_PROXY", "all-upper", 1);
	is("http", "a.example", "all-upper");
	setenv("all_proxy", "all", 1);
	is("https", "a.example", "all");
	setenv("HTTPS_PROXY", "s-upper", 1);
	setenv("http_proxy", "h", 1);
	is("https", "a.example", "s-upper");
	is("http", "a.example", "h");
	setenv("https_proxy", "s", 1);
	is("https", "a.example", "s");
	/* Empty is none. */
	setenv("https_proxy", "", 1);
	is("https", "a.example", "s-upper");
}

static void excepts(const char *no_proxy, const char *host, bool excepted)
{
	setenv("no_proxy", no_proxy, 1);
	if ((proxy_env("http", host) == NULL) != excepted)
		fail_msg("%s with no_proxy=%s", host, no_proxy);
}

static void test_who_is_excepted(void **state)
{
	(void)state;
	setenv("http_proxy", "h", 1);
	excepts("*", "a.example", true);
	excepts("*,", "a.example", false);
	excepts("a.example", "a.example", true);
	excepts("A.Example.", "a.example", true);
	excepts("a.example", "a.example.", true);
	excepts(".example", "a.example", true);
	excepts("example", "a.example", true);
	excepts("example", "anexample", false);
	excepts("a.example", "example", false);
	excepts("x, ,b.example\t a.example", "a.example", true);
	excepts("", "a.example", false);
	excepts(".", "a.example", false);
	excepts("127.0.0.1", "127.0.0.1", true);
	excepts("0.0.1", "127.0.0.1", false);
	excepts("10.0.0.0/8", "10.200.3.4", true);
	excepts("10.0.0.0/8", "11.200.3.4", false);
	excepts("10.128.0.0/9", "10.127.3.4", false);
	excepts("10.128.0.0/9", "10.129.3.4", true);
	excepts("0.0.0.0/0", "1.2.3.4", true);
	excepts("10.0.0.0/33", "10.0.0.0", false);
	excepts("10.0.0.0/x", "10.0.0.0", false);
	excepts("::1", "[::1]", true);
	excepts("fd00::/8", "[fd12::1]", true);
	excepts("fd00::/8", "[fe12::1]", false);
	excepts("fd00::/129", "[fd00::]", false);
	excepts("[::1]", "[::1]", false);
	excepts("::1", "[", false);
	unsetenv("no_proxy");
	setenv("NO_PROXY", "a.example", 1);
	is("http", "a.example", NULL);
}

/* What cannot be a host is passed over, whatever its length. */
static void test_a_long_entry(void **state)
{
	char text[1024];

	(void)state;
	setenv("http_proxy", "h", 1);
	memset(text, 'x', sizeof text);
	strcpy(text + 900, ",a.example");
	excepts(text, "a.example", true);
	excepts(text, "b.example", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_by_scheme, clear),
	    cmocka_unit_test_setup(test_who_is_excepted, clear),
	    cmocka_unit_test_setup(test_a_long_entry, clear),
	};

	return cmocka_run_group_tests_name("proxy_env", tests, NULL, clear);
}
