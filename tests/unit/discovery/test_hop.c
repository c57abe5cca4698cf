#include <stdbool.h>

#include "tests/unit/testing.h"

#include "svc-discovery/hop.h"

static int no_proxy(void **state)
{
	(void)state;
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	return 0;
}

static void at(struct hop *h, const char *url)
{
	*h = (struct hop){0};
	assert_null(hop_to(h, url, false));
}

static void dials(const char *url, const char *host, uint16_t port, bool literal)
{
	struct hop h;

	at(&h, url);
	assert_string_equal(h.dial_host, host);
	assert_int_equal(h.dial_port, port);
	assert_int_equal(h.dial_literal, literal);
	hop_clear(&h);
}

static void test_who_is_dialled(void **state)
{
	(void)state;
	dials("http://a.example/x", "a.example", 80, false);
	dials("https://ann:secret@a.example", "a.example", 443, false);
	dials("http://a.example:8787", "a.example", 8787, false);
	dials("http://10.0.0.1:8787", "10.0.0.1", 8787, true);
	dials("http://[fd00::1]:8787", "[fd00::1]", 8787, true);
	dials("http://0x7f.1", "127.0.0.1", 80, true);
}

static void test_proxies(void **state)
{
	struct hop h = {0};
	char *why;

	(void)state;
	setenv("http_proxy", "http://ann:secret@proxy.example", 1);
	dials("http://a.example:8787", "proxy.example", 1080, false);
	at(&h, "http://a.example");
	assert_string_equal(h.proxy, "http://ann:secret@proxy.example:1080/");
	hop_clear(&h);
	setenv("http_proxy", "proxy.example:3128", 1);
	dials("http://a.example", "proxy.example", 3128, false);
	setenv("http_proxy", "https://proxy.example", 1);
	dials("http://a.example", "proxy.example", 443, false);
	setenv("http_proxy", "http://[::1]:3128", 1);
	dials("http://a.example", "[::1]", 3128, true);
	/* Names are for the proxy. */
	setenv("http_proxy", "socks5://10.0.0.1", 1);
	dials("http://a.example", "10.0.0.1", 1080, true);
	at(&h, "http://a.example");
	assert_non_null(strstr(h.proxy, "socks5h://"));
	hop_clear(&h);
	setenv("http_proxy", "socks4://10.0.0.1", 1);
	at(&h, "http://a.example");
	assert_non_null(strstr(h.proxy, "socks4a://"));
	hop_clear(&h);
	setenv("http_proxy", "http://", 1);
	why = hop_to(&h, "http://a.example", false);
	assert_string_equal(why, "the proxy of the environment cannot be used");
	free(why);
	assert_null(h.url);
	assert_null(hop_to(&h, "http://a.example", true));
	assert_null(h.proxy);
	hop_clear(&h);
}

static void leads(const char *from, const char *to, bool guarded, const char *why)
{
	struct hop h;
	char *said;

	at(&h, from);
	said = hop_follow(&h, to, false, guarded);
	if (why == NULL)
		assert_null(said);
	else
		assert_string_equal(said, why);
	free(said);
	assert_string_equal(h.url, why == NULL ? to : from);
	hop_clear(&h);
}

static void test_redirects(void **state)
{
	static const char down[] = "a redirect from https to http is not followed";
	static const char other[] = "a redirect to what is no http or https URL is not followed";

	(void)state;
	leads("http://a.example/", "http://www.a.example/", true, NULL);
	leads("http://a.example/", "https://a.example/", true, NULL);
	leads("https://a.example/", "https://b.example/", true, NULL);
	leads("https://a.example/", "http://a.example/", false, down);
	leads("http://a.example/", "file:///etc/passwd", false, other);
	leads("http://a.example/", "gopher://a.example/", false, other);
	leads("http://a.example/", "http://10.0.0.1/", true,
	    "a redirect to the private address 10.0.0.1 is not followed");
	leads("http://a.example/", "http://[::ffff:10.0.0.1]/", true,
	    "a redirect to the private address [::ffff:10.0.0.1] is not followed");
	leads("http://a.example/", "http://10.0.0.1/", false, NULL);
	/* Also where a proxy would be asked to go there. */
	setenv("http_proxy", "http://10.1.1.1:3128", 1);
	leads("http://a.example/", "http://b.example/", true, NULL);
	leads("http://a.example/", "http://127.0.0.1/", true,
	    "a redirect to the private address 127.0.0.1 is not followed");
}

static void keeps(const char *to, const char *password)
{
	struct hop h;

	at(&h, "http://ann:secret@a.example:8787/x");
	assert_null(hop_follow(&h, to, false, false));
	if (password == NULL)
		assert_null(strstr(h.url, "secret"));
	else
		assert_string_equal(h.password, password);
	hop_clear(&h);
}

static void test_a_password_is_for_the_same_server(void **state)
{
	(void)state;
	keeps("http://a.example:8787/y", "secret");
	keeps("http://A.EXAMPLE:8787/y", "secret");
	keeps("http://a.example:8788/y", NULL);
	keeps("http://b.example:8787/y", NULL);
	keeps("https://a.example:8787/y", NULL);
	keeps("http://ben:other@a.example:8787/y", "other");
}

static void test_texts_of_urls(void **state)
{
	char *text;

	(void)state;
	assert_true(hop_is_url("http://a.example"));
	assert_false(hop_is_url("ftp://a.example"));
	assert_false(hop_is_url("a.example"));
	assert_false(hop_is_url(""));
	text = hop_shown("http://ann:secret@a.example/x");
	assert_string_equal(text, "http://a.example/x");
	free(text);
	text = hop_shown("http://a.example");
	assert_string_equal(text, "http://a.example");
	free(text);
	text = hop_route("http://a.example/below/?q=1#f", "/events", "changes=1");
	assert_string_equal(text, "http://a.example/below/events?changes=1");
	free(text);
	text = hop_route("http://a.example", "/publish", NULL);
	assert_string_equal(text, "http://a.example/publish");
	free(text);
	assert_null(hop_route("nothing", "/publish", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_who_is_dialled, no_proxy),
	    cmocka_unit_test_setup(test_proxies, no_proxy),
	    cmocka_unit_test_setup(test_redirects, no_proxy),
	    cmocka_unit_test_setup(test_a_password_is_for_the_same_server, no_proxy),
	    cmocka_unit_test_setup(test_texts_of_urls, no_proxy),
	};

	return cmocka_run_group_tests_name("hop", tests, no_proxy, no_proxy);
}
