#include "tests/unit/testing.h"

#include "svc-discovery/public_address.h"

static void test_what_is_for_everybody(void **state)
{
	static const char *const these[] = {"203.0.113.1", "8.8.8.8", "1.0.0.0", "9.255.255.255",
	    "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
	    "192.169.0.0", "223.255.255.255", "2001:db8::1", "2a00:1450:4001:80b::200e",
	    "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"};

	(void)state;
	for (size_t i = 0; i < sizeof these / sizeof *these; i++)
		if (!public_address(these[i]))
			fail_msg("%s", these[i]);
}

static void test_what_is_not(void **state)
{
	static const char *const these[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0",
	    "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
	    "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.168.0.0",
	    "192.168.255.255", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
	    "febf::1", "fec0::1", "fc00::1", "fdff::1", "ff02::fb", "::ffff:127.0.0.1",
	    "::ffff:10.1.2.3", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::1", "",
	    "localhost", "1.2.3", "[::1]", "fe80::1%eth0"};

	(void)state;
	for (size_t i = 0; i < sizeof these / sizeof *these; i++)
		if (public_address(these[i]))
			fail_msg("%s", these[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_for_everybody),
	    cmocka_unit_test(test_what_is_not),
	};

	return cmocka_run_group_tests_name("public_address", tests, NULL, NULL);
}
