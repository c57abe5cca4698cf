#include "svc-rendezvous/proxy.h"

#include "tests/unit/testing.h"

static const char *key(const char *trusted, const char *peer, const char *forwarded)
{
	static char out[PROXY_KEY];
	struct proxy_list list;
	bool proxied;

	assert_int_equal(proxy_list_parse(&list, trusted), 0);
	proxy_client(&list, peer, forwarded, out, &proxied);
	return out;
}

static void test_tcp_peer_counts_when_it_is_no_proxy(void **state)
{
	(void)state;
	assert_string_equal(key("", "192.0.2.7", NULL), "192.0.2.7");
	assert_string_equal(key("", "192.0.2.7", "198.51.100.1"), "192.0.2.7");
	assert_string_equal(key("10.0.0.1", "10.0.0.2", "198.51.100.1"), "10.0.0.2");
}

static void test_last_hop_counts_behind_a_proxy(void **state)
{
	(void)state;
	assert_string_equal(key("", "127.0.0.1", "198.51.100.1"), "198.51.100.1");
	assert_string_equal(key("", "::1", "8.8.8.8, 198.51.100.1 "), "198.51.100.1");
	assert_string_equal(key("10.0.0.1", "10.0.0.1", "a, 198.51.100.1:4711"), "198.51.100.1");
	assert_string_equal(key("", "127.0.0.1", "[2001:db8:1:2:3::4]:99"), "2001:db8:1:2::/64");
	assert_string_equal(
	    key(" 10.0.0.1 ,2001:db8::7", "2001:db8::7", "198.51.100.1"), "198.51.100.1");
}

static void test_garbage_from_a_proxy_leaves_the_proxy(void **state)
{
	(void)state;
	assert_string_equal(key("", "127.0.0.1", ""), "127.0.0.1");
	assert_string_equal(key("", "127.0.0.1", "unknown"), "127.0.0.1");
	assert_string_equal(key("", "127.0.0.1", "198.51.100.1,"), "127.0.0.1");
}

static void test_ipv6_counts_by_network(void **state)
{
	(void)state;
	assert_string_equal(key("", "2001:db8:1:2:3:4:5:6", NULL), "2001:db8:1:2::/64");
	assert_string_equal(key("", "2001:db8:1:2::9", NULL), "2001:db8:1:2::/64");
	assert_string_equal(key("", "::ffff:192.0.2.7", NULL), "192.0.2.7");
	assert_string_equal(key("", "::1", NULL), "::1");
}

static void test_bad_lists_are_refused(void **state)
{
	struct proxy_list list;

	(void)state;
	assert_int_equal(proxy_list_parse(&list, "proxy.example"), -1);
	assert_int_equal(proxy_list_parse(&list, "10.0.0.1,10.0.0.300"), -1);
	assert_int_equal(proxy_list_parse(&list, ""), 0);
	assert_int_equal(list.count, 0);
}

static void test_host_of_programs_on_this_machine(void **state)
{
	static const char *const good[] = {NULL, "localhost", "LOCALHOST:8787", "127.0.0.1",
	    "127.0.0.1:8787", "127.1.2.3", "[::1]:8787"};
	static const char *const bad[] = {"", "evil.example", "evil.example:8787",
	    "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "[2001:db8::1]:1",
	    "127.0.0.1@evil"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(proxy_names_loopback(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(proxy_names_loopback(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tcp_peer_counts_when_it_is_no_proxy),
	    cmocka_unit_test(test_last_hop_counts_behind_a_proxy),
	    cmocka_unit_test(test_garbage_from_a_proxy_leaves_the_proxy),
	    cmocka_unit_test(test_ipv6_counts_by_network),
	    cmocka_unit_test(test_bad_lists_are_refused),
	    cmocka_unit_test(test_host_of_programs_on_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
