/* Counting connections by where they come from. */
#include "tests/unit/testing.h"

#include <arpa/inet.h>

#include "svc-transport/admission.h"
#include "svc-transport/limits.h"

static struct admission *a;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	now = 1000;
	a = admission_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	admission_free(a);
	return 0;
}

static struct admission_key key(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return admission_key_of((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return admission_key_of((struct sockaddr *)&v6);
}

static enum admission_verdict ask(const char *from, bool inbound)
{
	struct admission_key k = key(from);

	return admission_ask(a, &k, inbound, now);
}

static void enter(const char *from, bool handshake, unsigned times)
{
	struct admission_key k = key(from);

	while (times-- > 0)
		admission_enter(a, &k, handshake, now);
}

/* Enters `times` strangers, each from an address of its own. */
static void enter_many(unsigned times, bool handshake)
{
	char text[32];

	for (unsigned i = 0; i < times; i++) {
		snprintf(text, sizeof text, "10.1.%u.%u", i / 250, i % 250);
		enter(text, handshake, 1);
	}
}

static void one_address_gets_so_many(void **state)
{
	(void)state;
	enter("192.0.2.1", false, LIMIT_CONNECTIONS_ADDRESS - 1);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	enter("192.0.2.1", false, 1);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_NO);
	assert_int_equal(ask("192.0.2.2", true), ADMISSION_YES);
}

static void an_ipv6_site_counts_as_one(void **state)
{
	(void)state;
	enter("2001:db8:1:200::1", false, LIMIT_CONNECTIONS_ADDRESS);
	assert_int_equal(ask("2001:db8:1:2ff:1::9", true), ADMISSION_NO);
	assert_int_equal(ask("2001:db8:1:300::1", true), ADMISSION_YES);
}

static void loopback_gets_more(void **state)
{
	(void)state;
	enter("127.0.0.1", false, LIMIT_CONNECTIONS_ADDRESS);
	assert_int_equal(ask("127.0.0.1", true), ADMISSION_YES);
	enter("127.0.0.1", false, LIMIT_CONNECTIONS_LOOPBACK - LIMIT_CONNECTIONS_ADDRESS);
	assert_int_equal(ask("127.0.0.1", true), ADMISSION_NO);
	assert_true(key("::1").loopback);
}

static void handshakes_of_one_address_are_few(void **state)
{
	struct admission_key k = key("192.0.2.1");

	(void)state;
	enter("192.0.2.1", true, LIMIT_HANDSHAKES_ADDRESS);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_YES);
	admission_upgraded(a, &k);
	/* Now established ones are at hand: one more of those would do. */
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
}

static void a_crowd_of_handshakes_gives_way(void **state)
{
	(void)state;
	enter_many(LIMIT_HANDSHAKES, true);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_CROWDED);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_YES);
	assert_int_equal(admission_handshakes(a), LIMIT_HANDSHAKES);
}

static void established_ones_leave_room_for_handshakes(void **state)
{
	struct admission_key k = key("192.0.2.1");

	(void)state;
	enter_many(LIMIT_CONNECTIONS_IN, false);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	assert_false(admission_is_over(a));
	enter("192.0.2.1", true, 1);
	assert_false(admission_is_over(a));
	/* Only who is upgraded needs a place that another has. */
	admission_upgraded(a, &k);
	assert_true(admission_is_over(a));
}

static void strangers_leave_room_for_our_own_dials(void **state)
{
	(void)state;
	enter_many(LIMIT_CONNECTIONS_IN + LIMIT_HANDSHAKES - LIMIT_HANDSHAKES_OWN, false);
	enter_many(LIMIT_HANDSHAKES_OWN, true);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_CROWDED);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_YES);
	enter_many(LIMIT_CONNECTIONS - LIMIT_CONNECTIONS_IN - LIMIT_HANDSHAKES, false);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_NO);
}

static void our_own_dials_leave_room_for_handshakes(void **state)
{
	(void)state;
	enter_many(LIMIT_CONNECTIONS - LIMIT_HANDSHAKES_OWN, false);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_NO);
	for (unsigned i = 0; i < LIMIT_HANDSHAKES_OWN; i++) {
		assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
		enter_many(1, true);
	}
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_CROWDED);
	assert_int_equal(admission_count(a), LIMIT_CONNECTIONS);
}

static void who_leaves_makes_room(void **state)
{
	struct admission_key k = key("192.0.2.1");

	(void)state;
	enter("192.0.2.1", false, LIMIT_CONNECTIONS_ADDRESS);
	enter("192.0.2.1", true, 1);
	admission_leave(a, &k, true);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	admission_leave(a, &k, false);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	assert_int_equal(admission_count(a), LIMIT_CONNECTIONS_ADDRESS - 1);
	assert_int_equal(admission_handshakes(a), 0);
}

static void enter_and_leave(const char *from, unsigned times)
{
	struct admission_key k = key(from);

	while (times-- > 0) {
		admission_enter(a, &k, true, now);
		admission_leave(a, &k, true);
	}
}

static void who_comes_too_often_has_to_rest(void **state)
{
	(void)state;
	enter_and_leave("192.0.2.1", LIMIT_HANDSHAKES_BURST);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	assert_int_equal(ask("192.0.2.1", false), ADMISSION_YES);
	assert_int_equal(ask("192.0.2.2", true), ADMISSION_YES);
	now += 1000 / LIMIT_HANDSHAKES_SECOND;
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	enter_and_leave("192.0.2.1", 1);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	now += 1000000;
	enter_and_leave("192.0.2.1", LIMIT_HANDSHAKES_BURST - 1);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	enter_and_leave("127.0.0.1", 2 * LIMIT_HANDSHAKES_BURST);
	assert_int_equal(ask("127.0.0.1", true), ADMISSION_YES);
}

/* So many addresses that nothing more is remembered, each of which has come just now. */
static void fill_places(unsigned count)
{
	char text[32];

	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		enter_and_leave(text, 1);
	}
}

static void many_addresses_do_not_make_us_forget_one(void **state)
{
	(void)state;
	enter_and_leave("192.0.2.1", LIMIT_HANDSHAKES_BURST);
	fill_places(2 * LIMIT_PLACES);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	assert_int_equal(admission_count(a), 0);
}

static void those_beyond_memory_are_one_address(void **state)
{
	(void)state;
	fill_places(LIMIT_PLACES);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	for (unsigned i = 0; i < LIMIT_HANDSHAKES_BURST; i++)
		enter_and_leave(i % 2 ? "192.0.2.1" : "198.51.100.1", 1);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	assert_int_equal(ask("203.0.113.1", true), ADMISSION_NO);
	assert_int_equal(ask("203.0.113.1", false), ADMISSION_YES);
	assert_int_equal(ask("127.0.0.1", true), ADMISSION_YES);
	/* A remembered one has a pace of its own, and what has rested makes room. */
	assert_int_equal(ask("10.0.0.0", true), ADMISSION_YES);
	now += 1000 / LIMIT_HANDSHAKES_SECOND;
	enter_and_leave("203.0.113.1", LIMIT_HANDSHAKES_BURST - 1);
	assert_int_equal(ask("203.0.113.1", true), ADMISSION_YES);
	assert_int_equal(ask("203.0.113.2", true), ADMISSION_YES);
}

static void connections_beyond_memory_are_counted(void **state)
{
	struct admission_key k = key("192.0.2.1");

	(void)state;
	fill_places(LIMIT_PLACES);
	enter("192.0.2.1", false, LIMIT_CONNECTIONS_ADDRESS);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_NO);
	for (unsigned i = 0; i < LIMIT_CONNECTIONS_ADDRESS; i++)
		admission_leave(a, &k, false);
	assert_int_equal(ask("192.0.2.1", true), ADMISSION_YES);
	assert_int_equal(admission_count(a), 0);
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
	struct admission_key mapped = key("::ffff:192.0.2.1"), v4 = key("192.0.2.1");

	(void)state;
	assert_int_equal(mapped.len, v4.len);
	assert_memory_equal(mapped.bytes, v4.bytes, v4.len);
	assert_true(key("::ffff:127.0.0.1").loopback);
	assert_false(mapped.loopback);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(one_address_gets_so_many),
	    TEST(an_ipv6_site_counts_as_one),
	    TEST(loopback_gets_more),
	    TEST(handshakes_of_one_address_are_few),
	    TEST(a_crowd_of_handshakes_gives_way),
	    TEST(established_ones_leave_room_for_handshakes),
	    TEST(strangers_leave_room_for_our_own_dials),
	    TEST(our_own_dials_leave_room_for_handshakes),
	    TEST(who_leaves_makes_room),
	    TEST(who_comes_too_often_has_to_rest),
	    TEST(many_addresses_do_not_make_us_forget_one),
	    TEST(those_beyond_memory_are_one_address),
	    TEST(connections_beyond_memory_are_counted),
	    TEST(a_mapped_address_is_the_ipv4_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
